"""The output of a build is a BIDS derivative, says the validator."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import qsiparc
from qsiparc.tutorial import make_qsirecon

VALIDATOR = shutil.which("bids-validator-deno", path=str(Path(sys.executable).parent))

pytestmark = pytest.mark.skipif(VALIDATOR is None, reason="bids-validator-deno is not installed")


@pytest.fixture
def out(tmp_path):
    root = make_qsirecon(tmp_path / "qsirecon", n_subjects=2, resolution=8)
    qsiparc.build(root, tmp_path / "out", executor=1, tsv=True, netcdf=True, parquet=True)
    return tmp_path / "out"


def issues(folder, severity):
    done = subprocess.run(
        [VALIDATOR, folder, "--format", "json"], capture_output=True, text=True, check=False
    )
    found = json.loads(done.stdout)["issues"]["issues"]
    return {issue["code"] for issue in found if issue["severity"] == severity}


def test_the_validator_finds_no_error(out):
    assert len(list(out.glob("sub-*/**/*_diffmap.tsv"))) == 4
    assert issues(out, "error") == set()


def test_the_validator_would_find_one(out):
    (out / ".bidsignore").unlink()
    assert "NOT_INCLUDED" in issues(out, "error")
