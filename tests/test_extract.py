from __future__ import annotations

import logging
import re
from dataclasses import replace

import nibabel as nib
import numpy as np
import oracle
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import qsiparc
from qsiparc.atlas import AtlasLUT, RegionInfo
from qsiparc.catalogue import CATALOGUE
from qsiparc.errors import (
    CubeError,
    GridMismatchError,
    GridWarning,
    LabelError,
    LabelWarning,
    LutWarning,
    NiftiWarning,
    OptionError,
    SpaceError,
    UnknownStatisticError,
)
from qsiparc.extract import (
    OUTPUT_COLUMNS,
    ExtractionResult,
    extract_scalar_map,
    merge_extraction_results,
)
from qsiparc.parcellation import Parcellation

AFFINE = np.array([[-2.0, 0, 0, 10], [0, 2, 0, -20], [0, 0, 2, 5], [0, 0, 0, 1]])
LABELS = np.zeros((2, 3, 4), np.int16)
LABELS[:, :, 0] = 3
LABELS[0, :, 1] = 1
LABELS[1, 0, 1] = 7
VALUES = np.zeros((2, 3, 4), np.float32)
VALUES[:, :, 0] = [[1, 2, 3], [4, 5, np.nan]]
VALUES[0, :, 1] = [0, 6, 9]
VALUES[1, 0, 1] = np.nan
LUT = AtlasLUT(
    [
        RegionInfo(3, "LH_Vis_1", "L"),
        RegionInfo(1, "RH_Vis_1", "R"),
        RegionInfo(7, "Brain-Stem", "bilateral"),
        RegionInfo(9, "LH_Gone_1", "L"),
    ],
    "Tiny",
)


def volume(data, affine=AFFINE, **attrs):
    return qsiparc.open_nifti(nib.Nifti1Image(data, affine)).rename("FA").assign_attrs(attrs)


@pytest.fixture
def fa():
    return volume(VALUES)


@pytest.fixture
def dseg():
    return volume(LABELS)


def stat(cube, name):
    return cube.parc.sel(stat=name).value.squeeze(["scalar", "subject"]).to_numpy()


def test_every_number_of_a_small_phantom(fa, dseg):
    cube = fa.parc.extract(dseg, LUT)
    nan = np.nan
    assert cube.value.dims == ("region", "stat", "scalar", "subject")
    assert cube.value.dtype == np.float64
    assert cube.region.to_numpy().tolist() == [3, 1, 7, 9]
    assert cube.region_name.to_numpy().tolist() == [r.name for r in LUT.regions]
    assert cube.hemisphere.to_numpy().tolist() == ["L", "R", "bilateral", "L"]
    assert cube.stat.to_numpy().tolist() == OUTPUT_COLUMNS[4:]
    np.testing.assert_array_equal(stat(cube, "mean"), [3, 5, nan, nan])
    np.testing.assert_array_equal(stat(cube, "median"), [3, 6, nan, nan])
    np.testing.assert_allclose(stat(cube, "std"), [2**0.5, 14**0.5, nan, nan], rtol=1e-15)
    np.testing.assert_array_equal(stat(cube, "iqr"), [2, 4.5, nan, nan])
    np.testing.assert_allclose(stat(cube, "kurtosis"), [-1.3, -1.5, nan, nan], rtol=1e-14)
    assert stat(cube, "skewness")[0] == pytest.approx(0, abs=1e-15)
    np.testing.assert_array_equal(stat(cube, "n_voxels"), [5, 3, 0, 0])
    np.testing.assert_array_equal(stat(cube, "coverage"), [5 / 6, 1, 0, nan])


def test_zero_is_missing_leaves_the_caller_s_array_alone(fa, dseg):
    before = fa.to_numpy().copy()
    cube = fa.parc.extract(dseg, LUT, zero_is_missing=True)
    np.testing.assert_array_equal(stat(cube, "mean"), [3, 7.5, np.nan, np.nan])
    np.testing.assert_array_equal(stat(cube, "n_voxels"), [5, 2, 0, 0])
    np.testing.assert_array_equal(stat(cube, "coverage"), [5 / 6, 2 / 3, 0, np.nan])
    np.testing.assert_array_equal(fa.to_numpy(), before)


@pytest.mark.parametrize("zero", [np.float32(-0.0), np.float64(0), np.int16(0), np.uint8(0)])
def test_a_zero_of_any_type_is_missing(dseg, zero):
    values = np.where(LABELS == 1, zero, zero.dtype.type(1))
    cube = volume(values).parc.extract(dseg, LUT, zero_is_missing=True)
    np.testing.assert_array_equal(stat(cube, "n_voxels"), [6, 0, 1, 0])


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_against_the_plain_loop(data):
    shape = data.draw(hnp.array_shapes(min_dims=3, max_dims=3, max_side=5))
    labels = data.draw(hnp.arrays(np.int32, shape, elements=st.sampled_from([0, 0, 1, 2, 14175])))
    dtype = data.draw(st.sampled_from([np.float32, np.float64, np.int16, np.uint8]))
    if np.dtype(dtype).kind == "f":
        some = st.floats(-1e4, 1e4, width=32) | st.sampled_from([0.0, 0.0, np.nan, 0.5, 0.5])
    else:
        some = st.integers(0, 100)
    values = data.draw(hnp.arrays(dtype, shape, elements=some))
    zero_is_missing = data.draw(st.booleans())
    order = data.draw(st.permutations([1, 2, 14175, 5]))
    lut = AtlasLUT([RegionInfo(i, f"r{i}", "bilateral") for i in order])
    maps = xr.DataArray(values, dims=("i", "j", "k")).parc.with_affine(AFFINE)
    dseg = xr.DataArray(labels, dims=("i", "j", "k")).parc.with_affine(AFFINE)
    parcellation = Parcellation.from_labels(dseg)
    if not len(parcellation):
        return
    cube = maps.parc.extract(parcellation, lut, zero_is_missing=zero_is_missing)
    expected = oracle.table(values, labels, list(order), zero_is_missing=zero_is_missing)
    expected[np.isnan(expected[:, 6]), 6] = 0
    scale = np.nanmax(np.abs(np.nan_to_num(values.astype(float))), initial=0)
    np.testing.assert_allclose(
        cube.value.to_numpy()[..., 0, 0], expected, rtol=1e-9, atol=1e-13 * scale
    )


class TestStats:
    def test_core_is_five(self, fa, dseg):
        cube = fa.parc.extract(dseg, LUT, stats="core")
        assert cube.stat.to_numpy().tolist() == ["mean", "median", "std", "n_voxels", "coverage"]

    def test_a_list_keeps_its_order(self, fa, dseg):
        cube = fa.parc.extract(dseg, LUT, stats=["iqr", "mean"])
        assert cube.stat.to_numpy().tolist() == ["iqr", "mean"]
        np.testing.assert_array_equal(stat(cube, "mean"), [3, 5, np.nan, np.nan])

    def test_one_name(self, fa, dseg):
        assert fa.parc.extract(dseg, LUT, stats="mean").stat.to_numpy().tolist() == ["mean"]

    @pytest.mark.parametrize("stats", ["means", ["mean", "medain"], [], ["mean", "mean"]])
    def test_what_nobody_declared(self, fa, dseg, stats):
        with pytest.raises(UnknownStatisticError, match=r"There is no statistic|distinct"):
            fa.parc.extract(dseg, LUT, stats=stats)

    def test_a_near_name_is_suggested(self, fa, dseg):
        with pytest.raises(KeyError, match="Did you mean 'median'"):
            fa.parc.extract(dseg, LUT, stats=["medain"])

    def test_a_constant_region_has_no_shape_and_gives_no_warning(self, dseg):
        cube = volume(np.full((2, 3, 4), 0.3, np.float32)).parc.extract(dseg, LUT)
        assert np.isnan(stat(cube, "skewness")).all()
        assert np.isnan(stat(cube, "kurtosis")).all()
        np.testing.assert_array_equal(stat(cube, "std"), [0, 0, 0, np.nan])

    def test_the_catalogue_as_a_table(self):
        table = qsiparc.statistics()
        assert list(table.index)[:8] == OUTPUT_COLUMNS[4:]
        assert table.loc["coverage", "tier"] == "core"
        assert table.loc["iqr", "tier"] == "extended"


class TestAtlases:
    def test_dseg_as_array_path_image_and_parcellation(self, fa, dseg, tmp_path):
        path = dseg.parc.to_nifti(tmp_path / "sub-1_seg-Tiny_dseg.nii.gz")
        given = (dseg, path, str(path), nib.load(path), Parcellation.from_labels(path))
        cubes = [fa.parc.extract(one, LUT) for one in given]
        for cube in cubes[1:]:
            xr.testing.assert_equal(
                cube.value, cubes[0].value.assign_coords(dseg_file=cube.dseg_file)
            )
            assert cube.dseg_file.item() == path.name

    def test_lut_as_object_path_and_frame(self, fa, dseg, tmp_path):
        frame = LUT.to_dataframe()
        path = tmp_path / "atlas-Tiny_dseg.tsv"
        frame.rename(columns={"region_index": "index", "region_name": "name"}).to_csv(
            path, sep="\t", index=False
        )
        expected = fa.parc.extract(dseg, LUT)
        for lut in (path, str(path), frame):
            xr.testing.assert_equal(fa.parc.extract(dseg, lut), expected)

    def test_no_lut_names_regions_by_their_labels(self, fa, dseg):
        cube = fa.parc.extract(dseg)
        assert cube.region.to_numpy().tolist() == [1, 3, 7]
        assert cube.region_name.to_numpy().tolist() == ["region_0001", "region_0003", "region_0007"]

    def test_further_columns_of_the_lut_are_coordinates(self, fa, dseg):
        frame = LUT.to_dataframe().assign(network_label=["Vis", "Vis", "n/a", ""])
        cube = fa.parc.extract(dseg, frame)
        assert cube.network_label.to_numpy().tolist() == ["Vis", "Vis", "n/a", ""]

    def test_columns_that_a_cube_needs_for_itself_are_renamed(self, fa, dseg):
        frame = LUT.to_dataframe().assign(units=list("abcd"), region=list("efgh"), i=list("wxyz"))
        cube = fa.parc.extract(dseg, frame)
        assert cube.lut_units.to_numpy().tolist() == list("abcd")
        assert cube.lut_region.to_numpy().tolist() == list("efgh")
        assert cube.region.to_numpy().tolist() == [3, 1, 7, 9]
        xr.testing.assert_identical(qsiparc.from_long(cube.parc.to_long()), cube)

    def test_an_unknown_label_is_named(self, fa, dseg):
        short = AtlasLUT(LUT.regions[:2], "Short")
        with pytest.warns(LabelWarning, match=r"1 label that the LUT 'Short' does not name: 7"):
            cube = fa.parc.extract(dseg, short)
        assert cube.region.to_numpy().tolist() == [3, 1]
        with pytest.raises(LabelError, match="does not name: 7"):
            fa.parc.extract(dseg, short, unknown="raise")
        with pytest.warns(LabelWarning) as caught:
            fa.parc.extract(dseg, short)
        told = re.search(r"extract\(…, (\w+)='(\w+)'\) keeps them", str(caught[0].message))
        kept = fa.parc.extract(dseg, short, **{told[1]: told[2]})
        assert kept.region.to_numpy().tolist() == [3, 1, 7]
        assert kept.region_name.to_numpy().tolist()[-1] == "region_0007"
        with pytest.raises(OptionError, match="'drop'"):
            fa.parc.extract(dseg, short, unknown="drop")

    def test_a_warning_points_at_the_caller(self, fa, dseg):
        with pytest.warns(LabelWarning) as caught:
            fa.parc.extract(dseg, AtlasLUT(LUT.regions[:2]))
        assert caught[0].filename == __file__

    def test_a_region_0_is_doubted(self, fa, dseg):
        lut = AtlasLUT([RegionInfo(0, "Nowhere", "bilateral"), *LUT.regions], "Tiny")
        with pytest.warns(LabelWarning, match="names a region 0"):
            cube = fa.parc.extract(dseg, lut)
        assert stat(cube, "n_voxels")[0] == 0

    def test_another_atlas_s_lut_is_refused(self, fa, dseg):
        other = AtlasLUT([RegionInfo(100, "x", "L")], "Other")
        with pytest.raises(LabelError, match="another atlas's LUT"):
            fa.parc.extract(dseg, other)

    def test_an_empty_dseg_warns(self, fa):
        with pytest.warns(LabelWarning, match="no label at all"):
            cube = fa.parc.extract(volume(np.zeros((2, 3, 4), np.int16)), LUT)
        np.testing.assert_array_equal(stat(cube, "n_voxels"), [0, 0, 0, 0])
        assert np.isnan(stat(cube, "coverage")).all()


class TestGrids:
    def test_flipped_labels_are_reoriented_and_that_is_said(self, fa, dseg, caplog):
        flipped = nib.Nifti1Image(LABELS[::-1], AFFINE @ [[-1, 0, 0, 1], *np.eye(4)[1:]])
        with caplog.at_level(logging.INFO, "qsiparc"):
            cube = fa.parc.extract(flipped, LUT)
        xr.testing.assert_equal(cube, fa.parc.extract(dseg, LUT))
        assert [r.levelname for r in caplog.records] == ["INFO"]
        assert "LAS" in caplog.text
        assert "RAS" in caplog.text

    def test_permuted_labels(self, fa, dseg):
        turned = nib.Nifti1Image(LABELS.transpose(2, 0, 1), AFFINE[:, [2, 0, 1, 3]])
        xr.testing.assert_equal(fa.parc.extract(turned, LUT), fa.parc.extract(dseg, LUT))

    def test_rounding_of_headers_is_silent_and_more_is_not(self, fa):
        near, apart = AFFINE.copy(), AFFINE.copy()
        near[0, 3] += 5e-4
        apart[0, 3] += 0.05
        fa.parc.extract(volume(LABELS, near), LUT)
        with pytest.warns(GridWarning, match=r"0\.05 mm"):
            fa.parc.extract(volume(LABELS, apart), LUT)

    def test_other_shapes_and_places_raise(self, fa):
        with pytest.raises(GridMismatchError, match=r"\(3, 3, 4\).*\(2, 3, 4\)"):
            fa.parc.extract(volume(np.ones((3, 3, 4), np.int16)), LUT)
        far = AFFINE.copy()
        far[2, 3] += 4
        with pytest.raises(GridMismatchError, match=r"(?s)4 mm.*resample='nearest'"):
            fa.parc.extract(volume(LABELS, far), LUT)

    def test_nearest_labels_on_request(self, fa):
        half = AFFINE.copy()
        half[2, 3] += 0.8
        labels = volume(LABELS, half)
        with pytest.raises(ValueError, match="Grid mismatch"):
            fa.parc.extract(labels, LUT)
        cube = fa.parc.extract(labels, LUT, resample="nearest")
        xr.testing.assert_equal(cube, fa.parc.extract(volume(LABELS), LUT))

    def test_sliced_strided_and_transposed_maps(self, fa, dseg):
        cut = {"i": slice(None, None, -1), "j": slice(1, None), "k": slice(0, 2)}
        whole = oracle.table(VALUES[:, 1:, :2], LABELS[:, 1:, :2], [3, 1, 7, 9])
        cube = (
            fa.isel(cut)
            .transpose("k", "i", "j")
            .parc.extract(dseg.isel(cut | {"i": slice(None)}), LUT)
        )
        np.testing.assert_allclose(stat(cube, "mean"), whole[:, 0])
        with pytest.raises(GridMismatchError, match="Shape mismatch"):
            fa.isel(cut).parc.extract(dseg, LUT)

    def test_a_map_without_an_affine(self, dseg):
        with pytest.raises(SpaceError, match="with_affine"):
            xr.DataArray(VALUES, dims=("i", "j", "k")).parc.extract(dseg, LUT)

    def test_a_map_that_lost_an_axis(self, fa, dseg):
        with pytest.raises(SpaceError, match=r"isel\(k=\[5\]\)"):
            fa.isel(k=0).parc.extract(dseg, LUT)

    def test_a_map_put_onto_another_grid_by_assignment(self, fa, dseg):
        far = AFFINE.copy()
        far[2, 3] += 4
        maps = fa.to_dataset(name="FA")
        maps["MD"] = volume(VALUES, far)
        with pytest.raises(GridMismatchError, match="carries another"):
            maps.parc.extract(dseg, LUT)


class TestManyMaps:
    def test_a_dataset_of_maps(self, fa, dseg):
        maps = xr.Dataset({"FA": fa.assign_attrs(units="1"), "MD": fa * 1e-3})
        cube = maps.parc.extract(dseg, LUT)
        assert cube.scalar.to_numpy().tolist() == ["FA", "MD"]
        assert cube.units.to_numpy().tolist() == ["1", ""]
        xr.testing.assert_equal(
            cube.sel(scalar=["FA"]).value,
            fa.parc.extract(dseg, LUT).value.assign_coords(units=("scalar", ["1"])),
        )

    def test_variables_that_are_no_volumes_are_named(self, fa, dseg):
        maps = xr.Dataset({"FA": fa, "age": 3.0})
        with pytest.warns(NiftiWarning, match="age"):
            assert maps.parc.extract(dseg, LUT).sizes["scalar"] == 1
        with pytest.raises(CubeError, match="age"):
            xr.Dataset({"age": 3.0}).parc.extract(dseg, LUT)

    def test_stacked_scalars_and_subjects(self, fa, dseg):
        stack = xr.concat([fa, fa + 1], "scalar").assign_coords(scalar=["FA", "FA1"])
        cohort = xr.concat([stack, stack * 2], "subject").assign_coords(subject=["sub-1", "sub-2"])
        cube = cohort.parc.extract(dseg, LUT)
        assert cube.value.dims == ("region", "stat", "scalar", "subject")
        means = cube.sel(stat="mean", region=3).value.to_numpy()
        np.testing.assert_array_equal(means, [[3, 6], [4, 8]])

    def test_every_volume_of_a_4d_map(self, dseg):
        data = np.stack([VALUES, VALUES + 1, VALUES + 2], axis=-1)
        cube = volume(data).parc.extract(dseg, LUT)
        assert cube.value.dims == ("region", "stat", "scalar", "subject", "volume")
        np.testing.assert_array_equal(cube.sel(stat="mean", region=3).value.squeeze(), [3, 4, 5])

    def test_maps_of_unlike_dims_are_extracted_apart(self, fa, dseg):
        four = volume(np.stack([VALUES] * 2, axis=-1))
        with pytest.raises(CubeError, match="further dims"):
            xr.Dataset({"FA": fa, "V1": four}).parc.extract(dseg, LUT)

    def test_names_are_given_once(self, fa, dseg):
        stack = xr.concat([fa, fa], "scalar").assign_coords(scalar=["a", "a"])
        with pytest.raises(CubeError, match="unique"):
            stack.parc.extract(dseg, LUT)
        with pytest.raises(OptionError, match="'scalar'"):
            stack.parc.extract(dseg, LUT, scalar="FA")
        with pytest.raises(OptionError, match="variables name the scalars"):
            xr.Dataset({"FA": fa, "MD": fa}).parc.extract(dseg, LUT, scalar="x")
        cohort = fa.expand_dims(subject=["sub-1"])
        with pytest.raises(OptionError, match="'subject'"):
            cohort.parc.extract(dseg, LUT, subject="sub-2")

    def test_a_selected_name_stays(self, fa, dseg):
        stack = fa.expand_dims(scalar=["FA"], subject=["sub-1"])
        cube = stack.sel(scalar="FA", subject="sub-1").parc.extract(dseg, LUT)
        assert cube.scalar.item() == "FA"
        assert cube.subject.item() == "sub-1"

    def test_one_pass_over_the_labels(self, fa, dseg, monkeypatch):
        made = []
        original = Parcellation.from_labels.__func__
        monkeypatch.setattr(
            Parcellation,
            "from_labels",
            classmethod(lambda c, d, **k: made.append(1) or original(c, d, **k)),
        )
        xr.Dataset({"FA": fa, "MD": fa * 2}).parc.extract(dseg, LUT)
        assert made == [1]

    def test_dask_stays_lazy_and_agrees(self, fa, dseg):
        lazy = fa.chunk({"i": 1, "k": 3}).parc.extract(dseg, LUT)
        assert lazy.value.chunks is not None
        xr.testing.assert_identical(lazy.compute(), fa.parc.extract(dseg, LUT))
        both = xr.Dataset({"FA": fa.chunk(), "MD": fa.chunk() * 2}).parc.extract(dseg, LUT)
        assert both.value.chunks is not None
        np.testing.assert_array_equal(
            both.compute().sel(stat="mean", region=3).value.squeeze(), [3, 6]
        )

    def test_world_coordinates_do_not_get_in_the_way(self, fa, dseg):
        xr.testing.assert_equal(fa.parc.world().parc.extract(dseg, LUT), fa.parc.extract(dseg, LUT))


class TestWhoAndWhat:
    def test_from_the_file_s_name(self, fa, dseg, tmp_path):
        folder = tmp_path / "derivatives/qsirecon-NODDI/sub-01/ses-2/dwi"
        folder.mkdir(parents=True)
        name = "sub-01_ses-2_space-ACPC_model-noddi_param-icvf_desc-modulated_dwimap"
        path = fa.parc.to_nifti(folder / f"{name}.nii.gz")
        (folder / f"{name}.json").write_text('{"Units": "1"}')
        cube = xr.open_dataarray(path).parc.extract(dseg, LUT)
        said = {n: cube[n].item() for n in (*cube.scalar.coords, *cube.subject.coords)}
        assert said == {
            "scalar": "icvf",
            "software": "NODDI",
            "model": "noddi",
            "param": "icvf",
            "desc": "modulated",
            "units": "1",
            "subject": "sub-01_ses-2",
            "participant_id": "sub-01",
            "session_id": "ses-2",
            "dseg_file": "",
        }
        assert cube.map_file.dims == ("scalar", "subject")
        assert cube.map_file.item() == path.name

    def test_from_the_caller(self, fa, dseg):
        cube = fa.parc.extract(dseg, LUT, scalar="FA2", subject="sub-9_ses-a")
        assert cube.scalar.item() == "FA2"
        assert cube.participant_id.item() == "sub-9"
        assert cube.session_id.item() == "ses-a"

    def test_from_nobody(self, fa, dseg):
        cube = fa.parc.extract(dseg, LUT)
        assert cube.subject.item() == "unknown"
        assert cube.participant_id.item() == ""

    def test_how_it_was_made(self, fa, dseg, tmp_path):
        path = dseg.parc.to_nifti(tmp_path / "sub-1_seg-Tiny_dseg.nii.gz")
        cube = fa.assign_attrs(source="fa.nii.gz").parc.extract(path, LUT, subject="sub-1")
        assert cube.attrs == {
            "atlas": "Tiny",
            "lut": "",
            "stats": "extended",
            "zero_is_missing": 0,
            "generated_by": f"qsiparc {qsiparc.__version__}",
        }
        assert cube.map_file.item() == "fa.nii.gz"
        assert cube.dseg_file.item() == path.name

    def test_the_label_file_is_noted(self, fa, dseg, tmp_path):
        path = tmp_path / "atlas-Tiny_dseg.tsv"
        path.write_text("index\tname\n3\ta\n1\tb\n7\tc\n")
        for lut in (path, qsiparc.read_lut(path)):
            assert fa.parc.extract(dseg, lut).attrs["lut"] == path.name

    def test_every_map_of_a_dataset_keeps_its_file(self, fa, dseg):
        maps = xr.Dataset(
            {"FA": fa.assign_attrs(source="fa.nii"), "MD": fa.assign_attrs(source="md.nii")}
        )
        cube = maps.parc.extract(dseg, LUT)
        assert cube.map_file.to_numpy().tolist() == [["fa.nii"], ["md.nii"]]

    def test_results_have_no_space_so_that_subjects_concatenate(self, fa, dseg):
        other = AFFINE.copy()
        other[0, 3] += 30
        cubes = [
            fa.parc.extract(dseg, LUT, subject="sub-1"),
            volume(VALUES, other).parc.extract(volume(LABELS, other), LUT, subject="sub-2"),
        ]
        assert "space" not in cubes[0].coords
        cohort = xr.concat(cubes, "subject")
        assert cohort.sizes["subject"] == 2
        assert cohort.participant_id.to_numpy().tolist() == ["sub-1", "sub-2"]


class TestDocumentedFunctions:
    def images(self):
        return nib.Nifti1Image(VALUES, AFFINE), nib.Nifti1Image(LABELS, AFFINE)

    def test_one_row_a_region_with_the_documented_columns(self):
        result = extract_scalar_map(*self.images(), LUT, "FA")
        assert isinstance(result, ExtractionResult)
        assert (result.scalar_name, result.atlas_name) == ("FA", "Tiny")
        assert list(result.stats_df.columns) == OUTPUT_COLUMNS
        assert result.stats_df["region_index"].tolist() == [3, 1, 7, 9]
        assert result.stats_df["n_voxels"].tolist() == [5, 3, 0, 0]
        assert result.stats_df["n_voxels"].dtype == np.int64
        assert result.stats_df["mean"].tolist()[:2] == [3, 5]

    def test_the_same_numbers_as_the_accessor(self, fa, dseg):
        result = extract_scalar_map(*self.images(), LUT, "FA", zero_is_missing=True)
        table = fa.parc.extract(dseg, LUT, zero_is_missing=True).parc.to_long()
        pd.testing.assert_frame_equal(result.stats_df, table[OUTPUT_COLUMNS])

    def test_core_leaves_the_rest_nan(self):
        frame = extract_scalar_map(*self.images(), LUT, "FA", stat_tier="core").stats_df
        assert list(frame.columns) == OUTPUT_COLUMNS
        assert frame[["iqr", "skewness", "kurtosis"]].isna().all(axis=None)
        assert frame["std"].notna().any()
        with pytest.raises(UnknownStatisticError):
            extract_scalar_map(*self.images(), LUT, "FA", stat_tier="everything")

    def test_more_than_the_documented_columns_come_after_them(self):
        frame = extract_scalar_map(*self.images(), LUT, "FA", stat_tier="diagnostic").stats_df
        assert list(frame.columns[: len(OUTPUT_COLUMNS)]) == OUTPUT_COLUMNS
        assert list(frame.columns[len(OUTPUT_COLUMNS) :]) == list(CATALOGUE)[8:]
        counts = frame[["n_atlas_voxels", "n_zero", "n_nonfinite"]]
        assert counts.to_numpy().tolist() == [[6, 0, 0], [3, 1, 0], [1, 0, 0], [0, 0, 0]]
        assert set(counts.dtypes) == {np.dtype(np.int64)}
        everything = extract_scalar_map(*self.images(), LUT, "FA", stat_tier="all").stats_df
        assert set(frame.columns) <= set(everything.columns)

    def test_the_first_volume_of_a_4d_map_with_a_warning(self):
        scalar, dseg = self.images()
        four = nib.Nifti1Image(np.stack([VALUES, VALUES * 9], axis=-1), AFFINE)
        with pytest.warns(NiftiWarning, match="4D"):
            result = extract_scalar_map(four, dseg, LUT, "FA")
        expected = extract_scalar_map(scalar, dseg, LUT, "FA")
        pd.testing.assert_frame_equal(result.stats_df, expected.stats_df)

    def test_arrays_do_as_well_as_files(self):
        arrays = [qsiparc.open_nifti(one) for one in self.images()]
        found = [extract_scalar_map(*pair, LUT, "FA").stats_df for pair in (arrays, self.images())]
        pd.testing.assert_frame_equal(*found)

    def test_shapes_that_differ(self):
        scalar = nib.Nifti1Image(np.zeros((5, 5, 5)), np.eye(4))
        dseg = nib.Nifti1Image(np.ones((4, 5, 5), np.int16), np.eye(4))
        with pytest.raises(ValueError, match="Shape mismatch"):
            extract_scalar_map(scalar, dseg, LUT, "FA")

    def test_merging(self):
        fa = extract_scalar_map(*self.images(), LUT, "FA")
        md = extract_scalar_map(*self.images(), LUT, "MD")
        merged = merge_extraction_results([fa, md])
        assert merged["scalar"].tolist() == ["FA"] * 4 + ["MD"] * 4
        assert list(merged.index) == list(range(8))
        assert merge_extraction_results([]).empty

    def test_results_are_frozen(self):
        result = extract_scalar_map(*self.images(), LUT, "FA")
        with pytest.raises(AttributeError):
            result.scalar_name = "x"


def _counted(n, of, *, first=1):
    """An image of labels that are counted, and a table of more."""
    labels = np.arange(first, first + n, dtype=np.int16).reshape(-1, 1, 1)
    image = nib.Nifti1Image(labels, np.eye(4))
    fa = qsiparc.open_nifti(nib.Nifti1Image(np.ones(labels.shape, "f4"), np.eye(4)))
    frame = pd.DataFrame({"index": range(1, of + 1), "name": [f"R{i}" for i in range(1, of + 1)]})
    return fa, Parcellation.from_labels(image), frame


def test_a_larger_table_whose_labels_fit_by_chance_is_told_of():
    fa, dseg, frame = _counted(48, 156)
    with pytest.warns(LutWarning, match="labels 1 to 48, and the LUT .* 156 regions, most of"):
        fa.parc.extract(dseg, frame)


@pytest.mark.parametrize(
    ("n", "of", "first"),
    [(9, 156, 1), (78, 156, 1), (48, 156, 2)],
    ids=["too few to tell", "half of it", "counted from elsewhere"],
)
def test_a_table_of_which_a_part_is_there_is_not_doubted(n, of, first, recwarn):
    fa, dseg, frame = _counted(n, of, first=first)
    fa.parc.extract(dseg, frame)
    assert not recwarn.list


def test_files_that_name_one_atlas_are_not_doubted(tmp_path, recwarn):
    fa, dseg, frame = _counted(48, 156)
    frame.to_csv(tmp_path / "atlas-Tiny_dseg.tsv", sep="\t", index=False)
    named = replace(dseg, source="sub-01_seg-Tiny_dseg.nii.gz")
    fa.parc.extract(named, tmp_path / "atlas-Tiny_dseg.tsv")
    assert not recwarn.list
