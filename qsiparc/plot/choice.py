"""What of a cube a figure shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qsiparc.cube import require_cube, unselected
from qsiparc.errors import CubeError, SelectionError
from qsiparc.names import VALUE
from qsiparc.selection import select

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr
    from numpy.typing import NDArray


def choose(
    cube: xr.Dataset, wanted: Mapping[str, Any], *, keep: Sequence[str], what: str
) -> xr.DataArray:
    """Values of a cube along the dims that a figure shows, and no others.

    Parameters
    ----------
    cube : Dataset
        The cube.
    wanted : mapping
        What to select, by coordinate; None selects nothing.
    keep : sequence of str
        Dims of the result, in order.
    what : str
        What the figure is called in the error: ``"A heatmap"``.

    Returns
    -------
    DataArray
        With the dims ``keep``, loaded; the other ones left scalar coordinates.

    Raises
    ------
    CubeError
        There is more than one value along another dim; the message says which.
    SelectionError
        There is none of that name.
    """
    values = select(unselected(require_cube(cube)), wanted)[VALUE]
    others = [dim for dim in values.dims if dim not in keep]
    several = {str(dim): values.sizes[dim] for dim in others if values.sizes[dim] > 1}
    if several:
        raise CubeError(f"{what} shows one value at a place; choose one of {several}.")
    nothing = [str(dim) for dim in values.dims if not values.sizes[dim]]
    if nothing:
        raise CubeError(f"{what} has nothing to show: this cube has no {nothing[0]}.")
    values = values.squeeze(others)
    values = values.expand_dims([dim for dim in keep if dim not in values.dims])
    return values.transpose(*keep).load()


def stat_of(cube: xr.Dataset, stat: str | None) -> str:
    """The statistic that was asked for; else the only one that there is, or the mean."""
    if stat is not None:
        return str(stat[0]) if np.ndim(stat) == 1 and len(stat) == 1 else stat
    stats = [str(one) for one in np.atleast_1d(require_cube(cube)["stat"].to_numpy())]
    if len(stats) == 1:
        return stats[0]
    if "mean" not in stats:
        raise SelectionError(
            f"There is no stat 'mean' in this cube to show unless another is asked for: stat=…, "
            f"one of {', '.join(stats)}."
        )
    return "mean"


def texts(values: xr.DataArray, name: str) -> NDArray[Any]:
    """A coordinate as an array of str, whatever it is stored as."""
    return np.array([str(one) for one in np.atleast_1d(values.coords[name].to_numpy())], object)
