from __future__ import annotations

import itertools
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from phantoms import SIGNED_PERMUTATIONS, turned
from plotting import beyond, drawn_texts, head, made_cube, overlapping

from qsiparc import plot
from qsiparc.atlas import AtlasLUT, RegionInfo
from qsiparc.cube import text
from qsiparc.errors import (
    CubeError,
    GridMismatchError,
    LabelError,
    OptionError,
    SelectionError,
    SpaceError,
)
from qsiparc.plot.matrix import spread_out
from qsiparc.plot.slices import outlines
from qsiparc.plot.style import NO_VALUE, SIDES

FA, DSEG = head()
CUBE = made_cube()
TILT = np.array([[1.9, 0.3, 0, 9], [-0.3, 1.9, 0.1, -4], [0, -0.1, 2.1, 3], [0, 0, 0, 1]])

FIGURES = {
    "mosaic": lambda ax=None: plot.mosaic(FA, DSEG, ax=ax),
    "ortho": lambda ax=None: plot.mosaic(FA, DSEG, display_mode="ortho", region=3, ax=ax),
    "rows": lambda ax=None: plot.mosaic(FA, display_mode="mosaic", cut_coords=3, ax=ax),
    "many": lambda ax=None: plot.mosaic(FA - 0.4, DSEG, display_mode="x", columns=9, ax=ax),
    "voxels": lambda ax=None: plot.voxel_distribution(FA, DSEG, region=3, ax=ax),
    "regions": lambda ax=None: plot.regions(CUBE, ax=ax),
    "one": lambda ax=None: plot.regions(CUBE, subject="sub-001", ax=ax),
    "heatmap": lambda ax=None: plot.heatmap(CUBE, ax=ax),
    "coverage": lambda ax=None: plot.coverage(CUBE, ax=ax),
    "scans": lambda ax=None: plot.cube_distribution(CUBE, "Region_2", by="group", ax=ax),
}


def shown(ax):
    """The slices of a mosaic: what they show, and what is written on them."""
    return [image.get_array().filled(np.nan).T for image in ax.images]


def words(ax):
    return [one.get_text() for one in ax.texts]


def line(ax, label):
    """The place of an upright line."""
    return next(one.get_xdata()[0] for one in ax.lines if one.get_label() == label)


@pytest.mark.parametrize("name", FIGURES)
class TestEveryFigure:
    def test_it_draws_on_the_axes_that_are_given(self, name):
        figure = Figure()
        left, right = figure.subplots(1, 2)
        assert FIGURES[name](right) is right
        assert right.has_data()
        assert not left.has_data()

    def test_it_is_legible_at_the_width_of_a_column(self, name):
        figure = FIGURES[name]().figure
        assert figure.get_size_inches()[0] == pytest.approx(89 / 25.4)
        assert min(one.get_fontsize() for one, _ in drawn_texts(figure)) >= 6
        assert overlapping(figure) == []
        assert beyond(figure) == []


@pytest.mark.parametrize(
    "draw", [plot.regions, plot.heatmap, lambda cube: plot.cube_distribution(cube, "Region_2")]
)
def test_the_only_statistic_is_the_one_that_is_shown(draw):
    cube = CUBE.assign_coords(stat=[f"{name}_like" for name in CUBE.stat.to_numpy()])
    assert draw(cube.isel(stat=0)) is not None
    assert draw(cube.isel(stat=[0])) is not None
    with pytest.raises(SelectionError, match="no stat 'mean'"):
        draw(cube)


@pytest.mark.parametrize(
    ("called", "named"),
    [
        (lambda: FA.parc.plot(DSEG), lambda: FA.parc.plot.mosaic(DSEG)),
        (CUBE.parc.plot, CUBE.parc.plot.regions),
        (lambda: CUBE.parc.plot(stat="std"), lambda: CUBE.parc.plot.regions(stat="std")),
    ],
)
def test_called_itself_it_is_the_first_figure_of_its_kind(called, named):
    one, other = (FigureCanvasAgg(draw().figure) for draw in (called, named))
    one.draw()
    other.draw()
    np.testing.assert_array_equal(one.buffer_rgba(), other.buffer_rgba())


def test_called_it_takes_what_a_selection_left():
    for left in (CUBE.parc.sel(stat="std"), CUBE.parc.sel(stat=["std"]), CUBE.sel(stat="std")):
        assert left.parc.plot().get_xlabel() == CUBE.parc.plot(stat="std").get_xlabel()
    without = CUBE.parc.sel(stat=["std", "coverage"])
    with pytest.raises(SelectionError, match=r"no stat 'mean'.*stat=…, one of std, coverage"):
        without.parc.plot()


@pytest.mark.parametrize("draw", [plot.regions, plot.heatmap, plot.coverage])
@pytest.mark.parametrize("dim", ["region", "subject"])
def test_of_nothing_there_is_no_figure(draw, dim):
    with pytest.raises(CubeError, match=f"nothing to show: this cube has no {dim}"):
        draw(CUBE.isel({dim: []}))


def test_a_list_of_one_statistic_is_that_one():
    assert plot.regions(CUBE, stat=["std"]).get_xlabel() == plot.regions(CUBE).get_xlabel().replace(
        "mean", "std"
    )


def test_ends_of_colours_are_in_order():
    for draw in (lambda **ends: plot.heatmap(CUBE, **ends), lambda **e: plot.mosaic(FA, **e)):
        with pytest.raises(OptionError, match="vmin is below vmax, not 1 and 0"):
            draw(vmin=1, vmax=0)


def test_a_mask_is_shown_as_any_map():
    mask = FA.copy(data=FA.to_numpy() > 0.4)
    np.testing.assert_array_equal(shown(plot.mosaic(mask)), shown(plot.mosaic(mask.astype("u1"))))


def test_no_labels_overlap_with_456_regions_of_500_scans():
    cube = made_cube(456, 500, names=[f"LH_SalVentAttn_FrOperIns_{n}" for n in range(456)])
    for ax in (
        plot.regions(cube),
        plot.heatmap(cube),
        plot.heatmap(cube, group=None),
        plot.coverage(cube, threshold=1),
        plot.cube_distribution(cube, 3),
    ):
        assert overlapping(ax.figure) == []
        assert beyond(ax.figure) == []
        assert len(drawn_texts(ax.figure)) > 10


def test_as_many_names_as_there_is_room_for():
    cube = made_cube(60)
    for height, most in ((100, 60), (200, 60)):
        figure = Figure((3.5, height / 25.4), layout="constrained")
        ax = plot.regions(cube, ax=figure.subplots())
        written = [t.get_text() for t, _ in drawn_texts(figure) if t.get_text()[:3] == "Reg"]
        assert 20 < len(written) <= most
    assert len(written) == 59
    assert written[0] == ax.get_yticklabels()[0].get_text()


class TestMosaic:
    @pytest.mark.parametrize("how", SIGNED_PERMUTATIONS[::7])
    def test_a_brain_looks_alike_however_it_is_stored(self, how):
        data, affine = turned(FA.values, FA.parc.affine, *how)
        other = xr.DataArray(data, dims=("i", "j", "k")).parc.with_affine(affine)
        for mode in ("x", "y", "z", "ortho", "mosaic"):
            options = {"display_mode": mode, "region": 4}
            expected = plot.mosaic(FA, DSEG, **options)
            found = plot.mosaic(other, DSEG, **options)
            assert words(found) == words(expected)
            for one, two in zip(shown(found), shown(expected), strict=True):
                np.testing.assert_array_equal(one, two)

    def test_a_slice_is_the_plane_of_voxels_at_that_place(self):
        ax = plot.mosaic(FA, cut_coords=[4, 10])
        for image, k in zip(shown(ax), (2, 5), strict=True):
            full = FA.values[:, :, k]
            inside = full[np.ix_(*(slice_of(FA.values, axis) for axis in (0, 1)))]
            np.testing.assert_array_equal(image, inside)
        assert words(ax)[-2:] == ["z = 4 mm", "z = 10 mm"]

    def test_left_is_marked_and_on_the_left_or_on_the_right(self):
        for radiological, first in ((False, "L"), (True, "R")):
            ax = plot.mosaic(FA, cut_coords=[8], radiological=radiological)
            (image,) = shown(ax)
            left, right = (half[half > 0].mean() for half in np.array_split(image, 2))
            assert (left < right) != radiological  # FA grows to the patient's right
            marks = sorted(ax.texts[:2], key=lambda one: one.get_position()[0])
            assert marks[0].get_text() == first

    def test_a_sagittal_slice_has_a_front_and_is_not_mirrored(self):
        plain = plot.mosaic(FA, display_mode="x", cut_coords=[10])
        mirrored = plot.mosaic(FA, display_mode="x", cut_coords=[10], radiological=True)
        np.testing.assert_array_equal(*shown(plain), *shown(mirrored))
        assert words(plain)[:2] == words(mirrored)[:2] == ["P", "A"]

    def test_an_oblique_plane_says_so(self):
        fa, dseg = head(TILT)
        assert "≈" in words(plot.mosaic(fa, dseg))[-1]
        assert "=" in words(plot.mosaic(FA, DSEG))[-1]

    def test_places_are_where_the_affine_puts_them(self):
        fa, _ = head(TILT)
        ax = plot.mosaic(fa, display_mode="ortho", cut_coords=(20, 12, 12))
        at = {word[0]: int(word.split()[2]) for word in words(ax)[-3:]}
        middle = (np.array(fa.shape) - 1) / 2
        for axis, wanted in zip("xyz", (20, 12, 12), strict=True):
            n = "xyz".index(axis)
            planes = [TILT @ [*np.where(np.arange(3) == n, p, middle), 1] for p in range(14)]
            nearest = min((p[n] for p in planes), key=lambda place: abs(place - wanted))
            assert at[axis] == round(nearest)

    def test_a_slice_beyond_the_brain_is_refused(self):
        with pytest.raises(SpaceError, match="z = 99 mm is outside of what there is"):
            plot.mosaic(FA, cut_coords=[99])

    def test_regions_are_marked_and_slices_go_through_them(self):
        ax = plot.mosaic(FA, DSEG, region=8, display_mode="ortho")
        plain, marked = ax.collections[:2]
        assert marked.get_linewidth()[0] > plain.get_linewidth()[0]
        dseg = DSEG.values
        for image, axis in zip(shown(ax), range(3), strict=True):
            others = tuple(n for n in range(3) if n != axis)
            k = (dseg == 8).sum(others).argmax()
            inside = [slice_of(dseg, n) for n in others]
            np.testing.assert_array_equal(image, FA.values.take(k, axis)[np.ix_(*inside)])

    def test_a_region_that_is_not_there(self):
        with pytest.raises(LabelError, match="no voxel of 99"):
            plot.mosaic(FA, DSEG, region=99)
        with pytest.raises(LabelError, match="dseg="):
            plot.mosaic(FA, region=1)

    def test_an_atlas_on_another_grid(self):
        _, moved = head(np.diag([2.0, 2, 2, 1]) + 9 * np.eye(4, k=3))
        with pytest.raises(GridMismatchError):
            plot.mosaic(FA, moved)

    def test_the_unit_is_on_the_colour_bar_and_its_ends_say_what_lies_beyond(self):
        md = (FA * 1e-3).assign_attrs(long_name="Mean diffusivity", units="mm^2/s")
        figure = plot.mosaic(md).figure
        assert figure.axes[1].get_xlabel() == "Mean diffusivity [mm²/s]"
        assert bars_end(plot.mosaic(md)) == (True, True)
        assert bars_end(plot.mosaic(md, robust=False)) == (False, False)
        assert bars_end(plot.mosaic(md, vmin=0)) == (False, True)
        assert len(plot.mosaic(md, colorbar=False).figure.axes) == 1

    def test_values_on_both_sides_of_zero_are_centred_on_it(self):
        change = FA.where(FA > 0) - 0.35
        norm = plot.mosaic(change).images[0].norm
        assert norm.vmin == -norm.vmax
        assert plot.mosaic(change, cmap="viridis").images[0].norm.vmin != -norm.vmax

    def test_missing_values_are_clear_and_empty_maps_do_no_harm(self):
        image = plot.mosaic(FA.where(FA > 0), cut_coords=[8]).images[0]
        assert image.get_array().mask.any()
        for empty in (FA * 0, FA * np.nan):
            assert plot.mosaic(empty).images

    def test_what_cannot_be_shown(self):
        with pytest.raises(SpaceError, match=r"select along \{'volume': 2\}"):
            plot.mosaic(FA.expand_dims(volume=2))
        assert plot.mosaic(FA.expand_dims(subject=1)).images
        for options, said in (
            ({"display_mode": "w"}, "display_mode takes one of"),
            ({"display_mode": "ortho", "cut_coords": 3}, "three places, x, y, z; not 3"),
            ({"display_mode": "mosaic", "cut_coords": [1.0]}, "how many slices a row"),
            ({"cut_coords": 0}, "slices there are, .* of at least 1, not 0"),
        ):
            with pytest.raises(OptionError, match=said):
                plot.mosaic(FA, **options)


def slice_of(data, axis):
    """The planes that a mosaic keeps: those with something on them, and one more on each side."""
    others = tuple(n for n in range(3) if n != axis)
    (full,) = np.nonzero((data != 0).any(others))
    return np.arange(max(full[0] - 1, 0), min(full[-1] + 2, data.shape[axis]))


def bars_end(ax):
    """Whether the colour bar points beyond its lower and its upper end."""
    bar = ax.images[0].figure.axes[1]._colorbar
    return bar._extend_lower(), bar._extend_upper()


@given(hnp.arrays(np.int64, st.tuples(*[st.integers(1, 6)] * 2), elements=st.integers(0, 2)))
def test_outlines_run_between_different_labels_and_nowhere_else(labels):
    padded = np.pad(labels, 1)
    expected = set()
    for (x, y), one in np.ndenumerate(padded):
        for axis in range(2):
            step = (x + 1, y) if axis == 0 else (x, y + 1)
            if step[axis] < padded.shape[axis] and padded[step] != one:
                start = (x, y - 1) if axis == 0 else (x - 1, y)
                expected.add((start, axis))
    found = []
    for begin, end in outlines(labels).astype(int).tolist():
        axis = 0 if begin[0] == end[0] else 1  # which axis it cuts
        along = range(begin[1 - axis], end[1 - axis])
        found += [((begin[0], n) if axis == 0 else (n, begin[1]), axis) for n in along]
    assert len(found) == len(set(found))
    assert set(found) == expected


class TestTheVoxelsOfACube:
    """The voxels behind one number of a cube."""

    @pytest.mark.parametrize(
        "options", [{}, {"zero_is_missing": True}, {"valid_range": (0.2, np.inf)}]
    )
    def test_they_are_those_that_the_cube_counted(self, options):
        cube = FA.parc.extract(DSEG, scalar="FA", **options)
        ax = cube.parc.plot.distribution("region_0003", volume=FA, dseg=DSEG)
        number = cube.parc.sel(region=3).value.squeeze()
        assert line(ax, "mean") == number.sel(stat="mean")
        n = number.sel(stat="n_voxels").item()
        assert ax.get_title(loc="left").startswith(f"region_0003: {n:.0f} voxels")
        assert sum(p.get_height() for p in ax.containers[0]) == n

    def test_a_mask_is_given_as_to_extract(self):
        mask = DSEG.where(DSEG.k % 2 == 0, 0)
        cube = FA.parc.extract(DSEG, scalar="FA", mask=mask)
        assert cube.parc.plot.distribution(3, volume=FA, dseg=DSEG, mask=mask).has_data()
        with pytest.raises(CubeError, match=r"not the voxels of that number.*n_voxels"):
            cube.parc.plot.distribution(3, volume=FA, dseg=DSEG)

    def test_of_several_scans_the_map_tells_whose_it_is(self):
        maps = [
            (FA + step).assign_attrs(FA.attrs | {"participant_id": name})
            for step, name in ((0, "sub-01"), (0.1, "sub-02"))
        ]
        study = xr.concat([one.parc.extract(DSEG, scalar="FA") for one in maps], "subject")
        for one in maps:
            ax = study.parc.plot.distribution(3, volume=one, dseg=DSEG)
            subject = one.attrs["participant_id"]
            assert line(ax, "mean") == study.parc.sel(region=3, stat="mean", subject=subject).value
        with pytest.raises(SelectionError, match="unknown"):
            study.parc.plot.distribution(3, volume=FA, dseg=DSEG)

    def test_another_map_is_refused(self):
        cube = FA.parc.extract(DSEG, scalar="FA")
        with pytest.raises(CubeError, match="not the voxels of that number"):
            cube.parc.plot.distribution(3, volume=FA * 2, dseg=DSEG)

    def test_without_a_number_nothing_can_be_held_against_it(self):
        cube = FA.parc.extract(DSEG, scalar="FA", stats="std")
        with pytest.raises(CubeError, match="neither n_voxels nor a mean"):
            cube.parc.plot.distribution(3, volume=FA, dseg=DSEG)

    @pytest.mark.parametrize(
        "half",
        [{"volume": FA}, {"dseg": DSEG}, {"mask": DSEG}, {"volume": FA, "dseg": DSEG, "by": "age"}],
    )
    def test_half_of_what_is_needed_is_refused(self, half):
        with pytest.raises(OptionError, match=r"volume=… and dseg=…"):
            FA.parc.extract(DSEG, scalar="FA").parc.plot.distribution(3, **half)


class TestVoxels:
    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"zero_is_missing": True},
            {"valid_range": (0.2, 0.39)},
            {"mask": DSEG.where(DSEG.k < 5, 0)},
        ],
    )
    def test_its_lines_are_the_numbers_that_extract_gives(self, options):
        cube = FA.parc.extract(DSEG, scalar="FA", stats="extended", **options)
        cube = cube.parc.sel(region=3).value
        ax = FA.parc.plot.distribution(DSEG, region=3, **options)
        number = {str(stat): cube.sel(stat=stat).item() for stat in cube.stat.values}
        assert line(ax, "mean") == number["mean"]
        assert line(ax, "median") == number["median"]
        box = next(p for p in ax.patches if p.get_label() == "IQR").get_bbox()
        assert box.width == pytest.approx(number["iqr"])
        bars = [p.get_height() for p in ax.containers[0]]
        assert sum(bars) == number["n_voxels"]
        lost = int((DSEG == 3).sum()) - int(number["n_voxels"])
        assert ax.get_title(loc="left") == f"region_0003: {number['n_voxels']:.0f} voxels" + (
            f", {lost} without a value" if lost else ""
        )
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("FA", "voxels")

    def test_what_is_missing_is_said(self):
        holes = FA.where(FA.i != 3)
        lost = int(((DSEG == 3) & (DSEG.i == 3)).sum())
        ax = holes.parc.plot.distribution(DSEG, region=3)
        assert ax.get_title(loc="left").endswith(f"voxels, {lost} without a value")
        empty = (FA * np.nan).parc.plot.distribution(DSEG, region=3)
        assert words(empty) == ["no value"]

    def test_one_outlier_makes_no_thousand_bins(self):
        huge = FA.copy(data=FA.values.copy())
        i, j, k = np.argwhere(DSEG.values == 3)[0]
        huge[i, j, k] = 1e9
        assert len(plot.voxel_distribution(huge, DSEG, region=3).patches) < 110
        assert len(plot.voxel_distribution(FA, DSEG, region=3, bins=7).patches) < 12

    def test_a_region_by_name(self):
        lut = AtlasLUT([RegionInfo(3, "Three", "L"), RegionInfo(4, "Twin", "L"),
                        RegionInfo(5, "Twin", "R"), RegionInfo(9, "Nowhere", "R")])  # fmt: skip
        by = {"volume": FA, "dseg": DSEG, "lut": lut}
        assert plot.voxel_distribution(**by, region="Three").get_title(loc="left")[:6] == "Three:"
        nowhere = plot.voxel_distribution(**by, region="Nowhere")
        assert nowhere.get_title(loc="left") == "Nowhere: 0 voxels, not in the dseg"
        assert words(nowhere) == ["no value"]
        with pytest.raises(SelectionError, match=r"2 regions are called 'Twin': labels \[4, 5\]"):
            plot.voxel_distribution(**by, region="Twin")
        with pytest.raises(SelectionError, match=r"No region is called 'Thre'\. Near: Three"):
            plot.voxel_distribution(**by, region="Thre")
        with pytest.raises(CubeError, match="one volume; select one of"):
            plot.voxel_distribution(FA.expand_dims(volume=2), DSEG, region=3)


def drawn(ax):
    """Centre of each region of a ranking, by the row it is drawn in."""
    dots = [(y, x) for one in ax.lines for x, y in zip(*one.get_data(), strict=True)]
    return [x for _, x in sorted(dots)]


def whiskers(ax):
    """Ends of each region's whisker, by row."""
    ends = [s for one in ax.collections for s in one.get_segments() if len(s)]
    return np.array([s[:, 0] for s in sorted(ends, key=lambda s: s[0, 1])]).reshape(-1, 2)


class TestRegions:
    def test_of_several_scans_median_and_quartiles_in_order(self):
        ax = CUBE.parc.plot.regions()
        values = CUBE.value.sel(stat="mean", scalar="MD").values[:-1]
        order = np.argsort(-np.median(values, 1))
        np.testing.assert_allclose(drawn(ax), np.median(values, 1)[order])
        np.testing.assert_allclose(whiskers(ax), np.percentile(values, (25, 75), axis=1).T[order])
        assert ax.get_title(loc="left").startswith("median and quartiles of 4 scans")
        assert ax.get_xlabel() == "mean of MD [mm²/s]"
        assert ax.yaxis_inverted()

    def test_of_several_scans_mean_and_std(self):
        ax = CUBE.parc.plot.regions(spread="std")
        values = CUBE.value.sel(stat="mean", scalar="MD").values[:-1]
        order = np.argsort(-values.mean(1))
        ends = np.stack([values.mean(1) - values.std(1), values.mean(1) + values.std(1)], 1)
        np.testing.assert_allclose(whiskers(ax), ends[order])

    def test_of_several_scans_medians_alone(self):
        ax = CUBE.parc.plot.regions(spread=None)
        assert ax.get_title(loc="left").startswith("median of 4 scans")
        assert whiskers(ax).size == 0

    @pytest.mark.parametrize(
        ("stats", "stat", "spread", "said"),
        [
            (("mean", "std"), "mean", "auto", "± std of the voxels"),
            (("median", "iqr"), "median", "auto", "± half the IQR of the voxels"),
            (("median", "percentile_25", "percentile_75"), "median", "iqr", "quartiles"),
            (("mean",), "mean", "auto", ""),
            (("mean", "std"), "mean", None, ""),
        ],
    )
    def test_of_one_scan_the_spread_of_its_voxels(self, stats, stat, spread, said):
        cube = made_cube(4, 1, stats=stats)
        ax = cube.parc.plot.regions(stat=stat, spread=spread)
        assert ax.get_title(loc="left").startswith(said)
        number = cube.value[:-1, :, 0, 0].to_dataset("stat")
        ends = {
            "± std of the voxels": lambda n: (n["mean"] - n["std"], n["mean"] + n["std"]),
            "± half the IQR of the voxels": lambda n: (
                n["median"] - n["iqr"] / 2, n["median"] + n["iqr"] / 2,
            ),
            "quartiles": lambda n: (n["percentile_25"], n["percentile_75"]),
        }.get(said)  # fmt: skip
        if ends is None:
            assert whiskers(ax).size == 0
            return
        order = np.argsort(-number[stat].values)
        np.testing.assert_allclose(whiskers(ax), np.stack(ends(number), 1)[order])

    def test_hemispheres_have_colours_and_markers(self):
        ax = CUBE.parc.plot.regions()
        assert [one.get_label() for one in ax.lines] == ["L", "R"]
        assert [(one.get_color(), one.get_marker()) for one in ax.lines] == [
            SIDES["L"], SIDES["R"],
        ]  # fmt: skip

    def test_a_region_without_a_value_is_named(self):
        assert "no value: Region_5" in CUBE.parc.plot.regions().get_title(loc="left")
        nothing = CUBE.copy(data={"value": CUBE.value * np.nan})
        assert "no value: 6 regions" in nothing.parc.plot.regions().get_title(loc="left")

    def test_what_must_be_chosen(self):
        two = xr.concat([CUBE, CUBE.assign_coords(scalar=text(["FA"]))], "scalar")
        with pytest.raises(CubeError, match=r"A ranking of regions.*choose one of \{'scalar': 2\}"):
            two.parc.plot.regions()
        with pytest.raises(SelectionError, match="no stat 'iqr'"):
            made_cube(4, 1).parc.plot.regions(spread="iqr")
        with pytest.raises(OptionError, match="spread takes"):
            CUBE.parc.plot.regions(spread="sd")
        with pytest.raises(CubeError, match="no cube"):
            FA.to_dataset().parc.plot.regions()


class TestHeatmap:
    def test_rows_are_regions_by_group_and_side_and_columns_scans(self):
        ax = CUBE.parc.plot.heatmap()
        found = ax.images[0].get_array().filled(np.nan)
        groups, sides = CUBE.network_label.values, CUBE.hemisphere.values
        order = sorted(range(6), key=lambda n: (groups[n], sides[n], n))
        assert order == [0, 2, 1, 4, 3, 5]
        expected = CUBE.value.sel(stat="mean", scalar="MD").values[order]
        np.testing.assert_array_equal(found, expected)
        assert words(ax) == ["Net0", "Net1"]
        assert ax.figure.axes[1].get_xlabel() == "mean of MD [mm²/s]"

    def test_what_has_no_value_is_grey_and_the_legend_says_so(self):
        ax = CUBE.parc.plot.heatmap()
        (image,) = ax.images
        assert image.get_array()[5].mask.all()
        assert to_hex(image.cmap.get_bad()).upper() == NO_VALUE
        legend = [one.get_text() for one in ax.get_legend().get_texts()]
        assert legend == ["L", "R", "no value"]
        whole = CUBE.isel(region=slice(0, 5)).parc.plot.heatmap()
        assert [one.get_text() for one in whole.get_legend().get_texts()] == ["L", "R"]

    def test_groups_are_found_named_or_left_out(self):
        lobes = CUBE.rename(network_label="lobe")
        assert words(lobes.parc.plot.heatmap()) == ["Net0", "Net1"]
        assert words(CUBE.drop_vars("network_label").parc.plot.heatmap()) == []
        assert words(CUBE.parc.plot.heatmap(group="hemisphere")) == ["L", "R"]
        with pytest.raises(SelectionError, match=r"no 'lobe' to group by.*network_label"):
            CUBE.parc.plot.heatmap(group="lobe")

    @given(
        hnp.arrays(np.float64, st.integers(1, 12), elements=st.floats(0, 100)),
        st.floats(0.1, 8),
    )
    def test_labels_are_moved_apart_and_kept_in_order(self, places, gap):
        placed = spread_out(np.sort(places), gap, 1e9)
        assert (np.diff(placed) > gap - 1e-6).all()
        if places.size > 1 and np.diff(np.sort(places)).min() > gap:
            np.testing.assert_allclose(placed, np.sort(places))


class TestCoverage:
    def test_a_dot_a_scan_of_the_regions_that_were_not_seen_in_full(self):
        ax = CUBE.parc.plot.coverage()
        assert [t.get_text() for t in ax.get_yticklabels()] == ["Region_5", "Region_0"]
        dots = {one.get_label(): one.get_data() for one in ax.lines if one.get_marker() != "None"}
        assert dots["at least 50%"][0].tolist() == [100] * 3
        assert dots["below 50%"][0].tolist() == [25]
        assert dots["not in the dseg"][0].tolist() == [0] * 4
        assert "2 of 6 regions below 50% in some scan" in ax.get_title(loc="left")

    def test_the_threshold_and_how_many(self):
        ax = CUBE.parc.plot.coverage(threshold=0.2, show=1)
        assert "1 of 6 regions below 20%" in ax.get_title(loc="left")
        assert "the lowest 1 are shown" in ax.get_title(loc="left")
        with pytest.raises(OptionError, match="threshold"):
            CUBE.parc.plot.coverage(threshold=50)

    def test_when_all_is_well(self):
        ax = CUBE.isel(region=slice(1, 5)).parc.plot.coverage()
        assert ax.get_title(loc="left") == "all 4 regions seen in full in every scan"

    def test_a_cube_without_it(self):
        with pytest.raises(SelectionError, match="no stat 'coverage'"):
            made_cube(stats=("mean",)).parc.plot.coverage()


class TestScans:
    def test_dots_are_values_and_lines_are_mean_and_median(self):
        ax = CUBE.parc.plot.distribution("Region_2")
        values = CUBE.value.sel(stat="mean", scalar="MD").values[2]
        dots = next(one for one in ax.lines if one.get_label() == "scan")
        np.testing.assert_array_equal(dots.get_xdata(), np.sort(values))
        assert line(ax, "mean") == pytest.approx(values.mean())
        assert line(ax, "median") == pytest.approx(np.median(values))
        box = next(p for p in ax.patches if p.get_width())
        ends = np.percentile(values, (25, 75))
        np.testing.assert_allclose([box.get_x(), box.get_x() + box.get_width()], ends)
        assert ax.get_title(loc="left") == "Region_2: 4 scans"
        assert ax.get_xlabel() == "mean of MD [mm²/s]"

    def test_scans_are_put_apart_by_what_is_known_of_them(self):
        ax = CUBE.parc.plot.distribution(3, by="group")
        assert [t.get_text() for t in ax.get_yticklabels()] == [
            "patient, n = 2", "control, n = 2",
        ]  # fmt: skip
        with pytest.raises(SelectionError, match=r"no 'age' to group by; they have.*group"):
            CUBE.parc.plot.distribution(3, by="age")

    def test_a_region_without_a_value(self):
        ax = CUBE.parc.plot.distribution("Region_5")
        assert ax.get_title(loc="left") == "Region_5: 4 scans; 4 without a value"
        with pytest.raises(SelectionError, match="no region_name 'Region_9'"):
            CUBE.parc.plot.distribution("Region_9")


class TestLeftAgainstRight:
    cube = made_cube(6, 3, names=["L_A", "R_A", "L_B", "R_B", "L_C", "R_C"]).assign_coords(
        units=("scalar", text(["mm^2/s"]))
    )

    def test_the_axis_says_what_was_compared(self):
        index, difference = (self.cube.parc.laterality(kind=k) for k in ("index", "difference"))
        assert index.parc.plot.regions().get_xlabel() == "(L - R) / (L + R) of mean of MD"
        assert difference.parc.plot.regions().get_xlabel() == "L - R of mean of MD [mm²/s]"
        zero = [one for one in index.parc.plot.regions().lines if list(one.get_xdata()) == [0, 0]]
        values = index.value.sel(stat="mean").median("subject")
        assert len(zero) == int(bool((values > 0).any() and (values < 0).any()))

    def test_what_is_no_spread_and_no_coverage_is_not_shown_as_one(self):
        index = self.cube.parc.laterality()
        with pytest.raises(CubeError, match="of the coverage"):
            index.parc.plot.coverage()
        one = index.isel(subject=[0])
        assert whiskers(one.parc.plot.regions()).size == 0
        with pytest.raises(CubeError, match="compares two spreads"):
            one.parc.plot.regions(spread="std")


def test_long_names_are_shortened_in_the_middle():
    name = "Central_Lateral-Lateral_Posterior-Medial_Pulvinar"
    cube = made_cube(3, names=[name, "b", "c"])
    figure = cube.parc.plot.regions().figure
    written = {t.get_text() for t, _ in drawn_texts(figure)}
    assert "Central_Lateral-L…l_Pulvinar" in written
    assert name not in written


def test_names_are_text_and_no_formulas():
    names = ["$x^2$", r"a\$b$", "{_}^%#", "<b>bold</b>", "naïve 脑", "$"]
    cube = made_cube(names=names).assign_coords(
        scalar=text(["$M_{D}$"]), subject=text(["a$b$", "b", "c", "d"])
    )
    for ax in (
        cube.parc.plot.regions(),
        cube.parc.plot.heatmap(group="region_name"),
        cube.parc.plot.coverage(),
        cube.parc.plot.distribution("$x^2$"),
    ):
        with pytest.warns(UserWarning, match="Glyph") if ax_has(ax, "脑") else nothing():
            assert drawn_texts(ax.figure)


def ax_has(ax, letter):
    labels = [t.get_text() for t in (*ax.get_yticklabels(), *ax.texts)]
    return any(letter in label for label in labels)


class nothing:  # noqa: N801 - a context manager that does nothing
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


def test_threads_draw_without_a_global_figure():
    jobs = list(FIGURES.values()) * 2
    with ThreadPoolExecutor(4) as pool:
        axes = list(pool.map(lambda draw: draw(), jobs))
    numbers = [getattr(ax.figure, "number", None) for ax in axes]
    assert numbers == [None] * len(jobs)
    for one, two in itertools.pairwise(axes):
        assert one.figure is not two.figure


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


MAKE = """
import sys; sys.path.insert(0, 'tests')
from plotting import made_cube
cube = made_cube()
"""


def test_a_script_that_has_pyplot_finds_the_figure_in_it():
    plain = run(f"{MAKE}\nax = cube.parc.plot.regions(); print('matplotlib.pyplot' in sys.modules)")
    assert plain.strip() == "False"
    code = "import matplotlib; matplotlib.use('agg'); import matplotlib.pyplot as plt"
    shown = run(f"{code}\n{MAKE}\nax = cube.parc.plot.regions(); print(plt.gcf() is ax.figure)")
    assert shown.strip() == "True"


def test_without_matplotlib_the_error_says_how_to_get_it():
    hide = "import sys; sys.modules['matplotlib'] = None"
    code = "import qsiparc, xarray; xarray.Dataset().parc.plot.regions()"
    told = run(f"{hide}\n{code}")
    assert "ImportError: Figures need matplotlib" in told
    assert "qsiparc[plot]" in told


def test_extracting_and_painting_load_no_matplotlib():
    code = """
import sys, numpy as np, nibabel as nib, qsiparc
image = nib.Nifti1Image(np.ones((2, 2, 2), 'i2'), np.eye(4))
cube = qsiparc.open_nifti(image).parc.extract(image, scalar='FA')
cube.parc.to_volume(image, stat='mean'); cube.parc.plot
print('matplotlib' in sys.modules)
"""
    assert run(code).strip() == "False"
