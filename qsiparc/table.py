"""The cube as a long table."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import xarray as xr

from qsiparc.arguments import as_path
from qsiparc.atomic import replacing
from qsiparc.cube import unselected
from qsiparc.errors import CubeError
from qsiparc.missing import require_folder
from qsiparc.names import (
    CUBE_DIMS,
    FILE_COORDS,
    OUTPUT_COLUMNS,
    REGION_COORDS,
    SCALAR_COORDS,
    SUBJECT_COORDS,
    UNKNOWN_SUBJECT,
    VALUE,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Hashable
    from pathlib import Path


STATS: Final = tuple(
    c for c in OUTPUT_COLUMNS if c not in ("region_index", *REGION_COORDS, "scalar")
)
COUNTS: Final = ("n_voxels", "n_atlas_voxels", "n_zero", "n_nonfinite")
LEADING: Final = ("subject", "session", "atlas")
STATS_ATTR: Final = "qsiparc_stats"
FILES_ATTR: Final = "qsiparc_files"
SIDECAR_STATS: Final = "statistics"
"""Where the sidecar of a TSV names the columns that are statistics."""


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
        if not nodes:
            raise CubeError("This tree holds no cube, so there is nothing to make a table of.")
        named = [ds.assign_attrs(atlas=ds.attrs.get("atlas") or name) for name, ds in nodes]
        return _stacked([to_long(one) for one in named], [one.attrs["atlas"] for one in named])
    values = unselected(cube)[VALUE]
    further = [dim for dim in values.dims if dim not in CUBE_DIMS]
    values = values.transpose("subject", "scalar", *further, "region", "stat")
    stats = [str(name) for name in values["stat"].to_numpy()]
    numbers = values.to_numpy().reshape(np.prod(values.shape[:-1], dtype=int), len(stats))
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
        is_whole = name in COUNTS and name in stats and (column == np.trunc(column)).all()
        is_whole &= bool(np.isfinite(column).all())
        columns[name] = column.astype(np.int64) if is_whole else column
    columns |= {str(dim): spread(dim, dim) for dim in further}
    for dim in ("scalar", "region"):
        others = [n for n, c in values.coords.items() if c.dims == (dim,) and n not in columns]
        known = [n for n in others if n != dim and (n not in SCALAR_COORDS or _says(values, n))]
        columns |= {str(name): spread(name, dim) for name in known}
    frame = pd.DataFrame(columns)
    attrs = {str(key): value for key, value in cube.attrs.items()}
    frame.attrs.update({**attrs, STATS_ATTR: stats, FILES_ATTR: _files(values)})
    return frame


def _stacked(frames: list[pd.DataFrame], atlases: list[str]) -> pd.DataFrame:
    """Tables of several atlases, one below the other, with what all of them say of themselves."""
    stacked = pd.concat(frames, ignore_index=True)
    first, *others = (frame.attrs for frame in frames)
    shared = {
        key: value for key, value in first.items() if all(o.get(key) == value for o in others)
    }
    stats = dict.fromkeys(name for frame in frames for name in frame.attrs[STATS_ATTR])
    files = {atlas: frame.attrs[FILES_ATTR] for atlas, frame in zip(atlases, frames, strict=True)}
    stacked.attrs = {**shared, STATS_ATTR: list(stats), FILES_ATTR: files}
    return stacked


def _files(values: xr.DataArray) -> dict[str, dict[str, Any]]:
    """The files that values come from, by subject, and maps by scalar too."""
    known = [name for name in FILE_COORDS if name in values.coords]
    return {
        subject: {
            name: dict(zip(values["scalar"].to_numpy().tolist(), one.tolist(), strict=True))
            if (one := values.coords[name].sel(subject=subject).to_numpy()).ndim
            else str(one)
            for name in known
        }
        for subject in values["subject"].to_numpy().tolist()
    }


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

    Raises
    ------
    CubeError
        The name has another ending.
    FileNotFoundError
        There is no folder to write to; none is made.
    """
    path = as_path(path)
    if path.suffix != ".tsv":
        raise CubeError(f"{path}: the name of a long table ends in .tsv.")
    require_folder(path)
    frame = to_long(cube)
    sidecar = {str(key): value for key, value in frame.attrs.items()}
    sidecar |= {SIDECAR_STATS: sidecar.pop(STATS_ATTR), "files": sidecar.pop(FILES_ATTR)}
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
        text = json.dumps(sidecar, indent=2, ensure_ascii=False, default=_plain)
        beside.write_text(f"{text}\n", encoding="utf-8", newline="\n")
    return path


def _plain(value: Any) -> Any:  # noqa: ANN401 - what NumPy's own `tolist` gives
    """Attributes that come from a netCDF file are NumPy's numbers, which JSON does not know."""
    return value.tolist()
