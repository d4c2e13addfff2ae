"""A part, a little at a time: what it holds, and its numbers one atlas at a time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from qsiparc.cohort.parts import plain
from qsiparc.cohort.record import from_json
from qsiparc.errors import CubeError
from qsiparc.names import CUBE_DIMS, STATUS, STATUS_FLAGS, VALUE
from qsiparc.partfile import open_part

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from qsiparc.cohort.failures import Troubles
    from qsiparc.partfile import PartFile
    from qsiparc.seal import Seal

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
    seal : Seal
        Length and checksum of the file: what `read_values` is to find again.
    """

    path: Path
    scan: str
    attrs: dict[str, Any]
    groups: dict[str, Group]
    seal: Seal

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
    with open_part(path) as part:
        attrs = plain(part.attrs())
        groups = {atlas: _read_group(part, atlas) for atlas in part.atlases}
    return Part(path, str(attrs.get("scan", path.stem)), attrs, groups, part.seal)


class Numbers(NamedTuple):
    """The numbers of one scan over one atlas.

    Parameters
    ----------
    scalars : tuple of str
        Ids.
    files : dict
        Texts on ``scalar`` by the name of a coordinate on both ``scalar`` and ``subject``.
    values : numpy.ndarray
        (scalar, stat, region).
    """

    scalars: tuple[str, ...]
    files: Columns
    values: NDArray[np.float64]


def read_values(path: Path, atlas: str, seal: Seal) -> Numbers | None:
    """The numbers of one scan over one atlas; of the coordinates only what they are placed by.

    Parameters
    ----------
    path : Path
        The part.
    atlas : str
        A group of it.
    seal : Seal
        Of the part when it was surveyed.

    Returns
    -------
    Numbers or None
        None where the part is another one than it was.

    Raises
    ------
    CubeError
        The file is no whole part.
    """
    with open_part(path) as part:
        if part.seal != seal:
            return None
        variables = part.variables(atlas)
        numbers = variables[VALUE].numbers()[..., 0].transpose(2, 1, 0)
        return Numbers(
            variables["scalar"].texts(),
            _columns(part, atlas, "scalar", "subject"),
            np.ascontiguousarray(numbers, np.float64),
        )


def _read_group(part: PartFile, atlas: str) -> Group:
    variables = part.variables(atlas)
    values = variables.get(VALUE)
    if values is None or values.dims != CUBE_DIMS or values.shape[-1] != 1:
        raise CubeError(
            f"{part.path}: {atlas} is not the cube of one scan, {VALUE}({', '.join(CUBE_DIMS)}). "
            + AGAIN
        )
    columns = {dim: _columns(part, atlas, dim) for dim in CUBE_DIMS}
    status = variables.get(STATUS)
    return Group(
        region=variables["region"].numbers().astype(np.int64),
        regions=columns["region"],
        stats=columns["stat"]["stat"],
        scalars=columns["scalar"],
        subject=columns["subject"],
        files=_columns(part, atlas, "scalar", "subject"),
        status=np.full(values.shape[2], STATUS_FLAGS["ok"], np.int8)
        if status is None
        else status.numbers()[:, 0],
        attrs=plain(part.attrs(atlas)),
    )


def _columns(part: PartFile, atlas: str, *dims: str) -> Columns:
    return {
        name: stored.column()
        for name, stored in part.variables(atlas).items()
        if stored.dims == dims and name not in {STATUS, "region"}
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
    with open_part(path) as part:
        for atlas in part.atlases:
            variables = part.variables(atlas)
            if "units" in variables:
                columns = (variables[name].texts() for name in ("scalar", "units"))
                units.update(zip(*columns, strict=True))
        warnings = json.loads(part.attrs().get("warnings") or "[]")
    return units, warnings
