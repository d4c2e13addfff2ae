"""Regions by their value, with its spread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from qsiparc.arguments import is_one_of
from qsiparc.captions import caption, describe_values
from qsiparc.errors import CubeError, OptionError
from qsiparc.names import LATERALITY
from qsiparc.plot.choice import choose, stat_of, texts
from qsiparc.plot.style import (
    QUIET,
    SIDES,
    TICK,
    axes_or_new,
    legend_below,
    literal,
    name_ticks,
    number_ticks,
    shortened,
    tidy,
)
from qsiparc.selection import select

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

Spread = Literal["auto", "std", "iqr"]


def regions(
    cube: xr.Dataset,
    *,
    stat: str | None = None,
    scalar: str | None = None,
    subject: str | None = None,
    spread: Spread | None = "auto",
    ax: Axes | None = None,
) -> Axes:
    """Regions ranked by their value, the largest on top; see ``.parc.plot.regions``."""
    if spread is not None and not is_one_of(spread, get_args(Spread)):
        raise OptionError(f"spread takes 'auto', 'std', 'iqr' or None, not {spread!r}.")
    stat = stat_of(cube, stat)
    wanted = {"scalar": scalar, "subject": subject}
    values = choose(
        cube, {"stat": stat, **wanted}, keep=("region", "subject"), what="A ranking of regions"
    )
    several = values.sizes["subject"] > 1
    centre, low, high, said = (
        _across(values.to_numpy(), spread)
        if several
        else _within(cube, values.to_numpy()[:, 0], stat, wanted, spread)
    )
    known = np.flatnonzero(~np.isnan(centre))
    order = known[np.argsort(-centre[known], kind="stable")]
    ax = axes_or_new(ax, height=float(np.clip(18 + 3 * order.size, 45, 180)))
    _draw(ax, centre[order], (low[order], high[order]), texts(values, "hemisphere")[order])
    names = texts(values, "region_name")
    name_ticks(ax.yaxis, names[order].tolist())
    tidy(ax, x=literal(caption(describe_values(values, cube.attrs))))
    number_ticks(ax.xaxis)
    if order.size and centre[order[-1]] < 0 < centre[order[0]]:
        ax.axvline(0, color=QUIET, lw=0.5, ls=(0, (3, 2)), zorder=0)
    ax.set_ylim(max(order.size, 1) - 0.2, -0.8)
    if order.size:
        legend_below(ax, markerscale=3 / _size(order.size))
    lost = names[np.isnan(centre)]
    told = ", ".join(map(shortened, lost)) if lost.size <= 3 else f"{lost.size} regions"  # noqa: PLR2004 - a line
    title = [said, f"no value: {told}" if lost.size else ""]
    ax.set_title(literal("\n".join(filter(None, title))), fontsize=TICK, loc="left")
    return ax


def _across(
    values: NDArray[np.float64], spread: Spread | None
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], str]:
    """Centre and whiskers of each region over scans, and what they are."""
    n = values.shape[1]
    result = np.full((3, len(values)), np.nan)
    full = ~np.isnan(values).all(axis=1)
    if spread == "std":
        mean = np.nanmean(values[full], axis=1)
        std = np.nanstd(values[full], axis=1)
        result[:, full] = mean, mean - std, mean + std
        return (*result, f"mean ± std of {n} scans")
    result[:, full] = np.nanpercentile(values[full], (50, 25, 75), axis=1)
    if spread is None:
        result[1:] = np.nan
        return (*result, f"median of {n} scans")
    return (*result, f"median and quartiles of {n} scans")


def _within(
    cube: xr.Dataset,
    centre: NDArray[np.float64],
    stat: str,
    wanted: dict[str, str | None],
    spread: Spread | None,
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], str]:
    """Centre and whiskers of each region over its voxels, and what they are."""
    stats = [str(name) for name in np.atleast_1d(cube["stat"].to_numpy())]

    def other(name: str) -> NDArray[np.float64]:
        chosen = choose(cube, {"stat": name, **wanted}, keep=("region",), what="A ranking")
        return np.asarray(chosen.to_numpy(), np.float64)

    if LATERALITY in cube.attrs:
        if spread not in {"auto", None}:
            raise CubeError(
                f"This is a cube of {cube.attrs[LATERALITY]}: its {spread} compares two spreads "
                f"and is none itself. Rank it with spread=None, or several scans at once."
            )
        spread = None
    if spread == "auto":
        spread = {"mean": "std", "median": "iqr"}.get(stat)  # type: ignore[assignment]
        spread = spread if spread in stats else None
    if spread is None:
        return centre, np.full_like(centre, np.nan), np.full_like(centre, np.nan), ""
    if spread == "iqr" and {"percentile_25", "percentile_75"} <= set(stats):
        return centre, other("percentile_25"), other("percentile_75"), "quartiles of the voxels"
    if spread not in stats:
        select(cube, {"stat": spread})  # says what there is
        raise CubeError(f"This cube has no {spread!r} to show as the spread.")
    half = other(spread) / (2 if spread == "iqr" else 1)
    said = "± std of the voxels" if spread == "std" else "± half the IQR of the voxels"
    return centre, centre - half, centre + half, said


def _draw(
    ax: Axes,
    centre: NDArray[np.float64],
    ends: tuple[NDArray[np.float64], NDArray[np.float64]],
    sides: NDArray[Any],
) -> None:
    ranks = np.arange(centre.size)
    size = _size(centre.size)
    for side in [*SIDES, *sorted(set(sides) - set(SIDES))]:
        at = sides == side
        if not at.any():
            continue
        colour, marker = SIDES.get(side, (QUIET, "^"))
        ax.hlines(ranks[at], ends[0][at], ends[1][at], color=colour, lw=size / 4, alpha=0.6)
        ax.plot(
            centre[at], ranks[at], marker, ms=size, mew=0, color=colour, label=literal(side or "?")
        )


def _size(n: int) -> float:
    """Of a marker [pt], where there are so many."""
    return float(np.clip(110 / max(n, 1), 1.4, 3.2))
