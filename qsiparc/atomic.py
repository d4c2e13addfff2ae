"""Writing whole or not at all."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


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
        When it does not, ``path`` is as it was, and the private folder is gone.

    Raises
    ------
    FileExistsError
        A file was written where a folder is, or a folder where a file is. Nothing is replaced.

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
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=".qsiparc-", dir=path.parent, ignore_cleanup_errors=True
    ) as work:
        new, old = Path(work, "new", path.name), Path(work, "old")
        new.parent.mkdir()
        yield new
        _replace(path, new, old)


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
