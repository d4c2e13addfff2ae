"""Regions × scans as a heat map, in groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.patches import Patch, Rectangle
from matplotlib.transforms import blended_transform_factory

from qsiparc.arguments import flag
from qsiparc.captions import caption, describe_values
from qsiparc.errors import SelectionError
from qsiparc.plot.choice import choose, stat_of, texts
from qsiparc.plot.style import (
    NO_VALUE,
    QUIET,
    SIDES,
    TICK,
    axes_or_new,
    colour_bar,
    colours,
    literal,
    name_ticks,
    shortened,
    tidy,
)  # fmt: skip

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from numpy.typing import NDArray

HEIGHT: Final = 140.0
"""Of a new figure at most [mm]."""

STRIP: Final = (-0.035, 0.022)
"""Left edge and width of the strip of hemispheres, as shares of the axes' width."""


def heatmap(
    cube: xr.Dataset,
    *,
    stat: str | None = None,
    scalar: str | None = None,
    group: str | None = "auto",
    cmap: str | Colormap | None = None,
    vmin: float | None = None,
    vmax: float | None = None,
    robust: bool = True,
    colorbar: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Regions × scans, in groups and by hemisphere; see ``.parc.plot.heatmap``."""
    colorbar = flag(colorbar, "colorbar")
    values = choose(
        cube,
        {"stat": stat_of(cube, stat), "scalar": scalar},
        keep=("region", "subject"),
        what="A heat map",
    )
    groups, sides = _groups(values, group), texts(values, "hemisphere")
    order = _order(groups, sides)
    table = values.to_numpy()[order]
    ax = axes_or_new(ax, height=float(np.clip(35 + 3 * len(table), 60, HEIGHT)))
    colouring = colours(table, cmap=cmap, vmin=vmin, vmax=vmax, robust=robust)
    image = ax.imshow(
        np.ma.masked_invalid(table),
        cmap=colouring[0].with_extremes(bad=NO_VALUE),
        norm=colouring[1],
        aspect="auto",
        interpolation="nearest",
    )
    tidy(ax, spines=())
    name_ticks(ax.xaxis, texts(values, "subject").tolist())
    ax.tick_params(axis="x", rotation=90)
    names = texts(values, "region_name")[order].tolist()
    if groups is None:
        name_ticks(ax.yaxis, names)
        ax.tick_params(axis="y", pad=9)
    else:
        ax.set_yticks([])
        _write_groups(ax, groups[order])
    _draw_sides(ax, sides[order], with_gap=bool(np.isnan(table).any()))
    if colorbar:
        colour_bar(
            ax, image, literal(caption(describe_values(values, cube.attrs))), extend=colouring[2]
        )
    return ax


def _groups(values: xr.DataArray, group: str | None) -> NDArray[Any] | None:
    """The group of each region; None where there are no groups."""
    known = [
        str(name) for name, one in values.coords.items()
        if one.dims == ("region",) and one.dtype.kind in "TUO"
    ]  # fmt: skip
    if group == "auto":
        named = [name for word in ("network_label", "network", "lobe") for name in known
                 if word in name.casefold()]  # fmt: skip
        group = named[0] if named else None
    if group is None:
        return None
    if group not in known:
        raise SelectionError(f"The regions have no {group!r} to group by; they have: {known}.")
    return texts(values, group)


def _order(groups: NDArray[Any] | None, sides: NDArray[Any]) -> NDArray[np.intp]:
    """Groups as they come, in each the left, then the right, and the order of the atlas."""
    ranks = {side: rank for rank, side in enumerate(SIDES)}
    by_side = np.array([ranks.get(side, len(ranks)) for side in sides])
    first: dict[str, int] = {}
    by_group = (
        np.array([first.setdefault(g, len(first)) for g in groups])
        if groups is not None
        else 0 * by_side
    )
    return np.lexsort((by_side, by_group))


def _runs(names: NDArray[Any]) -> list[tuple[str, int, int]]:
    """Runs of one name: the name, where it starts, where it stops."""
    starts = [0, *(np.flatnonzero(names[1:] != names[:-1]) + 1).tolist()]
    stops = [*starts[1:], len(names)]
    return [(str(names[start]), start, stop) for start, stop in zip(starts, stops, strict=True)]


def _draw_sides(ax: Axes, sides: NDArray[Any], *, with_gap: bool) -> None:
    beside = blended_transform_factory(ax.transAxes, ax.transData)
    for side, start, stop in _runs(sides):
        corner, width = (STRIP[0], start - 0.5), STRIP[1]
        strip = Rectangle(corner, width, stop - start, transform=beside, lw=0, clip_on=False)
        strip.set_color(SIDES.get(side, (QUIET, ""))[0])
        ax.add_patch(strip)
    there = [side for side in (*SIDES, *sorted(set(sides) - set(SIDES))) if side in sides]
    patches = [Patch(color=SIDES.get(s, (QUIET, ""))[0], label=literal(s or "?")) for s in there]
    if with_gap:
        patches.append(Patch(facecolor=NO_VALUE, label="no value"))
    ax.legend(
        handles=patches, fontsize=TICK, frameon=False, ncols=len(patches), loc="lower left",
        bbox_to_anchor=(-0.04, 1.0), borderaxespad=0.2, handlelength=1, columnspacing=1,
    )  # fmt: skip


def _write_groups(ax: Axes, groups: NDArray[Any]) -> None:
    """Names of groups beside them, moved apart where they are too near, with a line between."""
    runs = _runs(groups)
    for _, start, _ in runs[1:]:
        ax.axhline(start - 0.5, color="white", lw=0.6)
    height = ax.get_window_extent().height / ax.figure.dpi * 72
    gap = TICK * 1.2 * len(groups) / max(height, 1.0)
    room = max(int(len(groups) / gap), 1)
    if len(runs) > room:  # the largest groups
        runs = sorted(sorted(runs, key=lambda run: run[1] - run[2])[:room], key=lambda run: run[1])
    middles = np.array([(start + stop - 1) / 2 for _, start, stop in runs])
    placed = spread_out(middles, gap, len(groups) - 0.5)
    beside = blended_transform_factory(ax.transAxes, ax.transData)
    for (name, *_), middle, place in zip(runs, middles.tolist(), placed.tolist(), strict=True):
        ax.plot(
            (STRIP[0] - 0.005, STRIP[0] - 0.03), (middle, place),
            transform=beside, color=QUIET, lw=0.4, clip_on=False,
        )  # fmt: skip
        ax.text(
            STRIP[0] - 0.04, place, literal(shortened(name)),
            transform=beside, ha="right", va="center", fontsize=TICK,
        )  # fmt: skip


def spread_out(places: NDArray[np.float64], gap: float, end: float) -> NDArray[np.float64]:
    """Ascending places, moved no further than needed for a gap between each two.

    Parameters
    ----------
    places : numpy.ndarray
        (n,) ascending.
    gap : float
        The least distance.
    end : float
        None is moved beyond it, as far as there is room.

    Returns
    -------
    numpy.ndarray
        (n,) ascending.

    Examples
    --------
    >>> spread_out(np.array([1.0, 1.0, 8.0]), 1.0, 10.0).tolist()
    [0.5, 1.5, 8.0]
    """
    blocks: list[list[float]] = []  # wanted first place summed, and how many
    for place in places.tolist():
        blocks.append([place, 1])
        while len(blocks) > 1:
            (first, size), (second, more) = blocks[-2:]
            if first / size + size * gap <= second / more:
                break
            blocks[-2:] = [[first + second - more * size * gap, size + more]]
    result = [total / size + gap * step for total, size in blocks for step in range(int(size))]
    excess = max(result[-1] - end, 0.0) if result else 0.0
    return np.array(result) - excess
