"""The maps of one scan: on several grids, over several atlases, in one thread or more."""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from phantoms import MM2, turned, write

import qsiparc
from qsiparc.atlas import AtlasLUT
from qsiparc.catalogue import REGISTERED, resolve
from qsiparc.cohort import executors, maps, reader, reducer, work
from qsiparc.cohort.parts import part_attrs, part_paths, read_part, write_part
from qsiparc.cohort.scan import run_task, run_tasks
from qsiparc.cohort.task import MapFile, Task
from qsiparc.joint import Joint
from qsiparc.sieve import Sieve

SHAPE = (6, 7, 8)
RNG = np.random.default_rng(11)
LABELS = {"A": RNG.integers(0, 5, SHAPE).astype(np.int16), "B": RNG.integers(0, 3, SHAPE)}
MAPS = {name: RNG.random(SHAPE) for name in ("fa", "md", "rd", "ad")}
LUTS = {
    name: AtlasLUT.from_dataframe(
        pd.DataFrame({"index": range(1, n), "name": [f"{name}{i}" for i in range(1, n)]}), name
    )
    for name, n in (("A", 5), ("B", 3))
}
STATS = ["mean", "median", "std", "n_voxels"]


@pytest.fixture
def task(tmp_path):
    """FA as it is, MD with its axes turned, RD as FA again, AD turned as MD."""
    dsegs = {
        name: str(write(tmp_path / f"seg-{name}_dseg.nii.gz", labels))
        for name, labels in LABELS.items()
    }
    maps = []
    for name, values in MAPS.items():
        stored, affine = values, MM2
        if name in {"md", "ad"}:
            stored, affine = turned(values, MM2, (1, 0, 2), (True, False, True))
        path = write(tmp_path / f"param-{name}_dwimap.nii.gz", stored, affine)
        maps.append(MapFile(str(path), name, "", "", name, "", dsegs))
    (tmp_path / "parts").mkdir()
    return Task(str(tmp_path), "sub-01", "sub-01", "", tuple(maps), LUTS, tuple(STATS))


def part(task, **options):
    status = run_task(task, **options)
    (path,) = part_paths(Path(task.out))
    return status, read_part(path), part_attrs(path)


@pytest.fixture(params=[1, 2, 3], ids=["in turn", "two threads", "three threads"])
def threads(request):
    return request.param


def test_every_map_over_every_atlas_is_what_extraction_gives(task, threads):
    status, tree, _ = part(task, threads=threads)
    assert not status.failures
    assert status.n_values == len(MAPS) * len(LABELS)
    for name in LABELS:
        found = tree[name].to_dataset()
        for one in task.maps:
            alone = qsiparc.open_nifti(one.path).parc.extract(
                one.dsegs[name], LUTS[name], stats=STATS, scalar=one.scalar
            )
            np.testing.assert_array_equal(
                found.value.sel(scalar=one.scalar).squeeze(), alone.value.squeeze()
            )


def test_a_map_of_some_atlases_only(task, threads):
    first, *others = task.maps
    only = first._replace(dsegs={"B": first.dsegs["B"]})
    _, whole, _ = part(task, threads=threads)
    _, tree, _ = part(replace(task, maps=(only, *others)), threads=threads)
    assert tree["A"].scalar.to_numpy().tolist() == ["md", "rd", "ad"]
    assert tree["B"].scalar.to_numpy().tolist() == list(MAPS)
    np.testing.assert_array_equal(tree["A"].value, whole["A"].value.sel(scalar=["md", "rd", "ad"]))
    np.testing.assert_array_equal(tree["B"].value, whole["B"].value)


def test_what_is_wrong_with_one_is_told_of_that_one_in_the_order_of_the_maps(
    task, tmp_path, threads
):
    fa, md, rd, ad = task.maps
    write(tmp_path / "param-fa_dwimap.nii.gz", np.zeros((4, 4, 4)))  # on another grid
    stored = bytearray((tmp_path / "param-md_dwimap.nii.gz").read_bytes())
    stored[-6] ^= 1
    (tmp_path / "param-md_dwimap.nii.gz").write_bytes(stored)
    write(tmp_path / "param-rd_dwimap.nii.gz", np.zeros((*SHAPE, 2)))
    (tmp_path / "param-ad_dwimap.nii.gz").unlink()
    more = tmp_path / "param-ok_dwimap.nii"
    nib.save(nib.Nifti1Image(MAPS["fa"], MM2), more)
    more.write_bytes(more.read_bytes() + b"more")
    last = fa._replace(path=str(more), scalar="ok")
    status, tree, attrs = part(replace(task, maps=(fa, md, rd, ad, last)), threads=threads)
    assert [(f.step, f.scalar, f.atlas) for f in status.failures] == [
        ("grid", "fa", "A"),
        ("grid", "fa", "B"),
        ("map", "md", ""),
        ("map", "ad", ""),
    ]
    assert "param-fa_dwimap.nii.gz has (4, 4, 4)" in status.failures[0].reason
    assert "the gzip data are damaged" in status.failures[2].reason
    assert [one.scalar for one in status.left_out] == ["rd"]
    (message,) = json.loads(attrs["warnings"])
    assert "4 bytes more" in message
    assert tree["A"].status.squeeze().to_numpy().tolist() == [2, 2, 2, 0]


def test_every_label_image_is_held_against_the_table_not_only_the_first(task, tmp_path):
    strange = np.where(LABELS["A"] == 1, 77, LABELS["A"]).astype(np.int16)
    other = str(write(tmp_path / "space-T1w_seg-A_dseg.nii.gz", strange))
    first, second = task.maps[0], task.maps[2]
    second = second._replace(dsegs={"A": other})
    _, tree, attrs = part(replace(task, maps=(first, second)))
    (message,) = json.loads(attrs["warnings"])
    assert "space-T1w_seg-A_dseg.nii.gz" in message
    assert "77" in message
    found = tree["A"].value.sel(scalar="rd", stat="n_voxels").squeeze()
    assert found.sel(region=1) == 0
    assert found.sel(region=2) == np.count_nonzero(LABELS["A"] == 2)


def test_two_atlases_of_one_label_image_have_their_own_names(task, threads):
    dseg = task.maps[0].dsegs["A"]
    found = tuple(one._replace(dsegs={"A": dseg, "B": dseg}) for one in task.maps[::2])
    status, tree, _ = part(replace(task, maps=found), threads=threads)
    assert not status.failures
    for atlas in LABELS:
        assert tree[atlas]["region_name"].to_numpy().tolist() == [
            one.name for one in LUTS[atlas].regions
        ]


def test_whatever_happens_to_one_map_the_others_go_on(task, monkeypatch, threads):
    match_grids = maps.match_grids

    def exhausted(*args, to, **options):
        if "param-md" in to:
            raise MemoryError("no room")
        return match_grids(*args, to=to, **options)

    monkeypatch.setattr(maps, "match_grids", exhausted)
    status, tree, _ = part(task, threads=threads)
    assert [(f.step, f.scalar, f.reason) for f in status.failures] == [("map", "md", "no room")]
    assert tree["A"].status.squeeze().to_numpy().tolist() == [0, 2, 0, 0]


def test_maps_after_one_that_lost_the_label_images_are_told_why(task, monkeypatch, threads):
    of, failing = Joint.of, ["no room"]

    def exhausted(parcellations, grid):
        if failing:
            parcellations.pop(next(iter(parcellations)))
            raise MemoryError(failing.pop())
        return of(parcellations, grid)

    monkeypatch.setattr(maps.Joint, "of", exhausted)
    status, _, _ = part(task, threads=threads)
    told = [(failure.scalar, failure.reason) for failure in status.failures]
    later = "seg-A_dseg.nii.gz was lost at an earlier map: no room"
    assert told == [("fa", "no room"), ("md", later), ("rd", later), ("ad", later)]


def test_what_is_doubtful_about_a_map_that_cannot_be_read_is_in_the_part(task, tmp_path):
    (tmp_path / "param-md_dwimap.nii.gz").write_bytes(b"no volume")
    (tmp_path / "param-md_dwimap.json").write_text("{no JSON", encoding="utf-8")
    status, _, attrs = part(task)
    assert [failure.scalar for failure in status.failures] == ["md"]
    (message,) = status.warnings  # once, though the sidecar is looked at for every atlas
    assert "param-md_dwimap.json" in message
    assert json.loads(attrs["warnings"]) == list(status.warnings)


def test_a_nul_in_a_sidecar_costs_nothing_but_itself(task, tmp_path):
    (tmp_path / "param-md_dwimap.json").write_text('{"Units": "mm\\u0000"}', encoding="utf-8")
    status, tree, _ = part(task)
    assert status.written
    assert tree["A"]["units"].to_numpy().tolist() == ["", "mm\\x00", "", ""]


def test_what_was_doubtful_is_told_also_where_the_part_cannot_be_written(task, monkeypatch):
    def full(*_):
        raise OSError("No space left on device")

    first = task.maps[0]
    strange = np.where(LABELS["A"] == 1, 77, LABELS["A"]).astype(np.int16)
    write(Path(first.dsegs["A"]), strange)
    monkeypatch.setattr("qsiparc.cohort.scan.write_part", full)
    status = run_task(task)
    assert not status.written
    assert any("77" in message for message in status.warnings)


def test_threads_change_nothing(task):
    _, one, _ = part(task)
    _, other, _ = part(task, threads=2)
    assert one.identical(other)


def test_maps_are_read_and_reduced_by_as_many_threads(task, monkeypatch):
    working, meet = set(), threading.Barrier(2)
    sift = Sieve.sift

    def noted(*args):
        meet.wait(timeout=30)  # for another one that reads at the same time
        working.add(threading.current_thread())
        return sift(*args)

    monkeypatch.setattr(Sieve, "sift", noted)
    assert len(task.maps) % 2 == 0
    status, _, _ = part(task, threads=2)
    assert not status.failures
    assert len(working) == 2
    assert threading.main_thread() not in working


def test_without_threads_all_is_done_in_this_one(task, monkeypatch):
    threads = []
    sift = Sieve.sift

    def noted(*args):
        threads.append(threading.current_thread())
        return sift(*args)

    monkeypatch.setattr(Sieve, "sift", noted)
    part(task)
    assert threads == [threading.main_thread()] * len(MAPS)


@pytest.mark.parametrize("stats", ["core", "all", "own"])
def test_functions_of_a_user_run_in_the_thread_of_the_caller(task, stats, monkeypatch):
    reducing = set()
    reduce = reducer.Reducer._reduce

    def noted(*args):
        reducing.add(threading.current_thread())
        reduce(*args)

    def own(values):
        return values.mean()

    monkeypatch.setattr(reducer.Reducer, "_reduce", noted)
    asked = {"core": "core", "all": "all", "own": resolve(["mean", {"own": own}])}[stats]
    if stats == "all":
        monkeypatch.setitem(REGISTERED, "own", resolve({"own": own})[0])
    status, _, _ = part(replace(task, stats=asked), threads=2)
    assert not status.failures
    if stats == "core":
        assert threading.main_thread() not in reducing
    else:
        assert reducing == {threading.main_thread()}


@pytest.mark.parametrize(
    ("n_cores", "n_workers", "wanted"),
    [(1, 1, 1), (2, 1, 2), (8, 1, 2), (2, 2, 1), (4, 2, 2), (3, 4, 1)],
)
def test_there_are_threads_where_there_are_cores_for_them(monkeypatch, n_cores, n_workers, wanted):
    asked = []
    monkeypatch.setattr(executors, "n_cores", lambda: n_cores)
    if n_workers == 1:
        monkeypatch.setattr(executors, "run_tasks", lambda _, **options: asked.append(options))
        executors.run_all(iter(["a task"]), None)
    else:
        with executors._Pool(n_workers) as pool:
            monkeypatch.setattr(pool, "submit", lambda *_, **options: asked.append(options))
            pool.run("a task")
    assert asked == [{"threads": wanted}]


@pytest.mark.parametrize("threads", [1, 3])
def test_functions_of_a_user_run_in_the_order_of_the_maps(task, threads, monkeypatch):
    drawn = np.random.default_rng(0)
    sift = Sieve.sift

    def slow(self, array, positions):
        time.sleep(0.05 * ("param-fa" in array.path.name))  # the others are there before it
        return sift(self, array, positions)

    monkeypatch.setattr(Sieve, "sift", slow)
    task = replace(task, stats=resolve({"own": drawn.choice}))
    status, tree, _ = part(task, threads=threads)
    assert not status.failures
    again = np.random.default_rng(0)
    for name in MAPS:
        for atlas in LABELS:
            alone = qsiparc.open_nifti(next(m.path for m in task.maps if m.scalar == name))
            wanted = alone.parc.extract(
                task.maps[0].dsegs[atlas], LUTS[atlas], stats={"own": again.choice}, scalar=name
            )
            found = tree[atlas].value.sel(scalar=name)
            np.testing.assert_array_equal(found.squeeze(), wanted.value.squeeze())


def test_the_volume_of_a_voxel_is_that_of_each_map(task, tmp_path, threads):
    stored, affine = turned(MAPS["ad"], MM2, (1, 0, 2), (True, False, True))
    affine = affine.copy()
    affine[:3, :3] *= 1.00002  # one with that of MD, which has its axes alike
    write(tmp_path / "param-ad_dwimap.nii.gz", stored, affine)
    task = replace(task, stats=("volume_mm3",))
    status, tree, _ = part(task, threads=threads)
    assert not status.failures
    for one in task.maps:
        alone = qsiparc.open_nifti(one.path).parc.extract(
            one.dsegs["A"], LUTS["A"], stats="volume_mm3", scalar=one.scalar
        )
        found = tree["A"].value.sel(scalar=one.scalar)
        np.testing.assert_array_equal(found.squeeze(), alone.value.squeeze())
    volumes = [tree["A"].value.sel(scalar=name).to_numpy() for name in ("md", "ad")]
    assert not np.array_equal(*volumes)


def test_what_a_label_image_takes_of_memory_is_held_once(task, tmp_path, monkeypatch):
    rounded = MM2.copy()
    rounded[0, 3] += 1e-6
    write(tmp_path / "param-rd_dwimap.nii.gz", MAPS["rd"], rounded)
    assert not np.array_equal(qsiparc.open_nifti(task.maps[2].path).parc.affine, MM2)
    placers = []

    class Noted(maps.Placer):
        def __init__(self, parcellations):
            super().__init__(parcellations)
            placers.append((self, parcellations))

    monkeypatch.setattr(reader, "Placer", Noted)
    part(replace(task, maps=(task.maps[0], task.maps[2])))
    ((placer, parcellations),) = placers
    assert not parcellations
    (joint,) = placer._joints.values()
    assert not any(one.positions.size for one in joint.atlases.values())


class TestScans:
    """Several scans, one after the other, in one process."""

    @pytest.fixture
    def tasks(self, task, tmp_path):
        """Each with maps of its own, of other types and in another number."""
        made = []
        for number, dtype in enumerate(("f4", "f8", "i2", "f4")):
            maps = []
            for one in task.maps[number:]:
                values = (1000 * (number + MAPS[one.scalar])).astype(dtype)
                path = write(tmp_path / f"{number}_param-{one.scalar}_dwimap.nii.gz", values)
                maps.append(one._replace(path=str(path)))
            made.append(replace(task, scan=f"sub-{number}", maps=tuple(maps)))
        return made

    def parts(self, out):
        return {path.stem: read_part(path) for path in part_paths(Path(out))}

    def test_are_what_each_is_alone(self, tasks, threads):
        wanted = {}
        for task in tasks:
            run_task(task)
            wanted |= self.parts(task.out)
        for path in part_paths(Path(tasks[0].out)):
            path.unlink()
        statuses = list(run_tasks(tasks, threads=threads))
        assert [status.scan for status in statuses] == [task.scan for task in tasks]
        assert [status.n_values for status in statuses] == [8, 6, 4, 2]
        found = self.parts(tasks[0].out)
        assert found.keys() == wanted.keys()
        assert all(found[scan].identical(wanted[scan]) for scan in wanted)

    @pytest.mark.parametrize("which", [0, 1, 3])
    def test_without_a_map_there_is_a_part_all_the_same(self, tasks, threads, which):
        n_values = [8, 6, 4, 2]
        tasks[which] = replace(tasks[which], maps=())
        n_values[which] = 0
        statuses = list(run_tasks(tasks, threads=threads))
        assert [status.n_values for status in statuses] == n_values
        assert not self.parts(tasks[0].out)[f"sub-{which}"].children

    def test_what_was_begun_is_ended_where_the_next_cannot_be_planned(self, tasks, threads):
        def planned():
            yield from tasks[:2]
            raise OSError("no list of the others")

        statuses = []
        with pytest.raises(OSError, match="no list of the others"):
            statuses.extend(run_tasks(planned(), threads=threads))
        found = self.parts(tasks[0].out)
        assert [status.n_values for status in statuses] == [8, 6]
        assert found.keys() == {"sub-0", "sub-1"}

    def test_what_nobody_thought_of_costs_its_scan_alone(self, tasks, monkeypatch, threads):
        class Broken(maps.Placer):
            def __init__(self, parcellations):
                super().__init__(parcellations)
                if any("broken" in dseg for dseg in self.known):
                    raise RuntimeError("out of order")

        broken = str(shutil.copy(tasks[1].maps[0].dsegs["A"], tasks[1].out + "/broken.nii.gz"))
        first = tasks[1].maps[0]._replace(dsegs={"A": broken})
        tasks[1] = replace(tasks[1], maps=(first, *tasks[1].maps[1:]))
        monkeypatch.setattr(reader, "Placer", Broken)
        statuses = list(run_tasks(tasks, threads=threads))
        assert [status.n_values for status in statuses] == [8, 0, 4, 2]
        assert "RuntimeError: out of order" in statuses[1].failures[-1].reason

    def test_python_s_lock_is_handed_over_sooner_meanwhile(self, tasks):
        usual = sys.getswitchinterval()
        running = run_tasks(tasks, threads=2)
        next(running)
        assert sys.getswitchinterval() < usual
        running.close()
        assert sys.getswitchinterval() == usual
        list(run_tasks(tasks[:1]))
        assert sys.getswitchinterval() == usual

    def test_what_breaks_one_leaves_the_others_whole(self, tasks, monkeypatch, threads):
        take = work.Work.take

        def breaking(self, one, found):
            if (self.task.scan, one.file.scalar) == ("sub-1", "rd"):
                raise MemoryError("no room")
            take(self, one, found)

        monkeypatch.setattr(work.Work, "take", breaking)
        statuses = list(run_tasks(tasks, threads=threads))
        assert [status.written for status in statuses] == [True, False, True, True]
        assert statuses[1].failures[-1].reason == "MemoryError: no room"
        assert self.parts(tasks[0].out).keys() == {"sub-0", "sub-2", "sub-3"}

    def test_warnings_are_told_with_their_own_scan(self, tasks, tmp_path, threads):
        strange = np.where(LABELS["A"] == 1, 77, LABELS["A"]).astype(np.int16)
        dseg = str(write(tmp_path / "space-T1w_seg-A_dseg.nii.gz", strange))
        tasks[2] = replace(tasks[2], maps=(tasks[2].maps[0]._replace(dsegs={"A": dseg}),))
        statuses = list(run_tasks(tasks, threads=threads))
        assert [len(status.warnings) for status in statuses] == [0, 0, 1, 0]

    def test_the_next_is_read_while_a_part_is_written(self, tasks, monkeypatch):
        read, begun = maps.ScanMap.read, threading.Event()

        def noted(self, *args):
            if Path(self.file.path).name.startswith("1_"):
                begun.set()
            read(self, *args)

        def waiting(*args):
            if args[1] == "sub-0":
                assert begun.wait(timeout=30)
            return write_part(*args)

        monkeypatch.setattr(maps.ScanMap, "read", noted)
        monkeypatch.setattr("qsiparc.cohort.scan.write_part", waiting)
        statuses = list(run_tasks(tasks, threads=2))
        assert all(status.written for status in statuses)

    def test_who_stops_early_leaves_no_thread_behind(self, tasks):
        before = threading.active_count()
        running = run_tasks(tasks, threads=2)
        assert next(running).scan == "sub-0"
        running.close()
        assert threading.active_count() == before
