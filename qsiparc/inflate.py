"""Inflating a gzip file to its very end, so that damage cannot pass unseen."""

from __future__ import annotations

import gzip
import zlib
from contextlib import contextmanager
from functools import cache
from typing import IO, TYPE_CHECKING, Any, Final

from qsiparc.errors import NiftiError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    import numpy as np
    from numpy.typing import NDArray

MAGIC: Final = b"\x1f\x8b"
"""How a gzip member begins."""

MAX_RATIO: Final = 1032
"""No deflate stream expands more than this (zlib's technical notes)."""

PIECE: Final = 2**16
"""Inflated bytes that are passed over at a time."""

AT_A_TIME: Final = 2**20
"""Bytes to inflate at a time: the checksum is taken of what is still in a core's cache."""

SIP: Final = 2**13
"""Bytes of a file that are read at a time by those who may want nothing but its start."""

GZIP: Final = 16 + zlib.MAX_WBITS
"""To zlib: a gzip member, with its header and its checksum."""

MAX_EXTRA: Final = 2**30
"""Bytes behind the image data that are inflated for the sake of the checksum."""


@cache
def engine() -> type[gzip.GzipFile]:
    """The file object that inflates: zlib-ng's where it is installed, else the standard library's.

    Both read all members, check the CRC and the length of each, and take zeros between and after
    them as padding, which is legal.
    """
    try:
        from zlib_ng.gzip_ng import GzipNGFile
    except ImportError:
        return gzip.GzipFile
    return GzipNGFile


class Inflation:
    """A gzip stream on its way: image data as they are asked for, and checks at the end.

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
    """

    def __init__(self, stream: IO[bytes], *, skip: int, size: int, name: str) -> None:
        self._stream = stream
        self._file = engine()(fileobj=stream, mode="rb")
        self._header = self._skip = skip
        self._size = size
        self._position = 0
        self._name = name

    def read_into(self, out: NDArray[np.uint8]) -> None:
        """Fill an array with the bytes that come next; `NiftiError` where there are too few."""
        view = memoryview(out.data)
        with self._explained():
            self._pass_header()
            while view:
                n = 0 if self._skip else self._file.readinto(view[:AT_A_TIME])
                if not n:
                    raise self._cut_short(self._position)
                view = view[n:]
                self._position += n

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
        with self._explained():
            self._pass_header()
            while piece := self._file.read(PIECE):
                self._position += len(piece)
                if self._position - self._size > MAX_EXTRA:
                    raise NiftiError(
                        f"{self._name}: its header claims {self._size:,} bytes of image data, and "
                        f"more than {MAX_EXTRA:,} others follow: the header is wrong, or the file "
                        f"is made to keep its readers busy. Copy it again from its source."
                    )
        if self._skip or self._position < self._size:
            raise self._cut_short(self._position)
        return self._position - self._size

    def _pass_header(self) -> None:
        while self._skip and (piece := self._file.read(min(self._skip, PIECE))):
            self._skip -= len(piece)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Errors of the library, which know neither the file nor what to do, as ours."""
        try:
            yield
        except _refusals() as error:
            raise self._explanation(error) from error

    def _explanation(self, refusal: Exception) -> NiftiError:
        """What is wrong with a stream that was refused: a walk through its members tells."""
        self._stream.seek(0)
        walk = _walk(self._stream, name=self._name, piece=PIECE)
        n = -self._header
        while True:
            try:
                n += len(next(walk))
            except StopIteration as end:
                is_whole = end.value
                break
            except NiftiError as error:
                return error
        return _damaged(self._name, refusal) if is_whole else self._cut_short(max(n, 0))

    def _cut_short(self, n: int) -> NiftiError:
        there = f"{n:,} of {self._size:,} bytes of image data are there"
        if n >= self._size:
            there = "all image data are there, but not the checksum that would vouch for them"
        return NiftiError(
            f"{self._name}: the file is cut short: {there}. Copy it again from its source."
        )


@cache
def _refusals() -> tuple[type[Exception], ...]:
    """What the libraries raise of a stream that is damaged or ends too soon."""
    own = (EOFError, gzip.BadGzipFile, zlib.error)
    try:
        from zlib_ng import zlib_ng
    except ImportError:
        return own
    its: Any = zlib_ng.error  # an instance, say its types
    return (*own, its)


def _walk(stream: IO[bytes], *, name: str, piece: int) -> Generator[bytes, None, bool]:
    """What a gzip stream holds, in pieces; returns whether its last member came to its end."""
    inflater = zlib.decompressobj(GZIP)
    try:
        while chunk := stream.read(SIP):
            while chunk:
                if inflater.eof:
                    chunk = _next_member(chunk, name)
                    if not chunk:
                        break
                    inflater = zlib.decompressobj(GZIP)
                yield inflater.decompress(chunk, piece)
                chunk = inflater.unconsumed_tail or inflater.unused_data
    except zlib.error as error:
        raise _damaged(name, error) from error
    return inflater.eof


def _next_member(chunk: bytes, name: str) -> bytes:
    """What follows a finished member: another one, or zero padding, which is legal."""
    chunk = chunk.lstrip(b"\0")
    if chunk and not MAGIC.startswith(chunk[:2]):
        raise NiftiError(
            f"{name}: the gzip data are followed by {chunk[:16]!r}, which is neither another gzip "
            f"member nor padding. Something was appended to the file, or it was overwritten."
        )
    return chunk


def _damaged(name: str, error: Exception) -> NiftiError:
    return NiftiError(
        f"{name}: the gzip data are damaged ({error}). The file cannot be trusted; copy it again "
        f"from its source."
    )


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
    found = b""
    for piece in _walk(stream, name=name, piece=n):
        found += piece[: n - len(found)]
        if len(found) == n:
            break
    return found
