"""What `qsiparc build` says: before, meanwhile and at the end."""

from __future__ import annotations

import shlex
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Final, Self

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType

    import xarray as xr
    from tqdm import tqdm

    from qsiparc.cohort.plan import Options
    from qsiparc.cohort.record import Report, Status

FAILED: Final = 1
"""Exit code when some scans failed, or part of them."""

NONE: Final = 2
"""Exit code when no scan has a value, or nothing could begin."""

_INTERVAL: Final = 30.0
"""Seconds between two lines of progress where there is no terminal."""

_SHOWN: Final = 5
_MINUTE: Final = 60


def show_plan(root: Path, out: Path, options: Options) -> None:
    """Print what a build would do, and write nothing.

    Parameters
    ----------
    root, out : Path
        The tree and the output folder.
    options : Options
        What is asked for.
    """
    from qsiparc.cohort.output import check_output
    from qsiparc.cohort.plan import make_plan
    from qsiparc.cohort.study import Study

    plan = make_plan(root, check_output(root, out), options)
    current: list[Status] = []
    study = Study(plan, check_content=options.check_content)
    study.require_one_set()
    todo = list(study.pending(current.append))
    width = max((len(task.scan) for task in todo), default=0)
    for task in todo:
        atlases = {atlas for one in task.maps for atlas in one.dsegs}
        what = f"{counted(len(task.maps), 'map')} over {', '.join(sorted(atlases)) or 'no atlas'}"
        click.echo(f"{task.scan:<{width}}  {what} ({study.reasons[task.scan]})")
    troubles = Counter((one.atlas, one.reason) for task in todo for one in task.failures)
    for (atlas, reason), count in troubles.items():
        click.echo(f"would fail in {counted(count, 'scan')}: {atlas}: {reason}")
    click.echo(
        f"{counted(len(todo), 'scan')} to do, {len(current)} up to date. Nothing was written."
    )
    if plan.n_unpaired:
        click.echo(_unpaired(plan.n_unpaired))


def counted(count: int, what: str) -> str:
    """A number of things: ``1 scan``, ``2 scans``."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


class Teller:
    """Progress with an estimate: a bar on a terminal, a line now and then elsewhere.

    Parameters
    ----------
    verbose : bool
        Whether to name every scan.
    names_failures : bool
        Whether to name what failed, as it comes.

    Attributes
    ----------
    n_failed : int
        Scans that failed, or part of them.
    """

    def __init__(self, *, verbose: bool = False, names_failures: bool = True) -> None:
        self._verbose = verbose
        self._names_failures = names_failures
        self._bar: tqdm[None] | None = None
        self.n_failed = 0
        self._n_total = self._n_told = self._n_worked = 0
        self._begin = self._last = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def begun(self, total: int) -> Callable[[Status], None]:
        """Begin to count.

        Parameters
        ----------
        total : int
            How many scans there are.

        Returns
        -------
        callable
            To be told the status of each.
        """
        self._n_total = total
        self._begin = self._last = time.monotonic()
        if sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(desc="building", unit=" scans", total=total)
        else:
            self._say(f"building {counted(total, 'scan')}")
        return self._tell

    def _tell(self, status: Status) -> None:
        self._n_told += 1
        self._n_worked += not status.skipped
        self.n_failed += bool(status.failures)
        if self._bar is not None:
            self._bar.update()
        for one in status.failures if self._names_failures else ():
            what = " ".join(word for word in (one.step, one.atlas, one.scalar) if word)
            self._say(f"failed: {one.scan}, {what}: {one.reason}")
            if one.file:
                self._say(f"        {one.file}")
        if self._verbose and not status.failures:
            self._say(f"{'up to date' if status.skipped else 'done'}: {status.scan}")
        for message in status.warnings if self._verbose else ():
            self._say(f"warning: {status.scan}: {message}")
        if self._bar is None and time.monotonic() - self._last > _INTERVAL:
            self._last = time.monotonic()
            self._say(self._line())

    def _line(self) -> str:
        left = self._n_total - self._n_told
        pace = (self._last - self._begin) / max(self._n_worked, 1)
        failed = f", {self.n_failed} failed" if self.n_failed else ""
        return (
            f"{self._n_told} of {self._n_total} scans{failed}, about {duration(left * pace)} left"
        )

    def _say(self, line: str) -> None:
        if self._bar is not None:
            self._bar.write(line, file=sys.stderr)
        else:
            click.echo(line, err=True)


def duration(seconds: float) -> str:
    """A time for people: ``40 s``, ``3 min``, ``2 h 05 min``."""
    minutes = round(seconds / _MINUTE)
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < _MINUTE else f"{minutes // 60} h {minutes % 60:02d} min"


def summarise(
    report: Report,
    out: Path,
    study: xr.DataTree | None,
    *,
    is_shard: bool,
    verbose: bool = False,
) -> None:
    """Print what was done, and what to type next.

    Parameters
    ----------
    report : Report
        What was done.
    out : Path
        The output folder, as the user typed it.
    study : DataTree or None
        The archive, where it was assembled.
    is_shard : bool
        Whether the archive is still to be assembled.
    verbose : bool
        Whether warnings of scans were shown.
    """
    rows = {
        "done": report.done,
        "up to date": report.skipped,
        "in part": report.partial,
        "failed": report.failed,
        "removed": report.removed,
    }
    for name, scans in rows.items():
        if scans:
            is_long = name in {"done", "up to date"}
            _row(name, counted(len(scans), "scan"), "" if is_long else _few(scans))
    _tell_changed(report)
    dropped = [status for status in report.statuses if status.dropped]
    if dropped:
        _row("gone", counted(len(dropped), "scan"), f"the tree has no {_few(dropped[0].dropped)}")
    left_out = sum(len(status.left_out) for status in report.statuses)
    if left_out:
        _row("left out", counted(left_out, "map"), f"why: {out / 'left_out.tsv'}")
    if report.n_unpaired:
        _row(
            "unpaired", counted(report.n_unpaired, "map"), "why: qsiparc find --table QSIRECON_DIR"
        )
    doubtful = [status.scan for status in report.statuses if status.warnings]
    if doubtful:
        hint = "" if verbose else "; -v shows them"
        _row("warnings", counted(len(doubtful), "scan"), f"{_few(doubtful)}{hint}")
    if report.partial or report.failed:
        _row("failures", str(out / "failures.tsv"))
        _row("", "Mend what it names and run the same command: only that is done again.")
    if is_shard:
        _row("next", f"qsiparc finalize {shlex.quote(str(out))}", "when all shares are done")
    elif study is not None:
        tell_archive(out, study)


def _tell_changed(report: Report) -> None:
    """Print how many scans were made with other options before, and with which."""
    changed = [status.changed for status in report.statuses if status.changed]
    if changed:
        which = "; ".join(dict.fromkeys(text for texts in changed for text in texts))
        _row("redone", counted(len(changed), "scan"), f"made with other options before: {which}")


def tell_archive(out: Path, study: xr.DataTree) -> None:
    """Print where the archive of a study and its report are, and what the archive holds."""
    _row("archive", str(out / "qsiparc.zarr"))
    width = max(map(len, study.children))
    for atlas, node in study.children.items():
        sizes = ", ".join(counted(size, str(dim)) for dim, size in node["value"].sizes.items())
        _row("", f"{atlas:<{width}}", sizes)
    if (out / "report.html").exists():
        _row("report", str(out / "report.html"), "what stands out, for a browser")
    code = f"import qsiparc; print(qsiparc.open({str(out)!r}))"
    is_plain = not set(code) & set('"$`\\!')
    _row("next", f'python -c "{code}"' if is_plain else f"python -c {shlex.quote(code)}")


def _row(name: str, what: str, more: str = "") -> None:
    click.echo(f"{name:<12}{what}{'  ' if more else ''}{more}")


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _unpaired(count: int) -> str:
    return f"{counted(count, 'map')} with no label image; `qsiparc find --table` says why."
