"""From a tree to one task a scan."""

from __future__ import annotations

import shlex
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from qsiparc.catalogue import portable, require_no_mask
from qsiparc.cohort.record import Trouble
from qsiparc.cohort.task import MapFile, Task
from qsiparc.cohort.wanted import choose
from qsiparc.discover import find
from qsiparc.errors import BuildError, LutError, OptionError
from qsiparc.validity import EVERYTHING, Validity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import pandas as pd

    from qsiparc.atlas import AtlasLUT
    from qsiparc.catalogue import Stats
    from qsiparc.discover import QsiReconDataset

_A_MASK: Final = (
    "by its name it is a mask, which is no measure; to have it all the same, name it: scalars={0!r}"
)


@dataclass(frozen=True)
class Options:
    """What is asked of a build; see `qsiparc.build`."""

    participant_label: str | Iterable[str] | None = None
    session_label: str | Iterable[str] | None = None
    atlas: str | Iterable[str] | None = None
    scalars: str | Iterable[str] | None = None
    stats: Stats = "extended"
    validity: Validity = EVERYTHING
    luts: Mapping[str, str | Path] | None = None
    check_content: bool = False
    prune: bool = False
    shard: tuple[int, int] = (1, 1)


@dataclass(frozen=True)
class Plan:
    """What there is to do.

    Parameters
    ----------
    root : Path
        The tree.
    tasks : list of Task
        One a scan, by id.
    n_unpaired : int
        Maps that go with no dseg.
    there : frozenset of str
        Scans that the tree holds, whatever was selected; empty unless parts are to be pruned.
    selected : frozenset of str
        Scans of all shares.
    """

    root: Path
    tasks: list[Task]
    n_unpaired: int
    there: frozenset[str]
    selected: frozenset[str]


def parse_shard(shard: str | tuple[int, int] | None) -> tuple[int, int]:
    """Which part of the scans to do.

    Parameters
    ----------
    shard : str, (int, int) or None
        ``"3/50"`` or ``(3, 50)``: the third of fifty. None is all.

    Returns
    -------
    (int, int)

    Raises
    ------
    OptionError
        It is none of them.

    Examples
    --------
    >>> parse_shard("3/50"), parse_shard(None)
    ((3, 50), (1, 1))
    """
    if shard is None:
        return 1, 1
    parts = shard.split("/") if isinstance(shard, str) else shard
    try:
        number, count = (int(part) for part in parts)
    except (TypeError, ValueError):
        number, count = 0, 0
    if not 1 <= number <= count:
        raise OptionError(f"shard takes '3/50', the third of fifty, counted from 1; not {shard!r}.")
    return number, count


def make_plan(root: Path, out: Path, options: Options) -> Plan:
    """Find out what there is to do; nothing but look-up tables is opened.

    Parameters
    ----------
    root, out : Path
        The tree and the output folder.
    options : Options
        What is asked for.

    Returns
    -------
    Plan

    Raises
    ------
    BuildError
        No map goes with a dseg.
    OptionError
        Both a shard and pruning are asked for, or a look-up table that was given cannot be read.
    SelectionError, DiscoveryError, UnknownStatisticError
        As in `qsiparc.find` and ``sel``.
    """
    require_no_mask(options.stats)
    stats = portable(options.stats)
    root = root.expanduser().absolute()  # so that what is recorded is true from anywhere
    if options.prune and options.shard != (1, 1):
        raise OptionError("prune looks at the whole study, and shard at a share of it: not both.")
    dataset = find(root, luts=options.luts)
    there = frozenset(dataset.pairs()["scan"]) if options.prune else frozenset[str]()
    if not dataset.n_pairs:
        raise _nothing(root, "no map goes with a label image")
    dataset, pairs, masks = choose(
        dataset,
        out,
        subject=options.participant_label,
        session=options.session_label,
        atlas=options.atlas,
        scalar=options.scalars,
    )
    if pairs.empty:
        raise _nothing(root, "no map that was asked for goes with a label image that was")
    tables = {str(atlas): _table(dataset, str(atlas), options) for atlas in pairs["atlas"].unique()}
    base: dict[str, Any] = {
        "out": str(out),
        "stats": stats,
        "validity": options.validity,
    }
    number, count = options.shard
    drafts = _drafts(pairs, masks)
    share = sorted(drafts)[number - 1 :: count]
    tasks = [drafts[scan].task(tables, base) for scan in share]
    unpaired = sum(one.candidate and not one.used for one in dataset.map_rows)
    return Plan(root, tasks, unpaired, there, frozenset(drafts))


def _nothing(root: Path, reason: str) -> BuildError:
    return BuildError(
        f"{root}: there is nothing to build, for {reason}. `qsiparc find {shlex.quote(str(root))}` "
        "shows what there is, and why."
    )


def _table(dataset: QsiReconDataset, atlas: str, options: Options) -> AtlasLUT | str:
    """The look-up table of an atlas, or why there is none; one that was given must be good."""
    if not any(dseg.lut_path for dseg in dataset.dsegs if dseg.atlas_name == atlas):
        return (
            f"no look-up table of {atlas} was found; give one: --lut {shlex.quote(atlas)}=FILE, or "
            f"luts={{{atlas!r}: path}} in Python"
        )
    try:
        return dataset.lut(atlas)
    except (LutError, OSError) as error:
        if atlas.casefold() in map(str.casefold, options.luts or ()):
            raise OptionError(f"The look-up table that was given for {atlas}: {error}") from error
        return str(error)


@dataclass
class _Draft:
    """A task that is being put together."""

    scan: str
    participant: str
    session: str
    maps: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    names: dict[str, tuple[str, str, str, str, str]] = field(default_factory=dict)
    taken: dict[tuple[str, str], str] = field(default_factory=dict)
    doubles: dict[str, tuple[str, str]] = field(default_factory=dict)
    masks: dict[str, str] = field(default_factory=dict)

    def add(self, row: Any) -> None:  # noqa: ANN401 - a named tuple of pandas
        """Add a pair, unless the scan has that scalar over that atlas already."""
        first = self.taken.setdefault((row.atlas, row.scalar), row.map_path)
        if first != row.map_path:
            self.doubles[row.map_path] = (row.scalar, first)
            return
        self.maps[row.map_path][row.atlas] = row.dseg_path
        self.names[row.map_path] = (row.scalar, row.software, row.model, row.param, row.desc)

    def task(self, tables: Mapping[str, AtlasLUT | str], base: Mapping[str, Any]) -> Task:
        """The task, of the atlases that have a table."""
        luts = {name: lut for name, lut in tables.items() if not isinstance(lut, str)}
        used = {atlas for of in self.maps.values() for atlas in of}
        shared: dict[tuple[str, ...], dict[str, str]] = {}
        doubles = sorted(self.doubles.items())
        maps = [
            MapFile(path, *self.names[path], _usable(of, luts, shared))
            for path, of in sorted(self.maps.items(), key=lambda item: self.names[item[0]])
        ]
        failures = tuple(
            self._trouble("lut", reason, atlas=atlas)
            for atlas, reason in sorted(tables.items())
            if isinstance(reason, str) and atlas in used
        )
        reasons = {
            **{path: (name, f"{first} is a map of the same") for path, (name, first) in doubles},
            **{path: (name, _A_MASK.format(name)) for path, name in sorted(self.masks.items())},
        }
        left_out = tuple(
            self._trouble("left out", reason, scalar=name, file=path)
            for path, (name, reason) in reasons.items()
        )
        return Task(
            scan=self.scan,
            participant=self.participant,
            session=self.session,
            maps=tuple(maps),
            luts={atlas: luts[atlas] for atlas in sorted(used) if atlas in luts},
            failures=failures,
            left_out=left_out,
            **base,
        )

    def _trouble(
        self, step: str, reason: str, *, atlas: str = "", scalar: str = "", file: str = ""
    ) -> Trouble:
        words = " ".join(reason.split())
        return Trouble(self.scan, self.participant, self.session, atlas, scalar, file, step, words)


def _usable(
    dsegs: Mapping[str, str],
    luts: Mapping[str, AtlasLUT],
    shared: dict[tuple[str, ...], dict[str, str]],
) -> dict[str, str]:
    """The dsegs that have a table; one object for all maps that have the same."""
    usable = {atlas: dsegs[atlas] for atlas in sorted(dsegs) if atlas in luts}
    return shared.setdefault(tuple(usable.values()), usable)


def _drafts(pairs: pd.DataFrame, masks: pd.DataFrame) -> dict[str, _Draft]:
    drafts: dict[str, _Draft] = {}
    row: Any
    for row in pairs.itertuples(index=False):
        scan = str(row.scan)
        if scan not in drafts:
            session = f"ses-{row.session}" if row.session else ""
            drafts[scan] = _Draft(scan, f"sub-{row.subject}", session)
        drafts[scan].add(row)
    for row in masks.itertuples(index=False):
        if row.scan in drafts:
            drafts[row.scan].masks[row.map_path] = row.scalar
    return drafts
