"""What a part was made of, so that a second run knows what has changed."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Final

from qsiparc.catalogue import resolve
from qsiparc.catalogue.own import own_attrs
from qsiparc.cohort.choices import changes
from qsiparc.cohort.parts import FORMAT
from qsiparc.errors import NiftiError
from qsiparc.names import legible
from qsiparc.regular import open_regular
from qsiparc.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from qsiparc.atlas import AtlasLUT
    from qsiparc.cohort.task import Task

_MISSING: Final = -1
"""Size and time of a file that cannot be looked at; reading it will say why."""


class Inspector:
    """Looks at the inputs of tasks.

    Parameters
    ----------
    root : str
        Folder that paths are relative to, so that a tree that moved is the same tree.
    check_content : bool
        Whether to read the files, too.
    """

    def __init__(self, root: str, *, check_content: bool = False) -> None:
        self._root = root
        self._check_content = check_content
        self._tables: dict[int, str] = {}

    def attrs(self, task: Task) -> dict[str, str]:
        """Attributes that say what the part of a task is made of.

        Parameters
        ----------
        task : Task
            Any scan.

        Returns
        -------
        dict of str to str
            ``fingerprint`` of options and inputs by size and time; ``content_fingerprint`` by
            what the files hold, empty unless asked for; ``inputs``, JSON, a list of ``path``
            (relative to the tree, with ``/``), ``size`` [bytes], ``mtime_ns`` and perhaps
            ``content``; ``options``, JSON; ``tables``, JSON, what the look-up table of each atlas
            is known by; ``asked``, names of atlases and scalars.
        """
        inputs = [entry for path in _files(task) if (entry := self._entry(path)) is not None]
        statistics = resolve(task.stats)
        names = [statistic.name for statistic in statistics]
        made_of = [
            *(FORMAT, __version__, names, own_attrs(statistics), task.validity.options()),
            *(task.participant, task.session),
            self._tables_of(task),
            [[*one[1:6], sorted(one.dsegs)] for one in task.maps],
            [record.reason for record in (*task.failures, *task.left_out)],
        ]
        states = [(entry["path"], entry["size"], entry["mtime_ns"]) for entry in inputs]
        contents = [(entry["path"], entry.get("content")) for entry in inputs]
        return {
            "fingerprint": _digest([made_of, states]),
            "content_fingerprint": _digest([made_of, contents]) if self._check_content else "",
            "inputs": legible(json.dumps(inputs, ensure_ascii=False)),
            **self.made_with([task]),
            "asked": legible(" ".join(sorted({*task.luts, *(one.scalar for one in task.maps)}))),
        }

    def made_with(self, tasks: Sequence[Task]) -> dict[str, str]:
        """Those of `attrs` that a user chooses for a whole study.

        Parameters
        ----------
        tasks : sequence of Task
            Of one build, at least one.

        Returns
        -------
        dict of str to str
            ``options``, and ``tables`` of all of the tasks.
        """
        statistics = resolve(tasks[0].stats)
        names = [statistic.name for statistic in statistics]
        options = {
            "stats": tasks[0].stats if isinstance(tasks[0].stats, str) else names,
            **tasks[0].validity.attrs(),
            **own_attrs(statistics),
            "qsiparc": __version__,
        }
        tables = {atlas: text for task in tasks for atlas, text in self._tables_of(task).items()}
        return {
            "options": json.dumps(options),
            "tables": legible(json.dumps(tables, ensure_ascii=False)),
        }

    def _tables_of(self, task: Task) -> dict[str, str]:
        return {atlas: self._table(lut) for atlas, lut in sorted(task.luts.items())}

    def _table(self, lut: AtlasLUT) -> str:
        """What a look-up table says; the tables of a study are few, and stay alive."""
        if id(lut) not in self._tables:
            self._tables[id(lut)] = _digest(lut.to_dataframe().to_csv())
        return self._tables[id(lut)]

    def _entry(self, path: str) -> dict[str, Any] | None:
        try:
            state = os.stat(path)  # noqa: PTH116 - many thousand files: a Path each would cost more
        except OSError:
            if path.endswith(".json"):
                return None  # not every map has a sidecar
            return {"path": self._relative(path), "size": _MISSING, "mtime_ns": _MISSING}
        entry: dict[str, Any] = {
            "path": self._relative(path),
            "size": state.st_size,
            "mtime_ns": state.st_mtime_ns,
        }
        if self._check_content:
            entry["content"] = _content(path)
        return entry

    def _relative(self, path: str) -> str:
        return PurePath(os.path.relpath(path, self._root)).as_posix()


def why_to_do(stored: dict[str, Any] | None, wanted: dict[str, Any]) -> str:
    """Why the part of a scan is to be made, in a few words.

    Parameters
    ----------
    stored : dict or None
        Attributes of the part that is there.
    wanted : dict
        Attributes of `Inspector.attrs`.

    Returns
    -------
    str
        Empty when the part is what would be made of the inputs as they are now: by content where
        that was looked at, else by size and time. Never for a part with failures, for what is
        missing is tried again.
    """
    if stored is None:
        return "new"
    if stored.get("failures") != "[]":
        return "failed before"
    key = "content_fingerprint" if wanted["content_fingerprint"] else "fingerprint"
    if stored.get(key) == wanted[key]:
        return ""
    if not stored.get(key):
        return "content not compared before"
    if changed := changes(stored, wanted):
        return f"other options: {'; '.join(changed)}"
    reasons = {"options": "other options or version", "asked": "other maps or atlases"}
    differing = (text for name, text in reasons.items() if stored.get(name) != wanted[name])
    return next(differing, "inputs changed")


def _files(task: Task) -> Iterable[str]:
    """Maps with their sidecars, and dsegs, in a fixed order."""
    for one in task.maps:
        yield one.path
        stem = one.path.removesuffix(".gz")
        yield stem[: stem.rfind(".")] + ".json"
    yield from sorted({dseg for one in task.maps for dseg in one.dsegs.values()})


def _content(path: str) -> str:
    with open_regular(Path(path), NiftiError) as stream:
        return hashlib.file_digest(stream, "blake2b").hexdigest()[:32]


def _digest(content: Any) -> str:  # noqa: ANN401 - any JSON
    text = json.dumps(content, ensure_ascii=False)
    return hashlib.blake2b(text.encode(errors="backslashreplace"), digest_size=16).hexdigest()
