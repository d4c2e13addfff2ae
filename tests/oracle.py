"""The obvious way: a plain loop over regions with NumPy and SciPy, slow and beyond doubt."""

from __future__ import annotations

import warnings

import numpy as np
from scipy import stats

EXTENDED = ("mean", "median", "std", "iqr", "skewness", "kurtosis", "n_voxels", "coverage")


def region(values: np.ndarray) -> dict[str, float]:
    """The eight statistics of the voxels of one region, NaN among them or not."""
    valid = values[~np.isnan(values)]
    result = {"n_voxels": valid.size, "coverage": np.nan}
    if values.size:
        result["coverage"] = valid.size / values.size
    if not valid.size:
        return result | dict.fromkeys(EXTENDED[:6], np.nan)
    q25, q50, q75 = np.percentile(valid, [25, 50, 75])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SciPy's, of constant regions
        shape = {"skewness": float(stats.skew(valid)), "kurtosis": float(stats.kurtosis(valid))}
    return (
        result
        | shape
        | {
            "mean": valid.mean(),
            "median": q50,
            "std": valid.std(),
            "iqr": q75 - q25,
        }
    )


def table(
    volume: np.ndarray, labels: np.ndarray, indices: list[int], *, zero_is_missing: bool = False
) -> np.ndarray:
    """(regions, 8) statistics of a map over a label image of the same shape."""
    values = volume.astype(np.float64)
    if zero_is_missing:
        values[values == 0] = np.nan
    rows = [region(values[labels == index]) for index in indices]
    return np.array([[row[name] for name in EXTENDED] for row in rows]).reshape(len(indices), 8)


def reference_moments(values: np.ndarray) -> dict[str, np.longdouble]:
    """Mean, std, skewness and kurtosis in extended precision."""
    x = values.astype(np.longdouble)
    mean = x.sum() / x.size
    m2, m3, m4 = (((x - mean) ** order).sum() / x.size for order in (2, 3, 4))
    return {
        "mean": mean,
        "std": np.sqrt(m2),
        "skewness": m3 / m2 ** np.longdouble(1.5),
        "kurtosis": m4 / m2**2 - 3,
    }


def weighted_region(values: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    """The statistics that have a weighted definition, of one region, as they are written down."""
    inside = weights > 0
    values, weights = values[inside].astype(np.float64), weights[inside].astype(np.float64)
    valid = ~np.isnan(values)
    result = {"n_voxels": int(valid.sum()), "effective_n": 0.0, "coverage": np.nan}
    if values.size:
        result["coverage"] = weights[valid].sum() / weights.sum()
    x, w = values[valid], weights[valid]
    names = ("mean", "median", "std", "iqr", "skewness", "kurtosis")
    if not x.size:
        return result | dict.fromkeys(names, np.nan)
    mean = np.average(x, weights=w)
    m2, m3, m4 = (np.average((x - mean) ** k, weights=w) for k in (2, 3, 4))
    is_constant = m2 <= (np.finfo(np.float64).resolution * mean) ** 2
    quartile = {q: weighted_percentile(x, w, q) for q in (25, 50, 75)}
    return result | {
        "effective_n": w.sum() ** 2 / (w**2).sum(),
        "mean": mean,
        "median": quartile[50],
        "std": np.sqrt(m2),
        "iqr": quartile[75] - quartile[25],
        "skewness": np.nan if is_constant else m3 / m2**1.5,
        "kurtosis": np.nan if is_constant else m4 / m2**2 - 3,
    }


def weighted_percentile(x: np.ndarray, w: np.ndarray, q: float) -> float:
    """Σ xᵢ (F(tᵢ) − F(tᵢ₋₁)): tᵢ the share of weight up to xᵢ, F uniform over [(h−1)/n, h/n]."""
    n = w.sum() ** 2 / (w**2).sum()
    h = q / 100 * (n - 1) + 1

    def uniform(t: float) -> float:
        return min(max(n * t - (h - 1), 0), 1)

    result = passed = 0.0
    for at in np.argsort(x):
        before, passed = passed, passed + w[at]
        result += x[at] * (uniform(passed / w.sum()) - uniform(before / w.sum()))
    return result


def reference_weighted_moments(values: np.ndarray, weights: np.ndarray) -> dict[str, np.longdouble]:
    """Weighted mean, std, skewness and kurtosis in extended precision."""
    x, w = values.astype(np.longdouble), weights.astype(np.longdouble)
    mean = (w * x).sum() / w.sum()
    m2, m3, m4 = ((w * (x - mean) ** order).sum() / w.sum() for order in (2, 3, 4))
    return {
        "mean": mean,
        "std": np.sqrt(m2),
        "skewness": m3 / m2 ** np.longdouble(1.5),
        "kurtosis": m4 / m2**2 - 3,
    }
