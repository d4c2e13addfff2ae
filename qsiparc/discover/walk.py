"""One walk through a tree of folders: no `stat` a file, no folder twice."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final

from qsiparc.errors import DiscoveryError
from qsiparc.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FILES: Final = (".gz", ".nii", ".json", ".tsv", ".txt", ".csv", ".html", ".svg", ".png", ".mif")
"""Endings of files: a symbolic link with one of these is not asked whether it is a folder."""

_IMAGES: Final = (".nii", ".nii.gz")


def _skip_nothing(_name: str) -> bool:
    return False


@dataclass
class Walk:
    """The files below a folder whose names end in one of a few ways.

    Hidden files and folders are passed over. Symbolic links to folders are followed after
    everything else, each folder once, and under the name of the link only when the folder is
    not part of the tree under a name of its own.

    Parameters
    ----------
    root : str
        Where to begin.
    endings : tuple of str
        Ends of the names that are wanted.
    skip : callable, optional
        Told the name of a folder, says whether to pass it over.

    Attributes
    ----------
    unreadable : list of (str, str)
        Folders that could not be read, or not to their end, and why.
    loops : list of str
        Links to a folder above the root, which were not followed.
    seen : int
        How many entries were looked at.
    """

    root: str
    endings: tuple[str, ...]
    skip: Callable[[str], bool] = _skip_nothing
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    loops: list[str] = field(default_factory=list)
    seen: int = 0
    _links: list[str] = field(default_factory=list)
    _walked: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[tuple[str, list[str]]]:
        """Folders that hold something wanted, and the names in them."""
        if not Path(self.root).is_dir():
            raise DiscoveryError(
                f"There is no folder {self.root!r} to search. Name the folder that QSIRecon wrote "
                "to, or the one above its qsirecon-* folders."
            )
        with Progress("searching", "files") as progress:
            yield from self._below(self.root, os.path.realpath(self.root), progress)
            while self._links:
                links, self._links = sorted(self._links), []
                for link in links:
                    target = os.path.realpath(link)
                    if not self._was_walked(target, link):
                        yield from self._below(link, target, progress)

    def _below(self, top: str, real: str, progress: Progress) -> Iterator[tuple[str, list[str]]]:
        stops = set(self._walked)
        self._walked.append(real)
        stack = [top]
        while stack:
            folder = stack.pop()
            if stops and real + folder[len(top) :] in stops:
                continue
            before = self.seen
            names = self._names(folder, stack)
            progress.add(self.seen - before)
            if names:
                yield folder, names

    def _names(self, folder: str, stack: list[str]) -> list[str]:
        names: list[str] = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    self.seen += 1
                    name = entry.name
                    if name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        if name.endswith(_IMAGES):
                            self.unreadable.append((entry.path, "a folder, by its name a file"))
                        if not self.skip(name):
                            stack.append(entry.path)
                    elif name.endswith(self.endings):
                        names.append(name)
                    elif entry.is_symlink() and not name.endswith(_FILES):
                        self._note_link(entry)
        except OSError as error:
            if folder == self.root:
                raise DiscoveryError(f"The folder {folder!r} cannot be read: {error}") from error
            self.unreadable.append((folder, error.strerror or type(error).__name__))
        return names

    def _note_link(self, entry: os.DirEntry[str]) -> None:
        try:
            if not self.skip(entry.name) and entry.is_dir():
                self._links.append(entry.path)
        except OSError as error:
            self.unreadable.append((entry.path, error.strerror or type(error).__name__))

    def _was_walked(self, target: str, link: str) -> bool:
        root = self._walked[0]
        if _is_below(root, target):
            self.loops.append(link)
            return True
        for walked in self._walked:
            if target == walked:
                return True
            if _is_below(target, walked) and not _is_hidden(target[len(walked) :]):
                return True
        return False


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip(os.sep) + os.sep)


def _is_hidden(path: str) -> bool:
    return any(part.startswith(".") for part in PurePath(path).parts)
