"""A long table as a cube again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from qsiparc.cube import assemble, text, text_coords
from qsiparc.errors import CubeError, QsiparcWarning, warn
from qsiparc.longcolumns import NEEDED, numbers, scans, stat_columns, whole
from qsiparc.longfile import read_long
from qsiparc.names import (
    CUBE_DIMS,
    FILE_COORDS,
    REGION_COORDS,
    SCALAR_COORDS,
    SUBJECT_COORDS,
    VALUE,
)
from qsiparc.table import FILES_ATTR, LEADING, STATS, STATS_ATTR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


def from_long(
    frame: pd.DataFrame | str | os.PathLike[str], *, stats: Sequence[str] | None = None
) -> xr.Dataset:
    """The cube that a long table describes.

    Parameters
    ----------
    frame : DataFrame, str or Path
        As `to_long` makes it, in any order of rows, of one atlas; or the TSV that `to_tsv` wrote,
        whose sidecar says which columns are statistics. Of what pandas reads itself, a text that is
        missing becomes empty: to it, a region called ``NA`` has no name.
    stats : sequence of str, optional
        The columns that are statistics. Without it: those that `to_long` noted, else the documented
        ones, other counts that are built in, and every other column of floating-point numbers.

    Returns
    -------
    Dataset
        Regions, scalars and subjects in the order of their first row; values go by label, never by
        position.

    Raises
    ------
    CubeError
        A column is missing, holds what it cannot, or has a name that a cube needs itself; a row
        stands twice, a region has two names, or there are two atlases.

    Warns
    -----
    QsiparcWarning
        Combinations of region, scalar and subject are missing, and become NaN; or the names of
        regions are not those that a file had: pandas took ``NA`` for missing, or ``007`` for 7.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import nibabel as nib, numpy as np, qsiparc
    >>> affine = np.diag([2.0, 2, 2, 1])
    >>> fa = qsiparc.open_nifti(nib.Nifti1Image(np.arange(4.0).reshape(4, 1, 1), affine))
    >>> dseg = nib.Nifti1Image(np.array([0, 1, 1, 7], "i2").reshape(4, 1, 1), affine)
    >>> cube = fa.parc.extract(dseg, scalar="FA", subject="sub-001")
    >>> path = cube.parc.to_tsv(pathlib.Path(tempfile.mkdtemp(), "fa.tsv"))
    >>> qsiparc.from_long(path).identical(qsiparc.from_long(cube.parc.to_long()))
    True
    """
    if not isinstance(frame, str | os.PathLike):
        return _cube(frame, stats)
    try:
        return _cube(read_long(Path(frame)), stats)
    except CubeError as error:
        if str(frame) in str(error):
            raise
        raise CubeError(f"{frame}: {error}") from error


def _cube(frame: pd.DataFrame, stats: Sequence[str] | None) -> xr.Dataset:
    _require_long(frame)
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    names = stat_columns(frame, stats)
    frame = frame.assign(region_index=whole(frame["region_index"], "region_index"))
    atlases = _atlases(frame)
    _doubt_names(frame)
    frame = frame.assign(**scans(frame))
    keys = {"region": "region_index", "scalar": "scalar", "subject": "subject"}
    if "volume" in frame.columns:
        keys["volume"] = "volume"
    codes, levels = {}, {}
    for dim, column in keys.items():
        codes[dim], uniques = pd.factorize(frame[column])
        if (codes[dim] < 0).any():
            raise CubeError(f"The column {column!r} has missing values.")
        levels[dim] = np.asarray(uniques)
    place = _places(codes, levels, frame)
    shape = [len(level) for level in levels.values()]
    values = np.full((len(names), int(np.prod(shape))), np.nan)
    values[:, place] = [numbers(frame[name]) for name in names]
    dims = ("stat", *keys)
    cube = xr.Variable(dims, values.reshape(-1, *shape))
    coords: dict[str, Any] = {
        dim: (dim, labels.astype(np.int64) if dim in ("region", "volume") else labels)
        for dim, labels in levels.items()
    }
    coords |= text_coords({"stat": names}, "stat")
    taken = {*names, *STATS, *NEEDED, *LEADING, *keys.values()}
    rest = [str(column) for column in frame.columns if column not in taken | {*SUBJECT_COORDS}]
    _refuse_reserved(rest)
    on_scalar = [name for name in rest if name in SCALAR_COORDS]
    on_region = [*REGION_COORDS, *(name for name in rest if name not in SCALAR_COORDS)]
    for dim, columns in (
        ("scalar", on_scalar),
        ("region", on_region),
        ("subject", list(SUBJECT_COORDS)),
    ):
        coords |= text_coords(_one_each(frame, codes[dim], columns, dim), dim)
    silent = [name for name in SCALAR_COORDS if name not in on_scalar]
    coords |= text_coords({name: [""] * len(levels["scalar"]) for name in silent}, "scalar")
    files = frame.attrs.get(FILES_ATTR, {})
    coords |= _file_coords(files.get(atlases[0], files) if atlases else files, levels)
    own = (STATS_ATTR, FILES_ATTR)
    attrs = {str(key): value for key, value in frame.attrs.items() if key not in own}
    if atlases:
        attrs.setdefault("atlas", str(atlases[0]))
    return assemble(cube, coords, attrs)


def _require_long(frame: pd.DataFrame) -> None:
    """Check that this is a long table, with rows."""
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(
            f"from_long takes a DataFrame, or the path of what to_tsv wrote, not "
            f"{type(frame).__name__}."
        )
    missing = [name for name in NEEDED if name not in frame.columns]
    if missing:
        found = ", ".join(map(str, frame.columns[:12])) or "none"
        raise CubeError(
            f"This is no long table: the columns {missing} are missing. Its columns: {found}. "
            f"Expected those of to_long; rename them, or, if they are its index, .reset_index()."
        )
    twice = frame.columns[frame.columns.duplicated()].tolist()
    if twice:
        raise CubeError(f"Two columns of this table are called {twice[0]!r}: rename one of them.")
    if frame.empty:
        raise CubeError("This table has no rows, so there is no cube in it.")


def _atlases(frame: pd.DataFrame) -> list[str]:
    """The atlas of the table, if it says one."""
    if "atlas" not in frame.columns:
        return []
    found = ["" if pd.isna(name) else str(name) for name in frame["atlas"].unique().tolist()]
    if len(found) > 1:
        raise CubeError(f"A cube has one atlas, this table has {found}: take them one by one.")
    return [name for name in found if name]


def _refuse_reserved(columns: list[str]) -> None:
    """Refuse a column whose name would put it in the place of a part of the cube."""
    taken = [name for name in columns if name in {*CUBE_DIMS, VALUE, *FILE_COORDS}]
    if taken:
        raise CubeError(
            f"The column {taken[0]!r} of this table is no statistic, and a cube needs that name "
            f"itself. Rename the column, or leave it out."
        )


def _doubt_names(frame: pd.DataFrame) -> None:
    """Warn where pandas took the name of a region for something else."""
    names = frame["region_name"]
    is_number = pd.api.types.is_numeric_dtype(names.dtype)
    if is_number or names.isna().any():
        found = f"numbers, {names.iloc[0]!r} for one" if is_number else "missing names"
        warn(
            f"The column 'region_name' holds {found}. Names are text: pandas takes NA for missing "
            f"and 007 for 7 when it reads a file. from_long(path) keeps them, and so does "
            f"read_csv(path, sep='\\t', dtype={{'region_name': str}}, keep_default_na=False, "
            f"na_values='n/a').",
            QsiparcWarning,
        )


def _file_coords(files: Mapping[str, Any], levels: Mapping[str, Any]) -> dict[str, Any]:
    """The files that `to_long` noted, by name; empty where it noted none."""
    scans = [files.get(str(subject), {}) for subject in levels["subject"]]
    maps = [
        [scan.get("map_file", {}).get(str(scalar), "") for scan in scans]
        for scalar in levels["scalar"]
    ]
    values = {"map_file": maps, "dseg_file": [scan.get("dseg_file", "") for scan in scans]}
    return {name: (FILE_COORDS[name], text(files)) for name, files in values.items()}


def _places(
    codes: dict[str, Any], levels: dict[str, Any], frame: pd.DataFrame
) -> np.ndarray[Any, np.dtype[np.intp]]:
    """Where in the flattened cube each row goes; every place at most once."""
    shape = tuple(len(level) for level in levels.values())
    place = np.ravel_multi_index(tuple(codes.values()), shape) if len(frame) else np.empty(0, int)
    twice = pd.Series(place).duplicated().to_numpy()
    if twice.any():
        row = int(np.flatnonzero(twice)[0])
        what = {dim: levels[dim][codes[dim][row]] for dim in codes}
        shown = ", ".join(f"{dim} {label}" for dim, label in what.items())
        raise CubeError(
            f"{np.count_nonzero(twice)} rows stand twice, for one {shown}. Drop those that are too "
            f"many, or name scans apart in the column 'subject'."
        )
    if place.size < np.prod(shape):
        warn(
            f"{np.prod(shape) - place.size} of {np.prod(shape)} combinations of "
            f"{', '.join(codes)} are missing from the table; they become NaN.",
            QsiparcWarning,
        )
    return np.asarray(place, np.intp)


def _one_each(
    frame: pd.DataFrame,
    code: NDArray[np.intp],
    columns: list[str],
    dim: str,
) -> dict[str, list[str]]:
    """One text a label, from columns that must agree in all rows of the label."""
    first = pd.Series(code).drop_duplicates().index
    result = {}
    for column in columns:
        values = frame[column].astype(object).to_numpy()
        values = np.where(pd.isna(values), "", values)  # an empty cell, or n/a, of a file
        expected = values[first][code]
        differs = np.flatnonzero(values != expected)
        if differs.size:
            at = int(differs[0])
            raise CubeError(
                f"One {dim} has two values of {column!r}: {expected[at]!r} and {values[at]!r}. A "
                f"column says the same in all rows of a {dim}. If it is a statistic, name it in "
                f"stats=[…]; what is of scans, .parc.join_participants puts on the cube after."
            )
        result[column] = values[first].tolist()
    return result
