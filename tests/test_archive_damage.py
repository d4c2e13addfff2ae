"""Archives that lost a chunk, or of which a byte was flipped: an error that names them."""

from __future__ import annotations

import json
import os
import shutil

import netCDF4
import numpy as np
import pytest
import xarray as xr
from phantoms import ramp, volume

import qsiparc
from qsiparc.cohort.parts import read_part, write_part
from qsiparc.cohort.reading import read_part_summary, read_values
from qsiparc.errors import CubeError, QsiparcWarning
from qsiparc.seal import SEAL_LENGTH


@pytest.fixture
def cube():
    dseg = volume((ramp() // 40 + 1).astype("i2"))
    return volume(ramp()).parc.extract(dseg, scalar="FA", subject="sub-01")


@pytest.fixture
def store(cube, tmp_path):
    return cube.parc.save(tmp_path / "cube.zarr")


def chunks(store):
    return sorted(path for path in store.rglob("c/**/*") if path.is_file())


def flipped(path, at=-1):
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if at < 0 else at] ^= 1
    path.write_bytes(content)


def test_a_missing_chunk_is_missed(store, tmp_path):
    assert len(chunks(store)) > 5
    for chunk in chunks(store):
        copy = shutil.copytree(store, tmp_path / "copy.zarr")
        (copy / chunk.relative_to(store)).unlink()
        with pytest.raises(CubeError, match=r"copy\.zarr: 1 of 1 chunks of \w+ are missing, c/0"):
            qsiparc.open(copy)
        shutil.rmtree(copy)


def test_a_missing_array_is_missed(store):
    shutil.rmtree(store / "value")
    with pytest.raises(CubeError, match=r"cube\.zarr: the folder of value is missing"):
        qsiparc.open(store)


def test_a_flipped_byte_is_never_another_value(store, tmp_path):
    for chunk in chunks(store):
        copy = shutil.copytree(store, tmp_path / "copy.zarr")
        flipped(copy / chunk.relative_to(store))
        with pytest.raises(CubeError, match=r"copy\.zarr: .*[Cc]hecksum"):
            qsiparc.open(copy).load()
        shutil.rmtree(copy)


def test_plain_xarray_sees_the_flipped_byte_too_and_nothing_else(store, cube):
    with xr.open_zarr(store) as plain:
        assert plain.load().value.identical(cube.value)
    flipped(store / "value" / "c" / "0" / "0" / "0" / "0")
    with xr.open_zarr(store) as plain, pytest.raises(ValueError, match="checksum"):
        plain.load()


def test_a_cut_chunk_is_an_error(store):
    chunk = store / "value" / "c" / "0" / "0" / "0" / "0"
    whole = chunk.read_bytes()
    for n in (0, 1, 5, len(whole) - 1):
        chunk.write_bytes(whole[:n])
        with pytest.raises(CubeError, match=r"cube\.zarr: value cannot be read"):
            qsiparc.open(store).load()


def test_a_list_of_chunks_that_is_damaged_or_newer(store):
    noted = store / "value" / ".qsiparc"
    for content, message in (
        ("{", "the list of chunks is damaged"),
        ("[]", "the list of chunks is damaged"),
        (json.dumps({"qsiparc_archive": 2, "chunks": []}), "format 2, .* reads format 1"),
    ):
        noted.write_text(content)
        with pytest.raises(CubeError, match=message):
            qsiparc.open(store)


@pytest.mark.parametrize("kind", ["cube", "tree", "volume"])
def test_a_netcdf_file_that_is_newer(cube, kind, tmp_path):
    saved = {
        "cube": cube,
        "tree": xr.DataTree.from_dict({"A": cube}),
        "volume": volume(ramp()).rename("FA"),
    }
    path = saved[kind].parc.save(tmp_path / "saved.nc")
    with qsiparc.open(path) as current:
        assert "qsiparc_archive" not in current.attrs
    for found in (2, "later", [1, 2]):
        with netCDF4.Dataset(path, "a") as file:
            assert file.ncattrs().count("qsiparc_archive") == 1
            file.setncattr("qsiparc_archive", found)
        with pytest.raises(CubeError, match=r"saved\.nc: .* format .*, .* reads format 1"):
            qsiparc.open(path)
    with xr.open_datatree(path, engine="netcdf4") as plain:
        assert plain.attrs["qsiparc_archive"].tolist() == [1, 2]
    with netCDF4.Dataset(path, "a") as file:
        file.delncattr("qsiparc_archive")
    with qsiparc.open(path) as earlier:
        assert earlier.load() is not None


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
def test_what_xarray_copies_is_opened_as_well(store, cube, tmp_path):
    """A region without values is a chunk that xarray leaves out, and rightly."""
    lazy = qsiparc.open(store)
    (lazy * np.nan).chunk().to_zarr(tmp_path / "copy.zarr", zarr_format=3)
    assert np.isnan(qsiparc.open(tmp_path / "copy.zarr").value).all()
    xr.testing.assert_identical(qsiparc.open(store).load(), cube)


def test_it_stays_lazy_and_can_be_selected_from(store, cube):
    lazy = qsiparc.open(store)
    assert not lazy.value.variable._in_memory
    chosen = {"region": [2, 0], "stat": slice(1, 5, 2), "subject": 0}
    xr.testing.assert_identical(lazy.isel(chosen).load(), cube.isel(chosen))


def test_a_flipped_byte_in_netcdf_is_never_another_number(cube, tmp_path):
    path = cube.parc.save(tmp_path / "cube.nc")
    whole = path.read_bytes()
    numbers = whole.index(np.float64(cube.value.values.flat[3]).tobytes()[2:7])
    flipped(path, numbers)
    with pytest.raises(CubeError, match=r"cube\.nc: the archive is damaged: its checksum"):
        qsiparc.open(path)
    path.write_bytes(path.read_bytes()[:-SEAL_LENGTH])  # what every reader of netCDF sees
    with pytest.raises(CubeError, match=r"cube\.nc: .*HDF error"):
        qsiparc.open(path).load()


@pytest.mark.parametrize("kind", ["cube", "tree"])
def test_any_flipped_byte_of_a_netcdf_file_is_seen_before_hdf5_looks(cube, kind, tmp_path):
    """Text, names and structure too, of which some would keep HDF5 busy for ever."""
    saved = cube if kind == "cube" else xr.DataTree.from_dict({"A": cube})
    path = saved.parc.save(tmp_path / "saved.nc")
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for at in [*rng.choice(len(whole) - SEAL_LENGTH, 300, replace=False), len(whole) - 1]:
        flipped(path, at)
        with pytest.raises(CubeError, match=r"saved\.nc: the archive is damaged"):
            qsiparc.open(path)
        path.write_bytes(whole)
    path.write_bytes(whole[:1000] + whole[1001:])
    with pytest.raises(CubeError, match=r"saved\.nc: the archive is damaged"):
        qsiparc.open(path)


def test_what_netcdf_changed_has_no_seal_and_is_opened(cube, tmp_path):
    path = cube.parc.save(tmp_path / "cube.nc")
    with netCDF4.Dataset(path, "a") as file:
        file.setncattr("note", "of one's own")
    assert qsiparc.open(path).attrs["note"] == "of one's own"
    with xr.open_dataset(path) as plain:
        plain.load().assign_attrs(note="another").to_netcdf(tmp_path / "copy.nc")
    assert qsiparc.open(tmp_path / "copy.nc").attrs["note"] == "another"


@pytest.mark.parametrize("kind", ["cube", "tree"])
def test_a_flipped_byte_of_metadata_is_noticed(cube, kind, tmp_path):
    """Where it stays JSON: names of dims, of coordinates, of attributes."""
    saved = cube if kind == "cube" else xr.DataTree.from_dict({"A": cube})
    store = saved.parc.save(tmp_path / "saved.zarr")
    for metadata in [store / "zarr.json", next(store.rglob("value/zarr.json"))]:
        whole = metadata.read_text()
        for word in ("region_name", '"stat"', "coordinates", "generated_by", "float64"):
            if word not in whole:
                continue
            metadata.write_text(whole.replace(word, word.replace("a", "b")))
            with pytest.raises((CubeError, QsiparcWarning), match=r"(damaged|missing)"):
                qsiparc.open(store)
        metadata.write_text(whole)
    assert qsiparc.open(store).identical(saved)


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
def test_what_xarray_added_to_a_store_is_opened_as_well(store, cube):
    (cube.value + 1).rename("more").to_dataset().drop_vars(list(cube.coords)).to_zarr(
        store, mode="a", zarr_format=3
    )
    with pytest.warns(QsiparcWarning, match=r"cube\.zarr: its attributes are not those"):
        assert set(qsiparc.open(store).data_vars) == {"value", "more"}


def test_metadata_that_are_gone(store):
    (store / "region" / "zarr.json").unlink()
    with pytest.raises(CubeError, match=r"cube\.zarr: region/zarr\.json and zarr\.json differ"):
        qsiparc.open(store)


def test_a_pipe_in_a_store_makes_nobody_wait(store, tmp_path):
    for lost in ("value/c/0/0/0/0", "zarr.json", "region/.qsiparc"):
        copy = shutil.copytree(store, tmp_path / "copy.zarr")
        (copy / lost).unlink()
        os.mkfifo(copy / lost)
        with pytest.raises(CubeError, match=r"copy\.zarr.*(are missing|this is a named pipe)"):
            qsiparc.open(copy)
        shutil.rmtree(copy)


def test_a_part_that_is_newer_is_opened_by_nobody(cube, tmp_path):
    path = write_part(tmp_path, "sub-01", xr.DataTree.from_dict({"A": cube}))
    with qsiparc.open(path) as part:
        assert part["A"].to_dataset().identical(cube)
    newer = xr.DataTree()
    newer.attrs = {"qsiparc_part": 3}
    path = write_part(tmp_path, "sub-01", newer)
    with pytest.raises(CubeError, match=r"sub-01\.nc: this part .* has format 3.*newer one: pip"):
        qsiparc.open(path)


def test_a_part_of_the_first_format_says_how_to_make_it_anew(cube, tmp_path):
    tree = xr.DataTree.from_dict({"A": cube})
    tree.attrs = {"qsiparc_part": 1}
    path = tree.parc.save(tmp_path / "sub-01.nc")
    with pytest.raises(CubeError, match=r"sub-01\.nc: this part .* has format 1.*build` again"):
        qsiparc.open(path)
    with pytest.raises(CubeError, match=r"sub-01\.nc: .*HDF5, as parts of format 1 were"):
        read_part(path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("zip.zarr", "a zarr store is a folder, and this is none"),
        ("cube.zarr.zip", "unpack the store that is in it"),
        ("empty.nc", "not readable as an archive: .*copy it again"),
    ],
)
def test_what_is_no_store(name, message, tmp_path):
    (tmp_path / name).write_bytes(b"PK\x03\x04")
    with pytest.raises(CubeError, match=rf"{name}: .*{message}"):
        qsiparc.open(tmp_path / name)
    (tmp_path / "empty.zarr").mkdir()
    with pytest.raises(CubeError, match=r"empty\.zarr: not readable.*copy it again"):
        qsiparc.open(tmp_path / "empty.zarr")


def test_what_is_no_file_makes_nobody_wait(tmp_path):
    os.mkfifo(tmp_path / "pipe.nc")
    (tmp_path / "folder.nc").mkdir()
    for name, message in (("pipe.nc", "named pipe"), ("folder.nc", "folder")):
        with pytest.raises(CubeError, match=f"{name}: this is a {message}"):
            qsiparc.open(tmp_path / name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda df: df.assign(region_index=df["region_index"] + 0.5), "holds whole numbers"),
        (lambda df: df.assign(region_index="x"), "holds whole numbers"),
        (lambda df: df.assign(region_index=True), "holds whole numbers"),
        (lambda df: df.assign(region_index=2.0**70), "holds whole numbers"),
        (lambda df: df.assign(region_index=np.nan), "missing values"),
        (lambda df: df.assign(mean="high"), "'mean' is a statistic and holds text"),
        (lambda df: df.iloc[:0], "no rows"),
        (
            lambda df: df.rename(columns={"std": "mean"}),
            "Two columns of this table are called 'mean'",
        ),
        (lambda df: df.loc[[0, *df.index]], "stand twice"),
    ],
)
def test_a_long_table_that_is_none(cube, change, message):
    with pytest.raises(CubeError, match=message):
        qsiparc.from_long(change(cube.parc.to_long()))


def test_a_long_table_of_text(cube):
    """Labels as text, and BIDS's own word for what is missing."""
    table = cube.parc.to_long().astype({"region_index": str, "std": object})
    table.loc[0, "std"] = "n/a"
    again = qsiparc.from_long(table.sample(frac=1, random_state=0)).sel(region=cube.region)
    assert np.isnan(again.sel(stat="std").value[0])
    xr.testing.assert_equal(again.sel(stat="mean").value, cube.sel(stat="mean").value)


def test_a_flipped_byte_in_a_part_is_never_another_number(cube, tmp_path):
    tree = xr.DataTree.from_dict({"A": cube})
    path = write_part(tmp_path, "sub-01", tree)
    xr.testing.assert_identical(read_part(path)["A"].to_dataset(), cube)
    content = path.read_bytes()
    flipped(path, content.index(np.array(cube.value.values.flat[3], ">f8").tobytes()))
    with pytest.raises(CubeError, match=r"sub-01\.nc: this is no whole part"):
        read_part(path)
    flipped(path, content.index(b"generated_by"))
    for read in (read_part, read_part_summary):
        with pytest.raises(CubeError, match=r"sub-01\.nc: this is no whole part .*Delete it and"):
            read(path)


def test_any_flipped_byte_of_a_part_is_seen(cube, tmp_path):
    """By who reads all of it, and by who comes back for the numbers."""
    path = write_part(tmp_path, "sub-01", xr.DataTree.from_dict({"A": cube}))
    whole, survey = path.read_bytes(), read_part_summary(path)
    assert read_values(path, "A", survey.seal).values.size
    rng = np.random.default_rng(0)
    for at in rng.choice(len(whole), 300, replace=False):
        flipped(path, at)
        for read in (read_part, lambda path: read_values(path, "A", survey.seal)):
            with pytest.raises(CubeError, match=r"sub-01\.nc: this is no whole part"):
                read(path)
        path.write_bytes(whole)


def test_a_part_without_its_seal_is_not_opened(cube, tmp_path):
    path = write_part(tmp_path, "sub-01", xr.DataTree.from_dict({"A": cube}))
    path.write_bytes(path.read_bytes()[:-SEAL_LENGTH])
    with pytest.raises(CubeError, match=r"sub-01\.nc: this is no whole part .*cut short"):
        qsiparc.open(path)
