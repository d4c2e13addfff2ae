"""What counts as a weight: numbers from 0 on, one for each voxel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import xarray as xr

from qsiparc.errors import OptionError, WeightError, WeightWarning, warn
from qsiparc.grid import match_grids
from qsiparc.names import VOXEL_DIMS
from qsiparc.nifti import open_nifti
from qsiparc.space import voxel_grid

if TYPE_CHECKING:
    import os

    import nibabel as nib
    from numpy.typing import NDArray

    from qsiparc.grid import Grid
    from qsiparc.parcellation import Parcellation

    Image: TypeAlias = xr.DataArray | str | os.PathLike[str] | nib.spatialimages.SpatialImage

PROBABILITY: Final = "probability"
"""What ``weights`` is where the volumes of a probabilistic atlas are the weights."""

ROUNDING: Final = 1e-6
"""Weights this far below 0, as a share of the largest, are 0; headers round this much."""

UNNAMED: Final = "the weights image"

WAY_OUT: Final = "Resample it onto the map's grid first; qsiparc resamples labels only."


def is_probability(weights: Image | None) -> bool:
    """Whether the probabilities of an atlas are the weights."""
    return isinstance(weights, str) and weights == PROBABILITY


def as_weights(values: NDArray[Any], name: str, *, scale: float = 0) -> tuple[NDArray[Any], int]:
    """Weights, of what an image holds.

    Parameters
    ----------
    values : numpy.ndarray
        Of any shape; they are never changed.
    name : str
        What they are called in errors.
    scale : float
        What rounding is measured by, where that is more than the largest of them.

    Returns
    -------
    weights : numpy.ndarray
        The same numbers, none below 0, and 0 for NaN.
    n_missing : int
        How many were NaN.

    Raises
    ------
    WeightError
        Some are infinite, or negative by more than rounding.
    """
    if values.dtype.kind == "b":
        return values.astype(np.uint8), 0
    if not values.size or values.dtype.kind == "u":
        return values, 0
    low, high = values.min(), values.max()
    n_missing = 0
    if np.isnan(low):
        missing = np.isnan(values)
        n_missing = int(np.count_nonzero(missing))
        values = np.where(missing, np.zeros(1, values.dtype), values)
        low, high = values.min(), values.max()
    if np.isinf(low) or np.isinf(high):
        raise WeightError(
            f"{name}: {np.count_nonzero(np.isinf(values))} values are infinite, which no weight "
            f"can be. What should they count? Set them to it first: image.where(image < limit, 0)."
        )
    if low < -ROUNDING * max(abs(float(high)), scale):
        raise WeightError(
            f"{name}: {np.count_nonzero(values < 0)} values are negative, down to {low:.6g}; a "
            f"weight is 0 or more. After an interpolation with splines they are overshoots: "
            f"resample linearly, or cut them off: image.clip(min=0)."
        )
    return (np.maximum(values, 0) if low < 0 else values), n_missing


def checked_weights(values: NDArray[Any], name: str) -> NDArray[Any]:
    """The same as `as_weights`, with warnings for what is missing.

    Warns
    -----
    WeightWarning
        Some are NaN, or all are 0.
    """
    weights, n_missing = as_weights(values, name)
    warn_of_missing(n_missing, name)
    if weights.size and not weights.any():
        warn(f"{name}: all weights are 0: every statistic is NaN.", WeightWarning)
    return weights


def warn_of_missing(n_missing: int, name: str) -> None:
    """Warn that weights were NaN, if some were."""
    if n_missing:
        warn(f"{name}: {n_missing} values are NaN; they are taken as 0.", WeightWarning)


def weights_on(image: Image, grid: Grid, *, of_map: str = "") -> tuple[NDArray[Any], str]:
    """The voxels of a weights image, on the grid of a map.

    Parameters
    ----------
    image : DataArray, path or nibabel image
        Any numbers on ``(i, j, k)``: a tissue fraction, the density of streamlines.
    grid : Grid
        The map's.
    of_map : str, optional
        What the map is called in messages.

    Returns
    -------
    weights : numpy.ndarray
        (voxels,) of the volume flattened with ``i`` fastest, as the map is; not checked yet.
    source : str
        Name of the image's file, or empty.

    Raises
    ------
    GridMismatchError
        It is on another lattice.
    OptionError
        It is not 3D.
    FileNotFoundError
        There is no such file.
    """
    if isinstance(image, str) and not Path(image).exists():
        raise FileNotFoundError(
            f"weights is {PROBABILITY!r} or an image, and there is no file {image!r}."
        )
    try:
        array = image if isinstance(image, xr.DataArray) else open_nifti(image)
    except TypeError as error:
        raise TypeError(f"weights is {PROBABILITY!r} or an image. {error}") from error
    source = str(array.attrs.get("source", ""))
    further = {str(dim): n for dim, n in array.sizes.items() if dim not in VOXEL_DIMS}
    if any(n != 1 for n in further.values()):
        raise OptionError(
            f"weights is one image, (i, j, k); {source or 'this one'} has further dimensions "
            f"{further}. Select one: image.isel(...). A 4D atlas is given in the place of the dseg."
        )
    name = source or UNNAMED
    to = of_map or "the map"
    match = match_grids(grid, voxel_grid(array), of=name, to=to, way_out=WAY_OUT)
    values = array.isel(dict.fromkeys(further, 0)).transpose(*VOXEL_DIMS).to_numpy()
    if values.dtype.kind not in "biuf":
        raise WeightError(f"{name}: weights are numbers, these are {values.dtype}.")
    return match.apply(values).reshape(-1, order="F"), source


def weigh(parcellation: Parcellation, weights: NDArray[Any]) -> tuple[Parcellation, NDArray[Any]]:
    """The voxels of regions that have a weight above 0, and their weights.

    Parameters
    ----------
    parcellation : Parcellation
        All voxels of the regions.
    weights : numpy.ndarray
        (voxels,) a weight for each, 0 or more.

    Returns
    -------
    parcellation : Parcellation
        Without voxels of weight 0, and without regions that have no other.
    weights : numpy.ndarray
        (voxels,) a weight above 0 for each that is left.
    """
    kept = weights > 0
    offsets = parcellation.offsets - np.searchsorted(np.flatnonzero(~kept), parcellation.offsets)
    present = np.diff(offsets) > 0
    restricted = replace(
        parcellation,
        labels=parcellation.labels[present],
        positions=parcellation.positions[kept],
        offsets=np.concatenate([offsets[:1], offsets[1:][present]]),
    )
    return restricted, weights[kept]
