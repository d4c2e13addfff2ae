"""Odd arguments of public verbs: each is told by name, and none is taken for something else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import qsiparc
from qsiparc.errors import CubeError, OptionError, SelectionError, SpaceError
from qsiparc.grid import Grid

NAMES = pd.DataFrame({"index": [1, 2], "name": ["V1_L", "V1_R"], "network_label": ["Vis", "Som"]})
PEOPLE = pd.DataFrame({"participant_id": ["sub-01"], "age": [30]})
NO_NUMBERS = ["x", [], ["a"], [[1, 2]], {"a": 1}, {1, 2}, object(), 1j, np.array([1, 2])]


def volume(values, source):
    array = xr.DataArray(np.reshape(values, (4, 1, 1)), dims=("i", "j", "k"))
    return array.assign_attrs(source=source).parc.with_affine(np.eye(4))


FA = volume([0.1, 0.2, 0.3, 0.4], "sub-01_param-fa_dwimap.nii.gz")
DSEG = volume([1, 1, 2, 2], "sub-01_seg-Tiny_dseg.nii.gz")


@pytest.fixture
def cube():
    return FA.parc.extract(DSEG, NAMES)


@pytest.mark.parametrize("tree", [xr.DataTree(), xr.DataTree.from_dict({"/A/B": xr.Dataset()})])
@pytest.mark.parametrize(
    "verb",
    [
        lambda tree: tree.parc.sel(stat="mean"),
        lambda tree: tree.parc.aggregate("network_label"),
        lambda tree: tree.parc.laterality(),
        lambda tree: tree.parc.join_participants(PEOPLE),
    ],
)
def test_a_tree_without_a_cube_is_an_error(tree, verb):
    with pytest.raises(CubeError, match=r"This tree holds no cube\. A tree of cubes is what"):
        verb(tree)


def test_a_tree_with_an_empty_group_is_as_good_as_without(cube):
    tree = xr.DataTree.from_dict({"/A/Tiny": cube})
    found = tree.parc.sel(stat="mean")["A/Tiny"].to_dataset()
    xr.testing.assert_identical(found, cube.parc.sel(stat="mean"))


@pytest.mark.parametrize("affine", [np.eye(4) * (1 + 0j), np.eye(4) + 1j])
def test_a_complex_affine_is_refused(affine):
    for place in (FA.parc.with_affine, lambda one: Grid(one, (4, 1, 1))):
        with pytest.raises(SpaceError, match=r"real numbers, not(.|\n)*affine\.real"):
            place(affine)


@pytest.mark.parametrize(
    "affine", [np.eye(4).astype(str), np.eye(4).astype("M8[s]"), [[1, 0, 0, 0], [0, 1]]]
)
def test_an_affine_of_anything_else_is_refused(affine):
    with pytest.raises(SpaceError, match="An affine is"):
        FA.parc.with_affine(affine)


@pytest.mark.parametrize("ask", ["affine", "voxel_volume", "world"])
def test_a_cube_that_is_asked_for_its_grid_says_who_has_it(cube, ask):
    def reach(one):
        value = getattr(one.parc, ask)
        value()

    for one in (cube, cube.parc.sel(region=1)):
        with pytest.raises(SpaceError, match=r"This is a cube, .* fa\.parc\.affine"):
            reach(one)
    with pytest.raises(SpaceError, match=r"j, k is missing\. This is a cube"):
        cube.parc.with_affine(np.eye(4))
    with pytest.raises(AttributeError, match="Maps and label images have it"):
        getattr(xr.DataTree.from_dict({"Tiny": cube}).parc, ask)


def test_what_has_neither_voxels_nor_regions_is_called_no_cube():
    with pytest.raises(SpaceError, match="open_nifti") as caught:
        _ = xr.DataArray(np.ones(3), dims="time").parc.affine
    assert "cube" not in str(caught.value)


def test_any_coordinate_is_a_keyword(cube):
    selected = cube.parc.sel(network_label="Vis", stat="mean")
    assert selected.region.to_numpy().tolist() == [1]
    assert selected.identical(cube.parc.sel(where={"network_label": "Vis", "stat": "mean"}))
    with pytest.raises(OptionError, match="network_label is asked for twice"):
        cube.parc.sel(network_label="Vis", where={"network_label": "Som"})
    with pytest.raises(SelectionError, match=r"'region_nam'\. Near: region_name\. It has: region,"):
        cube.parc.sel(region_nam="V1_L")
    with pytest.raises(SelectionError, match=r"There is a network_label .*: network_label='Vis'"):
        cube.parc.sel(region_name="Vis")


@pytest.mark.parametrize("given", [{"network_label": None}, {"where": {"network_label": None}}])
def test_none_of_another_coordinate_does_not_select_all(cube, given):
    with pytest.raises(OptionError, match="'network_label' is asked to be None"):
        cube.parc.sel(**given)


@pytest.mark.parametrize("given", [*NO_NUMBERS, None])
def test_fill_is_one_number(cube, given):
    with pytest.raises(OptionError, match="fill is the value outside of all regions"):
        cube.parc.to_volume(DSEG, stat="mean", fill=given)


@pytest.mark.parametrize("given", [0, True, np.float32(0), np.array(0), FA.min()])
def test_fill_may_be_of_numpy(cube, given):
    dseg = volume([0, 1, 2, 2], "sub-01_seg-Tiny_dseg.nii.gz")
    painted = cube.parc.to_volume(dseg, stat="mean", fill=given)
    assert painted.to_numpy()[0] == float(given)


@pytest.mark.parametrize("given", [1, 2.5, [1], b"age", {"age": 1}])
def test_columns_and_stats_are_names(cube, given):
    with pytest.raises(OptionError, match="columns takes names of columns"):
        cube.parc.join_participants(PEOPLE, columns=given)
    with pytest.raises(OptionError, match="stats takes names of statistics"):
        cube.parc.aggregate("network_label", stats=given)


@pytest.mark.parametrize("given", ["no", None, 2, [True]])
def test_by_hemisphere_is_true_or_false(cube, given):
    with pytest.raises(OptionError, match="by_hemisphere is True or False"):
        cube.parc.aggregate("network_label", by_hemisphere=given)


@pytest.mark.parametrize("given", [0, None, ["a.nc"], 2.5])
def test_a_path_is_text_or_a_path(cube, given):
    for verb in (cube.parc.save, cube.parc.to_tsv, FA.parc.to_nifti, qsiparc.open):
        with pytest.raises(OptionError, match="path is the path of a file"):
            verb(given)


@pytest.mark.parametrize("given", [0, None, [0], [None]])
def test_scalarstats_are_paths(given):
    with pytest.raises(OptionError, match="path, or each of a list, is the path"):
        qsiparc.read_scalarstats(given)


def test_a_threshold_is_one_number():
    probseg = xr.concat([FA, FA], "volume").transpose("i", "j", "k", "volume")
    for given in ([], [[1, 2]], np.array([1, 2])):
        with pytest.raises(OptionError, match="threshold is a probability"):
            FA.parc.extract(probseg, threshold=given)


def test_an_atlas_is_a_name(cube):
    with pytest.raises(OptionError, match="atlas is the name of one cube"):
        xr.DataTree.from_dict({"Tiny": cube}).parc.to_volume(DSEG, stat="mean", atlas=["Tiny"])


class TestFigures:
    @pytest.fixture(autouse=True)
    def _matplotlib(self):
        pytest.importorskip("matplotlib")

    @pytest.mark.parametrize(
        "given", ["x", 2.5, True, 0, -1, np.nan, [], ["a"], [None], [np.nan], [[1]], {"a": 1}, 1j]
    )
    @pytest.mark.parametrize("mode", ["z", "ortho", "mosaic"])
    def test_cut_coords_are_a_count_or_places(self, given, mode):
        with pytest.raises(OptionError, match="cut_coords"):
            FA.parc.plot.mosaic(cut_coords=given, display_mode=mode)

    @pytest.mark.parametrize(
        "given", [2, np.int64(2), np.array(2), xr.DataArray(2), (0, 0), np.zeros(2)]
    )
    def test_cut_coords_may_be_of_numpy(self, given):
        mode = "x" if np.ndim(given) == 0 else "z"
        shown = FA.parc.plot.mosaic(cut_coords=given, display_mode=mode)
        assert len(shown.images) == 2

    @pytest.mark.parametrize("given", [*NO_NUMBERS, 0, 2.5, None, True])
    def test_counts_are_whole(self, cube, given):
        with pytest.raises(OptionError, match="columns is how many slices"):
            FA.parc.plot.mosaic(columns=given)
        with pytest.raises(OptionError, match="show is how many regions"):
            cube.parc.plot.coverage(show=given)

    @pytest.mark.parametrize("given", [*NO_NUMBERS[1:], 0, 2.5, None])
    def test_bins_are_a_count_or_a_rule(self, given):
        with pytest.raises(OptionError, match="bins is how many bars"):
            FA.parc.plot.distribution(DSEG, region=1, bins=given)

    def test_a_rule_of_bins_is_one_of_numpy(self):
        with pytest.raises(OptionError, match="there is no 'x'"):
            FA.parc.plot.distribution(DSEG, region=1, bins="x")

    @pytest.mark.parametrize("given", [*NO_NUMBERS, None, 2, np.nan])
    def test_a_threshold_is_a_share(self, cube, given):
        with pytest.raises(OptionError, match="threshold is a share of a region"):
            cube.parc.plot.coverage(threshold=given)

    @pytest.mark.parametrize("given", NO_NUMBERS)
    def test_limits_are_numbers(self, cube, given):
        for name in ("vmin", "vmax"):
            with pytest.raises(OptionError, match=f"{name} is where the colours"):
                FA.parc.plot.mosaic(**{name: given})
            with pytest.raises(OptionError, match=f"{name} is where the colours"):
                cube.parc.plot.heatmap(stat="mean", **{name: given})

    def test_colours_are_a_map_of_matplotlib(self):
        with pytest.raises(OptionError, match=r"cmap is .*Near: viridis"):
            FA.parc.plot.mosaic(cmap="virids")
        with pytest.raises(OptionError, match=r"cmap is .* not 3"):
            FA.parc.plot.mosaic(cmap=3)

    @pytest.mark.parametrize("name", ["radiological", "robust", "colorbar"])
    def test_a_switch_is_true_or_false(self, name):
        with pytest.raises(OptionError, match=f"{name} is True or False, not 'no'"):
            FA.parc.plot.mosaic(**{name: "no"})

    def test_axes_are_axes_and_one(self, cube):
        from matplotlib.figure import Figure

        figure = Figure()
        for given in (figure, figure.subplots(2), "x", 0):
            with pytest.raises(OptionError, match="ax takes one Axes"):
                FA.parc.plot.mosaic(ax=given)
            with pytest.raises(OptionError, match="ax takes one Axes"):
                cube.parc.plot.regions(ax=given)

    @pytest.mark.parametrize("given", [2.5, [2.5], object(), [None], True])
    def test_a_region_is_a_label_or_a_name(self, given):
        with pytest.raises(OptionError, match="region is a label"):
            FA.parc.plot.mosaic(DSEG, region=given)


@pytest.mark.parametrize("given", [np.array(["index", "difference"]), ["index"], 1, None])
def test_a_word_of_several_is_no_array(cube, given):
    with pytest.raises(OptionError, match="kind takes 'index' or 'difference', not"):
        cube.parc.laterality(kind=given)
    with pytest.raises(OptionError, match="missing takes 'warn', 'raise' or 'ignore', not"):
        cube.parc.to_volume(DSEG, stat="mean", missing=given)
    with pytest.raises(OptionError, match="unknown takes 'raise', 'warn' or 'keep', not"):
        FA.parc.extract(DSEG, unknown=given)


def test_text_is_neither_true_nor_false():
    with pytest.raises(OptionError, match="by_hemisphere is True or False, not 'no'"):
        DSEG.parc.relabel({"both": [1, 2]}, by_hemisphere="no")
    with pytest.raises(OptionError, match="coords is True or False, not 'no'"):
        FA.parc.voxels(DSEG, region=1, coords="no")
