r"""Atlases: their look-up tables, and the readers of every label-file format.

>>> import pathlib, tempfile
>>> path = pathlib.Path(tempfile.mkdtemp(), "atlas-Tiny_dseg.tsv")
>>> _ = path.write_text("index\tlabel\tnetwork\n1\tLH_Vis_1\tVis\n2\tRH_Vis_1\tVis\n")
>>> read_lut(path)
<AtlasLUT 'Tiny' of 2 regions: 1 L, 1 R>
  1  LH_Vis_1  L
  2  RH_Vis_1  R
  further columns: network
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from qsiparc.atlas.files import read_label_file
from qsiparc.atlas.hemisphere import infer_hemisphere
from qsiparc.atlas.table import AtlasLUT, RegionInfo
from qsiparc.entities import parse_entities
from qsiparc.errors import LutError, LutWarning, OptionError, collected_warnings, warn
from qsiparc.names import BACKGROUND_NAMES

if TYPE_CHECKING:
    import nibabel as nib

    from qsiparc.atlas.columns import LabelTable

__all__ = [
    "AtlasLUT",
    "RegionInfo",
    "infer_hemisphere",
    "is_background",
    "load_lut_from_dseg",
    "load_lut_from_json",
    "load_lut_from_tsv",
    "read_lut",
]


def read_lut(
    path: str | os.PathLike[str], *, atlas_name: str = "", background: int | None = 0
) -> AtlasLUT:
    """Read a label file of any format.

    What the file is, its content says, not its extension. Every format has an id and a name for
    each region; whatever else a row holds is kept as text.

    * Tables with a header, cells between tabs, commas, semicolons, bars or spaces. The id is under
      ``index``, ``id``, ``label_id``, ``value``, ``key`` …, the name under ``name``, ``label``,
      ``region``, ``structure`` … (:data:`qsiparc.atlas.columns.ID_COLUMNS`, ``NAME_COLUMNS``; the
      first in that order counts, so ``name`` beats ``label``). Where no heading is one of an id,
      a column such as ``label`` that holds whole numbers beside another name column is the id.
    * The same without a header: the id, the name, then the rest.
    * FreeSurfer (``id name R G B A``), MRtrix (``id abbreviation name R G B A``; the name is the
      long one, and of several for one structure the first, the others are its ``synonyms``),
      ITK-SNAP, FSLeyes, and Workbench (a line with the name, a line with the key and colours).
    * JSON: id → name, id → fields, or a list of regions with their fields.

    Text is UTF-8, UTF-16 or Latin-1, with any line ends; lines that start with ``#`` are comments.
    An id may be written ``7``, ``7.0`` or ``007``. A name is text, whatever it looks like: ``NA``
    and ``007`` stay what they are. A column headed ``hemisphere``, ``hemi`` or ``side`` is
    honoured where it says L, R or both; otherwise the name decides (:func:`infer_hemisphere`).

    Parameters
    ----------
    path : str or os.PathLike
        The label file.
    atlas_name : str
        What results call the atlas. By default the ``atlas-`` or ``seg-`` entity of the file's
        name, if it has one.
    background : int or None
        The id that is no region. Its row is left out. None keeps every row.

    Returns
    -------
    AtlasLUT
        The regions in the order of the file.

    Raises
    ------
    LutError
        The file is no look-up table (the message says what it looks like), has no region, an id
        is missing, no integer or comes twice, a name is empty, or a row has too few or too many
        cells. The message names the file and the line.
    OSError
        The file cannot be read.

    Warns
    -----
    LutWarning
        Something had to be guessed: of two columns of ids, of an encoding, of a list that may be
        off by one against its image, of a quote that may have swallowed rows.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "lut.json")
    >>> _ = path.write_text('{"0": "Background", "10": "left-thalamus", "16": "brain-stem"}')
    >>> read_lut(path, atlas_name="aseg").to_dataframe()
       region_index    region_name hemisphere
    0            10  left-thalamus          L
    1            16     brain-stem  bilateral
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(
            f"read_lut takes the path of a label file, not {type(path).__name__}. Of a table in "
            f"memory: AtlasLUT.from_dataframe(df)."
        )
    if isinstance(background, bool) or not isinstance(background, int | np.integer | None):
        raise OptionError(f"background takes an id, 0 say, or None, not {background!r}.")
    path = Path(path)
    read = read_label_file(path)
    name = atlas_name or _name_of(path)
    lut = AtlasLUT.from_labels(read, name, background=background, source=path.name)
    if not len(lut):
        raise LutError(f"{path} holds no region beside the background {background}.")
    if background == 0 and len(lut) < len(read.table):
        _doubt_background(read, path)
    elif background == 0 and lut.regions[0].name.casefold() == "background":
        warn(
            f"{path} has no row for 0 and calls {lut.regions[0].index} the background: a list that "
            f"is off by one against its image, perhaps. Every name would then be a neighbour's. "
            f"Compare it with another table of the atlas.",
            LutWarning,
        )
    return lut


def _doubt_background(read: LabelTable, path: Path) -> None:
    """Warn if the row of 0 has the name of one side's region: the list may count from 0."""
    try:
        with collected_warnings():  # given once already
            dropped = AtlasLUT.from_labels(read, "", background=None).get(0)
    except LutError:  # a background without a name is one
        return
    if dropped is not None and dropped.hemisphere != "bilateral":
        warn(
            f"{path} gives 0, the background, to {dropped.name!r}, which is left out. A list that "
            f"counts from 0 is off by one against its image: every name would then be a "
            f"neighbour's. Compare it with another table of the atlas.",
            LutWarning,
        )


def is_background(name: str) -> bool:
    """Whether a name is one that label files give to what is no region.

    Parameters
    ----------
    name : str
        From a label file.

    Returns
    -------
    bool
        ``"Background"``, ``"Unknown"``, ``"???"`` and the like.

    Examples
    --------
    >>> is_background("Clear Label"), is_background("LH_Vis_1")
    (True, False)
    """
    return name.strip("* ").casefold() in BACKGROUND_NAMES


def load_lut_from_tsv(path: str | os.PathLike[str], atlas_name: str = "") -> AtlasLUT:
    """Read a look-up table from a TSV file, or from any other that :func:`read_lut` reads.

    Parameters
    ----------
    path : str or os.PathLike
        The label file.
    atlas_name : str
        What results call the atlas; by default as the file's name says.

    Returns
    -------
    AtlasLUT
        Without the background 0.

    Raises
    ------
    LutError
        The file is no look-up table.
    """
    return read_lut(path, atlas_name=atlas_name)


def load_lut_from_json(path: str | os.PathLike[str], atlas_name: str = "") -> AtlasLUT:
    """Read a look-up table from a JSON file, or from any other that :func:`read_lut` reads.

    Parameters
    ----------
    path : str or os.PathLike
        The label file.
    atlas_name : str
        What results call the atlas; by default as the file's name says.

    Returns
    -------
    AtlasLUT
        Without the background 0.

    Raises
    ------
    LutError
        The file is no look-up table: a JSON of groups, say, or a BIDS sidecar.
    """
    return read_lut(path, atlas_name=atlas_name)


def load_lut_from_dseg(
    dseg_path: str | os.PathLike[str] | nib.Nifti1Image, atlas_name: str = ""
) -> AtlasLUT:
    """Make a look-up table from the labels of an image alone.

    The last resort: the regions are called ``region_0001`` and so on, and are all bilateral.

    Parameters
    ----------
    dseg_path : str, os.PathLike or nib.Nifti1Image
        The label image.
    atlas_name : str
        What results call the atlas; by default as the file's name says.

    Returns
    -------
    AtlasLUT
        A region for every label of the image but 0, in ascending order.

    Warns
    -----
    LutWarning
        Always: nobody knows which regions these are.
    """
    from qsiparc.parcellation import Parcellation

    labels = [int(label) for label in Parcellation.from_labels(dseg_path).labels]
    what = "the label image"
    if isinstance(dseg_path, str | os.PathLike):
        what = os.fspath(dseg_path)
        atlas_name = atlas_name or _name_of(Path(dseg_path))
    warn(
        f"No look-up table: the {len(labels)} regions of {what} are named after their labels, "
        f"without hemispheres. Give a label file to read_lut for their names.",
        LutWarning,
    )
    regions = [RegionInfo(label, f"region_{label:04d}", "bilateral") for label in labels]
    return AtlasLUT(regions, atlas_name)


def _name_of(path: Path) -> str:
    entities = parse_entities(path.name)
    return entities.get("atlas") or entities.get("seg") or ""
