"""Opening a file that is one: no folder, no pipe, no device, and never a wait."""

from __future__ import annotations

import os
import stat
from typing import IO, TYPE_CHECKING, Final, TypeAlias

from qsiparc.missing import no_file

if TYPE_CHECKING:
    from io import BufferedReader

    from qsiparc.errors import QsiparcError

FileState: TypeAlias = tuple[int, int]

MAX_BYTES: Final = 2**26
"""More than any table or sidecar beside an image has."""

_PIECE: Final = 2**16

_KINDS: Final = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def open_regular(
    path: os.PathLike[str], error: type[QsiparcError], *, may_lack: bool = False
) -> BufferedReader:
    """Open a regular file for reading its bytes.

    Parameters
    ----------
    path : Path
        The file.
    error : type of QsiparcError
        What to raise where it is none.
    may_lack : bool, optional
        Whether it is no mistake if there is none, so that nothing is looked for near it.

    Returns
    -------
    file object
        At its start, buffered.

    Raises
    ------
    FileNotFoundError
        There is no such file; near ones are named.
    error
        It is something else than a file, or cannot be opened.

    Examples
    --------
    >>> import os, pathlib, tempfile
    >>> from qsiparc.errors import LutError
    >>> open_regular(pathlib.Path(os.devnull), LutError)
    Traceback (most recent call last):
        ...
    qsiparc.errors.LutError: /dev/null: this is a device, not a file. Give the path of a file.
    """
    # Without O_NONBLOCK, opening a pipe waits until somebody writes to it.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags)
    except FileNotFoundError:
        if may_lack:
            raise
        raise no_file(path) from None
    except (OSError, ValueError) as reason:
        if os.path.isdir(path):  # noqa: PTH112 - Windows cannot open folders
            raise error(f"{path}: this is a folder, not a file. Give the path of a file.") from None
        said = getattr(reason, "strerror", None) or str(reason)
        raise error(f"{path}: it cannot be opened: {said}.") from reason
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        kind = next((kind for is_kind, kind in _KINDS if is_kind(mode)), "something else")
        raise error(f"{path}: this is {kind}, not a file. Give the path of a file.")
    return os.fdopen(handle, "rb")


def file_state(stream: IO[bytes]) -> FileState:
    """What changes when a file does: its size [bytes] and modification time [ns]."""
    state = os.fstat(stream.fileno())
    return state.st_size, state.st_mtime_ns


def read_regular(
    path: os.PathLike[str], error: type[QsiparcError], *, may_lack: bool = False
) -> bytes:
    """The bytes of a small file.

    Parameters
    ----------
    path : Path
        A sidecar, say.
    error : type of QsiparcError
        What to raise where it is no file, or far too long for one.
    may_lack : bool, optional
        As in `open_regular`.

    Returns
    -------
    bytes
        All of it.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    error
        As in `open_regular`, or it has more than 64 MiB.
    """
    with open_regular(path, error, may_lack=may_lack) as stream:
        content = read_up_to(stream, MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise error(
            f"{path}: it is longer than {MAX_BYTES:,} bytes: too long for what it should be."
        )
    return content


def read_up_to(stream: BufferedReader, limit: int) -> bytes:
    """What is left of a file, or its first bytes where it is longer.

    Parameters
    ----------
    stream : file object
        Opened for reading bytes.
    limit : int
        How many at most. `read` would claim memory for all of these at once.

    Returns
    -------
    bytes
    """
    pieces: list[bytes] = []
    while limit > 0 and (piece := stream.read(min(limit, _PIECE))):
        pieces.append(piece)
        limit -= len(piece)
    return b"".join(pieces)
