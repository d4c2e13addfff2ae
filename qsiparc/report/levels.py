"""Scans of one scalar whose values are of another order of magnitude, or in other units."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import numpy as np

from qsiparc.report.robust import middle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from qsiparc.report.finding import Findings
    from qsiparc.report.sheets import Atlas, Sheet

_GAP: Final = 2.0
"""Powers of ten between two scans that brains alone never put there."""

_ALIKE: Final = 0.3
"""Powers of ten by which regions may differ in how far a scan is off, when units are the cause."""

_THOUSAND: Final = 0.4
"""Powers of ten by which a factor may differ from 1000 and still be called so."""


def find_levels(mean: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Scans that are off as a whole.

    Parameters
    ----------
    mean : numpy.ndarray, shape (region, scan)
        Of one scalar.

    Returns
    -------
    off : numpy.ndarray, shape (scan,)
        Whether all regions of a scan are off by one factor, 100 or more.
    power : numpy.ndarray, shape (scan,)
        The power of ten of that factor; NaN where a scan has no value.

    Notes
    -----
    Scans are put in order by the median of the logarithms of their regions' means; where two
    neighbours are more than a factor of 100 apart, the smaller side is off. So it is found, too,
    when a third of the scans is in other units.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log10(np.abs(mean))
    logs = np.where(np.isfinite(logs), logs, np.nan)
    level = middle(logs.T)
    known = np.flatnonzero(np.isfinite(level))
    off = np.zeros(level.size, bool)
    if known.size < 2:  # noqa: PLR2004 - there is nothing to compare
        return off, np.where(np.isfinite(level), 0.0, np.nan)
    order = known[np.argsort(level[known])]
    steps = np.flatnonzero(np.diff(level[order]) > _GAP)
    groups = np.split(order, steps + 1)
    largest = max(groups, key=len)
    reference = middle(logs[:, largest])
    power = middle((logs - reference[:, None]).T)
    if len(groups) > 1:
        uneven = middle(np.abs(logs - reference[:, None] - power).T)
        others = np.concatenate([group for group in groups if group is not largest])
        off[others] = uneven[others] < _ALIKE
    return off, power


def check_levels(
    atlas: Atlas,
    sheet: Sheet,
    wrong: NDArray[np.bool_],
    stated: Mapping[str, str],
    found: Findings,
) -> NDArray[np.bool_]:
    """Look for scans in other units.

    Parameters
    ----------
    atlas : Atlas
        Names.
    sheet : Sheet
        One scalar.
    wrong : numpy.ndarray, shape (region, scan)
        Values that are not to be looked at.
    stated : mapping of str to str
        Units by scan, where the part of a scan states some.
    found : Findings
        Findings are added to these.

    Returns
    -------
    numpy.ndarray, shape (scan,)
        Which scans are off, so that nothing else need be said of their values.
    """
    off, power = find_levels(np.where(wrong, np.nan, sheet.mean))
    n_off, n_known = np.count_nonzero(off), np.count_nonzero(np.isfinite(power))
    usual = _usual_units(
        stated, [s for s, is_off in zip(atlas.scans, off, strict=True) if not is_off]
    )
    for place in np.flatnonzero(off):
        scan = atlas.scans[place]
        off_by = power[place]
        text = f"{sheet.name} is {_factor(off_by)} that of {n_known - n_off} other scans"
        if n_off * 2 == n_known:
            text += ", which are as many: either may be right"
        units = stated.get(scan, "")
        if units and units == usual:
            text += f", though all state {units}"
        elif units or usual:
            text += f"; it states {units or 'no units'}, they {usual or 'none'}"
        thousands = abs(off_by / 3 - round(off_by / 3)) * 3 < _THOUSAND
        found.add(
            "units" if thousands else "values",
            scan,
            score=float(10 * abs(off_by)),
            text=text,
            atlases=[atlas.name],
            scalars=[sheet.name],
        )
    return off


def check_stated(scalar: str, stated: Mapping[str, str], known: set[str], found: Findings) -> None:
    """Look for scans that state other units than most.

    Parameters
    ----------
    scalar : str
        Id of the scalar.
    stated : mapping of str to str
        Units by scan.
    known : set of str
        Scans of which it was said already, by their values.
    found : Findings
        Findings are added to these.
    """
    usual = _usual_units(stated, list(stated))
    count = sum(units == usual for units in stated.values())
    for scan, units in stated.items():
        if units and units != usual and scan not in known:
            text = (
                f"{scalar} states {units}, and {usual} in {count} other scans; its values are alike"
            )
            found.add("units", scan, score=1.0, text=text, scalars=[scalar])


def _usual_units(stated: Mapping[str, str], scans: Sequence[str]) -> str:
    count: defaultdict[str, int] = defaultdict(int)
    for scan in scans:
        if stated.get(scan):
            count[stated[scan]] += 1
    return max(count, key=lambda units: count[units], default="")


def _factor(power: float) -> str:
    nearest = 3 * round(power / 3)
    if nearest and abs(power - nearest) < _THOUSAND:
        power = nearest
    number = 10 ** abs(power)
    shown = f"{number:.0f}" if number < 1e6 else f"{number:.1e}"  # noqa: PLR2004 - a legible length
    return f"{shown} times" if power > 0 else f"1/{shown} of"
