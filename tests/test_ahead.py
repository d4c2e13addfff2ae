from __future__ import annotations

import os
import threading
from contextvars import ContextVar

import pytest

from qsiparc.ahead import ahead, n_cores

THREADS = [0, 1, 2]


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("n", range(5))
def test_all_come_in_their_order(threads, n):
    assert list(ahead(str, range(n), threads=threads)) == list(map(str, range(n)))


def test_the_next_is_made_while_one_is_worked_on():
    begun = [threading.Event() for _ in range(4)]

    def make(n):
        begun[n].set()
        return n

    for n in ahead(make, range(4)):
        if n + 1 < len(begun):
            assert begun[n + 1].wait(timeout=30)
        assert not any(event.is_set() for event in begun[n + 2 :])


def test_without_threads_nothing_is_made_before_it_is_asked_for():
    made = []
    made_of = ahead(made.append, range(3), threads=0)
    next(made_of)
    assert made == [0]


@pytest.mark.parametrize("threads", THREADS)
def test_an_error_comes_when_it_is_the_turn_of_its_item(threads):
    def make(n):
        if n == 2:
            raise OSError("no luck")
        return n

    found = []
    with pytest.raises(OSError, match="no luck"):
        found.extend(ahead(make, range(5), threads=threads))
    several = ahead(make, range(5), threads=threads)
    assert [next(several), next(several)] == [0, 1]


def test_who_stops_early_leaves_no_thread_behind():
    before = threading.active_count()
    several = ahead(str, range(9))
    next(several)
    several.close()
    assert threading.active_count() == before


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
