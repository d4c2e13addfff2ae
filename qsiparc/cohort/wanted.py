"""Which pairs of a map and a label image a build works on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from qsiparc.cohort.parts import part_path, stored_attrs
from qsiparc.errors import QsiparcWarning, warn

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pandas as pd

    from qsiparc.discover import QsiReconDataset

    Names = str | Iterable[str] | None

SHOWN: Final = 5
"""Scans that a warning names."""


class Wanted(NamedTuple):
    """What `choose` takes.

    Parameters
    ----------
    scans : QsiReconDataset
        The scans that were asked for.
    pairs : pd.DataFrame
        As `QsiReconDataset.pairs` gives them.
    masks : pd.DataFrame
        The same of maps that are left out, for they are masks.
    """

    scans: QsiReconDataset
    pairs: pd.DataFrame
    masks: pd.DataFrame


def choose(
    dataset: QsiReconDataset,
    out: Path,
    *,
    subject: Names = None,
    session: Names = None,
    atlas: Names = None,
    scalar: Names = None,
) -> Wanted:
    """The pairs that were asked for, now or before.

    Parameters
    ----------
    dataset : QsiReconDataset
        The tree.
    out : Path
        Output folder. What a scan's part was asked for before stays in it, as long as the tree
        holds it: to ask for one atlas more, or for one alone, costs nothing that is there.
    subject, session, atlas, scalar : str or iterable of str, optional
        As ``QsiReconDataset.sel`` takes them. A map whose parameter ends in ``mask`` is no
        measure, and must be named.

    Returns
    -------
    Wanted

    Raises
    ------
    SelectionError
        As in ``sel``.

    Warns
    -----
    QsiparcWarning
        A part cannot be read, so that nobody knows what it was asked for.
    """
    scans = dataset.sel(subject=subject, session=session)
    pairs = scans.pairs()
    asked = dataset.sel(subject=subject, session=session, atlas=atlas, scalar=scalar).pairs()
    if scalar is None:
        asked = asked[~_is_mask(asked)]
    if len(asked) == len(pairs):
        return Wanted(scans, pairs, pairs[:0])
    names = _names(asked)
    unread = []
    for scan, own in names.items():
        stored = stored_attrs(out, scan)
        own.update((stored or {}).get("asked", "").split())
        if stored is None and part_path(out, scan).exists():
            unread.append(scan)
    if unread:
        _tell_of(unread)
    kept = [
        {atlas, scalar} <= names.get(str(scan), set())
        for scan, atlas, scalar in zip(
            *(pairs[k] for k in ("scan", "atlas", "scalar")), strict=True
        )
    ]
    masks = pairs[_is_mask(pairs) & ~np.array(kept, bool)]
    if scalar is not None:  # who names scalars knows what is not among them
        masks = masks[:0]
    return Wanted(scans, pairs[kept], masks.drop_duplicates("map_path"))


def _is_mask(pairs: pd.DataFrame) -> pd.Series[bool]:
    return pairs["param"].str.casefold().str.endswith("mask")


def _names(pairs: pd.DataFrame) -> dict[str, set[str]]:
    """Names of atlases and scalars, by scan."""
    found: dict[str, set[str]] = {}
    row: Any
    for row in pairs.itertuples(index=False):
        found.setdefault(row.scan, set()).update((row.atlas, row.scalar))
    return found


def _tell_of(unread: list[str]) -> None:
    shown = ", ".join(unread[:SHOWN]) + (", …" if len(unread) > SHOWN else "")
    warn(
        f"The parts of {len(unread)} scans ({shown}) cannot be read, or are of an older format. "
        f"They are made anew, of what is asked for now and of nothing else; a build that selects "
        f"nothing makes them whole.",
        QsiparcWarning,
    )
