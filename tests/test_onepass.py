from __future__ import annotations

import gzip
import threading
import tracemalloc

import numpy as np
import pytest
from phantoms import MM2, image, ramp, write

import qsiparc
from qsiparc.errors import NiftiError, NiftiWarning
from qsiparc.onepass import in_one_pass

SHAPE = (4, 5, 6, 7)
DATA = ramp(SHAPE)


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "prob.nii.gz", DATA)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".img"])
def test_volumes_in_order(tmp_path, suffix):
    path = write(tmp_path / f"prob{suffix}", DATA)
    volumes = qsiparc.open_nifti(path)
    with in_one_pass():
        for number in range(SHAPE[3]):
            np.testing.assert_array_equal(volumes.isel(volume=number), DATA[..., number])


def test_one_pass_for_all_volumes_and_a_pass_each_without(path, passes):
    volumes = qsiparc.open_nifti(path)
    with in_one_pass():
        for number in (0, 1, 3, 3, 6):  # none, one or more may be passed over
            np.testing.assert_array_equal(volumes.isel(volume=number), DATA[..., number])
    assert passes == [str(path)]
    for number in (0, 1):
        np.testing.assert_array_equal(volumes.isel(volume=number), DATA[..., number])
    assert len(passes) == 3


def test_in_any_order_and_two_files_in_turns(path, tmp_path, passes):
    other = write(tmp_path / "other.nii.gz", -DATA)
    one, two = qsiparc.open_nifti(path), qsiparc.open_nifti(other)
    with in_one_pass():
        for number in (5, 2, 2, 3):
            np.testing.assert_array_equal(one.isel(volume=number), DATA[..., number])
            np.testing.assert_array_equal(two.isel(volume=number), -DATA[..., number])
    assert passes.count(str(path)) == 2
    assert passes.count(str(other)) == 2


def test_what_was_read_stays_when_the_next_volume_is(path):
    volumes = qsiparc.open_nifti(path)
    with in_one_pass():
        first = volumes.isel(volume=0).to_numpy()
        volumes.isel(volume=1).load()
    np.testing.assert_array_equal(first, DATA[..., 0])


def test_parts_of_volumes_turned_and_several_at_once(path):
    volumes = qsiparc.open_nifti(path)
    cut = {"i": slice(None, None, -1), "j": [3, 1], "k": 2}
    with in_one_pass():
        for number in range(SHAPE[3]):
            part = volumes.isel(cut | {"volume": number})
            np.testing.assert_array_equal(part, DATA[::-1][:, [3, 1], 2, number])
        np.testing.assert_array_equal(volumes.isel(volume=[1]), DATA[..., [1]])
        np.testing.assert_array_equal(volumes.isel(volume=slice(2, 5)), DATA[..., 2:5])
        np.testing.assert_array_equal(volumes, DATA)


def test_scaled_volumes(tmp_path):
    made = image(np.arange(24, dtype=np.uint8).reshape(2, 3, 2, 2))
    made.header.set_slope_inter(0.5, 1)
    made.to_filename(tmp_path / "p.nii.gz")
    volumes = qsiparc.open_nifti(tmp_path / "p.nii.gz")
    expected = volumes.to_numpy()
    with in_one_pass():
        for number in (0, 1):
            found = volumes.isel(volume=number).to_numpy()
            np.testing.assert_array_equal(found, expected[..., number])
            assert found.dtype == expected.dtype


def test_a_3d_file_is_read_as_ever(tmp_path):
    path = write(tmp_path / "fa.nii.gz", DATA[..., 0])
    with in_one_pass():
        np.testing.assert_array_equal(qsiparc.open_nifti(path), DATA[..., 0])


@pytest.fixture
def damaged(tmp_path):
    """Volumes of a file whose checksum, far behind the first of them, is wrong."""
    data = np.random.default_rng(0).random((40, 40, 40, 4), np.float32)
    path = write(tmp_path / "p.nii.gz", data)
    stored = bytearray(path.read_bytes())
    stored[-8] ^= 1
    path.write_bytes(stored)
    return qsiparc.open_nifti(path)


def test_the_checksum_is_checked_at_the_end_of_the_block(damaged):
    reached = []
    with pytest.raises(NiftiError, match="damaged"), in_one_pass():
        reached.append(damaged.isel(volume=0).load())
    assert reached


@pytest.mark.parametrize("kept", [0.4, 0.999])
def test_a_file_that_is_cut_short(path, kept):
    stored = path.read_bytes()
    path.write_bytes(stored[: int(len(stored) * kept)])
    volumes = qsiparc.open_nifti(path)
    with pytest.raises(NiftiError, match="cut short"), in_one_pass():
        _ = [volumes.isel(volume=number).load() for number in range(SHAPE[3])]


def test_a_file_with_more_than_it_claims(path):
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + b"\1" * 10, mtime=0))
    volumes = qsiparc.open_nifti(path)
    with pytest.warns(NiftiWarning, match="10 bytes more"), in_one_pass():
        volumes.isel(volume=0).load()


def test_a_file_that_changed(path):
    volumes = qsiparc.open_nifti(path)
    write(path, DATA[..., :3])
    with pytest.raises(NiftiError, match="has changed"), in_one_pass():
        volumes.isel(volume=0).load()


def test_an_error_in_the_block_is_the_one_that_is_raised(damaged):
    with pytest.raises(IndexError), in_one_pass():
        _ = [damaged.isel(volume=number).load() for number in (0, 99)]


def test_other_threads_have_passes_of_their_own(path, passes):
    volumes = qsiparc.open_nifti(path)
    found = []
    with in_one_pass():
        volumes.isel(volume=0).load()
        thread = threading.Thread(target=lambda: found.append(volumes.isel(volume=1).to_numpy()))
        thread.start()
        thread.join()
    np.testing.assert_array_equal(found[0], DATA[..., 1])
    assert len(passes) == 2


def test_one_volume_is_in_memory(tmp_path):
    data = np.random.default_rng(0).random((40, 40, 40, 12), np.float32)
    volumes = qsiparc.open_nifti(write(tmp_path / "p.nii.gz", data, MM2))
    volumes.isel(volume=0).load()
    tracemalloc.start()
    with in_one_pass():
        for number in range(12):
            volumes.isel(volume=number).to_numpy()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3.5 * data[..., 0].nbytes + 2**21
