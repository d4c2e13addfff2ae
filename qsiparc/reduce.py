"""One map, reduced over the regions of an atlas: what is done to every block of a volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import xarray as xr

from qsiparc.catalogue import Sample
from qsiparc.catalogue.sample import HUGE, n_nonfinite
from qsiparc.errors import NiftiWarning, warn
from qsiparc.kernels import Segments
from qsiparc.names import VOXEL_DIMS
from qsiparc.weighted import WeightedSegments

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from qsiparc.catalogue import Statistic
    from qsiparc.catalogue.declaration import Need
    from qsiparc.masking import Domain
    from qsiparc.validity import Validity

SHOWN: Final = 5
"""Regions that a warning names."""


class Reduced(NamedTuple):
    """A block after its reduction.

    Parameters
    ----------
    values : numpy.ndarray
        ``(…, region, stat)``.
    huge : numpy.ndarray
        (regions,) valid voxels that are no numbers worth the name.
    n_found, n_valid : int
        Voxels of all rows that are not NaN, and those that count.
    """

    values: NDArray[np.float64]
    huge: NDArray[np.intp]
    n_found: int
    n_valid: int


@dataclass(frozen=True, eq=False)
class Reduction:
    """How a map is reduced; a lazy cube takes it along, and it may travel to other processes.

    Parameters
    ----------
    domain : Domain
        Voxels of the regions.
    indices : numpy.ndarray
        (regions,) labels of the rows; not all need be in the image.
    names : tuple of str
        Of the rows, for messages.
    statistics : tuple of Statistic
        What is computed.
    validity : Validity
        Which voxels count.
    scalar : str
        What the map is called, for messages.
    """

    domain: Domain
    indices: NDArray[np.int64]
    names: tuple[str, ...]
    statistics: tuple[Statistic, ...]
    validity: Validity
    scalar: str

    def __call__(self, block: NDArray[Any]) -> NDArray[np.float64]:
        """``(…, i, j, k)`` to ``(…, region, stat)``."""
        return self._told(self.reduce(block))

    def of_gathered(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """``(region, stat)`` of the voxels of the domain, region by region; sorted in place."""
        return self._told(self._reduced((), [((), values)]))

    def _told(self, reduced: Reduced) -> NDArray[np.float64]:
        """The values, after a word on what is doubtful about them."""
        warn_of_huge(self.scalar, self.names, reduced.huge)
        if self.validity.is_stated and 2 * reduced.n_valid < reduced.n_found:
            _doubt_range(self.scalar, self.validity, reduced)
        return reduced.values

    def reduce(self, block: NDArray[Any]) -> Reduced:
        """The same of a block, and what there is to say of its values."""
        further, gather = block.shape[:-3], self.domain.parcellation.gather
        return self._reduced(further, ((at, gather(block[at])) for at in np.ndindex(further)))

    def _reduced(
        self,
        further: tuple[int, ...],
        gathered: Iterable[tuple[tuple[int, ...], NDArray[Any]]],
    ) -> Reduced:
        """What becomes of gathered voxels, each with its place along further dims."""
        labels = self.domain.parcellation.labels
        order = np.searchsorted(labels, self.indices)
        present = order < np.searchsorted(labels, self.indices, side="right")
        order = order[present]
        result = np.empty((*further, self.indices.size, len(self.statistics)))
        result[...] = [statistic.absent for statistic in self.statistics]
        huge = np.zeros(self.indices.size, np.intp)
        n_found = n_valid = 0
        for at, values in gathered:
            sample = self._sample(values, order)
            huge[present] += n_nonfinite(sample.segments)[order]
            n_found += int(sample.n_found[order].sum())
            n_valid += int(sample.count[order].sum())
            columns = np.stack([statistic(sample) for statistic in self.statistics], axis=-1)
            result[at][present] = columns[order]
        return Reduced(result, huge, n_found, n_valid)

    def _sample(self, values: NDArray[Any], order: NDArray[np.intp]) -> Sample:
        """What statistics are made of, of gathered voxels; ``order`` numbers the rows' regions."""
        domain = self.domain
        if domain.weights is None:
            valid, known = self._plain(values)
        else:
            valid, known = self._weighted(values, domain.weights)
        is_row = np.zeros(len(domain.parcellation), np.bool_)
        is_row[order] = True
        sample = Sample(
            valid,
            labels=domain.parcellation.labels,
            atlas_sizes=domain.atlas_sizes,
            mask_coverage=domain.mask_coverage,
            voxel_volume=domain.parcellation.grid.voxel_volume,
            is_enough=is_row,
            **known,
        )
        enough = self.validity.is_enough(sample.count, sample.coverage)
        if enough is not None:
            sample.is_enough = is_row & enough
        return sample

    def _plain(self, values: NDArray[Any]) -> tuple[Segments, dict[str, Any]]:
        """Valid voxels that count alike; values are sorted in place."""
        offsets = self.domain.parcellation.offsets
        unsorted = values.copy() if self._needs("voxel order") else values
        found = Segments(values, offsets)

        def in_order(region: int) -> NDArray[np.float64]:
            start, stop = offsets[region : region + 2]
            own = unsorted[start:stop]
            return own[self.validity.keep(own)].astype(np.float64)

        known = {"found": found, "in_order": in_order if self._needs("voxel order") else None}
        return self.validity.valid(found), known

    def _weighted(
        self, values: NDArray[Any], weights: NDArray[Any]
    ) -> tuple[Segments, dict[str, Any]]:
        """Valid voxels with their weights."""
        offsets, in_mask = self.domain.parcellation.offsets, self.domain.mask_coverage
        valid = WeightedSegments(values, weights, offsets, valid=self.validity.keep(values))
        whole = valid.coverage if in_mask is None else valid.coverage * in_mask
        counts_all = self._needs("zeros") or self._needs("non-finite")
        found = Segments(values, offsets) if counts_all else valid
        return valid, {"found": found, "coverage": whole}

    def _needs(self, what: Need) -> bool:
        return any(what in statistic.needs for statistic in self.statistics)


def _doubt_range(scalar: str, validity: Validity, reduced: Reduced) -> None:
    """Say that a map states a range in which few of its values are."""
    low, high = validity.valid_range or (-np.inf, np.inf)
    warn(
        f"{scalar}: the map states that its valid values are from {low:g} to {high:g}, and "
        f"{reduced.n_valid} of {reduced.n_found} are. If it was computed from another map, the "
        f"range is that one's: give valid_range=(low, high), or (None, None) to let all count.",
        NiftiWarning,
    )


def warn_of_huge(scalar: str, names: Sequence[str], huge: NDArray[np.intp]) -> None:
    """Say where values are that are none, for they make nonsense of a mean.

    Parameters
    ----------
    scalar : str
        What the map is called.
    names : sequence of str
        Of the regions.
    huge : numpy.ndarray
        (regions,) valid voxels that are infinite or beyond ±1e38.
    """
    bad = np.flatnonzero(huge)
    if not bad.size:
        return
    named = ", ".join(f"{names[one]} ({huge[one]})" for one in bad[:SHOWN].tolist())
    warn(
        f"{scalar}: voxels that are infinite or beyond ±{HUGE:g}, as where a fit failed, count as "
        f"values: {huge.sum()} in {bad.size} of the regions, {named}"
        f"{', …' if bad.size > SHOWN else ''}. Their mean, std and the like say nothing. "
        f"valid_range=(low, high) leaves them out; the statistic n_nonfinite counts them.",
        NiftiWarning,
    )


def reduce_map(volume: xr.Variable, reduction: Reduction) -> xr.Variable:
    """One map, of any further dims, to ``(…, region, stat)``; a dask array stays one.

    Parameters
    ----------
    volume : Variable
        With ``i, j, k``.
    reduction : Reduction
        What is done to it.

    Returns
    -------
    Variable
    """
    data = volume.data
    if isinstance(data, np.ndarray):  # what apply_ufunc would come to, without the way there
        further = [dim for dim in volume.dims if dim not in VOXEL_DIMS]
        block = data.transpose([volume.dims.index(dim) for dim in (*further, *VOXEL_DIMS)])
        return xr.Variable((*further, "region", "stat"), reduction(block))
    reduced: xr.Variable = xr.apply_ufunc(
        reduction,
        volume,
        input_core_dims=[VOXEL_DIMS],
        output_core_dims=[["region", "stat"]],
        dask="parallelized",
        output_dtypes=[np.float64],
        dask_gufunc_kwargs={
            "output_sizes": {
                "region": reduction.indices.size,
                "stat": len(reduction.statistics),
            },
            "allow_rechunk": True,
        },
        keep_attrs=False,
    )
    return reduced


def by_scalar(reduced: Sequence[xr.Variable]) -> xr.Variable:
    """What was reduced of one map or more, on a dim of scalars, unless the maps had one."""
    if "scalar" in reduced[0].dims:
        return reduced[0]
    stacked: xr.Variable = (
        reduced[0].set_dims(["scalar", *reduced[0].dims])
        if len(reduced) == 1
        else xr.Variable.concat(reduced, "scalar")
    )
    return stacked
