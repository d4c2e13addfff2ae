"""Slices of a map, side by side, with the outlines of regions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, get_args

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.image import AxesImage  # noqa: TC002 - numpydoc names it
from matplotlib.patches import Rectangle

from qsiparc.arguments import flag, is_one_of, is_whole, places, plain, whole
from qsiparc.captions import caption
from qsiparc.errors import OptionError
from qsiparc.parcellation import Parcellation
from qsiparc.plot.style import (
    ACCENT,
    LABEL,
    TICK,
    WIDTH,
    axes_or_new,
    colour_bar,
    colours,
    literal,
    tidy,
)
from qsiparc.plot.world import Brain
from qsiparc.regionvalues import find_region

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, Normalize
    from numpy.typing import NDArray

    from qsiparc.parcellation import Dseg, Resample
    from qsiparc.regions import Lut

Mode = Literal["x", "y", "z", "ortho", "mosaic"]

GAP: Final = 3.0
"""Between two slices [mm of the brain]."""

UNDER: Final = 0.13
"""Room below a slice for its place, as a share of the slice's height."""

LIGHT: Final = "#56B4E9"
DARK: Final = "#0072B2"
FAINT: Final = "#8C8C8C"
"""Outlines on a dark map, on a light one, and of all regions where some are marked."""

ENDS: Final = {"x": ("P", "A"), "y": ("L", "R"), "z": ("L", "R")}
"""What is left and right in a slice across each axis, seen from the front, top or right."""


class Tile(NamedTuple):
    """A slice and where it goes."""

    axis: str
    plane: int
    left: float
    bottom: float
    width: float
    height: float
    base: float
    cell: float


def mosaic(
    volume: xr.DataArray,
    dseg: Dseg | None = None,
    *,
    display_mode: Mode = "z",
    cut_coords: int | Sequence[float] | None = None,
    region: int | str | Sequence[int | str] | None = None,
    lut: Lut | None = None,
    columns: int = 5,
    radiological: bool = False,
    cmap: str | Colormap | None = None,
    vmin: float | None = None,
    vmax: float | None = None,
    robust: bool = True,
    colorbar: bool = True,
    resample: Resample | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Slices of a map with the outlines of regions; see ``.parc.plot.mosaic``."""
    if not is_one_of(display_mode, get_args(Mode)):
        raise OptionError(f"display_mode takes one of {get_args(Mode)}, not {display_mode!r}.")
    columns = whole(columns, "columns", what="slices stand side by side")
    radiological = flag(radiological, "radiological")
    colorbar = flag(colorbar, "colorbar")
    cut_coords = _cuts(cut_coords)
    brain = Brain.of(volume, dseg, resample=resample).cropped()
    chosen = _chosen(region, lut, dseg)
    rows = _rows(brain, display_mode, cut_coords, chosen, columns)
    tiles, (width, height) = _laid_out(brain, rows)
    ax = axes_or_new(ax, height=WIDTH * height / width + (13 if colorbar else 2))
    shown = brain.values[np.isfinite(brain.values) & (brain.values != 0)]
    colouring = colours(
        shown, cmap=cmap, vmin=vmin, vmax=vmax, robust=robust,
        sequential="viridis" if brain.labels is None else "gray",
    )  # fmt: skip
    ax.set(xlim=(0, width), ylim=(0, height), aspect="equal", anchor="S", xticks=[], yticks=[])
    ink = _background(ax, brain, colouring[:2], (width, height))
    for tile in tiles:
        _draw(ax, brain, tile, colouring[:2], chosen, ink=ink, radiological=radiological)
    ax.set(xlim=(0, width), ylim=(0, height))
    tidy(ax, spines=())
    _write_places(ax, brain, tiles, ink=ink)
    if colorbar:
        label = literal(caption(volume.attrs, name=volume.name))
        mappable = ScalarMappable(colouring[1], colouring[0])
        colour_bar(ax, mappable, label, extend=colouring[2])
    return ax


def _cuts(given: Any) -> int | list[float] | None:  # noqa: ANN401 - a user's
    """How many slices, or where they are."""
    if given is None:
        return None
    given = plain(given)
    if is_whole(given):
        return whole(given, "cut_coords", what="slices there are")
    said = "how many slices, a whole number, or a list of their places [mm]"
    return places(given, "cut_coords", what=said)


def _chosen(
    region: int | str | Sequence[int | str] | None, lut: Lut | None, dseg: Dseg | None
) -> list[int] | None:
    """Labels of the regions to mark."""
    if region is None:
        return None
    each = list(region) if np.iterable(region) and not isinstance(region, str) else [region]
    if not all(is_whole(one) or isinstance(one, str) for one in each):
        raise OptionError(
            f"region is a label, a whole number, or with lut a name, or a list of them; not "
            f"{region!r}."
        )
    if dseg is not None and any(isinstance(one, str) for one in each):
        parcellation = Parcellation.from_labels(dseg)
        return [find_region(one, lut, parcellation)[0] for one in each]
    labels: list[int] = np.ravel(np.array(each)).tolist()
    return labels


def _rows(
    brain: Brain,
    mode: Mode,
    cuts: int | Sequence[float] | None,
    regions: Sequence[int] | None,
    columns: int,
) -> list[list[tuple[str, int]]]:
    """Axis and plane of each slice, row by row."""
    if mode == "ortho":
        if cuts is not None and (isinstance(cuts, int) or len(cuts) != 3):  # noqa: PLR2004 - x, y, z
            raise OptionError(f"cut_coords of 'ortho' are three places, x, y, z; not {cuts!r}.")
        each: list[int | Sequence[float]] = [1, 1, 1] if cuts is None else [[c] for c in cuts]
        return [[(a, _planes(brain, a, c, regions)[0]) for a, c in zip("xyz", each, strict=True)]]
    if mode == "mosaic":
        if cuts is not None and not isinstance(cuts, int):
            raise OptionError(f"cut_coords of 'mosaic' is how many slices a row, not {cuts!r}.")
        return [[(a, p) for p in _planes(brain, a, cuts or columns, regions)] for a in "zyx"]
    n = 2 * columns if cuts is None else cuts
    row: list[tuple[str, int]] = [(mode, plane) for plane in _planes(brain, mode, n, regions)]
    return [row[start : start + columns] for start in range(0, len(row), columns)]


def _planes(
    brain: Brain, axis: str, cuts: int | Sequence[float], regions: Sequence[int] | None
) -> list[int]:
    if isinstance(cuts, int):
        return brain.planes(axis, cuts, regions)
    return [brain.plane_at(axis, place) for place in cuts]


def _laid_out(
    brain: Brain, rows: list[list[tuple[str, int]]]
) -> tuple[list[Tile], tuple[float, float]]:
    """Tiles, in columns of one width if there are rows, and the size of all [mm of the brain]."""
    sizes = [[brain.extent(axis) for axis, _ in row] for row in rows]
    widest = max(w for row in sizes for w, _ in row) if len(rows) > 1 else 0.0
    widths = [sum(max(w, widest) + GAP for w, _ in row) - GAP for row in sizes]
    total, tiles, bottom = max(widths), [], 0.0
    for row, size in reversed(list(zip(rows, sizes, strict=True))):
        left, tallest = 0.0, max(h for _, h in size)
        room = max(UNDER * tallest, total * 0.028)
        for (axis, plane), (w, h) in zip(row, size, strict=True):
            cell = max(w, widest)
            up = bottom + room + (tallest - h) / 2
            tiles.append(Tile(axis, plane, left + (cell - w) / 2, up, w, h, bottom + room, cell))
            left += cell + GAP
        bottom += room + tallest + GAP
    return tiles, (total, bottom - GAP)


def _background(
    ax: Axes, brain: Brain, colouring: tuple[Colormap, Normalize], size: tuple[float, float]
) -> str:
    """Fill what is between the slices as the map fills what is around the brain; say the ink."""
    outside = brain.values[0, 0, 0]
    if not np.isfinite(outside):
        return "black"
    cmap, norm = colouring
    colour = cmap(norm(float(outside)))
    ax.add_patch(Rectangle((0, 0), *size, color=colour, lw=0, zorder=0))
    light = np.dot(colour[:3], (0.299, 0.587, 0.114))
    return "black" if light > 0.5 else "white"  # noqa: PLR2004 - half way


def _draw(
    ax: Axes,
    brain: Brain,
    tile: Tile,
    colouring: tuple[Colormap, Normalize],
    chosen: Sequence[int] | None,
    *,
    ink: str,
    radiological: bool,
) -> AxesImage:
    values, labels = brain.slice(tile.axis, tile.plane)
    mirrored = radiological and tile.axis != "x"
    if mirrored:
        values, labels = values[::-1], None if labels is None else labels[::-1]
    extent = (tile.left, tile.left + tile.width, tile.bottom, tile.bottom + tile.height)
    image = ax.imshow(
        np.ma.masked_invalid(values.T.astype(np.float64)),
        cmap=colouring[0], norm=colouring[1], extent=extent, origin="lower",
        interpolation="nearest", zorder=1,
    )  # fmt: skip
    if labels is not None:
        plain = FAINT if chosen is not None else (DARK if ink == "black" else LIGHT)
        _add_lines(ax, labels, tile, colour=plain, width=0.3)
        if chosen is not None:
            _add_lines(ax, np.isin(labels, chosen), tile, colour=ACCENT, width=0.8)
    text = {"fontsize": TICK, "color": ink, "zorder": 3}
    ends = ENDS[tile.axis][::-1] if mirrored else ENDS[tile.axis]
    inset = 0.03 * tile.width
    for x, side, to in (
        (extent[0] + inset, ends[0], "left"),
        (extent[1] - inset, ends[1], "right"),
    ):
        ax.text(x, extent[3], side, ha=to, va="top", **text)  # type: ignore[arg-type]
    return image


def _write_places(ax: Axes, brain: Brain, tiles: Sequence[Tile], *, ink: str) -> None:
    """Where each slice lies, in as many words as there is room for."""
    sign = "≈" if brain.is_tilted else "="
    at = [f"{round(brain.place(t.axis, t.plane))}".replace("-", "−") for t in tiles]
    wide = ax.get_window_extent().width / ax.figure.dpi * 72 / np.diff(ax.get_xlim()).item()
    room = [(t.cell + GAP) * wide / (0.63 * TICK) for t in tiles]  # letters
    for pattern in ("{} {} {} mm", "{} {} {}", "{2}"):
        places = [pattern.format(t.axis, sign, mm) for t, mm in zip(tiles, at, strict=True)]
        if all(len(place) <= n for place, n in zip(places, room, strict=True)):
            break
    if "mm" not in places[0]:
        along = ", ".join(dict.fromkeys(tile.axis for tile in tiles))
        ax.set_xlabel(f"places of the slices along {along} [mm]", fontsize=LABEL)
    for tile, place in zip(tiles, places, strict=True):
        middle = tile.left + tile.width / 2
        ax.text(middle, tile.base, place, ha="center", va="top", fontsize=TICK, color=ink, zorder=3)


def _add_lines(ax: Axes, labels: NDArray[Any], tile: Tile, *, colour: str, width: float) -> None:
    scale = np.array([tile.width, tile.height]) / labels.shape
    placed = outlines(labels) * scale + (tile.left, tile.bottom)
    ax.add_collection(
        LineCollection(list(placed), colors=colour, linewidths=width, capstyle="projecting"),
        autolim=False,
    )


def outlines(labels: NDArray[Any]) -> NDArray[np.float64]:
    """Edges between voxels of different labels.

    Parameters
    ----------
    labels : numpy.ndarray
        ``(right, up)`` labels of a slice; beyond its border is background.

    Returns
    -------
    numpy.ndarray
        ``(lines, 2, 2)`` ends of straight lines, in voxels from the lower left corner; edges that
        go on straight are one line.

    Examples
    --------
    >>> outlines(np.array([[0, 0], [3, 3]])).astype(int).tolist()
    [[[1, 0], [1, 2]], [[2, 0], [2, 2]], [[1, 0], [2, 0]], [[1, 2], [2, 2]]]
    """
    padded = np.pad(labels, 1)
    found = []
    for axis in (0, 1):
        across = padded if axis == 0 else padded.T
        edges = across[1:, 1:-1] != across[:-1, 1:-1]  # (edge, along it)
        steps = np.diff(np.pad(edges, ((0, 0), (1, 1))).astype(np.int8), axis=1)
        at, begin = np.nonzero(steps == 1)
        _, end = np.nonzero(steps == -1)
        ends = np.stack([np.stack([at, begin], 1), np.stack([at, end], 1)], 1)
        found.append(ends if axis == 0 else ends[..., ::-1])
    return np.concatenate(found).astype(np.float64)
