from __future__ import annotations

import pickle

import pandas as pd
import pytest

from qsiparc.discover import find
from qsiparc.errors import DiscoveryWarning, SelectionError

COLUMNS = [
    *("kind", "path", "subject", "session", "space", "atlas", "scalar"),
    *("software", "model", "param", "desc", "used", "reason"),
]


@pytest.fixture
def tree(tmp_path):
    """Two subjects, one with two sessions; two scalars; two atlases, one of them with a TSV."""
    for scan in ("sub-1_ses-A", "sub-1_ses-B", "sub-2_ses-A"):
        folder = tmp_path / "derivatives" / "qsirecon-DKI" / scan.replace("_", "/") / "dwi"
        folder.mkdir(parents=True)
        for param in ("fa", "md"):
            (folder / f"{scan}_space-ACPC_model-dki_param-{param}_dwimap.nii.gz").touch()
        (folder / f"{scan}_space-MNI6_model-dki_param-fa_dwimap.nii.gz").touch()
        for atlas in ("AAL116", "<b>"):
            (folder / f"{scan}_space-ACPC_seg-{atlas}_dseg.nii.gz").touch()
    lut = tmp_path / "atlases" / "atlas-AAL116" / "atlas-AAL116_dseg.tsv"
    lut.parent.mkdir(parents=True)
    lut.write_text("index\tname\n1\tL_one\n2\tR_one\n")
    return tmp_path


def test_the_table_of_files(tree):
    table = find(tree).to_dataframe()
    assert table.columns.tolist() == COLUMNS
    assert table["kind"].value_counts().to_dict() == {"map": 9, "dseg": 6, "lut": 1}
    assert table["used"].dtype == bool
    first = table.iloc[0].to_dict()
    assert first.pop("path").endswith("ses-A_space-ACPC_model-dki_param-fa_dwimap.nii.gz")
    assert first == {
        "kind": "map",
        "subject": "1",
        "session": "A",
        "space": "ACPC",
        "atlas": "",
        "scalar": "fa",
        "software": "DKI",
        "model": "dki",
        "param": "fa",
        "desc": "",
        "used": True,
        "reason": "",
    }


def test_an_empty_tree_has_the_same_columns(tmp_path):
    dataset = find(tmp_path)
    assert dataset.to_dataframe().columns.tolist() == COLUMNS
    assert dataset.pairs().empty
    assert "0 subjects" in repr(dataset)
    assert dataset._repr_html_().startswith("<div")


def test_pairs(tree):
    pairs = find(tree).pairs()
    assert len(pairs) == 3 * 2 * 2
    assert pairs["scan"].unique().tolist() == ["sub-1_ses-A", "sub-1_ses-B", "sub-2_ses-A"]
    with_lut = pairs["lut_path"].ne("")
    assert pairs["atlas"][with_lut].unique().tolist() == ["AAL116"]


def test_selection(tree):
    dataset = find(tree)
    part = dataset.sel(subject="sub-1", session="a", atlas="aal116", scalar="FA")
    assert len(part.pairs()) == 1
    assert (part.subjects, part.atlases, part.scalars) == (["1"], ["AAL116"], ["fa"])
    assert len(dataset.pairs()) == 12
    assert len(dataset.sel(subject=["1", "2"], scalar=["fa", "md"]).pairs()) == 12
    assert part.to_dataframe().query("kind == 'lut'")["used"].all()


def test_ids_survive_a_selection(tmp_path):
    for software, sub in (("A", 1), ("B", 2)):
        folder = tmp_path / f"qsirecon-{software}"
        folder.mkdir()
        (folder / f"sub-{sub}_model-t_param-fa_dwimap.nii").touch()
    dataset = find(tmp_path)
    assert dataset.sel(subject="1").scalars == ["A-t-fa"]
    assert dataset.sel(scalar="fa").scalars == ["A-t-fa", "B-t-fa"]
    assert dataset.sel(scalar="b-t-FA").subjects == ["2"]


def test_an_id_comes_before_a_parameter(tmp_path):
    for more in ("", "_desc-modulated"):
        (tmp_path / f"sub-1_param-icvf{more}_dwimap.nii").touch()
    assert find(tmp_path).sel(scalar="icvf").scalars == ["icvf"]


@pytest.mark.parametrize("what", ["subject", "session", "atlas", "scalar"])
def test_selecting_what_is_not_there_says_what_is(tree, what):
    with pytest.raises(SelectionError, match=rf"There is no {what} '\*'. There (is|are): "):
        find(tree).sel(**{what: "*"})


def test_text(tree):
    lines = repr(find(tree)).splitlines()
    assert lines[0] == f"<QsiReconDataset {str(tree)!r}>"
    assert [line.strip() for line in lines[1:4]] == [
        "2 subjects, 3 sessions",
        "sub-1  ses-A ses-B",
        "sub-2  ses-A",
    ]
    assert "    AAL116  2 regions        3 dsegs" in lines
    assert "    <b>     regions unknown  3 dsegs" in lines
    assert "  2 scalars, 6 maps in native space" in lines
    assert "    3  maps  in template space (MNI6); ask with template=True, --template" in lines
    assert "  12 pairs of a map and a dseg" in lines


def test_html_is_escaped(tree):
    html = find(tree)._repr_html_()
    assert "&lt;b&gt;" in html
    assert "<b>" not in html


def test_many_subjects_are_counted(tmp_path):
    for number in range(20):
        (tmp_path / f"sub-{number:02}_param-fa_dwimap.nii").touch()
    text = repr(find(tmp_path))
    assert "20 subjects" in text
    assert "... and 12 more" in text
    assert "sub-08" not in text


def test_a_dataset_can_be_pickled(tree):
    dataset = find(tree)
    again = pickle.loads(pickle.dumps(dataset))  # noqa: S301 - our own
    pd.testing.assert_frame_equal(again.to_dataframe(), dataset.to_dataframe())
    pd.testing.assert_frame_equal(again.pairs(), dataset.pairs())


def test_grids_are_compared_on_request(tree, monkeypatch):
    import numpy as np

    import qsiparc.discover.grids
    from qsiparc.discover.grids import Grid
    from qsiparc.errors import NiftiError

    flipped = np.diag([-1.0, 1, 1, 1])
    flipped[0, 3] = 3

    def header(path):
        if "param-md" in path:
            raise NiftiError("no header")
        if "sub-2" in path and "dseg" in path:
            return Grid((4, 5, 6), np.eye(4) + np.eye(4, k=3))
        return Grid((4, 5, 6), flipped if "dseg" in path else np.eye(4))

    monkeypatch.setattr(qsiparc.discover.grids.Grid, "of", header)
    with pytest.warns(DiscoveryWarning, match="8 pairs are left out because their grids differ"):
        pairs = find(tree).pairs(check_grids=True)
    assert pairs["subject"].tolist() == ["1"] * 4
    reasons = [reason for _, _, reason in pairs.attrs["left_out"]]
    assert sorted(set(reasons)) == ["corners up to 1 mm apart", "no header"]
