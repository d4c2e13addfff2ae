"""A study as long tables: one Parquet file, or a TSV a scan and atlas."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from qsiparc.cohort.blocks import read_block
from qsiparc.cohort.derivative import sources_of, table_path
from qsiparc.cohort.parts import read_part
from qsiparc.errors import OptionError
from qsiparc.names import CUBE_DIMS, STATUS, STATUS_FLAGS, VALUE
from qsiparc.progress import Progress
from qsiparc.table import to_long, write_tsv

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa
    import xarray as xr

    from qsiparc.cohort.layout import Layout, Study

TABLES: Final = "sub-*/**/*_diffmap.tsv"
"""Where the tables of scans are, below the output folder."""

ROWS: Final = 2**17
"""Most rows in a group of a Parquet file, unless one scan has more."""


def require_pyarrow() -> None:
    """Raise `OptionError`, which says what to install, where there is no pyarrow."""
    try:
        import pyarrow.parquet  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise OptionError(
            "Parquet needs pyarrow, which is not installed: pip install 'qsiparc[parquet]'."
        ) from error


def write_parquet(study: Study, path: Path) -> None:
    """Write the long table of a study to a new Parquet file, some scans at a time.

    Parameters
    ----------
    study : Study
        The parts.
    path : Path
        Where nothing is yet.

    Notes
    -----
    Rows and columns are those that ``.parc.to_long()`` has of the whole study. What is NaN there
    is null here, so that counts stay whole numbers.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema(study)
    with pq.ParquetWriter(path, schema) as writer:
        for layout in study.atlases.values():
            region, _, scalar, subject = layout.shape
            step = max(1, ROWS // (region * max(1, scalar)))
            for start in range(0, subject, step):
                scans = slice(start, min(start + step, subject))
                frame = to_long(_cube(layout, scans, read_block(study, layout, scans).values))
                if "session" in schema.names and "session" not in frame:
                    frame["session"] = ""
                frame = frame.reindex(columns=schema.names)
                writer.write_table(pa.Table.from_pandas(frame, schema, preserve_index=False))


def _cube(
    layout: Layout, scans: slice, values: np.ndarray[Any, np.dtype[np.float64]]
) -> xr.Dataset:
    cube = layout.skeleton().drop_vars(STATUS).isel(subject=scans)
    if not _is_bids(layout):
        cube = cube.drop_vars("participant_id", errors="ignore")  # so `subject` is the label
    return cube.assign({VALUE: (CUBE_DIMS, values)})


def _is_bids(layout: Layout) -> bool:
    """Whether all labels are made of participant and session, and nothing else."""
    names = [
        layout.names(name) for name in ("participant_id", "session_id") if name in layout.coords
    ]
    joined = ["_".join(filter(None, parts)) for parts in zip(*names, strict=True)]
    return joined == layout.names("subject")


def _schema(study: Study) -> pa.Schema:
    """Columns and types of the whole table, from a scan of zeros of every atlas."""
    import pyarrow as pa

    samples = []
    for layout in study.atlases.values():
        sessions = layout.names("session_id") if "session_id" in layout.coords else []
        at = next((n for n, session in enumerate(sessions) if session), 0)
        region, stat, scalar, _ = layout.shape
        samples.append(
            to_long(_cube(layout, slice(at, at + 1), np.zeros((region, stat, scalar, 1))))
        )
    kinds = {"i": pa.int64(), "f": pa.float64()}
    frame = pd.concat([sample.iloc[:1] for sample in samples])
    fields = [
        (name, kinds.get(next(s[name].dtype.kind for s in samples if name in s), pa.string()))
        for name in frame.columns
    ]
    about = {layout.atlas: layout.attrs for layout in study.atlases.values()}
    return pa.schema(fields, metadata={"qsiparc": json.dumps(about, ensure_ascii=False)})


def write_scan_tables(study: Study, out: Path) -> None:
    """Write the long table of every scan and atlas, with a sidecar of how it was made.

    Parameters
    ----------
    study : Study
        The parts.
    out : Path
        Output folder. Tables are in ``sub-*/ses-*/dwi``; those that are there are replaced, or
        deleted where the study has no such scan or atlas any more.

    Notes
    -----
    Only maps that were reduced have rows; ``failures.tsv`` says why others have none.
    """
    old = set(scan_tables(out))
    with Progress("writing tables", "scans", total=len(study.paths)) as progress:
        for scan, part in zip(study.scans, study.paths, strict=True):
            tree = read_part(part)
            for atlas, node in tree.children.items():
                cube = node.to_dataset()
                if STATUS in cube:
                    done = cube[STATUS].isel(subject=0).to_numpy() == STATUS_FLAGS["ok"]
                    cube = cube.isel(scalar=np.flatnonzero(done)).drop_vars(STATUS)
                target = table_path(out, scan, atlas)
                target.parent.mkdir(parents=True, exist_ok=True)
                sources = sources_of(tree.attrs, cube)
                write_tsv(cube.assign_attrs(Sources=sources), target)
                old.discard(target)
            progress.add(1)
    for path in old:
        path.unlink(missing_ok=True)
        path.with_suffix(".json").unlink(missing_ok=True)


def scan_tables(out: Path) -> Iterator[Path]:
    """The tables of scans that are there."""
    return out.glob(TABLES)
