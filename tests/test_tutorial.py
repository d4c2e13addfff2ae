from __future__ import annotations

import json
import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import qsiparc
from qsiparc.tutorial import make_qsirecon

ATLASES = ("4S156Parcels", "Brainnetome246Ext")
TPL = "tpl-MNI152NLin2009cAsym"
NATIVE_MAPS = {
    "AMICONODDI": [
        "model-noddi_param-direction",
        "model-noddi_param-icvf",
        "model-noddi_param-icvf_desc-modulated",
        "model-noddi_param-isovf",
        "model-noddi_param-od",
        "param-FA",
    ],
    "DSIStudio": ["model-tensor_param-fa", "model-tensor_param-md"],
    "TORTOISE": ["model-mapmri_param-rtop", "model-tensor_param-fa"],
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return make_qsirecon(tmp_path_factory.mktemp("tutorial") / "qsirecon", resolution=6)


def map_path(root, subject, software, name, space="ACPC"):
    stem = f"sub-{subject}_ses-01_space-{space}_{name}_dwimap.nii.gz"
    return root / f"derivatives/qsirecon-{software}/sub-{subject}/ses-01/dwi/{stem}"


def dseg_path(root, subject, atlas="4S156Parcels"):
    stem = f"sub-{subject}_ses-01_space-ACPC_seg-{atlas}_dseg.nii.gz"
    return root / f"sub-{subject}/ses-01/dwi/{stem}"


def files(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}


def expected_files(subjects, sessions):
    made = {"dataset_description.json", "participants.tsv", "participants.json", "logs/CITATION.md"}
    made.add("sourcedata/atlases/dataset_description.json")
    for atlas in ATLASES:
        stem = f"sourcedata/atlases/{TPL}/{TPL}_atlas-{atlas}_res-01_dseg"
        made |= {f"{stem}{end}" for end in (".nii.gz", ".tsv", ".json")}
    for software in NATIVE_MAPS:
        folder = f"derivatives/qsirecon-{software}"
        made |= {f"{folder}/dataset_description.json", f"{folder}/logs/CITATION.md"}
    for sub, ses in ((sub, ses) for sub in subjects for ses in sessions):
        scan = f"sub-{sub}/ses-{ses}/dwi/sub-{sub}_ses-{ses}"
        made.add(f"{scan}_space-ACPC_desc-brain_mask.nii.gz")
        for atlas in ATLASES:
            made |= {f"{scan}_space-ACPC_seg-{atlas}_dseg{e}" for e in (".nii.gz", ".txt")}
        for software, names in NATIVE_MAPS.items():
            spaces = ("ACPC", "MNI152NLin2009cAsym") if software == "DSIStudio" else ("ACPC",)
            made |= {
                f"derivatives/qsirecon-{software}/{scan}_space-{space}_{name}_dwimap{end}"
                for name in names
                for space in spaces
                for end in (".nii.gz", ".json")
            }
    return made


def test_the_layout_is_that_of_qsirecon(root):
    assert set(files(root)) == expected_files(["001", "002", "003", "004"], ["01"])


def test_sessions_are_scans_of_the_same_person(tmp_path):
    root = make_qsirecon(tmp_path, 1, n_sessions=2, resolution=6)
    assert set(files(root)) == expected_files(["001"], ["01", "02"])
    first, second = (
        nib.load(
            next((root / f"derivatives/qsirecon-DSIStudio/sub-001/{s}/dwi").glob("*CPC*fa*gz"))
        )
        for s in ("ses-01", "ses-02")
    )
    assert not np.allclose(first.affine, second.affine)
    means = [image.get_fdata()[image.get_fdata() > 0].mean() for image in (first, second)]
    assert means[0] == pytest.approx(means[1], rel=0.01)


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    one = make_qsirecon(tmp_path / "one", 1, resolution=6)
    other = make_qsirecon(str(tmp_path / "other"), 1, resolution=6.0)
    assert isinstance(other, Path)
    assert files(one) == files(other)


def test_another_seed_gives_other_brains_and_the_same_atlases(tmp_path):
    one = files(make_qsirecon(tmp_path / "one", 1, resolution=6))
    other = files(make_qsirecon(tmp_path / "other", 1, resolution=6, seed=21))
    atlas = f"sourcedata/atlases/{TPL}/{TPL}_atlas-4S156Parcels_res-01_dseg.nii.gz"
    mask = "sub-001/ses-01/dwi/sub-001_ses-01_space-ACPC_desc-brain_mask.nii.gz"
    assert one[atlas] == other[atlas]
    assert one[mask] != other[mask]


def test_a_subject_does_not_depend_on_how_many_there_are(tmp_path):
    one = files(make_qsirecon(tmp_path / "one", 1, resolution=6))
    two = files(make_qsirecon(tmp_path / "two", 2, resolution=6))
    differ = {name for name, content in one.items() if two[name] != content}
    assert differ == {"dataset_description.json", "participants.tsv"}


def test_maps_and_labels_of_a_scan_are_on_one_grid(root):
    for subject in ("001", "002", "003", "004"):
        label_images = [nib.load(dseg_path(root, subject, atlas)) for atlas in ATLASES]
        for software, names in NATIVE_MAPS.items():
            for name in names:
                image = nib.load(map_path(root, subject, software, name))
                for labels in label_images:
                    assert image.shape[:3] == labels.shape
                    np.testing.assert_array_equal(image.affine, labels.affine)


def test_grids_are_tilted_and_differ_between_subjects(root):
    images = [nib.load(dseg_path(root, s)) for s in ("001", "002", "003", "004")]
    assert {nib.aff2axcodes(i.affine) for i in images} == {("L", "P", "S")}
    assert len({i.affine.tobytes() for i in images}) == 4
    assert len({i.shape for i in images}) > 1
    for image in images:
        np.testing.assert_allclose(nib.affines.voxel_sizes(image.affine), 6.0, rtol=1e-6)
        np.testing.assert_allclose(image.get_qform(), image.get_sform(), atol=1e-4)
        assert nib.affines.obliquity(image.affine).max() > np.deg2rad(0.5)


def test_template_maps_are_on_the_grid_of_the_atlas(root):
    atlas = nib.load(root / f"sourcedata/atlases/{TPL}/{TPL}_atlas-4S156Parcels_res-01_dseg.nii.gz")
    for subject in ("001", "004"):
        name = map_path(root, subject, "DSIStudio", "model-tensor_param-md", TPL[4:])
        np.testing.assert_array_equal(nib.load(name).affine, atlas.affine)
    assert np.count_nonzero(atlas.affine[:3, :3]) == 3
    assert atlas.header["sform_code"] == 4


def test_sidecars_have_units_and_a_model(root):
    units = {"md": "mm^2/s", "rtop": "1/mm^3"}
    for software, names in NATIVE_MAPS.items():
        for name in names:
            path = map_path(root, "001", software, name).with_suffix("").with_suffix(".json")
            about = json.loads(path.read_text())
            assert about["Units"] == units.get(name.rsplit("-", 1)[1], "1")
            assert about["LongName"]
            assert about["Model"]["Parameters"]


def test_every_dataset_says_that_it_is_synthetic(root):
    found = list(root.rglob("dataset_description.json"))
    assert len(found) == 5
    for path in found:
        about = json.loads(path.read_text())
        assert about["BIDSVersion"]
        assert about["DatasetType"] == "derivative"
        assert about["GeneratedBy"][0]["Name"] == "qsiparc tutorial"
        assert "ynthetic" in about["GeneratedBy"][0]["Description"]


def test_running_again_restores_the_tree_and_spares_what_was_added(tmp_path):
    before = files(make_qsirecon(tmp_path, 1, resolution=8))
    (tmp_path / "participants.tsv").write_text("spoilt")
    added = tmp_path / "derivatives/qsiparc/cube.nc"
    added.parent.mkdir()
    added.write_text("mine")
    after = files(make_qsirecon(tmp_path, 1, resolution=8))
    assert after.pop("derivatives/qsiparc/cube.nc") == b"mine"
    assert after == before


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="not of the tutorial"):
        make_qsirecon(tmp_path)
    (tmp_path / "dataset_description.json").write_text('{"GeneratedBy": [{"Name": "QSIRecon"}]}')
    with pytest.raises(FileExistsError, match="Name an empty folder"):
        make_qsirecon(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_file_is_refused(tmp_path):
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(FileExistsError, match="is a file"):
        make_qsirecon(path)


def test_a_tree_of_other_arguments_is_refused(tmp_path):
    before = files(make_qsirecon(tmp_path, 1, resolution=8))
    with pytest.raises(FileExistsError, match=r"other arguments than n_subjects=2.*Delete it"):
        make_qsirecon(tmp_path, 2, resolution=8)
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    ("option", "error"),
    [
        ({"n_subjects": 0}, ValueError),
        ({"n_subjects": 2.5}, TypeError),
        ({"n_sessions": 100}, ValueError),
        ({"seed": -1}, ValueError),
        ({"resolution": 0.5}, ValueError),
        ({"resolution": float("nan")}, ValueError),
    ],
)
def test_impossible_arguments_write_nothing(tmp_path, option, error):
    with pytest.raises(error):
        make_qsirecon(tmp_path / "new", **option)
    assert not (tmp_path / "new").exists()


def test_it_is_quiet_when_quick(tmp_path, capsys):
    with warnings.catch_warnings(), qsiparc.set_options(progress=True):
        warnings.simplefilter("error")
        make_qsirecon(tmp_path, 1, resolution=8)
    assert capsys.readouterr() == ("", "")
