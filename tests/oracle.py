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
