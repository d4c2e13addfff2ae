"""Every public name stands on docs/reference.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import qsiparc
import qsiparc.atlas
import qsiparc.discover
import qsiparc.extract
from qsiparc import accessor

PAGE = (Path(__file__).parents[1] / "docs/reference.md").read_text("utf-8")
LISTED = set(re.findall(r"^   (\w[\w.]*)$", PAGE, re.MULTILINE))


def public(thing):
    return {name for name in dir(thing) if not name.startswith("_")}


def test_the_door():
    assert {name for name in qsiparc.__all__ if not name.startswith("_")} <= LISTED


@pytest.mark.parametrize("room", [qsiparc.extract, qsiparc.discover, qsiparc.atlas])
def test_the_documented_modules(room):
    inner = {"extract_cube", "is_background"}
    elsewhere = {name for name in room.__all__ if name in qsiparc.__all__}
    assert set(room.__all__) - inner - elsewhere <= LISTED


@pytest.mark.parametrize(
    ("kind", "methods"),
    [
        ("DataArray", accessor.DataArrayParc),
        ("Dataset", accessor.DatasetParc),
        ("DataTree", accessor.DataTreeParc),
    ],
)
def test_the_accessor(kind, methods):
    """A Dataset is a cube or holds volumes; what it shares with a volume is said in words there."""
    of_volumes = public(accessor.DataArrayParc) if kind == "Dataset" else set()
    missing = {n for n in public(methods) if f"{kind}.parc.{n}" not in LISTED} - of_volumes
    assert missing <= {"plot"}
