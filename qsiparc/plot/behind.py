"""What is behind the values of a region in a cube: scans, or the voxels of one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qsiparc.coords import subject_names
from qsiparc.cube import require_cube, unselected
from qsiparc.errors import CubeError, OptionError
from qsiparc.plot.choice import choose
from qsiparc.plot.histogram import voxel_distribution
from qsiparc.plot.strips import scan_distribution
from qsiparc.regionvalues import region_voxels

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from qsiparc.parcellation import Dseg


def cube_distribution(
    cube: xr.Dataset,
    region: int | str,
    *,
    stat: str | None = None,
    scalar: str | None = None,
    by: str | None = None,
    volume: xr.DataArray | None = None,
    dseg: Dseg | None = None,
    mask: Dseg | None = None,
    ax: Axes | None = None,
) -> Axes:
    """A region's scans, or its voxels in one; see ``.parc.plot.distribution`` of a cube."""
    if volume is None and dseg is None and mask is None:
        return scan_distribution(cube, region, stat=stat, scalar=scalar, by=by, ax=ax)
    if volume is None or dseg is None or by is not None:
        raise OptionError(
            "The voxels behind a number are those of one map in one label image: give both, "
            "volume=… and dseg=…, and no by=…, which puts scans apart."
        )
    return _voxels(cube, region, volume=volume, dseg=dseg, scalar=scalar, mask=mask, ax=ax)


def _voxels(
    cube: xr.Dataset,
    region: int | str,
    *,
    volume: xr.DataArray,
    dseg: Dseg,
    scalar: str | None,
    mask: Dseg | None,
    ax: Axes | None,
) -> Axes:
    """The voxels of a region, counted as the cube counted them."""
    name = "region_name" if isinstance(region, str) else "region"
    cube = unselected(require_cube(cube))
    whose = subject_names(None, volume.attrs)["subject"]
    subject = whose if cube.sizes["subject"] > 1 else None
    wanted = {name: region, "scalar": scalar, "subject": subject}
    numbers = choose(cube, wanted, keep=("stat",), what="A histogram of voxels")
    label = int(numbers["region"].item())
    lut = pd.DataFrame({"index": [label], "name": [str(numbers["region_name"].item())]})
    low, high = (cube.attrs.get(bound) for bound in ("valid_min", "valid_max"))
    counted: dict[str, Any] = {
        "zero_is_missing": bool(cube.attrs.get("zero_is_missing", 0)),
        "valid_range": None
        if low is None and high is None
        else (-np.inf if low is None else low, np.inf if high is None else high),
        "mask": mask,
    }
    _require_same(numbers, region_voxels(volume, dseg, region=label, **counted).to_numpy())
    return voxel_distribution(volume, dseg, region=label, lut=lut, **counted, ax=ax)


def _require_same(numbers: xr.DataArray, voxels: NDArray[Any]) -> None:
    """Whether these are the voxels that the cube has numbers of."""
    known = dict(zip(numbers["stat"].to_numpy().tolist(), numbers.to_numpy().tolist(), strict=True))
    mean = float(voxels.mean(dtype=np.float64)) if voxels.size else np.nan
    here = {"n_voxels": float(voxels.size), "mean": mean}
    held = [stat for stat in here if not np.isnan(known.get(stat, np.nan))]
    if not held:
        raise CubeError(
            "The cube has neither n_voxels nor a mean of this region, so nothing tells whether "
            "these are its voxels. In any case: volume.parc.plot.distribution(dseg, region=…)."
        )
    if not all(np.isclose(known[stat], here[stat], rtol=1e-9, atol=0) for stat in held):
        cubes, maps = (", ".join(f"{stat} {of[stat]:.6g}" for stat in held) for of in (known, here))
        raise CubeError(
            f"These are not the voxels of that number. The cube has {cubes}; this map has {maps}: "
            f"another map, label image or mask, or other options of extract."
        )
