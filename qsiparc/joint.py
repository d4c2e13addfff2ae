"""Atlases on one grid together: each voxel that any of them labels, once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qsiparc.kernels import gather, nonzero

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from numpy.typing import NDArray

    from qsiparc.grid import Grid
    from qsiparc.parcellation import Parcellation


class Joint(NamedTuple):
    """The labelled voxels of several atlases.

    Parameters
    ----------
    positions : numpy.ndarray
        (voxels,) in the volume flattened with ``i`` fastest, ascending.
    places : dict of str to numpy.ndarray
        By atlas, (voxels of it,) where its voxels are among these, region by region.
    atlases : dict of str to Parcellation
        The atlases, without their positions, which follow from these: of a scan's atlases, one
        set of numbers is held, not two.
    """

    positions: NDArray[np.signedinteger]
    places: dict[str, NDArray[np.signedinteger]]
    atlases: dict[str, Parcellation]

    @classmethod
    def of(cls, parcellations: MutableMapping[str, Parcellation], grid: Grid) -> Joint:
        """Those of parcellations on a grid; they are taken out of the mapping one by one."""
        size = int(np.prod(grid.shape))
        is_labelled = np.zeros(size, np.bool_)
        for one in parcellations.values():
            is_labelled[one.positions] = True
        positions = nonzero(is_labelled)
        del is_labelled
        place = np.empty(size, positions.dtype)
        place[positions] = np.arange(positions.size, dtype=positions.dtype)
        joint = cls(positions, {}, {})
        for name in list(parcellations):
            one = parcellations.pop(name)
            joint.places[name] = gather(place, one.positions)
            joint.atlases[name] = replace(one, positions=positions[:0])
        return joint

    def gather(self, values: NDArray[Any], atlas: str) -> NDArray[Any]:
        """The values of one atlas, region by region, of those of all labelled voxels."""
        return gather(values, self.places[atlas])

    def whole(self, atlas: str) -> Parcellation:
        """An atlas with its positions again."""
        return replace(self.atlases[atlas], positions=gather(self.positions, self.places[atlas]))
