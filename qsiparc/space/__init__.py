"""The coordinate ``space``: a volume's affine, and the index that keeps grids apart."""

from __future__ import annotations

from qsiparc.space.grids import file_grid, voxel_grid
from qsiparc.space.index import GRID_ATTR, SpaceIndex, space_coords, with_affine, with_index
from qsiparc.space.world import with_world

__all__ = [
    "GRID_ATTR",
    "SpaceIndex",
    "file_grid",
    "space_coords",
    "voxel_grid",
    "with_affine",
    "with_index",
    "with_world",
]
