"""Extraction over probabilistic atlases, and with weights."""

from __future__ import annotations

import tracemalloc
import warnings

import nibabel as nib
import numpy as np
import oracle
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from phantoms import MM2, SIGNED_PERMUTATIONS, image, turned, volume, write
from statsmodels.stats.weightstats import DescrStatsW

import qsiparc
from qsiparc.atlas import AtlasLUT, RegionInfo
from qsiparc.catalogue import CATALOGUE
from qsiparc.errors import (
    CubeError,
    GridMismatchError,
    GridWarning,
    LabelError,
    LutError,
    NiftiWarning,
    OptionError,
    QsiparcWarning,
    WeightError,
    WeightWarning,
)
from qsiparc.parcellation import Parcellation

STATS = [*oracle.EXTENDED, "effective_n"]
WEIGHTED = [name for name, statistic in CATALOGUE.items() if statistic.weighted]
ALONE = [name for name in WEIGHTED if name != "mask_coverage"]
SHAPE = (2, 3, 4)
NAN = np.nan
VALUES = np.zeros(SHAPE, np.float32)
VALUES[:, :, 0] = [[1, 2, 3], [4, 5, NAN]]
PROBABILITIES = np.zeros((*SHAPE, 3), np.float32)
PROBABILITIES[:, :, 0, 0] = [[0.5, 1, 0.25], [0, 0.25, 0.5]]
PROBABILITIES[:, :, 0, 1] = [[0.5, 0, 0.75], [1, 0.75, 0]]
LUT = AtlasLUT([RegionInfo(n, f"LH_{n}", "L") for n in (2, 1, 3)], "Soft")
LABELS = np.zeros(SHAPE, np.int16)
LABELS[:, :, 0] = [[1, 1, 1], [2, 2, 2]]
LABELS[0, 0, 3] = 3


def stat(cube, name):
    return cube.parc.sel(stat=name).value.squeeze(["scalar", "subject"]).to_numpy()


@pytest.fixture
def fa():
    return volume(VALUES).rename("FA")


@pytest.fixture
def probseg():
    return volume(PROBABILITIES)


class TestByHand:
    def test_a_threshold(self, fa, probseg):
        cube = fa.parc.extract(probseg, LUT, threshold=0.5, stats=STATS)
        assert cube.value.dims == ("region", "stat", "scalar", "subject")
        assert cube.region.to_numpy().tolist() == [2, 1, 3]
        assert cube.region_name.to_numpy().tolist() == ["LH_2", "LH_1", "LH_3"]
        np.testing.assert_array_equal(stat(cube, "mean"), [13 / 4, 1.5, NAN])
        np.testing.assert_array_equal(stat(cube, "median"), [3.5, 1.5, NAN])
        np.testing.assert_array_equal(stat(cube, "n_voxels"), [4, 2, 0])
        np.testing.assert_array_equal(stat(cube, "effective_n"), [4, 2, 0])
        np.testing.assert_array_equal(stat(cube, "coverage"), [1, 2 / 3, NAN])

    def test_probabilities_as_weights(self, fa, probseg):
        cube = fa.parc.extract(probseg, LUT, weights="probability", stats=STATS)
        np.testing.assert_array_equal(stat(cube, "mean"), [10.5 / 3, 4.5 / 2, NAN])
        np.testing.assert_array_equal(stat(cube, "n_voxels"), [4, 4, 0])
        np.testing.assert_array_equal(stat(cube, "coverage"), [1, 2 / 2.5, NAN])
        squares = [0.25 + 2 * 0.75**2 + 1, 0.25 + 1 + 2 * 0.25**2]
        np.testing.assert_allclose(stat(cube, "effective_n"), [9 / squares[0], 4 / squares[1], 0])
        assert cube.attrs["weights"] == "probability"
        assert "threshold" not in cube.attrs

    def test_both(self, fa, probseg):
        cube = fa.parc.extract(probseg, LUT, weights="probability", threshold=0.5)
        np.testing.assert_allclose(stat(cube, "mean"), [3.5, 2.5 / 1.5, NAN])
        np.testing.assert_array_equal(stat(cube, "coverage"), [1, 0.75, NAN])
        assert cube.attrs["threshold"] == 0.5

    def test_a_weights_image_and_a_threshold(self, fa, probseg):
        weights = volume(PROBABILITIES[..., 0])
        cube = fa.parc.extract(probseg, LUT, weights=weights, threshold=0.75)
        np.testing.assert_array_equal(stat(cube, "mean"), [(3 + 5) / 2, 2, NAN])
        np.testing.assert_array_equal(stat(cube, "n_voxels"), [2, 1, 0])

    def test_a_weights_image_and_labels(self, fa):
        weights = np.zeros(SHAPE)
        weights[:, :, 0] = [[3, 1, 0], [1, 0, 3]]
        cube = fa.parc.extract(volume(LABELS), LUT, weights=volume(weights), stats=STATS)
        np.testing.assert_array_equal(stat(cube, "mean"), [4, 1.25, NAN])
        np.testing.assert_array_equal(stat(cube, "n_voxels"), [1, 2, 0])
        np.testing.assert_array_equal(stat(cube, "coverage"), [0.25, 1, NAN])
        np.testing.assert_allclose(stat(cube, "effective_n"), [1, 1.6, 0])
        assert cube.attrs["weights"] == "unnamed"

    def test_one_volume_is_one_region(self, fa, probseg):
        cube = fa.parc.extract(probseg.isel(volume=1), threshold=0.5)
        assert cube.region.to_numpy().tolist() == [1]
        np.testing.assert_array_equal(stat(cube, "mean"), [13 / 4])

    def test_no_lut(self, fa, probseg):
        cube = fa.parc.extract(probseg, threshold=0.5)
        assert cube.region.to_numpy().tolist() == [1, 2, 3]
        assert cube.region_name.to_numpy().tolist()[0] == "region_0001"


@settings(deadline=None, max_examples=120)
@given(st.data())
def test_against_the_plain_loop(data):
    shape = data.draw(hnp.array_shapes(min_dims=3, max_dims=3, max_side=4))
    n = data.draw(st.integers(1, 3))
    grades = st.sampled_from([0.0, 0.0, 0.1, 0.25, 0.3, 0.7, 1.0])
    probabilities = data.draw(hnp.arrays(np.float32, (*shape, n), elements=grades))
    some = st.floats(-1e3, 1e3, width=32) | st.sampled_from([0.0, NAN, 0.5, 0.5])
    values = data.draw(hnp.arrays(np.float32, shape, elements=some))
    zero_is_missing, is_masked = data.draw(st.booleans()), data.draw(st.booleans())
    threshold = data.draw(st.sampled_from([None, 0, 0.25, 0.3]))
    kinds = ["probability", "image"] if threshold is None else [None, "probability", "image"]
    kind = data.draw(st.sampled_from(kinds))
    # Labels that do not overlap, for a weights image without a threshold.
    labels = data.draw(hnp.arrays(np.int16, shape, elements=st.integers(0, n)))
    weights = data.draw(hnp.arrays(np.float64, shape, elements=grades))
    mask = data.draw(hnp.arrays(np.uint8, shape, elements=st.integers(0, 1)))
    if is_masked and not mask.any():
        return
    over_labels = kind == "image" and threshold is None
    if over_labels and not labels.any():
        return
    wanted = [n_ for n_ in range(1, n + 1) if n_ in labels] if over_labels else range(1, n + 1)
    order = data.draw(st.permutations(list(wanted)))

    def array(what, *dims):
        return xr.DataArray(what, dims=("i", "j", "k", *dims)).parc.with_affine(MM2)

    whole = values.astype(np.float64)
    if zero_is_missing:
        whole[whole == 0] = NAN
    if is_masked:
        whole[mask == 0] = NAN
    expected = []
    for region in order:
        p = probabilities[..., region - 1]
        inside = labels == region if over_labels else (p > 0) & (p >= np.float32(threshold or 0))
        heavy = {"probability": p, "image": weights, None: np.ones(shape)}[kind]
        row = oracle.weighted_region(whole[inside], heavy[inside])
        expected.append([row[name] for name in STATS])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "(?s).*every statistic is NaN", WeightWarning)
        cube = array(values).parc.extract(
            array(labels) if over_labels else array(probabilities, "volume"),
            AtlasLUT([RegionInfo(index, f"r{index}", "L") for index in order]),
            stats=STATS,
            threshold=threshold,
            weights=array(weights) if kind == "image" else kind,
            zero_is_missing=zero_is_missing,
            mask=array(mask) if is_masked else None,
        )
    scale = np.nanmax(np.abs(values), initial=0)
    atol = np.where(np.isin(STATS, ["skewness", "kurtosis"]), 1e-6, 1e-12 * scale)
    difference = np.abs(cube.value.to_numpy()[..., 0, 0] - np.array(expected))
    same_nan = np.isnan(cube.value.to_numpy()[..., 0, 0]) == np.isnan(np.array(expected))
    assert same_nan.all()
    assert (np.nan_to_num(difference) <= atol + 1e-9 * np.abs(np.nan_to_num(expected))).all()


@pytest.mark.parametrize("seed", range(5))
def test_mean_and_std_are_those_of_statsmodels(seed):
    rng = np.random.default_rng(seed)
    values, weights = rng.gamma(3, 2e-4, (5, 6, 7)), rng.random((5, 6, 7, 2))
    cube = volume(values).parc.extract(volume(weights), weights="probability")
    for region in range(2):
        theirs = DescrStatsW(values.ravel(), weights[..., region].ravel(), ddof=0)
        assert stat(cube, "mean")[region] == pytest.approx(theirs.mean, rel=1e-13)
        assert stat(cube, "std")[region] == pytest.approx(theirs.std, rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_all_others_as_they_are_written_down(seed):
    rng = np.random.default_rng(seed)
    values, weights = rng.normal(3, 1, (4, 5, 6)), rng.random((4, 5, 6)) ** 2
    values[0, 0], weights[1] = 0, 0
    values[2, 2, 2] = NAN
    dseg = np.ones((4, 5, 6), np.int16)
    cube = volume(values).parc.extract(volume(dseg), weights=volume(weights), stats=ALONE)
    found = dict(zip(ALONE, cube.value.squeeze().to_numpy(), strict=True))
    has_weight = weights > 0
    expected = oracle.weighted_region(values[has_weight], weights[has_weight])
    valid = has_weight & ~np.isnan(values)
    x, w = values[valid], weights[valid]
    quantile = {q: oracle.weighted_percentile(x, w, q) for q in (5, 10, 25, 50, 75, 90, 95)}
    expected |= {f"percentile_{q}": value for q, value in quantile.items()}
    expected |= {
        "minimum": x.min(),
        "maximum": x.max(),
        "cv": expected["std"] / (expected["mean"] + 1e-10),
        "robust_cv": expected["iqr"] / (quantile[50] + 1e-10),
        "quartile_dispersion": expected["iqr"] / (quantile[75] + quantile[25] + 1e-10),
        "abs_skewness": abs(expected["skewness"]),
        "abs_kurtosis": abs(expected["kurtosis"]),
        "is_strongly_skewed": abs(expected["skewness"]) > 0.5,
        "is_heavy_tailed": abs(expected["kurtosis"]) > 1,
        "n_atlas_voxels": has_weight.sum(),
        "n_zero": (values[has_weight] == 0).sum(),
        "n_nonfinite": 0,
    }
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert found[name] == pytest.approx(float(value), rel=1e-11), name


def test_equal_weights_are_no_weights(fa):
    dseg = volume(LABELS)
    plain = fa.parc.extract(dseg, LUT, stats=ALONE)
    for weight in (1, 0.1, 1 / 3, 700):
        cube = fa.parc.extract(dseg, LUT, stats=ALONE, weights=volume(np.full(SHAPE, weight)))
        np.testing.assert_allclose(cube.value, plain.value, rtol=1e-12, atol=1e-12)
        for name in ("median", "iqr", "percentile_5", "minimum", "n_voxels", "coverage"):
            np.testing.assert_array_equal(stat(cube, name), stat(plain, name))


def test_whole_weights_are_repeated_voxels():
    rng = np.random.default_rng(3)
    values, weights = rng.gamma(2, size=(4, 4, 4)), rng.integers(1, 5, (4, 4, 4))
    stats = ["mean", "std", "skewness", "kurtosis"]
    dseg = np.ones((4, 4, 4), np.int16)
    cube = volume(values).parc.extract(volume(dseg), weights=volume(weights), stats=stats)
    repeated = np.repeat(values.ravel(), weights.ravel()).reshape(-1, 1, 1)
    plain = volume(repeated).parc.extract(volume(np.ones(repeated.shape, np.int16)), stats=stats)
    np.testing.assert_allclose(cube.value, plain.value, rtol=1e-12)


class TestWhatCounts:
    def test_validity_is_decided_before_weights(self, fa, probseg):
        options = {"valid_range": (2, 4), "weights": "probability", "stats": STATS}
        cube = fa.parc.extract(probseg, LUT, **options)
        np.testing.assert_array_equal(stat(cube, "n_voxels"), [2, 2, 0])
        np.testing.assert_array_equal(stat(cube, "coverage"), [1.75 / 3, 1.25 / 2.5, NAN])
        only = fa.parc.extract(probseg, LUT, **options, min_coverage=0.55)
        np.testing.assert_array_equal(np.isnan(stat(only, "mean")), [False, True, True])
        np.testing.assert_array_equal(stat(only, "n_voxels"), [2, 2, 0])
        np.testing.assert_array_equal(stat(only, "coverage"), stat(cube, "coverage"))
        few = fa.parc.extract(probseg, LUT, **options, min_voxels=3)
        assert np.isnan(stat(few, "mean")).all()

    def test_the_coverage_of_a_mask_is_one_of_weight(self, fa, probseg):
        mask = np.zeros(SHAPE, np.uint8)
        mask[0] = 1
        stats = ["mean", "n_voxels", "coverage", "mask_coverage", "n_atlas_voxels"]
        options = {"mask": volume(mask), "stats": stats, "weights": "probability"}
        cube = fa.parc.extract(probseg, LUT, **options)
        np.testing.assert_array_equal(stat(cube, "mask_coverage"), [1.25 / 3, 1.75 / 2.5, NAN])
        np.testing.assert_array_equal(stat(cube, "coverage"), [1.25 / 3, 1.75 / 2.5, NAN])
        np.testing.assert_array_equal(stat(cube, "n_atlas_voxels"), [4, 5, 0])
        np.testing.assert_array_equal(stat(cube, "mean"), [2.75 / 1.25, 3.25 / 1.75, NAN])

    def test_counts_are_of_voxels_that_have_weight(self, probseg):
        values = VALUES.copy()
        values[0, 0, 0], values[0, 1, 0] = 0, np.inf
        stats = ["n_zero", "n_nonfinite", "n_voxels"]
        with pytest.warns(NiftiWarning, match=r"1 in 1 of the regions, LH_1 \(1\)\."):
            cube = volume(values).parc.extract(probseg, LUT, weights="probability", stats=stats)
        np.testing.assert_array_equal(stat(cube, "n_zero"), [1, 1, 0])
        np.testing.assert_array_equal(stat(cube, "n_nonfinite"), [0, 1, 0])

    def test_one_warning_names_all_regions(self, probseg):
        with pytest.warns(NiftiWarning) as caught:
            volume(np.full(SHAPE, np.inf)).rename("kfa").parc.extract(probseg, LUT, threshold=0.5)
        assert len(caught) == 1
        message = str(caught[0].message)
        assert message.startswith("kfa: voxels that are infinite")
        assert "7 in 2 of the regions, LH_2 (4), LH_1 (3)." in message
        assert caught[0].filename == __file__

    def test_functions_of_ones_own_have_thresholds_but_no_weights(self, fa, probseg):
        stats = {"first": lambda v: v[0]}
        cube = fa.parc.extract(probseg, LUT, threshold=0.5, stats=stats)
        np.testing.assert_array_equal(stat(cube, "first"), [1, 1, NAN])
        with pytest.raises(OptionError, match="no first"):
            fa.parc.extract(probseg, LUT, weights="probability", stats=stats)


class TestOptions:
    def test_a_4d_image_alone_says_what_to_give(self, fa, probseg):
        for more in ({}, {"weights": volume(VALUES)}):
            with pytest.raises(LabelError, match=r"threshold=0\.25.*weights='probability'"):
                fa.parc.extract(probseg, LUT, **more)

    @pytest.mark.parametrize("stats", ["diagnostic", ["mean", "robust_mean", "sum"]])
    def test_statistics_without_a_weighted_definition_are_named(self, fa, probseg, stats):
        with pytest.raises(OptionError, match=r"no .*robust_mean.*Choose stats of: mean, median"):
            fa.parc.extract(probseg, LUT, weights="probability", stats=stats)

    def test_every_weighted_statistic_is_one(self, fa, probseg):
        cube = fa.parc.extract(probseg, LUT, weights="probability", stats=ALONE)
        assert cube.sizes["stat"] == len(ALONE)

    def test_what_is_for_labels_only(self, fa, probseg):
        with pytest.raises(OptionError, match="resample is for labels"):
            fa.parc.extract(probseg, LUT, threshold=0.5, resample="nearest")
        with pytest.raises(OptionError, match="unknown='keep' is for labels"):
            fa.parc.extract(probseg, LUT, threshold=0.5, unknown="keep")
        with pytest.raises(OptionError, match="a Parcellation has labels"):
            fa.parc.extract(Parcellation.from_labels(volume(LABELS)), LUT, threshold=0.5)

    def test_labels_in_the_place_of_probabilities(self, fa):
        with pytest.raises(WeightError, match=r"up to 3, and threshold is 0\.5"):
            fa.parc.extract(volume(LABELS), threshold=0.5)

    def test_a_lut_of_another_atlas(self, fa, probseg):
        with pytest.raises(LutError, match="has 3 volumes"):
            fa.parc.extract(probseg, AtlasLUT(LUT.regions[:2]), threshold=0.5)

    @pytest.mark.parametrize("bad", [-1, np.inf])
    def test_what_no_weight_can_be(self, fa, bad):
        weights = np.ones(SHAPE)
        weights[0, 0, 3] = bad  # in region 3
        with pytest.raises(WeightError, match="the weights image: 1 values"):
            fa.parc.extract(volume(LABELS), LUT, weights=volume(weights))
        weights[0, 0, 3], weights[1, 1, 1] = 1, bad  # in no region
        fa.parc.extract(volume(LABELS), LUT, weights=volume(weights))

    def test_a_word_that_is_no_file(self, fa, probseg):
        with pytest.raises(FileNotFoundError, match=r"'probability' or an image.*'probabilities'"):
            fa.parc.extract(probseg, LUT, threshold=0.5, weights="probabilities")

    def test_missing_weights_are_none_with_a_warning(self, fa, tmp_path):
        weights = np.where(LABELS == 1, np.nan, 1).astype(np.float32)
        path = write(tmp_path / "sub-1_label-WM_probseg.nii.gz", weights)
        with pytest.warns(WeightWarning, match="WM_probseg.nii.gz: 3 values are NaN") as caught:
            cube = fa.parc.extract(volume(LABELS), LUT, weights=path)
        assert caught[0].filename == __file__
        np.testing.assert_array_equal(stat(cube, "n_voxels"), [2, 0, 1])
        assert cube.attrs["weights"] == path.name
        with pytest.warns(WeightWarning, match="all weights are 0"):
            cube = fa.parc.extract(volume(LABELS), LUT, weights=volume(np.zeros(SHAPE)))
        np.testing.assert_array_equal(stat(cube, "n_voxels"), [0, 0, 0])
        assert np.isnan(stat(cube, "mean")).all()

    def test_to_volume_paints_labels(self, fa, probseg):
        cube = fa.parc.extract(probseg, LUT, threshold=0.5)
        with pytest.raises(LabelError, match="a label image is 3D"):
            cube.parc.to_volume(probseg, stat="mean")

    def test_groups_of_weighted_regions_are_refused(self, fa, probseg):
        groups = {"both": [1, 2]}
        cube = fa.parc.extract(probseg, LUT, weights="probability")
        with pytest.raises(CubeError, match=r"are weighted \(probability\)"):
            cube.parc.aggregate(groups)
        cube = fa.parc.extract(probseg, LUT, threshold=0.5, stats="core")
        with pytest.warns(QsiparcWarning, match="share voxels"):
            cube.parc.aggregate(groups, stats=["mean", "n_voxels"])


class TestGrids:
    @pytest.mark.parametrize(("axes", "flips"), SIGNED_PERMUTATIONS[3::9])
    def test_turned_images_are_turned_back(self, fa, probseg, axes, flips):
        made = [turned(PROBABILITIES[..., n], MM2, axes, flips) for n in range(3)]
        other = image(np.stack([data for data, _ in made], axis=-1), made[0][1])
        for options in ({"threshold": 0.5}, {"weights": "probability"}):
            xr.testing.assert_equal(
                fa.parc.extract(other, LUT, **options), fa.parc.extract(probseg, LUT, **options)
            )
        weights, plain = image(*made[1]), probseg.isel(volume=1)
        xr.testing.assert_equal(
            fa.parc.extract(volume(LABELS), LUT, weights=weights),
            fa.parc.extract(volume(LABELS), LUT, weights=plain),
        )

    def test_near_and_far(self, fa):
        near, far = MM2.copy(), MM2.copy()
        near[0, 3], far[0, 3] = 0.05, 5
        ones = np.ones(SHAPE)
        with pytest.warns(GridWarning, match=r"the weights image .* 0\.05 mm"):
            fa.parc.extract(volume(LABELS), LUT, weights=volume(ones, near))
        with pytest.raises(GridMismatchError, match="the weights image and the map"):
            fa.parc.extract(volume(LABELS), LUT, weights=volume(ones, far), resample="nearest")
        with pytest.raises(GridMismatchError, match=r"(?s)the atlas and the map.*labels only"):
            fa.parc.extract(volume(PROBABILITIES, far), LUT, threshold=0.5)

    def test_maps_in_any_order_of_axes(self, fa, probseg):
        turned_map = fa.transpose("k", "i", "j")
        for options in ({"threshold": 0.5}, {"weights": "probability"}):
            xr.testing.assert_equal(
                turned_map.parc.extract(probseg, LUT, **options),
                fa.parc.extract(probseg, LUT, **options),
            )


OPTIONS = [
    pytest.param({"threshold": 0.5}, id="threshold"),
    pytest.param({"weights": "probability"}, id="weights"),
]


@pytest.mark.parametrize("options", OPTIONS)
class TestManyMaps:
    def test_a_dataset(self, fa, probseg, options):
        maps = xr.Dataset({"FA": fa, "MD": fa * 1e-3})
        cube = maps.parc.extract(probseg, LUT, **options)
        assert cube.scalar.to_numpy().tolist() == ["FA", "MD"]
        for name in ("FA", "MD"):
            alone = maps[name].parc.extract(probseg, LUT, **options)
            np.testing.assert_array_equal(cube.value.sel(scalar=[name]), alone.value)

    def test_every_volume_of_a_4d_map(self, fa, probseg, options):
        four = xr.concat([fa, fa + 1, fa * 2], "volume").transpose("i", "j", "k", "volume")
        cube = four.parc.extract(probseg, LUT, **options)
        assert cube.value.dims == ("region", "stat", "scalar", "subject", "volume")
        for at, one in enumerate([fa, fa + 1, fa * 2]):
            alone = one.parc.extract(probseg, LUT, **options)
            np.testing.assert_array_equal(cube.value.isel(volume=at), alone.value)

    def test_stacked_subjects(self, fa, probseg, options):
        cohort = xr.concat([fa, fa * 2], "subject").assign_coords(subject=["sub-1", "sub-2"])
        cube = cohort.parc.extract(probseg, LUT, **options)
        assert cube.value.dims == ("region", "stat", "scalar", "subject")
        np.testing.assert_array_equal(
            cube.value.sel(subject="sub-2", stat="mean"),
            2 * cube.value.sel(subject="sub-1", stat="mean"),
        )

    def test_dask_stays_lazy_and_agrees(self, fa, probseg, options):
        expected = fa.parc.extract(probseg, LUT, **options)
        for atlas in (probseg, probseg.chunk({"volume": 1})):
            lazy = fa.chunk({"i": 1}).parc.extract(atlas, LUT, **options)
            assert lazy.value.chunks is not None
            xr.testing.assert_identical(lazy.compute(), expected)
        both = xr.Dataset({"FA": fa.chunk(), "MD": fa * 2}).parc.extract(probseg, LUT, **options)
        assert both.value.chunks is not None
        np.testing.assert_array_equal(both.value.isel(scalar=[0]), expected.value)

    def test_there_and_back(self, fa, probseg, options, tmp_path):
        cube = fa.parc.extract(probseg, LUT, **options, stats=STATS, subject="sub-1")
        frame = cube.parc.to_long()
        assert frame["n_voxels"].dtype == np.int64
        xr.testing.assert_identical(qsiparc.from_long(frame), cube)
        for name in ("cube.zarr", "cube.nc"):
            with qsiparc.open(cube.parc.save(tmp_path / name)) as again:
                xr.testing.assert_identical(again.load(), cube)

    def test_from_every_kind_of_image(self, fa, probseg, options, tmp_path):
        expected = fa.parc.extract(probseg, LUT, **options)
        for suffix in (".nii.gz", ".nii"):
            path = write(tmp_path / f"atlas-Soft_probseg{suffix}", PROBABILITIES)
            for atlas in (path, str(path), nib.load(path), qsiparc.open_nifti(path)):
                cube = fa.parc.extract(atlas, LUT, **options)
                np.testing.assert_array_equal(cube.value, expected.value)
                assert cube.dseg_file.item() == path.name
        table = fa.parc.extract(path, **options).parc.to_long()
        assert set(table["atlas"]) == {"Soft"}


def test_one_pass_through_the_file_for_all_maps(fa, tmp_path, passes):
    path = write(tmp_path / "atlas-Soft_probseg.nii.gz", PROBABILITIES)
    maps = xr.Dataset({f"m{n}": fa + n for n in range(4)})
    maps.parc.extract(path, LUT, weights="probability")
    assert passes == [str(path)]


def test_a_lazy_cube_reads_the_atlas_when_it_is_computed(fa, tmp_path, passes):
    path = write(tmp_path / "atlas-Soft_probseg.nii.gz", PROBABILITIES)
    maps = xr.Dataset({"FA": fa.chunk(), "MD": fa.chunk() * 1e-3})
    lazy = maps.parc.extract(path, LUT, weights="probability")
    assert passes == []
    lazy.load()
    assert passes == [str(path)]


def test_a_damaged_atlas_gives_no_numbers(tmp_path):
    data = np.random.default_rng(0).random((40, 40, 40, 4), np.float32)
    path = write(tmp_path / "atlas-X_probseg.nii.gz", data)
    stored = bytearray(path.read_bytes())
    stored[-8] ^= 1
    path.write_bytes(stored)
    with pytest.raises(OSError, match="damaged"):
        volume(data[..., 0]).parc.extract(path, threshold=0.5)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("suffix", [".nii.gz", ".nii"])
def test_a_few_volumes_are_in_memory(tmp_path, options, suffix):
    n, shape = 12, (80, 80, 80)
    rng = np.random.default_rng(0)
    data = np.zeros((*shape, n), np.float32)
    for region in range(n):
        at = rng.integers(0, 50, 3)
        part = tuple(slice(a, a + 30) for a in at)
        data[(*part, region)] = rng.random((30, 30, 30))
    path = write(tmp_path / f"p{suffix}", data)
    one = data[..., 0].nbytes
    maps = xr.Dataset({f"m{i}": volume(rng.random(shape, np.float32)).load() for i in range(3)})
    maps.parc.extract(path, **options)  # what is imported on first use is no part of it
    tracemalloc.start()
    maps.parc.extract(path, **options)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * one, peak / one


def test_the_table_says_what_has_weights():
    table = qsiparc.statistics()
    assert set(table.index[table["weighted"] != ""]) == set(WEIGHTED)
    assert {*oracle.EXTENDED, "percentile_95", "effective_n"} <= set(WEIGHTED)
    assert isinstance(table, pd.DataFrame)
