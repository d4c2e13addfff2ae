"""The classic format of netCDF: what the netCDF library reads and writes is the measure."""

from __future__ import annotations

import contextlib
import io
import tempfile
from pathlib import Path
from unicodedata import is_normalized

import netCDF4
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from qsiparc.classic import CHECKSUM, Array, encode
from qsiparc.classicreader import read_array, read_header

KINDS = ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"]

names = st.text(
    st.characters(categories=["L", "N"], include_characters="_.+-"), min_size=1, max_size=9
).filter(lambda name: name.isidentifier() and is_normalized("NFC", name))
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9)
numbers = st.sampled_from(KINDS).flatmap(lambda kind: hnp.arrays(kind, st.integers(1, 4)))
attributes = st.dictionaries(
    names, words | st.integers(-(2**63), 2**63 - 1) | st.floats() | numbers, max_size=4
)


@st.composite
def variables(draw):
    """Variables on dims that they share."""
    sizes = draw(st.dictionaries(names, st.integers(1, 4), max_size=3))
    made = {}
    for name in draw(st.lists(names, max_size=4, unique=True)):
        dims = draw(st.permutations(sorted(sizes)))[: draw(st.integers(0, len(sizes)))]
        shape = tuple(sizes[dim] for dim in dims)
        values = draw(hnp.arrays(draw(st.sampled_from(KINDS)), shape))
        attrs = {f"a{key}": value for key, value in draw(attributes).items()}
        made[name] = Array(tuple(dims), values, attrs)
    return made


def same(one, other):
    """Whether two attributes are alike: netCDF has no list of one number."""
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    one, other = np.atleast_1d(one), np.atleast_1d(other)
    return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=True)


@given(attributes, variables())
@settings(deadline=None, max_examples=100)
def test_the_netcdf_library_reads_what_is_written(attrs, made):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.nc"
        path.write_bytes(b"".join(encode(attrs, made)) + b"something behind the end")
        with netCDF4.Dataset(path) as file:
            assert file.data_model == "NETCDF3_64BIT_DATA"
            file.set_auto_maskandscale(False)
            assert list(file.ncattrs()) == list(attrs)
            assert all(same(file.getncattr(key), value) for key, value in attrs.items())
            assert list(file.variables) == list(made)
            for name, one in made.items():
                found = file.variables[name]
                assert found.dimensions == one.dims
                assert found.dtype == one.values.dtype
                np.testing.assert_array_equal(found[...], one.values)
                assert found.ncattrs() == [*one.attrs, CHECKSUM]
                assert all(same(found.getncattr(key), value) for key, value in one.attrs.items())


@given(attributes, variables())
@settings(deadline=None, max_examples=100)
def test_what_is_written_is_read(attrs, made):
    pieces = encode(attrs, made)
    file = io.BytesIO(b"".join(pieces))
    header = read_header(file)
    assert header.raw == pieces[0]
    assert header.attrs.keys() == attrs.keys()
    assert all(same(header.attrs[key], value) for key, value in attrs.items())
    assert list(header.variables) == list(made)
    for name, one in made.items():
        stored = header.variables[name]
        assert (stored.dims, stored.shape) == (one.dims, one.values.shape)
        found = np.frombuffer(read_array(file, stored), stored.dtype).reshape(stored.shape)
        np.testing.assert_array_equal(found, one.values)
        assert [key for key in stored.attrs if key != CHECKSUM] == list(one.attrs)
        assert all(same(stored.attrs[key], value) for key, value in one.attrs.items())


def test_the_header_that_the_netcdf_library_writes_is_read(tmp_path):
    with netCDF4.Dataset(tmp_path / "a.nc", "w", format="NETCDF3_64BIT_DATA") as file:
        file.setncatts({"title": "Größe", "n": 3, "list": [0.5, 1.5]})
        file.createDimension("i", 3)
        file.createDimension("width", 5)
        file.createVariable("x", "i8", ("i",))[:] = [1, -2, 2**40]
        file.createVariable("word", "S1", ("i", "width")).setncattr("_Encoding", "utf-8")
        file.createVariable("short", "i2", ())[...] = 7
    with (tmp_path / "a.nc").open("rb") as file:
        header = read_header(file)
        x, word, short = header.variables.values()
        file.seek(x.begin)
        assert np.frombuffer(file.read(24), x.dtype).tolist() == [1, -2, 2**40]
        file.seek(short.begin)
        assert np.frombuffer(file.read(2), short.dtype) == 7
    assert header.attrs["title"] == "Größe"
    assert header.attrs["list"].tolist() == [0.5, 1.5]
    assert (word.dims, word.shape, word.attrs) == (("i", "width"), (3, 5), {"_Encoding": "utf-8"})


@pytest.mark.parametrize("texts", [["a"], ["é", "", "b"], [""], ["", ""]])
def test_a_list_of_texts_comes_back(texts):
    (header,) = encode({"texts": texts, "text": "a", "empty": ""}, {})
    assert read_header(io.BytesIO(header)).attrs == {"texts": texts, "text": "a", "empty": ""}


def test_a_long_header_is_read_to_its_end():
    attrs = {f"a{n}": "é" * 50_000 for n in range(7)}
    content = b"".join(encode(attrs, {"x": Array(("i",), np.arange(3.0), {})}))
    assert read_header(io.BytesIO(content)).attrs == attrs


@pytest.mark.parametrize(
    ("attrs", "made", "said"),
    [
        ({"a": "x\0y"}, {}, "The attribute a holds a NUL"),
        ({"a": ["x\0"]}, {}, "The attribute a holds a NUL"),
        ({"a": None}, {}, "The attribute a is of type object"),
        ({"a": True}, {}, "The attribute a is of type bool"),
        ({"a": [[1]]}, {}, "The attribute a is no flat list"),
        ({}, {"x": Array(("i",), np.zeros(0), {})}, "x: i has the length 0"),
        ({}, {"x": Array(("i", "i"), np.zeros((1, 2)), {})}, "x: i has the length 2, and 1 too"),
        ({}, {"x": Array((), np.array("text"), {})}, "x is of type <U4"),
        ({}, {"x": Array((), np.array(1j), {})}, "x is of type complex128"),
    ],
)
def test_what_cannot_be_stored_is_refused(attrs, made, said):
    with pytest.raises(ValueError, match=said):
        encode(attrs, made)


def small():
    x = Array(("i",), np.arange(3.0), {"units": "mm", "flags": np.array([1, 2], np.int8)})
    return b"".join(encode({"title": "é", "n": 1}, {"x": x, "y": Array((), np.array(5), {})}))


def test_a_file_that_is_cut_short_says_so():
    whole = small()
    length = len(read_header(io.BytesIO(whole)).raw)
    for end in range(length):
        with pytest.raises(ValueError, match=r"ends before its header|no netCDF"):
            read_header(io.BytesIO(whole[:end]))
    stored = read_header(io.BytesIO(whole)).variables["x"]
    for end in (length, stored.begin + 23):
        with pytest.raises(ValueError, match="cut short"):
            read_array(io.BytesIO(whole[:end]), stored)


def test_a_flipped_byte_of_an_array_is_seen():
    whole = small()
    stored = read_header(io.BytesIO(whole)).variables["x"]
    for at in range(stored.begin, stored.begin + 24):
        damaged = bytearray(whole)
        damaged[at] ^= 4
        with pytest.raises(ValueError, match="checksum"):
            read_array(io.BytesIO(damaged), stored)


@given(st.data())
@settings(deadline=None, max_examples=300)
def test_a_damaged_header_is_read_or_refused(data):
    """It never takes long, nor much memory, nor fails in another way."""
    damaged = bytearray(small())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
    file = io.BytesIO(damaged)
    with contextlib.suppress(ValueError):
        for stored in read_header(file).variables.values():
            read_array(file, stored)
