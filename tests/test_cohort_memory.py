from __future__ import annotations

import gc
import shutil
import tracemalloc
from dataclasses import replace
from functools import partial

import pytest

import qsiparc
from qsiparc.cohort.plan import Options, make_plan
from qsiparc.cohort.study import Study, prepare_output
from qsiparc.cohort.task import run_task
from qsiparc.tutorial import make_qsirecon

N_MAPS = 6


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    folder = tmp_path_factory.mktemp("memory")
    root = make_qsirecon(folder / "qsirecon", n_subjects=1, resolution=2)
    for path in root.rglob("*direction_dwimap.nii.gz"):
        path.unlink()
    plan = make_plan(root, prepare_output(root, folder / "out"), Options())
    run_task(plan.tasks[0])  # what is imported on first use is no part of a scan
    return plan


def peak_of(call):
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_scan_takes_less_than_four_volumes(plan):
    (task,) = plan.tasks
    task = replace(task, maps=task.maps[:N_MAPS])
    assert [len(one.dsegs) for one in task.maps] == [2] * N_MAPS
    volume = 4 * qsiparc.open_nifti(task.maps[0].path).size
    assert peak_of(lambda: run_task(task)) < 4 * volume


def test_ten_atlases_take_less_than_four_volumes(plan, tmp_path):
    (task,) = plan.tasks
    dsegs, luts = {}, {}
    for number in range(10):
        atlas = sorted(task.luts)[number % 2]
        name = f"{atlas}x{number}"
        dsegs[name] = str(shutil.copy(task.maps[0].dsegs[atlas], tmp_path / f"{name}.nii.gz"))
        luts[name] = task.luts[atlas]
    task = replace(task, maps=tuple(m._replace(dsegs=dsegs) for m in task.maps[:2]), luts=luts)
    volume = 4 * qsiparc.open_nifti(task.maps[0].path).size
    assert peak_of(lambda: run_task(task)) < 4 * volume


@pytest.mark.parametrize(("few", "many"), [(2, 20), (20, 200)])
def test_memory_does_not_grow_with_the_scans(plan, tmp_path, few, many):
    def study(n_scans):
        out = tmp_path / str(n_scans)
        (out / "parts").mkdir(parents=True)
        (task,) = plan.tasks
        tasks = [
            replace(task, out=str(out), scan=f"sub-{number:03d}", maps=task.maps[:1])
            for number in range(n_scans)
        ]
        # Collected after every scan: what is waiting for the collector is no growth.
        run = partial(Study(replace(plan, tasks=tasks)).run, 1, strict=True)
        return peak_of(lambda: run(tell=lambda _: gc.collect()))

    assert study(many) < 1.1 * study(few)
    shutil.rmtree(tmp_path)
