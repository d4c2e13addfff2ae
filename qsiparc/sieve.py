"""Some voxels of a file, taken out while it is read: no volume is ever held."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qsiparc.voxels import NiftiArray

PIECE: Final = 2**19
"""Bytes that are looked at together; they stay within a core's cache."""


def sifted(array: NiftiArray, positions: NDArray[np.signedinteger]) -> NDArray[Any]:
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
        (voxels,) what a read of all voxels would give for these.

    Raises
    ------
    NiftiError
        The file is damaged, cut short, or has changed since its header was read.
    """
    piece = np.empty(PIECE // array.stored.itemsize, array.stored)
    n = array.nbytes // array.stored.itemsize
    edges = np.searchsorted(positions, range(0, n + piece.size, piece.size))
    found = np.empty(positions.size, array.stored)
    with array.opened() as stream:
        source = array.source(stream)
        for number, (begin, end) in enumerate(pairwise(edges)):
            start = number * piece.size
            here = piece[: n - start]
            source.read_into(here.view(np.uint8))
            found[begin:end] = here.take(positions[begin:end] - start)
        extra = source.finish()
        array.require_unchanged(stream)
    array.warn_of_more(extra)
    return array.scaled(found, copy=False)
