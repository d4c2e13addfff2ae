"""What a file is, by its name: a map, a label image, a look-up table, or none of them."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeVar, cast

from qsiparc.discover.bidsfile import software_of
from qsiparc.discover.identity import ACQUISITION, acquisition_of, is_template, scalar_of
from qsiparc.discover.walk import Walk
from qsiparc.entities import BIDSName, parse_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from qsiparc.discover.identity import Scalar

Kind = Literal["map", "dseg", "lut"]
_T = TypeVar("_T")

IMAGES: Final = (".nii.gz", ".nii")
_SCALAR_SUFFIXES: Final = {"dwimap": "", "gqiscalar": "gqi", "NODDI": "noddi"}
"""Suffixes of maps; the older ones stand for the model, too."""

_DSEG_SUFFIXES: Final = ("dseg", "atlas")
_TEXT_SUFFIXES: Final = ("dseg", "origLUT", "mrtrixLUT")
_OTHER_FORMATS: Final = (".mif.gz", ".mif", ".fib.gz")

ENDINGS: Final = tuple(
    f"_{suffix}{extension}"
    for suffixes, extensions in (
        (_SCALAR_SUFFIXES, (*IMAGES, *_OTHER_FORMATS)),
        (_DSEG_SUFFIXES, (*IMAGES, *_OTHER_FORMATS, ".tsv")),
        (_TEXT_SUFFIXES, (".txt",)),
    )
    for suffix in suffixes
    for extension in extensions
)
"""Ends of the names that are looked at twice."""


@dataclass(slots=True)
class Found:
    """One file that was recognised.

    Parameters
    ----------
    kind : {"map", "dseg", "lut"}
        What it is.
    folder, name : str
        Where it is.
    acquisition : tuple of (str, str)
        Which scan it is of.
    space : str
        Value of ``space-`` or ``tpl-``; may be empty.
    template : bool
        Whether that is the space of a template.
    atlas : str
        Name of the atlas of a dseg or a LUT.
    scalar : Scalar or None
        Identity of a map.
    variant : tuple of (str, str)
        What else the name of a dseg or a LUT says.
    lut : str
        Path of a dseg's look-up table.
    obstacle : str
        Why it could not be used whatever else there were.
    candidate : bool
        Whether it could be part of a pair, in the space that is worked in.
    used : bool
        Whether it is part of a pair.
    reason : str
        Why it is not.
    """

    kind: Kind
    folder: str
    name: str
    acquisition: tuple[tuple[str, str], ...]
    space: str = ""
    template: bool = False
    atlas: str = ""
    scalar: Scalar | None = None
    variant: tuple[tuple[str, str], ...] = ()
    lut: str = ""
    obstacle: str = ""
    candidate: bool = False
    used: bool = False
    reason: str = ""

    @property
    def path(self) -> str:
        """Folder and name."""
        return f"{self.folder}{os.sep}{self.name}"

    def of(self, key: str) -> str:
        """Value of one entity of the acquisition; empty when there is none."""
        return next((value for name, value in self.acquisition if name == key), "")

    @property
    def scan(self) -> tuple[str, str]:
        """Subject and session."""
        return self.of("sub"), self.of("ses")


class Context(NamedTuple):
    """What the folders above a file say."""

    software: str
    subject: str
    session: str
    atlas: str

    @classmethod
    def of(cls, folder: str, root: str) -> Context:
        """Read the names of the folders; what lies above the tree only says the software."""
        parts = PurePath(folder).parts[len(PurePath(root).parts) :]
        subject, below = _label(parts, "sub-")
        session, _ = _label(below, "ses-")
        atlas, _ = _label(parts, "atlas-")
        above = PurePath(os.path.abspath(root)).parts  # noqa: PTH100 - links must not be resolved
        return cls(software_of((*above, *parts)), subject, session, atlas)

    def complete(self, entities: dict[str, str]) -> dict[str, str]:
        """Add the subject and the session that only a folder says."""
        if self.subject:
            entities.setdefault("sub", self.subject)
            if self.session and entities["sub"] == self.subject:
                entities.setdefault("ses", self.session)
        return entities


def _label(parts: tuple[str, ...], prefix: str) -> tuple[str, tuple[str, ...]]:
    """The label of the nearest folder with that prefix, and the folders below it."""
    for at in range(len(parts) - 1, -1, -1):
        if parts[at].startswith(prefix):
            return parts[at].removeprefix(prefix).partition("_")[0], parts[at + 1 :]
    return "", ()


@dataclass
class Search:
    """What one walk through a tree brought.

    Attributes
    ----------
    found : list of Found
        Sorted by path.
    ignored : Counter of str
        What was passed over that looks like a map or a dseg, counted by reason.
    unreadable : list of (str, str)
        Folders that could not be read, and why.
    """

    found: list[Found] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    _shared: dict[object, object] = field(default_factory=dict)

    @classmethod
    def below(cls, root: str, *, skip: Callable[[str], bool] | None = None) -> Search:
        """Search a tree.

        Parameters
        ----------
        root : str
            Its uppermost folder.
        skip : callable, optional
            Told the name of a folder, says whether to pass it over.
        """
        search = cls()
        walk = Walk(root, ENDINGS) if skip is None else Walk(root, ENDINGS, skip)
        for folder, names in walk:
            context = Context.of(folder, root)
            for name in names:
                search.add(folder, name, context)
        search.found.sort(key=lambda found: found.path)
        search.unreadable = walk.unreadable
        search.ignored.update({"link to a folder above the tree": len(walk.loops)})
        return search

    def add(self, folder: str, name: str, context: Context) -> None:
        """Recognise one file, by its name alone."""
        parsed = parse_name(name)
        if parsed.extension in _OTHER_FORMATS:
            self.ignored[f"{parsed.suffix} stored as {parsed.extension}, which is no NIfTI"] += 1
            return
        if parsed.suffix in _SCALAR_SUFFIXES:
            self._add_map(folder, name, parsed, context)
        else:
            self._add_labels(folder, name, parsed, context)

    def _add_map(self, folder: str, filename: str, name: BIDSName, context: Context) -> None:
        entities = context.complete(name.entities)
        scalar = scalar_of(entities, software=context.software)
        if scalar is None:
            what = "is an FOD" if "label" in entities else "names no param-, mdp- or mfp-"
            self.ignored[f"{name.suffix} that {what}"] += 1
            return
        if not scalar.model and (model := _SCALAR_SUFFIXES[name.suffix]):
            scalar = scalar._replace(model=model)
        found = Found("map", folder, filename, self._share(acquisition_of(entities)))
        found.space, found.template = self._space(entities)
        found.scalar = self._share(scalar)
        found.obstacle = "" if "sub" in entities else "names no subject"
        self.found.append(found)

    def _add_labels(self, folder: str, filename: str, name: BIDSName, context: Context) -> None:
        kind: Kind = "dseg" if name.extension in IMAGES else "lut"
        entities = context.complete(name.entities)
        atlas, named_by = _atlas(name, context)
        known = {*ACQUISITION, "space", "tpl", "cohort", named_by}
        found = Found(kind, folder, filename, self._share(acquisition_of(entities)))
        found.space, found.template = self._space(entities)
        found.atlas = self._share(atlas)
        found.variant = self._share(tuple(kv for kv in entities.items() if kv[0] not in known))
        found.obstacle = _obstacle(kind, name, found)
        self.found.append(found)

    def _space(self, entities: dict[str, str]) -> tuple[str, bool]:
        space = entities.get("space") or entities.get("tpl", "")
        return self._share(space), "tpl" in entities or is_template(space)

    def _share(self, value: _T) -> _T:
        """One object for all that are equal: a study has few spaces, scans and scalars."""
        return cast("_T", self._shared.setdefault(value, value))


def _atlas(name: BIDSName, context: Context) -> tuple[str, str]:
    """The atlas, and the entity that names it."""
    entities = name.entities
    for key in ("seg", "atlas"):
        if entities.get(key):
            return entities[key], key
    if name.suffix in {"atlas", "origLUT", "mrtrixLUT"} and entities.get("desc"):
        return entities["desc"], "desc"
    return context.atlas, ""


def _obstacle(kind: Kind, name: BIDSName, found: Found) -> str:
    """Why a file cannot be used whatever else there is."""
    if not found.atlas:
        return "names no atlas (no seg-, no atlas-)"
    if name.suffix == "mrtrixLUT" or dict(found.variant).get("desc") == "mrtrix":
        return "names the labels of the .mif.gz, which are not those of the NIfTI"
    if kind == "dseg" and not found.of("sub") and not found.template:
        return "names no subject and no template"
    return ""
