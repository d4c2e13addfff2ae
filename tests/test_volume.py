from __future__ import annotations

import warnings

import nibabel as nib
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from phantoms import SIGNED_PERMUTATIONS, affines, shapes, turned, write
from test_cube import LABELS, make

import qsiparc
from qsiparc.captions import caption
from qsiparc.cube import text
from qsiparc.errors import CubeError, LabelError, LabelWarning, OptionError, SelectionError
from qsiparc.parcellation import Parcellation

DSEG = nib.Nifti1Image(LABELS, np.diag([2, 2, 2, 1.0]))


def with_labels(*labels):
    """The label image with other labels, a layer each."""
    return nib.Nifti1Image(np.array(labels, np.int16).repeat(6).reshape(4, 3, 2), DSEG.affine)


def painted(cube, dseg=DSEG, **options):
    return cube.parc.to_volume(dseg, stat="mean", scalar="FA", **options)


def test_every_voxel_holds_the_value_of_its_region():
    volume = painted(make())
    np.testing.assert_array_equal(volume[:, 0, 0], [3.5, 9.5, 15.5, 21.5])
    np.testing.assert_array_equal(np.unique(volume), [3.5, 9.5, 15.5, 21.5])
    assert volume.attrs["long_name"] == "mean of FA"
    assert volume.attrs["units"] == "1"
    assert volume.dtype == np.float64
    np.testing.assert_array_equal(volume.parc.affine, DSEG.affine)


def test_outside_is_nan_or_what_was_asked_for():
    image = with_labels(0, 2, 3, 4)
    cube = make()
    with pytest.warns(LabelWarning, match=r"lacks 1 region, whose values are nowhere now: 1\."):
        assert np.isnan(painted(cube, image)[0]).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (painted(cube, image, fill=-1, missing="ignore")[0] == -1).all()


def test_a_region_without_a_value_is_not_outside():
    cube = make()
    cube["value"] = cube.value.where(cube.region != 2)
    volume = painted(cube, with_labels(0, 2, 3, 1), fill=0, missing="ignore")
    assert (volume[0] == 0).all()
    assert np.isnan(volume[1]).all()


def test_what_is_in_one_of_the_two_only_is_told():
    with pytest.warns(LabelWarning, match="holds 1 label that the cube lacks: 99"):
        painted(make().isel(region=slice(1, 4)), with_labels(99, 2, 3, 4))
    with pytest.raises(LabelError, match=r"label that the cube lacks: 99\..* lacks 1 region,"):
        painted(make(), with_labels(99, 2, 3, 4), missing="raise")
    with pytest.raises(LabelError, match="no region in common"):
        painted(make(), with_labels(5, 6, 7, 8), missing="ignore")
    with pytest.raises(OptionError, match="missing takes"):
        painted(make(), missing="never")


def test_a_region_that_has_no_value_is_not_missed():
    cube = make()
    cube["value"] = cube.value.where(cube.region != 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(painted(cube, with_labels(0, 2, 3, 4))[0]).all()


def test_units_go_by_the_rule_of_the_statistic():
    cube = make().assign_coords(units=("scalar", np.array(["mm²/s"] * 2)))
    assert cube.parc.to_volume(DSEG, stat="n_voxels", scalar="MD").attrs["units"] == "1"
    assert cube.parc.to_volume(DSEG, stat="skewness", scalar="MD").attrs["units"] == "1"
    assert cube.parc.to_volume(DSEG, stat="std", scalar="MD").attrs["units"] == "mm²/s"


def test_one_value_a_region_must_be_chosen():
    with pytest.raises(CubeError, match=r"choose one stat of 8 and one scalar of 2"):
        make().parc.to_volume(DSEG)
    with pytest.raises(SelectionError, match="no stat 'meen'"):
        make().parc.to_volume(DSEG, stat="meen", scalar="FA")
    with pytest.raises(CubeError, match="no cube"):
        xr.Dataset({"other": ("region", [1.0])}).parc.to_volume(DSEG)


def test_one_region_alone():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        volume = painted(make().parc.sel(region=3))
    assert np.unique(volume.values[~np.isnan(volume)]).tolist() == [15.5]


class TestWhatWasComputedFromACube:
    cohort = xr.concat([make("sub-1"), make("sub-2", 3)], "subject")

    def test_a_mean_over_subjects(self):
        volume = painted(self.cohort.mean("subject", keep_attrs=True))
        np.testing.assert_allclose(volume[:, 0, 0], 2 * np.array([3.5, 9.5, 15.5, 21.5]), 1e-6)

    def test_an_array_along_region(self):
        t = self.cohort.value.sel(stat="mean", scalar="FA").std("subject").rename("spread")
        volume = t.assign_attrs(long_name="between subjects").parc.to_volume(DSEG)
        np.testing.assert_allclose(volume[:, 0, 0], t)
        assert volume.attrs["long_name"] == "between subjects"

    def test_what_cannot_be_painted(self):
        with pytest.raises(CubeError, match="no coordinate 'region'"):
            xr.DataArray([1.0, 2.0], dims="x").isel(x=[0]).parc.to_volume(DSEG)
        twice = xr.DataArray([1.0, 2.0], {"region": [1, 1]}, "region")
        with pytest.raises(CubeError, match=r"stands twice: \[1\]"):
            twice.parc.to_volume(DSEG)


class TestATree:
    four = make()
    other = make(factor=2).assign_attrs(atlas="Other")
    tree = xr.DataTree.from_dict({"Four": four, "Other": other})

    def test_the_atlas_is_said_or_known_from_the_name(self, tmp_path):
        path = tmp_path / "sub-1_seg-Other_dseg.nii"
        write(path, LABELS, DSEG.affine)
        expected = painted(self.other)
        for volume in (painted(self.tree, path), painted(self.tree, atlas="Other")):
            np.testing.assert_array_equal(volume, expected)
        np.testing.assert_array_equal(painted(self.tree, path, atlas="Four"), painted(self.four))
        only = xr.DataTree.from_dict({"Four": self.four})
        np.testing.assert_array_equal(painted(only), painted(self.four))

    def test_otherwise_it_is_asked_for(self):
        with pytest.raises(CubeError, match=r"Say which atlas.*Four, Other"):
            painted(self.tree)
        with pytest.raises(CubeError, match=r"no atlas 'Five' here.*Four, Other"):
            painted(self.tree, atlas="Five")


class TestOnDisk:
    def test_numbers_place_and_intent_survive(self, tmp_path):
        DSEG.header.set_intent("label")
        dseg = qsiparc.open_nifti(DSEG)
        volume = painted(make(), dseg)
        back = nib.load(volume.parc.to_nifti(tmp_path / "mean.nii.gz"))
        np.testing.assert_array_equal(back.get_fdata(), volume)
        np.testing.assert_array_equal(back.affine, DSEG.affine)
        assert back.get_data_dtype() == np.float64
        assert back.header.get_intent()[0] == "estimate"
        half = nib.load(volume.astype("float32").parc.to_nifti(tmp_path / "half.nii"))
        assert half.get_data_dtype() == np.float32
        assert dseg.space.attrs["intent_code"] == 1002

    def test_labels_stay_labels(self, tmp_path):
        labels = Parcellation.from_labels(DSEG).to_labels()
        back = nib.load(labels.parc.to_nifti(tmp_path / "dseg.nii.gz"))
        assert back.get_data_dtype() == np.int16
        assert back.header.get_intent()[0] == "label"
        np.testing.assert_array_equal(back.get_fdata(), LABELS)
        assert (labels / 3).parc.to_nibabel().header.get_intent()[0] == "none"


@pytest.mark.parametrize(
    ("labels", "dtype"),
    [([], np.int16), ([-5, 9], np.int16), ([40000], np.int32), ([-1, 2**40], np.int64)],
)
def test_a_label_image_comes_back_as_small_as_it_can(labels, dtype):
    image = np.zeros((3, 2, 1), np.int64)
    image.flat[: len(labels)] = labels
    dseg = xr.DataArray(image, dims=("i", "j", "k")).parc.with_affine(np.eye(4))
    again = Parcellation.from_labels(dseg).to_labels()
    assert again.dtype == dtype
    np.testing.assert_array_equal(again, image)


def test_the_caption_of_an_axis():
    assert caption({"long_name": "mean of MD", "units": "mm^2/s"}) == "mean of MD [mm²/s]"
    assert caption({"long_name": "mean of FA", "units": "1"}) == "mean of FA"
    assert caption({}, name="value") == "value"
    assert caption({"units": "s^-1"}, name="R1") == "R1 [s⁻¹]"


@settings(deadline=None)
@given(
    shapes.flatmap(
        lambda shape: hnp.arrays(np.int16, shape, elements=st.sampled_from([0, 1, 2, 30]))
    ),
    st.integers(0, 2**32 - 1),
    affines(),
    st.sampled_from(SIGNED_PERMUTATIONS),
    st.sampled_from([np.float32, np.float64]),
)
def test_extracting_what_was_painted_gives_the_means_again(labels, seed, affine, how, dtype):
    values = np.random.default_rng(seed).normal(size=labels.shape).astype(dtype)
    fa = xr.DataArray(values, dims=("i", "j", "k"), name="FA").parc.with_affine(affine)
    dseg = xr.DataArray(labels, dims=("i", "j", "k")).parc.with_affine(affine)
    moved, place = turned(labels, affine, *how)
    other = xr.DataArray(moved, dims=("i", "j", "k")).parc.with_affine(place)
    if not labels.any():
        return
    cube = fa.parc.extract(other, stats=["mean"])
    on_other = cube.parc.to_volume(other, stat="mean")
    on_atlas = cube.parc.to_volume(Parcellation.from_labels(dseg), stat="mean")
    on_file = qsiparc.open_nifti(on_other.parc.to_nibabel())
    for volume in (on_other, on_atlas, on_file):
        again = volume.rename("FA").parc.extract(dseg, stats=["mean"])
        np.testing.assert_array_equal(again.value, cube.value)
    placed = on_other.parc.world().sel(
        {axis: on_atlas.parc.world()[axis].variable for axis in "xyz"}, method="nearest"
    )
    np.testing.assert_array_equal(placed.values, on_atlas.values)


def test_text_of_a_scalar_is_kept():
    cube = make().assign_coords(scalar=text(["FA <b>", "MD"]))
    volume = cube.parc.to_volume(DSEG, stat="mean", scalar="FA <b>")
    assert volume.attrs["long_name"] == "mean of FA <b>"
