"""A build: plan, pass over what is there, run the rest, and say what became of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import xarray as xr

from qsiparc.catalogue import resolve
from qsiparc.cohort.choices import changes, require_one_set
from qsiparc.cohort.executors import require_portable, run_all
from qsiparc.cohort.failures import write_tables
from qsiparc.cohort.fingerprint import Inspector, why_to_do
from qsiparc.cohort.lock import locked
from qsiparc.cohort.output import check_output, prepare_output
from qsiparc.cohort.parts import part_paths, stored_attrs, write_part
from qsiparc.cohort.plan import make_plan
from qsiparc.cohort.record import Report, Status, from_json
from qsiparc.cohort.scan import part_attributes
from qsiparc.errors import BuildError, CubeError, QsiparcWarning, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from qsiparc.cohort.executors import Engine
    from qsiparc.cohort.plan import Options, Plan
    from qsiparc.cohort.task import Task


@dataclass
class Study:
    """Tasks, sorted into those that are done and those that are to do, as they are asked for.

    Parameters
    ----------
    plan : Plan
        What there is to do.
    check_content : bool
        Whether inputs are compared by what they hold.
    statuses : list of Status
        What became of the scans until now.
    reasons : dict of str to str
        By scan, why it is to do.
    dropped : dict of str to list of str
        By scan, what its earlier part had and the tree holds no more.
    changed : dict of str to tuple of str
        By scan, which options its earlier part was made with that are others now.
    """

    plan: Plan
    check_content: bool = False
    statuses: list[Status] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, list[str]] = field(default_factory=dict)
    changed: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def require_one_set(self) -> None:
        """Refuse what would leave the study with two sets of options; see `require_one_set`."""
        tasks, plan = self.plan.tasks, self.plan
        if tasks:  # a share of the scans can be none
            wanted = Inspector(str(plan.root)).made_with(tasks)
            require_one_set(Path(tasks[0].out), wanted, redone=plan.selected, there=plan.there)

    def pending(self, passed: Callable[[Status], None]) -> Iterator[Task]:
        """Tasks that are to do, complete with their fingerprints.

        Parameters
        ----------
        passed : callable
            Told the status of each scan that an earlier run did.

        Yields
        ------
        Task
        """
        inspector = Inspector(str(self.plan.root), check_content=self.check_content)
        for task in self.plan.tasks:
            wanted = inspector.attrs(task)
            stored = stored_attrs(Path(task.out), task.scan)
            reason = why_to_do(stored, wanted)
            if stored is not None and not reason:
                left_out = from_json(stored["left_out"])
                doubts = tuple(json.loads(stored.get("warnings", "[]")))
                passed(Status(task.scan, 1, (), left_out, doubts, skipped=True))
            else:
                self.reasons[task.scan] = reason
                asked = set(wanted["asked"].split())
                self.dropped[task.scan] = [
                    name for name in (stored or {}).get("asked", "").split() if name not in asked
                ]
                self.changed[task.scan] = changes(stored or wanted, wanted)
                yield replace(task, attrs=wanted)

    def run(
        self,
        engine: Engine = None,
        *,
        strict: bool = False,
        tell: Callable[[Status], None] = lambda _: None,
    ) -> Report:
        """Do what is to do.

        Parameters
        ----------
        engine : int, Executor, Client or None
            Who does it.
        strict : bool
            Whether to stop at the first failure.
        tell : callable
            Told every status as it comes.

        Returns
        -------
        Report

        Raises
        ------
        BuildError
            Something failed, and `strict` is set.
        """
        tasks = {task.scan: task for task in self.plan.tasks}

        def note(status: Status) -> None:
            self.statuses.append(status)
            tell(status)

        running = run_all(self.pending(note), engine)
        try:
            for status in running:
                _record(tasks[status.scan], status)
                changed = self.changed[status.scan]
                if changed and not any(one.changed for one in self.statuses):
                    _warn_of_other_options(status.scan, changed)
                dropped = tuple(self.dropped[status.scan])
                note(replace(status, dropped=dropped, changed=changed))
                if strict and status.failures:
                    raise _stopped(status)
        finally:
            close = getattr(running, "close", None)
            if close is not None:
                close()
        return Report(self.statuses, self.plan.n_unpaired)


def _warn_of_other_options(scan: str, changed: Iterable[str]) -> None:
    """Say that numbers of before are replaced, once, as soon as the first of them are."""
    warn(
        f"Scans that were built with other options are done anew, with all of their maps, and "
        f"their earlier numbers are replaced; {scan} for one: {'; '.join(changed)}. A study has "
        "one set of options: what needs another belongs into another output folder.",
        QsiparcWarning,
    )


def _record(task: Task, status: Status) -> None:
    """Leave a part that says why, for a scan whose worker could not."""
    if status.written:
        return
    empty = xr.DataTree()
    empty.attrs = part_attributes(task, status.failures, status.left_out, status.warnings)
    try:
        write_part(Path(task.out), task.scan, empty)
    except (OSError, CubeError):
        return  # the disk is full, say: the status says so, too


def _stopped(status: Status) -> BuildError:
    first = status.failures[0]
    return BuildError(
        f"Stopped at the first failure, as strict asks: {first.scan}, {first.step}: "
        f"{first.reason} ({first.file}). What was done is kept; the same command goes on from "
        "there."
    )


def carry_out(
    root: Path,
    out: Path,
    options: Options,
    engine: Engine,
    *,
    strict: bool = False,
    begun: Callable[[int], Callable[[Status], None]] = lambda _: lambda _: None,
) -> Report:
    """Plan a build and do all of it but assembling the archive.

    Parameters
    ----------
    root, out : Path
        The tree and the output folder. Nothing is written before it is known that there is
        something to do.
    options : Options
        What is asked for.
    engine : int, Executor, Client or None
        Who does it.
    strict : bool
        Whether to stop at the first failure.
    begun : callable
        Told how many scans there are; what it returns is told the status of each.

    Returns
    -------
    Report

    Raises
    ------
    OptionError
        Scans that are not to do were made with other options.

    Warns
    -----
    QsiparcWarning
        Scans that are to do were.
    """
    require_portable(resolve(options.stats), engine)
    out = check_output(root, out)
    plan = make_plan(root, out, options)
    study = Study(plan, check_content=options.check_content)
    study.require_one_set()
    prepare_output(root, out)
    try:
        report = study.run(engine, strict=strict, tell=begun(len(plan.tasks)))
    except BaseException:
        if study.statuses:  # what failed until now is told even if the build was stopped
            conclude(plan, Report(study.statuses), out, prune=False)
        raise
    return conclude(plan, report, out, prune=options.prune)


def conclude(plan: Plan, report: Report, out: Path, *, prune: bool) -> Report:
    """Bring the tables up to date, and let go of scans that are gone.

    Parameters
    ----------
    plan : Plan
        What was planned.
    report : Report
        What was done.
    out : Path
        The output folder.
    prune : bool
        Whether to delete the parts of scans that the tree does not hold any more.

    Returns
    -------
    Report
        With the scans that were removed.
    """
    removed: list[str] = []
    with locked(out):
        for path in part_paths(out) if prune else ():
            if path.stem not in plan.there:
                path.unlink()
                removed.append(path.stem)
        known = {status.scan: (status.failures, status.left_out) for status in report.statuses}
        write_tables(out, known)
    return replace(report, removed=removed)
