"""A volume with its axes along those of the world, and planes through it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from qsiparc.errors import LabelError, SpaceError
from qsiparc.grid import AXES, Grid
from qsiparc.labels import some
from qsiparc.names import VOXEL_DIMS
from qsiparc.parcellation import Parcellation
from qsiparc.space import voxel_grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr
    from numpy.typing import NDArray

    from qsiparc.parcellation import Dseg, Resample

SHOWN_BY: Final = {"x": (1, 2), "y": (0, 2), "z": (0, 1)}
"""The axes to the right and up in a slice across each axis."""

TILTED: Final = np.cos(np.deg2rad(0.5))
"""Cosine from which on a voxel axis runs along the world's."""


@dataclass(frozen=True)
class Brain:
    """A map in the orientation nearest to RAS, with labels or not.

    Parameters
    ----------
    values : numpy.ndarray
        ``(x, y, z)`` voxels.
    labels : numpy.ndarray or None
        Labels of the same voxels.
    grid : Grid
        Their grid.
    """

    values: NDArray[Any]
    labels: NDArray[np.signedinteger] | None
    grid: Grid

    @classmethod
    def of(cls, volume: xr.DataArray, dseg: Dseg | None, *, resample: Resample | None) -> Brain:
        """Turn a map, and labels on its grid, by whole quarter turns: nothing is interpolated."""
        further = {str(d): n for d, n in volume.sizes.items() if d not in VOXEL_DIMS and n > 1}
        if further:
            if not set(VOXEL_DIMS) & set(volume.dims):
                raise SpaceError(
                    f"This is no volume: it has no dims {', '.join(VOXEL_DIMS)}, but {further}. "
                    f"Numbers of regions are shown by the whole cube: cube.parc.plot, not "
                    f"cube.value.parc.plot; or painted on a label image: .parc.to_volume(dseg)."
                )
            raise SpaceError(f"A figure shows one volume; select along {further}.")
        volume = volume.squeeze([dim for dim in volume.dims if dim not in VOXEL_DIMS])
        grid = voxel_grid(volume)
        axes, flips = _to_ras(grid)
        labels = None
        if dseg is not None:
            on_map = Parcellation.from_labels(dseg).on(grid, resample=resample)
            labels = _turned(on_map.to_labels().to_numpy(), axes, flips)
        values = volume.transpose(*VOXEL_DIMS).to_numpy()
        values = values.astype(np.uint8) if values.dtype.kind == "b" else values
        return cls(_turned(values, axes, flips), labels, grid.reoriented(axes, flips))

    def cropped(self) -> Brain:
        """Without the empty planes around what has a value other than 0, or a label."""
        full = np.isfinite(self.values) & (self.values != 0)
        if self.labels is not None:
            full |= self.labels != 0
        if not full.any():
            return self
        cut, start = [], np.eye(4)
        for axis in range(3):
            others = tuple(other for other in range(3) if other != axis)
            (planes,) = np.nonzero(full.any(axis=others))
            first = max(int(planes[0]) - 1, 0)
            cut.append(slice(first, int(planes[-1]) + 2))
            start[axis, 3] = first
        values = self.values[tuple(cut)]
        labels = None if self.labels is None else self.labels[tuple(cut)]
        return Brain(values, labels, Grid(self.grid.affine @ start, values.shape))

    @property
    def is_tilted(self) -> bool:
        """Whether a plane of voxels is no plane of the world."""
        along = np.diag(self.grid.affine)[:3] / np.asarray(self.grid.voxel_sizes)
        return bool((along < TILTED).any())

    def place(self, axis: str, plane: int) -> float:
        """Where the middle of a plane lies along the axis that it cuts [mm]."""
        number = "xyz".index(axis)
        voxel = [*((n - 1) / 2 for n in self.values.shape), 1]
        voxel[number] = plane
        return float((self.grid.affine @ voxel)[number])

    def plane_at(self, axis: str, place: float) -> int:
        """The plane whose middle is nearest to a place [mm]."""
        number = "xyz".index(axis)
        first, step = self.place(axis, 0), self.place(axis, 1) - self.place(axis, 0)
        plane = round((place - first) / step)
        n = self.values.shape[number]
        if not 0 <= plane < n:
            last = self.place(axis, n - 1)
            raise SpaceError(
                f"{axis} = {place:g} mm is outside of what there is to see, {first:.0f} to "
                f"{last:.0f} mm."
            )
        return plane

    def planes(self, axis: str, n: int, regions: Sequence[int] | None) -> list[int]:
        """Evenly spaced planes through the brain, or through some of its regions."""
        number = "xyz".index(axis)
        others = tuple(other for other in range(3) if other != number)
        if regions is None:
            full = np.isfinite(self.values) & (self.values != 0)
            if self.labels is not None:
                full |= self.labels != 0
        else:
            full = self.members(regions)
        area = full.sum(axis=others)
        if n == 1 and regions is not None:
            return [int(area.argmax())]
        (seen,) = np.nonzero(area)
        first, last = (seen[0], seen[-1]) if seen.size else (0, len(area) - 1)
        inside = np.linspace(first, last, n + 2)[1:-1] if regions is None or n == 1 else None
        even = np.linspace(first, last, n) if inside is None else inside
        return list(dict.fromkeys(np.rint(even).astype(int).tolist()))

    def members(self, regions: Sequence[int]) -> NDArray[np.bool_]:
        """Voxels of some regions."""
        if self.labels is None:
            raise LabelError("To show a region, say where it is: dseg=…")
        lost = np.setdiff1d(regions, self.labels)
        if lost.size:
            raise LabelError(f"The dseg has no voxel of {some(lost)}.")
        return np.isin(self.labels, regions)

    def slice(self, axis: str, plane: int) -> tuple[NDArray[Any], NDArray[Any] | None]:
        """Values and labels of a plane, ``(right, up)``."""
        number = "xyz".index(axis)
        values: NDArray[Any] = np.take(self.values, plane, number)
        if self.labels is None:
            return values, None
        labels: NDArray[Any] = np.take(self.labels, plane, number)
        return values, labels

    def extent(self, axis: str) -> tuple[float, float]:
        """Width and height of a slice across an axis [mm]."""
        right, up = SHOWN_BY[axis]
        shape, sizes = self.values.shape, self.grid.voxel_sizes
        return shape[right] * sizes[right], shape[up] * sizes[up]


def _to_ras(grid: Grid) -> tuple[tuple[int, ...], tuple[bool, ...]]:
    """For each world axis, the voxel axis along it, and whether that runs the other way."""
    code = grid.orientation
    axes = tuple(next(n for n, one in enumerate(code) if one in pair) for pair in AXES)
    return axes, tuple(code[axis] != pair[0] for axis, pair in zip(axes, AXES, strict=True))


def _turned(data: NDArray[Any], axes: Sequence[int], flips: Sequence[bool]) -> NDArray[Any]:
    turned: NDArray[Any] = np.flip(
        data.transpose(axes), tuple(n for n, flip in enumerate(flips) if flip)
    )
    return turned
