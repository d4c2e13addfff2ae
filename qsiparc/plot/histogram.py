"""The voxels behind one number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qsiparc.arguments import whole
from qsiparc.captions import caption
from qsiparc.errors import OptionError
from qsiparc.kernels import Segments
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
from qsiparc.regionvalues import region_voxels
from qsiparc.space import voxel_grid

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

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
    volume = volume.squeeze(
        [d for d in volume.dims if d not in VOXEL_DIMS and volume.sizes[d] == 1]
    )
    parcellation = Parcellation.from_labels(dseg).on(voxel_grid(volume), resample=resample)
    voxels = region_voxels(
        volume,
        parcellation,
        region=region,
        lut=lut,
        zero_is_missing=zero_is_missing,
        valid_range=valid_range,
        mask=mask,
        resample=resample,
    )
    label, name = voxels["region"].item(), str(voxels["region_name"].item())
    _require_bins(bins)
    ax = axes_or_new(ax, height=55)
    _draw(ax, voxels.to_numpy().copy(), bins)
    n, size = voxels.size, int(parcellation.sizes[parcellation.labels == label].sum())
    lost = f", {size - n} without a value" if n < size else "" if size else ", not in the dseg"
    title = literal(f"{shortened(name or str(label))}: {n} voxels{lost}")
    ax.set_title(title, fontsize=TICK + 1, loc="left")
    tidy(ax, x=literal(caption(volume.attrs, name=volume.name)), y="voxels")
    number_ticks(ax.xaxis)
    return ax


def _draw(ax: Axes, values: NDArray[Any], bins: int | str) -> None:
    """Bars, and the numbers that a cube has for the same voxels; the values are sorted in place."""
    segments = Segments(values, np.array([0, values.size]))
    finite = values[np.isfinite(values)].astype(np.float64)
    if not finite.size:
        ax.annotate("no value", (0.5, 0.5), xycoords="axes fraction", ha="center", fontsize=TICK)
        return
    edges = np.histogram_bin_edges(finite, _few(finite, bins)).tolist()
    ax.hist(finite, edges, color=PLAIN, alpha=0.35, linewidth=0)
    ax.hist(finite, edges, histtype="step", color=PLAIN, linewidth=0.6)
    low, high = (float(segments.percentile(q)[0]) for q in (25, 75))
    line: dict[str, Any] = {"linewidth": 1.0}
    ax.axvspan(low, high, color=QUIET, alpha=0.18, lw=0, label="IQR", zorder=0)
    ax.axvline(float(segments.median[0]), color=QUIET, **line, label="median")
    ax.axvline(float(segments.mean[0]), color=ACCENT, ls=(0, (3, 1.5)), **line, label="mean")
    ax.legend(fontsize=TICK, frameon=False, handlelength=1.5, loc="upper right")


def _require_bins(bins: Any) -> None:  # noqa: ANN401 - a user's
    """Refuse what is neither a number of bins nor a rule of NumPy."""
    if isinstance(bins, str):
        try:
            np.histogram_bin_edges([0.0, 1.0], bins)
        except ValueError as error:
            raise OptionError(
                f"bins is how many, or a rule of numpy.histogram_bin_edges, 'auto', 'fd' or "
                f"'sturges' say; there is no {bins!r}."
            ) from error
    else:
        whole(bins, "bins", what="bars the histogram has")


def _few(values: Any, bins: int | str) -> int | str:  # noqa: ANN401 - an array
    """At most a hundred bins: one outlier would make thousands of what NumPy chooses."""
    if not isinstance(bins, str):
        return bins
    return min(len(np.histogram_bin_edges(_within(values), bins)) - 1, 100)


def _within(values: Any) -> Any:  # noqa: ANN401 - arrays
    """The values without the outermost, from which a sensible width of bins follows."""
    low, high = np.percentile(values, (1, 99))
    kept = values[(values >= low) & (values <= high)]
    return kept if kept.size else values
