"""What the columns of a long table hold: labels, numbers, text, and whose rows they are."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from qsiparc.catalogue import CATALOGUE
from qsiparc.coords import subject_names
from qsiparc.errors import CubeError
from qsiparc.names import REGION_COORDS, SCALAR_COORDS, SUBJECT_COORDS
from qsiparc.table import COUNTS, LEADING, STATS, STATS_ATTR
from qsiparc.tsv import is_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

NEEDED: Final = ("region_index", *REGION_COORDS, "scalar")
"""Columns that every long table has."""

MISSING: Final = frozenset({"", "n/a", "na", "nan", "none"})
"""How text says that there is no number, in small letters."""


def whole(column: pd.Series[Any], name: str) -> pd.Series[Any]:
    """Labels as int64.

    Parameters
    ----------
    column : Series
        Integers, whole floats, or text of them.
    name : str
        Its heading.

    Returns
    -------
    Series

    Raises
    ------
    CubeError
        One is missing, no whole number, beyond int64, or a float that cannot tell it from the next;
        nothing is ever cut off.
    """
    if column.hasnans:
        raise CubeError(f"The column {name!r} has missing values.")
    try:
        numbers = pd.to_numeric(column)
        kind = numbers.dtype.kind
        labels = numbers.astype(np.int64)
        exact = kind in "iuf" and column.dtype.kind not in "mM"
        exact &= bool((labels == numbers).all())
        if kind == "f":
            dtype = getattr(numbers.dtype, "numpy_dtype", numbers.dtype)
            exact &= bool((np.abs(numbers) < 2.0 ** (np.finfo(dtype).nmant + 1)).all())
        elif kind == "u":
            exact &= bool((numbers <= np.iinfo(np.int64).max).all())
    except (ValueError, TypeError, OverflowError):
        exact = False
    if not exact:
        shown = list(dict.fromkeys(map(repr, column[:1000])))[:3]
        raise CubeError(
            f"The column {name!r} holds whole numbers, the labels; here {', '.join(shown)}. Give "
            f"it the labels of the image, as int64."
        )
    return labels


def numbers(column: pd.Series[Any]) -> NDArray[np.float64]:
    """A column of statistics, as a text file may bring it.

    Parameters
    ----------
    column : Series
        Real numbers, or text of them; ``n/a`` is missing, as in BIDS.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    CubeError
        It holds something else.
    """
    if pd.api.types.is_numeric_dtype(column.dtype) and column.dtype.kind in "iufb":
        return column.to_numpy(np.float64, na_value=np.nan)
    found = np.full(len(column), np.nan)
    for row, cell in enumerate(column.astype(object)):
        if cell is None or cell is pd.NA or cell is pd.NaT or cell != cell:  # noqa: PLR0124 - NaN
            continue
        if isinstance(cell, int | float | np.integer | np.floating) or (
            isinstance(cell, str) and is_number(cell)
        ):
            found[row] = float(cell)
        elif not isinstance(cell, str) or cell.strip().casefold() not in MISSING:
            raise CubeError(
                f"The column {column.name!r} is a statistic and holds text, or something else that "
                f"is no real number: {cell!r}, row {row}. What is missing is NaN or 'n/a'. If it "
                f"is no statistic, name those that are: from_long(table, stats=[…])."
            )
    return found


def stat_columns(frame: pd.DataFrame, stats: Sequence[str] | str | None) -> list[str]:
    """The columns that are statistics.

    Parameters
    ----------
    frame : DataFrame
        A long table.
    stats : sequence of str, or None
        As the caller says; None: those that `to_long` noted and that are there still, else those
        that are known, and every other column of floats.

    Returns
    -------
    list of str

    Raises
    ------
    CubeError
        One is not there or named twice, or there are none.
    """
    columns = [str(name) for name in frame.columns]
    if stats:
        names = [stats] if isinstance(stats, str) else list(stats)
        unknown = [name for name in names if name not in columns or name in {*NEEDED, *LEADING}]
        if unknown:
            near = difflib.get_close_matches(str(unknown[0]), columns, 3) or columns
            raise CubeError(f"The table has no statistic {unknown[0]!r}. Near: {', '.join(near)}.")
        if len(set(names)) < len(names):
            raise CubeError(f"The statistics {names} name one twice: name each once.")
        return names
    noted = [name for name in frame.attrs.get(STATS_ATTR) or () if name in columns]
    names = noted or _guessed(frame)
    if not names:
        raise CubeError(
            f"This table has no statistic among its columns {columns}. Expected one of "
            f"{', '.join(STATS)}, or stats=[…] that names them."
        )
    return names


def _guessed(frame: pd.DataFrame) -> list[str]:
    known = {*STATS, *LEADING, *NEEDED, *SCALAR_COORDS, *SUBJECT_COORDS, "volume"}
    others = [
        str(name)
        for name in frame.columns
        if name not in known
        and (name in COUNTS or pd.api.types.is_float_dtype(frame[name].dtype))
        and (name in CATALOGUE or not frame[name].isna().all())  # may have been a text, too
    ]
    return [*(name for name in STATS if name in frame.columns), *others]


def scans(frame: pd.DataFrame) -> dict[str, list[str]]:
    """Label and BIDS names of the scan of each row.

    Parameters
    ----------
    frame : DataFrame
        With ``subject`` and ``session``, or without.

    Returns
    -------
    dict of str to list of str
        ``subject``, ``participant_id``, ``session_id``.

    Raises
    ------
    CubeError
        Some rows say whose they are, and some do not.
    """
    labels = _texts(frame, "subject")
    sessions = _texts(frame, "session")
    if any(labels) and not all(labels):
        row = labels.index("")
        raise CubeError(
            f"The column 'subject' has missing values, in row {row} for one: whose numbers are "
            f"these? Name the scan of each row, or drop those rows."
        )
    known: dict[tuple[str, str], dict[str, str]] = {}
    for label, session in dict.fromkeys(zip(labels, sessions, strict=True)):
        is_said = not session or not label or session in label.split("_")
        joined = label if is_said else f"{label}_{session}"
        known[label, session] = subject_names(joined or None, {})
    rows = [known[key] for key in zip(labels, sessions, strict=True)]
    return {name: [row[name] for row in rows] for name in ("subject", *SUBJECT_COORDS)}


def _texts(frame: pd.DataFrame, name: str) -> list[str]:
    """A column as text, empty where nothing is said, and where there is no such column."""
    if name not in frame.columns:
        return [""] * len(frame)
    return ["" if pd.isna(cell) else _text(cell) for cell in frame[name].tolist()]


def _text(cell: object) -> str:
    """A cell as text; a number that pandas made a float, since others are missing, as it was."""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
