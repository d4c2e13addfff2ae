from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qsiparc.atlas as rooms
from qsiparc.atlas import (
    AtlasLUT,
    RegionInfo,
    load_lut_from_dseg,
    load_lut_from_json,
    load_lut_from_tsv,
    read_lut,
)
from qsiparc.errors import LutError, LutWarning

VIS = RegionInfo(7, "LH_Vis_1", "L")
MOT = RegionInfo(2, "RH_Mot_1", "R")
STEM = RegionInfo(40, "Brain-Stem", "bilateral")


@pytest.fixture
def lut():
    return AtlasLUT([VIS, MOT, STEM], "Tiny", extra=pd.DataFrame({"net": ["Vis", "n/a", ""]}))


def test_regions_keep_their_order_and_indices_are_sorted(lut):
    assert lut.regions == [VIS, MOT, STEM]
    assert list(lut) == [VIS, MOT, STEM]
    assert lut.indices == [2, 7, 40]
    assert (len(lut), lut.atlas_name, lut.extra_columns) == (3, "Tiny", ["net"])


def test_what_it_hands_out_is_not_itself(lut):
    lut.regions.clear()
    lut.indices.clear()
    table = lut.to_dataframe()
    table.loc[0, "net"] = "changed"
    assert len(lut.regions) == len(lut.indices) == 3
    assert lut.to_dataframe()["net"].tolist() == ["Vis", "n/a", ""]


def test_what_it_was_given_may_change_afterwards():
    regions, extra = [VIS], pd.DataFrame({"net": ["Vis"]})
    lut = AtlasLUT(regions, extra=extra)
    regions.append(MOT)
    extra.loc[0, "net"] = "changed"
    assert lut.regions == [VIS]
    assert lut.to_dataframe()["net"].tolist() == ["Vis"]


def test_regions_are_found_by_index(lut):
    assert lut[7] is lut[np.int64(7)] is VIS
    assert lut.get(2) is MOT
    assert lut.get(3) is None
    assert lut.get(3, VIS) is VIS
    assert 40 in lut
    assert 41 not in lut
    assert STEM in lut
    assert dataclasses.replace(STEM, name="x") not in lut
    assert "Brain-Stem" not in lut


def test_an_unknown_index_names_its_neighbours(lut):
    with pytest.raises(KeyError, match=r"'Tiny' has no region 8. Near it are 2, 7, 40."):
        lut[8]
    with pytest.raises(KeyError, match=r"has no region 'x'"):
        lut["x"]


def test_to_dataframe(lut):
    table = lut.to_dataframe()
    assert list(table) == ["region_index", "region_name", "hemisphere", "net"]
    assert table["region_index"].dtype == np.int64
    assert table.to_numpy().tolist() == [
        [7, "LH_Vis_1", "L", "Vis"],
        [2, "RH_Mot_1", "R", "n/a"],
        [40, "Brain-Stem", "bilateral", ""],
    ]


def test_regions_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        VIS.name = "other"


def test_equal_by_content(lut):
    twin = AtlasLUT(lut.regions, "Tiny", extra=lut.to_dataframe()[["net"]])
    assert lut == twin
    assert hash(lut) == hash(twin)
    assert lut != AtlasLUT(lut.regions, "Other", extra=lut.to_dataframe()[["net"]])
    assert lut != AtlasLUT(lut.regions, "Tiny")
    assert lut != AtlasLUT([MOT, VIS, STEM], "Tiny", extra=lut.to_dataframe()[["net"]])
    assert lut != "Tiny"


def test_copies_and_pickles_are_equal(lut):
    assert pickle.loads(pickle.dumps(lut)) == lut  # noqa: S301 - our own bytes
    assert copy.deepcopy(lut) == lut
    assert pickle.loads(pickle.dumps(lut))[7] == VIS  # noqa: S301 - our own bytes


def test_repr(lut):
    assert repr(lut).splitlines() == [
        "<AtlasLUT 'Tiny' of 3 regions: 1 L, 1 R, 1 bilateral>",
        "   7  LH_Vis_1    L",
        "   2  RH_Mot_1    R",
        "  40  Brain-Stem  bilateral",
        "  further columns: net",
    ]
    long = AtlasLUT([RegionInfo(i, f"r{i}", "L") for i in range(1, 8)])
    assert repr(long).splitlines()[0] == "<AtlasLUT of 7 regions: 7 L>"
    assert repr(long).splitlines()[-1] == "  ... and 2 more"
    other = AtlasLUT([RegionInfo(1, "a", "bilateral"), RegionInfo(2, "b", "L")])
    assert repr(other).splitlines()[0] == "<AtlasLUT of 2 regions: 1 L, 1 bilateral>"


def test_an_atlas_without_regions_is_allowed():
    empty = AtlasLUT([])
    assert (len(empty), empty.indices, repr(empty)) == (0, [], "<AtlasLUT of 0 regions>")
    assert list(empty.to_dataframe()) == ["region_index", "region_name", "hemisphere"]
    assert empty.to_dataframe()["region_index"].dtype == np.int64
    assert "0 regions" in empty._repr_html_()


def test_the_html_is_escaped():
    html = AtlasLUT([RegionInfo(1, "<script>", "L")], "<b>")._repr_html_()
    assert "&lt;script&gt;" in html
    assert "<script>" not in html
    assert "<b>" not in html


@pytest.mark.parametrize(
    ("regions", "message"),
    [
        ([VIS, dataclasses.replace(MOT, index=7)], r"index 7 comes twice.*LH_Vis_1.*RH_Mot_1"),
        ([VIS, VIS], r"index 7 comes twice"),
        ([RegionInfo(1, "", "L")], r"region 1 is named ''"),
        ([RegionInfo(1, None, "L")], r"region 1 is named None"),
        ([RegionInfo(1, float("nan"), "L")], r"region 1 is named nan"),
        ([RegionInfo(1.5, "a", "L")], r"'a' is 1.5. Expected an integer"),
        ([RegionInfo(True, "a", "L")], r"'a' is True. Expected an integer"),  # noqa: FBT003 - the point
        ([RegionInfo(2**63, "a", "L")], r"does not fit into 64 bits"),
    ],
)
def test_regions_that_cannot_be(regions, message):
    with pytest.raises(LutError, match=message):
        AtlasLUT(regions)


def test_extra_columns_that_do_not_fit():
    with pytest.raises(LutError, match=r"2 rows for 1 regions"):
        AtlasLUT([VIS], extra=pd.DataFrame({"a": ["x", "y"]}))
    with pytest.raises(LutError, match=r"has a column 'hemisphere'"):
        AtlasLUT([VIS], extra=pd.DataFrame({"hemisphere": ["L"]}))


def test_names_may_repeat():
    assert len(AtlasLUT([VIS, dataclasses.replace(VIS, index=8)])) == 2


def test_from_dataframe():
    df = pd.DataFrame({"Index": [0.0, 2.0, 1.0], "label": ["bg", "L_V1", "NA"], "n": [1, None, 2]})
    lut = AtlasLUT.from_dataframe(df, "Tiny")
    assert lut.regions == [RegionInfo(2, "L_V1", "L"), RegionInfo(1, "NA", "bilateral")]
    assert lut.to_dataframe()["n"].tolist() == ["", "2.0"]
    assert AtlasLUT.from_dataframe(df, background=None).indices == [0, 1, 2]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"index": [1, 1], "name": ["a", "b"]}, r"the table, iloc 1: the id 1 comes twice"),
        ({"index": [1, None], "name": ["a", "b"]}, r"the table, iloc 1: no id"),
        ({"index": [1, 2], "name": ["a", None]}, r"the table, iloc 1: the region has no name"),
        ({"index": [1, 2], "name": ["a", float("nan")]}, r"iloc 1: the region has no name"),
        ({"name": ["a", "b"]}, r"the table has no heading that names an id column"),
        ({"index": pd.array([1, None], "Int64"), "name": ["a", "b"]}, r"iloc 1: no id"),
        ({"index": [1], "name": pd.array([None], "string")}, r"iloc 0: the region has no name"),
        ({"index": np.float32([2**24]), "name": ["a"]}, r"'index' are floats, and some so large"),
        ({"index": [2.0**53], "name": ["a"]}, r"'index' are floats, and some so large"),
        ({"index": [1], "name": pd.Series(["a\ud800"], dtype=object)}, r"half a character"),
        ({"index": [1], "name": ["a\0"]}, r"half a character or a NUL"),
    ],
)
def test_tables_that_cannot_be(columns, message):
    with pytest.raises(LutError, match=message):
        AtlasLUT.from_dataframe(pd.DataFrame(columns))


def test_headings_of_a_table_become_text():
    df = pd.DataFrame({"index": [1], "name": ["a"], 7: ["x"]})
    assert AtlasLUT.from_dataframe(df).extra_columns == ["7"]


def test_the_html_shows_ten_regions():
    html = AtlasLUT([RegionInfo(i, f"r{i}", "L") for i in range(1, 12)])._repr_html_()
    assert "the first 10" in html
    assert "r10" in html
    assert "r11" not in html


@pytest.mark.parametrize("index", [np.float32(2**24 - 1), 2.0**53 - 1])
def test_ids_may_be_floats_that_hold_them(index):
    assert AtlasLUT.from_dataframe(pd.DataFrame({"index": [index], "name": "a"})).indices == [index]


def test_ids_may_be_the_index_of_a_table_and_names_bytes():
    df = pd.DataFrame({"name": [b"A", "\u00e9".encode()]}, index=pd.Index([4, 5], name="index"))
    assert [(r.index, r.name) for r in AtlasLUT.from_dataframe(df)] == [(4, "A"), (5, "é")]


@pytest.mark.parametrize("table", [{1: "a"}, ["a"], None])
def test_what_is_no_table(table):
    with pytest.raises(TypeError, match="from_dataframe takes a DataFrame, not "):
        AtlasLUT.from_dataframe(table)


def test_what_is_no_region():
    with pytest.raises(TypeError, match=r"made of RegionInfo\(.*\), not of tuple"):
        AtlasLUT([(1, "A", "L")])
    for hemisphere in ("X", None, "left"):
        with pytest.raises(LutError, match="The region 1, 'A', has the hemisphere"):
            AtlasLUT([RegionInfo(1, "A", hemisphere)])
    with pytest.raises(LutError, match="The region 1 is named '  '"):
        AtlasLUT([RegionInfo(1, "  ", "L")])


def test_a_table_with_one_heading_twice():
    df = pd.DataFrame([[1, "a", "b"]], columns=["index", "name", "name"])
    with pytest.raises(LutError, match=r"headed 'name'"):
        AtlasLUT.from_dataframe(df)


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
luts = st.builds(
    lambda ids, data: AtlasLUT(
        [RegionInfo(i, data[n][0], data[n][1]) for n, i in enumerate(ids)],
        "any",
        extra=pd.DataFrame({"x": [data[n][2] for n in range(len(ids))]}, dtype=str),
    ),
    st.lists(st.integers(-(2**63), 2**63 - 1), unique=True, max_size=6),
    st.lists(
        st.tuples(
            texts.filter(lambda s: s.strip() == s != ""),
            st.sampled_from(["L", "R", "bilateral"]),
            texts,
        ),
        min_size=6,
        max_size=6,
    ),
)


@given(luts)
def test_to_dataframe_and_back(lut):
    assert AtlasLUT.from_dataframe(lut.to_dataframe(), "any", background=None) == lut


@given(luts.filter(len))
def test_text_file_and_back(tmp_path_factory, lut):
    path = tmp_path_factory.mktemp("lut") / "lut.csv"
    lut.to_dataframe().to_csv(path, index=False)
    assert read_lut(path, atlas_name="any", background=None) == lut


@pytest.mark.parametrize(
    ("name", "atlas"),
    [
        ("atlas-4S156Parcels_dseg.tsv", "4S156Parcels"),
        ("sub-1_space-ACPC_seg-Brainnetome246Ext_dseg.txt", "Brainnetome246Ext"),
        ("tpl-X_atlas-Schaefer2018_seg-7n_dseg.tsv", "Schaefer2018"),
        ("JHU.csv", ""),
    ],
)
def test_the_atlas_is_named_after_the_file(tmp_path, name, atlas):
    path = tmp_path / name
    path.write_text("index\tname\n1\ta\n")
    assert read_lut(path).atlas_name == atlas
    assert read_lut(str(path), atlas_name="mine").atlas_name == "mine"
    assert load_lut_from_tsv(path).atlas_name == atlas
    assert load_lut_from_tsv(path, "mine").atlas_name == "mine"


def test_the_documented_readers_are_read_lut(tmp_path):
    path = tmp_path / "lut.json"
    path.write_text('{"0": "bg", "1": "L_V1"}')
    assert load_lut_from_json(path, "a") == load_lut_from_tsv(str(path), "a")
    assert load_lut_from_json(path)[1] == RegionInfo(1, "L_V1", "L")


def test_a_lut_from_the_labels_alone():
    pytest.importorskip("qsiparc.parcellation")
    import nibabel as nib

    labels = np.array([[[0, 3], [12, 3]]], dtype=np.int16)
    image = nib.Nifti1Image(labels, np.eye(4))
    with pytest.warns(LutWarning, match=r"the 2 regions of the label image") as caught:
        lut = load_lut_from_dseg(image, "Tiny")
    assert caught[0].filename == __file__
    assert lut.regions == [
        RegionInfo(3, "region_0003", "bilateral"),
        RegionInfo(12, "region_0012", "bilateral"),
    ]
    assert lut.atlas_name == "Tiny"


def test_a_lut_from_the_labels_of_a_file(tmp_path):
    pytest.importorskip("qsiparc.parcellation")
    import nibabel as nib

    path = tmp_path / "sub-1_seg-Tiny_dseg.nii.gz"
    nib.Nifti1Image(np.array([[[0, 3]]], dtype=np.int16), np.eye(4)).to_filename(path)
    with pytest.warns(LutWarning, match=r"1 regions of .*seg-Tiny_dseg.nii.gz"):
        lut = load_lut_from_dseg(path)
    assert (lut.atlas_name, lut.indices) == ("Tiny", [3])


def test_every_public_name_is_there():
    assert all(hasattr(rooms, name) for name in rooms.__all__)
    assert rooms.__all__ == sorted(rooms.__all__)


def test_reading_labels_imports_nothing_heavy():
    code = (
        "import sys, pandas, xarray\n"
        "before = set(sys.modules)\n"
        "import qsiparc.atlas\n"
        "heavy = {'nibabel', 'scipy', 'dask', 'matplotlib', 'zarr'}\n"
        "print(sorted(heavy & (set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


REAL = {
    "lut_samples/AtlasPack-0.1.0__atlas-4S156Parcels_dseg.tsv": (73, 73, 10),
    "lut_samples/Tian2020__Schaefer2018_100Parcels_7Networks_order_Tian_Subcortex_S1_label_HEAD.txt":
        (10, 9, 0),
    "lut_samples/headerless__seg-4S156Parcels_dseg.txt": (73, 73, 10),
    "lut_samples/mrtrix3__labelconvert_fs_default.txt": (42, 42, 0),
    "lut_samples/scilpy__freesurfer_subcortical.json": (15, 15, 12),
    "lut_samples/templateflow__tpl-MNI152NLin2009cAsym_desc-carpet_dseg_HEAD.tsv": (11, 7, 2),
    "lut_samples/xcp_d-0.10.0__atlas-Tian_dseg.tsv": (25, 25, 0),
    "real/JHU.csv": (21, 21, 6),
}  # fmt: skip
"""Regions on the left, on the right, and on neither side, counted by hand."""


@pytest.mark.realdata
@pytest.mark.parametrize(("name", "counts"), REAL.items(), ids=REAL.keys())
def test_real_label_files(shared_data, name, counts):
    sides = Counter(region.hemisphere for region in read_lut(shared_data / name))
    assert (sides["L"], sides["R"], sides["bilateral"]) == counts


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("AtlasPack-0.1.0__atlas-4S156Parcels_dseg.json", r"BIDS sidecar.*4S156Parcels_dseg.tsv"),
        ("scilpy__dk_aggregate_structures.json", r"groups of regions.*csf_labels"),
    ],
)
def test_real_files_that_are_no_look_up_tables(shared_data, name, message):
    with pytest.raises(LutError, match=message):
        load_lut_from_json(shared_data / "lut_samples" / name)


@pytest.mark.realdata
def test_two_releases_of_one_atlas_agree(shared_data):
    table = read_lut(shared_data / "lut_samples/AtlasPack-0.1.0__atlas-4S156Parcels_dseg.tsv")
    bare = read_lut(shared_data / "lut_samples/headerless__seg-4S156Parcels_dseg.txt")
    assert table.regions == bare.regions
    assert table.extra_columns == [
        "network_label", "label_7network", "index_17network", "label_17network",
        "network_label_17network", "atlas_name", "network_id",
    ]  # fmt: skip
    row = table.to_dataframe().set_index("region_index").loc[1]
    assert (row["index_17network"], row["network_id"]) == ("49.0", "n/a")
