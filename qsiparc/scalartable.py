"""One of QSIRecon's own tables of numbers per region, as it is on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from qsiparc.coords import subject_names
from qsiparc.discover.identity import Scalar
from qsiparc.entities import describe, parse_entities
from qsiparc.errors import CubeError, QsiparcWarning, warn
from qsiparc.groups import some_names
from qsiparc.tsv import is_number, read_cells

if TYPE_CHECKING:
    from pathlib import Path

RENAMED: Final = {"stdev": "std"}
"""What QSIRecon calls statistics of ours."""

COVERAGE: Final = "coverage"
"""The scalar that is none: its mean is the share of a region within the brain mask."""

KINDS: Final = {"node": "scalar", "bundle": "variable_name"}
"""The column of regions, of atlases and of bundles, and that of scalars beside it."""

NO_STATISTIC: Final = frozenset(
    {"qsirecon_suffix", "source_file", "bundle_source", "bundle_params_id"}
    | {f"{key}_id" for key in ("subject", "session", "task", "dir", "acq", "space", "rec", "run")}
)
"""Columns that say where a row comes from, of which the file's name says all that is used."""

EXPECTED: Final = ("mean", "std", "median")
"""Statistics that QSIRecon writes: a column of these that holds text is damaged."""

MISSING: Final = frozenset({"", "n/a", "nan", "NaN", "NA"})


@dataclass(frozen=True)
class ScalarTable:
    """One of QSIRecon's tables.

    Parameters
    ----------
    path : str
        Its file.
    kind : str
        ``"node"`` or ``"bundle"``.
    atlas : str
        What the regions are of.
    subject : dict of str to str
        Label and BIDS names of the scan.
    rows : DataFrame
        The columns ``region`` and ``scalar`` (`Scalar`), then statistics as numbers.
    """

    path: str
    kind: str
    atlas: str
    subject: dict[str, str]
    rows: pd.DataFrame


def read_table(path: Path) -> ScalarTable:
    """Read one table.

    Parameters
    ----------
    path : Path
        ``…_scalarstats.tsv``.

    Returns
    -------
    ScalarTable
        What it holds.

    Raises
    ------
    CubeError
        It is no such table, or a number cannot be read as one.

    Warns
    -----
    QsiparcWarning
        A column is neither numbers nor known, or rows stand twice, alike.
    """
    read = read_cells(path)
    cells = pd.DataFrame(read.rows, columns=read.header, dtype=str)
    kind = next((k for k, beside in KINDS.items() if {k, beside} <= set(cells.columns)), None)
    if kind is None or cells.empty:
        raise CubeError(
            f"{path} is none of QSIRecon's scalarstats tables, which have rows of 'node' and "
            f"'scalar', or of 'bundle' and 'variable_name'. It has {len(cells)} rows of "
            f"{cells.columns.tolist()}."
        )
    known = describe(path)
    entities = parse_entities(path)
    known["software"] = known["software"] or _only(cells, "qsirecon_suffix")
    rows = cells.rename(columns={kind: "region", KINDS[kind]: "scalar"}).rename(columns=RENAMED)
    numbers = _numbers(rows, path, read.lines)
    rows = pd.concat([rows[["region", "scalar"]], numbers], axis=1)
    if kind == "node":
        rows = _with_coverage(rows)
    rows = _without_repeats(rows, path)
    rows["scalar"] = [Scalar(software=known["software"], param=name) for name in rows["scalar"]]
    atlas = entities.get("seg") or entities.get("atlas") or entities.get("bundles", "")
    return ScalarTable(str(path), kind, atlas, subject_names(None, known), rows)


def _only(cells: pd.DataFrame, column: str) -> str:
    """The value of a column that has one, or nothing."""
    values = set(cells[column]) if column in cells else set()
    return str(values.pop()) if len(values) == 1 else ""


def _numbers(rows: pd.DataFrame, path: Path, lines: list[int]) -> pd.DataFrame:
    """The columns that are statistics, as numbers."""
    columns, strange = {}, []
    for name in rows.columns:
        if name in NO_STATISTIC | {"region", "scalar"}:
            continue
        cells = rows[name].tolist()
        numbers = [_number(cell) for cell in cells]
        unread = [n for n, number in enumerate(numbers) if number is None]
        if not unread:
            columns[name] = np.array(numbers, np.float64)
        elif name not in EXPECTED and all(
            number is None or cell in MISSING for number, cell in zip(numbers, cells, strict=True)
        ):
            strange.append(name)
        else:
            raise CubeError(
                f"{path}, line {lines[unread[0]]}: {name!r} is {cells[unread[0]]!r}, which is no "
                f"number. Missing ones are n/a."
            )
    if strange:
        warn(
            f"{path}: the columns {strange} hold no numbers and are not known; they are left out.",
            QsiparcWarning,
        )
    if not columns:
        raise CubeError(f"{path} has no column of numbers beside its regions and scalars.")
    return pd.DataFrame(columns)


def _number(cell: str) -> float | None:
    """The number that a cell holds, NaN where it holds none, None where it holds something else."""
    if cell in MISSING:
        return np.nan
    return float(cell) if is_number(cell) else None


def _with_coverage(rows: pd.DataFrame) -> pd.DataFrame:
    """The scalar that is none as a statistic of all the others."""
    is_coverage = rows["scalar"] == COVERAGE
    if not is_coverage.any() or "mean" not in rows:
        return rows
    shares = rows[is_coverage].drop_duplicates("region").set_index("region")["mean"]
    rows = rows[~is_coverage]
    return rows.assign(mask_coverage=rows["region"].map(shares))


def _without_repeats(rows: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Each row once, also where maps share a name."""
    alike = rows.duplicated()
    if alike.any():
        named = (rows["scalar"][alike] + " of " + rows["region"][alike]).drop_duplicates().tolist()
        warn(
            f"{path}: {int(alike.sum())} rows stand twice, alike: {some_names(named)}. Maps or "
            f"regions share a name, and QSIRecon wrote the numbers of the last one for each. One "
            f"is kept; which maps there are, the table's JSON says.",
            QsiparcWarning,
        )
    return rows[~alike].reset_index(drop=True)
