"""What checking costs when a file is good: ``python benchmarks/checking.py``.

Reads the voxels of one map, in turns, with all checks (that the file is the one that was opened,
its checksum, its length, its end) and with none: the bare deflate stream, or the bare bytes. Then
reads its header, beside nibabel.
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
from zlib_ng import zlib_ng

import qsiparc
from qsiparc.header import load_image

if TYPE_CHECKING:
    from collections.abc import Callable

    Reader = Callable[[Path], Callable[[], np.ndarray]]

SHAPE = (145, 174, 145)
HEADER, GZIP_HEADER = 352, 10
CHUNK, PIECE = 2**17, 2**19


def checked(path: Path) -> Callable[[], np.ndarray]:
    """What reads the voxels of a volume that was opened."""
    return qsiparc.open_nifti(path).to_numpy


def unchecked(path: Path) -> Callable[[], np.ndarray]:
    """What reads the voxels, no question asked, of a volume that was opened just as well."""
    qsiparc.open_nifti(path)
    return lambda: bare(path)


def bare(path: Path) -> np.ndarray:
    """The bytes from where the voxels are known to begin."""
    out = np.empty(np.prod(SHAPE) * 4, np.uint8)
    view, skip = memoryview(out.data), HEADER
    with path.open("rb") as stream:
        if path.suffix != ".gz":
            stream.seek(HEADER)
            stream.readinto(out)
        else:
            stream.seek(GZIP_HEADER)
            inflater = zlib_ng.decompressobj(-zlib_ng.MAX_WBITS)
            while view:
                chunk = inflater.unconsumed_tail or stream.read(CHUNK)
                data = inflater.decompress(chunk, PIECE)[skip:]
                skip = 0
                view[: len(data)] = data
                view = view[len(data) :]
    return out.view(np.float32).reshape(SHAPE, order="F")


def timed(
    readers: dict[str, Callable[[Path], Callable[[], np.ndarray]]], path: Path, rounds: int
) -> None:
    """Print the median of each reader, and of their ratio round by round."""
    times: dict[str, list[float]] = {name: [] for name in readers}
    for n in range(rounds):
        for name in sorted(readers, reverse=bool(n % 2)):
            read = readers[name](path)
            start = time.perf_counter()
            read()
            times[name].append(1000 * (time.perf_counter() - start))
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    ratio = statistics.median(
        one / other for one, other in zip(times["checked"], times["unchecked"], strict=True)
    )
    text = ", ".join(f"{name} {median:.1f} ms" for name, median in medians.items())
    print(f"{path.name}, {path.stat().st_size / 1e6:.1f} MB: {text}; ratio {ratio:.2f}")


def opened(path: Path, rounds: int) -> None:
    """Print how long it takes to read and check a header, beside nibabel."""
    times: dict[str, list[float]] = {"qsiparc": [], "nibabel": []}
    for _ in range(rounds):
        for name, load in (("qsiparc", load_image), ("nibabel", nib.load)):
            start = time.perf_counter()
            load(path)
            times[name].append(1000 * (time.perf_counter() - start))
    text = ", ".join(f"{name} {statistics.median(taken):.2f} ms" for name, taken in times.items())
    print(f"  its header: {text}")


def main() -> None:
    """Print a line for a gzip file and one for a plain file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="reads with each, in turns")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    values = np.zeros(SHAPE, np.float32)
    values[25:120, 30:145, 25:120] = rng.random((95, 115, 95)).round(3)
    readers = {"checked": checked, "unchecked": unchecked}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("map.nii.gz", "map.nii"):
            path = Path(folder, name)
            nib.save(nib.Nifti1Image(values, np.diag([1.25, 1.25, 1.25, 1])), path)
            assert np.array_equal(checked(path)(), bare(path))  # noqa: S101 - the same numbers
            timed(readers, path, options.rounds)
            opened(path, options.rounds)


if __name__ == "__main__":
    main()
