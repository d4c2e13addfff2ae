"""Find the maps, label images and look-up tables of a QSIRecon tree.

Every file is known by what its name says, wherever it lies: see `find`. The other functions are
views of the same search for one subject or one atlas.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from qsiparc.discover import views
from qsiparc.discover.bidsfile import AtlasDsegFile, BIDSFile
from qsiparc.discover.dataset import QsiReconDataset
from qsiparc.discover.found import Search
from qsiparc.discover.matching import bare, is_called
from qsiparc.discover.shelf import Shelf, load
from qsiparc.entities import parse_entities

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qsiparc.atlas import AtlasLUT

__all__ = [
    "AtlasDsegFile",
    "BIDSFile",
    "QsiReconDataset",
    "discover_dseg_files",
    "discover_scalar_maps",
    "discover_sift_weights",
    "discover_tractography",
    "find",
    "find_atlas_lut",
    "load_lut_for_dseg",
    "parse_entities",
]

_TRACTS: Final = tuple(
    f"_{suffix}.{extension}"
    for suffix in ("streamlines", "tractography")
    for extension in ("tck.gz", "tck", "trk.gz", "trk", "trx")
)
_WEIGHTS: Final = ("_streamlineweights.csv", "_streamlineweights.txt")


def find(
    qsirecon_dir: str | Path,
    *,
    template: bool = False,
    luts: Mapping[str, str | Path] | None = None,
) -> QsiReconDataset:
    """Find everything in a QSIRecon tree, of whatever version.

    Parameters
    ----------
    qsirecon_dir : str or Path
        What QSIRecon wrote, or any folder above it.
    template : bool
        Pair maps and atlases in the space of a template instead of in that of each person.
    luts : mapping of str to str or Path, optional
        Look-up tables to use, by atlas, whatever the tree holds.

    Returns
    -------
    QsiReconDataset
        What was found, what goes with what, and what was left out and why. It prints itself.

    Raises
    ------
    DiscoveryError
        There is no such folder, or it cannot be read.
    SelectionError
        `luts` names an atlas that is not there.

    Warns
    -----
    DiscoveryWarning
        Folders that could not be read, and files or maps of which there is a second one.

    Notes
    -----
    *Maps* end in ``_dwimap.nii[.gz]`` and name a parameter: ``param-``, or the older ``mdp-`` and
    ``mfp-``. (``_gqiscalar`` and ``_NODDI`` of the oldest releases name it in ``desc-``.)
    *Dsegs* end in ``_dseg.nii[.gz]`` and name their atlas: ``seg-`` or ``atlas-``; the oldest are
    ``desc-<name>_atlas.nii[.gz]``. *Look-up tables* end in ``_dseg.tsv`` or ``_dseg.txt``.
    Nothing is opened, and symbolic links to folders are followed once.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> root = pathlib.Path(tempfile.mkdtemp())
    >>> (root / "sub-01_space-T1w_model-dki_mdp-FA_dwimap.nii.gz").touch()
    >>> find(root).to_dataframe()[["kind", "scalar", "used", "reason"]]
      kind scalar   used             reason
    0  map     FA  False  no dseg of sub-01
    """
    return views.dataset_below(qsirecon_dir, template=template, lut_paths=luts)


def discover_dseg_files(
    qsirecon_dir: str | Path,
    participant_label: str | None = None,
    session_label: str | None = None,
    atlas: str | None = None,
) -> list[AtlasDsegFile]:
    """The label images of atlases in the space of each person.

    Parameters
    ----------
    qsirecon_dir : str or Path
        What QSIRecon wrote, or any folder above it.
    participant_label, session_label : str, optional
        Labels, with or without ``sub-`` and ``ses-``. Never patterns.
    atlas : str, optional
        Name of an atlas; upper and lower case do not matter.

    Returns
    -------
    list of AtlasDsegFile
        Sorted by path; empty when nothing has such a name.

    Raises
    ------
    DiscoveryError
        There is no such folder.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> root = pathlib.Path(tempfile.mkdtemp())
    >>> (root / "sub-001_space-T1w_seg-AAL116_dseg.nii.gz").touch()
    >>> discover_dseg_files(root, "sub-001")[0].atlas_name
    'AAL116'
    """
    dsegs = views.dataset_below(qsirecon_dir, subject=participant_label).dsegs
    dsegs = views.of_name("subject", participant_label, dsegs, lambda dseg: dseg.subject)
    dsegs = views.of_name("session", session_label, dsegs, lambda dseg: dseg.session)
    return views.of_name("atlas", atlas, dsegs, lambda dseg: dseg.atlas_name)


def discover_scalar_maps(
    qsirecon_dir: str | Path,
    subject: str,
    session: str | None,
    scalars: Iterable[str] | None = None,
) -> list[BIDSFile]:
    """The maps of a subject, in the subject's space.

    Parameters
    ----------
    qsirecon_dir : str or Path
        What QSIRecon wrote, or any folder above it.
    subject : str
        Label, with or without ``sub-``.
    session : str or None
        Label, with or without ``ses-``. None: any session. Empty: maps that name no session, or,
        when all of them name one, any.
    scalars : iterable of str, optional
        Parameters or ids (`find` shows them), whole; upper and lower case do not matter.

    Returns
    -------
    list of BIDSFile
        Sorted by path; empty when nothing has such a name.

    Raises
    ------
    DiscoveryError
        There is no such folder.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> root = pathlib.Path(tempfile.mkdtemp())
    >>> for param in ("FA", "KFA"):
    ...     (root / f"sub-001_space-ACPC_param-{param}_dwimap.nii.gz").touch()
    >>> [file.entities["param"] for file in discover_scalar_maps(root, "001", "", ["fa"])]
    ['FA']
    """
    dataset = views.dataset_below(qsirecon_dir, subject=subject)
    maps = views.of_name("subject", subject, dataset.maps, lambda file: file.subject)
    maps = views.of_session(session, maps)
    if scalars is None:
        return maps
    wanted = [scalars] if isinstance(scalars, str) else list(scalars)
    known = views.ids_by_path(dataset)
    return [
        file for file in maps if any(is_called(name, *known[str(file.path)]) for name in wanted)
    ]


def load_lut_for_dseg(dseg: AtlasDsegFile) -> AtlasLUT:
    """Read the look-up table of a label image.

    Parameters
    ----------
    dseg : AtlasDsegFile
        As `discover_dseg_files` returns it.

    Returns
    -------
    AtlasLUT
        Of ``dseg.lut_path``. A text list is held against the labels that the image has; where
        it cannot be theirs, or there is no table, the regions are named by number.

    Raises
    ------
    LutError
        The table cannot be read.

    Warns
    -----
    LutWarning
        The regions had to be named by number, or the table is doubtful.
    """
    return load(str(dseg.path), str(dseg.lut_path or ""), atlas_name=dseg.atlas_name)


def find_atlas_lut(qsirecon_dir: str | Path, atlas_name: str) -> Path | None:
    """The look-up table of an atlas for a whole study.

    Parameters
    ----------
    qsirecon_dir : str or Path
        What QSIRecon wrote, or any folder above it. Folders of subjects are not searched.
    atlas_name : str
        Name of the atlas, with or without ``atlas-``.

    Returns
    -------
    Path or None
        A ``_dseg.tsv`` of the atlas: below ``atlases/atlas-<name>/``, or else anywhere, as in
        ``sourcedata/atlases/tpl-<template>/``. None when there is none, nor such a folder.
    """
    root = views.root_of(qsirecon_dir)
    if not Path(root).is_dir():
        return None
    search = Search.below(root, skip=views.all_subjects)
    shelf = Shelf(one for one in search.found if one.kind == "lut" and one.atlas)
    path = shelf.for_atlas(bare("atlas", atlas_name), near=root)
    return Path(path) if path else None


def discover_tractography(
    qsirecon_dir: str | Path, subject: str, session: str | None
) -> list[BIDSFile]:
    """The tractograms of a subject.

    Parameters
    ----------
    qsirecon_dir : str or Path
        What QSIRecon wrote, or any folder above it.
    subject : str
        Label, with or without ``sub-``.
    session : str or None
        As for `discover_scalar_maps`.

    Returns
    -------
    list of BIDSFile
        ``_streamlines`` and ``_tractography`` as ``.tck``, ``.trk`` or ``.trx``, sorted by path.

    Raises
    ------
    DiscoveryError
        There is no such folder.
    """
    return views.files_below(qsirecon_dir, subject, session, _TRACTS)


def discover_sift_weights(
    qsirecon_dir: str | Path, subject: str, session: str | None
) -> list[BIDSFile]:
    """The weights that SIFT2 gave to the streamlines of a subject.

    Parameters
    ----------
    qsirecon_dir : str or Path
        What QSIRecon wrote, or any folder above it.
    subject : str
        Label, with or without ``sub-``.
    session : str or None
        As for `discover_scalar_maps`.

    Returns
    -------
    list of BIDSFile
        ``_streamlineweights.csv``, sorted by path.

    Raises
    ------
    DiscoveryError
        There is no such folder.
    """
    return views.files_below(qsirecon_dir, subject, session, _WEIGHTS)
