"""All checks, over all of a study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qsiparc.names import STATUS_FLAGS
from qsiparc.progress import Progress
from qsiparc.report.coverage import Coverage
from qsiparc.report.distribution import Distribution
from qsiparc.report.finding import Finding, Findings
from qsiparc.report.levels import check_levels, check_stated
from qsiparc.report.robust import middle
from qsiparc.report.sides import Sides
from qsiparc.report.values import check_huge, check_range, check_unlike
from qsiparc.report.volumes import check_volumes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qsiparc.report.notes import Remarks
    from qsiparc.report.sheets import Atlas


@dataclass(frozen=True)
class RegionTable:
    """The regions of one atlas, each with what is usual of it.

    Parameters
    ----------
    atlas : Atlas
        Names.
    voxels : numpy.ndarray, shape (region,)
        In the label image, the median over scans.
    lost : numpy.ndarray, shape (region,)
        In how many scans it has no voxel.
    coverage : numpy.ndarray, shape (region,)
        The lowest of any scan and scalar.
    """

    atlas: Atlas
    voxels: NDArray[np.float64]
    lost: NDArray[np.intp]
    coverage: NDArray[np.float64]


@dataclass(frozen=True)
class Inspection:
    """What came of looking at a study.

    Parameters
    ----------
    findings : list of Finding
        The gravest first.
    regions : list of RegionTable
        One an atlas.
    distributions : list of Distribution
        One a scalar, over the first atlas that has it.
    """

    findings: list[Finding]
    regions: list[RegionTable]
    distributions: list[Distribution]


def inspect(atlases: Sequence[Atlas], notes: Remarks) -> Inspection:
    """Look at a study.

    Parameters
    ----------
    atlases : sequence of Atlas
        Its cubes; read one scalar at a time.
    notes : Remarks
        What is said beside them.

    Returns
    -------
    Inspection
    """
    found = Findings()
    distributions: dict[str, Distribution] = {}
    n_sheets = sum(int((atlas.status == STATUS_FLAGS["ok"]).any(axis=1).sum()) for atlas in atlases)
    with Progress("checking", "maps", total=n_sheets) as progress:
        tables = [
            _inspect_atlas(atlas, notes, found, distributions=distributions, progress=progress)
            for atlas in atlases
        ]
    for scalar, stated in notes.units.items():
        check_stated(scalar, stated, found.scans_of("units", scalar), found)
    return Inspection(found.ordered(), tables, list(distributions.values()))


def _inspect_atlas(
    atlas: Atlas,
    notes: Remarks,
    found: Findings,
    *,
    distributions: dict[str, Distribution],
    progress: Progress,
) -> RegionTable:
    size = np.full((len(atlas.regions), len(atlas.scans)), np.nan)
    coverage, sides = Coverage(atlas), Sides(atlas)
    for sheet in atlas.sheets():
        size = np.fmax(size, sheet.n_atlas_voxels)
        coverage.look(sheet)
        wrong = check_huge(atlas, sheet, found)
        off = check_levels(atlas, sheet, wrong, notes.units.get(sheet.name, {}), found)
        wrong = wrong | off[None]
        wrong |= check_range(atlas, sheet, wrong, found)
        check_unlike(atlas, sheet, wrong, found)
        sides.look(sheet, wrong)
        if sheet.name not in distributions:
            distributions[sheet.name] = Distribution.of(atlas, sheet, wrong)
        progress.add(1)
    coverage.conclude(found)
    check_volumes(atlas, size, found)
    sides.conclude(size, found)
    return RegionTable(atlas, middle(size), (size == 0).sum(axis=1), coverage.lowest)
