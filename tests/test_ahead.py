from __future__ import annotations

import gzip
import os
import sys
import threading
import time
from concurrent.futures import Future
from contextvars import ContextVar

import numpy as np
import pytest
import xarray as xr
from phantoms import image, write

import qsiparc
from qsiparc import over
from qsiparc.ahead import ahead, handing_over, n_cores
from qsiparc.errors import NiftiError, NiftiWarning
from qsiparc.voxels import NiftiArray

AHEAD = [0, 1, 2]


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("ahead_by", AHEAD)
@pytest.mark.parametrize("length", range(5))
def test_all_come_in_their_order(ahead_by, length, threads):
    def made(number):
        time.sleep(0.01 * (number % 2 == 0))
        return str(number)

    found = list(ahead(made, range(length), n=ahead_by, threads=threads))
    assert found == list(map(str, range(length)))


@pytest.mark.parametrize("ahead_by", [1, 2])
def test_the_next_ones_are_made_while_one_is_worked_on(ahead_by):
    begun = [threading.Event() for _ in range(6)]
    threads = set()

    def make(n):
        begun[n].set()
        threads.add(threading.current_thread())
        return n

    for n in ahead(make, range(len(begun)), n=ahead_by):
        for event in begun[n + 1 : n + 1 + ahead_by]:
            assert event.wait(timeout=30)
        assert not any(event.is_set() for event in begun[n + 1 + ahead_by :])
    assert len(threads) == 1
    assert threading.main_thread() not in threads


def test_as_many_are_in_the_making_at_a_time_as_there_are_threads():
    meet = threading.Barrier(3)
    found = list(ahead(lambda _: meet.wait(timeout=30), range(9), n=4, threads=3))
    assert sorted(found) == sorted([0, 1, 2] * 3)


def test_without_threads_nothing_is_made_before_it_is_asked_for():
    made = []
    made_of = ahead(made.append, range(3), n=0)
    next(made_of)
    assert made == [0]


@pytest.mark.parametrize("ahead_by", AHEAD)
def test_an_error_comes_when_it_is_the_turn_of_its_item(ahead_by):
    def make(n):
        if n == 2:
            raise OSError("no luck")
        return n

    found = []
    with pytest.raises(OSError, match="no luck"):
        found.extend(ahead(make, range(5), n=ahead_by))
    several = ahead(make, range(5), n=ahead_by)
    assert [next(several), next(several)] == [0, 1]


@pytest.mark.parametrize("ahead_by", AHEAD)
def test_an_error_in_taking_an_item_comes_after_the_items_before_it(ahead_by):
    def items():
        yield from range(3)
        raise OSError("no more")

    found = []
    with pytest.raises(OSError, match="no more"):
        found.extend(ahead(str, items(), n=ahead_by))
    several = ahead(str, items(), n=ahead_by)
    assert [next(several) for _ in range(3)] == ["0", "1", "2"]


def test_who_stops_early_leaves_no_thread_behind_and_nothing_to_do():
    before, made = threading.active_count(), []
    begun, goes_on = threading.Event(), threading.Event()

    def make(n):
        made.append(n)
        if n:
            begun.set()
            assert goes_on.wait(timeout=30)

    several = ahead(make, range(9), n=3)
    next(several)
    assert begun.wait(timeout=30)
    threading.Timer(0.1, goes_on.set).start()  # one is in the making, and two wait
    several.close()
    assert made == [0, 1]
    assert threading.active_count() <= before + 1  # the timer


def test_who_stops_early_leaves_none_that_waits_for_what_was_given_up():
    for _ in range(200):
        made = [Future() for _ in range(4)]

        def make(n, made=made):
            if n % 2:
                made[n - 1].result(timeout=30)
            made[n].set_result(None)

        several = ahead(make, range(4), n=3, threads=2)
        next(several)
        several.close()  # in whatever state the others are


def test_the_lock_is_handed_over_as_before_once_all_are_through():
    usual = sys.getswitchinterval()
    one, other = handing_over(), handing_over()
    one.__enter__()
    other.__enter__()
    one.__exit__(None, None, None)
    assert sys.getswitchinterval() < usual
    other.__exit__(None, None, None)
    assert sys.getswitchinterval() == usual


def test_threads_see_the_context_of_their_caller():
    variable = ContextVar("variable", default="nobody's")
    variable.set("the caller's")
    assert list(ahead(lambda _: variable.get(), range(2))) == ["the caller's"] * 2


def test_cores_are_those_that_the_process_was_given(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    assert n_cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert n_cores() == 1


class TestMapsOfADataset:
    """Several lazy maps over one atlas: a map is read while the one before it is reduced."""

    SHAPE = (4, 5, 6)
    VALUES = np.random.default_rng(5).random((3, *SHAPE))
    LABELS = np.random.default_rng(6).integers(0, 4, SHAPE).astype(np.int16)

    @pytest.fixture(params=[1, 2], ids=["on one core", "on two"], autouse=True)
    def cores(self, request, monkeypatch):
        monkeypatch.setattr(over, "n_cores", lambda: request.param)
        return request.param

    @pytest.fixture
    def paths(self, tmp_path):
        return {
            name: write(tmp_path / f"{name}.nii.gz", values)
            for name, values in zip(("fa", "md", "rd"), self.VALUES, strict=True)
        }

    def maps(self, paths, **options):
        opened = {name: qsiparc.open_nifti(path, **options) for name, path in paths.items()}
        return xr.Dataset({name: one.variable for name, one in opened.items()}, opened["fa"].coords)

    def test_numbers_are_those_of_each_alone(self, paths):
        dseg = image(self.LABELS)
        cube = self.maps(paths).parc.extract(dseg)
        for name, path in paths.items():
            alone = qsiparc.open_nifti(path).parc.extract(dseg, scalar=name)
            np.testing.assert_array_equal(
                cube.value.sel(scalar=name), alone.value.squeeze("scalar")
            )

    def test_each_is_read_once_and_kept(self, paths, passes):
        maps = self.maps(paths)
        for _ in range(2):
            maps.parc.extract(image(self.LABELS))
        assert sorted(passes) == sorted(map(str, paths.values()))

    def test_a_thread_reads_where_there_is_a_core_for_it(self, paths, cores, monkeypatch):
        readers = set()
        read = NiftiArray._read
        monkeypatch.setattr(
            NiftiArray, "_read", lambda *a: readers.add(threading.current_thread()) or read(*a)
        )
        self.maps(paths).parc.extract(image(self.LABELS))
        assert (threading.main_thread() in readers) == (cores == 1)
        readers.clear()
        qsiparc.open_nifti(paths["fa"]).parc.extract(image(self.LABELS))
        assert readers == {threading.main_thread()}  # of one map, there is no next

    def test_dask_stays_lazy(self, paths):
        cube = self.maps(paths, chunks={}).parc.extract(image(self.LABELS))
        assert cube.value.chunks is not None

    def test_warnings_point_at_the_line_of_the_caller(self, paths):
        plain = write(paths["md"].with_name("plain.nii.gz"), self.VALUES[1])
        plain.write_bytes(gzip.compress(gzip.decompress(plain.read_bytes()) + b"more"))
        maps = self.maps({**paths, "md": plain})
        with pytest.warns(NiftiWarning, match="4 bytes more") as caught:
            maps.parc.extract(image(self.LABELS))
        assert [warning.filename for warning in caught] == [__file__]

    def test_damage_is_an_error_of_the_call(self, paths):
        stored = bytearray(paths["rd"].read_bytes())
        stored[-6] ^= 1
        paths["rd"].write_bytes(stored)
        with pytest.raises(NiftiError, match=r"rd\.nii\.gz: the gzip data are damaged"):
            self.maps(paths).parc.extract(image(self.LABELS))
