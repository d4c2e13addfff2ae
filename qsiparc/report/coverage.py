"""Regions of which a map says little."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from qsiparc.report.finding import KEPT, Findings, Spot
from qsiparc.report.robust import middle, scale
from qsiparc.report.volumes import FEWEST

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qsiparc.report.sheets import Atlas, Sheet

_Z: Final = 5.0
"""Spreads below the middle."""

_DROP: Final = 0.3
"""Least difference to the other scans that is worth a look."""

_LOW: Final = 0.5
"""Coverage that is low where most scans have it, or where there are too few to compare."""

_VOXELS: Final = 8
"""Voxels that must be missing beyond what is usual; fewer happen by chance."""


class Coverage:
    """The coverage of one atlas, while scalar after scalar is looked at.

    Parameters
    ----------
    atlas : Atlas
        Names.
    """

    def __init__(self, atlas: Atlas) -> None:
        shape = (len(atlas.regions), len(atlas.scans))
        self._atlas = atlas
        self._worst = np.full(shape, np.nan)
        self._usual = np.full(shape, np.nan)
        self._whose = np.full(shape, -1, np.int32)
        self._count = np.zeros(shape, np.int32)
        self._names: list[str] = []
        self._hit: list[NDArray[np.intp]] = []
        self._everywhere: dict[int, tuple[float, list[str]]] = {}
        self.lowest = np.full(shape[0], np.nan)

    def look(self, sheet: Sheet) -> None:
        """Take in one scalar.

        Parameters
        ----------
        sheet : Sheet
            Of all scans.
        """
        given = sheet.coverage
        usual = middle(given)
        low = np.min(np.where(np.isnan(given), np.inf, given), axis=1, initial=np.inf)
        self.lowest = np.fmin(self.lowest, np.where(np.isinf(low), np.nan, low))
        size = _sizes(sheet)
        lacking = (given < _LOW) & ((1 - given) * size >= _VOXELS)
        many = np.isfinite(given).sum(axis=1)
        everywhere = (many >= FEWEST) & (lacking.sum(axis=1) * 2 > many)
        alone = (many < FEWEST)[:, None]
        drop = usual[:, None] - given
        bad = (drop >= _DROP) & (drop * size >= _VOXELS)
        if bad.any():
            bad &= drop >= _Z * np.fmax(scale(given, usual), _DROP / _Z)[:, None]
        bad |= lacking & alone
        for row in np.flatnonzero(everywhere):
            lowest, names = self._everywhere.setdefault(int(row), (1.0, []))
            names.append(sheet.name)
            self._everywhere[int(row)] = (min(lowest, float(usual[row])), names)
        if not bad.any():
            return
        worse = bad & ~(given >= self._worst)  # NaN: the first
        self._worst[worse] = given[worse]
        self._usual[worse] = np.broadcast_to(usual[:, None], given.shape)[worse]
        self._whose[worse] = len(self._names)
        self._count += bad
        self._names.append(sheet.name)
        self._hit.append(np.flatnonzero(bad.any(axis=0)))

    def conclude(self, found: Findings) -> None:
        """Add what was found.

        Parameters
        ----------
        found : Findings
            Findings are added to these.
        """
        atlas = self._atlas
        for scan in np.flatnonzero((self._count > 0).any(axis=0)):
            rows = np.flatnonzero(self._count[:, scan])
            missing = self._usual[rows, scan] - self._worst[rows, scan]
            rows = rows[np.argsort(-missing, kind="stable")]
            spots = [self._spot(row, int(scan)) for row in rows[:KEPT]]
            found.add(
                "coverage",
                atlas.scans[scan],
                score=float(missing.sum()),
                atlases=[atlas.name],
                scalars=[
                    name for name, hit in zip(self._names, self._hit, strict=True) if scan in hit
                ],
                spots=spots,
                regions=rows,
            )
        if self._everywhere:
            self._conclude_everywhere(found)

    def _spot(self, row: int, scan: int) -> Spot:
        worst, usual = self._worst[row, scan], self._usual[row, scan]
        count = self._count[row, scan]
        name = self._names[self._whose[row, scan]]
        beside = f" and {count - 1} more maps" if count > 1 else ""
        text = f"{worst:.0%} covered in {name}{beside}"
        if usual - worst >= _DROP:
            text += f", {usual:.0%} in the middle of all scans"
        where = (self._atlas.name, self._atlas.regions[row], self._atlas.region_names[row])
        return Spot(*where, name, text, float(1 - worst))

    def _conclude_everywhere(self, found: Findings) -> None:
        atlas = self._atlas
        spots = [
            Spot(
                atlas.name,
                atlas.regions[row],
                atlas.region_names[row],
                names[0],
                f"{lowest:.0%} covered in {names[0]} in the middle of all scans",
                1 - lowest,
            )
            for row, (lowest, names) in self._everywhere.items()
        ]
        spots.sort(key=lambda spot: -spot.score)
        found.add(
            "coverage",
            "",
            score=sum(spot.score for spot in spots),
            atlases=[atlas.name],
            scalars=[n for _, names in self._everywhere.values() for n in names],
            spots=spots[:KEPT],
            regions=self._everywhere,
        )


def _sizes(sheet: Sheet) -> NDArray[np.float64]:
    """Voxels of the regions; where a map covers none, those of the other scans."""
    size = sheet.n_atlas_voxels
    unknown = np.isnan(size)
    if unknown.any():
        size = np.where(unknown, np.nan_to_num(middle(size))[:, None], size)
    return size
