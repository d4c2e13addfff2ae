"""Cubes and volumes on disk: quiet, readable everywhere, and whole or not there at all."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import xarray as xr

from qsiparc.atomic import replacing
from qsiparc.cube import in_order, is_cube
from qsiparc.errors import CubeError
from qsiparc.space import with_index

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

T = TypeVar("T", xr.DataArray, xr.Dataset, xr.DataTree)

CONSOLIDATED = "Consolidated metadata is currently not part"
"""How zarr's warning begins; xarray reads consolidated metadata, other readers ignore it."""


def save(obj: xr.DataArray | xr.Dataset | xr.DataTree, path: str | os.PathLike[str]) -> Path:
    """Write a cube or a volume to a zarr store or a netCDF file, by the name's suffix.

    Parameters
    ----------
    obj : DataArray, Dataset or DataTree
        What to write.
    path : str or Path
        Ending in ``.zarr`` or ``.nc``. What is there is replaced, once the new one is whole.

    Returns
    -------
    Path
        What was written.

    Raises
    ------
    CubeError
        The suffix is neither.
    """
    path = Path(path)
    writers: dict[str, Callable[[Path], Any]] = {
        ".zarr": lambda target: _to_zarr(obj, target),
        ".nc": obj.to_netcdf,
    }
    if path.suffix not in writers:
        raise CubeError(f"{path}: the name of an archive ends in .zarr or .nc.")
    with replacing(path) as new:
        writers[path.suffix](new)
    return path


def _to_zarr(obj: xr.DataArray | xr.Dataset | xr.DataTree, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=CONSOLIDATED)
        obj.to_zarr(path)


def open(path: str | os.PathLike[str]) -> xr.Dataset | xr.DataTree:
    """Open an archive that qsiparc saved, lazily.

    Parameters
    ----------
    path : str or Path
        A ``.zarr`` store or a ``.nc`` file.

    Returns
    -------
    Dataset or DataTree
        A tree where the archive has groups. Volumes have the index of their grid again.

    Raises
    ------
    FileNotFoundError
        There is nothing at that path.
    CubeError
        The suffix is neither ``.zarr`` nor ``.nc``.
    """
    path = Path(path)
    engines = {".zarr": "zarr", ".nc": "netcdf4"}
    if path.suffix not in engines:
        raise CubeError(f"{path}: the name of an archive ends in .zarr or .nc.")
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such archive.")
    tree = xr.open_datatree(path, engine=engines[path.suffix])
    if not tree.children:
        return _as_saved(tree.to_dataset())
    return tree.map_over_datasets(_as_saved)


def _as_saved(dataset: xr.Dataset) -> xr.Dataset:
    """What a store forgets: the index of a volume's grid, and the order of a cube's coordinates."""
    return in_order(dataset) if is_cube(dataset) else with_index(dataset)
