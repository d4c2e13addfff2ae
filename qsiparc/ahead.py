"""Reading ahead: the next ones are made ready while this one is worked on."""

from __future__ import annotations

import os
import sys
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from threading import Lock
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

S = TypeVar("S")
T = TypeVar("T")

INTERVAL: Final = 5e-4
"""Seconds after which a thread that only computes hands Python's lock over."""


def n_cores() -> int:
    """Cores that this process may use: those that a scheduler gave it, where there is one."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def ahead(
    make: Callable[[S], T], items: Iterable[S], *, n: int = 1, threads: int = 1
) -> Iterator[T]:
    """What a function makes of items, in their order, the next ones in the making.

    Parameters
    ----------
    make : callable
        From an item to what is worked on. It runs in threads, which take the items in their order,
        each in a copy of the caller's context.
    items : iterable
        What it is called with; the caller's thread takes them, ``n`` ahead.
    n : int, optional
        How many are made ahead while one is worked on; 0: each is made when it is asked for.
    threads : int, optional
        How many are in the making at a time. One may wait for what is made of items before it: of
        these, none is given up that it could wait for.

    Yields
    ------
    object
        One an item. What is raised in taking an item comes after what the items before it gave.
    """
    if n == 0:
        yield from map(make, items)
        return
    pool = ThreadPoolExecutor(threads, "qsiparc-ahead")
    waiting: deque[Future[T]] = deque()
    ends: list[Exception] = []  # a name of this frame would keep its error, and that this frame
    try:
        iterator = iter(items)
        while True:
            try:
                item = next(iterator)
            except StopIteration:
                break
            except Exception as error:  # noqa: BLE001 - it is raised below
                ends.append(error)
                break
            waiting.append(pool.submit(copy_context().run, make, item))
            del item
            if len(waiting) > n:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
        if ends:
            raise ends.pop()
    finally:
        # From the last one on: none may be left in the making that waits for one before it.
        for future in reversed(waiting):
            future.cancel()
        pool.shutdown(cancel_futures=True)


class _Interval:
    """The interval of the process, which blocks may shorten that overlap, and end in any order."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._n_blocks = 0
        self._usual = INTERVAL

    def shorten(self) -> None:
        with self._lock:
            if not self._n_blocks:
                self._usual = sys.getswitchinterval()
                sys.setswitchinterval(min(self._usual, INTERVAL))
            self._n_blocks += 1

    def restore(self) -> None:
        with self._lock:
            self._n_blocks -= 1
            if not self._n_blocks:
                sys.setswitchinterval(self._usual)


_interval: Final = _Interval()


@contextmanager
def handing_over() -> Iterator[None]:
    """Have threads hand Python's lock over sooner than after the usual 5 ms.

    One that takes it back between short calls of NumPy would keep another from reading so long.
    """
    _interval.shorten()
    try:
        yield
    finally:
        _interval.restore()
