from __future__ import annotations

import warnings

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from qsiparc.errors import LabelError, LabelWarning
from qsiparc.labels import SHOWN, some, whole_labels


def labelled(values, dtype=np.float32):
    """A label image of 2 × 1 × 1 voxels and more, of these values."""
    flat = np.asarray(values, dtype)
    return xr.DataArray(flat.reshape(-1, 1, 1), dims=("i", "j", "k"))


def read(values, dtype=np.float32):
    return whole_labels(labelled(values, dtype), "dseg.nii").tolist()


@pytest.mark.parametrize(
    "dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"]
)
def test_any_type_of_number_holds_labels(dtype):
    assert read([0, 1, 7, 100], dtype) == [0, 1, 7, 100]


def test_bool_is_one_region():
    flat = whole_labels(labelled([0, 1, 1], bool), "dseg.nii")
    assert flat.dtype == np.uint8
    assert flat.tolist() == [0, 1, 1]


@pytest.mark.parametrize("dtype", ["i2", "i8", "f4"])
def test_labels_may_be_negative(dtype):
    assert read([-5, 0, 3], dtype) == [-5, 0, 3]


@pytest.mark.parametrize("label", [2**31, 2**40 + 1, 2**63 - 1, -(2**63)])
def test_labels_may_be_any_int64(label):
    assert read([0, label], np.int64) == [0, label]


def test_labels_beyond_int64_are_an_error():
    assert read([0, 2**63 - 1], np.uint64) == [0, 2**63 - 1]
    with pytest.raises(LabelError, match=r"^dseg\.nii: the label 9223372036854775808 is beyond"):
        read([0, 2**63], np.uint64)


@pytest.mark.parametrize(
    ("dtype", "exact"), [(np.float16, 2**11), (np.float32, 2**24), (np.float64, 2**53)]
)
def test_floats_that_cannot_tell_labels_apart_are_an_error(dtype, exact):
    assert read([0, exact - 1, 1 - exact], dtype) == [0, exact - 1, 1 - exact]
    for label in (exact, exact + 1, -exact):
        with pytest.raises(LabelError, match=rf"dseg\.nii: it holds .*from {exact} on\. Store"):
            read([0, label], dtype)


@given(hnp.arrays(np.float64, 5, elements=st.floats(-0.0099, 0.0099)))
def test_rounding_errors_are_mended_silently(off):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(np.array([0, 1, 2, -7, 1000]) + off, np.float64) == [0, 1, 2, -7, 1000]


@pytest.mark.parametrize("off", [0.011, 0.1, 0.199, -0.011, -0.199])
def test_larger_ones_are_mended_with_a_warning(off):
    with pytest.warns(LabelWarning, match=r"dseg\.nii: 2 labels are up to") as caught:
        assert read([0, 1 + off, 2, 7 - off]) == [0, 1, 2, 7]
    assert f"{abs(off):.3g} away" in str(caught[0].message)


@pytest.mark.parametrize("off", [0.21, 0.5, -0.21])
def test_what_is_further_off_is_no_label(off):
    with pytest.raises(LabelError, match=r"dseg\.nii: 1 of 3 values are no whole numbers") as error:
        read([0, 1, 2 + off])
    assert f"{2 + off:.6g} for one" in str(error.value)


def test_a_scalar_map_is_no_label_image():
    with pytest.raises(LabelError, match="a scalar map given in its place"):
        read(np.linspace(0, 1, 30))
    with pytest.raises(LabelError, match=r"all of its values are 0 when rounded, and 0\.003 is"):
        read([0, 7e-4, 3e-3])


def test_nan_is_background_with_a_warning():
    with pytest.warns(LabelWarning, match=r"dseg\.nii: 2 voxels are NaN"):
        assert read([np.nan, 3, np.nan]) == [0, 3, 0]


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinity_is_no_label(value):
    with pytest.raises(LabelError, match=r"dseg\.nii: 1 values are infinite"):
        read([0, value])


@pytest.mark.parametrize("dtype", [complex, str, "M8[s]"])
def test_labels_are_numbers(dtype):
    with pytest.raises(LabelError, match=r"dseg\.nii: labels are numbers, these are"):
        read(np.zeros(2, int).astype(dtype), dtype)


@pytest.mark.parametrize("dtype", [np.int32, np.float32, np.uint64])
def test_nothing_has_no_labels(dtype):
    assert read([], dtype) == []
    assert read([0, 0], dtype) == [0, 0]


def test_voxels_run_with_i_fastest_whatever_the_order_of_the_dims():
    values = np.arange(24).reshape(2, 3, 4)
    image = xr.DataArray(values, dims=("i", "j", "k"))
    expected = values.ravel(order="F")
    for dims in ("ijk", "kji", "jki"):
        np.testing.assert_array_equal(whole_labels(image.transpose(*dims), "dseg"), expected)


def test_a_further_dimension_must_be_one_long():
    image = xr.DataArray(np.ones((2, 3, 4, 1), int), dims=("i", "j", "k", "volume"))
    assert whole_labels(image, "dseg.nii").tolist() == [1] * 24
    with pytest.raises(LabelError, match=r"dseg\.nii: .*\{'volume': 2\}.*isel"):
        whole_labels(xr.concat([image, image], "volume"), "dseg.nii")


def test_the_image_is_never_changed():
    image = labelled([np.nan, 1.1, 3])
    with pytest.warns(LabelWarning):
        whole_labels(image, "dseg.nii")
    np.testing.assert_array_equal(image.values.ravel(), np.float32([np.nan, 1.1, 3]))


def test_a_message_names_the_first_few():
    assert some(np.arange(SHOWN)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    assert some(np.arange(SHOWN + 2)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, … (12 in all)"
