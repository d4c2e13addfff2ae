"""What to say of a path where there is nothing, and what is near."""

from __future__ import annotations

import difflib
import errno
import os
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final

_N_NEAR: Final = 3

_N_COMPARED: Final = 2000
"""Names of a folder that are looked at, so that nobody waits for a message."""


def no_file(path: str | os.PathLike[str]) -> FileNotFoundError:
    """The error for a file that is not there.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    FileNotFoundError
        To raise; it says which folder of the path is not there, and which names are near.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "fa.nii.gz").write_bytes(b"")
    ...     no_file(Path(folder, "fa.nii")).strerror.replace(folder, "/data")
    'There is no such file in /data; near: fa.nii.gz'
    """
    path = Path(path)
    if path.is_symlink():
        said = (
            f"The link leads nowhere, to {path.readlink()} (of a DataLad data set, get the "
            f"content: datalad get)"
        )
    elif path.absolute().parent.is_dir():
        folder = path.absolute().parent
        said = f"There is no such file in {folder}{_near(folder, path.name)}"
    else:
        said = f"There is no such file: {_no_folder(path.absolute().parent)}"
    return FileNotFoundError(errno.ENOENT, said, os.fspath(path))


def require_folder(path: Path) -> None:
    """Check that the folder of a file to write is there.

    Parameters
    ----------
    path : Path
        The file, or the store, to write.

    Raises
    ------
    FileNotFoundError
        It is not; it is not made, since a slip of the pen would leave a new tree.

    Notes
    -----
    Where there is a file in the place of a folder, writing says so; see `qsiparc.atomic`.
    """
    folder = path.absolute().parent
    there, lost = _as_far_as_there(folder)
    if not lost or not there.is_dir():
        return
    said = f"Nothing was written: {_no_folder(folder)}. Make it first, or mend the path"
    raise FileNotFoundError(errno.ENOENT, said, os.fspath(path))


def _as_far_as_there(folder: Path) -> tuple[Path, str]:
    """The last part of a path that is there, and the name of the next, which is not."""
    lost = ""
    while not folder.exists() and folder != folder.parent:
        folder, lost = folder.parent, folder.name
    return folder, lost


def _no_folder(folder: Path) -> str:
    there, lost = _as_far_as_there(folder)
    if not there.is_dir():
        return f"{there} is a file, not a folder"
    return f"there is no folder {lost} in {there}{_near(there, lost, folders=True)}"


def _near(folder: Path, name: str, *, folders: bool = False) -> str:
    """Names in a folder that are like one, as the end of a message."""
    names: list[str] = []
    with suppress(OSError), os.scandir(folder) as entries:
        names = [
            entry.name for entry in islice(entries, _N_COMPARED) if not folders or entry.is_dir()
        ]
    by_folded = {each.casefold(): each for each in sorted(names)}
    near = difflib.get_close_matches(name.casefold(), by_folded, _N_NEAR)
    return f"; near: {', '.join(by_folded[each] for each in near)}" if near else ""
