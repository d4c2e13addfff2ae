"""A scan to be reduced: what a worker has to know of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from qsiparc.cohort.record import Trouble
from qsiparc.validity import EVERYTHING, Validity

if TYPE_CHECKING:
    from collections.abc import Mapping

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
