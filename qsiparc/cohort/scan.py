"""Scans, one after the other: every map read once, reduced over every atlas, a part written."""

from __future__ import annotations

import json
from collections import deque
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from threading import local
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from qsiparc.ahead import ahead, handing_over
from qsiparc.cohort.maps import ScanMap
from qsiparc.cohort.parts import write_part
from qsiparc.cohort.reader import ScanReader
from qsiparc.cohort.record import Status, Trouble, to_json
from qsiparc.cohort.reducer import Reducer
from qsiparc.cohort.work import Work
from qsiparc.errors import bare, collected_warnings
from qsiparc.names import legible
from qsiparc.sieve import Sieve
from qsiparc.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from qsiparc.cohort.reducer import Found
    from qsiparc.cohort.task import Task

AHEAD: Final = 2
"""Steps that wait for a thread, for each that is in one: enough to do while a part is written."""

HELD_BACK: Final = 3
"""Last steps of a scan that are left to be done while the label images of the next are read."""


def run_task(task: Task, *, threads: int = 1) -> Status:
    """Reduce a scan and write its part.

    Parameters
    ----------
    task : Task
        The scan.
    threads : int
        As in `run_tasks`.

    Returns
    -------
    Status
        What became of it. Nothing that goes wrong with the scan is raised.
    """
    (status,) = run_tasks([task], threads=threads)
    return status


def run_tasks(tasks: Iterable[Task], *, threads: int = 1) -> Iterator[Status]:
    """Reduce scans and write their parts, one after the other.

    Parameters
    ----------
    tasks : iterable of Task
        The scans.
    threads : int
        How many maps are read and reduced at a time, also of the next scan while the part of this
        one is written. Each takes a core.

    Yields
    ------
    Status
        Of each, in their order. Nothing that goes wrong with a scan is raised.
    """

    def made(step: _Step) -> tuple[_Step, Any]:
        return step, step.make()

    several, own = threads > 1, _Own()
    scans = (_Scan(task, own) for task in tasks)
    steps = _steps(scans, held_back=HELD_BACK if several else 0)
    n = (1 + AHEAD) * threads - 1 if several else 0
    with handing_over() if several else nullcontext():
        for step, found in ahead(made, steps, n=n, threads=threads):
            status = step.take(found)
            del step, found  # and the label images, before those of the next scan are read
            if status is not None:
                yield status


class _Own(local):
    """What each thread has for itself."""

    def __init__(self) -> None:
        self.sieve = Sieve()


class _Step(NamedTuple):
    """What is made of a scan in whatever thread, and what the caller's does with it in turn."""

    make: Callable[[], Any]
    take: Callable[[Any], Status | None]


def _steps(scans: Iterable[_Scan], *, held_back: int) -> Iterator[_Step]:
    """The steps of scans, one scan after the other.

    The last ones of each may be held back behind the first of the next: then there is something
    to do while label images are read.
    """
    last: deque[_Step] = deque()
    try:
        for scan in scans:
            steps = scan.steps()
            del scan
            yield next(steps)
            while last:
                yield last.popleft()
            for step in steps:
                last.append(step)
                del step
                if len(last) > held_back:
                    yield last.popleft()
    except Exception:  # the next scan could not be planned, and what there is of this one goes on
        yield from last
        raise
    yield from last


class _Scan:
    """A scan on its way, whatever happens to it."""

    def __init__(self, task: Task, own: _Own) -> None:
        self._maps = [ScanMap(file) for file in task.maps]
        self._reader = ScanReader(task)
        self._reducer = Reducer(task)
        self._own = own
        self._work = Work(task, list(task.failures), list(task.left_out))
        self._messages: list[str] = []
        self._error: Exception | None = None

    def steps(self) -> Iterator[_Step]:
        """Read the label images; read and reduce each map; write the part.

        Functions of a user run in the caller's thread, in the order of the maps: nobody said that
        they may run elsewhere, or beside each other, and one that draws numbers at random draws the
        same each time.
        """
        yield _Step(self._read_labels, _nothing)
        for one in self._maps:
            if self._reducer.is_built_in:
                yield _Step(partial(self._reduced, one), partial(self._take, one))
            else:
                yield _Step(_nothing, partial(self._reduce_and_take, one))
        yield _Step(_nothing, self._end)

    def _read_labels(self) -> None:
        with suppress(Exception):  # all maps wait for them, and are told
            for first in self._maps[:1]:
                self._reader.read_labels(first)

    def _reduced(self, one: ScanMap) -> dict[str, Found] | Exception:
        try:
            self._reader.read(one, self._own.sieve)
            return self._reducer.reduce(one)
        except Exception as error:  # noqa: BLE001 - it is told in the status
            return bare(error)
        finally:
            one.let_go()

    def _take(self, one: ScanMap, found: dict[str, Found] | Exception) -> None:
        def take() -> None:
            if isinstance(found, Exception):
                raise found
            self._work.take(one, found)

        self._do(take)

    def _reduce_and_take(self, one: ScanMap, _: None) -> None:
        self._take(one, self._reduced(one))

    def _end(self, _: None) -> Status:
        """Write the part."""
        self._do(self._write)
        task, work = self._work.task, self._work
        failures, left_out = tuple(work.failures), tuple(work.left_out)
        messages = tuple(self._messages)
        if self._error:
            words = f"{type(self._error).__name__}: {self._error}"
            failure = task.trouble("write", words, file=task.out)
            return Status(task.scan, 0, (*failures, failure), (), messages, written=False)
        return Status(task.scan, work.n_values, failures, left_out, messages)

    def _write(self) -> None:
        task, work = self._work.task, self._work
        with collected_warnings() as messages:
            tree = work.tree()
        self._note(messages)  # the part tells them, too
        tree.attrs = part_attributes(task, work.failures, work.left_out, self._messages)
        write_part(Path(task.out), task.scan, tree)

    def _do(self, something: Callable[[], None]) -> None:
        """Do it, unless something before it failed: one bad scan must not end a study."""
        if self._error:
            return
        with collected_warnings() as messages:
            try:
                something()
            except Exception as error:  # noqa: BLE001 - it is told in the status
                self._error = bare(error)
        self._note(messages)

    def _note(self, messages: list[str]) -> None:
        """Keep what was not said before of this scan."""
        self._messages += [one for one in dict.fromkeys(messages) if one not in self._messages]


def _nothing(*_: object) -> None:
    """For a step that has nothing to make, or nothing to take."""


def part_attributes(
    task: Task,
    failures: Sequence[Trouble],
    left_out: Sequence[Trouble] = (),
    messages: Sequence[str] = (),
) -> dict[str, Any]:
    """Root attributes of a part."""
    return {
        **task.attrs,
        "failures": to_json(failures),
        "left_out": to_json(left_out),
        "warnings": legible(json.dumps(list(messages), ensure_ascii=False)),
        "generated_by": f"qsiparc {__version__}",
    }
