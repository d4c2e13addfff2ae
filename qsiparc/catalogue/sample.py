"""What statistics are made of: the valid voxels of every region, and what is known beside them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from qsiparc import ranks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from qsiparc.kernels import Segments

T = TypeVar("T")

HUGE: Final = 1e38
"""Beyond this, a value is none: 3.4e38 stands in DIPY's maps where a fit failed."""


class Sample:
    """The valid voxels of every region of one volume.

    All arrays are over the regions. What costs something is computed when it is asked for, once.

    Parameters
    ----------
    segments : Segments
        Valid values.
    found : Segments, optional
        All values that are not NaN, valid or not; the same unless given.
    in_order : callable, optional
        From the number of a region to its valid values, (n,) float64 in the order of the file.
    labels : numpy.ndarray, optional
        Labels of the regions, for messages; int64.
    atlas_sizes : numpy.ndarray, optional
        Voxels of each region in the label image; those of the segments unless given.
    mask_coverage : numpy.ndarray, optional
        Share of them in the mask; NaN unless there is one.
    voxel_volume : float
        Of a voxel [mm³].
    is_enough : numpy.ndarray, optional
        Whether a region has enough voxels for its values to say something; bool.
    coverage : numpy.ndarray, optional
        Share of each region that is valid; that of its voxels unless given.
    """

    def __init__(
        self,
        segments: Segments,
        *,
        found: Segments | None = None,
        in_order: Callable[[int], NDArray[np.float64]] | None = None,
        labels: NDArray[np.int64] | None = None,
        atlas_sizes: NDArray[np.intp] | None = None,
        mask_coverage: NDArray[np.float64] | None = None,
        voxel_volume: float = np.nan,
        is_enough: NDArray[np.bool_] | None = None,
        coverage: NDArray[np.float64] | None = None,
    ) -> None:
        n = segments.count.size
        self.segments = segments
        self.count: NDArray[np.intp] = segments.count
        """Valid voxels."""
        self.labels = np.arange(n, dtype=np.int64) if labels is None else labels
        self.atlas_sizes = segments.sizes if atlas_sizes is None else atlas_sizes
        self.mask_coverage = np.full(n, np.nan) if mask_coverage is None else mask_coverage
        self.voxel_volume = voxel_volume
        self.is_enough = np.ones(n, np.bool_) if is_enough is None else is_enough
        self._coverage = coverage
        self._found = segments if found is None else found
        self._in_order = in_order
        self._known: dict[Any, Any] = {}

    def once(self, function: Callable[[Sample], T]) -> T:
        """What a function makes of this sample, computed at the first call."""
        if function not in self._known:
            self._known[function] = function(self)
        known: T = self._known[function]
        return known

    @property
    def coverage(self) -> NDArray[np.float64]:
        """Share of each region that is valid, of its voxels or of their weight."""
        if self._coverage is not None:
            return self._coverage
        return np.divide(self.count, self.atlas_sizes, dtype=np.float64)

    def in_order(self, region: int) -> NDArray[np.float64]:
        """Valid values of one region, by its number, in the order of the file."""
        if self._in_order is None:  # the order within a region was never kept
            start, stop = self.segments.offsets[region : region + 2]
            return self.segments.values[start:stop].astype(np.float64)
        return self._in_order(region)

    @property
    def mean(self) -> NDArray[np.float64]:
        """The arithmetic mean."""
        return self.segments.mean

    @cached_property
    def std(self) -> NDArray[np.float64]:
        """The standard deviation, ddof = 0."""
        return np.sqrt(self.segments.moment(2))

    @property
    def median(self) -> NDArray[np.float64]:
        """The 50th percentile."""
        return self.segments.median

    def percentile(self, q: float) -> NDArray[np.float64]:
        """The ``q``-th percentile, interpolated linearly."""
        return self.once(_Percentile(q))

    @cached_property
    def skewness(self) -> NDArray[np.float64]:
        """m₃ / m₂^1.5; NaN for a constant region."""
        return self._standardised(3)

    @cached_property
    def kurtosis(self) -> NDArray[np.float64]:
        """m₄ / m₂² − 3; NaN for a constant region."""
        return self._standardised(4) - 3

    def _standardised(self, order: int) -> NDArray[np.float64]:
        """A central moment in units of the standard deviation."""
        s = self.segments
        ratio: NDArray[np.float64] = s.moment(order) / s.moment(2) ** (order / 2)
        return np.where(s.is_constant, np.nan, ratio)

    @property
    def n_found(self) -> NDArray[np.intp]:
        """Voxels that are not NaN, valid or not."""
        return self._found.count

    @cached_property
    def n_zero(self) -> NDArray[np.intp]:
        """Voxels that are exactly 0, whether that is valid or not."""
        first, last = ranks.run_of_zeros(self._found)
        return last - first

    @cached_property
    def n_nonfinite(self) -> NDArray[np.intp]:
        """Voxels that are infinite or beyond ±1e38, whether that is valid or not."""
        return n_nonfinite(self._found)


def n_nonfinite(segments: Segments) -> NDArray[np.intp]:
    """Values of every region that are infinite or beyond ±1e38; (regions,).

    Values are sorted, so that a look at the ends tells that there are none.
    """
    if not segments.values.size or segments.values.dtype.kind != "f":
        return np.zeros(segments.count.size, np.intp)
    low, high = ranks.ends(segments)
    if not ((low <= -HUGE) | (high >= HUGE)).any():
        return np.zeros(segments.count.size, np.intp)
    below = ranks.leading(segments, lambda x: x <= -HUGE)
    return below + segments.count - ranks.leading(segments, lambda x: x < HUGE)


class _Percentile:
    """A percentile as a key of its own."""

    def __init__(self, q: float) -> None:
        self.q = q

    def __call__(self, sample: Sample) -> NDArray[np.float64]:
        return sample.segments.percentile(self.q)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Percentile) and self.q == other.q

    def __hash__(self) -> int:
        return hash(self.q)
