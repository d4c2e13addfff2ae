from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from phantoms import ramp, turned, volume, world_of

import qsiparc
from qsiparc.errors import CubeError, SelectionError

AFFINE = np.array([[-2.0, 0, 0, 10], [0, 2, 0.5, -20], [0, 0, 2, 5], [0, 0, 0, 1]])
LABELS = np.repeat([1, 2, 1, 4], 6).reshape(2, 3, 4, order="F").astype(np.int16)
LUT = qsiparc.AtlasLUT(
    [
        qsiparc.RegionInfo(1, "one", "L"),
        qsiparc.RegionInfo(2, "two", "L"),
        qsiparc.RegionInfo(3, "gone", "L"),
        qsiparc.RegionInfo(4, "two", "R"),
    ]
)


@pytest.fixture
def fa():
    return volume(ramp((2, 3, 4)), AFFINE)


@pytest.fixture
def dseg():
    return volume(LABELS, AFFINE)


def test_by_label_and_by_name(fa, dseg):
    fa.attrs["units"] = "1"
    found = fa.parc.voxels(dseg, region=1, lut=LUT)
    assert found.dims == ("voxel",)
    assert found.dtype == np.float32
    assert found.values.tolist() == [0, 1, 2, 3, 4, 5, 12, 13, 14, 15, 16, 17]
    assert found.region.item() == 1
    assert found.region_name.item() == "one"
    assert found.attrs["units"] == "1"
    xr.testing.assert_identical(fa.parc.voxels(dseg, region="one", lut=LUT), found)
    assert fa.parc.voxels(dseg, region="region_0001").equals(fa.parc.voxels(dseg, region=1))


@pytest.mark.parametrize("region", [1, 2, 4])
def test_its_mean_is_the_mean_of_the_region(fa, dseg, region):
    options = {"zero_is_missing": True, "valid_range": (0, 16), "mask": dseg != 2}
    fa = fa.where(fa != 3)
    cube = fa.parc.extract(dseg, stats=["mean", "n_voxels"], **options)
    found = fa.parc.voxels(dseg, region=region, **options).astype(float)
    expected = cube.parc.sel(region=region).value.to_numpy().ravel()
    assert found.size == expected[1]
    assert not found.size or found.mean() == pytest.approx(expected[0])


def test_where_each_voxel_is(fa, dseg):
    found = fa.parc.voxels(dseg, region=4, coords=True)
    at = tuple(found.coords[dim].to_numpy() for dim in "ijk")
    np.testing.assert_array_equal(fa.values[at], found.values)
    world = np.stack([found.coords[dim].to_numpy() for dim in "xyz"], axis=-1)
    np.testing.assert_allclose(world, world_of(AFFINE, (2, 3, 4))[at])


def test_of_a_part_of_the_map_and_of_one_that_is_turned(fa, dseg):
    whole = fa.parc.voxels(dseg, region=1, coords=True)
    part = {"j": slice(None, 0, -1), "k": slice(2, 3)}
    found = fa.isel(part).parc.voxels(dseg.isel(part), region=1, coords=True)
    for name in "ijkxyz":
        expected = whole.coords[name].to_numpy()[[int(v) for v in found.values - 6]]
        np.testing.assert_allclose(found.coords[name], expected)
    data, affine = turned(LABELS, AFFINE, (2, 0, 1), (True, False, True))
    np.testing.assert_array_equal(fa.parc.voxels(volume(data, affine), region=1), whole)
    np.testing.assert_array_equal(fa.transpose("k", "j", "i").parc.voxels(dseg, region=1), whole)


def test_a_region_that_is_not_there(fa, dseg):
    found = fa.parc.voxels(dseg, region="gone", lut=LUT, coords=True)
    assert found.sizes == {"voxel": 0}
    assert found.x.size == 0


@pytest.mark.parametrize(
    ("region", "lut", "words"),
    [
        (7, LUT, "no region 7; labels in the image: 1, 2, 4"),
        ("tow", LUT, "'tow'. Near: two"),
        ("one", None, "lut=… names regions"),
        ("two", LUT, r"2 regions are called 'two': labels \[2, 4\]"),
    ],
)
def test_which_region(fa, dseg, region, lut, words):
    with pytest.raises(SelectionError, match=words):
        fa.parc.voxels(dseg, region=region, lut=lut)


def test_one_volume_at_a_time(fa, dseg):
    four = xr.concat([fa, 2 * fa], xr.Variable("volume", [0, 1]))
    with pytest.raises(CubeError, match=r"select one of \{'volume': 2\}"):
        four.parc.voxels(dseg, region=1)
    found = four.isel(volume=1).parc.voxels(dseg, region=1)
    assert found.max() == 34
    assert found.coords["volume"].item() == 1
