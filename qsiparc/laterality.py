"""How left and right differ, region by region."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeVar, get_args

import numpy as np
import xarray as xr

from qsiparc.arguments import is_one_of
from qsiparc.atlas.hemisphere import infer_hemisphere, without_side
from qsiparc.cube import assemble, over_cubes, text, text_coords, unselected
from qsiparc.errors import CubeError, OptionError, QsiparcWarning, warn
from qsiparc.groups import common_columns, member_labels, region_columns, some_names
from qsiparc.names import LATERALITY, MEMBER_LABELS, VALUE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

T = TypeVar("T", xr.Dataset, xr.DataTree)

Kind = Literal["index", "difference"]

FORMULAS: Final = {"index": "(L - R) / (L + R)", "difference": "L - R"}


class Pairs(NamedTuple):
    """Regions that are each other's counterparts.

    Parameters
    ----------
    names : list of str
        (pairs,) what they are called without their side.
    places : list of (int, int)
        (pairs,) of the left and of the right one.
    alone : list of int
        Places of regions without a counterpart.
    """

    names: list[str]
    places: list[tuple[int, int]]
    alone: list[int]


def laterality(cube: T, *, kind: Kind = "index") -> T:
    """The difference of left and right of a cube; see ``Dataset.parc.laterality``."""
    if not is_one_of(kind, get_args(Kind)):
        raise OptionError(f"kind takes 'index' or 'difference', not {kind!r}.")
    if isinstance(cube, xr.DataTree):
        return over_cubes(cube, lambda node: laterality(node, kind=kind))
    whole = unselected(cube)
    columns = region_columns(whole)
    pairs = find_pairs(columns["region_name"], columns["hemisphere"])
    if not pairs.places:
        raise CubeError(
            f"No region has a counterpart on the other side. Pairs are found by name and "
            f"hemisphere; the regions are {some_names(columns['region_name'])}."
        )
    _tell_of(pairs.alone, columns)
    left, right = (
        whole.variables[VALUE].isel(region=list(side)) for side in zip(*pairs.places, strict=True)
    )
    function = _index if kind == "index" else np.subtract
    values = xr.apply_ufunc(function, left, right, dask="parallelized", output_dtypes=[np.float64])
    shared = common_columns(columns, pairs.places)
    kept = {str(n): c.variable for n, c in whole.coords.items() if "region" not in c.dims}
    coords = {
        **kept,
        "region": ("region", np.arange(1, len(pairs.names) + 1)),
        **text_coords({**shared, "region_name": pairs.names}, "region"),
        **text_coords({MEMBER_LABELS: member_labels(whole, pairs.places)}, "region"),
    }
    if kind == "index" and "units" in kept:
        coords["units"] = (kept["units"].dims, text(np.full(kept["units"].shape, "1", object)))
    result = assemble(values, coords, {**cube.attrs, LATERALITY: FORMULAS[kind]})
    return result.isel(
        {dim: 0 for dim in ("stat", "scalar", "subject") if dim not in cube[VALUE].dims}
    )


def find_pairs(names: Sequence[str], hemispheres: Sequence[str]) -> Pairs:
    """Pair regions that have one name but for their side.

    Parameters
    ----------
    names, hemispheres : sequence of str
        (regions,) names, and ``L``, ``R`` or ``bilateral``.

    Returns
    -------
    Pairs
        In the order of the left ones.

    Raises
    ------
    CubeError
        Two regions of one side have the same name without it.

    Examples
    --------
    >>> find_pairs(["LH_Vis_1", "RH_Vis_1", "Stem"], ["L", "R", "bilateral"])
    Pairs(names=['Vis_1'], places=[(0, 1)], alone=[2])
    """
    stems = {n: without_side(names[n]) for n, side in enumerate(hemispheres) if side in {"L", "R"}}
    found = _match(stems, names, hemispheres)
    paired = {place for pair in found.values() for place in pair}
    # Some names say their side twice, as `lh_L_V1` of HCP's areas in FreeSurfer.
    again = {
        n: without_side(stem)
        for n, stem in stems.items()
        if n not in paired and infer_hemisphere(stem) == hemispheres[n]
    }
    found |= _match(again, names, hemispheres)
    order = sorted(found, key=found.__getitem__)
    paired = {place for pair in found.values() for place in pair}
    alone = [n for n in range(len(names)) if n not in paired]
    return Pairs(order, [found[stem] for stem in order], alone)


def _match(
    stems: Mapping[int, str], names: Sequence[str], hemispheres: Sequence[str]
) -> dict[str, tuple[int, int]]:
    """Left and right place of each name that both sides have."""
    sides: dict[str, dict[str, list[int]]] = {}
    for place, stem in stems.items():
        sides.setdefault(stem, {"L": [], "R": []})[hemispheres[place]].append(place)
    both = {stem: side for stem, side in sides.items() if side["L"] and side["R"]}
    for stem, side in both.items():
        for places in side.values():
            if len(places) > 1:
                named = " and ".join(repr(names[place]) for place in places)
                raise CubeError(
                    f"{named} are on one side, and without it both are called {stem!r}: nobody can "
                    f"tell which of them is the counterpart. Select one, or rename them."
                )
    return {stem: (side["L"][0], side["R"][0]) for stem, side in both.items()}


def _tell_of(alone: Sequence[int], columns: Mapping[str, Sequence[str]]) -> None:
    if alone:
        named = [f"{columns['region_name'][n]} ({columns['hemisphere'][n]})" for n in alone]
        warn(
            f"{len(alone)} of {len(columns['region_name'])} regions have no counterpart on the "
            f"other side and are left out: {some_names(named)}.",
            QsiparcWarning,
        )


def _index(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """(L − R) / (L + R) where both have one sign, so that it is bounded; elsewhere NaN."""
    total = left + right
    index = np.full_like(total, np.nan)
    np.divide(left - right, total, out=index, where=(left * right >= 0) & (total != 0))
    return index
