"""A probabilistic atlas: a volume of probabilities for every region, read one at a time."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias, TypeVar

import numpy as np
import xarray as xr

from qsiparc.entities import parse_entities
from qsiparc.errors import OptionError, WeightError, WeightWarning, warn
from qsiparc.grid import match_grids
from qsiparc.kernels import gather, position_type
from qsiparc.names import LABEL, VOXEL_DIMS
from qsiparc.nifti import open_nifti
from qsiparc.onepass import in_one_pass
from qsiparc.parcellation import Parcellation
from qsiparc.space import voxel_grid
from qsiparc.weights import ROUNDING, WAY_OUT, as_weights, warn_of_missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from qsiparc.grid import Grid
    from qsiparc.parcellation import Dseg

    Weights: TypeAlias = NDArray[Any] | None

T = TypeVar("T")

PERCENT: Final = 100
"""FSL's atlases hold percentages."""


@dataclass(frozen=True, eq=False)
class Probseg:
    """A probabilistic atlas, and what makes a region of each of its volumes.

    Parameters
    ----------
    image : DataArray
        ``(i, j, k)`` and perhaps one further dim, lazy or not.
    grid : Grid
        Where the voxels are.
    threshold : float or None
        Voxels belong to a region from this probability on; None: from more than 0 on.
    is_weighted : bool
        Whether the probabilities are the weights of the voxels.
    name : str
        What the atlas is called in messages.
    """

    image: xr.DataArray
    grid: Grid
    threshold: float | None
    is_weighted: bool
    name: str

    @classmethod
    def of(cls, dseg: Dseg, *, threshold: float | None, is_weighted: bool) -> Self:
        """The atlas that a user gave.

        Raises
        ------
        OptionError
            It is a `Parcellation`, has two further dims, or the threshold is none.
        """
        if isinstance(dseg, Parcellation):
            raise OptionError(
                "threshold and weights='probability' are for an atlas of probabilities; a "
                "Parcellation has labels."
            )
        if threshold is not None and (
            np.ndim(threshold) > 0
            or np.asarray(threshold).dtype.kind not in "biuf"
            or not 0 <= threshold < np.inf
        ):
            raise OptionError(f"threshold is a probability, 0 or more, not {threshold!r}.")
        image = dseg if isinstance(dseg, xr.DataArray) else open_nifti(dseg)
        further = [d for d in image.dims if d not in VOXEL_DIMS and image.sizes[d] != 1]
        ones = [d for d in image.dims if d not in VOXEL_DIMS and image.sizes[d] == 1]
        name = str(image.attrs.get("source", "")) or "the atlas"
        if len(further) > 1:
            raise OptionError(
                f"{name}: a probabilistic atlas has one dim beside i, j, k, a volume a region; "
                f"this one has {further}."
            )
        if image.dtype.kind not in "biuf":
            raise WeightError(f"{name}: probabilities are numbers, these are {image.dtype}.")
        keep = ones[:1] if not further else []
        image = image.squeeze([d for d in ones if d not in keep], drop=True)
        return cls(image, voxel_grid(image), threshold, is_weighted, name)

    @property
    def dim(self) -> str | None:
        """The dim with a volume a region; None where there is one volume."""
        return next((str(dim) for dim in self.image.dims if dim not in VOXEL_DIMS), None)

    @property
    def source(self) -> str:
        """Name of the file, or empty."""
        return str(self.image.attrs.get("source", ""))

    @property
    def atlas_name(self) -> str:
        """From the ``seg`` or ``atlas`` entity of the file's name, or empty."""
        entities = parse_entities(self.source)
        return str(
            entities.get("seg") or entities.get("atlas") or self.image.attrs.get("atlas", "")
        )

    def __len__(self) -> int:
        return 1 if self.dim is None else self.image.sizes[self.dim]

    def numbers(self) -> list[int]:
        """The number of every volume: its coordinate, or else 0, 1 and so on."""
        labels = self.image.coords.get(self.dim) if self.dim else None
        if labels is None or labels.dtype.kind not in "iu":
            return list(range(len(self)))
        return [int(number) for number in labels.values.tolist()]

    def labels(self) -> list[str] | None:
        """The name of every volume, from the image's sidecar or from the dim itself, or None."""
        for name in (LABEL, self.dim):
            labels = self.image.coords.get(name)
            if labels is not None and labels.dims == (self.dim,) and labels.dtype.kind in "TUO":
                return [str(label) for label in labels.values.tolist()]
        return None

    def on_each(
        self, grid: Grid, function: Callable[[Parcellation, Weights], T], *, of_map: str = ""
    ) -> list[T]:
        """What a function makes of every region; one volume is in memory at a time.

        Parameters
        ----------
        grid : Grid
            The map's; volumes are turned to it exactly where their axes run otherwise.
        function : callable
            Of a `Parcellation` with one region, labelled 0, or none where no voxel belongs to it,
            and of the weights of its voxels, (voxels,), or None where they all count alike.
        of_map : str, optional
            What the map is called in messages.

        Returns
        -------
        list
            In the order of the volumes.

        Raises
        ------
        GridMismatchError
            The atlas is on another lattice.
        WeightError
            A probability is infinite, negative, or above 1 in a place where that matters.
        """
        match = match_grids(grid, self.grid, of=self.name, to=of_map or "the map", way_out=WAY_OUT)
        found = _Found(self)
        with in_one_pass():
            results = [
                function(*self._region(grid, match.apply(volume), found, number))
                for number, volume in enumerate(self._volumes())
            ]
        found.judge()
        return results

    def _volumes(self) -> Iterator[NDArray[Any]]:
        """Every volume, ``(i, j, k)``; those of a dask chunk come together."""
        if self.dim is None:
            yield self.image.transpose(*VOXEL_DIMS).to_numpy()
            return
        chunks = self.image.chunksizes.get(self.dim, (1,) * len(self))
        start = 0
        for n in chunks:
            part = self.image.isel({self.dim: slice(start, start + n)})
            # Transposed when it is read: a lazy array would make an index of every voxel first.
            axes = [part.dims.index(dim) for dim in (self.dim, *VOXEL_DIMS)]
            yield from part.to_numpy().transpose(axes)
            start += n

    def _region(
        self, grid: Grid, volume: NDArray[Any], found: _Found, number: int
    ) -> tuple[Parcellation, Weights]:
        flat = found.checked(volume.reshape(-1, order="F"), number)
        inside = flat > 0
        if self.threshold:
            inside &= flat >= self.threshold * (1 - ROUNDING)
        positions = np.flatnonzero(inside).astype(position_type(flat.size))
        found.n_voxels += positions.size
        labels = np.zeros(min(positions.size, 1), np.int64)
        offsets = np.array([0, positions.size][: labels.size + 1], np.intp)
        region = Parcellation(grid, labels, positions, offsets, self.atlas_name, self.source)
        return region, gather(flat, positions) if self.is_weighted else None

    def __dask_tokenize__(self) -> str:
        """A name of its own for every graph: a hash would read all volumes."""
        return uuid.uuid4().hex


@dataclass
class _Found:
    """What was found in the volumes on the way, and is said once at the end."""

    atlas: Probseg
    largest: float = 0.0
    n_missing: int = 0
    n_voxels: int = 0

    def checked(self, flat: NDArray[Any], number: int) -> NDArray[Any]:
        """Probabilities of one volume."""
        name = f"{self.atlas.name}, volume {number}"
        flat, n_missing = as_weights(flat, name, scale=1)
        self.n_missing += n_missing
        high = float(flat.max(initial=0))
        self.largest = max(self.largest, high)
        threshold = self.atlas.threshold
        if threshold and threshold < 1 < high * (1 - ROUNDING):
            raise WeightError(
                f"{name}: probabilities are up to {high:.6g}, and threshold is {threshold:g}. If "
                f"they are percentages, as in the atlases of FSL, so is the threshold: "
                f"threshold={threshold * PERCENT:g}. If they are something else, scale them first."
            )
        return flat

    def judge(self) -> None:
        """Say what was doubtful about the whole.

        Raises
        ------
        WeightError
            The threshold is one of percentages, and they are none.
        """
        atlas = self.atlas
        warn_of_missing(self.n_missing, atlas.name)
        if (atlas.threshold or 0) * (1 - ROUNDING) > max(self.largest, 1) >= self.largest > 0:
            raise WeightError(
                f"{atlas.name}: the threshold is {atlas.threshold:g}, and its probabilities are up "
                f"to {self.largest:.6g}: they are no percentages, so threshold="
                f"{(atlas.threshold or 0) / PERCENT:g} may be meant."
            )
        if not self.n_voxels:
            reach = (
                f"reaches the threshold {atlas.threshold:g}" if atlas.threshold else "is above 0"
            )
            warn(
                f"{atlas.name}: no probability {reach}, the largest is {self.largest:.6g}; every "
                f"statistic is NaN.",
                WeightWarning,
            )
        if atlas.is_weighted and (atlas.threshold or 0) < 1 < self.largest * (1 - ROUNDING):
            warn(
                f"{atlas.name}: its volumes hold up to {self.largest:.6g}, so no probabilities. "
                f"Weights count in relation to each other, so percentages and densities give what "
                f"they should; labels do not.",
                WeightWarning,
            )
