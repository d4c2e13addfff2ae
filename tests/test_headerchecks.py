"""What a header claims and cannot be: refused or doubted by name, whoever opened the file."""

from __future__ import annotations

import gzip
import struct

import nibabel as nib
import numpy as np
import pytest
from phantoms import MM2, gzipped, image, ramp

import qsiparc
from qsiparc.errors import NiftiError, NiftiWarning

ONE = bytes(image(ramp()).to_bytes())
TWO = bytes(nib.Nifti2Image(ramp(), MM2, dtype=np.float32).to_bytes())
TYPE_AT, BITS_AT, PIXDIM_AT, OFFSET_AT, CODES_AT, TURN_AT, SROW_AT = 70, 72, 76, 108, 252, 256, 280
QFORM = struct.pack("<2h", 1, 0)
NEITHER = struct.pack("<2h", 0, 0)


def put(content, *parts):
    """A file's content, overwritten at places in turn."""
    changed = bytearray(content)
    for at, new in zip(parts[::2], parts[1::2], strict=True):
        changed[at : at + len(new)] = new
    return bytes(changed)


@pytest.fixture(params=["fa.nii", "fa.nii.gz"])
def stored(request, tmp_path):
    """Store a file's content, and name it."""

    def store(content):
        path = tmp_path / request.param
        if request.param.endswith("gz"):
            return gzipped(path, content)
        path.write_bytes(content)
        return path

    return store


REFUSED = {
    "offset 0": (put(ONE, OFFSET_AT, struct.pack("<f", 0)), "byte 0, inside the header.*352 or"),
    "offset 1": (put(ONE, OFFSET_AT, struct.pack("<f", 1)), "byte 1, inside the header"),
    "offset 352.5": (put(ONE, OFFSET_AT, struct.pack("<f", 352.5)), "byte 352.5, which is no"),
    "offset NaN": (put(ONE, OFFSET_AT, struct.pack("<f", np.nan)), "byte nan, which is no place"),
    "offset -inf": (put(ONE, OFFSET_AT, struct.pack("<f", -np.inf)), "byte -inf, which is no"),
    "NIfTI-2 offset 0": (put(TWO, 168, struct.pack("<q", 0)), "byte 0, inside the header.*544 or"),
    "NIfTI-2 line ends": (put(TWO, 8, b"\n\n\x1a\n"), "EOL check.*copy the file again"),
    "1-bit": (put(ONE, TYPE_AT, struct.pack("<2h", 1, 1)), "data code 1, single bits"),
    "unknown": (put(ONE, TYPE_AT, struct.pack("<h", 77)), "data code 77, which is no type"),
    "sform NaN": (put(ONE, SROW_AT, struct.pack("<f", np.nan)), r"the sform.*\(nan, 0, 0, 0\)"),
    "no rotation": (
        put(ONE, CODES_AT, QFORM, TURN_AT, struct.pack("<3f", 1, 1, 1)),
        r"its qform is no rotation: .*\(1, 1, 1\), add up to 3",
    ),
    "qform inf": (
        put(ONE, CODES_AT, QFORM, TURN_AT, struct.pack("<f", np.inf)),
        r"the qform of its header.*\(inf, 0, 0\)",
    ),
    "qform voxels NaN": (
        put(ONE, CODES_AT, QFORM, PIXDIM_AT + 4, struct.pack("<f", np.nan)),
        r"the voxel size of its header.*\(nan, 2, 2\)",
    ),
    "voxels inf": (
        put(ONE, CODES_AT, NEITHER, PIXDIM_AT + 4, struct.pack("<f", np.inf)),
        r"the voxel size of its header.*\(inf, 2, 2\)",
    ),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_with_what_was_found(stored, content, message):
    path = stored(content)
    with pytest.raises(NiftiError, match=rf"(?s){path.name}: .*{message}"):
        qsiparc.open_nifti(path)


DOUBTED = {
    "bits": (put(ONE, BITS_AT, struct.pack("<h", 16)), "16 bits, .* type float32, which has 32"),
    "qfac 7": (put(ONE, CODES_AT, QFORM, PIXDIM_AT, struct.pack("<f", 7)), r"pixdim\[0\] .* is 7"),
    "qfac NaN": (
        put(ONE, CODES_AT, QFORM, PIXDIM_AT, struct.pack("<f", np.nan)),
        r"pixdim\[0\] .* is nan",
    ),
    "voxels beside sform": (
        put(ONE, PIXDIM_AT + 4, struct.pack("<f", np.nan)),
        r"voxels of \(nan, 2, 2\) mm",
    ),
    "metres": (
        put(ONE, SROW_AT, struct.pack("<12f", *np.ravel((MM2 / 1000)[:3]))),
        r"voxels measure \(0\.002, 0\.002, 0\.002\) mm",
    ),
    "code": (put(ONE, CODES_AT, struct.pack("<2h", 99, 2)), "qform_code 99 not valid"),
}


@pytest.mark.parametrize(("content", "message"), DOUBTED.values(), ids=DOUBTED)
def test_what_is_unlikely_is_read_with_a_doubt_that_names_the_file(stored, content, message):
    path = stored(content)
    for source in (path, nib.load(path)):
        with pytest.warns(NiftiWarning, match=rf"{path.name}: .*{message}"):
            np.testing.assert_array_equal(qsiparc.open_nifti(source), ramp())


@pytest.mark.parametrize(
    "content",
    [
        put(ONE, BITS_AT, struct.pack("<h", 0)),
        put(ONE, CODES_AT, QFORM, PIXDIM_AT, struct.pack("<f", 0)),
        put(ONE, CODES_AT, struct.pack("<2h", 1, 2), TURN_AT, struct.pack("<3f", 1, 1, 1)),
        put(ONE, OFFSET_AT, struct.pack("<f", 368))[:352] + bytes(16) + ONE[352:],
    ],
    ids=["no bits", "qfac 0 is 1", "qform beside sform", "a gap"],
)
def test_what_may_be_is_read_without_a_word(stored, content):
    np.testing.assert_array_equal(qsiparc.open_nifti(stored(content)), ramp())


def test_an_extension_of_any_size_that_reaches_into_the_voxels_is_doubtful(stored):
    content = put(ONE[:348] + b"\1\0\0\0" + struct.pack("<ii", 2**31 - 1, 6) + bytes(8) + ONE[352:])
    path = stored(put(content, OFFSET_AT, struct.pack("<f", 368)))
    with pytest.warns(NiftiWarning, match=rf"{path.name}: a header extension reaches"):
        np.testing.assert_array_equal(qsiparc.open_nifti(path), ramp())


def test_an_image_with_an_affine_of_its_own_is_not_told_of_the_one_in_the_file(stored):
    path = stored(put(ONE, CODES_AT, QFORM, PIXDIM_AT, struct.pack("<f", 7)))
    moved = nib.Nifti1Image(nib.load(path).dataobj, MM2 * [1, 1, 2, 1])
    fa = qsiparc.open_nifti(moved)
    np.testing.assert_array_equal(fa.parc.affine, moved.affine)
    np.testing.assert_array_equal(fa, ramp())


def test_voxels_in_a_file_without_a_header(tmp_path):
    path = tmp_path / "raw.bin"
    path.write_bytes(ramp().tobytes(order="F"))
    header = image(ramp()).header
    header["vox_offset"] = 0
    raw = nib.Nifti1Image(nib.arrayproxy.ArrayProxy(path, header), MM2)
    np.testing.assert_array_equal(qsiparc.open_nifti(raw), ramp())


@pytest.mark.parametrize("kind", [nib.Nifti1Pair, nib.Nifti2Pair, nib.Spm99AnalyzeImage])
@pytest.mark.parametrize("name", ["fa.img", "fa.hdr", "fa.img.gz"])
def test_the_header_of_a_pair_is_held_against_as_much(tmp_path, kind, name):
    kind(ramp(), MM2).to_filename(tmp_path / name)
    header = tmp_path / name.replace("img", "hdr")
    plain = header.read_bytes()
    plain = gzip.decompress(plain) if name.endswith("gz") else plain
    at, layout = (16, "<q") if kind is nib.Nifti2Pair else (40, "<h")

    def damaged(content):
        gzipped(header, content) if name.endswith("gz") else header.write_bytes(content)

    damaged(put(plain, at, struct.pack(layout, 9)))
    with pytest.raises(NiftiError, match=rf"{header.name} \(of fa\.img.*claims 9 dim|{name}: not"):
        qsiparc.open_nifti(tmp_path / name)
    damaged(put(plain, 0, struct.pack("<i", 999)))
    if kind is not nib.Spm99AnalyzeImage:  # which has nothing else to be known by
        with pytest.warns(NiftiWarning, match=rf"{header.name} .*doubtful: sizeof_hdr"):
            np.testing.assert_array_equal(qsiparc.open_nifti(tmp_path / name), ramp())


def test_half_of_a_pair_by_its_magic_alone_is_read_as_the_one_file_that_it_is(stored):
    path = stored(put(ONE, 344, b"ni1\0"))
    np.testing.assert_array_equal(qsiparc.open_nifti(path), ramp())
    path = stored(put(ONE, 344, b"ni1\0", OFFSET_AT, struct.pack("<f", 0)))
    with pytest.raises(NiftiError, match=rf"{path.name}: its header says .* byte 0, inside"):
        qsiparc.open_nifti(path)


def test_an_image_of_another_kind_than_its_file_is_read_as_the_file_is(stored):
    fa = qsiparc.open_nifti(nib.Nifti1Image.from_image(nib.load(stored(TWO))))
    np.testing.assert_array_equal(fa, ramp())


def test_an_image_whose_file_became_another_is_not_read(stored):
    loaded = nib.load(stored(ONE))
    path = stored(bytes(image(ramp(dtype="i4")).to_bytes()))
    with pytest.raises(
        NiftiError, match=rf"{path.name}: the file has changed since nibabel opened"
    ):
        qsiparc.open_nifti(loaded)


SFORM = np.array([[2, 0, 0, -90], [0, 2, 0, -126], [0, 0, 2, -72], [0, 0, 0, 1.0]])
FLIPPED = SFORM * [[-1], [1], [1], [1]]


def shifted(millimetres):
    moved = SFORM.copy()
    moved[0, 3] += millimetres
    return moved


class TestTwoPlaces:
    """An sform and a qform of one code that say different things."""

    def volume(self, qform, codes=(1, 1), sform=SFORM):
        made = nib.Nifti1Image(np.zeros((91, 109, 91), np.uint8), sform)
        made.set_sform(sform, codes[0])
        made.set_qform(qform, codes[1])
        return bytes(made.to_bytes())

    @pytest.mark.parametrize(
        ("qform", "words"),
        [
            (FLIPPED, "put voxels as far as 180 mm apart, left and right exchanged. The sform"),
            (shifted(1.5), "put voxels as far as 1.5 mm apart. The sform"),
            (
                SFORM * [[-1], [-1], [1], [1]],
                "put voxels as far as 310 mm apart, left and right exchanged. The sform",
            ),
            (SFORM * [[1], [1], [-1], [1]], "put voxels as far as 216 mm apart. The sform"),
        ],
        ids=["mirrored", "shifted", "turned about z", "upside down"],
    )
    def test_is_told(self, stored, qform, words):
        path = stored(self.volume(qform))
        with pytest.warns(NiftiWarning, match=f"both have the code 1, and {words}") as caught:
            volume = qsiparc.open_nifti(path)
        assert len(caught) == 1
        np.testing.assert_array_equal(volume.parc.affine, SFORM)

    @pytest.mark.parametrize(
        ("qform", "codes"),
        [
            (shifted(0.9), (1, 1)),
            (FLIPPED, (4, 1)),
            (FLIPPED, (1, 0)),
            (SFORM, (2, 2)),
        ],
        ids=["less than half a voxel", "two spaces", "no qform", "one place"],
    )
    @pytest.mark.filterwarnings("error")
    def test_is_none(self, stored, qform, codes):
        qsiparc.open_nifti(stored(self.volume(qform, codes)))

    @pytest.mark.filterwarnings("error")
    def test_a_shear_that_no_qform_can_tell_is_none_where_it_is_small(self, stored):
        sheared = SFORM.copy()
        sheared[0, 1] = 0.005
        qsiparc.open_nifti(stored(self.volume(sheared, sform=sheared)))

    @pytest.mark.filterwarnings("error")
    def test_a_qform_that_is_no_rotation_counts_for_nobody(self, stored):
        turn = struct.pack("<3f", 1, 1, 1)
        qsiparc.open_nifti(stored(put(self.volume(SFORM), TURN_AT, turn)))
