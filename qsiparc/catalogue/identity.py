"""What tells two functions apart, today and in the next session."""

from __future__ import annotations

import hashlib
import pickle
from functools import partial
from types import CodeType
from typing import Any


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


def _told(thing: Any) -> Any:  # noqa: ANN401 - anything a function refers to
    """A thing in words that do not change from one process to the next."""
    told: Any
    match thing:
        case partial():
            told = [_told(thing.func), _told(thing.args), _told(thing.keywords)]
        case CodeType():
            told = [thing.co_code, thing.co_names, _told(thing.co_consts)]
        case set() | frozenset():
            told = sorted(repr(_told(one)) for one in thing)
        case tuple() | list():
            told = [_told(one) for one in thing]
        case dict():
            told = sorted((repr(_told(key)), repr(_told(value))) for key, value in thing.items())
        case _ if callable(thing):
            told = _told_callable(thing)
        case _:
            told = _told_value(thing)
    return type(thing).__qualname__, told


def _told_value(thing: Any) -> str:  # noqa: ANN401 - a number, an array, anything
    try:
        return hashlib.blake2b(pickle.dumps(thing)).hexdigest()
    except Exception:  # noqa: BLE001 - what cannot be pickled raises anything
        return repr(thing)


def _told_callable(function: Any) -> Any:  # noqa: ANN401 - anything that can be called
    name = (getattr(function, key, "") for key in ("__module__", "__qualname__"))
    if getattr(function, "__self__", None) is not None and hasattr(function, "__func__"):
        return *name, _told(function.__func__), _told(function.__self__)
    code = getattr(function, "__code__", None)
    if code is None:  # of C, a class, or an object with __call__
        inside = getattr(type(function).__call__, "__code__", None)
        own = vars(function) if inside is not None else {}
        return *name, type(function).__qualname__, _told(inside) if inside else "", _told(own)
    cells = [_cell(cell) for cell in function.__closure__ or ()]
    return *name, _told(code), _told(function.__defaults__), _told(function.__kwdefaults__), cells


def _cell(cell: Any) -> Any:  # noqa: ANN401 - the same
    try:
        return _told(cell.cell_contents)
    except ValueError:
        return "empty"
