"""What the tests of figures share: cubes and maps with known numbers, and looks at a figure."""

from __future__ import annotations

import itertools

import numpy as np
import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from qsiparc.cube import assemble, text, text_coords
from qsiparc.nifti import open_nifti


def head(affine=None, shape=(12, 14, 10)):
    """A map and its labels: a ball that grows to the right, to the front and to the top."""
    import nibabel as nib

    affine = np.diag([2.0, 2, 2, 1]) if affine is None else affine
    places = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    middle = (np.array(shape) - 1) / 2
    ball = (((places - middle) / (middle - 0.5)) ** 2).sum(-1) < 1
    values = np.where(ball, 0.2 + places @ (0.02, 0.01, 0.005), 0).astype(np.float32)
    labels = np.where(ball, 1 + (places > middle) @ (1, 2, 4), 0).astype(np.int16)
    fa = open_nifti(nib.Nifti1Image(values, affine)).rename("FA")
    return fa.assign_attrs(units="1"), open_nifti(nib.Nifti1Image(labels, affine))


def made_cube(n_regions=6, n_scans=4, *, seed=0, names=None, stats=("mean", "std", "coverage")):
    """A cube of MD in two networks and both hemispheres; the last region has no value."""
    rng = np.random.default_rng(seed)
    values = rng.uniform(5e-4, 2e-3, (n_regions, len(stats), 1, n_scans))
    values[-1] = np.nan
    if "coverage" in stats:
        values[:, stats.index("coverage")] = 1
        values[0, stats.index("coverage"), 0, 0] = 0.25
        values[-1, stats.index("coverage")] = np.nan
    coords = {
        "region": ("region", np.arange(n_regions) + 1),
        **text_coords(
            {
                "region_name": names or [f"Region_{n}" for n in range(n_regions)],
                "hemisphere": ["R" if n % 2 else "L" for n in range(n_regions)],
                "network_label": [f"Net{n // 3 % 17}" for n in range(n_regions)],
            },
            "region",
        ),
        "stat": ("stat", text(list(stats))),
        **text_coords({"scalar": ["MD"], "units": ["mm²/s"]}, "scalar"),
        **text_coords({"subject": [f"sub-{n:03d}" for n in range(n_scans)]}, "subject"),
        "group": (
            "subject",
            text(["patient" if n % 3 == 0 else "control" for n in range(n_scans)]),
        ),
    }
    return assemble(xr.Variable(("region", "stat", "scalar", "subject"), values), coords, {})


def drawn_texts(figure):
    """Every text of a figure that can be seen, once it is drawn."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    hidden = set()
    for axis in [axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)]:
        hidden |= {t.label1 for t in axis.get_major_ticks()}
        hidden -= {t.label1 for t in axis._update_ticks()}  # those within the view
    seen = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()]
    return [(t, t.get_window_extent(canvas.get_renderer())) for t in seen if t not in hidden]


def overlapping(figure):
    """Pairs of texts that lie on each other by more than a pixel."""
    boxes = [(one.get_text(), box.padded(-1)) for one, box in drawn_texts(figure)]
    return [
        (a, b) for (a, one), (b, other) in itertools.combinations(boxes, 2) if one.overlaps(other)
    ]


def beyond(figure):
    """Texts that do not lie within the figure."""
    limits = figure.bbox.padded(1)
    return [
        one.get_text()
        for one, box in drawn_texts(figure)
        if not (limits.contains(box.x0, box.y0) and limits.contains(box.x1, box.y1))
    ]
