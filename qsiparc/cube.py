"""The cube: the labelled Dataset that everything after extraction works on."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import xarray as xr
from xarray import as_variable
from xarray.indexes import PandasIndex

from qsiparc.errors import CubeError
from qsiparc.names import (
    CUBE_DIMS,
    FILE_COORDS,
    REGION_COORDS,
    SCALAR_COORDS,
    SUBJECT_COORDS,
    VALUE,
    VOXEL_DIMS,
    legible,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from numpy.typing import NDArray

TEXT: Final = np.dtypes.StringDType()
"""The type of all text in a cube: fixed-width text warns in zarr 3, objects cannot be stored."""

KNOWN_COORDS: Final = (*REGION_COORDS, *SCALAR_COORDS, *SUBJECT_COORDS, *FILE_COORDS)
"""Coordinates that every cube has beside its dims, in order."""


def text(values: Any, *, what: str = "names") -> NDArray[Any]:  # noqa: ANN401 - anything array-like
    """An array of text, from which nothing is missing.

    Parameters
    ----------
    values : array_like
        Strings, or what ``str`` makes of it.
    what : str
        What they are called in the error.

    Returns
    -------
    numpy.ndarray
        Of NumPy's `StringDType`.

    Raises
    ------
    CubeError
        One of them is None or NaN, which would be stored as an empty name without a word.
    """
    if isinstance(values, list | tuple) and set(map(type, values)) == {str}:
        try:
            return np.array(values, dtype=TEXT)
        except UnicodeEncodeError:  # of a file whose name is no UTF-8
            return np.array([legible(value) for value in values], dtype=TEXT)
    flat = np.asarray(values, dtype=object).ravel()
    missing = [n for n, value in enumerate(flat) if value is None or value != value]  # noqa: PLR0124 - NaN
    if missing:
        raise CubeError(f"Missing {what} at {missing[:5]}: every one needs a text.")
    return np.array([legible(str(value)) for value in flat], dtype=TEXT).reshape(np.shape(values))


def is_cube(dataset: xr.Dataset) -> bool:
    """Whether a dataset has the variable and the dimensions of a cube."""
    return VALUE in dataset.data_vars and set(CUBE_DIMS) <= set(
        dataset[VALUE].dims + tuple(dataset.coords)
    )


def require_cube(dataset: xr.Dataset) -> xr.Dataset:
    """The dataset itself, or `CubeError` if it is no cube."""
    if is_cube(dataset):
        twice = [d for d in CUBE_DIMS if d in dataset.indexes and dataset.indexes[d].has_duplicates]
        if twice:
            raise CubeError(
                f"Labels stand twice on {', '.join(twice)}, so that nobody could tell values "
                f"apart: {dataset[twice[0]].to_numpy().tolist()}. Name them differently."
            )
        _require_labels(dataset)
        apart = [n for n in REGION_COORDS if len(dataset.coords[n].dims) > 1]
        if apart:
            raise CubeError(
                f"{', '.join(apart)} differ along {dataset.coords[apart[0]].dims[1:]}: these "
                f"cubes were extracted with different look-up tables. Extract all with one."
            )
        return dataset
    raise CubeError(
        f"This dataset is no cube: a cube has the variable {VALUE!r} with "
        f"{', '.join(CUBE_DIMS)}; here are the variables {list(dataset.data_vars)} "
        f"with {dict(dataset.sizes)}. {way_to_a_cube(dataset)}"
    )


def over_cubes(tree: xr.DataTree, function: Callable[[xr.Dataset], xr.Dataset]) -> xr.DataTree:
    """A tree with a function applied to each of its cubes, or `CubeError` if it holds none."""
    if not any(node.data_vars for node in tree.subtree):
        raise CubeError(
            "This tree holds no cube. A tree of cubes is what qsiparc.open gives of a study, and "
            "xr.DataTree.from_dict({'4S156Parcels': cube}) makes one."
        )
    made: xr.DataTree = tree.map_over_datasets(
        lambda node: function(node) if node.data_vars else node
    )
    return made


def way_to_a_cube(dataset: xr.Dataset) -> str:
    """What to do with a dataset that is no cube, in words."""
    gone = [dim for dim in CUBE_DIMS if dim not in {*dataset.dims, *dataset.coords}]
    if dataset.data_vars and set(VOXEL_DIMS) <= set(dataset.dims):
        return (
            f"These are maps: .parc.extract(dseg, lut) makes a cube of them, and one of them is "
            f"dataset[{next(iter(dataset.data_vars))!r}]."
        )
    if VALUE in dataset.data_vars and set(gone) <= {"scalar", "subject"}:
        said = ", ".join(f"{dim}='mean'" for dim in gone)
        return (
            f"{' and '.join(gone)} went without a word on what is left. After a mean, say, "
            f".assign_coords({said}) says it."
        )
    return "A cube is what .parc.extract returns."


def _require_labels(dataset: xr.Dataset) -> None:
    """Check that everything in a cube says what it is: positions are no labels."""
    bare = [dim for dim in CUBE_DIMS if dim not in dataset.coords]
    if bare:
        raise CubeError(
            f"The dim {bare[0]!r} of this cube has no labels, so that nobody could tell what its "
            f"values are of: .assign_coords({bare[0]}=[…]) gives them."
        )
    gone = [name for name in REGION_COORDS if name not in dataset.coords]
    if gone:
        raise CubeError(
            f"This cube has no {' and no '.join(gone)}. Arithmetic of cubes with different look-up "
            f"tables drops what they do not share; extract all with one table, or "
            f".assign_coords({gone[0]}=('region', […])) gives it."
        )
    labels, values = dataset.coords["region"], dataset[VALUE]
    if labels.dtype.kind not in "iuf" or (
        labels.dtype.kind == "f" and bool((labels % 1 != 0).any())
    ):
        raise CubeError(
            f"The labels on 'region' are whole numbers; here {_few(labels)}. "
            f".assign_coords(region=[…]) gives them."
        )
    if values.dtype.kind not in "fiub":
        raise CubeError(
            f"The values of a cube are numbers; here {_few(values)}, of type {values.dtype}. "
            f".astype(float) makes them so, if they are."
        )


def _few(array: xr.DataArray) -> str:
    return ", ".join(map(repr, array.to_numpy().ravel()[:4].tolist()))


def assemble(
    values: xr.Variable, coords: Mapping[str, Any], attrs: Mapping[str, Any]
) -> xr.Dataset:
    """A cube, of its values and its coordinates.

    Parameters
    ----------
    values : Variable
        With ``region``, ``stat``, ``scalar``, perhaps ``subject``, and further dims.
    coords : mapping
        Of coordinates, as xarray takes them.
    attrs : mapping
        How it was made.

    Returns
    -------
    Dataset
        Dims in the order of a cube, all its own text as `StringDType`.

    Raises
    ------
    CubeError
        Names on ``scalar`` or ``subject`` are not unique, or missing.
    """
    if "subject" not in values.dims:
        values = values.set_dims({"subject": 1, **values.sizes})
    variables = {name: as_variable(coordinate, name=None) for name, coordinate in coords.items()}
    for dim in ("scalar", "subject"):
        if dim not in variables:
            raise CubeError(
                f"The dim {dim!r} has no names: .assign_coords({dim}=[…]) before, one for each."
            )
        names = text(variables[dim].values, what=f"{dim} names")
        if len(set(names.tolist())) < names.size:
            raise CubeError(f"Names on {dim!r} must be unique: {names.tolist()}.")
        variables[dim] = xr.Variable((dim,), names)
    values = values.transpose(*CUBE_DIMS, ...)
    ordered = _ordered(variables, values.dims)
    return xr.Dataset({VALUE: values}, _indexed(ordered), attrs)


def _indexed(variables: dict[Any, xr.Variable]) -> xr.Coordinates:
    """Coordinates with the indexes that xarray would make of them, those of text only once."""
    indexes: dict[Any, PandasIndex] = {}
    for dim, variable in variables.items():
        if variable.dims == (dim,):
            if variable.dtype == TEXT:
                indexes[dim] = _text_index(dim, tuple(variable.values.tolist()))
            else:
                indexes[dim] = PandasIndex.from_variables({dim: variable}, options={})
            variables |= indexes[dim].create_variables({dim: variable})
    return xr.Coordinates(variables, indexes)


@lru_cache(maxsize=32)  # of a study, those of the last few scans
def _text_index(dim: Hashable, names: tuple[str, ...]) -> PandasIndex:
    variable = xr.Variable((dim,), np.array(names, dtype=TEXT))
    return PandasIndex.from_variables({dim: variable}, options={})


def in_order(cube: xr.Dataset) -> xr.Dataset:
    """The same cube with its coordinates in order: the dims, then the others dim by dim.

    A repr shows the first few of many, and a store lists them alphabetically. Text is
    `StringDType` again, which netCDF does not tell.
    """
    coords = {name: cube.variables[name] for name in cube.coords}
    variables = {name: cube.variables[name] for name in (VALUE, *cube.data_vars)}
    return xr.Dataset(variables, _ordered(coords, cube[VALUE].dims), cube.attrs)


def _ordered(
    coords: Mapping[Any, xr.Variable], dims: tuple[Hashable, ...]
) -> dict[Any, xr.Variable]:
    """Coordinates in the order of a cube."""

    def rank(name: Hashable) -> tuple[bool, int, list[int], int]:
        own = coords[name].dims
        known = KNOWN_COORDS.index(str(name)) if name in KNOWN_COORDS else len(KNOWN_COORDS)
        places = [dims.index(dim) if dim in dims else len(dims) for dim in own]
        return name not in dims, len(own), places, known

    return {name: _as_text(coords[name]) for name in sorted(coords, key=rank)}


def _as_text(coordinate: xr.Variable) -> xr.Variable:
    """Text of a fixed width as text of any; other coordinates as they are."""
    if coordinate.dtype.kind not in "UO":
        return coordinate
    values = np.asarray(coordinate.values, dtype=object)
    if not all(isinstance(value, str) for value in values.flat):
        return coordinate
    return xr.Variable(coordinate.dims, values.astype(TEXT), coordinate.attrs)


def unselected(cube: xr.Dataset) -> xr.Dataset:
    """The same cube with all its dims, also those that a selection of one value dropped.

    Parameters
    ----------
    cube : Dataset
        With ``value``, and with a scalar coordinate for every dim that it lacks.

    Returns
    -------
    Dataset
        Dims in order; coordinates are back on the dims they belong to.
    """
    files = {name: cube.coords[name] for name in FILE_COORDS if name in cube.coords}
    values = require_cube(cube).drop_vars(files)[VALUE]
    belongs = {"scalar": SCALAR_COORDS, "subject": SUBJECT_COORDS, "stat": ()}
    elsewhere = {*SCALAR_COORDS, *SUBJECT_COORDS, *CUBE_DIMS}
    for dim in CUBE_DIMS:
        if dim in values.dims:
            continue
        lonely = [str(name) for name, c in values.coords.items() if c.ndim == 0]
        own = belongs.get(dim, tuple(name for name in lonely if name not in elsewhere))
        single = {name: (dim, values[name].data[None]) for name in own if name in lonely}
        values = values.drop_vars(single).expand_dims(dim).assign_coords(single)
    shapes = {name: [values.sizes[dim] for dim in FILE_COORDS[name]] for name in files}
    values = values.assign_coords(
        {
            name: (FILE_COORDS[name], np.reshape(coordinate.to_numpy(), shapes[name]))
            for name, coordinate in files.items()
        }
    )
    return in_order(values.transpose(*CUBE_DIMS, ...).to_dataset().assign_attrs(cube.attrs))


def text_coords(columns: Mapping[str, Any], dim: Hashable) -> dict[str, tuple[Hashable, Any]]:
    """Text coordinates on one dimension, from columns of text."""
    return {name: (dim, text(values, what=name)) for name, values in columns.items()}
