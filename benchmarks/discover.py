"""How long finding everything takes, and how much memory, on a made tree of empty files.

    python benchmarks/discover.py --files 1000000

A subject has 100 files in five folders, as QSIRecon leaves them: 25 native maps, 20 template maps,
4 dsegs, and 51 others. Prints, for three sizes, microseconds a file and peak memory above that of
the imports, of a process of its own.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FILES_A_SUBJECT = 100
ATLASES = ("4S156Parcels", "4S456Parcels", "AAL116", "Brainnetome246Ext")
WORKFLOWS = ("DIPYDKI", "DSIStudio", "TORTOISE", "NODDI", "PYAFQ")
MEGABYTE = 2**20
KILOBYTE = 2**10


def names_of(subject: str) -> list[tuple[str, str]]:
    """Folder and name of every file of a subject."""
    scan = f"sub-{subject}_ses-1_dir-AP_space-"
    files = [
        (f"derivatives/qsirecon-{workflow}", f"{scan}{space}_model-m_param-p{number}_dwimap.nii.gz")
        for workflow in WORKFLOWS
        for space, count in (("ACPC", 5), ("MNI152NLin2009cAsym", 4))
        for number in range(count)
    ]
    files += [(workflow, name.replace(".nii.gz", ".json")) for workflow, name in files]
    files += [(".", f"{scan}ACPC_seg-{atlas}_dseg.nii.gz") for atlas in ATLASES]
    return files + [
        ("derivatives/qsirecon-DSIStudio", f"{scan}ACPC_bundle-{number}_streamlines.tck.gz")
        for number in range(FILES_A_SUBJECT - len(files))
    ]


def make_tree(root: Path, n_files: int) -> None:
    """Lay out empty files."""
    for atlas in ATLASES:
        folder = root / "atlases" / f"atlas-{atlas}"
        folder.mkdir(parents=True)
        (folder / f"atlas-{atlas}_dseg.tsv").write_text("index\tname\n1\ta\n")
    for number in range(n_files // FILES_A_SUBJECT):
        subject = f"{number:06d}"
        files = names_of(subject)
        for top in {folder for folder, _ in files}:
            (root / top / f"sub-{subject}" / "ses-1" / "dwi").mkdir(parents=True)
        for top, name in files:
            (root / top / f"sub-{subject}" / "ses-1" / "dwi" / name).touch()


def peak() -> int:
    """The most memory this process ever had [bytes]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KILOBYTE


def measure(root: str) -> None:
    """Search a tree and print seconds, bytes and what was found."""
    import pandas as pd  # noqa: F401 - not part of what is measured

    from qsiparc.discover import find

    before = peak()
    start = time.perf_counter()
    dataset = find(root)
    seconds = time.perf_counter() - start
    kept = len(dataset.search.found)
    print(seconds, peak() - before, kept, dataset.n_pairs)


def main() -> None:
    """Make trees of a quarter, a half and all of the files, and measure each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=100_000, help="files of the largest tree")
    parser.add_argument("--measure", metavar="DIR", help="measure a tree that is there")
    options = parser.parse_args()
    if options.measure:
        measure(options.measure)
        return
    print("    files     kept      pairs  seconds  us a file  MB peak  bytes a kept file")
    for n_files in (options.files // 4, options.files // 2, options.files):
        root = Path(tempfile.mkdtemp(prefix="qsiparc-"))
        try:
            make_tree(root, n_files)
            command = [sys.executable, __file__, "--measure", str(root)]
            text = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - this very script
        finally:
            shutil.rmtree(root)
        seconds, memory, kept, pairs = (float(word) for word in text.split())
        print(
            f"{n_files:>9,} {kept:>8,.0f} {pairs:>10,.0f} {seconds:>8.2f} "
            f"{seconds / n_files * 1e6:>10.1f} {memory / MEGABYTE:>8.1f} {memory / kept:>18.0f}"
        )


if __name__ == "__main__":
    main()
