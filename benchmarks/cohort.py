"""How long a study takes, by who runs it, on a made tree.

    python benchmarks/cohort.py --scans 24 --resolution 2 --workers 2

Prints seconds and scans a minute of one process, of threads and of processes, and of a second call
that has nothing to do.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from qsiparc.cohort.output import prepare_output
from qsiparc.cohort.plan import Options, make_plan
from qsiparc.cohort.study import Study
from qsiparc.tutorial import make_qsirecon

if TYPE_CHECKING:
    from concurrent.futures import Executor


def seconds(root: Path, out: Path, engine: int | Executor) -> float:
    """Write the parts of a study; the archive is not assembled."""
    start = time.perf_counter()
    Study(make_plan(root, prepare_output(root, out), Options())).run(engine, strict=True)
    return time.perf_counter() - start


def main() -> None:
    """Make a tree, build it by each engine, and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scans", type=int, default=24)
    parser.add_argument("--resolution", type=float, default=2.0, help="edge of a voxel [mm]")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="qsiparc-"))
    try:
        root = make_qsirecon(
            folder / "qsirecon", n_subjects=options.scans, resolution=options.resolution
        )
        engines = {
            "one process": 1,
            "threads": ThreadPoolExecutor(options.workers),
            "processes": options.workers,
        }
        for name, engine in engines.items():
            out = folder / name.replace(" ", "-")
            first, again = (seconds(root, out, engine) for _ in range(2))
            rate = 60 * options.scans / first
            print(f"{name:<12} {first:7.2f} s  {rate:7.1f} scans a minute, again {again:.2f} s")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
