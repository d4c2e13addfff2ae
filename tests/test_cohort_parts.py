from __future__ import annotations

import io
import json
import os
import stat
import tempfile
from pathlib import Path
from unicodedata import is_normalized

import netCDF4
import numpy as np
import pytest
import xarray as xr
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.io import netcdf_file

from qsiparc.cohort.parts import part_attrs, part_path, part_paths, read_part, write_part
from qsiparc.cube import text
from qsiparc.errors import CubeError
from qsiparc.partattrs import OF_THE_FILE

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9)
with netcdf_file(io.BytesIO(), "w") as file:
    TAKEN = {*dir(file), *dir(file.createVariable("x", "i4", ()))}
TAKEN |= {"", "scan", "qsiparc_part", "atlases", "dtype", *OF_THE_FILE}
free = words.filter(lambda word: word not in TAKEN)
names = free.filter(lambda word: "." not in word)


def with_attrs(node, **attrs):
    node.attrs = attrs
    return node


def tree(value=1.0, **attrs):
    cube = xr.Dataset(
        {
            "value": (("region", "stat", "scalar", "subject"), [[[[value]]]]),
            "status": (("scalar", "subject"), np.zeros((1, 1), np.int8), {"flag_meanings": "ok"}),
        },
        {"region": [7], "stat": text(["mean"]), "region_name": ("region", text(["Größe"]))},
        {"atlas": "A"},
    )
    return with_attrs(xr.DataTree.from_dict({"A": cube}), **attrs)


def test_a_part_comes_back_as_it_was(tmp_path):
    path = write_part(tmp_path, "sub-001", tree(fingerprint="ab", inputs="[]"))
    assert path == tmp_path / "parts" / "sub-001.nc"
    back = read_part(path)
    xr.testing.assert_identical(back["A"].to_dataset(), tree()["A"].to_dataset())
    assert back["A"]["region_name"].dtype.kind == "T"
    assert back["A"]["status"].dtype == np.int8
    expected = {"qsiparc_part": 2, "scan": "sub-001", "fingerprint": "ab", "inputs": "[]"}
    assert part_attrs(path) == expected
    assert back.attrs == expected


@st.composite
def cubes(draw):
    """Datasets of any texts, numbers and attributes that a part may hold."""
    n = draw(st.integers(1, 4))
    column = st.lists(words, min_size=n, max_size=n)
    dims = ("region", "stat", "scalar", "subject")
    values = draw(hnp.arrays(np.float64, (n, 1, 1, 1)))
    labels = draw(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=n, max_size=n, unique=True))
    coords = {"region": labels, "stat": text(["mean"]), "subject": text([draw(words)])}
    columns = draw(st.dictionaries(words.filter(lambda word: "/" not in word), column, max_size=3))
    coords |= {f"c{name}": ("region", text(texts)) for name, texts in columns.items()}
    numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
    attrs = draw(st.dictionaries(words.filter(bool), words | numbers, max_size=3))
    return xr.Dataset({"value": (dims, values, {"units": draw(words)})}, coords, attrs)


@given(cubes(), cubes(), st.dictionaries(names, words, max_size=3))
@settings(deadline=None, max_examples=60)
def test_any_texts_and_numbers_come_back(one, two, attrs):
    with tempfile.TemporaryDirectory() as folder:
        made = with_attrs(xr.DataTree.from_dict({"Grey100": one, "A": two}), **attrs)
        back = read_part(write_part(Path(folder), "sub-1", made))
        xr.testing.assert_identical(back["Grey100"].to_dataset(), one)
        xr.testing.assert_identical(back["A"].to_dataset(), two)
        assert list(back.children) == ["Grey100", "A"]
        assert back.attrs == {"qsiparc_part": 2, "scan": "sub-1", **attrs}


KINDS = ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"]
columns = st.sampled_from([*KINDS, ">i4", ">f8", "?", "M8[ns]", "M8[s]", "m8[ns]"]).flatmap(
    lambda kind: hnp.arrays(kind, 3)
)
arrays = st.sampled_from(KINDS).flatmap(lambda kind: hnp.arrays(kind, st.integers(1, 4)))
attributes = st.dictionaries(
    free,
    arrays
    | arrays.map(lambda numbers: numbers[0])
    | st.lists(words, min_size=1, max_size=3)
    | st.integers(-(2**63), 2**64 - 1),
    max_size=4,
)


@given(st.lists(columns, min_size=1, max_size=4), attributes, attributes)
@settings(deadline=None, max_examples=200)
def test_every_type_of_numbers_comes_back(made, attrs, own):
    """As a variable and as an attribute, in its own type, and variables in their order."""
    named = {f"c{len(made) - n}": ("region", one, own) for n, one in enumerate(made)}
    cube = xr.Dataset({"value": ("region", np.arange(3.0))}, named, attrs)
    with tempfile.TemporaryDirectory() as folder:
        tree = xr.DataTree.from_dict({"A": cube})
        back = read_part(write_part(Path(folder), "sub-1", tree))["A"].to_dataset()
    assert list(back.coords) == list(named)
    for name, (_, values, _) in named.items():
        assert back[name].dtype == values.dtype.newbyteorder("=")
        np.testing.assert_array_equal(back[name], values)
        assert_same(back[name].attrs, own)
    assert_same(back.attrs, attrs)


def assert_same(found, expected):
    assert list(found) == list(expected)
    for name, value in expected.items():
        if isinstance(value, np.generic | np.ndarray):
            assert (type(found[name]), found[name].dtype) == (type(value), value.dtype)
            np.testing.assert_array_equal(found[name], value)
        else:
            assert found[name] == value


@pytest.fixture
def rich():
    """A cube with columns of every type."""
    names = ["Größe", "", "x" * 300]
    flags = {"flag_values": np.array([0, 1], np.int8), "flag_meanings": "ok missing"}
    numbers = np.arange(6.0).reshape(3, 1, 2, 1)
    numbers[1, 0, 0, 0] = np.nan
    return xr.Dataset(
        {
            "value": (("region", "stat", "scalar", "subject"), numbers, {"units": "1"}),
            "status": (("scalar", "subject"), np.array([[0], [1]], np.int8), flags),
        },
        {
            "region": np.arange(3) - 1,
            "stat": text(["mean"]),
            "scalar": text(["FA", "MD"]),
            "region_name": ("region", text(names)),
            "name of a network": ("region", np.array(names, dtype="<U300")),
            "is_cortex": ("region", np.arange(3) > 0),
            "volume": ("region", np.arange(3) * 0.5, {"units": "mm^3"}),
            "made": ("region", np.full(3, np.datetime64("2026-01-02", "ns"))),
            "map_file": (("scalar", "subject"), text([["fa.nii.gz"], ["md.nii.gz"]])),
            "threshold": 0.25,
            "atlas_name": text("A"),
        },
        {"one": ["a"], "two": ["é", "b"], "text": "é", "n": 2, "x": 0.5, "list": [1.5, 2.5]},
    )


@pytest.mark.parametrize("one", [[3], [0.5], [2**40], (3,), ["a"], []])
def test_a_list_of_one_is_no_single_number(tmp_path, one):
    made = tree()
    made["A"].attrs["one"] = made["A"]["value"].attrs["one"] = one
    back = read_part(write_part(tmp_path, "sub-001", made))["A"]
    for found in (back.attrs["one"], back["value"].attrs["one"]):
        assert np.shape(found) == (len(one),)
        assert list(found) == list(one)


def test_columns_of_every_type_come_back(tmp_path, rich):
    made = xr.DataTree.from_dict({"B": rich, "A": rich.isel(scalar=[0])})
    made.attrs = {"failures": "[]", "texts": ["é"]}
    back = read_part(write_part(tmp_path, "sub-001", made))
    expected = rich.assign_coords({"name of a network": ("region", text(rich.region_name.values))})
    xr.testing.assert_identical(back["B"].to_dataset(), expected)
    xr.testing.assert_identical(back["A"].to_dataset(), expected.isel(scalar=[0]))
    assert back["B"]["is_cortex"].dtype == bool
    assert back["B"]["status"].dtype == np.int8
    assert back["B"]["status"].attrs["flag_values"].dtype == np.int8
    assert back.attrs["texts"] == ["é"]


@pytest.mark.parametrize("engine", ["netcdf4", "scipy"])
def test_xarray_alone_reads_a_part(tmp_path, rich, engine):
    """Dims, coordinates and text are those of the format, under the names of an atlas."""
    path = write_part(tmp_path, "sub-001", xr.DataTree.from_dict({"B": rich, "A": rich}))
    with xr.open_dataset(path, engine=engine) as plain:
        cube = plain[[name for name in plain.variables if name.startswith("B.")]].load()
    cube = cube.rename({name: name.removeprefix("B.") for name in (*cube.variables, *cube.dims)})
    assert cube["value"].attrs["units"] == "1"
    own = {name for name in cube["value"].coords if not name.startswith("A.")}
    assert own == set(rich.coords) - {"name of a network"}
    for name in rich.variables:
        np.testing.assert_array_equal(cube[name].values.astype(rich[name].dtype), rich[name])
    listed = json.loads(plain.attrs["atlases"])
    assert listed == {key: [[*map(str, rich.variables)], [*rich.attrs]] for key in "BA"}
    assert plain.attrs["A.text"] == "é"


@given(cubes(), st.dictionaries(names, words, max_size=3))
@settings(deadline=None, max_examples=60)
def test_the_netcdf_library_reads_what_is_written(one, attrs):
    """The measure is another reader of the format; it asks for names as NFC has them."""
    assume(all(is_normalized("NFC", name) for name in (*attrs, *one.attrs, *one.variables)))
    with tempfile.TemporaryDirectory() as folder:
        made = with_attrs(xr.DataTree.from_dict({"A": one}), **attrs)
        path = write_part(Path(folder), "sub-1", made)
        with netCDF4.Dataset(path) as file:
            assert file.data_model == "NETCDF3_64BIT_OFFSET"
            assert {dim: file.dimensions[f"A.{dim}"].size for dim in one.sizes} == one.sizes
            assert not any(dim.isunlimited() for dim in file.dimensions.values())
            assert set(file.variables) == {f"A.{name}" for name in one.variables}
            assert {name: file.getncattr(name) for name in attrs} == attrs
            for name, value in one.attrs.items():
                told = file.getncattr(f"A.{name}")
                is_wide = isinstance(value, int) and abs(value + 0.5) > 2**31
                assert told == (f'{{"int64": {value}}}' if is_wide else value)
            for name, variable in one.variables.items():
                found = file.variables[f"A.{name}"]
                found.set_auto_maskandscale(False)
                found.set_auto_chartostring(False)  # netCDF4 1.7.3 fails at what is not ASCII
                told = np.ascontiguousarray(found[...])
                if found.dtype == "S1":
                    texts = told.view(f"S{told.shape[-1]}").ravel().tolist()
                    wanted = [str(each) for each in variable.values.ravel().tolist()]
                    assert [each.decode() for each in texts] == wanted
                else:
                    np.testing.assert_array_equal(told, variable.values)


def test_names_that_read_as_those_of_another_atlas_are_refused(tmp_path):
    one = tree()["A"].to_dataset()
    made = xr.DataTree.from_dict({"A": one.assign_attrs(b=1), "A.B": one.assign_coords(c=1)})
    back = read_part(write_part(tmp_path, "sub-001", made))
    xr.testing.assert_identical(back["A.B"].to_dataset(), made["A.B"].to_dataset())
    for clash, said in (
        (one.assign_attrs({"B.atlas": 2}), r"cannot be called A\.B\.atlas: that name is taken"),
        (one.assign_coords({"B.c": 2}), r"Two atlases would have a variable A\.B\.c"),
        (one.assign_coords({"B.region": ("B.region", [1, 2])}), r"a dim A\.B\.region, of two"),
    ):
        made["A"] = xr.DataTree(clash)
        with pytest.raises(CubeError, match=said):
            write_part(tmp_path, "sub-002", made)
    for name in ("A.atlas", "atlases", "mode", "variables", "close"):
        with pytest.raises(CubeError, match=rf"called {name}: that name is taken"):
            write_part(tmp_path, "sub-002", tree(**{name: 1}))
    for name in ("shape", "data", "dimensions", "coordinates", "_Encoding", "qsiparc_dtype"):
        made = tree()
        made["A"]["value"].attrs[name] = 1
        with pytest.raises(CubeError, match=rf"called {name}: that name is taken"):
            write_part(tmp_path, "sub-002", made)
    assert [path.name for path in part_paths(tmp_path)] == ["sub-001.nc"]


def test_a_text_that_would_be_cut_is_refused(tmp_path):
    made = tree()
    made["A"] = made["A"].to_dataset().assign_coords(region_name=("region", text(["a\0"])))
    with pytest.raises(CubeError, match=r"sub-001\.nc: .*A: a text in region_name holds a NUL"):
        write_part(tmp_path, "sub-001", made)
    assert part_paths(tmp_path) == []


@pytest.mark.parametrize(
    ("coords", "attrs", "said"),
    [
        ({}, {"a": "x\0y"}, "The attribute A.a holds a NUL"),
        ({}, {"a": ["x\0"]}, "The attribute A.a holds a NUL"),
        ({}, {"a\0": 1}, "The name .* holds a NUL"),
        ({}, {"a": None}, "The attribute A.a is of type object"),
        ({}, {"a": True}, "The attribute A.a is of type bool"),
        ({}, {"a": np.float16(1)}, "The attribute A.a is of type float16"),
        ({}, {"a": [[1]]}, "The attribute A.a is no flat list"),
        ({"x": ("none", np.zeros(0))}, {}, r"A\.x: none has the length 0"),
        ({"x": ("none", text([]))}, {}, r"A\.x: none has the length 0"),
        ({"x": 1j}, {}, "x is of type complex128"),
        ({"x": np.float16(1)}, {}, "x is of type float16"),
        ({"x": ("long", np.broadcast_to(0.0, 2**28))}, {}, r"A\.x is of 2,147,483,648 bytes, and"),
        (
            {"x": xr.Variable((), np.True_, {"dtype": "bool"})},
            {},
            "of x is called dtype: that name",
        ),
    ],
)
def test_what_cannot_be_stored_is_refused(tmp_path, coords, attrs, said):
    made = tree()
    made["A"] = xr.DataTree(made["A"].to_dataset().assign_coords(coords).assign_attrs(attrs))
    with pytest.raises(CubeError, match=rf"sub-001\.nc: this part cannot be stored: .*{said}"):
        write_part(tmp_path, "sub-001", made)
    assert list((tmp_path / "parts").iterdir()) == []


def test_a_part_may_have_no_group(tmp_path):
    path = write_part(tmp_path, "sub-001", with_attrs(xr.DataTree(), failures="[{}]"))
    assert not read_part(path).children
    assert part_attrs(path)["failures"] == "[{}]"


def test_long_texts_fit(tmp_path):
    long = "é" * 300_000
    path = write_part(tmp_path, "sub-001", tree(inputs=long, failures="e" * 300_000))
    assert part_attrs(path)["inputs"] == long
    assert len(part_attrs(path)["failures"]) == 300_000


def test_the_last_one_counts(tmp_path):
    write_part(tmp_path, "sub-001", tree(1.0))
    path = write_part(tmp_path, "sub-001", tree(2.0))
    assert read_part(path)["A"]["value"].item() == 2.0


def test_parts_are_listed_by_name_without_temporaries(tmp_path):
    for scan in ("sub-002", "sub-001"):
        write_part(tmp_path, scan, tree())
    (tmp_path / "parts" / ".sub-003.1-ab.tmp").touch()
    (tmp_path / "parts" / ".sub-004.nc").touch()
    assert [path.name for path in part_paths(tmp_path)] == ["sub-001.nc", "sub-002.nc"]
    assert part_paths(tmp_path / "nowhere") == []


@pytest.mark.parametrize("scan", ["", "../sub-001", "sub 1", "sub.1", "a/b", "sub-001\n"])
def test_a_name_never_leaves_the_folder(tmp_path, scan):
    with pytest.raises(CubeError, match="cannot name a part"):
        part_path(tmp_path, scan)


def test_a_write_that_fails_leaves_the_old_part(tmp_path, monkeypatch):
    path = write_part(tmp_path, "sub-001", tree(1.0))

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_part(tmp_path, "sub-001", tree(2.0))
    monkeypatch.undo()
    assert [file.name for file in path.parent.iterdir()] == ["sub-001.nc"]
    assert read_part(path)["A"]["value"].item() == 1.0


def test_file_and_folder_are_on_the_disk_around_the_rename(tmp_path, monkeypatch):
    done = []
    fsync, rename = os.fsync, Path.replace

    def synced(handle):
        done.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    def renamed(path, target):
        done.append("rename")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    write_part(tmp_path, "sub-001", tree())
    assert done == ["file", "rename", "folder"]


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.95])
def test_a_part_that_is_cut_short_is_named(tmp_path, keep):
    path = write_part(tmp_path, "sub-001", tree())
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if keep < 1 else keep])
    with pytest.raises(CubeError, match=r"sub-001\.nc: this is no whole part"):
        read_part(path)


def test_another_netcdf_file_is_no_part(tmp_path):
    said_of = {
        "NETCDF4": "HDF5",
        "NETCDF3_CLASSIC": "no netCDF of the format CDF-2",
        "NETCDF3_64BIT_DATA": "no netCDF of the format CDF-2",
        "NETCDF3_64BIT_OFFSET": "cut short, or something else",
    }
    for kind, said in said_of.items():
        xr.Dataset({"a": 1.0}).to_netcdf(tmp_path / "a.nc", format=kind, engine="netcdf4")
        with pytest.raises(CubeError, match=f"this is no whole part .*{said}"):
            part_attrs(tmp_path / "a.nc")
    with pytest.raises(FileNotFoundError):
        read_part(tmp_path / "b.nc")
