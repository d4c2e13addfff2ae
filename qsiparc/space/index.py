"""The index of the coordinate ``space``, which keeps grids apart, and how a volume gets it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import numpy as np
import pandas as pd
import xarray as xr
from xarray.indexes import Index, PandasIndex

from qsiparc.errors import SpaceError
from qsiparc.grid import Grid, require_same_grid
from qsiparc.names import SPACE, VOXEL_DIMS

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

GRID_ATTR: Final = "grid"
"""Attribute of a volume that witnesses which grid its coordinate ``space`` should carry."""

NO_GRID: Final = (
    "This is a cube, what .parc.extract returns: its values are of regions, which are on no grid. "
    "The map or the label image that it was made of has the affine: fa.parc.affine."
)
"""What to say of a cube that is asked for its grid."""

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
        told = f" {NO_GRID}" if has_regions(obj) else ""
        raise SpaceError(
            f"A volume has the dims i, j, k; here {', '.join(missing)} is missing.{told}"
        )
    numbers = {dim: obj[dim].to_numpy() for dim in VOXEL_DIMS}
    shape = tuple(int(n.max(initial=0)) + 1 for n in numbers.values())
    if SPACE in obj.coords:
        shape = obj.coords[SPACE].attrs.get("shape", shape)
    grid = Grid(_as_array(affine), shape)
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


def _as_array(affine: ArrayLike) -> NDArray[Any]:
    try:
        return np.asarray(affine)
    except ValueError as error:  # rows of several lengths
        raise SpaceError(
            f"An affine is a 4 × 4 matrix of finite numbers, not\n{affine!r}"
        ) from error


def has_regions(obj: xr.DataArray | xr.Dataset) -> bool:
    """Whether something holds values of regions, of a cube, and no voxels."""
    return "region" in {*obj.dims, *obj.coords} and not set(VOXEL_DIMS) & set(obj.dims)


def with_index(obj: T) -> T:
    """The same object with the index of ``space`` set again, after a reload say."""
    if SPACE not in obj.coords or SPACE in obj.xindexes:
        return obj
    return obj.set_xindex(SPACE, SpaceIndex)
