"""From a QSIRecon tree to a cohort's numbers and a picture: ``python docs/demo.py demo``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import xarray as xr

import qsiparc
from qsiparc.tutorial import make_qsirecon

mpl.use("Agg")  # draws to files, also where there is no screen

import matplotlib.pyplot as plt
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh

ATLAS = "4S156Parcels"
SHOWN = ["subject", "region_name", "hemisphere", "scalar", "mean", "std", "n_voxels", "coverage"]


def main(folder: Path) -> None:
    """Extract the FA of four people, region by region, and write what came out."""
    print("Laying out the tutorial tree: synthetic maps of four people ...")
    root = make_qsirecon(folder / "qsirecon", resolution=2)
    dataset = qsiparc.find(root).sel(scalar="AMICONODDI-FA", atlas=ATLAS)
    pairs = list(dataset.pairs().itertuples())
    lut = dataset.lut(ATLAS)

    cubes = []
    for pair in pairs:
        fa = xr.open_dataarray(pair.map_path)
        cubes.append(fa.parc.extract(pair.dseg_path, lut, zero_is_missing=True))
    cohort = xr.concat(cubes, "subject", join="exact")

    table = cohort.parc.to_long()
    print(f"\nThe head of the long table, {len(table)} rows, a row a region and scan:\n")
    print(table[SHOWN].head().round(4).to_string(index=False))

    archive = cohort.parc.save(folder / "fa.zarr")
    text = cohort.parc.to_tsv(folder / "fa.tsv")
    figure = draw(pairs[0], lut, cohort, folder / "fa.png")
    print(f"""
Written:
  {root}  the tree: synthetic, so share it as you like
  {archive}   the cube, {" × ".join(f"{n} {dim}" for dim, n in cohort.sizes.items())}
  {text}    the long table; how it was made is in {text.with_suffix(".json")}
  {figure}    the map, the atlas, and the regions' means back on the brain

Next, in {os.path.relpath(sys.executable)}:
  import qsiparc
  cohort = qsiparc.open("{archive}")
  cohort.parc.sel(region_name="LH_Vis_1", stat="mean").value.values""")


# The rest draws the picture.

SLICES = {"axial": ("z", 12, "x", "y"), "coronal": ("y", -22, "x", "z")}
"""The world axis that a slice cuts, where [mm], and the two axes that it shows."""

EXTENT = {"x": (-76, 76), "y": (-108, 74), "z": (-72, 78)}
"""What the slices show of the world [mm]."""

NETWORKS = {
    "Visual": "#0072B2",
    "Somatomotor": "#E69F00",
    "Dorsal attention": "#009E73",
    "Salience": "#CC79A7",
    "Limbic": "#F0E442",
    "Control": "#D55E00",
    "Default": "#56B4E9",
    "Below the cortex": "#7A7A7A",
}
"""Networks and their colours, those of Okabe and Ito: colour-blind eyes tell them apart."""

IN_LUT = ("Vis", "SomMot", "DorsAttn", "SalVentAttn", "Limbic", "Cont", "Default", "n/a")
"""What the look-up table calls them."""


def draw(pair: Any, lut: qsiparc.AtlasLUT, cohort: xr.Dataset, target: Path) -> Path:  # noqa: ANN401 - a row
    """Draw a map, its atlas, and the means of its regions painted back on the brain."""
    fa = xr.open_dataarray(pair.map_path)
    fa = fa.where(fa > 0)
    dseg = qsiparc.open_nifti(pair.dseg_path)
    networks = network_colours(dseg, lut)
    means = cohort.parc.to_volume(dseg, stat="mean", scalar="FA", subject=pair.scan)

    figure, axes = plt.subplots(
        3, 3, figsize=(9, 7.5), height_ratios=(1, 0.83, 0.2), layout="constrained", dpi=110
    )
    for row, (name, cut) in zip(axes, SLICES.items(), strict=False):
        map_mesh = show(row[0], fa, cut, {"cmap": "magma", "vmin": 0, "vmax": 0.7})
        for axis in row[1:]:
            show(axis, fa, cut, {"cmap": "Greys", "vmin": -0.4, "vmax": 3})
        show(row[1], networks, cut, {})
        mean_mesh = show(row[2], means, cut, {"cmap": "viridis", "vmin": 0.1, "vmax": 0.25})
        row[0].set_ylabel(f"{name}, {cut[0]} = {cut[1]} mm".replace("-", "−"))
    titles = (
        f"FA of sub-{pair.subject}",
        f"The atlas: {len(lut)} regions",
        "Mean FA of each region",
    )
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, pad=10)
    for axis in axes[2]:
        axis.axis("off")
    for column, mesh, label in ((0, map_mesh, "FA"), (2, mean_mesh, "mean FA")):
        bar = axes[2, column].inset_axes((0.1, 0.6, 0.8, 0.2))
        text = f"{label} [no unit]"
        figure.colorbar(mesh, bar, orientation="horizontal", extend="max", label=text)
    patches = [Patch(color=colour, label=name) for name, colour in NETWORKS.items()]
    axes[2, 1].legend(handles=patches, loc="center", ncols=2, fontsize=8, frameon=False)
    figure.savefig(target, bbox_inches="tight", pad_inches=0.12)
    plt.close(figure)
    return target


def show(
    axis: Axes, volume: xr.DataArray, cut: tuple[str, float, str, str], style: dict[str, object]
) -> QuadMesh:
    """Draw a slice where it lies in the world, so that the patient's right is on the right."""
    across, at, right, up = cut
    placed = volume.parc.world()
    dim = "ijk"["xyz".index(across)]
    middle = {other: placed.sizes[other] // 2 for other in "ijk" if other != dim}
    plane = placed.isel({dim: int(abs(placed[across].isel(middle) - at).argmin(dim))})
    mesh = axis.pcolormesh(plane[right], plane[up], plane.values, **style)
    axis.set(aspect="equal", xlim=EXTENT[right], ylim=EXTENT[up], xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
    for x, side in ((0.06, "L"), (0.94, "R")):
        axis.text(x, 0.9, side, transform=axis.transAxes, ha="center", weight="bold")
    return mesh


def network_colours(dseg: xr.DataArray, lut: qsiparc.AtlasLUT) -> xr.DataArray:
    """The colour of its network for every voxel, a little darker or lighter by region."""
    palette = dict(zip(IN_LUT, NETWORKS.values(), strict=True))
    table = lut.to_dataframe()
    colours = np.zeros((*dseg.shape, 4))
    for label, network in zip(table["region_index"], table["network_label"], strict=True):
        shade = 0.75 + 0.25 * (label * 0.618 % 1)
        colours[dseg.values == label] = (*(shade * np.array(to_rgb(palette[network]))), 1)
    return dseg.expand_dims(rgba=4, axis=-1).copy(data=colours)


if __name__ == "__main__":
    main(Path(sys.argv[1] if sys.argv[1:] else "demo"))
