"""A netCDF file in its classic format, read without a library that looks at all of it."""

from __future__ import annotations

import os
import struct
import zlib
from math import prod
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from qsiparc.classic import (
    ATTRS,
    CHAR,
    CHECKSUM,
    COUNT,
    DIMS,
    END,
    LIST,
    MAGIC,
    TYPES,
    VARIABLES,
)

if TYPE_CHECKING:
    from io import BufferedReader

_FIRST: Final = 2**16
"""Bytes that are read first; most headers are shorter."""


class Stored(NamedTuple):
    """A variable, as a header tells of it.

    Parameters
    ----------
    dims : tuple of str
        Names.
    shape : tuple of int
        Their lengths.
    attrs : dict
        Text as str or list of str, numbers as NumPy has them.
    dtype : numpy.dtype
        As it is in the file, most often big-endian.
    begin : int
        Where its first byte is.
    """

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    attrs: dict[str, Any]
    dtype: np.dtype[Any]
    begin: int


class Header(NamedTuple):
    """All of a file but its arrays.

    Parameters
    ----------
    attrs : dict
        Of the file.
    variables : dict of str to Stored
        By name, in order.
    raw : bytes
        The same as it is in the file. Where two are alike, so are all arrays that pass their
        checksums.
    """

    attrs: dict[str, Any]
    variables: dict[str, Stored]
    raw: bytes


def read_header(file: BufferedReader) -> Header:
    """What a file says of itself, and of its arrays.

    Parameters
    ----------
    file : file object
        Open for reading.

    Returns
    -------
    Header
        Nothing but the header is read, or a little more.

    Raises
    ------
    ValueError
        It is no such file, or cut short.
    """
    file.seek(0)
    raw, wanted = b"", _FIRST
    while piece := file.read(wanted - len(raw)):
        raw += piece
        try:
            return _Parser(raw).header()
        except (_Short, struct.error):
            wanted *= 4
    raise ValueError("it ends before its header does")


class _Short(Exception):  # noqa: N818 - it is no error yet
    """What is to be read goes on."""


class _Parser:
    """A header, from its first byte on."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = len(MAGIC)

    def header(self) -> Header:
        if not self._raw.startswith(MAGIC):
            raise ValueError("it is no netCDF of the format CDF-5")
        if self._count():
            raise ValueError("it has records")
        dims = [(self._name(), self._count()) for _ in range(self._list(DIMS))]
        attrs = self._attrs()
        variables = dict(self._variable(dims) for _ in range(self._list(VARIABLES)))
        return Header(attrs, variables, self._raw[: self._at])

    def _count(self) -> int:
        (count,) = COUNT.unpack_from(self._raw, self._at)
        self._at += 8
        return int(count)

    def _list(self, wanted: int) -> int:
        tag, count = LIST.unpack_from(self._raw, self._at)
        self._at += 12
        if tag != wanted and (tag or count):
            raise ValueError(f"its header has a list of kind {tag} in place of {wanted}")
        return int(count)

    def _take(self, length: int) -> bytes:
        end = self._at + length
        if end > len(self._raw):
            raise _Short
        data = self._raw[self._at : end]
        self._at = end + -length % 4
        return data

    def _name(self) -> str:
        (count,) = COUNT.unpack_from(self._raw, self._at)
        self._at += 8
        return self._take(count).decode()

    def _attrs(self) -> dict[str, Any]:
        return {self._name(): self._attr() for _ in range(self._list(ATTRS))}

    def _attr(self) -> Any:  # noqa: ANN401 - whatever an attribute may be
        number, count = LIST.unpack_from(self._raw, self._at)
        self._at += 12
        if number == CHAR:
            text = self._take(count).decode()
            return text[:-1].split("\0") if text[-1:] == "\0" else text
        dtype = _dtype(number)
        numbers = np.frombuffer(self._take(count * dtype.itemsize), dtype)
        return numbers[0] if count == 1 else numbers.astype(dtype.newbyteorder("="))

    def _variable(self, dims: list[tuple[str, int]]) -> tuple[str, Stored]:
        name = self._name()
        try:
            own = [dims[self._count()] for _ in range(self._count())]
        except IndexError:
            raise ValueError(f"{name} is on a dim that there is not") from None
        attrs = self._attrs()
        number, _, begin = END.unpack_from(self._raw, self._at)
        self._at += END.size
        names, shape = tuple(dim for dim, _ in own), tuple(size for _, size in own)
        return name, Stored(names, shape, attrs, _dtype(number), begin)


_DTYPES: Final = {number: np.dtype(name) for number, name in TYPES.items()}


def _dtype(number: int) -> np.dtype[Any]:
    try:
        return _DTYPES[number]
    except KeyError:
        raise ValueError(f"its header names the type {number}, which there is not") from None


def read_array(file: BufferedReader, stored: Stored) -> bytes:
    """The bytes of an array, checked.

    Parameters
    ----------
    file : file object
        The one whose header tells of the array.
    stored : Stored
        Which.

    Returns
    -------
    bytes
        As they are in the file.

    Raises
    ------
    ValueError
        It is cut short, or a byte is another one.
    """
    length = prod(stored.shape) * stored.dtype.itemsize
    if stored.begin + length > file.seek(0, os.SEEK_END):
        raise ValueError("it is cut short")
    file.seek(stored.begin)
    data = file.read(length)
    if zlib.crc32(data) != stored.attrs.get(CHECKSUM):
        raise ValueError("the checksum of an array is not that of its bytes")
    return data
