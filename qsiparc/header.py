"""The header of a volume: told by its content, and checked before anything is believed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import nibabel as nib
import numpy as np
from nibabel.arrayproxy import ArrayProxy

from qsiparc.errors import NiftiError, NiftiWarning, warn
from qsiparc.inflate import MAGIC, first_bytes
from qsiparc.regular import open_regular
from qsiparc.unreadable import naming

if TYPE_CHECKING:
    from pathlib import Path

START: Final = 552
"""Bytes that are read first: the longer header, and the size of its first extension."""

MAX_DIMS: Final = 7
DOUBT: Final = 30
"""The level of nibabel's checks from which on a person should know what it found."""

BROKEN: Final = 40
FLAG_BYTES: Final = 4
PARTNERS: Final = {"img": "hdr", "hdr": "img", "IMG": "HDR", "HDR": "IMG"}


class _Findings(list[str]):
    """What nibabel's checks find, kept instead of logged without the file's name."""

    def log(self, level: int, message: str) -> None:
        if level >= DOUBT:
            self.append(message)


def load_image(path: Path) -> Any:  # noqa: ANN401 - nibabel is half typed
    """The image of a file, of which nothing but the header is read.

    Parameters
    ----------
    path : Path
        NIfTI-1 or -2 in one file, whatever its suffix, plain or gzip; or either file of a pair.

    Returns
    -------
    nibabel image
        Its voxels are a proxy that knows the path.

    Raises
    ------
    NiftiError
        It is no volume, or its header is broken.
    FileNotFoundError
        There is no such file.

    Warns
    -----
    NiftiWarning
        Something in the header was doubtful and is taken as the message says.
    """
    start = _start(path)
    kinds = _kinds(start)
    if kinds is None:
        return _load_pair(path)
    header_class, image_class = kinds
    findings = _Findings()
    header = _header(start, header_class)
    _require_dims(header, path)
    require_scaling(header, path)
    with naming(path), np.errstate(all="ignore"):  # an affine of NaN is refused later on
        header.check_fix(logger=findings, error_level=BROKEN)
        proxy: Any = ArrayProxy
        image = image_class(proxy(os.fspath(path), header), header.get_best_affine(), header)
    for finding in findings:
        warn(f"{path}: the header is doubtful: {finding}.", NiftiWarning)
    _doubt_extension(start, header, path)
    return image


def check_stored_scaling(path: Path) -> None:
    """Check the scaling in the file behind an image that nibabel opened, which forgets it."""
    start = _start(path)
    kinds = _kinds(start)
    if kinds:
        require_scaling(_header(start, kinds[0]), path)


def _start(path: Path) -> bytes:
    """The first bytes of a file, inflated where it is gzip."""
    with open_regular(path, NiftiError) as stream:
        is_gzip = stream.read(len(MAGIC)) == MAGIC
        stream.seek(0)
        with naming(path):
            return first_bytes(stream, START, name=str(path)) if is_gzip else stream.read(START)


def _kinds(start: bytes) -> tuple[Any, Any] | None:
    """The classes of a volume in one file; None where it is none."""
    if start[344:348] == b"n+1\0":
        return nib.Nifti1Header, nib.Nifti1Image
    if start[4:8] == b"n+2\0" and len(start) >= nib.Nifti2Header.sizeof_hdr:
        return nib.Nifti2Header, nib.Nifti2Image
    return None


def _header(start: bytes, kind: Any) -> Any:  # noqa: ANN401 - as load_image
    return kind(start[: kind.sizeof_hdr], check=False)


def _require_dims(header: Any, path: Path) -> None:  # noqa: ANN401 - as load_image
    first = header["dim"][0]
    turned = [int(first), int(first.byteswap())]
    if not any(1 <= n <= MAX_DIMS for n in turned):
        n = min(turned, key=abs)
        raise NiftiError(
            f"{path}: its header claims {n} dimensions; a volume has three or four. The header is "
            f"damaged, or this is no volume."
        )


def require_scaling(header: Any, path: Path) -> None:  # noqa: ANN401 - as load_image
    """Refuse a scaling that is none; a slope of 0 says that there is none, NaN is doubtful.

    Parameters
    ----------
    header : nibabel header
        As it stands in the file.
    path : Path
        What to call it.
    """
    slope, inter = float(header["scl_slope"]), float(header["scl_inter"])
    if np.isnan(slope):
        warn(
            f"{path}: the slope in the header is NaN; values are taken as they are stored, without "
            f"scaling. If they should be scaled, write the file anew.",
            NiftiWarning,
        )
    elif np.isinf(slope) or (slope and not np.isfinite(inter)):
        raise NiftiError(
            f"{path}: the header scales its voxels by {slope:g} and adds {inter:g}, which leaves "
            f"no numbers. Expected finite ones, or a slope of 0 for none: the header is damaged."
        )


def _doubt_extension(start: bytes, header: Any, path: Path) -> None:  # noqa: ANN401 - as load_image
    """Warn if what is behind the header reaches into the voxels."""
    at = header.sizeof_hdr
    size = int.from_bytes(
        start[at + FLAG_BYTES : at + FLAG_BYTES + 4],
        "little" if header.endianness == "<" else "big",
        signed=True,
    )
    end, offset = at + FLAG_BYTES + size, int(header.get_data_offset())
    if start[at : at + 1] not in {b"", b"\0"} and size > 0 and size % 16 == 0 and end > offset:
        warn(
            f"{path}: a header extension reaches to byte {end:,}, and the voxels begin at byte "
            f"{offset:,}: one of the two is wrong. The voxels are read from there.",
            NiftiWarning,
        )


def _load_pair(path: Path) -> Any:  # noqa: ANN401 - as load_image
    """An image in two files, by nibabel, or the error that it gives for what is no image."""
    partner = _partner(path)
    if partner is not None and partner.exists():
        open_regular(partner, NiftiError).close()
    with naming(path):
        image: Any = nib.load(path)
    if partner is not None and not partner.exists():
        raise FileNotFoundError(f"{path}: its image data, {partner.name}, are missing beside it.")
    if partner is not None and "scl_slope" in image.header:
        start = _start(path if "hdr" in path.name.lower()[-6:] else partner)
        require_scaling(_header(start, type(image.header)), path)
    return image


def _partner(path: Path) -> Path | None:
    """The other file of a pair, by the suffix."""
    stem, dot, suffix = path.name.rpartition(".")
    if suffix.lower() == "gz":
        stem, _, inner = stem.rpartition(".")
        suffix, dot = inner, f".{suffix}"
    else:
        dot = ""
    return path.with_name(f"{stem}.{PARTNERS[suffix]}{dot}") if suffix in PARTNERS else None
