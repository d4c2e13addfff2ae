"""Which grid a volume is on: its file's, and that of the voxels it holds now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import xarray as xr

from qsiparc.errors import GridMismatchError, SpaceError
from qsiparc.grid import Grid
from qsiparc.names import SPACE, VOXEL_DIMS
from qsiparc.space.index import GRID_ATTR, NO_GRID, SpaceIndex, has_regions

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from numpy.typing import NDArray

EVEN: Final = 1e-6
"""Voxel numbers this near to even steps are evenly spaced."""


def file_grid(obj: xr.DataArray | xr.Dataset) -> Grid:
    """The grid of the file that a volume comes from, from its coordinate ``space``.

    Raises
    ------
    SpaceError
        There is no such coordinate.
    GridMismatchError
        The coordinate is another grid's: it was overridden on the way.
    """
    if SPACE not in obj.coords and has_regions(obj):
        raise SpaceError(NO_GRID)
    if SPACE not in obj.coords:
        raise SpaceError(
            f"{_called(obj)} has no affine: its coordinate 'space' is missing. Open the file with "
            f"qsiparc.open_nifti, or set it: .parc.with_affine(affine). If it is the result of a "
            f"computation, its parts may have been on different grids."
        )
    grid = Grid.from_attrs(obj.coords.variables[SPACE].attrs)
    index = obj.xindexes.get(SPACE)
    parts = [obj, *obj.data_vars.values()] if isinstance(obj, xr.Dataset) else [obj]
    witnesses = [(getattr(part, "name", None), _witness(part.attrs)) for part in parts]
    if isinstance(index, SpaceIndex):  # an object without an index takes that of another one
        witnesses.append((getattr(obj, "name", None), index.grid))
    for name, witness in witnesses:
        if witness is not None and not witness.same_as(grid):
            raise GridMismatchError(
                f"{_array(name, obj)} was made on one grid and carries another: its coordinate "
                f"'space' was overridden on the way (join='override', an assignment into a "
                f"Dataset, or arithmetic after a reload without the index).\n"
                f"Made on: {witness}\n{witness.affine}\nCarries: {grid}\n{grid.affine}\n"
                f"Open the file again, or state the right one: .parc.with_affine(affine)."
            )
    return grid


def _array(name: Hashable, obj: xr.DataArray | xr.Dataset) -> str:
    """What an array, or a variable of a Dataset, is called in messages."""
    return _called(obj) if name is None else f"The array {name!r}"


def _called(obj: xr.DataArray | xr.Dataset) -> str:
    """What an object is called in messages: by its file, or its name."""
    source = obj.attrs.get("source") or getattr(obj, "name", None)
    return str(source) if source else "This object"


def _witness(attrs: Mapping[Any, Any]) -> Grid | None:
    """The grid that an array says it was made on; None where it says nothing, or not to us."""
    try:
        return Grid.from_fingerprint(attrs[GRID_ATTR])
    except (KeyError, AttributeError, TypeError, ValueError):
        return None


def voxel_grid(obj: xr.DataArray | xr.Dataset) -> Grid:
    """The grid of the voxels that a volume holds now: sliced, strided or reversed.

    Voxel ``(0, 0, 0)`` of it is the first one held, with axes in the order ``i, j, k``.

    Raises
    ------
    SpaceError
        A voxel axis is missing, or its voxel numbers are lost or not evenly spaced.
    """
    grid = file_grid(obj)
    step = np.eye(4)
    shape = []
    for axis, dim in enumerate(VOXEL_DIMS):
        if dim not in obj.dims:
            raise SpaceError(
                f"{_called(obj)}: the voxel axis {dim!r} is missing (dims: {tuple(obj.dims)}). "
                f"Select with a slice or a list, isel({dim}=[5]), to keep it."
            )
        if dim not in obj.coords and obj.sizes[dim] != grid.shape[axis]:
            raise SpaceError(
                f"{_called(obj)}: the voxel numbers along {dim!r} were dropped, and the array "
                f"holds {obj.sizes[dim]} voxels where its grid has {grid.shape[axis]}: which ones, "
                f"nobody knows. Keep the coordinate {dim!r}."
            )
        numbers = _voxel_numbers(obj, dim)
        if not numbers.size:
            raise SpaceError(f"{_called(obj)}: no voxel is left along {dim!r}. Select some.")
        shape.append(numbers.size)
        if numbers.size == grid.shape[axis] and np.array_equal(numbers, np.arange(numbers.size)):
            continue  # as in the file, as most are
        spacing = (numbers[-1] - numbers[0]) / (numbers.size - 1) if numbers.size > 1 else 1.0
        even = numbers[:1] + spacing * np.arange(numbers.size)
        if spacing == 0 or not (np.abs(numbers - even) <= EVEN).all():
            raise SpaceError(
                f"{_called(obj)}: the voxel numbers along {dim!r} are not evenly spaced: {numbers}."
                f" Slice with a constant step; what was padded or concatenated is on no grid."
            )
        step[axis, axis] = spacing
        step[axis, 3] = numbers[0]
    is_whole = tuple(shape) == grid.shape and np.array_equal(step, np.eye(4))
    return grid if is_whole else Grid(grid.affine @ step, tuple(shape))


def _voxel_numbers(obj: xr.DataArray | xr.Dataset, dim: str) -> NDArray[np.float64]:
    """Which voxels of the file an axis holds; those from 0 on where nobody says."""
    numbers = (
        obj.coords.variables[dim].to_numpy() if dim in obj.coords else np.arange(obj.sizes[dim])
    )
    if numbers.dtype.kind not in "iuf":
        raise SpaceError(
            f"{_called(obj)}: the voxel numbers along {dim!r} are no numbers: {numbers}. Give the "
            f"array its numbers from the file again."
        )
    return np.asarray(numbers, dtype=np.float64)
