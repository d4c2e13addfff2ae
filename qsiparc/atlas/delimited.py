"""Tables of cells between tabs, commas and the like, with a header or without."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Final

import pandas as pd

from qsiparc.atlas.columns import LabelTable, is_header, parse_id, shown
from qsiparc.errors import LutError, LutWarning, warn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COLOURS: Final = ["red", "green", "blue", "alpha"]
INT: Final = r"\s+(\d{1,3})"
KEY: Final = r"^\s*([+-]?\d+(?:\.0*)?)"
ROW: Final = re.compile(KEY + r"\s*(?:(?P<delimiter>[,;|])|\s|$)", re.ASCII)
"""A line that starts with an id."""


def read_delimited(text: str, path: Path, *, skip: int, delimiter: str) -> LabelTable:
    """Read rows of cells, with a header or with the id and the name in front.

    Parameters
    ----------
    text : str
        The content of the file.
    path : Path
        The file, for messages.
    skip : int
        Lines before the first row.
    delimiter : str
        What stands between cells.

    Returns
    -------
    LabelTable
        The cells.

    Raises
    ------
    LutError
        Rows differ in length, a quote is not closed, or there is no header where one is needed.

    Warns
    -----
    LutWarning
        A quoted cell holds lines that look like rows.
    """
    lines = list(io.StringIO(text, newline=""))[skip:]
    if delimiter == " ":
        lines = [line.strip() + "\n" for line in lines]
    rows, places = [], []
    for place, cells in _csv_rows(lines, path, skip=skip, delimiter=delimiter):
        if "".join(cells).strip() and not cells[0].lstrip().startswith("#"):
            rows.append(cells)
            places.append(place)
    if not rows:
        raise LutError(f"{path} holds empty cells only. Expected a row for every region.")
    if '"' in text:
        _doubt_quotes(rows, places, path, delimiter)
    if is_header(rows[0]):
        header = [cell.strip() for cell in rows[0]]
        del rows[0], places[0]
    else:
        header = _implied_header(rows, path, place=places[0])
    if not rows:
        raise LutError(f"{path} has a header and no rows. Expected a row for every region.")
    return LabelTable(_table(header, rows, places, path), places, "line", str(path))


def _csv_rows(
    lines: list[str], path: Path, *, skip: int, delimiter: str
) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=delimiter == " ")
    place = skip + 1
    try:
        for cells in reader:
            yield place, cells
            place = skip + reader.line_num + 1
    except csv.Error as error:
        if "limit" in str(error) and '"' not in next(islice(lines, place - skip - 1, None), ""):
            raise LutError(
                f"{path}, line {place}: a cell has more than {csv.field_size_limit():,} "
                f"characters, which no name has. Shorten it."
            ) from error
        raise LutError(
            f"{path}, line {place}: a quoted cell that starts here is never closed, or goes on "
            f"after its quote ({error}). Double a quote that is part of a name."
        ) from error


def _doubt_quotes(rows: list[list[str]], places: list[int], path: Path, delimiter: str) -> None:
    """Warn of cells over several lines that look like rows: of two quotes that were never closed.

    As a table they are right, and every region between the two is gone.
    """
    for cells, place in zip(rows, places, strict=True):
        for cell in cells:
            if "\n" not in cell:
                continue
            swallowed = [
                line
                for line in cell.splitlines()[1:]
                if delimiter in line and parse_id(line.split(delimiter)[0]) is not None
            ]
            if swallowed:
                warn(
                    f"{path}, line {place}: a quoted cell holds {len(swallowed)} lines that look "
                    f"like rows, {shown(swallowed[0])} for one. If they are, two quotes are too "
                    f"many, or too few: close each, or double one that is part of a name.",
                    LutWarning,
                )


def _implied_header(rows: list[list[str]], path: Path, *, place: int) -> list[str]:
    first = rows[0]
    if not ROW.match(first[0]):
        raise LutError(
            f"{path}, line {place}: found {shown(first[:6])}, which is neither a header that "
            f"names an id and a name column (`index`, `name`) nor a row that starts with an id."
        )
    width = max(len(first), 2)
    colours = next((c for c in (COLOURS, COLOURS[:3]) if _is_colour(first[2:][-len(c) :], c)), [])
    names = {1: ["name"], 2: ["abbreviation", "name"]}.get(width - 1 - len(colours), [])
    if colours and names:
        return ["index", *names, *colours]
    header = ["index", "name", *(f"column_{n}" for n in range(3, width + 1))]
    if header[2:] and all(parse_id(cells[1]) is not None for cells in rows if cells[1:]):
        raise LutError(
            f"{path}: the second column holds numbers only, and there is no header that says "
            f"which column is the name. Add one, `index` and `name` at least."
        )
    return header


def _is_colour(cells: list[str], channels: list[str]) -> bool:
    return len(cells) == len(channels) and all(re.fullmatch(INT, f" {cell}") for cell in cells)


def _table(header: list[str], rows: list[list[str]], places: list[int], path: Path) -> pd.DataFrame:
    width = len(header)
    for place, cells in zip(places, rows, strict=True):
        if len(cells) != width:
            if any(cell.strip() for cell in cells[width:]) or len(cells) < width:
                raise LutError(
                    f"{path}, line {place}: {len(cells)} cells where the header has {width}. "
                    f"Found: {shown(cells[:8])}. Fill up the row, or put quotes around a cell that "
                    f"holds what stands between cells."
                )
            del cells[width:]
    table = pd.DataFrame(rows, columns=range(width), dtype=str)
    named = [n for n, heading in enumerate(header) if heading or (table[n].str.strip() != "").any()]
    headings = [header[n] or f"column_{n + 1}" for n in named]
    twice = sorted(heading for heading, n in Counter(headings).items() if n > 1)
    if twice:
        raise LutError(f"{path}: two columns are headed {twice[0]!r}. Rename one of them.")
    return table[named].set_axis(headings, axis=1)
