"""From a DataArray to NIfTI, as it is now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import nibabel as nib
import numpy as np

from qsiparc.arguments import as_path
from qsiparc.atomic import replacing
from qsiparc.errors import NiftiError, SpaceError
from qsiparc.grid import SAME_MM, Grid
from qsiparc.missing import require_folder
from qsiparc.names import LABEL_INTENT, SPACE, VOXEL_DIMS
from qsiparc.space import voxel_grid
from qsiparc.voxels import in_memory, require_real

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from pathlib import Path

    import xarray as xr
    from numpy.typing import NDArray

SUFFIXES: Final = (".nii", ".nii.gz", ".NII", ".NII.GZ")
"""nibabel finds no file whose suffix mixes the cases."""
WITHOUT_PARAMETERS: Final = range(1001, 1012)
"""Intents that say all by themselves; those of distributions need numbers that are not kept."""


def to_nibabel(volume: xr.DataArray) -> nib.Nifti1Image:
    """A NIfTI image of a volume as it is now: sliced, strided or reversed.

    Parameters
    ----------
    volume : DataArray
        Dims ``i, j, k``, and ``volume`` or not, in any order.

    Returns
    -------
    nibabel.Nifti1Image
        With an affine that puts each voxel where it was, and the codes of the file it came from.
        There is always an sform; there is no qform where it would put voxels elsewhere, as it
        cannot shear. The intent is kept, but for that of a statistic with parameters, and of labels
        where these are none any more. What NIfTI-1 readers may not know is stored as what they do:
        bool as uint8, float16 as float32, float128 as float64, 64-bit integers as int32 where all
        of them fit.

    Raises
    ------
    SpaceError
        The volume has no affine, or lost a voxel axis.
    NiftiError
        Its values are no real numbers.
    """
    grid = voxel_grid(volume)
    further = [dim for dim in volume.dims if dim not in VOXEL_DIMS]
    if len(further) > 1:
        raise SpaceError(
            f"A NIfTI image has at most four dimensions; select along {further} until one is left."
        )
    require_real(volume.dtype, "the volume" if volume.name is None else str(volume.name))
    data = _storable(np.asarray(volume.transpose(*VOXEL_DIMS, *further).values))
    image: Any = nib.Nifti1Image(data, grid.affine, dtype=data.dtype)
    attrs: Mapping[str, Any] = volume.coords[SPACE].attrs
    image.set_sform(grid.affine, int(attrs.get("sform_code", 1)) or 1)
    image.set_qform(grid.affine, int(attrs.get("qform_code", 1)))
    if Grid(image.get_qform(), grid.shape).displacement(grid) > SAME_MM:
        image.set_qform(None)  # it cannot shear, and some readers would take it for the place
    image.header.set_xyzt_units("mm")
    image.header.set_intent(_intent(attrs, data), allow_unknown=True)
    return image  # type: ignore[no-any-return]  # half typed


def _intent(attrs: Mapping[str, Any], data: NDArray[Any]) -> int:
    """The intent of the file that a volume came from, unless it says labels and they are none."""
    code = int(attrs.get("intent_code", 0))
    if code == LABEL_INTENT and not np.array_equal(data, np.rint(data)):
        return 0
    return code if code in WITHOUT_PARAMETERS else 0


def _storable(data: NDArray[Any]) -> NDArray[Any]:
    """The same numbers in a type that NIfTI-1 readers know."""
    if data.dtype == np.bool_:
        return data.astype(np.uint8)
    if data.dtype == np.float16:
        return data.astype(np.float32)
    if data.dtype.kind == "f":
        return data.astype(in_memory(data.dtype), copy=False)
    if data.dtype.kind in "iu" and data.dtype.itemsize == 8:  # noqa: PLR2004 - 64 bits
        small = data.astype(np.int32)
        return small if np.array_equal(small, data) else data
    return data


def to_nifti(volume: xr.DataArray, path: str | os.PathLike[str]) -> Path:
    """Write a volume to a ``.nii`` or ``.nii.gz`` file, whole or not at all.

    Parameters
    ----------
    volume : DataArray
        Dims ``i, j, k``, and ``volume`` or not.
    path : str or Path
        Where to; a file that is there is replaced.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    NiftiError
        The name does not end in ``.nii`` or ``.nii.gz``, or the values are no real numbers.
    SpaceError
        As in `to_nibabel`.
    FileNotFoundError
        There is no folder to write to; none is made.
    """
    path = as_path(path)
    if not path.name.endswith(SUFFIXES):
        raise NiftiError(f"{path}: the name of a NIfTI file ends in .nii or .nii.gz.")
    require_folder(path)
    image = to_nibabel(volume)
    with replacing(path) as new:
        nib.save(image, new)
    return path
