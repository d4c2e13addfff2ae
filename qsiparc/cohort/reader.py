"""Reading a scan: its label images once for all, and each map once."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING

from qsiparc.cohort.maps import Placer, ScanMap
from qsiparc.errors import collected_warnings
from qsiparc.nifti import read_lazily
from qsiparc.parcellation import Parcellation

if TYPE_CHECKING:
    from qsiparc.cohort.task import Task
    from qsiparc.sieve import Sieve


class ScanReader:
    """Reads a scan; nothing that is wrong with its files is raised.

    Parameters
    ----------
    task : Task
        The scan.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._placer: Future[Placer] = Future()

    def read_labels(self, first: ScanMap) -> None:
        """Read the label images, and find out how they lie on the first map.

        What there is to say of them is told with that map.
        """
        try:
            with collected_warnings() as messages:
                placer = Placer(self._parcellations(first))
                first.open(placer)
            first.messages += messages
        except BaseException as error:
            self._placer.set_exception(error)
            raise
        self._placer.set_result(placer)

    def read(self, one: ScanMap, sieve: Sieve) -> None:
        """Read a map, once the label images are there."""
        placer = self._placer.result()
        with collected_warnings() as messages:
            if not one.is_open and one.error is None:
                one.open(placer)
            one.read(sieve)
        one.messages += messages

    def _parcellations(self, first: ScanMap) -> dict[str, Parcellation]:
        """Every label image, factorised once."""
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
