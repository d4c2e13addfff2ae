"""One scan: every map read once, reduced over every atlas, and written as a part."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from qsiparc.ahead import ahead
from qsiparc.cohort.parts import write_part
from qsiparc.cohort.reader import ScanReader
from qsiparc.cohort.record import Status, Trouble, to_json
from qsiparc.cohort.work import Work
from qsiparc.errors import collected_warnings
from qsiparc.names import legible
from qsiparc.sieve import Sieve
from qsiparc.validity import EVERYTHING, Validity
from qsiparc.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from qsiparc.atlas import AtlasLUT
    from qsiparc.catalogue import Statistic
    from qsiparc.cohort.maps import ScanMap

AHEAD: Final = 4
"""Maps that are read while one is reduced: enough to work on while label images are read."""


class MapFile(NamedTuple):
    """A map, its identity, and the dsegs that it goes with, by atlas."""

    path: str
    scalar: str
    software: str
    model: str
    param: str
    desc: str
    dsegs: dict[str, str]


@dataclass(frozen=True)
class Task:
    """All that a worker needs to know of a scan; it is small when pickled.

    Parameters
    ----------
    out : str
        Output folder of the study.
    scan, participant, session : str
        Id of the scan; BIDS names with their prefixes, the session's may be empty.
    maps : tuple of MapFile
        What to reduce.
    luts : mapping of str to AtlasLUT
        Tables by atlas.
    stats : str or tuple
        As `qsiparc.extract.extract_cube` takes them, ready to travel.
    validity : Validity
        What counts.
    failures, left_out : tuple of Trouble
        What is known before anything is opened.
    attrs : mapping
        Attributes of the part: fingerprint, inputs, options.
    """

    out: str
    scan: str
    participant: str
    session: str
    maps: tuple[MapFile, ...]
    luts: Mapping[str, AtlasLUT]
    stats: str | tuple[str | Statistic, ...] = "extended"
    validity: Validity = EVERYTHING
    failures: tuple[Trouble, ...] = ()
    left_out: tuple[Trouble, ...] = ()
    attrs: Mapping[str, Any] = field(default_factory=dict)

    def trouble(
        self, step: str, reason: object, *, atlas: str = "", scalar: str = "", file: str = ""
    ) -> Trouble:
        """A record of something that is not in the cube."""
        words = " ".join(str(reason).split()).removeprefix(f"{file}: ") or type(reason).__name__
        return Trouble(self.scan, self.participant, self.session, atlas, scalar, file, step, words)


def run_task(task: Task, *, reads_ahead: bool = False) -> Status:
    """Reduce a scan and write its part.

    Parameters
    ----------
    task : Task
        The scan.
    reads_ahead : bool
        As in `run_tasks`.

    Returns
    -------
    Status
        What became of it. Nothing that goes wrong with the scan is raised.
    """
    (status,) = run_tasks([task], reads_ahead=reads_ahead)
    return status


def run_tasks(tasks: Iterable[Task], *, reads_ahead: bool = False) -> Iterator[Status]:
    """Reduce scans and write their parts, one after the other.

    Parameters
    ----------
    tasks : iterable of Task
        The scans.
    reads_ahead : bool
        Whether to read what comes next while a map is reduced, also of the next scan while the
        part of this one is written. That takes a second core.

    Yields
    ------
    Status
        Of each, in their order. Nothing that goes wrong with a scan is raised.
    """
    n = AHEAD if reads_ahead else 0
    sieve = Sieve(n + 1)
    scans = (_Scan(task, sieve) for task in tasks)
    steps = ((scan, one) for scan in scans for one in (*scan.reader.maps(), None))
    for scan, one in ahead(_read, steps, n=n):
        if one is not None:
            scan.take(one)
        else:
            status = scan.end()
            del scan  # and its label images, before those of the next scan are read
            yield status


def _read(step: tuple[_Scan, ScanMap | None]) -> tuple[_Scan, ScanMap | None]:
    """The same, after the map was read."""
    scan, one = step
    if one is not None:
        scan.reader.read(one)
    return step


class _Scan:
    """A scan that is being reduced, whatever happens to it."""

    def __init__(self, task: Task, sieve: Sieve) -> None:
        self.reader = ScanReader(task, sieve)
        self._work = Work(task, list(task.failures), list(task.left_out))
        self._messages: list[str] = []
        self._error: Exception | None = None

    def take(self, one: ScanMap) -> None:
        """Reduce a map that was read."""
        self._do(lambda: self._work.take(one))

    def end(self) -> Status:
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
        self._messages += messages  # the part tells them, too
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
                self._error = error
        self._messages += messages


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
