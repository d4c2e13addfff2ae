"""Memory that is used again: new memory is paid for page by page, and given back as slowly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Buffer:
    """Memory for one array at a time: what is in it is lost when another is taken."""

    def __init__(self) -> None:
        self._memory = np.empty(0, np.uint8)

    def take(self, size: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        """An array of so many values, whatever they are."""
        n_bytes = size * dtype.itemsize
        if self._memory.size < n_bytes:
            self._memory = np.empty(n_bytes, np.uint8)
        return self._memory[:n_bytes].view(dtype)
