"""Reading the file of a long table, as `to_tsv` writes it, with what its sidecar says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from qsiparc.errors import CubeError, QsiparcWarning, warn
from qsiparc.regular import read_regular
from qsiparc.table import FILES_ATTR, SIDECAR_STATS, STATS_ATTR
from qsiparc.tsv import read_cells

if TYPE_CHECKING:
    from pathlib import Path

_PLAIN: Final = (str, int, float, list)
"""What attributes of a cube are."""


def read_long(path: Path) -> pd.DataFrame:
    """Read a long table from a TSV.

    Parameters
    ----------
    path : Path
        The TSV; the sidecar has its name with ``.json``.

    Returns
    -------
    DataFrame
        All cells as text, as they stand there, and in ``attrs`` what the sidecar says. Without
        one, columns of numbers that are not all whole are numbers: `from_long` takes them for
        statistics.

    Raises
    ------
    CubeError
        It cannot be read as a table, or the sidecar is of another one.
    FileNotFoundError
        There is no such file.

    Warns
    -----
    QsiparcWarning
        The sidecar is missing or cannot be read.
    """
    cells = read_cells(path)
    frame = pd.DataFrame(cells.rows, columns=cells.header, dtype=str)
    attrs = _sidecar(path.with_suffix(".json"), frame)
    if attrs is None:
        frame = frame.assign(**{name: _number(frame[name]) for name in frame.columns})
    else:
        frame.attrs.update(attrs)
    return frame


def _number(column: pd.Series[Any]) -> pd.Series[Any]:
    """A column of numbers as such if one of them is no whole number; all others as text."""
    try:
        numbers = np.array(["nan" if cell == "n/a" else cell for cell in column], np.float64)
    except ValueError:
        return column
    return column if (numbers % 1 == 0).all() else pd.Series(numbers, column.index)


def _sidecar(path: Path, frame: pd.DataFrame) -> dict[str, Any] | None:
    """What the sidecar says of the cube; None if it says nothing of its statistics."""
    try:
        content = json.loads(read_regular(path, CubeError, may_lack=True).decode("utf-8-sig"))
        stats, files = content.pop(SIDECAR_STATS), content.pop("files", {})
        kept = {key: value for key, value in content.items() if isinstance(value, _PLAIN)}
        if not isinstance(stats, list) or not isinstance(files, dict):
            raise TypeError(f"{SIDECAR_STATS} is a list, and files is an object")  # noqa: TRY301 - one way to be unreadable
    except FileNotFoundError:
        reason = "it is not there"
    except (CubeError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = str(error)
    else:
        lost = [name for name in stats if name not in frame.columns]
        if lost:
            raise CubeError(
                f"{path} names the statistic {lost[0]!r}, which the table beside it does not have. "
                f"They are of two cubes: write both anew by to_tsv."
            )
        return {**kept, STATS_ATTR: stats, FILES_ATTR: files}
    warn(
        f"{path}, the sidecar, does not say which columns are statistics ({reason}). Those known, "
        f"and all others with fractions, are taken for them; stats=[…] names them.",
        QsiparcWarning,
    )
    return None
