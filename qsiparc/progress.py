"""A count on the screen, for work that takes longer than two seconds."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final, Self

from qsiparc.options import get_option

if TYPE_CHECKING:
    from types import TracebackType

    from tqdm import tqdm

PATIENCE: Final = 2.0
"""Seconds before anything is shown."""


class Progress:
    """Counts what is done, and shows it once the work has taken two seconds.

    Parameters
    ----------
    label : str
        What is being done, ``"searching"`` say.
    unit : str
        What is counted, ``"files"`` say.
    total : int, optional
        How many there will be, where that is known.

    Examples
    --------
    >>> with Progress("searching", "files") as progress:
    ...     progress.add(100)
    """

    def __init__(self, label: str, unit: str, *, total: int | None = None) -> None:
        self._label = label
        self._unit = unit
        self._total = total
        self._count = 0
        self._wanted = _is_wanted()
        self._start = time.monotonic()
        self._bar: tqdm[None] | None = None

    def add(self, count: int) -> None:
        """Count some more.

        Parameters
        ----------
        count : int
            How many were done since the last call.
        """
        self._count += count
        if self._bar is not None:
            self._bar.update(count)
        elif self._wanted and time.monotonic() - self._start > PATIENCE:
            self._show()

    def _show(self) -> None:
        from tqdm import tqdm

        unit = f" {self._unit}"
        self._bar = tqdm(desc=self._label, unit=unit, total=self._total, initial=self._count)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()


def _is_wanted() -> bool:
    option = get_option("progress")
    if option == "auto":
        return "ipykernel" in sys.modules or (sys.stderr is not None and sys.stderr.isatty())
    return bool(option)
