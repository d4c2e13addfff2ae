"""A long table as a cube again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import xarray as xr

from qsiparc.coords import subject_names
from qsiparc.cube import assemble, text, text_coords
from qsiparc.errors import CubeError, QsiparcWarning, warn
from qsiparc.names import FILE_COORDS, REGION_COORDS, SCALAR_COORDS, SUBJECT_COORDS
from qsiparc.table import COUNTS, FILES_ATTR, LEADING, STATS, STATS_ATTR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

NEEDED: Final = ("region_index", *REGION_COORDS, "scalar")
"""Columns that every long table has."""


def from_long(frame: pd.DataFrame, *, stats: Sequence[str] | None = None) -> xr.Dataset:
    """The cube that a long table describes.

    Parameters
    ----------
    frame : DataFrame
        As `to_long` makes it, in any order of rows, of one atlas; or as pandas reads what `to_tsv`
        wrote, where a text that is missing becomes empty.
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
        A column is missing, a row stands twice, a region has two names, or there are two atlases.

    Warns
    -----
    QsiparcWarning
        Combinations of region, scalar and subject are missing; they become NaN.
    """
    _require_long(frame)
    frame = frame.assign(region_index=_whole(frame["region_index"], "region_index"))
    atlases = frame["atlas"].unique().tolist() if "atlas" in frame.columns else []
    if len(atlases) > 1:
        raise CubeError(f"A cube has one atlas, this table has {atlases}: take them one by one.")
    frame = frame.assign(**_subject_columns(frame))
    names = list(stats or frame.attrs.get(STATS_ATTR) or _stat_columns(frame))
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
    values[:, place] = [_numbers(frame[name]) for name in names]
    dims = ("stat", *keys)
    cube = xr.Variable(dims, values.reshape(-1, *shape))
    coords: dict[str, Any] = {
        dim: (dim, labels.astype(np.int64) if dim in ("region", "volume") else labels)
        for dim, labels in levels.items()
    }
    coords |= text_coords({"stat": names}, "stat")
    taken = {*names, *STATS, *NEEDED, *LEADING, *keys.values()}
    rest = [str(column) for column in frame.columns if column not in taken | {*SUBJECT_COORDS}]
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
    coords |= _file_coords(frame.attrs.get(FILES_ATTR, {}), levels)
    own = (STATS_ATTR, FILES_ATTR)
    attrs = {str(key): value for key, value in frame.attrs.items() if key not in own}
    if atlases:
        attrs.setdefault("atlas", str(atlases[0]))
    return assemble(cube, coords, attrs)


def _require_long(frame: pd.DataFrame) -> None:
    """Check that this is a long table, with rows."""
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(
            f"from_long takes a DataFrame, not {type(frame).__name__}. Of a file: "
            f"pandas.read_csv(path, sep='\\t')."
        )
    missing = [name for name in NEEDED if name not in frame.columns]
    if missing:
        raise CubeError(f"This is no long table: the columns {missing} are missing.")
    twice = frame.columns[frame.columns.duplicated()].tolist()
    if twice:
        raise CubeError(f"Two columns of this table are called {twice[0]!r}: rename one of them.")
    if frame.empty:
        raise CubeError("This table has no rows, so there is no cube in it.")


def _whole(column: pd.Series[Any], name: str) -> pd.Series[Any]:
    """Labels as int64; whatever is no whole number is an error, never cut off."""
    if pd.api.types.is_integer_dtype(column.dtype) and not column.hasnans:
        return column.astype(np.int64)
    if column.hasnans:
        raise CubeError(f"The column {name!r} has missing values.")
    try:
        numbers = pd.to_numeric(column)
        whole = numbers.astype(np.int64)
        exact = numbers.dtype != np.bool_ and bool((whole == numbers).all())
    except (ValueError, TypeError, OverflowError):
        exact = False
    if not exact:
        shown = column.unique()[:3].tolist()
        raise CubeError(f"The column {name!r} holds whole numbers, the labels; here {shown}.")
    return whole


def _numbers(column: pd.Series[Any]) -> NDArray[np.float64]:
    """A column of statistics, as a text file may bring it: ``n/a`` is missing, as in BIDS."""
    if not pd.api.types.is_numeric_dtype(column.dtype):
        column = column.where(column != "n/a")
    try:
        return column.to_numpy(np.float64, na_value=np.nan)
    except (ValueError, TypeError) as error:
        raise CubeError(
            f"The column {column.name!r} is a statistic and holds text: {error}. A table that was "
            f"read from a file: pandas.read_csv(path, sep='\\t', na_values='n/a')."
        ) from error


def _file_coords(files: Mapping[str, Any], levels: Mapping[str, Any]) -> dict[str, Any]:
    """The files that `to_long` noted, by name; empty where it noted none."""
    scans = [files.get(str(subject), {}) for subject in levels["subject"]]
    maps = [
        [scan.get("map_file", {}).get(str(scalar), "") for scan in scans]
        for scalar in levels["scalar"]
    ]
    values = {"map_file": maps, "dseg_file": [scan.get("dseg_file", "") for scan in scans]}
    return {name: (FILE_COORDS[name], text(files)) for name, files in values.items()}


def _subject_columns(frame: pd.DataFrame) -> dict[str, list[str]]:
    """Label and BIDS names of the scan of each row."""
    if "subject" not in frame.columns:
        labels: list[Any] = [None] * len(frame)
    else:
        labels = frame["subject"].tolist()
    sessions = frame["session"].tolist() if "session" in frame.columns else [""] * len(frame)
    known: dict[Any, dict[str, str]] = {}
    for label, session in dict.fromkeys(zip(labels, sessions, strict=True)):
        joined = label if not session or label is None else f"{label}_{session}"
        if label is not None and session and session in str(label).split("_"):
            joined = label
        known[label, session] = subject_names(None if joined is None else str(joined), {})
    rows = [known[key] for key in zip(labels, sessions, strict=True)]
    return {name: [row[name] for row in rows] for name in ("subject", *SUBJECT_COORDS)}


def _stat_columns(frame: pd.DataFrame) -> list[str]:
    others = [
        str(name)
        for name in frame.columns
        if name not in {*STATS, *LEADING, *SCALAR_COORDS}
        and (name in COUNTS or pd.api.types.is_float_dtype(frame[name].dtype))
    ]
    return [*(name for name in STATS if name in frame.columns), *others]


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
        raise CubeError(f"{np.count_nonzero(twice)} rows stand twice, for one {what}.")
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
                f"One {dim} has two values of {column!r}: {expected[at]!r} and {values[at]!r}."
            )
        result[column] = values[first].tolist()
    return result
