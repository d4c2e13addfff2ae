"""What `qsiparc build` says: before, meanwhile and at the end."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final, Self

import click

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from tqdm import tqdm

    from qsiparc.cohort.plan import Options
    from qsiparc.cohort.record import Report, Status

_INTERVAL: Final = 30.0
"""Seconds between two lines of progress where there is no terminal."""

_SHOWN: Final = 5


def show_plan(root: Path, out: Path, options: Options) -> None:
    """Print what a build would do, and write nothing.

    Parameters
    ----------
    root, out : Path
        The tree and the output folder.
    options : Options
        What is asked for.
    """
    from qsiparc.cohort.plan import make_plan
    from qsiparc.cohort.study import Study, check_output

    plan = make_plan(root, check_output(root, out), options)
    current: list[Status] = []
    study = Study(plan, check_content=options.check_content)
    todo = list(study.pending(current.append))
    for task in todo:
        atlases = {atlas for one in task.maps for atlas in one.dsegs}
        click.echo(f"to do  {task.scan}: {len(task.maps)} maps, {', '.join(sorted(atlases))}")
    click.echo(f"{len(todo)} scans to do, {len(current)} up to date. Nothing was written.")
    if plan.n_unpaired:
        click.echo(_unpaired(plan.n_unpaired))


class Teller:
    """Progress with an estimate: a bar on a terminal, a line now and then elsewhere.

    Parameters
    ----------
    verbose : bool
        Whether to name every scan.
    """

    def __init__(self, *, verbose: bool = False) -> None:
        self._verbose = verbose
        self._bar: tqdm[None] | None = None
        self._n_total = self._n_told = self._n_worked = self._n_failed = 0
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
        if sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(desc="building", unit=" scans", total=total)
        else:
            self._say(f"{total} scans")
        return self._tell

    def _tell(self, status: Status) -> None:
        self._n_told += 1
        self._n_worked += not status.skipped
        self._n_failed += bool(status.failures)
        if self._bar is not None:
            self._bar.update()
        for one in status.failures:
            what = " ".join(word for word in (one.atlas, one.scalar) if word)
            self._say(f"{one.scan}: {one.step} {what}: {one.reason}")
        if self._verbose and not status.failures:
            self._say(f"{status.scan}: {'up to date' if status.skipped else 'done'}")
        for message in status.warnings if self._verbose else ():
            self._say(f"{status.scan}: {message}")
        if self._bar is None and time.monotonic() - self._last > _INTERVAL:
            self._last = time.monotonic()
            self._say(self._line())

    def _line(self) -> str:
        left = self._n_total - self._n_told
        pace = (self._last - self._begin) / max(self._n_worked, 1)
        return (
            f"{self._n_told} of {self._n_total} scans, {self._n_failed} failed, about "
            f"{left * pace / 60:.0f} min left"
        )

    def _say(self, line: str) -> None:
        if self._bar is not None:
            self._bar.write(line, file=sys.stderr)
        else:
            click.echo(line, err=True)


def summarise(report: Report, out: Path, *, is_shard: bool) -> None:
    """Print what was done, and what to type next.

    Parameters
    ----------
    report : Report
        What was done.
    out : Path
        The output folder, as the user typed it.
    is_shard : bool
        Whether the archive is still to be assembled.
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
            shown = ", ".join(scans[:_SHOWN]) if name not in {"done", "up to date"} else ""
            more = f" and {len(scans) - _SHOWN} more" if shown and len(scans) > _SHOWN else ""
            click.echo(f"{name:<10} {len(scans):>6}  {shown}{more}".rstrip())
    left_out = sum(len(status.left_out) for status in report.statuses)
    if left_out:
        click.echo(f"{left_out} maps are left out, such as 4D ones: {out / 'left_out.tsv'}")
    if report.n_unpaired:
        click.echo(_unpaired(report.n_unpaired))
    dropped = [status for status in report.statuses if status.dropped]
    if dropped:
        click.echo(
            f"{len(dropped)} scans have lost what was not asked for this time: "
            f"{', '.join(dropped[0].dropped)}"
        )
    doubtful = [status.scan for status in report.statuses if status.warnings]
    if doubtful:
        click.echo(f"{len(doubtful)} scans came with warnings; -v shows them.")
    if report.partial or report.failed:
        click.echo(f"What failed, and why: {out / 'failures.tsv'}")
    if is_shard:
        click.echo(f"When all shares are done: qsiparc finalize {out}")
    elif report.exit_code < 2:  # noqa: PLR2004 - something to look at
        _lead_on(out)


def _lead_on(out: Path) -> None:
    if (out / "report.html").exists():
        click.echo(f"What stands out in it, for a browser: {out / 'report.html'}")
    click.echo(f"The archive is {out / 'qsiparc.zarr'}. Look at it:")
    click.echo(f"  python -c \"import qsiparc; print(qsiparc.open('{out}'))\"")


def _unpaired(count: int) -> str:
    return f"{count} maps go with no label image; `qsiparc find --table` says why."
