from __future__ import annotations

import io
import re

import numpy as np
import oracle
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phantoms import volume
from scipy import stats

import qsiparc
from qsiparc import ranks
from qsiparc.catalogue import CATALOGUE, TIERS, Sample, resolve
from qsiparc.errors import UnknownStatisticError
from qsiparc.kernels import Segments
from qsiparc.names import OUTPUT_COLUMNS

OF_A_MASK = {"mask_coverage"}
DESIGNED = (
    "volume_mm3 sum robust_mean robust_std mad_median z_filtered_mean z_filtered_std "
    "iqr_filtered_mean iqr_filtered_std cv robust_cv quartile_dispersion abs_skewness abs_kurtosis "
    "bimodality_coefficient prop_outliers_2sd prop_outliers_3sd prop_outliers_iqr left_tail_mass "
    "right_tail_mass tail_asymmetry excess_tail_mass dagostino_k2 dagostino_p log_dagostino_k2 "
    "shapiro_w shapiro_p qq_correlation qq_r_squared histogram_entropy percentile_5 percentile_10 "
    "percentile_25 percentile_50 percentile_75 percentile_90 percentile_95 is_strongly_skewed "
    "is_heavy_tailed is_bimodal has_outliers fails_normality minimum maximum n_atlas_voxels n_zero "
    "n_nonfinite"
)


UNWEIGHTED = (
    "sum mad_median robust_mean robust_std z_filtered_mean z_filtered_std iqr_filtered_mean "
    "iqr_filtered_std bimodality_coefficient sarle_bimodality prop_outliers_2sd prop_outliers_3sd "
    "prop_outliers_iqr left_tail_mass right_tail_mass tail_asymmetry excess_tail_mass is_bimodal "
    "has_outliers dagostino_k2 dagostino_p log_dagostino_k2 shapiro_w shapiro_p fails_normality "
    "qq_correlation qq_r_squared histogram_entropy volume_mm3"
)


def sample(*regions, dtype=np.float64):
    values = np.concatenate([np.asarray(r, dtype) for r in regions])
    return Sample(Segments(values, np.cumsum([0, *map(len, regions)])), voxel_volume=2.5)


def one(name, *regions):
    return CATALOGUE[name](sample(*regions)).tolist()


def assert_as_the_oracle(regions, names=tuple(CATALOGUE), rtol=1e-10):
    made = sample(*regions)
    plain = [oracle.diagnostic(np.asarray(r), 2.5) for r in regions]
    for name in set(names) - OF_A_MASK:
        found = CATALOGUE[name](made)
        expected = [float(row[name]) for row in plain]
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-12, err_msg=name)


OURS = ("sarle_bimodality", "effective_n")


def test_every_statistic_of_the_field_is_there():
    assert {*DESIGNED.split(), *OUTPUT_COLUMNS[4:], *OF_A_MASK, *OURS} == set(CATALOGUE)


def test_tiers():
    assert TIERS["core"] == ("mean", "median", "std", "n_voxels", "coverage")
    assert list(TIERS["extended"]) == OUTPUT_COLUMNS[4:]
    assert TIERS["diagnostic"] == tuple(CATALOGUE)
    assert TIERS["diagnostic"][:8] == TIERS["extended"]
    assert set(TIERS["diagnostic"]) <= {s.name for s in resolve("all")}


def test_they_come_in_the_order_asked_for():
    asked = ["std", "mean", "shapiro_w"]
    assert resolve(asked) == tuple(CATALOGUE[name] for name in asked)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("meen", "'meen'. Did you mean 'mean'?"),
        ("xyz", "'xyz'. Tiers: core, extended, diagnostic, all. Statistics: mean, median, std,"),
    ],
)
def test_a_name_that_is_none(name, words):
    with pytest.raises(UnknownStatisticError, match=re.escape(words)):
        resolve(name)


DRAWS = {
    "normal": lambda rng, n: rng.normal(0.5, 0.1, n),
    "skewed": lambda rng, n: rng.gamma(2, 1e-3, n),
    "wide": lambda rng, n: rng.lognormal(10, 1.5, n),
    "negative": lambda rng, n: -rng.exponential(3, n),
    "two humps": lambda rng, n: np.where(rng.random(n) < 0.5, 0, 9) + rng.normal(size=n),
    "heavy": lambda rng, n: rng.standard_t(2, n),
}


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(DRAWS)), st.integers(1, 80), st.integers(0, 2**32 - 1)),
        min_size=1,
        max_size=4,
    ),
    st.floats(0, 0.5),
    st.sampled_from([np.float32, np.float64]),
)
def test_all_of_them_against_scipy(draws, missing, dtype):
    regions = []
    for kind, n, seed in draws:
        rng = np.random.default_rng(seed)
        values = DRAWS[kind](rng, n).astype(dtype)
        values[rng.random(n) < missing] = np.nan
        regions.append(values)
    assert_as_the_oracle(regions, rtol=1e-9)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.lists(st.sampled_from([-2.0, -0.0, 0.0, 0.5, 1.0, 7.0, np.nan]), min_size=1),
        min_size=1,
    )
)
def test_values_that_repeat(regions):
    names = [
        *("sum", "minimum", "maximum", "mad_median", "robust_mean", "robust_std"),
        *("iqr_filtered_mean", "iqr_filtered_std", "prop_outliers_iqr", "quartile_dispersion"),
        *("n_voxels", "n_zero", "n_nonfinite", "n_atlas_voxels", "coverage", "volume_mm3"),
        *(name for name in CATALOGUE if name.startswith("percentile_")),
        "histogram_entropy",
    ]
    assert_as_the_oracle(regions, names)


def test_large_regions():
    rng = np.random.default_rng(1)
    regions = [rng.gamma(3, size=n) for n in (5001, 40_000, 4999)]
    assert_as_the_oracle(regions)
    w, p = (one(name, *regions) for name in ("shapiro_w", "shapiro_p"))
    assert np.isnan([*w[:2], *p[:2]]).all()
    assert one("fails_normality", *regions) == [1, 1, 1]


EMPTY = [np.nan, np.nan, np.nan]


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_no_region_gives_a_warning(name):
    inf = np.inf
    regions = [
        *(EMPTY, [7], [0], [2, 2, 2, 2], [1, 2], [1, 2, 3], [inf, 1, 2], [-inf, inf], [inf] * 30),
        *([0.1] * 40, [1e300, -1e300, 1e300, 0], [3.4e38, 0, 0.5, 0.4], [0, 0, 0, 1e-310]),
    ]
    found = CATALOGUE[name](sample(*regions))
    assert found.shape == (len(regions),)
    assert found.dtype == np.float64


@pytest.mark.parametrize("name", sorted(set(CATALOGUE) - OF_A_MASK))
def test_a_region_without_a_valid_voxel(name):
    statistic = CATALOGUE[name]
    (found,) = one(name, EMPTY)
    if statistic.is_count:
        assert found == (3 if name == "n_atlas_voxels" else 0)
    else:
        assert np.isnan(found)


SEVERAL = {
    "bimodality_coefficient": 4,
    "sarle_bimodality": 4,
    "shapiro_w": 3,
    "shapiro_p": 3,
    "dagostino_k2": 20,
    "dagostino_p": 20,
    "log_dagostino_k2": 20,
    "qq_correlation": 2,
    "qq_r_squared": 2,
}
"""Voxels that a statistic needs where one is not enough."""


@pytest.mark.parametrize(("name", "n"), SEVERAL.items())
def test_as_few_voxels_as_it_needs_and_one_less(name, n):
    values = np.random.default_rng(0).normal(size=n)
    found = one(name, values, values[1:])
    assert CATALOGUE[name].minimum == n
    assert np.isfinite(found[0])
    assert np.isnan(found[1])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("std", 0),
        ("mad_median", 0),
        ("robust_mean", 0.1),
        ("z_filtered_mean", 0.1),
        ("iqr_filtered_std", 0),
        ("cv", 0),
        ("skewness", np.nan),
        ("abs_kurtosis", np.nan),
        ("prop_outliers_2sd", 0),  # NumPy's mean of these is not 0.1, and all are outliers then
        ("left_tail_mass", 0),
        ("shapiro_w", 1),
        ("shapiro_p", 1),
        ("dagostino_k2", np.nan),
        ("qq_correlation", np.nan),
        ("histogram_entropy", 0),
        ("is_strongly_skewed", 0),
        ("is_bimodal", 0),
        ("fails_normality", 0),
    ],
)
def test_a_constant_region(name, value):
    np.testing.assert_array_equal(one(name, [0.1] * 30), [value])


def test_worked_out_by_hand():
    # 1 2 3 4 100: mean 22, Q25 2, Q50 3, Q75 4, distances from 3 are 2 1 0 1 97
    x = [100, 3, 1, 4, 2]
    assert one("mad_median", x) == [1]
    assert one("robust_mean", x) == [2.5]
    assert one("iqr_filtered_mean", x) == [2.5]
    assert one("prop_outliers_iqr", x) == [0.2]
    assert one("z_filtered_mean", x) == [22]  # 78 is 2 deviations
    assert one("sum", x) == [110]
    assert one("volume_mm3", x) == [12.5]
    assert one("histogram_entropy", [1, 2, 3, 4]) == [2 - 0.5]  # 3 bins: 1, 1 and 2 of 4


def test_an_even_number_has_a_mad_half_way():
    assert one("mad_median", [0, 1, 3, 10]) == [1.5]  # from 2: 2 1 1 8


def test_symmetric_values_have_a_score_of_skewness_of_zero():
    x = np.concatenate([-np.arange(1, 13.0), np.arange(1, 13.0)])
    kurtosis, _ = stats.kurtosistest(x)
    assert one("dagostino_k2", x) == pytest.approx([kurtosis**2])  # SciPy's skewtest: 1.04, not 0


def test_one_value_far_out_needs_no_more_bins_than_there_is_memory_for():
    x = np.concatenate([np.random.default_rng(0).normal(size=1000), [1e12]])
    (found,) = one("histogram_entropy", x)
    assert 0 < found < 0.02


def test_sarle_of_two_points_is_one_and_of_parcellate_less():
    x = np.repeat([0.0, 1.0], 5000)
    assert one("sarle_bimodality", x) == pytest.approx([1], abs=1e-3)
    assert one("bimodality_coefficient", x) == pytest.approx([0.25], abs=1e-3)


def test_what_is_infinite_or_as_good_as():
    biggest = np.finfo(np.float32).max
    regions = [[1, np.inf, -np.inf], [biggest, -biggest, 9.9e37], [np.nan, 0, 0]]
    made = sample(*regions, dtype=np.float32)
    assert CATALOGUE["n_nonfinite"](made).tolist() == [2, 2, 0]
    assert CATALOGUE["n_zero"](made).tolist() == [0, 0, 2]
    assert CATALOGUE["n_nonfinite"](sample([1, 2], dtype=np.int16)).tolist() == [0]


def test_where_the_order_of_the_file_was_not_kept_values_ascend():
    made = sample([3, 1], [9, np.nan, 7], [4], dtype=np.float32)
    found = [made.in_order(region) for region in range(3)]
    assert [values.tolist() for values in found] == [[1, 3], [7, 9], [4]]
    assert {values.dtype for values in found} == {np.dtype(np.float64)}


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_it_asks_for_no_more_than_it_says(name, monkeypatch):
    needs = CATALOGUE[name].needs
    regions = [np.random.default_rng(0).gamma(2, size=30), EMPTY]

    def refuse(*_):
        raise AssertionError(f"{name} says that it needs {needs}")

    made = sample(*regions)
    expected = CATALOGUE[name](made)
    if "moments" not in needs:
        monkeypatch.setattr(Segments, "_moments", property(refuse))
    if not {"values", "zeros", "non-finite"} & set(needs):
        for function in ("leading", "ends", "median_distance", "blocks"):
            monkeypatch.setattr(ranks, function, refuse)
        monkeypatch.setattr(Sample, "percentile", refuse)
        monkeypatch.setattr(Sample, "median", property(refuse))
    if "moments" not in needs and set(needs) <= {"sizes", "voxel volume", "mask"}:
        monkeypatch.setattr(Segments, "values", property(refuse, lambda *_: None), raising=False)
    made = sample(*regions)
    if "voxel volume" not in needs:
        made.voxel_volume = np.nan
    np.testing.assert_array_equal(CATALOGUE[name](made), expected)


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_it_asks_for_what_it_says(name, monkeypatch):
    def refuse(*_):
        raise AssertionError("asked for")

    values = np.random.default_rng(0).gamma(2, size=30)
    if "moments" in CATALOGUE[name].needs:
        with monkeypatch.context() as patch:
            patch.setattr(Segments, "_moments", property(refuse))
            with pytest.raises(AssertionError, match="asked for"):
                one(name, values)
    if "values" in CATALOGUE[name].needs:
        for function in ("leading", "ends", "median_distance", "blocks"):
            monkeypatch.setattr(ranks, function, refuse)
        monkeypatch.setattr(Sample, "percentile", refuse)
        monkeypatch.setattr(Sample, "median", property(refuse))
        with pytest.raises(AssertionError, match="asked for"):
            one(name, values)


def test_a_table_of_text_keeps_every_statistic():
    values = volume(np.random.default_rng(0).gamma(2, size=(4, 4, 4)))
    labels = volume(np.repeat([1, 2], 32).reshape(4, 4, 4).astype(np.int16))
    cube = values.parc.extract(labels, stats="diagnostic", subject="sub-1")
    text = cube.parc.to_long().to_csv(index=False)
    exactly = {} if pd.__version__ >= "3" else {"float_precision": "round_trip"}  # as 3 does
    read = qsiparc.from_long(pd.read_csv(io.StringIO(text), **exactly))
    assert set(read.stat.to_numpy()) == set(CATALOGUE)
    np.testing.assert_array_equal(
        read.value.sel(stat=list(CATALOGUE)).to_numpy(), cube.value.to_numpy()
    )


def test_the_table():
    table = qsiparc.statistics()
    assert list(table.index)[: len(CATALOGUE)] == list(CATALOGUE)
    assert list(table.columns) == [
        *("tier", "unit", "summary", "formula", "minimum", "empty", "absent"),
        *("weighted", "needs", "reference"),
    ]
    assert table.loc["mean", "tier"] == "core"
    assert table.loc["iqr", "tier"] == "extended"
    assert table.loc["cv", "tier"] == "diagnostic"
    assert table.loc["dagostino_p", ["minimum", "empty", "absent"]].tolist() == [20, "NaN", "NaN"]
    assert table.loc["n_zero", ["minimum", "empty", "absent"]].tolist() == [0, "counted", "0"]
    built_in = table.loc[list(CATALOGUE)]
    assert (built_in[["summary", "formula"]] != "").all(axis=None)
    assert set(built_in["unit"]) == {"map", "1", "voxels", "mm³"}
    tier = {name: next(t for t in TIERS if name in TIERS[t]) for name in CATALOGUE}
    assert built_in["tier"].to_dict() == tier
    counted = {"n_atlas_voxels", "n_zero", "n_nonfinite"}
    share, known = {"coverage"}, {"n_voxels", "effective_n", "volume_mm3"}
    assert set(built_in.index[built_in["empty"] == "counted"]) == {*counted, *OF_A_MASK}
    assert set(built_in.index[built_in["empty"] == "0"]) == known | share
    assert set(built_in.index[built_in["absent"] == "0"]) == known | counted
    assert set(built_in.index[built_in["minimum"] == 0]) == known | share | counted | OF_A_MASK
    assert built_in["minimum"][built_in["minimum"] > 1].to_dict() == SEVERAL
    assert set(built_in.index[built_in["weighted"] == ""]) == set(UNWEIGHTED.split())


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_its_unit_is_what_a_map_in_another_unit_changes(name):
    one_far = np.repeat([0.0, 1.0], [19, 1])  # what is "1 where" is 1 here
    gamma = np.random.default_rng(0).gamma(3, size=30)
    regions = [gamma, one_far, -one_far, [1, 2, np.inf]]
    found, scaled = (sample(*(factor * np.asarray(r) for r in regions)) for factor in (1, 8))
    found.mask_coverage = scaled.mask_coverage = np.full(len(regions), 0.5)
    found, scaled = CATALOGUE[name](found), CATALOGUE[name](scaled)
    assert np.nansum(np.abs(found)) > 0
    factor = 8 if CATALOGUE[name].unit == "map" else 1
    np.testing.assert_allclose(scaled, factor * found, rtol=1e-8)
