"""What checking a gzip to its end buys and costs: ``python benchmarks/reading.py``.

Damages one byte at a time of a small map and counts what nibabel and qsiparc make of it, then
reads a whole map with both, in turns.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np

import qsiparc

if TYPE_CHECKING:
    from collections.abc import Callable


def with_nibabel(path: Path) -> np.ndarray:
    """The values as nibabel reads them."""
    return np.asanyarray(nib.load(path).dataobj)


def with_qsiparc(path: Path) -> np.ndarray:
    """The values as qsiparc reads them."""
    return qsiparc.open_nifti(path).to_numpy()


def damaged(path: Path, reader: Callable[[Path], np.ndarray], times: int) -> tuple[int, int]:
    """How many damaged copies gave other numbers without an error, and how many an error."""
    whole, expected = path.read_bytes(), reader(path)
    rng = np.random.default_rng(1)
    copy = path.with_name("damaged.nii.gz")
    silent = loud = 0
    for at in rng.choice(np.arange(20, len(whole)), times, replace=False):
        broken = bytearray(whole)
        broken[at] ^= int(rng.integers(1, 256))
        copy.write_bytes(broken)
        try:
            silent += not np.array_equal(reader(copy), expected, equal_nan=True)
        except Exception:  # noqa: BLE001 - any error is loud
            loud += 1
    return silent, loud


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, default=300, help="damaged copies to read")
    parser.add_argument("--rounds", type=int, default=15, help="reads of the whole map, in turns")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    readers = {"nibabel": with_nibabel, "qsiparc": with_qsiparc}
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder, "small.nii.gz")
        nib.save(nib.Nifti1Image(rng.random((30, 36, 30), np.float32), np.eye(4)), small)
        print(f"{options.copies} copies with one damaged byte each")
        for name, reader in readers.items():
            silent, loud = damaged(small, reader, options.copies)
            print(f"  {name}: {silent} gave other numbers silently, {loud} an error")

        large = Path(folder, "large.nii.gz")
        values = np.zeros((145, 174, 145), np.float32)
        values[25:120, 30:145, 25:120] = rng.random((95, 115, 95)).round(3)
        nib.save(nib.Nifti1Image(values, np.diag([1.25, 1.25, 1.25, 1])), large)
        times: dict[str, list[float]] = {name: [] for name in readers}
        for _ in range(options.rounds):
            for name, reader in readers.items():
                start = time.perf_counter()
                reader(large)
                times[name].append(1000 * (time.perf_counter() - start))
        print(f"a map of 145 x 174 x 145, {large.stat().st_size / 1e6:.1f} MB, medians")
        for name, taken in times.items():
            print(f"  {name}: {statistics.median(taken):.0f} ms")


if __name__ == "__main__":
    main()
