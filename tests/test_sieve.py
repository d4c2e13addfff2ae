"""Voxels that are taken out of a file are those that a read of all of them would give."""

from __future__ import annotations

import gzip
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phantoms import MM2, image, ramp, write

import qsiparc
from qsiparc import sieve
from qsiparc.errors import NiftiError, NiftiWarning, SpaceError
from qsiparc.joint import Joint
from qsiparc.nifti import read_lazily
from qsiparc.parcellation import Parcellation
from qsiparc.sieve import Sieve

SHAPE = (4, 5, 6)
TYPES = ["u1", "<i2", ">i2", "<f4", ">f4", "<f8", "<i8"]


def saved(path, data, slope=None, inter=None):
    made = nib.Nifti1Image(data.astype(data.dtype.newbyteorder("=")), MM2, dtype=data.dtype)
    made.header.set_data_dtype(data.dtype)
    if data.dtype.byteorder == ">":
        made = nib.Nifti1Image(data, MM2, made.header.as_byteswapped(">"), dtype=data.dtype)
    made.header.set_slope_inter(slope, inter)
    nib.save(made, path)
    return path


@pytest.fixture(params=[24, 2**19], ids=["in pieces", "in one piece"])
def _pieces(request, monkeypatch):
    monkeypatch.setattr(sieve, "PIECE", request.param)


@pytest.mark.usefixtures("_pieces")
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("scaling", [(None, None), (0.5, -3)], ids=["plain", "scaled"])
def test_they_are_the_same_numbers(tmp_path, suffix, dtype, scaling):
    data = np.random.default_rng(0).integers(0, 100, SHAPE).astype(dtype)
    path = saved(tmp_path / f"map{suffix}", data, *scaling)
    whole = qsiparc.open_nifti(path).to_numpy().reshape(-1, order="F")
    for positions in (np.arange(whole.size), np.array([0, 7, 8, whole.size - 1]), np.arange(0)):
        found = Sieve().sift(read_lazily(path).array, positions.astype(np.int32))
        assert found.dtype == whole.dtype
        np.testing.assert_array_equal(found, whole[positions])


@pytest.mark.usefixtures("_pieces")
@pytest.mark.parametrize("where", [-3, -6, 200])
def test_damage_is_seen_wherever_the_wanted_voxels_are(tmp_path, where):
    path = write(tmp_path / "map.nii.gz", np.random.default_rng(0).random(SHAPE, np.float32))
    stored = bytearray(path.read_bytes())
    stored[where] ^= 1
    path.write_bytes(stored)
    with pytest.raises(NiftiError, match=r"map\.nii\.gz: the gzip data are damaged"):
        Sieve().sift(read_lazily(path).array, np.array([0]))


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_file_that_was_cut_or_changed_meanwhile(tmp_path, suffix):
    path = write(tmp_path / f"map{suffix}", ramp(SHAPE))
    array = read_lazily(path).array
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(NiftiError, match="has changed since it was opened"):
        Sieve().sift(array, np.array([0]))


def test_more_than_the_header_claims_is_a_warning(tmp_path):
    path = tmp_path / "map.nii.gz"
    path.write_bytes(gzip.compress(image(ramp(SHAPE)).to_bytes() + b"more"))
    with pytest.warns(NiftiWarning, match="4 bytes more than its header claims"):
        found = Sieve().sift(read_lazily(path).array, np.array([1]))
    assert found == ramp(SHAPE).reshape(-1, order="F")[1]


def test_one_file_after_the_other_whatever_their_types(tmp_path):
    sieve, rng = Sieve(), np.random.default_rng(3)
    positions = np.arange(1, 90, dtype=np.int32)
    for number, dtype in enumerate(("<f4", "u1", "<f8", "<f4", ">f4")):
        data = rng.integers(0, 9, SHAPE).astype(dtype)
        found = sieve.sift(read_lazily(saved(tmp_path / f"{number}.nii.gz", data)).array, positions)
        np.testing.assert_array_equal(found, data.reshape(-1, order="F")[positions])


def test_a_voxel_that_is_not_there_is_refused(tmp_path):
    array = read_lazily(write(tmp_path / "map.nii.gz", ramp(SHAPE))).array
    with pytest.raises(IndexError, match="holds 120 voxels, and 120 was asked for"):
        Sieve().sift(array, np.array([3, 120]))


@pytest.mark.parametrize("position", [-1, 120])
def test_no_parcellation_reaches_beyond_its_grid(position):
    made = Parcellation.from_labels(nib.Nifti1Image(np.ones(SHAPE, np.int16), MM2))
    positions = made.positions.copy()
    positions[-1] = position
    with pytest.raises(SpaceError, match="beyond the 120 voxels"):
        replace(made, positions=positions)


@st.composite
def label_images(draw):
    n = draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    images = [rng.integers(0, draw(st.integers(1, 9)), SHAPE) for _ in range(n)]
    return {f"atlas-{number}": labels.astype(np.int16) for number, labels in enumerate(images)}


@given(label_images())
@settings(deadline=None, max_examples=50)
def test_atlases_together_see_what_each_of_them_does(images):
    values = np.random.default_rng(0).random(SHAPE)
    alone = {
        name: Parcellation.from_labels(nib.Nifti1Image(labels, MM2))
        for name, labels in images.items()
    }
    given_away = dict(alone)
    joint = Joint.of(given_away, next(iter(alone.values())).grid)
    assert not given_away
    labelled = np.any([labels > 0 for labels in images.values()], axis=0)
    np.testing.assert_array_equal(joint.positions, np.flatnonzero(labelled.reshape(-1, order="F")))
    read = values.reshape(-1, order="F")[joint.positions]
    for name, one in alone.items():
        np.testing.assert_array_equal(joint.gather(read, name), one.gather(values))
        np.testing.assert_array_equal(joint.whole(name).positions, one.positions)
        assert joint.atlases[name].labels is one.labels
        assert joint.atlases[name].offsets is one.offsets
