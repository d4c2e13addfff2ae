"""Which regions make a group: by a column beside them, or by a mapping."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import pandas as pd

from qsiparc.errors import OptionError, QsiparcWarning, SelectionError, warn
from qsiparc.names import MEMBER_LABELS, REGION_COORDS

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

Region: TypeAlias = str | int
By: TypeAlias = str | Sequence[str] | Mapping[str, Sequence[Region]] | Mapping[Region, str]
"""What makes groups: a column, several, group → regions, or region → group."""

NO_GROUP: Final = frozenset({"", "n/a"})
"""What a cell says, in small letters, of a region that belongs to no group."""

SHOWN: Final = 5


@dataclass(frozen=True, eq=False)
class Groups:
    """Groups of regions, in the order of their first region.

    Parameters
    ----------
    columns : dict of str to list of str
        Text a group: ``region_name``, ``hemisphere``, and every other column of the regions that
        has one value in each group.
    members : tuple of numpy.ndarray
        Of each group, the places of its regions.
    by : str
        What made them, in words.
    """

    columns: dict[str, list[str]]
    members: tuple[NDArray[np.intp], ...]
    by: str

    @property
    def names(self) -> list[str]:
        """(groups,) their names."""
        return self.columns["region_name"]


def group_regions(
    labels: Sequence[int],
    columns: Mapping[str, Sequence[str]],
    by: By,
    *,
    by_hemisphere: bool = False,
) -> Groups:
    """Put regions into groups.

    Parameters
    ----------
    labels : sequence of int
        (regions,) their labels.
    columns : mapping of str to sequence of str
        (regions,) text each: ``region_name``, ``hemisphere`` and others.
    by : str, sequence of str, or mapping
        The name of a column, or of several; or a mapping of groups to their regions, or of regions
        to their group, where a region is a label or a name.
    by_hemisphere : bool, optional
        Whether the regions of each hemisphere make groups of their own.

    Returns
    -------
    Groups
        The groups.

    Raises
    ------
    SelectionError
        There is no such column or region.
    OptionError
        No region is in a group, or one stands twice in the same.

    Warns
    -----
    QsiparcWarning
        Regions have no group in a column: the cell is empty or ``n/a``.

    Examples
    --------
    >>> names = {"region_name": ["LH_Vis", "RH_Vis"], "hemisphere": ["L", "R"]}
    >>> group_regions([1, 2], names, {"Vis": ["LH_Vis", 2]}).columns
    {'region_name': ['Vis'], 'hemisphere': ['bilateral']}
    """
    by = _plain(by)
    if isinstance(by, Mapping):
        found = _from_mapping(labels, columns["region_name"], by)
        split = [columns["hemisphere"]] if by_hemisphere else []
        keyed: dict[tuple[str, ...], list[int]] = {}
        for name, places in found.items():
            for place in places:
                keyed.setdefault((name, *(column[place] for column in split)), []).append(place)
        what = "a mapping"
    else:
        headings = [by] if isinstance(by, str) else list(by)
        headings += ["hemisphere"] if by_hemisphere and "hemisphere" not in headings else []
        keyed = _from_columns(columns, headings)
        what = " ".join(headings)
    if not keyed:
        raise OptionError(f"No region is in a group: {by!r}.")
    members = tuple(np.array(places, np.intp) for places in keyed.values())
    names = ["_".join(key) for key in keyed]
    shared = common_columns(columns, list(keyed.values()))
    return Groups({"region_name": names, **shared}, members, what)


def _plain(by: Any) -> Any:  # noqa: ANN401 - whatever was given
    """What makes groups, of a Series its mapping; an error that says what may be given instead."""
    if isinstance(by, pd.Series):
        return by.to_dict()
    is_names = isinstance(by, Sequence) and all(isinstance(name, str) for name in by)
    if not isinstance(by, Mapping) and not is_names:
        named = getattr(by, "name", None)
        hint = f" Of a coordinate, give its name: {named!r}." if isinstance(named, str) else ""
        raise TypeError(
            f"by takes the name of a column, a list of them, or a mapping of groups to lists of "
            f"regions, not {repr(by).splitlines()[0]}. Of one group: {{'its name': [its regions]}}."
            f"{hint}"
        )
    nameless = [name for name in by if name is None or name == ""]
    if nameless:
        raise OptionError(f"{nameless[0]!r} is no name: of a group, give it one.")
    return by


def _from_columns(
    columns: Mapping[str, Sequence[str]], headings: Sequence[str]
) -> dict[tuple[str, ...], list[int]]:
    """Places of regions by the cells of some columns."""
    unknown = [name for name in headings if name not in columns]
    if unknown or not headings:
        said = f"There is no column {', '.join(unknown)!r}" if unknown else "by names no column"
        raise SelectionError(f"{said} beside the regions. There are: {', '.join(columns)}.")
    keyed: dict[tuple[str, ...], list[int]] = {}
    left_out = []
    for place, cells in enumerate(zip(*(columns[name] for name in headings), strict=True)):
        if any(cell.strip().casefold() in NO_GROUP for cell in cells):
            left_out.append(columns["region_name"][place])
        else:
            keyed.setdefault(cells, []).append(place)
    _warn_of(left_out, len(columns["region_name"]), " or ".join(headings))
    return keyed


def _from_mapping(
    labels: Sequence[int], names: Sequence[str], by: Mapping[Any, Any]
) -> dict[str, list[int]]:
    """Places of regions by group, from either direction of a mapping."""
    groups: dict[str, list[int]] = {}
    left_out = []
    for key, value in by.items():
        if isinstance(value, str) or value is None or value != value:  # noqa: PLR0124 - NaN, as pandas has it
            if str(value).casefold() in NO_GROUP | {"none", "nan"}:
                left_out.append(str(key))
                continue
            group, regions = value, [key]
        elif isinstance(value, Iterable):
            group, regions = str(key), list(value)
        else:
            raise OptionError(
                f"A mapping is of groups to lists of regions, or of regions to the name of their "
                f"group, which is text; not {key!r} to {value!r}."
            )
        places = groups.setdefault(group, [])
        for region in regions:
            found = _find(region, labels, names, group)
            twice = [place for place in found if place in places]
            if twice:
                raise OptionError(f"{names[twice[0]]!r} stands twice in the group {group!r}.")
            places += found
    _warn_of(left_out, len(by), "group")
    return {group: places for group, places in groups.items() if places}


def _warn_of(left_out: Sequence[str], among: int, what: str) -> None:
    """Name the regions that have no group, unless none has one, which is an error."""
    if left_out and len(left_out) < among:
        warn(
            f"{len(left_out)} of {among} regions have no {what} and are left out: "
            f"{some_names(left_out)}.",
            QsiparcWarning,
        )


def _find(region: Any, labels: Sequence[int], names: Sequence[str], group: str) -> list[int]:  # noqa: ANN401 - a label or a name
    of = names if isinstance(region, str) else labels
    found = [place for place, value in enumerate(of) if value == region]
    if not found:
        near = difflib.get_close_matches(str(region), list(map(str, of)), 3)
        hint = f" Near: {', '.join(near)}." if near else ""
        if group in names:
            hint = f" Of a group {region!r} with the region {group!r}: {{{region!r}: [{group!r}]}}."
        raise SelectionError(f"There is no region {region!r} to group.{hint}")
    return found


def common_columns(
    columns: Mapping[str, Sequence[str]], members: Sequence[Sequence[int] | NDArray[np.intp]]
) -> dict[str, list[str]]:
    """The hemisphere of groups, and whatever column has one value in each of them.

    Parameters
    ----------
    columns : mapping of str to sequence of str
        (regions,) text each.
    members : sequence of sequence of int
        Of each group, the places of its regions.

    Returns
    -------
    dict of str to list of str
        ``hemisphere``, ``bilateral`` where a group has several, and others.
    """
    cells = {
        heading: [list(dict.fromkeys(column[place] for place in places)) for places in members]
        for heading, column in columns.items()
    }
    sides = [one[0] if len(one) == 1 else "bilateral" for one in cells["hemisphere"]]
    further = {
        heading: [one[0] for one in column]
        for heading, column in cells.items()
        if heading not in REGION_COORDS and all(len(one) == 1 for one in column)
    }
    return {"hemisphere": sides, **further}


def region_columns(cube: xr.Dataset) -> dict[str, list[str]]:
    """Text on ``region``, column by column, of a cube that has this dim."""
    return {
        str(name): list(map(str, coordinate.to_numpy().tolist()))
        for name, coordinate in cube.coords.items()
        if coordinate.dims == ("region",) and name != "region"
    }


def member_labels(
    cube: xr.Dataset, members: Sequence[Sequence[int] | NDArray[np.intp]]
) -> list[str]:
    """The labels of each group's regions, as text; of groups of groups, those of the first ones.

    Parameters
    ----------
    cube : Dataset
        With the dim ``region``.
    members : sequence of sequence of int
        Of each group, the places of its regions.

    Returns
    -------
    list of str
        (groups,) labels with a blank between them.
    """
    of = MEMBER_LABELS if MEMBER_LABELS in cube.coords else "region"
    labels = list(map(str, cube[of].to_numpy().tolist()))
    return [" ".join(labels[place] for place in places) for places in members]


def some_names(names: Sequence[str]) -> str:
    """The first few of many names, as text."""
    shown = ", ".join(names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown}, … ({len(names)} in all)"
