"""How the means of a scalar are distributed, small enough to draw for every scalar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from qsiparc.report.robust import middle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qsiparc.report.sheets import Atlas, Sheet

BINS: Final = 48


@dataclass(frozen=True)
class Distribution:
    """One scalar over one atlas.

    Parameters
    ----------
    atlas, scalar, units : str
        Which.
    edges : numpy.ndarray, shape (bin + 1,)
        Of the bins, over the middle 99 % of all means and a little more.
    counts : numpy.ndarray, shape (bin,)
        Means of regions in each, of all scans.
    scans : list of str
        Those that have it.
    medians : numpy.ndarray, shape (scan,)
        Over the regions of each.
    n_beyond : int
        Means that are beyond the bins.
    n_scans : dict of str to int
        By the words of ``status``.
    """

    atlas: str
    scalar: str
    units: str
    edges: NDArray[np.float64]
    counts: NDArray[np.intp]
    scans: list[str]
    medians: NDArray[np.float64]
    n_beyond: int

    @classmethod
    def of(cls, atlas: Atlas, sheet: Sheet, wrong: NDArray[np.bool_]) -> Self:
        """Count.

        Parameters
        ----------
        atlas : Atlas
            Names.
        sheet : Sheet
            The scalar.
        wrong : numpy.ndarray, shape (region, scan)
            Values that the range need not show.

        Returns
        -------
        Distribution
        """
        good = sheet.mean[np.isfinite(sheet.mean) & ~wrong]
        low, high = np.percentile(good, (0.5, 99.5)) if good.size else (0.0, 1.0)
        margin = 0.08 * (high - low) or abs(high) / 2 or 1.0
        low = 0.0 if good.size and good.min() >= 0 and low - margin < 0 else low - margin
        edges = np.linspace(low, high + margin, BINS + 1)
        there = sheet.ok & np.isfinite(sheet.mean).any(axis=0)
        counts, _ = np.histogram(good, edges)
        return cls(
            atlas.name,
            sheet.name,
            sheet.units,
            edges,
            counts,
            [scan for scan, is_there in zip(atlas.scans, there, strict=True) if is_there],
            middle(sheet.mean.T)[there],
            int(np.count_nonzero(~np.isnan(sheet.mean)) - counts.sum()),
        )
