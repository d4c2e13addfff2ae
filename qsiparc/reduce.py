"""One map, reduced over the regions of an atlas: what is done to every block of a volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import xarray as xr

from qsiparc.catalogue import Sample
from qsiparc.catalogue.sample import HUGE, n_nonfinite
from qsiparc.errors import NiftiWarning, warn
from qsiparc.kernels import Segments
from qsiparc.names import VOXEL_DIMS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qsiparc.catalogue import Statistic
    from qsiparc.masking import Domain
    from qsiparc.validity import Validity

SHOWN: Final = 5
"""Regions that a warning names."""


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
    is_stated : bool
        Whether the valid range is one that the map states itself.
    """

    domain: Domain
    indices: NDArray[np.int64]
    names: tuple[str, ...]
    statistics: tuple[Statistic, ...]
    validity: Validity
    scalar: str
    is_stated: bool = False

    def __call__(self, block: NDArray[Any]) -> NDArray[np.float64]:
        """``(…, i, j, k)`` to ``(…, region, stat)``."""
        labels = self.domain.parcellation.labels
        present = np.isin(self.indices, labels)
        order = np.searchsorted(labels, self.indices[present])
        result = np.empty((*block.shape[:-3], self.indices.size, len(self.statistics)))
        result[...] = [statistic.absent for statistic in self.statistics]
        huge = np.zeros(order.size, np.intp)
        n_found = n_valid = 0
        for at in np.ndindex(block.shape[:-3]):
            sample = self.sample(block[at], order)
            huge += n_nonfinite(sample.segments)[order]
            n_found += int(sample.n_found[order].sum())
            n_valid += int(sample.count[order].sum())
            for column, statistic in enumerate(self.statistics):
                result[(*at, present, column)] = statistic(sample)[order]
        if huge.any():
            self._warn(huge, np.flatnonzero(present))
        if self.is_stated and 2 * n_valid < n_found:
            self._doubt_range(n_valid, n_found)
        return result

    def sample(self, volume: NDArray[Any], order: NDArray[np.intp]) -> Sample:
        """What statistics are made of, of one volume.

        Parameters
        ----------
        volume : numpy.ndarray
            ``(i, j, k)``.
        order : numpy.ndarray
            Numbers of the regions that are rows.

        Returns
        -------
        Sample
        """
        parcellation, sizes = self.domain.parcellation, self.domain.atlas_sizes
        values = parcellation.gather(volume)
        unsorted = values.copy() if self._needs_order else values
        found = Segments(values, parcellation.offsets)
        valid = self.validity.valid(found)

        def in_order(region: int) -> NDArray[np.float64]:
            start, stop = parcellation.offsets[region : region + 2]
            own = unsorted[start:stop]
            return own[self.validity.keep(own)].astype(np.float64)

        is_row = np.zeros(len(parcellation), np.bool_)
        is_row[order] = True
        enough = self.validity.is_enough(valid.count, sizes)
        return Sample(
            valid,
            found=found,
            in_order=in_order if self._needs_order else None,
            labels=parcellation.labels,
            atlas_sizes=sizes,
            mask_coverage=self.domain.mask_coverage,
            voxel_volume=parcellation.grid.voxel_volume,
            is_enough=is_row if enough is None else is_row & enough,
        )

    @property
    def _needs_order(self) -> bool:
        return any("voxel order" in statistic.needs for statistic in self.statistics)

    def _doubt_range(self, n_valid: int, n_found: int) -> None:
        """Say that a map states a range in which few of its values are."""
        low, high = self.validity.valid_range or (-np.inf, np.inf)
        warn(
            f"{self.scalar}: the map states that its valid values are from {low:g} to {high:g}, "
            f"and {n_valid} of {n_found} are. If it was computed from another map, the range is "
            f"that one's: give valid_range=(low, high), or (None, None) to let all count.",
            NiftiWarning,
        )

    def _warn(self, huge: NDArray[np.intp], rows: NDArray[np.intp]) -> None:
        """Say where values are that are none, for they make nonsense of a mean."""
        bad = np.flatnonzero(huge)
        named = ", ".join(
            f"{self.names[rows[one]]} ({huge[one]})" for one in bad[:SHOWN].tolist()
        ) + (", …" if bad.size > SHOWN else "")
        warn(
            f"{self.scalar}: voxels that are infinite or beyond ±{HUGE:g}, as where a fit failed, "
            f"count as values: {huge.sum()} in {bad.size} of the regions, {named}. Their mean, std "
            f"and the like say nothing. valid_range=(low, high) leaves them out; the statistic "
            f"n_nonfinite counts them.",
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
