"""A label image on the grid of a map, refused before it is read where it cannot be."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import xarray as xr

from qsiparc.grid import match_grids
from qsiparc.parcellation import Parcellation, opened
from qsiparc.space import voxel_grid

if TYPE_CHECKING:
    from qsiparc.grid import Grid
    from qsiparc.parcellation import Dseg, Resample


def labels_on(
    dseg: Dseg,
    grid: Grid,
    *,
    resample: Resample | None = None,
    name: str = "",
    kind: str = "the dseg",
) -> Parcellation:
    """A label image, voxel for voxel on a map's grid.

    Parameters
    ----------
    dseg : DataArray, path, nibabel image or Parcellation
        The labels. Of an image with other numbers of voxels than the map, none is read.
    grid : Grid
        The map's.
    resample : {"nearest", None}, optional
        As in `Parcellation.on`.
    name : str, optional
        What the map is called in messages.
    kind : str, optional
        What an image without a file is called in messages.

    Returns
    -------
    Parcellation

    Raises
    ------
    GridMismatchError, LabelError
        As `Parcellation.on` and `Parcellation.from_labels`.

    Examples
    --------
    >>> import nibabel as nib, numpy as np
    >>> from qsiparc.grid import Grid
    >>> labels = nib.Nifti1Image(np.ones((2, 2, 2), "u1"), np.eye(4))
    >>> labels_on(labels, Grid(np.eye(4), (2, 2, 2))).sizes
    array([8])
    """
    if isinstance(dseg, Parcellation):
        return dseg.on(grid, resample=resample, name=name)
    image = dseg if isinstance(dseg, xr.DataArray) else opened(dseg)
    if resample is None:
        source = str(image.attrs.get("source", "")) or kind
        own = voxel_grid(image)
        if sorted(own.shape) != sorted(grid.shape):
            match_grids(grid, own, of=source, to=name or "the map")
    found = Parcellation.from_labels(image)
    if found.source:
        return found.on(grid, resample=resample, name=name)
    return replace(replace(found, source=kind).on(grid, resample=resample, name=name), source="")
