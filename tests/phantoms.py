"""Small volumes with known answers, and the grids that hypothesis draws them on."""

from __future__ import annotations

import gzip
import io
import itertools
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
from hypothesis import strategies as st

import qsiparc
from qsiparc.inflate import Inflation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import xarray as xr

MM2 = np.diag([2.0, 2.0, 2.0, 1.0])
"""A plain 2 mm RAS affine with voxel 0 at the origin."""

SIGNED_PERMUTATIONS = [
    (axes, flips)
    for axes in itertools.permutations(range(3))
    for flips in itertools.product([False, True], repeat=3)
]
"""All 48 ways to run along the axes of a lattice."""


def ramp(shape: Sequence[int] = (4, 5, 6), dtype: Any = np.float32) -> np.ndarray:
    """0, 1, 2 … in the order of the file (``i`` fastest): every voxel has a value of its own."""
    return np.arange(np.prod(shape)).reshape(shape, order="F").astype(dtype)


def image(data: Any, affine: Any = MM2) -> nib.Nifti1Image:
    """A NIfTI image in memory, its codes set, of any type of NumPy's."""
    data = np.asarray(data)
    return nib.Nifti1Image(data, np.asarray(affine), dtype=data.dtype)


def volume(data: Any, affine: Any = MM2) -> xr.DataArray:
    """What `qsiparc.open_nifti` makes of an image."""
    return qsiparc.open_nifti(image(data, affine))


def write(path: Path, data: Any, affine: Any = MM2) -> Path:
    """The path of a file that has been written."""
    made = image(data, affine)
    if ".img" in path.name:
        made = nib.Nifti1Pair(made.dataobj, made.affine, dtype=made.get_data_dtype())
    made.to_filename(path)
    return path


def gzipped(path: Path, plain: bytes) -> Path:
    """The path of a gzip file with that content, the same at every run."""
    path.write_bytes(gzip.compress(plain, mtime=0))
    return path


def inflated(stored: bytes, n: int, skip: int = 0) -> tuple[bytes, int]:
    """The bytes of a gzip file's image data, and how many more it holds."""
    out = np.zeros(n, np.uint8)
    source = Inflation(io.BytesIO(stored), skip=skip, size=n, name="fa.nii.gz")
    source.read_into(out)
    return out.tobytes(), source.finish()


def turned(data: np.ndarray, affine: np.ndarray, axes: Any, flips: Any) -> Any:
    """The same labels in the same places, stored along other axes: their data and affine."""
    moved = data.transpose(axes)
    step = np.zeros((4, 4))
    step[3, 3] = 1
    for new, (old, flip) in enumerate(zip(axes, flips, strict=True)):
        step[old, new] = -1 if flip else 1
        step[old, 3] = data.shape[old] - 1 if flip else 0
        if flip:
            moved = np.flip(moved, new)
    return moved, affine @ step


def world_of(affine: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """(i, j, k, 3) world coordinates of every voxel, one matrix product at a time."""
    places = np.empty((*shape, 3))
    for voxel in np.ndindex(*shape):
        places[voxel] = (affine @ (*voxel, 1))[:3]
    return places


@st.composite
def affines(draw: st.DrawFn) -> np.ndarray:
    """Affines of scanners: any voxel size, oblique, permuted, flipped, a little sheared."""
    sizes = draw(st.tuples(*[st.sampled_from([0.7, 1.25, 2.0, 3.0])] * 3))
    axes, flips = draw(st.sampled_from(SIGNED_PERMUTATIONS))
    matrix = np.eye(3)[list(axes)] * np.where(flips, -1, 1)
    for plane in ((0, 1), (1, 2), (0, 2)):
        angle = np.deg2rad(draw(st.integers(-20, 20)))
        turn = np.eye(3)
        turn[np.ix_(plane, plane)] = [
            [np.cos(angle), -np.sin(angle)],
            [np.sin(angle), np.cos(angle)],
        ]
        matrix = turn @ matrix
    shear = np.eye(3)
    shear[0, 1] = draw(st.sampled_from([0.0, 0.1]))
    affine = np.eye(4)
    affine[:3, :3] = matrix @ shear * sizes
    affine[:3, 3] = draw(st.tuples(*[st.integers(-120, 120)] * 3))
    return affine


shapes = st.tuples(*[st.integers(1, 6)] * 3)
"""Shapes of small volumes, flat ones too."""


@st.composite
def slicings(draw: st.DrawFn, shape: Sequence[int]) -> dict[str, slice]:
    """Slices that keep at least one voxel an axis: cut, strided or reversed."""
    chosen = {}
    for dim, n in zip("ijk", shape, strict=True):
        start = draw(st.integers(0, n - 1))
        stop = draw(st.integers(start + 1, n))
        step = draw(st.integers(1, 3))
        if draw(st.booleans()):
            chosen[dim] = slice(stop - 1, start - 1 if start else None, -step)
        else:
            chosen[dim] = slice(start, stop, step)
    return chosen
