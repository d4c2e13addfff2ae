"""A scan on its way: from what becomes of every map over every atlas to the cubes of its part."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import xarray as xr

from qsiparc.answer import Answer, Question, described, stated_attrs
from qsiparc.catalogue import resolve
from qsiparc.cube import assemble, text, text_coords
from qsiparc.errors import GridMismatchError, QsiparcWarning, warn
from qsiparc.names import FILE_COORDS, STATUS, STATUS_FLAGS
from qsiparc.sidecar import read_sidecar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from qsiparc.cohort.maps import ScanMap
    from qsiparc.cohort.record import Trouble
    from qsiparc.cohort.reducer import Found, Numbers
    from qsiparc.cohort.task import Task

_IDENTITY: Final = ("software", "model", "param", "desc")


@dataclass
class Work:
    """A task on its way; what is said and recorded of it comes in the order of its maps.

    Parameters
    ----------
    task : Task
        The scan.
    failures, left_out : list of Trouble
        What is known of it; more is added.
    """

    task: Task
    failures: list[Trouble]
    left_out: list[Trouble]
    n_values: int = 0
    first: dict[str, tuple[dict[str, xr.Variable], dict[str, Any]]] = field(default_factory=dict)
    """By atlas, coordinates and attributes that its first map made known, and that all share."""
    doubted: set[str] = field(default_factory=set)
    """Label images of which it was said what the table does not name."""
    units: dict[str, str] = field(default_factory=dict)
    """By scalar, and so are these: of the maps that could be read."""
    stated: dict[str, list[float | None]] = field(default_factory=dict)
    values: dict[str, dict[str, NDArray[np.float64] | None]] = field(default_factory=dict)
    """By atlas and scalar, ``(region, stat)``; None where they could not be had."""

    def take(self, one: ScanMap, found: Mapping[str, Found]) -> None:
        """Take what became of a map, by atlas; all warnings of it are given here."""
        self.failures += one.failures
        if not self._is_map(one):
            return
        for atlas, dseg in one.file.dsegs.items():
            if dseg not in one.known:
                continue
            values = self._values(one, atlas, found[atlas]) if atlas in found else None
            self.values.setdefault(atlas, {})[one.file.scalar] = values
            self.n_values += values is not None

    def tree(self) -> xr.DataTree:
        """A group an atlas, once all steps were taken."""
        groups = {
            atlas: self._joined(*self.first[atlas], values)
            for atlas, values in sorted(self.values.items())
            if atlas in self.first
        }
        return xr.DataTree.from_dict(groups)

    def _is_map(self, one: ScanMap) -> bool:
        """Whether a file holds a map, as far as it could be read; notes what there is to say."""
        for message in one.messages:
            warn(message, QsiparcWarning)
        where = {"scalar": one.file.scalar, "file": one.file.path}
        if one.is_4d:
            reason = (
                f"it is 4D, {one.opened.variable.shape}; a study takes maps of one value a voxel"
            )
            self.left_out.append(self.task.trouble("left out", reason, **where))
            return False
        if one.error:
            self.failures.append(self.task.trouble("map", one.error, **where))
        else:
            self.units[one.file.scalar] = str(one.opened.variable.attrs.get("units", ""))
        return True

    def _values(self, one: ScanMap, atlas: str, found: Found) -> NDArray[np.float64] | None:
        """``(region, stat)`` of a map over an atlas; None when it could not be reduced."""
        dseg = one.file.dsegs[atlas]
        for message in found.doubts if dseg not in self.doubted else ():
            warn(message, QsiparcWarning)
        if found.doubts:
            self.doubted.add(dseg)
        for message in found.messages:
            warn(message, QsiparcWarning)
        if found.stated:
            self.stated[one.file.scalar] = found.stated
        error = found.error
        if found.numbers is not None:
            try:
                self._describe(one, atlas, found.numbers)
            except Exception as reason:  # noqa: BLE001 - recorded, and the other pairs go on
                error = reason
        if error is None and found.numbers is not None:
            return found.numbers.values
        step = "grid" if isinstance(error, GridMismatchError) else "reduce"
        where = {"atlas": atlas, "scalar": one.file.scalar, "file": one.file.path}
        self.failures.append(self.task.trouble(step, error, **where))
        return None

    def _describe(self, one: ScanMap, atlas: str, numbers: Numbers) -> None:
        """Note coordinates and attributes of the cube of an atlas, if this is its first map."""
        if atlas in self.first:
            return
        task, opened = self.task, one.opened
        asked = Question(
            (opened.volume(),),
            opened.grid,
            resolve(task.stats),
            (numbers.validity,),
            (one.file.scalar,),
            None,
        )
        coords, attrs = described(
            asked,
            Answer(numbers.rows, numbers.source, []),
            {},
            stats=task.stats,
            validity=task.validity,
            subject=task.scan,
        )
        self.first[atlas] = _of_atlas(coords), attrs

    def _joined(
        self,
        coords: Mapping[str, xr.Variable],
        attrs: Mapping[str, Any],
        values: Mapping[str, NDArray[np.float64] | None],
    ) -> xr.Dataset:
        """One cube of all scalars of an atlas, with the status of each."""
        shape = next(one.shape for one in values.values() if one is not None)
        empty = np.full(shape, np.nan)
        stacked = np.stack([empty if v is None else v for v in values.values()], axis=-1)
        states = [STATUS_FLAGS["failed" if v is None else "ok"] for v in values.values()]
        whose = {"participant_id": [self.task.participant], "session_id": [self.task.session]}
        of_scalars = {
            **text_coords(self._identities(values), "scalar"),
            **text_coords(whose, "subject"),
            "map_file": (FILE_COORDS["map_file"], text(self._file_names(values))),
        }
        joined = assemble(
            xr.Variable(("region", "stat", "scalar"), stacked),
            {**coords, **of_scalars},
            {**attrs, **self._stated(values)},
        )
        flags = {
            "flag_values": np.array(list(STATUS_FLAGS.values()), np.int8),
            "flag_meanings": " ".join(STATUS_FLAGS),
        }
        joined[STATUS] = (("scalar", "subject"), np.array(states, np.int8)[:, None], flags)
        return joined

    def _stated(self, scalars: Iterable[str]) -> dict[str, str]:
        """The ranges that maps state themselves: all else is made alike for all maps."""
        return stated_attrs({one: self.stated[one] for one in scalars if one in self.stated})

    def _file_names(self, scalars: Iterable[str]) -> list[list[str]]:
        files = {one.scalar: one.path for one in self.task.maps}
        return [[Path(files[scalar]).name] for scalar in scalars]

    def _identities(self, scalars: Iterable[str]) -> dict[str, list[str]]:
        files = {one.scalar: one for one in self.task.maps}
        columns = {"scalar": list(scalars)}
        for name in _IDENTITY:
            columns[name] = [getattr(files[scalar], name) for scalar in columns["scalar"]]
        columns["units"] = [
            self.units[scalar] if scalar in self.units else _units(files[scalar].path)
            for scalar in columns["scalar"]
        ]
        return columns


def _of_atlas(coords: Mapping[str, Any]) -> dict[str, xr.Variable]:
    """The coordinates that are the same for all maps over an atlas."""
    variables = {name: xr.as_variable(one) for name, one in coords.items()}
    return {name: one for name, one in variables.items() if "scalar" not in one.dims}


def _units(path: str) -> str:
    """The unit of a map that could not be read, by its sidecar."""
    return str(read_sidecar(Path(path)).get("units", ""))
