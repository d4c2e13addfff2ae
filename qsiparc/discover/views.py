"""The whole tree, or the part of it that one subject needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from qsiparc.discover.bidsfile import BIDSFile
from qsiparc.discover.dataset import QsiReconDataset
from qsiparc.discover.found import Context, Search
from qsiparc.discover.matching import bare, matching, selected
from qsiparc.discover.pairing import SECOND_FILE
from qsiparc.discover.walk import Walk
from qsiparc.entities import parse_entities
from qsiparc.errors import DiscoveryWarning, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qsiparc.discover.found import Found
    from qsiparc.discover.identity import Scalar

_T = TypeVar("_T")
_SUBJECT: Final = "sub-"


def root_of(folder: str | Path) -> str:
    """A folder as the walk wants it: text, with ``~`` resolved."""
    return str(Path(folder).expanduser())


def dataset_below(
    folder: str | Path,
    *,
    subject: str | None = None,
    template: bool = False,
    lut_paths: Mapping[str, str | Path] | None = None,
) -> QsiReconDataset:
    """Search a tree, passing over the folders of other subjects.

    Parameters
    ----------
    folder : str or Path
        Where to begin.
    subject : str, optional
        Label of the only subject that is wanted.
    template : bool
        Whether to pair in template space.
    lut_paths : mapping of str to str or Path, optional
        Look-up tables to use, by atlas.

    Returns
    -------
    QsiReconDataset
        Files of other subjects may be part of it where they lie in no folder of theirs.

    Raises
    ------
    SelectionError
        A look-up table is given for an atlas that is not there.
    """
    root = root_of(folder)
    search = Search.below(root, skip=other_subjects(subject))
    tables = {bare("atlas", name): str(path) for name, path in (lut_paths or {}).items()}
    dataset = QsiReconDataset(Path(root), search, template=template, lut_paths=tables)
    selected("atlas", tables, dataset.atlases)
    _warn_of_gaps(dataset)
    return dataset


def other_subjects(subject: str | None) -> Callable[[str], bool] | None:
    """What tells the folders of other subjects by their names."""
    if not _is_said("subject", subject):
        return None
    wanted = bare("subject", subject).casefold()

    def is_other(name: str) -> bool:
        label = name.partition("_")[0].casefold()
        return label.startswith(_SUBJECT) and label.removeprefix(_SUBJECT) != wanted

    return is_other


def all_subjects(name: str) -> bool:
    """Whether a folder is that of a subject."""
    return name.startswith(_SUBJECT)


def files_below(
    folder: str | Path, subject: str, session: str | None, endings: tuple[str, ...]
) -> list[BIDSFile]:
    """Files of a subject by the ends of their names, sorted by path."""
    root = root_of(folder)
    walk = Walk(root, endings)
    skip = other_subjects(subject)
    if skip is not None:
        walk.skip = skip
    files: list[BIDSFile] = []
    for below, names in walk:
        context = Context.of(below, root)
        for name in names:
            entities = context.complete(parse_entities(name))
            files.append(BIDSFile(Path(below, name), entities))
    files.sort(key=lambda file: str(file.path))
    return of_session(session, of_name("subject", subject, files, lambda file: file.subject))


def of_name(
    what: str, name: str | None, files: list[_T], label_of: Callable[[_T], str]
) -> list[_T]:
    """The files whose label is the one that was typed; all of them when none was."""
    if not _is_said(what, name):
        return files
    wanted = matching(what, name, map(label_of, files))
    return [file for file in files if label_of(file) in wanted]


def _is_said(what: str, name: object) -> bool:
    """Whether a label was named; whatever is no text would be the label of nothing."""
    if name is not None and not isinstance(name, str):
        raise TypeError(
            f"The {what} is one label, text, not {name!r}. Of several: call this once for each, or "
            f"qsiparc.find(folder).sel({what}=[…])."
        )
    return bool(name)


def of_session(session: str | None, files: list[BIDSFile]) -> list[BIDSFile]:
    """The files of a session; an empty label means no session, where there is that."""
    if session is None:
        return files
    without = [file for file in files if not file.session]
    if not session:
        return without or files
    return of_name("session", session, files, lambda file: file.session)


def ids_by_path(dataset: QsiReconDataset) -> dict[str, tuple[Scalar, str]]:
    """Identity and id of every map."""
    return {
        one.path: (one.scalar, dataset.ids[one.scalar]) for one in dataset.map_rows if one.scalar
    }


def _in_two_spaces(dataset: QsiReconDataset) -> list[Found]:
    """Paired maps of a scan of which there is another that differs in its space only."""
    first: dict[object, str] = {}
    return [
        one
        for one in dataset.map_rows
        if one.used and first.setdefault((one.acquisition, one.scalar), one.space) != one.space
    ]


def _warn_of_gaps(dataset: QsiReconDataset) -> None:
    if dataset.unreadable:
        folder, reason = dataset.unreadable[0]
        warn(
            f"{len(dataset.unreadable)} folders could not be read and are left out, {folder!r} "
            f"({reason}) first. See .unreadable.",
            DiscoveryWarning,
        )
    doubles = _in_two_spaces(dataset)
    if doubles:
        warn(
            f"{len(doubles)} maps are there in two spaces, {doubles[0].path} for one. "
            'Choose one of them: .sel(space="...").',
            DiscoveryWarning,
        )
    twice = [one for one in dataset.search.found if one.reason.startswith(SECOND_FILE)]
    if twice:
        warn(
            f"{len(twice)} files are left out because there is another of the same name, the "
            f"first {twice[0].path} ({twice[0].reason}). If these are two trees, search one at a "
            "time.",
            DiscoveryWarning,
        )
