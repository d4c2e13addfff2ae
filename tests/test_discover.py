from __future__ import annotations

import os
from pathlib import Path

import pytest
from made_tree import reason_of, touch

from qsiparc.discover import (
    AtlasDsegFile,
    BIDSFile,
    discover_dseg_files,
    discover_scalar_maps,
    discover_sift_weights,
    discover_tractography,
    find,
    find_atlas_lut,
)
from qsiparc.discover.bidsfile import software_of
from qsiparc.errors import DiscoveryError

# What is a map, and what is not


@pytest.mark.parametrize(
    ("name", "scalar"),
    [
        ("sub-1_param-fa_dwimap.nii.gz", "fa"),
        ("sub-1_param-fa_dwimap.nii", "fa"),
        ("deep/down/er/sub-1_param-FA_model-x_dwimap.nii.gz", "FA"),
        ("sub-1_desc-preproc_fit-GQI_mdp-gfa_dwimap.nii.gz", "gfa"),
        ("sub-1_desc-preproc_model-tensor_mfp-txx_dwimap.nii.gz", "txx"),
        ("sub-1_space-T1w_desc-preproc_space-T1w_desc-ICVF_NODDI.nii.gz", "ICVF"),
        ("sub-1_space-T1w_desc-preproc_desc-dti_fa_gqiscalar.nii.gz", "dti_fa"),
        ("sub-1_space-ACPC_desc-RTOP_dwimap.nii.gz", "RTOP"),
        ("sub-1_acq-a+b_param-p+q_dwimap.nii.gz", "p+q"),
        ("sub-1_label-WM_param-icvf_dwimap.nii.gz", "icvf"),
    ],
)
def test_a_map(tmp_path, name, scalar):
    dataset = find(touch(tmp_path, name))
    assert dataset.scalars == [scalar]
    assert dataset.to_dataframe()["path"].tolist() == [str(tmp_path / name)]


@pytest.mark.parametrize(
    "name",
    [
        "sub-1_param-fa_dwimap.mif.gz",
        "sub-1_param-fa_dwimap.fib.gz",
        "sub-1_param-fa_dwimap.json",
        "sub-1_model-gqi_dwimap.fib.gz.icbm152_adult.map.gz",
        "sub-1_model-ss3t_param-fod_label-WM_dwimap.nii.gz",
        "sub-1_label-WM_dwimap.nii.gz",
        "sub-1_desc-preproc_dwimap.nii.gz",
        "sub-1_space-T1w_bundles-DSIStudio_scalarstats.tsv",
        "sub-1_space-ACPC_seg-hsvs_probseg.nii.gz",
        "sub-1_desc-brain_mask.nii.gz",
        "._sub-1_param-fa_dwimap.nii.gz",
        ".git/annex/sub-1_param-fa_dwimap.nii.gz",
        "sub-1_param-fa_dwimap/within.txt",
    ],
)
def test_no_map(tmp_path, name):
    assert find(touch(tmp_path, name)).to_dataframe().empty


def test_what_looks_like_a_map_is_counted(tmp_path):
    names = ["sub-1_dwimap.fib.gz", "sub-1_label-WM_dwimap.nii.gz", "sub-1_seg-A_dseg.mif.gz"]
    assert sum(find(touch(tmp_path, *names)).ignored.values()) == 3


def test_a_map_without_a_subject_has_a_reason(tmp_path):
    touch(tmp_path, "param-fa_dwimap.nii.gz")
    assert reason_of(tmp_path, "dwimap.nii.gz") == "names no subject"


def test_folders_say_whose_a_file_is_when_its_name_does_not(tmp_path):
    touch(tmp_path, "qsirecon-X/sub-1/ses-2/dwi/param-fa_dwimap.nii.gz")
    (file,) = find(tmp_path).maps
    assert (file.subject, file.session, file.software) == ("1", "2", "X")


def test_a_session_above_the_subject_is_none_of_its(tmp_path):
    touch(tmp_path, "sub-1/ses-2/qsirecon/sub-1/dwi/sub-1_param-fa_dwimap.nii.gz")
    assert [file.session for file in find(tmp_path).maps] == [""]


def test_names_that_are_no_text_can_be_shown(tmp_path):
    name = os.fsdecode(b"sub-1_acq-\xff_param-fa_dwimap.nii")
    try:
        touch(tmp_path, name)
    except OSError:
        pytest.skip("this file system takes text only")
    dataset = find(tmp_path)
    assert dataset.to_dataframe()["path"].tolist() == [str(tmp_path / name)]
    assert "fa  1 map" in repr(dataset)


# Dsegs


@pytest.mark.parametrize(
    ("name", "atlas"),
    [
        ("sub-1_space-T1w_seg-4S156Parcels_dseg.nii.gz", "4S156Parcels"),
        ("sub-1_space-ACPC_seg-A+B_dseg.nii", "A+B"),
        ("qsirecon-anat/sub-1/dwi/sub-1_desc-preproc_atlas-aal116_dseg.nii.gz", "aal116"),
        ("qsirecon/sub-1/dwi/sub-1_desc-preproc_desc-aal116_atlas.nii.gz", "aal116"),
        ("sub-1_space-T1w_desc-preproc_space-T1w_desc-aicha384_atlas.nii.gz", "aicha384"),
    ],
)
def test_a_dseg(tmp_path, name, atlas):
    (dseg,) = discover_dseg_files(touch(tmp_path, name))
    assert (dseg.atlas_name, dseg.subject, dseg.path) == (atlas, "1", tmp_path / name)


def test_a_dseg_that_cannot_be_used_says_why(tmp_path):
    touch(tmp_path, "sub-1_desc-aseg_dseg.nii.gz", "atlas-A_dseg.nii.gz")
    assert discover_dseg_files(tmp_path) == []
    assert "names no atlas" in reason_of(tmp_path, "aseg_dseg.nii.gz")
    assert "names no subject" in reason_of(tmp_path, "A_dseg.nii.gz")


# The documented functions


def test_labels_with_and_without_prefix_and_never_patterns(tmp_path):
    touch(
        tmp_path,
        "sub-001/ses-01/sub-001_ses-01_seg-X_dseg.nii.gz",
        "sub-001/ses-02/sub-001_ses-02_seg-X_dseg.nii.gz",
        "sub-0010/sub-0010_seg-Y_dseg.nii.gz",
    )
    for label in ("001", "sub-001"):
        assert len(discover_dseg_files(tmp_path, label)) == 2
    assert len(discover_dseg_files(tmp_path, "sub-001", "ses-02")) == 1
    assert len(discover_dseg_files(tmp_path, session_label="02")) == 1
    assert len(discover_dseg_files(tmp_path, atlas="y")) == 1
    assert len(discover_dseg_files(tmp_path)) == 3
    for bad in ("*", "00?", "../../x", "/", "[0-9]*", "001/ses-01", "\0", "sub-"):
        assert discover_dseg_files(tmp_path, bad) == []
        assert discover_dseg_files(tmp_path, session_label=bad) == []
        assert discover_dseg_files(tmp_path, atlas=bad) == []
        assert discover_scalar_maps(tmp_path, bad, bad) == []
        assert find_atlas_lut(tmp_path, bad) is None


def test_scalar_maps_of_a_session(tmp_path):
    touch(
        tmp_path,
        "sub-1/sub-1_param-fa_dwimap.nii",
        *(f"sub-1/ses-{ses}/sub-1_ses-{ses}_param-fa_dwimap.nii" for ses in "AB"),
        "sub-2/ses-A/sub-2_ses-A_param-fa_dwimap.nii",
    )
    assert [file.session for file in discover_scalar_maps(tmp_path, "1", None)] == ["A", "B", ""]
    assert [file.session for file in discover_scalar_maps(tmp_path, "1", "")] == [""]
    assert [file.session for file in discover_scalar_maps(tmp_path, "1", "ses-B")] == ["B"]
    assert [file.session for file in discover_scalar_maps(tmp_path, "sub-2", "")] == ["A"]
    assert discover_scalar_maps(tmp_path, "2", "B") == []


def test_scalars_are_matched_whole_whatever_the_case(tmp_path):
    touch(
        tmp_path,
        "qsirecon-A/sub-1_model-t_param-fa_dwimap.nii",
        "qsirecon-B/sub-1_model-t_param-FA_dwimap.nii",
        "qsirecon-B/sub-1_model-t_param-kfa_dwimap.nii",
        "qsirecon-B/sub-1_model-t_param-icvf_desc-modulated_dwimap.nii",
        "qsirecon-B/sub-1_model-t_param-icvf_dwimap.nii",
    )

    def names(*scalars):
        maps = discover_scalar_maps(tmp_path, "1", "", list(scalars))
        return [f"{file.software}{file.entities['param']}" for file in maps]

    assert names("Fa") == ["Afa", "BFA"]
    assert names("a-T-fa") == ["Afa"]
    assert names("ICVF") == ["Bicvf", "Bicvf"]
    assert names("icvf-modulated") == ["Bicvf"]
    assert names("f", "*", "") == []
    assert names() == []


def test_tractography_and_weights(tmp_path):
    names = [
        "qsirecon-M/sub-1/dwi/sub-1_model-ifod2_streamlines.tck.gz",
        "qsirecon-M/sub-1/dwi/sub-1_model-sift2_streamlineweights.csv",
        "qsirecon-M/sub-2/dwi/sub-2_model-ifod2_streamlines.tck.gz",
    ]
    touch(tmp_path, *names)
    (tracts,) = discover_tractography(tmp_path, "sub-1", "")
    (weights,) = discover_sift_weights(tmp_path, "sub-1", None)
    assert (tracts.path, weights.path) == (tmp_path / names[0], tmp_path / names[1])
    assert tracts.software == "M"


def test_the_two_kinds_of_object():
    file = BIDSFile(Path("qsirecon-X/a.nii"), {"sub": "1", "ses": "2", "atlas": "A"})
    assert (file.subject, file.session, file.atlas, file.software) == ("1", "2", "A", "X")
    assert BIDSFile(Path("a"), {"atlas": "A", "seg": "S"}).atlas == "S"
    assert BIDSFile(Path("a"), {}).subject == ""
    dseg = AtlasDsegFile(Path("a"), {}, "A", None)
    assert (dseg.subject, dseg.session) == ("", "")
    for frozen in (file, dseg):
        with pytest.raises(AttributeError):
            frozen.path = Path("b")


@pytest.mark.parametrize("search", [find, discover_dseg_files])
def test_no_such_folder(tmp_path, search):
    with pytest.raises(DiscoveryError, match="There is no folder"):
        search(tmp_path / "nowhere")
    touch(tmp_path, "file")
    with pytest.raises(OSError, match="There is no folder"):
        search(str(tmp_path / "file"))


def test_a_relative_folder_gives_relative_paths(tmp_path, monkeypatch):
    touch(tmp_path, "tree/sub-1_seg-X_dseg.nii")
    monkeypatch.chdir(tmp_path)
    (dseg,) = discover_dseg_files("tree")
    assert dseg.path == Path("tree", "sub-1_seg-X_dseg.nii")


def test_software_is_that_of_the_nearest_folder():
    assert software_of(("qsirecon-2024", "derivatives", "qsirecon-NODDI", "sub-1")) == "NODDI"
    assert software_of(("qsirecon", "sub-1")) == ""
