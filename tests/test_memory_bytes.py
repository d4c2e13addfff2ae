"""How much memory there is, by whoever says it."""

from __future__ import annotations

import os

import pytest

from qsiparc import memory


@pytest.fixture(autouse=True)
def afresh():
    memory.memory_bytes.cache_clear()
    yield
    memory.memory_bytes.cache_clear()


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("1048576\n", 2**20), ("max\n", 2**32), (None, 2**32), ("9" * 19, 2**32)],
)
def test_a_container_may_have_less_than_the_machine(tmp_path, monkeypatch, limit, expected):
    monkeypatch.setattr(memory, "LIMIT_FILE", tmp_path / "memory.max")
    monkeypatch.setattr(os, "sysconf", lambda _: 2**16, raising=False)
    if limit:
        (tmp_path / "memory.max").write_text(limit)
    assert memory.memory_bytes() == expected


def test_where_nobody_says_there_is_no_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "LIMIT_FILE", tmp_path / "memory.max")
    monkeypatch.delattr(os, "sysconf", raising=False)
    assert memory.memory_bytes() == float("inf")
