"""What figures have in common: sizes, colours, and a figure where none is given."""

from __future__ import annotations

import difflib
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import CenteredNorm, Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, Locator, MaxNLocator, ScalarFormatter
from matplotlib.transforms import ScaledTranslation

from qsiparc.arguments import flag, number
from qsiparc.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axis import Axis
    from matplotlib.cm import ScalarMappable
    from numpy.typing import NDArray

MM: Final = 1 / 25.4
"""A millimetre in inches."""

WIDTH: Final = 89.0
"""The column of a journal [mm], for which all sizes are chosen."""

LABEL: Final = 7.0
TICK: Final = 6.0
"""Sizes of text [pt]; 6 is what journals ask for at the least."""

SIDES: Final = {"L": ("#0072B2", "o"), "R": ("#D55E00", "s"), "bilateral": ("#6E6E6E", "D")}
"""Colour and marker of each hemisphere, in order; colours of Okabe and Ito."""

ACCENT: Final = "#D55E00"
PLAIN: Final = "#0072B2"
QUIET: Final = "#767676"
NO_VALUE: Final = "#D9D9D9"

LONGEST: Final = 28
"""Letters of a name that are written beside an axis."""

SEQUENTIAL: Final = "viridis"
DIVERGING: Final = "RdBu_r"
ROBUST: Final = (2, 98)
"""Percentiles at which colours end, as in xarray's ``robust=True``."""


def axes_or_new(ax: Axes | None, *, height: float, width: float = WIDTH) -> Axes:
    """The axes that were given, or those of a new figure.

    Parameters
    ----------
    ax : Axes or None
        Of a figure of the caller's.
    height, width : float
        Of a new figure [mm]. It is one of pyplot's where pyplot shows figures, in a notebook say,
        and otherwise belongs to nobody but the axes: threads and scripts leave nothing behind.

    Returns
    -------
    Axes
        To draw on.
    """
    if isinstance(ax, Axes):
        return ax
    if ax is not None:
        raise OptionError(
            f"ax takes one Axes of matplotlib, not {type(ax).__name__}: of several, axes[0] say; "
            f"of a figure, figure.add_subplot()."
        )
    size = (width * MM, height * MM)
    if _pyplot_is_in_use():
        import matplotlib.pyplot as plt

        figure: Figure = plt.figure(figsize=size, layout="constrained", dpi=150)
    else:
        figure = Figure(figsize=size, layout="constrained", dpi=150)
    return figure.add_subplot()


def _pyplot_is_in_use() -> bool:
    if threading.current_thread() is not threading.main_thread():
        return False
    interactive = sys.modules.get("IPython")
    in_notebook = interactive is not None and interactive.get_ipython() is not None
    return in_notebook or "matplotlib.pyplot" in sys.modules


def tidy(ax: Axes, *, x: str = "", y: str = "", spines: Sequence[str] = ("left", "bottom")) -> None:
    """Labels, ticks and spines as all figures have them."""
    ax.set_xlabel(x, fontsize=LABEL)
    ax.set_ylabel(y, fontsize=LABEL)
    ax.tick_params(labelsize=TICK, width=0.5, length=2, pad=1.5)
    for side, spine in ax.spines.items():
        spine.set_visible(side in spines)
        spine.set_linewidth(0.5)


class FittingTicks(Locator):
    """Ticks at 0, 1, 2 …, as many as there is room for when the figure is drawn.

    Parameters
    ----------
    n : int
        How many things there are.
    size : float
        Room that each label needs along the axis [pt].
    """

    def __init__(self, n: int, size: float = TICK * 1.25) -> None:
        self.n = n
        self.size = size

    def __call__(self) -> list[float]:
        """The ticks within the view."""
        axis: Any = self.axis
        return self.tick_values(*sorted(axis.get_view_interval()))

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        """The ticks between two values."""
        first, last = max(int(np.ceil(vmin)), 0), min(int(np.floor(vmax)), self.n - 1)
        seen: list[float] = list(range(first, last + 1))
        axis: Any = self.axis
        box = axis.axes.get_window_extent()
        length = (box.width if axis.axis_name == "x" else box.height) / axis.figure.dpi * 72
        room = max(length / max(abs(vmax - vmin), 1e-9) / self.size, 1e-9)  # labels a step
        return seen[:: max(int(np.ceil(1 / room)), 1)]


def name_ticks(axis: Axis, names: Sequence[str], *, size: float = TICK * 1.25) -> None:
    """Write names at 0, 1, 2 … along an axis, leaving out those for which there is no room."""

    def name_at(place: float, _: object = None) -> str:
        at = round(place)
        return literal(shortened(names[at])) if 0 <= at < len(names) else ""

    axis.set_major_locator(FittingTicks(len(names), size))
    axis.set_major_formatter(FuncFormatter(name_at))


def number_ticks(axis: Axis) -> None:
    """Few numbers along an axis, small and large ones as a power of ten that stands once."""
    axis.set_major_locator(MaxNLocator(5))
    formatter = ScalarFormatter(useMathText=True)
    formatter.set_powerlimits((-2, 4))
    axis.set_major_formatter(formatter)
    axis.get_offset_text().set_fontsize(TICK)


def legend_below(ax: Axes, *, markerscale: float = 1.0) -> None:
    """A legend in one line below the axes, to their left where it is long."""
    below = ax.transAxes + ScaledTranslation(0, -23 / 72, ax.figure.dpi_scale_trans)
    ax.legend(
        fontsize=TICK, frameon=False, ncols=9, loc="upper right", bbox_to_anchor=(1, 0),
        bbox_transform=below, borderaxespad=0, handlelength=1.5, columnspacing=1,
        markerscale=markerscale,
    )  # fmt: skip


def shortened(name: str) -> str:
    """A name as it is, or, of a long one, its beginning and its end."""
    return f"{name[: LONGEST - 11]}…{name[-10:]}" if len(name) > LONGEST else name


def literal(text: str) -> str:
    """Text in which matplotlib finds no formula."""
    return text.replace("$", r"\$")


def colours(
    values: NDArray[Any],
    *,
    cmap: str | Colormap | None = None,
    vmin: float | None = None,
    vmax: float | None = None,
    robust: bool = True,
    sequential: str = SEQUENTIAL,
) -> tuple[Colormap, Normalize, str]:
    """A colour map, where it begins and ends, and at which ends values lie beyond it.

    Parameters
    ----------
    values : numpy.ndarray
        That are to be shown.
    cmap : str or Colormap, optional
        The caller's choice; else a diverging one around 0 where there are values on both sides of
        it and no limit was given, and a sequential one otherwise.
    vmin, vmax : float, optional
        The caller's limits.
    robust : bool
        Whether limits that were not given are the 2nd and 98th percentile instead of the extremes.
    sequential : str
        Name of the sequential colour map.

    Returns
    -------
    cmap, norm, extend
        ``extend`` as `matplotlib.figure.Figure.colorbar` takes it.
    """
    said = "where the colours {}"
    vmin = None if vmin is None else number(vmin, "vmin", what=said.format("begin"))
    vmax = None if vmax is None else number(vmax, "vmax", what=said.format("end"))
    robust = flag(robust, "robust")
    if vmin is not None and vmax is not None and not vmin < vmax:
        raise OptionError(f"vmin is below vmax, not {vmin:g} and {vmax:g}.")
    finite = values[np.isfinite(values)]
    finite = finite if finite.size else np.zeros(1)
    low, high = np.percentile(finite, ROBUST if robust else (0, 100)).tolist()
    free = vmin is None and vmax is None
    if cmap is None and free and low < 0 < high:
        norm: Normalize = CenteredNorm(0, max(-low, high))
        cmap = DIVERGING
    else:
        low, high = low if vmin is None else vmin, high if vmax is None else vmax
        norm = Normalize(low, high if high > low else low + (abs(low) or 1.0))
    begin, end = float(norm.vmin or 0), float(norm.vmax or 0)
    below, above = bool(finite.min() < begin), bool(finite.max() > end)
    extend = {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[below, above]
    named = sequential if cmap is None else cmap
    return _map_of_colours(named).copy(), norm, extend


def _map_of_colours(named: Any) -> Colormap:  # noqa: ANN401 - a user's
    """A colour map by its name, or itself."""
    if isinstance(named, Colormap):
        return named
    if isinstance(named, str) and named in colormaps:
        return colormaps[named]
    near = difflib.get_close_matches(str(named), list(colormaps), 3)
    raise OptionError(
        f"cmap is the name of a colour map of matplotlib, or a Colormap, not {named!r}. "
        f"Near: {', '.join(near or (SEQUENTIAL, DIVERGING))}."
    )


def colour_bar(ax: Axes, shown: ScalarMappable, label: str, *, extend: str = "neither") -> None:
    """A colour bar below the axes."""
    bar = ax.figure.colorbar(
        shown, ax=ax, orientation="horizontal", extend=extend, fraction=0.06, pad=0.03, aspect=35
    )
    bar.set_label(label, fontsize=LABEL)
    bar.outline.set_linewidth(0.4)
    bar.ax.tick_params(labelsize=TICK, width=0.5, length=2, pad=1.5)
    number_ticks(bar.ax.xaxis)
