"""How long the report of a large study takes, and how large it is.

    python benchmarks/report.py --scans 500 --scalars 60

Makes the archive of a study that was never scanned, laid out as `qsiparc build` leaves it: seven
atlases of the sizes that QSIRecon ships, values that vary as between people, one scan in fifty with
a field of view that ends too high, one in a hundred in other units, one in fifty without some
scalars; and a part a scan, with all of a part but its numbers, which the report does not read. Of
the eight statistics, the four that the report reads have values. Prints seconds, megabytes and the
memory that the report added.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import xarray as xr
import zarr

from qsiparc import find_problems, write_report
from qsiparc.cohort import zarrwriter
from qsiparc.cohort.layout import Layout
from qsiparc.cohort.parts import write_part
from qsiparc.cube import text
from qsiparc.names import STATUS_FLAGS

ATLASES = {
    "4S156Parcels": 156,
    "4S456Parcels": 456,
    "AAL116": 116,
    "AICHA384Ext": 394,
    "Brainnetome246Ext": 246,
    "Gordon333Ext": 405,
    "Tian": 54,
}
STATS = ("mean", "median", "std", "iqr", "skewness", "kurtosis", "n_voxels", "coverage")
PARAMS = {"fa": 0.3, "md": 8e-4, "rd": 6e-4, "ad": 1.2e-3, "icvf": 0.5, "isovf": 0.1, "rtop": 2e5}


def layout(atlas: str, n_regions: int, scans: list[str], n_scalars: int) -> Layout:
    """The group of an atlas, without its numbers; some scans lack scalars."""
    params = [list(PARAMS)[n % len(PARAMS)] for n in range(n_scalars)]
    scalars = [f"Software{n}-{param}" for n, param in enumerate(params)]
    half = n_regions // 2
    names = [f"{side}_Area_{n}" for side in ("LH", "RH") for n in range(half)]
    names += ["Stem"] * (n_regions - 2 * half)
    status = np.zeros((n_scalars, len(scans)), np.int8)
    status[::7, ::50] = STATUS_FLAGS["missing"]
    status[3::20, 20::50] = STATUS_FLAGS["failed"]
    coords = {
        "region": ("region", np.arange(1, n_regions + 1)),
        "region_name": ("region", text(names)),
        "hemisphere": (
            "region",
            text([{"L": "L", "R": "R"}.get(n[0], "bilateral") for n in names]),
        ),
        "stat": ("stat", text(list(STATS))),
        "scalar": ("scalar", text(scalars)),
        "software": ("scalar", text([s.partition("-")[0] for s in scalars])),
        "param": ("scalar", text(params)),
        "units": ("scalar", text([""] * n_scalars)),
        "subject": ("subject", text(scans)),
        "participant_id": ("subject", text([scan.partition("_")[0] for scan in scans])),
        "session_id": ("subject", text([scan.partition("_")[2] for scan in scans])),
        "dseg_file": ("subject", text([f"{scan}_seg-{atlas}_dseg.nii.gz" for scan in scans])),
    }
    return Layout(atlas, coords, {"map_file": 80}, status, {"generated_by": "benchmark"})


def write_atlas(out: Path, made: Layout, rng: np.random.Generator) -> None:
    """Numbers of one atlas."""
    path = out / "qsiparc.zarr"
    zarrwriter._write_skeleton(made, path, 3)  # noqa: SLF001 - an archive, without its parts
    group = zarr.open_group(path, path=made.atlas, mode="r+")
    values = zarrwriter._create(group, made, 3)  # noqa: SLF001 - the same
    n_regions, _, _, n_scans = made.shape
    usual = np.exp(rng.uniform(3, 7, (n_regions, 1)))
    size = np.rint(usual * np.exp(rng.normal(0, 0.13, (n_regions, n_scans))))
    for scalar, param in enumerate(made.names("param")):
        ok = np.where(made.status[scalar] == STATUS_FLAGS["ok"], 1.0, np.nan)
        level = PARAMS[param] * np.exp(rng.uniform(-0.4, 0.4, (n_regions, 1)))
        mean = level * (1 + 0.06 * rng.standard_normal((n_regions, n_scans)))
        share = 1 - rng.binomial(1, 0.05, size.shape) / size
        share[-n_regions // 20 :, 7::50] = 0.2
        if param == "md":
            mean[:, 13::100] *= 1000
        values[:, 0, scalar] = mean * ok
        values[:, 2, scalar] = 0.3 * level * rng.uniform(0.9, 1.1, mean.shape) * ok
        values[:, 6, scalar] = np.rint(size * share) * ok
        values[:, 7, scalar] = np.rint(size * share) / size * ok
        group["map_file"][scalar] = text(
            [
                f"{scan}_model-x{scalar}_param-{param}_dwimap.nii.gz"
                for scan in made.names("subject")
            ]
        )


def make_part(out: Path, scan: str, layouts: list[Layout]) -> None:
    """A part with all that a report looks at, and no numbers."""
    inputs = [
        {"path": f"{scan}/dwi/{scan}_model-x{n}_param-{param}_dwimap.nii.gz", "size": 1}
        for n, param in enumerate(layouts[0].names("param"))
    ]
    needed = ("region_name", "stat", "scalar", "software", "param", "units")
    cubes = {
        made.atlas: xr.Dataset(coords={name: made.coords[name] for name in needed})
        for made in layouts
    }
    tree = xr.DataTree.from_dict(cubes)
    tree.attrs = {"warnings": "[]", "inputs": json.dumps(inputs)}
    write_part(out, scan, tree)


def make_study(out: Path, scans: list[str], n_scalars: int) -> None:
    """The output folder of a study."""
    rng = np.random.default_rng(1)
    layouts = [layout(atlas, size, scans, n_scalars) for atlas, size in ATLASES.items()]
    for made in layouts:
        write_atlas(out, made, rng)
    with warnings.catch_warnings(action="ignore"):  # of a format that is not settled
        zarr.consolidate_metadata(out / "qsiparc.zarr")
    for scan in scans:
        make_part(out, scan, layouts)


def peak() -> float:
    """The most memory that this process had [MB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Make a study, report on it, and print what that took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scans", type=int, default=500)
    parser.add_argument("--scalars", type=int, default=60)
    parser.add_argument("--keep", type=Path, help="make the study there, or use that one")
    options = parser.parse_args()
    out = options.keep or Path(tempfile.mkdtemp(prefix="qsiparc-"))
    scans = [f"sub-{n:04d}_ses-01" for n in range(1, options.scans + 1)]
    try:
        if not (out / "parts").exists():
            out.mkdir(exist_ok=True)
            make_study(out, scans, options.scalars)
        before = peak()
        start, cpu = time.perf_counter(), time.process_time()
        path = write_report(out)
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        print(
            f"{options.scans} scans, {options.scalars} scalars, {len(ATLASES)} atlases with "
            f"{sum(ATLASES.values())} regions: {seconds:.1f} s, {cpu:.1f} s of them at work, "
            f"{path.stat().st_size / 1e6:.1f} MB, "
            f"{peak() - before:.0f} MB more memory than the {before:.0f} MB of making the study"
        )
        print(find_problems(out)["kind"].value_counts().to_string())
    finally:
        if options.keep is None:
            shutil.rmtree(out)


if __name__ == "__main__":
    main()
