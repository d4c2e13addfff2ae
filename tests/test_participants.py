"""Phenotypes find their scans by id, and what finds nothing is named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from made_study import cube

import qsiparc
from qsiparc.errors import CubeError, QsiparcWarning

TEXT = np.dtypes.StringDType()
SCANS = ("sub-01_ses-a", "sub-01_ses-b", "sub-02_ses-a", "sub-7")


@pytest.fixture
def study():
    return xr.concat([cube(scan) for scan in SCANS], "subject")


def write(path, *rows):
    path.write_text("\n".join("\t".join(row) for row in rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def table(tmp_path):
    return write(
        tmp_path / "participants.tsv",
        ("participant_id", "age", "group", "site"),
        ("sub-02", "31", "patient", "007"),
        ("7", "n/a", "n/a", "008"),
        ("sub-01", "64.5", "control", "n/a"),
    )


def test_a_row_is_of_all_sessions_of_its_participant(study, table):
    joined = study.parc.join_participants(table)
    np.testing.assert_array_equal(joined["age"], [64.5, 64.5, 31, np.nan])
    assert joined["age"].dtype == np.float64
    assert joined["group"].to_numpy().tolist() == ["control", "control", "patient", ""]
    assert joined["group"].dtype == TEXT
    assert joined["site"].to_numpy().tolist() == ["", "", "007", "008"]
    assert joined["age"].dims == ("subject",)
    xr.testing.assert_identical(joined.drop_vars(["age", "group", "site"]), study)


def test_a_row_with_a_session_is_of_that_one(study, tmp_path):
    path = write(
        tmp_path / "p.tsv",
        ("participant_id", "session_id", "age"),
        ("01", "b", "65"),
        ("sub-01", "ses-a", "64"),
        ("sub-02", "a", "31"),
        ("7", "n/a", "8"),
    )
    assert study.parc.join_participants(path)["age"].to_numpy().tolist() == [64, 65, 31, 8]


def test_every_cube_of_a_tree_has_them_and_the_warning_comes_once(study, table):
    tree = xr.DataTree.from_dict({"A": study, "B": study.isel(subject=[3, 0])})
    with pytest.warns(QsiparcWarning) as caught:
        joined = tree.parc.join_participants(
            pd.DataFrame({"participant_id": ["sub-01", "02", "x"], "age": [64, 31, 5]})
        )
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert "scans of the cube have no row: sub-7. 1 rows are of no scan" in str(caught[0].message)
    assert "sub-x" in str(caught[0].message)
    np.testing.assert_array_equal(joined["B"]["age"], [np.nan, 64])
    np.testing.assert_array_equal(joined["A"]["age"], [64, 64, 31, np.nan])
    assert tree.parc.join_participants(table)["B"]["site"].to_numpy().tolist() == ["008", ""]


def test_they_survive_saving_and_select(study, table, tmp_path):
    joined = study.parc.join_participants(table)
    path = joined.parc.save(tmp_path / "cube.zarr")
    xr.testing.assert_identical(qsiparc.open(path).load(), joined)
    patients = joined.parc.sel(where={"group": "patient"})
    assert patients["subject"].to_numpy().tolist() == ["sub-02_ses-a"]
    assert joined.groupby("group").mean().sizes["group"] == 3


def test_one_scan_that_was_selected_has_them_too(study, table):
    with pytest.warns(QsiparcWarning, match="2 rows are of no scan"):
        one = study.parc.sel(subject="sub-02_ses-a").parc.join_participants(table)
    assert one["age"].item() == 31
    assert one["group"].item() == "patient"


def test_columns_may_be_chosen_and_joined_again(study, table):
    joined = study.parc.join_participants(table, columns=["age"])
    assert "group" not in joined.coords
    older = pd.read_csv(table, sep="\t", dtype=str).assign(age=["32", "9", "65"])
    again = joined.parc.join_participants(older, columns=["age"])
    assert again["age"].to_numpy().tolist() == [65, 65, 32, 9]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "2.5", "-3e2"], [1.0, 2.5, -300.0]),
        (["1", "NaN", "n/a"], [1.0, np.nan, np.nan]),
        (["0", "0.5", ".5"], [0.0, 0.5, 0.5]),
        (["01", "2", "3"], ["01", "2", "3"]),
        (["1", "two", "3"], ["1", "two", "3"]),
        (["9007199254740993", "1", "2"], ["9007199254740993", "1", "2"]),
        (["n/a", "", "N/A"], ["", "", ""]),
        (["NA", "EU", "EU"], ["NA", "EU", "EU"]),
        (["inf", "1", "2"], ["inf", "1", "2"]),
    ],
)
def test_what_is_a_number_and_what_a_name(study, tmp_path, cells, expected):
    rows = zip(("sub-01", "sub-02", "sub-7"), cells, strict=True)
    path = write(tmp_path / "p.tsv", ("participant_id", "x"), *rows)
    found = study.isel(subject=[0, 2, 3]).parc.join_participants(path)["x"]
    np.testing.assert_array_equal(found, expected)
    assert (found.dtype == TEXT) == isinstance(expected[0], str)


def test_a_frame_may_have_types(study):
    frame = pd.DataFrame(
        {
            "participant_id": ["01", "02", "7"],
            "age": pd.array([64, None, 8], dtype="Int64"),
            "code": ["1", "n/a", "3"],
            "day": pd.to_datetime(["2024-01-02", None, "2024-03-04"]),
            "left": [True, False, True],
            "group": pd.Categorical(["a", None, "b"]),
        }
    )
    one = study.isel(subject=[0, 2, 3]).parc.join_participants(frame)
    np.testing.assert_array_equal(one["age"], [64, np.nan, 8])
    np.testing.assert_array_equal(one["code"], [1, np.nan, 3])
    assert one["day"].to_numpy().tolist() == ["2024-01-02 00:00:00", "", "2024-03-04 00:00:00"]
    assert one["left"].to_numpy().tolist() == [1, 0, 1]
    assert one["group"].to_numpy().tolist() == ["a", "", "b"]


class TestErrors:
    def test_two_rows_of_one_participant(self, study, tmp_path):
        rows = [("participant_id", "age"), ("sub-01", "1"), ("sub-02", "2"), ("01", "3")]
        with pytest.raises(CubeError, match=r"more than one row of sub-01\. One row a participant"):
            study.parc.join_participants(write(tmp_path / "p.tsv", *rows))

    def test_no_id(self, study, tmp_path):
        path = write(tmp_path / "p.tsv", ("id", "age"), ("sub-01", "1"))
        with pytest.raises(CubeError, match=r"p\.tsv has no column 'participant_id'.*id, age"):
            study.parc.join_participants(path)

    def test_nothing_matches(self, study):
        frame = pd.DataFrame({"participant_id": [1, 2], "age": [3, 4]})
        said = r"No row of The table.*sub-1, sub-2; the cube has sub-01_ses-a.*dtype=str"
        with pytest.raises(CubeError, match=said):
            study.parc.join_participants(frame)

    def test_a_column_that_is_not_there(self, study, table):
        with pytest.raises(CubeError, match=r"no column 'agee'\. Near: age"):
            study.parc.join_participants(table, columns=["agee"])

    @pytest.mark.parametrize("name", ["mean", "hemisphere", "software", "status", "region"])
    def test_a_name_that_the_cube_needs(self, study, name):
        frame = pd.DataFrame({"participant_id": ["01"], name: [3], "age": [4]})
        with pytest.raises(CubeError, match=f"has a '{name}' of its own.*columns=\\['age'\\]"):
            study.parc.join_participants(frame)

    def test_a_cube_without_subjects(self, study, table):
        with pytest.raises(CubeError, match="no coordinate 'subject'"):
            study.mean("subject").parc.join_participants(table)

    def test_a_table_in_memory(self, study):
        ids = ["sub-01", "sub-02", "sub-7"]
        frame = pd.DataFrame({"x": [2**53 + 1, 2, 3]}, index=pd.Index(ids, name="participant_id"))
        joined = study.parc.join_participants(frame)
        assert joined["x"].to_numpy().tolist() == ["9007199254740993", "9007199254740993", "2", "3"]
        with pytest.raises(CubeError, match="The table has two columns called 'x'"):
            study.parc.join_participants(pd.concat([frame, frame], axis=1).reset_index())
        with pytest.raises(TypeError, match="the path of a table or a DataFrame, not dict"):
            study.parc.join_participants({"participant_id": ids})

    def test_files_that_are_no_table(self, study, tmp_path):
        with pytest.raises(FileNotFoundError, match="no such table"):
            study.parc.join_participants(tmp_path / "p.tsv")
        for name, content, said in (
            ("p.xlsx", b"PK", "ends in .tsv"),
            ("a.tsv", "participant_id\tä".encode("utf-16"), "not in UTF-8"),
            ("b.tsv", b"\n", "is empty"),
            ("e.tsv", b"participant_id\tx\n01\tA\0\n", "line 2: there is a zero byte"),
            ("f.tsv", b'participant_id\tx\n01\t"A\n02\tB\n', "line 3: this is no row"),
            ("g.tsv", b"participant_id\tx\n01\t" + b"A" * 200_000, "line 2: this is no row"),
            ("h.tsv", b"participant_id\tx\n", "has a header and no rows"),
            ("i.tsv", b"participant_id\tregion\n01\t1\n", "the cube has a 'region' of its own"),
            ("c.tsv", b"participant_id\tx\n01\t1\n\n02\t1\t2\n", "line 4: 3 cells under 2 head"),
            ("d.csv", b"participant_id,x,x\n01,1,1\n", "two columns of one name"),
        ):
            path = tmp_path / name
            path.write_bytes(content)
            with pytest.raises(CubeError, match=said):
                study.parc.join_participants(path)

    @pytest.mark.parametrize("end", ["\r\n", "\r", "\n\n"])
    def test_a_byte_order_mark_and_other_line_ends_are_fine(self, study, tmp_path, end):
        path = tmp_path / "p.tsv"
        text = end.join(["participant_id\tage", "sub-01\t1", "sub-02\t2", "sub-7\t3", ""])
        path.write_bytes(b"\xef\xbb\xbf" + text.encode())
        joined = study.parc.join_participants(path)
        assert joined["age"].to_numpy().tolist() == [1, 1, 2, 3]
