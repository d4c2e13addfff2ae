"""A part, a little at a time: what it holds, and its numbers one atlas at a time."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from qsiparc.cohort.parts import FORMAT, require_whole
from qsiparc.cohort.record import from_json
from qsiparc.errors import CubeError
from qsiparc.names import CUBE_DIMS, STATUS, STATUS_FLAGS, VALUE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import netCDF4
    from numpy.typing import NDArray

    from qsiparc.cohort.failures import Troubles

Columns = dict[str, tuple[Any, ...]]

AGAIN: Final = "Delete the file and run `qsiparc build` again: only this scan is done anew."


@dataclass(frozen=True)
class Group:
    """What a part says of one atlas, without the numbers.

    Parameters
    ----------
    region : numpy.ndarray, shape (region,)
        Integer labels.
    regions, scalars, subject : dict
        Values by the name of the coordinate, on ``region``, ``scalar`` and ``subject``; each but
        the first with the dim's own name among them.
    stats : tuple of str
        Statistics.
    files : dict
        Texts on ``scalar`` by the name of a coordinate on both ``scalar`` and ``subject``.
    status : numpy.ndarray, shape (scalar,)
        Values of `qsiparc.names.STATUS_FLAGS`.
    attrs : dict
        Of the cube.
    """

    region: NDArray[np.int64]
    regions: Columns
    stats: tuple[str, ...]
    scalars: Columns
    subject: Columns
    files: Columns
    status: NDArray[np.int8]
    attrs: dict[str, Any]


@dataclass(frozen=True)
class Part:
    """What a part holds, without the numbers.

    Parameters
    ----------
    path : Path
        The file.
    scan : str
        Id of the scan.
    attrs : dict
        Of the part.
    groups : dict of str to Group
        By atlas.
    """

    path: Path
    scan: str
    attrs: dict[str, Any]
    groups: dict[str, Group]

    @property
    def troubles(self) -> Troubles:
        """What of this scan failed, and what was left out."""
        failures, left_out = (self.attrs.get(key) or "[]" for key in ("failures", "left_out"))
        return from_json(failures), from_json(left_out)


def read_part_summary(path: Path) -> Part:
    """What a part holds.

    Parameters
    ----------
    path : Path
        The part.

    Returns
    -------
    Part
        Nothing is left open.

    Raises
    ------
    CubeError
        The file is no whole part.
    """
    require_whole(path)
    with _opened(path) as file:
        attrs = _attrs(file)
        if attrs.get("qsiparc_part") != FORMAT:
            raise CubeError(f"{path}: this is no part of a study, or of another version. {AGAIN}")
        groups = {
            name: _read_group(group, path, labels_only=False) for name, group in file.groups.items()
        }
    return Part(path, str(attrs.get("scan", path.stem)), attrs, groups)


def read_values(path: Path, atlas: str) -> tuple[Group, NDArray[np.float64]]:
    """The numbers of one scan over one atlas; of the coordinates only labels and files.

    Parameters
    ----------
    path : Path
        The part.
    atlas : str
        A group of it.

    Returns
    -------
    group : Group
        What they are numbers of.
    values : numpy.ndarray
        (scalar, stat, region).

    Raises
    ------
    CubeError
        The file is no whole part, or has lost that atlas.
    """
    with _opened(path) as file:
        if atlas not in file.groups:
            raise CubeError(f"{path}: the atlas {atlas} has left this part. Finalize once more.")
        group = _read_group(file.groups[atlas], path, labels_only=True)
        values = file.groups[atlas].variables[VALUE][:][..., 0]
    return group, np.ascontiguousarray(np.asarray(values, np.float64).transpose(2, 1, 0))


@contextmanager
def _opened(path: Path) -> Iterator[netCDF4.Dataset]:
    import netCDF4

    try:
        with netCDF4.Dataset(path) as file:
            file.set_auto_mask(False)
            yield file
    except FileNotFoundError:
        raise
    except (OSError, RuntimeError, AttributeError) as error:
        raise CubeError(f"{path}: this is no whole part of a study ({error}). {AGAIN}") from error


def _read_group(group: netCDF4.Group, path: Path, *, labels_only: bool) -> Group:
    values = group.variables.get(VALUE)
    if values is None or values.dimensions != CUBE_DIMS or len(group.dimensions["subject"]) != 1:
        raise CubeError(
            f"{path}: {group.name} is not the cube of one scan, {VALUE}({', '.join(CUBE_DIMS)}). "
            + AGAIN
        )
    columns = {
        dim: {dim: tuple(group.variables[dim][:].tolist())} if labels_only else _columns(group, dim)
        for dim in CUBE_DIMS
    }
    status = group.variables[STATUS][:][:, 0] if STATUS in group.variables else None
    n_scalars = len(group.dimensions["scalar"])
    return Group(
        region=np.asarray(columns["region"].pop("region"), np.int64),
        regions=columns["region"],
        stats=columns["stat"]["stat"],
        scalars=columns["scalar"],
        subject=columns["subject"],
        files=_columns(group, "scalar", "subject"),
        status=np.full(n_scalars, STATUS_FLAGS["ok"], np.int8) if status is None else status,
        attrs=_attrs(group),
    )


def _columns(group: netCDF4.Group, *dims: str) -> Columns:
    return {
        name: tuple(variable[:].ravel().tolist())
        for name, variable in group.variables.items()
        if variable.dimensions == dims and name != STATUS
    }


def _attrs(owner: netCDF4.Dataset) -> dict[str, Any]:
    values = {name: owner.getncattr(name) for name in owner.ncattrs() if name != "coordinates"}
    return {
        name: value.tolist() if isinstance(value, np.generic | np.ndarray) else value
        for name, value in values.items()
    }


def read_units(path: Path) -> tuple[dict[str, str], list[str]]:
    """The units that a scan states of its scalars, and the warnings that came with it.

    Parameters
    ----------
    path : Path
        The part.

    Returns
    -------
    units : dict of str to str
        By scalar; empty where none are stated.
    warnings : list of str
        Messages.

    Raises
    ------
    CubeError
        The file is no whole part.
    """
    units: dict[str, str] = {}
    with _opened(path) as file:
        for group in file.groups.values():
            if "units" in group.variables:
                columns = (group.variables[name][:].tolist() for name in ("scalar", "units"))
                units.update(zip(*columns, strict=True))
        warnings = json.loads(getattr(file, "warnings", "") or "[]")
    return units, warnings
