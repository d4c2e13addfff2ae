"""Left and right: the pattern of a scan's asymmetries, against that of the other scans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from qsiparc.errors import CubeError
from qsiparc.laterality import find_pairs
from qsiparc.report.robust import middle, spread
from qsiparc.report.volumes import FEWEST

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qsiparc.report.finding import Findings
    from qsiparc.report.sheets import Atlas, Sheet

_PAIRS: Final = 8
"""Pairs of regions without which there is no pattern."""

_AGREES: Final = 0.4
"""Correlation with the common pattern that most scans must have for it to be one."""

_AGAINST: Final = -0.4
"""Correlation of a scan that speaks for the other side."""

_CHANCE: Final = 4.0
"""Standard errors of a correlation of nothing, 1/√n, that the other side must be beyond."""

_MOST: Final = 6.0
"""Spreads at which one pair's asymmetry stops counting more."""

_MANY: Final = 50
"""Scans of which one does not make its own pattern; of fewer, each is compared with the others."""

_TURNS: Final = 5
"""Times the common pattern is made anew; it settles in two or three."""


def asymmetry(values: NDArray[np.float64], pairs: NDArray[np.intp]) -> NDArray[np.float64]:
    """(L − R) / (|L| + |R|), a row a pair, a column a scan; NaN where both are 0."""
    left, right = values[pairs[:, 0]], values[pairs[:, 1]]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((left - right) / (np.abs(left) + np.abs(right)))


def against(values: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Scans whose asymmetries run against those of most.

    Parameters
    ----------
    values : numpy.ndarray, shape (pair, scan)
        Asymmetries; NaN where there is none.

    Returns
    -------
    turned : numpy.ndarray, shape (scan,)
        Which; none where the scans have no pattern in common.
    agreement : numpy.ndarray, shape (scan,)
        Correlation of each scan with the common pattern, not centred: 1 is alike, −1 mirrored.

    Notes
    -----
    Each pair counts in units of its spread between scans. The common pattern is the median over
    scans, each first turned to the side that it correlates with; so up to half of them may be
    swapped.
    """
    n_pairs, n_scans = values.shape
    none = np.zeros(n_scans, bool), np.zeros(n_scans)
    if n_pairs < _PAIRS or n_scans < FEWEST:
        return none
    width = spread(values, middle(values))
    usable = np.isfinite(width)
    if np.count_nonzero(usable) < _PAIRS:
        return none
    values, width = values[usable], width[usable]
    width = np.fmax(width, np.median(width) / 2)
    if not width.all():
        return none
    rows = np.nan_to_num(np.clip(values / width[:, None], -_MOST, _MOST)).T
    length = np.linalg.norm(rows, axis=1)
    rows = rows / np.where(length, length, 1)[:, None]
    agreement = _common(rows)
    limit = min(_AGAINST, -_CHANCE / np.sqrt(rows.shape[1]))
    if np.median(np.abs(agreement)) < _AGREES:
        return none[0], agreement
    return agreement <= limit, agreement


def _common(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlation of each row with what is common to the others, most of them positive."""
    agreement: NDArray[np.float64] = rows @ rows[np.argmax(np.abs(rows @ rows.sum(axis=0)))]
    for _ in range(_TURNS):
        agreement = rows @ _pattern(rows * np.where(agreement < 0, -1, 1)[:, None])
    if np.count_nonzero(agreement < 0) * 2 > rows.shape[0]:
        agreement = -agreement
    if rows.shape[0] < _MANY:
        turned = rows * np.where(agreement < 0, -1, 1)[:, None]
        others = [np.delete(turned, n, axis=0) for n in range(rows.shape[0])]
        agreement = np.array([row @ _pattern(o) for row, o in zip(rows, others, strict=True)])
    return agreement


def _pattern(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    pattern = np.median(rows, axis=0)
    size = np.linalg.norm(pattern)
    return np.asarray(pattern / size if size else pattern)


def _pairs(atlas: Atlas) -> NDArray[np.intp]:
    """Places of the left and the right region, (pair, 2); none where names leave it open."""
    try:
        places = find_pairs(atlas.region_names, atlas.names("hemisphere")).places
    except CubeError:
        places = []
    return np.array(places, np.intp).reshape(-1, 2)


class Sides:
    """Left and right in one atlas, while scalar after scalar is looked at.

    Parameters
    ----------
    atlas : Atlas
        Names.
    """

    def __init__(self, atlas: Atlas) -> None:
        self._atlas = atlas
        self._pairs = _pairs(atlas)
        self._against: dict[int, list[tuple[str, float]]] = {}

    def look(self, sheet: Sheet, passed: NDArray[np.bool_]) -> None:
        """Take in one scalar.

        Parameters
        ----------
        sheet : Sheet
            Of all scans.
        passed : numpy.ndarray, shape (region, scan)
            What was found to be wrong already.
        """
        self._look(np.where(passed, np.nan, sheet.mean), sheet.name)

    def conclude(self, size: NDArray[np.float64], found: Findings) -> None:
        """Look at the volumes, too, and add what was found.

        Parameters
        ----------
        size : numpy.ndarray, shape (region, scan)
            Voxels of each region in the label image.
        found : Findings
            Findings are added to these.
        """
        self._look(np.where(size > 0, size, np.nan), "")
        for scan, seen in self._against.items():
            names = [name for name, _ in seen if name]
            agreement = min(value for _, value in seen)
            words = [*(["the volumes of regions"] if len(names) < len(seen) else []), *names]
            shown = ", ".join(words[:4]) + (f" and {len(words) - 4} more" if len(words) > 4 else "")  # noqa: PLR2004
            found.add(
                "sides",
                self._atlas.scans[scan],
                score=float(len(seen) - agreement),
                text=f"Left minus right in {shown} runs against the other scans (correlation "
                f"{agreement:.2f} over {len(self._pairs)} pairs of {self._atlas.name})",
                atlases=[self._atlas.name],
                scalars=names,
            )

    def _look(self, values: NDArray[np.float64], name: str) -> None:
        there = np.flatnonzero(np.isfinite(values).any(axis=0))
        turned, agreement = against(asymmetry(values[:, there], self._pairs))
        for place in np.flatnonzero(turned):
            seen = self._against.setdefault(int(there[place]), [])
            seen.append((name, float(agreement[place])))
