"""The bytes of a netCDF file in its classic format, with 64 bits for lengths (CDF-5).

It is one header and one array after the other, written in one go. There are no groups, and text is
characters of a fixed width. Every variable has the CRC-32 of its bytes as an attribute, so that the
header alone says what a file holds.
"""

from __future__ import annotations

import struct
import zlib
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

MAGIC: Final = b"CDF\x05"

CHECKSUM: Final = "crc32"
"""Attribute of every variable: of its bytes as they are stored."""

DIMS, VARIABLES, ATTRS = 10, 11, 12
"""What a list in a header is of."""

CHAR: Final = 2
_NAMES: Final = ("i1", "S1", ">i2", ">i4", ">f4", ">f8", "u1", ">u2", ">u4", ">i8", ">u8")
TYPES: Final = dict(enumerate(_NAMES, 1))
_NUMBERS: Final = {np.dtype(name): number for number, name in TYPES.items()}

COUNT: Final = struct.Struct(">Q")
LIST: Final = struct.Struct(">IQ")
END: Final = struct.Struct(">IQQ")
"""Of the entry of a variable: type, bytes with what fills them up, place in the file."""


class Array(NamedTuple):
    """A variable, to be written.

    Parameters
    ----------
    dims : tuple of str
        Names; a dim of one name has one length in all of a file.
    values : numpy.ndarray
        Integers, floats, or single bytes of text (``S1``).
    attrs : mapping
        Text, numbers, or flat lists of one of them.
    """

    dims: tuple[str, ...]
    values: NDArray[Any]
    attrs: Mapping[Any, Any]


def encode(attrs: Mapping[Any, Any], variables: Mapping[str, Array]) -> list[bytes]:
    """A file, in pieces.

    Parameters
    ----------
    attrs : mapping
        Of the file.
    variables : mapping of str to Array
        By name.

    Returns
    -------
    list of bytes
        The header, and every array.

    Raises
    ------
    ValueError
        Something cannot be in such a file: a dim without a length, or of two lengths; a NUL in a
        text; a type that it does not know.

    Examples
    --------
    >>> pieces = encode({"title": "é"}, {"x": Array(("i",), np.arange(3.0), {})})
    >>> [len(piece) for piece in pieces]
    [192, 24]
    """
    sizes: dict[str, int] = {}
    for name, one in variables.items():
        for dim, size in zip(one.dims, one.values.shape, strict=True):
            if size == 0 or sizes.setdefault(dim, size) != size:
                raise ValueError(f"{name}: {dim} has the length {size}, and {sizes.get(dim)} too.")
    places = {dim: COUNT.pack(place) for place, dim in enumerate(sizes)}
    dims = [_name(dim) + COUNT.pack(size) for dim, size in sizes.items()]
    entries, arrays = [], []
    for name, one in variables.items():
        dtype = _known(one.values.dtype, name)
        data = np.ascontiguousarray(one.values, dtype).tobytes()
        own = {**one.attrs, CHECKSUM: np.uint32(zlib.crc32(data))}
        ids = b"".join(places[dim] for dim in one.dims)
        entry = _name(name) + COUNT.pack(len(one.dims)) + ids + _attrs(own)
        arrays.append(_padded(data))
        entries.append((entry, _NUMBERS[dtype]))
    start = MAGIC + COUNT.pack(0) + _list(DIMS, dims) + _attrs(attrs)
    length = len(start) + LIST.size + sum(len(entry) + END.size for entry, _ in entries)
    begins = accumulate(map(len, arrays), initial=length)
    told = [
        entry + END.pack(number, len(data), begin)
        for (entry, number), data, begin in zip(entries, arrays, begins, strict=False)
    ]
    return [start + _list(VARIABLES, told), *arrays]


def _known(dtype: np.dtype[Any], name: str) -> np.dtype[Any]:
    """The type as it is in the file."""
    stored = dtype.newbyteorder(">")
    if stored not in _NUMBERS:
        raise ValueError(f"{name} is of type {dtype}, which netCDF does not know.")
    return stored


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _name(name: str) -> bytes:
    data = str(name).encode()
    return COUNT.pack(len(data)) + _padded(data)


def _list(tag: int, entries: list[bytes]) -> bytes:
    return LIST.pack(tag if entries else 0, len(entries)) + b"".join(entries)


def _attrs(attrs: Mapping[Any, Any]) -> bytes:
    return _list(ATTRS, [_name(name) + _attr(name, value) for name, value in attrs.items()])


def _attr(name: str, value: Any) -> bytes:  # noqa: ANN401 - whatever an attribute may be
    """Type, length and value; a list of texts as texts that each end in a NUL."""
    if isinstance(value, str):
        data = _without_nul(name, value)
        return LIST.pack(CHAR, len(data)) + _padded(data)
    if isinstance(value, list | tuple) and value and all(isinstance(one, str) for one in value):
        data = b"".join(_without_nul(name, one) + b"\0" for one in value)
        return LIST.pack(CHAR, len(data)) + _padded(data)
    numbers = np.asarray(value)
    dtype = _known(numbers.dtype, f"The attribute {name}")
    if numbers.ndim > 1:
        raise ValueError(f"The attribute {name} is no flat list.")
    return LIST.pack(_NUMBERS[dtype], numbers.size) + _padded(numbers.astype(dtype).tobytes())


def _without_nul(name: str, value: str) -> bytes:
    data = value.encode()
    if b"\0" in data:
        raise ValueError(f"The attribute {name} holds a NUL, where netCDF ends a text.")
    return data
