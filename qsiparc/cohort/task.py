"""One scan: every map read once, reduced over every atlas, and written as a part."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from qsiparc.cohort.parts import write_part
from qsiparc.cohort.record import Status, Trouble, to_json
from qsiparc.cohort.work import Work
from qsiparc.errors import collected_warnings
from qsiparc.names import legible
from qsiparc.validity import EVERYTHING, Validity
from qsiparc.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qsiparc.atlas import AtlasLUT
    from qsiparc.catalogue import Statistic


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
        Whether to read a map while the one before it is reduced, which takes a second core.

    Returns
    -------
    Status
        What became of it. Nothing that goes wrong with the scan is raised.
    """
    work = Work(task, list(task.failures), list(task.left_out), reads_ahead)
    with collected_warnings() as messages:
        try:
            tree = work.tree()
            tree.attrs = part_attributes(task, work.failures, work.left_out, messages)
            write_part(Path(task.out), task.scan, tree)
        except Exception as error:  # noqa: BLE001 - one bad scan must not end a study
            failure = task.trouble("write", f"{type(error).__name__}: {error}", file=task.out)
            return Status(task.scan, 0, (*work.failures, failure), written=False)
    return Status(
        task.scan, work.n_values, tuple(work.failures), tuple(work.left_out), tuple(messages)
    )


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
