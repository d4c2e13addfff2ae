"""Region values back onto the brain: the inverse of extraction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np
import xarray as xr

from qsiparc.arguments import is_one_of, number
from qsiparc.captions import describe_values
from qsiparc.cube import is_cube, require_cube
from qsiparc.errors import CubeError, LabelError, LabelWarning, OptionError, warn
from qsiparc.labels import counted, some
from qsiparc.names import MEMBER_LABELS, RELABELLED, SPACE, VALUE, VOXEL_DIMS
from qsiparc.parcellation import Parcellation
from qsiparc.selection import select
from qsiparc.space import GRID_ATTR, space_coords

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qsiparc.parcellation import Dseg

Missing = Literal["warn", "raise", "ignore"]

ESTIMATE: Final = 1001
"""The NIfTI intent of values that were estimated, which a dseg's own, labels, are not."""


def to_volume(
    values: xr.DataArray | xr.Dataset | xr.DataTree,
    dseg: Dseg,
    *,
    stat: str | None = None,
    scalar: str | None = None,
    subject: str | None = None,
    atlas: str | None = None,
    fill: float = np.nan,
    missing: Missing = "warn",
) -> xr.DataArray:
    """A volume in which every voxel of a region holds the region's value.

    Parameters
    ----------
    values : DataArray, Dataset or DataTree
        A cube, a tree of cubes, or an array along ``region`` that was computed from one.
    dseg : DataArray, path, nibabel image or Parcellation
        The label image to paint on.
    stat, scalar, subject : str, optional
        Which value; needed where the cube has more than one.
    atlas : str, optional
        Which cube of a tree; unless given, the one that the name of ``dseg`` says, or the only one.
    fill : float, optional
        For voxels of no region of the cube. A region without a value is NaN all the same.
    missing : {"warn", "raise", "ignore"}, optional
        What to do when ``dseg`` has labels that the cube lacks, or lacks regions that have a value.

    Returns
    -------
    DataArray
        ``(i, j, k)`` in float64 on the grid of ``dseg``, with ``units`` and ``long_name``.

    Raises
    ------
    CubeError
        There are several values for a region; the message says of what.
    SelectionError
        There is none of that name.
    LabelError
        The two have no region in common, or (``missing="raise"``) not all of them.

    Warns
    -----
    LabelWarning
        Regions are in one of the two only.
    """
    if not is_one_of(missing, get_args(Missing)):
        raise OptionError(f"missing takes 'warn', 'raise' or 'ignore', not {missing!r}.")
    fill = number(fill, "fill", what="the value outside of all regions, NaN or 0 say")
    if atlas is not None and not isinstance(atlas, str):
        raise OptionError(f"atlas is the name of one cube of a tree, as text, not {atlas!r}.")
    parcellation = Parcellation.from_labels(dseg)
    if isinstance(values, xr.DataTree):
        values = _of_atlas(values, atlas, parcellation.atlas_name)
    elif atlas is not None:
        raise OptionError(f"atlas={atlas!r} chooses a cube of a tree, and this is no tree.")
    of_cube = values.attrs
    if isinstance(values, xr.Dataset):
        wanted = {"stat": stat, "scalar": scalar, "subject": subject}
        values = select(_require_values(values), wanted)[VALUE]
    values = _one_a_region(values)
    regions, numbers = _by_label(values, dseg)
    _tell(regions, numbers, parcellation, missing, one="region" not in values.dims)
    painted = np.full(parcellation.grid.shape, fill, np.float64, order="F")
    known = dict(zip(regions.tolist(), numbers.tolist(), strict=True))
    each = np.array([known.get(label, fill) for label in parcellation.labels.tolist()])
    painted.reshape(-1, order="F")[parcellation.positions] = np.repeat(each, parcellation.sizes)
    attrs = describe_values(values, of_cube)
    name = str(values.coords["stat"].item()) if "stat" in values.coords else values.name
    volume = xr.DataArray(painted, _grid_coords(dseg, parcellation), VOXEL_DIMS, name, attrs)
    return volume.assign_attrs({GRID_ATTR: _witness(dseg, parcellation)})


def _by_label(values: xr.DataArray, dseg: Dseg) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Labels in the image and their values; the labels of a group have the group's."""
    numbers = np.asarray(values.to_numpy(), np.float64).ravel()
    if MEMBER_LABELS not in values.coords:
        return values["region"].to_numpy().ravel(), numbers
    if isinstance(dseg, xr.DataArray) and RELABELLED in dseg.attrs:
        raise CubeError(
            "These values are of groups that were combined after extraction. They are painted onto "
            "the label image of the regions, and this one has been relabelled."
        )
    members = [cell.split() for cell in np.atleast_1d(values[MEMBER_LABELS].to_numpy()).tolist()]
    regions = np.array([int(label) for labels in members for label in labels], np.int64)
    labels, times = np.unique(regions, return_counts=True)
    if (times > 1).any():
        raise CubeError(
            f"Groups overlap, and a voxel has one value: {some(labels[times > 1])} are in several."
        )
    return regions, np.repeat(numbers, list(map(len, members)))


def _of_atlas(tree: xr.DataTree, atlas: str | None, named: str) -> xr.Dataset:
    """The cube of one atlas of a tree."""
    cubes = {node.name or "": node.to_dataset() for node in tree.subtree if VALUE in node.data_vars}
    known = {str(cube.attrs.get("atlas", "")): name for name, cube in cubes.items()}
    for wanted in (atlas,) if atlas is not None else (named, *(cubes if len(cubes) == 1 else ())):
        name = wanted if wanted in cubes else known.get(wanted)
        if name is not None:
            return cubes[name]
    asked = f"There is no atlas {atlas!r} here" if atlas else "Say which atlas: atlas=…"
    raise CubeError(f"{asked}. The tree has: {', '.join(cubes) or 'no cube'}.")


def _require_values(dataset: xr.Dataset) -> xr.Dataset:
    """A cube, or what is left of one: its mean over subjects, say."""
    return dataset if VALUE in dataset and not is_cube(dataset) else require_cube(dataset)


def _one_a_region(values: xr.DataArray) -> xr.DataArray:
    """The same values without dims other than ``region``."""
    several = {str(d): n for d, n in values.sizes.items() if d != "region" and n > 1}
    if several:
        each = " and ".join(f"one {dim} of {n}" for dim, n in several.items())
        raise CubeError(f"A volume shows one value a region; choose {each}.")
    if "region" not in values.coords:
        raise CubeError(
            f"Only values a region can be painted, and these have no coordinate 'region': "
            f"their dims are {tuple(values.dims)}."
        )
    values = values.squeeze([dim for dim in values.dims if dim != "region"])
    if "region" in values.indexes and values.indexes["region"].has_duplicates:
        twice = values.indexes["region"]
        raise CubeError(f"A region stands twice: {twice[twice.duplicated()].tolist()[:5]}.")
    return values


def _tell(
    regions: NDArray[np.integer],
    numbers: NDArray[np.float64],
    parcellation: Parcellation,
    missing: Missing,
    *,
    one: bool,
) -> None:
    """Say which regions are in the cube or in the dseg alone; one that was selected is meant."""
    name = parcellation.source or "The dseg"
    unknown = np.setdiff1d(parcellation.labels, regions)
    lost = np.setdiff1d(regions[~np.isnan(numbers)], parcellation.labels)
    if unknown.size == len(parcellation) > 0 and regions.size:
        raise LabelError(
            f"{name} and the cube have no region in common: its labels are {some(unknown)}, those "
            f"of the cube {some(regions)}. Is it the label image of another atlas?"
        )
    if missing == "ignore":
        return
    told = []
    if unknown.size and not one:
        told.append(f"{name} holds {counted(unknown)} that the cube lacks: {some(unknown)}.")
    if lost.size:
        told.append(
            f"{name} lacks {counted(lost, 'region')}, whose values are nowhere now: {some(lost)}."
        )
    if told and missing == "raise":
        raise LabelError(" ".join(told))
    if told:
        warn(f"{' '.join(told)} If that is meant: missing='ignore'.", LabelWarning)


def _grid_coords(dseg: Dseg, parcellation: Parcellation) -> xr.Coordinates:
    """The voxel numbers and the affine of the label image."""
    coords = space_coords(parcellation.grid)
    if isinstance(dseg, xr.DataArray):
        coords = dseg.coords.to_dataset()[[*VOXEL_DIMS, SPACE]].copy().coords
    attrs: dict[str, Any] = {**coords[SPACE].attrs, "intent_code": ESTIMATE}
    coords[SPACE].attrs = attrs
    return coords


def _witness(dseg: Dseg, parcellation: Parcellation) -> str:
    if isinstance(dseg, xr.DataArray) and GRID_ATTR in dseg.attrs:
        return str(dseg.attrs[GRID_ATTR])
    return parcellation.grid.fingerprint
