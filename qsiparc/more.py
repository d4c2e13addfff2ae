"""One more map over the regions of a cube: its numbers, and nothing made around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qsiparc.catalogue import resolve
from qsiparc.masking import Domain
from qsiparc.names import VOXEL_DIMS
from qsiparc.reduce import Reduction

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr
    from numpy.typing import NDArray

    from qsiparc.catalogue import Stats
    from qsiparc.parcellation import Parcellation
    from qsiparc.validity import Validity


def more_values(
    cube: xr.Dataset,
    volume: xr.DataArray,
    parcellation: Parcellation,
    *,
    scalar: str,
    stats: Stats,
    validity: Validity,
) -> NDArray[np.float64]:
    """What `extract_cube` would put into ``value`` for a map, given the cube of another one.

    Parameters
    ----------
    cube : Dataset
        Of one map over that atlas, extracted with the same options.
    volume : DataArray
        Another map, ``(i, j, k)``, in memory.
    parcellation : Parcellation
        The atlas, on the grid of the map.
    scalar : str
        What the map is called, for messages.
    stats : str or sequence of str or Statistic
        As in `extract_cube`.
    validity : Validity
        Which voxels of this map count.

    Returns
    -------
    numpy.ndarray
        ``(region, stat)``, in the order of the cube.
    """
    reduction = Reduction(
        Domain(parcellation, parcellation.sizes),
        cube.variables["region"].to_numpy(),
        tuple(cube.variables["region_name"].to_numpy().tolist()),
        resolve(stats),
        validity,
        scalar,
    )
    return reduction(volume.variable.transpose(*VOXEL_DIMS).to_numpy())
