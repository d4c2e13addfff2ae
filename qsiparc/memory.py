"""How much memory there can be for an array."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

LIMIT_FILE: Final = Path("/sys/fs/cgroup/memory.max")
"""Where Linux tells a container how much it may use."""


@cache
def memory_bytes() -> float:
    """The memory of this machine, or what a container may use of it; infinity if nobody says.

    Returns
    -------
    float
        Bytes.

    Examples
    --------
    >>> memory_bytes() > 2**20
    True
    """
    found = float("inf")
    with suppress(AttributeError, ValueError, OSError):  # Windows has no sysconf
        found = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    try:
        return min(found, float(LIMIT_FILE.read_text()))
    except (OSError, ValueError):  # there is none, or it is "max"
        return found
