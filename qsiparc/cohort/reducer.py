"""Reducing a map that was read over every atlas of its scan."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from qsiparc.catalogue import CATALOGUE, resolve, tiers
from qsiparc.errors import bare, collected_warnings
from qsiparc.masking import Domain
from qsiparc.reduce import Reduction
from qsiparc.regions import Regions, as_lut, region_rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from qsiparc.catalogue import Statistic
    from qsiparc.cohort.maps import ScanMap
    from qsiparc.cohort.task import Task
    from qsiparc.parcellation import Parcellation
    from qsiparc.validity import Validity


class Numbers(NamedTuple):
    """The numbers of a map over an atlas, and of what they are.

    Parameters
    ----------
    values : numpy.ndarray
        ``(region, stat)``.
    rows : Regions
        The regions.
    source : str
        Name of the label image.
    validity : Validity
        Which voxels count.
    """

    values: NDArray[np.float64]
    rows: Regions
    source: str
    validity: Validity


@dataclass
class Found:
    """What became of a map over an atlas.

    Parameters
    ----------
    numbers : Numbers or None
        None where there are none.
    error : Exception or None
        Why there are none.
    stated : list of float or None
        The range that the map states itself, where that is what counts.
    doubts : list of str
        What the table does not say of the label image: the same with every map.
    messages : list of str
        Warnings of this map.
    """

    numbers: Numbers | None = None
    error: Exception | None = None
    stated: list[float | None] | None = None
    doubts: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)


class Reducer:
    """Reduces the maps of a scan, several at a time where there are threads for it.

    Parameters
    ----------
    task : Task
        The scan.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self.is_built_in = _are_built_in(task.stats)
        """Whether no function of a user is called, which might not like company."""
        self._lock = Lock()
        self._rows: dict[tuple[str, str], tuple[Regions | Exception, list[str]]] = {}
        """By atlas and label image, its regions or why it has none, and what there is to say."""

    def reduce(self, one: ScanMap) -> dict[str, Found]:
        """What becomes of a map that was read, by atlas; nothing that goes wrong is raised."""
        if one.error or one.is_4d:
            return {}
        return {
            atlas: self._found(one, atlas, dseg)
            for atlas, dseg in one.file.dsegs.items()
            if dseg in one.known
        }

    def _found(self, one: ScanMap, atlas: str, dseg: str) -> Found:
        found = Found()
        with collected_warnings() as found.messages:
            try:
                self._reduce(one, atlas, dseg, found)
            except Exception as error:  # noqa: BLE001 - recorded, and the other pairs go on
                found.error = bare(error)
        return found

    def _reduce(self, one: ScanMap, atlas: str, dseg: str, found: Found) -> None:
        parcellation, values = one.gathered(dseg)
        rows, found.doubts = self._rows_of(atlas, dseg, parcellation)
        if isinstance(rows, Exception):
            raise rows
        task, scalar = self._task, one.file.scalar
        validity = task.validity.of_map(one.opened.variable.attrs, scalar)
        found.stated = validity.stated
        reduction = Reduction(
            Domain(parcellation, parcellation.sizes),
            rows.indices,
            tuple(rows.columns["region_name"]),
            resolve(task.stats),
            validity,
            scalar,
        )
        numbers = reduction.of_gathered(values)
        found.numbers = Numbers(numbers, rows, parcellation.source, validity)

    def _rows_of(
        self, atlas: str, dseg: str, parcellation: Parcellation
    ) -> tuple[Regions | Exception, list[str]]:
        rows: Regions | Exception
        with self._lock:
            if (atlas, dseg) not in self._rows:
                with collected_warnings() as doubts:
                    try:
                        lut = as_lut(self._task.luts[atlas], parcellation)
                        rows = region_rows(lut, parcellation, "warn")
                    except Exception as error:  # noqa: BLE001 - it is the reason of every map
                        rows = bare(error)
                self._rows[atlas, dseg] = rows, doubts
            return self._rows[atlas, dseg]


def _are_built_in(stats: str | tuple[str | Statistic, ...]) -> bool:
    """Whether statistics are all of the catalogue, and none is a function of a user."""
    names = tiers().get(stats, (stats,)) if isinstance(stats, str) else stats
    return all(name in CATALOGUE for name in names)
