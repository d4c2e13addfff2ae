"""4D maps: every volume is kept, as the dim ``volume``, through all that a cube can do."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from phantoms import MM2, volume, write

import qsiparc
from qsiparc.atlas import AtlasLUT, RegionInfo
from qsiparc.errors import CubeError, NiftiWarning
from qsiparc.extract import OUTPUT_COLUMNS, extract_scalar_map

SHAPE = (3, 4, 5)
LABELS = np.arange(60).reshape(SHAPE) // 20 + 1
LUT = AtlasLUT(
    [RegionInfo(2, "RH_a", "R"), RegionInfo(1, "LH_a", "L"), RegionInfo(3, "LH_b", "L")], "Tiny"
)
rng = np.random.default_rng(0)
DATA = rng.gamma(2, size=(*SHAPE, 4)).astype(np.float32)
DATA[0, 0, 0, 2] = np.nan
COUNTS = ["mean", "std", "n_voxels", "n_atlas_voxels", "coverage"]


@pytest.fixture
def tensor():
    return volume(DATA).rename("tensor")


@pytest.fixture
def dseg():
    return volume(LABELS.astype(np.int16))


@pytest.fixture
def cube(tensor, dseg):
    return tensor.parc.extract(dseg, LUT, subject="sub-01_ses-2")


def test_every_volume_is_what_it_is_alone(cube, tensor, dseg):
    assert cube.value.dims == ("region", "stat", "scalar", "subject", "volume")
    assert cube["volume"].to_numpy().tolist() == [0, 1, 2, 3]
    for number in range(4):
        alone = tensor.isel(volume=number).parc.extract(dseg, LUT, subject="sub-01_ses-2")
        np.testing.assert_array_equal(cube.value.isel(volume=number), alone.value)
    counts = cube.value.sel(stat="n_voxels", region=1).squeeze().to_numpy()
    np.testing.assert_array_equal(counts, [20, 20, 19, 20])


def test_a_file_is_read_volume_by_volume_or_whole(cube, dseg, tmp_path):
    for name in ("t.nii.gz", "t.nii"):
        path = write(tmp_path / name, DATA)
        for opened in (qsiparc.open_nifti(path), qsiparc.open_nifti(path, chunks={})):
            found = opened.parc.extract(dseg, LUT)
            np.testing.assert_array_equal(found.value, cube.value)


def test_volume_is_a_column_of_the_long_table(cube):
    frame = cube.parc.to_long()
    assert len(frame) == 3 * 4
    assert list(frame.columns[:3]) == ["subject", "session", "atlas"]
    assert [c for c in frame.columns if c in OUTPUT_COLUMNS] == OUTPUT_COLUMNS
    assert frame["volume"].tolist() == [n for n in range(4) for _ in range(3)]
    row = frame[(frame["volume"] == 2) & (frame["region_name"] == "LH_a")]
    assert row["n_voxels"].item() == 19
    assert row["mean"].item() == np.nanmean(DATA[..., 2][LABELS == 1].astype(np.float64))
    xr.testing.assert_identical(qsiparc.from_long(frame), cube)
    shuffled = qsiparc.from_long(frame.sample(frac=1, random_state=0))
    expected = cube.sel(region=shuffled.region, volume=shuffled["volume"])
    xr.testing.assert_identical(shuffled, expected)


@pytest.mark.parametrize("name", ["cube.zarr", "cube.nc"])
def test_saving_and_opening(cube, tmp_path, name):
    with qsiparc.open(cube.parc.save(tmp_path / name)) as again:
        xr.testing.assert_identical(again.load(), cube)


def test_a_tsv(cube, tmp_path):
    path = cube.parc.to_tsv(tmp_path / "tensor.tsv")
    frame = pd.read_csv(path, sep="\t")
    pd.testing.assert_frame_equal(frame, cube.parc.to_long(), check_dtype=False)


def test_selecting_by_name(cube):
    one = cube.parc.sel(region_name="LH_a", stat="mean")
    assert one.value.dims == ("scalar", "subject", "volume")
    of_one = cube.isel(volume=2)
    assert of_one.parc.sel(region=1, stat="n_voxels").value.item() == 19
    assert cube.parc.sel(where={"volume": 2}, stat="mean").value.sizes["region"] == 3


def test_groups_are_combined_volume_by_volume(tensor, dseg):
    cube = tensor.parc.extract(dseg, LUT, stats=COUNTS)
    groups = cube.parc.aggregate("hemisphere")
    assert groups.value.dims == ("region", "stat", "scalar", "subject", "volume")
    left = np.where(LABELS != 2, 1, 2).astype(np.int16)
    merged = tensor.parc.extract(volume(left), stats=COUNTS)
    found = groups.parc.sel(region_name="L").value
    np.testing.assert_allclose(found, merged.sel(region=1).value, rtol=1e-12)


def test_painting_takes_one_volume(cube, dseg):
    with pytest.raises(CubeError, match="choose one volume of 4"):
        cube.parc.to_volume(dseg, stat="mean")
    painted = cube.isel(volume=1).parc.to_volume(dseg, stat="mean")
    assert painted[0, 0, 0] == DATA[..., 1][LABELS == 1].astype(np.float64).mean()


def test_dask_and_other_dims(cube, tensor, dseg):
    lazy = tensor.chunk({"volume": 1}).parc.extract(dseg, LUT, subject="sub-01_ses-2")
    assert lazy.value.chunks is not None
    xr.testing.assert_identical(lazy.compute(), cube)
    shells = tensor.rename(volume="b").assign_coords(b=[0, 700, 1000, 2000])
    found = shells.parc.extract(dseg, LUT)
    assert found.value.dims[-1] == "b"
    assert found.parc.to_long()["b"].unique().tolist() == [0, 700, 1000, 2000]
    np.testing.assert_array_equal(found.value, cube.value)


def test_subjects_are_put_together(tensor, dseg):
    cubes = [tensor.parc.extract(dseg, LUT, subject=f"sub-{n}") for n in (1, 2)]
    both = xr.concat(cubes, "subject")
    assert dict(both.sizes) == {"region": 3, "stat": 8, "scalar": 1, "subject": 2, "volume": 4}
    assert len(both.parc.to_long()) == 24
    xr.testing.assert_identical(qsiparc.from_long(both.parc.to_long()), both)


def test_the_documented_function_takes_the_first_volume_with_a_warning():
    dseg = nib.Nifti1Image(LABELS.astype(np.int16), MM2)
    with pytest.warns(NiftiWarning, match=r"4D.*first volume"):
        result = extract_scalar_map(nib.Nifti1Image(DATA, MM2), dseg, LUT, "tensor")
    first = extract_scalar_map(nib.Nifti1Image(DATA[..., 0], MM2), dseg, LUT, "tensor")
    pd.testing.assert_frame_equal(result.stats_df, first.stats_df)
    assert list(result.stats_df.columns) == OUTPUT_COLUMNS
