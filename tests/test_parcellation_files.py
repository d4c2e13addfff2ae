from __future__ import annotations

import pickle
import warnings

import nibabel as nib
import numpy as np
import pytest
import xarray as xr
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from phantoms import MM2, SIGNED_PERMUTATIONS, affines, image, ramp, shapes, turned, write

from qsiparc import Parcellation
from qsiparc.errors import GridMismatchError, LabelError, LabelWarning, OptionError, SpaceError
from qsiparc.grid import Grid

LABELS = np.zeros((2, 2, 3), np.int16)
LABELS[:, 0, 0] = 5
LABELS[0, 1, :] = 2
LABELS[1, 1, 2] = -1
"""Flattened with i fastest: 5 5 2 0, 0 0 2 0, 0 0 2 −1."""


def parcelled(labels=LABELS, affine=MM2):
    return Parcellation.from_labels(image(labels, affine))


def painted(parcellation):
    """The label image that a parcellation describes."""
    flat = np.zeros(np.prod(parcellation.grid.shape), np.int64)
    flat[parcellation.positions] = np.repeat(parcellation.labels, parcellation.sizes)
    return flat.reshape(parcellation.grid.shape, order="F")


def test_regions_have_sizes_and_positions_in_the_order_of_the_file():
    parcellation = parcelled()
    assert len(parcellation) == 3
    assert parcellation.labels.tolist() == [-1, 2, 5]
    assert parcellation.labels.dtype == np.int64
    assert parcellation.sizes.tolist() == [1, 3, 2]
    assert parcellation.offsets.tolist() == [0, 1, 4, 6]
    assert parcellation.positions.tolist() == [11, 2, 6, 10, 0, 1]


@given(hnp.arrays(np.int64, shapes, elements=st.sampled_from([0, 1, 2, -3, 2**40])))
def test_every_labelled_voxel_is_in_its_region_once(labels):
    parcellation = parcelled(labels)
    np.testing.assert_array_equal(painted(parcellation), labels)
    assert parcellation.labels.tolist() == sorted(set(labels.ravel().tolist()) - {0})
    for start, stop in zip(parcellation.offsets, parcellation.offsets[1:], strict=False):
        assert (np.diff(parcellation.positions[start:stop]) > 0).all()


def test_a_label_image_is_a_path_an_image_an_array_or_a_parcellation(tmp_path):
    path = write(tmp_path / "sub-1_seg-Tiny_dseg.nii.gz", LABELS)
    parcellation = Parcellation.from_labels(path)
    for source in (str(path), nib.load(path), xr.open_dataarray(path)):
        again = Parcellation.from_labels(source)
        np.testing.assert_array_equal(painted(again), LABELS)
        assert (again.atlas_name, again.source) == ("Tiny", path.name)
    assert Parcellation.from_labels(parcellation) is parcellation


def test_the_atlas_is_named_by_the_file_or_by_the_caller(tmp_path):
    for name, atlas in [
        ("sub-1_seg-Tiny_atlas-Other_dseg.nii", "Tiny"),
        ("sub-1_atlas-Other_dseg.nii", "Other"),
        ("labels.nii", ""),
    ]:
        assert Parcellation.from_labels(write(tmp_path / name, LABELS)).atlas_name == atlas
    named = Parcellation.from_labels(tmp_path / "labels.nii", atlas_name="Mine")
    assert named.atlas_name == "Mine"
    assert Parcellation.from_labels(named, atlas_name="").atlas_name == ""
    assert named.atlas_name == "Mine"


def test_an_image_without_labels_has_no_regions():
    parcellation = parcelled(np.zeros((2, 2, 3), np.uint8))
    assert len(parcellation) == 0
    assert parcellation.segments(ramp((2, 2, 3))).values.size == 0
    assert len(parcellation.on(Grid(MM2, (4, 4, 4)), resample="nearest")) == 0


def test_what_is_no_label_image_is_an_error_that_names_the_file(tmp_path):
    path = write(tmp_path / "fa.nii", np.linspace(0, 1, 24, dtype="f4").reshape(2, 3, 4))
    with pytest.raises(LabelError, match=r"^fa\.nii: "):
        Parcellation.from_labels(path)
    with pytest.raises(SpaceError, match="with_affine"):
        Parcellation.from_labels(xr.DataArray(LABELS, dims=("i", "j", "k")))


def test_a_parcellation_cannot_be_changed_and_neither_can_its_pickle():
    parcellation = parcelled()
    parcellation.segments(np.ascontiguousarray(ramp((2, 2, 3))))
    packed = pickle.dumps(parcellation)
    again = pickle.loads(packed)  # noqa: S301 - our own bytes
    assert again.grid.same_as(parcellation.grid)
    for frozen in (parcellation, again):
        with pytest.raises(AttributeError):
            frozen.labels = np.arange(3)
        for name in ("labels", "positions", "offsets"):
            np.testing.assert_array_equal(getattr(frozen, name), getattr(parcellation, name))
            with pytest.raises(ValueError, match="read-only"):
                getattr(frozen, name)[0] = 7
    assert len(packed) == len(pickle.dumps(parcelled()))


def test_a_few_regions_are_shown_all():
    assert repr(parcelled(LABELS, np.diag([1.25, 1.25, 2, 1]))) == (
        "<Parcellation: 3 regions, 6 voxels of 3.125 mm³; 2×2×3, 1.25×1.25×2 mm, RAS>\n"
        "   label  voxels       mm³\n"
        "      -1       1       3.1\n"
        "       2       3       9.4\n"
        "       5       2       6.2"
    )


def test_of_many_regions_the_ends_are_shown(tmp_path):
    path = write(tmp_path / "seg-Many_dseg.nii", ramp((2, 2, 3), np.int16))
    assert repr(Parcellation.from_labels(path)) == (
        "<Parcellation Many: 11 regions, 11 voxels of 8 mm³; 2×2×3, 2×2×2 mm, RAS>\n"
        "   label  voxels       mm³\n"
        "       1       1       8.0\n"
        "       2       1       8.0\n"
        "       3       1       8.0\n"
        "       4       1       8.0\n"
        "       5       1       8.0\n"
        "       …\n"
        "       7       1       8.0\n"
        "       8       1       8.0\n"
        "       9       1       8.0\n"
        "      10       1       8.0\n"
        "      11       1       8.0"
    )


class TestSegments:
    VALUES = ramp((2, 2, 3), np.float32)

    def layouts(self, values):
        """The same values in every layout of memory."""
        spread = np.zeros([2 * n for n in values.shape], values.dtype)
        spread[::2, ::2, ::2] = values
        frozen = values.copy()
        frozen.flags.writeable = False
        return {
            "F": np.asfortranarray(values),
            "C": np.ascontiguousarray(values),
            "strided": spread[::2, ::2, ::2],
            "reversed": values[::-1].copy()[::-1],
            "read-only": frozen,
            "swapped": values.astype(values.dtype.newbyteorder(">")),
        }

    @pytest.mark.parametrize("zero_is_missing", [False, True])
    def test_every_layout_gives_the_same_and_is_never_changed(self, zero_is_missing):
        values = self.VALUES.copy()
        values[0, 1, 0] = np.nan
        for name, volume in self.layouts(values).items():
            segments = parcelled().segments(volume, zero_is_missing=zero_is_missing)
            expected = [11, 6, 10, 1] if zero_is_missing else [11, 6, 10, 0, 1]
            assert segments.values.tolist() == expected, name
            assert segments.values.dtype.isnative
            assert segments.values.dtype == np.float32
            np.testing.assert_array_equal(volume, values, err_msg=name)

    @pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.int64, np.float16, np.float64])
    def test_any_type_has_means(self, dtype):
        segments = parcelled().segments(self.VALUES.astype(dtype))
        expected = [1, 1, 0.5] if dtype is bool else [11, 6, 0.5]
        assert segments.mean.tolist() == expected

    @pytest.mark.parametrize("dtype", [bool, np.int16, np.float32])
    def test_zero_may_be_missing_in_any_type(self, dtype):
        segments = parcelled().segments(self.VALUES.astype(dtype), zero_is_missing=True)
        assert segments.count.tolist() == [1, 3, 1]
        assert segments.sizes.tolist() == [1, 3, 2]

    def test_another_shape_is_an_error(self):
        with pytest.raises(SpaceError, match=r"\(2, 3, 2\), the labels \(2, 2, 3\)"):
            parcelled().segments(ramp((2, 3, 2)))


class TestOnAnotherGrid:
    def test_the_same_grid_is_the_same_parcellation(self):
        parcellation = parcelled()
        assert parcellation.on(Grid(MM2, (2, 2, 3))) is parcellation

    @given(
        hnp.arrays(np.int16, shapes, elements=st.integers(0, 3)),
        affines(),
        st.sampled_from(SIGNED_PERMUTATIONS),
    )
    def test_turned_axes_are_followed_exactly(self, labels, affine, permutation):
        moved = parcelled(*turned(labels, affine, *permutation))
        for resample in (None, "nearest"):
            there = moved.on(Grid(affine, labels.shape), resample=resample)
            np.testing.assert_array_equal(painted(there), labels)
            straight = parcelled(labels, affine)
            np.testing.assert_array_equal(there.positions, straight.positions)
            np.testing.assert_array_equal(there.labels, straight.labels)

    def test_the_names_go_along(self, tmp_path):
        path = write(tmp_path / "seg-Tiny_dseg.nii", LABELS)
        flipped = Grid(MM2, (2, 2, 3)).reoriented((0, 1, 2), (True, False, False))
        for resample in (None, "nearest"):
            there = Parcellation.from_labels(path).on(flipped, resample=resample)
            assert (there.atlas_name, there.source) == ("Tiny", path.name)
            assert there.grid is flipped

    def test_another_place_is_an_error(self):
        with pytest.raises(GridMismatchError, match="resample='nearest'"):
            parcelled().on(Grid(MM2, (3, 3, 3)))

    @pytest.mark.parametrize("value", ["linear", True, "", ["nearest"]])
    def test_there_is_one_way_to_resample(self, value):
        with pytest.raises(OptionError, match="'nearest' or None, not"):
            parcelled().on(Grid(MM2, (2, 2, 3)), resample=value)

    @settings(deadline=None, max_examples=60)
    @given(
        hnp.arrays(np.int16, shapes, elements=st.integers(-1, 3)),
        affines(),
        affines(),
        shapes,
    )
    def test_nearest_labels_are_those_of_a_plain_look_up(self, labels, affine, target, shape):
        target[:3, 3] = affine[:3, 3] + 0.3
        back = np.linalg.inv(affine) @ target
        expected = np.zeros(shape, int)
        is_half_way = np.zeros(shape, bool)  # between two voxels: see below
        for voxel in np.ndindex(*shape):
            place = (back @ (*voxel, 1))[:3] + 0.5
            nearest = np.floor(place).astype(int)
            is_half_way[voxel] = np.abs(place - np.rint(place)).min() < 1e-5
            if ((nearest >= 0) & (nearest < labels.shape)).all():
                expected[voxel] = labels[tuple(nearest)]
        assume(expected[~is_half_way].any())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LabelWarning)
            there = painted(parcelled(labels, affine).on(Grid(target, shape), resample="nearest"))
        np.testing.assert_array_equal(there[~is_half_way], expected[~is_half_way])

    def test_half_way_points_all_go_up(self):
        labels = np.arange(1, 6).reshape(5, 1, 1)
        half = MM2.copy()
        half[0, 3] = 1
        with pytest.warns(LabelWarning, match="lost 1 of 5 regions: labels 1"):
            there = parcelled(labels).on(Grid(half, (4, 1, 1)), resample="nearest")
        assert painted(there).ravel().tolist() == [2, 3, 4, 5]

    def test_regions_that_are_lost_are_warned_of_by_name(self, tmp_path):
        path = write(tmp_path / "dseg.nii", ramp((4, 4, 4), np.int16))
        coarse = Grid(np.diag([4.0, 4, 4, 1]), (2, 2, 2))
        with pytest.warns(LabelWarning, match=r"dseg\.nii .*lost 56 of 63 .*1, 3, 4.*56 in all"):
            there = Parcellation.from_labels(path).on(coarse, resample="nearest")
        assert there.labels.tolist() == [2, 8, 10, 32, 34, 40, 42]
