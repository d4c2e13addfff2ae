"""One more map over the regions of a cube: its numbers, and nothing made around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qsiparc.catalogue import resolve
from qsiparc.masking import Domain
from qsiparc.names import VOXEL_DIMS
from qsiparc.reduce import Reduction
from qsiparc.validity import Validity

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr
    from numpy.typing import NDArray

    from qsiparc.catalogue import Stats
    from qsiparc.grid import Grid
    from qsiparc.parcellation import Parcellation


def more_values(
    cube: xr.Dataset,
    volume: xr.DataArray,
    parcellation: Parcellation,
    *,
    grid: Grid,
    scalar: str,
    stats: Stats = "extended",
    zero_is_missing: bool = False,
) -> NDArray[np.float64]:
    """What `extract_cube` would put into ``value`` for a map, given the cube of another one.

    Parameters
    ----------
    cube : Dataset
        Of one map over that atlas, extracted with the same options.
    volume : DataArray
        Another map, ``(i, j, k)``, in memory.
    parcellation : Parcellation
        The atlas; its axes may run other ways than those of the map.
    grid : Grid
        Of the map's voxels.
    scalar : str
        What the map is called, for messages.
    stats, zero_is_missing
        As in `extract_cube`.

    Returns
    -------
    numpy.ndarray
        ``(region, stat)``, in the order of the cube.

    Raises
    ------
    GridMismatchError
        The map and the atlas are on different grids.
    """
    parcellation = parcellation.on(grid)
    validity = Validity(zero_is_missing).of_map(volume.attrs, scalar)
    reduction = Reduction(
        Domain(parcellation, parcellation.sizes),
        cube.variables["region"].to_numpy(),
        tuple(cube.variables["region_name"].to_numpy().tolist()),
        resolve(stats),
        validity,
        scalar,
    )
    return reduction(volume.variable.transpose(*VOXEL_DIMS).to_numpy())
