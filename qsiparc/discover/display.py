"""How a QSIRecon tree looks, as text and as HTML."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

from qsiparc.markup import card, fold, table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qsiparc.discover.dataset import QsiReconDataset

_SHOWN: Final = 8
"""Subjects and reasons that are listed before the rest is counted."""

_LISTED: Final = 60
"""Scalars that are listed before the rest is counted."""

Section = tuple[str, list[tuple[str, ...]]]
"""A heading, and rows of cells below it."""


def as_text(dataset: QsiReconDataset) -> str:
    """The dataset for a terminal.

    Parameters
    ----------
    dataset : QsiReconDataset
        The dataset.

    Returns
    -------
    str
        Plain ASCII, but for what names hold.
    """
    lines = [f"<QsiReconDataset {str(dataset.root)!r}>"]
    for heading, rows in _sections(dataset):
        lines.append(f"  {heading}")
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
            lines.append(f"    {'  '.join(cells)}".rstrip())
    return "\n".join(lines)


def as_html(dataset: QsiReconDataset) -> str:
    """The dataset for a notebook.

    Parameters
    ----------
    dataset : QsiReconDataset
        The dataset.

    Returns
    -------
    str
        One ``div``, everything escaped.
    """
    parts = [
        fold(heading, table((), rows)) if rows else table((), [(heading,)])
        for heading, rows in _sections(dataset)
    ]
    return card("QsiReconDataset", str(dataset.root), (), parts)


def _sections(dataset: QsiReconDataset) -> list[Section]:
    table = dataset.to_dataframe()
    maps, dsegs = (
        [one for one in found if one.candidate] for found in (dataset.map_rows, dataset.dseg_rows)
    )
    n_scalars = Counter(dataset.ids[one.scalar] for one in maps if one.scalar)
    n_dsegs = Counter(one.atlas for one in dsegs)
    counts = dataset.region_counts()
    atlases: list[tuple[str, ...]] = [
        (name, _regions(counts[name]), _number(n_dsegs[name], "dseg")) for name in sorted(n_dsegs)
    ]
    scalars = [(name, _number(n_scalars[name], "map")) for name in sorted(n_scalars)]
    n_maps = sum(n_scalars.values())
    space = "template space" if dataset.template else "native space"
    return [
        _people(dataset),
        (f"{_number(len(atlases), 'atlas', 'atlases')}, {_number(len(dsegs), 'dseg')}", atlases),
        (
            f"{_number(len(scalars), 'scalar')}, {_number(n_maps, 'map')} in {space}",
            _short(scalars, _LISTED),
        ),
        (f"{_number(dataset.n_pairs, 'pair')} of a map and a dseg", []),
        *_left_out(dataset, zip(table["kind"], table["used"], table["reason"], strict=True)),
    ]


def _people(dataset: QsiReconDataset) -> Section:
    sessions: defaultdict[str, list[str]] = defaultdict(list)
    for subject, session in dataset.scans:
        sessions[f"sub-{subject}"] += [f"ses-{session}"] if session else []
    counts = [len(labels) for labels in sessions.values()]
    heading = _number(len(sessions), "subject")
    if any(counts):
        alike = len(set(counts)) == 1
        n_sessions = counts[0] if alike else sum(counts)
        heading += f"{' ×' if alike else ','} {_number(n_sessions, 'session')}"
    rows = [(name, " ".join(labels)) for name, labels in sessions.items()]
    return heading, _short(rows, _SHOWN)


def _left_out(dataset: QsiReconDataset, rows: Iterable[tuple[str, bool, str]]) -> list[Section]:
    reasons = Counter(
        (_number(2, kind)[2:], reason.split(": ")[0]) for kind, used, reason in rows if not used
    )
    sections: list[Section] = []
    if reasons:
        listed: list[tuple[str, ...]] = [
            (str(n), kind, reason) for (kind, reason), n in reasons.most_common()
        ]
        sections.append(
            ("left out (reasons in full: .to_dataframe(), --table)", _short(listed, _SHOWN))
        )
    if dataset.ignored:
        passed: list[tuple[str, ...]] = [
            (str(n), reason) for reason, n in sorted(dataset.ignored.items())
        ]
        sections.append(("passed over", passed))
    if dataset.unreadable:
        unread = _short(sorted(dataset.unreadable), _SHOWN)
        sections.append((f"{_number(len(dataset.unreadable), 'folder')} could not be read", unread))
    return sections


def _short(rows: Iterable[tuple[str, ...]], limit: int) -> list[tuple[str, ...]]:
    rows = list(rows)
    if len(rows) <= limit:
        return rows
    blank = ("",) * (len(rows[0]) - 1)
    return [*rows[:limit], (f"... and {len(rows) - limit} more", *blank)]


def _regions(count: int | None) -> str:
    return "regions unknown" if count is None else _number(count, "region")


def _number(count: int, noun: str, plural: str = "") -> str:
    return f"{count} {noun if count == 1 else plural or noun + 's'}"
