"""QSIRecon's own tables of numbers per region, as cubes."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from qsiparc.arguments import as_path
from qsiparc.atlas import AtlasLUT, infer_hemisphere, read_lut
from qsiparc.cube import assemble, text, text_coords
from qsiparc.discover import find_atlas_lut
from qsiparc.discover.identity import short_ids
from qsiparc.errors import CubeError, LutError, LutWarning, warn
from qsiparc.groups import some_names
from qsiparc.names import FILE_COORDS, REGION_COORDS, RESERVED, SCALAR_COORDS
from qsiparc.scalartable import read_table
from qsiparc.version import __version__

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from qsiparc.regions import Lut
    from qsiparc.scalartable import ScalarTable


class _Regions(NamedTuple):
    """The rows of the cube."""

    labels: list[int]
    columns: dict[str, list[str]]
    source: str


def read_scalarstats(
    path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], lut: Lut | None = None
) -> xr.Dataset:
    r"""Read tables of numbers per region that QSIRecon made itself.

    They are ``…_seg-<atlas>_scalarstats.tsv``, a row a region and map, with mean, standard
    deviation and median, and ``…_bundles-<source>_scalarstats.tsv``, the same for bundles of
    streamlines. What comes of it is a cube, so that ``ours - theirs`` compares the two.

    Parameters
    ----------
    path : str, Path, or sequence of them
        One table, or several of one atlas: of any scans, and of any of QSIRecon's workflows.
    lut : AtlasLUT, path, DataFrame or None, optional
        The look-up table of the atlas. The tables have names alone, and cubes are keyed by labels.
        None: it is looked for in the QSIRecon tree that the table lies in.

    Returns
    -------
    Dataset
        With dims ``(region, stat, scalar, subject)`` and all regions of the LUT. ``stdev`` is
        called ``std``, and their ``coverage``, the share of a region's voxels that lies in the
        brain mask, ``mask_coverage``; other statistics keep their names. A scalar is named by its
        parameter, and where two workflows have one of that name by the workflow too. Without a
        LUT, and for bundles, which have none, regions are numbered −1, −2 …: no label of an image.

    Raises
    ------
    CubeError
        A file is no such table, a number cannot be read as one, a row stands twice, or the tables
        are of several atlases.
    LutError
        The LUT has none, or several regions of a name.

    Warns
    -----
    LutWarning
        There is no LUT to be found, or it has regions that the tables lack.
    QsiparcWarning
        A column is neither numbers nor known, or maps of one table share a name, of which QSIRecon
        keeps the numbers of one.

    Notes
    -----
    QSIRecon takes the voxels of a region within the brain mask, and counts NaN and infinite ones
    as 0. Its standard deviation is that of the population (ddof = 0), as ours.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> path = folder / "sub-01_space-ACPC_seg-Tiny_scalarstats.tsv"
    >>> _ = path.write_text(
    ...     "node\tscalar\tqsirecon_suffix\tmean\tstdev\tmedian\n"
    ...     "LH_Vis\tfa\tDSIStudio\t0.4\t0.1\t0.39\n"
    ...     "LH_Vis\tcoverage\tDSIStudio\t0.9\tn/a\tn/a\n"
    ... )
    >>> names = pd.DataFrame({"index": [7], "name": ["LH_Vis"]})
    >>> cube = read_scalarstats(path, names)
    >>> cube.parc.sel(region=7, scalar="fa", stat=["mean", "mask_coverage"]).value.values.ravel()
    array([0.4, 0.9])
    """
    given: Any = path
    several = np.iterable(given) and not isinstance(given, str | bytes | dict)
    paths = [as_path(one, "path, or each of a list,") for one in (given if several else [given])]
    tables = [read_table(one) for one in paths]
    if not tables:
        raise CubeError("Name at least one scalarstats table to read.")
    atlases = sorted({table.atlas or "one without a name" for table in tables})
    if len(atlases) > 1:
        raise CubeError(f"A cube has one atlas, these tables have {atlases}: read them apart.")
    return _cube(tables, lut)


def _cube(tables: Sequence[ScalarTable], lut: Lut | None) -> xr.Dataset:
    rows = pd.concat([table.rows.assign(_of=n) for n, table in enumerate(tables)])
    regions = _regions(tables[0], list(dict.fromkeys(rows["region"])), lut)
    ids = short_ids(rows["scalar"])
    scalars = list(dict.fromkeys(rows["scalar"]))
    subjects = {table.subject["subject"]: table.subject for table in tables}
    stats = [name for name in rows.columns if name not in {"region", "scalar", "_of"}]
    places = {
        "region": [regions.columns["region_name"].index(name) for name in rows["region"]],
        "scalar": [scalars.index(scalar) for scalar in rows["scalar"]],
        "subject": [list(subjects).index(tables[n].subject["subject"]) for n in rows["_of"]],
    }
    _refuse_doubles(rows, places, tables)
    values = np.full((len(regions.labels), len(stats), len(scalars), len(subjects)), np.nan)
    values[places["region"], :, places["scalar"], places["subject"]] = rows[stats].to_numpy(float)
    names = {key: [of[key] for of in subjects.values()] for key in tables[0].subject}
    identity = {key: [str(getattr(scalar, key, "")) for scalar in scalars] for key in SCALAR_COORDS}
    coords = {
        "region": ("region", np.array(regions.labels, np.int64)),
        **text_coords(regions.columns, "region"),
        **text_coords({"stat": stats}, "stat"),
        **text_coords({"scalar": [ids[scalar] for scalar in scalars], **identity}, "scalar"),
        **text_coords(names, "subject"),
        "map_file": (FILE_COORDS["map_file"], text(np.full((len(scalars), len(subjects)), ""))),
        "dseg_file": (FILE_COORDS["dseg_file"], text([""] * len(subjects))),
    }
    attrs = {
        "atlas": tables[0].atlas,
        "lut": regions.source,
        "stats": " ".join(stats),
        "source": " ".join(PurePath(table.path).name for table in tables),
        "generated_by": f"QSIRecon, read by qsiparc {__version__}",
    }
    dims = ("region", "stat", "scalar", "subject")
    return assemble(xr.Variable(dims, values), coords, attrs)


def _refuse_doubles(
    rows: pd.DataFrame, places: dict[str, list[int]], tables: Sequence[ScalarTable]
) -> None:
    """Say which number stands twice, and in which files."""
    keys = pd.DataFrame(places)
    twice = keys[keys.duplicated(keep=False)]
    if twice.empty:
        return
    first = twice.iloc[0]
    at = twice.index[(twice == first).all(axis=1)]
    row = rows.iloc[int(at[0])]
    of = [tables[int(n)] for n in rows["_of"].iloc[at]]
    raise CubeError(
        f"{row['region']!r} stands twice for the scalar {row['scalar'].param!r} of "
        f"{of[0].subject['subject']}: in {' and '.join(dict.fromkeys(t.path for t in of))}. "
        f"Read them apart."
    )


def _regions(table: ScalarTable, names: list[str], lut: Lut | None) -> _Regions:
    """Labels of the regions that are named, and all else that the LUT says."""
    found = _as_lut(lut, table)
    if found is None:
        hemispheres = [infer_hemisphere(name) for name in names]
        columns = {"region_name": names, "hemisphere": [str(side) for side in hemispheres]}
        return _Regions(list(range(-1, -len(names) - 1, -1)), columns, "")
    columns = found.text_columns()
    known = columns["region_name"]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise LutError(
            f"{table.path} has {len(unknown)} of {len(names)} regions that the LUT "
            f"{found.atlas_name!r} does not name: {some_names(unknown)}. Is it another atlas's?"
        )
    repeated = [name for name in names if known.count(name) > 1]
    if repeated:
        raise LutError(
            f"The LUT {found.atlas_name!r} has several regions called {some_names(repeated)}, and "
            f"{table.path} has nothing but names to tell them by."
        )
    absent = [name for name in known if name not in names]
    if absent:
        warn(
            f"{table.path} lacks {len(absent)} of {len(known)} regions of the LUT, which are NaN: "
            f"{some_names(absent)}.",
            LutWarning,
        )
    own = {c: c if c in REGION_COORDS or c not in RESERVED else f"lut_{c}" for c in columns}
    columns = {own[heading]: cells for heading, cells in columns.items()}
    return _Regions([region.index for region in found], columns, found.source)


def _as_lut(lut: Lut | None, table: ScalarTable) -> AtlasLUT | None:
    if isinstance(lut, AtlasLUT):
        return lut
    if isinstance(lut, pd.DataFrame):
        return AtlasLUT.from_dataframe(lut, table.atlas)
    if lut is not None:
        return read_lut(lut)
    if table.kind == "bundle":
        return None
    root = _tree_of(Path(table.path))
    path = find_atlas_lut(root, table.atlas) if root is not None and table.atlas else None
    if path is not None:
        return read_lut(path)
    warn(
        f"No look-up table of {table.atlas or 'the atlas'} was found for {table.path}, so that its "
        f"regions have no labels: they are −1, −2 … and match no other cube. Give one: "
        f"read_scalarstats(path, lut).",
        LutWarning,
    )
    return None


def _tree_of(path: Path) -> Path | None:
    """The folder that QSIRecon wrote to: above ``derivatives``, or above ``qsirecon-*``."""
    folders = path.resolve().parents
    inside = next((one for one in folders if one.name.startswith("qsirecon-")), None)
    if inside is None:
        return next((one.parent for one in folders if one.name.startswith("sub-")), None)
    return inside.parent.parent if inside.parent.name == "derivatives" else inside.parent
