"""What docs/howto/other-languages.md shows, run by the language that it is in."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import qsiparc
from qsiparc.tutorial import make_qsirecon

PAGE = Path(__file__).parents[1] / "docs/howto/other-languages.md"
BLOCKS = re.findall(r"^```r\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def rscript(code, folder):
    return subprocess.run(
        [shutil.which("Rscript") or "Rscript", "-e", code],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def has_r(package):
    return shutil.which("Rscript") and rscript(f"library({package})", ".").returncode == 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    root = make_qsirecon(folder / "qsirecon", n_subjects=2, resolution=6)
    qsiparc.build(root, folder / "out", tsv=True, netcdf=True)
    return folder


@pytest.mark.skipif(not has_r("ncdf4"), reason="R or its package ncdf4 is not installed")
def test_r_reads_the_cube(folder):
    done = rscript(BLOCKS[0], folder)
    assert done.returncode == 0, done.stderr
    md = qsiparc.open(folder / "out")["4S156Parcels"].to_dataset()
    md = md.parc.sel(scalar="md", stat="mean", region_name="LH_Vis_1").value
    names, numbers = (line.split() for line in done.stdout.splitlines())
    assert names == md.subject.values.tolist()
    assert [float(n) for n in numbers] == pytest.approx(md.values, rel=1e-3)


@pytest.mark.skipif(not has_r("stats"), reason="R is not installed")
def test_r_reads_the_long_table(folder):
    done = rscript(BLOCKS[1], folder)
    assert done.returncode == 0, done.stderr
    cube = qsiparc.open(folder / "out")["4S156Parcels"].to_dataset()
    one = cube.parc.sel(scalar="md", region_name="LH_Vis_1", subject="sub-001_ses-01")
    _, mean, n_voxels = done.stdout.splitlines()[1].split()
    assert float(mean) == pytest.approx(one.value.sel(stat="mean").item(), rel=1e-5)
    assert int(n_voxels) == one.value.sel(stat="n_voxels").item()
