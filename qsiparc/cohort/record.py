"""What became of a scan."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from qsiparc.names import legible

if TYPE_CHECKING:
    from collections.abc import Iterable


class Trouble(NamedTuple):
    """A map, a dseg or a whole scan that is not in the cube, and why."""

    scan: str
    subject: str
    session: str
    atlas: str
    scalar: str
    file: str
    step: str
    reason: str


@dataclass(frozen=True)
class Status:
    """What a task returns: it never raises.

    Parameters
    ----------
    scan : str
        Id of the scan.
    n_values : int
        Pairs of a map and an atlas that were reduced.
    failures : tuple of Trouble
        What could not be reduced.
    left_out : tuple of Trouble
        What does not belong into a cube.
    warnings : tuple of str
        What was doubtful.
    written : bool
        Whether there is a part.
    skipped : bool
        Whether the part of an earlier run was found to be up to date.
    dropped : tuple of str
        Atlases and scalars that the part of an earlier run had and this one was not asked for.
    changed : tuple of str
        Options that the part of an earlier run was made with and this one was not.
    """

    scan: str
    n_values: int = 0
    failures: tuple[Trouble, ...] = ()
    left_out: tuple[Trouble, ...] = ()
    warnings: tuple[str, ...] = ()
    written: bool = True
    skipped: bool = False
    dropped: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """What a run did.

    Parameters
    ----------
    statuses : list of Status
        One a scan, in the order they came.
    n_unpaired : int
        Maps that go with no dseg.
    removed : list of str
        Scans whose parts were deleted, for they are gone from the tree.
    """

    statuses: list[Status] = field(default_factory=list)
    n_unpaired: int = 0
    removed: list[str] = field(default_factory=list)

    @property
    def done(self) -> list[str]:
        """Scans that were worked on in this run and are whole."""
        return [s.scan for s in self.statuses if not s.skipped and not s.failures]

    @property
    def skipped(self) -> list[str]:
        """Scans that an earlier run did."""
        return [s.scan for s in self.statuses if s.skipped]

    @property
    def partial(self) -> list[str]:
        """Scans that lack something."""
        return [s.scan for s in self.statuses if s.failures and s.n_values]

    @property
    def failed(self) -> list[str]:
        """Scans of which there is nothing."""
        return [s.scan for s in self.statuses if s.failures and not s.n_values]

    @property
    def exit_code(self) -> int:
        """0 when nothing failed, 1 when something did, 2 when there is no scan with a value."""
        if len(self.failed) == len(self.statuses):
            return 2
        return 1 if self.failed or self.partial else 0


def to_json(troubles: Iterable[Trouble]) -> str:
    """Records as the text of an attribute."""
    return legible(json.dumps([trouble._asdict() for trouble in troubles], ensure_ascii=False))


def from_json(text: str) -> tuple[Trouble, ...]:
    """The inverse of `to_json`."""
    return tuple(Trouble(**record) for record in json.loads(text))
