"""Long tables of a study, and what makes its folder a BIDS derivative."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner
from made_study import cube, failure, put

import qsiparc
from qsiparc.cli_finalize import finalize as command
from qsiparc.cohort import longwriter
from qsiparc.cohort.assemble import finalize
from qsiparc.cohort.derivative import describe_dataset, sources_of
from qsiparc.errors import OptionError, QsiparcWarning


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    ones = cube("sub-1_ses-1", ("FA", "ICVF"))
    networks = ("region", np.array(["Vis", "Vis", "n/a"], np.dtypes.StringDType()))
    put(
        folder,
        "sub-1_ses-1",
        {"A": cube("sub-1_ses-1", ("FA",)), "B": ones.assign_coords(network=networks)},
    )
    put(folder, "sub-2", {"A": cube("sub-2", ("MD", "FA"), failed=["MD"])})
    put(folder, "sub-3", {}, failures=[failure("sub-3", atlas="A", reason="cut\tshort")])
    return folder


@pytest.mark.skipif(not find_spec("pyarrow"), reason="pyarrow is not installed")
class TestParquet:
    @pytest.mark.parametrize("rows", [1, 8, 10**6])
    def test_is_the_long_table_of_the_study(self, out, monkeypatch, rows):
        import pyarrow.parquet as pq

        monkeypatch.setattr(longwriter, "ROWS", rows)
        tree = finalize(out, parquet=True)
        long = tree.parc.to_long()
        table = pd.read_parquet(out / "qsiparc.parquet")
        pd.testing.assert_frame_equal(
            table.where(table.notna(), np.nan), long.where(long.notna(), np.nan), check_dtype=False
        )
        assert list(table.columns[:4]) == ["subject", "session", "atlas", "region_index"]
        file = pq.ParquetFile(out / "qsiparc.parquet")
        assert file.num_row_groups == (6 if rows < 10 else 2)
        schema = file.schema_arrow
        assert str(schema.field("n_voxels").type) == "int64"
        assert str(schema.field("mean").type) == "double"
        assert json.loads(schema.metadata[b"qsiparc"])["A"]["atlas"] == "A"

    def test_labels_beyond_bids_are_kept(self, tmp_path):
        for run in ("1", "2"):
            put(tmp_path, f"sub-1_ses-1_run-{run}")
        put(tmp_path, "sub-2_ses-1")
        tree = finalize(tmp_path, parquet=True)
        table = pd.read_parquet(tmp_path / "qsiparc.parquet")
        pd.testing.assert_frame_equal(table, tree.parc.to_long(), check_dtype=False)
        assert table["subject"].unique().tolist() == [
            "sub-1_ses-1_run-1",
            "sub-1_ses-1_run-2",
            "sub-2_ses-1",
        ]

    def test_an_old_one_is_told_of(self, out):
        finalize(out, parquet=True, netcdf=True)
        with pytest.warns(QsiparcWarning) as caught:
            finalize(out)
        said = [str(one.message) for one in caught]
        assert len(said) == 2
        assert "qsiparc.nc is of an earlier run" in said[0]
        assert "--netcdf" in said[0]
        assert "--parquet" in said[1]


def test_parquet_without_pyarrow_says_what_to_install(out, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(OptionError, match=r"pip install 'qsiparc\[parquet\]'"):
        finalize(out, parquet=True)
    assert not (out / "qsiparc.zarr").exists()


class TestTables:
    def test_are_one_a_scan_and_atlas_by_bids_names(self, out):
        finalize(out, tsv=True)
        names = sorted(path.relative_to(out).as_posix() for path in out.rglob("*_diffmap.tsv"))
        assert names == [
            "sub-1/ses-1/dwi/sub-1_ses-1_atlas-A_diffmap.tsv",
            "sub-1/ses-1/dwi/sub-1_ses-1_atlas-B_diffmap.tsv",
            "sub-2/dwi/sub-2_atlas-A_diffmap.tsv",
        ]

    def test_hold_what_was_reduced_and_nothing_else(self, out):
        tree = finalize(out, tsv=True)
        table = pd.read_csv(out / "sub-2/dwi/sub-2_atlas-A_diffmap.tsv", sep="\t")
        expected = tree["A"].to_dataset().sel(subject=["sub-2"], scalar=["FA"]).parc.to_long()
        columns = [name for name in table.columns if name != "units"]
        pd.testing.assert_frame_equal(table[columns], expected[columns], check_dtype=False)
        assert table["n_voxels"].dtype == np.int64

    def test_are_renewed_or_told_of(self, out):
        finalize(out, tsv=True)
        with pytest.warns(QsiparcWarning, match=r"_diffmap\.tsv is of an earlier run.*--tsv"):
            finalize(out)
        put(out, "sub-1_ses-1", {"A": cube("sub-1_ses-1", ("FA",))})
        (out / "parts" / "sub-2.nc").unlink()
        finalize(out, tsv=True)
        left = sorted(path.name for path in out.rglob("*_diffmap.*"))
        stem = "sub-1_ses-1_atlas-A_diffmap"
        assert left == [f"{stem}.json", f"{stem}.tsv"]

    def test_have_a_sidecar_that_names_the_sources(self, out):
        finalize(out, tsv=True)
        path = out / "sub-1/ses-1/dwi/sub-1_ses-1_atlas-B_diffmap.json"
        about = json.loads(path.read_text(encoding="utf-8"))
        assert about["Sources"] == [
            "bids:qsirecon:sub-1/dwi/sub-1_ses-1_FA.nii.gz",
            "bids:qsirecon:sub-1/dwi/sub-1_ses-1_ICVF.nii.gz",
            "bids:qsirecon:sub-1/dwi/sub-1_ses-1_dseg.nii.gz",
        ]
        assert about["atlas"] == "B"
        assert about["generated_by"] == "qsiparc 0.0.1"


def test_maps_of_one_name_are_all_sources():
    paths = ["qsirecon-A/x_dwimap.nii.gz", "qsirecon-B/x_dwimap.nii.gz", "../far/x_dwimap.nii.gz"]
    inputs = json.dumps([{"path": path} for path in paths])
    names = np.array([["x_dwimap.nii.gz"], ["x_dwimap.nii.gz"]], np.dtypes.StringDType())
    both = xr.Dataset(coords={"map_file": (("scalar", "subject"), names)}, attrs={"lut": "a.tsv"})
    assert sources_of({"inputs": inputs}, both) == [
        "bids:qsirecon:qsirecon-A/x_dwimap.nii.gz",
        "bids:qsirecon:qsirecon-B/x_dwimap.nii.gz",
        "a.tsv",
    ]


def test_failures_tell_the_story_of_the_whole_study(out):
    finalize(out)
    table = pd.read_csv(out / "failures.tsv", sep="\t", keep_default_na=False)
    assert list(table.columns) == list(failure("sub-3"))
    assert table.to_dict("records") == [
        {**failure("sub-3", atlas="A", reason="cut\tshort"), "session": "n/a", "scalar": "n/a"}
    ]


class TestDescription:
    def test_says_what_this_is_and_of_what(self, out, tmp_path):
        describe_dataset(out, source=tmp_path / "qsi recon")
        finalize(out)
        about = json.loads((out / "dataset_description.json").read_text(encoding="utf-8"))
        assert about["DatasetType"] == "derivative"
        assert about["BIDSVersion"] == "1.10.0"
        assert about["GeneratedBy"] == [{"Name": "qsiparc", "Version": qsiparc.__version__}]
        link = (tmp_path / "qsi recon").as_uri()
        assert about["DatasetLinks"] == {"qsirecon": link}
        assert about["SourceDatasets"] == [{"URL": link}]
        assert {"parts", "qsiparc.zarr"} < set((out / ".bidsignore").read_text().split())

    def test_without_a_source(self, out):
        finalize(out)
        about = json.loads((out / "dataset_description.json").read_text(encoding="utf-8"))
        assert "DatasetLinks" not in about


class TestCommand:
    def test_says_what_there_is_and_how_to_open_it(self, out):
        done = CliRunner().invoke(command, [str(out), "--netcdf", "--tsv", "--zarr-format", "2"])
        assert done.exit_code == 1, done.output  # for a scan failed
        assert "            A  3 regions, 2 stats, 2 scalars, 3 subjects\n" in done.output
        assert f"qsiparc.open({str(out)!r})" in done.output
        assert (out / "qsiparc.nc").exists()
        assert (out / "qsiparc.zarr" / ".zmetadata").exists()

    def test_wants_a_folder(self, tmp_path):
        done = CliRunner().invoke(command, [str(tmp_path / "nowhere")])
        assert done.exit_code == 2
        assert "does not exist" in done.output
