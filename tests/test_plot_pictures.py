"""Pictures of figures without their text, against those in ``tests/pictures``.

``python tests/test_plot_pictures.py`` draws the references anew; look at them before a commit.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text
from plotting import head, made_cube

from qsiparc import plot

PICTURES = Path(__file__).parent / "pictures"
TILT = np.array([[-1.9, 0.3, 0, 9], [0.3, 1.9, 0.1, -4], [0, -0.1, 2.1, 3], [0, 0, 0, 1]])
TOLERANCE = {"mosaic": 10, "marked": 10, "heatmap": 10}
"""Root mean square of the differences, of 255, unless 2: matplotlib 3.9 and 3.11 put the edges of
an image a pixel apart, which makes up to 8.6."""

BLOCK = 4
"""Pixels that are averaged, for the smoothing of lines differs between versions, too."""

DRAWN = {
    "mosaic": lambda ax, **o: plot.mosaic(*head(TILT), display_mode="ortho", ax=ax, **o),
    "marked": lambda ax, **o: plot.mosaic(
        *head(), display_mode="z", cut_coords=[4, 8], region=2, ax=ax, **o
    ),
    "regions": lambda ax, **o: plot.regions(made_cube(**o), ax=ax),
    "heatmap": lambda ax: plot.heatmap(made_cube(12, 9), ax=ax),
    "coverage": lambda ax: plot.coverage(made_cube(), ax=ax),
    "voxels": lambda ax: plot.voxel_distribution(*head(), region=4, ax=ax),
    "scans": lambda ax: plot.cube_distribution(made_cube(4, 30), 2, by="group", ax=ax),
}


def picture(name, path, **options):
    """Draw a figure at a fixed place, take its text away, and save it."""
    figure = Figure((3.5, 2.2), dpi=60)
    DRAWN[name](figure.add_axes((0.15, 0.2, 0.8, 0.7)), **options)
    for text in figure.findobj(Text):
        text.set_visible(False)
    figure.savefig(path, metadata={"Software": None})
    return path


def difference(path, name):
    """Root mean square of the differences between two pictures, of 255, in blocks of pixels."""
    one, other = (blocks(p) for p in (path, PICTURES / f"{name}.png"))
    return np.sqrt(np.mean((one - other) ** 2))


def blocks(path):
    pixels = 255 * imread(path)[..., :3]
    height, width = (n // BLOCK for n in pixels.shape[:2])
    cut = pixels[: height * BLOCK, : width * BLOCK]
    return cut.reshape(height, BLOCK, width, BLOCK, 3).mean((1, 3))


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_looks_as_it_did(name, tmp_path):
    assert difference(picture(name, tmp_path / "now.png"), name) < TOLERANCE.get(name, 2)


@pytest.mark.parametrize("name", ["mosaic", "marked"])
def test_a_mirrored_brain_would_be_seen(name, tmp_path):
    mirrored = picture(name, tmp_path / "mirrored.png", radiological=True)
    assert difference(mirrored, name) > 3 * TOLERANCE[name]


def test_other_numbers_would_be_seen(tmp_path):
    other = picture("regions", tmp_path / "other.png", seed=1)
    assert difference(other, "regions") > 2


def test_the_pictures_are_those_of_the_figures():
    assert {path.stem for path in PICTURES.glob("*.png")} == set(DRAWN)


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    for each in DRAWN:
        picture(each, PICTURES / f"{each}.png")
