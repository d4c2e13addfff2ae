from __future__ import annotations

import warnings

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from phantoms import MM2

from qsiparc import Parcellation
from qsiparc.errors import LabelError, LabelWarning
from qsiparc.labels import some, whole_labels


def labels_of(values, dtype=None) -> np.ndarray:
    data = np.asarray(values, dtype).reshape(-1, 1, 1)
    return whole_labels(xr.DataArray(data, dims=("i", "j", "k")), "a_dseg.nii.gz")


@pytest.mark.parametrize("kind", ["u1", "i2", "i4", "i8", "u8", "f2", "f4", "f8", "?", "g"])
def test_whole_numbers_of_any_type_are_labels(kind):
    found = labels_of([0, 1, 1, 0], kind)
    assert found.dtype.kind in "iu"
    assert found.tolist() == [0, 1, 1, 0]


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=5))
@settings(deadline=None)
def test_any_int64_is_a_label(values):
    assert labels_of(values, "i8").tolist() == values


@given(st.lists(st.integers(-(2**24) + 1, 2**24 - 1), min_size=1, max_size=5))
@settings(deadline=None)
def test_floats_that_hold_whole_numbers_are_exact(values):
    assert labels_of(values, "f4").tolist() == values


def test_negative_and_huge_labels_are_factorised():
    data = np.array([0, -5, 2**40, 2**40, -5, -5]).reshape(1, 2, 3)
    volume = xr.DataArray(data, dims=("i", "j", "k")).parc.with_affine(MM2)
    parcellation = Parcellation.from_labels(volume)
    assert parcellation.labels.tolist() == [-5, 2**40]
    assert parcellation.sizes.tolist() == [3, 2]


@pytest.mark.parametrize("off", [0.0, 1e-6, 0.0099, -0.0099])
def test_a_hundredth_is_rounded_silently(off):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert labels_of([0, 3 + off, 7 - off]).tolist() == [0, 3, 7]


@pytest.mark.parametrize("off", [0.011, 0.1, 0.199, -0.199])
def test_a_fifth_is_rounded_with_a_warning(off):
    with pytest.warns(LabelWarning, match=r"a_dseg\.nii\.gz: 1 labels are up to .*rounded") as said:
        assert labels_of([0, 3, 7 + off]).tolist() == [0, 3, 7]
    assert f"{7 + off:.6g} for one" in str(said[0].message)
    assert said[0].filename == __file__


@pytest.mark.parametrize("off", [0.21, 0.5, -0.5, -0.21])
def test_more_is_an_error(off):
    with pytest.raises(LabelError, match=r"a_dseg\.nii\.gz: 1 of 3 values are no whole numbers"):
        labels_of([0, 3, 7 + off])


def test_a_fraction_is_never_cut_off():
    assert labels_of([1.995, 2.005]).tolist() == [2, 2]


def test_a_scalar_map_is_no_label_image():
    with pytest.raises(LabelError, match="a scalar map given in its place"):
        labels_of(np.linspace(0, 1, 50))


def test_a_map_of_tiny_numbers_is_no_label_image_either():
    with pytest.raises(LabelError, match=r"0 when rounded, and 0\.0031 is the largest"):
        labels_of([0, 7e-4, 0.0031])
    assert labels_of([0, 0.0, 0]).tolist() == [0, 0, 0]


def test_nan_is_background_with_a_warning():
    with pytest.warns(LabelWarning, match="2 voxels are NaN; they are taken as background"):
        assert labels_of([np.nan, 3, np.nan]).tolist() == [0, 3, 0]


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinity_is_an_error(value):
    with pytest.raises(LabelError, match=r"a_dseg\.nii\.gz: 1 values are infinite"):
        labels_of([0, 1, value])


@pytest.mark.parametrize(
    ("kind", "value"), [("f4", 2**24), ("f4", -(2**24)), ("f4", 2**24 + 1), ("f8", 2**53)]
)
def test_floats_that_cannot_tell_labels_apart_are_an_error(kind, value):
    with pytest.raises(LabelError, match=f"cannot tell whole numbers apart from {abs(value) & -2}"):
        labels_of([0, value], kind)


def test_labels_beyond_int64_are_an_error():
    assert labels_of([2**63 - 1], "u8").tolist() == [2**63 - 1]
    with pytest.raises(LabelError, match="9223372036854775808 is beyond int64"):
        labels_of([2**63], "u8")


@pytest.mark.parametrize("values", [np.array(["a"]), np.array([1j]), np.array([None])])
def test_what_are_no_numbers_are_an_error(values):
    with pytest.raises(LabelError, match="labels are numbers, these are"):
        labels_of(values)


def test_a_stack_of_volumes_is_an_error_that_says_what_to_do():
    stack = xr.DataArray(np.zeros((2, 2, 2, 3)), dims=("i", "j", "k", "volume"))
    with pytest.raises(LabelError, match=r"\{'volume': 3\}.*probabilistic.*dseg\.isel"):
        whole_labels(stack, "a_dseg.nii.gz")
    assert whole_labels(stack.isel(volume=[1]), "a_dseg.nii.gz").shape == (8,)


def test_labels_come_out_with_i_fastest_whatever_the_order_of_dims():
    data = np.arange(24).reshape(2, 3, 4)
    image = xr.DataArray(data, dims=("i", "j", "k")).transpose("k", "i", "j")
    assert whole_labels(image, "").tolist() == data.ravel(order="F").tolist()


@pytest.mark.parametrize("kind", ["u1", "u8", "f4"])
def test_an_empty_image_has_no_labels(kind):
    assert labels_of([], kind).size == 0


def test_a_message_names_the_first_few():
    assert some(np.arange(3)) == "0, 1, 2"
    assert some(np.arange(12)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, … (12 in all)"
