"""Brains to measure on: seeded, made of formulas, on a grid as of the Human Connectome Project.

One scan is a QSIRecon tree of one subject: twelve float32 maps at 1.25 mm, 0 around the brain, and
three atlases of its grey matter. Nothing is rounded, so the maps are as hard to inflate as those of
a real fit.
"""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import xarray as xr
from scipy.spatial import cKDTree

from qsiparc.niftiwriter import to_nibabel
from qsiparc.phantom.brain import CENTRE, ZONES, Anatomy, Shape, anatomy, in_brain
from qsiparc.phantom.maps import MEANS, measured, signal
from qsiparc.space import with_affine

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SHAPE: Final = (145, 174, 145)
EDGE: Final = 1.25
ATLASES: Final = (100, 456, 1056)
WORKFLOWS: Final = ("AMICONODDI", "TORTOISE")
SCAN: Final = "sub-001/dwi/sub-001_space-ACPC"
SEED: Final = 5


def make_tree(root: Path, *, seed: int = SEED) -> Path:
    """Make the tree of one scan, unless it is there.

    Parameters
    ----------
    root : Path
        Where to.
    seed : int
        The same seed gives the same brain.

    Returns
    -------
    Path
        The same.
    """
    done = root / "dataset_description.json"
    if done.exists():
        return root
    affine = np.diag([-EDGE, -EDGE, EDGE, 1.0])
    affine[:3, 3] = np.asarray(CENTRE) - affine[:3, :3] @ ((np.asarray(SHAPE) - 1) / 2)
    world = np.indices(SHAPE).reshape(3, -1).T @ affine[:3, :3].T + affine[:3, 3]
    shape = Shape.of_template()
    brain = in_brain(world, shape)
    found = anatomy(world[brain], shape)
    brain = brain.reshape(SHAPE)
    for number, workflow in enumerate(WORKFLOWS):
        for name in MEANS:
            values = measured(
                signal(found, name),
                name,
                brain=brain,
                seed=[seed, number, zlib.crc32(name.encode())],
            )
            file = root / f"derivatives/qsirecon-{workflow}/{SCAN}_param-{name}_dwimap.nii.gz"
            _save(file, _filled(brain, values.astype(np.float32)), affine)
    for n_regions in ATLASES:
        labels = _filled(brain, _parcels(found, n_regions, seed).astype(np.int16))
        file = root / f"{SCAN}_seg-Grey{n_regions}_dseg.nii.gz"
        _save(file, labels, affine)
        rows = [f"{index}\tGrey_{index}" for index in range(1, n_regions + 1)]
        table = file.with_name(file.name.replace(".nii.gz", ".tsv"))
        table.write_text("\n".join(["index\tname", *rows, ""]), encoding="utf-8")
    done.write_text(json.dumps({"Name": "Measured brains", "BIDSVersion": "1.10.0"}))
    return root


def _parcels(found: Anatomy, n_regions: int, seed: int) -> NDArray[np.integer]:
    """Grey matter cut into so many parts of about the same size; 0 in white matter and stem."""
    grey = ~np.isin(found.zone, [ZONES["white"], ZONES["stem"]])
    points = found.points[grey]
    centres = np.random.default_rng(seed).choice(points, n_regions, replace=False)
    for _ in range(3):
        owner = cKDTree(centres).query(points)[1]
        size = np.bincount(owner, minlength=n_regions)
        sums = [np.bincount(owner, axis, minlength=n_regions) for axis in points.T]
        centres = np.stack(sums, axis=1) / size[:, None]
    labels = np.zeros(grey.size, np.intp)
    labels[grey] = cKDTree(centres).query(points)[1] + 1
    return labels


def _filled(brain: NDArray[np.bool_], values: NDArray[Any]) -> NDArray[Any]:
    volume = np.zeros(brain.shape, values.dtype)
    volume[brain] = values
    return volume


def _save(path: Path, data: NDArray[Any], affine: NDArray[np.float64]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = to_nibabel(with_affine(xr.DataArray(data, dims=("i", "j", "k")), affine))
    path.write_bytes(zlib.compress(image.to_bytes(), level=6, wbits=31))


def make_study(root: Path, scan: Path, n_scans: int) -> Path:
    """Make a tree of many scans, each of which is that one under another name: links, no copies."""
    for path in sorted(scan.rglob("*.*")):
        place = path.relative_to(scan).as_posix()
        for number in range(1, n_scans + 1):
            target = root / place.replace("sub-001", f"sub-{number:03d}")
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                target.hardlink_to(path)
    return root
