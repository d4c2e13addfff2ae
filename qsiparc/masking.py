"""The regions of an atlas within a mask, and the weights of their voxels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from qsiparc.errors import LabelError
from qsiparc.placing import labels_on

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qsiparc.grid import Grid
    from qsiparc.parcellation import Dseg, Parcellation, Resample


@dataclass(frozen=True, eq=False)
class Mask:
    """Which voxels of a map are looked at.

    Parameters
    ----------
    inside : numpy.ndarray
        (voxels,) of the volume flattened with ``i`` fastest; bool.
    name : str
        Of the file, or ``unnamed``.
    """

    inside: NDArray[np.bool_]
    name: str

    @classmethod
    def on(
        cls, mask: Dseg, grid: Grid, *, resample: Resample | None = None, of_map: str = ""
    ) -> Self:
        """A mask on the grid of a map.

        Parameters
        ----------
        mask : DataArray, path, nibabel image or Parcellation
            What is not 0 is in it; it may have further values. The grid is that of the map; axes
            may run the other way.
        grid : Grid
            The map's.
        resample : {"nearest", None}, optional
            Whether a mask on another grid may be resampled.
        of_map : str, optional
            What the map is called in messages.

        Returns
        -------
        Mask

        Raises
        ------
        LabelError
            The mask holds fractions, or nothing but 0.
        GridMismatchError
            It is on another grid.
        """
        try:
            found = labels_on(mask, grid, resample=resample, name=of_map, kind="the mask")
        except LabelError as error:
            raise LabelError(
                f"{error} As a mask, give one image of whole numbers: tissue > 0.5, say."
            ) from error
        except TypeError as error:
            raise TypeError(
                f"mask is a DataArray, a path, a nibabel image or a Parcellation, not "
                f"{type(mask).__name__}. A NumPy array needs an affine: "
                f"xr.DataArray(array, dims=('i', 'j', 'k')).parc.with_affine(affine)."
            ) from error
        if not found.positions.size:
            name = found.source or "the mask"
            raise LabelError(f"{name}: a mask that is 0 everywhere leaves nothing to look at.")
        inside = np.zeros(int(np.prod(grid.shape)), np.bool_)
        inside[found.positions] = True
        return cls(inside, found.source or "unnamed")


@dataclass(frozen=True, eq=False)
class Domain:
    """The voxels that are looked at, region by region.

    Parameters
    ----------
    parcellation : Parcellation
        Regions, as far as they are in the mask; those beyond it have no voxel.
    atlas_sizes : numpy.ndarray
        (regions,) voxels of each region in the atlas, in the mask or not.
    weights : numpy.ndarray or None
        (voxels,) a weight above 0 for each voxel of the parcellation; None: all count alike.
    mask_coverage : numpy.ndarray or None
        (regions,) share of each region, of its weight if it has one, that is in the mask; None
        without one.
    """

    parcellation: Parcellation
    atlas_sizes: NDArray[np.intp]
    weights: NDArray[Any] | None = None
    mask_coverage: NDArray[np.float64] | None = None


def within(
    parcellation: Parcellation,
    mask: Mask | Dseg | None,
    *,
    weights: NDArray[Any] | None = None,
    resample: Resample | None = None,
    of_map: str = "",
) -> Domain:
    """What there is of the regions of an atlas within a mask.

    Parameters
    ----------
    parcellation : Parcellation
        On the grid of the map.
    mask : Mask, DataArray, path, nibabel image, Parcellation or None
        As `Mask.on` takes it, and what that returns.
    weights : numpy.ndarray or None, optional
        (voxels,) a weight above 0 for each voxel of the parcellation.
    resample : {"nearest", None}, optional
        Whether a mask on another grid may be resampled.
    of_map : str, optional
        What the map is called in messages.

    Returns
    -------
    Domain

    Raises
    ------
    LabelError, GridMismatchError
        As `Mask.on`.
    """
    if mask is None:
        return Domain(parcellation, parcellation.sizes, weights)
    if not isinstance(mask, Mask):
        mask = Mask.on(mask, parcellation.grid, resample=resample, of_map=of_map)
    kept = mask.inside[parcellation.positions]
    offsets = parcellation.offsets - np.searchsorted(np.flatnonzero(~kept), parcellation.offsets)
    restricted = replace(parcellation, positions=parcellation.positions[kept], offsets=offsets)
    if weights is None:
        share = restricted.sizes / parcellation.sizes
        return Domain(restricted, parcellation.sizes, None, share)
    inside = weights[kept]
    share = sums(inside, offsets) / sums(weights, parcellation.offsets)
    return Domain(restricted, parcellation.sizes, inside, share)


def sums(weights: NDArray[Any], offsets: NDArray[np.intp]) -> NDArray[np.float64]:
    """(regions,) the sum of the weights of each region."""
    pieces = np.split(weights, offsets[1:-1])[: offsets.size - 1]
    return np.array([piece.sum(dtype=np.float64) for piece in pieces], np.float64)
