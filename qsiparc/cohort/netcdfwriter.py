"""A study as one netCDF file, a group an atlas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from qsiparc.cohort.blocks import blocks, chunk_length
from qsiparc.cube import TEXT
from qsiparc.manifest import note_format
from qsiparc.names import CUBE_DIMS, VALUE
from qsiparc.seal import seal

FILE_DIMS: Final = CUBE_DIMS[2:]
"""Names of files are on ``scalar`` and ``subject``."""

if TYPE_CHECKING:
    from pathlib import Path

    from qsiparc.cohort.layout import Study


def write_netcdf(study: Study, path: Path) -> None:
    """Write a study to a new netCDF file, a block at a time.

    Parameters
    ----------
    study : Study
        The parts.
    path : Path
        Where nothing is yet.

    Notes
    -----
    Chunks are those of the zarr store, deflated at the lowest level.
    """
    import netCDF4

    for layout in study.atlases.values():
        skeleton = layout.skeleton().assign_coords(
            {name: (FILE_DIMS, np.full(layout.shape[2:], "", dtype=TEXT)) for name in layout.files}
        )
        skeleton.to_netcdf(path, mode="a", group=layout.atlas, engine="netcdf4")
        region, _, _, subject = layout.shape
        with netCDF4.Dataset(path, mode="a") as file:
            group = file.groups[layout.atlas]
            values = group.createVariable(
                VALUE,
                "f8",
                CUBE_DIMS,
                compression="zlib",
                complevel=1,
                fletcher32=True,
                chunksizes=(region, 1, 1, chunk_length(subject)),
                fill_value=np.nan,
            )
            for block in blocks(study, layout):
                values[block.where] = block.values
                for name, texts in block.files.items():
                    group.variables[name][block.where[2:]] = texts
    note_format(path)
    seal(path)
