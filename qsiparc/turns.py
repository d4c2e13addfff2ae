"""Turns: what several threads do one after the other, in an order that is known before."""

from __future__ import annotations

from threading import Condition


class Turns:
    """Turns that come in the order in which they were given out."""

    def __init__(self) -> None:
        self._moved = Condition()
        self._n_given = 0
        self._open: set[int] = set()

    def give(self) -> Turn:
        """The next turn."""
        with self._moved:
            self._n_given += 1
            self._open.add(self._n_given)
        return Turn(self, self._n_given)

    def wait(self, number: int) -> None:
        """Wait until no turn before this one is open."""
        with self._moved:
            self._moved.wait_for(lambda: all(number <= one for one in self._open))

    def end(self, number: int) -> None:
        """Let those behind it go on."""
        with self._moved:
            self._open.discard(number)
            self._moved.notify_all()


class Turn:
    """The turn of one.

    Parameters
    ----------
    turns : Turns
        Of all.
    number : int
        Its place among them.
    """

    def __init__(self, turns: Turns, number: int) -> None:
        self._turns = turns
        self._number = number

    def come(self) -> None:
        """Wait until all turns before it have ended."""
        self._turns.wait(self._number)

    def end(self) -> None:
        """End it, whether it came or not: others may wait for that."""
        self._turns.end(self._number)
