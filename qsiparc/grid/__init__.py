"""Affine algebra: what a grid of voxels is, and how two of them lie on each other."""

from __future__ import annotations

from qsiparc.grid.lattice import AXES, SAME_MM, Grid
from qsiparc.grid.matching import GridMatch, match_grids, require_same_grid

__all__ = ["AXES", "SAME_MM", "Grid", "GridMatch", "match_grids", "require_same_grid"]
