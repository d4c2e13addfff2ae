"""Reducing a scan: every map read once and reduced over every atlas, whatever fails on the way."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import xarray as xr

from qsiparc.cube import assemble, text, text_coords
from qsiparc.errors import GridMismatchError
from qsiparc.extract import extract_cube
from qsiparc.more import more_values
from qsiparc.names import FILE_COORDS, STATED_RANGES, STATUS, STATUS_FLAGS, VALUE, VOLUME
from qsiparc.nifti import read_dataset
from qsiparc.parcellation import Parcellation
from qsiparc.regions import as_lut, region_rows
from qsiparc.sidecar import read_sidecar
from qsiparc.space import voxel_grid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from qsiparc.cohort.record import Trouble
    from qsiparc.cohort.task import MapFile, Task
    from qsiparc.grid import Grid
    from qsiparc.regions import Lut

_IDENTITY: Final = ("software", "model", "param", "desc")


@dataclass
class Work:
    """A task on its way.

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
    first: dict[str, xr.Dataset] = field(default_factory=dict)
    """The cube of the first map of each atlas; of the others only numbers are made."""
    compared: set[str] = field(default_factory=set)
    """Label images whose labels were compared with their atlas's look-up table."""
    units: dict[str, str] = field(default_factory=dict)
    """By scalar, and so are these: of the maps that could be read."""
    grids: dict[str, Grid] = field(default_factory=dict)
    stated: dict[str, list[float | None]] = field(default_factory=dict)

    def tree(self) -> xr.DataTree:
        """A group an atlas."""
        parcellations = self._parcellations()
        values: dict[str, dict[str, NDArray[np.float64] | None]] = {}
        for one in self.task.maps:
            wanted = {atlas: dseg for atlas, dseg in one.dsegs.items() if dseg in parcellations}
            volume = self._volume(one) if wanted else None
            if isinstance(volume, str):
                continue
            for atlas, dseg in wanted.items():
                found = (
                    None
                    if volume is None
                    else self._values(volume, one, atlas, parcellations[dseg])
                )
                values.setdefault(atlas, {})[one.scalar] = found
                self.n_values += found is not None
            del volume  # before the next is read, so that there is never more than one
        groups = {
            atlas: self._joined(self.first[atlas], of_atlas)
            for atlas, of_atlas in sorted(values.items())
            if atlas in self.first
        }
        return xr.DataTree.from_dict(groups)

    def _parcellations(self) -> dict[str, Parcellation]:
        """Every label image, factorised once."""
        found: dict[str, Parcellation] = {}
        dsegs = {dseg: atlas for one in self.task.maps for atlas, dseg in one.dsegs.items()}
        for dseg, atlas in dsegs.items():
            try:
                found[dseg] = Parcellation.from_labels(dseg, atlas_name=atlas)
            except Exception as error:  # noqa: BLE001 - recorded, and the other atlases go on
                self.failures.append(self.task.trouble("dseg", error, atlas=atlas, file=dseg))
        return found

    def _volume(self, one: MapFile) -> xr.DataArray | str | None:
        """A map in memory; None when it cannot be read, a reason when it is no volume."""
        try:
            (volume,) = read_dataset(one.path).data_vars.values()
            if VOLUME in volume.dims:
                reason = f"it is 4D, {volume.shape}; a study takes maps of one value a voxel"
                record = self.task.trouble("left out", reason, scalar=one.scalar, file=one.path)
                self.left_out.append(record)
                return reason
            self.units[one.scalar] = str(volume.attrs.get("units", ""))
            return volume.load()
        except Exception as error:  # noqa: BLE001 - recorded, and the other maps go on
            record = self.task.trouble("map", error, scalar=one.scalar, file=one.path)
            self.failures.append(record)
            return None

    def _values(
        self, volume: xr.DataArray, one: MapFile, atlas: str, parcellation: Parcellation
    ) -> NDArray[np.float64] | None:
        """``(region, stat)`` of a map over an atlas; None when it cannot be reduced."""
        task = self.task
        try:
            if atlas in self.first:
                self._compare(one.dsegs[atlas], task.luts[atlas], parcellation)
                return self._more(volume, one.scalar, self.first[atlas], parcellation)
            cube = extract_cube(
                volume,
                parcellation,
                task.luts[atlas],
                stats=task.stats,
                **task.validity.options(),
                scalar=one.scalar,
                subject=task.scan,
            )
            self.first[atlas] = cube
            self.compared.add(one.dsegs[atlas])
            found: NDArray[np.float64] = cube[VALUE].to_numpy()[:, :, 0, 0]
        except Exception as error:  # noqa: BLE001 - recorded, and the other pairs go on
            step = "grid" if isinstance(error, GridMismatchError) else "reduce"
            where = {"atlas": atlas, "scalar": one.scalar, "file": one.path}
            self.failures.append(self.task.trouble(step, error, **where))
            return None
        return found

    def _compare(self, dseg: str, lut: Lut, parcellation: Parcellation) -> None:
        """Warn of labels that the table does not name, once of each image: T1w beside ACPC, say."""
        if dseg not in self.compared:
            region_rows(as_lut(lut, parcellation), parcellation, "warn")
            self.compared.add(dseg)

    def _more(
        self, volume: xr.DataArray, scalar: str, cube: xr.Dataset, parcellation: Parcellation
    ) -> NDArray[np.float64]:
        """The same, where there is the cube of another map."""
        if scalar not in self.grids:
            self.grids[scalar] = voxel_grid(volume)
        validity = self.task.validity.of_map(volume.attrs, scalar)
        if validity.stated:
            self.stated[scalar] = validity.stated
        return more_values(
            cube,
            volume,
            parcellation.on(self.grids[scalar]),
            scalar=scalar,
            stats=self.task.stats,
            validity=validity,
        )

    def _joined(
        self, first: xr.Dataset, values: Mapping[str, NDArray[np.float64] | None]
    ) -> xr.Dataset:
        """One cube of all scalars of an atlas, with the status of each."""
        empty = np.full((first.sizes["region"], first.sizes["stat"]), np.nan)
        stacked = np.stack([empty if v is None else v for v in values.values()], axis=-1)
        states = [STATUS_FLAGS["failed" if v is None else "ok"] for v in values.values()]
        whose = {"participant_id": [self.task.participant], "session_id": [self.task.session]}
        coords = {
            **{
                str(name): coordinate.variable
                for name, coordinate in first.coords.items()
                if "scalar" not in coordinate.dims
            },
            **text_coords(self._identities(values), "scalar"),
            **text_coords(whose, "subject"),
            "map_file": (FILE_COORDS["map_file"], text(self._file_names(values))),
        }
        joined = assemble(
            xr.Variable(("region", "stat", "scalar"), stacked), coords, self._attrs(first, values)
        )
        flags = {
            "flag_values": np.array(list(STATUS_FLAGS.values()), np.int8),
            "flag_meanings": " ".join(STATUS_FLAGS),
        }
        joined[STATUS] = (("scalar", "subject"), np.array(states, np.int8)[:, None], flags)
        return joined

    def _attrs(self, first: xr.Dataset, scalars: Iterable[str]) -> dict[str, Any]:
        """How the values of an atlas were made: alike, but for the ranges that maps state."""
        stated = json.loads(first.attrs.get(STATED_RANGES, "{}"))
        stated |= {scalar: self.stated[scalar] for scalar in scalars if scalar in self.stated}
        told = {STATED_RANGES: json.dumps(stated, ensure_ascii=False)} if stated else {}
        return {**first.attrs, **told}

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


def _units(path: str) -> str:
    """The unit of a map that could not be read, by its sidecar."""
    return str(read_sidecar(Path(path)).get("units", ""))
