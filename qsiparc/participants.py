"""Phenotypes from a participants table, as coordinates on ``subject``."""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
import pandas as pd
import xarray as xr

from qsiparc.arguments import names
from qsiparc.coords import subject_names
from qsiparc.cube import over_cubes, text
from qsiparc.errors import CubeError, QsiparcWarning, warn
from qsiparc.names import RESERVED, SUBJECT_COORDS
from qsiparc.tsv import read_cells

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

T = TypeVar("T", xr.Dataset, xr.DataTree)
Key = tuple[str, str]

_ID, _SESSION = SUBJECT_COORDS
_SEPARATORS: Final = {".tsv": "\t", ".txt": "\t", ".csv": ","}
_NO_TEXT: Final = frozenset({"", "n/a"})
_NO_NUMBER: Final = _NO_TEXT | {"na", "nan"}
_NUMBER: Final = re.compile(r"[+-]?(0|[1-9]\d*|(?=\.\d))(\.\d*)?([eE][+-]?\d+)?", re.ASCII)
"""A number as it is written; not ``007``, which is a name."""

_EXACT: Final = 2.0**53
"""Whole numbers beyond this have no float64 of their own; they are names, too."""

_SHOWN: Final = 10


def join_participants(
    cube: T,
    participants: str | os.PathLike[str] | pd.DataFrame,
    *,
    columns: Sequence[str] | None = None,
) -> T:
    """Put columns of a participants table on ``subject``, matched by id.

    Parameters
    ----------
    cube : Dataset or DataTree
        With ``subject``; of a tree, every cube.
    participants : str, Path or DataFrame
        A TSV (or CSV) with the column ``participant_id``, and ``session_id`` where a row is of one
        session; without it, a row is of all sessions. Ids may lack ``sub-`` and ``ses-``.
    columns : sequence of str, optional
        Which columns; all unless given.

    Returns
    -------
    Dataset or DataTree
        With a coordinate a column: as float64 where all its cells are numbers, NaN where there is
        none; else as text, empty where there is none (``n/a`` in the table, or no row). ``007`` is
        text. A coordinate on ``subject`` with that name is replaced.

    Raises
    ------
    CubeError
        The table has no ``participant_id``, two rows of one scan, or no row of any scan of the
        cube; a column does not exist, or has the name of something else in the cube.
    FileNotFoundError
        There is no such file.

    Warns
    -----
    QsiparcWarning
        Scans without a row, and rows without a scan; both are named.

    Examples
    --------
    >>> import pandas as pd, xarray as xr
    >>> cube = xr.Dataset(
    ...     {"value": ("subject", [0.4, 0.5])}, {"subject": ["sub-01_ses-1", "sub-02_ses-1"]}
    ... )
    >>> table = pd.DataFrame({"participant_id": ["sub-02", "01"], "age": [31, 64]})
    >>> join_participants(cube, table)["age"].values
    array([64., 31.])
    """
    table = _Table(participants)
    chosen = table.choose(columns)
    unmatched = _Unmatched(set(table.rows))

    def join(dataset: xr.Dataset) -> xr.Dataset:
        return _join(dataset, table, chosen, unmatched)

    if isinstance(cube, xr.DataTree):
        joined_tree = over_cubes(cube, join)
        unmatched.tell(table.source)
        return joined_tree
    joined = join(cube) if cube.data_vars else cube
    unmatched.tell(table.source)
    return joined


class _Table:
    """A participants table: rows by whose they are."""

    def __init__(self, participants: str | os.PathLike[str] | pd.DataFrame) -> None:
        if isinstance(participants, pd.DataFrame):
            self.source, self.frame = "The table", participants
            if self.frame.index.name == _ID and _ID not in self.frame.columns:
                self.frame = self.frame.reset_index()
            double = self.frame.columns[self.frame.columns.duplicated()].tolist()
            if double:
                raise CubeError(f"The table has two columns called {double[0]!r}: rename one.")
        elif not isinstance(participants, str | os.PathLike):
            raise TypeError(
                f"participants is the path of a table or a DataFrame, not "
                f"{type(participants).__name__}."
            )
        else:
            self.source, self.frame = str(participants), _read(Path(participants))
        if _ID not in self.frame.columns:
            found = ", ".join(map(str, self.frame.columns))
            raise CubeError(f"{self.source} has no column {_ID!r}. Its columns are: {found}.")
        self.has_sessions = _SESSION in self.frame.columns
        participant = [_plain(value, "sub-") for value in self.frame[_ID]]
        session = (
            [_plain(value, "ses-") for value in self.frame[_SESSION]]
            if self.has_sessions
            else [""] * len(participant)
        )
        keys = list(zip(participant, session, strict=True))
        self.rows: dict[Key, int] = {key: row for row, key in enumerate(keys)}
        if len(self.rows) < len(keys):
            twice = dict.fromkeys(key for row, key in enumerate(keys) if self.rows[key] != row)
            raise CubeError(
                f"{self.source} has more than one row of {_list(twice)}. One row a participant, "
                f"or, with a column {_SESSION!r}, one a session."
            )

    def choose(self, columns: Sequence[str] | None) -> dict[str, NDArray[Any]]:
        """The columns asked for, as numbers or text."""
        known = [str(name) for name in self.frame.columns if name not in SUBJECT_COORDS]
        if columns is not None:
            columns = names(columns, "columns", what="columns of the table")
        for name in columns or ():
            if name not in known:
                near = difflib.get_close_matches(name, known, 3) or known
                raise CubeError(f"{self.source} has no column {name!r}. Near: {', '.join(near)}.")
        return {name: _values(self.frame[name]) for name in (columns or known)}

    def row(self, key: Key) -> int | None:
        """The row of a scan."""
        return self.rows.get(key if self.has_sessions else (key[0], ""))


def _read(path: Path) -> pd.DataFrame:
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such table.")
    if path.suffix not in _SEPARATORS:
        raise CubeError(f"{path}: a participants table ends in {', '.join(_SEPARATORS)}.")
    cells = read_cells(path, delimiter=_SEPARATORS[path.suffix])
    return pd.DataFrame(cells.rows, columns=cells.header, dtype=str)


def _plain(value: Any, prefix: str) -> str:  # noqa: ANN401 - any cell
    """An id without its prefix; empty where there is none."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    plain = "" if pd.isna(value) else str(value).strip()
    return "" if plain.casefold() in _NO_TEXT else plain.removeprefix(prefix)


def _values(column: pd.Series[Any]) -> NDArray[Any]:
    """A column as float64 where it holds numbers, else as text."""
    if column.dtype.kind in "biuf" and not _beyond(column):
        return column.to_numpy(np.float64, na_value=np.nan)
    cells = ["" if pd.isna(value) else str(value).strip() for value in column]
    numbers = [cell for cell in cells if cell.casefold() not in _NO_NUMBER]
    if numbers and all(map(_is_number, numbers)):
        return np.array([float(cell) if _NUMBER.fullmatch(cell) else np.nan for cell in cells])
    return text(["" if cell.casefold() in _NO_TEXT else cell for cell in cells])


def _beyond(column: pd.Series[Any]) -> bool:
    """Whether whole numbers of a column have no float64 of their own."""
    return column.dtype.kind in "iu" and bool((column.abs() >= _EXACT).any())


def _is_number(cell: str) -> bool:
    return bool(_NUMBER.fullmatch(cell)) and (abs(float(cell)) < _EXACT or "e" in cell.casefold())


class _Unmatched:
    """What has no counterpart on the other side."""

    def __init__(self, rows: set[Key]) -> None:
        self._rows = rows
        self._all = set(rows)
        self._scans: dict[Key, None] = {}

    def note(self, key: Key, row: Key | None) -> None:
        if row is None:
            self._scans[key] = None
        else:
            self._rows.discard(row)

    def tell(self, source: str) -> None:
        if not self._all:
            raise CubeError(f"{source} has a header and no rows. Expected a row a participant.")
        if self._rows == self._all:
            raise CubeError(
                f"No row of {source} is of a scan of this cube. The table has "
                f"{_list(sorted(self._all))}; the cube has {_list(self._scans)}. Ids are text: "
                "read the table with dtype=str, so that 001 stays 001."
            )
        lines = [
            f"{len(found)} {what}: {_list(found)}."
            for what, found in (
                ("scans of the cube have no row", list(self._scans)),
                ("rows are of no scan of the cube", sorted(self._rows)),
            )
            if found
        ]
        if lines:
            warn(f"{source}: {' '.join(lines)}", QsiparcWarning)


def _list(keys: Iterable[Key]) -> str:
    names = [f"sub-{key[0]}" + (f"_ses-{key[1]}" if key[1] else "") for key in keys]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _join(
    dataset: xr.Dataset, table: _Table, chosen: dict[str, NDArray[Any]], unmatched: _Unmatched
) -> xr.Dataset:
    if "subject" not in dataset.coords:
        raise CubeError("This cube has no coordinate 'subject' to put phenotypes on.")
    dims = dataset["subject"].dims
    taken = [
        name
        for name in chosen
        if name in RESERVED | set(dataset.data_vars) | set(dataset.dims)
        or (name in dataset.coords and dataset[name].dims != dims)
    ]
    if taken:
        rest = [name for name in chosen if name not in taken]
        raise CubeError(
            f"{table.source}: the cube has a {', '.join(map(repr, taken))} of its own. Rename the "
            f"column, or leave it out: columns={rest}."
        )
    keys = _keys(dataset)
    rows = [table.row(key) for key in keys]
    for key, row in zip(keys, rows, strict=True):
        unmatched.note(key, None if row is None else (key if table.has_sessions else (key[0], "")))
    return dataset.assign_coords(
        {
            name: (dims, _take(values, rows).reshape([-1] * len(dims)))
            for name, values in chosen.items()
        }
    )


def _keys(dataset: xr.Dataset) -> list[Key]:
    """Participant and session of each scan, without prefixes."""
    names = [subject_names(str(label), {}) for label in np.atleast_1d(dataset["subject"].values)]
    for key in SUBJECT_COORDS:
        if key in dataset.coords:
            for name, value in zip(names, np.atleast_1d(dataset[key].values), strict=True):
                name[key] = str(value) or name[key]
    return [(_plain(name[_ID], "sub-"), _plain(name[_SESSION], "ses-")) for name in names]


def _take(values: NDArray[Any], rows: Sequence[int | None]) -> NDArray[Any]:
    if values.dtype.kind == "f":
        return np.array([np.nan if row is None else values[row] for row in rows])
    return text(["" if row is None else values[row] for row in rows])
