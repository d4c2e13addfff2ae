from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import pytest
from killers import Killer

import qsiparc
from qsiparc.cohort import executors
from qsiparc.cohort.output import prepare_output
from qsiparc.cohort.parts import part_attrs, part_paths, read_part
from qsiparc.cohort.plan import Options, make_plan
from qsiparc.cohort.study import Study
from qsiparc.tutorial import make_qsirecon

N_SCANS = 5
VICTIM = "sub-002_ses-01"


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("made") / "qsirecon"
    make_qsirecon(root, n_subjects=N_SCANS, resolution=8)
    for software in ("AMICONODDI", "TORTOISE"):
        shutil.rmtree(root / "derivatives" / f"qsirecon-{software}")
    return root


@pytest.fixture(scope="module")
def undisturbed(tree, tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    Study(plan_of(tree, out)).run(1, strict=True)
    return out


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    dask = pytest.importorskip("dask")
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),  # 3 is slower, no more
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",
            silence_logs=100,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def plan_of(tree, out):
    options = Options(atlas="Brainnetome246Ext", stats="core")
    return make_plan(tree, prepare_output(tree, out), options)


def deadly(plan, tmp_path, **lives):
    """The plan, with one scan that kills whoever works on it."""
    tasks = [
        replace(task, luts=Killer(task.luts, tmp_path, **lives)) if task.scan == VICTIM else task
        for task in plan.tasks
    ]
    return replace(plan, tasks=tasks)


def assert_same_parts(one, other, but=()):
    paths = [path for path in part_paths(one) if path.stem not in but]
    assert len(paths) == N_SCANS - len(but)
    for path in paths:
        first, second = read_part(path), read_part(other / "parts" / path.name)
        assert first.identical(second)
        values = [part["Brainnetome246Ext"]["value"].to_numpy() for part in (first, second)]
        assert values[0].tobytes() == values[1].tobytes()


def assert_only_the_victim_is_lost(report, out, undisturbed):
    assert report.failed == [VICTIM]
    assert len(report.done) == N_SCANS - 1
    assert report.exit_code == 1
    assert_same_parts(undisturbed, out, but=[VICTIM])
    assert '"step": "worker"' in part_attrs(out / "parts" / f"{VICTIM}.nc")["failures"]


@pytest.fixture(params=["own processes", "given pool", "loky", "dask"])
def engine(request):
    if request.param == "own processes":
        yield 2
    elif request.param == "dask":
        yield request.getfixturevalue("client")
    elif request.param == "loky":
        with pytest.importorskip("loky").ProcessPoolExecutor(2) as pool:
            yield pool
    else:
        with ProcessPoolExecutor(2, executors._context()) as pool:
            yield pool


def test_whoever_runs_it_the_parts_are_the_same(tree, tmp_path, undisturbed, engine):
    report = Study(plan_of(tree, tmp_path)).run(engine)
    assert len(report.done) == N_SCANS
    assert_same_parts(undisturbed, tmp_path)
    again = Study(plan_of(tree, tmp_path)).run(engine)
    assert len(again.skipped) == N_SCANS


def test_a_scan_that_kills_its_worker_is_the_only_one_lost(tree, tmp_path, undisturbed, engine):
    plan = deadly(plan_of(tree, tmp_path / "out"), tmp_path)
    report = Study(plan).run(engine)
    assert_only_the_victim_is_lost(report, tmp_path / "out", undisturbed)
    healed = Study(plan_of(tree, tmp_path / "out")).run(engine)
    assert (healed.done, len(healed.skipped)) == ([VICTIM], N_SCANS - 1)
    assert_same_parts(undisturbed, tmp_path / "out")


def test_a_worker_that_is_killed_once_loses_nothing(tree, tmp_path, undisturbed, engine):
    report = Study(deadly(plan_of(tree, tmp_path / "out"), tmp_path, lives=1)).run(engine)
    assert (len(report.done), report.exit_code) == (N_SCANS, 0)
    assert len(list(tmp_path.glob("*.death"))) == 1
    assert_same_parts(undisturbed, tmp_path / "out")


def test_a_script_without_a_guard_works(tree, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from qsiparc.cohort import build\n"
        "print('begin')\n"
        f"build({str(tree)!r}, {str(tmp_path / 'out')!r}, executor=2, stats='core', shard='1/1')\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("begin\n", "")
    assert len(part_paths(tmp_path / "out")) == N_SCANS


def test_importing_the_package_imports_no_engine():
    code = "import sys, qsiparc.cohort; print('distributed' in sys.modules, 'dask' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
    assert qsiparc.__version__
