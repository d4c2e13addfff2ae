"""What a grid of voxels is: an affine and a shape."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from qsiparc.errors import SpaceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

SAME_MM: Final = 1e-3
"""Corners closer than this [mm] are the same: headers store affines in float32."""

NEAR_VOXELS: Final = 0.05
"""Corners closer than this [voxels] are accepted with a warning."""

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
        self._require_real()
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

    def _require_real(self) -> None:
        """Refuse what NumPy would make numbers of without a word."""
        kind = getattr(self.affine, "dtype", np.dtype(object)).kind
        if kind not in "biufO":
            real = " If the imaginary parts are 0, give affine.real." if kind == "c" else ""
            raise SpaceError(f"An affine is made of real numbers, not\n{self.affine}{real}")

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
        return corners_at(self.affine, self.shape)

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


def corners_at(affine: NDArray[np.float64], shape: Sequence[int]) -> NDArray[np.float64]:
    """(8, 3) places to which an affine brings the centres of the corner voxels."""
    ends = [(0, n - 1) for n in shape]
    return np.array(list(product(*ends))) @ affine[:3, :3].T + affine[:3, 3]
