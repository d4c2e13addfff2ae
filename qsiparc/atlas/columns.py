"""Which column of a label table is the id, which the name, and what their cells may hold."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from qsiparc.atlas.hemisphere import hemisphere_of_cell, infer_hemisphere
from qsiparc.errors import LutError, LutWarning, warn

if TYPE_CHECKING:
    import pandas as pd

    from qsiparc.names import Hemisphere

ID_COLUMNS: Final = (
    "region_index", "index", "region_id", "label_id", "id", "label_index", "label_number",
    "region_number", "roi_id", "roi_index", "roi_number", "parcel_id", "parcel_index",
    "structure_id", "idx", "value", "label_value", "key", "no", "number",
)  # fmt: skip
"""Headings of the id column, first come first served; case and punctuation do not count."""

NAME_COLUMNS: Final = (
    "region_name", "name", "label_name", "roi_name", "parcel_name", "structure_name", "label",
    "region", "structure", "roi", "parcel", "full_name",
)  # fmt: skip
"""Headings of the name column. One that holds whole numbers beside another one is the id column,
where there is none by its heading."""

HEMISPHERE_COLUMNS: Final = ("hemisphere", "hemi", "hem", "side", "laterality")
"""Headings of a column that may say which side a region is on."""

LABELS: Final = range(-(2**63), 2**63)
"""The numbers that fit into 64 bits, as the labels of an image do."""

_RIVAL_IDS: Final = ("region_index", "index", "region_id", "label_id", "id", "label")
_ID: Final = re.compile(r"\s*([+-]?\d{1,999})(?:\.0*)?\s*", re.ASCII)
_NO_TEXT: Final = re.compile("[\0\ud800-\udfff]")
_SHOWN: Final = 120


@dataclass(frozen=True)
class LabelTable:
    """A label file taken apart into text cells, before anyone asked what they mean.

    Parameters
    ----------
    table : pd.DataFrame, shape (n_rows, n_columns)
        Cells as they stand in the file, under the headings of the file.
    places : list of int
        Where each row stands.
    unit : str
        What a place is: ``"line"``, ``"entry"`` or ``"row"``.
    source : str
        The file, as messages call it.
    inexact : frozenset of str, optional
        Headings of columns whose numbers cannot be told apart from their neighbours.
    """

    table: pd.DataFrame
    places: list[int]
    unit: str
    source: str
    inexact: frozenset[str] = frozenset()

    def where(self, row: int) -> str:
        """The place of a row, for a message."""
        return f"{self.source}, {self.unit} {self.places[row]}"


def plain(heading: str) -> str:
    """A heading without case, spaces and punctuation."""
    return re.sub(r"[\W_]+", "", heading).casefold()


_IDS: Final = tuple(plain(c) for c in ID_COLUMNS)
_NAMES: Final = tuple(plain(c) for c in NAME_COLUMNS)


def is_header(cells: list[str]) -> bool:
    """Whether cells are headings that name an id or a name column, and not a region."""
    known = {plain(cell) for cell in cells}
    return parse_id(cells[0]) is None and not known.isdisjoint((*_IDS, *_NAMES))


def parse_id(cell: str) -> int | None:
    """The whole number a cell holds (``7``, ``7.0``, ``007``), or None."""
    match = _ID.fullmatch(cell)
    return int(match[1]) if match else None


def shown(cell: object) -> str:
    """A cell in a message, not more of it than says what it is."""
    text = repr(cell)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text):,} characters)"


def is_id_heading(heading: object) -> bool:
    """Whether a heading is one of those of an id column."""
    return isinstance(heading, str) and plain(heading) in _IDS


def is_text(name: str) -> bool:
    """Whether a name can be stored everywhere: whole characters, and none that ends a text."""
    return _NO_TEXT.search(name) is None


@dataclass(frozen=True)
class LabelColumns:
    """The columns of a label table by what they mean.

    Parameters
    ----------
    ids : list of int, shape (n_regions,)
        Without the background.
    names : list of str, shape (n_regions,)
        Without surrounding white space.
    hemispheres : list of {"L", "R", "bilateral"}, shape (n_regions,)
        From a hemisphere column where it names a side, otherwise from the region's name.
    extra : pd.DataFrame, shape (n_regions, n_extra)
        Every other column, verbatim; a hemisphere column too unless its heading is ``hemisphere``.
    """

    ids: list[int]
    names: list[str]
    hemispheres: list[Hemisphere]
    extra: pd.DataFrame


def interpret(read: LabelTable, *, background: int | None) -> LabelColumns:
    """Find out which columns of a label table mean what, and check their cells.

    Parameters
    ----------
    read : LabelTable
        As the file has it.
    background : int or None
        The id that is no region; its rows are dropped. None keeps every row.

    Returns
    -------
    LabelColumns
        Checked.

    Raises
    ------
    LutError
        There is no id or no name column, a cell of them cannot be one, or an id comes twice.
    """
    table = read.table
    id_column, name_column = _find_columns(read)
    if id_column in read.inexact:
        raise LutError(
            f"{read.source}: the ids under {id_column!r} are floats, and some so large that floats "
            f"cannot tell them from their neighbours. Make the column of integers."
        )
    ids = _parse_ids(read, table[id_column].tolist())
    kept = [row for row, region in enumerate(ids) if region != background]
    names = _check_names(read, table[name_column].tolist(), kept)
    hemi_column = _first(table, HEMISPHERE_COLUMNS)
    cells = table[hemi_column].tolist() if hemi_column is not None else None
    used = {id_column, name_column, "hemisphere"}
    extra = table[[h for h in table.columns if h not in used]].iloc[kept].reset_index(drop=True)
    _refuse_duplicates(read, ids, names, kept)
    return LabelColumns(
        ids=[ids[row] for row in kept],
        names=names,
        hemispheres=_hemispheres(read, names, cells, kept),
        extra=extra,
    )


def _first(table: pd.DataFrame, wanted: tuple[str, ...]) -> str | None:
    """The first heading of a table that is wanted; an exact one before a similar one."""
    headings: list[str] = list(table.columns)
    similar = {plain(heading): heading for heading in reversed(headings)}
    for name in wanted:
        if name in headings:
            return name
        if plain(name) in similar:
            return similar[plain(name)]
    return None


def _find_columns(read: LabelTable) -> tuple[str, str]:
    table = read.table
    id_column = _first(table, ID_COLUMNS)
    if id_column is None:
        labels = [h for h in table.columns if plain(h) in _NAMES]
        numeric = [h for h in labels if _holds_ids(table[h])]
        if numeric and len(labels) > 1:
            id_column = max(numeric, key=lambda heading: _NAMES.index(plain(heading)))
    if id_column is None:
        raise LutError(_missing(read, "an id column", ID_COLUMNS))
    name_column = _first(table.drop(columns=id_column), NAME_COLUMNS)
    if name_column is None:
        raise LutError(_missing(read, "a name column", NAME_COLUMNS))
    _warn_of_rivals(read, id_column, name_column)
    return id_column, name_column


def _missing(read: LabelTable, what: str, wanted: tuple[str, ...]) -> str:
    found = ", ".join(repr(h) for h in read.table.columns) or "none"
    return (
        f"{read.source} has no heading that names {what}. Found: {found}. Expected one of: "
        f"{', '.join(wanted)}. Rename the column that holds it."
    )


def _holds_ids(column: pd.Series[str]) -> bool:
    return all(parse_id(cell) is not None for cell in column)


def _warn_of_rivals(read: LabelTable, id_column: str, name_column: str) -> None:
    """Two columns of different whole numbers, either of which could be the ids: say so."""
    table = read.table
    rivals = [plain(r) for r in _RIVAL_IDS]
    if plain(id_column) not in rivals:
        return
    for heading in table.columns:
        if heading in (id_column, name_column) or plain(heading) not in rivals:
            continue
        other = [parse_id(cell) for cell in table[heading]]
        if None not in other and other != [parse_id(cell) for cell in table[id_column]]:
            warn(
                f"{read.source}: both {id_column!r} and {heading!r} hold whole numbers, and they "
                f"differ. {id_column!r} is taken for the ids of the label image. If that is "
                f"wrong, rename it.",
                LutWarning,
            )


def _parse_ids(read: LabelTable, cells: list[str]) -> list[int]:
    ids: list[int] = []
    for row, cell in enumerate(cells):
        found = parse_id(cell)
        if found is None:
            problem = f"the id is {shown(cell)}, not a whole number" if cell.strip() else "no id"
            raise LutError(f"{read.where(row)}: {problem}. Every region needs an integer id.")
        if found not in LABELS:
            raise LutError(
                f"{read.where(row)}: the id {shown(cell)} does not fit into 64 bits, as the labels "
                f"of an image do. Correct it."
            )
        ids.append(found)
    return ids


def _check_names(read: LabelTable, cells: list[str], kept: list[int]) -> list[str]:
    names = [cells[row].strip() for row in kept]
    if "" in names:
        row = kept[names.index("")]
        raise LutError(
            f"{read.where(row)}: the region has no name. Give it one: results are labelled by it."
        )
    return names


def _refuse_duplicates(read: LabelTable, ids: list[int], names: list[str], kept: list[int]) -> None:
    if len(ids) - len(kept) > 1:
        warn(
            f"{read.source}: {len(ids) - len(kept)} rows are of the background "
            f"{next(iter(set(ids).difference(ids[row] for row in kept)))}, which is no region; all "
            f"are left out. If they are regions, number them.",
            LutWarning,
        )
    if len({ids[row] for row in kept}) == len(kept):
        return
    seen: dict[int, int] = {}
    for at, row in enumerate(kept):
        first = seen.setdefault(ids[row], at)
        if first != at:
            raise LutError(
                f"{read.where(row)}: the id {ids[row]} comes twice, for {names[first]!r} "
                f"({read.unit} {read.places[kept[first]]}) and for {names[at]!r}. An id names one "
                f"region. A table that merges regions on purpose is no look-up table of the "
                f"merged image; give the one made for that image."
            )


def _hemispheres(
    read: LabelTable, names: list[str], cells: list[str] | None, kept: list[int]
) -> list[Hemisphere]:
    if cells is None:
        return [infer_hemisphere(name) for name in names]
    said = [hemisphere_of_cell(cells[row]) for row in kept]
    strange = {
        cells[row]
        for row, side in zip(kept, said, strict=True)
        if side is None and cells[row].strip().lower() not in ("", "n/a", "na", "nan", "-")
    }
    if strange:
        warn(
            f"{read.source}: the hemisphere column holds {sorted(strange)[:5]}, which name no "
            f"side. Expected L, R or bilateral. For these regions the name decides.",
            LutWarning,
        )
    return [side or infer_hemisphere(name) for side, name in zip(said, names, strict=True)]
