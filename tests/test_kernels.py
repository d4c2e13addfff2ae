from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from oracle import region

from qsiparc.kernels import BLOCK, CODES, TABLE, WIDENED, Segments, gather, make_plan, position_type


def brute_plan(flat):
    labels = sorted(set(flat.tolist()) - {0})
    return labels, [np.flatnonzero(flat == label).tolist() for label in labels]


@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.int16, np.int32, np.int64]),
        st.integers(0, 60),
        elements=st.integers(0, 7),
    ),
    st.sampled_from([1, -3, 1000, TABLE + 1]),
)
def test_a_plan_lists_the_voxels_of_every_label(flat, factor):
    if factor != 1:
        flat = flat.astype(np.int64) * factor
    plan = make_plan(flat)
    labels, positions = brute_plan(flat)
    assert plan.labels.dtype == np.int64
    assert plan.labels.tolist() == labels
    starts, stops = plan.offsets[:-1], plan.offsets[1:]
    assert [plan.positions[a:b].tolist() for a, b in zip(starts, stops, strict=True)] == positions


def test_more_labels_than_sixteen_bits_hold():
    flat = np.arange(1, 2**16 + 3, dtype=np.int32)[::-1].copy()
    plan = make_plan(flat)
    assert plan.labels[-1] == 2**16 + 2
    np.testing.assert_array_equal(flat[plan.positions], plan.labels)


@pytest.mark.parametrize("n", [CODES - 1, CODES, CODES + 1])
@pytest.mark.parametrize("gap", [0, 5, CODES, TABLE])
def test_about_as_many_labels_as_sixteen_bits_hold(n, gap):
    flat = np.arange(n, 0, -1)
    flat[0] += gap
    plan = make_plan(flat)
    np.testing.assert_array_equal(plan.labels, flat[::-1])
    np.testing.assert_array_equal(plan.positions, np.arange(n)[::-1])


def test_more_values_are_gathered_than_a_block_holds():
    rng = np.random.default_rng(3)
    flat = rng.normal(size=1000).astype(np.float32)
    positions = rng.integers(0, flat.size, 2 * WIDENED + 7).astype(np.int32)
    found = gather(flat, positions)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, flat[positions])


def test_positions_are_as_wide_as_the_image_asks():
    assert position_type(2**31 - 1) == np.int32
    assert position_type(2**31) == np.intp


def test_labels_near_two_to_the_31_need_no_table():
    flat = np.array([0, 2**31 - 1, 1, -(2**31), 1])
    plan = make_plan(flat)
    assert plan.labels.tolist() == [-(2**31), 1, 2**31 - 1]
    assert plan.positions.tolist() == [3, 2, 4, 1]


def segments(*regions, dtype=np.float64):
    values = np.concatenate([np.asarray(r, dtype) for r in regions])
    return Segments(values, np.cumsum([0, *map(len, regions)]))


def test_nan_is_dropped_a_region_at_a_time():
    s = segments([3, np.nan, 1], [np.nan], [2, 2], [np.nan, np.nan, 7])
    assert s.count.tolist() == [2, 0, 2, 1]
    assert s.sizes.tolist() == [3, 1, 2, 3]
    np.testing.assert_array_equal(s.mean, [2, np.nan, 2, 7])
    np.testing.assert_array_equal(s.median, [2, np.nan, 2, 7])
    np.testing.assert_array_equal(s.moment(2), [1, np.nan, 0, 0])
    assert s.values.tolist() == [1, 3, 2, 2, 7]


@pytest.mark.parametrize("dtype", ["<f2", "<f4", ">f4", "<f8", ">f8", np.longdouble])
@pytest.mark.parametrize("low", [0.0, -0.0, -1.0])
@pytest.mark.parametrize("nan", [np.nan, -np.nan])
def test_values_are_in_the_order_of_numpy_whatever_their_bits(dtype, low, nan):
    rng = np.random.default_rng(0)
    offsets = np.array([0, 5, 5, 300, 2000])
    values = rng.gamma(2, size=2000).astype(dtype)
    for special in (low, nan, np.inf, 0.0, np.finfo(dtype).smallest_subnormal):
        values[rng.integers(0, values.size, 20)] = special
    expected = [np.sort(values[a:b]) for a, b in pairwise(offsets)]
    segments = Segments(values.copy(), offsets)
    assert segments.values.dtype == values.dtype
    for (a, b), own in zip(pairwise(segments.offsets), expected, strict=True):
        assert np.array_equal(segments.values[a:b], own[~np.isnan(own)])
    assert segments.count.tolist() == [int((~np.isnan(one)).sum()) for one in expected]


def test_all_regions_without_a_valid_value():
    s = segments([np.nan], [np.nan, np.nan])
    assert np.isnan(s.mean).all()
    assert np.isnan(s.percentile(25)).all()


@pytest.mark.parametrize("regions", [([], []), ([], [3, np.nan, 1], [], [5], [])])
def test_regions_without_a_voxel(regions):
    s = segments(*regions)
    expected = [region(np.asarray(values)) for values in regions]
    assert s.sizes.tolist() == [len(values) for values in regions]
    assert s.count.tolist() == [e["n_voxels"] for e in expected]
    np.testing.assert_array_equal(s.mean, [e["mean"] for e in expected])
    np.testing.assert_array_equal(s.median, [e["median"] for e in expected])


def test_a_spread_that_is_lost_in_the_rounding_of_the_mean_is_none():
    near, far = np.array([0, 1e-15]), np.array([0, 4e-15])  # about 1, std is half of it
    s = segments(1 + near, 1 + far, -1 - near, 1e6 * (1 + near), 1e6 * (1 + far), [2], [np.nan])
    assert s.is_constant.tolist() == [True, False, True, True, False, True, False]


def test_percentiles_are_those_of_numpy():
    rng = np.random.default_rng(1)
    regions = [rng.normal(size=n) for n in range(1, 41)]
    s = segments(*regions)
    for q in (0, 5, 25, 50, 61.3, 75, 100):
        np.testing.assert_array_equal(s.percentile(q), [np.percentile(r, q) for r in regions])


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.float32, np.float16])
def test_reductions_are_in_float64_whatever_the_type(dtype):
    values = np.array([3, 200, 7, 90, 1]).astype(dtype)
    s = segments(values, dtype=dtype)
    expected = region(values.astype(np.float64))
    assert s.values.dtype == dtype
    assert s.mean[0] == expected["mean"]
    assert np.sqrt(s.moment(2)[0]) == pytest.approx(expected["std"], rel=1e-15)


def test_regions_across_block_borders():
    rng = np.random.default_rng(2)
    regions = [rng.gamma(2, size=n) for n in (3, BLOCK - 3, 1, 2 * BLOCK + 7, 5, BLOCK, 2)]
    s = segments(*regions)
    for at, values in enumerate(regions):
        assert s.mean[at] == pytest.approx(values.mean(), rel=1e-14)
        assert s.moment(4)[at] == pytest.approx(((values - values.mean()) ** 4).mean(), rel=1e-12)


def test_infinite_values_are_values():
    inf = np.inf
    s = segments([1, 2, inf], [-inf, 1, inf], [inf, inf, 1], [1, 2, 3, 4, inf])
    np.testing.assert_array_equal(s.count, [3, 3, 3, 5])
    np.testing.assert_array_equal(s.mean, [inf, np.nan, inf, inf])
    np.testing.assert_array_equal(s.median, [2, 1, inf, 3])
    np.testing.assert_array_equal(s.percentile(75)[3], 4)  # NumPy: NaN, from inf · 0
    np.testing.assert_array_equal(s.percentile(75)[2], inf)  # between two of them
    assert np.isnan(s.moment(2)).all()


def test_huge_values_overflow_without_a_warning():
    s = segments([1e300, 2e300, 3e300], [1e300, 2e300, 9e300], [-9e300, 2e300, 3e300])
    np.testing.assert_allclose(s.mean, [2e300, 4e300, -4e300 / 3], rtol=1e-15)
    assert (s.moment(2) == np.inf).all()
    assert (s.moment(4) == np.inf).all()


@settings(deadline=None)
@given(st.lists(st.lists(st.floats(-1e6, 1e6, width=32) | st.just(np.nan), min_size=1), min_size=1))
def test_moments_and_quartiles_against_the_plain_loop(regions):
    s = segments(*regions)
    for at, values in enumerate(regions):
        expected = region(np.asarray(values, np.float64))
        assert s.count[at] == expected["n_voxels"]
        scale = np.nanmax(np.abs(values), initial=0)
        close = {"rel": 1e-13, "abs": 1e-15 * scale, "nan_ok": True}
        assert s.mean[at] == pytest.approx(expected["mean"], **close)
        assert np.sqrt(s.moment(2)[at]) == pytest.approx(expected["std"], **close)
        iqr = (s.percentile(75) - s.percentile(25))[at]
        assert iqr == pytest.approx(expected["iqr"], abs=0, rel=0, nan_ok=True)


@pytest.mark.parametrize(
    "labels",
    [
        [-3, -1, 0, 2, 5],
        [-70000, -70000 + 2**16, 1, 9],  # the same in 16 bits
        [1, 2**16 + 1, 7],  # as far apart as 16 bits reach, and one further
        [2**16, 1, 7],
        [5, 5 + TABLE, 5 + 2**16],
    ],
)
def test_labels_are_ascending_and_none_is_another(labels):
    flat = np.array([*labels, *labels[::-1]])
    plan = make_plan(flat)
    assert plan.labels.tolist() == sorted(set(labels) - {0})
    for label, start, stop in zip(plan.labels, plan.offsets[:-1], plan.offsets[1:], strict=True):
        assert plan.positions[start:stop].tolist() == np.flatnonzero(flat == label).tolist()


def test_moments_about_the_mean_by_hand():
    """1, 2, 9: about the mean of 4 the deviations are −3, −2, 5; the median is 2."""
    segments = Segments(np.array([1.0, 9.0, 2.0]), np.array([0, 3]))
    assert segments.mean.tolist() == [4]
    assert segments.moment(2).tolist() == [pytest.approx((9 + 4 + 25) / 3)]
    assert segments.moment(3).tolist() == [pytest.approx((-27 - 8 + 125) / 3)]
    assert segments.moment(4).tolist() == [pytest.approx((81 + 16 + 625) / 3)]


@pytest.mark.parametrize("values", [[1, 2, np.inf], [-np.inf, 1, 2], [np.inf], [-np.inf, np.inf]])
def test_one_infinite_value_makes_the_mean_what_numpy_says(values):
    segments = Segments(np.array(values), np.array([0, len(values)]))
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(segments.mean, [np.mean(values)])
