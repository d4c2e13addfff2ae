"""Values that cannot be, and values that no other scan has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from qsiparc.report.finding import KEPT, Findings, Spot
from qsiparc.report.robust import middle, scale
from qsiparc.report.volumes import ALONE, FEWEST, together

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qsiparc.report.sheets import Atlas, Sheet

HUGE: Final = 1e30
"""No map has such a value; ±3.4e38, the largest float32, is what some fits leave."""

_Z: Final = 6.0
"""Spreads from the middle that are too many for a brain, where there are many scans."""

_FEW: Final = 3.0
"""Scans of which a spread says so little that twice as many are asked for."""

_USUAL: Final = 0.03
"""Least spread between people, as a share of the middle."""

_SHARE: Final = frozenset({"fa", "icvf", "ndi", "isovf", "fwf", "od", "odi"})
"""Parameters that are between 0 and 1 by their definitions."""

_POSITIVE: Final = frozenset({"md", "ad", "rd", "rtop", "rtap", "rtpp"})
"""Parameters that are never negative."""


def check_huge(atlas: Atlas, sheet: Sheet, found: Findings) -> NDArray[np.bool_]:
    """Look for values that are infinite or as large as a float can be.

    Parameters
    ----------
    atlas : Atlas
        Names.
    sheet : Sheet
        One scalar.
    found : Findings
        Findings are added to these.

    Returns
    -------
    numpy.ndarray, shape (region, scan)
        Where they are.
    """
    with np.errstate(invalid="ignore"):
        large = (np.abs(sheet.mean) >= HUGE) | (np.abs(sheet.std) >= HUGE)
        none = (sheet.n_voxels > 0) & np.isnan(sheet.mean) & _has(sheet.mean)
    huge = large | (none & ~sheet.withheld)
    if huge.any():
        _add(atlas, sheet, "huge", huge, found, scored=np.ones_like(sheet.mean))
    return huge


def check_range(
    atlas: Atlas, sheet: Sheet, passed: NDArray[np.bool_], found: Findings
) -> NDArray[np.bool_]:
    """Look for means that the definition of a scalar rules out.

    Parameters
    ----------
    atlas, sheet, found
        As in `check_huge`.
    passed : numpy.ndarray, shape (region, scan)
        What was found to be wrong already.

    Returns
    -------
    numpy.ndarray, shape (region, scan)
        Where they are.
    """
    param = sheet.param.lower()
    wrong = np.zeros(sheet.mean.shape, bool)
    if param in _SHARE:
        wrong = (sheet.mean < 0) | (sheet.mean > 1)
    elif param in _POSITIVE:
        wrong = sheet.mean < 0
    wrong &= ~passed
    if wrong.any():
        _add(atlas, sheet, "range", wrong, found, scored=np.abs(sheet.mean))
    return wrong


def check_unlike(atlas: Atlas, sheet: Sheet, passed: NDArray[np.bool_], found: Findings) -> None:
    """Look for means that are far from those of the other scans.

    Parameters
    ----------
    atlas, sheet, found
        As in `check_huge`.
    passed
        As in `check_range`.
    """
    mean = np.where(passed, np.nan, sheet.mean)
    if np.count_nonzero(np.isfinite(mean).any(axis=0)) < FEWEST:
        return
    usual = middle(mean)
    enough = np.isfinite(mean).sum(axis=1) >= FEWEST
    spread = np.fmax(scale(mean, usual), _USUAL * np.abs(usual))
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (mean - usual[:, None]) / spread[:, None]
    limit = _Z * (1 + (_FEW / np.count_nonzero(np.isfinite(mean).any(axis=0))) ** 2)
    out = (np.abs(z) >= limit) & (spread > 0)[:, None] & enough[:, None]
    out &= together(out, np.abs(z) >= ALONE * limit)
    for scan in np.flatnonzero(out.any(axis=0)):
        rows = np.flatnonzero(out[:, scan])
        rows = rows[np.argsort(-np.abs(z[rows, scan]), kind="stable")]
        spots = []
        for row in rows[:KEPT]:
            said = (
                f"mean {sheet.name} {_number(mean[row, scan])}{_unit(sheet)}, others "
                f"{_number(usual[row])} (z = {z[row, scan]:+.0f})"
            )
            where = (atlas.name, atlas.regions[row], atlas.region_names[row], sheet.name)
            spots.append(Spot(*where, said, float(abs(z[row, scan]))))
        found.add(
            "values",
            atlas.scans[scan],
            score=spots[0].score,
            atlases=[atlas.name],
            scalars=[sheet.name],
            spots=spots,
            regions=rows,
        )


def _has(mean: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Scans in which some mean is a number, so that the statistic was asked for at all."""
    return np.asarray(np.isfinite(mean).any(axis=0))[None]


def _add(
    atlas: Atlas,
    sheet: Sheet,
    kind: str,
    where: NDArray[np.bool_],
    found: Findings,
    *,
    scored: NDArray[np.float64],
) -> None:
    """A finding a scan; or one for all of them, when more than half have it."""
    scans = np.flatnonzero(where.any(axis=0))
    n_scans = np.count_nonzero(sheet.ok)
    if n_scans >= FEWEST and scans.size * 2 > n_scans:
        worst = np.where(where, np.nan_to_num(scored), -1).argmax(axis=1)
        rows = np.flatnonzero(where.any(axis=1))
        cells = [(int(row), int(worst[row])) for row in rows[:KEPT]]
        _add_one(atlas, sheet, kind, "", cells, rows=rows, found=found, n_scans=scans.size)
        return
    for scan in scans:
        rows = np.flatnonzero(where[:, scan])
        rows = rows[np.argsort(-np.nan_to_num(scored[rows, scan]), kind="stable")]
        cells = [(int(row), int(scan)) for row in rows[:KEPT]]
        _add_one(atlas, sheet, kind, atlas.scans[scan], cells, rows=rows, found=found)


def _add_one(
    atlas: Atlas,
    sheet: Sheet,
    kind: str,
    scan: str,
    cells: list[tuple[int, int]],
    *,
    rows: NDArray[np.intp],
    found: Findings,
    n_scans: int = 1,
) -> None:
    count = rows.size
    spots = []
    for row, column in cells:
        said = f"mean {sheet.name} {_number(sheet.mean[row, column])}{_unit(sheet)}"
        where = (atlas.name, atlas.regions[row], atlas.region_names[row], sheet.name)
        spots.append(Spot(*where, said, float(count)))
    found.add(
        kind,
        scan,
        score=float(count),
        text="" if scan else f"{sheet.name} in {n_scans} scans",
        atlases=[atlas.name],
        scalars=[sheet.name],
        spots=spots,
        regions=rows,
    )


def _number(value: float) -> str:
    return f"{value:.3g}"


def _unit(sheet: Sheet) -> str:
    return f" {sheet.units}" if sheet.units not in {"", "1"} else ""
