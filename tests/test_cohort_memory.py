from __future__ import annotations

import gc
import shutil
import tracemalloc
from dataclasses import replace

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

import qsiparc
from qsiparc.atlas import AtlasLUT
from qsiparc.catalogue import resolve
from qsiparc.cohort.output import prepare_output
from qsiparc.cohort.plan import Options, make_plan
from qsiparc.cohort.scan import run_task, run_tasks
from qsiparc.cohort.study import Study
from qsiparc.tutorial import make_qsirecon

N_MAPS = 6


def one_scan(folder, resolution):
    root = make_qsirecon(folder / "qsirecon", n_subjects=1, resolution=resolution)
    for path in root.rglob("*direction_dwimap.nii.gz"):
        path.unlink()
    plan = make_plan(root, prepare_output(root, folder / "out"), Options())
    run_task(plan.tasks[0])  # what is imported on first use is no part of a scan
    return plan


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return one_scan(tmp_path_factory.mktemp("memory"), 2)


@pytest.fixture(scope="module")
def small_plan(tmp_path_factory):
    return one_scan(tmp_path_factory.mktemp("small"), 8)


def peak_of(call):
    """The lesser of two peaks: Python's table of interned strings may double in one of them."""
    return min(peak_once(call), peak_once(call))


def peak_once(call):
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


def test_a_scan_beside_the_next_one_takes_less_than_six_volumes(plan):
    (task,) = plan.tasks
    task = replace(task, maps=task.maps[:N_MAPS])
    volume = 4 * qsiparc.open_nifti(task.maps[0].path).size
    assert peak_of(lambda: list(run_tasks([task] * 3, threads=2))) < 6 * volume


def fails(values):
    raise ValueError(f"nothing is made of {values.size} voxels")


def of_another_atlas(task, _):
    other = AtlasLUT.from_dataframe(pd.DataFrame({"index": [9999], "name": ["other"]}), "other")
    return replace(task, luts=dict.fromkeys(task.luts, other))


def with_a_function_that_fails(task, _):
    return replace(task, stats=resolve({"fails": fails}))


def scaled(task, folder):
    first, made = qsiparc.open_nifti(task.maps[0].path), []
    for number, one in enumerate(task.maps):
        image = nib.Nifti1Image(np.ones(first.shape, np.int16), first.parc.affine)
        image.header.set_slope_inter(0.5, 1)
        path = folder / f"param-{number}_dwimap.nii.gz"
        image.to_filename(path)
        made.append(one._replace(path=str(path)))
    return replace(task, maps=tuple(made))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("changed", [of_another_atlas, with_a_function_that_fails, scaled])
def test_more_maps_take_no_more_whatever_becomes_of_them(plan, tmp_path, changed, threads):
    (task,) = plan.tasks
    volume = 4 * qsiparc.open_nifti(task.maps[0].path).size
    task = changed(replace(task, maps=task.maps[:N_MAPS]), tmp_path)
    more = [
        one._replace(scalar=f"{one.scalar}{number}") for number in range(4) for one in task.maps
    ]
    few = peak_of(lambda: run_task(task, threads=threads))
    many = peak_of(lambda: run_task(replace(task, maps=tuple(more)), threads=threads))
    assert many < few + volume


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


def test_memory_does_not_grow_with_the_scans(small_plan, tmp_path):
    """Volumes are small, so that what is kept of a scan would show."""
    (task,) = small_plan.tasks
    atlas = "Brainnetome246Ext"
    one = task.maps[0]._replace(dsegs={atlas: task.maps[0].dsegs[atlas]})
    (tmp_path / "parts").mkdir()
    task = replace(task, out=str(tmp_path), maps=(one,), stats="core")
    tasks = [replace(task, scan=f"sub-{number:03d}") for number in range(200)]
    kept, needed = [0], []

    def note(_):
        needed.append(tracemalloc.get_traced_memory()[1] - kept[-1])
        gc.collect()  # what is waiting for the collector is no growth
        kept.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.reset_peak()

    gc.collect()
    gc.freeze()  # what is there already need not be looked at after every scan
    tracemalloc.start()
    try:
        Study(replace(small_plan, tasks=tasks)).run(1, strict=True, tell=note)
    finally:
        tracemalloc.stop()
        gc.unfreeze()
    assert len(needed) == len(tasks)
    assert np.median(needed[-20:]) < 1.05 * np.median(needed[5:25])
    growth = sorted(np.diff(kept[5:]))
    growth.pop()  # Python's table of interned strings may double, in one step
    assert sum(growth) < 3_000 * len(growth)  # of each scan its status, and nothing else
