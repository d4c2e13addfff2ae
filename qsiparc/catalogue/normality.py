"""How far the values of a region are from a normal distribution, and how evenly they are spread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from qsiparc import ranks
from qsiparc.catalogue.declaration import Statistic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qsiparc.catalogue.sample import Sample
    from qsiparc.kernels import Segments

TINY: Final = 1e-10
LEVEL: Final = 0.05

DAGOSTINO_MINIMUM: Final = 20
"""The kurtosis test is not valid for fewer, as SciPy warns."""

SHAPIRO_MINIMUM: Final = 3
SHAPIRO_MAXIMUM: Final = 5000
"""SciPy's p is not to be trusted beyond."""

SHAPIRO_NARROW: Final = 1e-19
"""A range that SciPy takes for none; W and p are 1 then."""


def dagostino_k2(sample: Sample) -> NDArray[np.float64]:
    """The sum of two squared normal scores: of the skewness and of the kurtosis."""
    n = sample.count.astype(np.float64)
    k2: NDArray[np.float64] = (
        _skewness_score(sample.skewness, n) ** 2 + _kurtosis_score(sample.kurtosis + 3, n) ** 2
    )
    return np.where(sample.count >= DAGOSTINO_MINIMUM, k2, np.nan)


def _skewness_score(skewness: NDArray[np.float64], n: NDArray[np.float64]) -> NDArray[np.float64]:
    """The skewness as a normal score (D'Agostino, 1970)."""
    scaled = skewness * np.sqrt((n + 1) * (n + 3) / (6 * (n - 2)))
    beta = (
        3 * (n**2 + 27 * n - 70) * (n + 1) * (n + 3)
        / ((n - 2) * (n + 5) * (n + 7) * (n + 9))
    )  # fmt: skip
    w2 = np.sqrt(2 * (beta - 1)) - 1
    score: NDArray[np.float64] = np.arcsinh(scaled / np.sqrt(2 / (w2 - 1))) / np.sqrt(
        0.5 * np.log(w2)
    )
    return score


def _kurtosis_score(kurtosis: NDArray[np.float64], n: NDArray[np.float64]) -> NDArray[np.float64]:
    """The kurtosis (not excess) as a normal score (Anscombe and Glynn, 1983)."""
    expected = 3 * (n - 1) / (n + 1)
    variance = 24 * n * (n - 2) * (n - 3) / ((n + 1) ** 2 * (n + 3) * (n + 5))
    x = (kurtosis - expected) / np.sqrt(variance)
    skew = (6 * (n**2 - 5 * n + 2) / ((n + 7) * (n + 9))) * np.sqrt(
        6 * (n + 3) * (n + 5) / (n * (n - 2) * (n - 3))
    )
    a = 6 + 8 / skew * (2 / skew + np.sqrt(1 + 4 / skew**2))
    root = np.cbrt((1 - 2 / a) / (1 + x * np.sqrt(2 / (a - 4))))
    score: NDArray[np.float64] = (1 - 2 / (9 * a) - root) / np.sqrt(2 / (9 * a))
    return score


def dagostino_p(sample: Sample) -> NDArray[np.float64]:
    """The upper tail of χ² with two degrees of freedom."""
    return np.exp(-sample.once(dagostino_k2) / 2)


def log_dagostino_k2(sample: Sample) -> NDArray[np.float64]:
    """The natural logarithm of K², nearly."""
    return np.log(sample.once(dagostino_k2) + TINY)


def shapiro(sample: Sample) -> NDArray[np.float64]:
    """W and p, (2, regions), region by region; NaN where there are too few or too many voxels."""
    from scipy import stats

    result = np.full((2, sample.count.size), np.nan)
    low, high = ranks.ends(sample.segments)
    able = (sample.count >= SHAPIRO_MINIMUM) & (sample.count <= SHAPIRO_MAXIMUM)
    result[:, able & (high - low <= SHAPIRO_NARROW)] = 1
    able &= np.isfinite(high - low) & (high - low > SHAPIRO_NARROW)
    for region in np.flatnonzero(able).tolist():
        start, stop = sample.segments.offsets[region : region + 2]
        result[:, region] = stats.shapiro(sample.segments.values[start:stop].astype(np.float64))
    return result


def shapiro_w(sample: Sample) -> NDArray[np.float64]:
    """W of Shapiro and Wilk."""
    w: NDArray[np.float64] = sample.once(shapiro)[0]
    return w


def shapiro_p(sample: Sample) -> NDArray[np.float64]:
    """The p-value of W."""
    p: NDArray[np.float64] = sample.once(shapiro)[1]
    return p


def fails_normality(sample: Sample) -> NDArray[np.bool_]:
    """Whether the better test that can be done rejects."""
    first, second = shapiro_p(sample), sample.once(dagostino_p)
    verdict: NDArray[np.bool_] = np.where(np.isnan(first), second, first) < LEVEL
    return verdict


def qq_correlation(sample: Sample) -> NDArray[np.float64]:
    """The correlation of sorted values with normal quantiles at Filliben's medians.

    Quantiles are symmetric about 0: the upper half tells the lower one, and their mean.
    """
    s = sample.segments
    product, square = np.full((2, s.count.size), np.nan)
    for regions in ranks.blocks(s):
        several = regions[s.count[regions] > 1]
        if several.size:
            product[several], square[several] = _halves(s, several)
    correlation: NDArray[np.float64] = product / np.sqrt(2 * square * s.count * s.moment(2))
    return np.where(s.is_constant, np.nan, np.clip(correlation, -1, 1))


def _halves(
    s: Segments, regions: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Σ q (x − x mirrored) and Σ q² over the upper halves of regions of two values or more."""
    from scipy.special import ndtri

    count, begin = s.count[regions], s.offsets[regions]
    half = count // 2
    ends = np.cumsum(half)
    starts = ends - half
    n = np.repeat(count, half)
    place = n - np.repeat(ends, half) + np.arange(ends[-1])
    median = (place + 0.6825) / (n + 0.365)
    median[ends - 1] = 0.5 ** (1 / count)
    quantile = ndtri(median)
    first = np.repeat(begin, half)
    spread = s.values[first + place].astype(np.float64) - s.values[first + n - 1 - place]
    product, square = (np.add.reduceat(x, starts) for x in (quantile * spread, quantile**2))
    return product, square


def qq_r_squared(sample: Sample) -> NDArray[np.float64]:
    """Its square."""
    return sample.once(qq_correlation) ** 2


def histogram_entropy(sample: Sample) -> NDArray[np.float64]:
    """−Σ pᵢ log₂ pᵢ over the bins of a histogram.

    The bins are those of NumPy from 2.4 on, whatever the installed one: of the width of Freedman
    and Diaconis, but no less than half that of √n bins, and no more than that of Sturges. Before,
    one value far from the others asked for more bins than there is memory for.
    """
    s = sample.segments
    low, high = ranks.ends(s)
    span = high - low
    n = s.count.astype(np.float64)
    width = np.maximum(
        2 * (sample.percentile(75) - sample.percentile(25)) * n ** (-1 / 3), span / np.sqrt(n) / 2
    )
    width = np.minimum(width, span / (np.log2(n) + 1))
    bins = np.where(width > 0, np.ceil(span / width), 1)
    result = np.where((s.count > 0) & np.isfinite(span), 0.0, np.nan)
    for region in np.flatnonzero(np.isfinite(bins) & np.isfinite(span) & (bins > 1)).tolist():
        start, stop = s.offsets[region : region + 2]
        values = s.values[start:stop].astype(np.float64)
        share = np.histogram(values, int(bins[region]))[0] / values.size
        share = share[share > 0]
        result[region] = -(share * np.log2(share)).sum()
    return result


DECLARED: Final = (
    Statistic(
        "dagostino_k2",
        "D'Agostino and Pearson's K², χ² with two degrees of freedom for normal values",
        "Z(skewness)² + Z(kurtosis)²",
        dagostino_k2,
        unit="1",
        minimum=DAGOSTINO_MINIMUM,
        needs=("moments",),
        reference="D'Agostino and Pearson (1973)",
    ),
    Statistic(
        "dagostino_p",
        "its p-value",
        "P(χ²₂ > dagostino_k2)",
        dagostino_p,
        unit="1",
        minimum=DAGOSTINO_MINIMUM,
        needs=("moments",),
        reference="D'Agostino and Pearson (1973)",
    ),
    Statistic(
        "log_dagostino_k2",
        "its natural logarithm",
        "ln(dagostino_k2 + 10⁻¹⁰)",
        log_dagostino_k2,
        unit="1",
        minimum=DAGOSTINO_MINIMUM,
        needs=("moments",),
    ),
    Statistic(
        "shapiro_w",
        "Shapiro and Wilk's W; NaN above 5000 voxels",
        "(Σ aᵢ x₍ᵢ₎)² / Σ(x − mean)²",
        shapiro_w,
        unit="1",
        minimum=SHAPIRO_MINIMUM,
        reference="Royston (1995), AS R94",
    ),
    Statistic(
        "shapiro_p",
        "its p-value",
        "P(W < shapiro_w)",
        shapiro_p,
        unit="1",
        minimum=SHAPIRO_MINIMUM,
        reference="Royston (1995), AS R94",
    ),
    Statistic(
        "fails_normality",
        "whether Shapiro and Wilk's test rejects at 0.05, above 5000 voxels D'Agostino's",
        "1 where p < 0.05, else 0",
        fails_normality,
        unit="1",
        needs=("values", "moments"),
    ),
    Statistic(
        "qq_correlation",
        "correlation of the values with normal quantiles",
        "r of x₍ᵢ₎ and Φ⁻¹ at Filliben's medians",
        qq_correlation,
        unit="1",
        minimum=2,
        needs=("values", "moments"),
        reference="Filliben (1975)",
    ),
    Statistic(
        "qq_r_squared",
        "its square",
        "qq_correlation²",
        qq_r_squared,
        unit="1",
        minimum=2,
        needs=("values", "moments"),
        reference="Filliben (1975)",
    ),
    Statistic(
        "histogram_entropy",
        "Shannon entropy [bit] of a histogram with NumPy's automatic bins",
        "−Σ pᵢ log₂ pᵢ",
        histogram_entropy,
        unit="1",
        reference="Shannon (1948); Freedman and Diaconis (1981)",
    ),
)
