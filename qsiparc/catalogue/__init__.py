"""The statistics: built-in and one's own, and the tiers that group them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from qsiparc.catalogue.declaration import Statistic, unit_by_rule
from qsiparc.catalogue.own import own_statistic
from qsiparc.catalogue.registry import (
    CATALOGUE,
    REGISTERED,
    TIERS,
    by_name,
    refuse_built_in,
    register_statistic,
    tiers,
)
from qsiparc.catalogue.sample import Sample
from qsiparc.errors import OptionError, UnknownStatisticError
from qsiparc.names import OWN_STATISTICS

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    import pandas as pd

    from qsiparc.catalogue.own import Own

    Stats: TypeAlias = str | Mapping[str, Own] | Sequence[str | Mapping[str, Own] | Statistic]

__all__ = [
    "CATALOGUE",
    "TIERS",
    "Sample",
    "Statistic",
    "portable",
    "register_statistic",
    "require_no_mask",
    "require_weighted",
    "resolve",
    "statistics",
    "tiers",
    "units_of",
]


def resolve(stats: Stats) -> tuple[Statistic, ...]:
    """The statistics that are asked for.

    Parameters
    ----------
    stats : str, mapping or sequence
        A tier, ``"core"``, ``"extended"``, ``"diagnostic"`` or ``"all"``; the name of a statistic;
        functions by the name that they are to have; or a list of names and of such mappings.

    Returns
    -------
    tuple of Statistic
        In the order asked for.

    Raises
    ------
    UnknownStatisticError
        A name is neither a tier nor a statistic, or stands twice.
    OptionError
        A function has a name that is taken, or is none.

    Examples
    --------
    >>> [s.name for s in resolve("core")]
    ['mean', 'median', 'std', 'n_voxels', 'coverage']
    >>> [s.name for s in resolve(["mean", {"midrange": lambda v: (v.min() + v.max()) / 2}])]
    ['mean', 'midrange']
    """
    if isinstance(stats, str) and stats in (known := tiers()):
        return tuple(map(by_name, known[stats]))
    if not isinstance(stats, Iterable):
        raise TypeError(
            f"stats takes a tier, names of statistics, or functions by the names that they are to "
            f"have, {{'p99': function}}; not {stats!r}."
        )
    asked = [stats] if isinstance(stats, str | Mapping) else list(stats)
    found = [statistic for one in asked for statistic in _each(one)]
    names = [statistic.name for statistic in found]
    if len(set(names)) < len(names) or not names:
        raise UnknownStatisticError(
            f"stats takes distinct names of statistics, at least one; not {names}."
        )
    return tuple(found)


def portable(stats: Stats) -> str | tuple[str | Statistic, ...]:
    """The same statistics, for another process, in which nothing may be registered.

    Parameters
    ----------
    stats : str, mapping or sequence
        As `resolve` takes them.

    Returns
    -------
    str or tuple
        A tier or a name as it is; else the names of built-in statistics, and the others themselves.
    """
    if isinstance(stats, str):
        return stats if stats in TIERS or stats in CATALOGUE else resolve(stats)
    return tuple(s.name if s.name in CATALOGUE else s for s in resolve(stats))


def require_no_mask(stats: Stats) -> None:
    """Check that nothing is asked for by name, and not within a tier, that only a mask can tell.

    Parameters
    ----------
    stats : str, mapping or sequence
        As `resolve` takes them.

    Raises
    ------
    OptionError
        There is such a statistic; it is named.
    """
    for name in [stats] if isinstance(stats, str) else stats:
        if isinstance(name, str) and name in CATALOGUE and "mask" in CATALOGUE[name].needs:
            raise OptionError(f"{name} needs a mask: fa.parc.extract(…, mask=…) takes one.")


def _each(one: Any) -> list[Statistic]:  # noqa: ANN401 - whatever stands in the list
    if isinstance(one, Statistic):
        return [one]
    if isinstance(one, Mapping):
        for name in one:
            refuse_built_in(name)
        return [own_statistic(name, function) for name, function in one.items()]
    if callable(one):
        raise OptionError(f"A function needs a name here: {{'name': {one!r}}}.")
    return [by_name(one)]


def require_weighted(statistics: Sequence[Statistic]) -> None:
    """Refuse statistics that have no definition with weights.

    Raises
    ------
    OptionError
        Some have none; they are named, and so are those that have one.
    """
    without = [statistic.name for statistic in statistics if not statistic.weighted]
    if without:
        have = ", ".join(name for name, statistic in CATALOGUE.items() if statistic.weighted)
        raise OptionError(
            f"With weights there is no {', '.join(without)}. Choose stats of: {have}. Without "
            f"weights there is: of a probabilistic atlas, by threshold alone."
        )


def units_of(name: str, units: str, attrs: Mapping[Hashable, Any]) -> str:
    """The unit of a statistic in a cube, as CF writes it.

    Parameters
    ----------
    name : str
        Of the statistic; one that nobody knows has the unit of the map.
    units : str
        Of the map; may be empty.
    attrs : mapping
        Of the cube, which knows statistics that are not built in.

    Returns
    -------
    str
        Empty where it is not known, ``"1"`` for what is counted or has none.

    Examples
    --------
    >>> [units_of(name, "mm^2/s", {}) for name in ("std", "n_voxels", "volume_mm3")]
    ['mm^2/s', '1', 'mm^3']
    """
    if name in CATALOGUE:
        return unit_by_rule(CATALOGUE[name].unit, units)
    own = json.loads(attrs.get(OWN_STATISTICS, "{}"))
    return unit_by_rule(own[name].get("unit", ""), units) if name in own else units


def _shown(value: float) -> str:
    return "NaN" if np.isnan(value) else f"{value:g}"


def statistics() -> pd.DataFrame:
    """The catalogue of statistics as a table.

    Returns
    -------
    DataFrame
        A row a statistic, by ``name``: ``tier`` (the smallest it is in), ``unit`` (``map`` is the
        map's), ``summary``, ``formula``, ``minimum`` (valid voxels that it needs), ``empty`` and
        ``absent`` (its value, as text, for a region without a valid voxel, and for one that is not
        in the label image), ``weighted`` (the formula with weights; empty where there is none),
        ``needs`` and ``reference``. Those that were registered come last.

    Examples
    --------
    >>> import qsiparc
    >>> qsiparc.statistics().loc["iqr", "formula"]
    'Q75 − Q25'
    """
    import pandas as pd

    rows = [
        {
            "name": s.name,
            "tier": s.tier,
            "unit": s.unit,
            "summary": s.summary,
            "formula": s.formula,
            "minimum": 0 if s.is_count else s.minimum,
            "empty": "counted" if s.empty is None else _shown(s.empty),
            "absent": _shown(s.absent),
            "weighted": s.weighted,
            "needs": ", ".join(s.needs),
            "reference": s.reference,
        }
        for s in (*CATALOGUE.values(), *REGISTERED.values())
    ]
    return pd.DataFrame(rows).set_index("name")
