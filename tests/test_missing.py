"""Files that are not there, and folders to write to that are not."""

from __future__ import annotations

import errno
import pickle

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner
from made_archive import cube, save

import qsiparc
from qsiparc import missing
from qsiparc.cli import main
from qsiparc.errors import LutError
from qsiparc.missing import no_file
from qsiparc.regular import open_regular, read_regular
from qsiparc.tutorial import make_qsirecon


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "derivatives"
    folder.mkdir()
    for name in ("sub-1_FA.nii.gz", "sub-1_MD.nii.gz", "atlas.tsv"):
        (folder / name).touch()
    return folder


@pytest.fixture
def volume():
    return xr.DataArray(np.ones((2, 2, 2), "f4"), dims=("i", "j", "k")).parc.with_affine(np.eye(4))


def failed(function, path, **options):
    with pytest.raises(FileNotFoundError) as caught:
        function(path, **options)
    assert type(caught.value) is FileNotFoundError
    assert (caught.value.errno, caught.value.filename) == (errno.ENOENT, str(path))
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301 - ours
    return caught.value.strerror


@pytest.mark.parametrize(
    ("function", "name", "near"),
    [
        (qsiparc.open_nifti, "sub-1_FA.nii", "sub-1_FA.nii.gz"),
        (qsiparc.open_nifti, "sub-1_fa.nii.gz", "sub-1_FA.nii.gz"),
        (qsiparc.read_lut, "atlsa.tsv", "atlas.tsv"),
    ],
)
def test_a_file_that_is_not_there_is_told_with_what_is_near(data, function, name, near):
    said = failed(function, data / name)
    assert said.startswith(f"There is no such file in {data}; near: {near}")


def test_where_nothing_is_near_nothing_is_named(data):
    assert failed(qsiparc.read_lut, data / "xyz.json") == f"There is no such file in {data}"


def test_the_folder_that_is_not_there_is_named_and_what_is_near_it(data):
    (data.parent / "derivatives.txt").touch()
    path = data.parent / "derivatves" / "sub-1" / "fa.nii.gz"
    said = failed(qsiparc.open_nifti, path)
    assert said.startswith("There is no such file: there is no folder derivatves in")
    assert said.endswith(f"{data.parent}; near: derivatives")


def test_a_relative_path_is_told_with_the_folder_it_is_taken_from(data, monkeypatch):
    monkeypatch.chdir(data)
    assert failed(qsiparc.read_lut, "xyz.tsv").startswith(f"There is no such file in {data}")


def test_a_mask_that_is_not_there_is_told_as_well(data, volume):
    dseg = volume.astype("i2")
    path = data / "sub-1_FA.nii"
    with pytest.raises(FileNotFoundError, match=r"; near: sub-1_FA\.nii\.gz"):
        volume.parc.extract(dseg, mask=path)


def test_a_table_that_is_not_there_is_told_by_build(tmp_path):
    tree = make_qsirecon(tmp_path / "qsirecon", n_subjects=1, resolution=8)
    (tmp_path / "mine.tsv").touch()
    arguments = ["build", tree, tmp_path / "out", "--lut", f"4S156Parcels={tmp_path / 'mien.tsv'}"]
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 2
    assert f"There is no such file in {tmp_path}; near: mine.tsv" in result.output


def test_nothing_is_looked_for_where_a_file_may_lack(data, monkeypatch):
    monkeypatch.setattr(missing.os, "scandir", None)
    for function in (open_regular, read_regular):
        with pytest.raises(FileNotFoundError, match="No such file"):
            function(data / "sub-1_FA.json", LutError, may_lack=True)


def test_of_a_large_folder_not_all_is_compared(tmp_path, monkeypatch):
    monkeypatch.setattr(missing, "_N_COMPARED", 0)
    (tmp_path / "fa.nii").touch()
    assert no_file(tmp_path / "fa.ni").strerror == f"There is no such file in {tmp_path}"


@pytest.fixture
def writers(data, volume):
    """How each kind of file is written, by its name."""
    made = cube(3)
    out = save(data.parent / "out", {"A": made})
    return {
        "thing.zarr": made.parc.save,
        "thing.nc": made.parc.save,
        "thing.tsv": made.parc.to_tsv,
        "thing.nii.gz": volume.parc.to_nifti,
        "thing.html": lambda path: qsiparc.write_report(out, path),
    }


NAMES = ["thing.zarr", "thing.nc", "thing.tsv", "thing.nii.gz", "thing.html"]


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_to_write_to_is_not_made(data, writers, name):
    before = sorted(data.parent.rglob("*"))
    said = failed(writers[name], data.parent / "derivative" / name)
    assert said.startswith("Nothing was written: there is no folder derivative in")
    assert "near: derivatives. Make it first" in said
    assert sorted(data.parent.rglob("*")) == before
    assert writers[name](data / name).exists()


@pytest.mark.parametrize("name", NAMES)
def test_below_a_file_nothing_is_written(data, writers, name):
    with pytest.raises(NotADirectoryError, match=r"a folder above it is a file"):
        writers[name](data / "atlas.tsv" / name)


def test_report_says_it_in_a_line(tmp_path):
    out = save(tmp_path / "out", {"A": cube(3)})
    result = CliRunner().invoke(main, ["report", str(out), "--to", str(tmp_path / "no" / "a.html")])
    assert result.exit_code == 1
    assert "Nothing was written: there is no folder no in" in result.stderr
    assert not (tmp_path / "no").exists()
