"""Where the sorted values of regions cross a threshold, and pieces of them: NumPy alone.

A condition that holds for the smallest values of a region and for no larger ones is looked up by
bisection, in all regions at once: some twenty looks, however many voxels there are.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from qsiparc.kernels import BLOCK, Segments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray


def ends(segments: Segments) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The smallest and the largest value of every region; NaN where there is none."""
    full = segments.count > 0
    low, high = np.full((2, full.size), np.nan)
    low[full] = segments.values[segments.offsets[:-1][full]]
    high[full] = segments.values[segments.offsets[1:][full] - 1]
    return low, high


def blocks(segments: Segments) -> Iterator[NDArray[np.intp]]:
    """Regions with values, side by side, as many at a time as a core's cache holds, at least one.

    Yields
    ------
    numpy.ndarray
        Their numbers.
    """
    full = np.flatnonzero(segments.count)
    starts = segments.offsets[:-1][full]
    edges = np.searchsorted(starts, np.arange(0, segments.values.size, BLOCK))
    for first, last in pairwise(np.unique([*edges.tolist(), full.size]).tolist()):
        yield full[first:last]


def leading(
    segments: Segments, holds: Callable[[NDArray[np.float64]], NDArray[np.bool_]]
) -> NDArray[np.intp]:
    """How many values of every region satisfy a condition that only its smallest ones do.

    Parameters
    ----------
    segments : Segments
        The values.
    holds : callable
        From one value of every region, (regions,) float64, to whether it satisfies the condition.

    Returns
    -------
    numpy.ndarray
        (regions,) counts.
    """
    if not segments.values.size:
        return np.zeros(segments.count.size, np.intp)
    start = segments.offsets[:-1]
    last = segments.values.size - 1
    return _bisect(
        segments.count,
        lambda at: holds(segments.values[np.minimum(start + at, last)].astype(np.float64)),
    )


def _bisect(
    length: NDArray[np.intp], holds: Callable[[NDArray[np.intp]], NDArray[np.bool_]]
) -> NDArray[np.intp]:
    """The first place at which a condition on places does not hold any more, else the length."""
    low = np.zeros_like(length)
    high = length.copy()
    with np.errstate(invalid="ignore", over="ignore"):
        while (open_ := low < high).any():
            middle = (low + high) // 2
            held = holds(middle)
            low = np.where(open_ & held, middle + 1, low)
            high = np.where(open_ & ~held, middle, high)
    return low


def run_of_zeros(segments: Segments) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where the values that are exactly 0 begin and end in every region."""
    return leading(segments, lambda x: x < 0), leading(segments, lambda x: x <= 0)


def between(segments: Segments, first: NDArray[np.intp], last: NDArray[np.intp]) -> Segments:
    """The values from one place to another, the second left out, of every region.

    Parameters
    ----------
    segments : Segments
        The values.
    first, last : numpy.ndarray
        (regions,) places.

    Returns
    -------
    Segments
        The same object where all values are kept.
    """
    count = np.maximum(last - first, 0)
    if np.array_equal(count, segments.count):
        return segments
    start = segments.offsets[:-1] + first
    pieces = [
        segments.values[a:b]
        for a, b in zip(start.tolist(), (start + count).tolist(), strict=True)
        if b > a
    ]
    return _joined(segments, pieces, count)


def without(segments: Segments, first: NDArray[np.intp], last: NDArray[np.intp]) -> Segments:
    """The values before one place and from another one on; see `between`."""
    if np.array_equal(first, last):
        return segments
    starts, stops = segments.offsets[:-1], segments.offsets[1:]
    bounds = np.stack([starts, starts + first, starts + last, stops], axis=1).tolist()
    pieces = [
        segments.values[a:b]
        for one, two, three, four in bounds
        for a, b in ((one, two), (three, four))
        if b > a
    ]
    return _joined(segments, pieces, segments.count - (last - first))


def _joined(
    segments: Segments, pieces: list[NDArray[np.generic]], count: NDArray[np.intp]
) -> Segments:
    values = np.concatenate([segments.values[:0], *pieces])
    return Segments.of_sorted(values, np.concatenate(([0], np.cumsum(count))), segments.sizes)


def median_distance(segments: Segments, centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """The median of |x − centre| in every region; NaN where there is no value.

    The k values nearest to a centre stand side by side. Of all windows of that length, theirs is
    the one whose farther end is nearest.
    """
    n = segments.count
    lower = _kth_distance(segments, centre, (n + 1) // 2)
    upper = _kth_distance(segments, centre, n // 2 + 1)
    with np.errstate(invalid="ignore", over="ignore"):
        return np.where(lower == upper, lower, (lower + upper) / 2)


def _kth_distance(
    segments: Segments, centre: NDArray[np.float64], k: NDArray[np.intp]
) -> NDArray[np.float64]:
    """The ``k``-th smallest |x − centre| of every region, counted from 1."""
    if not segments.values.size:
        return np.full(segments.count.size, np.nan)
    start = segments.offsets[:-1]
    top = segments.values.size - 1
    windows = np.maximum(segments.count - k, 0)

    def sides(at: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        left = segments.values[np.minimum(start + at, top)].astype(np.float64)
        right = segments.values[np.clip(start + at + k - 1, 0, top)].astype(np.float64)
        return centre - left, right - centre

    def leans_left(at: NDArray[np.intp]) -> NDArray[np.bool_]:
        left, right = sides(at)
        return right < left

    best = _bisect(windows, leans_left)
    with np.errstate(invalid="ignore", over="ignore"):
        found = [np.maximum(*sides(np.maximum(at, 0))) for at in (best, best - 1)]
        return np.where(segments.count > 0, np.minimum(*found), np.nan)
