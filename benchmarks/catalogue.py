"""What the statistics cost: one 1.25 mm map over 456 regions, tier by tier, side by side.

    python benchmarks/catalogue.py

Prints milliseconds of `extended`, of `diagnostic` and of what is left out of it, and their ratios;
then those of `.parc.extract` on a map in memory and of the bare kernels.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from scipy.spatial import KDTree

from qsiparc.catalogue import TIERS, Sample, resolve
from qsiparc.kernels import Segments
from qsiparc.parcellation import Parcellation

if TYPE_CHECKING:
    from collections.abc import Callable

SHAPE = (146, 182, 156)
INSIDE = 0.35
"""Square of the radius of the brain, as a part of the volume's."""

GAPS = 0.2
"""Share of its voxels that have no label."""

LOOPS = ("shapiro_w", "shapiro_p", "fails_normality", "histogram_entropy")
"""Region by region: the test and its verdict, and the histogram."""


def brain(regions: int) -> tuple[xr.DataArray, xr.DataArray]:
    """An FA-like map and blocks of labels in an ellipsoid: some 300,000 labelled voxels."""
    rng = np.random.default_rng(0)
    place = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij"))
    inside = (place**2).sum(axis=0) < INSIDE
    seeds = place[:, inside].T[rng.choice(inside.sum(), regions, replace=False)]
    labels = np.zeros(SHAPE, np.int16, order="F")
    labels[inside] = 1 + KDTree(seeds).query(place[:, inside].T)[1]
    labels[inside & (rng.random(SHAPE) < GAPS)] = 0
    values = np.asfortranarray(rng.beta(3, 4, SHAPE).astype(np.float32))
    affine = np.diag([1.25, 1.25, 1.25, 1])
    dims = ("i", "j", "k")
    fa, dseg = (xr.DataArray(a, dims=dims).parc.with_affine(affine) for a in (values, labels))
    return fa, dseg


def best(functions: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The least of some rounds, in turn, so that all see the same machine [ms]."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            times[name].append(1e3 * (time.perf_counter() - start))
    return {name: min(those) for name, those in times.items()}


def main() -> None:
    """Time every tier and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--regions", type=int, default=456)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    fa, dseg = brain(options.regions)
    parcellation = Parcellation.from_labels(dseg)
    print(f"{len(parcellation)} regions, {parcellation.positions.size} labelled voxels")
    vectorised = tuple(
        name for name in TIERS["diagnostic"] if name not in (*LOOPS, "mask_coverage")
    )

    def bare() -> None:
        sample = Sample(Segments(parcellation.gather(fa.values), parcellation.offsets))
        for statistic in resolve("extended"):
            statistic(sample)

    def extract(stats: object) -> Callable[[], object]:
        return lambda: fa.parc.extract(parcellation, stats=stats)

    times = best(
        {
            "kernels alone": bare,
            "extended": extract("extended"),
            "diagnostic": extract(vectorised),
            **{f"extended + {name}": extract((*TIERS["extended"], name)) for name in LOOPS},
        },
        options.rounds,
    )
    for name, milliseconds in times.items():
        print(f"{name:<30} {milliseconds:8.1f} ms  {milliseconds / times['extended']:6.2f}×")


if __name__ == "__main__":
    main()
