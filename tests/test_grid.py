from __future__ import annotations

import logging
import pickle
import re
import warnings

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phantoms import MM2, SIGNED_PERMUTATIONS, affines, shapes, turned, world_of

from qsiparc.errors import GridMismatchError, GridWarning, SpaceError
from qsiparc.grid import Grid, match_grids, require_same_grid

SHEARED = np.array([[2.0, 1, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0], [0, 0, 0, 1]])


def shifted(x: float, affine: np.ndarray = MM2) -> np.ndarray:
    moved = affine.copy()
    moved[0, 3] += x
    return moved


@pytest.mark.parametrize(
    ("affine", "message"),
    [
        (np.full((4, 4), np.nan), "finite"),
        (np.diag([np.inf, 1, 1, 1]), "finite"),
        (np.eye(3), "4 × 4"),
        ("no affine", "4 × 4"),
        ([[1, 2], [3]], "4 × 4"),
        (None, "4 × 4"),
        (np.diag([2, 0, 2, 1]), "singular"),
        (np.array([[1, 2, 0, 0], [1, 2, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), "singular"),
        (shifted(-90).T, "transposed"),
        (np.diag([2, 2, 2, 2]), "last row"),
    ],
)
def test_what_is_no_affine_is_refused(affine, message):
    with pytest.raises(SpaceError, match=message):
        Grid(affine, (4, 5, 6))


def test_a_small_but_sound_affine_is_accepted():
    assert Grid(np.diag([1e-4, 1e-4, 1e-4, 1]), (2, 2, 2)).voxel_volume == pytest.approx(1e-12)


def test_a_grid_cannot_be_changed_and_does_not_follow_the_callers_array():
    affine = MM2.copy()
    grid = Grid(affine, (4, 5, 6))
    affine[0, 0] = 9
    assert grid.affine[0, 0] == 2
    assert Grid(affine.astype(np.float32), (4, 5, 6)).affine.dtype == np.float64
    with pytest.raises(ValueError, match="read-only"):
        grid.affine[0, 0] = 9
    with pytest.raises(AttributeError):
        grid.shape = (1, 2, 3)
    with pytest.raises(AttributeError):
        match_grids(grid, grid).flips = (True, False, False)


def test_a_grid_may_be_a_key_and_equals_itself_alone():
    grid, alike = Grid(MM2, (4, 5, 6)), Grid(MM2, (4, 5, 6))
    assert {grid: 1, alike: 2} == {alike: 2, grid: 1}
    assert grid != alike


def test_the_attributes_of_a_grid_are_flat_and_say_what_they_are():
    assert Grid(shifted(-90), (4, 5, 6)).to_attrs() == {
        "long_name": "affine from voxel numbers (i, j, k) to world coordinates",
        "affine": [2, 0, 0, -90, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1],
        "shape": [4, 5, 6],
        "orientation": "RAS",
        "world": "RAS+, mm",
    }


def test_voxels_have_sizes_and_a_volume():
    grid = Grid(np.diag([-1.5, 2, 3, 1]), (4, 5, 6))
    assert repr(grid.voxel_sizes) == "(1.5, 2.0, 3.0)"
    assert grid.voxel_volume == 9.0


def test_shear_makes_edges_longer_but_no_volume():
    grid = Grid(SHEARED, (4, 5, 6))
    assert grid.voxel_sizes[1] == pytest.approx(np.sqrt(5))
    assert grid.voxel_volume == 8.0


@given(affines())
@settings(deadline=None)
def test_orientation_is_nibabels(affine):
    assert Grid(affine, (4, 5, 6)).orientation == "".join(nib.aff2axcodes(affine))


def test_two_axes_never_run_in_one_direction():
    affine = np.eye(4)
    affine[:3, :3] = [[0.78, 0.75, 0], [0.62, 0.1, 0.5], [0, 0.65, 0.86]]
    assert Grid(affine, (4, 5, 6)).orientation == "RAS"


def test_a_grid_says_what_it_is():
    grid = Grid(np.diag([-2.0, 2, 2.5, 1]), (91, 109, 91))
    assert str(grid) == "91×109×91, 2×2×2.5 mm, LAS"
    assert repr(grid) == "<Grid 91×109×91, 2×2×2.5 mm, LAS>"


@given(affines(), shapes)
@settings(deadline=None)
def test_corners_are_where_the_affine_puts_them(affine, shape):
    world = world_of(affine, shape)
    ends = [(0, n - 1) for n in shape]
    expected = [world[i, j, k] for i in ends[0] for j in ends[1] for k in ends[2]]
    np.testing.assert_allclose(Grid(affine, shape).corners(), expected, atol=1e-9)


@given(affines(), shapes)
@settings(deadline=None)
def test_every_text_and_every_attribute_makes_the_same_grid_again(affine, shape):
    grid = Grid(affine, shape)
    for again in (
        Grid.from_attrs(grid.to_attrs()),
        Grid.from_fingerprint(grid.fingerprint),
        pickle.loads(pickle.dumps(grid)),  # noqa: S301 - our own bytes
    ):
        np.testing.assert_array_equal(again.affine, grid.affine)
        assert again.shape == grid.shape


def test_a_fingerprint_is_one_line():
    assert Grid(shifted(-90), (4, 5, 6)).fingerprint == (
        "4×5×6 | 2.0 0.0 0.0 -90.0 | 0.0 2.0 0.0 0.0 | 0.0 0.0 2.0 0.0"
    )


@pytest.mark.parametrize("attrs", [{}, {"affine": MM2.ravel().tolist()}, {"shape": [4, 5, 6]}])
def test_attributes_without_a_grid_are_an_error(attrs):
    with pytest.raises(SpaceError, match="with_affine"):
        Grid.from_attrs(attrs)


def test_rounding_of_headers_is_no_difference():
    grid = Grid(MM2, (4, 5, 6))
    assert grid.same_as(Grid(shifted(9.9e-4), (4, 5, 6)))
    assert not grid.same_as(Grid(shifted(1.1e-3), (4, 5, 6)))
    for shape in ((4, 5, 7), (4, 5, 5)):
        assert not grid.same_as(Grid(MM2, shape))


def test_tiny_voxels_are_compared_by_their_own_size():
    tiny = np.diag([2e-3, 2e-3, 2e-3, 1])
    assert not Grid(tiny, (4, 5, 6)).same_as(Grid(shifted(1e-3, tiny), (4, 5, 6)))


def test_requiring_one_grid_names_both_and_the_distance():
    grid = Grid(MM2, (4, 5, 6))
    require_same_grid(grid, Grid(shifted(1e-4), (4, 5, 6)))
    with pytest.raises(GridMismatchError, match=r"up to 3 mm apart") as caught:
        require_same_grid(grid, Grid(shifted(3), (4, 5, 6)))
    assert str(grid.affine) in str(caught.value)
    assert str(shifted(3)) in str(caught.value)
    with pytest.raises(GridMismatchError, match=r"\(4, 5, 6\) and \(4, 5, 7\)"):
        require_same_grid(grid, Grid(MM2, (4, 5, 7)))


@pytest.mark.parametrize("distance", [0.0, 1e-4, 9.9e-4])
def test_corners_within_a_micrometre_match_silently(distance, caplog):
    with warnings.catch_warnings(), caplog.at_level(logging.INFO, "qsiparc"):
        warnings.simplefilter("error")
        match = match_grids(Grid(MM2, (4, 5, 6)), Grid(shifted(distance), (4, 5, 6)))
    assert match.is_identity
    assert match.distance == pytest.approx(distance)
    assert type(match.distance) is float
    assert not caplog.records


@pytest.mark.parametrize("distance", [2e-3, 0.05, 0.0999])
def test_corners_within_a_twentieth_of_a_voxel_match_with_a_warning(distance):
    with pytest.warns(GridWarning, match=f"{distance:.4g} mm apart"):
        match = match_grids(Grid(MM2, (4, 5, 6)), Grid(shifted(distance), (4, 5, 6)))
    assert match.is_identity


def test_the_smallest_voxel_edge_counts():
    flat = np.diag([2.0, 2, 0.5, 1])
    with pytest.raises(GridMismatchError):
        match_grids(Grid(flat, (4, 5, 6)), Grid(shifted(0.05, flat), (4, 5, 6)))


@pytest.mark.parametrize("distance", [0.11, 1.2345, 2.0, 4.0])
def test_another_place_is_an_error_that_says_how_far_and_what_to_do(distance):
    with pytest.raises(GridMismatchError) as caught:
        match_grids(
            Grid(MM2, (4, 5, 6)), Grid(shifted(distance), (4, 5, 6)), of="a_dseg.nii", to="fa.nii"
        )
    message = str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert "a_dseg.nii and fa.nii" in message
    assert f"{distance:.4g} mm apart" in message
    assert str(MM2) in message
    assert str(shifted(distance)) in message
    assert "resample='nearest'" in message


def test_another_place_counts_after_the_axes_run_alike():
    left = np.diag([-2.0, 2, 2, 1])
    left[0, 3] = 6 + 1  # the flipped lattice of 4 voxels starts at 6 mm; it is 1 mm off
    with pytest.raises(GridMismatchError, match=r"the dseg .* 1 mm apart, also when their axes"):
        match_grids(Grid(MM2, (4, 5, 6)), Grid(left, (4, 5, 6)))


def test_a_permuted_lattice_in_another_place_is_no_matter_of_shapes():
    _, affine = turned(np.empty((4, 5, 6)), MM2, (2, 1, 0), (False, False, False))
    with pytest.raises(GridMismatchError, match=r"different places.*up to 7 mm"):
        match_grids(Grid(MM2, (4, 5, 6)), Grid(shifted(7, affine), (6, 5, 4)))


def test_a_quarter_turn_of_a_grid_that_is_not_square_is_another_place():
    _, affine = turned(np.empty((4, 5, 6)), MM2, (1, 0, 2), (False, False, False))
    with pytest.raises(GridMismatchError, match="different places"):
        match_grids(Grid(MM2, (4, 5, 6)), Grid(affine, (4, 5, 6)))


@pytest.mark.parametrize(
    "affine", [MM2, np.diag([1.0, 1, 1, 1]), np.diag([4.0, 4, 4, 1])], ids=["same", "half", "twice"]
)
def test_other_shapes_are_an_error_that_names_both(affine):
    with pytest.raises(GridMismatchError, match=r"\(8, 10, 12\).*\(4, 5, 6\)") as caught:
        match_grids(Grid(MM2, (4, 5, 6)), Grid(affine, (8, 10, 12)))
    assert isinstance(caught.value, ValueError)
    assert "resample='nearest'" in str(caught.value)


@given(affines(), shapes, st.sampled_from(SIGNED_PERMUTATIONS))
@settings(deadline=None)
def test_the_axes_of_one_lattice_are_found(affine, shape, permutation):
    values = np.arange(np.prod(shape)).reshape(shape)
    moved, other = turned(values, affine, *permutation)
    target, source = Grid(affine, shape), Grid(other, moved.shape)
    match = match_grids(target, source)
    assert source.reoriented(match.axes, match.flips).same_as(target)
    assert match.distance < 1e-6
    np.testing.assert_array_equal(match.apply(moved), values)


def test_every_axis_says_whether_it_runs_the_other_way():
    with pytest.raises(ValueError, match="shorter"):
        Grid(MM2, (4, 5, 6)).reoriented((0, 1, 2), (True,))


def test_turned_axes_are_said_once_at_info(caplog):
    left = np.diag([-2.0, 2, 2, 1])
    left[0, 3] = 6
    with caplog.at_level(logging.INFO, "qsiparc"):
        match = match_grids(Grid(MM2, (4, 5, 6)), Grid(left, (4, 5, 6)), of="dseg.nii")
    assert match.flips == (True, False, False)
    (record,) = caplog.records
    assert record.levelno == logging.INFO
    assert record.getMessage().startswith("dseg.nii runs LAS, the map runs RAS")


@pytest.mark.parametrize(
    ("step", "shape", "is_part"),
    [
        (np.diag([1.0, 1, 1, 1]), (2, 5, 6), True),
        (np.diag([2.0, 1, 1, 1]), (2, 5, 6), True),
        (np.array([[-1.0, 0, 0, 3], [0, 1, 0, 1], [0, 0, 1, 0], [0, 0, 0, 1]]), (4, 4, 6), True),
        (np.array([[1.0, 0, 0, 2], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), (4, 5, 6), False),
        (np.array([[1.0, 0, 0, 0.5], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), (2, 5, 6), False),
        (np.diag([1.5, 1, 1, 1]), (3, 5, 6), False),
    ],
)
def test_where_one_is_a_part_of_the_other_the_error_says_to_slice_both(step, shape, is_part):
    whole, part = Grid(MM2, (4, 5, 6)), Grid(MM2 @ step, shape)
    for target, source, named in ((whole, part, "of A are .* of B"), (part, whole, "of B .* of A")):
        with pytest.raises(GridMismatchError) as caught:
            match_grids(target, source, of="A", to="B")
        said = re.search(rf"voxels {named}, .* slice both alike, whole\.sel", str(caught.value))
        assert bool(said) == is_part
