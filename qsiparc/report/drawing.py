"""The geometry of the report's small pictures, in the units of their SVG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from qsiparc.names import STATUS_FLAGS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from qsiparc.report.distribution import Distribution
    from qsiparc.report.sheets import Atlas

WIDTH: Final = 240
_TALL: Final = 40
_DOTS: Final = 47


class Mark(NamedTuple):
    """A scan that stands out: its place, and what it is called."""

    x: float
    scan: str
    text: str


@dataclass(frozen=True)
class Card:
    """A scalar as it is drawn.

    Parameters
    ----------
    about : Distribution
        What is drawn.
    area, dots : str
        Paths.
    marks : list of Mark
        Scans with findings.
    low, middle, high : str
        Numbers below the axis.
    """

    about: Distribution
    area: str
    dots: str
    marks: list[Mark]
    low: str
    middle: str
    high: str


def draw_card(about: Distribution, flagged: Mapping[str, str]) -> Card:
    """Draw the distribution of a scalar.

    Parameters
    ----------
    about : Distribution
        What to draw.
    flagged : mapping of str to str
        What was found of scans, by their ids.

    Returns
    -------
    Card
    """
    low, high = float(about.edges[0]), float(about.edges[-1])
    step = WIDTH / about.counts.size
    top = max(int(about.counts.max(initial=0)), 1)
    heights = _TALL - np.round(about.counts / top * (_TALL - 2), 1)
    bars = "".join(f"V{_n(y)}h{_n(step)}" for y in heights)
    area = f"M0 {_TALL}{bars}V{_TALL}z"
    known = np.flatnonzero(np.isfinite(about.medians))
    places = 3 + (WIDTH - 6) * np.clip((about.medians - low) / (high - low), 0, 1)
    flagged_here = [n for n in known if about.scans[n] in flagged]
    dots = "".join(f"M{_n(places[n])} {_DOTS}h0" for n in known if about.scans[n] not in flagged)
    marks = [
        Mark(
            round(float(places[n]), 1),
            about.scans[n],
            f"{about.scans[n]}: {flagged[about.scans[n]]} (median {about.medians[n]:.3g})",
        )
        for n in flagged_here
    ]
    numbers = [f"{value:.2g}" for value in (low, (low + high) / 2, high)]
    return Card(about, area, dots, marks, *numbers)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


@dataclass(frozen=True)
class Map:
    """What of a study is there: a row a scalar, a column a scan.

    Parameters
    ----------
    scalars : list of str
        Names of the rows.
    n_scans : int
        How many columns.
    missing, failed : str
        Paths, in cells.
    """

    scalars: list[str]
    n_scans: int
    missing: str
    failed: str


def worst_status(atlases: Sequence[Atlas]) -> tuple[list[str], list[str], NDArray[np.int8]]:
    """Scans, scalars, and the worst status of any atlas, (scalar, scan)."""
    scans = list(dict.fromkeys(scan for atlas in atlases for scan in atlas.scans))
    scalars = list(dict.fromkeys(name for atlas in atlases for name in atlas.scalars))
    worst = np.zeros((len(scalars), len(scans)), np.int8)
    seen = np.zeros_like(worst, bool)
    rows, columns = ({name: n for n, name in enumerate(names)} for names in (scalars, scans))
    for atlas in atlases:
        where = np.ix_([rows[n] for n in atlas.scalars], [columns[n] for n in atlas.scans])
        worst[where] = np.maximum(worst[where], atlas.status)
        seen[where] = True
    worst[~seen] = np.maximum(worst[~seen], STATUS_FLAGS["missing"])
    return scans, scalars, worst


def draw_map(scalars: list[str], worst: NDArray[np.int8]) -> Map:
    """Draw what is missing and what failed; what is there is the ground.

    Parameters
    ----------
    scalars : list of str
        Names of the rows.
    worst : numpy.ndarray, shape (scalar, scan)
        As of `worst_status`.

    Returns
    -------
    Map
    """
    paths = {
        word: "".join(
            f"M{start} {row}h{stop - start}v1h-{stop - start}z"
            for row, cells in enumerate(worst == STATUS_FLAGS[word])
            for start, stop in _runs(cells)
        )
        for word in ("missing", "failed")
    }
    return Map(scalars, worst.shape[1], **paths)


def _runs(cells: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], cells, [False]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]
