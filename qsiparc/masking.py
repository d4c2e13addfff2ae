"""The regions of an atlas within a mask."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from qsiparc.errors import LabelError
from qsiparc.parcellation import Parcellation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qsiparc.parcellation import Dseg, Resample


@dataclass(frozen=True, eq=False)
class Domain:
    """The voxels that are looked at, region by region.

    Parameters
    ----------
    parcellation : Parcellation
        Regions, as far as they are in the mask; those beyond it have no voxel.
    atlas_sizes : numpy.ndarray
        (regions,) voxels of each region in the label image, in the mask or not.
    mask : str
        Name of the mask's file, or ``unnamed``; empty without a mask.
    """

    parcellation: Parcellation
    atlas_sizes: NDArray[np.intp]
    mask: str = ""

    @property
    def mask_coverage(self) -> NDArray[np.float64] | None:
        """(regions,) share of each region that is in the mask; None without one."""
        return self.parcellation.sizes / self.atlas_sizes if self.mask else None


def within(
    parcellation: Parcellation, mask: Dseg | None, *, resample: Resample | None = None
) -> Domain:
    """What there is of the regions of an atlas within a mask.

    Parameters
    ----------
    parcellation : Parcellation
        On the grid of the map.
    mask : DataArray, path, nibabel image, Parcellation or None
        What is not 0 is in it; it may have further values. The grid is that of the map; axes may
        run the other way.
    resample : {"nearest", None}, optional
        Whether a mask on another grid may be resampled.

    Returns
    -------
    Domain

    Raises
    ------
    LabelError
        The mask holds fractions, or nothing but 0.
    GridMismatchError
        It is on another grid.
    """
    if mask is None:
        return Domain(parcellation, parcellation.sizes)
    inside = Parcellation.from_labels(mask)
    name = inside.source or "the mask"
    if not inside.positions.size:
        raise LabelError(f"{name}: a mask that is 0 everywhere leaves nothing to look at.")
    inside = inside.on(parcellation.grid, resample=resample)
    chosen = np.zeros(int(np.prod(parcellation.grid.shape)), np.bool_)
    chosen[inside.positions] = True
    kept = chosen[parcellation.positions]
    lost = np.concatenate(([0], np.cumsum(~kept)))[parcellation.offsets]
    restricted = replace(
        parcellation,
        positions=parcellation.positions[kept],
        offsets=parcellation.offsets - lost,
    )
    return Domain(restricted, parcellation.sizes, inside.source or "unnamed")
