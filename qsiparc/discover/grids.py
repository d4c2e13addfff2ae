"""Whether two images are on one lattice of voxels, by their headers."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TOLERANCE: Final = 0.05
"""Voxels that a corner may be off."""

_DIMS: Final = 3


class Grid(NamedTuple):
    """Shape and place of a volume."""

    shape: tuple[int, ...]
    affine: NDArray[np.float64]

    @classmethod
    def of(cls, path: str) -> Grid:
        """Read the header of a NIfTI file."""
        from qsiparc.nifti import open_nifti

        image = open_nifti(path)
        shape = tuple(int(n) for n in image.shape[:_DIMS])
        return cls(shape, np.asarray(image.parc.affine, dtype=np.float64))

    def corners(self) -> NDArray[np.float64]:
        """World coordinates of the eight corner voxels [mm], shape (8, 3)."""
        ends = itertools.product(*((0, n - 1) for n in self.shape))
        return np.array(list(ends)) @ self.affine[:_DIMS, :_DIMS].T + self.affine[:_DIMS, _DIMS]


def mismatch(one: Grid, other: Grid) -> str:
    """What keeps two grids apart; axes may be flipped or permuted.

    Parameters
    ----------
    one, other : Grid
        Two grids.

    Returns
    -------
    str
        Empty when voxels coincide.

    Examples
    --------
    >>> here = Grid((2, 2, 2), np.eye(4))
    >>> mismatch(here, here), mismatch(here, Grid((2, 2, 3), np.eye(4)))
    ('', 'shapes (2, 2, 2) and (2, 2, 3)')
    """
    if sorted(one.shape) != sorted(other.shape):
        return f"shapes {one.shape} and {other.shape}"
    gaps = np.linalg.norm(one.corners()[:, None] - other.corners()[None], axis=-1)
    distance = max(gaps.min(axis=0).max(), gaps.min(axis=1).max())
    voxel = np.linalg.norm(one.affine[:_DIMS, :_DIMS], axis=0).min()
    return "" if distance <= _TOLERANCE * voxel else f"corners up to {distance:.3g} mm apart"
