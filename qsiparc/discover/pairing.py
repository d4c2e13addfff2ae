"""Which map goes with which label image."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from qsiparc.discover.identity import disagreement, space_distance

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from qsiparc.discover.found import Found

SECOND_FILE: Final = "a second file of the same name"
"""Begin of the reason why a file is left out that is there twice."""

_SHOWN: Final = 3

Scan = tuple[tuple[tuple[str, str], ...], str]
"""An acquisition and a space: maps that share both have the same dsegs."""


class Group(NamedTuple):
    """Maps of one scan in one space, and the label images that each of them goes with."""

    maps: list[Found]
    dsegs: list[Found]


def pair(found: Iterable[Found], *, template: bool = False) -> list[Group]:
    """Pair maps with label images, and note on every one why it is left out.

    A map and a dseg agree when every entity of the acquisition that both carry has one value,
    and when their spaces agree. Of several dsegs of one atlas that agree, the nearest is taken:
    the same space before one that is not named, that before the other name of the space
    (T1w and ACPC), and then the one whose name says least beyond the map's.

    Parameters
    ----------
    found : iterable of Found
        Whatever was recognised; ``candidate``, ``used`` and ``reason`` of maps and dsegs are set.
    template : bool
        Pair in the space of templates instead of in that of each person.

    Returns
    -------
    list of Group
        Every map of a group makes a pair with every dseg of it.
    """
    scans: defaultdict[str, defaultdict[Scan, list[Found]]] = defaultdict(lambda: defaultdict(list))
    dsegs: defaultdict[str, list[Found]] = defaultdict(list)
    for one in _eligible(found, template=template):
        if one.kind == "map":
            scans[one.of("sub")][one.acquisition, one.space].append(one)
        else:
            dsegs[one.of("sub")].append(one)
    groups: list[Group] = []
    for subject, of_subject in scans.items():
        candidates = dsegs[subject] + dsegs[""] if subject else dsegs[""]
        for maps in of_subject.values():
            chosen = _choose(maps[0], candidates)
            if chosen:
                groups.append(Group(maps, chosen))
            _mark(maps, chosen, candidates)
    _mark_idle(dsegs, scans)
    return groups


def _eligible(found: Iterable[Found], *, template: bool) -> Iterator[Found]:
    first: dict[object, Found] = {}
    for one in found:
        one.used, one.candidate, one.reason = False, False, one.obstacle
        if one.kind == "lut" or one.obstacle:
            continue
        if one.template != template:
            one.reason = _wrong_space(one, template=template)
            continue
        what = (one.scalar, one.atlas, one.variant)
        other = first.setdefault((one.kind, one.acquisition, one.space, what), one)
        if other is one:
            one.candidate = True
            yield one
        else:
            one.reason = f"{SECOND_FILE}: {other.path} was taken"


def _wrong_space(one: Found, *, template: bool) -> str:
    if template:
        return "in the space of the person; templates were asked for"
    return f"in template space ({one.space}); ask with template=True, --template"


def _choose(one: Found, candidates: list[Found]) -> list[Found]:
    """The nearest dseg of every atlas."""
    ranked: defaultdict[str, list[tuple[tuple[int, int, int], Found]]] = defaultdict(list)
    for dseg in candidates:
        distance = _distance(one, dseg)
        if distance is not None:
            ranked[dseg.atlas].append((distance, dseg))
    chosen: list[Found] = []
    for of_atlas in ranked.values():
        best = min(distance for distance, _ in of_atlas)
        nearest = [dseg for distance, dseg in of_atlas if distance == best]
        if len(nearest) == 1:
            chosen += nearest
    return chosen


def _distance(one: Found, dseg: Found) -> tuple[int, int, int] | None:
    space = space_distance(one.space, dseg.space)
    if space is None or disagreement(one.acquisition, dseg.acquisition):
        return None
    unshared = {key for key, _ in one.acquisition} ^ {key for key, _ in dseg.acquisition}
    return space, len(unshared), len(dseg.variant)


def _mark(maps: list[Found], chosen: list[Found], candidates: list[Found]) -> None:
    for one in (*maps, *chosen):
        one.used = True
        one.reason = ""
    if not chosen:
        reason = _why_none(maps[0], candidates)
        for one in maps:
            one.used = False
            one.reason = reason


def _mark_idle(
    dsegs: defaultdict[str, list[Found]], scans: defaultdict[str, defaultdict[Scan, list[Found]]]
) -> None:
    everything = [maps[0] for of_subject in scans.values() for maps in of_subject.values()]
    for subject, idle in dsegs.items():
        maps = [maps[0] for maps in scans.get(subject, {}).values()] if subject else everything
        for dseg in idle:
            if not dseg.used:
                dseg.reason = _why_none(dseg, maps)


def _why_none(one: Found, others: list[Found]) -> str:
    what = "dseg" if one.kind == "map" else "map"
    whose = f"sub-{one.of('sub')}" if one.of("sub") else "any subject"
    if not others:
        return f"no {what} of {whose}"
    reasons = {_why_not(one, other) for other in others}
    if "" in reasons:
        return _undecided(one, others)
    return f"no {what} agrees: {'; '.join(sorted(reasons)[:_SHOWN])}"


def _why_not(one: Found, other: Found) -> str:
    """What keeps two files apart; empty when nothing does."""
    conflict = disagreement(one.acquisition, other.acquisition)
    if conflict:
        key, mine, theirs = conflict
        return f"{key}-{mine} here, {key}-{theirs} there"
    if space_distance(one.space, other.space) is None:
        return f"space-{one.space or 'none'} here, space-{other.space or 'none'} there"
    return ""


def _undecided(one: Found, others: list[Found]) -> str:
    if one.kind == "dseg":
        return "a dseg of the same atlas was nearer to every map, or as near"
    fitting = sorted(other.name for other in others if not _why_not(one, other))
    return "several dsegs of one atlas fit equally well: " + ", ".join(fitting[:_SHOWN])


def with_one_grid(
    pairs: Iterable[tuple[Found, Found]],
) -> tuple[list[tuple[Found, Found]], list[tuple[str, str, str]]]:
    """The pairs whose voxels coincide, by their headers.

    Parameters
    ----------
    pairs : iterable of (Found, Found)
        A map and a dseg each.

    Returns
    -------
    (list of (Found, Found), list of (str, str, str))
        The pairs that remain; path of the map, path of the dseg and the reason of the others.
    """
    from qsiparc.discover.grids import Grid, mismatch

    grid_of = cache(Grid.of)
    agree: list[tuple[Found, Found]] = []
    differ: list[tuple[str, str, str]] = []
    for one, dseg in pairs:
        try:
            reason = mismatch(grid_of(one.path), grid_of(dseg.path))
        except OSError as error:
            reason = str(error)
        if reason:
            differ.append((one.path, dseg.path, reason))
        else:
            agree.append((one, dseg))
    return agree, differ
