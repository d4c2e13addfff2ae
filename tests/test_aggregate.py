from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from phantoms import image, volume

import qsiparc
from qsiparc.errors import CubeError, OptionError, QsiparcWarning, SelectionError
from qsiparc.names import MEMBER_LABELS
from qsiparc.pooling import NEEDS

EXACT = ["mean", "std", "skewness", "kurtosis", "n_voxels", "coverage"]
"""What the extended tier has that can be pooled."""

POOLED = [name for name in NEEDS if name != "mask_coverage"]
"""All that can be pooled without a mask."""

LABELS = np.array([1, 1, 2, 2, 2, 3, 4, 4, 0, 4], np.int16).reshape(10, 1, 1)
VALUES = np.array([1, 3, 2, 4, 6, 5, 7, np.nan, 9, 8.0]).reshape(10, 1, 1)
LUT = pd.DataFrame(
    {
        "index": [1, 2, 3, 4, 9],
        "name": ["LH_Vis_1", "RH_Vis_1", "LH_Mot_1", "Stem", "RH_Mot_1"],
        "network": ["Vis", "Vis", "Mot", "n/a", "Mot"],
        "lobe": ["occ", "occ", "fro", "fro", "fro"],
    }
)


def extract(values=VALUES, labels=LABELS, lut=LUT, *, stats=EXACT, **options):
    fa = values if isinstance(values, xr.DataArray) else volume(values)
    return fa.parc.extract(image(labels), lut, stats=stats, scalar="FA", **options)


@pytest.fixture
def cube():
    return extract()


def at(cube, group, stat):
    return cube.parc.sel(region_name=group, stat=stat).value.item()


@pytest.mark.parametrize("by", [None, 5, [1, 2], pd.DataFrame({"a": [1]}), len])
@pytest.mark.parametrize("use", ["aggregate", "relabel"])
def test_what_is_no_grouping(cube, by, use):
    with pytest.raises(TypeError, match="by takes the name of a column, a list of them, or a map"):
        cube.parc.aggregate(by) if use == "aggregate" else volume(LABELS).parc.relabel(by, LUT)


def test_a_group_has_a_name_and_a_series_is_a_mapping(cube):
    for name in (None, ""):
        with pytest.raises(OptionError, match="is no name: of a group, give it one"):
            cube.parc.aggregate({name: [1, 2]})
    both = [cube.parc.aggregate(by) for by in ({1: "X", 2: "X"}, pd.Series({1: "X", 2: "X"}))]
    xr.testing.assert_identical(*both)


class TestByHand:
    def test_mean_and_count(self, cube):
        lobes = cube.parc.aggregate("lobe")
        assert lobes.region_name.to_numpy().tolist() == ["occ", "fro"]
        assert lobes.region.to_numpy().tolist() == [1, 2]
        assert at(lobes, "occ", "mean") == pytest.approx(16 / 5)
        assert at(lobes, "occ", "n_voxels") == 5
        assert at(lobes, "fro", "mean") == pytest.approx(20 / 3)
        assert at(lobes, "fro", "coverage") == 3 / 4

    def test_constant_and_single_voxels_have_moments(self):
        values = np.array([2, 2, 5, 5, 5, 9, 9, 9, 9, 9.0]).reshape(10, 1, 1)
        cube = extract(values, stats=EXACT)
        assert np.isnan(cube.value.sel(stat="skewness")).all()
        all_of_them = cube.parc.aggregate({"all": [1, 2, 3, 4]})
        direct = extract(values, (LABELS > 0).astype(np.int16), lut=None)
        np.testing.assert_allclose(
            all_of_them.value.to_numpy().ravel(), direct.value.to_numpy().ravel(), rtol=1e-13
        )

    def test_a_constant_group_has_no_shape(self):
        cube = extract(np.full((10, 1, 1), 0.1))
        group = cube.parc.aggregate({"all": [1, 2, 3]})
        assert at(group, "all", "mean") == 0.1
        assert at(group, "all", "std") == 0
        assert np.isnan(at(group, "all", "skewness"))

    def test_a_group_that_is_nowhere(self, cube):
        nowhere = cube.parc.aggregate({"gone": [9]})
        values = nowhere.value.sel(region=1, scalar="FA").isel(subject=0)
        assert values.sel(stat="n_voxels") == 0
        assert np.isnan(values.sel(stat=["mean", "std", "coverage"])).all()


class TestCoverage:
    VALUES = np.where(LABELS == 3, np.nan, VALUES)

    def test_it_is_unknown_where_a_region_has_no_valid_voxel(self):
        cube = extract(self.VALUES)
        with pytest.warns(QsiparcWarning, match=r"coverage of fro is NaN.*'n_atlas_voxels'"):
            lobes = cube.parc.aggregate("lobe")
        assert np.isnan(at(lobes, "fro", "coverage"))
        assert at(lobes, "fro", "n_voxels") == 2

    def test_it_is_zero_where_no_region_has_one(self):
        lone = extract(self.VALUES).parc.aggregate({"Mot": [3, 9]})
        assert at(lone, "Mot", "coverage") == 0


class TestWhatIsNotThere:
    def test_a_region_that_was_too_small(self):
        cube = extract(min_voxels=2)
        with pytest.warns(QsiparcWarning, match="mean of fro is NaN.*min_voxels"):
            lobes = cube.parc.aggregate("lobe")
        assert np.isnan(at(lobes, "fro", "mean"))
        assert at(lobes, "fro", "n_voxels") == 3
        assert at(lobes, "occ", "mean") == pytest.approx(16 / 5)

    def test_the_share_in_a_mask(self):
        mask = image((np.arange(10).reshape(10, 1, 1) < 5).astype(np.uint8))
        stats = ["n_voxels", "coverage", "n_atlas_voxels", "mask_coverage"]
        cube = extract(stats=stats, mask=mask)
        pooled = cube.parc.aggregate({"all": [1, 2, 3, 4, 9], "gone": [9], "out": [3, 4]})
        shares = pooled.value.sel(stat="mask_coverage").to_numpy().ravel().tolist()
        np.testing.assert_equal(shares, [5 / 9, np.nan, 0])
        with pytest.raises(CubeError, match="mask_coverage of a group needs n_atlas_voxels"):
            cube.drop_sel(stat="n_atlas_voxels").parc.aggregate("lobe", stats=["mask_coverage"])


class TestGroups:
    def test_a_group_of_both_sides_is_bilateral(self, cube):
        lobes = cube.parc.aggregate("lobe")
        assert lobes.hemisphere.to_numpy().tolist() == ["bilateral", "bilateral"]

    def test_by_hemisphere(self, cube):
        with pytest.warns(QsiparcWarning, match="1 of 5 regions have no network"):
            halves = cube.parc.aggregate("network", by_hemisphere=True)
        assert halves.region_name.to_numpy().tolist() == ["Vis_L", "Vis_R", "Mot_L", "Mot_R"]
        assert halves.hemisphere.to_numpy().tolist() == ["L", "R", "L", "R"]
        assert halves.network.to_numpy().tolist() == ["Vis", "Vis", "Mot", "Mot"]
        assert halves[MEMBER_LABELS].to_numpy().tolist() == ["1", "2", "3", "9"]
        with pytest.warns(QsiparcWarning, match="no network or hemisphere"):
            same = cube.parc.aggregate(["network", "hemisphere"])
        xr.testing.assert_identical(same, halves)

    def test_columns_with_one_value_a_group_are_kept(self, cube):
        with pytest.warns(QsiparcWarning, match=r"left out|in no group"):
            networks = cube.parc.aggregate("network")
        assert networks.lobe.to_numpy().tolist() == ["occ", "fro"]
        assert "network" not in cube.parc.aggregate("lobe").coords

    def test_cells_without_a_group_are_named(self, cube):
        with pytest.warns(QsiparcWarning, match=r"1 of 5 regions have no network.*: Stem\."):
            cube.parc.aggregate("network")

    @pytest.mark.parametrize(
        "by",
        [
            {"Vis": ["LH_Vis_1", "RH_Vis_1"], "Mot": [3, 9]},
            {"LH_Vis_1": "Vis", "RH_Vis_1": "Vis", 3: "Mot", 9: "Mot"},
        ],
    )
    def test_mappings_in_both_directions(self, cube, by):
        with pytest.warns(QsiparcWarning, match="no network"):
            expected = cube.parc.aggregate("network")
        found = cube.parc.aggregate(by)
        np.testing.assert_array_equal(found.value, expected.value)
        assert found.region_name.to_numpy().tolist() == ["Vis", "Mot"]

    def test_groups_of_a_mapping_may_overlap(self, cube):
        both = cube.parc.aggregate({"left": [1, 3], "Vis": [1, 2]})
        assert at(both, "left", "n_voxels") == 3
        assert at(both, "Vis", "n_voxels") == 5

    def test_a_pandas_mapping_with_gaps(self, cube):
        by = {1: "a", 2: float("nan"), 3: ""}
        with pytest.warns(QsiparcWarning, match=r"2 of 3 regions have no group .*: 2, 3\."):
            assert cube.parc.aggregate(by).sizes["region"] == 1

    def test_groups_of_groups(self, cube):
        halves = cube.parc.aggregate("lobe", by_hemisphere=True)
        again = halves.parc.aggregate("lobe")
        np.testing.assert_allclose(again.value, cube.parc.aggregate("lobe").value, rtol=1e-14)
        assert again[MEMBER_LABELS].to_numpy().tolist() == ["1 2", "3 4 9"]

    @pytest.mark.parametrize(
        ("by", "error", "message"),
        [
            ("lobes", SelectionError, r"no column 'lobes'.*There are: .*lobe"),
            ([], SelectionError, "no column"),
            ({"a": ["LH_Viss_1"]}, SelectionError, r"no region 'LH_Viss_1'.*Near: LH_Vis_1"),
            ({"a": [17]}, SelectionError, "no region 17"),
            ({"a": [1, "LH_Vis_1"]}, OptionError, "'LH_Vis_1' stands twice in the group 'a'"),
            ({1: 2}, OptionError, "text"),
            ({}, OptionError, "No region is in a group"),
        ],
    )
    def test_what_makes_no_groups(self, cube, by, error, message):
        with pytest.raises(error, match=message):
            cube.parc.aggregate(by)


class TestStatistics:
    def test_what_cannot_be_pooled_is_named(self):
        cube = extract(stats="extended")
        with pytest.warns(QsiparcWarning, match=r"median, iqr .*dseg.parc.relabel\('lobe', lut\)"):
            lobes = cube.parc.aggregate("lobe")
        assert lobes.stat.to_numpy().tolist() == EXACT
        assert lobes.attrs["stats"] == " ".join(EXACT)

    def test_stats_are_asked_for(self, cube):
        assert cube.parc.aggregate("lobe", stats=["std"]).stat.to_numpy().tolist() == ["std"]
        assert cube.parc.aggregate("lobe", stats="mean").stat.to_numpy().tolist() == ["mean"]

    def test_what_was_asked_for_and_cannot_be_pooled(self):
        cube = extract(stats="extended")
        with pytest.raises(CubeError, match="median of a group do not follow"):
            cube.parc.aggregate("lobe", stats=["mean", "median"])
        with pytest.raises(CubeError, match="median"):
            cube.parc.sel(stat=["median"]).parc.aggregate("lobe")
        with pytest.raises(CubeError, match="entropy of the regions are not in this cube"):
            cube.parc.aggregate("lobe", stats=["entropy"])

    def test_what_is_needed_and_not_there(self, cube):
        with pytest.raises(CubeError, match="std of a group needs mean and n_voxels"):
            cube.parc.sel(stat=["std"]).parc.aggregate("lobe")
        with pytest.warns(QsiparcWarning, match="kurtosis of a group needs skewness"):
            part = cube.drop_sel(stat="skewness").parc.aggregate("lobe")
        assert "kurtosis" not in part.stat


class TestCubes:
    def test_lazy_and_of_any_dims(self):
        maps = volume(np.stack([VALUES, VALUES * 2, VALUES + 1], axis=-1))
        cube = extract(maps.chunk(volume=1), subject="sub-1")
        assert cube.chunks
        lobes = cube.parc.aggregate("lobe")
        assert lobes.chunks
        assert lobes.value.dims == ("region", "stat", "scalar", "subject", "volume")
        xr.testing.assert_identical(lobes.compute(), cube.compute().parc.aggregate("lobe"))

    def test_selected_dims_stay_selected(self, cube):
        one = cube.isel(subject=0, scalar=0).parc.aggregate("lobe")
        assert one.value.dims == ("region", "stat")
        whole = cube.parc.aggregate("lobe").isel(subject=0, scalar=0)
        xr.testing.assert_identical(one, whole)

    def test_a_study_keeps_its_status(self, cube):
        status = xr.Variable(("scalar", "subject"), np.zeros((1, 1), np.int8), {"flag_values": [0]})
        lobes = cube.assign(status=status).parc.aggregate("lobe")
        assert lobes.status.attrs == {"flag_values": [0]}

    def test_attrs_and_files_are_kept(self, cube):
        lobes = cube.assign_attrs(atlas="A").parc.aggregate("lobe")
        assert lobes.attrs["atlas"] == "A"
        assert lobes.attrs["aggregated_by"] == "lobe"
        assert {"map_file", "dseg_file"} <= set(lobes.coords)

    def test_trees(self, cube):
        tree = xr.DataTree.from_dict({"A": cube, "B": cube})
        xr.testing.assert_identical(
            tree.parc.aggregate("lobe")["A"].to_dataset(), cube.parc.aggregate("lobe")
        )

    def test_a_long_table_and_back(self, cube):
        lobes = cube.parc.aggregate("lobe")
        xr.testing.assert_identical(qsiparc.from_long(lobes.parc.to_long()), lobes)

    @pytest.mark.parametrize("suffix", ["zarr", "nc"])
    def test_it_can_be_kept(self, cube, tmp_path, suffix):
        lobes = cube.parc.aggregate("lobe")
        lobes.parc.save(tmp_path / f"lobes.{suffix}")
        xr.testing.assert_identical(qsiparc.open(tmp_path / f"lobes.{suffix}").load(), lobes)

    def test_what_is_no_cube(self):
        with pytest.raises(CubeError, match="no cube"):
            xr.Dataset({"x": 1}).parc.aggregate("lobe")


voxels = st.one_of(
    st.just(np.nan),
    st.just(0.0),
    *(st.integers(1, 4000).map(lambda n, unit=unit: n * unit) for unit in (1 / 4096, 1e-6, 100.0)),
)
"""FA, MD and RTOP, in steps that rounding does not swallow."""


@settings(deadline=None, max_examples=50)
@given(data=st.data(), n=st.integers(1, 40), n_regions=st.integers(1, 8))
def test_pooling_is_extraction_with_merged_labels(data, n, n_regions):
    values = np.array(data.draw(st.lists(voxels, min_size=n, max_size=n))).reshape(n, 1, 1)
    drawn = data.draw(st.lists(st.integers(0, n_regions), min_size=n, max_size=n))
    labels = np.array([1, *drawn[1:]], np.int16).reshape(n, 1, 1)
    cells = data.draw(
        st.lists(st.sampled_from(["a", "b", "c", ""]), min_size=n_regions, max_size=n_regions)
    )
    cells[0] = "a"
    lut = pd.DataFrame(
        {
            "index": range(1, n_regions + 1),
            "name": [f"r{i}" for i in range(n_regions)],
            "net": cells,
        }
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", QsiparcWarning)  # of gaps, which are the point
        cube = extract(values, labels, lut, stats=POOLED)
        pooled = cube.parc.aggregate("net")
        lone = cube.drop_sel(stat="n_atlas_voxels").parc.aggregate("net", stats=["coverage"])
        merged, groups = volume(labels).parc.relabel("net", lut)
        direct = volume(values).parc.extract(merged, groups, stats=POOLED, scalar="FA")
    assert pooled.region_name.to_numpy().tolist() == direct.region_name.to_numpy().tolist()
    for stat in POOLED:
        ours, theirs = (c.value.sel(stat=stat).to_numpy().ravel() for c in (pooled, direct))
        scale = np.ones(1) if stat in ("skewness", "kurtosis") else np.abs(theirs)
        moderate = np.abs(theirs) if stat in ("skewness", "kurtosis") else 0
        close = np.abs(ours - theirs) <= 1e-12 * np.maximum(scale, moderate)
        assert (close | (np.isnan(ours) & np.isnan(theirs))).all(), (stat, ours, theirs)
    guessed, known = (c.value.sel(stat="coverage").to_numpy() for c in (lone, direct))
    assert ((guessed == known) | np.isnan(guessed)).all()
