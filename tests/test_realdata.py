"""The real maps: same shape, same lattice, and x axes that run in opposite directions."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import oracle
import pytest
import xarray as xr

import qsiparc
from qsiparc.errors import GridMismatchError
from qsiparc.extract import extract_scalar_map

pytestmark = pytest.mark.realdata

ATLASES = {
    "JHU": ("JHU_space-MNI152NLin6_res-2x2x2.nii.gz", 48, 0.051),
    "Schaefer300": ("Schaefer300_space-MNI152NLin6_res-2x2x2.nii.gz", 300, 0.089),
}


@pytest.fixture(scope="module")
def real(shared_data):
    return shared_data / "real"


@pytest.fixture(scope="module")
def fa_path(real):
    return real / "FSL_HCP1065_FA_2mm.nii.gz"


def plain(fa_path, atlas_path, *, flip):
    """The plain loop over labels as stored, or turned to run along with the map."""
    values = nib.load(fa_path).get_fdata()
    labels = np.rint(nib.load(atlas_path).get_fdata()).astype(int)
    indices = sorted(set(labels.ravel().tolist()) - {0})
    return oracle.table(values, labels[::-1] if flip else labels, indices)


@pytest.mark.parametrize("atlas", ATLASES)
def test_left_is_left(real, fa_path, atlas):
    name, regions, swapped = ATLASES[atlas]
    fa = xr.open_dataarray(fa_path)
    dseg = qsiparc.open_nifti(real / name)
    assert fa.shape == dseg.shape
    cube = fa.parc.extract(dseg)
    assert cube.sizes["region"] == regions
    found = cube.value.to_numpy()[..., 0, 0]
    right = plain(fa_path, real / name, flip=True)
    np.testing.assert_allclose(found, right, rtol=1e-9, atol=1e-12)
    wrong = plain(fa_path, real / name, flip=False)
    assert np.abs(found[:, 0] - wrong[:, 0]).max() == pytest.approx(swapped, abs=5e-4)


def test_the_label_file_names_the_regions(real, fa_path):
    fa = xr.open_dataarray(fa_path)
    cube = fa.parc.extract(real / ATLASES["JHU"][0], real / "JHU.csv")
    assert cube.sizes["region"] == 48
    one = cube.parc.sel(region_name="R_Corticospinal_Tract", stat="mean")
    assert one.region.item() == 7
    assert one.hemisphere.item() == "R"


def test_the_documented_function_agrees(real, fa_path):
    lut = qsiparc.read_lut(real / "JHU.csv")
    result = extract_scalar_map(fa_path, real / ATLASES["JHU"][0], lut, "FA")
    right = plain(fa_path, real / ATLASES["JHU"][0], flip=True)
    np.testing.assert_allclose(result.stats_df["mean"], right[:, 0], rtol=1e-12)


def test_a_right_region_lies_on_the_right(real):
    dseg = qsiparc.open_nifti(real / ATLASES["JHU"][0])
    lut = qsiparc.read_lut(real / "JHU.csv")
    x = dseg.parc.world().x
    for region in lut.regions:
        centre = float(x.where(dseg == region.index).mean())
        if region.hemisphere != "bilateral":
            assert (centre > 0) == (region.hemisphere == "R"), region


def test_arithmetic_between_the_two_grids_raises(real, fa_path):
    fa = xr.open_dataarray(fa_path)
    with pytest.raises(GridMismatchError, match=r"180 mm"):
        fa.where(qsiparc.open_nifti(real / ATLASES["JHU"][0]) > 0)
