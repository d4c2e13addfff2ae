"""World coordinates of a volume, on request, computed when they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
import xarray as xr
from xarray.indexes import CoordinateTransform, CoordinateTransformIndex

from qsiparc.errors import SpaceError
from qsiparc.names import VOXEL_DIMS
from qsiparc.space.grids import voxel_grid

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

    from qsiparc.grid import Grid

WORLD_COORDS: Final = ("x", "y", "z")

HALF_VOXEL: Final = 0.5 + 1e-6
"""Points this far [voxels] beyond the outermost centres are still within the volume."""

T = TypeVar("T", xr.DataArray, xr.Dataset)


class _AffineTransform(CoordinateTransform):
    """World coordinates of the voxels that an object holds."""

    def __init__(self, grid: Grid) -> None:
        super().__init__(WORLD_COORDS, dict(zip(VOXEL_DIMS, grid.shape, strict=True)))
        self.grid = grid

    def forward(self, dim_positions: dict[str, Any]) -> dict[Hashable, Any]:
        voxels = [np.asarray(dim_positions[dim], dtype=np.float64) for dim in VOXEL_DIMS]
        return self._apply(self.grid.affine, voxels, WORLD_COORDS)

    def reverse(self, coord_labels: dict[Hashable, Any]) -> dict[str, Any]:
        world = [np.asarray(coord_labels[name], dtype=np.float64) for name in WORLD_COORDS]
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
    for name in WORLD_COORDS:
        placed.coords[name].attrs.update(units="mm", long_name=f"world coordinate {name}, RAS+")
    return placed
