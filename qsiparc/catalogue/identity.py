"""What tells two functions apart, today and in the next session."""

from __future__ import annotations

import hashlib
import pickle
from functools import partial
from types import CodeType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def identity(function: Any) -> str:  # noqa: ANN401 - whatever can be called
    """A digest of what a function does, as far as it can be seen.

    Name, code, defaults and what it encloses count; a function that it calls by name does not.

    Parameters
    ----------
    function : callable
        Of Python or not.

    Returns
    -------
    str
        The same in every process of one version of Python.

    Examples
    --------
    >>> two, three = (lambda v: v.max() / 2), (lambda v: v.max() / 3)
    >>> identity(two) == identity(two), identity(two) == identity(three)
    (True, False)
    """
    return hashlib.blake2b(repr(_told(function)).encode(), digest_size=8).hexdigest()


def _told(thing: Any, within: tuple[int, ...] = ()) -> Any:  # noqa: ANN401 - any referent
    """A thing in words that do not change from one process to the next.

    `within` are the ids of what it was met in: a function may enclose itself.
    """
    if id(thing) in within:
        return "again", within.index(id(thing))
    tell = partial(_told, within=(*within, id(thing)))
    told: Any
    match thing:
        case partial():
            told = [tell(thing.func), tell(thing.args), tell(thing.keywords)]
        case CodeType():
            told = [thing.co_code, thing.co_names, tell(thing.co_consts)]
        case set() | frozenset():
            told = sorted(repr(tell(one)) for one in thing)
        case tuple() | list():
            told = [tell(one) for one in thing]
        case dict():
            told = sorted((repr(tell(key)), repr(tell(value))) for key, value in thing.items())
        case _ if callable(thing):
            told = _told_callable(thing, tell)
        case _:
            told = _told_value(thing)
    return type(thing).__qualname__, told


def _told_value(thing: Any) -> str:  # noqa: ANN401 - a number, an array, anything
    try:
        return hashlib.blake2b(pickle.dumps(thing)).hexdigest()
    except Exception:  # noqa: BLE001 - what cannot be pickled raises anything
        return repr(thing)


def _told_callable(function: Any, tell: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - the same
    name = (getattr(function, key, "") for key in ("__module__", "__qualname__"))
    if getattr(function, "__self__", None) is not None and hasattr(function, "__func__"):
        return *name, tell(function.__func__), tell(function.__self__)
    code = getattr(function, "__code__", None)
    if code is None:  # of C, a class, or an object with __call__
        inside = getattr(type(function).__call__, "__code__", None)
        own = vars(function) if inside is not None else {}
        return *name, type(function).__qualname__, tell(inside) if inside else "", tell(own)
    cells = [_cell(cell, tell) for cell in function.__closure__ or ()]
    return *name, tell(code), tell(function.__defaults__), tell(function.__kwdefaults__), cells


def _cell(cell: Any, tell: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - the same
    try:
        return tell(cell.cell_contents)
    except ValueError:
        return "empty"
