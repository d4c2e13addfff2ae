"""The archive of a study, one scalar of one atlas at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from qsiparc.names import STATUS, STATUS_FLAGS, VALUE

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr
    from numpy.typing import NDArray

NEEDED: Final = ("mean", "std", "n_voxels", "coverage")
"""Statistics that checks look at; where a study lacks one, its checks are left out."""


@dataclass(frozen=True)
class Sheet:
    """One scalar over one atlas, of all scans.

    Parameters
    ----------
    name, units, param : str
        Of the scalar.
    ok : numpy.ndarray, shape (scan,)
        Which scans have it.
    mean, std, n_voxels, coverage : numpy.ndarray, shape (region, scan)
        NaN where a scan has no value, and throughout where the study has no such statistic.
    min_voxels, min_coverage : float, optional
        What a region needs for a mean, in this study.
    """

    name: str
    units: str
    param: str
    ok: NDArray[np.bool_]
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    n_voxels: NDArray[np.float64]
    coverage: NDArray[np.float64]
    min_voxels: float = 0
    min_coverage: float = 0

    @property
    def withheld(self) -> NDArray[np.bool_]:
        """Where the study keeps counts alone, since too little of a region is valid."""
        enough = np.ones(self.mean.shape, np.bool_)
        if self.min_voxels:
            enough &= self.n_voxels >= self.min_voxels
        if self.min_coverage:
            enough &= self.coverage >= self.min_coverage
        return ~enough

    @property
    def n_atlas_voxels(self) -> NDArray[np.float64]:
        """Voxels that the label image gives to each region, NaN where that cannot be told."""
        with np.errstate(divide="ignore", invalid="ignore"):
            size = np.rint(self.n_voxels / self.coverage)
        absent = (self.n_voxels == 0) & np.isnan(self.coverage)
        return np.where(absent, 0.0, np.where(np.isfinite(size), size, np.nan))


@dataclass(frozen=True)
class Atlas:
    """The cube of one atlas.

    Parameters
    ----------
    name : str
        Of the atlas.
    cube : Dataset
        Lazy, with dims (region, stat, scalar, subject).
    """

    name: str
    cube: xr.Dataset

    def names(self, coordinate: str) -> list[Any]:
        """The values of a coordinate."""
        values: list[Any] = self.cube[coordinate].to_numpy().tolist()
        return values

    @cached_property
    def scans(self) -> list[str]:
        """Ids of the scans."""
        return self.names("subject")

    @cached_property
    def regions(self) -> list[int]:
        """Labels."""
        return self.names("region")

    @cached_property
    def region_names(self) -> list[str]:
        """Names of the regions."""
        return self.names("region_name")

    @cached_property
    def scalars(self) -> list[str]:
        """Ids of the scalars."""
        return self.names("scalar")

    @cached_property
    def status(self) -> NDArray[np.int8]:
        """Values of `qsiparc.names.STATUS_FLAGS`, (scalar, scan)."""
        if STATUS in self.cube:
            return np.asarray(self.cube[STATUS].to_numpy(), np.int8)
        return np.zeros((len(self.scalars), len(self.scans)), np.int8)

    def sheets(self) -> Iterator[Sheet]:
        """Every scalar that some scan has, read when it is its turn.

        Yields
        ------
        Sheet
        """
        params, units = (
            self.names(key) if key in self.cube.coords else [""] * len(self.scalars)
            for key in ("param", "units")
        )
        has = [name for name in NEEDED if name in self.names("stat")]
        nothing = np.full((len(self.regions), len(self.scans)), np.nan)
        for n, name in enumerate(self.scalars):
            ok = self.status[n] == STATUS_FLAGS["ok"]
            if not ok.any():
                continue
            read = dict.fromkeys(NEEDED, nothing)
            for stat in has:
                values = self.cube[VALUE].sel(stat=stat).isel(scalar=n).to_numpy()
                read[stat] = np.where(ok, values, np.nan)
            yield Sheet(
                name,
                units[n],
                params[n],
                ok,
                **read,
                min_voxels=self.cube.attrs.get("min_voxels", 0),
                min_coverage=self.cube.attrs.get("min_coverage", 0),
            )
