"""A study as a zarr store, a group an atlas."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from qsiparc.archive import CONSOLIDATED
from qsiparc.cohort.blocks import blocks, chunk_length
from qsiparc.cube import TEXT
from qsiparc.manifest import checksums, write_manifests
from qsiparc.names import CUBE_DIMS, VALUE

if TYPE_CHECKING:
    from pathlib import Path

    import zarr

    from qsiparc.cohort.layout import Layout, Study

ZarrFormat = Literal[2, 3]


def write_zarr(study: Study, path: Path, *, zarr_format: ZarrFormat = 3) -> None:
    """Write a study to a new zarr store.

    Parameters
    ----------
    study : Study
        The parts.
    path : Path
        Where nothing is yet.
    zarr_format : {3, 2}
        2 for readers that are older than 2025.

    Notes
    -----
    A chunk holds all regions, one statistic, one scalar and up to 512 subjects: one region of all
    subjects and all regions of one subject are both few chunks. There are no shards, which not
    every reader opens. A coordinate is one chunk.
    """
    import zarr

    for layout in study.atlases.values():
        _write_skeleton(layout, path, zarr_format)
        group = zarr.open_group(path, path=layout.atlas, mode="r+", zarr_format=zarr_format)
        values = _create(group, layout, zarr_format)
        for block in blocks(study, layout):
            values[block.where] = block.values
            for name, texts in block.files.items():
                array: Any = group[name]
                array[block.where[2:]] = texts.astype(array.dtype)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=CONSOLIDATED)
        zarr.consolidate_metadata(path, zarr_format=zarr_format)
    write_manifests(path)


def _write_skeleton(layout: Layout, path: Path, zarr_format: ZarrFormat) -> None:
    """Write all but the numbers and the names of files, which are left empty."""
    _, _, scalar, subject = layout.shape
    skeleton = layout.skeleton()
    chunks: dict[Any, Any] = {name: {"chunks": v.shape} for name, v in skeleton.variables.items()}
    for name, longest in layout.files.items():
        # xarray gives text a fixed width in format 2
        empty = np.array("", TEXT if zarr_format == 3 else f"<U{longest}")  # noqa: PLR2004 - a format
        nothing = np.broadcast_to(empty, (scalar, subject))
        skeleton = skeleton.assign_coords({name: (CUBE_DIMS[2:], nothing)})
        chunks[name] = {"chunks": (scalar, chunk_length(subject))}
    if zarr_format == 3:  # noqa: PLR2004 - a format
        compressors = checksums()
        chunks = {name: {**own, "compressors": compressors} for name, own in chunks.items()}
    skeleton.to_zarr(
        path,
        group=layout.atlas,
        mode="a",
        encoding=chunks,
        zarr_format=zarr_format,
        consolidated=False,
    )


def _create(group: zarr.Group, layout: Layout, zarr_format: ZarrFormat) -> zarr.Array[Any]:
    region, _, _, subject = layout.shape
    dims = list(CUBE_DIMS)
    return group.create_array(
        VALUE,
        shape=layout.shape,
        chunks=(region, 1, 1, chunk_length(subject)),
        dtype="float64",
        fill_value=np.nan,
        compressors=checksums() if zarr_format == 3 else "auto",  # noqa: PLR2004 - a format's number
        dimension_names=dims if zarr_format == 3 else None,  # noqa: PLR2004 - a format's number
        attributes={"_ARRAY_DIMENSIONS": dims} if zarr_format == 2 else {},  # noqa: PLR2004 - the same
    )
