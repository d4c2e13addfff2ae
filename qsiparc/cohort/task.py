"""One scan: every map read once, reduced over every atlas, and written as a part."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import xarray as xr

from qsiparc.cohort.parts import write_part
from qsiparc.cohort.record import Status, Trouble, to_json
from qsiparc.cube import assemble, text, text_coords
from qsiparc.errors import GridMismatchError, collected_warnings
from qsiparc.extract import extract_cube
from qsiparc.more import more_values
from qsiparc.names import FILE_COORDS, STATUS, STATUS_FLAGS, VALUE, VOLUME
from qsiparc.nifti import open_nifti
from qsiparc.parcellation import Parcellation
from qsiparc.sidecar import read_sidecar
from qsiparc.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from qsiparc.atlas import AtlasLUT

_IDENTITY: Final = ("software", "model", "param", "desc")


class MapFile(NamedTuple):
    """A map, its identity, and the dsegs that it goes with, by atlas."""

    path: str
    scalar: str
    software: str
    model: str
    param: str
    desc: str
    dsegs: dict[str, str]


@dataclass(frozen=True)
class Task:
    """All that a worker needs to know of a scan; it is small when pickled.

    Parameters
    ----------
    out : str
        Output folder of the study.
    scan, participant, session : str
        Id of the scan; BIDS names with their prefixes, the session's may be empty.
    maps : tuple of MapFile
        What to reduce.
    luts : mapping of str to AtlasLUT
        Tables by atlas.
    stats : str or tuple of str
        As `qsiparc.extract.extract_cube` takes them.
    zero_is_missing : bool
        The same.
    failures, left_out : tuple of Trouble
        What is known before anything is opened.
    attrs : mapping
        Attributes of the part: fingerprint, inputs, options.
    """

    out: str
    scan: str
    participant: str
    session: str
    maps: tuple[MapFile, ...]
    luts: Mapping[str, AtlasLUT]
    stats: str | tuple[str, ...] = "extended"
    zero_is_missing: bool = False
    failures: tuple[Trouble, ...] = ()
    left_out: tuple[Trouble, ...] = ()
    attrs: Mapping[str, Any] = field(default_factory=dict)

    def trouble(
        self, step: str, reason: object, *, atlas: str = "", scalar: str = "", file: str = ""
    ) -> Trouble:
        """A record of something that is not in the cube."""
        words = " ".join(str(reason).split()).removeprefix(f"{file}: ") or type(reason).__name__
        return Trouble(self.scan, self.participant, self.session, atlas, scalar, file, step, words)


def run_task(task: Task) -> Status:
    """Reduce a scan and write its part.

    Parameters
    ----------
    task : Task
        The scan.

    Returns
    -------
    Status
        What became of it. Nothing that goes wrong with the scan is raised.
    """
    work = _Work(task, list(task.failures), list(task.left_out))
    with collected_warnings() as messages:
        try:
            tree = work.tree()
            tree.attrs = part_attributes(task, work.failures, work.left_out, messages)
            write_part(Path(task.out), task.scan, tree)
        except Exception as error:  # noqa: BLE001 - one bad scan must not end a study
            failure = task.trouble("write", f"{type(error).__name__}: {error}", file=task.out)
            return Status(task.scan, 0, (*work.failures, failure), written=False)
    return Status(
        task.scan, work.n_values, tuple(work.failures), tuple(work.left_out), tuple(messages)
    )


def part_attributes(
    task: Task,
    failures: Sequence[Trouble],
    left_out: Sequence[Trouble] = (),
    messages: Sequence[str] = (),
) -> dict[str, Any]:
    """Root attributes of a part."""
    return {
        **task.attrs,
        "failures": to_json(failures),
        "left_out": to_json(left_out),
        "warnings": json.dumps(list(messages), ensure_ascii=False),
        "generated_by": f"qsiparc {__version__}",
    }


@dataclass
class _Work:
    """A task on its way."""

    task: Task
    failures: list[Trouble]
    left_out: list[Trouble]
    n_values: int = 0
    first: dict[str, xr.Dataset] = field(default_factory=dict)
    """The cube of the first map of each atlas; of the others only numbers are made."""
    units: dict[str, str] = field(default_factory=dict)
    """By scalar."""

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
            volume = open_nifti(one.path)
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
        options: dict[str, Any] = {
            "stats": self.task.stats,
            "zero_is_missing": self.task.zero_is_missing,
            "scalar": one.scalar,
        }
        try:
            if atlas in self.first:
                return more_values(self.first[atlas], volume, parcellation, **options)
            cube = extract_cube(
                volume, parcellation, self.task.luts[atlas], subject=self.task.scan, **options
            )
            self.first[atlas] = cube
            found: NDArray[np.float64] = cube[VALUE].to_numpy()[:, :, 0, 0]
        except Exception as error:  # noqa: BLE001 - recorded, and the other pairs go on
            step = "grid" if isinstance(error, GridMismatchError) else "reduce"
            where = {"atlas": atlas, "scalar": one.scalar, "file": one.path}
            self.failures.append(self.task.trouble(step, error, **where))
            return None
        return found

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
        joined = assemble(xr.Variable(("region", "stat", "scalar"), stacked), coords, first.attrs)
        flags = {
            "flag_values": np.array(list(STATUS_FLAGS.values()), np.int8),
            "flag_meanings": " ".join(STATUS_FLAGS),
        }
        joined[STATUS] = (("scalar", "subject"), np.array(states, np.int8)[:, None], flags)
        return joined

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
    return read_sidecar(Path(path)).get("units", "")
