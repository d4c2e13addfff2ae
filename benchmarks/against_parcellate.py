"""Whether the statistics are those of parcellate 0.4.2 on values without NaN.

    python -m venv /tmp/parcellate
    /tmp/parcellate/bin/pip install parcellate==0.4.2 .
    /tmp/parcellate/bin/python benchmarks/against_parcellate.py

An environment of its own, for qsiparc does not need parcellate. Prints, a line a statistic, the
largest difference over a thousand regions, relative where values are above 0.001, and ends with an
error where one is above 1e-10.
"""

from __future__ import annotations

import sys
import warnings

import numpy as np
from parcellate.metrics.volume import BUILTIN_STATISTICS

from qsiparc.catalogue import CATALOGUE, Sample
from qsiparc.kernels import Segments

TOLERANCE = 1e-10
SMALL = 1e-3
"""Differences are relative where values are above."""

SIZES = (1, 2, 3, 4, 5, 8, 19, 20, 30, 100, 1000, 5000, 5001, 20_000)
NAMES = {"kurtosis": "excess_kurtosis", "abs_kurtosis": "abs_excess_kurtosis"}
OURS = {"iqr", "minimum", "maximum", "n_voxels", "n_atlas_voxels", "n_zero", "n_nonfinite"}
OURS |= {"mask_coverage", "sarle_bimodality", "effective_n"}
"""What parcellate does not have, or not by that meaning."""

VOXEL_VOLUME = 1.25**3
KINDS = {
    "FA": lambda rng, n: rng.beta(3, 4, n),
    "MD": lambda rng, n: rng.gamma(4, 2e-4, n),
    "RTOP": lambda rng, n: rng.gamma(6, 5e4, n),
    "signed": lambda rng, n: rng.normal(0.1, 1, n),
    "heavy tails": lambda rng, n: rng.standard_t(2, n),
    "two humps": lambda rng, n: rng.normal(0, 0.2, n) + rng.integers(2, size=n),
    "constant": lambda rng, n: np.full(n, rng.choice([0.0, 0.5, 2.0])),
}


class Header:
    """As much of an image as parcellate asks for the volume of a voxel."""

    header = type("", (), {"get_zooms": lambda _: (1.25, 1.25, 1.25)})()


def regions(rounds: int) -> list[np.ndarray]:
    """Values of every kind and size, float32 as in files and float64."""
    made = []
    for seed in range(rounds):
        rng = np.random.default_rng(seed)
        for draw in KINDS.values():
            for n in SIZES:
                values = draw(rng, n)
                made.append(values.astype(np.float32).astype(np.float64) if seed % 2 else values)
    return made


def their_value(name: str, values: np.ndarray) -> float:
    """A statistic as parcellate computes it."""
    statistic = {one.name: one for one in BUILTIN_STATISTICS}[NAMES.get(name, name)]
    arguments = (values, Header()) if statistic.requires_image else (values,)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(statistic.function(*arguments))


def main() -> None:
    """Compare everything and say how far apart it is."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    drawn = regions(rounds)
    offsets = np.cumsum([0, *map(len, drawn)])
    sample = Sample(Segments(np.concatenate(drawn), offsets), voxel_volume=VOXEL_VOLUME)
    worst = {}
    for name in [one for one in CATALOGUE if one not in OURS]:
        expected = np.array([their_value(name, values) for values in drawn])
        found = CATALOGUE[name](sample)
        apart = np.abs(found - expected) / np.maximum(np.abs(expected), SMALL)
        apart[np.isnan(found) & np.isnan(expected)] = 0
        worst[name] = np.where(np.isnan(apart), np.inf, apart)
        where = int(worst[name].argmax())
        print(
            f"{name:<26} {worst[name].max():10.2e}"
            + (f"  region of {len(drawn[where])}: {found[where]!r}, theirs {expected[where]!r}; "
               f"{(worst[name] > TOLERANCE).sum()} such"
               if worst[name].max() > TOLERANCE else "")
        )  # fmt: skip
    bad = [name for name, apart in worst.items() if apart.max() > TOLERANCE]
    print(f"{len(worst)} statistics, {len(drawn)} regions, numpy {np.__version__}")
    if bad:
        sys.exit(f"More than {TOLERANCE} apart: {', '.join(bad)}")


if __name__ == "__main__":
    main()
