"""Look-up tables that kill the process that uses them, in the middle of a scan."""

from __future__ import annotations

import os
import signal
from pathlib import Path


class Killer(dict):
    """Tables by atlas; taking one out is deadly, as often as ``lives`` says."""

    def __init__(self, tables, marks, lives=10**6):
        super().__init__(tables)
        self.marks = str(marks)
        self.lives = lives

    def __reduce__(self):
        return Killer, (dict(self), self.marks, self.lives)

    def __getitem__(self, atlas):
        deaths = len(list(Path(self.marks).glob("*.death")))
        if deaths < self.lives:
            Path(self.marks, f"{deaths}.death").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(atlas)
