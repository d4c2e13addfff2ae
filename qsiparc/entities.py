"""BIDS file names: entities, suffix and extension, in and out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Final

EXTENSIONS: Final = (
    ".nii.gz",
    ".tck.gz",
    ".mif.gz",
    ".fib.gz",
    ".pickle.gz",
    ".tsv.gz",
)
"""Extensions of two parts; any other is what follows the last dot."""

_ENTITY: Final = re.compile(r"(?P<key>[A-Za-z]+)-(?P<value>[^_/\\]+)")


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
        ``str`` of it is the name again where the name is a BIDS name. A part that is no
        ``key-value`` pair and not the last one is dropped.

    Examples
    --------
    >>> name = parse_name("sub-01_space-ACPC_model-dki_param-fa_dwimap.nii.gz")
    >>> name.entities["param"], name.suffix, name.extension
    ('fa', 'dwimap', '.nii.gz')
    """
    stem = PurePath(filename).name
    extension = next((e for e in EXTENSIONS if stem.lower().endswith(e)), PurePath(stem).suffix)
    stem = stem[: len(stem) - len(extension)]
    entities: dict[str, str] = {}
    suffix = ""
    *parts, last = stem.split("_")
    for part in [*parts, last]:
        match = _ENTITY.fullmatch(part)
        if match:
            entities.setdefault(match["key"], match["value"])
        elif part is last:
            suffix = part
    return BIDSName(entities, suffix, extension)


def parse_entities(filename: str | PurePath) -> dict[str, str]:
    """The BIDS entities of a file name.

    Parameters
    ----------
    filename : str or Path
        With or without an extension.

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
