"""The output folder of a study: where it may be, and what is in it before the first part."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final

from qsiparc.cohort.derivative import describe_dataset, earlier_source
from qsiparc.errors import BuildError, OptionError, QsiparcWarning, warn

if TYPE_CHECKING:
    from pathlib import Path

_STALE: Final = 3600.0
"""Age [s] at which a temporary file cannot be one that is being written."""


def prepare_output(root: Path, out: Path) -> Path:
    """Make the output folder, and make sure that it can be written to.

    Parameters
    ----------
    root, out : Path
        The tree and the output folder.

    Returns
    -------
    Path
        The output folder, absolute.

    Raises
    ------
    OptionError
        The output is the tree, or a folder in it.
    BuildError
        Nothing can be written there.

    Warns
    -----
    QsiparcWarning
        It holds the study of another tree.
    """
    out = check_output(root, out)
    _warn_of_other_tree(root.expanduser().resolve(), out)
    probe = out / f".probe.{os.getpid()}.tmp"
    try:
        (out / "parts").mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
        describe_dataset(out, source=root)
        _sweep(out / "parts")
    except OSError as error:
        raise BuildError(f"{out}: cannot write there: {error}. Name another folder.") from error
    return out


def check_output(root: Path, out: Path) -> Path:
    """The output folder, absolute, unless it lies in the tree; see `prepare_output`."""
    try:
        source, target = root.expanduser().resolve(), out.expanduser().resolve()
    except (OSError, ValueError, RuntimeError) as error:  # a NUL, a loop of links, ~nobody
        raise OptionError(f"The output {str(out)!r} is no folder: {error}.") from error
    if target == source or source in target.parents:
        raise OptionError(
            f"The output {target} lies in the input {source}, where the next search would meet "
            "it. Name a folder outside."
        )
    return target


def _warn_of_other_tree(root: Path, out: Path) -> None:
    """Say when scans of two trees come together; of one that moved, nothing is left behind."""
    other = earlier_source(out)
    if other is None or other == root or not other.is_dir():
        return
    if other in root.parents or root in other.parents:
        return
    warn(
        f"{out} was built from {other} before, and is built from {root} now: scans of both will be "
        "in it, and a scan that both hold will be that of now. Is it another study? Name another "
        "output folder.",
        QsiparcWarning,
    )


def _sweep(folder: Path) -> None:
    """Delete what killed processes left half written."""
    long_ago = time.time() - _STALE
    for path in folder.glob(".*.tmp"):
        try:
            if path.stat().st_mtime < long_ago:
                path.unlink()
        except FileNotFoundError:
            continue  # another build was faster
