"""How long an archive takes to assemble and to read, and how many files it is.

    python benchmarks/archive.py --scans 1000

Makes a part of random numbers for every scan, finalizes, and prints a line each; reads are of a
store that was just opened, the median of ten.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from qsiparc.cohort.assemble import finalize
from qsiparc.cohort.parts import write_part
from qsiparc.cube import assemble, text, text_coords

if TYPE_CHECKING:
    from collections.abc import Callable

STATS = ("mean", "median", "std", "iqr", "skewness", "kurtosis", "n_voxels", "coverage")


def make_parts(out: Path, n_scans: int, n_regions: int, n_scalars: int) -> None:
    """Write a part of every scan."""
    names = [f"scalar{n}" for n in range(n_scalars)]
    shape = (n_regions, len(STATS), n_scalars, 1)
    coords = {
        "region": ("region", np.arange(1, n_regions + 1)),
        **text_coords(
            {
                "region_name": [f"region {n}" for n in range(n_regions)],
                "hemisphere": ["bilateral"] * n_regions,
            },
            "region",
        ),
        "stat": ("stat", text(STATS)),
        **text_coords({"scalar": names, "param": names}, "scalar"),
        **text_coords({"subject": ["sub-00000"], "participant_id": ["sub-00000"]}, "subject"),
    }
    rng = np.random.default_rng(0)
    values = rng.random(shape)
    cube = assemble(xr.Variable(("region", "stat", "scalar", "subject"), values), coords, {})
    tree = xr.DataTree.from_dict({"Atlas": cube})
    tree.attrs = {"failures": "[]", "left_out": "[]", "options": json.dumps({})}
    out.mkdir()
    for number in range(n_scans):
        scan = f"sub-{number:05}"
        whose = {name: ("subject", text([scan])) for name in ("subject", "participant_id")}
        numbers = {"value": (cube["value"].dims, rng.random(shape))}
        tree["Atlas"] = xr.DataTree(cube.assign_coords(whose).assign(numbers))
        write_part(out, scan, tree)


def median_ms(path: Path, read: Callable[[xr.Dataset], xr.DataArray]) -> float:
    """Time [ms] of a read from a store that was just opened."""
    times = []
    for _ in range(10):
        with xr.open_datatree(path, engine="zarr") as tree:
            cube = tree["Atlas"].to_dataset()
            start = time.perf_counter()
            read(cube).load()
            times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def main() -> None:
    """Make a study, assemble it, read it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scans", type=int, default=1000)
    parser.add_argument("--regions", type=int, default=400)
    parser.add_argument("--scalars", type=int, default=10)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="qsiparc-"))
    try:
        out = folder / "out"
        make_parts(out, options.scans, options.regions, options.scalars)
        start = time.perf_counter()
        finalize(out)
        print(f"assemble                                 {time.perf_counter() - start:8.1f} s")
        store = out / "qsiparc.zarr"
        files = [path for path in store.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files) / 1e6
        print(f"the archive                              {len(files):8d} files, {size:.0f} MB")
        reads: dict[str, Callable[[xr.Dataset], xr.DataArray]] = {
            "a region of all subjects": lambda ds: ds.value.isel(region=7, stat=0, scalar=3),
            "all regions of a subject": lambda ds: ds.value.isel(subject=-1, stat=0, scalar=3),
            "all regions of all subjects": lambda ds: ds.value.isel(stat=0, scalar=3),
        }
        for name, read in reads.items():
            print(f"{name + ', a stat, a scalar':<40} {median_ms(store, read):8.1f} ms")
        tracemalloc.start()
        finalize(out)
        peak = tracemalloc.get_traced_memory()[1] / 2**20
        print(f"memory while it is assembled             {peak:8.0f} MB")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
