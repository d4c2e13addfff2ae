"""From NIfTI to a lazy DataArray."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final, NamedTuple

import nibabel as nib
import numpy as np
import xarray as xr
from nibabel.spatialimages import SpatialImage
from xarray.core import indexing

from qsiparc.entities import describe, parse_name
from qsiparc.errors import NiftiError, NiftiWarning, SpaceError, warn
from qsiparc.grid import Grid
from qsiparc.header import check_stored, load_image
from qsiparc.names import LABEL, SPACE, VOLUME, VOXEL_DIMS, legible
from qsiparc.sidecar import read_label_map, read_sidecar
from qsiparc.space import GRID_ATTR, space_coords
from qsiparc.unreadable import naming
from qsiparc.voxels import MemoryArray, NiftiArray, require_real

CODES: Final = ("sform_code", "qform_code", "intent_code")
IN_MEMORY: Final = "the image in memory"
OTHER_UNITS: Final = {1: "metres", 3: "micrometres"}


def open_nifti(
    path_or_image: str | os.PathLike[str] | SpatialImage,
    *,
    chunks: Any = None,  # noqa: ANN401 - whatever xarray's `chunks` may be
) -> xr.DataArray:
    """Open a NIfTI volume, lazily.

    Parameters
    ----------
    path_or_image : str, Path or nibabel image
        A ``.nii``, ``.nii.gz`` or ``.img``/``.hdr`` file, or an image in memory.
    chunks : int, dict, "auto" or None, optional
        As in `xarray.open_dataarray`: given, the array is a dask array.

    Returns
    -------
    DataArray
        Dims ``(i, j, k)``, of a 4D file ``(i, j, k, volume)``; coordinates are the voxel numbers
        of the file and the scalar ``space``, which carries the affine. Values are scaled by the
        header, in the file's own type where it asks for no scaling. ``units``, ``long_name``,
        ``valid_range``, ``valid_min`` and ``valid_max`` come from the JSON sidecar where there is
        one, and so does ``label``, the name of each volume of a 4D file. Nothing is read before it
        is asked for.

    Raises
    ------
    NiftiError
        The file is no NIfTI volume, is cut short, or is damaged. It names the file.
    FileNotFoundError
        There is no such file.

    Examples
    --------
    >>> import nibabel as nib, numpy as np
    >>> image = nib.Nifti1Image(np.zeros((4, 5, 6), "f4"), np.diag([2, 2, 2, 1]))
    >>> fa = open_nifti(image)
    >>> fa.dims, fa.parc.voxel_volume
    (('i', 'j', 'k'), 8.0)
    """
    if not isinstance(path_or_image, str | os.PathLike | SpatialImage):
        raise TypeError(
            f"open_nifti takes a path or a nibabel image of a volume, not "
            f"{type(path_or_image).__name__}. An array needs an affine: "
            f"xr.DataArray(array, dims=('i', 'j', 'k')).parc.with_affine(affine)."
        )
    if (
        isinstance(path_or_image, str)
        and "://" in path_or_image
        and not Path(path_or_image).exists()
    ):
        raise NiftiError(
            f"{path_or_image}: qsiparc reads files, and this is an address. Download it first."
        )
    source: Any = path_or_image
    return xr.open_dataarray(source, engine="nifti", chunks=chunks)


def read_dataset(path_or_image: str | os.PathLike[str] | SpatialImage) -> xr.Dataset:
    """A dataset of the one, lazy variable of a volume; what the backend returns.

    Parameters
    ----------
    path_or_image : str, Path or nibabel image
        The volume.

    Returns
    -------
    Dataset
        Its variable is named by the ``param`` entity of the file's name, else by its suffix.
    """
    return read_lazily(path_or_image).dataset()


class Opened(NamedTuple):
    """What the header, the name and the sidecar of a volume tell; no dataset yet.

    Parameters
    ----------
    name : str
        Of the variable.
    variable : Variable
        Its lazy voxels, described.
    grid : Grid
        Where they are.
    codes : dict of str to int
        Attributes of ``space``.
    labels : list of str or None
        Names of the volumes of a 4D file.
    array : NiftiArray
        The same voxels, for those who read a file in their own way.
    """

    name: str
    variable: xr.Variable
    grid: Grid
    codes: dict[str, int]
    labels: list[str] | None
    array: Any

    def dataset(self) -> xr.Dataset:
        """A dataset of the one variable."""
        coords = space_coords(self.grid)
        coords[SPACE].attrs.update(self.codes)
        if VOLUME in self.variable.dims:
            coords = coords.assign({VOLUME: np.arange(self.variable.sizes[VOLUME])})
        if self.labels:
            names = np.array(self.labels, np.dtypes.StringDType())
            coords = coords.assign({LABEL: (VOLUME, names)})
        return xr.Dataset({self.name: self.variable}, coords)

    def volume(self) -> xr.DataArray:
        """The variable of the dataset."""
        return self.dataset()[self.name]


def read_lazily(path_or_image: str | os.PathLike[str] | SpatialImage) -> Opened:
    """What there is to know of a volume, its voxels unread.

    Parameters
    ----------
    path_or_image : str, Path or nibabel image
        The volume.

    Returns
    -------
    Opened
    """
    if isinstance(path_or_image, SpatialImage):
        image: Any = path_or_image
        filename = image.get_filename()
        path = Path(filename) if filename else None
    else:
        path = Path(path_or_image)
        image = load_image(path)
    if not isinstance(image, nib.AnalyzeImage):
        raise NiftiError(
            f"{path or IN_MEMORY}: this is a {type(image).__name__}, not a NIfTI volume. If it is "
            f"a volume, convert it: nib.Nifti1Image.from_image(nib.load(path))."
        )
    if image is path_or_image and _is_in_file(image):
        check_stored(image)
    return _opened(image, path)


def _is_in_file(image: Any) -> bool:  # noqa: ANN401 - nibabel is half typed
    """Whether the voxels of an image are in a file, and not read yet."""
    return nib.is_proxy(image.dataobj) and isinstance(image.dataobj.file_like, str | os.PathLike)


def _opened(image: Any, path: Path | None) -> Opened:  # noqa: ANN401 - nibabel is half typed
    name = str(path or IN_MEMORY)
    shape = _volume_shape(image.shape, name)
    try:
        grid = Grid.of(image.affine, shape[:3])
    except SpaceError as error:
        raise NiftiError(f"{name}: {error}") from error
    data = _lazy(image, shape, name)
    dims = (*VOXEL_DIMS, VOLUME)[: len(shape)]
    whole = isinstance(data, NiftiArray) and data.is_compressed
    chunks = shape if whole else (*shape[:3], 1)
    description = describe(path) if path else {}
    attrs = {**(read_sidecar(path) if path else {}), **{k: v for k, v in description.items() if v}}
    if path:
        attrs["source"] = path.name
    attrs = {k: legible(v) if isinstance(v, str) else v for k, v in attrs.items()}
    variable = xr.Variable(
        dims,
        indexing.LazilyIndexedArray(data),
        {**attrs, GRID_ATTR: grid.fingerprint},
        {"preferred_chunks": dict(zip(dims, chunks, strict=False))},
    )
    codes = _codes(image.header, name)
    labels = read_label_map(path, shape[3]) if path and VOLUME in dims else None
    return Opened(_variable_name(path), variable, grid, codes, labels, data)


def _volume_shape(shape: tuple[int, ...], name: str) -> tuple[int, ...]:
    """The shape as 3D or 4D: 2D gets a third axis, axes of length 1 beyond the third go."""
    kept = (*shape, 1, 1)[: max(3, len(shape))]
    kept = kept[:3] + tuple(n for n in kept[3:] if n != 1)
    if len(kept) > 4 or min(kept) < 1 or not shape:  # noqa: PLR2004 - 3D or 4D
        raise NiftiError(
            f"{name}: its shape is {shape}; a volume has three dimensions, or four, each 1 or more."
            f"{_part_of(shape)}"
        )
    return kept


def _part_of(shape: tuple[int, ...]) -> str:
    """How to get a volume out of what has more dimensions, as the end of a message."""
    if shape[:4] == (1, 1, 1, 1):
        return " It seems to be CIFTI: write its volume with 'wb_command -cifti-separate'."
    if shape and min(shape) > 0:
        return " Write the part that is meant: nib.load(path).slicer[..., 0], say."
    return " The header is damaged: copy the file again from its source."


def _lazy(image: Any, shape: tuple[int, ...], name: str) -> Any:  # noqa: ANN401 - as _opened
    """The image's voxels: read on demand from a file, as they are from memory."""
    proxy = image.dataobj
    if _is_in_file(image):
        return NiftiArray.of(
            Path(proxy.file_like),
            shape=shape,
            dtype=proxy.dtype,
            offset=int(proxy.offset),
            slope=float(proxy.slope),
            inter=float(proxy.inter),
            state=getattr(proxy, "state", None),
        )
    with naming(Path(name)):
        data = np.asanyarray(proxy).reshape(shape, order="F")
    require_real(data.dtype, name)
    return MemoryArray(data)


def _variable_name(path: Path | None) -> str:
    parts = parse_name(path) if path else None
    name = describe(path)["param"] if path else ""
    if path and parts and not name:  # a name without entities is no BIDS name: all of it counts
        name = parts.suffix if parts.entities else path.name.removesuffix(parts.extension)
    return legible(name) if name and name not in {*VOXEL_DIMS, VOLUME, SPACE} else "map"


def _codes(header: Any, name: str) -> dict[str, int]:  # noqa: ANN401 - as _opened
    """The header's codes; a warning where they leave the place of the voxels open."""
    codes = {code: int(header[code]) for code in CODES if code in header}
    if not (codes.get("sform_code") or codes.get("qform_code")):
        warn(
            f"{name}: the header has neither a qform nor an sform, so where its voxels lie, and "
            f"which side is left, is a guess. Set the affine if you know it: "
            f".parc.with_affine(affine).",
            NiftiWarning,
        )
    unit = OTHER_UNITS.get(int(header["xyzt_units"]) & 7) if "xyzt_units" in header else None
    if unit:
        warn(
            f"{name}: the header says that voxel sizes are in {unit}; qsiparc takes them as "
            f"millimetres.",
            NiftiWarning,
        )
    return codes
