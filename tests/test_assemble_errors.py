"""Studies that cannot be put together, and folders that are none, say so."""

from __future__ import annotations

import json

import pytest
import xarray as xr
from made_study import REGIONS, cube, failure, put

import qsiparc
from qsiparc.cohort.assemble import finalize
from qsiparc.cohort.parts import write_part
from qsiparc.cohort.reading import read_part_summary, read_values
from qsiparc.errors import BuildError, CubeError, OptionError, QsiparcWarning
from qsiparc.seal import seal


@pytest.fixture
def out(tmp_path):
    """Two scans, one of two atlases."""
    folder = tmp_path / "out"
    put(folder, "sub-1", {"A": cube("sub-1"), "B": cube("sub-1")})
    put(folder, "sub-2")
    return folder


class TestScansThatCannotBeInOneCube:
    @pytest.fixture
    def with_other(self, tmp_path):
        """A study of sub-1, and a second scan of other making."""

        def make(**kwargs):
            put(tmp_path, "sub-1")
            put(tmp_path, "sub-2", {"A": cube("sub-2", **kwargs)})
            return tmp_path

        return make

    @pytest.mark.parametrize(
        ("regions", "said"),
        [
            ((*REGIONS[:2], (8, "Stem", "bilateral")), "number 3.*'region': 7.*'region': 8"),
            ((REGIONS[1], REGIONS[0], REGIONS[2]), "number 1.*'region': 3.*'region': 1"),
            (
                (REGIONS[0], (1, "RH_VIS", "R"), REGIONS[2]),
                "number 2.*RH_Vis.* in sub-1.*RH_VIS.* in sub-2",
            ),
            (REGIONS[:2], "number 3.*Stem.* in sub-1, nothing more in sub-2"),
        ],
    )
    def test_other_regions(self, with_other, regions, said):
        out = with_other(regions=regions)
        with pytest.raises(CubeError, match=f"A has other regions in sub-2 than in sub-1.*{said}"):
            finalize(out)
        assert not (out / "qsiparc.zarr").exists()

    def test_other_statistics(self, with_other):
        with pytest.raises(CubeError, match=r"sub-1 has .*mean, n_voxels; sub-2 has mean\. Run"):
            finalize(with_other(stats=("mean",)))

    @pytest.mark.parametrize(
        ("attrs", "said"),
        [
            ({"zero_is_missing": 1}, "zero_is_missing is 0 in sub-1, and 1 in sub-2"),
            ({"valid_max": 1.0}, "valid_max is not set in sub-1, and 1.0 in sub-2"),
            ({"min_voxels": 10}, "min_voxels is not set in sub-1, and 10 in sub-2"),
        ],
    )
    def test_another_idea_of_what_counts(self, with_other, attrs, said):
        with pytest.raises(CubeError, match=said):
            finalize(with_other(**attrs))

    def test_another_function_by_the_same_name(self, tmp_path):
        for scan, code in (("sub-1", "a1"), ("sub-2", "b2")):
            told = json.dumps({"p99": {"function": code}})
            put(tmp_path, scan, {"A": cube(scan, own_statistics=told)})
        with pytest.raises(CubeError, match="by p99, sub-1 and sub-2 have what different"):
            finalize(tmp_path)

    def test_one_id_for_two_maps(self, with_other):
        said = "by 'FA', sub-1 means software='DKI'.*sub-2 means software='TORTOISE'"
        with pytest.raises(CubeError, match=said):
            finalize(with_other(software="TORTOISE"))

    def test_two_parts_of_one_subject(self, with_other):
        out = with_other()
        (out / "parts" / "sub-2.nc").write_bytes((out / "parts" / "sub-1.nc").read_bytes())
        with pytest.raises(CubeError, match=r"sub-1\.nc and .*sub-2\.nc both are .*'sub-1'"):
            finalize(out)

    def test_other_units_are_left_open(self, with_other):
        out = with_other(units={"MD": "µm²/ms"})
        with pytest.warns(QsiparcWarning, match="units of MD: mm²/s in sub-1, µm²/ms in sub-2"):
            tree = finalize(out)
        assert tree["A"]["units"].to_numpy().tolist() == ["1", ""]

    def test_units_that_one_scan_does_not_state_are_those_of_the_others(self, with_other):
        tree = finalize(with_other(units={"MD": ""}))
        assert tree["A"]["units"].to_numpy().tolist() == ["1", "mm²/s"]

    def test_two_ids_for_one_map(self, tmp_path):
        put(tmp_path, "sub-1", {"A": cube("sub-1", ("fa",))})
        put(tmp_path, "sub-2", {"A": cube("sub-2", ("FA",))})
        with pytest.warns(QsiparcWarning, match="several ids: fa in sub-1, FA in sub-2"):
            finalize(tmp_path)


class TestOpening:
    def test_an_output_folder(self, out):
        tree = finalize(out)
        xr.testing.assert_identical(qsiparc.open(out).load(), tree.load())
        xr.testing.assert_identical(qsiparc.open(str(out / "qsiparc.zarr")).load(), tree.load())

    def test_an_output_folder_without_an_archive(self, out):
        with pytest.raises(CubeError, match=f"no archive yet.*: qsiparc finalize {out}$"):
            qsiparc.open(out)

    def test_another_folder(self, tmp_path):
        with pytest.raises(CubeError, match=r"no qsiparc\.zarr.*qsiparc build QSIRECON_DIR"):
            qsiparc.open(tmp_path)

    def test_a_store_of_somebody_else(self, tmp_path):
        foreign = xr.Dataset({"air": ("time", [1.0])})
        foreign.to_zarr(tmp_path / "air.zarr", zarr_format=2)
        with pytest.raises(CubeError, match=r"no archive of qsiparc\. It holds air"):
            qsiparc.open(tmp_path / "air.zarr")

    @pytest.mark.parametrize("name", ["empty.zarr", "text.nc"])
    def test_what_is_no_store(self, tmp_path, name):
        path = tmp_path / name
        if name == "text.nc":
            path.write_text("hello")
        else:
            path.mkdir()
        with pytest.raises(CubeError, match=f"{name}: not readable as an archive"):
            qsiparc.open(path)

    def test_nothing(self, tmp_path):
        with pytest.raises(CubeError, match="no output folder of a study has this name"):
            qsiparc.open(tmp_path / "out")


class TestNothingToDo:
    def test_without_parts(self, tmp_path):
        with pytest.raises(CubeError, match=r"no parts to put together.*qsiparc build"):
            finalize(tmp_path)
        with pytest.raises(CubeError, match="no parts"):
            finalize(tmp_path / "nowhere")
        assert not list(tmp_path.iterdir())

    def test_when_all_scans_failed(self, tmp_path):
        put(tmp_path, "sub-1", {}, failures=[failure("sub-1")])
        with pytest.raises(BuildError, match=r"none of 1 scans has a value; .*/failures\.tsv"):
            finalize(tmp_path)
        assert "broken" in (tmp_path / "failures.tsv").read_text()

    def test_with_a_part_that_is_none(self, out):
        (out / "parts" / "sub-4.nc").write_bytes((out / "parts" / "sub-2.nc").read_bytes()[:900])
        with pytest.raises(CubeError, match=r"sub-4\.nc: this is no whole part.*build. again"):
            finalize(out)

    def test_with_a_format_nobody_knows(self, out):
        with pytest.raises(OptionError, match="zarr_format is 3 or 2, not 4"):
            finalize(out, zarr_format=4)


class TestPartsThatAreNot:
    def test_another_part_than_was_surveyed_has_no_numbers(self, out):
        one, two = (out / "parts" / f"sub-{n}.nc" for n in (1, 2))
        known = read_part_summary(one).seal
        assert read_values(one, "A", known).values.size
        one.write_bytes(two.read_bytes())
        assert read_values(one, "A", known) is None

    def test_a_group_that_is_no_cube_of_one_scan(self, tmp_path):
        tree = xr.DataTree.from_dict({"A": cube("sub-1").rename(value="values")})
        path = write_part(tmp_path, "sub-1", tree)
        with pytest.raises(CubeError, match=r"sub-1\.nc: A is not the cube of one scan, value\("):
            read_part_summary(path)

    def test_a_netcdf_file_of_something_else(self, tmp_path):
        path = tmp_path / "sub-1.nc"
        cube("sub-1").to_netcdf(path, engine="netcdf4")
        with pytest.raises(CubeError, match=r"sub-1\.nc: this is no whole part .*it is HDF5"):
            read_part_summary(path)
        xr.Dataset({"a": 1.0}).to_netcdf(path, format="NETCDF3_64BIT", engine="netcdf4")
        with pytest.raises(CubeError, match=r"sub-1\.nc: .*cut short, or something else"):
            read_part_summary(path)
        seal(path)
        with pytest.raises(CubeError, match=r"sub-1\.nc: .*it has no qsiparc_part"):
            read_part_summary(path)
