"""Headers: told by content, checked before they are believed, doubts named with the file."""

from __future__ import annotations

import bz2
import gzip
import os
import struct
import sys

import nibabel as nib
import numpy as np
import pytest
import xarray as xr
from phantoms import MM2, gzipped, image, ramp, volume, write

import qsiparc
from qsiparc.errors import GridMismatchError, NiftiError, NiftiWarning, QsiparcError

PLAIN = bytes(image(ramp()).to_bytes())
DIM_AT, TYPE_AT, OFFSET_AT, SLOPE_AT = 40, 70, 108, 112


def patched(path, at, layout, *values, content=PLAIN):
    """The path of a file of which a part of the header is overwritten."""
    changed = bytearray(content)
    struct.pack_into(layout, changed, at, *values)
    if path.suffix == ".gz":
        return gzipped(path, bytes(changed))
    path.write_bytes(changed)
    return path


@pytest.fixture(params=["fa.nii", "fa.nii.gz"])
def path(request, tmp_path):
    return tmp_path / request.param


@pytest.mark.parametrize(
    "name", ["fa.nii", "fa.nii.gz", "fa.Nii.gz", "fa", "fa.txt", "fa.nii.part"]
)
def test_content_counts_and_not_the_suffix(tmp_path, name):
    (tmp_path / name).write_bytes(PLAIN)
    np.testing.assert_array_equal(xr.open_dataarray(tmp_path / name), ramp())
    gzipped(tmp_path / name, PLAIN)
    np.testing.assert_array_equal(qsiparc.open_nifti(tmp_path / name), ramp())
    np.testing.assert_array_equal(qsiparc.open_nifti(tmp_path / name)[1:3, ::2], ramp()[1:3, ::2])


@pytest.mark.parametrize("name", ["fa.img", "fa.hdr"])
def test_one_file_that_is_called_like_half_a_pair(tmp_path, name):
    (tmp_path / name).write_bytes(PLAIN)
    np.testing.assert_array_equal(xr.open_dataarray(tmp_path / name), ramp())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty"),
        (b"some text\n" * 99, r"begins with b'some text\\n.*b'n\+1"),
        (PLAIN[:300], "300 bytes, less than the 348 of a header"),
        (gzip.compress(b"", mtime=0), "in the gzip has 0 bytes, less than the 348"),
        (gzip.compress(b"<html>" * 99, mtime=0), "in the gzip is a web page"),
        (
            gzip.compress(gzip.compress(PLAIN, mtime=0), mtime=0),
            "in the gzip is gzip once more: decompress",
        ),
        (b"mrtrix image\ndim: 4,5,6\n", "MRtrix image: convert it with 'mrconvert'"),
        (b"/annex/objects/MD5E-s12--abc.nii.gz\n", "datalad get"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (bz2.compress(PLAIN), "bzip2"),
        (b"PK\x03\x04" + bytes(500), "zip archive"),
    ],
)
def test_what_a_file_is_instead(path, content, message):
    path.write_bytes(content)
    with pytest.raises(NiftiError, match=rf"{path.name}: .*{message}"):
        qsiparc.open_nifti(path)


@pytest.mark.parametrize("slope", [np.inf, -np.inf])
def test_a_scaling_that_leaves_no_numbers_is_refused(path, slope):
    patched(path, SLOPE_AT, "<2f", slope, 0)
    for source in (path, nib.load(path)):
        with pytest.raises(NiftiError, match=rf"{path.name}: the header scales its voxels by"):
            qsiparc.open_nifti(source)


def test_a_slope_of_nan_is_doubtful(path):
    patched(path, SLOPE_AT, "<2f", np.nan, np.nan)
    for source in (path, nib.load(path)):
        with pytest.warns(NiftiWarning, match=rf"{path.name}: the slope in the header is NaN"):
            values = qsiparc.open_nifti(source).values
        np.testing.assert_array_equal(values, ramp())


def test_the_scaling_of_a_pair_is_checked_in_its_header(tmp_path):
    pair = nib.Nifti1Pair(ramp(), MM2)
    pair.to_filename(tmp_path / "fa.img")
    header = tmp_path / "fa.hdr"
    patched(header, SLOPE_AT, "<2f", np.inf, 0, content=header.read_bytes())
    for name in ("fa.img", "fa.hdr"):
        with pytest.raises(NiftiError, match=rf"{name}.*: the header scales its voxels by inf"):
            qsiparc.open_nifti(tmp_path / name)


@pytest.mark.parametrize("n", [0, -1, 8, 9])
def test_a_number_of_dimensions_that_is_none(path, n):
    patched(path, DIM_AT, "<h", n)
    with pytest.raises(NiftiError, match=rf"{path.name}: its header claims {n} dimensions"):
        qsiparc.open_nifti(path)


@pytest.mark.parametrize("code", [0, 1, 255, 999, -1, 1536 if os.name == "nt" else 2305])
def test_a_type_that_nobody_knows(path, code):
    patched(path, TYPE_AT, "<h", code)
    with pytest.raises(NiftiError, match=rf"{path.name}: .*data code {code}"):
        qsiparc.open_nifti(path)


@pytest.mark.parametrize("offset", [-1.0, 100.0, 348.0, np.nan, np.inf, -np.inf, 1e9, 1e20])
def test_voxels_that_begin_nowhere(path, offset):
    patched(path, OFFSET_AT, "<f", offset)
    with pytest.raises(NiftiError, match=path.name):
        qsiparc.open_nifti(path).load()


def test_a_doubt_of_the_header_names_the_file_and_is_not_logged(path, caplog, capfd):
    patched(path, 0, "<i", 999)
    with pytest.warns(NiftiWarning, match=rf"{path.name}: the header is doubtful: sizeof_hdr"):
        values = qsiparc.open_nifti(path).values
    np.testing.assert_array_equal(values, ramp())
    assert caplog.text == capfd.readouterr().err == ""


def extended(size, offset, n=16):
    """A volume with an extension of ``n`` bytes that claims ``size``, its voxels at ``offset``."""
    content = bytearray(PLAIN[:348] + bytes([1, 0, 0, 0]) + struct.pack("<ii", size, 6))
    content += bytes(n - 8) + PLAIN[352:]
    struct.pack_into("<f", content, OFFSET_AT, offset)
    return bytes(content)


@pytest.mark.parametrize("size", [16, 0, 7, -16])
def test_what_an_extension_holds_does_not_matter(path, size):
    patched(path, 0, "<i", 348, content=extended(size, 368))
    np.testing.assert_array_equal(qsiparc.open_nifti(path), ramp())


@pytest.mark.parametrize("size", [32, 2**30])
def test_an_extension_that_reaches_into_the_voxels_is_doubtful(path, size):
    patched(path, 0, "<i", 348, content=extended(size, 368))
    with pytest.warns(NiftiWarning, match=rf"{path.name}: a header extension reaches to byte"):
        values = qsiparc.open_nifti(path).values
    np.testing.assert_array_equal(values, ramp())


def test_an_affine_beyond_all_bounds_has_a_name(tmp_path):
    path = write(tmp_path / "fa.nii", ramp(), MM2 * [1e30, 1e30, 1e30, 1])
    with pytest.warns(NiftiWarning, match=r"fa\.nii: by its header, voxels measure \(2e\+30, 2e"):
        assert qsiparc.open_nifti(path).parc.affine[0, 0] == pytest.approx(2e30)


def test_a_header_of_many_members_is_read(tmp_path):

    pieces = [PLAIN[at : at + 50] for at in range(0, len(PLAIN), 50)]
    path = tmp_path / "fa.nii.gz"
    path.write_bytes(b"".join(gzip.compress(piece, mtime=0) for piece in pieces))
    np.testing.assert_array_equal(qsiparc.open_nifti(path), ramp())


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pipes in folders")
@pytest.mark.parametrize("name", ["fa.nii", "fa.nii.gz", "fa.img", "fa.hdr", "fa.hdr.gz"])
def test_a_pipe_makes_nobody_wait(tmp_path, name):
    if not name.startswith("fa.nii"):
        nib.Nifti1Pair(ramp(), MM2).to_filename(tmp_path / name)
        (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    with pytest.raises(NiftiError, match=rf"{name}: this is a named pipe, not a file"):
        qsiparc.open_nifti(tmp_path / name)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pipes in folders")
def test_a_header_that_is_a_pipe_makes_nobody_wait(tmp_path):
    nib.Nifti1Pair(ramp(), MM2).to_filename(tmp_path / "fa.img")
    (tmp_path / "fa.hdr").unlink()
    os.mkfifo(tmp_path / "fa.hdr")
    with pytest.raises(NiftiError, match=r"fa\.hdr: this is a named pipe"):
        qsiparc.open_nifti(tmp_path / "fa.img")


def test_a_file_that_becomes_a_pipe_makes_nobody_wait(path):
    gzipped(path, PLAIN)
    fa = qsiparc.open_nifti(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(NiftiError, match=rf"{path.name}: this is a named pipe"):
        fa.load()


def test_what_is_no_file(tmp_path):
    loop = tmp_path / "loop.nii.gz"
    loop.symlink_to("loop.nii.gz")
    device = tmp_path / "device.nii.gz"
    device.symlink_to("/dev/zero")
    for path, message in (
        (loop, "cannot be opened"),
        (device, "this is a device"),
        (tmp_path, "this is a folder"),
        (tmp_path / "a\0b.nii", "cannot be opened"),
        (loop.with_name("x" * 300 + ".nii"), "cannot be opened"),
    ):
        with pytest.raises(NiftiError, match=message):
            qsiparc.open_nifti(path)


NAMES = [
    "with blank.nii.gz",
    "quote'\".nii.gz",
    "new\nline.nii.gz",
    "ünï→漢.nii.gz",
    "*.nii.gz",
    "[a].nii.gz",
    "%s{0}.nii.gz",
    "<script>.nii.gz",
    "-x.nii.gz",
    "\udcff.nii.gz",
]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_a_file_can_have(tmp_path, name):
    path = gzipped(tmp_path / name, PLAIN)
    dseg = write(tmp_path / "sub-01_seg-A_dseg.nii.gz", (ramp() > 9).astype("u1"))
    cube = qsiparc.open_nifti(path).parc.extract(dseg)
    assert cube.parc.sel(stat="mean", region=1).value.item() == ramp()[ramp() > 9].mean()
    cube.parc.save(tmp_path / "cube.nc")
    assert cube.parc.to_long()["mean"].notna().all()
    content = bytearray(path.read_bytes())
    content[-8] ^= 1
    path.write_bytes(content)
    with pytest.raises(QsiparcError) as caught:
        qsiparc.open_nifti(path).load()
    assert name in str(caught.value)


DSEG = image((ramp() > 9).astype("u1"))


@pytest.mark.parametrize(
    "extract",
    [
        lambda fa, other: fa.parc.extract(other),
        lambda fa, other: fa.parc.extract(DSEG, mask=other),
        lambda fa, other: fa.parc.extract(DSEG, stats=["mean"], weights=other),
        lambda fa, other: fa.parc.extract(other, threshold=1, stats=["mean"]),
        lambda fa, other: fa.parc.voxels(other, region=1),
        lambda fa, other: fa.parc.voxels(DSEG, region=1, mask=other),
    ],
)
def test_a_mismatch_names_both_files(tmp_path, extract):
    fa = qsiparc.open_nifti(write(tmp_path / "fa.nii", ramp()))
    other = write(tmp_path / "other.nii", ramp(dtype="i2"), MM2 @ np.diag([2, 1, 1, 1]))
    with pytest.raises(GridMismatchError, match=r"other\.nii and fa\.nii"):
        extract(fa, other)
    other = write(tmp_path / "other.nii", ramp((4, 5, 7), "i2"))
    with pytest.raises(GridMismatchError, match=r"other\.nii has .*, fa\.nii has"):
        extract(fa, other)


@pytest.mark.parametrize(
    "extract",
    [
        lambda fa, other: fa.parc.extract(other),
        lambda fa, other: fa.parc.extract(DSEG, mask=other),
        lambda fa, other: fa.parc.extract(DSEG, stats=["mean"], weights=other),
        lambda fa, other: fa.parc.extract(other, threshold=1, stats=["mean"]),
        lambda fa, other: fa.parc.voxels(other, region=1),
    ],
)
def test_what_is_elsewhere_is_refused_before_it_is_read(tmp_path, extract, passes):
    header = image(np.zeros((1, 1, 1), "u1")).header.copy()
    header.set_data_shape((300, 300, 200))
    header["vox_offset"], header["scl_slope"], header["scl_inter"] = 352, 1, 0
    bomb = gzipped(tmp_path / "other.nii.gz", header.binaryblock + bytes(4 + 300 * 300 * 200))
    with pytest.raises(GridMismatchError, match=r"other\.nii\.gz has \(300, 300, 200\) voxels"):
        extract(volume(ramp()), bomb)
    assert passes == []


def test_an_image_of_a_damaged_file_is_read_with_its_checksum(tmp_path):
    noise = np.random.default_rng(0).random((20, 20, 20)).astype("f4")
    path = gzipped(tmp_path / "fa.nii.gz", bytes(image(noise).to_bytes()))
    content = bytearray(path.read_bytes())
    content[-8] ^= 1
    path.write_bytes(content)
    loaded = nib.load(path)
    assert np.isfinite(loaded.get_fdata()).all()  # without a word
    dseg = image((noise > 0.5).astype("u1"))
    lut = qsiparc.AtlasLUT([qsiparc.RegionInfo(1, "a", "L")], "A")
    from qsiparc.extract import extract_scalar_map

    with pytest.raises(NiftiError, match=r"fa\.nii\.gz: the gzip data are damaged"):
        extract_scalar_map(nib.load(path), dseg, lut, "FA")


def test_what_is_missing_is_named_and_so_is_who_misses_it(tmp_path):
    (tmp_path / "annexed.nii.gz").symlink_to(".git/annex/objects/MD5E-s12--0.nii.gz")
    with pytest.raises(FileNotFoundError, match=r"datalad get\): .*annexed\.nii\.gz"):
        qsiparc.open_nifti(tmp_path / "annexed.nii.gz")
    nib.Nifti1Pair(ramp(), MM2).to_filename(tmp_path / "fa.img")
    (tmp_path / "fa.img").unlink()
    with pytest.raises(FileNotFoundError, match=r"fa\.hdr: its image data, fa\.img, are missing"):
        qsiparc.open_nifti(tmp_path / "fa.hdr")


def test_a_sidecar_that_is_no_file_makes_nobody_wait(tmp_path):
    path = write(tmp_path / "fa.nii", ramp())
    os.mkfifo(tmp_path / "fa.json")
    with pytest.warns(NiftiWarning, match=r"fa\.json: the JSON sidecar .*: this is a named pipe"):
        np.testing.assert_array_equal(qsiparc.open_nifti(path), ramp())
    (tmp_path / "fa.json").unlink()
    with (tmp_path / "fa.json").open("wb") as file:
        file.truncate(2**33)
    with pytest.warns(NiftiWarning, match=r"fa\.json: the JSON sidecar .* is longer than"):
        np.testing.assert_array_equal(qsiparc.open_nifti(path), ramp())


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("excess", [2e-7, 1.3e-6, 9e-6])
def test_a_quaternion_that_rounding_made_too_long_is_that_of_a_rotation(tmp_path, kind, excess):
    path = tmp_path / "fa.nii"
    made = kind(ramp(), None)
    made.header.set_xyzt_units("mm")
    made.header["pixdim"][:4] = (1, 2, 3, 4)
    made.header["sform_code"], made.header["qform_code"] = 0, 1
    made.header["vox_offset"] = made.header.single_vox_offset
    made.header.set_slope_inter(1, 0)
    exact = np.array([0.6, 0.0, 0.8])  # half a turn about an axis between i and k
    stored = exact * np.sqrt(1 + excess)
    made.header["quatern_b"], made.header["quatern_c"], made.header["quatern_d"] = stored
    path.write_bytes(made.header.binaryblock + bytes(4) + ramp().tobytes(order="F"))
    expected = (2 * np.outer(exact, exact) - np.eye(3)) * (2, 3, 4)
    opened = qsiparc.open_nifti(path)
    np.testing.assert_allclose(opened.parc.affine[:3, :3], expected, atol=1e-5)
