"""Numbers per brain region from diffusion MRI maps, as labelled xarray cubes.

Importing qsiparc registers the ``.parc`` accessor on xarray's DataArray, Dataset and DataTree.
Everything else is imported when it is first used, so that ``import qsiparc`` costs what
``import xarray`` costs.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

# First: after modules of ours, Python's garbage collector would run once more within it.
import xarray  # noqa: F401 - only to be first

import qsiparc.accessor  # noqa: F401 - registers `.parc`
from qsiparc.version import __version__

if TYPE_CHECKING:
    from qsiparc.archive import open
    from qsiparc.atlas import AtlasLUT, RegionInfo, read_lut
    from qsiparc.catalogue import register_statistic, statistics
    from qsiparc.cohort import build
    from qsiparc.cohort.assemble import finalize
    from qsiparc.discover import QsiReconDataset, find
    from qsiparc.fromlong import from_long
    from qsiparc.nifti import open_nifti
    from qsiparc.options import set_options
    from qsiparc.parcellation import Parcellation
    from qsiparc.report import find_problems, write_report
    from qsiparc.scalarstats import read_scalarstats

__all__ = [
    "AtlasLUT",
    "Parcellation",
    "QsiReconDataset",
    "RegionInfo",
    "__version__",
    "build",
    "finalize",
    "find",
    "find_problems",
    "from_long",
    "open",
    "open_nifti",
    "read_lut",
    "read_scalarstats",
    "register_statistic",
    "set_options",
    "statistics",
    "write_report",
]

_HOMES = {
    "AtlasLUT": "atlas",
    "Parcellation": "parcellation",
    "QsiReconDataset": "discover",
    "RegionInfo": "atlas",
    "build": "cohort",
    "finalize": "cohort.assemble",
    "find": "discover",
    "find_problems": "report",
    "from_long": "fromlong",
    "open": "archive",
    "open_nifti": "nifti",
    "read_lut": "atlas",
    "read_scalarstats": "scalarstats",
    "register_statistic": "catalogue",
    "set_options": "options",
    "statistics": "catalogue",
    "write_report": "report",
}
_ROOMS = {"atlas", "discover", "errors", "extract", "plot", "tutorial"}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the room holds
    if name in _HOMES:
        return getattr(importlib.import_module(f"qsiparc.{_HOMES[name]}"), name)
    if name in _ROOMS:
        return importlib.import_module(f"qsiparc.{name}")
    raise AttributeError(f"module 'qsiparc' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_ROOMS})
