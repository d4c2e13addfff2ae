"""A label image with its labels merged into groups, and the look-up table that goes with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qsiparc.arguments import flag
from qsiparc.atlas import AtlasLUT, RegionInfo
from qsiparc.errors import OptionError
from qsiparc.groups import group_regions
from qsiparc.names import REGION_COORDS, RELABELLED, VOXEL_DIMS
from qsiparc.parcellation import Parcellation
from qsiparc.regions import as_lut, region_rows

if TYPE_CHECKING:
    import xarray as xr

    from qsiparc.groups import By, Groups
    from qsiparc.regions import Lut, Regions, Unknown


def relabel(
    dseg: xr.DataArray,
    by: By,
    lut: Lut | None = None,
    *,
    by_hemisphere: bool = False,
    unknown: Unknown = "warn",
) -> tuple[xr.DataArray, AtlasLUT]:
    """Merge the labels of an image; see ``DataArray.parc.relabel``."""
    by_hemisphere = flag(by_hemisphere, "by_hemisphere")
    parcellation = Parcellation.from_labels(dseg)
    rows = region_rows(as_lut(lut, parcellation), parcellation, unknown)
    groups = group_regions(rows.indices.tolist(), rows.columns, by, by_hemisphere=by_hemisphere)
    merged = _merged(rows, groups)
    labels = np.zeros(parcellation.grid.shape, np.int32, order="F")
    codes = np.array([merged.get(label, 0) for label in parcellation.labels.tolist()], np.int32)
    labels.reshape(-1, order="F")[parcellation.positions] = np.repeat(codes, parcellation.sizes)
    further = {dim: 0 for dim in dseg.dims if dim not in VOXEL_DIMS}
    image = dseg.isel(further, drop=True).transpose(*VOXEL_DIMS).copy(data=labels)
    return image.assign_attrs({RELABELLED: groups.by}), _lut_of(groups, rows)


def _merged(rows: Regions, groups: Groups) -> dict[int, int]:
    """New labels by old ones."""
    merged: dict[int, int] = {}
    for group, places in enumerate(groups.members, start=1):
        for label in rows.indices[places].tolist():
            if label in merged:
                raise OptionError(
                    f"The label {label} is in two groups, {groups.names[merged[label] - 1]!r} and "
                    f"{groups.names[group - 1]!r}: a voxel has one label. Relabel once for each."
                )
            merged[label] = group
    return merged


def _lut_of(groups: Groups, rows: Regions) -> AtlasLUT:
    regions = [
        RegionInfo(index, name, side)
        for index, (name, side) in enumerate(
            zip(groups.names, groups.columns["hemisphere"], strict=True), start=1
        )
    ]
    extra = {name: cells for name, cells in groups.columns.items() if name not in REGION_COORDS}
    return AtlasLUT(
        regions,
        rows.atlas_name,
        extra=pd.DataFrame(extra, index=range(len(regions))),
        source=rows.source,
    )
