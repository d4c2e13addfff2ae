"""The voxels behind one number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qsiparc.captions import caption
from qsiparc.errors import LabelError, SpaceError
from qsiparc.labels import some
from qsiparc.masking import within
from qsiparc.names import VOXEL_DIMS
from qsiparc.parcellation import Parcellation
from qsiparc.plot.style import (
    ACCENT,
    PLAIN,
    QUIET,
    TICK,
    axes_or_new,
    literal,
    number_ticks,
    shortened,
    tidy,
)
from qsiparc.reduce import Reduction
from qsiparc.regions import as_lut
from qsiparc.space import voxel_grid
from qsiparc.validity import Validity

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from qsiparc.atlas import AtlasLUT
    from qsiparc.kernels import Segments
    from qsiparc.parcellation import Dseg, Resample
    from qsiparc.regions import Lut
    from qsiparc.validity import Range


def voxel_distribution(
    volume: xr.DataArray,
    dseg: Dseg,
    *,
    region: int | str,
    lut: Lut | None = None,
    zero_is_missing: bool = False,
    valid_range: Range | None = None,
    mask: Dseg | None = None,
    bins: int | str = "auto",
    resample: Resample | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The values of a region's voxels; see ``.parc.plot.distribution``."""
    further = {str(d): n for d, n in volume.sizes.items() if d not in VOXEL_DIMS and n > 1}
    if further:
        raise SpaceError(f"A figure shows one volume; select along {further}.")
    volume = volume.squeeze([dim for dim in volume.dims if dim not in VOXEL_DIMS])
    parcellation = Parcellation.from_labels(dseg).on(voxel_grid(volume), resample=resample)
    index, name = _named(region, as_lut(lut, parcellation))
    at = int(np.searchsorted(parcellation.labels, index))
    if at == len(parcellation) or parcellation.labels[at] != index:
        raise LabelError(
            f"{parcellation.source or 'The dseg'} has no voxel of {name}. Its labels are "
            f"{some(parcellation.labels)}."
        )
    validity = Validity.checked(
        zero_is_missing=zero_is_missing, valid_range=valid_range, min_coverage=0, min_voxels=0
    ).of_map(volume.attrs, str(volume.name))
    domain = within(parcellation, mask, resample=resample)
    reduction = Reduction(domain, parcellation.labels, (), (), validity, str(volume.name))
    data = volume.transpose(*VOXEL_DIMS).to_numpy()
    segments = reduction.sample(data, np.arange(len(parcellation))).segments
    ax = axes_or_new(ax, height=55)
    _draw(ax, segments, at, bins)
    n, size = int(segments.count[at]), int(domain.atlas_sizes[at])
    told = f", {size - n} without a value" if n < size else ""
    title = literal(f"{shortened(name)}: {n} voxels{told}")
    ax.set_title(title, fontsize=TICK + 1, loc="left")
    tidy(ax, x=literal(caption(volume.attrs, name=volume.name)), y="voxels")
    number_ticks(ax.xaxis)
    return ax


def _draw(ax: Axes, segments: Segments, at: int, bins: int | str) -> None:
    values = segments.values[segments.offsets[at] : segments.offsets[at + 1]].astype(np.float64)
    finite = values[np.isfinite(values)]
    if not finite.size:
        ax.annotate("no value", (0.5, 0.5), xycoords="axes fraction", ha="center", fontsize=TICK)
        return
    edges = np.histogram_bin_edges(finite, _few(finite, bins)).tolist()
    ax.hist(finite, edges, color=PLAIN, alpha=0.35, linewidth=0)
    ax.hist(finite, edges, histtype="step", color=PLAIN, linewidth=0.6)
    low, high = (float(segments.percentile(q)[at]) for q in (25, 75))
    line: dict[str, Any] = {"linewidth": 1.0}
    ax.axvspan(low, high, color=QUIET, alpha=0.18, lw=0, label="IQR", zorder=0)
    ax.axvline(float(segments.median[at]), color=QUIET, **line, label="median")
    ax.axvline(float(segments.mean[at]), color=ACCENT, ls=(0, (3, 1.5)), **line, label="mean")
    ax.legend(fontsize=TICK, frameon=False, handlelength=1.5, loc="upper right")


def _few(values: Any, bins: int | str) -> int | str:  # noqa: ANN401 - an array
    """At most a hundred bins: one outlier would make thousands of what NumPy chooses."""
    if isinstance(bins, int):
        return bins
    return min(len(np.histogram_bin_edges(_within(values), bins)) - 1, 100)


def _within(values: Any) -> Any:  # noqa: ANN401 - arrays
    """The values without the outermost, from which a sensible width of bins follows."""
    low, high = np.percentile(values, (1, 99))
    kept = values[(values >= low) & (values <= high)]
    return kept if kept.size else values


def _named(region: int | str, lut: AtlasLUT) -> tuple[int, str]:
    """Label and name of a region that was given as either."""
    if not isinstance(region, str):
        known = lut.get(int(region))
        return int(region), str(region) if known is None else known.name
    found = [one for one in lut if one.name == region]
    found = found or [one for one in lut if one.name.casefold() == region.casefold()]
    if len(found) == 1:
        return found[0].index, found[0].name
    if found:
        labels = ", ".join(str(one.index) for one in found)
        raise LabelError(f"{region!r} are {len(found)} regions: name one by its label, {labels}.")
    raise LabelError(
        f"The look-up table {lut.atlas_name!r} has no region {region!r}. Give its label, or the "
        f"look-up table that names it: lut=…"
    )
