"""The statistics: built-in and one's own, and the tiers that group them."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from qsiparc.catalogue import centre, counts, filtered, normality, shape
from qsiparc.catalogue.declaration import Statistic, unit_by_rule
from qsiparc.catalogue.own import own_statistic
from qsiparc.catalogue.sample import Sample
from qsiparc.errors import OptionError, UnknownStatisticError
from qsiparc.names import OUTPUT_COLUMNS, OWN_STATISTICS

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

_FAMILIES: Final = (
    *(*centre.DECLARED, *filtered.DECLARED, *shape.DECLARED),
    *(*normality.DECLARED, *counts.DECLARED),
)


def _in_order(tier: str) -> list[Statistic]:
    """Statistics of a tier; those that every table has, as it has them."""
    own = [statistic for statistic in _FAMILIES if statistic.tier == tier]
    names = [name for name in OUTPUT_COLUMNS if name in {statistic.name for statistic in own}]
    return sorted(own, key=lambda s: names.index(s.name) if s.name in names else len(names))


_CORE: Final = tuple(statistic.name for statistic in _in_order("core"))
_EXTENDED: Final = tuple(
    name for name in OUTPUT_COLUMNS if name in {s.name for s in _FAMILIES if s.tier != "diagnostic"}
)

CATALOGUE: Final = {
    name: next(s for s in _FAMILIES if s.name == name)
    for name in (*_EXTENDED, *(s.name for s in _in_order("diagnostic")))
}
"""Every built-in statistic, by name."""

TIERS: Final = {"core": _CORE, "extended": _EXTENDED, "diagnostic": tuple(CATALOGUE)}
"""Names of built-in statistics that are asked for together; `tiers` has those of today."""

_registered: Final[dict[str, Statistic]] = {}


def tiers() -> dict[str, tuple[str, ...]]:
    """Names of statistics that are asked for together, ``all`` with what was registered."""
    return {**TIERS, "all": (*CATALOGUE, *_registered)}


def register_statistic(
    name: str,
    function: Own,
    *,
    unit: str = "",
    minimum: int = 1,
    summary: str = "",
    formula: str = "",
    empty: float = np.nan,
    reference: str = "",
    replace: bool = False,
) -> None:
    """Make a function of a region's values a statistic that can be asked for by name.

    It belongs to the tier ``"all"``, for as long as this process lives; a study that is built in
    other processes takes it along.

    Parameters
    ----------
    name : str
        Without spaces; not that of a built-in statistic or a tier.
    function : callable
        From the valid voxels of a region, (n,) float64 in the order of the file (``i`` fastest), to
        a number. The array is its own to change.
    unit : str, optional
        Of the result: ``"map"``, the unit of the map; ``"map²"``; or the unit itself, ``"1"`` say.
        Empty: not known.
    minimum : int, optional
        With fewer valid voxels, the function is not called and the result is NaN.
    summary, formula, reference : str, optional
        For `statistics`; the summary is the first line of the function's docstring unless given.
    empty : float, optional
        The value for a region without a valid voxel.
    replace : bool, optional
        Whether a statistic that was registered under this name may be replaced.

    Raises
    ------
    OptionError
        The name is taken or cannot be one, or the function is none.

    Examples
    --------
    >>> import numpy as np, qsiparc
    >>> def midrange(values):
    ...     "Half way between the smallest and the largest value."
    ...     return (values.min() + values.max()) / 2
    >>> qsiparc.register_statistic("midrange", midrange, unit="map", replace=True)
    >>> qsiparc.statistics().loc["midrange", "summary"]
    'Half way between the smallest and the largest value'
    """
    _refuse_built_in(name)
    statistic = own_statistic(
        name,
        function,
        unit=unit,
        minimum=minimum,
        summary=summary,
        formula=formula,
        empty=empty,
        reference=reference,
    )
    if name in _registered and not replace:
        raise OptionError(
            f"A statistic {name!r} is registered already ({_registered[name].summary}). "
            f"replace=True replaces it."
        )
    _registered[name] = statistic


def _refuse_built_in(name: str) -> None:
    if name in CATALOGUE or name in tiers():
        what = "a built-in statistic" if name in CATALOGUE else "a tier"
        raise OptionError(
            f"{name!r} is {what}, and means the same for everybody. Choose another name."
        )


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
        return tuple(map(_by_name, known[stats]))
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
            _refuse_built_in(name)
        return [own_statistic(name, function) for name, function in one.items()]
    if callable(one):
        raise OptionError(f"A function needs a name here: {{'name': {one!r}}}.")
    return [_by_name(one)]


def _by_name(name: str) -> Statistic:
    if name in CATALOGUE:
        return CATALOGUE[name]
    if name in _registered:
        return _registered[name]
    known = [*CATALOGUE, *_registered]
    near = difflib.get_close_matches(str(name), [*known, *tiers()], 1)
    raise UnknownStatisticError(
        f"There is no statistic or tier {name!r}."
        + (f" Did you mean {near[0]!r}?" if near else "")
        + f" Tiers: {', '.join(tiers())}. Statistics: {', '.join(known)}."
    )


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
        for s in (*CATALOGUE.values(), *_registered.values())
    ]
    return pd.DataFrame(rows).set_index("name")
