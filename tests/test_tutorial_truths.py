"""What the tutorial promises about its brains, held against the files it writes."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from qsiparc.tutorial import make_qsirecon

ATLASES = {"4S156Parcels": 156, "Brainnetome246Ext": 246}
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
    return make_qsirecon(tmp_path_factory.mktemp("tutorial") / "qsirecon")


def map_path(root, subject, software, name, space="ACPC"):
    stem = f"sub-{subject}_ses-01_space-{space}_{name}_dwimap.nii.gz"
    return root / f"derivatives/qsirecon-{software}/sub-{subject}/ses-01/dwi/{stem}"


def dseg_path(root, subject, atlas="4S156Parcels"):
    stem = f"sub-{subject}_ses-01_space-ACPC_seg-{atlas}_dseg.nii.gz"
    return root / f"sub-{subject}/ses-01/dwi/{stem}"


def table(root, atlas="4S156Parcels"):
    path = root / f"sourcedata/atlases/{TPL}/{TPL}_atlas-{atlas}_res-01_dseg.tsv"
    return pd.read_csv(path, sep="\t", keep_default_na=False)


def voxels(path):
    return np.asanyarray(nib.load(path).dataobj)


def index_of(root, label):
    rows = table(root)
    return int(rows.loc[rows["label"] == label, "index"].item())


def test_it_is_small(root):
    assert sum(path.stat().st_size for path in root.rglob("*.*")) < 8e6


@pytest.mark.parametrize(("atlas", "count"), ATLASES.items())
def test_lut_text_and_labels_agree(root, atlas, count):
    rows = table(root, atlas)
    assert rows["index"].tolist() == list(range(1, count + 1))
    assert rows["label"].is_unique
    text = dseg_path(root, "001", atlas).with_suffix("").with_suffix(".txt").read_text()
    assert [line.split("\t") for line in text.splitlines()] == [
        [str(index), label] for index, label in zip(rows["index"], rows["label"], strict=True)
    ]
    labels = voxels(dseg_path(root, "001", atlas))
    assert np.issubdtype(labels.dtype, np.signedinteger)
    assert np.unique(labels).tolist() == list(range(count + 1))


def test_names_are_those_of_the_field(root):
    cortex = table(root)
    assert list(cortex) == [
        *("index", "label", "network_label", "label_7network", "index_17network"),
        *("label_17network", "network_label_17network", "atlas_name", "network_id"),
    ]
    assert cortex["label"][[0, 50, 100, 155]].tolist() == [
        *("LH_Vis_1", "RH_Vis_1", "LH-Pu", "Cerebellar_Region10")
    ]
    assert (cortex["network_label"] == "n/a").sum() == 56
    assert sorted(cortex["index_17network"][:100], key=float) == [f"{i}.0" for i in range(1, 101)]
    gyri = table(root, "Brainnetome246Ext")["label"]
    assert gyri[:3].tolist() == ["SFG_L_7_1", "SFG_R_7_1", "SFG_L_7_2"]
    assert gyri.str.contains("_L_")[::2].all()
    assert gyri.str.contains("_R_")[1::2].all()


def test_left_names_are_on_the_left(root):
    for atlas, left, right in (
        ("4S156Parcels", "LH", "RH"),
        ("Brainnetome246Ext", ".*_L_", ".*_R_"),
    ):
        image = nib.load(dseg_path(root, "002", atlas))
        labels = np.asanyarray(image.dataobj)
        rows = table(root, atlas)
        for side, sign in ((left, -1), (right, 1)):
            here = np.isin(labels, rows.loc[rows["label"].str.match(side), "index"])
            x = nib.affines.apply_affine(image.affine, np.argwhere(here))[:, 0]
            assert (sign * x).min() > -6  # brains are a little bent


def test_a_region_has_vanished(root):
    gone = index_of(root, "LH-HN")
    assert set(range(1, 157)) - set(np.unique(voxels(dseg_path(root, "002")))) == {gone}
    for subject in ("001", "003", "004"):
        assert np.unique(voxels(dseg_path(root, subject))).tolist() == list(range(157))


@pytest.mark.parametrize(
    ("software", "name", "low", "high"),
    [
        ("AMICONODDI", "param-FA", 0.005, 1),
        ("AMICONODDI", "model-noddi_param-icvf", 0.005, 1),
        ("AMICONODDI", "model-noddi_param-od", 0.005, 1),
        ("DSIStudio", "model-tensor_param-fa", 0.005, 1),
        ("DSIStudio", "model-tensor_param-md", 1e-4, 3.3e-3),
        ("TORTOISE", "model-mapmri_param-rtop", 1e3, 4.1e5),
        ("TORTOISE", "model-tensor_param-fa", 0.005, 1),
    ],
)
def test_maps_have_realistic_ranges_and_a_background_of_zero(root, software, name, low, high):
    path = map_path(root, "004", software, name)
    values = voxels(path)
    brain = voxels(root / "sub-004/ses-01/dwi/sub-004_ses-01_space-ACPC_desc-brain_mask.nii.gz") > 0
    assert values.dtype == np.float32
    assert (values[~brain] == 0).all()
    assert np.nanmin(values[brain]) > low
    assert np.nanmax(values[brain]) < high
    assert np.nanstd(values[brain]) > 0.05 * high / 2


def test_isovf_and_modulated_icvf_have_true_zeros(root):
    values = voxels(map_path(root, "004", "AMICONODDI", "model-noddi_param-isovf"))
    inside = voxels(map_path(root, "004", "AMICONODDI", "param-FA")) > 0
    assert 0.005 < (values[inside] == 0).mean() < 0.5
    assert values.max() == 1
    modulated = voxels(map_path(root, "004", "AMICONODDI", "model-noddi_param-icvf_desc-modulated"))
    nothing = inside & (modulated == 0)
    assert nothing.any()
    assert (values[nothing] == 1).all()


def test_modulated_icvf_is_icvf_times_tissue(root):
    icvf, isovf, modulated = (
        voxels(map_path(root, "002", "AMICONODDI", f"model-noddi_param-{name}"))
        for name in ("icvf", "isovf", "icvf_desc-modulated")
    )
    np.testing.assert_allclose(modulated, icvf * (1 - isovf), atol=3e-3)


def test_the_direction_is_a_unit_vector(root):
    vectors = voxels(map_path(root, "001", "AMICONODDI", "model-noddi_param-direction"))
    inside = voxels(map_path(root, "001", "AMICONODDI", "param-FA")) > 0
    assert vectors.shape == (*inside.shape, 3)
    np.testing.assert_allclose(np.linalg.norm(vectors[inside], axis=1), 1, atol=3e-3)
    assert (vectors[~inside] == 0).all()


def test_only_md_has_holes(root):
    for software, names in NATIVE_MAPS.items():
        for name in names:
            missing = np.isnan(voxels(map_path(root, "004", software, name)))
            assert missing.any() == name.endswith("param-md")
    md = voxels(map_path(root, "004", "DSIStudio", "model-tensor_param-md"))
    assert np.isnan(md[md != 0]).mean() == pytest.approx(0.005, abs=0.001)


def test_md_failed_throughout_a_region(root):
    hole = voxels(dseg_path(root, "001")) == index_of(root, "LH_Limbic_OFC_1")
    md = voxels(map_path(root, "001", "DSIStudio", "model-tensor_param-md"))
    assert hole.sum() > 50
    assert np.isnan(md[hole]).all()


def test_the_field_of_view_of_one_subject_ends_too_high(root):
    labels = voxels(dseg_path(root, "003"))
    seen = voxels(map_path(root, "003", "AMICONODDI", "param-FA")) > 0
    rows = table(root)
    coverage = {
        label: seen[labels == index].mean()
        for index, label in zip(rows["index"], rows["label"], strict=True)
    }
    partial = {label for label, part in coverage.items() if part < 1}
    assert any(0 < coverage[label] < 0.5 for label in partial)
    assert any(label.startswith("Cerebellar") for label in partial)
    assert coverage["LH_Vis_1"] == coverage["RH_Hippocampus"] == 1
    assert len(partial) < 30
    everywhere = voxels(map_path(root, "002", "AMICONODDI", "param-FA")) > 0
    assert everywhere[voxels(dseg_path(root, "002")) > 0].all()


def mean_by_loop(values, labels, index):
    """One voxel after the other."""
    total, count = 0.0, 0
    for value, label in zip(values.ravel().tolist(), labels.ravel().tolist(), strict=True):
        if label == index:
            total += value
            count += 1
    return total / count


@pytest.mark.parametrize(
    ("software", "name"),
    [
        ("AMICONODDI", "param-FA"),
        ("DSIStudio", "model-tensor_param-fa"),
        ("TORTOISE", "model-tensor_param-fa"),
    ],
)
def test_fa_is_higher_on_the_left_of_the_visual_cortex(root, software, name):
    labels = voxels(dseg_path(root, "003"))
    fa = voxels(map_path(root, "003", software, name))
    left, right = (mean_by_loop(fa, labels, index_of(root, f"{s}H_Vis_1")) for s in "LR")
    assert left - right == pytest.approx(0.08, abs=0.005)


def test_fa_is_higher_in_white_matter_than_in_the_cortex(root):
    fa = voxels(map_path(root, "002", "TORTOISE", "model-tensor_param-fa"))
    labels = voxels(dseg_path(root, "002"))
    white = (labels == 0) & (fa > 0)
    cortex = (labels > 0) & (labels <= 100)
    assert fa[white].mean() > 0.38
    assert fa[cortex].mean() < 0.22


def test_fa_in_the_maps_falls_with_age(root):
    people = pd.read_csv(root / "participants.tsv", sep="\t")
    assert people.columns.tolist() == ["participant_id", "age", "sex", "group"]
    template = voxels(
        root / f"sourcedata/atlases/{TPL}/{TPL}_atlas-4S156Parcels_res-01_dseg.nii.gz"
    )
    here = template == 101  # the left putamen
    means = [
        voxels(map_path(root, p[4:], "DSIStudio", "model-tensor_param-fa", TPL[4:]))[here].mean()
        for p in people["participant_id"]
    ]
    disease = np.where(people["group"] == "patient", 0.96, 1)
    expected = disease * (1 - 0.002 * (people["age"] - 20))
    np.testing.assert_allclose(means / expected / np.mean(means / expected), 1, rtol=0.03)
    assert np.ptp(means) > 0.01
