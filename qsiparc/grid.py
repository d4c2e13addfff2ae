"""Affine algebra: what a grid of voxels is, and how two of them lie on each other."""

from __future__ import annotations

import logging
import zlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from qsiparc.errors import GridMismatchError, GridWarning, SpaceError, warn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

logger = logging.getLogger(__name__)

SAME_MM: Final = 1e-3
"""Corners closer than this [mm] are the same: headers store affines in float32."""

NEAR_VOXELS: Final = 0.05
"""Corners closer than this [voxels] are accepted with a warning."""

WAY_OUT: Final = (
    "Give an image in the space of the map. If both affines are right, resample='nearest' takes "
    "the label nearest to each voxel of the map."
)

UNTURNED: Final = (0, 1, 2), (False, False, False)

AXES: Final = ("RL", "AP", "SI")


@dataclass(frozen=True, eq=False)
class Grid:
    """A lattice of voxel centres in the world.

    Parameters
    ----------
    affine : array_like
        (4, 4) matrix from voxel numbers to world coordinates [mm], RAS+.
    shape : sequence of int
        Voxels along ``i, j, k``.

    Raises
    ------
    SpaceError
        The affine is no invertible, finite 4 × 4 matrix.

    Examples
    --------
    >>> grid = Grid(np.diag([-2.0, 2, 2, 1]), (91, 109, 91))
    >>> grid
    <Grid 91×109×91, 2×2×2 mm, LAS>
    >>> grid.voxel_volume
    8.0
    """

    affine: NDArray[np.float64]
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        try:
            affine = np.array(self.affine, dtype=np.float64) + 0.0  # no negative zeros
        except (TypeError, ValueError):
            affine = np.empty(0)
        if affine.shape != (4, 4) or not np.isfinite(affine).all():
            raise SpaceError(f"An affine is a 4 × 4 matrix of finite numbers, not\n{self.affine}")
        if not np.array_equal(affine[3], (0, 0, 0, 1)):
            raise SpaceError(f"The last row of an affine is 0 0 0 1; is it transposed?\n{affine}")
        sizes = np.linalg.norm(affine[:3, :3], axis=0)
        if not (sizes > 0).all() or abs(np.linalg.det(affine[:3, :3] / sizes)) < 1e-6:  # noqa: PLR2004 - axes that lie in a plane
            raise SpaceError(f"This affine is singular: it squeezes voxels onto a plane.\n{affine}")
        affine.flags.writeable = False
        object.__setattr__(self, "affine", affine)
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))

    @property
    def voxel_sizes(self) -> tuple[float, float, float]:
        """Edge lengths of a voxel [mm]."""
        x, y, z = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(x), float(y), float(z)

    @cached_property
    def voxel_volume(self) -> float:
        """Volume of a voxel [mm³], also of a sheared one."""
        x, y, z = self.affine[:3, :3].T
        return float(abs(x @ np.cross(y, z)))  # exact where a determinant by elimination is not

    @cached_property
    def orientation(self) -> str:
        """The world direction in which each voxel axis mostly runs, ``"LPS"`` say."""
        cosines = self.affine[:3, :3] / np.asarray(self.voxel_sizes)
        code = ["", "", ""]
        for _ in range(3):
            world, voxel = np.unravel_index(np.abs(cosines).argmax(), (3, 3))
            code[voxel] = AXES[world][0 if cosines[world, voxel] > 0 else 1]
            cosines[world, :] = 0
            cosines[:, voxel] = 0
        return "".join(code)

    @cached_property
    def fingerprint(self) -> str:
        """Shape and affine in a line of text, from which `from_fingerprint` makes the grid."""
        rows = (" ".join(map(repr, row)) for row in self.affine[:3].tolist())
        return f"{'×'.join(map(str, self.shape))} | {' | '.join(rows)}"

    @cached_property
    def name(self) -> str:
        """A short name that differs between grids, and hardly ever between two roundings of one."""
        # The offset keeps numbers that people choose away from where the rounding jumps.
        steps = [[int(step) for step in row] for row in np.floor(self.affine * 100 + 0.37).tolist()]
        return f"{self} #{zlib.crc32(f'{self.shape} {steps}'.encode()):08x}"

    @classmethod
    @lru_cache(maxsize=64)
    def from_fingerprint(cls, text: str) -> Self:
        """The grid that a fingerprint describes; `ValueError` where it is none."""
        shape, *rows = text.split(" | ")
        affine = [[float(number) for number in row.split(" ")] for row in rows]
        return cls(np.array([*affine, [0, 0, 0, 1]]), tuple(map(int, shape.split("×"))))

    def corners(self) -> NDArray[np.float64]:
        """(8, 3) world coordinates of the centres of the corner voxels [mm]."""
        ends = [(0, n - 1) for n in self.shape]
        return np.array(list(product(*ends))) @ self.affine[:3, :3].T + self.affine[:3, 3]

    def displacement(self, other: Grid) -> float:
        """The largest distance between corresponding corners of two grids [mm]."""
        return float(np.linalg.norm(self.corners() - other.corners(), axis=1).max())

    def same_as(self, other: Grid) -> bool:
        """Whether two grids are one, up to the rounding of headers."""
        if self.shape != other.shape:
            return False
        if np.array_equal(self.affine, other.affine):
            return True
        limit = min(SAME_MM, NEAR_VOXELS * min(self.voxel_sizes))
        return self.displacement(other) <= limit

    def reoriented(self, axes: Sequence[int], flips: Sequence[bool]) -> Grid:
        """The same lattice with its axes in another order or direction.

        Parameters
        ----------
        axes : sequence of int
            For each new axis, the old axis that it runs along.
        flips : sequence of bool
            For each new axis, whether it runs the other way.
        """
        step = np.zeros((4, 4))
        step[3, 3] = 1
        for new, (old, flip) in enumerate(zip(axes, flips, strict=True)):
            step[old, new] = -1 if flip else 1
            step[old, 3] = self.shape[old] - 1 if flip else 0
        shape = tuple(self.shape[old] for old in axes)
        return Grid(self.affine @ step, shape)

    def to_attrs(self) -> dict[str, Any]:
        """Flat attributes from which `from_attrs` makes the grid again."""
        return {
            "long_name": "affine from voxel numbers (i, j, k) to world coordinates",
            "affine": self.affine.ravel().tolist(),
            "shape": list(self.shape),
            "orientation": self.orientation,
            "world": "RAS+, mm",
        }

    @classmethod
    def from_attrs(cls, attrs: Mapping[str, Any]) -> Grid:
        """The grid that flat attributes describe; `SpaceError` where they do not."""
        if "affine" not in attrs or "shape" not in attrs:
            raise SpaceError(
                "The coordinate 'space' carries no 'affine' and 'shape' attributes. "
                "Set them again with .parc.with_affine(affine)."
            )
        return cls.of(attrs["affine"], attrs["shape"])

    @classmethod
    def of(cls, affine: ArrayLike, shape: ArrayLike) -> Grid:
        """The grid of many files, made once, as long as they come one after another."""
        return _grid_of(tuple(np.ravel(affine).tolist()), tuple(np.ravel(shape).tolist()))

    def __str__(self) -> str:
        sizes = "×".join(f"{size:.4g}" for size in self.voxel_sizes)
        return f"{'×'.join(map(str, self.shape))}, {sizes} mm, {self.orientation}"

    def __repr__(self) -> str:
        return f"<Grid {self}>"


@lru_cache(maxsize=64)
def _grid_of(affine: tuple[float, ...], shape: tuple[int, ...]) -> Grid:
    return Grid(np.reshape(affine, (4, 4)), shape)


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
        ends = np.array(list(product(*((0, n - 1) for n in its.shape)))) @ step[:3, :3].T
        ends += step[:3, 3]
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
