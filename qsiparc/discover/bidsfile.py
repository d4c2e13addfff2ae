"""The two kinds of object that a search returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_WORKFLOW: Final = "qsirecon-"


def software_of(parts: tuple[str, ...] | list[str]) -> str:
    """The workflow that wrote a file.

    Parameters
    ----------
    parts : sequence of str
        The file's folders, outermost first.

    Returns
    -------
    str
        Suffix of the nearest ``qsirecon-*`` folder; empty when there is none.

    Examples
    --------
    >>> software_of(("derivatives", "qsirecon-wmNODDI", "sub-01", "dwi"))
    'wmNODDI'
    """
    workflows = (part for part in reversed(parts) if part.startswith(_WORKFLOW))
    return next(workflows, "").removeprefix(_WORKFLOW)


@dataclass(frozen=True)
class BIDSFile:
    """A file, and what its name says.

    Parameters
    ----------
    path : Path
        Where it is.
    entities : dict of str to str
        The BIDS entities of its name. A ``sub`` or ``ses`` that only its folders say is
        there too.

    Examples
    --------
    >>> from pathlib import Path
    >>> path = Path("qsirecon-NODDI/sub-01/dwi/sub-01_param-icvf_dwimap.nii.gz")
    >>> file = BIDSFile(path, {"sub": "01", "param": "icvf"})
    >>> file.subject, file.session, file.software
    ('01', '', 'NODDI')
    """

    path: Path
    entities: dict[str, str]

    @property
    def subject(self) -> str:
        """Label of the subject, without ``sub-``; empty when there is none."""
        return self.entities.get("sub", "")

    @property
    def session(self) -> str:
        """Label of the session, without ``ses-``; empty when there is none."""
        return self.entities.get("ses", "")

    @property
    def atlas(self) -> str:
        """Name of the atlas, of ``seg-`` or else of ``atlas-``; empty when there is none."""
        return self.entities.get("seg") or self.entities.get("atlas", "")

    @property
    def software(self) -> str:
        """Suffix of the nearest ``qsirecon-*`` folder; empty when there is none."""
        return software_of(self.path.parent.parts)


@dataclass(frozen=True)
class AtlasDsegFile:
    """A label image of an atlas in one person's space, and its look-up table.

    Parameters
    ----------
    path : Path
        The image.
    entities : dict of str to str
        The BIDS entities of its name.
    atlas_name : str
        Which atlas.
    lut_path : Path or None
        Where the names of its regions stand; None when there is no such file.

    Examples
    --------
    >>> from pathlib import Path
    >>> dseg = AtlasDsegFile(Path("sub-01_seg-A_dseg.nii.gz"), {"sub": "01"}, "A", None)
    >>> dseg.subject, dseg.atlas_name
    ('01', 'A')
    """

    path: Path
    entities: dict[str, str]
    atlas_name: str
    lut_path: Path | None

    @property
    def subject(self) -> str:
        """Label of the subject, without ``sub-``; empty when there is none."""
        return self.entities.get("sub", "")

    @property
    def session(self) -> str:
        """Label of the session, without ``ses-``; empty when there is none."""
        return self.entities.get("ses", "")
