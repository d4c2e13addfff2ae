"""What the parts and the tables of a study say beside its numbers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import pandas as pd

from qsiparc.cohort.derivative import DESCRIPTION, SOURCE
from qsiparc.cohort.failures import FAILURES, LEFT_OUT
from qsiparc.cohort.parts import part_attrs, part_path, part_paths
from qsiparc.cohort.reading import read_units
from qsiparc.errors import CubeError

_EMPTY: Final = ("", "n/a")


@dataclass(frozen=True)
class Remarks:
    """All of that.

    Parameters
    ----------
    failures, left_out : list of dict
        Rows of the tables.
    units : dict of str to dict
        By scalar, the units that each scan states; empty where it states none.
    doubts : dict of str to list of str
        By scan, the warnings that came while it was reduced.
    """

    failures: list[dict[str, str]]
    left_out: list[dict[str, str]]
    units: dict[str, dict[str, str]] = field(default_factory=dict)
    doubts: dict[str, list[str]] = field(default_factory=dict)


def read_notes(out: Path) -> Remarks:
    """Read the tables of a study, and what its parts say of units and doubts.

    Parameters
    ----------
    out : Path
        Output folder of a study. Where its parts are gone, nothing is known of either.

    Returns
    -------
    Remarks
        All of that.
    """
    notes = Remarks(_table(out / FAILURES), _table(out / LEFT_OUT))
    for path in part_paths(out):
        try:
            units, warnings = read_units(path)
        except CubeError:
            continue  # the tables name it
        for scalar, unit in units.items():
            notes.units.setdefault(scalar, {})[path.stem] = unit
        if warnings:
            notes.doubts[path.stem] = warnings
    return notes


def _table(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    rows = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    return [
        {str(key): "" if value in _EMPTY else value for key, value in row.items()}
        for row in rows.to_dict("records")
    ]


def source_root(out: Path) -> str:
    """The tree that a study was made of, as its description says; empty where it does not."""
    try:
        about: dict[str, Any] = json.loads((out / DESCRIPTION).read_text(encoding="utf-8"))
        return unquote(urlsplit(about["DatasetLinks"][SOURCE]).path)
    except (OSError, ValueError, KeyError):
        return ""


def source_files(out: Path, scan: str) -> dict[str, list[Path]]:
    """Where the inputs of a scan are, by their names.

    Parameters
    ----------
    out : Path
        Output folder of a study.
    scan : str
        Id of the scan.

    Returns
    -------
    dict of str to list of Path
        Two workflows may have a file of one name. Empty where the part, or the link to the tree,
        is gone.
    """
    root = source_root(out)
    try:
        inputs = json.loads(part_attrs(part_path(out, scan))["inputs"]) if root else []
    except (OSError, ValueError, KeyError):
        return {}
    found: dict[str, list[Path]] = {}
    for entry in inputs:
        path = Path(root, entry["path"])
        found.setdefault(path.name, []).append(path)
    return found
