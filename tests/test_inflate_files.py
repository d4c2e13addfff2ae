"""Damage: whatever happened to a file on its way, it is read right or not at all."""

from __future__ import annotations

import gzip
import io
import itertools
import os
import warnings
import zlib
from operator import attrgetter

import nibabel as nib
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from phantoms import MM2, gzipped, image, inflated, ramp

import qsiparc
from qsiparc.errors import NiftiError, NiftiWarning
from qsiparc.inflate import PIECE

pytestmark = pytest.mark.usefixtures("each_inflater")

DATA = ramp((3, 4, 5), np.int16)
AFFINE = MM2 + np.pad([[-90.0], [-126.0], [-72.0]], ((0, 1), (3, 0)))
PLAIN = image(DATA, AFFINE).to_bytes()
PACKED = gzip.compress(PLAIN, mtime=0)
LARGE = gzip.compress(
    image(np.random.default_rng(0).random((64, 64, 32), np.float32)).to_bytes(), 1, mtime=0
)
"""So much that reading the header does not reach the end."""
LIBRARY_READS = (io.DEFAULT_BUFFER_SIZE, 2**17, 2**19)
"""What the standard library, old and new, and zlib-ng read at a time."""


def assert_is_right_or_refused(path):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            volume = qsiparc.open_nifti(path).load()
    except OSError as error:
        assert str(path) in str(error)  # noqa: PT017 - either of two ends is right
    else:
        np.testing.assert_array_equal(volume, DATA)
        np.testing.assert_array_equal(volume.parc.affine, AFFINE)


@settings(deadline=None)
@given(st.integers(0, len(PACKED) - 1), st.integers(1, 255))
@example(0, 1)
@example(3, 2)
@example(len(PACKED) - 8, 1)
@example(len(PACKED) - 1, 128)
def test_a_damaged_byte_is_an_error_or_harmless(tmp_path_factory, position, flip):
    path = tmp_path_factory.getbasetemp() / "flipped.nii.gz"
    damaged = bytearray(PACKED)
    damaged[position] ^= flip
    path.write_bytes(damaged)
    assert_is_right_or_refused(path)


@pytest.mark.parametrize(("suffix", "content"), [(".nii", PLAIN), (".nii.gz", PACKED)])
def test_a_file_cut_short_anywhere_is_an_error(tmp_path, suffix, content):
    path = tmp_path / f"fa{suffix}"
    for length in range(0, len(content), 1 if suffix == ".nii.gz" else 7):
        path.write_bytes(content[:length])
        with pytest.raises(NiftiError) as caught:
            qsiparc.open_nifti(path).load()
        assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (LARGE[:-8], "cut short"),
        (LARGE[:-1], "cut short"),
        (LARGE[:-8] + b"\0\0\0\0" + LARGE[-4:], "damaged.*incorrect data check"),
        (LARGE[:-4] + b"\1\0\0\0", "damaged.*incorrect length check"),
        (LARGE + b"trailing garbage", "followed by b'trailing garbage'"),
        (LARGE + b"\0" * 9 + b"\x1f\x8c", r"followed by b'\\x1f\\x8c'"),
        (LARGE + b"\x1f", "cut short"),
        (LARGE + LARGE[:-1], "cut short"),
    ],
    ids=itertools.count(),
)
def test_a_gzip_that_does_not_end_well_is_an_error(tmp_path, content, message):
    path = tmp_path / "fa.nii.gz"
    path.write_bytes(content)
    volume = qsiparc.open_nifti(path)
    with pytest.raises(NiftiError, match=message) as caught:
        volume.load()
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("cut", [1, 352, 400, len(PLAIN) - 1])
def test_several_members_are_one_file(tmp_path, cut):
    path = tmp_path / "fa.nii.gz"
    path.write_bytes(gzip.compress(PLAIN[:cut]) + b"\0" * 5 + gzip.compress(PLAIN[cut:]) + b"\0")
    np.testing.assert_array_equal(qsiparc.open_nifti(path), DATA)


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=3), st.integers(0, 20))
def test_members_are_put_together_as_zlib_does(content, cuts, skip):
    edges = [0, *sorted(min(cut, len(content)) for cut in cuts), len(content)]
    packed = b"".join(gzip.compress(content[a:b]) for a, b in itertools.pairwise(edges))
    wanted = content[skip:]
    assert inflated(packed, len(wanted), min(skip, len(content))) == (wanted, 0)


def test_members_and_padding_may_meet_the_end_of_a_read_anywhere():
    # Stored without compression, 20 bytes of a member are its frame and 3 more a block's.
    for read, beyond in itertools.product(LIBRARY_READS, range(-12, 3)):
        content = bytes(read - 50 - 23 * (read // 2**14))
        first = zlib.compressobj(0, wbits=31)
        packed = first.compress(content) + first.flush()
        packed += b"\0" * (read - len(packed) + beyond) + gzip.compress(b"end")
        assert inflated(packed, len(content) + 3)[0][-3:] == b"end"


def test_more_than_one_piece_of_inflated_data():
    content = np.arange(PIECE, dtype=np.uint32).tobytes()
    assert inflated(gzip.compress(content, 1), len(content) - 5, skip=5) == (content[5:], 0)


def test_what_is_beyond_the_volume_is_counted_and_checked():
    packed = gzip.compress(b"header" + b"volume" + b"more")
    assert inflated(packed, 6, skip=6) == (b"volume", 4)
    with pytest.raises(NiftiError, match=r"^fa\.nii\.gz: .*damaged"):
        inflated(packed[:-8] + b"\1" * 8, 6, skip=6)


def test_too_little_is_an_error_that_says_how_little():
    with pytest.raises(NiftiError, match=r"0 of 6 bytes"):
        inflated(gzip.compress(b"head"), 6, skip=6)
    with pytest.raises(NiftiError, match=r"2 of 1,000 bytes"):
        inflated(gzip.compress(b"headervo"), 1000, skip=6)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_more_image_data_than_the_header_claims_is_ignored_with_a_warning(tmp_path, suffix):
    path = tmp_path / f"fa{suffix}"
    path.write_bytes(PLAIN + b"more") if suffix == ".nii" else gzipped(path, PLAIN + b"more")
    with pytest.warns(NiftiWarning, match="4 bytes more than its header claims") as caught:
        volume = qsiparc.open_nifti(path).load()
    assert str(path) in str(caught[0].message)
    np.testing.assert_array_equal(volume, DATA)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("fa.nii.gz", b"", "empty"),
        ("fa.nii", b"", "empty"),
        ("fa.nii.gz", b"version https://git-lfs.github.com/spec/v1\noid sha256:4d", "git lfs pull"),
        ("fa.nii", b"version https://git-lfs.github.com/spec/v1\noid sha256:4d", "git lfs pull"),
        ("fa.nii", b"subject\tvalue\n" * 99, "not readable as a NIfTI volume"),
        ("fa.nii.gz", b"subject\tvalue\n" * 99, "content is not gzip, against its name"),
        ("fa.img", PLAIN[352:], r"Its header, fa\.hdr, is missing"),
    ],
)
def test_what_is_no_volume_is_an_error_that_says_what_it_looks_like(
    tmp_path, name, content, message
):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(NiftiError, match=message) as caught:
        qsiparc.open_nifti(path)
    assert str(path) in str(caught.value)


def test_a_folder_and_a_missing_file_are_said_to_be_so(tmp_path):
    path = tmp_path / "sub-01_param-fa_dwimap.nii.gz"
    with pytest.raises(FileNotFoundError, match=path.name):
        qsiparc.open_nifti(path)
    path.mkdir()
    with pytest.raises(NiftiError, match=f"{path.name}: this is a folder, not a file"):
        qsiparc.open_nifti(path)


def with_header(path, offset, values):
    """The path of a file of which a part of the header is overwritten."""
    content = bytearray(PLAIN)
    content[offset : offset + values.nbytes] = values.tobytes()
    if path.suffix == ".gz":
        return gzipped(path, bytes(content))
    path.write_bytes(content)
    return path


SHAPE_AT, SLOPE_AT, SFORM_AT = 40, 112, 280


@pytest.mark.parametrize("name", ["fa.nii", "fa.nii.gz"])
@pytest.mark.parametrize(
    ("dim", "message"),
    [
        ([3, 30000, 30000, 30000, 1], "54,000,000,000,352 bytes"),
        ([3, 3, 4, 0, 1], r"shape is \(3, 4, 0\)"),
        ([3, 3, -4, 5, 1], r"shape is \(3, -4, 5\)"),
        ([5, 3, 4, 5, 2, 2], r"shape is \(3, 4, 5, 2, 2\)"),
        ([0, 3, 4, 5, 1], "a volume"),
        ([9, 3, 4, 5, 1], "claims 9 dimensions; a volume"),
    ],
)
def test_impossible_shapes_are_refused_at_once(tmp_path, name, dim, message):
    path = with_header(tmp_path / name, SHAPE_AT, np.array(dim, "<i2"))
    with pytest.raises(NiftiError, match=message) as caught:
        qsiparc.open_nifti(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
def test_an_affine_that_is_none_is_refused(tmp_path, value):
    path = with_header(tmp_path / "fa.nii", SFORM_AT, np.full(12, value, "<f4"))
    with pytest.raises(NiftiError, match=r"fa\.nii: .*affine"):
        qsiparc.open_nifti(path)


def test_a_slope_without_an_intercept_is_refused(tmp_path):
    path = with_header(tmp_path / "fa.nii", SLOPE_AT, np.array([2, np.nan], "<f4"))
    with pytest.raises(
        NiftiError, match=r"fa\.nii: the header scales its voxels by 2 and adds nan"
    ):
        qsiparc.open_nifti(path)


def test_a_gzip_bomb_is_refused_before_it_goes_off(tmp_path):
    path = gzipped(tmp_path / "fa.nii.gz", image(np.zeros((100, 100, 100), np.uint8)).to_bytes())
    assert path.stat().st_size < 2000
    with (
        qsiparc.set_options(max_bytes=10**6),
        pytest.raises(NiftiError, match=r"fa\.nii\.gz: .*set_options\(max_bytes=1000352\)"),
    ):
        qsiparc.open_nifti(path)
    with qsiparc.set_options(max_bytes=1000352):
        assert qsiparc.open_nifti(path).shape == (100, 100, 100)


def test_the_header_of_a_pair_is_checked_too(tmp_path):
    header = tmp_path / "fa.hdr.gz"
    nib.Nifti1Pair(DATA, AFFINE).to_filename(tmp_path / "fa.img.gz")
    np.testing.assert_array_equal(qsiparc.open_nifti(header), DATA)
    plain = bytearray(gzip.decompress(header.read_bytes()))
    plain[SFORM_AT + 2] ^= 1
    right = zlib.crc32(gzip.decompress(header.read_bytes())).to_bytes(4, "little")
    damaged = gzip.compress(bytes(plain))
    header.write_bytes(damaged[:-8] + right + damaged[-4:])
    for path in (header, tmp_path / "fa.img.gz"):
        with pytest.raises(NiftiError, match=r"fa\.(hdr|img)\.gz: "):
            qsiparc.open_nifti(path)


def test_a_file_that_ends_before_its_checksum_says_so(tmp_path):
    path = tmp_path / "fa.nii.gz"
    for n in (1, 8):
        path.write_bytes(PACKED[:-n])
        with pytest.raises(NiftiError, match="cut short: all image data are there, "):
            qsiparc.open_nifti(path).load()


def test_what_goes_on_far_beyond_the_volume_is_no_volume(tmp_path, monkeypatch):
    monkeypatch.setattr("qsiparc.inflate.MAX_EXTRA", 2**20)
    path = gzipped(tmp_path / "fa.nii.gz", PLAIN + bytes(2**23))
    with pytest.raises(NiftiError, match=r"gz: .* 120 bytes .* than 1,048,576 others"):
        qsiparc.open_nifti(path).load()


@pytest.mark.parametrize("name", ["fa.nii", "fa.nii.gz"])
def test_a_volume_that_memory_cannot_hold_is_refused_by_name(tmp_path, name, monkeypatch):
    path = tmp_path / name
    path.write_bytes(PLAIN) if name == "fa.nii" else gzipped(path, PLAIN)
    volume = qsiparc.open_nifti(path)
    monkeypatch.setattr("qsiparc.voxels.memory_bytes", lambda: 119)
    with pytest.raises(NiftiError, match=rf"{name}: there is no memory for .*, 120 bytes in the"):
        volume.load()
    monkeypatch.setattr("qsiparc.voxels.memory_bytes", lambda: 120)
    np.testing.assert_array_equal(volume, DATA)


@pytest.mark.parametrize("name", ["fa.nii", "fa.nii.gz"])
@pytest.mark.parametrize("where", ["nifti._volume_shape", "voxels.NiftiArray._all"])
def test_a_file_that_is_written_to_at_any_moment_is_not_read(tmp_path, name, where, monkeypatch):
    path = tmp_path / name

    def write(content, time):
        path.write_bytes(content) if name == "fa.nii" else gzipped(path, content)
        os.utime(path, ns=(time, time))

    def between(*args):
        result = original(*args)
        write(PLAIN[:-1] + b"\xff", 10**9)
        return result

    write(PLAIN, 0)
    original = attrgetter(where)(qsiparc)
    monkeypatch.setattr(f"qsiparc.{where}", between)
    with pytest.raises(NiftiError, match=rf"{name}: the file has changed since it was opened"):
        qsiparc.open_nifti(path).load()
