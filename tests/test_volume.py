from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from test_cube import LABELS, make

import qsiparc
from qsiparc.errors import CubeError, SelectionError
from qsiparc.parcellation import Parcellation

DSEG = nib.Nifti1Image(LABELS, np.diag([2, 2, 2, 1.0]))
OBLIQUE = np.array([[-1.9, 0.3, 0, 9], [0.3, 1.9, 0.1, -4], [0, -0.1, 2.1, 3], [0, 0, 0, 1]])


def test_every_voxel_holds_the_value_of_its_region():
    volume = make().parc.to_volume(DSEG, stat="mean", scalar="FA")
    np.testing.assert_array_equal(volume[:, 0, 0], [3.5, 9.5, 15.5, 21.5])
    np.testing.assert_array_equal(np.unique(volume), [3.5, 9.5, 15.5, 21.5])
    assert volume.attrs["long_name"] == "mean of FA"
    assert volume.attrs["units"] == "1"
    np.testing.assert_array_equal(volume.parc.affine, DSEG.affine)


def test_outside_is_nan_or_what_was_asked_for():
    labels = LABELS.copy()
    labels[0] = 0
    labels[1] = 99
    image = nib.Nifti1Image(labels, DSEG.affine)
    volume = make().parc.to_volume(image, stat="mean", scalar="FA")
    assert np.isnan(volume[:2]).all()
    assert (make().parc.to_volume(image, stat="mean", scalar="FA", fill=-1)[:2] == -1).all()


def test_counts_have_no_unit():
    cube = make().assign_coords(units=("scalar", np.array(["mm²/s"] * 2)))
    assert cube.parc.to_volume(DSEG, stat="n_voxels", scalar="MD").attrs["units"] == "1"
    assert cube.parc.to_volume(DSEG, stat="std", scalar="MD").attrs["units"] == "mm²/s"


def test_one_value_a_region_must_be_chosen():
    with pytest.raises(CubeError, match=r"'stat': 8.*'scalar': 2"):
        make().parc.to_volume(DSEG)
    with pytest.raises(SelectionError, match="no stat 'meen'"):
        make().parc.to_volume(DSEG, stat="meen", scalar="FA")


def test_one_region_alone():
    volume = make().parc.sel(region=3).parc.to_volume(DSEG, stat="mean", scalar="FA")
    assert np.unique(volume.values[~np.isnan(volume)]).tolist() == [15.5]


@settings(deadline=None)
@given(
    hnp.arrays(np.int16, (3, 4, 5), elements=st.sampled_from([0, 1, 2, 30])),
    st.integers(0, 2**32 - 1),
    st.sampled_from([np.diag([2.0, 2, 2, 1]), np.diag([-2.0, 2, -2, 1]), OBLIQUE]),
    st.tuples(*[st.sampled_from([1, -1])] * 3),
)
def test_extracting_what_was_painted_gives_the_means_again(labels, seed, affine, flips):
    values = np.random.default_rng(seed).normal(size=labels.shape)
    fa = xr.DataArray(values, dims=("i", "j", "k"), name="FA").parc.with_affine(affine)
    dseg = xr.DataArray(labels, dims=("i", "j", "k")).parc.with_affine(affine)
    turned = dseg[:: flips[0], :: flips[1], :: flips[2]]
    if not len(Parcellation.from_labels(dseg)):
        return
    cube = fa.parc.extract(turned, stats=["mean"])
    painted = cube.parc.to_volume(turned, stat="mean")
    again = painted.rename("FA").parc.extract(dseg, stats=["mean"])
    np.testing.assert_allclose(again.value, cube.value, rtol=1e-13)
    image = painted.parc.to_nibabel()
    back = qsiparc.open_nifti(image).rename("FA").parc.extract(dseg, stats=["mean"])
    np.testing.assert_allclose(back.value, cube.value, rtol=1e-13)
