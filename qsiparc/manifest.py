"""What an archive carries so that damage shows: checksums, and lists of chunks.

A zarr array may lack any chunk, which then holds the fill value: a file that was lost is NaN to
every reader, without a word. So each array notes its chunks in a file of its own, which other
readers do not look at. What arrays are, is written twice, by themselves and once for all of
them; where the two differ, one of them is damaged.
"""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from qsiparc.errors import CubeError, QsiparcWarning, warn
from qsiparc.regular import read_regular

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr

NAME: Final = ".qsiparc"
"""In the folder of an array: a stranger in that of a group makes zarr warn."""

FORMAT: Final = 1
"""Of the archives that this version writes; it reads no newer ones."""

PART_FORMAT: Final = 2
"""Of the parts of a study, whose attribute `PART` says so."""

PART: Final = "qsiparc_part"

_VERSION: Final = "qsiparc_archive"
"""Where the format is noted: in `NAME`, and in netCDF as an attribute of the file."""

_ROOT: Final = "attributes_crc32"
"""In `NAME`: of the attributes of the whole store, which stand in one place alone."""

_ZARR_JSON: Final = "zarr.json"
_CONSOLIDATED: Final = "consolidated_metadata"

_METADATA: Final = (_ZARR_JSON, ".zarray", ".zattrs", ".zgroup", ".zmetadata", NAME)


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
    root = _root_crc32(_metadata(store))
    for array in _arrays(store):
        noted = {_VERSION: FORMAT, "chunks": sorted(_chunks(array))}
        noted |= {} if root is None else {_ROOT: root}
        (array / NAME).write_text(json.dumps(noted), encoding="utf-8")


def require_whole(store: Path) -> None:
    """Check that a store lost no chunk since it was written, and says what it said then.

    Parameters
    ----------
    store : Path
        Its folder; arrays that somebody else wrote are passed over.

    Raises
    ------
    CubeError
        A chunk is missing, metadata are damaged, or a newer version wrote the store. The message
        names it.

    Warns
    -----
    QsiparcWarning
        The attributes of the store are not those that were saved: damaged, or changed on purpose.
    """
    root, as_saved = _metadata(store), set()
    for array in _arrays(store):
        try:
            noted = json.loads(read_regular(array / NAME, CubeError, may_lack=True))
            version, chunks = noted[_VERSION], set(noted["chunks"])
        except FileNotFoundError:
            continue
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CubeError(f"{array / NAME}: the list of chunks is damaged: {error}.") from error
        _require_format(version, store)
        as_saved.add(noted.get(_ROOT))
        lost = sorted(chunks.difference(_chunks(array)))
        if lost:
            raise CubeError(
                f"{store}: {len(lost)} of {len(chunks)} chunks of {array.relative_to(store)} are "
                f"missing, {lost[0]} for one. Their values would be NaN without a word. Copy the "
                f"store again, all of it, or make it anew."
            )

    if as_saved:
        _compare_metadata(store, root)
        found = _root_crc32(root)
        if found is not None and not as_saved <= {None, found}:
            warn(
                f"{store}: its attributes are not those that were saved: {_ZARR_JSON} is damaged, "
                f"or something else than qsiparc changed it. Copy it again from its source, or, if "
                f"the attributes are right, .parc.save it anew.",
                QsiparcWarning,
            )


def _compare_metadata(store: Path, root: Any) -> None:  # noqa: ANN401 - any JSON
    """Compare what a store says of each array and group with what these say themselves."""
    together = root.get(_CONSOLIDATED) if isinstance(root, dict) else None
    members = together.get("metadata") if isinstance(together, dict) else None
    for name, said in members.items() if isinstance(members, dict) else ():
        own = _metadata(store / name)
        if own is not None and _alone(own) == _alone(said):
            continue
        if not (store / name).is_dir():
            raise CubeError(
                f"{store}: the folder of {name} is missing. Copy the store again, all of it."
            )
        raise CubeError(
            f"{store}: {name}/{_ZARR_JSON} and {_ZARR_JSON} differ in what {name} is, so that one "
            f"of them is damaged. Copy the store again from its source, or make it anew."
        )


def _metadata(folder: Path) -> Any:  # noqa: ANN401 - any JSON
    """What a store, a group or an array says of itself; None where that cannot be read."""
    try:
        return json.loads(read_regular(folder / _ZARR_JSON, CubeError, may_lack=True))
    except FileNotFoundError:
        return None
    except CubeError:
        raise
    except (OSError, ValueError, RecursionError):  # zarr says what is wrong with it
        return None


def _alone(metadata: Any) -> str:  # noqa: ANN401 - any JSON
    """Metadata as text, to compare, without those of members; NaN is NaN."""
    own = metadata if isinstance(metadata, dict) else {}
    return json.dumps({key: own[key] for key in own if key != _CONSOLIDATED}, sort_keys=True)


def _root_crc32(root: Any) -> int | None:  # noqa: ANN401 - any JSON
    if not isinstance(root, dict):
        return None
    return zlib.crc32(json.dumps(root.get("attributes"), sort_keys=True).encode())


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
        A newer version wrote it; or it is a part of a study that another version wrote.
    """
    _require_format(tree.attrs.pop(_VERSION, FORMAT), path)
    require_part_format(tree.attrs.get(PART, PART_FORMAT), path)


def require_part_format(found: object, path: Path) -> None:
    """Check the format of a part of a study.

    Parameters
    ----------
    found : object
        What it says of itself.
    path : Path
        Where it is, for messages.

    Raises
    ------
    CubeError
        Another version wrote it.
    """
    if np.array_equal(found, PART_FORMAT):  # type: ignore[arg-type]  # whatever is there
        return
    is_older = isinstance(found, int | np.integer) and found < PART_FORMAT
    raise CubeError(
        f"{path}: this part of a study has format {found}, and this version of qsiparc reads "
        f"format {PART_FORMAT}. "
        + (
            "Run `qsiparc build` again: parts of an older format are made anew."
            if is_older
            else "Install a newer one: pip install --upgrade qsiparc."
        )
    )


def _require_format(found: object, archive: Path) -> None:
    if not np.array_equal(found, FORMAT):  # type: ignore[arg-type]  # whatever is there
        raise CubeError(
            f"{archive}: this archive has format {found}, and this version of qsiparc reads "
            f"format {FORMAT}. Install a newer one: pip install --upgrade qsiparc."
        )


def _arrays(store: Path) -> Iterator[Path]:
    """The folders of a store's arrays."""
    for folder, below, names in os.walk(store):
        if ".zarray" in names or NAME in names or _is_array(Path(folder), names):
            below.clear()
            yield Path(folder)


def _is_array(folder: Path, names: list[str]) -> bool:
    if _ZARR_JSON not in names:
        return False
    content = _metadata(folder)
    return isinstance(content, dict) and content.get("node_type") == "array"


def _chunks(folder: Path, above: str = "") -> Iterator[str]:
    """The files of an array that hold its values; what is no file would make a reader wait."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _chunks(Path(entry.path), f"{above}{entry.name}/")
            elif entry.is_file() and entry.name not in _METADATA:
                yield f"{above}{entry.name}"
