from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from test_cube import LABELS, LUT, make

import qsiparc
from qsiparc.atlas import AtlasLUT, RegionInfo
from qsiparc.cube import text
from qsiparc.errors import CubeError, QsiparcWarning
from qsiparc.extract import OUTPUT_COLUMNS


@pytest.fixture
def cohort():
    return xr.concat(
        [make("sub-1_ses-a"), make("sub-1_ses-b", 2), make("sub-2_ses-a", 3)], "subject"
    )


class TestToLong:
    def test_columns_in_the_documented_order(self, cohort):
        frame = cohort.parc.to_long()
        assert list(frame.columns) == ["subject", "session", "atlas", *OUTPUT_COLUMNS, "units"]
        assert len(frame) == 4 * 2 * 3

    def test_what_the_cube_does_not_know_is_no_column(self):
        cube = make(None).assign_attrs(atlas="").drop_vars("units")
        assert list(cube.parc.to_long().columns) == OUTPUT_COLUMNS

    def test_rows_hold_what_they_say(self, cohort):
        frame = cohort.parc.to_long()
        row = frame.iloc[4 * 2 + 4 + 1]
        assert row[["subject", "session", "atlas"]].tolist() == ["sub-1", "ses-b", "Four"]
        assert row[["region_index", "region_name", "hemisphere"]].tolist() == [2, "RH_Vis_1", "R"]
        assert row["scalar"] == "MD"
        assert row["mean"] == pytest.approx(9.5 * 2e-3, rel=1e-6)
        assert row["n_voxels"] == 6

    def test_every_row_is_the_cube_s_value(self, cohort):
        for row in cohort.parc.to_long().itertuples():
            at = {
                "region": row.region_index,
                "scalar": row.scalar,
                "subject": f"{row.subject}_{row.session}",
            }
            for stat in OUTPUT_COLUMNS[4:]:
                assert getattr(row, stat) == cohort.value.sel(at).sel(stat=stat).item()

    def test_counts_are_whole_numbers(self, cohort):
        assert cohort.parc.to_long()["n_voxels"].dtype == np.int64

    def test_a_computed_count_keeps_its_fraction(self, cohort):
        half = cohort.assign(value=cohort.value / 4)
        assert half.parc.to_long()["n_voxels"].tolist() == [1.5] * 24

    def test_further_columns_of_the_lut_follow(self):
        frame = LUT.to_dataframe().assign(network=["Vis", "Vis", "", "n/a"])
        table = make(lut=frame).parc.to_long()
        assert table.columns[-1] == "network"
        assert table["network"].tolist()[:4] == ["Vis", "Vis", "", "n/a"]

    def test_selected_cubes(self, cohort):
        frame = cohort.parc.sel(stat="mean", scalar="FA", region=1).parc.to_long()
        assert frame["mean"].tolist() == pytest.approx([3.5, 7, 10.5])
        assert frame["median"].isna().all()

    def test_volumes_are_a_column(self):
        data = np.stack([LABELS, LABELS + 10], axis=-1).astype(np.float32)
        maps = qsiparc.open_nifti(nib.Nifti1Image(data, np.eye(4)))
        cube = maps.parc.extract(nib.Nifti1Image(LABELS, np.eye(4)), LUT)
        frame = cube.parc.to_long()
        assert frame["volume"].tolist() == [0] * 4 + [1] * 4
        assert frame["mean"].tolist() == [1, 2, 3, 4, 11, 12, 13, 14]
        xr.testing.assert_identical(qsiparc.from_long(frame), cube)

    def test_a_tree_is_one_table(self):
        tree = xr.DataTree.from_dict({"A": make(), "B": make(lut=AtlasLUT(LUT.regions))})
        frame = tree.parc.to_long()
        assert frame["atlas"].tolist() == ["Four"] * 8 + ["B"] * 8

    def test_a_tree_of_two_kinds_is_written_and_taken_apart(self, tmp_path):
        other = make(lut=AtlasLUT(LUT.regions, "Other"), stats=["mean", "percentile_90"])
        tree = xr.DataTree.from_dict({"Four": make(), "Other": other})
        path = tree.parc.to_tsv(tmp_path / "t.tsv")
        sidecar = json.loads(path.with_suffix(".json").read_text())
        assert sidecar["statistics"][-1] == "percentile_90"
        assert set(sidecar["files"]) == {"Four", "Other"}
        frame = tree.parc.to_long()
        back = qsiparc.from_long(frame[frame["atlas"] == "Other"], stats=["mean", "percentile_90"])
        np.testing.assert_array_equal(back.value, other.value)
        assert back.attrs["atlas"] == "Other"

    def test_two_scans_of_one_name_are_refused(self):
        twice = xr.concat([make("sub-1"), make("sub-1")], "subject")
        with pytest.raises(CubeError, match=r"stand twice on subject.*'sub-1', 'sub-1'"):
            twice.parc.to_long()

    def test_what_is_no_cube(self):
        with pytest.raises(CubeError, match="no cube"):
            xr.Dataset({"x": 1}).parc.to_long()


class TestFromLong:
    def test_inverts(self, cohort):
        xr.testing.assert_identical(qsiparc.from_long(cohort.parc.to_long()), cohort)

    @pytest.mark.parametrize("stats", ["core", ["iqr"], ["n_voxels", "mean"]])
    def test_inverts_other_statistics(self, stats):
        cube = make(stats=stats)
        xr.testing.assert_identical(qsiparc.from_long(cube.parc.to_long()), cube)

    @pytest.mark.parametrize(
        "subject", [None, "sub-1", "sub-1_ses-2", "sub-1_ses-2_run-1", "sub-1_run-2", "patient A"]
    )
    def test_inverts_whoever_it_was(self, subject):
        cube = make(subject)
        xr.testing.assert_identical(qsiparc.from_long(cube.parc.to_long()), cube)

    def test_inverts_the_files_too(self, cohort):
        files = [["a", "b", "c"], ["d", "e", "f"]]
        cube = cohort.assign_coords(map_file=(("scalar", "subject"), text(files)))
        xr.testing.assert_identical(qsiparc.from_long(cube.parc.to_long()), cube)
        one = cube.parc.sel(scalar="MD", subject="sub-2_ses-a")
        assert qsiparc.from_long(one.parc.to_long()).map_file.item() == "f"

    def test_shuffled_rows_never_mislabel(self, cohort):
        frame = cohort.parc.to_long().sample(frac=1, random_state=3)
        back = qsiparc.from_long(frame)
        assert back.region.to_numpy().tolist() != cohort.region.to_numpy().tolist()
        xr.testing.assert_identical(back.reindex_like(cohort), cohort)

    def test_a_row_twice(self, cohort):
        frame = cohort.parc.to_long()
        with pytest.raises(CubeError, match=r"1 rows stand twice, for one .*LH|1 rows stand twice"):
            qsiparc.from_long(pd.concat([frame, frame.iloc[[5]]]))

    def test_a_row_missing(self, cohort):
        frame = cohort.parc.to_long()
        with pytest.warns(QsiparcWarning, match=r"1 of 24 combinations"):
            back = qsiparc.from_long(frame.drop(index=5))
        row = frame.loc[5]
        at = {"region": row.region_index, "scalar": row.scalar, "subject": "sub-1_ses-a"}
        assert np.isnan(back.value.sel(at)).all()
        assert np.isnan(back.value.sel(stat="mean")).sum() == 1

    def test_a_column_missing(self, cohort):
        with pytest.raises(CubeError, match=r"\['hemisphere'\] are missing"):
            qsiparc.from_long(cohort.parc.to_long().drop(columns="hemisphere"))

    def test_two_names_for_one_region(self, cohort):
        frame = cohort.parc.to_long()
        frame.loc[9, "region_name"] = "Other"
        with pytest.raises(CubeError, match="two values of 'region_name'"):
            qsiparc.from_long(frame)

    def test_two_atlases(self, cohort):
        frame = cohort.parc.to_long()
        frame.loc[9, "atlas"] = "Other"
        with pytest.raises(CubeError, match="one atlas"):
            qsiparc.from_long(frame)

    def test_a_missing_key(self, cohort):
        frame = cohort.parc.to_long()
        frame["region_index"] = frame["region_index"].astype(float)
        frame.loc[3, "region_index"] = np.nan
        with pytest.raises(CubeError, match="'region_index' has missing values"):
            qsiparc.from_long(frame)

    def test_columns_of_one_s_own(self, cohort):
        frame = pd.DataFrame(cohort.parc.to_long()).assign(p99=1.5)
        frame.attrs = {}
        assert qsiparc.from_long(frame).stat.to_numpy().tolist()[-1] == "p99"
        assert qsiparc.from_long(frame, stats=["mean", "p99"]).sizes["stat"] == 2


DAMAGED = {
    "labels as unsigned integers": (
        {"region_index": np.uint64(2**63 + 1)},
        r"'region_index' holds whole numbers, .* here 9223372036854775809",
    ),
    "labels as small floats": ({"region_index": np.float32(2**24 + 1)}, r"here 16777216"),
    "labels as dates": ({"region_index": pd.Timestamp("2020")}, "holds whole numbers"),
    "labels as lists": ({"region_index": [[1]]}, r"here \[1\]"),
    "complex numbers": ({"mean": 1 + 2j}, "'mean' is a statistic and holds .*1\\+2j"),
    "dates": ({"mean": pd.Timestamp("2020")}, "'mean' is a statistic and holds"),
    "a decimal comma": ({"mean": "0,5"}, "'mean' is a statistic and holds .*'0,5'"),
    "underscores": ({"mean": "1_0"}, "'mean' is a statistic and holds"),
    "digits of another script": ({"mean": "٣"}, "'mean' is a statistic and holds"),
    "a column called as a dim": ({"region": "x"}, "'region' .* a cube needs that name"),
    "a column called as a coordinate": ({"map_file": "x"}, "'map_file' .* a cube needs that name"),
}


@pytest.mark.parametrize(("change", "message"), DAMAGED.values(), ids=DAMAGED.keys())
def test_a_long_table_that_cannot_be_right(change, message):
    frame = make().parc.to_long()
    (name, value) = next(iter(change.items()))
    values = value * len(frame) if isinstance(value, list) else [value] * len(frame)
    with pytest.raises(CubeError, match=message):
        qsiparc.from_long(frame.assign(**{name: pd.Series(values, frame.index)}))


def test_whose_rows_these_are_is_never_made_up():
    frame = make("sub-1").parc.to_long()
    with pytest.raises(CubeError, match="'subject' has missing values, in row 0"):
        qsiparc.from_long(frame.assign(subject=[np.nan, *frame["subject"][1:]]))
    alone = qsiparc.from_long(frame.assign(session=np.nan, atlas=np.nan))
    assert alone.subject.item() == "sub-1"
    assert alone.session_id.item() == ""
    assert alone.attrs["atlas"] == "Four"
    assert qsiparc.from_long(frame.assign(subject=np.nan)).subject.item() == "unknown"


def test_statistics_that_are_named_wrongly():
    frame = make().parc.to_long()
    assert qsiparc.from_long(frame, stats="mean").stat.to_numpy().tolist() == ["mean"]
    for stats, message in (
        (["meen"], r"no statistic 'meen'. Near: mean, "),
        (["scalar"], "no statistic 'scalar'"),
        (["mean", "mean"], "name one twice"),
    ):
        with pytest.raises(CubeError, match=message):
            qsiparc.from_long(frame, stats=stats)
    assert "mean" not in qsiparc.from_long(frame.drop(columns="mean")).stat.to_numpy()
    with pytest.raises(CubeError, match="has no statistic among its columns"):
        qsiparc.from_long(frame[["region_index", "region_name", "hemisphere", "scalar"]])


def test_headings_that_are_numbers_are_text():
    frame = make().parc.to_long().assign(net="x").rename(columns={"net": 5})
    assert set(qsiparc.from_long(frame)["5"].to_numpy()) == {"x"}


NAMES = AtlasLUT(
    [RegionInfo(n, name, "L") for n, name in enumerate(["NA", "007", "n/a", 'A\n"B'], 1)],
    "Four",
    extra=pd.DataFrame({"code": ["1.5", "2.0", "007", ""], "note": ["n/a", "", "NA", "nan"]}),
)


class TestTSV:
    def test_its_path_makes_the_cube_again(self, tmp_path):
        """Also what pandas would take for missing, for numbers, or for a statistic."""
        cube = make("sub-1", lut=NAMES)
        path = cube.parc.to_tsv(tmp_path / "t.tsv")
        assert qsiparc.from_long(path).identical(cube)
        assert qsiparc.from_long(str(path), stats=["mean"]).stat.to_numpy().tolist() == ["mean"]

    def test_what_pandas_reads_itself_is_doubted(self, tmp_path):
        path = make("sub-1", lut=NAMES).parc.to_tsv(tmp_path / "t.tsv")
        with pytest.warns(QsiparcWarning, match=r"'region_name' holds missing names.*from_long\("):
            qsiparc.from_long(pd.read_csv(path, sep="\t"))
        frame = make().parc.to_long()
        with pytest.warns(QsiparcWarning, match=r"'region_name' holds numbers, .*007 for 7"):
            qsiparc.from_long(frame.assign(region_name=frame["region_index"] * 1.0))

    def test_without_a_sidecar_it_says_so(self, tmp_path):
        cube = make("sub-1", stats=["mean", "percentile_90"])
        path = cube.parc.to_tsv(tmp_path / "t.tsv")
        for content in (None, "{", "[]", '{"statistics": 3}', '{"statistics": [], "files": []}'):
            beside = path.with_suffix(".json")
            beside.unlink(missing_ok=True)
            if content is not None:
                beside.write_text(content)
            with pytest.warns(QsiparcWarning, match=r"t\.json, the sidecar, does not say which"):
                again = qsiparc.from_long(path)
            value = again.value.sel(stat=["mean", "percentile_90"])
            np.testing.assert_array_equal(value, cube.value)

    def test_a_sidecar_of_another_cube(self, tmp_path):
        path = make(stats=["iqr"]).parc.to_tsv(tmp_path / "t.tsv")
        make(stats=["percentile_90"]).parc.to_tsv(tmp_path / "u.tsv")
        (tmp_path / "u.json").replace(tmp_path / "t.json")
        with pytest.raises(CubeError, match=r"t\.json names the statistic 'percentile_90'"):
            qsiparc.from_long(path)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("", "is empty"),
            ('a\tb\n1\t"2\n', "line 2: this is no row of a table"),
            ("a\tb\n1\n", "line 2: 1 cells under 2 headings"),
            ("a\n1\t2\n", "line 2: 2 cells under 1 headings"),
            ("region_index\tregion_name\themisphere\tscalar\n", "no rows"),
            ("a\tb\n1\t2\n", "no long table"),
            (b"a\xff\tb\n", "is not in UTF-8"),
            ("a\ta\n1\t2\n", "two columns of one name, 'a'"),
            ("a\tb\n1\t2\0\n", "line 2: there is a zero byte"),
            ("<!doctype html>", "no long table"),
        ],
    )
    @pytest.mark.filterwarnings("ignore:.*the sidecar")
    def test_what_is_no_long_table(self, content, message, tmp_path):
        path = tmp_path / "t.tsv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        with pytest.raises(CubeError, match=rf"t\.tsv.*{message}"):
            qsiparc.from_long(path)

    def test_every_digit_survives(self, cohort, tmp_path):
        path = cohort.parc.to_tsv(tmp_path / "sub-1_diffmap.tsv")
        back = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
        frame = cohort.parc.to_long()
        assert list(back.columns) == list(frame.columns)
        for name in OUTPUT_COLUMNS[4:]:
            numbers = back[name].str.replace("n/a", "nan").map(float)
            np.testing.assert_array_equal(numbers, frame[name])

    def test_the_sidecar_says_how_it_was_made(self, cohort, tmp_path):
        path = cohort.parc.to_tsv(tmp_path / "t.tsv")
        sidecar = json.loads(path.with_suffix(".json").read_text())
        assert sidecar["atlas"] == "Four"
        assert sidecar["files"]["sub-1_ses-b"] == {
            "map_file": {"FA": "", "MD": ""},
            "dseg_file": "",
        }
        assert sorted(p.name for p in tmp_path.iterdir()) == ["t.json", "t.tsv"]

    def test_another_suffix(self, cohort, tmp_path):
        with pytest.raises(CubeError, match=r"\.tsv"):
            cohort.parc.to_tsv(tmp_path / "t.csv")


@given(
    st.lists(st.floats(), min_size=8, max_size=8),
    st.permutations(range(4)),
)
def test_long_tables_hold_any_number_bit_for_bit(numbers, order):
    cube = make(stats=["mean"])
    cube = cube.copy(data={"value": np.reshape(numbers, cube.value.shape)})
    back = qsiparc.from_long(cube.parc.to_long().iloc[[*order, 4, 5, 6, 7]])
    xr.testing.assert_identical(back.reindex_like(cube), cube)
