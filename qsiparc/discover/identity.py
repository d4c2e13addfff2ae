"""What a map is a map of, and which names agree."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SCAN: Final = ("sub", "ses", "task", "ce", "acq", "dir", "rec", "run", "echo", "chunk")
ACQUISITION: Final = (*_SCAN, "res")
"""Entities that say which scan, and at which resolution, a file is of."""

_NUMBERED: Final = frozenset({"run", "echo", "chunk"})
"""Entities whose value is a number: ``run-1`` is ``run-01``."""

_PARAMETERS: Final = ("param", "mdp", "mfp")
_KNOWN: Final = frozenset(
    {*ACQUISITION, *_PARAMETERS, "model", "fit", "desc", "label", "space", "cohort", "tpl"}
)

_SAME_SPACE: Final = frozenset({"t1w", "acpc"})
"""Two names of one space: QSIRecon wrote T1w first and ACPC later."""

_TEMPLATES: Final = (
    *(
        "mni",
        "icbm",
        "ixi549",
        "fsaverage",
        "fslr",
        "oasis30",
        "dhcp",
        "uncinfant",
        "talairach",
        "template",
    ),
    *("colin27", "nki", "pnc", "onharmony", "fischer344", "nmt31", "whs"),
)
"""How the names of templates begin, in lower case."""


class Scalar(NamedTuple):
    """What a map is a map of. Two maps of one scan with the same `Scalar` are one map, twice."""

    software: str = ""
    model: str = ""
    param: str = ""
    desc: str = ""
    label: str = ""
    other: str = ""

    @property
    def long_id(self) -> str:
        """Every part that is there: ``TORTOISE-tensor-fa``."""
        return "-".join(part for part in self if part)


def scalar_of(entities: Mapping[str, str], *, software: str = "") -> Scalar | None:
    """The scalar that a map's name speaks of.

    Parameters
    ----------
    entities : mapping of str to str
        As `qsiparc.entities.parse_entities` gives them.
    software : str
        Suffix of the ``qsirecon-*`` folder that the map lies in.

    Returns
    -------
    Scalar or None
        None when the name says no parameter, or is that of a fibre orientation
        distribution (``param-fod_label-WM``), which has no value a voxel.

    Examples
    --------
    >>> scalar_of({"sub": "01", "model": "tensor", "mdp": "FA"}, software="DKI").long_id
    'DKI-tensor-FA'
    """
    param = next((entities[key] for key in _PARAMETERS if entities.get(key)), "")
    desc = entities.get("desc", "")
    label = entities.get("label", "")
    if not param and not label and desc != "preproc":
        param, desc = desc, ""
    if not param or (label and param.casefold() == "fod"):
        return None
    model = entities.get("model") or entities.get("fit", "")
    other = "-".join(f"{key}-{entities[key]}" for key in entities if key not in _KNOWN)
    return Scalar(software, model, param, desc, label, other)


def short_ids(scalars: Iterable[Scalar], others: Iterable[Scalar] = ()) -> dict[Scalar, str]:
    """An id a scalar: the parameter alone while that is unique, and as much more as it takes.

    Parameters
    ----------
    scalars : iterable of Scalar
        The scalars that are worked with.
    others : iterable of Scalar
        Scalars that need an id, too, and make none of the first ones longer.

    Returns
    -------
    dict of Scalar to str
        No id comes twice.

    Examples
    --------
    >>> fa, icvf = Scalar("DKI", "tensor", "FA"), Scalar("NODDI", "noddi", "icvf")
    >>> ids = short_ids([fa, Scalar("TORTOISE", "tensor", "fa"), icvf])
    >>> ids[fa], ids[icvf]
    ('DKI-tensor-FA', 'icvf')
    """
    ids = _unique_ids(scalars)
    taken = set(ids.values())
    for scalar, short in _unique_ids({*ids, *others}).items():
        ids.setdefault(scalar, _spelt_out(scalar) if short in taken else short)
    return ids


def _unique_ids(scalars: Iterable[Scalar]) -> dict[Scalar, str]:
    groups: defaultdict[str, set[Scalar]] = defaultdict(set)
    for scalar in scalars:
        groups[scalar.param.casefold()].add(scalar)
    ids = {scalar: _short_id(scalar, group) for group in groups.values() for scalar in group}
    owners: defaultdict[str, list[Scalar]] = defaultdict(list)
    for scalar, short in ids.items():
        owners[short].append(scalar)
    for clash in owners.values():
        if len(clash) > 1:
            ids.update((scalar, _spelt_out(scalar)) for scalar in clash)
    return ids


def _short_id(scalar: Scalar, group: set[Scalar]) -> str:
    twins = [other for other in group if other[:2] == scalar[:2]]
    head = [] if len(twins) == len(group) else [scalar.software, scalar.model]
    tails = zip(scalar[3:], *(twin[3:] for twin in twins), strict=True)
    tail = [own for own, *others in tails if len(set(others)) > 1]
    return "-".join(part for part in [*head, scalar.param, *tail] if part)


def _spelt_out(scalar: Scalar) -> str:
    parts = zip(scalar._fields, scalar, strict=True)
    return "_".join(f"{name}-{value}" for name, value in parts if value)


def is_template(space: str) -> bool:
    """Whether a space is that of a template, and not of one person's brain.

    Parameters
    ----------
    space : str
        Value of ``space-`` or ``tpl-``; may be empty.

    Returns
    -------
    bool
        True for names that begin with ``MNI`` or as another template of TemplateFlow does; upper
        and lower case do not matter.

    Examples
    --------
    >>> is_template("MNI152NLin2009cAsym"), is_template("fsLR"), is_template("ACPC")
    (True, True, False)
    """
    return space.casefold().startswith(_TEMPLATES)


def space_distance(one: str, other: str) -> int | None:
    """How well two spaces agree.

    Parameters
    ----------
    one, other : str
        Values of ``space-``; empty when the name says none.

    Returns
    -------
    int or None
        0 when they are one, 1 when one side says none, 2 when they are T1w and ACPC, None when
        they differ.

    Examples
    --------
    >>> [space_distance("T1w", space) for space in ("T1w", "", "ACPC", "orig")]
    [0, 1, 2, None]
    """
    if one.casefold() == other.casefold():
        return 0
    if is_template(one) or is_template(other):
        return None
    if not one or not other:
        return 1
    return 2 if {one.casefold(), other.casefold()} == _SAME_SPACE else None


def acquisition_of(entities: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The entities that say which scan a file is of.

    Parameters
    ----------
    entities : mapping of str to str
        As `qsiparc.entities.parse_entities` gives them.

    Returns
    -------
    tuple of (str, str)
        In a fixed order; numbers without leading zeros.

    Examples
    --------
    >>> acquisition_of({"run": "01", "sub": "A", "space": "T1w"})
    (('sub', 'A'), ('run', '1'))
    """
    keys = (key for key in ACQUISITION if key in entities)
    return tuple((key, _plain(key, entities[key])) for key in keys)


def _plain(key: str, value: str) -> str:
    if key in _NUMBERED and value.isdecimal() and value.isascii():
        return str(int(value))
    return value


def disagreement(
    one: tuple[tuple[str, str], ...], other: tuple[tuple[str, str], ...]
) -> tuple[str, str, str] | None:
    """The first entity that both sides carry with different values.

    Parameters
    ----------
    one, other : tuple of (str, str)
        As `acquisition_of` gives them.

    Returns
    -------
    (str, str, str) or None
        The key and both values.

    Examples
    --------
    >>> disagreement((("sub", "A"), ("run", "1")), (("run", "2"),))
    ('run', '1', '2')
    """
    there = dict(other)
    for key, value in one:
        if there.get(key, value) != value:
            return key, value, there[key]
    return None
