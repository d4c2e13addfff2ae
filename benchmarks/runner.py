"""A contender in a process, perhaps an environment, of its own.

The protocol is a line each way. ``python runner.py NAME MAP DSEG`` prepares and answers with a JSON
object, ``{"version": …}`` or ``{"error": …}``; each line it then reads makes it run once and answer
``{"seconds": …}``; at the end of its input it writes ``{"means": […]}`` and ends.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from peers import PEERS, Peer, Scan

if TYPE_CHECKING:
    from types import TracebackType


class Runner:
    """The other end: starts a contender, and runs it whenever it is asked to.

    Parameters
    ----------
    peer : Peer
        Whom.
    python : Path
        The interpreter of its environment.
    scan : Scan
        On what.

    Attributes
    ----------
    version : str
        Of its package, or empty.
    error : str
        Why it cannot run, or empty.
    """

    def __init__(self, peer: Peer, python: Path, scan: Scan) -> None:
        self.peer = peer
        command = [str(python), __file__, peer.name, str(scan.map_path), str(scan.dseg_path)]
        self._process = subprocess.Popen(  # noqa: S603 - this very script
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        answer = self._answer()
        self.version = str(answer.get("version", ""))
        self.error = str(answer.get("error", ""))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def run(self) -> float:
        """Reduce the map once; seconds, without the way there and back."""
        print("run", file=self._process.stdin, flush=True)
        return float(self._answer()["seconds"])

    def means(self) -> np.ndarray:
        """The mean of every region, by which one sees that it did the work. It ends with this."""
        output, _ = self._process.communicate()
        return np.array(json.loads(output)["means"], dtype=np.float64)

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        line = self._process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"error": "it did not start"}
        return answer


def main() -> None:
    """Be a contender."""
    name, *paths = sys.argv[1:]
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever packages print goes elsewhere
    peer = next(peer for peer in PEERS if peer.name == name)
    try:
        call = peer.prepare(Scan(*map(Path, paths)))
        means = call()
        answer = {"version": version(peer.package)}
    except Exception as error:  # noqa: BLE001 - it is said in the table
        answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
    print(json.dumps(answer), file=answers, flush=True)
    if "error" in answer:
        return
    for _ in sys.stdin:
        start = time.perf_counter()
        means = call()
        seconds = time.perf_counter() - start
        print(json.dumps({"seconds": seconds}), file=answers, flush=True)
    print(json.dumps({"means": np.asarray(means, np.float64).tolist()}), file=answers, flush=True)


if __name__ == "__main__":
    main()
