"""How far the statistics are from the truth, by a reference in extended precision."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import reference_moments
from scipy import stats

from qsiparc.catalogue import Sample, resolve
from qsiparc.kernels import Segments

MOMENTS = ("mean", "std", "skewness", "kurtosis")


def ours(values):
    sample = Sample(Segments(values.copy(), np.array([0, values.size])))
    return {s.name: s(sample)[0] for s in resolve(MOMENTS)}


def error(value, truth):
    return float(abs(np.longdouble(value) - truth) / abs(truth))


@pytest.mark.parametrize("n", [5, 300, 40_000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "draw",
    [
        pytest.param(lambda rng, n: rng.beta(3, 4, n), id="FA"),
        pytest.param(lambda rng, n: rng.gamma(4, 2e-4, n), id="MD"),
        pytest.param(lambda rng, n: rng.gamma(6, 5e4, n), id="RTOP"),
    ],
)
def test_twelve_digits_of_every_moment(draw, dtype, n):
    for seed in range(20):
        values = draw(np.random.default_rng(seed), n).astype(dtype)
        truth = reference_moments(values)
        found = ours(values)
        for name in MOMENTS:
            assert error(found[name], truth[name]) <= 1e-12, (name, seed)


@pytest.mark.parametrize("seed", range(20))
def test_no_worse_than_scipy_on_a_narrow_region_far_from_zero(seed):
    values = 1e6 + 1e-3 * np.random.default_rng(seed).gamma(2, size=2000)
    truth = reference_moments(values)
    found = ours(values)
    theirs = {
        "mean": values.mean(),
        "std": values.std(),
        "skewness": stats.skew(values),
        "kurtosis": stats.kurtosis(values),
    }
    for name in MOMENTS:
        assert error(found[name], truth[name]) <= max(error(theirs[name], truth[name]), 1e-15), name


@pytest.mark.parametrize("offset", [0, 10**6])
def test_a_median_as_far_from_the_mean_as_can_be_costs_no_digits(offset):
    values = np.repeat([0.0, 1.0, 3.0], [501, 499, 1])  # half a step, one standard deviation
    truth = reference_moments(values)
    truth["mean"] += offset
    found = ours(offset + values)
    for name in MOMENTS:
        assert error(found[name], truth[name]) <= 2e-14, name
