"""Names and attributes of a part, in netCDF's classic format: it has no lists of texts, nor int64.

Text is UTF-8, and what 32 bits or a float hold is a number. Anything else is JSON behind a NUL,
which no text has; so is a list of one number, which the format does not tell from the number.
"""

from __future__ import annotations

import json
from typing import Any, Final

import numpy as np

NATIVE: Final = ("i1", "i2", "i4", "f4", "f8")
"""Types of numbers that the format has."""

ATLASES: Final = "atlases"
"""Attribute of the file, JSON: by atlas, the names of its variables and those of its attributes."""

COORDINATES: Final = "coordinates"
"""Attribute of variables that are no coordinates: names of those that are, as CF has it."""

ENCODING: Final = "_Encoding"
"""Attribute of what is characters."""

DTYPE: Final = "qsiparc_dtype"
"""Attribute of integers, truths and times that are stored as others, or as text: their type."""

TRUTH: Final = "dtype"
"""Attribute that tells xarray what is a truth."""

OF_THE_FILE: Final = frozenset({COORDINATES, ENCODING, DTYPE})
"""Attributes of variables that are no cube's own."""

_INT32: Final = np.iinfo(np.int32)
_JSON: Final = b"\0"


def to_name(name: str) -> str:
    """A name as SciPy, which takes names for Latin-1, writes it in UTF-8.

    Parameters
    ----------
    name : str
        Of a dim, a variable or an attribute.

    Returns
    -------
    str
        A character for each byte.

    Raises
    ------
    ValueError
        It holds a NUL, or what UTF-8 has not.
    """
    if "\0" in name:
        raise ValueError(f"The name {name!r} holds a NUL, where netCDF ends it.")
    return name.encode().decode("latin-1")


def from_name(name: str) -> str:
    """The inverse of `to_name`."""
    return name.encode("latin-1").decode()


def to_attr(name: str, value: Any) -> Any:  # noqa: ANN401 - whatever an attribute may be
    r"""An attribute, as it is to be stored.

    Parameters
    ----------
    name : str
        What it is called, for messages.
    value : str, int, float, numpy.generic, numpy.ndarray, or flat list
        Text or numbers.

    Returns
    -------
    bytes, numpy.generic or numpy.ndarray
        What SciPy stores as it is.

    Raises
    ------
    ValueError
        It is something else, or a text with a NUL.

    Examples
    --------
    >>> to_attr("unit", "mm²"), to_attr("n", 3), to_attr("n", 2**40), to_attr("texts", ["a"])
    (b'mm\xc2\xb2', array(3, dtype=int32), b'\x00{"int64": 1099511627776}', b'\x00["a"]')
    >>> to_attr("one", [3])
    b'\x00{"int32": [3]}'
    """
    if isinstance(value, str):
        return _without_nul(name, value)
    if isinstance(value, list | tuple) and value and all(isinstance(one, str) for one in value):
        _without_nul(name, "".join(value))
        return _JSON + json.dumps(value, ensure_ascii=False).encode()
    numbers = np.asarray(value)
    if numbers.ndim > 1:
        raise ValueError(f"The attribute {name} is no flat list.")
    if numbers.dtype.kind not in "iuf" or numbers.dtype.str[1:] in {"f2", "f16"}:
        raise ValueError(f"The attribute {name} is of type {numbers.dtype}.")
    if not hasattr(value, "dtype") and numbers.dtype.kind in "iu" and fits(numbers):
        numbers = numbers.astype(np.int32)
    if numbers.dtype.str[1:] in NATIVE and numbers.shape != (1,):
        return numbers
    return _JSON + json.dumps({numbers.dtype.name: numbers.tolist()}).encode()


def from_attr(stored: Any) -> Any:  # noqa: ANN401 - whatever an attribute may be
    """The inverse of `to_attr`.

    Parameters
    ----------
    stored : bytes, numpy.generic or numpy.ndarray
        As SciPy reads it.

    Returns
    -------
    str, list of str, numpy.generic or numpy.ndarray
    """
    if isinstance(stored, np.ndarray):
        return stored.astype(stored.dtype.newbyteorder("="))
    if not isinstance(stored, bytes):
        return stored
    if not stored.startswith(_JSON):
        return stored.decode()
    value = json.loads(stored[1:])
    if isinstance(value, list):
        return value
    ((dtype, numbers),) = value.items()
    return np.array(numbers, dtype)[()]


def fits(numbers: np.ndarray[Any, Any]) -> bool:
    """Whether int32 holds all of some integers."""
    if not numbers.size:
        return True
    return bool(numbers.min() >= _INT32.min and numbers.max() <= _INT32.max)


def _without_nul(name: str, value: str) -> bytes:
    data = value.encode()
    if b"\0" in data:
        raise ValueError(f"The attribute {name} holds a NUL, where netCDF ends a text.")
    return data
