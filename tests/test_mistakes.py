"""What somebody is told who tries qsiparc for the first time and gets an argument wrong."""

from __future__ import annotations

import copy
import inspect
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from made_archive import cube as made_cube

import qsiparc
from qsiparc.cube import text
from qsiparc.errors import (
    CubeError,
    LabelError,
    LutError,
    LutWarning,
    NiftiWarning,
    OptionError,
    SelectionError,
    SpaceError,
    UnknownStatisticError,
)
from qsiparc.extract import merge_extraction_results
from qsiparc.names import CUBE_DIMS, REGION_COORDS, SCALAR_COORDS, SUBJECT_COORDS


def volume(values, source=""):
    array = xr.DataArray(np.reshape(values, (4, 1, 1)), dims=("i", "j", "k"))
    return array.assign_attrs(source=source).parc.with_affine(np.eye(4))


FA = volume([0.1, 0.2, 0.3, 0.4], "sub-01_param-fa_dwimap.nii.gz")
DSEG = volume([1, 1, 2, 2], "sub-01_seg-Tiny_dseg.nii.gz")
NAMES = pd.DataFrame({"index": [1, 2], "name": ["V1_L", "V1_R"]})


def table(folder, name):
    path = folder / name
    NAMES.to_csv(path, sep="\t", index=False)
    return path


@pytest.fixture
def cube():
    return FA.parc.extract(DSEG, NAMES)


def test_the_table_of_another_atlas_with_the_same_labels_is_a_warning(tmp_path):
    path = table(tmp_path, "atlas-Large_dseg.tsv")
    with pytest.warns(LutWarning, match=r"of the atlas 'Tiny' and atlas-Large_dseg.tsv of 'Large'"):
        FA.parc.extract(DSEG, path)


@pytest.mark.parametrize("name", ["atlas-tiny_dseg.tsv", "atlas-TinyExt_dseg.tsv", "labels.tsv"])
def test_the_table_of_the_same_atlas_or_of_none_is_not(tmp_path, name):
    assert FA.parc.extract(DSEG, table(tmp_path, name)).sizes["region"] == 2


def test_a_table_without_a_file_says_nothing_of_its_atlas():
    lut = qsiparc.AtlasLUT.from_dataframe(NAMES, "Another")
    assert FA.parc.extract(DSEG, lut).attrs["atlas"] == "Another"


def test_a_label_image_as_the_map_is_a_warning():
    with pytest.warns(NiftiWarning, match=r"is the map here, and a label image by its name"):
        DSEG.parc.extract(DSEG, NAMES)


@pytest.mark.parametrize("dseg", [NAMES, DSEG.to_numpy(), DSEG.to_dataset(name="d"), [DSEG]])
def test_what_is_no_label_image_is_told_what_would_be_one(dseg):
    with pytest.raises(TypeError, match=r"dseg, the label image, is .* not .*extract\(dseg, lut\)"):
        FA.parc.extract(dseg, NAMES)


@pytest.mark.parametrize("given", [3, DSEG.to_numpy()])
def test_what_is_no_mask_or_weights_is_told_of_as_such(given):
    with pytest.raises(TypeError, match=r"^mask is a DataArray, .*, not (int|nda).*with_affine"):
        FA.parc.extract(DSEG, NAMES, mask=given)
    with pytest.raises(TypeError, match=r"^weights is 'probability' or an image.*, not (int|nda)"):
        FA.parc.extract(DSEG, NAMES, stats=["mean"], weights=given)


def test_a_mask_of_fractions_is_told_how_to_become_one():
    with pytest.raises(LabelError, match=r"no whole numbers, .* As a mask, .* tissue > 0\.5, say"):
        FA.parc.extract(DSEG, NAMES, mask=(FA + 0.5) / 2)


def test_a_dict_as_lut_is_told_what_to_make_of_it():
    with pytest.raises(TypeError, match=r"not dict\. .*pd\.DataFrame"):
        FA.parc.extract(DSEG, {1: "a", 2: "b"})


@pytest.mark.parametrize("what", ["subject", "scalar"])
@pytest.mark.parametrize("name", [5, ["a"], b"a"])
def test_a_name_is_text(what, name):
    with pytest.raises(TypeError, match=f"{what} names one {what}, as text; not"):
        FA.parc.extract(DSEG, NAMES, **{what: name})


@pytest.mark.parametrize("results", [[None], ["a"], [pd.DataFrame()]])
def test_what_is_no_result_is_not_merged(results):
    with pytest.raises(TypeError, match="takes what extract_scalar_map returns"):
        merge_extraction_results(results)


@pytest.mark.parametrize("stats", [None, np.median, 3])
def test_stats_that_are_none_are_told_what_stats_are(stats):
    with pytest.raises(TypeError, match="stats takes a tier, names of statistics, or functions"):
        FA.parc.extract(DSEG, NAMES, stats=stats)


def test_a_statistic_that_is_nearly_right_is_named_alone():
    with pytest.raises(UnknownStatisticError, match="Did you mean 'median'") as caught:
        FA.parc.extract(DSEG, NAMES, stats="medain")
    assert len(str(caught.value)) < 150


def test_a_statistic_like_no_other_is_told_all_there_are():
    with pytest.raises(UnknownStatisticError, match=r"Tiers: core, .* percentile_90"):
        FA.parc.extract(DSEG, NAMES, stats="p90")


def test_a_name_given_as_region_is_sent_to_region_name(cube):
    with pytest.raises(SelectionError, match="region_name=… takes names"):
        cube.parc.sel(region="V1_L")


def test_a_participant_given_as_subject_is_sent_to_participant_id():
    scans = [FA.parc.extract(DSEG, NAMES, subject=f"sub-0{n}_ses-01") for n in (1, 2, 3, 4)]
    cube = xr.concat(scans, "subject", join="exact")
    said = r"Near: sub-01_ses-01, .* of this name: participant_id='sub-01'\.$"
    with pytest.raises(SelectionError, match=said):
        cube.parc.sel(subject="sub-01")
    found = cube.parc.sel(participant_id="sub-01")
    assert found.subject.to_numpy().tolist() == ["sub-01_ses-01"]


def test_whatever_qsiparc_puts_beside_the_numbers_is_an_argument(cube):
    arguments = set(inspect.signature(cube.parc.sel).parameters) - {"where", "others"}
    assert arguments == {*CUBE_DIMS, *REGION_COORDS, *SCALAR_COORDS, *SUBJECT_COORDS}


@pytest.mark.parametrize(
    ("name", "dim"),
    [(name, "scalar") for name in SCALAR_COORDS] + [(name, "subject") for name in SUBJECT_COORDS],
)
def test_an_argument_selects_as_where_does(name, dim):
    made = made_cube(3)
    made = made.assign_coords({name: (dim, text(["one", "two", "two"]))})
    found = made.parc.sel(**{name: "two"})
    assert found.identical(made.parc.sel(where={name: "two"}))
    assert found[dim].to_numpy().tolist() == made[dim].to_numpy().tolist()[1:]


def test_a_region_given_as_stat_is_sent_to_an_argument(cube):
    with pytest.raises(SelectionError, match=r"of this name: region_name='V1_L'\.$"):
        cube.parc.sel(hemisphere="V1_L")


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"region": {1, 2}}, "region takes one value or a flat list of values, not set {1, 2}"),
        ({"region": [[1, 2]]}, "flat list"),
        ({"stat": iter(["mean"])}, "flat list"),
        ({"region": slice("V1_L", None)}, "no range 'V1_L' to None of region"),
        ({"stat": slice("mean", "mode")}, "no range 'mean' to 'mode' of stat"),
    ],
)
def test_what_is_no_label_is_told_what_would_be(cube, wanted, said):
    with pytest.raises(SelectionError, match=said):
        cube.parc.sel(**wanted)


def test_a_range_of_labels_has_both_ends(cube):
    assert cube.parc.sel(region=slice(1, 2)).region.to_numpy().tolist() == [1, 2]
    found = cube.parc.sel(stat=slice("mean", "std")).stat.to_numpy().tolist()
    assert found == ["mean", "median", "std"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("zero_is_missing", "no"),
        ("zero_is_missing", None),
        ("zero_is_missing", 2),
        ("min_coverage", "0.5"),
        ("min_coverage", np.nan),
        ("min_voxels", "5"),
        ("min_voxels", [5]),
        ("min_voxels", np.inf),
        ("threshold", "0.5"),
    ],
)
def test_an_option_of_another_type_is_refused(option, value):
    with pytest.raises(OptionError, match=rf"{option} is "):
        FA.parc.extract(DSEG, NAMES, **{option: value})


@pytest.mark.parametrize("one", [True, np.True_, np.int8(1), 1.0, np.array(1)])
def test_an_option_may_be_of_numpy(one):
    found = FA.parc.extract(DSEG, NAMES, zero_is_missing=one, min_voxels=one, min_coverage=one)
    assert [found.attrs[name] for name in ("zero_is_missing", "min_voxels")] == [1, 1]


@pytest.mark.parametrize("region", [[1, 2], True, slice(1, 2), None, {1}])
def test_voxels_are_those_of_one_region(region):
    with pytest.raises(SelectionError, match=r"label or the name of one region, not "):
        FA.parc.voxels(DSEG, region=region)


def test_a_region_may_be_given_as_a_coordinate(cube):
    assert FA.parc.voxels(DSEG, region=cube.region[1]).to_numpy().tolist() == [0.3, 0.4]


def test_a_cube_without_statistics_is_a_table_without_numbers(cube):
    table = cube.parc.sel(stat=[]).parc.to_long()
    assert table["region_name"].tolist() == ["V1_L", "V1_R"]
    assert table["mean"].isna().all()


@pytest.mark.parametrize(
    ("by", "error", "said"),
    [
        ([], SelectionError, "by names no column beside the regions"),
        (xr.DataArray(["a", "b"], dims="region", name="lobe"), TypeError, r"its name: 'lobe'"),
        ({"both": "V1_L"}, SelectionError, r"\{'both': \['V1_L'\]\}"),
    ],
)
def test_what_makes_no_groups_is_told_what_would(cube, by, error, said):
    with pytest.raises(error, match=said):
        cube.parc.aggregate(by)


@pytest.mark.parametrize("stats", [[], ["mean", "mean"]])
def test_groups_have_statistics_each_once(cube, stats):
    with pytest.raises(OptionError, match="distinct names of statistics, at least one"):
        cube.parc.aggregate({"both": [1, 2]}, stats=stats)


def test_what_is_asked_for_twice_is_refused(cube):
    with pytest.raises(OptionError, match="stat is asked for twice"):
        cube.parc.sel(stat="mean", where={"stat": "std"})
    with pytest.raises(OptionError, match=r"where takes a dict, .* not str"):
        cube.parc.sel(where="V1_L")
    assert cube.parc.sel(stat="mean", where={"region": 1}).value.size == 1


def test_nothing_is_selected_from_maps(cube):
    with pytest.raises(SelectionError, match=r"no cube\. These are maps: .*'FA'"):
        xr.Dataset({"FA": FA}).parc.sel(stat="mean")
    with pytest.raises(CubeError, match=r"'map_file' is a coordinate on .* by itself\.$"):
        cube.parc.sel(where={"map_file": "x"})


@pytest.mark.parametrize("wrap", [np.asarray, list, lambda mask: mask])
def test_a_condition_is_no_label(cube, wrap):
    with pytest.raises(SelectionError, match="not True and False"):
        cube.parc.sel(region=wrap(cube.region < 2))


def test_a_coordinate_selects_by_its_values(cube):
    assert cube.parc.sel(region=cube.region[1:]).region.to_numpy().tolist() == [2]
    assert cube.parc.sel(region=cube.region[1]).region.item() == 2


@pytest.mark.parametrize(
    ("what", "name", "hint"),
    [
        (lambda cube: cube.value.parc, "to_long", "cube.parc, not cube.value.parc"),
        (lambda cube: cube.parc, "to_nifti", "A DataArray has it"),
        (lambda cube: xr.DataTree.from_dict({"Tiny": cube}).parc, "extract", "on a grid"),
        (lambda cube: xr.DataTree.from_dict({"Tiny": cube}).parc, "plot", "Its cubes have it"),
        (lambda cube: cube.parc.plot, "mosaic", "A map has it"),
        (lambda _: FA.parc.plot, "heatmap", "A cube has it"),
    ],
)
def test_a_method_in_the_wrong_place_is_shown_the_right_one(cube, what, name, hint):
    with pytest.raises(AttributeError, match=hint) as caught:
        getattr(what(cube), name)
    assert caught.value.name == name


def test_a_method_that_nobody_has_is_an_attribute_error_as_any_other():
    with pytest.raises(AttributeError, match=r"'DataArrayParc' object has no attribute 'extrct'$"):
        FA.parc.extrct  # noqa: B018 - it is the access that fails
    assert not hasattr(FA.parc, "_repr_html_")


def test_accessors_are_copied_and_pickled_all_the_same():
    for again in (copy.copy(FA.parc), pickle.loads(pickle.dumps(FA.parc))):  # noqa: S301 - our own
        assert again.voxel_volume == 1.0


def test_a_region_of_a_mosaic_has_a_name():
    pytest.importorskip("matplotlib")
    by_name = FA.parc.plot.mosaic(DSEG, region="v1_r", lut=NAMES)
    by_label = FA.parc.plot.mosaic(DSEG, region=2)
    assert [t.get_text() for t in by_name.texts] == [t.get_text() for t in by_label.texts]
    with pytest.raises(SelectionError, match=r"lut=… names regions"):
        FA.parc.plot.mosaic(DSEG, region="V1_R")


def test_the_package_runs_as_a_module():
    command = [sys.executable, "-m", "qsiparc", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == qsiparc.__version__


def test_nothing_that_is_right_warns(cube):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cube.parc.sel(region_name="v1_l", stat="mean").value.item() == pytest.approx(0.15)


def test_a_tsv_read_by_pandas_is_the_cube_again(tmp_path):
    names = NAMES.assign(lobe=["O", "n/a"], note=["", ""])
    cube = FA.where(FA > 0.25).parc.extract(DSEG, names)
    path = cube.parc.to_tsv(tmp_path / "fa.tsv")
    exactly = {} if pd.__version__ >= "3" else {"float_precision": "round_trip"}  # as 3 does
    read = pd.read_csv(path, sep="\t", **exactly)
    again = qsiparc.from_long(read, stats=cube.stat.to_numpy().tolist())
    np.testing.assert_array_equal(again.value, cube.value)
    assert again.lobe.to_numpy().tolist() == ["O", ""]
    assert again.note.to_numpy().tolist() == ["", ""]
    unnamed = qsiparc.from_long(pd.read_csv(path, sep="\t").drop(columns="note"))
    assert unnamed.stat.to_numpy().tolist() == cube.stat.to_numpy().tolist()


def test_a_list_is_no_long_table():
    with pytest.raises(TypeError, match=r"takes a DataFrame, or the path of .*, not list"):
        qsiparc.from_long(["fa.tsv"])


def test_a_tree_says_which_atlas_lacks_a_name(cube):
    other = FA.parc.extract(DSEG, NAMES.assign(name=["M1_L", "M1_R"]))
    tree = xr.DataTree.from_dict({"Tiny": cube, "Other": other.assign_attrs(atlas="Other")})
    with pytest.raises(SelectionError, match=r"Other: There is no region_name 'V1_L'.*in all of"):
        tree.parc.sel(region_name="V1_L")


def test_maps_along_scalar_want_names():
    maps = xr.concat([FA, FA * 2], "scalar")
    with pytest.raises(CubeError, match=r"'scalar' has no names: \.assign_coords"):
        maps.parc.extract(DSEG, NAMES)
    named = maps.assign_coords(scalar=["FA", "twice"]).parc.extract(DSEG, NAMES)
    assert named.scalar.to_numpy().tolist() == ["FA", "twice"]


def test_a_cube_is_not_extracted_from(cube):
    with pytest.raises(CubeError, match="It is a cube already"):
        cube.parc.extract(DSEG)


def test_a_label_image_is_no_probabilistic_atlas():
    with pytest.raises(LutError, match=r"has 1 volume, numbered 0.*leave out threshold"):
        FA.parc.extract(DSEG, NAMES, threshold=0.5)


@pytest.mark.parametrize(
    ("what", "hint"),
    [
        (lambda _: xr.Dataset({"FA": FA}), r"These are maps: .*one of them is dataset\['FA'\]"),
        (lambda cube: cube.mean("subject"), r"assign_coords\(subject='mean'\) says it"),
        (
            lambda cube: cube.mean(["subject", "scalar"]),
            r"scalar and subject went .*scalar='mean', subject='mean'\)",
        ),
        (lambda cube: cube.mean("stat"), "A cube is what .parc.extract returns"),
        (lambda _: xr.Dataset(), "A cube is what .parc.extract returns"),
    ],
)
def test_what_is_no_cube_is_told_how_to_become_one(cube, what, hint):
    with pytest.raises(CubeError, match=hint):
        what(cube).parc.to_long()


def test_what_is_told_after_a_mean_makes_a_cube(cube):
    mean = cube.mean("subject").assign_coords(subject="mean")
    assert mean.parc.to_long()["subject"].unique().tolist() == ["mean"]


def test_values_of_a_cube_are_no_volume_to_show(cube):
    pytest.importorskip("matplotlib")
    with pytest.raises(SpaceError, match=r"cube\.parc\.plot, not cube\.value\.parc\.plot"):
        cube.value.parc.plot()


def test_an_accessor_shows_what_it_has(cube):
    assert repr(FA.parc).startswith("<.parc on a map or a label image: affine, extract, plot, ")
    assert repr(cube.parc).startswith("<.parc on a Dataset of maps, and on a cube: affine, ")
    assert (
        repr(cube.parc.plot) == "<.parc.plot on a cube: coverage, distribution, heatmap, regions>"
    )
