"""Statistics of a group from those of its regions, exactly: NumPy and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Columns = Mapping[str, NDArray[np.float64]]

RESOLUTION: Final = float(np.finfo(np.float64).resolution)
"""Spread below this share of the mean is lost in the rounding of the mean, as in `kernels`."""

NEEDS: Final[dict[str, tuple[str, ...]]] = {
    "n_voxels": (),
    "n_atlas_voxels": (),
    "n_zero": (),
    "n_nonfinite": (),
    "sum": (),
    "volume_mm3": (),
    "minimum": (),
    "maximum": (),
    "coverage": ("n_voxels",),
    "mask_coverage": ("n_atlas_voxels",),
    "mean": ("n_voxels",),
    "std": ("mean", "n_voxels"),
    "skewness": ("mean", "std", "n_voxels"),
    "kurtosis": ("mean", "std", "skewness", "n_voxels"),
}
"""Statistics that follow from those of the regions, and which others of these they take."""

_ADDED: Final = ("n_voxels", "n_atlas_voxels", "n_zero", "n_nonfinite", "sum", "volume_mm3")
_MOMENTS: Final = ("mean", "std", "skewness", "kurtosis")


def pool(
    values: NDArray[np.float64],
    stats: Sequence[str],
    wanted: Sequence[str],
    members: Sequence[NDArray[np.intp]],
) -> NDArray[np.float64]:
    """Statistics of groups of regions.

    Parameters
    ----------
    values : numpy.ndarray
        (…, regions, stats) of regions that share no voxel.
    stats : sequence of str
        Names along the last axis.
    wanted : sequence of str
        Which ones to return; all they need is there, see `NEEDS`.
    members : sequence of numpy.ndarray
        Of each group, the places of its regions.

    Returns
    -------
    numpy.ndarray
        (…, groups, wanted).

    Notes
    -----
    With ``nᵢ`` voxels, mean ``xᵢ`` and central moments ``mₖᵢ`` of region i, ``N = Σnᵢ`` and
    ``dᵢ = xᵢ − mean`` (Chan, Golub & LeVeque 1983; Pébay 2008, *Formulas for robust, one-pass
    parallel computation of covariances and arbitrary-order statistical moments*)::

        mean = c + Σnᵢ(xᵢ − c) / N        with c the mean of one of the regions
        m₂ = Σnᵢ(m₂ᵢ + dᵢ²) / N
        m₃ = Σnᵢ(m₃ᵢ + 3dᵢm₂ᵢ + dᵢ³) / N
        m₄ = Σnᵢ(m₄ᵢ + 4dᵢm₃ᵢ + 6dᵢ²m₂ᵢ + dᵢ⁴) / N
    """
    result = np.empty((*values.shape[:-2], len(members), len(wanted)))
    for group, places in enumerate(members):
        columns = {name: values[..., places, at] for at, name in enumerate(stats)}
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            pooled = _pool_one(columns, wanted)
        for at, name in enumerate(wanted):
            result[..., group, at] = pooled[name]
    return result


def _pool_one(columns: Columns, wanted: Sequence[str]) -> dict[str, Any]:
    """One group: (…, regions) of each statistic to (…) of the wanted ones."""
    pooled: dict[str, Any] = {}
    for name in _ADDED:
        if name in wanted:
            pooled[name] = _added(name, columns)
    if "minimum" in wanted:
        pooled["minimum"] = np.fmin.reduce(columns["minimum"], axis=-1)
    if "maximum" in wanted:
        pooled["maximum"] = np.fmax.reduce(columns["maximum"], axis=-1)
    if "coverage" in wanted:
        pooled["coverage"] = _coverage(columns)
    if "mask_coverage" in wanted:
        voxels = atlas_voxels(columns)
        inside = np.where(voxels > 0, columns["mask_coverage"] * voxels, 0.0)
        pooled["mask_coverage"] = inside.sum(axis=-1) / voxels.sum(axis=-1)
    if set(wanted) & set(_MOMENTS):
        pooled |= _moments(columns, wanted)
    return pooled


def _added(name: str, columns: Columns) -> NDArray[np.float64]:
    """A sum over regions; a region without the number adds nothing, none at all leave NaN."""
    values = columns[name]
    total: NDArray[np.float64] = np.nansum(values, axis=-1)
    if name == "sum" and "n_voxels" in columns:  # of voxels that are infinite, NaN is the sum
        lost = np.isnan(values) & (columns["n_voxels"] > 0)
        total = np.where(lost.any(axis=-1), np.nan, total)
    return np.where(np.isnan(values).all(axis=-1), np.nan, total)


def atlas_voxels(columns: Columns) -> NDArray[np.float64]:
    """Voxels of each region in the label image; NaN where nobody knows.

    Where the statistic itself is not there they are ``n / coverage``, and 0 for a region that is
    not in the image, whose coverage is NaN. Of a region that has voxels but none of them valid, n
    and coverage are 0 and do not tell how many.
    """
    if "n_atlas_voxels" in columns:
        return np.nan_to_num(columns["n_atlas_voxels"], nan=0.0)
    count, coverage = columns["n_voxels"], columns["coverage"]
    known = np.where(count > 0, np.rint(count / coverage), np.nan)
    return np.where(np.isnan(coverage), 0.0, known)


def _coverage(columns: Columns) -> NDArray[np.float64]:
    total = atlas_voxels(columns).sum(axis=-1)
    valid: NDArray[np.float64] = columns["n_voxels"].sum(axis=-1)
    # No valid voxel anywhere is no coverage, however many voxels there are; if there are any.
    nowhere = (valid == 0) & (columns["coverage"] == 0).any(axis=-1)
    share: NDArray[np.float64] = np.where(nowhere, 0.0, valid / total)
    return share


def unknown_coverage(
    values: NDArray[np.float64], stats: Sequence[str], members: Sequence[NDArray[np.intp]]
) -> NDArray[np.bool_]:
    """Groups whose coverage is lost with a region's number of voxels.

    Parameters
    ----------
    values, stats, members
        As `pool` takes them.

    Returns
    -------
    numpy.ndarray
        (groups,) whether that is so anywhere along the other axes.
    """
    if "n_atlas_voxels" in stats:
        return np.zeros(len(members), bool)
    coverage, count = (values[..., list(stats).index(name)] for name in ("coverage", "n_voxels"))
    return _some(members, (coverage == 0) & (count == 0), count > 0)


def unknown_mean(
    values: NDArray[np.float64], stats: Sequence[str], members: Sequence[NDArray[np.intp]]
) -> NDArray[np.bool_]:
    """Groups whose moments are lost with those of a region that has voxels.

    Parameters
    ----------
    values, stats, members
        As `pool` takes them.

    Returns
    -------
    numpy.ndarray
        (groups,) whether that is so anywhere along the other axes.
    """
    mean, count = (values[..., list(stats).index(name)] for name in ("mean", "n_voxels"))
    return _some(members, np.isnan(mean) & (count > 0), np.isfinite(mean))


def _some(
    members: Sequence[NDArray[np.intp]], one: NDArray[np.bool_], other: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Groups that have a region of the one kind and a region of the other."""
    return np.array(
        [
            (one[..., places].any(axis=-1) & other[..., places].any(axis=-1)).any()
            for places in members
        ]
    )


def _moments(columns: Columns, wanted: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    count = np.nan_to_num(columns["n_voxels"], nan=0.0)
    total = count.sum(axis=-1, keepdims=True)
    there = count > 0

    def average(terms: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weighted by voxels; regions without one do not count, whatever they say."""
        summed: NDArray[np.float64] = np.where(there, count * terms, 0.0).sum(-1, keepdims=True)
        averaged: NDArray[np.float64] = summed / total
        return averaged

    x = columns["mean"]
    centre = np.take_along_axis(x, count.argmax(axis=-1)[..., None], axis=-1)
    mean = centre + average(x - centre)
    infinite = np.isinf(np.where(there, x, 0.0)).any(axis=-1, keepdims=True)
    mean = np.where(infinite, average(x), mean)
    moments = {"mean": mean}
    if set(wanted) & {"std", "skewness", "kurtosis"}:
        d, std = x - mean, columns["std"]
        second = average(std**2 + d**2)
        is_constant = second <= (RESOLUTION * mean) ** 2
        moments["std"] = np.sqrt(second)
    if set(wanted) & {"skewness", "kurtosis"}:
        third = _shape(columns["skewness"], std) * std**3
        ratio = average(third + 3 * d * std**2 + d**3) / second**1.5
        moments["skewness"] = np.where(is_constant, np.nan, ratio)
    if "kurtosis" in wanted:
        fourth = _shape(columns["kurtosis"] + 3, std) * std**4
        terms = fourth + 4 * d * third + 6 * (d * std) ** 2 + d**4
        ratio = average(terms) / second**2 - 3
        moments["kurtosis"] = np.where(is_constant, np.nan, ratio)
    return {name: moment[..., 0] for name, moment in moments.items()}


def _shape(standardised: NDArray[np.float64], std: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standardised moments; those of a constant region, which are NaN, come from a spread of 0."""
    return np.where(np.isnan(standardised) & np.isfinite(std), 0.0, standardised)
