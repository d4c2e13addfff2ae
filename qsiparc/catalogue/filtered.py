"""Mean and spread of what is left when outliers are set aside."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from qsiparc import ranks
from qsiparc.catalogue.centre import mad_median
from qsiparc.catalogue.declaration import Statistic

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from qsiparc.catalogue.sample import Sample
    from qsiparc.kernels import Segments

    Filter = Callable[[Sample], Segments]

Z_LIMIT: Final = 3.0
TUKEY: Final = 1.5
MODIFIED_Z: Final = 0.6745
MODIFIED_Z_LIMIT: Final = 3.5


def _kept(
    sample: Sample,
    score: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    limit: float,
    anything: NDArray[np.bool_],
) -> Segments:
    """The values whose score, which grows with them, is within ±limit; all where asked for."""
    first = ranks.leading(sample.segments, lambda x: score(x) < -limit)
    last = ranks.leading(sample.segments, lambda x: score(x) <= limit)
    first = np.where(anything, 0, first)
    last = np.where(anything, sample.count, last)
    return ranks.between(sample.segments, first, last)


def within_z(sample: Sample) -> Segments:
    """|x − mean| / std ≤ 3."""
    mean, std = sample.mean, sample.std
    return _kept(sample, lambda x: (x - mean) / std, Z_LIMIT, ~(std > 0))


def within_modified_z(sample: Sample) -> Segments:
    """0.6745 |x − median| / MAD ≤ 3.5."""
    median, mad = sample.median, sample.once(mad_median)
    return _kept(sample, lambda x: MODIFIED_Z * (x - median) / mad, MODIFIED_Z_LIMIT, ~(mad > 0))


def within_fences(sample: Sample) -> Segments:
    """Q25 − 1.5 IQR ≤ x ≤ Q75 + 1.5 IQR."""
    first, last = sample.once(fenced)
    return ranks.between(sample.segments, first, last)


def fenced(sample: Sample) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Places of the first value within Tukey's fences, and of the first one beyond them."""
    low, high = sample.percentile(25), sample.percentile(75)
    lower, upper = low - TUKEY * (high - low), high + TUKEY * (high - low)
    first = ranks.leading(sample.segments, lambda x: x < lower)
    return first, ranks.leading(sample.segments, lambda x: x <= upper)


def filtered_mean(sample: Sample, *, keep: Filter) -> NDArray[np.float64]:
    """The mean of what is kept."""
    return sample.once(keep).mean


def filtered_std(sample: Sample, *, keep: Filter) -> NDArray[np.float64]:
    """The standard deviation of what is kept."""
    return np.sqrt(sample.once(keep).moment(2))


def _pair(
    prefix: str, what: str, formula: str, keep: Filter, reference: str
) -> tuple[Statistic, Statistic]:
    return (
        Statistic(
            f"{prefix}_mean",
            f"mean of the values {what}",
            f"mean of x with {formula}",
            partial(filtered_mean, keep=keep),
            needs=("values", "moments"),
            reference=reference,
        ),
        Statistic(
            f"{prefix}_std",
            f"standard deviation (ddof = 0) of the values {what}",
            f"std of x with {formula}",
            partial(filtered_std, keep=keep),
            needs=("values", "moments"),
            reference=reference,
        ),
    )


DECLARED: Final = (
    *_pair(
        "robust",
        "whose modified z-score is at most 3.5; of all where the MAD is 0",
        "0.6745 |x − Q50| / mad_median ≤ 3.5",
        within_modified_z,
        "Iglewicz and Hoaglin (1993)",
    ),
    *_pair(
        "z_filtered",
        "within three standard deviations of the mean; of all where there is no deviation",
        "|x − mean| / std ≤ 3",
        within_z,
        "",
    ),
    *_pair(
        "iqr_filtered",
        "within Tukey's fences",
        "Q25 − 1.5 IQR ≤ x ≤ Q75 + 1.5 IQR",
        within_fences,
        "Tukey (1977)",
    ),
)
