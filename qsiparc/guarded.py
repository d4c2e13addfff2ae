"""Lazy variables that name their archive when they cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from qsiparc.errors import CubeError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np


@dataclass(frozen=True, eq=False)
class _Guarded(BackendArray):
    """The values of a variable, read when they are asked for."""

    variable: xr.Variable
    path: Path
    name: str

    @property
    def shape(self) -> tuple[int, ...]:
        return self.variable.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = self.variable.dtype
        return dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:  # noqa: ANN401 - xarray's signature
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self._read
        )

    def _read(self, key: tuple[Any, ...]) -> Any:  # noqa: ANN401 - an array
        try:
            return self.variable[key].values
        except (RuntimeError, ValueError, OSError) as error:
            raise CubeError(
                f"{self.path}: {self.name} cannot be read: {error}. The archive is damaged: copy "
                f"it again from its source, or make it anew."
            ) from error


def guarded(dataset: xr.Dataset, path: Path) -> xr.Dataset:
    """The same dataset, whose errors in reading name the archive and the variable.

    Parameters
    ----------
    dataset : Dataset
        Opened lazily.
    path : Path
        Where it is.

    Returns
    -------
    Dataset
        As lazy as before.
    """
    cached: Any = indexing.MemoryCachedArray  # xarray's annotations are incomplete
    wrapped = {
        name: xr.Variable(
            variable.dims,
            cached(indexing.LazilyIndexedArray(_Guarded(variable, path, str(name)))),
            variable.attrs,
            variable.encoding,
        )
        for name, variable in dataset.variables.items()
        if name not in dataset.indexes
    }
    coords = {name: variable for name, variable in wrapped.items() if name in dataset.coords}
    values = {name: variable for name, variable in wrapped.items() if name not in coords}
    return dataset.assign_coords(coords).assign(values)
