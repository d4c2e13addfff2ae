"""Cubes and volumes on disk: quiet, readable everywhere, and whole or not there at all."""

from __future__ import annotations

import shlex
import warnings
from typing import TYPE_CHECKING, Any, Final, TypeVar

import xarray as xr

from qsiparc.arguments import as_path
from qsiparc.atomic import replacing
from qsiparc.cube import in_order, is_cube
from qsiparc.errors import CubeError
from qsiparc.guarded import guarded
from qsiparc.manifest import (
    checksums,
    netcdf_checksum,
    note_format,
    require_whole,
    take_format,
    write_manifests,
)
from qsiparc.missing import require_folder
from qsiparc.names import CUBE_DIMS, SPACE, VALUE, VOXEL_DIMS
from qsiparc.partfile import is_part, read_tree
from qsiparc.seal import require_seal, seal
from qsiparc.space import with_index

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Hashable
    from pathlib import Path

T = TypeVar("T", xr.DataArray, xr.Dataset, xr.DataTree)

STUDY: Final = "qsiparc.zarr"
"""The archive of a study, in its output folder."""

_ENGINES: Final = {".zarr": "zarr", ".nc": "netcdf4"}

CONSOLIDATED: Final = "Consolidated metadata is currently not part"
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
        The suffix is neither, or something cannot be stored; what was at that path is there still.
    FileNotFoundError
        There is no folder to write to; none is made.
    """
    path = as_path(path)
    writers: dict[str, Callable[[Path], Any]] = {
        ".zarr": lambda target: _to_zarr(obj, target),
        ".nc": lambda target: _to_netcdf(obj, target),
    }
    if path.suffix not in writers:
        raise CubeError(
            f"{path}: the name of an archive ends in .zarr or .nc. A table is written by "
            f".parc.to_tsv, an image by .parc.to_nifti."
        )
    require_folder(path)
    with replacing(path) as new:
        try:
            writers[path.suffix](new)
        except (AttributeError, TypeError, ValueError) as error:
            raise CubeError(
                f"{path}: this cannot be stored: {error} Attributes are text, numbers or lists of "
                f"one of them; see .attrs."
            ) from error
    return path


def _to_zarr(obj: xr.DataArray | xr.Dataset | xr.DataTree, path: Path) -> None:
    compressors = checksums()
    encoding = _encoding(obj, lambda _: {"compressors": compressors})
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=CONSOLIDATED)
        obj.to_zarr(path, encoding=encoding, zarr_format=3)
    write_manifests(path)


def _to_netcdf(obj: xr.DataArray | xr.Dataset | xr.DataTree, path: Path) -> None:
    for node in obj.subtree if isinstance(obj, xr.DataTree) else (obj,):
        _refuse_altered(node.to_dataset(inherit=False) if isinstance(node, xr.DataTree) else node)
    obj.to_netcdf(path, engine="netcdf4", encoding=_encoding(obj, netcdf_checksum))
    note_format(path)
    seal(path)


def _refuse_altered(obj: xr.DataArray | xr.Dataset) -> None:
    """Refuse what netCDF would alter without a word, as text with a NUL, which it cuts off."""
    variables = obj.coords.variables if isinstance(obj, xr.DataArray) else obj.variables
    for name, variable in variables.items():
        if variable.dtype.kind in "TUO":
            cut = [text for text in variable.to_numpy().ravel().tolist() if "\0" in str(text)]
            if cut:
                raise ValueError(f"{cut[0]!r} in {name} holds a NUL, where netCDF ends a text.")
    for attrs in (obj.attrs, *(variable.attrs for variable in variables.values())):
        for name, value in attrs.items():
            _refuse_attr(name, value)


def _refuse_attr(name: Hashable, value: object) -> None:
    """Refuse an attribute that netCDF would store as another one without a word."""
    ones = value if isinstance(value, list | tuple) else [value]
    texts = [one for one in ones if isinstance(one, str)]
    if any("\0" in one for one in texts):
        raise ValueError(f"The attribute {name!r} holds a NUL, where netCDF ends a text.")
    if any(isinstance(one, bytes) for one in ones):
        raise ValueError(f"The attribute {name!r} holds bytes, of which netCDF makes text.")
    if 0 < len(texts) < len(ones):
        raise ValueError(f"The attribute {name!r} mixes texts and others; netCDF makes them texts.")


def _encoding(
    obj: xr.DataArray | xr.Dataset | xr.DataTree, of: Callable[[xr.Variable], dict[str, Any]]
) -> dict[Any, Any]:
    """Encodings by variable, in a tree by group."""
    if isinstance(obj, xr.DataTree):
        return {node.path: _encoding(node.to_dataset(inherit=False), of) for node in obj.subtree}
    if isinstance(obj, xr.DataArray):
        own = {} if obj.name is None or obj.name in obj.coords else {obj.name: of(obj.variable)}
        return own | {name: of(coordinate.variable) for name, coordinate in obj.coords.items()}
    return {name: of(variable) for name, variable in obj.variables.items()}


def open(path: str | os.PathLike[str]) -> xr.Dataset | xr.DataTree:
    """Open an archive that qsiparc saved, or that of a study, lazily; a part of a study is read.

    Parameters
    ----------
    path : str or Path
        A ``.zarr`` store, a ``.nc`` file, or the output folder of a study.

    Returns
    -------
    Dataset or DataTree
        A tree where the archive has groups. Volumes have the index of their grid again. Close it,
        or use it in a ``with`` block, where many are opened.

    Raises
    ------
    FileNotFoundError
        There is nothing at that path.
    CubeError
        It is no archive of qsiparc, cannot be read, or a newer version wrote it; or a study was
        not finalized yet.
    """
    path = as_path(path)
    if path.suffix not in _ENGINES:
        if not path.is_dir():
            hint = " Of a zip, unpack the store that is in it." if path.suffix == ".zip" else ""
            raise CubeError(
                f"{path}: the name of an archive ends in .zarr or .nc, and no output folder of a "
                f"study has this name.{hint}"
            )
        path = _archive_of(path)
    if not path.exists():
        nowhere = " The link of this name leads nowhere." if path.is_symlink() else ""
        raise FileNotFoundError(f"{path}: there is no such archive.{nowhere}")
    tree = open_tree(path)
    if tree.children:
        return tree
    dataset = tree.to_dataset()
    dataset.set_close(tree.close)
    return dataset


def open_tree(path: Path) -> xr.DataTree:
    """Open a ``.zarr`` store or a ``.nc`` file as a tree, lazily; see `open`."""
    if path.suffix == ".zarr":
        if not path.is_dir():
            raise CubeError(
                f"{path}: not readable as an archive: a zarr store is a folder, and this is none. "
                f"If it is a zip, unpack it; a netCDF file ends in .nc."
            )
        require_whole(path)
    else:
        require_seal(path)
        if is_part(path):
            part: xr.DataTree = read_tree(path).map_over_datasets(_as_saved)
            return part
    try:
        tree = xr.open_datatree(path, engine=_ENGINES[path.suffix])
    except Exception as error:
        raise CubeError(
            f"{path}: not readable as an archive: {str(error).rstrip('.')}. It is damaged, "
            f"empty or something else: copy it again, all of it, or make it anew."
        ) from error
    if not any(_is_ours(node) for node in tree.subtree):
        found = sorted({str(name) for node in tree.subtree for name in node.variables})
        tree.close()
        raise CubeError(
            f"{path}: this is no archive of qsiparc. It holds {', '.join(found) or 'nothing'}; "
            "xarray.open_datatree opens it."
        )
    for node in tree.subtree if path.suffix == ".zarr" else ():
        for name in node.to_dataset(inherit=False).variables:
            if not (path / node.path.strip("/") / str(name)).is_dir():
                tree.close()
                raise CubeError(
                    f"{path}: the folder of {name} is missing. Copy the store again, all of it."
                )
    try:
        take_format(tree, path)
        whole: xr.DataTree = tree.map_over_datasets(lambda node: _as_saved(guarded(node, path)))
    except CubeError:
        tree.close()
        raise
    whole.set_close(tree.close)
    return whole


def _as_saved(dataset: xr.Dataset) -> xr.Dataset:
    """What a store forgets: the index of a volume's grid, and the order of a cube's coordinates."""
    return in_order(dataset) if is_cube(dataset) else with_index(dataset)


def _archive_of(folder: Path) -> Path:
    """The archive in the output folder of a study."""
    for name in (STUDY, "qsiparc.nc"):
        if (folder / name).exists():
            return folder / name
    typed = shlex.quote(str(folder))
    if any((folder / "parts").glob("*.nc")):
        raise CubeError(
            f"{folder}: this study has scans, but no archive yet. Once its build is done: "
            f"qsiparc finalize {typed}"
        )
    raise CubeError(
        f"{folder}: there is no {STUDY} in this folder. To build one here from a QSIRecon tree: "
        f"qsiparc build QSIRECON_DIR {typed}"
    )


def _is_ours(node: xr.DataTree) -> bool:
    """Whether a group has anything that a cube or a volume has."""
    return bool({VALUE, SPACE, *CUBE_DIMS, *VOXEL_DIMS} & {*node.variables, *node.dims})
