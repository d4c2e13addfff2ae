"""The rows of a cube: which regions a LUT and a label image give together."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

import numpy as np
import pandas as pd

from qsiparc.arguments import is_one_of
from qsiparc.atlas import AtlasLUT, RegionInfo, infer_hemisphere, is_background, read_lut
from qsiparc.entities import parse_entities
from qsiparc.errors import LabelError, LabelWarning, LutError, LutWarning, OptionError, warn
from qsiparc.labels import counted, some
from qsiparc.names import REGION_COORDS, RESERVED, VOLUME

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qsiparc.parcellation import Parcellation
    from qsiparc.probseg import Probseg

    Lut: TypeAlias = AtlasLUT | str | os.PathLike[str] | pd.DataFrame

Unknown = Literal["raise", "warn", "keep"]

COUNTED: Final = 10
"""Labels that are counted from 1, from which on that says something: a few are soon chosen."""


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
    if isinstance(lut, str | os.PathLike):
        return read_lut(lut)
    if lut is not None:
        raise TypeError(
            f"lut takes an AtlasLUT, a path or a DataFrame, not {type(lut).__name__}. Of ids and "
            f"names: pd.DataFrame({{'index': ids, 'name': names}})."
        )
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
    LutWarning
        LUT and image are of two atlases, by the names of their files or by how labels are counted.
    """
    if not is_one_of(unknown, get_args(Unknown)):
        raise OptionError(f"unknown takes 'raise', 'warn' or 'keep', not {unknown!r}.")
    _compare_names(lut, parcellation.source)
    indices = lut.labels()
    _compare_numbers(lut, indices, parcellation)
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
        table_name = f"the LUT {lut.atlas_name!r}" if lut.atlas_name else "the LUT"
        table_name += f" ({lut.source})" if lut.source else ""
        message = (
            f"{name} holds {counted(strange)} that {table_name} does not name: {some(strange)}."
        )
        if unknown == "raise" or strange.size == len(parcellation):
            none = " None of its regions is in the image: is it another atlas's LUT?"
            none = none if len(lut) else " It has no regions. Give one that has: read_lut(path)."
            step = " Give the LUT of this image; unknown='warn' leaves them out."
            raise LabelError(message + (none if strange.size == len(parcellation) else step))
        warn(f"{message} They are left out; extract(…, unknown='keep') keeps them.", LabelWarning)
    elif not len(parcellation):
        warn(f"{name} holds no label at all, so every statistic is NaN.", LabelWarning)
    return _rows(lut, indices, table, parcellation.atlas_name)


def _compare_names(lut: AtlasLUT, source: str) -> None:
    """Warn if the files of a LUT and an image name two atlases: labels alone fit by chance."""
    of_lut, of_image = _stated_atlases(lut, source)
    short, long = sorted([of_lut.casefold(), of_image.casefold()], key=len)
    if not long.startswith(short):
        warn(
            f"By their names, {source} is of the atlas {of_image!r} and {lut.source} of "
            f"{of_lut!r}: regions may be called what they are not. Give the LUT of this image.",
            LutWarning,
        )


def _compare_numbers(lut: AtlasLUT, indices: NDArray[np.int64], parcellation: Parcellation) -> None:
    """Warn if labels are counted from 1 and end in the first half of a LUT: any LUT would fit.

    Of an image of the LUT's own atlas that is cut off, regions are missing here and there.
    """
    labels = parcellation.labels
    n = labels.size
    if n < COUNTED or labels[0] != 1 or labels[-1] != n or 2 * n >= indices.size:
        return
    if not all(_stated_atlases(lut, parcellation.source)):
        warn(
            f"{parcellation.source or 'The dseg'} holds the labels 1 to {n}, and the LUT "
            f"{lut.atlas_name!r} names {indices.size} regions, most of which are not there. Is it "
            f"another atlas's LUT? Then every name is that of another region: give the LUT of this "
            f"image.",
            LutWarning,
        )


def _stated_atlases(lut: AtlasLUT, source: str) -> tuple[str, str]:
    """The atlases of LUT and image by the names of their files; empty where these do not say."""
    stated = [parse_entities(name) for name in (lut.source, source)]
    of_lut, of_image = (of.get("seg") or of.get("atlas") or "" for of in stated)
    return of_lut, of_image


def _rows(
    lut: AtlasLUT, indices: NDArray[np.int64], table: dict[str, list[str]], atlas_name: str
) -> Regions:
    columns = {c if c in REGION_COORDS else _own_name(c): cells for c, cells in table.items()}
    return Regions(indices, columns, lut.atlas_name or atlas_name, lut.source)


def volume_rows(lut: Lut | None, atlas: Probseg) -> tuple[Regions, list[int]]:
    """All regions of a LUT, in its order, and the volume of a probabilistic atlas for each.

    Parameters
    ----------
    lut : AtlasLUT, path, DataFrame or None
        Names of the regions, a row a volume. Its ids number the volumes, from 0 or from 1; of a row
        too many, for the background 0, nothing is made. None: regions are numbered from 1, and
        named as the sidecar of the image names them.
    atlas : Probseg
        The atlas.

    Returns
    -------
    rows : Regions
        The rows.
    order : list of int
        The place of each row's volume in the image.

    Raises
    ------
    LutError
        The ids do not number the volumes.
    """
    numbers = atlas.numbers()
    if lut is None:
        names = atlas.labels() or [_nameless(number + 1).name for number in numbers]
        regions = [
            RegionInfo(number + 1, name, infer_hemisphere(name))
            for number, name in zip(numbers, names, strict=True)
        ]
        own = AtlasLUT(regions, atlas.atlas_name)
        ids = np.array([region.index for region in own], np.int64)
        return _rows(own, ids, own.text_columns(), ""), list(range(len(atlas)))
    table = _table_of_volumes(lut, atlas)
    _compare_names(table, atlas.source)
    regions = table.regions
    columns = table.text_columns()
    first = table.get(0)
    if len(regions) == len(numbers) + 1 and first and is_background(first.name):
        at = regions.index(first)
        regions.pop(at)
        columns = {heading: cells[:at] + cells[at + 1 :] for heading, cells in columns.items()}
    ids = np.array([region.index for region in regions], np.int64)
    places = _places(ids, numbers, table, atlas)
    return _rows(table, ids, columns, atlas.atlas_name), places


def _table_of_volumes(lut: Lut, atlas: Probseg) -> AtlasLUT:
    """The LUT with its row of 0, which is a region where volumes are counted from 0."""
    if isinstance(lut, AtlasLUT):
        return lut
    if isinstance(lut, pd.DataFrame):
        return AtlasLUT.from_dataframe(lut, atlas.atlas_name, background=None)
    return read_lut(lut, background=None)


def _places(ids: NDArray[np.int64], numbers: list[int], lut: AtlasLUT, atlas: Probseg) -> list[int]:
    """Where the volume of each id stands."""
    have = sorted(numbers)
    if have in (list(range(len(have))), list(range(1, len(have) + 1))):
        for base in (0, 1):
            if sorted(ids.tolist()) == list(range(base, len(have) + base)):
                return [numbers.index(one - base + have[0]) for one in ids.tolist()]
    elif atlas.dim != VOLUME and sorted(ids.tolist()) == have:  # volumes that say what they are
        return [numbers.index(one) for one in ids.tolist()]
    name = f"The LUT {lut.atlas_name!r}" if lut.atlas_name else "The LUT"
    shown = f"{ids.size} rows with ids {some(np.sort(ids))}"
    raise LutError(
        f"{name} has {shown}; {atlas.name} has {counted(np.array(have), 'volume')}, "
        f"numbered {some(np.array(have))}. A probabilistic atlas takes a row a volume, with ids "
        f"from 0 or from 1 on.{_way_out(ids, have)}"
    )


def _way_out(ids: NDArray[np.int64], have: list[int]) -> str:
    """What may be the matter with a LUT that does not fit."""
    if len(have) == 1:
        return " If the image holds labels, leave out threshold and weights='probability'."
    if sorted(ids.tolist()) == list(range(1, len(have))):
        return (
            " If it counts from 0, its first row was left out as the background: give its path, or "
            "read it with read_lut(path, background=None)."
        )
    if have != list(range(len(have))):
        return (
            " The image is a part of a file: give it without the numbers of its volumes, "
            ".drop_vars('volume'), and a LUT with ids from 1 on, in order."
        )
    return ""
