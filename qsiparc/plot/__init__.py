"""Figures: slices of the brain, regions, scans; every function draws on one Axes and returns it.

They need matplotlib, which the extra ``[plot]`` brings, and are at hand as ``.parc.plot``. Nothing
here keeps state or changes ``rcParams``, so that figures can be drawn in threads.
"""

from __future__ import annotations

try:
    import matplotlib as _  # noqa: F401, ICN001 - to say how to get it
except ImportError as error:
    raise ImportError(
        "Figures need matplotlib, which is not installed: python -m pip install 'qsiparc[plot]'"
    ) from error

from qsiparc.plot.behind import cube_distribution
from qsiparc.plot.histogram import voxel_distribution
from qsiparc.plot.matrix import heatmap
from qsiparc.plot.ranking import regions
from qsiparc.plot.slices import mosaic
from qsiparc.plot.strips import coverage

__all__ = [
    "coverage",
    "cube_distribution",
    "heatmap",
    "mosaic",
    "regions",
    "voxel_distribution",
]
