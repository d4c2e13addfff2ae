"""The figures of the pages, of synthetic data: ``python docs/figures.py docs/_static``.

Those of ``figures.md`` are what its own blocks draw: each picture is the last line of the block
above it.
"""

from __future__ import annotations

import ast
import contextlib
import re
import sys
import tempfile
from pathlib import Path

import matplotlib as mpl
import numpy as np
import xarray as xr

import qsiparc
from qsiparc.tutorial import make_qsirecon

mpl.use("Agg")  # draws to files, also where there is no screen

import matplotlib.pyplot as plt


def two_grids(root: Path, target: Path) -> None:
    """Regional means with an atlas that runs the other way, by position and by affine."""
    dataset = qsiparc.find(root, template=True).sel(scalar="fa", atlas="4S156Parcels")
    (pair,) = dataset.pairs().itertuples()
    fa = xr.open_dataarray(pair.map_path)
    dseg = qsiparc.open_nifti(pair.dseg_path)
    turned = dseg.isel(i=slice(None, None, -1))
    right = fa.parc.extract(turned, pair.lut_path).parc.sel(stat="mean").value.squeeze()
    labels = turned.values
    by_position = [fa.values[labels == region].mean() for region in right.region.values]
    truth = fa.parc.extract(dseg, pair.lut_path).parc.sel(stat="mean").value.squeeze()

    figure, axes = plt.subplots(1, 2, figsize=(8, 4), sharey=True, layout="constrained", dpi=110)
    for axis, found, title in (
        (axes[0], by_position, "By position: voxel on voxel"),
        (axes[1], right, "By affine: what extract does"),
    ):
        axis.axline((0.1, 0.1), slope=1, color="0.75", zorder=0)
        axis.scatter(truth, found, s=14, color="#0072B2")
        for name in ("LH_Vis_1", "RH_Vis_1"):
            at = int(np.flatnonzero(truth.region_name.values == name)[0])
            axis.scatter(truth[at], found[at], s=30, color="#D55E00")
            axis.annotate(name, (truth[at], found[at]), (8, -4), textcoords="offset points")
        axis.set(title=title, xlabel="true mean FA of the region", aspect="equal")
        axis.set(xlim=(0.08, 0.32), ylim=(0.08, 0.32))
    axes[0].set_ylabel("mean FA found")
    figure.savefig(target)


BLOCK = re.compile(r"```python\n(.*?)```\n(?:\n!\[[^]]*\]\(_static/([^)]*)\))?", re.DOTALL)


def page(text: str, target: Path) -> None:
    """Run the blocks of a page, and save the Axes that each block above a picture ends on."""
    names: dict[str, object] = {}
    for code, picture in BLOCK.findall(text):
        *first, last = ast.parse(code).body
        shows = bool(picture) and isinstance(last, ast.Expr)
        exec(compile(ast.Module(first if shows else [*first, last], []), "<page>", "exec"), names)  # noqa: S102 - our own page
        if isinstance(last, ast.Expr) and picture:
            ax = eval(compile(ast.Expression(last.value), "<page>", "eval"), names)  # noqa: S307 - the same
            ax.figure.savefig(target / picture, dpi=200)


if __name__ == "__main__":
    own = Path(__file__).with_suffix(".md").read_text(encoding="utf-8")
    static = Path(sys.argv[1]).resolve()
    (static / "figures").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        page(own, static)
    with tempfile.TemporaryDirectory() as folder:
        tree = make_qsirecon(Path(folder) / "qsirecon", n_subjects=1)
        two_grids(tree, static / "two-grids.png")
