"""JSON look-up tables: id → name, id → fields, or a list of regions; and what is none of them."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from qsiparc.atlas.columns import LabelTable, is_header, is_text, parse_id
from qsiparc.errors import LutError

if TYPE_CHECKING:
    from pathlib import Path

_EXPECTED: Final = (
    'Expected {"1": "name", ...}, or a list of regions [{"index": 1, "name": ...}, ...]'
)


def read_json(text: str, path: Path) -> LabelTable:
    """Read a JSON look-up table.

    Parameters
    ----------
    text : str
        The content of the file.
    path : Path
        The file, for messages.

    Returns
    -------
    LabelTable
        One row an entry; a value that is no text is written as JSON.

    Raises
    ------
    LutError
        The text is no JSON, a key comes twice, or the content is no look-up table.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            (twice, _), *_ = Counter(key for key, _ in pairs).most_common(1)
            raise LutError(f"{path}: the key {twice!r} comes twice. An id names one region.")
        return found

    try:
        content = json.loads(text, object_pairs_hook=unique, parse_constant=_constant)
    except LutError:
        raise
    except (ValueError, RecursionError) as error:
        raise LutError(f"{path} starts like JSON and is none: {error}.") from error
    regions = _regions(content, path)
    if not regions:
        raise LutError(f"{path} holds no region. {_EXPECTED}.")
    return _table(regions, path)


def _constant(name: str) -> str | None:
    """A number that JSON does not have, as text; Python and pandas write what is missing as NaN."""
    return None if name == "NaN" else name


def _regions(content: Any, path: Path) -> list[dict[str, Any]]:  # noqa: ANN401 - any JSON
    """The regions of the file, as one dictionary each."""
    if isinstance(content, list):
        if all(isinstance(region, dict) and is_header(["", *region]) for region in content):
            return content
        raise LutError(
            f"{path} is a JSON list of {_kind(content[0])}s, so that no id is beside its name. "
            f"{_EXPECTED}."
        )
    regions = []
    for key, value in content.items():
        if parse_id(key) is None:
            raise LutError(_explain(content, path))
        if isinstance(value, dict):
            regions.append({"region_index": key, **value})
        elif isinstance(value, list | bool):
            raise LutError(_explain(content, path))
        else:
            regions.append({"region_index": key, "name": value})
    return regions


def _kind(value: Any) -> str:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return "object without `index` and `name`"
    return "list" if isinstance(value, list) else "name"


def _explain(content: dict[str, Any], path: Path) -> str:
    """What a JSON object is that is no look-up table, and what to give instead."""
    values = list(content.values())
    if all(isinstance(value, list) for value in values):
        what = "groups of regions, each a name with a list of ids or parts"
        instead = "Give the table that names each id."
    elif len(set(map(str, values))) == len(values) and all(type(v) is int for v in values):
        what = "a name → id mapping, the wrong way round"
        instead = f"{_EXPECTED}."
    else:
        table = path.with_suffix(".tsv")
        beside = "" if table.exists() else " if there is one"
        what = "the BIDS sidecar of an atlas or an image: facts about it, not its labels"
        instead = f"The look-up table is the TSV file beside it{beside}, {table.name}."
    keys = ", ".join(list(content)[:4])
    return f"{path} is no look-up table. It looks like {what} (its keys: {keys}). {instead}"


def _table(regions: list[dict[str, Any]], path: Path) -> LabelTable:
    headings = list(dict.fromkeys(key for region in regions for key in region))
    cells = [[_text(region.get(heading)) for heading in headings] for region in regions]
    for place, (region, row) in enumerate(zip(regions, cells, strict=True), start=1):
        if not all(map(is_text, [*region, *row])):
            raise LutError(
                f"{path}, entry {place}: found {row[:4]!r}, with half a character or a NUL in it, "
                f"which cannot be stored as text."
            )
    table = pd.DataFrame(cells, columns=headings, dtype=str)
    return LabelTable(table, list(range(1, len(regions) + 1)), "entry", str(path))


def _text(value: Any) -> str:  # noqa: ANN401 - any JSON
    if value is None:
        return ""
    return str(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
