"""What a finding is, and how the findings of a study come together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

KEPT: Final = 12
"""How many of its worst regions a finding names."""


WRONG: Final = "wrong"
LOOK: Final = "look"


class Kind(NamedTuple):
    """A kind of finding.

    Parameters
    ----------
    title : str
        In a few words.
    weight : {"wrong", "look"}
        Whether something is wrong, or only worth a look.
    why : str
        What it means and what to do.
    """

    title: str
    weight: Literal["wrong", "look"]
    why: str

    @property
    def is_wrong(self) -> bool:
        """Whether something is wrong, or only worth a look."""
        return self.weight == WRONG


KINDS: Final = {
    "sides": Kind(
        "Left and right swapped",
        WRONG,
        "The differences between left and right run against those of the other scans. Look whether "
        "the label image and the map of this scan have their left on one side.",
    ),
    "units": Kind(
        "Units disagree",
        WRONG,
        "Scans of one scalar are in different units: mm²/s and µm²/ms are 1000 apart. Convert the "
        "maps, or leave these scans out.",
    ),
    "huge": Kind(
        "Huge or infinite values",
        WRONG,
        "A voxel is infinite, or as large as a float can be: the mark of a fit that failed. Mask "
        "these voxels in the map and build again.",
    ),
    "range": Kind(
        "Impossible values",
        WRONG,
        "The scalar cannot have such a value by its definition. Look at the map, and at its scale.",
    ),
    "lost": Kind(
        "Regions lost",
        LOOK,
        "The label image of this scan does not hold the region, which others do. Small ones get "
        "lost on coarse grids; a large one means that the atlas was not brought to this brain.",
    ),
    "coverage": Kind(
        "Low coverage",
        LOOK,
        "Many voxels of the region have no value: the field of view ends there, or the fit failed.",
    ),
    "volume": Kind(
        "Unusual volumes",
        LOOK,
        "Regions are much larger or smaller than in the other scans, as a share of the atlas. Look "
        "whether the atlas fits this brain.",
    ),
    "values": Kind(
        "Unlike the other scans",
        LOOK,
        "Means of regions are far from those of the other scans: artefacts, lesions, or a map that "
        "is 0 where it saw nothing.",
    ),
}
"""All kinds, the gravest first."""

BY_SCALAR: Final = frozenset({"units", "huge", "range"})
"""Kinds of which each scalar is told on its own, where most scans have them."""

ORDER: Final = {kind: n for n, kind in enumerate(KINDS)}


class Spot(NamedTuple):
    """A region in which something was found.

    Parameters
    ----------
    atlas : str
        Name of the atlas.
    region : int
        Label.
    name : str
        Of the region.
    scalar : str
        Empty where it is not a matter of one scalar.
    text : str
        What was found there.
    score : float
        How bad it is, within its kind.
    """

    atlas: str
    region: int
    name: str
    scalar: str
    text: str
    score: float


@dataclass
class Finding:
    """Something that a person should look at.

    Parameters
    ----------
    kind : str
        A key of `KINDS`.
    scan : str
        Id of the scan; empty where most scans have it, so that it is a matter of the study.
    text : str
        What was found, but for regions.
    score : float
        How bad it is, within its kind.
    atlases, scalars : list of str
        Where it was found.
    spots : list of Spot
        The worst regions, the worst first.
    regions : set of (str, int)
        Atlas and place of every region in which it was found.
    """

    kind: str
    scan: str
    text: str = ""
    score: float = 0.0
    atlases: list[str] = field(default_factory=list)
    scalars: list[str] = field(default_factory=list)
    spots: list[Spot] = field(default_factory=list)
    regions: set[tuple[str, int]] = field(default_factory=set)

    @property
    def n_regions(self) -> int:
        """In how many regions it was found."""
        return len(self.regions)

    @property
    def said(self) -> str:
        """What was found, in a sentence without its full stop."""
        said = [self.text] if self.text else []
        if self.spots:
            worst, beside = self.spots[0], self.n_regions - 1
            more = f" and {beside} more" if beside > 0 else ""
            said.append(f"{worst.name}{more}: {worst.text}")
        beside = len(self.scalars) - 1
        if self.kind == "units" and beside > 0:
            said.append(f"the same of {beside} more {'scalar' if beside == 1 else 'scalars'}")
        return "; ".join(said)

    @property
    def title(self) -> str:
        """Of its kind."""
        return KINDS[self.kind].title

    @property
    def is_wrong(self) -> bool:
        """Whether something is wrong, or only worth a look."""
        return KINDS[self.kind].is_wrong


class Findings:
    """Findings as they come; those of one kind and scan become one."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], Finding] = {}

    def add(
        self,
        kind: str,
        scan: str,
        *,
        score: float,
        text: str = "",
        atlases: Sequence[str] = (),
        scalars: Sequence[str] = (),
        spots: Sequence[Spot] = (),
        regions: Iterable[int] = (),
    ) -> None:
        """Take one in.

        Parameters
        ----------
        kind, scan
            What it is one with; where there is no scan, `scalars` count, too.
        score, text
            As in `Finding`; the text with the highest score stays.
        atlases, scalars, spots
            As in `Finding`; added to what is there.
        regions : iterable of int
            Places of the regions in the one atlas.
        """
        alone = kind in BY_SCALAR and not scan
        key = (kind, scan, scalars[0] if alone else "")
        one = self._found.setdefault(key, Finding(kind, scan))
        if text and (not one.text or score > one.score):
            one.text = text
        one.score = max(one.score, score)
        one.atlases = list(dict.fromkeys([*one.atlases, *atlases]))
        one.scalars = list(dict.fromkeys([*one.scalars, *scalars]))
        one.spots = sorted([*one.spots, *spots], key=lambda spot: -spot.score)[:KEPT]
        one.regions.update((atlas, int(place)) for atlas in atlases for place in regions)

    def scans_of(self, kind: str, scalar: str) -> set[str]:
        """Scans of which a finding of that kind and scalar is known."""
        return {f.scan for f in self._found.values() if f.kind == kind and scalar in f.scalars}

    def ordered(self) -> list[Finding]:
        """All of them, the gravest first."""
        return sorted(self._found.values(), key=lambda f: (ORDER[f.kind], -f.score, f.scan))


def to_frame(found: Iterable[Finding]) -> pd.DataFrame:
    """A row a finding.

    Parameters
    ----------
    found : iterable of Finding
        In their order.

    Returns
    -------
    DataFrame
        Columns ``kind, scan, atlas, scalar, n_regions, region_name, finding``; lists in one cell
        are parted by ``", "``, and ``region_name`` has the worst twelve.
    """
    rows = [
        {
            "kind": one.kind,
            "scan": one.scan or "all",
            "atlas": ", ".join(one.atlases),
            "scalar": ", ".join(one.scalars),
            "n_regions": one.n_regions,
            "region_name": ", ".join(dict.fromkeys(spot.name for spot in one.spots)),
            "finding": one.said,
        }
        for one in found
    ]
    columns = ["kind", "scan", "atlas", "scalar", "n_regions", "region_name", "finding"]
    return pd.DataFrame(rows, columns=columns)
