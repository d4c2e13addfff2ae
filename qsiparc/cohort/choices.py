"""With which options a part was made, and that a build leaves a study with one set of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from qsiparc.catalogue import resolve
from qsiparc.cohort.parts import part_paths
from qsiparc.errors import CubeError, OptionError, UnknownStatisticError
from qsiparc.names import OWN_STATISTICS
from qsiparc.partfile import open_part

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

_VERSION: Final = "qsiparc"
"""The one entry of ``options`` that scans of a study may differ in."""

_BOUNDS: Final = ("valid_min", "valid_max")
_OFF: Final = "off"
_UNSET: Final = "not set"
_SHOWN: Final = 8


def changes(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[str, ...]:
    """Which options a part was made with that are others now.

    Parameters
    ----------
    stored, wanted : mapping
        Attributes of the part, and of `Inspector.attrs`.

    Returns
    -------
    tuple of str
        One text an option, with its two values. What a part does not tell, as one does not whose
        worker died, is not compared.

    Examples
    --------
    >>> before = {"options": '{"stats": "core", "zero_is_missing": 1}'}
    >>> changes(before, {"options": '{"stats": "core", "zero_is_missing": 0, "min_voxels": 5}'})
    ('zero_is_missing was on, is off', 'min_voxels was not set, is 5')
    """
    if "options" not in stored:
        return ()
    try:
        before, now = (_read(attrs.get("options", "{}")) for attrs in (stored, wanted))
    except ValueError:
        return ()  # of which the fingerprint says that it is another one
    found = [
        f"{name} was {_say(name, before)}, is {_say(name, now)}"
        for name in dict.fromkeys((*before, *now))
        if name != OWN_STATISTICS and _key(name, before) != _key(name, now)
    ]
    functions = [_functions(options) for options in (before, now)]
    found += [f"the function of {name} is another one" for name in _differing(*functions)]
    tables = [json.loads(attrs.get("tables", "{}")) for attrs in (stored, wanted)]
    found += [f"the look-up table of {atlas} is another one" for atlas in _differing(*tables)]
    return tuple(found)


def require_one_set(
    out: Path, wanted: Mapping[str, Any], *, redone: Collection[str], there: Collection[str]
) -> None:
    """Check that the scans that a build leaves alone were made with the options that it has.

    Parameters
    ----------
    out : Path
        Output folder of the study.
    wanted : mapping
        Attributes of `Inspector.attrs` that hold for all scans of the build.
    redone : collection of str
        Scans that the build is about, whichever share of them is done now.
    there : collection of str
        Scans that stay when parts are pruned; empty when none are.

    Raises
    ------
    OptionError
        They were made with others, so that no archive could be made of both. A part that cannot
        be read is passed over: putting the parts together names it.
    """
    atlases = json.loads(wanted["tables"])
    for path in part_paths(out):
        scan = path.stem
        if scan in redone or (there and scan not in there):
            continue
        try:
            with open_part(path) as part:
                stored, common = part.attrs(), part.atlases.keys() & atlases
        except (CubeError, FileNotFoundError):
            continue
        differing = without_version(changes(stored, wanted)) if common else ()
        if differing:
            raise OptionError(
                f"{out} holds {scan}, which this build leaves as it is, and which was made with "
                f"other options: {'; '.join(differing)}. A study has one set of options. Give "
                "those from before; or build all scans with the new ones (naming no participant "
                "or session; --prune lets go of scans that the tree holds no more); or name "
                "another output folder. Nothing was written."
            )


def without_version(texts: Iterable[str]) -> tuple[str, ...]:
    """Those of `changes` that keep two scans from being in one cube."""
    return tuple(text for text in texts if not text.startswith(f"{_VERSION} was "))


def _read(text: str) -> dict[str, Any]:
    """Options, the two bounds as one range, and without those that are not set."""
    options = json.loads(text)
    bounds = [options.pop(name, None) for name in _BOUNDS]
    if bounds != [None, None]:
        options["valid_range"] = bounds
    return {name: value for name, value in options.items() if value is not None}


def _key(name: str, options: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    """What is compared: names for a tier, and 0 for what is not set."""
    value = options.get(name, 0)
    if name != "stats" or not isinstance(value, str):
        return value
    try:
        return [statistic.name for statistic in resolve(value)]
    except UnknownStatisticError:
        return [value]


def _say(name: str, options: Mapping[str, Any]) -> str:
    value = options.get(name)
    if name == "zero_is_missing":
        return "on" if value else _OFF
    if name == "valid_range" and value:
        low, high = value
        return f"{'any' if low is None else low} to {'any' if high is None else high}"
    if isinstance(value, list):
        return ", ".join(map(str, value[:_SHOWN])) + (", …" if len(value) > _SHOWN else "")
    return str(value) if value else _UNSET


def _functions(options: Mapping[str, Any]) -> dict[str, str]:
    known = json.loads(options.get(OWN_STATISTICS, "{}"))
    return {name: about.get("function", "") for name, about in known.items()}


def _differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """Names that both have, with other contents."""
    return [name for name in one if name in other and one[name] != other[name]]
