"""Region values back onto the brain: the inverse of extraction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from qsiparc.catalogue import units_of
from qsiparc.cube import require_cube, select
from qsiparc.errors import CubeError
from qsiparc.names import SPACE, VALUE, VOXEL_DIMS
from qsiparc.parcellation import Parcellation
from qsiparc.space import GRID_ATTR, space_coords

if TYPE_CHECKING:
    from qsiparc.parcellation import Dseg


def to_volume(
    cube: xr.Dataset,
    dseg: Dseg,
    *,
    stat: str | None = None,
    scalar: str | None = None,
    subject: str | None = None,
    fill: float = np.nan,
) -> xr.DataArray:
    """A volume in which every voxel of a region holds the region's value.

    Parameters
    ----------
    cube : Dataset
        Of ``.parc.extract``.
    dseg : DataArray, path, nibabel image or Parcellation
        The label image to paint on.
    stat, scalar, subject : str, optional
        Which value; needed where the cube has more than one.
    fill : float, optional
        For voxels of no region of the cube.

    Returns
    -------
    DataArray
        ``(i, j, k)`` in float64 on the grid of ``dseg``, with ``units`` and ``long_name``.

    Raises
    ------
    CubeError
        The cube has several values for a region; the message says of what.
    SelectionError
        It has none of that name.
    """
    chosen = select(require_cube(cube), {"stat": stat, "scalar": scalar, "subject": subject})
    values = chosen[VALUE]
    several = {str(d): n for d, n in values.sizes.items() if d != "region" and n > 1}
    if several:
        raise CubeError(f"A volume shows one value a region; choose one of {several}.")
    if "region" not in values.dims:
        values = values.expand_dims("region")
    values = values.squeeze([dim for dim in values.dims if dim != "region"])
    parcellation = Parcellation.from_labels(dseg)
    painted = np.full(parcellation.grid.shape, fill, np.float64, order="F")
    known = dict(zip(values["region"].to_numpy().tolist(), values.to_numpy(), strict=True))
    each = np.array([known.get(label, fill) for label in parcellation.labels.tolist()])
    painted.reshape(-1, order="F")[parcellation.positions] = np.repeat(each, parcellation.sizes)
    name, of = (str(values.coords[coord].item()) for coord in ("stat", "scalar"))
    unit = str(values.coords["units"].item()) if "units" in values.coords else ""
    attrs = {"long_name": f"{name} of {of}", "units": units_of(name, unit, cube.attrs)}
    volume = xr.DataArray(painted, _grid_coords(dseg, parcellation), VOXEL_DIMS, name, attrs)
    return volume.assign_attrs({GRID_ATTR: _witness(dseg, parcellation)})


def _grid_coords(dseg: Dseg, parcellation: Parcellation) -> xr.Coordinates:
    """The voxel numbers and the affine of the label image."""
    if isinstance(dseg, xr.DataArray):
        return dseg.coords.to_dataset()[[*VOXEL_DIMS, SPACE]].coords
    return space_coords(parcellation.grid)


def _witness(dseg: Dseg, parcellation: Parcellation) -> str:
    if isinstance(dseg, xr.DataArray) and GRID_ATTR in dseg.attrs:
        return str(dseg.attrs[GRID_ATTR])
    return parcellation.grid.fingerprint
