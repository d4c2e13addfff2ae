"""A checksum behind the last byte of a netCDF file.

HDF5 has none for text, nor for much of its own structure, and a file of which that is damaged can
keep its library busy for ever. It does not look behind the end that the file states itself, so a
checksum of all bytes stands there; what rewrites the file, or adds to it, drops it.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Final

from qsiparc.errors import CubeError
from qsiparc.regular import open_regular

if TYPE_CHECKING:
    from io import BufferedReader
    from pathlib import Path

_MAGIC: Final = b"\x89qsiparc\r\n\x1a"
_TAIL: Final = struct.Struct("<QI")
"""How long the file is without its seal, and the CRC-32 of that."""

Seal = tuple[int, int]
"""Length and CRC-32 of a file without its seal."""

SEAL_LENGTH: Final = len(_MAGIC) + _TAIL.size

_PIECE: Final = 2**20


def seal(path: Path) -> None:
    """Put the seal behind a file that is whole.

    Parameters
    ----------
    path : Path
        A netCDF file, closed.
    """
    with path.open("rb") as file:
        length, crc = _read(file, path.stat().st_size)
    with path.open("ab") as file:
        file.write(seal_of(length, crc))


def seal_of(length: int, crc: int) -> bytes:
    """What stands behind a file.

    Parameters
    ----------
    length : int
        Of the file without it [bytes].
    crc : int
        CRC-32 of that.

    Returns
    -------
    bytes
        The seal.
    """
    return _MAGIC + _TAIL.pack(length, crc)


def require_sealed(content: bytes) -> Seal:
    """Check that bytes end in the seal of all before it.

    Parameters
    ----------
    content : bytes
        Of a file.

    Returns
    -------
    Seal
        What it notes.

    Raises
    ------
    ValueError
        There is no seal, or it is that of something else.
    """
    noted, end = _noted(content[-SEAL_LENGTH:]), len(content) - SEAL_LENGTH
    if noted is None or noted[0] != end:
        raise ValueError("it is cut short, or something else than qsiparc changed it")
    if zlib.crc32(memoryview(content)[:end]) != noted[1]:
        raise ValueError(f"its checksum is not that of its {end:,} bytes")
    return noted


def require_seal(path: Path) -> None:
    """Check that a file is what it was when it was sealed; one without a seal is passed over.

    Parameters
    ----------
    path : Path
        A netCDF file.

    Raises
    ------
    CubeError
        A byte of it is another one.
    FileNotFoundError
        There is no such file.
    """
    with open_regular(path, CubeError) as file:
        noted = _read_seal(file)
        if noted is not None and not _is_sealed(file, noted):
            end = file.seek(0, 2) - SEAL_LENGTH
            raise CubeError(
                f"{path}: the archive is damaged: its checksum is not that of its {end:,} bytes. "
                f"Copy it again from its source, or make it anew."
            )


def _read_seal(file: BufferedReader) -> Seal | None:
    """What the seal of a file notes; None where there is none."""
    file.seek(max(file.seek(0, 2) - SEAL_LENGTH, 0))
    return _noted(file.read())


def _noted(tail: bytes) -> Seal | None:
    if len(tail) != SEAL_LENGTH or not tail.startswith(_MAGIC):
        return None
    length, crc = _TAIL.unpack(tail[len(_MAGIC) :])
    return length, crc


def _is_sealed(file: BufferedReader, noted: Seal) -> bool:
    """Whether a file has the length and the CRC-32 that its seal notes."""
    end = file.seek(0, 2) - SEAL_LENGTH
    file.seek(0)
    return noted[0] == end and _read(file, end) == noted


def _read(file: BufferedReader, length: int) -> Seal:
    """How many bytes were there, and their CRC-32."""
    done = crc = 0
    while done < length and (piece := file.read(min(_PIECE, length - done))):
        crc = zlib.crc32(piece, crc)
        done += len(piece)
    return done, crc
