"""Reductions over contiguous segments: NumPy and nothing else.

A label image is turned into a *plan* once: the positions of its labelled voxels, region by region.
A map gathered along the plan is an array in which every region is one contiguous segment, and all
statistics are reductions over these segments.
"""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK: Final = 2**16
"""Values that are reduced at a time: in float64 they stay within a core's cache."""

WIDENED: Final = 2**17
"""Positions that are widened at a time."""

COMPARED: Final = 2**17
"""Labels that are compared with the background at a time."""

TABLE: Final = 2**22
"""Labels that span no more than this are made dense by a table, others by sorting."""

CODES: Final = 2**16
"""As many numbers as 16 bits can tell apart."""

LONGEST: Final = 8
"""Bytes of the longest integers."""

RESOLUTION: Final = float(np.finfo(np.float64).resolution)


class Plan(NamedTuple):
    """The labelled voxels of an image, region by region.

    Parameters
    ----------
    labels : numpy.ndarray
        (regions,) the labels that are present, ascending, without 0; int64.
    positions : numpy.ndarray
        (voxels,) positions in the flattened image, those of a region side by side, ascending;
        int32 where that can hold them, for a scan's atlases are held in memory together.
    offsets : numpy.ndarray
        (regions + 1,) where each region starts in ``positions``.
    """

    labels: NDArray[np.int64]
    positions: NDArray[np.signedinteger]
    offsets: NDArray[np.intp]


def make_plan(flat: NDArray[Any]) -> Plan:
    """Factorise a label image.

    Parameters
    ----------
    flat : numpy.ndarray
        (n,) integer labels; 0 is background.

    Returns
    -------
    Plan
        Of the labelled voxels.
    """
    positions = nonzero(flat)
    values = gather(flat, positions)
    codes = _codes(values)
    order = np.argsort(codes, kind="stable")
    codes = codes.take(order)
    edges = np.flatnonzero(codes[1:] != codes[:-1]) + 1
    ends = [codes.size] if codes.size else []
    offsets = np.array([0, *edges.tolist(), *ends], np.intp)
    labels = values.take(order.take(offsets[:-1])).astype(np.int64)
    return Plan(labels, positions.take(order), offsets)


def nonzero(flat: NDArray[Any]) -> NDArray[np.signedinteger]:
    """The positions of what is not 0, ascending, found some at a time: all would need new memory.

    The comparison makes truth values, among which NumPy finds the true ones many times faster.
    """
    kind = position_type(flat.size)
    zero = flat.dtype.type(0)  # any other would have truth values widened to compare them
    found = [np.empty(0, kind)]
    for start in range(0, flat.size, COMPARED):
        here = np.flatnonzero(flat[start : start + COMPARED] != zero)
        found.append((here + start).astype(kind))
    return np.concatenate(found)


def position_type(size: int) -> np.dtype[np.signedinteger]:
    """The integers that number the voxels of an image of that size."""
    return np.dtype(np.int32 if size <= np.iinfo(np.int32).max else np.intp)


def _codes(values: NDArray[Any]) -> NDArray[np.integer]:
    """Numbers in the order of the values, of 16 bits if need be: to sort those is a radix sort."""
    low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
    if high - low < CODES:
        return values.astype(np.uint16) - np.uint16(low % CODES)  # both wrap around, and meet again
    if high - low >= TABLE:
        labels, places = np.unique(values, return_inverse=True)
        return places.astype(_code_type(labels.size))
    places = values.astype(np.int64) - low
    present = np.zeros(high - low + 1, np.bool_)
    present[places] = True
    table: NDArray[np.integer] = np.cumsum(present).astype(
        _code_type(int(np.count_nonzero(present)) + 1)
    )
    return table.take(places)


def _code_type(n: int) -> np.dtype[np.integer]:
    """The type of so many codes."""
    return np.dtype(np.uint16 if n <= CODES else np.intp)


def gather(flat: NDArray[Any], positions: NDArray[np.signedinteger]) -> NDArray[Any]:
    """The values at positions, some at a time: NumPy widens all positions that it is given."""
    values = np.empty(positions.size, flat.dtype)
    for start in range(0, positions.size, WIDENED):
        stop = start + WIDENED
        # Positions are within the image; to be told so spares NumPy a copy.
        flat.take(positions[start:stop], out=values[start:stop], mode="wrap")
    return values


class Segments:
    """The valid values of regions, each region sorted, side by side.

    Every property is an array over the regions, in float64; a region without a valid value has
    NaN in it, and counts are 0.

    Parameters
    ----------
    values : numpy.ndarray
        (voxels,) gathered values; the array is taken over and sorted in place.
    offsets : numpy.ndarray
        (regions + 1,) where each region starts.
    """

    def __init__(self, values: NDArray[Any], offsets: NDArray[np.intp]) -> None:
        self.sizes: NDArray[np.intp] = np.diff(offsets)
        """Voxels of each region, valid or not."""
        # NumPy sorts bytes by comparing them, unless it is asked for its radix sort.
        kind: Final = "stable" if values.dtype.itemsize == 1 else "quicksort"
        keys = _sort_keys(values)
        for start, stop in pairwise(offsets.tolist()):
            keys[start:stop].sort(kind=kind)
        last = values[offsets[1:][self.sizes > 0] - 1]
        if values.dtype.kind == "f" and np.isnan(last).any():  # sorted behind all else
            valid = ~np.isnan(values)
            offsets = offsets - np.searchsorted(np.flatnonzero(~valid), offsets)
            values = values[valid]
        self.values: NDArray[Any] = values
        """(valid voxels,) ascending within each region, in the map's own type."""
        self.offsets: NDArray[np.intp] = offsets
        """(regions + 1,) where each region starts in `values`."""
        self.count: NDArray[np.intp] = np.diff(offsets)
        """Valid values of each region."""

    @classmethod
    def of_sorted(
        cls, values: NDArray[Any], offsets: NDArray[np.intp], sizes: NDArray[np.intp]
    ) -> Segments:
        """Segments of values that are sorted within each region and hold no NaN.

        Parameters
        ----------
        values, offsets : numpy.ndarray
            As in the constructor; nothing is changed.
        sizes : numpy.ndarray
            (regions,) voxels of each region, valid or not.

        Returns
        -------
        Segments
        """
        made = cls.__new__(cls)
        made.values, made.offsets, made.sizes, made.count = values, offsets, sizes, np.diff(offsets)
        return made

    @property
    def effective_n(self) -> NDArray[np.float64]:
        """How many values of equal weight tell as much: all of them, as each has the same."""
        return self.count.astype(np.float64)

    def percentile(self, q: float) -> NDArray[np.float64]:
        """The ``q``-th percentile, interpolated linearly (method 7 of Hyndman and Fan, 1996)."""
        full = self.count > 0
        rank = (self.count[full] - 1) * (q / 100)
        below = np.floor(rank).astype(np.intp)
        above = np.minimum(below + 1, self.count[full] - 1)
        start = self.offsets[:-1][full]
        low = self.values[start + below].astype(np.float64)
        high = self.values[start + above].astype(np.float64)
        result = np.full(self.count.size, np.nan)
        result[full] = between(low, high, rank - below)
        return result

    @cached_property
    def median(self) -> NDArray[np.float64]:
        """The 50th percentile."""
        return self.percentile(50)

    @property
    def mean(self) -> NDArray[np.float64]:
        """The arithmetic mean."""
        mean: NDArray[np.float64] = self._moments[0]
        return mean

    def moment(self, order: int) -> NDArray[np.float64]:
        """The central moment of order 2, 3 or 4, about the mean, divided by the count."""
        moment: NDArray[np.float64] = self._moments[order - 1]
        return moment

    @cached_property
    def is_constant(self) -> NDArray[np.bool_]:
        """Whether a region's spread is lost in the rounding of its mean, as SciPy judges it."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self.moment(2) <= (RESOLUTION * self.mean) ** 2

    @cached_property
    def _moments(self) -> NDArray[np.float64]:
        """Mean and central moments 2 to 4: (4, regions).

        Sums of powers about the median, which is never further from the mean than the standard
        deviation: shifting them to the mean costs no digits that the values have. About zero they
        would lose those of narrow regions.
        """
        full = np.flatnonzero(self.count)
        starts, count, centre = self.offsets[:-1][full], self.count[full], self.median[full]
        edges = np.searchsorted(starts, np.arange(0, self.values.size, BLOCK))
        large = np.flatnonzero(count > BLOCK)  # each ends where a block does, or behind
        bounds = sorted({*edges.tolist(), *large.tolist(), full.size})
        ends = [*starts.tolist(), self.values.size]
        longest = max((ends[last] - ends[first] for first, last in pairwise(bounds)), default=0)
        room = np.empty((2, min(longest, 2 * BLOCK)))
        sums = np.zeros((4, full.size))
        with np.errstate(over="ignore", invalid="ignore"):
            for first, last in pairwise(bounds):
                here = slice(first, last)
                self._add_powers(starts[here], count[here], centre[here], sums[:, here], room)
            sums /= count
            _shift(sums)
            sums[0] += centre
        self._mend_infinite(sums[0], full)
        result = np.full((4, self.count.size), np.nan)
        result[:, full] = sums
        return result

    def _add_powers(
        self,
        starts: NDArray[np.intp],
        count: NDArray[np.intp],
        centre: NDArray[np.float64],
        sums: NDArray[np.float64],
        room: NDArray[np.float64],
    ) -> None:
        """Sums of the first four powers about the median, of small regions or of one large one.

        ``room`` is (2, values) to compute in: memory that is used again is still in the cache.
        """
        begin, end = int(starts[0]), int(starts[-1] + count[-1])
        starts = starts - begin
        step = BLOCK if count.size == 1 else end - begin
        for at in range(begin, end, step):
            values = self.values[at : min(at + step, end)]
            x, square = room[:, : values.size]
            x[...] = values
            x -= np.repeat(centre, count) if count.size > 1 else centre
            sums[0] += np.add.reduceat(x, starts)
            np.multiply(x, x, out=square)
            sums[1] += np.add.reduceat(square, starts)
            x *= square
            sums[2] += np.add.reduceat(x, starts)
            square *= square
            sums[3] += np.add.reduceat(square, starts)

    def _mend_infinite(self, mean: NDArray[np.float64], full: NDArray[np.intp]) -> None:
        """The mean of regions with infinite values, which cannot be centred on anything."""
        first = self.values[self.offsets[:-1][full]]
        last = self.values[self.offsets[1:][full] - 1]
        for place in np.flatnonzero(~(np.isfinite(first) & np.isfinite(last))).tolist():
            values = self.values[self.offsets[full[place]] : self.offsets[full[place] + 1]]
            with np.errstate(invalid="ignore"):
                mean[place] = values.astype(np.float64).mean()


def _sort_keys(values: NDArray[Any]) -> NDArray[Any]:
    """What to sort so that values are sorted: their bits, where these have the same order.

    So have those of floats with a clear sign bit, NaN behind infinity. NumPy sorts them sooner, for
    it looks through floats for NaN first.
    """
    if values.dtype.kind != "f" or values.dtype.itemsize > LONGEST or not values.size:
        return values
    bits = values.view(values.dtype.str.replace("f", "i"))
    return bits if bits.min() >= 0 else values


def _shift(moments: NDArray[np.float64]) -> None:
    """Turn moments of order 1 to 4 about any points into those about the mean, in place."""
    step, second, third, fourth = moments.copy()
    square = step * step
    moments[1] -= square
    moments[2] -= step * (3 * second - 2 * square)
    moments[3] -= step * (4 * third - 6 * step * second + 3 * step * square)
    # Even powers beyond all numbers stay so, unless the mean is, too: then there are no moments.
    for moment, sums in ((moments[1], second), (moments[3], fourth)):
        np.copyto(moment, sums, where=np.isinf(sums) & np.isfinite(step))


def between(
    low: NDArray[np.float64], high: NDArray[np.float64], part: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Linear interpolation, exact at both ends, also where an end is infinite."""
    with np.errstate(invalid="ignore", over="ignore"):
        step = high - low
        result = np.where(part < 0.5, low + step * part, high - step * (1 - part))  # noqa: PLR2004 - half
    return np.where((part == 0) | (low == high), low, result)
