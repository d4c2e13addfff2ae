"""Maps, all of them at once, reduced over a probabilistic atlas that is read in one pass."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from qsiparc.kernels import gather
from qsiparc.masking import within
from qsiparc.names import VOXEL_DIMS
from qsiparc.reduce import Reduction, warn_of_huge
from qsiparc.weights import weigh

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qsiparc.catalogue import Statistic
    from qsiparc.grid import Grid
    from qsiparc.masking import Mask
    from qsiparc.parcellation import Parcellation
    from qsiparc.probseg import Probseg
    from qsiparc.validity import Validity

ONLY = np.zeros(1, np.int64)
"""The label of the one region that a volume of probabilities has."""


@dataclass(frozen=True, eq=False)
class ProbReduction:
    """How maps are reduced over a probabilistic atlas; a lazy cube takes it along.

    Parameters
    ----------
    atlas : Probseg
        The atlas.
    grid : Grid
        Of the maps.
    order : tuple of int
        The volume of each row.
    names : tuple of str
        Of the rows, for messages.
    statistics : tuple of Statistic
        What is computed.
    validities : tuple of Validity
        Which voxels count, of each map.
    scalars : tuple of str
        What the maps are called, for messages.
    mask : Mask or None
        Which voxels are looked at.
    weights : numpy.ndarray or None
        (voxels,) of the volume flattened with ``i`` fastest, a weight for each, instead of its
        probability.
    of_map : str
        The file of the first map, for messages.
    """

    atlas: Probseg
    grid: Grid
    order: tuple[int, ...]
    names: tuple[str, ...]
    statistics: tuple[Statistic, ...]
    validities: tuple[Validity, ...]
    scalars: tuple[str, ...]
    mask: Mask | None
    weights: NDArray[Any] | None
    of_map: str = ""

    def __call__(self, *blocks: NDArray[Any]) -> Any:  # noqa: ANN401 - one array, or several
        """``(…, i, j, k)`` of each map to ``(…, region, stat)``."""

        def one_region(region: Parcellation, weights: NDArray[Any] | None) -> list[Any]:
            if self.weights is not None:
                region, weights = weigh(region, gather(self.weights, region.positions))
            domain = within(region, self.mask, weights=weights)
            return [
                Reduction(domain, ONLY, (), self.statistics, validity, scalar).reduce(block)
                for block, validity, scalar in zip(
                    blocks, self.validities, self.scalars, strict=True
                )
            ]

        volumes = self.atlas.on_each(self.grid, one_region, of_map=self.of_map)
        results = []
        for at, scalar in enumerate(self.scalars):
            rows = [volumes[volume][at] for volume in self.order]
            warn_of_huge(scalar, self.names, np.concatenate([row.huge for row in rows]))
            results.append(np.concatenate([row.values for row in rows], axis=-2))
        return tuple(results) if len(results) > 1 else results[0]

    def __dask_tokenize__(self) -> str:
        """A name of its own for every graph: a hash would read all volumes of the atlas."""
        return uuid.uuid4().hex


def reduce_maps(volumes: Sequence[xr.Variable], reduction: ProbReduction) -> list[xr.Variable]:
    """Maps of any further dims, each to ``(…, region, stat)``; dask arrays stay such.

    All maps are in memory together, and one volume of the atlas at a time. Of dask arrays, every
    chunk takes a pass of its own through the atlas when it is computed.

    Parameters
    ----------
    volumes : sequence of Variable
        With ``i, j, k``.
    reduction : ProbReduction
        What is done to them.

    Returns
    -------
    list of Variable
    """
    reduced: Any = xr.apply_ufunc(
        reduction,
        *volumes,
        input_core_dims=[VOXEL_DIMS] * len(volumes),
        output_core_dims=[["region", "stat"]] * len(volumes),
        dask="parallelized",
        output_dtypes=[np.float64] * len(volumes),
        dask_gufunc_kwargs={
            "output_sizes": {"region": len(reduction.order), "stat": len(reduction.statistics)},
            "allow_rechunk": True,
        },
        keep_attrs=False,
    )
    return list(reduced) if len(volumes) > 1 else [reduced]
