"""How a parcellation looks: the sizes of its regions, as text and as HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from qsiparc.markup import bar, card, fold, strip, table

if TYPE_CHECKING:
    from qsiparc.parcellation import Parcellation

_TEXT: Final = 10
"""Regions that the text shows."""

_HTML: Final = 20
"""Regions that are all listed in HTML; of more, the smallest and the largest."""

_ENDS: Final = 5


def as_text(parcellation: Parcellation) -> str:
    """The parcellation for a terminal.

    Parameters
    ----------
    parcellation : Parcellation
        The parcellation.

    Returns
    -------
    str
        A headline, and the first and last labels with their sizes.
    """
    name = f" {parcellation.atlas_name}" if parcellation.atlas_name else ""
    volume = parcellation.grid.voxel_volume
    what = f"{_regions(parcellation)}, {_voxels(parcellation)}; {parcellation.grid}"
    lines = [
        f"<Parcellation{name}: {what}>",
        f"{'label':>8}  {'voxels':>6}  {'mm³':>8}",
    ]
    rows = list(zip(parcellation.labels.tolist(), parcellation.sizes.tolist(), strict=True))
    shown = rows if len(rows) <= _TEXT else [*rows[: _TEXT // 2], None, *rows[-_TEXT // 2 :]]
    for row in shown:
        if row is None:
            lines.append(f"{'…':>8}")
        else:
            lines.append(f"{row[0]:>8}  {row[1]:>6}  {row[1] * volume:>8.1f}")
    return "\n".join(lines)


def as_html(parcellation: Parcellation) -> str:
    """The parcellation for a notebook.

    Parameters
    ----------
    parcellation : Parcellation
        The parcellation.

    Returns
    -------
    str
        One ``div``: the size of every region as a bar, and a table of some of them.
    """
    facts = [
        f"{_regions(parcellation)}, {_voxels(parcellation)}",
        str(parcellation.grid),
        *([parcellation.source] if parcellation.source else []),
    ]
    n = len(parcellation)
    if n <= _HTML:
        parts = [_sizes(parcellation, np.arange(n))] if n else []
    else:
        order = np.argsort(parcellation.sizes, kind="stable")
        label = f"voxels of each of {n} regions, by label"
        parts = [
            fold("sizes, by label", strip(parcellation.sizes.tolist(), label)),
            fold(f"the {_ENDS} smallest", _sizes(parcellation, order[:_ENDS])),
            fold(f"the {_ENDS} largest", _sizes(parcellation, order[-_ENDS:]), opened=False),
        ]
    return card("Parcellation", parcellation.atlas_name, facts, parts)


def _sizes(parcellation: Parcellation, shown: np.ndarray[tuple[int], np.dtype[np.intp]]) -> str:
    """A table of some regions; bars are as long as their share of the largest of all."""
    largest, volume = int(parcellation.sizes.max()), parcellation.grid.voxel_volume
    rows = [
        (str(label), str(size), f"{size * volume:.1f}", bar(size / largest))
        for label, size in zip(
            parcellation.labels[shown].tolist(), parcellation.sizes[shown].tolist(), strict=True
        )
    ]
    return table(("label", "voxels", "mm³", ""), rows, numbers="rrr")


def _regions(parcellation: Parcellation) -> str:
    return f"{len(parcellation)} regions"


def _voxels(parcellation: Parcellation) -> str:
    return f"{parcellation.positions.size} voxels of {parcellation.grid.voxel_volume:.4g} mm³"
