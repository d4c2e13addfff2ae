"""Inflating a gzip file to its very end, so that damage cannot pass unseen."""

from __future__ import annotations

import zlib
from functools import cache
from typing import IO, TYPE_CHECKING, Any, Final

from qsiparc.errors import NiftiError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

READ_BYTES: Final = 2**17
INFLATE_BYTES: Final = 2**20
GZIP: Final = 16 + zlib.MAX_WBITS
MAX_RATIO: Final = 1032
"""No deflate stream expands more than this (zlib's technical notes)."""


@cache
def engine() -> Any:  # noqa: ANN401 - a module, one of two
    """The module that inflates: zlib-ng where it is installed, else the standard library's."""
    try:
        from zlib_ng import zlib_ng
    except ImportError:
        return zlib
    return zlib_ng


def inflate_into(stream: IO[bytes], out: NDArray[np.uint8], *, skip: int, name: str) -> int:
    """Inflate a gzip stream and check it.

    All members are read, in bounded memory, and the CRC and the length of each are checked.

    Parameters
    ----------
    stream : file object
        Opened for reading bytes, at its start.
    out : numpy.ndarray
        (n,) bytes to fill.
    skip : int
        Inflated bytes to pass over first: the image's header.
    name : str
        What the file is called in errors.

    Returns
    -------
    int
        How many bytes the stream holds beyond the ones that were asked for.

    Raises
    ------
    NiftiError
        The stream is damaged, cut short, or followed by something that is not gzip.
    """
    position = -skip
    library = engine()
    inflater = library.decompressobj(GZIP)
    try:
        while chunk := stream.read(READ_BYTES):
            while chunk:
                if inflater.eof:
                    chunk = _next_member(chunk, name)
                    if not chunk:
                        break
                    inflater = library.decompressobj(GZIP)
                data = inflater.decompress(chunk, INFLATE_BYTES)
                _place(data, out, position)
                position += len(data)
                chunk = inflater.unconsumed_tail or inflater.unused_data
    except library.error as error:
        raise NiftiError(
            f"{name}: the gzip data are damaged ({error}). The file cannot be trusted; "
            f"copy it again from its source."
        ) from error
    if not inflater.eof or position < out.size:
        raise NiftiError(
            f"{name}: the file is cut short: {max(position, 0):,} of {out.size:,} bytes of image "
            f"data are there. Copy it again from its source."
        )
    return position - out.size


def _next_member(chunk: bytes, name: str) -> bytes:
    """What follows a finished member: another one, or zero padding, which is legal."""
    chunk = chunk.lstrip(b"\0")
    if chunk and not b"\x1f\x8b".startswith(chunk[:2]):
        raise NiftiError(
            f"{name}: the gzip data are followed by {chunk[:16]!r}, which is neither another gzip "
            f"member nor padding. Something was appended to the file, or it was overwritten."
        )
    return chunk


def _place(data: bytes, out: NDArray[np.uint8], position: int) -> None:
    """Copy the part of ``data`` that falls into ``out`` when it starts at ``position``."""
    start, stop = max(position, 0), min(position + len(data), out.size)
    if start < stop:
        out.data[start:stop] = memoryview(data)[start - position : stop - position]
