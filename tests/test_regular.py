from __future__ import annotations

import tracemalloc

import pytest

from qsiparc import regular
from qsiparc.errors import LutError
from qsiparc.regular import open_regular, read_regular, read_up_to


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "table.tsv"
    path.write_bytes(bytes(range(256)) * 1000)
    return path


@pytest.mark.parametrize("limit", [0, 1, 255_999, 256_000, 256_001, 2**40])
def test_no_more_than_the_limit_is_read(file, limit):
    with open_regular(file, LutError) as stream:
        assert read_up_to(stream, limit) == file.read_bytes()[:limit]


def test_a_small_file_takes_little_memory(file):
    tracemalloc.start()
    try:
        assert read_regular(file, LutError) == file.read_bytes()
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_a_file_that_is_too_long_is_named(file, monkeypatch):
    monkeypatch.setattr(regular, "MAX_BYTES", 1000)
    with pytest.raises(LutError, match=r"table\.tsv: it is longer than 1,000 bytes"):
        read_regular(file, LutError)
