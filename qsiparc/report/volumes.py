"""Regions that a label image has lost, or of which it has far too much or too little."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from qsiparc.report.finding import KEPT, Findings, Spot
from qsiparc.report.robust import middle, scale

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qsiparc.report.sheets import Atlas

FEWEST: Final = 3
"""Scans without which nobody can say which one is unlike the others."""

_Z: Final = 5.0
"""Spreads from the middle, on a scale of logarithms."""

SEVERAL: Final = 3
"""Regions that must stand out in one scan; of many thousand, one does so by chance alone …"""

ALONE: Final = 2.0
"""… unless it stands out by so many times as much."""

_FACTOR: Final = 1.8
"""By which a region must be larger or smaller to be worth a look."""

_USUAL: Final = 0.12
"""Least spread of a region's share between people, as a logarithm."""

_TOTAL: Final = 2.0
"""By which factor the whole atlas must be larger or smaller; heads differ by less."""


def check_volumes(atlas: Atlas, size: NDArray[np.float64], found: Findings) -> None:
    """Look for regions lost, and for volumes that stand out.

    Parameters
    ----------
    atlas : Atlas
        Names.
    size : numpy.ndarray, shape (region, scan)
        Voxels of each region in the label image; NaN where a scan has no such image.
    found : Findings
        Findings are added to these.

    Notes
    -----
    Volumes are judged on a scale of logarithms, after what all regions of a scan have in common
    (their median) is taken off, so that neither the size of a head nor that of a voxel matters. A
    region of n voxels is uncertain by 1/√n.
    """
    _check_lost(atlas, size, found)
    if np.count_nonzero(np.nansum(size, axis=0)) < FEWEST:
        return
    total = np.nansum(size, axis=0)
    with np.errstate(divide="ignore"):
        logs = np.log(np.where(size > 0, size, np.nan))
    usual = middle(logs)
    head = middle((logs - usual[:, None]).T)
    apart = logs - usual[:, None] - head
    floor = np.hypot(_USUAL, 1 / np.sqrt(np.fmax(middle(size), 1)))
    z = apart / np.hypot(scale(apart + 1, np.ones_like(usual)), floor)[:, None]
    out = (np.abs(z) >= _Z) & (np.abs(apart) >= np.log(_FACTOR))
    out &= together(out, np.abs(z) >= ALONE * _Z)
    for scan in np.flatnonzero(out.any(axis=0)):
        rows = np.flatnonzero(out[:, scan])
        rows = rows[np.argsort(-np.abs(z[rows, scan]))]
        spots = [
            Spot(
                atlas.name,
                atlas.regions[row],
                atlas.region_names[row],
                "",
                f"{size[row, scan]:.0f} voxels, {np.exp(apart[row, scan]):.2g} times the usual for "
                "a brain of that size",
                float(abs(z[row, scan])),
            )
            for row in rows[:KEPT]
        ]
        found.add(
            "volume",
            atlas.scans[scan],
            score=spots[0].score,
            atlases=[atlas.name],
            spots=spots,
            regions=rows,
        )
    _check_total(atlas, total, head, found)


def together(out: NDArray[np.bool_], far: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Scans in which several regions stand out, or one by far.

    Parameters
    ----------
    out, far : numpy.ndarray, shape (region, scan)
        What stands out, and what does by far.

    Returns
    -------
    numpy.ndarray, shape (scan,)
    """
    return np.asarray((out.sum(axis=0) >= SEVERAL) | (out & far).any(axis=0))


def _check_total(
    atlas: Atlas, total: NDArray[np.float64], apart: NDArray[np.float64], found: Findings
) -> None:
    for scan in np.flatnonzero(np.abs(apart) >= np.log(_TOTAL)):
        text = (
            f"All of {atlas.name} has {total[scan]:.0f} voxels, {np.exp(apart[scan]):.2g} times as "
            "many as is usual: another voxel size, or another atlas"
        )
        score = float(_Z * abs(apart[scan]))
        found.add("volume", atlas.scans[scan], score=score, text=text, atlases=[atlas.name])


def _check_lost(atlas: Atlas, size: NDArray[np.float64], found: Findings) -> None:
    lost = size == 0
    n_scans = np.count_nonzero(np.isfinite(size), axis=1)
    everywhere = (lost.sum(axis=1) * 2 > n_scans) & (n_scans > 1)
    usual = middle(np.where(lost, np.nan, size))
    _add_lost(atlas, "", np.flatnonzero(everywhere), lost=lost, usual=usual, found=found)
    for scan in np.flatnonzero((lost & ~everywhere[:, None]).any(axis=0)):
        rows = np.flatnonzero(lost[:, scan] & ~everywhere)
        _add_lost(atlas, atlas.scans[scan], rows, lost=lost, usual=usual, found=found)


def _add_lost(
    atlas: Atlas,
    scan: str,
    rows: NDArray[np.intp],
    *,
    lost: NDArray[np.bool_],
    usual: NDArray[np.float64],
    found: Findings,
) -> None:
    if not rows.size:
        return
    known = np.nan_to_num(usual)
    rows = rows[np.argsort(-known[rows], kind="stable")]
    spots = []
    for row in rows[:KEPT]:
        n_lost = int(lost[row].sum())
        said = f"0 voxels, {known[row]:.0f} in other scans" if known[row] else "0 voxels"
        if not scan:
            said = f"in none of {n_lost} scans" if not known[row] else f"not in {n_lost} scans"
        where = (atlas.name, atlas.regions[row], atlas.region_names[row], "")
        spots.append(Spot(*where, said, float(known[row])))
    found.add(
        "lost",
        scan,
        score=float(known[rows].sum()),
        atlases=[atlas.name],
        spots=spots,
        regions=rows,
    )
