"""Where the values of a region are, and how wide they spread."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from qsiparc import ranks
from qsiparc.catalogue.declaration import Statistic

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from qsiparc.catalogue.sample import Sample

TINY: Final = 1e-10
"""What parcellate adds to a denominator, so that it is never 0."""

PERCENTILES: Final = (5, 10, 25, 50, 75, 90, 95)


def mean(sample: Sample) -> NDArray[np.float64]:
    """Σx / n."""
    return sample.mean


def median(sample: Sample) -> NDArray[np.float64]:
    """Q50."""
    return sample.median


def std(sample: Sample) -> NDArray[np.float64]:
    """√(Σ(x − mean)² / n)."""
    return sample.std


def iqr(sample: Sample) -> NDArray[np.float64]:
    """Q75 − Q25."""
    return sample.percentile(75) - sample.percentile(25)


def total(sample: Sample) -> NDArray[np.float64]:
    """Σx."""
    return sample.mean * sample.count


def minimum(sample: Sample) -> NDArray[np.float64]:
    """The smallest."""
    return ranks.ends(sample.segments)[0]


def maximum(sample: Sample) -> NDArray[np.float64]:
    """The largest."""
    return ranks.ends(sample.segments)[1]


def percentile(sample: Sample, *, q: float) -> NDArray[np.float64]:
    """The ``q``-th percentile."""
    return sample.percentile(q)


def mad_median(sample: Sample) -> NDArray[np.float64]:
    """The median of |x − median|."""
    return ranks.median_distance(sample.segments, sample.median)


def cv(sample: Sample) -> NDArray[np.float64]:
    """The standard deviation in units of the mean, nearly."""
    return sample.std / (sample.mean + TINY)


def robust_cv(sample: Sample) -> NDArray[np.float64]:
    """IQR / median, nearly."""
    return iqr(sample) / (sample.median + TINY)


def quartile_dispersion(sample: Sample) -> NDArray[np.float64]:
    """(Q75 − Q25) / (Q75 + Q25), nearly."""
    low, high = sample.percentile(25), sample.percentile(75)
    return (high - low) / (high + low + TINY)


DECLARED: Final = (
    Statistic(
        "mean",
        "arithmetic mean",
        "Σx / n",
        mean,
        tier="core",
        needs=("moments",),
        weighted="Σwx / Σw",
    ),
    Statistic("median", "50th percentile", "Q50", median, tier="core", weighted="Q50 weighted"),
    Statistic(
        "std",
        "population standard deviation (ddof = 0)",
        "√(Σ(x − mean)² / n)",
        std,
        tier="core",
        needs=("moments",),
        weighted="√(Σw(x − mean)² / Σw)",
    ),
    Statistic(
        "iqr",
        "interquartile range, percentiles interpolated linearly",
        "Q75 − Q25",
        iqr,
        tier="extended",
        reference="Hyndman and Fan (1996), type 7",
        weighted="Q75 − Q25, weighted",
    ),
    Statistic("sum", "sum of the values", "Σx", total, needs=("moments",)),
    Statistic("minimum", "smallest value", "min x", minimum, weighted="min x where w > 0"),
    Statistic("maximum", "largest value", "max x", maximum, weighted="max x where w > 0"),
    *(
        Statistic(
            f"percentile_{q}",
            f"{q}th percentile, interpolated linearly",
            f"Q{q}",
            partial(percentile, q=q),
            reference="Hyndman and Fan (1996), type 7",
            weighted=f"Q{q} weighted",
        )
        for q in PERCENTILES
    ),
    Statistic(
        "mad_median",
        "median absolute deviation from the median, not scaled",
        "median |x − Q50|",
        mad_median,
        reference="Hampel (1974)",
    ),
    Statistic(
        "cv",
        "coefficient of variation",
        "std / (mean + 10⁻¹⁰)",
        cv,
        unit="1",
        needs=("moments",),
        weighted="std / (mean + 10⁻¹⁰), both weighted",
    ),
    Statistic(
        "robust_cv",
        "interquartile range in units of the median",
        "(Q75 − Q25) / (Q50 + 10⁻¹⁰)",
        robust_cv,
        unit="1",
        weighted="(Q75 − Q25) / (Q50 + 10⁻¹⁰), weighted",
    ),
    Statistic(
        "quartile_dispersion",
        "quartile coefficient of dispersion",
        "(Q75 − Q25) / (Q75 + Q25 + 10⁻¹⁰)",
        quartile_dispersion,
        unit="1",
        reference="Bonett (2006)",
        weighted="(Q75 − Q25) / (Q75 + Q25 + 10⁻¹⁰), weighted",
    ),
)
