from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from phantoms import image, volume

import qsiparc
from qsiparc.atlas import infer_hemisphere
from qsiparc.atlas.hemisphere import without_side
from qsiparc.errors import CubeError, OptionError, QsiparcWarning
from qsiparc.laterality import find_pairs

LUT = pd.DataFrame(
    {
        "index": [1, 2, 11, 12, 20],
        "name": ["LH_Vis_1", "LH_Mot_1", "RH_Vis_1", "RH_Mot_1", "Brain-Stem"],
        "network": ["Vis", "Mot", "Vis", "Mot", "n/a"],
    }
)
LABELS = np.array([1, 1, 2, 11, 12, 12, 20], np.int16).reshape(7, 1, 1)
VALUES = np.array([3, 5, 2, 1, 6, 10, 9.0]).reshape(7, 1, 1)


@pytest.fixture
def cube():
    cube = volume(VALUES).assign_attrs(units="mm^2/s")
    cube = cube.parc.extract(image(LABELS), LUT, scalar="MD", stats=["mean", "n_voxels"])
    return cube.parc.sel(hemisphere=["L", "R"])


class TestIndex:
    def test_by_hand(self, cube):
        index = cube.parc.laterality()
        assert index.region_name.to_numpy().tolist() == ["Vis_1", "Mot_1"]
        assert index.value.sel(stat="mean").to_numpy().ravel().tolist() == [
            (4 - 1) / (4 + 1),
            (2 - 8) / (2 + 8),
        ]
        assert index.value.sel(stat="n_voxels").to_numpy().ravel().tolist() == [1 / 3, -1 / 3]
        assert index.units.item() == "1"
        assert index.attrs["laterality"] == "(L - R) / (L + R)"

    def test_difference(self, cube):
        difference = cube.parc.laterality(kind="difference")
        assert difference.value.sel(stat="mean").to_numpy().ravel().tolist() == [3, -6]
        assert difference.units.item() == "mm^2/s"

    @pytest.mark.parametrize(
        ("left", "right", "expected"),
        [(0, 0, np.nan), (1, -1, np.nan), (2, -1, np.nan), (0, 2, -1), (-3, -1, 0.5)],
    )
    def test_it_is_bounded_or_nan(self, left, right, expected):
        lut = pd.DataFrame({"index": [1, 2], "name": ["a_L", "a_R"]})
        labels = np.array([1, 2], np.int16).reshape(2, 1, 1)
        fa = volume(np.array([left, right], float).reshape(2, 1, 1))
        cube = fa.parc.extract(image(labels), lut, stats=["mean"])
        np.testing.assert_equal(cube.parc.laterality().value.item(), expected)

    def test_kinds(self, cube):
        with pytest.raises(OptionError, match="'index' or 'difference', not 'ratio'"):
            cube.parc.laterality(kind="ratio")


class TestCubes:
    def test_columns_that_say_the_same_of_both_are_kept(self, cube):
        index = cube.parc.laterality()
        assert index.network.to_numpy().tolist() == ["Vis", "Mot"]
        assert index.hemisphere.to_numpy().tolist() == ["bilateral"] * 2
        assert index.member_labels.to_numpy().tolist() == ["1 11", "2 12"]

    def test_both_sides_are_painted(self, cube):
        painted = cube.parc.laterality().parc.to_volume(
            image(LABELS), stat="mean", missing="ignore", fill=9
        )
        np.testing.assert_array_equal(
            painted.to_numpy().ravel(), [0.6, 0.6, -0.6, 0.6, -0.6, -0.6, 9]
        )

    def test_a_picture_says_what_it_shows(self, cube):
        options = {"stat": "mean", "missing": "ignore"}
        index = cube.parc.laterality().parc.to_volume(image(LABELS), **options)
        assert index.attrs["long_name"] == "(L - R) / (L + R) of mean of MD"
        assert index.attrs["units"] == "1"
        difference = cube.parc.laterality(kind="difference").parc.to_volume(
            image(LABELS), **options
        )
        assert difference.attrs["long_name"] == "L - R of mean of MD"
        assert difference.attrs["units"] == "mm^2/s"

    def test_lazy(self, cube):
        lazy = cube.chunk(region=2).parc.laterality()
        assert lazy.chunks
        xr.testing.assert_identical(lazy.compute(), cube.parc.laterality())

    def test_trees_and_selections(self, cube):
        tree = xr.DataTree.from_dict({"A": cube})
        expected = cube.parc.laterality()
        xr.testing.assert_identical(tree.parc.laterality()["A"].to_dataset(), expected)
        one = cube.parc.sel(stat="mean", scalar="MD").parc.laterality()
        xr.testing.assert_identical(one, expected.isel(stat=0, scalar=0))

    def test_of_groups(self, cube):
        halves = cube.parc.aggregate("network", by_hemisphere=True)
        index = halves.parc.laterality()
        assert index.region_name.to_numpy().tolist() == ["Vis", "Mot"]
        np.testing.assert_allclose(index.value, cube.parc.laterality().value)
        assert index.member_labels.to_numpy().tolist() == ["1 11", "2 12"]

    def test_a_long_table_and_back(self, cube):
        index = cube.parc.laterality()
        xr.testing.assert_identical(qsiparc.from_long(index.parc.to_long()), index)


class TestPairs:
    def test_who_is_alone_is_named(self):
        cube = volume(VALUES).parc.extract(image(LABELS), LUT, stats=["mean"])
        with pytest.warns(QsiparcWarning, match=r"1 of 5 regions .*: Brain-Stem \(bilateral\)\."):
            assert cube.parc.laterality().sizes["region"] == 2

    def test_nobody_has_a_counterpart(self, cube):
        with pytest.raises(CubeError, match=r"No region has a counterpart.*LH_Vis_1, LH_Mot_1"):
            cube.parc.sel(hemisphere="L").parc.laterality()

    def test_two_of_one_name(self):
        with pytest.raises(CubeError, match=r"'L_a' and 'L-a' are on one side.*called 'a'"):
            find_pairs(["L_a", "L-a", "R_a"], ["L", "L", "R"])

    def test_one_name_on_both_sides_of_a_column(self):
        assert find_pairs(["Thalamus", "Thalamus"], ["R", "L"]).places == [(1, 0)]

    @pytest.mark.parametrize(
        ("left", "right", "stem"),
        [
            ("LH_Vis_1", "RH_Vis_1", "Vis_1"),
            ("17Networks_LH_DefaultA_1", "17Networks_RH_DefaultA_1", "17Networks_DefaultA_1"),
            ("L_V1_ROI", "R_V1_ROI", "V1_ROI"),
            ("lh_L_V1_ROI", "rh_R_V1_ROI", "V1_ROI"),
            ("Left-Thalamus-Proper", "Right-Thalamus-Proper", "Thalamus-Proper"),
            ("LeftThalamus", "RightThalamus", "Thalamus"),
            ("ctx-lh-bankssts", "ctx-rh-bankssts", "ctx-bankssts"),
            ("Precentral_L", "Precentral_R", "Precentral"),
            ("SFG_L_7_1", "SFG_R_7_1", "SFG_7_1"),
            ("HIP-head-l-lh", "HIP-head-l-rh", "HIP-head-l"),
            ("HIP-head-l-l", "HIP-head-l-rh", "HIP-head-l"),
            ("lAMY-lh", "lAMY-rh", "lAMY"),
            ("ThalamusL", "ThalamusR", "Thalamus"),
            ("LHippocampus", "RHippocampus", "Hippocampus"),
            ("Thalamus (L)", "Thalamus (R)", "Thalamus"),
            ("left inferior cerebellar peduncle", "right inferior cerebellar peduncle",
             "inferior cerebellar peduncle"),
        ],
    )  # fmt: skip
    def test_names_as_they_are_in_the_wild(self, left, right, stem):
        sides = [infer_hemisphere(left), infer_hemisphere(right)]
        assert find_pairs([left, right], sides) == ([stem], [(0, 1)], [])

    @pytest.mark.parametrize("name", ["Brain-Stem", "L_and_R", "R-C-S", "lAMY", ""])
    def test_what_has_no_side_keeps_its_name(self, name):
        assert without_side(name) == name


@pytest.mark.parametrize("side", ["", "LR", "left", "bilateral"])
def test_what_is_neither_left_nor_right_has_no_counterpart(side):
    found = find_pairs(["L_a", "R_a", "b"], ["L", "R", side])
    assert found == (["a"], [(0, 1)], [2])


@pytest.mark.realdata
def test_every_region_of_a_real_table_has_its_counterpart(shared_data):
    lut = qsiparc.read_lut(
        shared_data / "lut_samples/mrtrix3__labelconvert_fs_default.txt"
    ).text_columns()
    pairs = find_pairs(lut["region_name"], lut["hemisphere"])
    assert len(pairs.names) == 42
    assert not pairs.alone


@given(st.permutations(range(5)))
def test_pairs_do_not_depend_on_the_order(order):
    names = [LUT["name"][n] for n in order]
    pairs = find_pairs(names, [infer_hemisphere(name) for name in names])
    found = {
        name: (names[i], names[j]) for name, (i, j) in zip(pairs.names, pairs.places, strict=True)
    }
    assert found == {"Vis_1": ("LH_Vis_1", "RH_Vis_1"), "Mot_1": ("LH_Mot_1", "RH_Mot_1")}
