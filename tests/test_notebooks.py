"""Notebooks are stored without outputs and end on an assertion; `make notebooks` runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


def test_there_are_notebooks():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
class TestANotebook:
    def code_cells(self, path):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return [cell for cell in cells if cell["cell_type"] == "code"]

    def test_is_stored_without_what_running_it_leaves(self, path):
        for cell in self.code_cells(path):
            assert cell["outputs"] == []
            assert cell["execution_count"] is None

    def test_ends_on_an_assertion(self, path):
        last = "".join(self.code_cells(path)[-1]["source"])
        assert any(line.startswith("assert ") for line in last.splitlines())

    def test_runs_on_any_kernel(self, path):
        kernel = json.loads(path.read_text(encoding="utf-8"))["metadata"]["kernelspec"]
        assert kernel["name"] == "python3"
