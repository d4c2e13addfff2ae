"""The rows of a cube: which regions a LUT and a label image give together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np
import pandas as pd

from qsiparc.atlas import AtlasLUT, RegionInfo, read_lut
from qsiparc.errors import LabelError, LabelWarning, OptionError, warn
from qsiparc.labels import some
from qsiparc.names import REGION_COORDS, RESERVED

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

    from qsiparc.parcellation import Parcellation

    Lut: TypeAlias = AtlasLUT | str | os.PathLike[str] | pd.DataFrame

Unknown = Literal["raise", "warn", "keep"]


@dataclass(frozen=True)
class Regions:
    """The regions of a cube.

    Parameters
    ----------
    indices : numpy.ndarray
        (regions,) labels.
    columns : dict of str to list of str
        Text beside them: ``region_name``, ``hemisphere``, and the LUT's other columns; one whose
        name a cube uses itself, ``units`` say, is called ``lut_units``.
    atlas_name : str
        Of the LUT, else of the image.
    source : str
        Name of the label file, or empty.
    """

    indices: NDArray[np.int64]
    columns: dict[str, list[str]]
    atlas_name: str
    source: str


def as_lut(lut: Lut | None, parcellation: Parcellation) -> AtlasLUT:
    """A look-up table of whatever was given; None names regions by their labels.

    Parameters
    ----------
    lut : AtlasLUT, path, DataFrame or None
        What the caller has.
    parcellation : Parcellation
        Whose labels, and whose atlas name, are taken where the LUT has none.

    Returns
    -------
    AtlasLUT
        The table.
    """
    if isinstance(lut, AtlasLUT):
        return lut
    if isinstance(lut, pd.DataFrame):
        return AtlasLUT.from_dataframe(lut, parcellation.atlas_name)
    if lut is not None:
        return read_lut(lut)
    regions = [_nameless(label) for label in parcellation.labels.tolist()]
    return AtlasLUT(regions, parcellation.atlas_name)


def _own_name(column: str) -> str:
    """The name of a LUT's column, unless a cube uses it for something else."""
    return f"lut_{column}" if column in RESERVED else column


def _nameless(label: int) -> RegionInfo:
    return RegionInfo(label, f"region_{label:04d}", "bilateral")


def region_rows(lut: AtlasLUT, parcellation: Parcellation, unknown: Unknown) -> Regions:
    """All regions of the LUT, in its order, then the labels that it does not name, if kept.

    Parameters
    ----------
    lut : AtlasLUT
        Names of the regions.
    parcellation : Parcellation
        The labels that are present.
    unknown : {"raise", "warn", "keep"}
        What to do with a label that the LUT does not name.

    Returns
    -------
    Regions
        The rows.

    Raises
    ------
    LabelError
        The LUT does not name a label (``"raise"``), or none at all.

    Warns
    -----
    LabelWarning
        The LUT does not name a label (``"warn"``), or the image holds none.
    """
    if unknown not in get_args(Unknown):
        raise OptionError(f"unknown takes 'raise', 'warn' or 'keep', not {unknown!r}.")
    indices = np.array([region.index for region in lut], np.int64)
    table = lut.text_columns()
    strange = parcellation.labels[~np.isin(parcellation.labels, indices)]
    if 0 in indices:
        warn(
            f"The LUT {lut.atlas_name!r} names a region 0, which is the background of a label "
            f"image and never reduced: its row says that it is not there.",
            LabelWarning,
        )
    name = parcellation.source or "The dseg"
    if strange.size and unknown == "keep":
        further = AtlasLUT([_nameless(label) for label in strange.tolist()]).text_columns()
        table = {
            heading: cells + further.get(heading, [""] * strange.size)
            for heading, cells in table.items()
        }
        indices = np.concatenate([indices, strange])
    elif strange.size:
        message = (
            f"{name} holds {strange.size} labels that the LUT {lut.atlas_name!r} does not name: "
            f"{some(strange)}."
        )
        if unknown == "raise" or strange.size == len(parcellation):
            none = " None of its regions is in the image: is it another atlas's LUT?"
            raise LabelError(message + (none if strange.size == len(parcellation) else ""))
        warn(f"{message} They are left out; unknown='keep' keeps them.", LabelWarning)
    elif not len(parcellation):
        warn(f"{name} holds no label at all, so every statistic is NaN.", LabelWarning)
    columns = {c if c in REGION_COORDS else _own_name(c): cells for c, cells in table.items()}
    return Regions(indices, columns, lut.atlas_name or parcellation.atlas_name, lut.source)
