from __future__ import annotations

from pathlib import Path

import pytest
from made_tree import reason_of, touch

from qsiparc.discover import find
from qsiparc.discover.identity import Scalar, is_template, short_ids, space_distance
from qsiparc.errors import DiscoveryWarning


def paired(root, **options):
    """Names of maps and dsegs that make a pair."""
    pairs = find(root, **options).pairs()
    return {
        (Path(one).name.split(".")[0], Path(dseg).name.split(".")[0])
        for one, dseg in zip(pairs["map_path"], pairs["dseg_path"], strict=True)
    }


# Spaces


@pytest.mark.parametrize(
    ("space", "expected"),
    [("MNI152NLin2009cAsym", True), ("mni", True), ("fsLR", True), ("OASIS30ANTs", True)]
    + [(space, False) for space in ("T1w", "ACPC", "orig", "dwi", "fsnative", "")],
)
def test_is_template(space, expected):
    assert is_template(space) is expected


def test_a_tpl_is_a_template_whatever_its_name(tmp_path):
    touch(tmp_path, "tpl-Ours_atlas-A_dseg.nii.gz")
    assert "template space (Ours)" in reason_of(tmp_path, "A_dseg.nii.gz")


def test_space_distance_is_symmetric_and_templates_agree_with_themselves_only():
    assert space_distance("MNI152NLin6Asym", "MNI152NLin6Asym") == 0
    assert space_distance("MNI152NLin6Asym", "") is None
    assert space_distance("", "T1w") == space_distance("T1w", "") == 1


# Pairs


def test_sessions_do_not_mix(tmp_path):
    names = [
        f"sub-1/ses-{ses}/dwi/sub-1_ses-{ses}_space-ACPC_{what}.nii.gz"
        for ses in "AB"
        for what in ("param-fa_dwimap", "seg-X_dseg")
    ]
    assert paired(touch(tmp_path, *names)) == {
        (f"sub-1_ses-{ses}_space-ACPC_param-fa_dwimap", f"sub-1_ses-{ses}_space-ACPC_seg-X_dseg")
        for ses in "AB"
    }


@pytest.mark.parametrize("entity", ["acq", "dir", "rec", "run"])
def test_two_acquisitions_do_not_mix(tmp_path, entity):
    names = [
        f"sub-1_{entity}-{value}_{what}.nii.gz"
        for value in "12"
        for what in ("param-fa_dwimap", "seg-X_dseg")
    ]
    assert len(paired(touch(tmp_path, *names))) == 2


def test_run_1_is_run_01(tmp_path):
    assert paired(touch(tmp_path, "sub-1_run-01_seg-X_dseg.nii", "sub-1_run-1_mdp-fa_dwimap.nii"))


def test_subjects_do_not_mix(tmp_path):
    touch(tmp_path, "sub-1_param-fa_dwimap.nii.gz", "sub-2_seg-X_dseg.nii.gz")
    assert paired(tmp_path) == set()
    assert reason_of(tmp_path, "dwimap.nii.gz") == "no dseg of sub-1"
    assert reason_of(tmp_path, "dseg.nii.gz") == "no map of sub-2"


def test_what_only_one_side_says_does_not_matter(tmp_path):
    touch(tmp_path, "sub-1_ses-A_acq-x_param-fa_dwimap.nii.gz", "sub-1_space-T1w_seg-X_dseg.nii")
    assert len(paired(tmp_path)) == 1


def test_a_map_that_names_no_run_is_not_paired_with_two(tmp_path):
    touch(tmp_path, "sub-1_param-fa_dwimap.nii", *(f"sub-1_run-{n}_seg-X_dseg.nii" for n in "12"))
    assert paired(tmp_path) == set()
    assert "fit equally well" in reason_of(tmp_path, "dwimap.nii")


def test_the_nearer_dseg_is_taken(tmp_path):
    touch(
        tmp_path,
        "sub-1_run-1_param-fa_dwimap.nii",
        "sub-1_run-1_seg-X_dseg.nii",
        "sub-1_seg-X_dseg.nii",
    )
    assert paired(tmp_path) == {("sub-1_run-1_param-fa_dwimap", "sub-1_run-1_seg-X_dseg")}
    assert "was nearer" in reason_of(tmp_path, "sub-1_seg-X_dseg.nii")


def test_acpc_maps_go_with_t1w_dsegs_when_there_is_no_other(tmp_path):
    touch(tmp_path, "sub-1_space-ACPC_param-fa_dwimap.nii", "sub-1_space-T1w_seg-X_dseg.nii")
    assert paired(tmp_path) == {("sub-1_space-ACPC_param-fa_dwimap", "sub-1_space-T1w_seg-X_dseg")}
    touch(tmp_path, "sub-1_space-ACPC_seg-X_dseg.nii")
    assert paired(tmp_path) == {("sub-1_space-ACPC_param-fa_dwimap", "sub-1_space-ACPC_seg-X_dseg")}


def test_a_map_in_two_spaces_is_said_and_can_be_chosen(tmp_path):
    """As a second release leaves it in the folder of the first."""
    touch(tmp_path, *(f"sub-1_space-{space}_param-fa_dwimap.nii" for space in ("ACPC", "T1w")))
    assert paired(tmp_path) == set()
    touch(tmp_path, *(f"sub-1_space-{space}_seg-X_dseg.nii" for space in ("ACPC", "T1w")))
    with pytest.warns(DiscoveryWarning, match="1 maps are there in two spaces"):
        dataset = find(tmp_path)
    assert len(dataset.pairs()) == 2
    assert dataset.sel(space="t1w").pairs()["space"].tolist() == ["T1w"]


def test_other_spaces_differ(tmp_path):
    touch(tmp_path, "sub-1_space-orig_param-fa_dwimap.nii", "sub-1_space-T1w_seg-X_dseg.nii")
    assert paired(tmp_path) == set()
    expected = "no dseg agrees: space-orig here, space-T1w there"
    assert reason_of(tmp_path, "dwimap.nii") == expected


def test_template_space_only_on_request(tmp_path):
    native = ("sub-1_space-T1w_param-fa_dwimap", "sub-1_space-T1w_seg-X_dseg")
    template = ("sub-1_space-MNI6_param-fa_dwimap", "tpl-MNI6_atlas-X_res-1_dseg")
    touch(tmp_path, *(f"{name}.nii.gz" for name in native + template))
    assert paired(tmp_path) == {native}
    assert paired(tmp_path, template=True) == {template}


def test_a_second_file_of_the_same_name_is_left_out_aloud(tmp_path):
    touch(tmp_path, "v1/sub-1_param-fa_dwimap.nii.gz", "v2/sub-1_param-fa_dwimap.nii.gz")
    with pytest.warns(DiscoveryWarning, match=r"v2.*v1.* was taken"):
        dataset = find(tmp_path)
    assert [file.path.parent.name for file in dataset.maps] == ["v1"]


# Identity


def test_wm_and_gm_noddi_never_collide(tmp_path):
    names = [
        f"derivatives/qsirecon-{kind}NODDI/sub-1/sub-1_model-noddi_param-icvf{more}_dwimap.nii.gz"
        for kind in ("wm", "gm")
        for more in ("", "_desc-modulated")
    ]
    assert find(touch(tmp_path, *names)).scalars == [
        "gmNODDI-noddi-icvf",
        "gmNODDI-noddi-icvf-modulated",
        "wmNODDI-noddi-icvf",
        "wmNODDI-noddi-icvf-modulated",
    ]


def test_an_id_is_longer_only_where_it_must(tmp_path):
    names = [
        f"qsirecon-{w}/sub-1_model-tensor_mdp-{fa}_dwimap.nii"
        for w, fa in (("A", "fa"), ("B", "FA"))
    ]
    touch(tmp_path, *names, "qsirecon-A/sub-1_model-tensor_desc-preproc_mdp-MD_dwimap.nii")
    assert find(tmp_path).scalars == ["A-tensor-fa", "B-tensor-FA", "MD"]


def test_what_is_there_in_template_space_only_makes_no_id_longer(tmp_path):
    """Early releases wrote every map in template space into the folder of every workflow."""
    name = "sub-1_space-{}_model-GQI_param-gfa_dwimap.nii.gz"
    touch(tmp_path, f"qsirecon-DSIStudio/{name.format('T1w')}")
    touch(tmp_path, *(f"qsirecon-{w}/{name.format('MNI6')}" for w in ("DSIStudio", "DIPYDKI")))
    dataset = find(tmp_path)
    assert dataset.scalars == ["gfa"]
    assert sorted(dataset.to_dataframe()["scalar"]) == ["DIPYDKI-GQI-gfa", "gfa", "gfa"]
    template = find(tmp_path, template=True)
    assert template.scalars == ["DIPYDKI-GQI-gfa", "DSIStudio-GQI-gfa"]


def test_an_id_is_not_given_twice_to_what_is_not_used(tmp_path):
    for space, more in (("T1w", "_desc-modulated"), ("MNI6", "")):
        touch(tmp_path, f"sub-1_space-{space}_param-icvf{more}_dwimap.nii")
    assert set(find(tmp_path).to_dataframe()["scalar"]) == {"icvf", "param-icvf"}


def test_ids_are_unique_even_when_parts_run_together():
    scalars = {Scalar("a-b", "c", "fa"), Scalar("a", "b-c", "fa"), Scalar("a", "c", "FA")}
    ids = short_ids(scalars)
    assert len(set(ids.values())) == 3
    assert ids[Scalar("a", "b-c", "fa")] == "software-a_model-b-c_param-fa"


def test_labels_and_other_entities_tell_scalars_apart(tmp_path):
    stem = "sub-1_model-x_param-tdi"
    touch(tmp_path, *(f"{stem}{more}_dwimap.nii" for more in ("", "_label-WM", "_bundle-CST")))
    assert find(tmp_path).scalars == ["tdi", "tdi-WM", "tdi-bundle-CST"]
