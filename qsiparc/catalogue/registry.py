"""Which statistics there are: those that are built in, their tiers, and those of a user."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

import numpy as np

from qsiparc.catalogue import centre, counts, filtered, normality, shape
from qsiparc.catalogue.own import as_it_is_now, own_statistic
from qsiparc.errors import OptionError, UnknownStatisticError
from qsiparc.names import OUTPUT_COLUMNS

if TYPE_CHECKING:
    from qsiparc.catalogue.declaration import Statistic
    from qsiparc.catalogue.own import Own

_FAMILIES: Final = (
    *(*centre.DECLARED, *filtered.DECLARED, *shape.DECLARED),
    *(*normality.DECLARED, *counts.DECLARED),
)
_DECLARED: Final = {statistic.name: statistic for statistic in _FAMILIES}
_EXTENDED: Final = tuple(name for name in OUTPUT_COLUMNS if name in _DECLARED)
_CORE: Final = tuple(name for name in _EXTENDED if _DECLARED[name].tier == "core")

CATALOGUE: Final = {name: _DECLARED[name] for name in (*_EXTENDED, *_DECLARED)}
"""Every built-in statistic, by name; first those that every table has, in its order."""

TIERS: Final = {"core": _CORE, "extended": _EXTENDED, "diagnostic": tuple(CATALOGUE)}
"""Names of built-in statistics that are asked for together; `tiers` has those of today."""

REGISTERED: Final[dict[str, Statistic]] = {}
"""What users registered in this process, by name."""


def tiers() -> dict[str, tuple[str, ...]]:
    """Names of statistics that are asked for together, ``all`` with what was registered."""
    return {**TIERS, "all": (*CATALOGUE, *REGISTERED)}


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
    refuse_built_in(name)
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
    if name in REGISTERED and not replace:
        raise OptionError(
            f"A statistic {name!r} is registered already ({REGISTERED[name].summary}). "
            f"replace=True replaces it."
        )
    REGISTERED[name] = statistic


def refuse_built_in(name: str) -> None:
    """Raise `OptionError` for a name that means the same for everybody."""
    if name in CATALOGUE or name in tiers():
        what = "a built-in statistic" if name in CATALOGUE else "a tier"
        raise OptionError(
            f"{name!r} is {what}, and means the same for everybody. Choose another name."
        )


def by_name(name: str) -> Statistic:
    """The statistic of that name; `UnknownStatisticError`, with a near one, if there is none."""
    if name in CATALOGUE:
        return CATALOGUE[name]
    if name in REGISTERED:
        return as_it_is_now(REGISTERED[name])
    known = [*CATALOGUE, *REGISTERED]
    near = difflib.get_close_matches(str(name), [*known, *tiers()], 1)
    if near:
        raise UnknownStatisticError(
            f"There is no statistic or tier {name!r}. Did you mean {near[0]!r}? "
            f"qsiparc.statistics() has all {len(known)}."
        )
    raise UnknownStatisticError(
        f"There is no statistic or tier {name!r}. Tiers: {', '.join(tiers())}. "
        f"Statistics: {', '.join(known)}."
    )
