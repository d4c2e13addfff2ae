"""Some voxels of a file, taken out while it is read: no volume is ever held."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from qsiparc.buffer import Buffer
from qsiparc.kernels import position_type

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qsiparc.voxels import NiftiArray

PIECE: Final = 2**20
"""Bytes that are looked at together; they stay within a core's cache."""


class Sieve:
    """Takes voxels out of one file after the other, in memory that is used again."""

    def __init__(self) -> None:
        self._piece = Buffer()
        self._found = Buffer()

    def sift(self, array: NiftiArray, positions: NDArray[np.signedinteger]) -> NDArray[Any]:
        """The values of some voxels of a 3D file.

        Parameters
        ----------
        array : NiftiArray
            The file. It is read to its end and checked, whichever voxels are wanted.
        positions : numpy.ndarray
            (voxels,) in the volume flattened with ``i`` fastest, ascending.

        Returns
        -------
        numpy.ndarray
            (voxels,) what a read of all voxels would give for these. It lasts until the next
            file is read.

        Raises
        ------
        NiftiError
            The file is damaged, cut short, or has changed since its header was read.
        """
        n = array.nbytes // array.stored.itemsize
        if positions.size and positions[-1] >= n:
            raise IndexError(f"{array.path} holds {n:,} voxels, and {positions[-1]} was asked for.")
        piece = self._piece.take(min(n, PIECE // array.stored.itemsize), array.stored)
        starts = np.minimum(np.arange(0, n + piece.size, piece.size), n)
        # Of a wider type, NumPy would widen all positions to look for these few.
        edges = np.searchsorted(positions, starts.astype(position_type(n)))
        found = self._found.take(positions.size, array.stored)
        with array.opened() as stream:
            source = array.source(stream)
            for number, (begin, end) in enumerate(pairwise(edges)):
                start = number * piece.size
                here = piece[: n - start]
                source.read_into(here.view(np.uint8))
                here.take(positions[begin:end] - start, out=found[begin:end], mode="wrap")
            extra = source.finish()
            array.require_unchanged(stream)
        array.warn_of_more(extra)
        return array.scaled(found, copy=False)
