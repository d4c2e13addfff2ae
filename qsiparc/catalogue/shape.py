"""The shape of a region's values: asymmetry, tails, outliers, one hump or two."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from qsiparc import ranks
from qsiparc.catalogue.declaration import Statistic
from qsiparc.catalogue.filtered import fenced

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from qsiparc.catalogue.sample import Sample

NORMAL_TAILS: Final = 2 * 0.023
"""What parcellate takes for the share of a normal distribution beyond two deviations: 0.0455."""

STRONG_SKEW: Final = 0.5
HEAVY_TAILS: Final = 1.0
BIMODAL: Final = 0.555
OUTLIERS: Final = 0.01


def skewness(sample: Sample) -> NDArray[np.float64]:
    """m₃ / m₂^1.5."""
    return sample.skewness


def kurtosis(sample: Sample) -> NDArray[np.float64]:
    """m₄ / m₂² − 3."""
    return sample.kurtosis


def abs_skewness(sample: Sample) -> NDArray[np.float64]:
    """|skewness|."""
    return np.abs(sample.skewness)


def abs_kurtosis(sample: Sample) -> NDArray[np.float64]:
    """|kurtosis|."""
    return np.abs(sample.kurtosis)


def bimodality_coefficient(sample: Sample) -> NDArray[np.float64]:
    """(g₁² + 1) / (g₂ + 3 + correction), as parcellate has it."""
    return (sample.skewness**2 + 1) / (sample.kurtosis + 3 + _correction(sample))


def sarle_bimodality(sample: Sample) -> NDArray[np.float64]:
    """(G₁² + 1) / (G₂ + correction), of the unbiased estimators."""
    n = sample.count.astype(np.float64)
    skew = sample.skewness * np.sqrt(n * (n - 1)) / (n - 2)
    kurt = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * sample.kurtosis + 6)
    ratio: NDArray[np.float64] = (skew**2 + 1) / (kurt + _correction(sample))
    return ratio


def _correction(sample: Sample) -> NDArray[np.float64]:
    n = sample.count.astype(np.float64)
    term: NDArray[np.float64] = 3 * (n - 1) ** 2 / ((n - 2) * (n - 3))
    return term


def beyond(sample: Sample, *, deviations: float) -> NDArray[np.float64]:
    """The share of |x − mean| > some standard deviations."""
    mean, limit = sample.mean, deviations * sample.std
    below = ranks.leading(sample.segments, lambda x: mean - x > limit)
    upto = ranks.leading(sample.segments, lambda x: x - mean <= limit)
    return _share(sample, below + sample.count - upto)


def beyond_fences(sample: Sample) -> NDArray[np.float64]:
    """The share beyond Tukey's fences."""
    first, last = sample.once(fenced)
    return (first + sample.count - last) / sample.count


def left_tail_mass(sample: Sample) -> NDArray[np.float64]:
    """The share of x < mean − 2 std."""
    bound = sample.mean - 2 * sample.std
    return _share(sample, ranks.leading(sample.segments, lambda x: x < bound))


def right_tail_mass(sample: Sample) -> NDArray[np.float64]:
    """The share of x > mean + 2 std."""
    bound = sample.mean + 2 * sample.std
    return _share(sample, sample.count - ranks.leading(sample.segments, lambda x: x <= bound))


def _share(sample: Sample, number: NDArray[np.intp]) -> NDArray[np.float64]:
    """A number of voxels as a share; NaN where there is no deviation to measure by."""
    return np.where(np.isfinite(sample.std), number / sample.count, np.nan)


def tail_asymmetry(sample: Sample) -> NDArray[np.float64]:
    """Right − left."""
    return sample.once(right_tail_mass) - sample.once(left_tail_mass)


def excess_tail_mass(sample: Sample) -> NDArray[np.float64]:
    """Right + left − what a normal distribution has."""
    return sample.once(right_tail_mass) + sample.once(left_tail_mass) - NORMAL_TAILS


def exceeds(
    sample: Sample, *, of: Callable[[Sample], NDArray[np.float64]], limit: float
) -> NDArray[np.bool_]:
    """Whether a statistic is above a limit; not where it is NaN."""
    return of(sample) > limit


_prop_outliers_3sd: Final = partial(beyond, deviations=3)

DECLARED: Final = (
    Statistic(
        "skewness",
        "biased moment skewness; NaN for a constant region",
        "m₃ / m₂^1.5, mₖ = Σ(x − mean)ᵏ / n",
        skewness,
        unit="1",
        needs=("moments",),
        tier="extended",
        weighted="m₃ / m₂^1.5, mₖ = Σw(x − mean)ᵏ / Σw",
    ),
    Statistic(
        "kurtosis",
        "biased excess kurtosis; NaN for a constant region",
        "m₄ / m₂² − 3",
        kurtosis,
        unit="1",
        needs=("moments",),
        tier="extended",
        weighted="m₄ / m₂² − 3",
    ),
    Statistic(
        "abs_skewness",
        "size of the skewness",
        "|skewness|",
        abs_skewness,
        unit="1",
        needs=("moments",),
        weighted="|skewness|",
    ),
    Statistic(
        "abs_kurtosis",
        "size of the excess kurtosis",
        "|kurtosis|",
        abs_kurtosis,
        unit="1",
        needs=("moments",),
        weighted="|kurtosis|",
    ),
    Statistic(
        "bimodality_coefficient",
        "bimodality coefficient as parcellate has it; 0.555 is no threshold for it",
        "(skewness² + 1) / (kurtosis + 3 + 3(n − 1)² / ((n − 2)(n − 3)))",
        bimodality_coefficient,
        unit="1",
        minimum=4,
        needs=("moments",),
    ),
    Statistic(
        "sarle_bimodality",
        "Sarle's bimodality coefficient; above 5/9 ≈ 0.555 for two humps, say",
        "(G₁² + 1) / (G₂ + 3(n − 1)² / ((n − 2)(n − 3))), G unbiased",
        sarle_bimodality,
        unit="1",
        minimum=4,
        needs=("moments",),
        reference="Pfister et al. (2013)",
    ),
    Statistic(
        "prop_outliers_2sd",
        "share of the values more than two standard deviations from the mean",
        "share of |x − mean| > 2 std",
        partial(beyond, deviations=2),
        unit="1",
        needs=("values", "moments"),
    ),
    Statistic(
        "prop_outliers_3sd",
        "share of the values more than three standard deviations from the mean",
        "share of |x − mean| > 3 std",
        _prop_outliers_3sd,
        unit="1",
        needs=("values", "moments"),
    ),
    Statistic(
        "prop_outliers_iqr",
        "share of the values beyond Tukey's fences",
        "share of x < Q25 − 1.5 IQR or x > Q75 + 1.5 IQR",
        beyond_fences,
        unit="1",
        reference="Tukey (1977)",
    ),
    Statistic(
        "left_tail_mass",
        "share of the values in the left tail",
        "share of x < mean − 2 std",
        left_tail_mass,
        unit="1",
        needs=("values", "moments"),
    ),
    Statistic(
        "right_tail_mass",
        "share of the values in the right tail",
        "share of x > mean + 2 std",
        right_tail_mass,
        unit="1",
        needs=("values", "moments"),
    ),
    Statistic(
        "tail_asymmetry",
        "how much more there is in the right tail than in the left",
        "right_tail_mass − left_tail_mass",
        tail_asymmetry,
        unit="1",
        needs=("values", "moments"),
    ),
    Statistic(
        "excess_tail_mass",
        "how much more there is in the tails than in those of a normal distribution",
        "right_tail_mass + left_tail_mass − 0.046",
        excess_tail_mass,
        unit="1",
        needs=("values", "moments"),
    ),
    Statistic(
        "is_strongly_skewed",
        "whether the skewness is large",
        "1 where |skewness| > 0.5, else 0",
        partial(exceeds, of=abs_skewness, limit=STRONG_SKEW),
        unit="1",
        needs=("moments",),
        weighted="1 where |skewness| > 0.5, else 0",
    ),
    Statistic(
        "is_heavy_tailed",
        "whether the excess kurtosis is large",
        "1 where |kurtosis| > 1, else 0",
        partial(exceeds, of=abs_kurtosis, limit=HEAVY_TAILS),
        unit="1",
        needs=("moments",),
        weighted="1 where |kurtosis| > 1, else 0",
    ),
    Statistic(
        "is_bimodal",
        "whether parcellate's bimodality coefficient is large, which it hardly ever is",
        "1 where bimodality_coefficient > 0.555, else 0",
        partial(exceeds, of=bimodality_coefficient, limit=BIMODAL),
        unit="1",
        needs=("moments",),
    ),
    Statistic(
        "has_outliers",
        "whether many values are far from the mean",
        "1 where prop_outliers_3sd > 0.01, else 0",
        partial(exceeds, of=_prop_outliers_3sd, limit=OUTLIERS),
        unit="1",
        needs=("values", "moments"),
    ),
)
