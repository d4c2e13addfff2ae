"""What is not in the study, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from qsiparc.atomic import replacing
from qsiparc.cohort.parts import part_attrs, part_paths
from qsiparc.cohort.record import Trouble, from_json
from qsiparc.errors import CubeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

FAILURES: Final = "failures.tsv"
LEFT_OUT: Final = "left_out.tsv"

Troubles = tuple[tuple[Trouble, ...], tuple[Trouble, ...]]
"""Failures, and what was left out."""


def write_tables(out: Path, known: Mapping[str, Troubles] | None = None) -> None:
    """Write ``failures.tsv`` and ``left_out.tsv``, of all parts that there are.

    Parameters
    ----------
    out : Path
        Output folder of the study.
    known : mapping of str to (tuple of Trouble, tuple of Trouble), optional
        Failures and what was left out, by scan; the parts of these are not read again.
    """
    found = dict(known or {})
    for path in part_paths(out):
        if path.stem not in found:
            found[path.stem] = _of_part(path)
    ordered = [found[scan] for scan in sorted(found)]
    _write(out / FAILURES, [one for failures, _ in ordered for one in failures])
    _write(out / LEFT_OUT, [one for _, left_out in ordered for one in left_out])


def count_failed(out: Path) -> int:
    """How many scans ``failures.tsv`` names."""
    table = pd.read_csv(out / FAILURES, sep="\t", dtype=str, keep_default_na=False)
    return int(table["scan"].nunique())


def _of_part(path: Path) -> Troubles:
    try:
        attrs = part_attrs(path)
    except CubeError as error:
        return (Trouble(path.stem, "", "", "", "", str(path), "part", str(error)),), ()
    return from_json(attrs.get("failures", "[]")), from_json(attrs.get("left_out", "[]"))


def _write(path: Path, rows: Iterable[Trouble]) -> None:
    table = pd.DataFrame(list(rows), columns=list(Trouble._fields)).replace("", "n/a")
    with replacing(path) as new:
        table.to_csv(new, sep="\t", index=False, lineterminator="\n")
