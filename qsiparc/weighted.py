"""Weighted reductions over contiguous segments: NumPy and nothing else."""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from qsiparc.kernels import Segments, between

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


class WeightedSegments(Segments):
    """The valid values of regions with their weights, each region sorted, side by side.

    Its reductions are weighted, and are those without weights where all weights of a region are
    equal. Each is an array over the regions, in float64; a region without a valid value has NaN in
    it, and counts are 0.

    Parameters
    ----------
    values : numpy.ndarray
        (voxels,) gathered values.
    weights : numpy.ndarray
        (voxels,) a weight for each, positive and finite.
    offsets : numpy.ndarray
        (regions + 1,) where each region starts.
    valid : numpy.ndarray, optional
        (voxels,) whether a value counts; unless given, whatever is not NaN.
    """

    def __init__(
        self,
        values: NDArray[Any],
        weights: NDArray[Any],
        offsets: NDArray[np.intp],
        *,
        valid: NDArray[np.bool_] | None = None,
    ) -> None:
        if valid is None:
            is_float = values.dtype.kind == "f"
            valid = ~np.isnan(values) if is_float else np.ones(values.size, np.bool_)
        self.sizes: NDArray[np.intp] = np.diff(offsets)
        """Voxels of each region, valid or not."""
        self.offsets: NDArray[np.intp] = offsets - np.searchsorted(np.flatnonzero(~valid), offsets)
        """(regions + 1,) where each region starts in `values`."""
        self.count: NDArray[np.intp] = np.diff(self.offsets)
        """Valid values of each region."""
        self.values: NDArray[Any] = values[valid]
        """(valid voxels,) ascending within each region, in the map's own type."""
        self.weights: NDArray[Any] = weights[valid]
        """(valid voxels,) the weight of each value."""
        for start, stop in pairwise(self.offsets.tolist()):
            order = np.argsort(self.values[start:stop])
            self.values[start:stop] = self.values[start:stop][order]
            self.weights[start:stop] = self.weights[start:stop][order]
        self._invalid_weight = np.array(
            [
                weights[start:stop][~valid[start:stop]].sum(dtype=np.float64)
                for start, stop in pairwise(offsets.tolist())
            ]
        )

    @cached_property
    def coverage(self) -> NDArray[np.float64]:
        """The share of a region's weight that lies on valid values."""
        valid = np.zeros(self.count.size)
        for region, _, w in self._regions():
            valid[region] = w.sum()
        with np.errstate(invalid="ignore"):
            share: NDArray[np.float64] = valid / (valid + self._invalid_weight)
        return share

    @cached_property
    def effective_n(self) -> NDArray[np.float64]:
        """How many values of equal weight tell as much: (Σw)² / Σw² (Kish, 1965)."""
        result = np.zeros(self.count.size)
        for region, _, w in self._regions():
            relative = w / w.max()  # squares of very small weights would be 0
            result[region] = relative.sum() ** 2 / (relative * relative).sum()
        return result

    def percentile(self, q: float) -> NDArray[np.float64]:
        """The ``q``-th percentile; linear interpolation with weights (Akinshin, 2023).

        The mean of the region's quantile function over the interval from ``(h − 1) / n`` to
        ``h / n``, where ``n`` is `effective_n` and ``h = q / 100 · (n − 1) + 1``. For equal weights
        these are the two neighbours of rank ``h`` that method 7 of Hyndman and Fan (1996)
        interpolates between, and that is what is computed then.
        """
        result = np.full(self.count.size, np.nan)
        for region, x, w in self._regions():
            if w.min() == w.max():
                rank = (x.size - 1) * (q / 100)
                below = int(rank)
                ends = x[[below, min(below + 1, x.size - 1)]]
                result[region] = between(ends[:1], ends[1:], np.array([rank - below]))[0]
                continue
            n = self.effective_n[region]
            upto = self._cumulative[self.offsets[region] : self.offsets[region + 1]]
            low = q / 100 * (n - 1) / n * upto[-1]
            high = min(low + upto[-1] / n, upto[-1])
            first = min(int(np.searchsorted(upto, low, "right")), x.size - 1)
            last = int(np.searchsorted(upto, high, "left"))
            edges = np.concatenate(([low], upto[first:last], [high]))
            result[region] = _weighted_mean(x[first : last + 1], np.diff(edges))
        return result

    @cached_property
    def _cumulative(self) -> NDArray[np.float64]:
        """(valid voxels,) the weight of a region up to and with each value."""
        result = np.empty(self.weights.size)
        for region, _, w in self._regions():
            np.cumsum(w, out=result[self.offsets[region] : self.offsets[region + 1]])
        return result

    @cached_property
    def _moments(self) -> NDArray[np.float64]:
        """Mean Σwx / Σw and central moments Σw(x − mean)ᵏ / Σw, k from 2 to 4: (4, regions).

        Two passes, as far as the weights are concerned: centred on a value, then on the mean.
        """
        result = np.full((4, self.count.size), np.nan)
        with np.errstate(over="ignore", invalid="ignore"):
            for region, x, w in self._regions():
                result[0, region] = _weighted_mean(x, w)
                total = w.sum()
                deviation = x - x[x.size // 2]  # from a value, so that nothing is rounded
                deviation -= (w * deviation).sum() / total
                power = w * deviation
                for order in (2, 3, 4):
                    power *= deviation
                    result[order - 1, region] = power.sum() / total
        return result

    def _regions(self) -> Iterator[tuple[int, NDArray[np.float64], NDArray[np.float64]]]:
        """Number, values and weights of every region that has a valid value."""
        for region in np.flatnonzero(self.count).tolist():
            part = slice(self.offsets[region], self.offsets[region + 1])
            yield (
                region,
                self.values[part].astype(np.float64),
                self.weights[part].astype(np.float64),
            )


def _weighted_mean(x: NDArray[np.float64], w: NDArray[np.float64]) -> float:
    """Σwx / Σw of sorted values, centred on one of them, which keeps their last digits."""
    first, last = x[0], x[-1]
    if first == last:
        return float(first)
    if not np.isfinite([first, last]).all():
        with np.errstate(invalid="ignore"):
            return float((x[w > 0] * w[w > 0]).sum() / w.sum())
    with np.errstate(over="ignore", invalid="ignore"):
        centre = x[x.size // 2]
        mean = centre + ((x - centre) * w).sum() / w.sum()
    return float(min(max(mean, first), last))
