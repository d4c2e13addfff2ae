from __future__ import annotations

import gc
import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from phantoms import MM2, ramp, volume
from test_cube import make

import qsiparc
from qsiparc.cube import TEXT
from qsiparc.errors import CubeError
from qsiparc.names import SPACE
from qsiparc.space import SpaceIndex

SUFFIXES = (".nc", ".zarr")
pytestmark = pytest.mark.parametrize("suffix", SUFFIXES)


def tree():
    return xr.DataTree.from_dict({"one": make(), "two": make().assign_attrs(atlas="Two")})


def fa():
    return volume(ramp()).rename("fa").assign_attrs(units="1")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def open_files(folder):
    """How many files below a folder this process has open."""
    links = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            links.append(str(entry.readlink()))
        except FileNotFoundError:
            continue
    return sum(link.startswith(str(folder)) for link in links)


@pytest.mark.parametrize(
    "kind", [make, tree, lambda: fa().to_dataset()], ids=["cube", "tree", "map"]
)
def test_what_is_saved_comes_back_identical_and_quietly(tmp_path, suffix, kind):
    path = tmp_path / f"there{suffix}"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert kind().parc.save(str(path)) == path
        with qsiparc.open(str(path)) as again:
            assert again.identical(kind())
            assert type(again) is type(kind())
        del again
        gc.collect()
    assert names(tmp_path) == [path.name]


def test_an_array_comes_back_in_a_dataset(tmp_path, suffix):
    path = fa().parc.save(tmp_path / f"fa{suffix}")
    assert qsiparc.open(path)["fa"].identical(fa())


def test_volumes_have_the_index_of_their_grid_again(tmp_path, suffix):
    path = fa().parc.save(tmp_path / f"fa{suffix}")
    inside = xr.DataTree.from_dict({"a": fa().to_dataset(), "b": make()})
    for again in (
        qsiparc.open(path),
        qsiparc.open(inside.parc.save(tmp_path / f"tree{suffix}"))["a"].to_dataset(),
    ):
        assert isinstance(again.xindexes[SPACE], SpaceIndex)
        np.testing.assert_array_equal(again["fa"].parc.affine, MM2)
        assert (again["fa"] - fa()).sum() == 0


def test_an_archive_is_read_when_asked(tmp_path, suffix):
    with qsiparc.open(make().parc.save(tmp_path / f"cube{suffix}")) as cube:
        assert not cube.value.variable._in_memory
        assert cube.value.load().notnull().any()


@pytest.mark.parametrize("kind", [make, tree], ids=["cube", "tree"])
def test_closing_closes_the_file(tmp_path, suffix, kind):
    path = kind().parc.save(tmp_path / f"there{suffix}")
    opened = qsiparc.open(path)
    assert open_files(tmp_path) == (suffix == ".nc")
    opened.close()
    assert open_files(tmp_path) == 0


@pytest.mark.parametrize("kind", [make, tree], ids=["cube", "tree"])
def test_what_is_there_is_replaced_even_by_itself(tmp_path, suffix, kind):
    path = fa().parc.save(tmp_path / f"there{suffix}")
    kind().parc.save(path)
    assert qsiparc.open(path).identical(kind())
    qsiparc.open(path).parc.save(path)
    assert qsiparc.open(path).identical(kind())
    assert names(tmp_path) == [path.name]


def test_a_failing_writer_leaves_the_old_archive_and_no_litter(tmp_path, suffix, monkeypatch):
    path = make().parc.save(tmp_path / f"cube{suffix}")

    def full(_self, target, **_how):
        Path(target).mkdir() if suffix == ".zarr" else Path(target).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(xr.Dataset, "to_zarr" if suffix == ".zarr" else "to_netcdf", full)
    with pytest.raises(OSError, match="No space left"):
        make().assign_attrs(new="yes").parc.save(path)
    assert names(tmp_path) == [path.name]
    assert qsiparc.open(path).identical(make())


def test_what_cannot_be_stored_leaves_nothing(tmp_path, suffix):
    bad = make().assign_attrs(nested={"a": object()})
    with pytest.raises(CubeError, match=rf"cube{suffix}: this cannot be stored"):
        bad.parc.save(tmp_path / f"cube{suffix}")
    assert not names(tmp_path)


def test_text_is_stored_whole_or_not_at_all(tmp_path, suffix):
    """netCDF ends a text at a NUL."""
    path = tmp_path / f"cube{suffix}"
    texts = ["A\0B", "line\nline", "", "\U0001f9e0" * 1000]
    for cube in (
        make().assign_coords(region_name=("region", np.array(texts, TEXT))),
        make().assign_attrs(note="A\0B"),
        xr.DataTree.from_dict({"a": make().assign_attrs(note="A\0B")}),
    ):
        if suffix == ".nc":
            with pytest.raises(CubeError, match=r"cube\.nc: .* holds a NUL"):
                cube.parc.save(path)
        else:
            assert qsiparc.open(cube.parc.save(path)).identical(cube)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("A\0B", "holds a NUL"),
        (["a", "A\0B"], "holds a NUL"),
        (["a", 1], "mixes texts and others"),
        ((2.5, "a"), "mixes texts and others"),
        (b"a", ""),
    ],
)
@pytest.mark.parametrize("of", ["the cube", "value", "region_name"])
def test_an_attribute_is_stored_as_it_is_or_not_at_all(tmp_path, suffix, value, said, of):
    """netCDF would cut it off, or make text of numbers."""
    cube = make().copy(deep=True)
    (cube if of == "the cube" else cube[of]).attrs["note"] = value
    if suffix == ".zarr" and said:
        assert qsiparc.open(cube.parc.save(tmp_path / "cube.zarr")).identical(cube)
        return
    with pytest.raises(CubeError, match=rf"cube{suffix}: .*[Aa]ttribute.*{said}"):
        cube.parc.save(tmp_path / f"cube{suffix}")
    assert not names(tmp_path)


@pytest.mark.parametrize(
    "value", ["", "é", 3, 2**40, 0.5, [1, 2], [0.5, 1], ["a", "é"], [], ["a"], [3]]
)
def test_attributes_come_back(tmp_path, suffix, value):
    cube = make().copy(deep=True)
    cube.attrs["note"] = cube["value"].attrs["note"] = value
    found = qsiparc.open(cube.parc.save(tmp_path / f"cube{suffix}"))
    for back in (found.attrs["note"], found["value"].attrs["note"]):
        is_one = suffix == ".nc" and isinstance(value, list) and len(value) == 1
        expected = value[0] if is_one else value  # netCDF does not tell them apart
        np.testing.assert_array_equal(back, expected)
        assert np.shape(back) == np.shape(expected)


def test_a_file_in_the_place_of_a_folder(tmp_path, suffix):
    (tmp_path / "file").touch()
    for name in (f"file/cube{suffix}", f"file/below/cube{suffix}"):
        with pytest.raises(NotADirectoryError, match=rf"cube{suffix}: a folder above it is a file"):
            make().parc.save(tmp_path / name)


def test_other_names_are_refused(tmp_path, suffix):
    for name in ("cube", "cube.h5", f"cube{suffix}.gz", f"cube{suffix.upper()}"):
        with pytest.raises(CubeError, match=rf"{name}: the name of an archive ends in"):
            make().parc.save(tmp_path / name)
    assert not names(tmp_path)
    for name in ("cube.h5", f"cube{suffix}.gz", f"cube{suffix.upper()}"):
        with pytest.raises(CubeError, match=rf"{name}: the name of an archive ends in"):
            qsiparc.open(tmp_path / name)


def test_a_missing_archive_is_an_error_that_names_it(tmp_path, suffix):
    with pytest.raises(FileNotFoundError, match=rf"cube{suffix}: there is no such archive"):
        qsiparc.open(tmp_path / f"cube{suffix}")


def test_what_is_no_archive_is_an_error_that_names_it(tmp_path, suffix):
    path = tmp_path / f"cube{suffix}"
    path.write_text("no archive")
    with pytest.raises(CubeError, match=rf"cube{suffix}: not readable as an archive"):
        qsiparc.open(path)
    path.unlink()
    make().parc.save(path)
    part = path / "zarr.json" if suffix == ".zarr" else path
    part.write_bytes(part.read_bytes()[:100])
    with pytest.raises(CubeError, match=rf"cube{suffix}: not readable as an archive"):
        qsiparc.open(path)
