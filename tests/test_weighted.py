from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import reference_weighted_moments, weighted_percentile, weighted_region
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from qsiparc.kernels import Segments
from qsiparc.weighted import WeightedSegments

INF = np.inf
QS = (0, 5, 25, 50, 61.3, 75, 100)


def segments(*regions, dtype=np.float64, weight_dtype=np.float64):
    """Regions given as pairs of values and weights."""
    values = np.concatenate([np.asarray(x, dtype) for x, _ in regions])
    weights = np.concatenate([np.asarray(w, weight_dtype) for _, w in regions])
    return WeightedSegments(values, weights, np.cumsum([0, *(len(x) for x, _ in regions)]))


def moments(s, at=0):
    """Mean, std, skewness and kurtosis of one region, of either kind of segments."""
    second = s.moment(2)[at]
    return [
        s.mean[at],
        second**0.5,
        s.moment(3)[at] / second**1.5,
        s.moment(4)[at] / second**2 - 3,
    ]


pairs = st.lists(
    st.tuples(
        st.floats(-1e3, 1e3, width=32) | st.sampled_from([np.nan, 0.5, 0.5]),
        st.floats(2**-10, 1, width=32) | st.just(0.25),
    ),
    min_size=1,
    max_size=30,
)


def test_by_hand():
    s = segments(([3, np.nan, 1, 2], [1, 4, 2, 1]), ([np.nan], [1]), ([7, 7], [1, 2]))
    assert s.sizes.tolist() == [4, 1, 2]
    assert s.count.tolist() == [3, 0, 2]
    assert s.values.tolist() == [1, 2, 3, 7, 7]
    assert s.weights.tolist()[:3] == [2, 1, 1]
    np.testing.assert_array_equal(s.mean, [1.75, np.nan, 7])
    np.testing.assert_allclose(s.moment(2), [0.6875, np.nan, 0], rtol=1e-15)
    np.testing.assert_array_equal(s.coverage, [0.5, 0, 1])
    np.testing.assert_allclose(s.effective_n, [16 / 6, 0, 9 / 5])
    # n = 8/3, h = 11/6: the quantile function from 5/16 to 11/16, 3/16 of which is 1, then 2.
    np.testing.assert_array_equal(s.median, [1.5, np.nan, 7])
    assert s.is_constant.tolist() == [False, False, True]


@settings(deadline=None, max_examples=200)
@given(st.lists(pairs, min_size=1, max_size=4), st.sampled_from([np.float32, np.float64]))
def test_against_the_plain_loop(regions, dtype):
    s = segments(*(np.array(region).T for region in regions), dtype=dtype)
    for at, region in enumerate(regions):
        x, w = np.array(region).T
        expected = weighted_region(x, w)
        scale = np.nanmax(np.abs(x), initial=0)
        close = {"rel": 1e-11, "abs": 1e-13 * scale, "nan_ok": True}
        assert s.count[at] == expected["n_voxels"]
        assert s.coverage[at] == pytest.approx(expected["coverage"], rel=1e-14)
        assert s.effective_n[at] == pytest.approx(expected["effective_n"], rel=1e-14)
        assert s.mean[at] == pytest.approx(expected["mean"], **close)
        assert s.median[at] == pytest.approx(expected["median"], **close)
        assert np.sqrt(s.moment(2)[at]) == pytest.approx(expected["std"], **close)
        iqr = (s.percentile(75) - s.percentile(25))[at]
        assert iqr == pytest.approx(expected["iqr"], **close)


@settings(deadline=None)
@given(pairs)
def test_mean_and_std_are_those_of_statsmodels(region):
    x, w = np.array([pair for pair in region if pair[0] == pair[0]] or [(1.0, 1.0)]).T
    s = segments((x, w))
    theirs = DescrStatsW(x, weights=w, ddof=0)
    assert s.mean[0] == pytest.approx(theirs.mean, rel=1e-12, abs=1e-12)
    assert s.moment(2)[0] == pytest.approx(theirs.var, rel=1e-9, abs=1e-18)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-100, 100, width=16), st.integers(1, 5)), min_size=1))
def test_whole_weights_are_repeated_values(region):
    x, w = np.array(region).T
    repeated = np.repeat(x, w.astype(int))
    s, plain = segments((x, w)), Segments(repeated, np.array([0, repeated.size]))
    assert s.is_constant.tolist() == plain.is_constant.tolist()
    upto = 2 if s.is_constant[0] else 4
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = pytest.approx(moments(plain)[:upto], rel=1e-9, abs=1e-9)
        assert moments(s)[:upto] == expected


@settings(deadline=None)
@given(pairs, st.sampled_from([1.0, 0.1, 1 / 3, 7e-5]))
def test_equal_weights_change_nothing(region, weight):
    x = np.array([value for value, _ in region])
    s = segments((x, [weight] * x.size))
    plain = Segments(x.copy(), np.array([0, x.size]))
    assert s.count[0] == plain.count[0]
    assert s.effective_n[0] == pytest.approx(plain.count[0], rel=1e-14)
    for q in QS:
        np.testing.assert_array_equal(s.percentile(q), plain.percentile(q))
    if plain.count[0] and not plain.is_constant[0]:
        assert moments(s) == pytest.approx(moments(plain), rel=1e-9, abs=1e-12)


@settings(deadline=None)
@given(pairs, st.sampled_from([2.0, 100.0, 1e-7, 1e-200, 1e200]))
def test_only_relations_between_weights_count(region, factor):
    x, w = np.array(region).T
    one, other = segments((x, w)), segments((x, w * factor))
    scale = np.nanmax(np.abs(x), initial=0)
    close = {"rtol": 1e-12, "atol": 1e-13 * scale}
    np.testing.assert_allclose(one.effective_n, other.effective_n, rtol=1e-12)
    np.testing.assert_allclose(one.coverage, other.coverage, rtol=1e-12)
    np.testing.assert_allclose(one.mean, other.mean, **close)
    np.testing.assert_allclose(one.moment(2), other.moment(2), rtol=1e-10, atol=close["atol"] ** 2)
    for q in QS:
        np.testing.assert_allclose(one.percentile(q), other.percentile(q), **close)


@settings(deadline=None)
@given(pairs)
def test_percentiles_ascend_and_stay_among_the_values(region):
    x, w = np.array(region).T
    s = segments((x, w))
    found = [s.percentile(q)[0] for q in range(0, 101, 4)]
    if not s.count[0]:
        assert np.isnan(found).all()
        return
    scale = np.nanmax(np.abs(x))
    assert (np.diff(found) >= -1e-12 * scale).all()
    assert np.nanmin(x) <= found[0]
    assert found[-1] <= np.nanmax(x)


def test_a_voxel_of_next_to_no_weight_changes_next_to_nothing():
    with_it, without = segments(([0, 1, 100], [1, 1e-12, 1])), segments(([0, 100], [1, 1]))
    for q in QS:
        np.testing.assert_allclose(with_it.percentile(q), without.percentile(q), atol=1e-8)


@pytest.mark.parametrize("weights", [[1, 2, 3], [1, 1, 1]])
def test_infinite_values_are_values(weights):
    s = segments(([1, 2, INF], weights), ([-INF, 1, INF], weights), ([INF, INF, INF], weights))
    np.testing.assert_array_equal(s.mean, [INF, np.nan, INF])
    low = 1 if len(set(weights)) == 1 else 11 / 7  # the mean of the lowest 1 / effective_n
    np.testing.assert_allclose(s.percentile(0), [low, -INF, INF])
    assert s.percentile(100).tolist() == [INF] * 3
    assert np.isnan(s.moment(2)[:2]).all()


def test_huge_values_overflow_without_a_warning():
    s = segments(([1e300, 2e300, 3e300], [1, 2, 1]))
    assert s.mean[0] == pytest.approx(2e300, rel=1e-15)
    assert s.moment(2)[0] == INF


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.float32, np.float16])
def test_reductions_are_in_float64_whatever_the_types(dtype):
    x, w = np.array([3, 200, 7, 90, 1]), np.array([0.1, 0.7, 0.3, 0.2, 0.9])
    s = segments((x, w), dtype=dtype, weight_dtype=np.float32)
    expected = weighted_region(x, w.astype(np.float32))
    assert s.values.dtype == dtype
    assert s.mean[0] == pytest.approx(expected["mean"], rel=1e-15)
    assert s.median[0] == pytest.approx(expected["median"], rel=1e-14)


def test_the_given_weights_stay_as_they_are():
    weights = np.array([3.0, 1.0, 2.0])
    WeightedSegments(np.array([3.0, 1.0, np.nan]), weights, np.array([0, 3]))
    assert weights.tolist() == [3, 1, 2]


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
    for seed in range(10):
        rng = np.random.default_rng(seed)
        values, weights = draw(rng, n).astype(dtype), rng.beta(0.5, 0.5, n).astype(np.float32)
        weights = np.maximum(weights, np.float32(1e-6))
        truth = reference_weighted_moments(values, weights)
        found = moments(segments((values, weights), dtype=dtype, weight_dtype=np.float32))
        for (name, true), value in zip(truth.items(), found, strict=True):
            assert abs(np.longdouble(value) - true) <= 1e-12 * abs(true), (name, seed)


@pytest.mark.parametrize("seed", range(10))
def test_a_narrow_region_far_from_zero(seed):
    rng = np.random.default_rng(seed)
    values = 1e6 + 1e-3 * rng.gamma(2, size=2000)
    whole = rng.integers(1, 5, 2000)
    truth = reference_weighted_moments(values, whole)
    found = moments(segments((values, whole)))
    repeated = np.repeat(values, whole)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = [repeated.mean(), repeated.std(), stats.skew(repeated), stats.kurtosis(repeated)]
    for true, value, other in zip(truth.values(), found, theirs, strict=True):
        assert abs(value - true) <= max(abs(other - true), 1e-15 * abs(true))


def test_the_percentiles_of_the_plain_loop_are_numpys_for_equal_weights():
    x = np.random.default_rng(1).normal(size=17)
    for q in QS:
        assert weighted_percentile(x, np.full(17, 0.3), q) == pytest.approx(np.percentile(x, q))
