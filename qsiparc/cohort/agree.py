"""What the scans of a study must agree on, and what is said when they do not."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import numpy as np

from qsiparc.errors import CubeError, QsiparcWarning, warn
from qsiparc.names import OWN_STATISTICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from qsiparc.cohort.reading import Group

UNITS: Final = "units"
POLICIES: Final = ("zero_is_missing", "valid_min", "valid_max", "min_coverage", "min_voxels")
"""Attributes that say what counts; one that is not there has not been asked for."""

_REBUILD: Final = (
    "Run `qsiparc build` again, with one set of options for the whole study, or move the part that "
    "is not wanted out of parts/; then `qsiparc finalize`."
)


def require_same_regions(atlas: str, first: Group, scan: str, group: Group, other: str) -> None:
    """Check that two scans have the same regions, in the same order, with the same texts.

    Parameters
    ----------
    atlas : str
        Their atlas.
    first, group : Group
        Of the two scans.
    scan, other : str
        Ids of the two scans.

    Raises
    ------
    CubeError
        They differ; both scans and the first region that differs are named.
    """
    if np.array_equal(first.region, group.region) and first.regions == group.regions:
        return
    one, two = _rows(first), _rows(group)
    at = next(
        (n for n, pair in enumerate(zip(one, two, strict=False)) if pair[0] != pair[1]),
        min(len(one), len(two)),
    )
    ours, theirs = (rows[at] if at < len(rows) else "nothing more" for rows in (one, two))
    raise CubeError(
        f"The atlas {atlas} has other regions in {other} than in {scan}. The first that differs, "
        f"number {at + 1}: {ours} in {scan}, {theirs} in {other}. One atlas needs one look-up "
        "table for the whole study: qsiparc build … --lut FILE, say."
    )


def _rows(group: Group) -> list[dict[str, object]]:
    names = ("region", *group.regions)
    columns = (group.region.tolist(), *group.regions.values())
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def require_same_making(atlas: str, first: Group, scan: str, group: Group, other: str) -> None:
    """Check that two scans have the same statistics, made of what counts in both.

    Parameters
    ----------
    atlas, first, scan, group, other
        As in `require_same_regions`.

    Raises
    ------
    CubeError
        They differ; both scans are named.
    """
    if first.stats != group.stats:
        raise CubeError(
            f"{atlas}: {scan} has the statistics {', '.join(first.stats)}; {other} has "
            f"{', '.join(group.stats)}. {_REBUILD}"
        )
    for policy in POLICIES:
        ours, theirs = (one.attrs.get(policy, "not set") for one in (first, group))
        if ours != theirs:
            raise CubeError(
                f"{atlas}: {policy} is {ours} in {scan}, and {theirs} in {other}. {_REBUILD}"
            )
    ours, theirs = (_functions(one) for one in (first, group))
    if ours != theirs:
        changed = sorted(name for name in ours if ours[name] != theirs.get(name))
        raise CubeError(
            f"{atlas}: by {', '.join(changed)}, {scan} and {other} have what different functions "
            f"made. {_REBUILD}"
        )


def _functions(group: Group) -> dict[str, str]:
    """Which function made each statistic that is not built in."""
    known = json.loads(str(group.attrs.get(OWN_STATISTICS, "{}")))
    return {name: about.get("function", "") for name, about in known.items()}


class Scalars:
    """The scalars that any scan has, by first appearance, with who they are.

    Parameters
    ----------
    atlas : str
        Of which these are the scalars; for messages.
    """

    def __init__(self, atlas: str) -> None:
        self._atlas = atlas
        self._identity: dict[str, dict[str, str]] = {}
        self._seen_in: dict[str, str] = {}
        self._units: defaultdict[str, dict[str, str]] = defaultdict(dict)

    def __len__(self) -> int:
        return len(self._seen_in)

    @property
    def names(self) -> list[str]:
        """Their ids."""
        return list(self._seen_in)

    def add(self, names: Sequence[str], columns: Mapping[str, Sequence[str]], scan: str) -> None:
        """Take in the scalars of one scan.

        Parameters
        ----------
        names : sequence of str
            Their ids.
        columns : mapping of str to sequence of str
            Coordinates on them, ``software``, ``model`` … and ``units``.
        scan : str
            Id of the scan.

        Raises
        ------
        CubeError
            A scan seen earlier means another map by an id.
        """
        for place, name in enumerate(names):
            says = {key: str(values[place]) for key, values in columns.items()}
            units = says.pop(UNITS, "")
            if units:
                self._units[name].setdefault(units, scan)
            self._seen_in.setdefault(name, scan)
            identity = {key: value for key, value in says.items() if value}
            known = self._identity.setdefault(name, identity)
            if not known:
                self._identity[name] = identity
            elif identity and identity != known:
                raise CubeError(
                    f"{self._atlas}: by {name!r}, {self._seen_in[name]} means {_tell(known)}, and "
                    f"{scan} means {_tell(identity)}. {_REBUILD}"
                )

    def places(self, names: Iterable[str]) -> list[int]:
        """Where scalars stand among all; they never move."""
        place = {name: n for n, name in enumerate(self._seen_in)}
        return [place[name] for name in names]

    def columns(self) -> dict[str, list[str]]:
        """All scalars as columns: ``scalar``, their identity, and ``units``.

        Returns
        -------
        dict of str to list of str
            A scalar has units when all scans that state one state the same.

        Warns
        -----
        QsiparcWarning
            Two scans state different units of one scalar; or they call one map by two names.
        """
        self._warn_of_aliases()
        keys = dict.fromkeys(key for identity in self._identity.values() for key in identity)
        columns = {"scalar": self.names}
        for key in keys:
            columns[key] = [self._identity[name].get(key, "") for name in self._seen_in]
        columns[UNITS] = [self._common_units(name) for name in self._seen_in]
        return columns

    def _common_units(self, name: str) -> str:
        stated = self._units[name]
        if len(stated) > 1:
            found = ", ".join(f"{units} in {scan}" for units, scan in stated.items())
            warn(
                f"{self._atlas}: scans differ in the units of {name}: {found}. The numbers are as "
                "they were read; the units in the archive are left empty. Compare the maps.",
                QsiparcWarning,
            )
        return next(iter(stated)) if len(stated) == 1 else ""

    def _warn_of_aliases(self) -> None:
        """Say when one map has an id in some scans and another id in others."""
        names: defaultdict[tuple[tuple[str, str], ...], list[str]] = defaultdict(list)
        for name, identity in self._identity.items():
            if identity:
                names[tuple(sorted(identity.items()))].append(name)
        for same in names.values():
            scans = {self._seen_in[name]: name for name in same}
            if len(scans) > 1:
                found = ", ".join(f"{name} in {scan}" for scan, name in scans.items())
                warn(
                    f"{self._atlas}: what is named alike goes by several ids: {found}. If it is "
                    "one map, run `qsiparc build` again so that all scans have one id.",
                    QsiparcWarning,
                )


def _tell(identity: Mapping[str, str]) -> str:
    return " ".join(f"{key}={value!r}" for key, value in identity.items())
