"""BIDS file names: entities, suffix and extension, in and out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Final

_CLOSED: Final = ("", "sub", "ses")
"""Keys whose value a stray part never continues."""


@dataclass(frozen=True)
class BIDSName:
    """A BIDS file name taken apart.

    Parameters
    ----------
    entities : dict of str to str
        Keys and values in the order of the name; values may hold ``+``.
    suffix : str
        The last part before the extension, ``dwimap`` or ``dseg`` say.
    extension : str
        With its dot, ``.nii.gz`` say.

    Examples
    --------
    >>> str(BIDSName({"sub": "01", "param": "fa"}, "dwimap", ".nii.gz"))
    'sub-01_param-fa_dwimap.nii.gz'
    """

    entities: dict[str, str] = field(default_factory=dict)
    suffix: str = ""
    extension: str = ""

    def __str__(self) -> str:
        parts = [f"{key}-{value}" for key, value in self.entities.items()]
        return "_".join([*parts, self.suffix] if self.suffix else parts) + self.extension


def parse_name(filename: str | PurePath) -> BIDSName:
    """Take a file name apart.

    Parameters
    ----------
    filename : str or Path
        A name or a path, of which only the last part counts.

    Returns
    -------
    BIDSName
        ``str`` of it is the name again where the name is a BIDS name.

    Notes
    -----
    Old releases of QSIPrep wrote names that are not quite BIDS, and this is how they are read.
    A key that comes twice (``_desc-preproc_space-T1w_desc-aal116_``) has its last value, the
    one that the later step appended. A part that is no pair continues the value before it
    (``_bundle-Association_ArcuateFasciculusL_``), but never a subject or a session.
    The extension begins at the first dot of the last part.

    Examples
    --------
    >>> name = parse_name("sub-01_space-ACPC_model-dki_param-fa_dwimap.nii.gz")
    >>> name.entities["param"], name.suffix, name.extension
    ('fa', 'dwimap', '.nii.gz')
    """
    *parts, last = PurePath(filename).name.split("_")
    last, dot, extension = last.partition(".")
    entities: dict[str, str] = {}
    previous = ""
    for part in parts:
        key, value = _pair(part)
        if value:
            entities[key] = value
            previous = key
        elif previous not in _CLOSED:
            entities[previous] += f"_{part}"
    key, value = _pair(last)
    if value:
        entities[key] = value
        last = ""
    return BIDSName(entities, last, dot + extension)


def _pair(part: str) -> tuple[str, str]:
    key, _, value = part.partition("-")
    return (key, value) if key.isalpha() and key.isascii() else ("", "")


def parse_entities(filename: str | PurePath) -> dict[str, str]:
    """The BIDS entities of a file name.

    Parameters
    ----------
    filename : str or Path
        With or without an extension, with or without folders before it.

    Returns
    -------
    dict of str to str
        ``{"sub": "001", "ses": "01", ...}``, in the order of the name.

    Examples
    --------
    >>> parse_entities("sub-001_ses-01_space-T1w_seg-4S156Parcels_dseg.nii.gz")
    {'sub': '001', 'ses': '01', 'space': 'T1w', 'seg': '4S156Parcels'}
    """
    return parse_name(filename).entities


def describe(path: str | PurePath) -> dict[str, str]:
    """Whose a file is and what it shows, from its name and the ``qsirecon-*`` folder above it.

    Parameters
    ----------
    path : str or Path
        A scalar map, say.

    Returns
    -------
    dict of str to str
        ``participant_id`` and ``session_id`` with their prefix, ``software``, ``model``, ``param``
        and ``desc``; empty where the path does not say.

    Examples
    --------
    >>> describe("qsirecon-NODDI/sub-01/dwi/sub-01_model-noddi_param-icvf_dwimap.nii.gz")
    {'participant_id': 'sub-01', 'session_id': '', 'software': 'NODDI', 'model': 'noddi',
     'param': 'icvf', 'desc': ''}
    """
    entities = parse_entities(path)
    folders = [part for part in PurePath(path).parts[:-1] if part.startswith("qsirecon-")]
    return {
        "participant_id": f"sub-{entities['sub']}" if "sub" in entities else "",
        "session_id": f"ses-{entities['ses']}" if "ses" in entities else "",
        "software": folders[-1].removeprefix("qsirecon-") if folders else "",
        "model": entities.get("model", ""),
        "param": next((entities[key] for key in ("param", "mdp", "mfp") if key in entities), ""),
        "desc": entities.get("desc", ""),
    }
