"""What a user gave for an argument, checked, with an error that names the argument."""

from __future__ import annotations

import math
import operator
import os
from pathlib import Path
from typing import Any

import numpy as np

from qsiparc.errors import OptionError


def whole(given: Any, name: str, *, what: str) -> int:  # noqa: ANN401 - a user's
    """A count of at least 1, of Python or of NumPy.

    Parameters
    ----------
    given : int
        What was given.
    name : str
        Of the argument.
    what : str
        What it counts.

    Returns
    -------
    int
        The same.

    Raises
    ------
    OptionError
        It is no whole number, or none of at least 1.
    """
    if is_whole(given) and given >= 1:
        return operator.index(given)
    raise OptionError(f"{name} is how many {what}, a whole number of at least 1, not {given!r}.")


def plain(given: Any) -> Any:  # noqa: ANN401 - a user's
    """What an array without dims holds, of NumPy or xarray; anything else as it is."""
    return given.item() if getattr(given, "ndim", None) == 0 else given


def is_whole(given: object) -> bool:
    """Whether something is a whole number, and neither True nor False."""
    return isinstance(given, int | np.integer) and not isinstance(given, bool)


def number(given: Any, name: str, *, what: str) -> float:  # noqa: ANN401 - a user's
    """One real number, NaN and infinity too; or `OptionError` with what it is for."""
    value = plain(given)
    if isinstance(value, int | float):
        return float(value)
    raise OptionError(f"{name} is {what}, one number, not {given!r}.")


def is_one_of(given: object, words: tuple[str, ...]) -> bool:
    """Whether something is one of some words; what is no text is not compared, as arrays cannot."""
    return isinstance(given, str) and given in words


def flag(given: Any, name: str) -> bool:  # noqa: ANN401 - a user's
    """True or False; or `OptionError`, where any text would mean True."""
    if isinstance(given, bool | np.bool_) or (is_whole(given) and given in (0, 1)):
        return bool(given)
    raise OptionError(f"{name} is True or False, not {given!r}.")


def places(given: Any, name: str, *, what: str) -> list[float]:  # noqa: ANN401 - a user's
    """Finite numbers in a row, at least one; or `OptionError` with what they are."""
    wrong = OptionError(f"{name} is {what}, not {given!r}.")
    if isinstance(given, str | bytes | dict | set):
        raise wrong
    try:
        values = [number(one, name, what=what) for one in given]
    except (TypeError, OptionError) as error:
        raise wrong from error
    if not values or not all(map(math.isfinite, values)):
        raise wrong
    return values


def names(given: Any, name: str, *, what: str) -> list[str]:  # noqa: ANN401 - a user's
    """Texts, of one text or several; or `OptionError` with what they name."""
    if isinstance(given, str):
        return [given]
    is_row = not isinstance(given, bytes | dict) and np.iterable(given)
    if is_row and all(isinstance(one, str) for one in given):
        return [str(one) for one in given]
    raise OptionError(f"{name} takes names of {what}, one or a list of them, not {given!r}.")


def as_path(given: Any, name: str = "path") -> Path:  # noqa: ANN401 - a user's
    """A path; or `OptionError` for what is none."""
    if isinstance(given, str | os.PathLike):
        return Path(given)
    raise OptionError(f"{name} is the path of a file, text or a Path, not {given!r:.60}.")
