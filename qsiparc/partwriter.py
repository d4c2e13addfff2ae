"""Writing the file of a part: its cubes as netCDF in the classic format, sealed.

SciPy writes it. What the format has no type for becomes another one: integers that 32 bits do not
hold are text, in decimal, and so are times; `qsiparc.partattrs.DTYPE` says what they are.
"""

from __future__ import annotations

import json
import zlib
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from qsiparc.cube import TEXT, text
from qsiparc.manifest import PART, PART_FORMAT
from qsiparc.partattrs import (
    ATLASES,
    COORDINATES,
    DTYPE,
    ENCODING,
    NATIVE,
    OF_THE_FILE,
    TRUTH,
    fits,
    from_name,
    to_attr,
    to_name,
)
from qsiparc.seal import seal_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr
    from numpy.typing import NDArray
    from scipy.io import netcdf_file
    from scipy.io._netcdf import netcdf_variable

_WIDTH: Final = "text"
"""Begins the name of the dim along the characters of a text."""

_MAX_BYTES: Final = 2**31 - 1
"""Of one variable, for SciPy."""


def encode_part(tree: xr.DataTree, attrs: Mapping[Any, Any]) -> tuple[bytes, bytes]:
    """The file of a part.

    Parameters
    ----------
    tree : DataTree
        A group an atlas, none below them.
    attrs : mapping
        Of the part, beside what the file needs.

    Returns
    -------
    content, seal : bytes
        All of the file, one behind the other.

    Raises
    ------
    ValueError
        Something cannot be stored: a dim without a length, a NUL in a text, a type that is neither
        number nor text, a name that is taken.
    """
    from scipy.io import netcdf_file

    if ATLASES in attrs:
        raise ValueError(f"An attribute of the part is called {ATLASES}: that name is taken.")
    nodes = {name: node.to_dataset(inherit=False) for name, node in tree.children.items()}
    listed = {
        atlas: [[*map(str, one.variables)], [*map(str, one.attrs)]] for atlas, one in nodes.items()
    }
    about = {PART: PART_FORMAT, ATLASES: json.dumps(listed, ensure_ascii=False), **attrs}
    with BytesIO() as buffer:
        file = netcdf_file(buffer, "w", version=2)
        _put_attrs(file, about)
        for atlas, dataset in nodes.items():
            _put_attrs(file, {f"{atlas}.{name}": value for name, value in dataset.attrs.items()})
            others = [f"{atlas}.{name}" for name in dataset.coords if name not in dataset.dims]
            told = {COORDINATES: " ".join(name for name in others if " " not in name)}
            for name, variable in dataset.variables.items():
                more = {} if name in dataset.coords else told
                _put(file, f"{atlas}.{name}", _array(atlas, str(name), variable), more)
        file.flush()
        content = buffer.getvalue()
    return content, seal_of(len(content), zlib.crc32(content))


def _put_attrs(thing: netcdf_file | netcdf_variable, attrs: Mapping[Any, Any]) -> None:
    for name, value in attrs.items():
        known = to_name(str(name))
        if hasattr(thing, known):
            raise ValueError(f"An attribute cannot be called {name}: that name is taken.")
        setattr(thing, known, to_attr(str(name), value))


def _put(file: netcdf_file, name: str, one: _Array, told: Mapping[str, str]) -> None:
    dims, sizes = [to_name(dim) for dim in one.dims], one.values.shape
    for dim, size in zip(dims, sizes, strict=True):
        if dim not in file.dimensions:
            file.createDimension(dim, size)
        if file.dimensions[dim] != size:
            raise ValueError(f"Two atlases would have a dim {from_name(dim)}, of two lengths.")
    if to_name(name) in file.variables:
        raise ValueError(f"Two atlases would have a variable {name}.")
    if one.values.nbytes > _MAX_BYTES:
        raise ValueError(f"{name} is of {one.values.nbytes:,} bytes, and {_MAX_BYTES:,} can be.")
    variable = file.createVariable(to_name(name), one.values.dtype, dims)
    _put_attrs(variable, {**told, **one.attrs})
    variable[...] = one.values


class _Array(NamedTuple):
    """A variable in a type that the format has."""

    dims: tuple[str, ...]
    values: NDArray[Any]
    attrs: Mapping[Any, Any]


def _array(atlas: str, name: str, variable: xr.Variable) -> _Array:
    dims = tuple(f"{atlas}.{dim}" for dim in variable.dims)
    values, attrs = variable.to_numpy(), variable.attrs
    dtype, kind = values.dtype, values.dtype.kind
    if empty := [str(dim) for dim, size in variable.sizes.items() if size == 0]:
        raise ValueError(f"{atlas}.{name}: {empty[0]} has the length 0.")
    if taken := (OF_THE_FILE | ({TRUTH} if kind == "b" else set())).intersection(attrs):
        raise ValueError(f"An attribute of {name} is called {min(taken)}: that name is taken.")
    if dtype.str[1:] in NATIVE:
        return _Array(dims, values, attrs)
    if kind in "TUO":
        strings = (values if dtype == TEXT else text(values)).ravel().tolist()
    elif kind in "biumM":
        attrs = attrs | {DTYPE: dtype.name} | ({TRUTH: "bool"} if kind == "b" else {})
        if kind == "b":
            return _Array(dims, values.astype(np.int8), attrs)
        integers = values.view(np.int64) if kind == "m" else values
        if kind != "M" and fits(integers):
            return _Array(dims, integers.astype(np.int32), attrs)
        told = np.datetime_as_string(values.ravel()) if kind == "M" else integers.ravel()
        strings = [str(one) for one in told.tolist()]
    else:
        raise ValueError(f"{name} is of type {dtype}.")
    words = "\0".join(strings).encode().split(b"\0")
    if len(words) != len(strings):
        raise ValueError(f"{atlas}: a text in {name} holds a NUL, where netCDF ends a text.")
    width = max(1, *map(len, words))
    letters = np.array(words, f"S{width}").view("S1").reshape(*values.shape, width)
    return _Array((*dims, f"{_WIDTH}{width}"), letters, attrs | {ENCODING: "utf-8"})
