"""Choosing from a cube by the name of anything that stands beside its numbers."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
import xarray as xr

from qsiparc.cube import TEXT, over_cubes, way_to_a_cube
from qsiparc.errors import CubeError, OptionError, SelectionError
from qsiparc.names import VOXEL_DIMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

T = TypeVar("T", xr.Dataset, xr.DataTree)

UNIQUE_NAMES: Final = ("region_name",)
"""Coordinates whose values name one thing each, so that selecting one drops the dimension."""

_N_NEAR: Final = 3
_N_SHOWN: Final = 8


def wanted_of(
    arguments: Mapping[str, Any], where: Mapping[str, Any] | None, others: Mapping[str, Any]
) -> dict[str, Any]:
    """What the arguments of ``.parc.sel`` ask for, together.

    Parameters
    ----------
    arguments : mapping
        Values of the coordinates that every cube has; None asks for nothing.
    where : mapping or None
        Values of other coordinates.
    others : mapping
        The same, given as keywords.

    Returns
    -------
    dict
        As `select` takes it.

    Raises
    ------
    OptionError
        ``where`` is no mapping, or a coordinate is asked for twice, or for None.
    """
    if where is not None and not isinstance(where, Mapping):
        raise OptionError(
            f"where takes a dict, {{'network_label': 'Vis'}} say, not {type(where).__name__}."
        )
    named = [*others.items(), *(where or {}).items()]
    nothing = [name for name, value in named if value is None]
    if nothing:
        raise OptionError(
            f"{nothing[0]!r} is asked to be None. Leave it out to have all, or give a label; a "
            f"label that is missing is ''."
        )
    twice = [name for name in where or {} if name in others or arguments.get(name) is not None]
    if twice:
        raise OptionError(f"{twice[0]} is asked for twice: as an argument and in where.")
    return {**arguments, **dict(named)}


def select(cube: T, wanted: Mapping[str, str | int | Sequence[Any] | slice | None]) -> T:
    """Select from a cube by the name of any coordinate.

    Parameters
    ----------
    cube : Dataset or DataTree
        Of ``.parc.extract``; in a tree, every cube is selected from.
    wanted : mapping
        Values by coordinate, one or several each; None selects nothing out.

    Returns
    -------
    Dataset or DataTree
        A single value of a dimension, or a region name that only one region has, drops the
        dimension; everything else keeps it.

    Raises
    ------
    SelectionError
        The cube has no such coordinate or no such value; near ones are named.
    """
    if isinstance(cube, xr.DataTree):
        return over_cubes(cube, lambda node: _select_in_tree(node, wanted))
    for name, value in wanted.items():
        if value is None:
            continue
        if name not in cube.coords:
            if set(VOXEL_DIMS) <= set(cube.dims):
                raise SelectionError(f"This is no cube. {way_to_a_cube(cube)}")
            there = [str(one) for one in cube.coords]
            near = difflib.get_close_matches(name, there, 1)
            raise SelectionError(
                f"The cube has no coordinate {name!r}."
                f"{f' Near: {near[0]}.' if near else ''} It has: {', '.join(there)}."
            )
        cube = _select_one(cube, name, value)
    return cube


def _select_in_tree(cube: xr.Dataset, wanted: Mapping[str, Any]) -> xr.Dataset:
    """Select from one cube of several; an error says from which."""
    try:
        return select(cube, wanted)
    except SelectionError as error:
        atlas = cube.attrs.get("atlas", "")
        raise SelectionError(
            f"{atlas}: {error} A tree is selected from in all of its atlases; one of them is "
            f"tree[{atlas!r}].to_dataset()."
        ) from error


def _select_one(cube: xr.Dataset, name: str, value: Any) -> xr.Dataset:  # noqa: ANN401 - any label
    coordinate = cube.coords[name]
    if coordinate.ndim > 1:
        apart = "region" in coordinate.dims
        told = " These cubes were extracted with different look-up tables." if apart else ""
        raise CubeError(
            f"{name!r} is a coordinate on {coordinate.dims} and selects nothing by itself.{told}"
        )
    if isinstance(value, slice):
        return _between(cube, name, value)
    if isinstance(value, xr.DataArray):
        value = value.values
    if np.asarray(value).dtype.kind == "b":
        raise SelectionError(
            f"{name} takes labels, not True and False. Of a condition, xarray selects: "
            f"cube.isel(region=np.flatnonzero(condition)), say."
        )
    if np.ndim(value) > 1 or (np.ndim(value) == 0 and _is_collection(value)):
        raise SelectionError(
            f"{name} takes one value or a flat list of values, not {type(value).__name__} "
            f"{value!r:.60}."
        )
    values = np.atleast_1d(coordinate.values)
    is_single = np.ndim(value) == 0
    wanted = [value] if is_single else value
    if name == "region" and any(isinstance(one, str) for one in wanted):
        raise SelectionError("region takes labels, whole numbers; region_name=… takes names.")
    places = [_places(cube, values, one, name) for one in wanted]
    if coordinate.ndim == 0:
        return cube
    (dim,) = coordinate.dims
    drops = is_single and (name == dim or name in UNIQUE_NAMES) and places[0].size == 1
    chosen: Any = int(places[0][0]) if drops else np.concatenate([*places, np.empty(0, np.intp)])
    return cube.isel({dim: chosen})


def _is_collection(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | np.ndarray)


def _between(cube: xr.Dataset, name: str, value: slice) -> xr.Dataset:
    """A range of labels, as xarray has it: of what is a dim's own coordinate, ends included."""
    ends = [end for end in (value.start, value.stop) if end is not None]
    values = np.atleast_1d(cube.coords[name].to_numpy())
    nowhere = SelectionError(
        f"There is no range {value.start!r} to {value.stop!r} of {name} in this cube: a slice goes "
        f"from one label to another, both included; where labels repeat, give a list."
    )
    if not all(_comparable(values, end) for end in ends):
        raise nowhere
    try:
        return cube.sel({name: value})
    except (KeyError, TypeError, ValueError) as error:
        raise nowhere from error


def _places(cube: xr.Dataset, values: NDArray[Any], wanted: Any, name: str) -> NDArray[np.intp]:  # noqa: ANN401 - any label
    """Where a value stands; text that is not there as it is written, whatever its case."""
    found = (
        np.flatnonzero(values == wanted) if _comparable(values, wanted) else np.empty(0, np.intp)
    )
    if found.size == 0 and isinstance(wanted, str) and _comparable(values, wanted):
        folded = [str(value).casefold() for value in values]
        found = np.flatnonzero(np.array(folded, dtype=TEXT) == wanted.casefold())
    if found.size:
        return found
    known = list(dict.fromkeys(map(str, values.tolist())))
    begins = [one for one in known if one.casefold().startswith(str(wanted).casefold())]
    close = difflib.get_close_matches(str(wanted), known, _N_NEAR)
    near = list(dict.fromkeys([*begins, *close]))[:_N_NEAR] or known[:_N_SHOWN]
    elsewhere = [
        str(other)
        for other, coordinate in cube.coords.items()
        if coordinate.dims == cube.coords[name].dims
        and _comparable(coordinate.to_numpy(), wanted)
        and (coordinate == wanted).any()
    ]
    hint = (
        f" There is a {elsewhere[0]} of this name: {_typed(elsewhere[0], wanted)}."
        if elsewhere
        else ""
    )
    raise SelectionError(
        f"There is no {name} {wanted!r} in this cube. Near: {', '.join(near)}.{hint}"
    )


def _typed(name: str, wanted: Any) -> str:  # noqa: ANN401 - any label
    """What to type for a coordinate: what is no name of an argument goes by `where`."""
    return f"{name}={wanted!r}" if name.isidentifier() else f"where={{{name!r}: {wanted!r}}}"


def _comparable(values: NDArray[Any], wanted: Any) -> bool:  # noqa: ANN401 - any label
    return isinstance(wanted, str) == (values.dtype.kind in "TUO")
