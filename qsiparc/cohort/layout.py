"""What a study holds: the union of its parts, checked to be of one kind."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import xarray as xr

from qsiparc.cohort.agree import Scalars, require_same_making, require_same_regions
from qsiparc.cohort.reading import read_part_summary
from qsiparc.cube import text
from qsiparc.entities import describe
from qsiparc.errors import CubeError
from qsiparc.names import (
    CUBE_DIMS,
    FILE_COORDS,
    SCALAR_COORDS,
    STATUS,
    STATUS_FLAGS,
    SUBJECT_COORDS,
)
from qsiparc.progress import Progress
from qsiparc.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from qsiparc.cohort.failures import Troubles
    from qsiparc.cohort.reading import Group, Part
    from qsiparc.seal import Seal

MANY: Final = 20
"""How many different sets of options the provenance of a study lists."""

_OWN_ATTRS: Final = frozenset({"provenance", "generated_by"})
"""Attributes of a part's cube that speak of that scan alone."""


@dataclass(frozen=True)
class Layout:
    """The group of one atlas, without its numbers.

    Parameters
    ----------
    atlas : str
        Name of the group.
    coords : dict of str to (str, numpy.ndarray)
        Dim and values by the name of the coordinate.
    files : dict of str to int
        Coordinates on ``scalar`` and ``subject``, which are read with the numbers, and the length
        of their longest text.
    status : numpy.ndarray, shape (scalar, subject)
        Values of `qsiparc.names.STATUS_FLAGS`.
    attrs : dict
        Of the group; str, int, float or flat lists of them.
    """

    atlas: str
    coords: dict[str, tuple[str, NDArray[Any]]]
    files: dict[str, int]
    status: NDArray[np.int8]
    attrs: dict[str, Any]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Lengths of (region, stat, scalar, subject)."""
        region, stat, scalar, subject = (self.coords[dim][1].size for dim in CUBE_DIMS)
        return region, stat, scalar, subject

    def names(self, dim: str) -> list[Any]:
        """The labels on a dim."""
        labels: list[Any] = self.coords[dim][1].tolist()
        return labels

    def skeleton(self) -> xr.Dataset:
        """The cube of this atlas with all but its numbers and its files' names.

        Returns
        -------
        Dataset
            Coordinates, attributes, and ``status`` with its flags as CF has them.
        """
        flags = {
            "long_name": "why a value is missing",
            "flag_values": np.array(list(STATUS_FLAGS.values()), np.int8),
            "flag_meanings": " ".join(STATUS_FLAGS),
        }
        status = (("scalar", "subject"), self.status, flags)
        return xr.Dataset({STATUS: status}, self.coords, self.attrs)


@dataclass(frozen=True)
class Study:
    """All parts of a study, and what they hold together.

    Parameters
    ----------
    paths : tuple of Path
        The parts, in the order of ``subject``.
    scans : tuple of str
        Their ids.
    seals : tuple of Seal
        Length and checksum of each part when it was surveyed.
    atlases : dict of str to Layout
        By name, by first appearance.
    troubles : dict of str to tuple
        By scan, what failed and what was left out.
    """

    paths: tuple[Path, ...]
    scans: tuple[str, ...]
    seals: tuple[Seal, ...]
    atlases: dict[str, Layout]
    troubles: dict[str, Troubles]


def survey(paths: Sequence[Path]) -> Study:
    """Read what the parts hold, one at a time, and check that they make one study.

    Parameters
    ----------
    paths : sequence of Path
        Of the parts; subjects are in this order.

    Returns
    -------
    Study
        Scalars are all that any part has, in the order of their first appearance. A scan without
        some scalar, or without an atlas, is there all the same: its status is ``failed`` where the
        part says so, else ``missing``.

    Raises
    ------
    CubeError
        A file is no part, or two parts differ in what must be the same: regions and what is known
        of them, statistics, the zero policy, the identity of a scalar. Both scans are named.

    Warns
    -----
    QsiparcWarning
        Units of a scalar differ between scans, and the cube's are empty; or one map goes by two
        ids.
    """
    growing = _Growing()
    with Progress("reading parts", "scans", total=len(paths)) as progress:
        for path in paths:
            growing.add(read_part_summary(path))
            progress.add(1)
    return growing.study(tuple(paths))


class _Growing:
    """A study, while its parts are being read."""

    def __init__(self) -> None:
        self._atlases: dict[str, _GrowingAtlas] = {}
        self._subjects: list[dict[str, str]] = []
        self._owners: dict[str, Path] = {}
        self._broken: list[frozenset[tuple[str, str]]] = []
        self._makers: Counter[str] = Counter()
        self._options: Counter[str] = Counter()
        self._troubles: dict[str, Troubles] = {}
        self._seals: list[Seal] = []

    def add(self, part: Part) -> None:
        names = _subject_of(part)
        owner = self._owners.setdefault(names["subject"], part.path)
        if owner != part.path:
            raise CubeError(
                f"{owner} and {part.path} both are the subject {names['subject']!r}. Move one of "
                "them out of parts/, then finalize again."
            )
        for atlas, group in part.groups.items():
            if atlas not in self._atlases:
                self._atlases[atlas] = _GrowingAtlas(atlas, group, part.scan)
            self._atlases[atlas].add(group, part.scan, place=len(self._subjects))
        self._subjects.append(names)
        self._seals.append(part.seal)
        failures, _ = self._troubles[part.scan] = part.troubles
        self._broken.append(frozenset((row.atlas, row.scalar) for row in failures))
        self._makers[str(part.attrs.get("generated_by", "unknown"))] += 1
        self._options[str(part.attrs.get("options", ""))] += 1

    def study(self, paths: tuple[Path, ...]) -> Study:
        names = dict.fromkeys(key for names in self._subjects for key in names)
        coords = {
            key: ("subject", text([names.get(key, "") for names in self._subjects]))
            for key in names
        }
        made = {"generated_by": f"qsiparc {__version__}", "provenance": self._provenance()}
        atlases = {
            atlas: grown.layout(self._broken, coords, made)
            for atlas, grown in self._atlases.items()
        }
        scans = tuple(self._troubles)
        return Study(paths, scans, tuple(self._seals), atlases, self._troubles)

    def _provenance(self) -> str:
        """Who made the parts, and how; which files they are of stays in the parts."""
        options = [
            {"scans": count, "options": json.loads(options or "{}")}
            for options, count in self._options.most_common(MANY)
        ]
        about = {"scans": len(self._subjects), "parts_by": dict(self._makers), "options": options}
        return json.dumps(about, ensure_ascii=False)


class _GrowingAtlas:
    """One atlas of a study, while its parts are being read."""

    def __init__(self, atlas: str, first: Group, scan: str) -> None:
        self._atlas = atlas
        self._first = first
        self._scan = scan
        self._scalars = Scalars(atlas)
        self._status: dict[int, NDArray[np.int8]] = {}
        self._files: dict[str, int] = {}
        self._own: dict[str, dict[int, str]] = {}
        self._attrs = {key: first.attrs[key] for key in first.attrs if key not in _OWN_ATTRS}

    def add(self, group: Group, scan: str, *, place: int) -> None:
        require_same_regions(self._atlas, self._first, self._scan, group, scan)
        require_same_making(self._atlas, self._first, self._scan, group, scan)
        columns = dict(group.scalars)
        names = columns.pop("scalar")
        self._scalars.add(names, columns, scan)
        status = np.full(len(self._scalars), STATUS_FLAGS["missing"], np.int8)
        status[self._scalars.places(names)] = group.status
        self._status[place] = status
        for name in FILE_COORDS.keys() & group.subject.keys():
            self._own.setdefault(name, {})[place] = str(group.subject[name][0])
        for name, texts in group.files.items():
            self._files[name] = max(self._files.get(name, 1), *map(len, texts))
        self._attrs = {k: v for k, v in self._attrs.items() if group.attrs.get(k) == v}

    def layout(
        self,
        broken: Sequence[frozenset[tuple[str, str]]],
        subjects: Mapping[str, tuple[str, NDArray[Any]]],
        made: Mapping[str, str],
    ) -> Layout:
        silent = {key: [""] * len(self._scalars) for key in ("scalar", *SCALAR_COORDS)}
        columns = silent | self._scalars.columns()
        coords = {
            "region": ("region", self._first.region),
            **{key: ("region", _column(v)) for key, v in self._first.regions.items()},
            "stat": ("stat", text(self._first.stats)),
            **{key: ("scalar", text(values)) for key, values in columns.items()},
            **subjects,
            **{
                name: ("subject", text([own.get(place, "") for place in range(len(broken))]))
                for name, own in self._own.items()
            },
        }
        attrs = {"atlas": self._atlas, **self._attrs, **made}
        return Layout(self._atlas, coords, self._files, self._all_status(broken), attrs)

    def _all_status(self, broken: Sequence[frozenset[tuple[str, str]]]) -> NDArray[np.int8]:
        names = self._scalars.names
        status = np.full((len(names), len(broken)), STATUS_FLAGS["missing"], np.int8)
        for place, pairs in enumerate(broken):
            if place in self._status:
                own = self._status[place]
                status[: own.size, place] = own
            elif pairs:
                scalars = {scalar for atlas, scalar in pairs if atlas in {"", self._atlas}}
                failed = [not scalars.isdisjoint({"", name}) for name in names]
                status[failed, place] = STATUS_FLAGS["failed"]
        return status


def _column(values: tuple[Any, ...]) -> NDArray[Any]:
    return text(values) if isinstance(values[0], str) else np.asarray(values)


def _subject_of(part: Part) -> dict[str, str]:
    """Label and BIDS names of a scan, also of one that has no cube; files differ by atlas."""
    for group in part.groups.values():
        known = {key: str(values[0]) for key, values in group.subject.items()}
        return {"subject": "", **{key: known[key] for key in known if key not in FILE_COORDS}}
    names = describe(part.scan)
    return {"subject": part.scan, **{key: names[key] for key in SUBJECT_COORDS}}
