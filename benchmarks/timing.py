"""Measuring side by side: all once a round, so that a busy machine slows all of them."""

from __future__ import annotations

import time
from statistics import median, quantiles
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Run = Callable[[], float]
    """Does something once and says how long it took [s]."""

ENOUGH: Final = 1.0
"""What takes longer than this [s] is run in the first rounds only."""

FEW: Final = 3

SHORT: Final = 0.05
"""What takes less than this [s] is run once more before, so that nobody pays for the one before."""


def timed(call: Callable[[], object]) -> Run:
    """A call as a run, by the clock on the wall."""

    def run() -> float:
        start = time.perf_counter()
        call()
        return time.perf_counter() - start

    return run


def interleave(runs: Mapping[str, Run], rounds: int) -> dict[str, list[float]]:
    """Seconds of every run in every round, after one round that does not count."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    for turn in range(rounds):
        for name, run in runs.items():
            usual = median(taken[name] or [ENOUGH])
            if turn < FEW or usual < ENOUGH:
                if usual < SHORT:
                    run()
                taken[name].append(run())
    return taken


def milliseconds(seconds: Sequence[float]) -> str:
    """Median, and the quartiles around it: ``12.3 (12.1–12.9)``."""
    return _three([1000 * s for s in seconds])


def ratio(seconds: Sequence[float], reference: Sequence[float]) -> str:
    """How many times the reference, round by round: median and quartiles."""
    return _three([one / other for one, other in zip(seconds, reference, strict=False)])


def _three(values: Sequence[float]) -> str:
    low, _, high = quantiles(values, n=4) if len(values) > 1 else [values[0]] * 3
    return f"{short(median(values))} ({short(low)}–{short(high)})"


def short(value: float) -> str:
    """Three digits."""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2  # noqa: PLR2004 - as it says
    return f"{value:,.{digits}f}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, columns of figures aligned to the right."""
    rule = ["---", *("---:" if cell[:1].isdigit() else "---" for cell in rows[0][1:])]
    return "\n".join(f"| {' | '.join(line)} |" for line in [header, rule, *rows])
