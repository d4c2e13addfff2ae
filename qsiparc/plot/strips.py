"""A dot for every scan: how much of each region was seen, and the values of one region."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qsiparc.arguments import number, whole
from qsiparc.captions import caption, describe_values
from qsiparc.cube import require_cube, unselected
from qsiparc.errors import CubeError, OptionError, SelectionError
from qsiparc.names import LATERALITY, VALUE
from qsiparc.plot.choice import choose, stat_of, texts
from qsiparc.plot.style import (
    ACCENT,
    PLAIN,
    QUIET,
    TICK,
    axes_or_new,
    legend_below,
    literal,
    name_ticks,
    number_ticks,
    shortened,
    tidy,
)  # fmt: skip

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from numpy.typing import NDArray


def coverage(
    cube: xr.Dataset,
    *,
    scalar: str | None = None,
    subject: str | None = None,
    threshold: float = 0.5,
    show: int = 25,
    ax: Axes | None = None,
) -> Axes:
    """The regions of which least was seen, a dot a scan; see ``.parc.plot.coverage``."""
    said = "a share of a region, from 0 to 1"
    if not 0 <= number(threshold, "threshold", what=said) <= 1:
        raise OptionError(f"threshold is {said}, not {threshold!r}.")
    show = whole(show, "show", what="regions are shown")
    if LATERALITY in cube.attrs:
        raise CubeError(
            f"This is a cube of {cube.attrs[LATERALITY]}, also of the coverage. What was seen says "
            f"the cube that it was made of."
        )
    wanted = {"stat": "coverage", "scalar": scalar, "subject": subject}
    every = unselected(require_cube(cube))[VALUE]
    keep = ("region", *(dim for dim in every.dims if dim not in {"region", "stat"}))
    values = choose(cube, wanted, keep=[str(dim) for dim in keep], what="Coverage")
    shares = values.to_numpy().reshape(values.sizes["region"], -1)
    worst = np.where(np.isnan(shares), -1.0, shares).min(axis=1)
    lacking = np.flatnonzero(worst < 1)
    order = lacking[np.argsort(worst[lacking], kind="stable")][:show]
    ax = axes_or_new(ax, height=float(np.clip(28 + 3 * order.size, 45, 110)))
    _dots(ax, shares[order], threshold)
    names = texts(values, "region_name")[order]
    name_ticks(ax.yaxis, names.tolist())
    tidy(ax, x="coverage [% of the region's voxels]")
    ax.set(xlim=(-4, 104), ylim=(max(order.size, 1) - 0.2, -0.8))
    low = f"{np.count_nonzero(worst < threshold)} of {worst.size} regions below {threshold:.0%}"
    told = f"{low} in some scan,\n{lacking.size} not seen in full" + (
        f"; the lowest {show} are shown" if lacking.size > show else ""
    )
    if not lacking.size:
        told = f"all {worst.size} regions seen in full in every scan"
    ax.set_title(told, fontsize=TICK, loc="left")
    return ax


def _dots(ax: Axes, shares: NDArray[np.float64], threshold: float) -> None:
    rows = np.broadcast_to(np.arange(len(shares))[:, None], shares.shape)
    for at, colour, marker, label in (
        (shares >= threshold, PLAIN, "o", f"at least {threshold:.0%}"),
        (shares < threshold, ACCENT, "D", f"below {threshold:.0%}"),
        (np.isnan(shares), "black", "x", "not in the dseg"),
    ):
        if at.any():
            style: dict[str, Any] = {"mew": 0.7} if marker == "x" else {"mew": 0, "alpha": 0.7}
            where = np.nan_to_num(100 * shares[at])
            ax.plot(where, rows[at], marker, color=colour, ms=2.6, label=label, **style)
    if not len(shares):
        return
    ax.hlines(np.arange(len(shares)), 0, 100, color="0.9", lw=0.4, zorder=0)
    ax.axvline(100 * threshold, color=QUIET, lw=0.5, ls=(0, (3, 2)), zorder=0)
    legend_below(ax)


def scan_distribution(
    cube: xr.Dataset,
    region: int | str,
    *,
    stat: str | None = None,
    scalar: str | None = None,
    by: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The values of one region, a dot a scan; see ``.parc.plot.distribution`` of a cube."""
    name = "region_name" if isinstance(region, str) else "region"
    values = choose(
        cube, {name: region, "stat": stat_of(cube, stat), "scalar": scalar}, keep=("subject",),
        what="A distribution",
    )  # fmt: skip
    numbers = values.to_numpy().astype(np.float64)
    groups = _by(values, by)
    ax = axes_or_new(ax, height=22 + 11 * len(groups))
    for row, at in enumerate(groups.values()):
        _row(ax, numbers[at], row)
    known = [f"{label}, n = {np.isfinite(numbers[at]).sum()}" for label, at in groups.items()]
    name_ticks(ax.yaxis, known)
    tidy(ax, x=literal(caption(describe_values(values, cube.attrs))), spines=("bottom",))
    number_ticks(ax.xaxis)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(len(groups) - 0.4, -0.6)
    lost = int(np.isnan(numbers).sum())
    told = f"; {lost} without a value" if lost else ""
    shown = shortened(str(values.coords["region_name"].item()))
    ax.set_title(literal(f"{shown}: {numbers.size} scans{told}"), fontsize=TICK + 1, loc="left")
    return ax


def _by(values: xr.DataArray, by: str | None) -> dict[str, NDArray[np.bool_]]:
    """Scans of each group, by its name."""
    if by is None:
        return {"all": np.ones(values.sizes["subject"], np.bool_)}
    known = [str(name) for name, one in values.coords.items() if one.dims == ("subject",)]
    if by not in known:
        raise SelectionError(f"The scans have no {by!r} to group by; they have: {known}.")
    groups = texts(values, by)
    return {str(one) or "n/a": groups == one for one in dict.fromkeys(groups.tolist())}


def _row(ax: Axes, numbers: NDArray[np.float64], row: int) -> None:
    """Dots, the middle half as a box, median and mean."""
    numbers = np.sort(numbers[np.isfinite(numbers)])
    if not numbers.size:
        return
    golden = np.arange(numbers.size) * 0.618 % 1 - 0.5  # neighbours lie apart, always alike
    ax.plot(
        numbers, row + 0.3 * golden, "o", ms=2.4, mew=0, color=PLAIN, alpha=0.7, label="scan",
    )  # fmt: skip
    low, middle, high = np.percentile(numbers, (25, 50, 75)).tolist()
    ax.barh(row, high - low, 0.5, low, color=QUIET, alpha=0.18, lw=0, zorder=0, label="IQR")
    tall = (row - 0.25, row + 0.25)
    ax.plot((middle, middle), tall, color=QUIET, lw=1, label="median")
    mean = float(numbers.mean())
    ax.plot((mean, mean), tall, color=ACCENT, lw=1, ls=(0, (3, 1.5)), label="mean")
    if row == 0:
        legend_below(ax)
