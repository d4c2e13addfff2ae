"""A label image, factorised once and reused for every map."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

import numpy as np
import xarray as xr

from qsiparc.arguments import is_one_of
from qsiparc.entities import parse_entities
from qsiparc.errors import GridMismatchError, LabelWarning, OptionError, SpaceError, warn
from qsiparc.grid import Grid, GridMatch, match_grids
from qsiparc.kernels import Plan, Segments, gather, make_plan
from qsiparc.labels import some, whole_labels
from qsiparc.names import LABEL_INTENT, SPACE, VOXEL_DIMS
from qsiparc.nifti import open_nifti
from qsiparc.sizes import as_html, as_text
from qsiparc.space import GRID_ATTR, space_coords, voxel_grid

if TYPE_CHECKING:
    import os

    import nibabel as nib
    from numpy.typing import NDArray

    Dseg: TypeAlias = (
        xr.DataArray | str | os.PathLike[str] | nib.spatialimages.SpatialImage | "Parcellation"
    )

Resample = Literal["nearest"]

HALF: Final = 0.5 + 1e-6
"""What is added to a voxel number before its fraction is cut off; the rest is beyond rounding."""


def opened(dseg: Any) -> xr.DataArray:  # noqa: ANN401 - whatever stands in its place
    """The image of a path or a nibabel image; an error that says what may be given instead."""
    try:
        return open_nifti(dseg)
    except TypeError as error:
        raise TypeError(
            f"dseg, the label image, is a DataArray, a path, a nibabel image or a Parcellation, "
            f"not {type(dseg).__name__}. The order is extract(dseg, lut); a NumPy array needs an "
            f"affine: xr.DataArray(array, dims=('i', 'j', 'k')).parc.with_affine(affine)."
        ) from error


@dataclass(frozen=True, eq=False)
class Parcellation:
    """The labelled voxels of an atlas image, region by region.

    Make one with `from_labels`; reuse it for as many maps as there are on its grid.

    Parameters
    ----------
    grid : Grid
        Where the voxels are.
    labels : numpy.ndarray
        (regions,) the labels that are present, ascending, without the background 0; int64.
    positions : numpy.ndarray
        (voxels,) of the labelled voxels in the volume flattened with ``i`` fastest.
    offsets : numpy.ndarray
        (regions + 1,) where each region starts in ``positions``.
    atlas_name : str
        From the ``seg`` or ``atlas`` entity of the image's name, or empty.
    source : str
        Name of the image's file, or empty.

    Examples
    --------
    >>> labels = xr.DataArray(np.repeat([0, 1, 7], 9).reshape(3, 3, 3), dims=("i", "j", "k"))
    >>> Parcellation.from_labels(labels.parc.with_affine(np.diag([2, 2, 2, 1])))
    <Parcellation: 2 regions, 18 voxels of 8 mm³; 3×3×3, 2×2×2 mm, RAS>
       label  voxels       mm³
           1       9      72.0
           7       9      72.0
    """

    grid: Grid
    labels: NDArray[np.int64]
    positions: NDArray[np.signedinteger]
    offsets: NDArray[np.intp]
    atlas_name: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        for array in (self.labels, self.positions, self.offsets):
            array.flags.writeable = False
        size = math.prod(self.grid.shape)  # gathering takes every position for one of the volume
        if self.positions.size and not 0 <= self.positions.min() <= self.positions.max() < size:
            raise SpaceError(f"There are positions beyond the {size:,} voxels of {self.grid}.")

    def __reduce__(self) -> tuple[Any, ...]:
        """Made anew from its fields, so that the copy is frozen as well."""
        return type(self), tuple(getattr(self, field.name) for field in fields(self))

    @classmethod
    def from_labels(
        cls,
        dseg: Dseg,
        *,
        atlas_name: str | None = None,
    ) -> Parcellation:
        """Factorise a label image.

        Parameters
        ----------
        dseg : DataArray, path, nibabel image or Parcellation
            Whole numbers on ``(i, j, k)``, of any type; 0 is background.
        atlas_name : str, optional
            Instead of the one in the file's name.

        Returns
        -------
        Parcellation
            Its regions are the labels that are present. A `Parcellation` is returned as it is,
            or with the name that was given.

        Raises
        ------
        LabelError
            The image holds no whole numbers: a scalar map, or a probabilistic atlas.
        SpaceError
            The image has no affine.

        Warns
        -----
        LabelWarning
            Labels were rounded by more than 0.01, or NaN was taken as background.
        """
        if isinstance(dseg, Parcellation):
            return dseg if atlas_name is None else replace(dseg, atlas_name=atlas_name)
        image = dseg if isinstance(dseg, xr.DataArray) else opened(dseg)
        source = str(image.attrs.get("source", ""))
        grid = voxel_grid(image)
        flat = whole_labels(image, source or "the dseg")
        entities = parse_entities(source)
        known = entities.get("seg") or entities.get("atlas") or image.attrs.get("atlas", "")
        return cls(grid, *make_plan(flat), known if atlas_name is None else atlas_name, source)

    @property
    def sizes(self) -> NDArray[np.intp]:
        """(regions,) voxels of each region in the image."""
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return self.labels.size

    def to_labels(self) -> xr.DataArray:
        """The label image again: the inverse of `from_labels`.

        Returns
        -------
        DataArray
            ``(i, j, k)`` integers on the grid, as small as the labels allow, 0 outside;
            ``.parc.to_nifti(path)`` writes them.
        """
        low, high = self.labels.min(initial=0), self.labels.max(initial=0)
        small = [np.iinfo(kind) for kind in (np.int16, np.int32)]
        dtype = next((k.dtype for k in small if k.min <= low and high <= k.max), np.int64)
        image = np.zeros(self.grid.shape, dtype, order="F")
        image.reshape(-1, order="F")[self.positions] = np.repeat(self.labels, self.sizes)
        attrs = {"source": self.source, "atlas": self.atlas_name}
        kept = {key: value for key, value in attrs.items() if value}
        coords = space_coords(self.grid)
        coords[SPACE].attrs["intent_code"] = LABEL_INTENT
        return xr.DataArray(
            image, coords, VOXEL_DIMS, "dseg", {**kept, GRID_ATTR: self.grid.fingerprint}
        )

    def on(self, grid: Grid, *, resample: Resample | None = None, name: str = "") -> Parcellation:
        """The same labels, voxel for voxel on a map's grid.

        Parameters
        ----------
        grid : Grid
            The map's.
        resample : {"nearest", None}, optional
            What to do when the two are not one lattice: take the nearest label, or raise.
        name : str, optional
            What the map is called in messages.

        Returns
        -------
        Parcellation
            This one where the grids are one; reoriented exactly where axes are flipped or permuted.

        Raises
        ------
        GridMismatchError
            The grids are not one lattice and ``resample`` is None, or no label is left by it.
        """
        if resample is not None:
            if not is_one_of(resample, get_args(Resample)):
                raise OptionError(f"resample takes 'nearest' or None, not {resample!r}.")
            return self._nearest(grid)
        match = match_grids(grid, self.grid, of=self.source or "the dseg", to=name or "the map")
        return self if match.is_identity else self.turned(grid, match)

    def turned(self, grid: Grid, match: GridMatch) -> Parcellation:
        """The same labels on a map's grid, once it is known how theirs lies on it.

        Parameters
        ----------
        grid : Grid
            The map's.
        match : GridMatch
            What `qsiparc.grid.match_grids` says of the two.

        Returns
        -------
        Parcellation
            Reoriented exactly.
        """
        index = np.unravel_index(self.positions, self.grid.shape, order="F")
        moved = tuple(
            self.grid.shape[axis] - 1 - index[axis] if flip else index[axis]
            for axis, flip in zip(match.axes, match.flips, strict=True)
        )
        positions = np.ravel_multi_index(moved, grid.shape, order="F").astype(self.positions.dtype)
        for start, stop in zip(self.offsets[:-1].tolist(), self.offsets[1:].tolist(), strict=True):
            positions[start:stop].sort()
        return self._moved(grid, Plan(self.labels, positions, self.offsets))

    def _nearest(self, grid: Grid) -> Parcellation:
        """The label nearest to each voxel of another grid, a slab at a time."""
        codes = np.zeros(self.grid.shape, np.int32, order="F")
        codes.reshape(-1, order="F")[self.positions] = np.repeat(
            np.arange(1, len(self) + 1), self.sizes
        )
        matrix = np.linalg.inv(self.grid.affine) @ grid.affine
        result = np.zeros(grid.shape, np.int32, order="F")
        i, j = np.meshgrid(*map(np.arange, grid.shape[:2]), indexing="ij")
        for k in range(grid.shape[2]):
            voxels = np.stack([i, j, np.full_like(i, k)], axis=-1)
            # Half-way points go up, all of them: rounding to even gives every other voxel more.
            nearest = voxels @ matrix[:3, :3].T + (matrix[:3, 3] + HALF)
            nearest = np.floor(nearest).astype(np.intp)
            inside = ((nearest >= 0) & (nearest < self.grid.shape)).all(axis=-1)
            result[inside, k] = codes[tuple(nearest[inside].T)]
        plan = make_plan(result.reshape(-1, order="F"))
        labels = self.labels[plan.labels - 1]
        lost = np.setdiff1d(self.labels, labels)
        if lost.size == len(self) > 0:
            raise GridMismatchError(
                f"Not one labelled voxel of {self.source or 'the dseg'} ({self.grid}) lies on the "
                f"map's grid ({grid}): they do not overlap, or only in the background. Give a dseg "
                f"in the space of the map."
            )
        if lost.size:
            warn(
                f"Resampling {self.source or 'the dseg'} onto the map's grid lost {lost.size} of "
                f"{len(self)} regions: labels {some(lost)}.",
                LabelWarning,
            )
        return self._moved(grid, plan._replace(labels=labels))

    def _moved(self, grid: Grid, plan: Plan) -> Parcellation:
        return Parcellation(grid, *plan, self.atlas_name, self.source)

    def segments(self, volume: NDArray[Any], *, zero_is_missing: bool = False) -> Segments:
        """The values of a map, region by region.

        Parameters
        ----------
        volume : numpy.ndarray
            ``(i, j, k)`` values on the parcellation's grid; they are copied, never changed.
        zero_is_missing : bool, optional
            Whether a value of exactly 0 is missing.

        Returns
        -------
        Segments
            Sorted values of every region, and reductions over them.
        """
        values = self.gather(volume)
        if zero_is_missing:
            values = values.astype(np.result_type(values.dtype, np.float32), copy=False)
            values[values == 0] = np.nan
        return Segments(values, self.offsets)

    def gather(self, volume: NDArray[Any]) -> NDArray[Any]:
        """The values of a map, region by region, within a region in the order of the file.

        Parameters
        ----------
        volume : numpy.ndarray
            ``(i, j, k)`` values on the parcellation's grid; they are copied, never changed.

        Returns
        -------
        numpy.ndarray
            (voxels,) as in `positions`, in the map's own type, native.
        """
        if volume.shape != self.grid.shape:
            raise SpaceError(f"The map has shape {volume.shape}, the labels {self.grid.shape}.")
        if volume.flags.c_contiguous and not volume.flags.f_contiguous:
            values = gather(volume.reshape(-1), self._c_positions)
        else:
            values = gather(volume.reshape(-1, order="F"), self.positions)
        values = values.astype(values.dtype.newbyteorder("="), copy=False)
        return values.astype(np.uint8) if values.dtype == np.bool_ else values

    @cached_property
    def _c_positions(self) -> NDArray[np.signedinteger]:
        """The positions in the volume flattened with ``k`` fastest."""
        index = np.unravel_index(self.positions, self.grid.shape, order="F")
        moved = np.ravel_multi_index(index, self.grid.shape, order="C")
        return moved.astype(self.positions.dtype)

    def __repr__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str:
        return as_html(self)
