from __future__ import annotations

import sys
import warnings
from types import ModuleType, SimpleNamespace

import pytest

import qsiparc.atlas
from qsiparc.discover import discover_dseg_files, find, find_atlas_lut, load_lut_for_dseg
from qsiparc.errors import LutError, LutWarning, SelectionError

DSEG = "sub-1/dwi/sub-1_space-T1w_seg-X_dseg.nii.gz"
BESIDE = "sub-1/dwi/sub-1_space-T1w_seg-X_dseg.tsv"
ATLASES = "atlases/atlas-X/atlas-X_dseg.tsv"
SOURCE = "sourcedata/atlases/tpl-MNI6/tpl-MNI6_atlas-X_res-01_dseg.tsv"
TEXT = "sub-1/dwi/sub-1_space-T1w_seg-X_dseg.txt"
MRTRIX = "sub-1/dwi/sub-1_space-T1w_seg-X_desc-mrtrix_dseg.txt"
MAP = "sub-1/dwi/sub-1_space-T1w_param-fa_dwimap.nii.gz"


def write(root, *names, text=""):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text or f"index\tname\n1\tL_{path.name}\n2\tR_{path.name}\n")
    return root


def lut_of(root):
    (dseg,) = discover_dseg_files(root)
    return dseg.lut_path and str(dseg.lut_path.relative_to(root))


@pytest.fixture
def opened(monkeypatch):
    """Images hold the labels that are put here; which of them were opened."""
    state = SimpleNamespace(labels=[1, 2, 3], paths=[])

    def from_labels(path):
        state.paths.append(str(path))
        return SimpleNamespace(labels=state.labels)

    module = ModuleType("qsiparc.parcellation")
    module.Parcellation = SimpleNamespace(from_labels=from_labels)
    monkeypatch.setitem(sys.modules, "qsiparc.parcellation", module)
    return state


# Which table


def test_the_order_of_tables(tmp_path):
    write(tmp_path, DSEG, MRTRIX)
    assert lut_of(tmp_path) is None
    for name in (TEXT, SOURCE, ATLASES, BESIDE):
        write(tmp_path, name)
        assert lut_of(tmp_path) == name


def test_a_table_that_the_caller_names_comes_first(tmp_path):
    write(tmp_path, DSEG, BESIDE, "mine.tsv")
    mine = tmp_path / "mine.tsv"
    for name in ("X", "x", "atlas-X"):
        (dseg,) = find(tmp_path, luts={name: mine}).dsegs
        assert dseg.lut_path == mine


def test_a_table_for_an_atlas_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(SelectionError, match=r"There is no atlas 'Y'\. There is: X"):
        find(write(tmp_path, DSEG), luts={"Y": "mine.tsv"})


@pytest.mark.parametrize(
    "name",
    [
        "atlases/atlas-X/X_dseg.tsv",
        "atlases/atlas-X/atlas-X_space-MNI6_dseg.tsv",
        "atlases/seg-x_dseg.tsv",
        "elsewhere/atlas-X_dseg.tsv",
    ],
)
def test_tables_of_a_study_by_folder_or_by_name(tmp_path, name):
    write(tmp_path, DSEG, name)
    assert lut_of(tmp_path) == name
    assert find_atlas_lut(tmp_path, "x") == tmp_path / name


def test_the_nearest_tree_has_the_table(tmp_path):
    write(tmp_path, f"v26/{DSEG}", f"v26/{SOURCE}", f"v1/{ATLASES}")
    assert lut_of(tmp_path) == f"v26/{SOURCE}"


def test_tables_of_others_are_none(tmp_path):
    write(tmp_path, DSEG, BESIDE.replace("sub-1", "sub-2"), ATLASES.replace("-X", "-XY"))
    write(tmp_path, BESIDE.replace("seg-X", "run-2_seg-Y"), TEXT.replace("seg-X", "seg-X_desc-y"))
    assert lut_of(tmp_path) is None


def test_two_runs_do_not_share_a_table(tmp_path):
    names = [BESIDE.replace("_seg", f"_run-{run}_seg") for run in "12"]
    write(tmp_path, DSEG.replace("_seg", "_run-2_seg"), *names)
    assert lut_of(tmp_path) == names[1]


def test_the_oldest_have_two_lists_for_two_images(tmp_path):
    stem = "qsirecon/sub-1/dwi/sub-1_space-T1w_desc-preproc_desc-aal116"
    write(tmp_path, *(f"{stem}_{what}" for what in ("atlas.nii.gz", "mrtrixLUT.txt")))
    assert lut_of(tmp_path) is None
    write(tmp_path, f"{stem}_origLUT.txt")
    assert lut_of(tmp_path) == f"{stem}_origLUT.txt"


def test_find_atlas_lut_wants_a_tsv_of_the_study(tmp_path):
    write(tmp_path, BESIDE, TEXT, MRTRIX)
    assert find_atlas_lut(tmp_path, "X") is None
    write(tmp_path, ATLASES, ATLASES.replace("X", "x"))
    assert find_atlas_lut(tmp_path, "atlas-X") == tmp_path / ATLASES


def test_tables_that_are_not_used_say_why(tmp_path):
    write(tmp_path, DSEG, MAP, ATLASES, TEXT, MRTRIX, ATLASES.replace("-X", "-Y"))
    table = find(tmp_path).to_dataframe().query("kind == 'lut'")
    assert table.set_index("path")["reason"].to_dict() == {
        str(tmp_path / ATLASES): "",
        str(tmp_path / ATLASES.replace("-X", "-Y")): "no dseg of it is used",
        str(tmp_path / TEXT): "another table was preferred",
        str(tmp_path / MRTRIX): (
            "names the labels of the .mif.gz, which are not those of the NIfTI"
        ),
    }


# What is in it


def load(root):
    (dseg,) = discover_dseg_files(root)
    return load_lut_for_dseg(dseg)


def names(lut):
    return {region.index: region.name for region in lut.regions}


def test_a_tsv_is_believed_without_opening_the_image(tmp_path, opened):
    lut = load(write(tmp_path, DSEG, ATLASES))
    assert (len(lut), lut.atlas_name, opened.paths) == (2, "X", [])


def test_a_text_list_that_fits(tmp_path, opened):
    write(tmp_path, DSEG)
    write(tmp_path, TEXT, text="0 background\n1 L_a\n2 L_b\n3 L_c\n")
    assert names(load(tmp_path)) == {1: "L_a", 2: "L_b", 3: "L_c"}
    assert opened.paths == [str(tmp_path / DSEG)]


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("0 L_a\n1 L_b\n2 L_c\n", "gives 0, the background, to 'L_a'"),
        ("2 L_a\n3 L_b\n4 L_c\n", "has no name for label 1"),
        ("1 L_a\n2 L_b\n", "has no name for label 3"),
        ("not a table", "cannot be read"),
    ],
)
def test_a_text_list_that_cannot_be_right(tmp_path, opened, text, doubt):
    write(tmp_path, DSEG)
    write(tmp_path, TEXT, text=text)
    with pytest.warns(LutWarning) as caught:
        lut = load(tmp_path)
    (warning,) = caught
    assert doubt in str(warning.message)
    assert warning.filename == __file__
    assert names(lut) == {1: "region_0001", 2: "region_0002", 3: "region_0003"}
    assert opened.paths == [str(tmp_path / DSEG)]


def test_a_list_with_a_shift_after_a_gap(tmp_path, opened):
    """The image skips 3, the list does not: so were the extended atlases of some releases."""
    opened.labels = [1, 2, 4]
    write(tmp_path, DSEG)
    write(tmp_path, TEXT, text="1 a\n2 b\n3 c\n")
    with pytest.warns(LutWarning, match="no name for label 4"):
        assert names(load(tmp_path))[4] == "region_0004"


@pytest.mark.usefixtures("opened")
def test_a_list_that_names_more_than_there_is_raises_a_doubt(tmp_path):
    write(tmp_path, DSEG)
    write(tmp_path, TEXT, text="".join(f"{n} a{n}\n" for n in range(1, 12)))
    with pytest.warns(LutWarning, match="no voxel in .*: 4, 5, 6, 7, 8 and 3 more"):
        assert len(load(tmp_path)) == 11


@pytest.mark.usefixtures("opened")
def test_no_table_at_all(tmp_path):
    with pytest.warns(LutWarning, match="No look-up table"):
        assert names(load(write(tmp_path, DSEG)))[2] == "region_0002"


def test_a_tsv_that_is_no_table_is_an_error(tmp_path):
    write(tmp_path, DSEG)
    write(tmp_path, ATLASES, text="index\tname\n1\ta\n1\tb\n")
    with pytest.raises(LutError, match=r"atlas-X_dseg\.tsv"):
        load(tmp_path)
    assert "regions unknown" in repr(find(tmp_path))


# Once for a whole study


def test_a_table_is_read_once_for_a_study(tmp_path, monkeypatch):
    dsegs = [DSEG.replace("sub-1", f"sub-{n}") for n in range(5)]
    dataset = find(write(tmp_path, ATLASES, *dsegs))
    read = []
    real = qsiparc.atlas.read_lut
    monkeypatch.setattr(
        qsiparc.atlas, "read_lut", lambda path, **more: (read.append(path), real(path, **more))[1]
    )
    repr(dataset)
    for dseg in dataset.dsegs:
        assert dataset.lut(dseg) is dataset.lut("x")
    assert dataset.sel(subject="2").lut("X") is dataset.lut("X")
    assert len(read) == 1


def test_two_tables_of_one_atlas_that_differ_are_an_error(tmp_path):
    write(tmp_path, *(f"v{n}/{name}" for n in (1, 2) for name in (ATLASES, DSEG)))
    write(tmp_path, f"v2/{DSEG}".replace("sub-1", "sub-2"))
    with pytest.warns(match="another of the same name"):
        dataset = find(tmp_path)
    assert len(dataset.lut("X")) == 2
    write(tmp_path, f"v2/{ATLASES}", text="index\tname\n1\tother\n")
    with pytest.warns(match="another of the same name"):
        dataset = find(tmp_path)
    with pytest.raises(LutError, match="Two look-up tables of atlas 'X' differ"):
        dataset.lut("X")


def test_region_counts_open_no_image(tmp_path, opened):
    write(tmp_path, DSEG)
    assert find(tmp_path).region_counts() == {"X": None}
    write(tmp_path, TEXT, text="1 a\n2 b\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert find(tmp_path).region_counts() == {"X": 2}
    assert opened.paths == []
