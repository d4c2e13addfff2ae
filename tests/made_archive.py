"""Archives of studies that were never scanned, whose numbers vary as those of people do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from qsiparc.cube import assemble, text, text_coords
from qsiparc.entities import describe
from qsiparc.names import STATUS, STATUS_FLAGS, SUBJECT_COORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

STATS = ("mean", "std", "n_voxels", "coverage")
SCALARS = {"FA": ("fa", 0.3, "1"), "MD": ("md", 8e-4, "mm^2/s"), "ISOVF": ("isovf", 0.1, "1")}
"""Parameter, typical value and units."""


def scan_names(n_scans: int) -> list[str]:
    return [f"sub-{n:03d}" for n in range(1, n_scans + 1)]


def region_names(n_regions: int) -> list[str]:
    """Half on the left, half on the right, and one that is on neither side."""
    half = n_regions // 2
    pairs = [f"{side}_Area_{n}" for side in ("LH", "RH") for n in range(1, half + 1)]
    return [*pairs, *["Brain-Stem"] * (n_regions % 2)]


def cube(
    n_scans: int = 8,
    *,
    seed: int = 0,
    n_regions: int = 61,
    scalars: Sequence[str] = tuple(SCALARS),
    names: Sequence[str] | None = None,
    regions: Sequence[str] | None = None,
) -> xr.Dataset:
    """A study of people: regions differ in size and value, the left from the right, scans a little.

    Volumes of regions vary by 15 %, means by 6 % and those of ISOVF by 15 %, in some
    regions by half and in some by twice as much; means vary more often by a lot than they would if
    they were normal; regions have 8 voxels and more; one voxel in 300 has no value.
    """
    rng = np.random.default_rng(seed)
    names = list(names or scan_names(n_scans))
    regions = list(regions or region_names(n_regions))
    shape = (len(regions), len(names))
    size = np.exp(rng.uniform(np.log(12), np.log(2000), shape[0]))[:, None]
    uneven = np.exp(rng.normal(0, 0.4, shape[0]).clip(-0.7, 0.7))[:, None]
    size = np.maximum(np.rint(size * np.exp(0.13 * uneven * rng.normal(size=shape))), 8)
    size = np.rint(size * np.exp(rng.normal(0, 0.08, shape[1]))).astype(int)
    values = np.full((shape[0], len(STATS), len(scalars), shape[1]), np.nan)
    for n, scalar in enumerate(scalars):
        param, level, _ = SCALARS.get(scalar, ("", 1.0, ""))
        usual = level * np.exp(rng.uniform(-0.5, 0.5, shape[0]))[:, None]
        person = np.exp(rng.normal(0, 0.02, shape[1]))
        vary = (0.15 if param == "isovf" else 0.06) * uneven
        noise = np.maximum(1 + vary * rng.standard_t(8, shape), 0.1)
        counted = size - rng.binomial(size, 1 / 300)
        values[:, :, n] = np.stack(
            [usual * person * noise, 0.3 * usual * noise, counted, counted / size], axis=1
        )
    return dressed(values, regions, scalars, names)


def dressed(
    values: np.ndarray, regions: Sequence[str], scalars: Sequence[str], names: Sequence[str]
) -> xr.Dataset:
    """Numbers with the coordinates that the cube of a study has."""
    sides = [{"LH": "L", "RH": "R"}.get(name[:2], "bilateral") for name in regions]
    columns = {
        "scalar": list(scalars),
        "software": ["DKI"] * len(scalars),
        "model": ["tensor"] * len(scalars),
        "param": [SCALARS.get(scalar, (scalar.lower(),))[0] for scalar in scalars],
        "desc": [""] * len(scalars),
        "units": [SCALARS.get(scalar, ("", 0, ""))[2] for scalar in scalars],
    }
    people = {key: [describe(name)[key] for name in names] for key in SUBJECT_COORDS}
    coords = {
        "region": ("region", np.arange(1, len(regions) + 1)),
        **text_coords({"region_name": regions, "hemisphere": sides}, "region"),
        "stat": ("stat", text(list(STATS))),
        **text_coords(columns, "scalar"),
        **text_coords({"subject": list(names), **people}, "subject"),
        "map_file": (
            ("scalar", "subject"),
            text([[f"{name}_{scalar}.nii.gz" for name in names] for scalar in scalars]),
        ),
        "dseg_file": ("subject", text([f"{name}_dseg.nii.gz" for name in names])),
    }
    attrs = {"generated_by": "qsiparc 0", "zero_is_missing": 0, "provenance": "{}"}
    made = assemble(xr.Variable(("region", "stat", "scalar", "subject"), values), coords, attrs)
    made[STATUS] = (("scalar", "subject"), np.zeros((len(scalars), len(names)), np.int8))
    return made


def save(
    out: Path,
    cubes: Mapping[str, xr.Dataset],
    *,
    failures: Sequence[Mapping[str, str]] = (),
    left_out: Sequence[Mapping[str, str]] = (),
) -> Path:
    """The output folder of a study with these cubes, and with tables but without parts."""
    out.mkdir(exist_ok=True, parents=True)
    xr.DataTree.from_dict({f"/{name}": one for name, one in cubes.items()}).parc.save(
        out / "qsiparc.zarr"
    )
    columns = ("scan", "subject", "session", "atlas", "scalar", "file", "step", "reason")
    for name, rows in (("failures", failures), ("left_out", left_out)):
        lines = [columns, *([row.get(key, "n/a") for key in columns] for row in rows)]
        (out / f"{name}.tsv").write_text("".join("\t".join(line) + "\n" for line in lines))
    return out


def change(made: xr.Dataset, how: Callable[[np.ndarray], None], **where: object) -> xr.Dataset:
    """The same cube with some numbers changed in place."""
    changed = made.copy(deep=True)
    values = changed["value"].to_numpy().copy()
    place = changed["value"].copy(data=values)
    part = place.loc[where]
    data = part.to_numpy().copy()
    how(data)
    place.loc[where] = data
    changed["value"] = place
    return changed


def fail(made: xr.Dataset, scan: str, scalar: str, flag: str = "failed") -> xr.Dataset:
    """The same cube with a scan that lacks a scalar."""
    changed = made.copy(deep=True)
    changed["value"].loc[{"subject": scan, "scalar": scalar}] = np.nan
    changed[STATUS].loc[{"subject": scan, "scalar": scalar}] = STATUS_FLAGS[flag]
    return changed


def hostile(word: str) -> str:
    """A name that would run if it were not escaped."""
    return f"<script>alert('{json.dumps(word)}')</script>"
