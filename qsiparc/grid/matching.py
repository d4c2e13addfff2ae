"""How two grids lie on each other: as one, turned, in part, or not at all."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from qsiparc.errors import GridMismatchError, GridWarning, warn
from qsiparc.grid.lattice import NEAR_VOXELS, SAME_MM, corners_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qsiparc.grid.lattice import Grid

logger = logging.getLogger("qsiparc.grid")  # the door, as users know it

WAY_OUT: Final = (
    "Give an image in the space of the map. If both affines are right, resample='nearest' takes "
    "the label nearest to each voxel of the map."
)

UNTURNED: Final = (0, 1, 2), (False, False, False)


@dataclass(frozen=True)
class GridMatch:
    """How the axes of one grid run along those of another.

    Parameters
    ----------
    axes : tuple of int
        For each axis of the target, the axis of the source along it.
    flips : tuple of bool
        For each axis of the target, whether the source runs the other way.
    distance : float
        The largest distance between corners after that [mm].
    """

    axes: tuple[int, ...]
    flips: tuple[bool, ...]
    distance: float

    @property
    def is_identity(self) -> bool:
        """Whether nothing needs to be flipped or permuted."""
        return (self.axes, self.flips) == UNTURNED

    def apply(self, values: NDArray[Any]) -> NDArray[Any]:
        """A view of the source's voxels with axes that run as the target's."""
        turn = tuple(slice(None, None, -1) if flip else slice(None) for flip in self.flips)
        return values.transpose(self.axes)[turn]


def match_grids(
    target: Grid,
    source: Grid,
    *,
    of: str = "the dseg",
    to: str = "the map",
    way_out: str = WAY_OUT,
) -> GridMatch:
    """How ``source`` lies on ``target``, if it does.

    Parameters
    ----------
    target, source : Grid
        The map's grid and the labels' grid, say.
    of, to : str
        What the source and the target are called in messages.
    way_out : str
        What an error says that one can do.

    Returns
    -------
    GridMatch
        Identity, or the exact flips and permutation (said at INFO).

    Raises
    ------
    GridMismatchError
        The shapes differ, or the corners are more than 0.05 voxels apart.

    Warns
    -----
    GridWarning
        Corners are more than 0.001 mm, but no more than 0.05 voxels apart.
    """
    if target.shape == source.shape and np.array_equal(target.affine, source.affine):
        return GridMatch(*UNTURNED, 0.0)
    axes, flips = _signed_permutation(np.linalg.inv(target.affine) @ source.affine)
    oriented = source.reoriented(axes, flips)
    if oriented.shape != target.shape:  # a quarter turn, say, of a grid that is not square
        (axes, flips), oriented = UNTURNED, source
    if oriented.shape != target.shape:
        raise GridMismatchError(
            f"Shape mismatch: {of} has {source.shape} voxels, {to} has {target.shape}, and one is "
            f"not the other with its axes permuted. {_sliced(of, source, to, target)}{way_out}"
        )
    match = GridMatch(axes, flips, oriented.displacement(target))
    if match.distance > NEAR_VOXELS * min(target.voxel_sizes):
        turned = "" if match.is_identity else ", also when their axes run alike"
        raise GridMismatchError(
            f"Grid mismatch: {of} and {to} have as many voxels but lie in different places; their "
            f"corners are up to {match.distance:.4g} mm apart{turned}.\n"
            f"{_affines(of, source, to, target)}{_sliced(of, source, to, target)}{way_out}"
        )
    if match.distance > SAME_MM:
        warn(
            f"The grids of {of} and {to} are {match.distance:.4g} mm apart at their corners, less "
            f"than {NEAR_VOXELS} voxels; they are taken as one.",
            GridWarning,
        )
    if not match.is_identity:
        logger.info(
            "%s runs %s, %s runs %s: it is reoriented exactly, without interpolation.",
            *(of, source.orientation, to, target.orientation),
        )
    return match


def _signed_permutation(matrix: NDArray[np.float64]) -> tuple[tuple[int, ...], tuple[bool, ...]]:
    """Axes and flips of the signed permutation nearest a voxel-to-voxel matrix, else identity."""
    rounded = np.rint(matrix[:3, :3])
    ones = np.abs(rounded)
    if not ((ones.sum(axis=0) == 1).all() and (ones.sum(axis=1) == 1).all()):
        return UNTURNED
    axes = ones.argmax(axis=1)
    flips = rounded[range(3), axes] < 0
    return tuple(axes.tolist()), tuple(flips.tolist())


def _affines(of: str, grid: Grid, to: str, other: Grid) -> str:
    with np.printoptions(precision=4, suppress=True):
        return (
            f"Affine of {of} ({grid.orientation}):\n{grid.affine}\n"
            f"Affine of {to} ({other.orientation}):\n{other.affine}\n"
        )


def _sliced(of: str, grid: Grid, to: str, other: Grid) -> str:
    """What to say where one grid is a part of the other one."""
    for part, its, whole, theirs in ((to, other, of, grid), (of, grid, to, other)):
        step = np.linalg.inv(theirs.affine) @ its.affine
        ends = corners_at(step, its.shape)
        off = max(np.abs(found - np.rint(found)).max() for found in (step, ends))
        inside = (np.rint(ends) >= 0) & (np.rint(ends) < theirs.shape)
        if off < NEAR_VOXELS and inside.all():
            return (
                f"The voxels of {part} are some of those of {whole}, as after slicing: slice both "
                f"alike, whole.sel(i=part.i, j=part.j, k=part.k). "
            )
    return ""


def require_same_grid(grid: Grid, other: Grid) -> None:
    """Raise `GridMismatchError`, with both affines, unless two grids are one."""
    if grid.same_as(other):
        return
    how = f"{grid.shape} and {other.shape} voxels"
    if grid.shape == other.shape:
        how = f"their corners are up to {grid.displacement(other):.4g} mm apart"
    raise GridMismatchError(
        f"These two objects are on different grids: {how}.\n"
        f"{_affines('the one', grid, 'the other', other)}"
        f"Bring both onto one grid before combining them."
    )
