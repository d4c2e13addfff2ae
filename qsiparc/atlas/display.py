"""How a look-up table looks, as text and as HTML."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from qsiparc.markup import card, fold, table

if TYPE_CHECKING:
    from qsiparc.atlas.table import AtlasLUT

_TEXT: Final = 5
_HTML: Final = 10
"""Regions that are listed before the rest is counted."""


def as_text(lut: AtlasLUT) -> str:
    """The table for a terminal.

    Parameters
    ----------
    lut : AtlasLUT
        The table.

    Returns
    -------
    str
        How many regions there are, the first few, and what is known beside their names.
    """
    rows = [(str(r.index), r.name, r.hemisphere) for r in lut.regions[:_TEXT]]
    widths = [max((len(row[n]) for row in rows), default=0) for n in range(2)]
    name = f"AtlasLUT {lut.atlas_name!r}" if lut.atlas_name else "AtlasLUT"
    lines = [f"<{name} of {_counts(lut)}>"]
    lines += [f"  {i:>{widths[0]}}  {name:<{widths[1]}}  {side}" for i, name, side in rows]
    if len(lut) > _TEXT:
        lines.append(f"  ... and {len(lut) - _TEXT} more")
    if lut.extra_columns:
        lines.append(f"  further columns: {', '.join(lut.extra_columns)}")
    return "\n".join(lines)


def as_html(lut: AtlasLUT) -> str:
    """The table for a notebook.

    Parameters
    ----------
    lut : AtlasLUT
        The table.

    Returns
    -------
    str
        One ``div``, everything escaped.
    """
    shown = lut.to_dataframe().head(_HTML).astype(str)
    body = table([str(heading) for heading in shown], shown.to_numpy().tolist(), numbers="r")
    first = f"the first {_HTML}" if len(lut) > _HTML else "regions"
    parts = [fold(first, body)] if len(lut) else []
    facts = [_counts(lut), *([lut.source] if lut.source else [])]
    return card("AtlasLUT", lut.atlas_name, facts, parts)


def _counts(lut: AtlasLUT) -> str:
    sides = Counter(region.hemisphere for region in lut)
    counts = ", ".join(f"{n} {side}" for side, n in sorted(sides.items()))
    regions = "region" if len(lut) == 1 else "regions"
    return f"{len(lut)} {regions}" + (f": {counts}" if counts else "")
