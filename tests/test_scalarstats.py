from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from phantoms import image, volume

import qsiparc
from qsiparc.errors import CubeError, LutError, LutWarning, QsiparcWarning

LUT = pd.DataFrame(
    {
        "index": [3, 5, 9],
        "label": ["LH_Vis_1", "RH_Vis_1", "NA"],
        "network_label": ["Vis", "Vis", "n/a"],
    }
)
NODES = LUT["label"].tolist()


def table(maps=("fa", "md"), nodes=NODES, *, suffix="DSIStudio", start=1.0):
    """A table in the format of QSIRecon's ParcellateScalars, every number another one."""
    rows = []
    number = start
    for node in nodes:
        for scalar in maps:
            rows.append([node, scalar, suffix, number, number / 10, number / 3])
            number += 1
        rows.append([node, "coverage", suffix, number / 100, np.nan, np.nan])
    return pd.DataFrame(
        rows, columns=["node", "scalar", "qsirecon_suffix", "mean", "stdev", "median"]
    )


def write(folder, frame, *, sub="01", ses="", suffix="DSIStudio", atlas="seg-Tiny"):
    inside = folder / f"derivatives/qsirecon-{suffix}/sub-{sub}/dwi"
    inside.mkdir(parents=True, exist_ok=True)
    scan = f"sub-{sub}" + (f"_ses-{ses}" if ses else "")
    path = inside / f"{scan}_space-ACPC_{atlas}_scalarstats.tsv"
    frame.to_csv(path, sep="\t", index=False, na_rep="n/a")
    return path


@pytest.fixture
def path(tmp_path):
    return write(tmp_path, table())


class TestOneTable:
    def test_it_is_a_cube_by_label(self, path):
        cube = qsiparc.read_scalarstats(path, LUT)
        assert cube.value.dims == ("region", "stat", "scalar", "subject")
        assert cube.region.to_numpy().tolist() == [3, 5, 9]
        assert cube.region_name.to_numpy().tolist() == NODES
        assert cube.hemisphere.to_numpy().tolist() == ["L", "R", "bilateral"]
        assert cube.network_label.to_numpy().tolist() == ["Vis", "Vis", "n/a"]
        assert cube.stat.to_numpy().tolist() == ["mean", "std", "median", "mask_coverage"]
        assert cube.scalar.to_numpy().tolist() == ["fa", "md"]
        assert cube.software.to_numpy().tolist() == ["DSIStudio"] * 2
        assert cube.param.to_numpy().tolist() == ["fa", "md"]
        assert cube.subject.to_numpy().tolist() == ["sub-01"]
        assert cube.attrs["atlas"] == "Tiny"
        assert cube.attrs["source"] == path.name

    def test_every_number_is_where_it_belongs(self, path):
        cube = qsiparc.read_scalarstats(path, LUT)
        for row in table().query("scalar != 'coverage'").itertuples():
            at = cube.parc.sel(region_name=row.node, scalar=row.scalar)
            assert at.parc.sel(stat="mean").value.item() == row.mean
            assert at.parc.sel(stat="std").value.item() == row.stdev
            assert at.parc.sel(stat="median").value.item() == row.median
        for row in table().query("scalar == 'coverage'").itertuples():
            of = cube.parc.sel(region_name=row.node, stat="mask_coverage").value
            assert of.to_numpy().ravel().tolist() == [row.mean] * 2

    def test_the_order_of_rows_does_not_matter(self, tmp_path, path):
        expected = qsiparc.read_scalarstats(path, LUT)
        shuffled = table().sample(frac=1, random_state=5)
        found = qsiparc.read_scalarstats(write(tmp_path, shuffled), LUT)
        xr.testing.assert_identical(found.sel(scalar=expected.scalar), expected)

    def test_the_table_is_found_in_the_tree(self, tmp_path, path):
        beside = tmp_path / "atlases/atlas-Tiny/atlas-Tiny_dseg.tsv"
        beside.parent.mkdir(parents=True)
        LUT.to_csv(beside, sep="\t", index=False)
        found = qsiparc.read_scalarstats(path)
        assert found.region.to_numpy().tolist() == [3, 5, 9]
        xr.testing.assert_equal(found, qsiparc.read_scalarstats(path, beside))

    def test_without_one_no_region_matches_another_cube(self, path):
        with pytest.warns(LutWarning, match="No look-up table of Tiny.*−1, −2"):
            cube = qsiparc.read_scalarstats(path)
        assert cube.region.to_numpy().tolist() == [-1, -2, -3]
        assert cube.region_name.to_numpy().tolist() == NODES

    def test_regions_that_the_table_lacks_are_nan(self, tmp_path):
        path = write(tmp_path, table(nodes=NODES[:2]))
        with pytest.warns(LutWarning, match="lacks 1 of 3 regions.*: NA"):
            cube = qsiparc.read_scalarstats(path, LUT)
        assert np.isnan(cube.value.sel(region=9)).all()

    def test_columns_of_numbers_keep_their_names(self, tmp_path):
        path = write(tmp_path, table().assign(masked_mean=0.5, remark="by hand"))
        with pytest.warns(QsiparcWarning, match=r"\['remark'\] hold no numbers"):
            cube = qsiparc.read_scalarstats(path, LUT)
        assert (cube.parc.sel(stat="masked_mean").value == 0.5).all()


class TestSeveral:
    def test_scans_and_workflows(self, tmp_path):
        paths = [
            write(tmp_path, table(start=1), sub="01", ses="a"),
            write(tmp_path, table(start=20), sub="02", ses="a"),
            write(tmp_path, table(["FA"], suffix="DKI", start=40), sub="01", ses="a", suffix="DKI"),
        ]
        cube = qsiparc.read_scalarstats(paths, LUT)
        assert cube.subject.to_numpy().tolist() == ["sub-01_ses-a", "sub-02_ses-a"]
        assert cube.scalar.to_numpy().tolist() == ["DSIStudio-fa", "md", "DKI-FA"]
        first = cube.value.sel(region=3, stat="mean").to_numpy()
        np.testing.assert_array_equal(first, [[1, 20], [2, 21], [40, np.nan]])

    def test_of_two_atlases(self, tmp_path):
        paths = [write(tmp_path, table(), atlas=f"seg-{atlas}") for atlas in ("A", "B")]
        with pytest.raises(CubeError, match=r"one atlas, these tables have \['A', 'B'\]"):
            qsiparc.read_scalarstats(paths, LUT)

    def test_the_same_scan_twice(self, path):
        with pytest.raises(CubeError, match=r"'LH_Vis_1' stands twice .*'fa' of sub-01"):
            qsiparc.read_scalarstats([path, path], LUT)

    def test_none(self):
        with pytest.raises(CubeError, match="at least one"):
            qsiparc.read_scalarstats([])


BUNDLE_COLUMNS = [
    "bundle", "variable_name", "qsirecon_suffix", "source_file", "zero_proportion", "mean",
    "stdev", "median", "masked_mean", "masked_median", "masked_stdev", "weighted_mean",
    "masked_weighted_mean", "subject_id", "session_id", "bundle_source", "bundle_params_id",
]  # fmt: skip


class TestBundles:
    def test_they_are_read_by_name(self, tmp_path):
        row = ["DSIStudio", "sub-01_dwi.nii.gz", 0.1, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
        row += ["sub-01", np.nan, "DSIStudio", "auto"]
        frame = pd.DataFrame(
            [["AF_L", "dti_fa", *row], ["AF_R", "dti_fa", *row]], columns=BUNDLE_COLUMNS
        )
        path = write(tmp_path, frame, atlas="bundles-DSIStudio")
        cube = qsiparc.read_scalarstats(path)
        assert cube.region.to_numpy().tolist() == [-1, -2]
        assert cube.region_name.to_numpy().tolist() == ["AF_L", "AF_R"]
        assert cube.stat.to_numpy().tolist() == [
            "zero_proportion", "mean", "std", "median", "masked_mean", "masked_median",
            "masked_stdev", "weighted_mean", "masked_weighted_mean",
        ]  # fmt: skip
        assert cube.attrs["atlas"] == "DSIStudio"
        np.testing.assert_array_equal(cube.value[0, :, 0, 0], [0.1, 1, 2, 3, 4, 5, 6, 7, 8])


class TestErrors:
    def test_another_table(self, tmp_path):
        path = write(tmp_path, LUT)
        with pytest.raises(CubeError, match=r"none of QSIRecon's scalarstats.*'index', 'label'"):
            qsiparc.read_scalarstats(path)

    def test_an_empty_file(self, tmp_path):
        path = tmp_path / "sub-01_seg-A_scalarstats.tsv"
        path.touch()
        with pytest.raises(CubeError, match="is empty"):
            qsiparc.read_scalarstats(path)

    def test_a_cell_that_is_no_number(self, tmp_path):
        frame = table().astype({"mean": object})
        frame.loc[4, "mean"] = "0,5"
        with pytest.raises(CubeError, match="line 6: 'mean' is '0,5'"):
            qsiparc.read_scalarstats(write(tmp_path, frame), LUT)

    @pytest.mark.parametrize("cell", ["1_0", "٣", "high", "0x1"])
    def test_what_only_looks_like_a_number(self, tmp_path, cell):
        path = write(tmp_path, table(["fa"]).assign(mean=cell))
        with pytest.raises(CubeError, match=r"line 2: 'mean' is .*, which is no number"):
            qsiparc.read_scalarstats(path, LUT)

    def test_a_row_that_was_cut_off(self, path):
        path.write_text("\t".join(path.read_text().split("\t")[:-2]))
        with pytest.raises(CubeError, match=r"scalarstats\.tsv, line \d+: \d cells under \d+ head"):
            qsiparc.read_scalarstats(path, LUT)

    def test_another_atlas_s_lut(self, path):
        other = LUT.assign(label=["a", "b", "NA"])
        with pytest.raises(LutError, match="2 of 3 regions that the LUT 'Tiny' does not name"):
            qsiparc.read_scalarstats(path, other)

    def test_a_lut_with_two_regions_of_one_name(self, path):
        twice = pd.concat([LUT, LUT.assign(index=LUT["index"] + 100)])
        with pytest.raises(LutError, match="several regions called LH_Vis_1"):
            qsiparc.read_scalarstats(path, twice)

    def test_maps_that_share_a_name(self, tmp_path):
        frame = table(["fa"])
        path = write(tmp_path, pd.concat([frame, frame]))
        with pytest.warns(QsiparcWarning, match="3 rows stand twice, alike: fa of LH_Vis_1"):
            cube = qsiparc.read_scalarstats(path, LUT)
        assert cube.sizes["scalar"] == 1
        path = write(tmp_path, pd.concat([frame, frame.assign(mean=frame["mean"] + 1)]))
        with pytest.raises(CubeError, match="'LH_Vis_1' stands twice"):
            qsiparc.read_scalarstats(path, LUT)


def test_both_are_compared_in_one_line(tmp_path):
    values = np.array([1.0, 3, 2, 4, 8, np.nan]).reshape(6, 1, 1)
    labels = np.array([3, 3, 5, 5, 9, 9], np.int16).reshape(6, 1, 1)
    ours = volume(values).parc.extract(image(labels), LUT, scalar="fa", subject="sub-01")
    zeros = np.nan_to_num(values).ravel()  # as QSIRecon counts what is missing
    per_region = [zeros[labels.ravel() == label] for label in LUT["index"]]
    rows = [
        [node, "fa", "DSIStudio", x.mean(), x.std(), np.median(x)]
        for node, x in zip(NODES, per_region, strict=True)
    ]
    frame = pd.DataFrame(rows, columns=table().columns)
    theirs = qsiparc.read_scalarstats(write(tmp_path, frame), LUT)

    difference = ours - theirs
    assert difference.stat.to_numpy().tolist() == ["mean", "median", "std"]
    np.testing.assert_allclose(difference.value.sel(region=[3, 5]), 0, atol=1e-15)
    missing = difference.value.sel(region=9, scalar="fa", subject="sub-01")
    assert missing.to_numpy().tolist() == [4, 4, -4]


def test_a_long_table_and_back(path):
    cube = qsiparc.read_scalarstats(path, LUT)
    xr.testing.assert_identical(qsiparc.from_long(cube.parc.to_long()), cube)
