"""A probabilistic atlas in one pass against the plain ways: ``python benchmarks/probseg.py``.

Makes an atlas of 48 volumes at 2 mm, gzipped, and four maps, and extracts the means of all of them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import xarray as xr

import qsiparc

if TYPE_CHECKING:
    from collections.abc import Callable

SHAPE = (91, 109, 91)
AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])


def make_atlas(path: Path, n: int, rng: np.random.Generator) -> None:
    """Bells of about the size of cortical regions, probabilities to three digits."""
    axes = np.meshgrid(*map(np.arange, SHAPE), indexing="ij", sparse=True)
    data = np.zeros((*SHAPE, n), np.float32)
    for region in range(n):
        centre, width = rng.uniform(20, 70, 3), rng.uniform(4, 9)
        square = sum((axis - at) ** 2 for axis, at in zip(axes, centre, strict=True))
        bell = np.exp(-square / (2 * width**2))
        data[..., region] = np.where(bell < 0.02, 0, np.round(bell, 3))  # noqa: PLR2004 - a tail
    nib.Nifti1Image(data, AFFINE).to_filename(path)


def whole(path: Path, maps: xr.Dataset) -> np.ndarray:
    """Weighted means with all volumes in memory."""
    atlas = nib.load(path).get_fdata(dtype=np.float32)
    weights = atlas.reshape(-1, atlas.shape[3])
    return np.stack([m.to_numpy().ravel() @ weights / weights.sum(0) for m in maps.values()])


def one_by_one(path: Path, maps: xr.Dataset) -> np.ndarray:
    """Weighted means, each volume by a slice of the file."""
    image, columns = nib.load(path), []
    for region in range(image.shape[3]):
        weights = np.asarray(image.dataobj[..., region]).ravel()
        columns.append([m.to_numpy().ravel() @ weights / weights.sum() for m in maps.values()])
    return np.array(columns).T


def ours(path: Path, maps: xr.Dataset, **options: object) -> np.ndarray:
    """The same with qsiparc."""
    cube = maps.parc.extract(path, weights="probability", **options)
    return cube.value.sel(stat="mean").squeeze("subject").transpose("scalar", "region").to_numpy()


def peak(call: Callable[[], object]) -> float:
    """The most memory that was in use [MB]."""
    tracemalloc.start()
    call()
    found = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return found


def main() -> None:
    """Print one line a way: time and memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--regions", type=int, default=48, help="volumes of the atlas")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    maps = xr.Dataset(
        {
            name: qsiparc.open_nifti(nib.Nifti1Image(rng.random(SHAPE, np.float32), AFFINE)).load()
            for name in ("FA", "MD", "AD", "RD")
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "atlas-Soft_probseg.nii.gz")
        make_atlas(path, options.regions, rng)
        ways = {
            "all in memory (NumPy)": lambda: whole(path, maps),
            "slice by slice (nibabel)": lambda: one_by_one(path, maps),
            "qsiparc, mean": lambda: ours(path, maps, stats="mean"),
            "qsiparc, extended": lambda: ours(path, maps),
        }
        expected = whole(path, maps)
        print(f"{options.regions} volumes of {SHAPE}, {len(maps)} maps, best of three")
        for name, way in ways.items():
            np.testing.assert_allclose(way(), expected, rtol=1e-3)
            times = []
            for _ in range(3):
                start = time.perf_counter()
                way()
                times.append(time.perf_counter() - start)
            print(f"  {name:25} {min(times):6.2f} s  {peak(way):7.0f} MB")


if __name__ == "__main__":
    main()
