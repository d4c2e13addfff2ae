"""One at a time, for what cannot be done by two builds of one output at once."""

from __future__ import annotations

import threading
from collections import defaultdict
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Final

try:
    import fcntl
except ImportError:  # Windows: builds of one process still wait for each other
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NAME: Final = ".qsiparc.lock"
_of_thread: Final[defaultdict[str, threading.RLock]] = defaultdict(threading.RLock)
_depth: Final[defaultdict[str, int]] = defaultdict(int)


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Wait until no other build is assembling the same output, and keep others waiting.

    Parameters
    ----------
    out : Path
        The output folder. A file in it carries the lock; it is let go with the process, however
        that ends. On a file system without locks nobody waits.
    """
    key = str(out.resolve())
    with _of_thread[key]:
        _depth[key] += 1
        try:
            if _depth[key] > 1:
                yield
            else:
                with (out / _NAME).open("a") as file:
                    _wait(file)
                    yield
        finally:
            _depth[key] -= 1


def _wait(file: IO[str]) -> None:
    with suppress(OSError):
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
