"""A build is killed, starved and interrupted, and ends as if nothing had happened.

The long version: ``QSIPARC_KILLS=100 python -m pytest tests/test_cohort_survives.py -k killed``.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import qsiparc
from qsiparc.cohort import build
from qsiparc.cohort.parts import part_attrs, part_paths, read_part
from qsiparc.errors import BuildError, CubeError, QsiparcWarning
from qsiparc.tutorial import make_qsirecon

N_SCANS = 8
N_KILLS = int(os.environ.get("QSIPARC_KILLS", "10"))
SMALL = {"atlas": "Brainnetome246Ext", "stats": "core"}

SCRIPT = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
import netCDF4, nibabel, zarr
from qsiparc.cohort import assemble, build, study
print("ready", flush=True)
build({root!r}, {out!r}, atlas="Brainnetome246Ext", stats="core"{more})
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("made") / "qsirecon"
    make_qsirecon(root, n_subjects=N_SCANS, resolution=8)
    shutil.rmtree(root / "derivatives/qsirecon-AMICONODDI")
    return root


@pytest.fixture(scope="module")
def undisturbed(tree, tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    build(tree, out, **SMALL)
    return out


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def start(tree, out, more=""):
    """A build in a process group of its own, on its way."""
    code = SCRIPT.format(root=str(tree), out=str(out), more=more)
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


def assert_same_study(one, other):
    paths = part_paths(one)
    assert len(paths) == N_SCANS
    assert [path.name for path in paths] == [path.name for path in part_paths(other)]
    for path in paths:
        assert_identical(read_part(path), read_part(other / "parts" / path.name))
    assert_identical(*(qsiparc.open(folder).load() for folder in (one, other)))


def assert_identical(first, second):
    assert first.identical(second)
    values = [tree[SMALL["atlas"]]["value"].to_numpy() for tree in (first, second)]
    assert values[0].tobytes() == values[1].tobytes()


@pytest.mark.parametrize("more", ["", ", executor=2"])
def test_killed_at_random_moments_it_ends_as_if_undisturbed(tree, out, undisturbed, more):
    chance = random.Random(len(more))  # noqa: S311 - moments, not secrets
    n_whole = n_partial = 0
    for kill in range(2 * N_KILLS):
        if kill >= N_KILLS // 2 and n_partial:
            break
        process = start(tree, out, more)
        target = chance.randint(n_whole, N_SCANS)
        while len(part_paths(out)) < target and process.poll() is None:
            time.sleep(0.001)
        if kill % 2:  # all scans may be done within 0.1 s: the others are killed at a part
            time.sleep(chance.uniform(0, 0.2))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        for path in part_paths(out):
            part_attrs(path)
        assert len(part_paths(out)) >= n_whole
        n_whole = len(part_paths(out))
        n_partial += 0 < n_whole < N_SCANS
        if n_whole == N_SCANS:
            shutil.rmtree(out)
            n_whole = 0
    assert n_partial
    study = build(tree, out, **SMALL)
    assert study[SMALL["atlas"]].sizes["subject"] == N_SCANS
    assert_same_study(out, undisturbed)


def test_ctrl_c_keeps_what_was_done(tree, out, undisturbed):
    process = start(tree, out, ", executor=2")
    while not part_paths(out):
        time.sleep(0.001)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode != 0, errors
    assert errors.splitlines()[-1] == "KeyboardInterrupt"
    assert "Process " not in errors
    n_done = len(part_paths(out))
    assert 1 <= n_done < N_SCANS
    assert not list((out / "parts").glob(".*"))
    build(tree, out, **SMALL)
    assert_same_study(out, undisturbed)


def test_two_builds_at_once(tree, out, undisturbed):
    builds = [start(tree, out) for _ in range(2)]
    for process in builds:
        said = process.communicate(timeout=60)[1].splitlines()
        # numcodecs says of its own import, with the oldest zarr, that crc32c is deprecated
        assert not [line for line in said if "crc32c" not in line and "checksum32" not in line]
        assert process.returncode == 0
    assert_same_study(out, undisturbed)


def test_a_full_disk_is_told_and_space_mends_it(tree, out, undisturbed):
    limit = (
        "import resource, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
    )
    code = limit + SCRIPT.format(root=str(tree), out=str(out), more=", shard='1/1'")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert f"{N_SCANS} of {N_SCANS} scans failed" in done.stderr
    assert ", write of out: " in done.stderr
    assert not list((out / "parts").glob(".*"))
    for path in part_paths(out):
        assert not read_part(path).children
    build(tree, out, **SMALL)
    assert_same_study(out, undisturbed)


def test_not_even_the_reason_can_be_written(tree, out, monkeypatch):
    opened = Path.open

    def full(path, *arguments, **options):
        if path.parent.name == "parts":
            raise OSError(28, "No space left on device")
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", full)
    with pytest.warns(QsiparcWarning, match=r"write of out: OSError: \[Errno 28\] No space left"):
        build(tree, out, shard="1/4", **SMALL)
    assert part_paths(out) == []
    assert "No space left" in (out / "failures.tsv").read_text()


def test_an_output_that_cannot_be_written_is_refused_at_once(tree, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(BuildError, match="cannot write there"):
        build(tree, tmp_path / "file", **SMALL)

    def refuse(*_arguments, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(
        BuildError, match=r"cannot write there: .*Permission denied.*another folder"
    ):
        build(tree, tmp_path / "readonly", **SMALL)


def test_a_damaged_part_is_made_again(tree, out, undisturbed):
    build(tree, out, shard="1/1", **SMALL)
    path = part_paths(out)[3]
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(CubeError, match="no whole part"):
        part_attrs(path)
    with pytest.warns(QsiparcWarning, match=rf"parts of 1 scans \({path.stem}\) cannot be read"):
        build(tree, out, **SMALL)
    assert_same_study(out, undisturbed)


def test_old_leftovers_are_swept(tree, out):
    (out / "parts").mkdir(parents=True)
    old, new = (out / "parts" / f".sub-001.{age}.tmp" for age in ("old", "new"))
    for path in (old, new):
        path.touch()
    os.utime(old, (0, 0))
    build(tree, out, shard="1/8", **SMALL)
    assert new.exists()
    assert not old.exists()
