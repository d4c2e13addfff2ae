"""One small file a scan, there whole or not at all."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from qsiparc.errors import CubeError
from qsiparc.manifest import PART_FORMAT
from qsiparc.partfile import open_part, read_tree
from qsiparc.partwriter import encode_part

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import xarray as xr

FORMAT: Final = PART_FORMAT
"""Value of ``qsiparc_part`` in every part that this version writes and reads."""

_FOLDER: Final = "parts"
_SUFFIX: Final = ".nc"
_TEMPORARY: Final = ".tmp"
_SCAN: Final = re.compile(r"[A-Za-z0-9+_-]+")


def part_path(out: Path, scan: str) -> Path:
    """Where the part of a scan is, or would be.

    Parameters
    ----------
    out : Path
        Output folder of the study.
    scan : str
        Id of the scan, such as ``sub-001_ses-01``.

    Returns
    -------
    Path
        ``out/parts/<scan>.nc``.

    Raises
    ------
    CubeError
        The id holds something else than letters, digits, ``+``, ``_`` and ``-``.

    Examples
    --------
    >>> from pathlib import Path
    >>> part_path(Path("out"), "sub-001").as_posix()
    'out/parts/sub-001.nc'
    """
    if not _SCAN.fullmatch(scan):
        raise CubeError(f"{scan!r} cannot name a part: letters, digits, '+', '_' and '-' can.")
    return out / _FOLDER / f"{scan}{_SUFFIX}"


def write_part(out: Path, scan: str, tree: xr.DataTree) -> Path:
    """Write the result of one scan; what was there is replaced once the new one is on the disk.

    Parameters
    ----------
    out : Path
        Output folder of the study; it exists.
    scan : str
        Id of the scan.
    tree : DataTree
        A group an atlas, each the cube of one subject; none when nothing could be reduced.

    Returns
    -------
    Path
        The part.

    Raises
    ------
    CubeError
        As in `part_path`; or something in it cannot be stored.
    OSError
        It cannot be written. The part that was there is untouched.
    """
    path = part_path(out, scan)
    path.parent.mkdir(exist_ok=True)
    try:
        pieces = encode_part(tree, {"scan": scan, **tree.attrs})
    except ValueError as error:
        raise CubeError(f"{path}: this part cannot be stored: {error}") from error
    temporary = path.with_name(f".{scan}.{os.getpid()}-{os.urandom(4).hex()}{_TEMPORARY}")
    try:
        with temporary.open("xb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _names_to_disk(path.parent)
    return path


def _names_to_disk(folder: Path) -> None:
    """Wait until the list of names in a folder is on the disk."""
    if os.name == "nt":
        return  # Windows cannot open folders, and keeps their lists in order itself
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_part(path: Path) -> xr.DataTree:
    """Read a part into memory; see `qsiparc.partfile.read_tree`."""
    return read_tree(path)


def part_paths(out: Path) -> list[Path]:
    """The parts that there are.

    Parameters
    ----------
    out : Path
        Output folder of the study.

    Returns
    -------
    list of Path
        By name. What is being written at the moment is not among them.
    """
    return sorted(
        path for path in (out / _FOLDER).glob(f"*{_SUFFIX}") if not path.name.startswith(".")
    )


def part_attrs(path: Path) -> dict[str, Any]:
    """What a part says of itself, without its numbers.

    Parameters
    ----------
    path : Path
        The part.

    Returns
    -------
    dict of str to Any
        ``qsiparc_part``, ``scan``, ``fingerprint``, ``inputs``, ``options``, ``failures`` …

    Raises
    ------
    CubeError
        The file is no whole part of this format.
    FileNotFoundError
        There is no such file.
    """
    with open_part(path) as part:
        return plain(part.attrs())


def plain(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes with Python's numbers and lists in place of NumPy's."""
    return {
        name: value.tolist() if isinstance(value, np.generic | np.ndarray) else value
        for name, value in attrs.items()
    }


def stored_attrs(out: Path, scan: str) -> dict[str, Any] | None:
    """`part_attrs` of a scan; None where it has no part, or no whole one."""
    try:
        return part_attrs(part_path(out, scan))
    except (FileNotFoundError, CubeError):
        return None
