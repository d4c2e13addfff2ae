"""Take the picture of the report on the page about it; needs chromium.

python docs/report_picture.py docs/_static/report.png
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import qsiparc
from qsiparc.tutorial import make_qsirecon

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--window-size=1280,1290", "--force-device-scale-factor=1"),
)


def spoil(root: Path) -> None:
    """Put one map into other units, and one voxel of another beyond all bounds."""
    [md] = root.glob("derivatives/*/sub-004/ses-01/dwi/*space-ACPC*param-md_dwimap.nii.gz")
    (qsiparc.open_nifti(md).load() * 1000).parc.to_nifti(md)
    [rtop] = root.glob("derivatives/*/sub-006/ses-01/dwi/*space-ACPC*param-rtop_dwimap.nii.gz")
    [dseg] = root.glob("sub-006/ses-01/dwi/*4S156*_dseg.nii.gz")
    volume = qsiparc.open_nifti(rtop).load()
    first = tuple(np.argwhere(qsiparc.open_nifti(dseg).to_numpy() == 20)[0])  # noqa: PLR2004 - a region
    volume[first] = 3.4e38
    volume.parc.to_nifti(rtop)


def main() -> None:
    """Make a study with faults, report on it, and photograph the page."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("This needs chromium: apt-get install chromium")
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/_static/report.png").resolve()
    with tempfile.TemporaryDirectory() as folder:
        root = make_qsirecon(Path(folder, "qsirecon"), n_subjects=6)
        spoil(root)
        out = Path(folder, "a-study")
        qsiparc.build(root, out, zero_is_missing=True, report=False)
        page = qsiparc.write_report(out, mosaics=4)
        profile = f"--user-data-dir={folder}/profile"
        subprocess.run(  # noqa: S603 - the browser that was found
            [chromium, *FLAGS, profile, f"--screenshot={target}", page.as_uri()],
            check=True,
            stderr=subprocess.DEVNULL,
        )
    with Image.open(target) as picture:
        picture.quantize(128).save(target, optimize=True)


if __name__ == "__main__":
    main()
