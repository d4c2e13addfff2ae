from __future__ import annotations

import gc
import gzip
import io
import sys
import weakref
import zlib

import numpy as np
import phantoms
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsiparc import inflate
from qsiparc.errors import NiftiError
from qsiparc.inflate import MAX_RATIO, Inflation, engine

pytestmark = pytest.mark.usefixtures("each_inflater")

CONTENT = bytes(range(256)) * 3
WHOLE = gzip.compress(CONTENT, mtime=0)


def inflated(stored: bytes, n: int = len(CONTENT), skip: int = 0) -> bytes:
    return phantoms.inflated(stored, n, skip)[0]


@pytest.fixture(params=[1, 7, 2**16])
def _small_pieces(request, monkeypatch):
    monkeypatch.setattr(inflate, "PIECE", request.param)
    monkeypatch.setattr(inflate, "AT_A_TIME", request.param)
    monkeypatch.setattr(inflate, "SIP", request.param)


@pytest.mark.usefixtures("_small_pieces")
class TestInAnyPieces:
    def test_content_comes_out_as_it_went_in(self):
        assert inflated(WHOLE) == CONTENT

    def test_what_comes_first_is_passed_over(self):
        assert inflated(WHOLE, n=100, skip=352) == CONTENT[352:452]

    def test_members_follow_each_other(self):
        parts = [gzip.compress(part) for part in (CONTENT[:5], b"", CONTENT[5:400], CONTENT[400:])]
        assert inflated(b"".join(parts)) == CONTENT

    def test_zeros_after_and_between_members_are_padding(self):
        first, second = gzip.compress(CONTENT[:300]), gzip.compress(CONTENT[300:])
        assert inflated(first + b"\0" * 40 + second + b"\0" * 513) == CONTENT

    def test_anything_else_after_the_end_is_an_error(self):
        with pytest.raises(NiftiError, match=r"fa.nii.gz.*followed by b'g"):
            inflated(WHOLE + b"garbage")

    def test_a_member_that_has_only_begun_is_an_error(self):
        for cut in (1, 2, 11):
            with pytest.raises(NiftiError, match="cut short"):
                inflated(WHOLE + WHOLE[:cut])

    def test_a_cut_file_is_an_error_wherever_it_is_cut(self):
        for length in range(0, len(WHOLE), 37):
            with pytest.raises(NiftiError, match=r"fa\.nii\.gz: the file is cut short"):
                inflated(WHOLE[:length])


def test_a_checksum_that_does_not_fit_is_an_error():
    wrong = bytearray(WHOLE)
    wrong[-8] ^= 1  # the CRC's first byte
    with pytest.raises(NiftiError, match=r"damaged.*copy it again"):
        inflated(bytes(wrong))
    wrong = bytearray(WHOLE)
    wrong[-1] ^= 1  # the length's last byte
    with pytest.raises(NiftiError, match="damaged"):
        inflated(bytes(wrong))


def test_too_little_content_is_an_error_that_counts():
    with pytest.raises(NiftiError, match="768 of 1,000 bytes of image data"):
        inflated(WHOLE, n=1000)
    with pytest.raises(NiftiError, match=r"0 of 1,000 bytes"):
        inflated(WHOLE, n=1000, skip=5000)


def test_too_little_is_seen_by_who_looks_at_the_end_only():
    for skip, size in ((0, 1000), (5000, 0)):
        stream = Inflation(io.BytesIO(WHOLE), skip=skip, size=size, name="fa.nii.gz")
        with pytest.raises(NiftiError, match="cut short"):
            stream.finish()


def test_content_beyond_what_is_asked_for_is_counted():
    assert phantoms.inflated(WHOLE, 100, skip=300) == (CONTENT[300:400], 768 - 400)


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
@settings(deadline=None)
def test_no_damaged_byte_changes_the_content_unseen(at, flip):
    stored = bytearray(WHOLE)
    stored[at] ^= flip
    try:
        found = inflated(bytes(stored))
    except NiftiError:
        return
    assert found == CONTENT  # the time, the system, and the like, say nothing about the content


def test_no_single_damaged_bit_changes_the_content_unseen():
    harmless = set()
    for bit in range(8 * len(WHOLE)):
        stored = bytearray(WHOLE)
        stored[bit // 8] ^= 1 << bit % 8
        try:
            assert inflated(bytes(stored)) == CONTENT
            harmless.add(bit // 8)
        except NiftiError:
            pass
    # Flags, time and system, and the bits that fill up the last byte before the checksum.
    assert harmless <= {*range(3, 10), len(WHOLE) - 9}


def test_no_stream_inflates_more_than_the_bound_that_claims_are_held_to():
    zeros = zlib.compress(bytes(2**22), 9)
    assert 2**22 / len(zeros) < MAX_RATIO


@given(st.lists(st.binary(max_size=60), max_size=5), st.integers(0, 20))
@settings(deadline=None)
def test_any_members_are_what_gzip_makes_of_them(parts, padding):
    stored = b"".join(map(gzip.compress, parts or [b""])) + b"\0" * padding
    expected = gzip.decompress(stored)
    assert inflated(stored, n=len(expected)) == expected


def test_a_reader_that_stops_half_way_leaves_nothing_to_the_garbage_collector():
    gc.disable()
    try:
        inflation = Inflation(io.BytesIO(WHOLE), skip=0, size=352, name="fa.nii.gz")
        out = np.zeros(352, np.uint8)
        inflation.read_into(out)
        assert out.tobytes() == CONTENT[:352]
        alive = weakref.ref(inflation)
        del inflation
        assert alive() is None
    finally:
        gc.enable()


def test_the_faster_library_is_taken_where_it_is_installed():
    assert engine() is pytest.importorskip("zlib_ng.gzip_ng").GzipNGFile


def test_without_it_the_standard_library_inflates(monkeypatch):
    monkeypatch.setitem(sys.modules, "zlib_ng.gzip_ng", None)
    assert engine.__wrapped__() is gzip.GzipFile
