"""The file of a part: the cubes of one scan, an atlas each, under names that begin with the atlas.

It is netCDF in its classic format, which has no groups: ``region`` of the atlas ``A`` is
``A.region`` there, as a dim, as a variable, and as the beginning of an attribute's name. SciPy
reads it from memory, once its seal is found to be that of its bytes.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import xarray as xr

from qsiparc.cube import text
from qsiparc.errors import CubeError
from qsiparc.manifest import PART, require_part_format
from qsiparc.partattrs import (
    ATLASES,
    COORDINATES,
    DTYPE,
    ENCODING,
    OF_THE_FILE,
    TRUTH,
    from_attr,
    from_name,
    to_name,
)
from qsiparc.regular import open_regular
from qsiparc.seal import Seal, require_sealed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from io import BufferedReader
    from pathlib import Path

    from numpy.typing import NDArray
    from scipy.io import netcdf_file
    from scipy.io._netcdf import netcdf_variable

_MAGIC: Final = b"CDF\x02"
_OLD_MAGIC: Final = b"\x89HDF"

_FIRST: Final = 2**16
"""Bytes of a file in which a part says that it is one."""


class Stored(NamedTuple):
    """A variable, as it is in the file.

    Parameters
    ----------
    dims : tuple of str
        Its own, without the dim of the characters of a text.
    data : numpy.ndarray
        Big-endian numbers; or characters, on one dim more.
    raw : mapping
        Attributes, those of the file among them.
    """

    dims: tuple[str, ...]
    data: NDArray[Any]
    raw: Mapping[str, Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of every dim."""
        return self.data.shape[: len(self.dims)]

    @property
    def is_text(self) -> bool:
        """Whether it holds text, and no numbers."""
        return ENCODING in self.raw and DTYPE not in self.raw

    @property
    def is_coordinate(self) -> bool:
        """Whether it says nothing of coordinates."""
        return COORDINATES not in self.raw

    def attrs(self) -> dict[str, Any]:
        """Its own attributes."""
        others = OF_THE_FILE | ({TRUTH} if self.raw.get(DTYPE) == b"bool" else set())
        return {from_name(key): from_attr(self.raw[key]) for key in self.raw if key not in others}

    def texts(self) -> tuple[str, ...]:
        """Its texts, in a row."""
        return _decoded(self.data.tobytes(), self.data.shape[-1])

    def numbers(self) -> NDArray[Any]:
        """Its numbers."""
        if DTYPE not in self.raw:
            return self.data.astype(self.data.dtype.newbyteorder("="))
        dtype = np.dtype(self.raw[DTYPE].decode())
        if ENCODING not in self.raw:
            return self.data.astype(dtype)
        words: tuple[Any, ...] = self.texts()
        values = words if dtype.kind == "M" else [int(word) for word in words]
        return np.array(values, dtype).reshape(self.shape)

    def column(self) -> tuple[Any, ...]:
        """Its values, in a row."""
        return self.texts() if self.is_text else tuple(self.numbers().ravel().tolist())


@lru_cache(maxsize=1024)  # what the scans of a study share is decoded once
def _decoded(data: bytes, width: int) -> tuple[str, ...]:
    return tuple(word.decode() for word in np.frombuffer(data, f"S{width}").tolist())


@lru_cache(maxsize=16)
def _listed(atlases: bytes) -> dict[str, list[list[str]]]:
    listed: dict[str, list[list[str]]] = json.loads(atlases)
    return listed


class PartFile:
    """A part that was read.

    Parameters
    ----------
    path : Path
        Where it is.
    file : netcdf_file
        The same, in memory.
    seal : Seal
        What the part is known by: another one has another.
    """

    def __init__(self, path: Path, file: netcdf_file, seal: Seal) -> None:
        self.path = path
        self.seal = seal
        self._variables = file.variables
        self._attrs = _raw(file)
        self.atlases = _listed(self._attrs[ATLASES])

    def attrs(self, atlas: str = "") -> dict[str, Any]:
        """Attributes of an atlas, or those of the part."""
        if atlas:
            names = {name: to_name(f"{atlas}.{name}") for name in self.atlases[atlas][1]}
        else:
            of_atlases = {to_name(f"{a}.{n}") for a in self.atlases for n in self.atlases[a][1]}
            own = self._attrs.keys() - of_atlases - {ATLASES}
            names = {from_name(key): key for key in self._attrs if key in own}
        return {name: from_attr(self._attrs[key]) for name, key in names.items()}

    def variables(self, atlas: str) -> dict[str, Stored]:
        """Variables of an atlas, with their own names, and those of their dims."""
        return {name: self._stored(atlas, name) for name in self.atlases[atlas][0]}

    def _stored(self, atlas: str, name: str) -> Stored:
        found = self._variables[to_name(f"{atlas}.{name}")]
        raw = _raw(found)
        known = found.dimensions[:-1] if ENCODING in raw else found.dimensions
        dims = tuple(from_name(dim).removeprefix(f"{atlas}.") for dim in known)
        return Stored(dims, found.data, raw)

    def dataset(self, atlas: str) -> xr.Dataset:
        """The cube of an atlas."""
        coords: dict[str, xr.Variable] = {}
        others: dict[str, xr.Variable] = {}
        for name, stored in self.variables(atlas).items():
            (coords if stored.is_coordinate else others)[name] = _variable(stored)
        return xr.Dataset(others, coords, self.attrs(atlas))


def _raw(thing: netcdf_file | netcdf_variable) -> dict[str, Any]:
    """Attributes, as SciPy reads them; a file adds others of its own when it is closed."""
    return dict(vars(thing)["_attributes"])  # the one list of them, which xarray uses as well


def _variable(stored: Stored) -> xr.Variable:
    attrs = stored.attrs()
    if stored.is_text:
        words = np.reshape(text(list(stored.texts())), stored.shape)
        return xr.Variable(stored.dims, words, attrs)
    return xr.Variable(stored.dims, stored.numbers(), attrs)


@contextmanager
def open_part(path: Path) -> Iterator[PartFile]:
    """Read a part, and check it; whatever is wrong with it in the block is said of it.

    Parameters
    ----------
    path : Path
        The part.

    Yields
    ------
    PartFile
        In memory.

    Raises
    ------
    CubeError
        It is no whole part of this format.
    FileNotFoundError
        There is no such file.
    """
    with open_regular(path, CubeError, may_lack=True) as file:
        try:
            yield _parsed(path, *_whole(path, file))
        except CubeError:
            raise
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise CubeError(
                f"{path}: this is no whole part of a study ({error}). Delete it and run "
                "`qsiparc build` again: only this scan is done anew."
            ) from error


def _whole(path: Path, file: BufferedReader) -> tuple[bytes, Seal]:
    """The bytes of a file that has the format and the seal of a part."""
    first = file.read(len(_MAGIC))
    if first == _OLD_MAGIC:
        raise CubeError(
            f"{path}: this is no whole part of a study of this version (it is HDF5, as parts of "
            "format 1 were). Run `qsiparc build` again, on all scans: it makes such parts anew."
        )
    if first != _MAGIC:
        raise ValueError("it is no netCDF of the format CDF-2")
    length = file.seek(0, os.SEEK_END)
    file.seek(0)
    content = file.read(length)
    return content, require_sealed(content)


def _parsed(path: Path, content: bytes, seal: Seal) -> PartFile:
    from scipy.io import netcdf_file

    file = netcdf_file(BytesIO(content), "r", mmap=False)
    found = _raw(file).get(PART)
    if found is None:
        raise ValueError(f"it has no {PART}")
    require_part_format(found, path)
    return PartFile(path, file, seal)


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
    with open_part(path) as part:
        tree = xr.DataTree.from_dict({atlas: part.dataset(atlas) for atlas in part.atlases})
        tree.attrs = part.attrs()
    return tree


def is_part(path: Path) -> bool:
    """Whether a file says to be a part in the classic format, be it whole or not."""
    with open_regular(path, CubeError) as file:
        first = file.read(_FIRST)
    return first.startswith(_MAGIC) and PART.encode() in first
