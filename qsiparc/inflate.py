"""Inflating a gzip file to its very end, so that damage cannot pass unseen."""

from __future__ import annotations

import zlib
from functools import cache
from typing import IO, TYPE_CHECKING, Any, Final

from qsiparc.errors import NiftiError

if TYPE_CHECKING:
    from collections.abc import Generator

    import numpy as np
    from numpy.typing import NDArray

READ_BYTES: Final = 2**17
INFLATE_BYTES: Final = 2**19
GZIP: Final = 16 + zlib.MAX_WBITS
MAGIC: Final = b"\x1f\x8b"
"""How a gzip member begins."""

MAX_RATIO: Final = 1032
"""No deflate stream expands more than this (zlib's technical notes)."""

MAX_EXTRA: Final = 2**30
"""Bytes behind the image data that are inflated for the sake of the checksum."""


@cache
def engine() -> Any:  # noqa: ANN401 - a module, one of two
    """The module that inflates: zlib-ng where it is installed, else the standard library's."""
    try:
        from zlib_ng import zlib_ng
    except ImportError:
        return zlib
    return zlib_ng


class Inflation:
    """A gzip stream on its way: image data as they are asked for, and checks at the end.

    All members are read, in bounded memory, and the CRC and the length of each are checked.

    Parameters
    ----------
    stream : file object
        Opened for reading bytes, at its start.
    skip : int
        Inflated bytes to pass over first: the image's header.
    size : int
        Bytes of image data that should follow.
    name : str
        What the file is called in errors.
    piece : int, optional
        Bytes to inflate at a time, at most.
    """

    def __init__(
        self,
        stream: IO[bytes],
        *,
        skip: int,
        size: int,
        name: str,
        piece: int = INFLATE_BYTES,
    ) -> None:
        self._pieces = _inflated(stream, name=name, piece=piece)
        self._piece = memoryview(b"")
        self._skip = skip
        self._size = size
        self._position = 0
        self._name = name
        self._is_whole = False

    def read_into(self, out: NDArray[np.uint8]) -> None:
        """Fill an array with the bytes that come next; `NiftiError` where there are too few."""
        view = memoryview(out.data)
        while view:
            if not self._next_piece():
                raise self._cut_short()
            n = min(len(view), len(self._piece))
            view[:n] = self._piece[:n]
            view, self._piece = view[n:], self._piece[n:]
            self._position += n

    def some(self, n: int) -> bytes:
        """The bytes that come next, as many as there are up to ``n``."""
        found = b""
        while len(found) < n and self._next_piece():
            found += self._piece[: n - len(found)]
            self._piece = self._piece[n:]
        return found

    def finish(self) -> int:
        """Read to the end of the stream, and check it.

        Returns
        -------
        int
            How many bytes the stream holds beyond the image data.

        Raises
        ------
        NiftiError
            The stream is damaged, cut short, followed by something that is not gzip, or goes on for
            more than 1 GiB.
        """
        while self._next_piece():
            self._position += len(self._piece)
            self._piece = memoryview(b"")
            if self._position - self._size > MAX_EXTRA:
                raise NiftiError(
                    f"{self._name}: its header claims {self._size:,} bytes of image data, and more "
                    f"than {MAX_EXTRA:,} others follow: the header is wrong, or the file is made "
                    f"to keep its readers busy. Copy it again from its source."
                )
        if not self._is_whole or self._position < self._size:
            raise self._cut_short()
        return self._position - self._size

    def _next_piece(self) -> bool:
        """Have something in the current piece; False at the end of the stream."""
        while not self._piece:
            self._piece = memoryview(b"")  # so that the last one is let go of before the next
            try:
                data = next(self._pieces)
            except StopIteration as end:
                self._is_whole |= bool(end.value) and not self._skip
                return False
            over = min(self._skip, len(data))
            self._skip -= over
            self._piece = memoryview(data)[over:]
        return True

    def _cut_short(self) -> NiftiError:
        there = f"{self._position:,} of {self._size:,} bytes of image data are there"
        if self._position >= self._size:
            there = "all image data are there, but not the checksum that would vouch for them"
        return NiftiError(
            f"{self._name}: the file is cut short: {there}. Copy it again from its source."
        )


def _inflated(stream: IO[bytes], *, name: str, piece: int) -> Generator[bytes, None, bool]:
    """What a gzip stream holds, in pieces; returns whether its last member came to its end.

    No method: an `Inflation` that is dropped half-way would wait, with all buffers, for the garbage
    collector, as part of a cycle.
    """
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
                yield inflater.decompress(chunk, piece)
                chunk = inflater.unconsumed_tail or inflater.unused_data
    except library.error as error:
        raise NiftiError(
            f"{name}: the gzip data are damaged ({error}). The file cannot be trusted; copy it "
            f"again from its source."
        ) from error
    return bool(inflater.eof)


def first_bytes(stream: IO[bytes], n: int, *, name: str) -> bytes:
    """The first bytes of what a gzip stream holds, fewer where it holds fewer.

    Parameters
    ----------
    stream : file object
        Opened for reading bytes, at its start.
    n : int
        How many.
    name : str
        What the file is called in errors.

    Returns
    -------
    bytes
        Unchecked: the checksum stands at the end of the stream.
    """
    return Inflation(stream, skip=0, size=n, name=name, piece=n).some(n)


def inflate_into(stream: IO[bytes], out: NDArray[np.uint8], *, skip: int, name: str) -> int:
    """Inflate all image data of a gzip stream, and check it to its end.

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
    inflation = Inflation(stream, skip=skip, size=out.size, name=name)
    inflation.read_into(out)
    return inflation.finish()


def _next_member(chunk: bytes, name: str) -> bytes:
    """What follows a finished member: another one, or zero padding, which is legal."""
    chunk = chunk.lstrip(b"\0")
    if chunk and not MAGIC.startswith(chunk[:2]):
        raise NiftiError(
            f"{name}: the gzip data are followed by {chunk[:16]!r}, which is neither another gzip "
            f"member nor padding. Something was appended to the file, or it was overwritten."
        )
    return chunk
