"""A label table that is in memory, as a DataFrame."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

from qsiparc.atlas.columns import LabelTable, is_id_heading, is_text
from qsiparc.errors import LutError


def read_frame(df: pd.DataFrame) -> LabelTable:
    """Take a DataFrame apart into text cells, as the readers of label files do.

    Parameters
    ----------
    df : pd.DataFrame
        With an id and a name column; the ids may be its index, under such a name.

    Returns
    -------
    LabelTable
        Its cells.

    Raises
    ------
    LutError
        Two columns have one heading, or a cell cannot be stored as text.
    """
    if not isinstance(df, pd.DataFrame):
        raise TypeError(
            f"from_dataframe takes a DataFrame, not {type(df).__name__}. Of ids and names: "
            f"pd.DataFrame({{'index': ids, 'name': names}}); of a file: read_lut(path)."
        )
    if is_id_heading(df.index.name) and df.index.name not in df.columns:
        df = df.reset_index()
    headings = [str(heading) for heading in df.columns]
    twice = [h for h, n in Counter(headings).items() if n > 1]
    if twice:
        raise LutError(f"Two columns of the table are headed {twice[0]!r}. Rename one of them.")
    table = df.astype(object).map(cell_text).set_axis(headings, axis=1).reset_index(drop=True)
    return LabelTable(table, list(range(len(df))), "iloc", "the table", _inexact(df))


def cell_text(cell: object) -> str:
    """A cell as a label file would have it: text, empty where it is missing."""
    if cell is None or cell is pd.NA or cell is pd.NaT or cell != cell:  # noqa: PLR0124 - NaN
        return ""
    text = cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)
    if not is_text(text):
        raise LutError(
            f"A cell of the table holds {text[:80]!r}, with half a character or a NUL in it, which "
            f"cannot be stored as text."
        )
    return text


def _inexact(df: pd.DataFrame) -> frozenset[str]:
    """Columns of floats with whole numbers that floats cannot tell from the next one."""
    found = set()
    for heading, column in df.items():
        if pd.api.types.is_float_dtype(column.dtype):
            exact = 2.0 ** (np.finfo(getattr(column.dtype, "numpy_dtype", column.dtype)).nmant + 1)
            values = np.abs(column.to_numpy(np.float64, na_value=0))
            if ((values >= exact) & np.isfinite(values)).any():
                found.add(str(heading))
    return frozenset(found)
