"""One small file a scan, there whole or not at all."""

from __future__ import annotations

import os
import re
import threading
from typing import TYPE_CHECKING, Any, Final

import xarray as xr
from xarray.conventions import cf_encoder, encode_dataset_coordinates

from qsiparc.cube import text
from qsiparc.errors import CubeError
from qsiparc.manifest import PART_FORMAT, netcdf_checksum
from qsiparc.seal import require_seal, seal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import netCDF4
    from numpy.typing import NDArray

FORMAT: Final = PART_FORMAT
"""Value of ``qsiparc_part`` in every part that this version writes and reads."""

_FOLDER: Final = "parts"
_SUFFIX: Final = ".nc"
_TEMPORARY: Final = ".tmp"
_SCAN: Final = re.compile(r"[A-Za-z0-9+_-]+")

_ONE_AT_A_TIME: Final = threading.Lock()
"""The netCDF library is not made for threads."""


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
        As in `part_path`.
    OSError
        It cannot be written. The part that was there is untouched.
    """
    path = part_path(out, scan)
    path.parent.mkdir(exist_ok=True)
    temporary = path.with_name(f".{scan}.{os.getpid()}-{os.urandom(4).hex()}{_TEMPORARY}")
    try:
        with _ONE_AT_A_TIME:
            _write(temporary, tree, {"qsiparc_part": FORMAT, "scan": scan, **tree.attrs})
        seal(temporary)
        _to_disk(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _to_disk(path.parent)
    return path


def _write(path: Path, tree: xr.DataTree, attrs: Mapping[Any, Any]) -> None:
    """The file that ``to_netcdf`` would write, in a third of the time.

    netCDF flushes at every turn from defining variables to filling them; here, there is one.
    """
    import netCDF4

    with netCDF4.Dataset(path, "w") as file:
        _set_attrs(file, attrs)
        empty: list[tuple[netCDF4.Variable[Any], NDArray[Any]]] = []
        for name, node in tree.children.items():
            empty += _define(file.createGroup(name), node.to_dataset(inherit=False))
        for variable, values in empty:
            variable[...] = values


def _define(
    group: netCDF4.Group, dataset: xr.Dataset
) -> list[tuple[netCDF4.Variable[Any], NDArray[Any]]]:
    """Variables in a new group, as xarray encodes them, and what goes into each."""
    variables, attrs = cf_encoder(*encode_dataset_coordinates(dataset))
    _set_attrs(group, attrs)
    for dim, n in dataset.sizes.items():
        group.createDimension(str(dim), n)
    made = []
    for name, variable in variables.items():
        own = dict(variable.attrs)
        is_text = variable.dtype.kind in "TUO"
        values = variable.to_numpy()
        new = group.createVariable(
            name,
            str if is_text else variable.dtype,
            variable.dims,
            fill_value=own.pop("_FillValue", None),
            **netcdf_checksum(variable),
        )
        new.set_auto_maskandscale(False)
        new.setncatts(own)
        made.append((new, values.astype(object) if is_text else values))
    return made


def _set_attrs(group: netCDF4.Dataset, attrs: Mapping[Any, Any]) -> None:
    """Attributes, a list of one text as such."""
    for name, value in attrs.items():
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            group.setncattr_string(name, value)
        else:
            group.setncattr(name, value)


def _to_disk(path: Path) -> None:
    """Wait until a file, or the list of names in a folder, is on the disk."""
    if path.is_dir() and os.name == "nt":
        return  # Windows cannot open folders, and keeps their lists in order itself
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_part(path: Path) -> xr.DataTree:
    """Read a part into memory; its file is closed again.

    Parameters
    ----------
    path : Path
        The part.

    Returns
    -------
    DataTree
        A child an atlas, none when nothing of the scan could be reduced.

    Raises
    ------
    CubeError
        The file is no whole part of this format.
    FileNotFoundError
        There is no such file.
    """
    require_whole(path)
    part_attrs(path)
    try:
        with xr.open_datatree(path, engine="netcdf4") as tree:
            loaded: xr.DataTree = tree.load().map_over_datasets(_as_made)
    except (OSError, RuntimeError, ValueError) as error:
        raise _no_part(path, str(error)) from error
    return loaded


def require_whole(path: Path) -> None:
    """Check that a part is what it was when it was written.

    Parameters
    ----------
    path : Path
        The part.

    Raises
    ------
    CubeError
        It is not.
    """
    try:
        require_seal(path)
    except CubeError as error:
        raise _no_part(path, str(error)) from error


def _as_made(dataset: xr.Dataset) -> xr.Dataset:
    """Text in the type that it has in every cube; netCDF gives it a fixed width."""
    words = {
        name: (coordinate.dims, text(coordinate.values), coordinate.attrs)
        for name, coordinate in dataset.coords.items()
        if coordinate.dtype.kind in "UO"
    }
    return dataset.assign_coords(words)


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
    import netCDF4

    try:
        with _ONE_AT_A_TIME, netCDF4.Dataset(path) as file:
            attrs = _attrs_of(file)
    except FileNotFoundError:
        raise
    except (OSError, RuntimeError) as error:
        raise _no_part(path, str(error)) from error
    if attrs.get("qsiparc_part") != FORMAT:
        raise _no_part(path, f"its qsiparc_part is {attrs.get('qsiparc_part')!r}, not {FORMAT}")
    return attrs


def stored_attrs(out: Path, scan: str) -> dict[str, Any] | None:
    """`part_attrs` of a scan; None where it has no part, or no whole one."""
    try:
        return part_attrs(part_path(out, scan))
    except (FileNotFoundError, CubeError):
        return None


def _attrs_of(file: netCDF4.Dataset) -> dict[str, Any]:
    attrs = {name: file.getncattr(name) for name in file.ncattrs()}
    return {
        name: getattr(value, "item", lambda value=value: value)() for name, value in attrs.items()
    }


def _no_part(path: Path, reason: str) -> CubeError:
    return CubeError(
        f"{path}: this is no whole part of a study ({reason}). Delete it and build again: only "
        "this scan is done anew."
    )
