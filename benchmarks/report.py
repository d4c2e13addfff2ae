"""How long the report of a large study takes, and how large it is.

    python benchmarks/report.py --scans 500 --scalars 60

Makes the archive of a study that was never scanned: seven atlases of the sizes that QSIRecon ships,
values that vary as between people, one scan in fifty with a field of view that ends too high, one
in a hundred in other units; and a part a scan, with all of a part but its numbers, which the report
does not read. Prints seconds, megabytes and peak memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import netCDF4
import numpy as np
import zarr

from qsiparc import write_report
from qsiparc.cohort.layout import Layout, Study
from qsiparc.cohort.parts import FORMAT
from qsiparc.cohort.zarrwriter import write_skeleton
from qsiparc.cube import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

ATLASES = {
    "4S156Parcels": 156,
    "4S456Parcels": 456,
    "AAL116": 116,
    "AICHA384Ext": 394,
    "Brainnetome246Ext": 246,
    "Gordon333Ext": 405,
    "Tian": 54,
}
STATS = ("mean", "median", "std", "iqr", "skewness", "kurtosis", "n_voxels", "coverage")
READ = {"mean": 0, "std": 2, "n_voxels": 6, "coverage": 7}
PARAMS = ("fa", "md", "rd", "ad", "icvf", "isovf", "od", "rtop")
