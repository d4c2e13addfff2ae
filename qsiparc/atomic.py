"""Writing whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX: Final = ".qsiparc-"
_DAY: Final = 24 * 60 * 60.0
"""Seconds after which a private folder is nobody's, where locks cannot tell."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file or a folder beside its place, and move it there once it is whole.

    Parameters
    ----------
    path : Path
        Where to. Folders above it are made where they are missing.

    Yields
    ------
    Path
        Where to write meanwhile: the same name in a private folder beside ``path``. When the block
        ends well, what is there replaces what was at ``path``, a file a file or a folder a folder.
        When it does not, ``path`` is as it was, and the private folder is gone. All is on the disk
        before it is moved.

    Raises
    ------
    FileExistsError
        A file was written where a folder is, or a folder where a file is. Nothing is replaced.
    NotADirectoryError
        There is a file where a folder above ``path`` should be.

    Notes
    -----
    What killed processes left beside ``path`` is cleared away first, see `sweep`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "cube.txt")
    ...     with replacing(path) as new:
    ...         _ = new.write_text("whole")
    ...     path.read_text()
    'whole'
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise NotADirectoryError(
            f"{path}: a folder above it is a file, below which nothing can be written. Move that "
            f"away, or choose another name."
        ) from None
    sweep(path.parent)
    with (
        tempfile.TemporaryDirectory(
            prefix=_PREFIX, dir=path.parent, ignore_cleanup_errors=True
        ) as work,
        _held(Path(work)),
    ):
        new, old = Path(work, "new", path.name), Path(work, "old")
        new.parent.mkdir()
        yield new
        _flush(new)
        _replace(path, new, old)
        _flush_folder(path.parent)


def sweep(folder: Path) -> None:
    """Clear away the private folders of processes that were killed.

    Parameters
    ----------
    folder : Path
        Where they wrote to. To replace a folder takes two steps; where a process was killed
        between them, the old one is put back.
    """
    for work in folder.glob(f"{_PREFIX}*"):
        if not _is_abandoned(work):
            continue
        for new in (work / "new").glob("*"):
            if (work / "old").exists() and not (folder / new.name).exists():
                (work / "old").rename(folder / new.name)
        shutil.rmtree(work, ignore_errors=True)


def _replace(path: Path, new: Path, old: Path) -> None:
    """Put ``new`` at ``path``; a folder cannot be replaced, so it is moved to ``old`` first."""
    if path.exists() and path.is_dir() != new.is_dir():
        there, other = ("folder", "file") if path.is_dir() else ("file", "folder")
        raise FileExistsError(
            f"{path}: there is a {there} of this name, which a {other} does not replace. Move it "
            f"away, or choose another name."
        )
    if path.is_dir():
        path.rename(old)
    try:
        new.replace(path)
    except OSError:
        if old.exists():
            old.rename(path)
        raise


@contextmanager
def _held(work: Path) -> Iterator[None]:
    """Hold a lock in a private folder, which the system lets go of with the process."""
    with (work / "lock").open("a") as file:
        with suppress(ImportError, OSError):  # Windows, or a file system without locks: age tells
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _is_abandoned(work: Path) -> bool:
    """Whether no process writes to a private folder any more."""
    with suppress(OSError, ImportError):
        import fcntl

        with (work / "lock").open("r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True
    with suppress(OSError):
        return time.time() - work.stat().st_mtime > _DAY
    return False


def _flush(path: Path) -> None:
    """Wait until a file, or a folder with all that is in it, is on the disk."""
    if not path.is_dir():
        _flush_file(path)
        return
    for folder, _, names in os.walk(path):
        for name in names:
            _flush_file(Path(folder, name))
        _flush_folder(Path(folder))


def _flush_file(path: Path) -> None:
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _flush_folder(path: Path) -> None:
    if os.name == "nt":
        return  # Windows cannot open folders, and keeps their lists in order itself
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
