"""The cube as a long table, and back."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import xarray as xr

from qsiparc.atomic import replacing
from qsiparc.coords import subject_names
from qsiparc.cube import assemble, text_coords, unselected
from qsiparc.errors import CubeError, QsiparcWarning, warn
from qsiparc.names import (
    CUBE_DIMS,
    OUTPUT_COLUMNS,
    REGION_COORDS,
    SCALAR_COORDS,
    SUBJECT_COORDS,
    UNKNOWN_SUBJECT,
    VALUE,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

STATS: Final = tuple(
    c for c in OUTPUT_COLUMNS if c not in ("region_index", *REGION_COORDS, "scalar")
)
COUNTS: Final = ("n_voxels", "n_atlas_voxels", "n_zero", "n_nonfinite")
LEADING: Final = ("subject", "session", "atlas")
STATS_ATTR: Final = "qsiparc_stats"


def to_long(cube: xr.Dataset | xr.DataTree) -> pd.DataFrame:
    """A cube as the documented long table.

    Parameters
    ----------
    cube : Dataset or DataTree
        Of ``.parc.extract``; a dask-backed one is computed. Of a tree, all cubes, one below the
        other, each with its atlas.

    Returns
    -------
    DataFrame
        A row a region, scalar and subject. ``subject``, ``session`` and ``atlas`` come first where
        the cube knows them, then `OUTPUT_COLUMNS`, of which those that were not computed are NaN,
        then other statistics, other dims, what the scalar is made of, and the LUT's other columns.

    Raises
    ------
    CubeError
        The dataset is no cube.
    """
    if isinstance(cube, xr.DataTree):
        nodes = [(node.name, node.to_dataset()) for node in cube.subtree if node.data_vars]
        named = [ds.assign_attrs(atlas=ds.attrs.get("atlas") or name) for name, ds in nodes]
        return pd.concat(map(to_long, named), ignore_index=True)
    values = unselected(cube)[VALUE]
    further = [dim for dim in values.dims if dim not in CUBE_DIMS]
    values = values.transpose("subject", "scalar", *further, "region", "stat")
    stats = [str(name) for name in values["stat"].to_numpy()]
    numbers = values.to_numpy().reshape(-1, len(stats))
    rows = {
        dim: np.unravel_index(np.arange(len(numbers)), values.shape[:-1])[axis]
        for axis, dim in enumerate(values.dims[:-1])
    }

    def spread(name: Hashable, dim: Hashable) -> Any:  # noqa: ANN401 - text or numbers
        labels = values.coords[name].to_numpy()
        return (labels.astype(object) if labels.dtype.kind in "TU" else labels)[rows[dim]]

    columns = _scan_columns(values, cube, spread)
    columns |= {"region_index": spread("region", "region")}
    columns |= {name: spread(name, "region") for name in REGION_COORDS}
    columns["scalar"] = spread("scalar", "scalar")
    for name in dict.fromkeys((*STATS, *stats)):
        column = numbers[:, stats.index(name)] if name in stats else np.full(len(numbers), np.nan)
        is_whole = name in COUNTS and name in stats and np.isfinite(column).all()
        columns[name] = column.astype(np.int64) if is_whole else column
    columns |= {str(dim): spread(dim, dim) for dim in further}
    for dim in ("scalar", "region"):
        others = [n for n, c in values.coords.items() if c.dims == (dim,) and n not in columns]
        known = [n for n in others if n != dim and (n not in SCALAR_COORDS or _says(values, n))]
        columns |= {str(name): spread(name, dim) for name in known}
    frame = pd.DataFrame(columns)
    frame.attrs = {**{str(key): value for key, value in cube.attrs.items()}, STATS_ATTR: stats}
    return frame


def _says(values: xr.DataArray, name: Hashable) -> bool:
    """Whether a text coordinate holds anything but empty text."""
    return any(map(str, values.coords[name].to_numpy()))


def _scan_columns(values: xr.DataArray, cube: xr.Dataset, spread: Any) -> dict[str, Any]:  # noqa: ANN401 - a closure
    """The leading columns, of what the cube knows."""
    columns = {}
    names = {
        name: values.coords[name].to_numpy() for name in SUBJECT_COORDS if name in values.coords
    }
    labels = values["subject"].to_numpy()
    if any(label != UNKNOWN_SUBJECT for label in labels):
        parts = zip(*names.values(), strict=True) if len(names) == len(SUBJECT_COORDS) else []
        joined = ["_".join(filter(None, map(str, part))) for part in parts]
        is_bids = joined == [str(label) for label in labels]
        columns["subject"] = spread("participant_id" if is_bids else "subject", "subject")
        if any(names.get("session_id", [])):
            columns["session"] = spread("session_id", "subject")
    if cube.attrs.get("atlas"):
        columns["atlas"] = cube.attrs["atlas"]
    return columns


def from_long(frame: pd.DataFrame, *, stats: Sequence[str] | None = None) -> xr.Dataset:
    """The cube that a long table describes.

    Parameters
    ----------
    frame : DataFrame
        As `to_long` makes it, in any order of rows, of one atlas.
    stats : sequence of str, optional
        The columns that are statistics. Without it: those that `to_long` noted, else the documented
        ones and every other column of floating-point numbers.

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
    needed = ["region_index", *REGION_COORDS, "scalar"]
    missing = [name for name in needed if name not in frame.columns]
    if missing:
        raise CubeError(f"This is no long table: the columns {missing} are missing.")
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
    values[:, place] = frame[names].to_numpy(np.float64).T
    dims = ("stat", *keys)
    cube = xr.Variable(dims, values.reshape(-1, *shape))
    coords: dict[str, Any] = {
        dim: (dim, labels.astype(np.int64) if dim in ("region", "volume") else labels)
        for dim, labels in levels.items()
    }
    coords |= text_coords({"stat": names}, "stat")
    taken = {*names, *STATS, *needed, *LEADING, *keys.values()}
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
    attrs = {key: value for key, value in frame.attrs.items() if key != STATS_ATTR}
    if atlases:
        attrs.setdefault("atlas", str(atlases[0]))
    return assemble(cube, coords).assign_attrs(attrs)


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
        if label is not None and session and str(label).endswith(f"_{session}"):
            joined = label
        known[label, session] = subject_names(None if joined is None else str(joined), {})
    rows = [known[key] for key in zip(labels, sessions, strict=True)]
    return {name: [row[name] for row in rows] for name in ("subject", *SUBJECT_COORDS)}


def _stat_columns(frame: pd.DataFrame) -> list[str]:
    others = [
        str(name)
        for name in frame.columns
        if name not in STATS and pd.api.types.is_float_dtype(frame[name].dtype)
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
        expected = values[first][code]
        differs = np.flatnonzero(values != expected)
        if differs.size:
            at = int(differs[0])
            raise CubeError(
                f"One {dim} has two values of {column!r}: {expected[at]!r} and {values[at]!r}."
            )
        result[column] = values[first].tolist()
    return result


def write_tsv(cube: xr.Dataset, path: str | os.PathLike[str]) -> Path:
    """Write the long table of a cube to a TSV, with a JSON sidecar of how it was made.

    Parameters
    ----------
    cube : Dataset
        Of ``.parc.extract``.
    path : str or Path
        Ending in ``.tsv``. Numbers are written with all their digits; NaN is ``n/a``, as in BIDS.

    Returns
    -------
    Path
        The TSV.
    """
    path = Path(path)
    if path.suffix != ".tsv":
        raise CubeError(f"{path}: the name of a long table ends in .tsv.")
    frame = to_long(cube)
    sidecar = {key: value for key, value in frame.attrs.items() if key != STATS_ATTR}
    if "provenance" in sidecar:
        sidecar["provenance"] = json.loads(sidecar["provenance"])
    with replacing(path) as tsv, replacing(path.with_suffix(".json")) as beside:
        frame.to_csv(
            tsv,
            sep="\t",
            index=False,
            na_rep="n/a",
            quoting=csv.QUOTE_MINIMAL,
            encoding="utf-8",
            lineterminator="\n",
        )
        text = json.dumps(sidecar, indent=2, ensure_ascii=False)
        beside.write_text(f"{text}\n", encoding="utf-8", newline="\n")
    return path
