"""The maps of a scan: of each, the voxels that any of its atlases labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from qsiparc.errors import GridMismatchError, QsiparcError
from qsiparc.grid import match_grids
from qsiparc.joint import Joint
from qsiparc.names import VOLUME
from qsiparc.nifti import read_lazily

if TYPE_CHECKING:
    from collections.abc import Container

    from numpy.typing import NDArray

    from qsiparc.cohort.record import Trouble
    from qsiparc.cohort.task import MapFile
    from qsiparc.grid import Grid, GridMatch
    from qsiparc.nifti import Opened
    from qsiparc.parcellation import Parcellation
    from qsiparc.sieve import Sieve


@dataclass
class ScanMap:
    """A map on its way, whatever happens to it.

    Parameters
    ----------
    file : MapFile
        The map.
    opened : Opened
        What is known of it; absent unless it is open.
    is_open : bool
        Whether it could be opened.
    elsewhere : dict of str to GridMismatchError
        Why it cannot be reduced over a label image.
    joint : Joint or None
        The voxels of the others; None where there are none.
    voxels : numpy.ndarray
        (voxels,) the values of these, once they could be read; they last as `Sieve.sift` says.
    error : Exception or None
        Why it could not be opened, or read.
    known : container of str
        The label images that there are.
    failures : list of Trouble
        What came before it: of label images.
    messages : list of str
        Warnings.
    """

    file: MapFile
    opened: Opened = field(init=False)
    is_open: bool = False
    elsewhere: dict[str, GridMismatchError] = field(default_factory=dict)
    joint: Joint | None = None
    voxels: NDArray[Any] = field(init=False)
    error: Exception | None = None
    known: Container[str] = ()
    failures: list[Trouble] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    @property
    def is_4d(self) -> bool:
        """Whether it could be opened, and has more than one value a voxel."""
        return self.is_open and self.error is None and VOLUME in self.opened.variable.dims

    def open(self, placer: Placer) -> None:
        """Read its header, and find out where its voxels are."""
        self.known = placer.known
        try:
            self.opened = read_lazily(Path(self.file.path))
            self.is_open = True
            placer.place(self, self.opened.grid)
        except Exception as error:  # noqa: BLE001 - recorded, and the other maps go on
            self.error = error

    def read(self, sieve: Sieve) -> None:
        """Take the voxels that are wanted out of a pass through the file, once it is open."""
        if self.error or self.joint is None or self.is_4d:
            return
        try:
            self.voxels = sieve.sift(self.opened.array, self.joint.positions)
        except Exception as error:  # noqa: BLE001 - recorded, and the other maps go on
            self.error = error

    def gathered(self, dseg: str) -> tuple[Parcellation, NDArray[Any]]:
        """A label image on the grid of the map, and the values of its voxels, region by region.

        Raises
        ------
        GridMismatchError
            It is on another grid.
        """
        if self.joint is None or dseg in self.elsewhere:
            raise self.elsewhere[dseg]
        return self.joint.atlases[dseg], self.joint.gather(self.voxels, dseg)


class Placer:
    """Puts the atlases of a scan on the grids of its maps, most of which are one.

    It may be asked by several threads at a time.

    Parameters
    ----------
    parcellations : dict of str to Parcellation
        By the path of the label image; the placer takes them over, and empties it.
    """

    def __init__(self, parcellations: dict[str, Parcellation]) -> None:
        self.known = {dseg: (one.grid, one.source) for dseg, one in parcellations.items()}
        """Grid and name of each label image."""
        self._parcellations = parcellations
        self._joints: dict[tuple[Any, ...], Joint] = {}
        """By label images and how they lie: grids that differ by rounding share one."""
        self._home: dict[str, Joint] = {}
        """By label image, where it is as it was stored."""
        self._lost: dict[str, str] = {}
        """By label image, why it was lost on the way from the one to the other."""
        self._lock = Lock()

    def place(self, one: ScanMap, target: Grid) -> None:
        """Find out how the label images lie on the grid of a map, and where their voxels are."""
        matches: dict[str, GridMatch] = {}
        for dseg in self.known:
            if dseg in one.file.dsegs.values():
                grid, name = self.known[dseg]
                try:
                    found = match_grids(target, grid, of=name, to=Path(one.file.path).name)
                except GridMismatchError as error:
                    one.elsewhere[dseg] = error
                else:
                    matches[dseg] = found
        if not matches:
            return
        with self._lock:
            one.joint = self._joint(matches, target)

    def _joint(self, matches: dict[str, GridMatch], target: Grid) -> Joint:
        """Label images as they lie on a grid, together."""
        key = tuple((dseg, match.axes, match.flips) for dseg, match in matches.items())
        if key not in self._joints:
            try:
                there = {dseg: self._taken(dseg, target, match) for dseg, match in matches.items()}
                joint = self._joints[key] = Joint.of(there, target)
            except Exception as error:
                reason = str(error) or type(error).__name__
                self._lost = dict.fromkeys(matches, reason) | self._lost
                raise
            self._home |= {dseg: joint for dseg, match in matches.items() if match.is_identity}
        return self._joints[key]

    def _taken(self, dseg: str, grid: Grid, match: GridMatch) -> Parcellation:
        """A label image on the grid of a map; what lies there as it is, is held there only."""
        own = self._parcellations.pop(dseg, None)
        if own is None and dseg not in self._home:
            name = self.known[dseg][1]
            raise QsiparcError(f"{name} was lost at an earlier map: {self._lost[dseg]}")
        if own is None:
            own = self._home[dseg].whole(dseg)
        if match.is_identity:
            return own
        self._parcellations[dseg] = own
        return own.turned(grid, match)
