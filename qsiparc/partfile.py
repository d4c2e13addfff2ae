"""The file of a part: the cubes of one scan, an atlas each, under names that begin with the atlas.

It is netCDF in its classic format, which has no groups: ``region`` of the atlas ``A`` is
``A.region`` there, as a dim, as a variable, and as the beginning of an attribute's name.
"""

from __future__ import annotations

import json
import os
import zlib
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import xarray as xr
from xarray.conventions import decode_cf_variable, encode_cf_variable

from qsiparc.classic import CHECKSUM, Array, encode
from qsiparc.classicreader import Header, read_array, read_header
from qsiparc.cube import TEXT, text
from qsiparc.errors import CubeError
from qsiparc.manifest import PART, PART_FORMAT
from qsiparc.regular import open_regular
from qsiparc.seal import SEAL_LENGTH, is_sealed, read_seal, seal_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from io import BufferedReader
    from pathlib import Path

    from numpy.typing import NDArray

    from qsiparc.classicreader import Stored

_ATLASES: Final = "atlases"
"""Attribute of the file: their names, JSON."""

_COORDINATES: Final = "coordinates"
"""Attribute of variables that are no coordinates: names of those that are, as CF has it."""

_ENCODING: Final = "_Encoding"
_OF_THE_FILE: Final = frozenset({_COORDINATES, _ENCODING, CHECKSUM})

_OLD_MAGIC: Final = b"\x89HDF\r\n\x1a\n"

_WIDTH: Final = "text"
"""Begins the name of the dim along the characters of a text."""


def encode_part(tree: xr.DataTree, attrs: Mapping[Any, Any]) -> list[bytes]:
    """The file of a part, in pieces, the last of which seals it.

    Parameters
    ----------
    tree : DataTree
        A group an atlas, none below them.
    attrs : mapping
        Of the part, beside what the file needs.

    Returns
    -------
    list of bytes
        All of the file.

    Raises
    ------
    ValueError
        Something cannot be stored; see `qsiparc.classic.encode`.
    """
    names = [str(name) for name in tree.children]
    about = {**attrs, _ATLASES: json.dumps(names, ensure_ascii=False)}
    variables: dict[str, Array] = {}
    for atlas, node in zip(names, tree.children.values(), strict=True):
        dataset = node.to_dataset(inherit=False)
        about |= {f"{atlas}.{name}": value for name, value in dataset.attrs.items()}
        others = [f"{atlas}.{name}" for name in dataset.coords if name not in dataset.dims]
        listed = {_COORDINATES: " ".join(name for name in others if " " not in name)}
        for name, variable in dataset.variables.items():
            told = {} if name in dataset.coords else listed
            variables[f"{atlas}.{name}"] = _array(atlas, str(name), variable, told)
        for name in (*dataset.variables, *dataset.attrs):
            if _owner(f"{atlas}.{name}", names) != atlas:
                raise ValueError(f"{name!r} of {atlas} reads as that of another atlas of {names}.")
    if clash := [name for name in attrs if _owner(name, names)]:
        raise ValueError(f"The attribute {clash[0]} of the part reads as that of an atlas.")
    pieces = encode({PART: PART_FORMAT, **about}, variables)
    crc = 0
    for piece in pieces:
        crc = zlib.crc32(piece, crc)
    return [*pieces, seal_of(sum(map(len, pieces)), crc)]


def _owner(name: str, atlases: Collection[str]) -> str:
    """The atlas that a name begins with; empty where it is none of theirs."""
    first = name.partition(".")[0]
    longer = [one for one in atlases if "." in one and name.startswith(f"{one}.")]
    return max(longer, key=len) if longer else first if first in atlases else ""


def _array(atlas: str, name: str, variable: xr.Variable, told: dict[str, str]) -> Array:
    if variable.dtype.kind not in "iufTUO":
        variable = encode_cf_variable(variable, name=name)
    dims = tuple(f"{atlas}.{dim}" for dim in variable.dims)
    values = variable.to_numpy()
    if values.dtype.kind not in "TUO":
        return Array(dims, values, variable.attrs | told)
    words = [one.encode() for one in _text(values).ravel().tolist()]
    if b"\0" in b"".join(words):
        raise ValueError(f"{atlas}: a text in {name} holds a NUL, where netCDF ends a text.")
    width = max(1, *map(len, words)) if words else 1
    letters = np.array(words, f"S{width}").view("S1").reshape(*values.shape, width)
    attrs = variable.attrs | told | {_ENCODING: "utf-8"}
    return Array((*dims, f"{_WIDTH}{width}"), letters, attrs)


def _text(values: NDArray[Any]) -> NDArray[Any]:
    return values if values.dtype == TEXT else text(values)


class PartFile:
    """A part that is open.

    Parameters
    ----------
    path : Path
        Where it is.
    file : file object
        The same, open.
    header : Header
        What it says.
    """

    def __init__(self, path: Path, file: BufferedReader, header: Header) -> None:
        self.path = path
        self.header = header
        self._file = file
        self.atlases: dict[str, None] = dict.fromkeys(json.loads(header.attrs[_ATLASES]))
        self._attrs: dict[str, dict[str, Any]] = {atlas: {} for atlas in ("", *self.atlases)}
        self._variables: dict[str, dict[str, Stored]] = {atlas: {} for atlas in self.atlases}
        for name, value in header.attrs.items():
            owner = _owner(name, self.atlases)
            self._attrs[owner][name.removeprefix(f"{owner}.")] = value
        for name, stored in header.variables.items():
            owner = _owner(name, self.atlases)
            own = tuple(dim.removeprefix(f"{owner}.") for dim in stored.dims)
            self._variables[owner][name[len(owner) + 1 :]] = stored._replace(dims=own)
        del self._attrs[""][_ATLASES]

    def attrs(self, atlas: str = "") -> dict[str, Any]:
        """Attributes of an atlas, or those of the part."""
        return self._attrs[atlas]

    def variables(self, atlas: str) -> dict[str, Stored]:
        """Variables of an atlas, with their own names, and those of their dims."""
        return self._variables[atlas]

    def texts(self, stored: Stored) -> tuple[str, ...]:
        """The texts of a variable, in a row."""
        return _decoded(read_array(self._file, stored), stored.shape[-1])

    def numbers(self, stored: Stored) -> NDArray[Any]:
        """The numbers of a variable, as they are in the file."""
        return np.frombuffer(read_array(self._file, stored), stored.dtype).reshape(stored.shape)

    def column(self, stored: Stored) -> tuple[Any, ...]:
        """The values of a variable, in a row."""
        if _is_text(stored):
            return self.texts(stored)
        return tuple(self.numbers(stored).ravel().tolist())

    @staticmethod
    def dims(stored: Stored) -> tuple[str, ...]:
        """Dims of a variable, without that of the characters of a text."""
        return stored.dims[:-1] if _is_text(stored) else stored.dims

    def dataset(self, atlas: str) -> xr.Dataset:
        """The cube of an atlas."""
        coords: dict[str, xr.Variable] = {}
        others: dict[str, xr.Variable] = {}
        for name, stored in self.variables(atlas).items():
            variable = self._variable(name, stored)
            (others if _COORDINATES in stored.attrs else coords)[name] = variable
        return xr.Dataset(others, coords, self.attrs(atlas))

    def _variable(self, name: str, stored: Stored) -> xr.Variable:
        attrs = {key: value for key, value in stored.attrs.items() if key not in _OF_THE_FILE}
        if _is_text(stored):
            words = np.reshape(text(list(self.texts(stored))), stored.shape[:-1])
            return xr.Variable(self.dims(stored), words, attrs)
        numbers = self.numbers(stored).astype(stored.dtype.newbyteorder("="))
        variable = xr.Variable(self.dims(stored), numbers, attrs)
        if attrs.keys() & {"dtype", "calendar"}:  # truths, and times
            variable = decode_cf_variable(name, variable)
        return variable


def _is_text(stored: Stored) -> bool:
    return _ENCODING in stored.attrs


@lru_cache(maxsize=1024)  # what the scans of a study share is decoded once
def _decoded(data: bytes, width: int) -> tuple[str, ...]:
    return tuple(word.decode() for word in np.frombuffer(data, f"S{width}").tolist())


@contextmanager
def open_part(path: Path, *, is_checked: bool = False) -> Iterator[PartFile]:
    """Open a part; whatever is wrong with it while it is open is said of it.

    Parameters
    ----------
    path : Path
        The part.
    is_checked : bool
        Whether to check the seal, for which all bytes are read. An array is checked when it is
        read.

    Yields
    ------
    PartFile

    Raises
    ------
    CubeError
        It is no whole part of this format.
    FileNotFoundError
        There is no such file.
    """
    with open_regular(path, CubeError) as file:
        try:
            yield PartFile(path, file, _whole_header(file, is_checked=is_checked))
        except CubeError:
            raise
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise CubeError(
                f"{path}: this is no whole part of a study ({error}). Delete it and run "
                "`qsiparc build` again: only this scan is done anew."
            ) from error


def _whole_header(file: BufferedReader, *, is_checked: bool) -> Header:
    """The header of a part, once it is known that the part is whole."""
    header, noted = _header(file), read_seal(file)
    found = header.attrs.get(PART)
    if found != PART_FORMAT:
        raise ValueError(f"its {PART} is {found}, not {PART_FORMAT}")
    if noted is None or noted[0] != file.seek(0, os.SEEK_END) - SEAL_LENGTH:
        raise ValueError("it is cut short, or something else than qsiparc changed it")
    if is_checked and not is_sealed(file, noted):
        raise ValueError(f"its checksum is not that of its {noted[0]:,} bytes")
    return header


def read_tree(path: Path) -> xr.DataTree:
    """A part in memory; its file is closed again.

    Parameters
    ----------
    path : Path
        The part.

    Returns
    -------
    DataTree
        A child an atlas, none when nothing of the scan could be reduced.

    Raises
    ------
    CubeError
        The file is no whole part of this format.
    FileNotFoundError
        There is no such file.
    """
    with open_part(path, is_checked=True) as part:
        tree = xr.DataTree.from_dict({atlas: part.dataset(atlas) for atlas in part.atlases})
        tree.attrs = part.attrs()
    return tree


def part_format(path: Path) -> Any:  # noqa: ANN401 - whatever stands there
    """The format that a part says to have; None of a file that is no part in the classic format."""
    with open_regular(path, CubeError) as file:
        try:
            return _header(file).attrs.get(PART)
        except ValueError:
            return None


def _header(file: BufferedReader) -> Header:
    if file.read(len(_OLD_MAGIC)) == _OLD_MAGIC:
        raise ValueError("it is HDF5, as parts of format 1 were, which a build makes anew")
    return read_header(file)
