from __future__ import annotations

import json
import logging

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import region
from phantoms import MM2, image, ramp, turned, volume

import qsiparc
from qsiparc.errors import (
    GridMismatchError,
    LabelError,
    NiftiWarning,
    OptionError,
    QsiparcWarning,
)
from qsiparc.kernels import Segments
from qsiparc.ranks import between, leading, median_distance, run_of_zeros, without
from qsiparc.validity import Validity

LABELS = np.array([1, 1, 1, 1, 2, 2, 3, 0]).reshape(2, 2, 2, order="F").astype(np.int16)
VALUES = np.array([0, 0.1, 0.2, np.nan, -1, 7, 0, 9], np.float32).reshape(2, 2, 2, order="F")
BIGGEST = float(np.finfo(np.float32).max)


@pytest.fixture
def fa():
    return volume(VALUES)


@pytest.fixture
def dseg():
    return volume(LABELS)


def values_of(cube, name):
    return cube.parc.sel(stat=name).value.to_numpy().ravel()


def found(cube, *names):
    return [values_of(cube, name).tolist() for name in names]


class TestRange:
    def test_values_outside_are_missing_and_the_ends_are_not(self, fa, dseg):
        cube = fa.parc.extract(dseg, stats="diagnostic", valid_range=(0, 0.2))
        np.testing.assert_allclose(values_of(cube, "mean"), [0.1, np.nan, 0], rtol=1e-7)
        assert found(cube, "n_voxels", "n_atlas_voxels") == [[3, 0, 1], [4, 2, 1]]
        assert cube.attrs["valid_min"] == 0
        assert cube.attrs["valid_max"] == 0.2

    def test_bounds_are_in_the_type_of_the_map(self, dseg):
        fa = volume(np.full((2, 2, 2), 0.1, np.float32))  # a little more than 0.1
        assert found(fa.parc.extract(dseg, valid_range=(0, 0.1)), "n_voxels") == [[4, 2, 1]]
        own = fa.parc.extract(dseg, valid_range=(0, 0.1), stats={"n": len})
        assert found(own, "n") == [[4, 2, 1]]

    @pytest.mark.parametrize(("given", "n"), [((None, 0.15), [2, 1, 1]), ((0.05, None), [2, 1, 0])])
    def test_an_open_end(self, fa, dseg, given, n):
        cube = fa.parc.extract(dseg, valid_range=given)
        assert found(cube, "n_voxels") == [n]
        assert ("valid_min" in cube.attrs) + ("valid_max" in cube.attrs) == 1

    def test_integers(self, dseg):
        maps = volume(np.arange(8, dtype=np.int16).reshape(2, 2, 2, order="F"))
        cube = maps.parc.extract(dseg, valid_range=(0.5, 4), zero_is_missing=True)
        assert found(cube, "mean", "n_voxels") == [[2, 4, pytest.approx(np.nan, nan_ok=True)],
                                                   [3, 1, 0]]  # fmt: skip

    @pytest.mark.parametrize("given", [(1, 0), (0,), "ab", (0, 1, 2), (np.nan, 1), 5])
    def test_what_is_no_range(self, fa, dseg, given):
        with pytest.raises(OptionError, match="two numbers"):
            fa.parc.extract(dseg, valid_range=given)


class TestTheMapsOwnRange:
    def test_it_is_taken_at_its_word_and_said(self, fa, dseg, caplog):
        fa.attrs["valid_range"] = [0, 1]
        with caplog.at_level(logging.INFO, "qsiparc"):
            cube = fa.parc.extract(dseg, scalar="FA")
        assert "FA: values outside of its own valid range, 0.0 to 1.0, are missing" in caplog.text
        assert found(cube, "n_voxels") == [[3, 0, 1]]
        assert json.loads(cube.attrs["valid_range_of_maps"]) == {"FA": [0, 1]}
        assert "valid_min" not in cube.attrs

    def test_a_range_that_leaves_little_is_doubted(self, fa, dseg):
        fa.attrs["valid_range"] = [0, 1]
        scaled = (1000 * fa).assign_attrs(fa.attrs)
        with pytest.warns(NiftiWarning, match="are from 0 to 1, and 2 of 6 are"):
            cube = scaled.parc.extract(dseg, stats="n_voxels")
        assert found(cube, "n_voxels") == [[1, 0, 1]]
        assert found(scaled.parc.extract(dseg, valid_range=(None, None)), "n_voxels") == [[3, 2, 1]]

    def test_one_end(self, fa, dseg):
        fa.attrs["valid_max"] = 1
        cube = fa.parc.extract(dseg)
        assert found(cube, "n_voxels") == [[3, 1, 1]]
        assert json.loads(cube.attrs["valid_range_of_maps"]) == {"map": [None, 1]}

    def test_what_is_given_goes_first(self, fa, dseg):
        fa.attrs["valid_range"] = np.array([0, 1])
        cube = fa.parc.extract(dseg, valid_range=(None, None))
        assert found(cube, "n_voxels") == [[3, 2, 1]]
        assert "valid_range_of_maps" not in cube.attrs

    def test_every_map_of_a_dataset_has_its_own(self, fa, dseg):
        maps = xr.Dataset({"fa": fa.assign_attrs(valid_range=[0, 1]), "md": fa})
        cube = maps.parc.extract(dseg)
        assert cube.parc.sel(stat="n_voxels").value.T.to_numpy().tolist() == [
            [[3, 0, 1], [3, 2, 1]]
        ]
        assert json.loads(cube.attrs["valid_range_of_maps"]) == {"fa": [0, 1]}

    def test_from_the_sidecar(self, fa, dseg, tmp_path):
        path = fa.parc.to_nifti(tmp_path / "fa.nii.gz")
        sidecar = {"valid_range": [0, 1], "valid_min": 0, "Units": "1"}
        path.with_name("fa.json").write_text(json.dumps(sidecar))
        opened = qsiparc.open_nifti(path)
        assert opened.attrs["valid_range"] == [0, 1]
        assert opened.attrs["valid_min"] == 0
        assert found(opened.parc.extract(dseg), "n_voxels") == [[3, 0, 1]]

    @pytest.mark.parametrize(
        "content", [{"valid_range": "0 1"}, {"valid_range": [0]}, {"valid_max": [1, 2]},
                    {"valid_min": True}, {"valid_range": [0, "a"]}]
    )  # fmt: skip
    def test_a_sidecar_that_states_none(self, fa, tmp_path, content):
        path = fa.parc.to_nifti(tmp_path / "fa.nii.gz")
        path.with_name("fa.json").write_text(json.dumps(content))
        with pytest.warns(NiftiWarning, match="ignored"):
            opened = qsiparc.open_nifti(path)
        assert not set(content) & set(opened.attrs)


class TestZeros:
    def test_they_are_counted_whatever_they_are(self, fa, dseg):
        names = ("n_zero", "n_voxels")
        assert found(fa.parc.extract(dseg, stats=names), *names) == [[1, 0, 1], [3, 2, 1]]
        cube = fa.parc.extract(dseg, stats=names, zero_is_missing=True)
        assert found(cube, *names) == [[1, 0, 1], [2, 2, 0]]

    def test_minus_zero_is_zero(self, dseg):
        maps = volume(np.full((2, 2, 2), -0.0, np.float32))
        cube = maps.parc.extract(dseg, stats=["n_zero", "n_voxels"], zero_is_missing=True)
        assert found(cube, "n_zero", "n_voxels") == [[4, 2, 1], [0, 0, 0]]


class TestNonfinite:
    def maps(self):
        values = np.ones((2, 2, 2), np.float32)
        values[0, 0, 0], values[1, 0, 0], values[0, 0, 1] = np.inf, -BIGGEST, BIGGEST
        return volume(values)

    def test_they_are_counted_and_the_regions_named(self, dseg):
        lut = qsiparc.AtlasLUT([qsiparc.RegionInfo(n, f"area{n}", "L") for n in (3, 2, 1)], "Tiny")
        with pytest.warns(
            NiftiWarning, match=r"MK: .*3 in 2 of the regions, area2 \(1\), area1 \(2\)\."
        ):
            cube = self.maps().parc.extract(dseg, lut, stats=["n_nonfinite"], scalar="MK")
        assert found(cube, "n_nonfinite") == [[0, 1, 2]]

    def test_what_is_left_out_is_counted_without_a_warning(self, dseg):
        cube = self.maps().parc.extract(dseg, stats=["mean", "n_nonfinite"], valid_range=(0, 5))
        assert found(cube, "mean", "n_nonfinite") == [[1, 1, 1], [2, 1, 0]]

    def test_a_region_that_is_no_row_is_not_worth_a_warning(self, dseg):
        lut = qsiparc.AtlasLUT([qsiparc.RegionInfo(3, "area3", "L")], "Tiny")
        with pytest.warns(QsiparcWarning) as caught:
            self.maps().parc.extract(dseg, lut)
        assert ["does not name" in str(one.message) for one in caught] == [True]

    def test_many_regions_are_not_all_named(self):
        labels = volume(np.arange(1, 9, dtype=np.int16).reshape(2, 2, 2))
        maps = volume(np.full((2, 2, 2), np.inf, np.float32))
        with pytest.warns(NiftiWarning, match=r"8 in 8 of the regions.*region_0005 \(1\), …\."):
            maps.parc.extract(labels)

    def test_all_volumes_of_a_4d_map_in_one_warning(self, dseg):
        maps = xr.concat([self.maps(), self.maps()], "volume")
        with pytest.warns(NiftiWarning, match="6 in 2 of the regions") as caught:
            maps.parc.extract(dseg)
        assert len(caught) == 1


class TestEnough:
    def test_too_small_a_share_has_counts_only(self, fa, dseg):
        cube = fa.parc.extract(dseg, stats="diagnostic", min_coverage=0.8)
        np.testing.assert_allclose(values_of(cube, "mean"), [np.nan, 3, 0])
        kept = ["n_voxels", "coverage", "n_atlas_voxels", "n_zero", "n_nonfinite", "volume_mm3"]
        kept += ["effective_n"]
        assert found(cube, *kept) == [
            *([3, 2, 1], [0.75, 1, 1], [4, 2, 1], [1, 0, 1], [0, 0, 0], [24, 16, 8], [3, 2, 1]),
        ]
        others = cube.value.sel(stat=[s for s in cube.stat.values if s not in kept])
        assert np.isnan(others.isel(region=0)).all()
        assert cube.attrs["min_coverage"] == 0.8

    def test_exactly_enough(self, fa, dseg):
        cube = fa.parc.extract(dseg, min_coverage=0.75, min_voxels=2)
        np.testing.assert_allclose(values_of(cube, "mean"), [0.1, 3, np.nan], rtol=1e-7)
        assert cube.attrs["min_voxels"] == 2

    def test_a_share_is_compared_as_it_is_shown(self):
        maps = volume(np.append(np.ones(11), np.full(9, np.nan)).reshape(20, 1, 1))
        cube = maps.parc.extract(volume(np.ones((20, 1, 1), np.int16)), min_coverage=0.55)
        assert found(cube, "mean", "coverage") == [[1], [0.55]]  # though 0.55 · 20 > 11

    def test_a_function_is_not_called_with_too_few(self, fa, dseg):
        cube = fa.parc.extract(dseg, stats={"n": len}, min_voxels=2)
        np.testing.assert_array_equal(values_of(cube, "n"), [3, 2, np.nan])

    @pytest.mark.parametrize(
        "option", [{"min_coverage": 50}, {"min_coverage": -0.1}, {"min_voxels": -1},
                   {"min_voxels": 2.5}]
    )  # fmt: skip
    def test_what_is_no_share_and_no_number(self, fa, dseg, option):
        with pytest.raises(OptionError, match=next(iter(option))):
            fa.parc.extract(dseg, **option)


class TestMask:
    MASK = np.array([1, 1, 0, 1, 0, 1, 0, 1], np.uint8).reshape(2, 2, 2, order="F")

    def test_voxels_outside_are_missing(self, fa, dseg):
        names = ["mean", "n_voxels", "coverage", "n_atlas_voxels", "n_zero", "mask_coverage"]
        cube = fa.parc.extract(dseg, mask=volume(self.MASK), stats=names)
        np.testing.assert_allclose(values_of(cube, "mean"), [0.05, 7, np.nan], rtol=1e-7)
        assert found(cube, *names[1:]) == [
            *([2, 1, 0], [0.5, 0.5, 0], [4, 2, 1], [1, 0, 0], [0.75, 0.5, 0]),
        ]
        assert cube.attrs["mask"] == "unnamed"

    def test_as_array_path_image_bool_and_parcellation(self, fa, dseg, tmp_path):
        path = volume(self.MASK).parc.to_nifti(tmp_path / "sub-1_desc-brain_mask.nii.gz")
        expected = fa.parc.extract(dseg, mask=path)
        assert expected.attrs["mask"] == path.name
        masks = [str(path), image(self.MASK), volume(self.MASK) > 0, volume(3.0 * self.MASK),
                 qsiparc.Parcellation.from_labels(path)]  # fmt: skip
        for mask in masks:
            xr.testing.assert_equal(fa.parc.extract(dseg, mask=mask), expected)

    def test_axes_may_run_the_other_way(self, fa, dseg):
        expected = fa.parc.extract(dseg, mask=volume(self.MASK))
        data, affine = turned(self.MASK, MM2, (2, 0, 1), (True, False, True))
        xr.testing.assert_equal(fa.parc.extract(dseg, mask=volume(data, affine)), expected)

    def test_without_one_its_coverage_is_unknown_in_a_tier_and_an_error_by_name(self, fa, dseg):
        cube = fa.parc.extract(dseg, stats="diagnostic")
        assert np.isnan(values_of(cube, "mask_coverage")).all()
        for stats in ("mask_coverage", ["mean", "mask_coverage"]):
            with pytest.raises(OptionError, match="needs a mask"):
                fa.parc.extract(dseg, stats=stats)

    def test_a_region_that_the_mask_leaves_out_stays_a_row(self, fa, dseg):
        cube = fa.parc.extract(dseg, mask=dseg == 1, stats=["n_voxels", {"n": len}])
        assert cube.region.to_numpy().tolist() == [1, 2, 3]
        assert found(cube, "n_voxels") == [[3, 0, 0]]
        np.testing.assert_array_equal(values_of(cube, "n"), [3, np.nan, np.nan])

    def test_fractions_and_nothing_at_all(self, fa, dseg):
        with pytest.raises(LabelError):
            fa.parc.extract(dseg, mask=volume(self.MASK * np.float32(0.4)))
        with pytest.raises(LabelError, match="0 everywhere"):
            fa.parc.extract(dseg, mask=volume(0 * self.MASK))

    def test_another_grid(self, fa, dseg):
        with pytest.raises(GridMismatchError):
            fa.parc.extract(dseg, mask=volume(ramp((3, 3, 3))))

    def test_what_is_beyond_does_not_warn(self, dseg):
        values = np.where(self.MASK, 1, np.inf).astype(np.float32)
        cube = volume(values).parc.extract(dseg, mask=volume(self.MASK), stats="diagnostic")
        assert found(cube, "n_nonfinite") == [[0, 0, 0]]


def test_all_of_it_is_recorded_and_can_be_stored(fa, dseg, tmp_path):
    fa.attrs["units"] = "1"
    cube = fa.parc.extract(
        dseg,
        stats=["mean", {"n": len}],
        zero_is_missing=True,
        valid_range=(None, 5),
        mask=volume(LABELS),
        min_coverage=0.5,
        min_voxels=2,
    )
    for name in ("cube.nc", "cube.zarr"):
        stored = qsiparc.open(cube.parc.save(tmp_path / name)).attrs
        assert {key: stored[key] for key in cube.attrs} == cube.attrs
    assert list(json.loads(cube.attrs["own_statistics"])) == ["n"]
    told = {key: cube.attrs[key] for key in list(cube.attrs)[2:-1] if key != "own_statistics"}
    assert told == {
        "stats": "mean n",
        "zero_is_missing": 1,
        "valid_max": 5,
        "min_coverage": 0.5,
        "min_voxels": 2,
        "mask": "unnamed",
    }


def test_a_dataset_and_a_lazy_map(fa, dseg):
    options = {"zero_is_missing": True, "valid_range": (-2, 5), "mask": volume(LABELS),
               "min_coverage": 0.5, "stats": "diagnostic"}  # fmt: skip
    expected = fa.parc.extract(dseg, scalar="fa", **options)
    lazy = fa.chunk({"k": 1}).parc.extract(dseg, scalar="fa", **options)
    both = xr.Dataset({"fa": fa, "md": 2 * fa}).parc.extract(dseg, **options)
    xr.testing.assert_equal(lazy.compute(), expected)
    xr.testing.assert_equal(both.parc.sel(scalar=["fa"]), expected)


numbers = st.sampled_from([-2.0, -1.0, -0.0, 0.0, 0.5, 1.0, 3.0, np.nan, np.inf])


@settings(deadline=None)
@given(
    st.lists(st.lists(numbers, min_size=1), min_size=1),
    st.booleans(),
    st.none() | st.tuples(*[st.sampled_from([-1.5, -1.0, 0.0, 0.5, 2.0])] * 2).map(sorted),
    st.sampled_from([np.float32, np.float64]),
)
def test_what_counts_against_the_plain_way(regions, zero_is_missing, valid_range, dtype):
    validity = Validity.checked(
        zero_is_missing=zero_is_missing, valid_range=valid_range, min_coverage=0.5, min_voxels=2
    )
    arrays = [np.array(one, dtype) for one in regions]
    valid = validity.valid(Segments(np.concatenate(arrays), np.cumsum([0, *map(len, arrays)])))
    enough = validity.is_enough(valid.count, valid.count / valid.sizes)
    for at, values in enumerate(arrays):
        keep = ~np.isnan(values)
        if valid_range:
            keep &= (values >= valid_range[0]) & (values <= valid_range[1])
        if zero_is_missing:
            keep &= values != 0
        found = valid.values[valid.offsets[at] : valid.offsets[at + 1]]
        np.testing.assert_array_equal(found, np.sort(values[keep]))
        np.testing.assert_array_equal(validity.keep(values), keep)
        assert enough[at] == (keep.sum() >= 2 and keep.mean() >= 0.5)
        if keep.any() and np.isfinite(values[keep]).all():
            assert valid.mean[at] == pytest.approx(region(values[keep].astype(float))["mean"])


@settings(deadline=None)
@given(
    st.lists(st.lists(st.integers(-4, 4), min_size=1), min_size=1), st.integers(-5, 5), st.data()
)
def test_ranks_against_the_plain_way(regions, limit, data):
    s = Segments(
        np.concatenate([np.array(r, np.int16) for r in regions]), np.cumsum([0, *map(len, regions)])
    )
    below = leading(s, lambda x: x < limit)
    assert below.tolist() == [sum(x < limit for x in r) for r in regions]
    first, last = run_of_zeros(s)
    assert (last - first).tolist() == [r.count(0) for r in regions]
    centre = np.array([data.draw(st.integers(-5, 5)) for _ in regions], float)
    distance = median_distance(s, centre)
    assert distance.tolist() == [
        np.median(np.abs(np.array(r) - c)) for r, c in zip(regions, centre, strict=True)
    ]
    inner, outer = between(s, first, last), without(s, first, last)
    for at, values in enumerate(regions):
        kept = outer.values[outer.offsets[at] : outer.offsets[at + 1]].tolist()
        assert kept == sorted(x for x in values if x)
    assert not inner.values.any()
    assert (inner.count + outer.count).tolist() == s.count.tolist()
    assert inner.sizes.tolist() == outer.sizes.tolist() == s.sizes.tolist()
