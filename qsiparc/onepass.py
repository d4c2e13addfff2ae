"""The volumes of gzip files, read one after the other from one pass through each."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from qsiparc.voxels import NiftiArray

_open: ContextVar[_Passes | None] = ContextVar("qsiparc_passes", default=None)
"""The passes of this thread, inside a block of `in_one_pass`."""


class Pass:
    """One way through a file, from its start to its end.

    Parameters
    ----------
    array : NiftiArray
        Of a 4D gzip file.
    """

    def __init__(self, array: NiftiArray) -> None:
        self._array = array
        self._volume = np.empty(array.nbytes // array.shape[3], np.uint8)
        self._start()

    def _start(self) -> None:
        self._stream = self._array.opened()
        self._source = self._array.source(self._stream)
        self._next = 0

    def volume(self, number: int) -> NDArray[Any]:
        """``(i, j, k)`` of one volume as it is stored; the next call overwrites it."""
        if number < self._next - 1:
            self.close()
            self._start()
        while self._next <= number:
            self._source.read_into(self._volume)
            self._next += 1
        return self._volume.view(self._array.stored).reshape(self._array.shape[:3], order="F")

    def finish(self) -> None:
        """Read the rest, so that the checksum is checked."""
        self._array.warn_of_more(self._source.finish())

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


class _Passes(dict["NiftiArray", Pass]):
    """A pass a file, begun when the first of its volumes is asked for."""

    def __missing__(self, array: NiftiArray) -> Pass:
        begun = self[array] = Pass(array)
        return begun

    def close(self) -> None:
        """Close all files."""
        for one in self.values():
            one.close()


@contextmanager
def in_one_pass() -> Iterator[None]:
    """Read volumes of gzip files, asked for in order, from one pass through each file.

    A gzip can only be read from its start, so that asking for volumes one by one takes a pass each.
    Within this block, and in this thread, a 4D file stays open between two volumes, of which one
    is in memory. When the block ends, each file is read to its end: only then are its numbers known
    to be undamaged.

    Yields
    ------
    None

    Raises
    ------
    NiftiError
        A file is damaged or cut short.
    """
    passes = _Passes()
    token = _open.set(passes)
    with ExitStack() as stack:
        stack.callback(passes.close)
        try:
            yield
        finally:
            _open.reset(token)
        for one in passes.values():
            one.finish()


def volume_in_pass(array: NiftiArray, key: tuple[Any, ...]) -> NDArray[Any] | None:
    """The volume that a key asks for, if it asks for one, of a gzip file, within `in_one_pass`.

    Parameters
    ----------
    array : NiftiArray
        The file.
    key : tuple of int or slice
        Which part of it.

    Returns
    -------
    numpy.ndarray or None
        ``(i, j, k)``, or ``(i, j, k, 1)`` where the key has a slice for the volume; the next call
        overwrites it.
    """
    passes = _open.get()
    if passes is None or not array.is_compressed or len(array.shape) != 4:  # noqa: PLR2004 - 4D
        return None
    which = range(array.shape[3])[key[3]]
    several = isinstance(which, range)
    if several and len(which) != 1:
        return None
    volume = passes[array].volume(which[0] if several else which)
    part: NDArray[Any] = volume[key[:3]]
    return part[..., None] if several else part
