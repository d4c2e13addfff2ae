"""The voxels of one region, as they are."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from qsiparc.arguments import flag
from qsiparc.coords import further_coords
from qsiparc.errors import CubeError, SelectionError
from qsiparc.labels import some
from qsiparc.masking import within
from qsiparc.names import VOXEL_DIMS
from qsiparc.placing import labels_on
from qsiparc.regions import as_lut
from qsiparc.space import GRID_ATTR, file_grid, voxel_grid
from qsiparc.validity import Validity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qsiparc.parcellation import Dseg, Parcellation, Resample
    from qsiparc.regions import Lut
    from qsiparc.validity import Range


def region_voxels(
    volume: xr.DataArray,
    dseg: Dseg,
    *,
    region: int | str,
    lut: Lut | None = None,
    coords: bool = False,
    zero_is_missing: bool = False,
    valid_range: Range | None = None,
    mask: Dseg | None = None,
    resample: Resample | None = None,
) -> xr.DataArray:
    """The valid values of one region; see ``DataArray.parc.voxels``."""
    further = {str(dim): n for dim, n in volume.sizes.items() if dim not in VOXEL_DIMS}
    if further:
        raise CubeError(f"Voxels are those of one volume; select one of {further} with isel.")
    validity = Validity.checked(
        zero_is_missing=zero_is_missing, valid_range=valid_range, min_coverage=0, min_voxels=0
    ).of_map(volume.attrs, "the map" if volume.name is None else str(volume.name))
    grid = voxel_grid(volume)
    source = str(volume.attrs.get("source", ""))
    whole = labels_on(dseg, grid, resample=resample, name=source)
    parcellation = within(whole, mask, resample=resample, of_map=source).parcellation
    label, name = find_region(region, lut, parcellation)
    places = np.unravel_index(_positions(parcellation, label), grid.shape, order="F")
    values = volume.transpose(*VOXEL_DIMS).to_numpy()[places]
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    keep = validity.keep(values)
    known = {
        **{key: variable for key, variable in further_coords(volume).items() if not variable.dims},
        "region": label,
        "region_name": name,
    }
    if flag(coords, "coords"):
        known |= _coords(volume, tuple(axis[keep] for axis in places))
    attrs = {key: value for key, value in volume.attrs.items() if key != GRID_ATTR}
    return xr.DataArray(values[keep], known, ("voxel",), volume.name, attrs)


def find_region(region: int | str, lut: Lut | None, parcellation: Parcellation) -> tuple[int, str]:
    """Label and name of the region that is meant.

    Parameters
    ----------
    region : int or str
        Its label, or its name.
    lut : AtlasLUT, path, DataFrame or None
        Names of the regions.
    parcellation : Parcellation
        Of the label image.

    Returns
    -------
    label : int
    name : str
        Empty for a region that the LUT does not name.

    Raises
    ------
    SelectionError
        There is no such region, or several of that name.
    """
    table = as_lut(lut, parcellation)
    if isinstance(region, str):
        found = [one for one in table if one.name == region]
        found = found or [one for one in table if one.name.casefold() == region.casefold()]
        if len(found) == 1:
            return found[0].index, found[0].name
        if found:
            raise SelectionError(
                f"{len(found)} regions are called {region!r}: labels {[r.index for r in found]}. "
                f"Give the label."
            )
        near = difflib.get_close_matches(region, [one.name for one in table], 3)
        raise SelectionError(
            f"No region is called {region!r}."
            + (f" Near: {', '.join(near)}." if near else "")
            + (" lut=… names regions." if lut is None else "")
        )
    given = np.asarray(region)
    if given.ndim or given.dtype.kind not in "iuf":
        raise SelectionError(f"region is the label or the name of one region, not {region!r:.60}.")
    label = given.item()
    known = {one.index: one.name for one in table}
    if label not in known and label not in parcellation.labels:
        raise SelectionError(
            f"There is no region {label}; labels in the image: {some(parcellation.labels)}."
        )
    return int(label), known.get(label, "")


def _positions(parcellation: Parcellation, label: int) -> NDArray[np.signedinteger]:
    """Those of a region, which need not be in the image."""
    number = np.flatnonzero(parcellation.labels == label)
    if not number.size:
        return parcellation.positions[:0]
    start, stop = parcellation.offsets[number[0] : number[0] + 2]
    return parcellation.positions[start:stop]


def _coords(volume: xr.DataArray, places: tuple[NDArray[np.intp], ...]) -> dict[str, Any]:
    """Voxel numbers and world coordinates [mm] along ``voxel``."""
    numbers = [
        volume.coords[dim].to_numpy()[place] for dim, place in zip(VOXEL_DIMS, places, strict=True)
    ]
    world = np.stack(numbers, axis=-1) @ file_grid(volume).affine[:3, :3].T
    world = world + file_grid(volume).affine[:3, 3]
    named = dict(zip((*VOXEL_DIMS, "x", "y", "z"), (*numbers, *world.T), strict=True))
    return {name: ("voxel", values) for name, values in named.items()}
