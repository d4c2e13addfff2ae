"""What cannot be extracted from: an error that says what was given."""

from __future__ import annotations

import os

import numpy as np
import pytest
from phantoms import image, ramp, volume, write

import qsiparc
from qsiparc.errors import NiftiError, SpaceError
from qsiparc.extract import extract_scalar_map


@pytest.mark.parametrize("dtype", [np.complex64, "M8[s]", object, str])
def test_what_are_no_real_numbers_have_no_statistics(dtype):
    fa = volume(ramp())
    with pytest.raises(NiftiError, match="a volume has real numbers"):
        fa.copy(data=ramp().astype(dtype)).parc.extract(image((ramp() > 9).astype("u1")))


def test_voxel_numbers_that_are_no_numbers():
    fa = volume(ramp()).assign_coords(i=list("abcd"))
    with pytest.raises(SpaceError, match="the voxel numbers along 'i' are no numbers"):
        fa.parc.extract(image((ramp() > 9).astype("u1")))


def test_a_look_up_table_is_what_it_is():
    dseg = image((ramp() > 9).astype("u1"))
    with pytest.raises(TypeError, match="lut takes an AtlasLUT, a path or a DataFrame, not dict"):
        volume(ramp()).parc.extract(dseg, {1: "a"})
    assert extract_scalar_map(image(ramp()), dseg, None, "FA").stats_df["region_index"][0] == 1


def test_a_file_whose_name_is_no_text_in_a_study(tmp_path):
    """Its name is stored by the codes of its bytes, and the rest of the scan is not lost."""
    folder = tmp_path / "tree" / "qsirecon-A" / "sub-1" / "dwi"
    folder.mkdir(parents=True)
    try:
        write(folder / os.fsdecode(b"sub-1_space-ACPC_param-f\xff_dwimap.nii.gz"), ramp())
    except OSError:
        pytest.skip("this file system takes text only")
    write(folder / "sub-1_space-ACPC_param-md_dwimap.nii.gz", ramp())
    write(folder / "sub-1_space-ACPC_seg-T_dseg.nii.gz", (ramp() > 9).astype("u1"))
    (folder / "sub-1_space-ACPC_seg-T_dseg.tsv").write_text("index\tname\n1\tA\n")
    tree = qsiparc.build(tmp_path / "tree", tmp_path / "out")
    assert tree["T"]["scalar"].to_numpy().tolist() == ["f\\udcff", "md"]
    assert np.isfinite(tree["T"]["value"].sel(stat="mean")).all()
