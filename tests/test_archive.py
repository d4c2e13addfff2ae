from __future__ import annotations

import gc
import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from phantoms import MM2, ramp, volume

import qsiparc
from qsiparc.errors import CubeError, GridMismatchError
from qsiparc.space import SpaceIndex

SUFFIXES = [".nc", ".zarr"]


@pytest.fixture
def cube() -> xr.Dataset:
    """A cube of two regions, with text of all sorts in it."""
    fa = volume(ramp()).rename("FA").assign_attrs(units="1")
    dseg = volume((ramp() % 3).astype("i2"))
    return fa.parc.extract(dseg, subject="sub-001_ses-01")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("suffix", SUFFIXES)
class TestSaving:
    def test_a_cube_comes_back_identical_and_without_a_word(self, cube, suffix, tmp_path):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            path = cube.parc.save(tmp_path / f"fa{suffix}")
            again = qsiparc.open(path)
            xr.testing.assert_identical(again.load(), cube)
            assert again.value.dtype == np.float64
            again.close()
            del again
            gc.collect()
        assert path == tmp_path / f"fa{suffix}"
        assert names(tmp_path) == [f"fa{suffix}"]

    def test_a_volume_comes_back_with_its_index(self, suffix, tmp_path):
        fa = volume(ramp()).rename("FA")
        again = qsiparc.open(fa.parc.save(tmp_path / f"fa{suffix}"))["FA"]
        assert isinstance(again.xindexes["space"], SpaceIndex)
        xr.testing.assert_identical(again.load(), fa)
        with pytest.raises(GridMismatchError):
            again - volume(ramp(), np.diag([3.0, 2, 2, 1]))

    def test_a_tree_comes_back_with_its_children(self, cube, suffix, tmp_path):
        maps = xr.Dataset({"fa": volume(ramp())})
        tree = xr.DataTree.from_dict({"/4S156": cube, "/Tian": cube.isel(region=[0]), "/m": maps})
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            again = qsiparc.open(tree.parc.save(tmp_path / f"study{suffix}"))
        assert set(again.children) == {"4S156", "Tian", "m"}
        xr.testing.assert_identical(again["4S156"].to_dataset(), cube)
        assert isinstance(again["m"].xindexes["space"], SpaceIndex)

    def test_a_dask_cube_comes_back_computed(self, suffix, tmp_path):
        fa = volume(ramp()).rename("FA").chunk()
        lazy = fa.parc.extract(volume((ramp() % 3).astype("i2")))
        again = qsiparc.open(lazy.parc.save(tmp_path / f"fa{suffix}"))
        xr.testing.assert_identical(again.load(), lazy.compute())

    def test_it_opens_lazily(self, suffix, tmp_path):
        path = volume(ramp()).rename("FA").parc.save(tmp_path / f"fa{suffix}")
        again = qsiparc.open(path)
        assert not again["FA"].variable._in_memory
        assert again.isel(i=0).FA.values.shape == (5, 6)

    def test_what_is_there_is_replaced(self, cube, suffix, tmp_path):
        path = cube.parc.save(tmp_path / f"fa{suffix}")
        before = qsiparc.open(path)
        before.close()
        (cube + 1).parc.save(path)
        after = qsiparc.open(path)
        np.testing.assert_array_equal(after.value, cube.value + 1)
        assert names(tmp_path) == [f"fa{suffix}"]

    def test_an_archive_may_be_saved_over_itself(self, cube, suffix, tmp_path):
        path = cube.parc.save(tmp_path / f"fa{suffix}")
        (qsiparc.open(path) * 2).parc.save(path)
        np.testing.assert_array_equal(qsiparc.open(path).value, cube.value * 2)

    def test_a_failing_writer_leaves_the_old_archive_and_no_litter(self, cube, suffix, tmp_path):
        path = cube.parc.save(tmp_path / f"fa{suffix}")
        unwritable = cube.assign(bad=("region", np.array([object()] * cube.sizes["region"])))
        with pytest.raises((TypeError, ValueError)):
            unwritable.parc.save(path)
        xr.testing.assert_identical(qsiparc.open(path).load(), cube)
        assert names(tmp_path) == [f"fa{suffix}"]

    def test_a_failing_replacement_leaves_the_old_archive_too(
        self, cube, suffix, tmp_path, monkeypatch
    ):
        path = cube.parc.save(tmp_path / f"fa{suffix}")

        def fail(*_):
            raise OSError("the disk is gone")

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", fail)
            with pytest.raises(OSError, match="the disk is gone"):
                (cube + 1).parc.save(path)
        xr.testing.assert_identical(qsiparc.open(path).load(), cube)
        assert names(tmp_path) == [f"fa{suffix}"]

    def test_a_missing_archive_is_not_found(self, suffix, tmp_path):
        with pytest.raises(FileNotFoundError, match=f"fa{suffix}: there is no such archive"):
            qsiparc.open(tmp_path / f"fa{suffix}")

    def test_plain_xarray_reads_it(self, cube, suffix, tmp_path):
        path = cube.parc.save(tmp_path / f"fa{suffix}")
        engine = {".nc": "netcdf4", ".zarr": "zarr"}[suffix]
        with xr.open_dataset(path, engine=engine) as plain:
            assert plain.attrs.pop("qsiparc_archive", 0) == {".nc": 1, ".zarr": 0}[suffix]
            xr.testing.assert_identical(plain.load(), cube)


@pytest.mark.parametrize("name", ["fa", "fa.h5", "fa.nii.gz", "fa.ZARR"])
def test_other_suffixes_are_an_error(name, cube, tmp_path):
    with pytest.raises(CubeError, match=rf"{name}: .*ends in \.zarr or \.nc"):
        cube.parc.save(tmp_path / name)
    assert not names(tmp_path)
    (tmp_path / name).touch()
    with pytest.raises(CubeError, match=rf"{name}: .*ends in \.zarr or \.nc"):
        qsiparc.open(tmp_path / name)


def test_text_given_as_a_path_will_do(cube, tmp_path):
    xr.testing.assert_identical(qsiparc.open(str(cube.parc.save(str(tmp_path / "a.nc")))), cube)


def test_a_volume_with_an_oblique_grid_keeps_every_digit(tmp_path):
    turned = MM2 + 1 / 3 * np.eye(4, k=1) * [[1], [1], [1], [0]]
    fa = xr.DataArray(ramp(), dims=("i", "j", "k"), name="FA").parc.with_affine(turned)
    for suffix in SUFFIXES:
        again = qsiparc.open(fa.parc.save(tmp_path / f"fa{suffix}"))
        np.testing.assert_array_equal(again.FA.parc.affine, turned)
