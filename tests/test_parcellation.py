from __future__ import annotations

import logging
import pickle
import warnings

import numpy as np
import pytest
import xarray as xr
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from phantoms import (
    MM2,
    SIGNED_PERMUTATIONS,
    affines,
    image,
    shapes,
    turned,
    volume,
    world_of,
    write,
)

import qsiparc
from qsiparc import Parcellation
from qsiparc.errors import GridMismatchError, GridWarning, LabelWarning, OptionError, SpaceError
from qsiparc.grid import Grid

LABELS = np.array([[[0, 7], [7, 2]], [[2, 2], [0, 7]]], dtype=np.int16)
"""Of label 2 there are 3 voxels, of label 7 there are 3."""

GRID = Grid(MM2, LABELS.shape)


def labels_at(parcellation: Parcellation) -> np.ndarray:
    """The label image again that a parcellation was made of."""
    flat = np.zeros(np.prod(parcellation.grid.shape), np.int64)
    flat[parcellation.positions] = np.repeat(parcellation.labels, parcellation.sizes)
    return flat.reshape(parcellation.grid.shape, order="F")


def nearest_labels(labels, affine, shape, onto):
    """Brute force: for every voxel of a grid the label of the nearest centre; ties are −1."""
    centres = world_of(affine, labels.shape).reshape(-1, 3)
    found = np.zeros(shape, int)
    for voxel, point in zip(np.ndindex(*shape), world_of(onto, shape).reshape(-1, 3), strict=True):
        away = np.linalg.norm(centres - point, axis=1)
        near = np.flatnonzero(away < away.min() + 1e-6)
        number = np.linalg.solve(affine, [*point, 1])[:3]
        if (number < -0.5 - 1e-6).any() or (number > np.array(labels.shape) - 0.5 + 1e-6).any():
            found[voxel] = 0
        elif near.size > 1 or (np.abs(number % 1 - 0.5) < 1e-5).any():
            found[voxel] = -1
        else:
            found[voxel] = labels.ravel()[near[0]]
    return found


class TestMaking:
    def test_regions_are_the_labels_that_are_present(self):
        parcellation = Parcellation.from_labels(volume(LABELS))
        assert len(parcellation) == 2
        assert parcellation.labels.tolist() == [2, 7]
        assert parcellation.labels.dtype == np.int64
        assert parcellation.sizes.tolist() == [3, 3]
        # Voxel numbers with i fastest: label 2 at (1,0,0), (1,0,1), (0,1,1).
        assert parcellation.positions.tolist() == [1, 5, 6, 2, 4, 7]

    @pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
    def test_from_a_file_it_knows_its_name(self, suffix, tmp_path):
        path = write(tmp_path / f"sub-01_seg-Tian_dseg{suffix}", LABELS)
        for source in (path, str(path), qsiparc.open_nifti(path)):
            parcellation = Parcellation.from_labels(source)
            assert parcellation.atlas_name == "Tian"
            assert parcellation.source == path.name
        assert Parcellation.from_labels(path, atlas_name="T").atlas_name == "T"

    def test_from_an_image_in_memory_it_has_no_name(self):
        parcellation = Parcellation.from_labels(image(LABELS))
        assert (parcellation.atlas_name, parcellation.source) == ("", "")

    def test_a_parcellation_stays_itself(self):
        parcellation = Parcellation.from_labels(volume(LABELS))
        assert Parcellation.from_labels(parcellation) is parcellation

    def test_from_a_slice_it_lies_where_the_slice_lies(self):
        parcellation = Parcellation.from_labels(volume(LABELS).isel(i=[1]))
        assert parcellation.grid.same_as(Grid(MM2 + np.diag([2.0], k=3), (1, 2, 2)))

    def test_without_an_affine_it_is_an_error(self):
        with pytest.raises(SpaceError, match="no affine"):
            Parcellation.from_labels(xr.DataArray(LABELS, dims=("i", "j", "k")))

    def test_from_anything_else_it_is_an_error(self):
        with pytest.raises(TypeError, match="not ndarray"):
            Parcellation.from_labels(LABELS)

    def test_a_dask_array_will_do(self):
        parcellation = Parcellation.from_labels(volume(LABELS).chunk(k=1))
        np.testing.assert_array_equal(labels_at(parcellation), LABELS)

    @given(
        st.lists(st.integers(-3, 3), min_size=24, max_size=24),
        st.sampled_from(["i1", "i8", "f4"]),
        st.permutations("ijk"),
    )
    @settings(deadline=None)
    def test_every_labelled_voxel_is_in_its_region_in_order(self, values, kind, dims):
        data = np.array(values, kind).reshape(2, 3, 4)
        parcellation = Parcellation.from_labels(volume(data).transpose(*dims))
        np.testing.assert_array_equal(labels_at(parcellation), data)
        for start, stop in zip(parcellation.offsets[:-1], parcellation.offsets[1:], strict=True):
            assert (np.diff(parcellation.positions[start:stop]) > 0).all()

    def test_an_image_without_labels_has_no_regions(self):
        parcellation = Parcellation.from_labels(volume(np.zeros((2, 2, 2), "i2")))
        assert len(parcellation) == 0
        assert parcellation.segments(np.zeros((2, 2, 2))).values.size == 0
        assert repr(parcellation).startswith("<Parcellation: 0 regions, 0 voxels of 8 mm³;")


class TestBeing:
    def test_it_is_frozen(self):
        parcellation = Parcellation.from_labels(volume(LABELS))
        with pytest.raises(AttributeError):
            parcellation.atlas_name = "other"
        for array in (parcellation.labels, parcellation.positions, parcellation.offsets):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 1

    def test_it_can_be_pickled(self):
        parcellation = Parcellation.from_labels(volume(LABELS))
        again = pickle.loads(pickle.dumps(parcellation))  # noqa: S301 - our own bytes
        np.testing.assert_array_equal(labels_at(again), LABELS)
        assert again.grid.same_as(parcellation.grid)

    def test_its_repr_is_a_small_table(self, tmp_path):
        path = write(tmp_path / "sub-01_seg-Tian_dseg.nii", LABELS)
        assert repr(Parcellation.from_labels(path)).splitlines() == [
            "<Parcellation Tian: 2 regions, 6 voxels of 8 mm³; 2×2×2, 2×2×2 mm, RAS>",
            "   label  voxels       mm³",
            "       2       3      24.0",
            "       7       3      24.0",
        ]

    def test_a_long_table_is_cut_in_the_middle(self):
        lines = repr(
            Parcellation.from_labels(volume(np.arange(12.0).reshape(2, 3, 2)))
        ).splitlines()
        assert [line.split()[0] for line in lines[2:]] == [*"12345", "…", *"789", "10", "11"]

    def test_ten_regions_are_all_shown(self):
        labels = np.arange(11).reshape(1, 1, 11)
        assert "…" not in repr(Parcellation.from_labels(volume(labels)))


class TestOnAnotherGrid:
    def test_on_its_own_grid_it_stays_itself(self, caplog):
        parcellation = Parcellation.from_labels(volume(LABELS))
        with caplog.at_level(logging.INFO, "qsiparc"):
            assert parcellation.on(Grid(MM2 + np.diag([5e-4], k=3), (2, 2, 2))) is parcellation
        assert not caplog.records

    def test_nearly_on_it_it_stays_itself_with_a_warning(self):
        parcellation = Parcellation.from_labels(volume(LABELS))
        with pytest.warns(GridWarning, match=r"0\.05 mm apart") as caught:
            assert parcellation.on(Grid(MM2 + np.diag([0.05], k=3), (2, 2, 2))) is parcellation
        assert caught[0].filename == __file__

    @given(st.data(), affines(), shapes, st.sampled_from(SIGNED_PERMUTATIONS))
    @settings(max_examples=80, deadline=None)
    def test_turned_axes_give_voxel_identical_labels(self, data, affine, shape, permutation):
        n = int(np.prod(shape))
        labels = np.array(data.draw(st.lists(st.integers(0, 4), min_size=n, max_size=n)))
        labels = labels.reshape(shape)
        stored, other = turned(labels, affine, *permutation)
        moved = Parcellation.from_labels(volume(stored.astype("i2"), other)).on(Grid(affine, shape))
        np.testing.assert_array_equal(labels_at(moved), labels)
        np.testing.assert_array_equal(labels, nearest_labels(stored, other, shape, affine))
        for start, stop in zip(moved.offsets[:-1], moved.offsets[1:], strict=True):
            assert (np.diff(moved.positions[start:stop]) > 0).all()

    def test_turned_axes_are_said_once_at_info(self, caplog, tmp_path):
        stored, other = turned(LABELS, MM2, (0, 1, 2), (True, False, False))
        path = write(tmp_path / "a_dseg.nii", stored, other)
        with caplog.at_level(logging.INFO, "qsiparc"):
            moved = Parcellation.from_labels(path).on(GRID)
        assert moved.source == "a_dseg.nii"
        (record,) = caplog.records
        assert "a_dseg.nii runs LAS" in record.getMessage()

    def test_another_place_is_an_error(self):
        parcellation = Parcellation.from_labels(volume(LABELS))
        with pytest.raises(GridMismatchError, match="resample='nearest'"):
            parcellation.on(Grid(MM2 + np.diag([1.0], k=3), (2, 2, 2)))

    def test_another_shape_is_an_error_that_names_both(self):
        parcellation = Parcellation.from_labels(volume(LABELS))
        with pytest.raises(GridMismatchError, match=r"\(2, 2, 2\).*\(4, 4, 4\)"):
            parcellation.on(Grid(np.diag([1.0, 1, 1, 1]), (4, 4, 4)))

    def test_other_ways_of_resampling_are_an_error(self):
        with pytest.raises(OptionError, match="'nearest' or None, not 'linear'"):
            Parcellation.from_labels(volume(LABELS)).on(GRID, resample="linear")


class TestNearest:
    @given(st.data(), affines(), affines())
    @settings(max_examples=40, deadline=None)
    def test_each_voxel_gets_the_nearest_label(self, data, affine, onto):
        # Of cubic voxels the nearest centre is the one whose voxel a point falls into.
        for matrix in (affine, onto):
            turn, _ = np.linalg.qr(matrix[:3, :3])
            matrix[:3, :3] = turn * data.draw(st.sampled_from([1.0, 1.5, 2.3]))
            matrix[:3, 3] /= 120
        labels = np.arange(1, 28).reshape(3, 3, 3)
        parcellation = Parcellation.from_labels(volume(labels.astype("i2"), affine))
        exact = parcellation.grid.affine
        expected = nearest_labels(labels, exact, (4, 3, 2), onto)
        assume((expected > 0).any())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LabelWarning)  # most draws lose some regions
            found = labels_at(parcellation.on(Grid(onto, (4, 3, 2)), resample="nearest"))
        decided = expected >= 0
        np.testing.assert_array_equal(found[decided], expected[decided])

    def test_finer_voxels_share_the_coarse_ones_evenly(self):
        labels = np.arange(1, 7).reshape(6, 1, 1).astype("i2")
        parcellation = Parcellation.from_labels(volume(labels))
        fine = Grid(np.diag([1.0, 2, 2, 1]), (11, 1, 1))  # every other centre is half-way
        moved = parcellation.on(fine, resample="nearest")
        assert labels_at(moved).ravel().tolist() == [1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]

    def test_outside_is_background(self):
        parcellation = Parcellation.from_labels(volume(np.ones((2, 2, 2), "i2")))
        moved = parcellation.on(Grid(MM2 + np.diag([-2.0], k=3), (4, 2, 2)), resample="nearest")
        assert labels_at(moved)[:, 0, 0].tolist() == [0, 1, 1, 0]

    def test_lost_regions_are_named(self, tmp_path):
        labels = np.arange(1, 9).reshape(8, 1, 1).astype("i2")
        parcellation = Parcellation.from_labels(write(tmp_path / "a_dseg.nii", labels))
        coarse = Grid(np.diag([4.0, 2, 2, 1]), (4, 1, 1))
        with pytest.warns(LabelWarning, match=r"a_dseg\.nii.*lost 4 of 8 regions: labels 2, 4, 6"):
            moved = parcellation.on(coarse, resample="nearest")
        assert moved.labels.tolist() == [1, 3, 5, 7]
        assert moved.source == "a_dseg.nii"

    def test_grids_that_do_not_overlap_are_an_error(self, tmp_path):
        parcellation = Parcellation.from_labels(write(tmp_path / "a_dseg.nii", LABELS))
        with pytest.raises(GridMismatchError, match=r"a_dseg\.nii.*they do not overlap"):
            parcellation.on(Grid(MM2 + np.diag([50.0], k=3), (2, 2, 2)), resample="nearest")

    def test_on_one_lattice_nothing_changes(self):
        stored, other = turned(LABELS, MM2, (2, 0, 1), (True, False, True))
        parcellation = Parcellation.from_labels(volume(stored, other))
        np.testing.assert_array_equal(labels_at(parcellation.on(GRID, resample="nearest")), LABELS)


class TestSegments:
    VALUES = np.array([[[9, 3], [1, 4]], [[5, 8], [9, 2]]], dtype=np.float32)

    @pytest.fixture
    def parcellation(self):
        return Parcellation.from_labels(volume(LABELS))

    @pytest.mark.parametrize(
        "layout",
        [
            np.ascontiguousarray,
            np.asfortranarray,
            lambda a: np.repeat(a, 2, axis=0)[::2],
            lambda a: a[::-1].copy()[::-1],
            lambda a: np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 2, 1)), 1, 2),
            lambda a: a.astype(">f4"),
            lambda a: np.asfortranarray(a).astype(">f8"),
        ],
    )
    def test_every_layout_gives_the_same_values_and_is_left_alone(self, parcellation, layout):
        values = layout(self.VALUES)
        before = values.copy()
        values.flags.writeable = False
        for zero_is_missing in (False, True):
            segments = parcellation.segments(values, zero_is_missing=zero_is_missing)
            # Label 2: 5, 8, 4 (voxels (1,0,0), (1,0,1), (0,1,1)) … by hand from LABELS and VALUES.
            assert segments.values.tolist() == [4, 5, 8, 1, 2, 3]
            assert segments.values.dtype.isnative
        np.testing.assert_array_equal(values, before)

    @pytest.mark.parametrize("kind", ["u1", "i2", "i4", "i8", "f2", "f4", "f8", "?"])
    def test_zero_can_be_missing_in_any_type(self, parcellation, kind):
        values = np.ones((2, 2, 2), kind)
        values[1, 0, 0] = 0
        values[0, 0, 0] = 0  # background
        before = values.copy()
        assert np.diff(parcellation.segments(values).offsets).tolist() == [3, 3]
        missing = parcellation.segments(values, zero_is_missing=True)
        assert np.diff(missing.offsets).tolist() == [2, 3]
        assert missing.sizes.tolist() == [3, 3]
        np.testing.assert_array_equal(values, before)

    def test_another_shape_is_an_error(self, parcellation):
        with pytest.raises(SpaceError, match=r"\(3, 2, 2\), the labels \(2, 2, 2\)"):
            parcellation.segments(np.zeros((3, 2, 2)))
