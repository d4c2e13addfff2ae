"""What a user types, against what there is: exact, never a pattern, never a path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from qsiparc.errors import SelectionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qsiparc.discover.identity import Scalar

PREFIXES: Final = {
    "subject": ("sub-",),
    "session": ("ses-",),
    "atlas": ("atlas-", "seg-"),
    "scalar": ("param-",),
    "space": ("space-",),
}
"""What may stand before a name, and is no part of it."""

_SHOWN: Final = 8


def bare(what: str, name: object) -> str:
    """A name without its prefix.

    Parameters
    ----------
    what : {"subject", "session", "atlas", "scalar", "space"}
        What is named.
    name : object
        As the user typed it.

    Returns
    -------
    str

    Examples
    --------
    >>> bare("subject", "sub-001"), bare("subject", "001")
    ('001', '001')
    """
    text = str(name)
    prefix = next((p for p in PREFIXES[what] if text.startswith(p)), "")
    return text.removeprefix(prefix)


def matching(what: str, name: object, available: Iterable[str]) -> set[str]:
    """The names that are meant.

    Parameters
    ----------
    what : {"subject", "session", "atlas", "scalar", "space"}
        What is named.
    name : object
        As the user typed it, with or without its prefix.
    available : iterable of str
        Names that there are.

    Returns
    -------
    set of str
        The one that is the same; else those that differ in upper and lower case only.

    Examples
    --------
    >>> matching("atlas", "seg-aal116", ["AAL116", "carpet"]), matching("atlas", "*", ["carpet"])
    ({'AAL116'}, set())
    """
    wanted, there = bare(what, name), set(available)
    if wanted in there:
        return {wanted}
    return {one for one in there if one.casefold() == wanted.casefold()}


def selected(
    what: str, wanted: str | Iterable[str] | None, available: Iterable[str]
) -> set[str] | None:
    """The names that one or several typed ones mean.

    Parameters
    ----------
    what : {"subject", "session", "atlas", "scalar", "space"}
        What is named.
    wanted : str, iterable of str or None
        As the user typed them.
    available : iterable of str
        Names that there are.

    Returns
    -------
    set of str or None
        None when nothing was asked for.

    Raises
    ------
    SelectionError
        Nothing has that name.
    """
    if wanted is None:
        return None
    there = sorted(set(available))
    chosen: set[str] = set()
    for name in _listed(wanted):
        found = matching(what, name, there)
        if not found:
            raise _unknown(what, name, there)
        chosen |= found
    return chosen


def selected_scalars(
    wanted: str | Iterable[str] | None, ids: Mapping[Scalar, str]
) -> set[Scalar] | None:
    """The scalars that one or several typed names mean.

    Parameters
    ----------
    wanted : str, iterable of str or None
        Ids, or else parameters.
    ids : mapping of Scalar to str
        Those that there are.

    Returns
    -------
    set of Scalar or None
        None when nothing was asked for.

    Raises
    ------
    SelectionError
        Nothing has that name.
    """
    if wanted is None:
        return None
    chosen: set[Scalar] = set()
    for name in _listed(wanted):
        short = matching("scalar", name, ids.values())
        found = {scalar for scalar in ids if ids[scalar] in short} or {
            scalar for scalar in ids if is_called(name, scalar, ids[scalar])
        }
        if not found:
            raise _unknown("scalar", name, sorted(ids.values()))
        chosen |= found
    return chosen


def is_called(name: object, scalar: Scalar, short: str) -> bool:
    """Whether a typed name is a scalar's id, short or long, or its parameter.

    Parameters
    ----------
    name : object
        As the user typed it.
    scalar : Scalar
        The scalar.
    short : str
        The scalar's id.

    Returns
    -------
    bool
        Upper and lower case do not matter.
    """
    wanted = bare("scalar", name).casefold()
    return wanted in {text.casefold() for text in (short, scalar.param, scalar.long_id)}


def _listed(wanted: str | Iterable[str]) -> list[str]:
    return [wanted] if isinstance(wanted, str) else list(wanted)


def _unknown(what: str, name: object, there: list[str]) -> SelectionError:
    shown = ", ".join(there[:_SHOWN]) or "none"
    more = f" and {len(there) - _SHOWN} more" if len(there) > _SHOWN else ""
    are = "are" if len(there) > 1 else "is"
    return SelectionError(f"There is no {what} {str(name)!r}. There {are}: {shown}{more}.")
