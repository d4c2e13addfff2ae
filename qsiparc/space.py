"""The coordinate ``space``: a volume's affine, and the index that keeps grids apart."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import numpy as np
import pandas as pd
import xarray as xr
from xarray.indexes import CoordinateTransform, CoordinateTransformIndex, Index, PandasIndex

from qsiparc.errors import GridMismatchError, SpaceError
from qsiparc.grid import Grid, require_same_grid
from qsiparc.names import SPACE, VOXEL_DIMS

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

GRID_ATTR: Final = "grid"
"""Attribute of a volume that witnesses which grid its coordinate ``space`` should carry."""

HALF_VOXEL: Final = 0.5 + 1e-6
"""Points this far [voxels] beyond the outermost centres are still within the volume."""

EVEN: Final = 1e-6
"""Voxel numbers this near to even steps are evenly spaced."""

T = TypeVar("T", xr.DataArray, xr.Dataset)


class SpaceIndex(Index):
    """The index of the scalar coordinate ``space``: objects on different grids do not align.

    Parameters
    ----------
    grid : Grid
        The grid of the file, whatever part of it the object holds.
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid

    @classmethod
    def from_variables(
        cls, variables: Mapping[Any, xr.Variable], *, options: Mapping[str, Any]
    ) -> Self:
        """Make the index again from the attributes of a coordinate, after a reload say."""
        if options:
            raise TypeError(f"SpaceIndex takes no options, not {sorted(options)}.")
        (variable,) = variables.values()
        return cls(Grid.from_attrs(variable.attrs))

    def create_variables(
        self, variables: Mapping[Any, xr.Variable] | None = None
    ) -> dict[Hashable, xr.Variable]:
        """The scalar coordinate: the grid's name, with the grid in its attributes.

        The name tells grids apart where there is no index, after a plain reload say: xarray drops
        a scalar coordinate of which two objects have different values.
        """
        given = variables.get(SPACE) if variables else None
        attrs = {**(given.attrs if given is not None else {}), **self.grid.to_attrs()}
        name = np.array(self.grid.name, dtype=np.dtypes.StringDType())
        return {SPACE: xr.Variable((), name, attrs)}

    @classmethod
    def concat(
        cls,
        indexes: Sequence[Self],
        dim: Hashable,  # noqa: ARG003 - xarray's signature
        positions: Iterable[Iterable[int]] | None = None,  # noqa: ARG003 - xarray's signature
    ) -> Self:
        """The common index of objects on one grid."""
        first, *others = indexes
        for other in others:
            require_same_grid(first.grid, other.grid)
        return first

    def equals(self, other: Index, *, exclude: frozenset[Hashable] | None = None) -> bool:  # noqa: ARG002 - xarray's signature
        """Whether both are the same grid."""
        return isinstance(other, SpaceIndex) and self.grid.same_as(other.grid)

    def join(self, other: Self, how: str = "inner") -> Self:  # noqa: ARG002 - no way to join is right
        """Nothing but an error for different grids."""
        require_same_grid(self.grid, other.grid)
        return self

    def reindex_like(self, other: Self) -> dict[Hashable, Any]:
        """Nothing to do on one grid, an error on two."""
        require_same_grid(self.grid, other.grid)
        return {}

    def to_pandas_index(self) -> pd.Index:
        """What ``map_blocks`` and ``.indexes`` ask of every index; there is nothing to look up."""
        return pd.Index([self.grid.fingerprint], name=SPACE)

    def _repr_inline_(self, max_width: int) -> str:
        return f"SpaceIndex ({self.grid})"[:max_width]

    def __repr__(self) -> str:
        return f"SpaceIndex ({self.grid})"


def file_grid(obj: xr.DataArray | xr.Dataset) -> Grid:
    """The grid of the file that a volume comes from, from its coordinate ``space``.

    Raises
    ------
    SpaceError
        There is no such coordinate.
    GridMismatchError
        The coordinate is another grid's: it was overridden on the way.
    """
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


def space_coords(grid: Grid) -> xr.Coordinates:
    """Coordinates of a whole volume on a grid: voxel numbers, and ``space`` with its index."""
    indexes: dict[str, Index] = {
        dim: _whole_axis(dim, n) for dim, n in zip(VOXEL_DIMS, grid.shape, strict=True)
    }
    indexes[SPACE] = SpaceIndex(grid)
    variables: dict[Any, xr.Variable] = {}
    for index in indexes.values():
        variables |= index.create_variables()
    return xr.Coordinates(variables, indexes)


@lru_cache(maxsize=64)  # nothing ever changes an index
def _whole_axis(dim: str, n: int) -> PandasIndex:
    return PandasIndex(np.arange(n), dim)


def with_affine(obj: T, affine: ArrayLike) -> T:
    """The same volume, with an affine.

    Parameters
    ----------
    obj : DataArray or Dataset
        With dims ``i, j, k``.
    affine : array_like
        (4, 4) matrix from the voxel numbers ``i, j, k`` to world coordinates [mm]. An object
        without such coordinates gets 0, 1, 2 …

    Returns
    -------
    DataArray or Dataset
        With the coordinate ``space`` and its index set.
    """
    missing = [dim for dim in VOXEL_DIMS if dim not in obj.dims]
    if missing:
        raise SpaceError(f"A volume has the dims i, j, k; here {', '.join(missing)} is missing.")
    numbers = {dim: obj[dim].to_numpy() for dim in VOXEL_DIMS}
    shape = tuple(int(n.max(initial=0)) + 1 for n in numbers.values())
    if SPACE in obj.coords:
        shape = obj.coords[SPACE].attrs.get("shape", shape)
    grid = Grid(np.asarray(affine), shape)
    plain = obj.drop_vars([SPACE], errors="ignore").assign_coords(
        {dim: n for dim, n in numbers.items() if dim not in obj.coords}
    )
    placed = plain.assign_coords(xr.Coordinates.from_xindex(SpaceIndex(grid)))
    if isinstance(placed, xr.DataArray):
        return placed.assign_attrs({GRID_ATTR: grid.fingerprint})
    for variable in placed.data_vars.values():
        if set(VOXEL_DIMS) <= set(variable.dims):
            variable.attrs[GRID_ATTR] = grid.fingerprint
    return placed


def with_index(obj: T) -> T:
    """The same object with the index of ``space`` set again, after a reload say."""
    if SPACE not in obj.coords or SPACE in obj.xindexes:
        return obj
    return obj.set_xindex(SPACE, SpaceIndex)


class _AffineTransform(CoordinateTransform):
    """World coordinates of the voxels that an object holds."""

    def __init__(self, grid: Grid) -> None:
        super().__init__(("x", "y", "z"), dict(zip(VOXEL_DIMS, grid.shape, strict=True)))
        self.grid = grid

    def forward(self, dim_positions: dict[str, Any]) -> dict[Hashable, Any]:
        voxels = [np.asarray(dim_positions[dim], dtype=np.float64) for dim in VOXEL_DIMS]
        return self._apply(self.grid.affine, voxels, ("x", "y", "z"))

    def reverse(self, coord_labels: dict[Hashable, Any]) -> dict[str, Any]:
        world = [np.asarray(coord_labels[name], dtype=np.float64) for name in ("x", "y", "z")]
        voxels = self._apply(np.linalg.inv(self.grid.affine), world, VOXEL_DIMS)
        for dim, n in zip(VOXEL_DIMS, self.grid.shape, strict=True):
            # A position of −1 would be taken for the last voxel.
            inside = np.clip(voxels[dim], 0, n - 1)
            outside = ~(np.abs(voxels[dim] - inside) <= HALF_VOXEL)
            if outside.any():
                raise SpaceError(
                    f"{np.count_nonzero(outside)} of {outside.size} world points lie outside the "
                    f"volume along {dim!r}: select points within it."
                )
            voxels[dim] = inside
        return voxels

    @staticmethod
    def _apply(
        matrix: NDArray[np.floating], axes: list[NDArray[np.float64]], names: Sequence[str]
    ) -> dict[Any, NDArray[np.floating]]:
        return {
            name: row[0] * axes[0] + row[1] * axes[1] + row[2] * axes[2] + row[3]
            for name, row in zip(names, matrix, strict=False)
        }

    def equals(self, other: CoordinateTransform, **_: Any) -> bool:  # noqa: ANN401 - xarray's signature
        return isinstance(other, _AffineTransform) and self.grid.same_as(other.grid)


def with_world(obj: T) -> T:
    """The same volume with world coordinates ``x, y, z`` [mm, RAS+], computed when they are read.

    Parameters
    ----------
    obj : DataArray or Dataset
        With dims ``i, j, k`` and the coordinate ``space``.

    Returns
    -------
    DataArray or Dataset
        With coordinates ``x, y, z`` on ``(i, j, k)``.
    """
    index = CoordinateTransformIndex(_AffineTransform(voxel_grid(obj)))
    placed = obj.assign_coords(xr.Coordinates.from_xindex(index))
    for name in ("x", "y", "z"):
        placed.coords[name].attrs.update(units="mm", long_name=f"world coordinate {name}, RAS+")
    return placed
