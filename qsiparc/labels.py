"""What counts as a label: whole numbers, or numbers near enough to be meant as such."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from qsiparc.errors import LabelError, LabelWarning, warn
from qsiparc.names import VOXEL_DIMS

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

ROUNDING: Final = 0.01
"""Labels this near to a whole number are rounded without a word."""

DOUBTFUL: Final = 0.2
"""Labels this near are rounded with a warning; beyond it they are no labels."""

SHOWN: Final = 10
"""Labels that a message names."""


def whole_labels(image: xr.DataArray, name: str) -> NDArray[Any]:
    """The labels of an image as whole numbers.

    Parameters
    ----------
    image : DataArray
        With the dims ``i, j, k``; further ones must have length 1.
    name : str
        What the image is called in messages.

    Returns
    -------
    numpy.ndarray
        (voxels,) integers, flattened with ``i`` fastest.

    Raises
    ------
    LabelError
        The image holds no whole numbers, or more than one volume.

    Warns
    -----
    LabelWarning
        Labels were rounded by more than 0.01, or NaN was taken as background.
    """
    further = [dim for dim in image.dims if dim not in VOXEL_DIMS]
    large = {dim: image.sizes[dim] for dim in further if image.sizes[dim] != 1}
    if large:
        raise LabelError(
            f"{name}: a label image is 3D, this one has further dimensions {large}. If it is a "
            f"probabilistic atlas, extract takes it with threshold=0.25, say, or with "
            f"weights='probability'; all else needs labels (its argmax, above a threshold). If it "
            f"is a stack of label images, select one: dseg.isel(...)."
        )
    values = image.isel(dict.fromkeys(further, 0)).transpose(*VOXEL_DIMS).to_numpy()
    flat = values.reshape(-1, order="F")
    if flat.dtype.kind in "iu":
        if flat.dtype == np.uint64 and flat.size and flat.max() > np.iinfo(np.int64).max:
            raise LabelError(
                f"{name}: the label {flat.max()} is beyond int64, in which labels are kept. Number "
                f"the regions anew, in the look-up table too."
            )
        return flat
    if flat.dtype.kind == "b":
        return flat.astype(np.uint8)
    if flat.dtype.kind != "f":
        raise LabelError(f"{name}: labels are numbers, these are {flat.dtype}.")
    return _rounded(flat, name)


def _rounded(flat: NDArray[np.floating], name: str) -> NDArray[np.signedinteger]:
    """Whole numbers from floats that are near enough to be meant as such."""
    if flat.size == 0:
        return flat.astype(np.int64)
    exact = 2 ** (np.finfo(flat.dtype).nmant + 1)
    narrow = np.int32 if exact <= np.iinfo(np.int32).max else np.int64
    with np.errstate(invalid="ignore"):
        labels: NDArray[Any] = flat.astype(narrow)
    if (labels.astype(flat.dtype) == flat).all() and max(
        -int(labels.min()), int(labels.max())
    ) < exact:
        return labels
    missing = np.isnan(flat)
    if missing.any():
        warn(
            f"{name}: {np.count_nonzero(missing)} voxels are NaN; they are taken as background.",
            LabelWarning,
        )
        flat = np.where(missing, 0, flat)
    if np.isinf(flat).any():
        raise LabelError(
            f"{name}: {np.count_nonzero(np.isinf(flat))} values are infinite, and labels are whole "
            f"numbers. This is not a label image: a scalar map given in its place?"
        )
    largest = float(np.abs(flat).max())
    if largest >= exact:
        raise LabelError(
            f"{name}: it holds {largest:.10g}, and {flat.dtype} cannot tell whole numbers apart "
            f"from {exact} on. Store the labels as int32 or int64."
        )
    whole = np.rint(flat)
    off = np.abs(flat - whole)
    furthest = int(off.argmax())
    if off[furthest] > DOUBTFUL:
        raise LabelError(
            f"{name}: {np.count_nonzero(off > DOUBTFUL)} of {flat.size} values are no whole "
            f"numbers, {flat[furthest]:.6g} for one. This is not a label image: a scalar map given "
            f"in its place, or labels that were interpolated. Resample labels with nearest "
            f"neighbour."
        )
    if off[furthest] > ROUNDING:
        warn(
            f"{name}: {np.count_nonzero(off > ROUNDING)} labels are up to {off[furthest]:.3g} "
            f"away from a whole number ({flat[furthest]:.6g} for one); they are rounded.",
            LabelWarning,
        )
    if flat.any() and not whole.any():
        raise LabelError(
            f"{name}: all of its values are 0 when rounded, and {largest:.6g} is the largest. This "
            f"is not a label image: a scalar map given in its place?"
        )
    rounded: NDArray[np.signedinteger] = whole.astype(narrow)
    return rounded


def some(labels: NDArray[np.integer]) -> str:
    """The first few labels, as text."""
    shown = ", ".join(map(str, labels[:SHOWN].tolist()))
    return shown if labels.size <= SHOWN else f"{shown}, … ({labels.size} in all)"


def counted(things: NDArray[Any], name: str = "label") -> str:
    """How many there are, in words."""
    return f"{things.size} {name}{'s' if things.size != 1 else ''}"
