"""Middles and spreads that a few bad scans cannot move."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NORMAL: Final = 1.482602218505602
"""Standard deviations of a normal distribution in its median absolute deviation."""

_FEW: Final = np.array([np.nan, np.nan, 1.196, 1.495, 1.363, 1.206, 1.2, 1.14, 1.129, 1.107])
"""By how much that falls short in samples of 2 to 9 (Croux and Rousseeuw 1992)."""

TYPICAL: Final = 1.5
"""Times the median of all regions' spreads, below which none is taken to be."""


def middle(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The median along the last axis, of what is not NaN.

    Parameters
    ----------
    values : numpy.ndarray, shape (..., scan)
        Numbers; infinite ones count.

    Returns
    -------
    numpy.ndarray, shape (...)
        NaN where there is nothing but NaN.

    Examples
    --------
    >>> middle(np.array([[3.0, 1.0, np.nan, 2.0], [np.nan] * 4]))
    array([ 2., nan])
    """
    if not values.shape[-1]:
        return np.full(values.shape[:-1], np.nan)
    count = values.shape[-1] - np.isnan(values).sum(axis=-1)
    ordered = np.sort(values, axis=-1)  # NaN last; quicker than numpy.median
    low, high = (np.maximum(n, 0)[..., None] for n in ((count - 1) // 2, count // 2))
    ends = [np.take_along_axis(ordered, n, axis=-1)[..., 0] for n in (low, high)]
    return np.asarray((ends[0] + ends[1]) / 2)


def spread(values: NDArray[np.float64], centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """The robust standard deviation along the last axis.

    Parameters
    ----------
    values : numpy.ndarray, shape (..., scan)
        Numbers.
    centre : numpy.ndarray, shape (...)
        Their `middle`.

    Returns
    -------
    numpy.ndarray, shape (...)
        1.4826 times the median absolute deviation, and somewhat more in samples of less than ten;
        NaN of fewer than two values.

    Notes
    -----
    The factors for small samples are those of Croux and Rousseeuw, "Time-efficient algorithms for
    two highly robust estimators of scale", Computational Statistics 1 (1992), 411–428.
    """
    count = np.isfinite(values).sum(axis=-1)
    many = count / np.maximum(count - 0.8, 0.2)
    factor = np.where(count < _FEW.size, _FEW[np.minimum(count, _FEW.size - 1)], many)
    return np.asarray(_NORMAL * factor * middle(np.abs(values - centre[..., None])))


def scale(values: NDArray[np.float64], centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """The spread of each region, and at least what is usual for regions like it.

    Parameters
    ----------
    values : numpy.ndarray, shape (region, scan)
        Numbers.
    centre : numpy.ndarray, shape (region,)
        Their `middle`.

    Returns
    -------
    numpy.ndarray, shape (region,)
        Of a few scans, some region's own spread is small by chance alone, and 0 where most scans
        have the same value: then 1.5 times the median of all regions' spreads counts instead, as a
        share of the centre or a third of it outright, whichever is more.
    """
    own = spread(values, centre)
    known = np.isfinite(own) & (centre != 0)
    if not known.any():
        return own
    usual = TYPICAL * np.median(own[known] / np.abs(centre[known])) * np.abs(centre)
    outright = TYPICAL * np.median(own[known]) / 3
    return np.asarray(np.fmax(own, np.fmax(usual, outright)))
