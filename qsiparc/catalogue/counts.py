"""How much of a region there is: voxels, millimetres, shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from qsiparc.catalogue.declaration import Statistic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qsiparc.catalogue.sample import Sample


def n_voxels(sample: Sample) -> NDArray[Any]:
    """Valid voxels."""
    return sample.count


def coverage(sample: Sample) -> NDArray[np.float64]:
    """Their share of the region."""
    return sample.coverage


def effective_n(sample: Sample) -> NDArray[np.float64]:
    """As many voxels of equal weight tell as much."""
    return sample.segments.effective_n


def n_atlas_voxels(sample: Sample) -> NDArray[Any]:
    """Voxels in the label image."""
    return sample.atlas_sizes


def volume_mm3(sample: Sample) -> NDArray[np.float64]:
    """Volume of the valid voxels."""
    return sample.count * np.float64(sample.voxel_volume)


def n_zero(sample: Sample) -> NDArray[Any]:
    """Voxels that are exactly 0."""
    return sample.n_zero


def n_nonfinite(sample: Sample) -> NDArray[Any]:
    """Voxels that hold no number worth the name."""
    return sample.n_nonfinite


def mask_coverage(sample: Sample) -> NDArray[np.float64]:
    """Share of the region's voxels that are in the mask."""
    return sample.mask_coverage


DECLARED: Final = (
    Statistic(
        "n_voxels",
        "valid voxels of the region",
        "n",
        n_voxels,
        unit="voxels",
        empty=0,
        absent=0,
        is_count=True,
        needs=("sizes",),
        tier="core",
        weighted="voxels with w > 0",
    ),
    Statistic(
        "coverage",
        "share of the region's voxels in the dseg that are valid",
        "n / n_atlas_voxels",
        coverage,
        unit="1",
        empty=0,
        is_count=True,
        needs=("sizes",),
        tier="core",
        weighted="Σw / Σw of all voxels of the region, valid or not",
    ),
    Statistic(
        "effective_n",
        "as many voxels of equal weight tell as much; without weights, n",
        "n",
        effective_n,
        unit="voxels",
        empty=0,
        absent=0,
        is_count=True,
        needs=("sizes",),
        reference="Kish (1965)",
        weighted="(Σw)² / Σw²",
    ),
    Statistic(
        "n_atlas_voxels",
        "voxels of the region in the dseg",
        "voxels with the label",
        n_atlas_voxels,
        unit="voxels",
        empty=None,
        absent=0,
        is_count=True,
        needs=("sizes",),
        weighted="voxels with the label and w > 0",
    ),
    Statistic(
        "n_zero",
        "voxels of the region that are exactly 0, valid or not",
        "voxels with x = 0",
        n_zero,
        unit="voxels",
        empty=None,
        absent=0,
        is_count=True,
        needs=("zeros",),
        weighted="voxels with x = 0 and w > 0",
    ),
    Statistic(
        "n_nonfinite",
        "voxels of the region that are infinite or beyond ±10³⁸, valid or not; NaN is not counted",
        "voxels with |x| ≥ 10³⁸",
        n_nonfinite,
        unit="voxels",
        empty=None,
        absent=0,
        is_count=True,
        needs=("non-finite",),
        weighted="voxels with |x| ≥ 10³⁸ and w > 0",
    ),
    Statistic(
        "volume_mm3",
        "volume of the valid voxels",
        "n · volume of a voxel",
        volume_mm3,
        unit="mm³",
        empty=0,
        absent=0,
        is_count=True,
        needs=("sizes", "voxel volume"),
    ),
    Statistic(
        "mask_coverage",
        "share of the region's voxels in the dseg that are in the mask; NaN without a mask",
        "voxels in the mask / n_atlas_voxels",
        mask_coverage,
        unit="1",
        empty=None,
        is_count=True,
        needs=("mask",),
        weighted="Σw in the mask / Σw",
    ),
)
