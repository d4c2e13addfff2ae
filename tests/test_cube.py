from __future__ import annotations

import pickle
import warnings

import nibabel as nib
import numpy as np
import pytest
import xarray as xr

import qsiparc
from qsiparc.atlas import AtlasLUT, RegionInfo
from qsiparc.cube import TEXT, text
from qsiparc.errors import CubeError, SelectionError

LUT = AtlasLUT(
    [
        RegionInfo(1, "LH_Vis_1", "L"),
        RegionInfo(2, "RH_Vis_1", "R"),
        RegionInfo(3, "Twin", "bilateral"),
        RegionInfo(4, "Twin", "bilateral"),
    ],
    "Four",
)
LABELS = np.arange(1, 5, dtype=np.int16).repeat(6).reshape(4, 3, 2)


def make(subject="sub-1", factor=1.0, lut=LUT, **options):
    data = (np.arange(24, dtype=np.float32).reshape(4, 3, 2) + 1) * np.float32(factor)
    fa = qsiparc.open_nifti(nib.Nifti1Image(data, np.diag([2, 2, 2, 1.0]))).rename("FA")
    dseg = nib.Nifti1Image(LABELS, np.diag([2, 2, 2, 1.0]))
    maps = xr.Dataset({"FA": fa.assign_attrs(units="1"), "MD": fa * 1e-3})
    return maps.parc.extract(dseg, lut, subject=subject, **options)


@pytest.fixture
def cube():
    return make()


class TestShape:
    def test_dims_and_coordinates_in_order(self, cube):
        assert list(cube.sizes) == ["region", "stat", "scalar", "subject"]
        assert list(cube.coords) == [
            "region", "stat", "scalar", "subject",
            "region_name", "hemisphere",
            "software", "model", "param", "desc", "units",
            "participant_id", "session_id", "dseg_file",
            "map_file",
        ]  # fmt: skip
        assert list(cube.data_vars) == ["value"]

    def test_all_text_is_of_the_type_that_can_be_stored(self, cube):
        kinds = {name: c.dtype for name, c in cube.coords.items() if name != "region"}
        assert set(kinds.values()) == {TEXT}
        assert cube.region.dtype == np.int64

    def test_attrs_are_what_netcdf_can_hold(self, cube):
        assert {type(value) for value in cube.attrs.values()} <= {str, int}
        assert not cube.value.attrs

    def test_a_missing_name_is_refused(self):
        with pytest.raises(CubeError, match=r"Missing labels at \[1\]"):
            text(["a", None], what="labels")
        with pytest.raises(CubeError):
            text(["a", np.nan])


BROKEN = {
    "no labels of regions": (lambda c: c.drop_vars("region"), "dim 'region' of this cube has no"),
    "no labels of scans": (lambda c: c.drop_vars("subject"), "dim 'subject' of this cube has no"),
    "no names": (lambda c: c.drop_vars("region_name"), "has no region_name. Arithmetic of cubes"),
    "labels that are NaN": (lambda c: c.assign_coords(region=[1, np.nan, 3, 4]), "here 1.0, nan"),
    "labels that are text": (lambda c: c.assign_coords(region=list("abcd")), "here 'a', 'b'"),
    "values that are no numbers": (lambda c: c.astype(object), "of type object"),
}


@pytest.mark.parametrize(("change", "message"), BROKEN.values(), ids=BROKEN.keys())
@pytest.mark.parametrize("use", ["to_long", "aggregate", "laterality"])
def test_what_is_no_cube_any_more(cube, change, message, use):
    by = {"by": "hemisphere"} if use == "aggregate" else {}
    with pytest.raises(CubeError, match=message):
        getattr(change(cube).parc, use)(**by)


def test_cubes_of_two_tables_have_no_names_in_common(cube):
    other = make(lut=AtlasLUT([RegionInfo(n, f"R{n}", "R") for n in range(1, 5)], "Other"))
    with pytest.raises(CubeError, match="has no region_name and no hemisphere"):
        (cube - other).parc.to_long()


class TestSelecting:
    def test_one_region_by_name(self, cube):
        one = cube.parc.sel(region_name="LH_Vis_1", stat="mean", scalar="FA")
        assert one.value.dims == ("subject",)
        assert one.value.item() == 3.5
        assert one.region.item() == 1

    def test_a_name_that_two_regions_have_keeps_both(self, cube):
        assert cube.parc.sel(region_name="Twin").region.to_numpy().tolist() == [3, 4]

    def test_a_list_and_a_side_keep_the_dimension(self, cube):
        assert cube.parc.sel(hemisphere="L").region.to_numpy().tolist() == [1]
        names = cube.parc.sel(region_name=["RH_Vis_1", "LH_Vis_1"])
        assert names.region.to_numpy().tolist() == [2, 1]
        assert cube.parc.sel(stat=["mean"]).sizes["stat"] == 1

    def test_case_counts_only_where_it_must(self, cube):
        assert cube.parc.sel(scalar="fa").scalar.item() == "FA"
        both = cube.assign_coords(scalar=text(["FA", "fa"]))
        assert both.parc.sel(scalar="fa").scalar.item() == "fa"

    def test_any_other_coordinate(self, cube):
        assert cube.parc.sel(where={"units": "1"}).scalar.to_numpy().tolist() == ["FA"]

    def test_what_is_not_there(self, cube):
        with pytest.raises(SelectionError, match=r"no region_name 'LH_Vis_2'.*LH_Vis_1"):
            cube.parc.sel(region_name="LH_Vis_2")
        with pytest.raises(KeyError, match="no coordinate 'network'"):
            cube.parc.sel(where={"network": "Vis"})
        with pytest.raises(SelectionError, match="no region 17"):
            cube.parc.sel(region=17)
        with pytest.raises(SelectionError, match="region takes labels, whole numbers"):
            cube.parc.sel(region="1")

    def test_in_every_atlas_of_a_tree(self, cube):
        tree = xr.DataTree.from_dict(
            {"Four": cube, "Two": make(lut=AtlasLUT(LUT.regions[:2] + LUT.regions[2:], "Two"))}
        )
        means = tree.parc.sel(stat="mean", scalar="MD")
        assert [dict(node.sizes) for node in means.leaves] == [{"region": 4, "subject": 1}] * 2


class TestXarray:
    def test_subjects_concatenate(self, cube):
        cohort = xr.concat([cube, make("sub-2", 2)], "subject")
        assert cohort.subject.to_numpy().tolist() == ["sub-1", "sub-2"]
        ratio = cohort.sel(subject="sub-2").value / cohort.sel(subject="sub-1").value
        np.testing.assert_allclose(ratio.sel(stat=["mean", "median", "std", "iqr"]), 2, rtol=1e-6)

    def test_combine_by_coords_goes_by_label(self):
        turned = AtlasLUT(LUT.regions[::-1], "Four")
        one, two = make("sub-1"), make("sub-2", lut=turned)
        assert two.region.to_numpy().tolist() == [4, 3, 2, 1]
        both = xr.concat([one, two], "subject", join="outer")
        np.testing.assert_array_equal(
            both.sel(subject="sub-2").value, one.sel(subject="sub-1").value
        )
        with pytest.raises(ValueError, match="align"):
            xr.concat([one, two], "subject", join="exact")
        whole = xr.combine_by_coords([make("sub-1"), make("sub-2")])
        assert whole.sizes["subject"] == 2

    def test_arithmetic_pickling_and_dask(self, cube):
        assert (cube - cube).value.max().item() == 0
        xr.testing.assert_identical(pickle.loads(pickle.dumps(cube)), cube)  # noqa: S301 - our own
        mean = cube.chunk({"region": 2}).sel(stat="mean").mean("region").compute()
        np.testing.assert_allclose(mean.value.squeeze(), [12.5, 12.5e-3], rtol=1e-6)

    def test_netcdf_and_back(self, cube, tmp_path):
        cube.to_netcdf(tmp_path / "cube.nc")
        with xr.open_dataset(tmp_path / "cube.nc") as back:
            xr.testing.assert_identical(back.load(), cube)

    def test_zarr_and_back(self, cube, tmp_path):
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", message="Consolidated metadata"
            )  # zarr's, of any store
            cube.to_zarr(tmp_path / "cube.zarr")
        with xr.open_zarr(tmp_path / "cube.zarr") as back:
            xr.testing.assert_identical(back.load(), cube)

    @pytest.mark.parametrize("stats", ["core", ["mean"], ["mean", "iqr"]])
    def test_saving_is_quiet_and_whole(self, stats, tmp_path):
        cube = make(stats=stats)
        for name in ("cube.zarr", "cube.nc"):
            path = cube.parc.save(tmp_path / name)
            with qsiparc.open(path) as back:
                xr.testing.assert_identical(back.load(), cube)

    def test_a_tree_of_atlases_and_back(self, cube, tmp_path):
        tree = xr.DataTree.from_dict({"Four": cube, "Other": make(stats="core")})
        for name in ("tree.zarr", "tree.nc"):
            path = tree.parc.save(tmp_path / name)
            with qsiparc.open(path) as back:
                xr.testing.assert_identical(back.load(), tree)


class TestWhatAConcatenationCanBreak:
    def test_two_look_up_tables(self):
        other = AtlasLUT([RegionInfo(r.index, r.name.lower(), r.hemisphere) for r in LUT.regions])
        cubes = [make("sub-1"), make("sub-2", lut=other)]
        both = xr.concat(cubes, "subject", coords="different", compat="equals")
        for verb in (both.parc.to_long, lambda: both.parc.sel(region_name="twin")):
            with pytest.raises(CubeError, match="different look-up tables"):
                verb()

    def test_a_lazy_cube_pickles(self):
        fa = qsiparc.open_nifti(nib.Nifti1Image(np.ones((4, 3, 2), np.float32), np.eye(4)))
        cube = fa.chunk().parc.extract(nib.Nifti1Image(LABELS, np.eye(4)), LUT, scalar="FA")
        again = pickle.loads(pickle.dumps(cube))  # noqa: S301 - our own
        assert again.value.chunks is not None
        xr.testing.assert_identical(again.compute(), cube.compute())

    def test_text_of_a_netcdf_file_is_text_again(self, cube, tmp_path):
        with qsiparc.open(cube.parc.save(tmp_path / "cube.nc")) as back:
            assert {c.dtype for n, c in back.coords.items() if n != "region"} == {TEXT}
            assert list(back.coords) == list(cube.coords)
            back.parc.save(tmp_path / "cube.zarr")
        with qsiparc.open(tmp_path / "cube.zarr") as back:
            assert list(back.coords) == list(cube.coords)

    def test_a_tree_without_a_cube(self):
        with pytest.raises(CubeError, match="no cube"):
            xr.DataTree().parc.to_long()
