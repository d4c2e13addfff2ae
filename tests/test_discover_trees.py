"""What qsiparc finds in the trees of QSIRecon's own test runs.

The numbers were counted in the lists with grep, before and apart from any code of qsiparc:
native maps ``grep -E '_dwimap\\.nii(\\.gz)?$' | grep -vE 'space-MNI|label-'``, template maps the
same with ``space-MNI``; dsegs ``_dseg\\.nii(\\.gz)?$`` without ``space-MNI|tpl-MNI``; LUTs
``_dseg\\.(tsv|txt)$``. Every list has one scan, so that pairs are native maps times dsegs. Of the
LUTs, the TSVs are used where a dseg of the atlas is, and the text lists where there is no TSV.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pytest

from qsiparc.discover import (
    discover_dseg_files,
    discover_scalar_maps,
    discover_sift_weights,
    discover_tractography,
    find,
)

TREES = Path(__file__).parent / "trees"


class Counts(NamedTuple):
    native: int
    template: int
    dsegs: int
    template_dsegs: int
    luts: int
    used_luts: int
    tracts: int = 0
    weights: int = 0


EXPECTED = {
    "0.23.2__amico_noddi": Counts(4, 0, 0, 0, 0, 0),
    "0.23.2__scalar_mapper": Counts(25, 25, 0, 0, 0, 0, 2),
    "1.0.0__dipy_mapmri": Counts(7, 0, 0, 0, 0, 0),
    "1.0.0__multises_pre1_qsiprep_reportsession": Counts(0, 0, 0, 0, 0, 0),
    "1.1.1__pyafq_recon_full": Counts(5, 0, 0, 0, 0, 0, 3),
    "1.1.1__scalar_mapper": Counts(28, 28, 2, 2, 4, 2, 2),
    "1.2.0__dsi_studio_gqi_recon": Counts(20, 0, 2, 2, 6, 2),
    "1.2.0__mrtrix_singleshell_ss3t_noact": Counts(2, 0, 2, 2, 6, 2, 1, 1),
    "26.0.0__amico_noddi": Counts(9, 0, 0, 0, 0, 0),
    "26.0.0__multises_post1_qsiprep_reportsubject": Counts(0, 0, 0, 0, 0, 0),
    "26.0.0__scalar_mapper": Counts(32, 32, 2, 2, 6, 2, 2),
    "qsiprep-0.22.0__dipy_dki": Counts(9, 0, 0, 0, 0, 0),
    "qsiprep-0.22.0__tortoise_recon": Counts(13, 0, 0, 0, 0, 0),
    "qsiprep-23ab6df__mrtrix_singleshell_ss3t_noact": Counts(2, 0, 7, 0, 7, 7, 1, 1),
    "qsirecon-1365d36__mrtrix_multishell_msmt_hsvs": Counts(2, 0, 1, 1, 2, 1, 1, 1),
}


def lay_out(name, root):
    """A list as a tree of empty files; what other entries lie in, and `…_dwimap`, are folders."""
    entries = (TREES / f"{name}_outputs.txt").read_text().split()
    folders = {str(parent) for entry in entries for parent in PurePosixPath(entry).parents}
    for entry in entries:
        path = root / entry
        if entry in folders or not path.suffix:
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return root


@pytest.fixture(params=EXPECTED)
def tree(request, tmp_path):
    return lay_out(request.param, tmp_path), EXPECTED[request.param]


def test_every_list_is_counted():
    assert {path.name for path in TREES.glob("*.txt")} == {f"{n}_outputs.txt" for n in EXPECTED}


def test_every_file_of_every_tree_is_found(tree):
    root, expected = tree
    dataset = find(root)
    table = dataset.to_dataframe()
    is_template = table["space"].str.startswith("MNI")
    kinds = table.assign(template=is_template).groupby(["kind", "template"]).size().to_dict()
    assert kinds.get(("map", False), 0) == expected.native == len(dataset.maps)
    assert kinds.get(("map", True), 0) == expected.template
    assert kinds.get(("dseg", False), 0) == expected.dsegs == len(dataset.dsegs)
    assert kinds.get(("dseg", True), 0) == expected.template_dsegs
    assert (table["kind"] == "lut").sum() == expected.luts
    assert (table["kind"].eq("lut") & table["used"]).sum() == expected.used_luts
    assert len(dataset.pairs()) == dataset.n_pairs == expected.native * expected.dsegs


def test_what_is_not_used_says_why(tree):
    table = find(tree[0]).to_dataframe()
    assert ((table["reason"] == "") == table["used"]).all()


def test_ids_are_unique(tree):
    dataset = find(tree[0])
    assert len(dataset.scalars) == len(dataset.maps)


def test_every_dseg_has_a_table(tree):
    assert (find(tree[0]).pairs()["lut_path"] != "").all()


def test_the_documented_functions_see_the_same(tree):
    root, expected = tree
    dsegs = discover_dseg_files(root)
    assert len(dsegs) == expected.dsegs
    assert [dseg.path for dseg in dsegs] == sorted(dseg.path for dseg in dsegs)
    maps = discover_scalar_maps(root, "", None)
    assert len(maps) == expected.native
    assert len(discover_tractography(root, "", None)) == expected.tracts
    assert len(discover_sift_weights(root, "", None)) == expected.weights


def test_in_template_space_maps_pair_with_the_atlas_itself(tree):
    root, expected = tree
    dataset = find(root, template=True)
    assert len(dataset.pairs()) == expected.template * expected.template_dsegs
    assert len(dataset.maps) == expected.template


def test_lut_of_every_generation(tmp_path):
    where = {
        "1.1.1__scalar_mapper": "atlases/atlas-4S156Parcels/atlas-4S156Parcels_dseg.tsv",
        "26.0.0__scalar_mapper": (
            "sourcedata/atlases/tpl-MNI152NLin2009cAsym/"
            "tpl-MNI152NLin2009cAsym_atlas-4S156Parcels_res-01_dseg.tsv"
        ),
    }
    for name, expected in where.items():
        root = lay_out(name, tmp_path / name)
        for dseg in discover_dseg_files(root, atlas="4s156parcels"):
            assert dseg.lut_path == root / expected


def test_four_workflows_have_an_fa(tmp_path):
    dataset = find(lay_out("26.0.0__scalar_mapper", tmp_path))
    ids = {scalar for scalar in dataset.scalars if scalar.lower().endswith("fa")}
    assert ids == {"DIPYDKI-dki-fa", "DSIStudio-tensor-fa", "kfa", "gfa"}


def test_modulated_and_plain_are_two(tmp_path):
    dataset = find(lay_out("26.0.0__amico_noddi", tmp_path))
    assert {"icvf", "icvf-modulated", "od", "od-modulated"} < set(dataset.scalars)


def test_pyafq_maps_lie_in_a_folder_that_looks_like_a_map(tmp_path):
    dataset = find(lay_out("1.1.1__pyafq_recon_full", tmp_path))
    assert dataset.scalars == ["apm", "diffusivity", "fa", "fod", "md"]
    assert {file.software for file in dataset.maps} == {"PYAFQ"}
