"""Memory that is used again: new memory is paid for page by page, and given back as slowly."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Buffers:
    """Arrays in memory that is used in turn.

    Parameters
    ----------
    n : int
        How many arrays last at a time: what is in one is lost when ``n`` more were taken.
    """

    def __init__(self, n: int) -> None:
        self._memory = deque(np.empty((n, 0), np.uint8))

    def take(self, size: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        """An array of so many values, whatever they are."""
        self._memory.rotate()
        n_bytes = size * dtype.itemsize
        if self._memory[0].size < n_bytes:
            self._memory[0] = np.empty(n_bytes, np.uint8)
        return self._memory[0][:n_bytes].view(dtype)
