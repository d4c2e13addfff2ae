"""Rows of a text table as they stand in its file: never one that is cut off, moved or made up."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from qsiparc.errors import CubeError
from qsiparc.regular import open_regular

if TYPE_CHECKING:
    from pathlib import Path

_NUMBER: Final = re.compile(
    r"\s*[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf(inity)?|nan)\s*", re.ASCII | re.IGNORECASE
)


class Cells(NamedTuple):
    """A table as text.

    Parameters
    ----------
    header : list of str
        Headings, no two alike.
    rows : list of list of str
        As many cells as headings each.
    lines : list of int
        Where each row ends in the file.
    """

    header: list[str]
    rows: list[list[str]]
    lines: list[int]


def read_cells(path: Path, *, delimiter: str = "\t") -> Cells:
    """Read a text table with a header.

    Parameters
    ----------
    path : Path
        In UTF-8; with any line ends, and quotes where a cell needs them.
    delimiter : str, optional
        What stands between cells.

    Returns
    -------
    Cells
        Empty lines are left out.

    Raises
    ------
    CubeError
        It is empty or no table, a row has too few or too many cells, a quote is not closed, two
        columns have one name, or there is a NUL. The message names the file and the line.
    FileNotFoundError
        There is no such file.
    """
    header: list[str] = []
    rows: list[list[str]] = []
    lines: list[int] = []
    with open_regular(path, CubeError) as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        reader = csv.reader(text, delimiter=delimiter, strict=True)
        try:
            for cells in reader:
                if not any(cells):
                    continue
                if header:
                    _check(cells, header, f"{path}, line {reader.line_num}")
                    rows.append(cells)
                    lines.append(reader.line_num)
                else:
                    header = cells
        except csv.Error as error:
            raise CubeError(
                f"{path}, line {reader.line_num}: this is no row of a table: {error}. Close each "
                f"quote; double one that is part of a cell."
            ) from error
        except UnicodeDecodeError as error:
            raise CubeError(f"{path} is not in UTF-8. Save it again as UTF-8.") from error
    if not header:
        raise CubeError(f"{path} is empty. Expected a table with a header.")
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise CubeError(f"{path} has two columns of one name, {twice!r}. Rename one of them.")
    return Cells(header, rows, lines)


def _check(cells: list[str], header: list[str], where: str) -> None:
    if len(cells) != len(header):
        raise CubeError(
            f"{where}: {len(cells)} cells under {len(header)} headings. If the file is cut off, "
            f"copy it again; else fill up the row."
        )
    if "\0" in "".join(cells):
        raise CubeError(f"{where}: there is a zero byte, which no text holds. Save it as UTF-8.")


def is_number(cell: str) -> bool:
    """Whether a cell is a number as files have them: not ``1_0``, nor digits of other scripts.

    Examples
    --------
    >>> [is_number(cell) for cell in ("1e-3", " .5", "nan", "1_0", "0,5", "٣")]
    [True, True, True, False, False, False]
    """
    return _NUMBER.fullmatch(cell) is not None
