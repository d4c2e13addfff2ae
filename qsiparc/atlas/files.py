"""Label files of every format, by content and not by extension, as tables of text cells.

The way of a file: bytes → text (:func:`read_text`) → kind → :class:`LabelTable`.
"""

from __future__ import annotations

import io
import re
from itertools import islice
from typing import TYPE_CHECKING, Final

import pandas as pd

from qsiparc.atlas.columns import LabelTable, shown
from qsiparc.atlas.delimited import COLOURS, INT, KEY, ROW, read_delimited
from qsiparc.atlas.jsonfile import read_json
from qsiparc.atlas.text import read_text
from qsiparc.errors import LutError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NUMBER: Final = r"\s+([\d.]+)"

_LISTS: Final[tuple[tuple[str, str, list[str]], ...]] = (
    (
        "an ITK-SNAP label description",
        KEY + INT * 3 + _NUMBER + r'\s+([01])\s+([01])\s+"(.*)"\s*$',
        ["index", *COLOURS, "visible", "mesh_visible", "name"],
    ),
    (
        "an FSLeyes look-up table",
        KEY + r"\s+([01](?:\.\d*)?)" * 3 + r"\s+([^\s\d].*?)\s*$",
        ["index", *COLOURS[:3], "name"],
    ),
    (
        "a FreeSurfer or MRtrix table",
        KEY + r"\s+(\S.*?)" + INT * 4 + r"\s*(?:#.*)?$",
        ["index", "name", *COLOURS],
    ),
    (
        "a FreeSurfer table without opacity",
        KEY + r"\s+(\S.*?)" + INT * 3 + r"\s*(?:#.*)?$",
        ["index", "name", *COLOURS[:3]],
    ),
    ("a list of ids and names", r"^(\S+)(?:\s+(.*?))?\s*$", ["index", "name"]),
)
"""Headerless lines held together by white space: what they are, how they look, their columns."""

_WORKBENCH_KEY: Final = re.compile(KEY + _NUMBER * 4 + r"\s*$", re.ASCII)
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
    return read_delimited(text, path, skip=first[0][0] - 1, delimiter=delimiter)


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
                f"{path}, line {number}: found {shown(key)} where a Workbench label list has a "
                f"key and four colours, under the name {shown(name)}."
            )
        cells.append([name, *match.groups()])
    if len(lines) % 2:
        number, name = lines[-1]
        raise LutError(f"{path}, line {number}: no key and colours follow the name {shown(name)}.")
    table = pd.DataFrame(cells, columns=["name", "index", *COLOURS], dtype=str)
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
            f"{path}, line {number}: found {shown(line)}. By its first line the file is {kind}: "
            f"{' '.join(columns)}."
        )
    names = table["name"].fillna("")
    if "red" in table and names.str.fullmatch(r"\d{1,3}").all():
        raise LutError(
            f"{path}, line {lines[0][0]}: found {shown(lines[0][1])}, which is {kind} without "
            f"names ({' '.join(columns)}). Put a name behind each id."
        )
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
    same = ["index", "abbreviation", *COLOURS[: table.shape[1] - 3]]
    repeated = table.duplicated(same).to_numpy()
    if not repeated.any():
        return read
    synonyms = table[repeated].groupby(same)["name"].agg(", ".join).rename("synonyms")
    table = table[~repeated].join(synonyms, on=same).fillna({"synonyms": ""})
    places = [place for place, drop in zip(read.places, repeated, strict=True) if not drop]
    return LabelTable(table.reset_index(drop=True), places, read.unit, read.source)


def _delimiter(first: str) -> str | None:
    """What stands between the cells, by the first line; None for a list without a header."""
    row = ROW.match(first)
    if row and row["delimiter"] and "\t" not in first:
        return row["delimiter"]
    if row and first.count("\t") < _FULL_ROW_TABS:
        coloured = any(re.match(pattern, first) for _, pattern, _ in _LISTS[:-1])
        return "\t" if "\t" in first and not coloured else None
    if "\t" in first:
        return "\t"
    match = _DELIMITER.search(_QUOTED.sub("", first))
    return match[0] if match else " "
