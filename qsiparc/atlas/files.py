"""Label files of every format, by content and not by extension, as tables of text cells.

The way of a file: bytes → text (:func:`read_text`) → kind → :class:`LabelTable`.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Final

import pandas as pd

from qsiparc.atlas.columns import LabelTable, is_header, parse_id
from qsiparc.atlas.jsonfile import read_json
from qsiparc.atlas.text import read_text
from qsiparc.errors import LutError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_COLOURS: Final = ["red", "green", "blue", "alpha"]
_INT: Final = r"\s+(\d{1,3})"
_NUMBER: Final = r"\s+([\d.]+)"
_KEY: Final = r"^\s*([+-]?\d+(?:\.0*)?)"

_LISTS: Final[tuple[tuple[str, str, list[str]], ...]] = (
    (
        "an ITK-SNAP label description",
        _KEY + _INT * 3 + _NUMBER + r'\s+([01])\s+([01])\s+"(.*)"\s*$',
        ["index", *_COLOURS, "visible", "mesh_visible", "name"],
    ),
    (
        "an FSLeyes look-up table",
        _KEY + r"\s+([01](?:\.\d*)?)" * 3 + r"\s+([^\s\d].*?)\s*$",
        ["index", *_COLOURS[:3], "name"],
    ),
    (
        "a FreeSurfer or MRtrix table",
        _KEY + r"\s+(\S.*?)" + _INT * 4 + r"\s*(?:#.*)?$",
        ["index", "name", *_COLOURS],
    ),
    (
        "a FreeSurfer table without opacity",
        _KEY + r"\s+(\S.*?)" + _INT * 3 + r"\s*(?:#.*)?$",
        ["index", "name", *_COLOURS[:3]],
    ),
    ("a list of ids and names", r"^(\S+)(?:\s+(.*?))?\s*$", ["index", "name"]),
)
"""Headerless lines held together by white space: what they are, how they look, their columns."""

_WORKBENCH_KEY: Final = re.compile(_KEY + _NUMBER * 4 + r"\s*$", re.ASCII)
_ROW: Final = re.compile(_KEY + r"\s*(?:(?P<delimiter>[,;|])|\s|$)", re.ASCII)
_SIDES: Final = ("left", "right", "lh", "rh", "l", "r", "bilateral")
_FULL_ROW_TABS: Final = 4
"""So many tabs in a headerless line: its colours are cells of their own."""
_DELIMITER: Final = re.compile(r"[\t;,|]")
_QUOTED: Final = re.compile(r'"(?:[^"]|"")*"')


def read_label_file(path: Path) -> LabelTable:
    """Read a label file of any format.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    LabelTable
        Its cells.

    Raises
    ------
    LutError
        The file is no look-up table; the message says what it looks like.
    OSError
        The file cannot be read.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "labels.txt")
    >>> _ = path.write_text("1 Left-Caudate 122 186 220 0")
    >>> read_label_file(path).table.columns.tolist()
    ['index', 'name', 'red', 'green', 'blue', 'alpha']
    """
    text = read_text(path)
    if text.lstrip()[:1] in ("{", "["):
        return read_json(text, path)
    lines = _numbered_lines(text)
    first = list(islice(lines, 2))
    if not first:
        raise LutError(f"{path} holds comments only. Expected a line for every region.")
    if _is_workbench(first):
        return _read_workbench([*first, *lines], path)
    delimiter = _delimiter(first[0][1])
    if delimiter is None:
        return _read_list([*first, *lines], path)
    return _read_delimited(text, path, skip=first[0][0] - 1, delimiter=delimiter)


def _numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with something on them, from 1; comments are left out."""
    for number, line in enumerate(io.StringIO(text, newline=None), start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            yield number, stripped


def _is_workbench(lines: list[tuple[int, str]]) -> bool:
    return (
        len(lines) > 1
        and not _WORKBENCH_KEY.match(lines[0][1])
        and bool(_WORKBENCH_KEY.match(lines[1][1]))
        and not _DELIMITER.search(lines[1][1])
    )


def _read_workbench(lines: list[tuple[int, str]], path: Path) -> LabelTable:
    """Two lines a region: its name, then its key and four colours."""
    cells = []
    for (_, name), (number, key) in zip(lines[::2], lines[1::2], strict=False):
        match = _WORKBENCH_KEY.match(key)
        if not match:
            raise LutError(
                f"{path}, line {number}: found {key!r} where a Workbench label list has a key and "
                f"four colours, under the name {name!r}."
            )
        cells.append([name, *match.groups()])
    if len(lines) % 2:
        number, name = lines[-1]
        raise LutError(f"{path}, line {number}: no key and colours follow the name {name!r}.")
    table = pd.DataFrame(cells, columns=["name", "index", *_COLOURS], dtype=str)
    return LabelTable(table, [number for number, _ in lines[1::2]], "line", str(path))


def _read_list(lines: list[tuple[int, str]], path: Path) -> LabelTable:
    """One line a region, held together by white space, without a header."""
    text = pd.Series([line for _, line in lines])
    kind, pattern, columns = next(entry for entry in _LISTS if re.match(entry[1], lines[0][1]))
    table = text.str.extract(pattern, flags=re.ASCII).set_axis(columns, axis=1)
    failed = table["index"].isna().to_numpy().nonzero()[0]
    if failed.size:
        number, line = lines[failed[0]]
        raise LutError(
            f"{path}, line {number}: found {line!r}. By its first line the file is {kind}: "
            f"{' '.join(columns)}."
        )
    names = table["name"].fillna("")
    is_quoted = names.str.fullmatch(r'".*"').any()
    table["name"] = names.str.replace(r'^"(.*)"$', r"\1", regex=True)
    table = table if is_quoted else _split_names(table)
    places = [number for number, _ in lines]
    return _merge_synonyms(LabelTable(table, places, "line", str(path)))


def _split_names(table: pd.DataFrame) -> pd.DataFrame:
    """Take an abbreviation (MRtrix) or a number (AAL) off the names, where all have one."""
    regions = table["name"][table["index"] != "0"]
    headings = list(table.columns)
    if "red" in headings[headings.index("name") :] and _have_abbreviations(regions):
        parts = table["name"].str.extract(r"^(?:(\S+)\s+)?(\S.*)$").fillna("")
        table.insert(1, "abbreviation", parts[0])
        return table.assign(name=parts[1])
    if "red" not in table and regions.str.fullmatch(r"\S+\s+\d{4,}").all() and len(regions):
        parts = table["name"].str.extract(r"^(.*?)(?:\s+(\d+))?$").fillna("")
        return table.assign(name=parts[0], column_3=parts[1])
    return table


def _have_abbreviations(names: pd.Series[str]) -> bool:
    """Whether names are an abbreviation and a word each: one names a region, a side does not."""
    if not len(names) or not names.str.fullmatch(r"\S+\s+\S+").all():
        return False
    first = names.str.split(n=1).str[0]
    return not first.str.casefold().isin(_SIDES).any() and first.nunique() > len(first) / 2


def _merge_synonyms(read: LabelTable) -> LabelTable:
    """MRtrix lists a structure under every name it ever had: the first one is its name."""
    table = read.table
    if "abbreviation" not in table:
        return read
    same = ["index", "abbreviation", *_COLOURS[: table.shape[1] - 3]]
    repeated = table.duplicated(same).to_numpy()
    if not repeated.any():
        return read
    synonyms = table[repeated].groupby(same)["name"].agg(", ".join).rename("synonyms")
    table = table[~repeated].join(synonyms, on=same).fillna({"synonyms": ""})
    places = [place for place, drop in zip(read.places, repeated, strict=True) if not drop]
    return LabelTable(table.reset_index(drop=True), places, read.unit, read.source)


def _delimiter(first: str) -> str | None:
    """What stands between the cells, by the first line; None for a list without a header."""
    row = _ROW.match(first)
    if row and row["delimiter"] and "\t" not in first:
        return row["delimiter"]
    if row and first.count("\t") < _FULL_ROW_TABS:
        coloured = any(re.match(pattern, first) for _, pattern, _ in _LISTS[:-1])
        return "\t" if "\t" in first and not coloured else None
    if "\t" in first:
        return "\t"
    match = _DELIMITER.search(_QUOTED.sub("", first))
    return match[0] if match else " "


def _read_delimited(text: str, path: Path, *, skip: int, delimiter: str) -> LabelTable:
    """Rows of cells, with a header or with the id and the name in front."""
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
    if is_header(rows[0]):
        header = [cell.strip() for cell in rows[0]]
        del rows[0], places[0]
    else:
        header = _implied_header(rows, path, place=places[0])
    if not rows:
        raise LutError(f"{path} has a header and no rows. Expected a row for every region.")
    return LabelTable(_table(header, rows, places, path), places, "line", str(path))


def _csv_rows(
    lines: Iterable[str], path: Path, *, skip: int, delimiter: str
) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=delimiter == " ")
    place = skip + 1
    try:
        for cells in reader:
            yield place, cells
            place = skip + reader.line_num + 1
    except csv.Error as error:
        raise LutError(
            f"{path}, line {place}: a quoted cell that starts here is never closed, or goes on "
            f"after its quote ({error}). Double a quote that is part of a name."
        ) from error


def _implied_header(rows: list[list[str]], path: Path, *, place: int) -> list[str]:
    first = rows[0]
    if not _ROW.match(first[0]):
        raise LutError(
            f"{path}, line {place}: found {first[:6]!r}, which is neither a header that names an "
            f"id and a name column (`index`, `name`) nor a row that starts with an id."
        )
    width = max(len(first), 2)
    colours = next((c for c in (_COLOURS, _COLOURS[:3]) if _is_colour(first[2:][-len(c) :], c)), [])
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
    return len(cells) == len(channels) and all(re.fullmatch(_INT, f" {cell}") for cell in cells)


def _table(header: list[str], rows: list[list[str]], places: list[int], path: Path) -> pd.DataFrame:
    width = len(header)
    for place, cells in zip(places, rows, strict=True):
        if len(cells) != width:
            if any(cell.strip() for cell in cells[width:]) or len(cells) < width:
                raise LutError(
                    f"{path}, line {place}: {len(cells)} cells where the header has {width}. "
                    f"Found: {cells[:8]!r}."
                )
            del cells[width:]
    table = pd.DataFrame(rows, columns=range(width), dtype=str)
    named = [n for n, heading in enumerate(header) if heading or (table[n].str.strip() != "").any()]
    headings = [header[n] or f"column_{n + 1}" for n in named]
    twice = sorted(heading for heading, n in Counter(headings).items() if n > 1)
    if twice:
        raise LutError(f"{path}: two columns are headed {twice[0]!r}. Rename one of them.")
    return table[named].set_axis(headings, axis=1)
