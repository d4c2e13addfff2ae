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


def diagnostic(values: np.ndarray, voxel_volume: float = 1.0) -> dict[str, float]:
    """All built-in statistics of the voxels of one region but those of a mask."""
    valid = values[~np.isnan(values)].astype(np.float64)
    result = region(values.astype(np.float64)) | {
        "n_atlas_voxels": values.size,
        "effective_n": valid.size,
        "n_zero": sum(x == 0 for x in valid),
        "n_nonfinite": sum(abs(x) >= 1e38 for x in valid),
        "volume_mm3": valid.size * voxel_volume,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SciPy's, of constant regions and small ones
        return result | (_of_values(valid) if valid.size else dict.fromkeys(OF_VALUES, np.nan))


def _of_values(x: np.ndarray) -> dict[str, float]:
    mean, std, n = x.mean(), x.std(), x.size
    q25, median, q75 = np.percentile(x, [25, 50, 75])
    iqr = q75 - q25
    mad = stats.median_abs_deviation(x)
    skew, kurt = stats.skew(x), stats.kurtosis(x)
    fences = x[(x >= q25 - 1.5 * iqr) & (x <= q75 + 1.5 * iqr)]
    by_z = x[np.abs((x - mean) / std) <= 3] if std > 0 else x
    by_mad = x[np.abs(0.6745 * (x - median) / mad) <= 3.5] if mad > 0 else x
    right, left = np.mean(x > mean + 2 * std), np.mean(x < mean - 2 * std)
    few = _unbiased(x) if n > 3 else {"skew": np.nan, "kurt": np.nan}
    correction = 3 * (n - 1) ** 2 / ((n - 2) * (n - 3)) if n > 3 else np.nan
    bimodality = (skew**2 + 1) / (kurt + 3 + correction)
    k2, p = stats.normaltest(x) if n >= 20 else (np.nan, np.nan)
    w, shapiro_p = stats.shapiro(x) if 3 <= n <= 5000 else (np.nan, np.nan)
    r = stats.probplot(x)[1][2] if n > 1 else np.nan
    return {
        "sum": x.sum(),
        "minimum": x.min(),
        "maximum": x.max(),
        **{f"percentile_{q}": np.percentile(x, q) for q in (5, 10, 25, 50, 75, 90, 95)},
        "robust_mean": by_mad.mean(),
        "robust_std": by_mad.std(),
        "mad_median": mad,
        "z_filtered_mean": by_z.mean(),
        "z_filtered_std": by_z.std(),
        "iqr_filtered_mean": fences.mean(),
        "iqr_filtered_std": fences.std(),
        "cv": std / (mean + 1e-10),
        "robust_cv": iqr / (median + 1e-10),
        "quartile_dispersion": iqr / (q75 + q25 + 1e-10),
        "abs_skewness": abs(skew),
        "abs_kurtosis": abs(kurt),
        "bimodality_coefficient": bimodality,
        "sarle_bimodality": (few["skew"] ** 2 + 1) / (few["kurt"] + correction),
        "prop_outliers_2sd": np.mean(np.abs(x - mean) > 2 * std),
        "prop_outliers_3sd": np.mean(np.abs(x - mean) > 3 * std),
        "prop_outliers_iqr": 1 - fences.size / n,
        "left_tail_mass": left,
        "right_tail_mass": right,
        "tail_asymmetry": right - left,
        "excess_tail_mass": right + left - 0.046,
        "dagostino_k2": k2,
        "dagostino_p": p,
        "log_dagostino_k2": np.log(k2 + 1e-10),
        "shapiro_w": w,
        "shapiro_p": shapiro_p,
        "qq_correlation": r,
        "qq_r_squared": r**2,
        "histogram_entropy": _entropy(x, iqr),
        "is_strongly_skewed": abs(skew) > 0.5,
        "is_heavy_tailed": abs(kurt) > 1,
        "is_bimodal": bimodality > 0.555,
        "has_outliers": np.mean(np.abs(x - mean) > 3 * std) > 0.01,
        "fails_normality": (p if np.isnan(shapiro_p) else shapiro_p) < 0.05,
    }


def _unbiased(x: np.ndarray) -> dict[str, float]:
    return {"skew": stats.skew(x, bias=False), "kurt": stats.kurtosis(x, bias=False)}


def _entropy(x: np.ndarray, iqr: float) -> float:
    """NumPy's automatic bins of 2.4, spelt out."""
    span = x.max() - x.min()
    if span == 0:
        return 0.0
    width = min(
        max(2 * iqr / np.cbrt(x.size), span / np.sqrt(x.size) / 2), span / (np.log2(x.size) + 1)
    )
    share = np.histogram(x, int(np.ceil(span / width)))[0] / x.size
    return float(stats.entropy(share, base=2))


OF_VALUES = tuple(_of_values(np.arange(30.0)))


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
