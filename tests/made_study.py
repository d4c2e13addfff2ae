"""Parts of a study that was never scanned, with numbers that say where they belong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from qsiparc.cohort.parts import read_part, write_part
from qsiparc.cube import assemble, text, text_coords
from qsiparc.entities import describe
from qsiparc.names import STATUS, STATUS_FLAGS, SUBJECT_COORDS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

REGIONS = ((3, "LH_Vis", "L"), (1, "RH_Vis", "R"), (7, "Stem", "bilateral"))
STATS = ("mean", "n_voxels")
UNITS = {"FA": "1", "MD": "mm²/s"}


def number(scan: str, scalar: str, region: int, stat: str) -> float:
    """The value of one place, told by its labels alone; counts are whole numbers."""
    code = sum(ord(letter) * n for n, letter in enumerate(f"{scan}{scalar}", 1)) + region
    return float(code) if stat == "n_voxels" else code + 0.25


def cube(
    scan: str,
    scalars: Sequence[str] = ("FA", "MD"),
    *,
    regions: Sequence[tuple[int, str, str]] = REGIONS,
    stats: Sequence[str] = STATS,
    failed: Sequence[str] = (),
    units: dict[str, str] | None = None,
    software: str = "DKI",
    **attrs: Any,
) -> xr.Dataset:
    """The cube of one scan, as a build makes it."""
    values = np.array(
        [
            [[[np.nan if m in failed else number(scan, m, r, s)] for m in scalars] for s in stats]
            for r, _, _ in regions
        ]
    ).reshape(len(regions), len(stats), len(scalars), 1)
    stated = {**UNITS, **(units or {})}
    columns = {
        "scalar": list(scalars),
        "software": [software] * len(scalars),
        "model": ["tensor"] * len(scalars),
        "param": [m.lower() for m in scalars],
        "desc": [""] * len(scalars),
        "units": [stated.get(m, "") for m in scalars],
    }
    coords = {
        "region": ("region", np.array([r for r, _, _ in regions], np.int64)),
        **text_coords({"region_name": [name for _, name, _ in regions]}, "region"),
        **text_coords({"hemisphere": [side for _, _, side in regions]}, "region"),
        "stat": ("stat", text(list(stats))),
        **text_coords(columns, "scalar"),
        **text_coords(
            {"subject": [scan], **{k: [describe(scan)[k]] for k in SUBJECT_COORDS}}, "subject"
        ),
    }
    coords["map_file"] = (("scalar", "subject"), text([[f"{scan}_{m}.nii.gz"] for m in scalars]))
    coords["dseg_file"] = ("subject", text([f"{scan}_dseg.nii.gz"]))
    known = {"stats": "core", "zero_is_missing": 0, "generated_by": "qsiparc 0.0.1", **attrs}
    made = assemble(xr.Variable(("region", "stat", "scalar", "subject"), values), coords, known)
    flags = [STATUS_FLAGS["failed" if m in failed else "ok"] for m in scalars]
    made[STATUS] = (("scalar", "subject"), np.array(flags, np.int8)[:, None])
    return made


def put(
    out: Path,
    scan: str,
    cubes: dict[str, xr.Dataset] | None = None,
    *,
    failures: Sequence[dict[str, str]] = (),
    **attrs: Any,
) -> Path:
    """Write a part: of one atlas, ``A``, unless cubes are given."""
    cubes = {"A": cube(scan)} if cubes is None else cubes
    tree = xr.DataTree.from_dict(
        {name: one.assign_attrs(atlas=name) for name, one in cubes.items()}
    )
    names = sorted({n for one in cubes.values() for n in one["scalar"].to_numpy().tolist()})
    files = [f"{scan}_{name}.nii.gz" for name in (*names, "dseg")]
    tree.attrs = {
        "fingerprint": "0",
        "inputs": json.dumps(
            [{"path": f"{scan.partition('_')[0]}/dwi/{f}", "size": 1, "mtime_ns": 2} for f in files]
        ),
        "options": json.dumps({"stats": "core", "zero_is_missing": False}),
        "failures": json.dumps(list(failures)),
        "left_out": "[]",
        "generated_by": "qsiparc 0.0.1",
        **attrs,
    }
    out.mkdir(exist_ok=True)
    return write_part(out, scan, tree)


def copy(part: Path, scan: str) -> None:
    """The same part once more, as that of another scan; quicker than to make one."""
    whose = {name: ("subject", text([scan])) for name in ("subject", "participant_id")}
    old = read_part(part)
    tree = xr.DataTree.from_dict(
        {atlas: node.to_dataset().assign_coords(whose) for atlas, node in old.children.items()}
    )
    tree.attrs = {**old.attrs, "scan": scan}
    write_part(part.parent.parent, scan, tree)


def failure(
    scan: str, *, atlas: str = "", scalar: str = "", reason: str = "broken"
) -> dict[str, str]:
    """A row of ``failures.tsv``."""
    names = describe(scan)
    return {
        "scan": scan,
        "subject": names["participant_id"],
        "session": names["session_id"],
        "atlas": atlas,
        "scalar": scalar,
        "file": "x.nii.gz",
        "step": "map" if scalar else "dseg",
        "reason": reason,
    }
