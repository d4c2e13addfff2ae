"""What an archive carries so that damage shows: checksums, and lists of chunks.

A zarr array may lack any chunk, which then holds the fill value: a file that was lost is NaN to
every reader, without a word. So each array notes its chunks in a file of its own, which other
readers do not look at.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from qsiparc.errors import CubeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr

NAME: Final = ".qsiparc"
"""In the folder of an array: a stranger in that of a group makes zarr warn."""

FORMAT: Final = 1
"""Of the archives that this version writes; it reads no newer ones."""

_VERSION: Final = "qsiparc_archive"
"""Where the format is noted: in `NAME`, and in netCDF as an attribute of the file."""

_METADATA: Final = ("zarr.json", ".zarray", ".zattrs", ".zgroup", ".zmetadata", NAME)


def checksums() -> tuple[Any, ...]:
    """The compressors of an array in format 3, the last of which adds a checksum to each chunk."""
    from zarr.codecs import Crc32cCodec, ZstdCodec

    return ZstdCodec(), Crc32cCodec()


def netcdf_checksum(variable: xr.Variable) -> dict[str, Any]:
    """What makes netCDF add a checksum to every chunk of a variable; it can for arrays of numbers.

    Parameters
    ----------
    variable : Variable
        To be written.

    Returns
    -------
    dict
        Its encoding.
    """
    can = variable.dtype.kind in "iuf" and variable.ndim and variable.size
    return {"fletcher32": True, "contiguous": False} if can else {}


def write_manifests(store: Path) -> None:
    """Note the chunks of every array of a store that is whole.

    Parameters
    ----------
    store : Path
        Its folder.
    """
    for array in _arrays(store):
        noted = {_VERSION: FORMAT, "chunks": sorted(_chunks(array))}
        (array / NAME).write_text(json.dumps(noted), encoding="utf-8")


def require_chunks(store: Path) -> None:
    """Check that no chunk of a store was lost since it was written.

    Parameters
    ----------
    store : Path
        Its folder; arrays that somebody else wrote are passed over.

    Raises
    ------
    CubeError
        A chunk is missing, or a newer version wrote the store. The message names it.
    """
    for array in _arrays(store):
        try:
            noted = json.loads((array / NAME).read_text(encoding="utf-8"))
            version, chunks = noted[_VERSION], set(noted["chunks"])
        except FileNotFoundError:
            continue
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CubeError(f"{array / NAME}: the list of chunks is damaged: {error}.") from error
        _require_format(version, store)
        lost = sorted(chunks.difference(_chunks(array)))
        if lost:
            raise CubeError(
                f"{store}: {len(lost)} of {len(chunks)} chunks of {array.relative_to(store)} are "
                f"missing, {lost[0]} for one. Their values would be NaN without a word. Copy the "
                f"store again, all of it, or make it anew."
            )


def note_format(path: Path) -> None:
    """Note in a netCDF file that is whole which format it has.

    Parameters
    ----------
    path : Path
        The file.
    """
    import netCDF4

    with netCDF4.Dataset(path, mode="a") as file:
        file.setncattr(_VERSION, FORMAT)


def take_format(tree: xr.DataTree, path: Path) -> None:
    """Check the format that a netCDF file notes, and take the note off what was read.

    Parameters
    ----------
    tree : DataTree
        As xarray opened it; without a note where nobody made one.
    path : Path
        Where it is, for messages.

    Raises
    ------
    CubeError
        A newer version wrote it.
    """
    _require_format(tree.attrs.pop(_VERSION, FORMAT), path)


def _require_format(found: object, archive: Path) -> None:
    if not np.array_equal(found, FORMAT):  # type: ignore[arg-type]  # whatever is there
        raise CubeError(
            f"{archive}: this archive has format {found}, and this version of qsiparc reads "
            f"format {FORMAT}. Install a newer one: pip install --upgrade qsiparc."
        )


def _arrays(store: Path) -> Iterator[Path]:
    """The folders of a store's arrays."""
    for folder, below, names in os.walk(store):
        if ".zarray" in names or NAME in names or _is_array(Path(folder, "zarr.json"), names):
            below.clear()
            yield Path(folder)


def _is_array(metadata: Path, names: list[str]) -> bool:
    if metadata.name not in names:
        return False
    try:
        content = json.loads(metadata.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # zarr says what is wrong with it
        return False
    return isinstance(content, dict) and content.get("node_type") == "array"


def _chunks(array: Path) -> Iterator[str]:
    """The files of an array that hold its values."""
    for folder, _, names in os.walk(array):
        for name in names:
            if name not in _METADATA:
                yield Path(folder, name).relative_to(array).as_posix()
