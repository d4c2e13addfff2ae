"""A question to maps and what came of it: from there to a cube."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qsiparc.catalogue.own import own_attrs
from qsiparc.coords import file_coords, further_coords, subject_coords
from qsiparc.cube import assemble, text_coords
from qsiparc.names import STATED_RANGES
from qsiparc.reduce import by_scalar
from qsiparc.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr

    from qsiparc.catalogue import Statistic, Stats
    from qsiparc.grid import Grid
    from qsiparc.masking import Mask
    from qsiparc.regions import Regions
    from qsiparc.validity import Validity


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked of maps, whatever the atlas.

    Parameters
    ----------
    volumes : tuple of DataArray
        The maps, on one grid.
    grid : Grid
        Theirs.
    statistics : tuple of Statistic
        What is computed.
    validities : tuple of Validity
        Which voxels count, of each map.
    scalars : tuple of str
        What the maps are called, for messages.
    mask : Mask or None
        Which voxels are looked at.
    """

    volumes: tuple[xr.DataArray, ...]
    grid: Grid
    statistics: tuple[Statistic, ...]
    validities: tuple[Validity, ...]
    scalars: tuple[str, ...]
    mask: Mask | None

    @property
    def name(self) -> str:
        """What the maps are called where grids are compared: the file of the first, or empty."""
        return str(self.volumes[0].attrs.get("source", ""))


@dataclass(frozen=True, eq=False)
class Answer:
    """What came of it.

    Parameters
    ----------
    rows : Regions
        Regions, in the order of the values.
    source : str
        Name of the atlas image's file, or empty.
    reduced : list of Variable
        ``(…, region, stat)`` of each map.
    attrs : dict
        What a cube says of thresholds and weights.
    """

    rows: Regions
    source: str
    reduced: list[xr.Variable]
    attrs: dict[str, Any] = field(default_factory=dict)


def as_cube(
    asked: Question,
    answer: Answer,
    of_scalars: Mapping[str, Any],
    *,
    stats: Stats,
    validity: Validity,
    subject: str | None,
) -> xr.Dataset:
    """The cube of an answer.

    Parameters
    ----------
    asked, answer : Question, Answer
        What was asked, and what came of it.
    of_scalars : mapping
        What `qsiparc.coords.scalar_coords` says of the maps.
    stats : str or sequence of str or Statistic
        The statistics, as they were asked for.
    validity : Validity
        What counts, as it was asked for.
    subject : str or None
        As in ``DataArray.parc.extract``.

    Returns
    -------
    Dataset
        With ``value``, its coordinates, and how it was made.
    """
    coords, attrs = described(
        asked, answer, of_scalars, stats=stats, validity=validity, subject=subject
    )
    return assemble(by_scalar(answer.reduced), coords, attrs)


def described(
    asked: Question,
    answer: Answer,
    of_scalars: Mapping[str, Any],
    *,
    stats: Stats,
    validity: Validity,
    subject: str | None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Coordinates and attributes of the cube of an answer; parameters as in `as_cube`.

    Returns
    -------
    coords, attrs : dict
        As `qsiparc.cube.assemble` takes them.
    """
    coords = {
        **further_coords(asked.volumes[0]),
        "region": ("region", answer.rows.indices),
        **text_coords(answer.rows.columns, "region"),
        **text_coords({"stat": [statistic.name for statistic in asked.statistics]}, "stat"),
        **subject_coords(asked.volumes[0], subject),
        **of_scalars,
        **file_coords(asked.volumes, answer.source),
    }
    attrs = {
        "atlas": answer.rows.atlas_name,
        "lut": answer.rows.source,
        "stats": stats if isinstance(stats, str) else " ".join(s.name for s in asked.statistics),
        **own_attrs(asked.statistics),
        **validity.attrs(),
        **_stated_attrs(asked.scalars, asked.validities),
        **answer.attrs,
        **({"mask": asked.mask.name} if asked.mask else {}),
        "generated_by": f"qsiparc {__version__}",
    }
    return coords, attrs


def map_names(coords: Mapping[str, Any]) -> tuple[str, ...]:
    """What maps are called: scalars, or one word for what has a dim of them.

    Parameters
    ----------
    coords : mapping
        What `qsiparc.coords.scalar_coords` says of them.

    Returns
    -------
    tuple of str
    """
    if "scalar" not in coords:
        return ("the maps",)
    _, scalars = coords["scalar"]
    return tuple(str(name) for name in scalars)


def _stated_attrs(names: Sequence[str], of_maps: Sequence[Validity]) -> dict[str, str]:
    """The ranges that maps state themselves, where they were not overruled."""
    known = zip(names, of_maps, strict=True)
    return stated_attrs({name: of_map.stated for name, of_map in known if of_map.stated})


def stated_attrs(stated: Mapping[str, list[float | None]]) -> dict[str, str]:
    """Ranges that maps state themselves, by map, as an attribute of a cube; none without any."""
    return {STATED_RANGES: json.dumps(stated, ensure_ascii=False)} if stated else {}
