"""Pictures of where something was found, for the gravest findings."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Final, NamedTuple

from qsiparc.names import STATUS_FLAGS
from qsiparc.report.notes import source_files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from qsiparc.report.finding import Finding
    from qsiparc.report.sheets import Atlas

WITH_COMMAND: Final = 500
"""Most findings that come with the lines that draw a mosaic."""

_MARKED: Final = 8
"""Most regions that are marked in one mosaic."""

_SIZE: Final = (6.4, 3.6)
"""Of a mosaic [inch]; with 150 dots an inch it is sharp on a screen and weighs 50 kB."""


class Picture(NamedTuple):
    """A picture, or how to make it.

    Parameters
    ----------
    source : str
        A ``data:`` address; empty where it is not drawn.
    caption : str
        What it shows.
    command : str
        Python that draws it.
    """

    source: str
    caption: str
    command: str


class View(NamedTuple):
    """A map, a label image, and the regions to mark."""

    volume: Path
    dseg: Path
    regions: list[int]
    caption: str


def draw_mosaics(
    out: Path, atlases: Sequence[Atlas], found: Sequence[Finding], *, count: int
) -> dict[int, Picture]:
    """Draw the gravest findings, and tell how to draw the others.

    Parameters
    ----------
    out : Path
        Output folder of a study; its parts say where the maps are.
    atlases : sequence of Atlas
        The cubes of the study.
    found : sequence of Finding
        In their order.
    count : int
        How many to draw at most. None is drawn without matplotlib, or of files that are gone.

    Returns
    -------
    dict of int to Picture
        By the place of the finding; nothing of those whose files nobody knows.
    """
    by_name = {atlas.name: atlas for atlas in atlases}
    pictures: dict[int, Picture] = {}
    files: dict[str, dict[str, list[Path]]] = {}
    n_drawn = 0
    for place, one in enumerate(found[:WITH_COMMAND]):
        if one.scan and one.scan not in files:
            files[one.scan] = source_files(out, one.scan)
        view = _view(one, by_name, files.get(one.scan, {}))
        if view is None:
            continue
        source = _draw(view) if n_drawn < count else ""
        n_drawn += bool(source)
        pictures[place] = Picture(source, view.caption, _command(view))
    return pictures


def _view(
    one: Finding, atlases: Mapping[str, Atlas], files: Mapping[str, Sequence[Path]]
) -> View | None:
    """What to look at: the scan's map and label image where the finding is worst."""
    worst = one.spots[0] if one.spots else None
    name = worst.atlas if worst else next(iter(one.atlases), next(iter(atlases)))
    atlas = atlases[name]
    if not files or one.scan not in atlas.scans or "map_file" not in atlas.cube.coords:
        return None
    scan = atlas.scans.index(one.scan)
    there = [s for n, s in enumerate(atlas.scalars) if atlas.status[n, scan] == STATUS_FLAGS["ok"]]
    wanted = [worst.scalar if worst else "", *one.scalars, *_like_fa(there), *there]
    scalar = next((s for s in wanted if s in there), None)
    if scalar is None:
        return None
    number = atlas.scalars.index(scalar)
    software = atlas.names("software")[number] if "software" in atlas.cube.coords else ""
    volume = _one(files.get(str(atlas.cube["map_file"][number, scan].item()), ()), software)
    dseg = _one(files.get(str(atlas.cube["dseg_file"][scan].item()), ()), "")
    if volume is None or dseg is None:
        return None
    regions = [spot.region for spot in one.spots if spot.atlas == name and one.kind != "lost"]
    named = f" of {one.spots[0].name}" if regions else ""
    return View(
        volume, dseg, regions[:_MARKED], f"{scalar} with the outlines{named or f' of {name}'}."
    )


def _like_fa(scalars: Sequence[str]) -> list[str]:
    return [scalar for scalar in scalars if scalar.lower().endswith("fa")]


def _one(paths: Sequence[Path], software: str) -> Path | None:
    """The file of a name; of several, the one in the folder of that software."""
    if len(paths) > 1:
        paths = [path for path in paths if f"qsirecon-{software}" in path.parts]
    return paths[0] if len(paths) == 1 else None


def _command(view: View) -> str:
    marked = f", region={view.regions}" if view.regions else ""
    return (
        "import qsiparc\n\n"
        f"volume = qsiparc.open_nifti({str(view.volume)!r})\n"
        f"volume.parc.plot.mosaic({str(view.dseg)!r}{marked})"
    )


def _draw(view: View) -> str:
    """The picture as a ``data:`` address; empty where it cannot be drawn."""
    try:
        from matplotlib.figure import Figure

        from qsiparc.nifti import open_nifti
        from qsiparc.plot import mosaic
    except ImportError:
        return ""
    figure = Figure(figsize=_SIZE, layout="constrained", dpi=150)
    try:
        mosaic(
            open_nifti(view.volume),
            view.dseg,
            region=view.regions or None,
            ax=figure.add_subplot(),
        )
    except (OSError, ValueError):  # a file that is gone or damaged; a label that is not there
        return ""
    picture = io.BytesIO()
    figure.savefig(picture, format="webp", bbox_inches="tight", pil_kwargs={"quality": 80})
    return "data:image/webp;base64," + base64.b64encode(picture.getvalue()).decode()
