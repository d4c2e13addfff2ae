"""Reading a scan: all that may be done ahead of its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qsiparc.cohort.maps import Placer, ScanMap
from qsiparc.errors import collected_warnings
from qsiparc.nifti import read_lazily
from qsiparc.parcellation import Parcellation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qsiparc.cohort.task import Task
    from qsiparc.sieve import Sieve


class ScanReader:
    """Reads the label images of a scan before its first map, and each map once.

    Parameters
    ----------
    task : Task
        The scan.
    sieve : Sieve
        It may be that of other scans, too.
    """

    def __init__(self, task: Task, sieve: Sieve) -> None:
        self._task = task
        self._sieve = sieve
        self._placer: Placer | None = None

    def maps(self) -> Iterator[ScanMap]:
        """The maps in their order, unread; `read` takes them in that order."""
        return map(ScanMap, self._task.maps)

    def read(self, one: ScanMap) -> None:
        """Read a map, and the label images before the first; nothing that goes wrong is raised."""
        with collected_warnings() as one.messages:
            if self._placer is None:
                self._placer = Placer(self._parcellations(one))
            one.read(self._placer, self._sieve)

    def _parcellations(self, first: ScanMap) -> dict[str, Parcellation]:
        """Every label image, factorised once; what fails is told with the first map."""
        task = self._task
        found: dict[str, Parcellation] = {}
        dsegs = {dseg: atlas for one in task.maps for atlas, dseg in one.dsegs.items()}
        for dseg, atlas in dsegs.items():
            try:
                image = read_lazily(dseg).volume()
                found[dseg] = Parcellation.from_labels(image, atlas_name=atlas)
            except Exception as error:  # noqa: BLE001 - recorded, and the other atlases go on
                first.failures.append(task.trouble("dseg", error, atlas=atlas, file=dseg))
        return found
