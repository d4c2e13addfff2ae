"""Statistics of one's own: a function of the values of one region."""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from qsiparc.catalogue.declaration import Statistic
from qsiparc.catalogue.identity import identity
from qsiparc.errors import OptionError, StatisticError
from qsiparc.names import OWN_STATISTICS, RESERVED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import ArrayLike, NDArray

    from qsiparc.catalogue.sample import Sample

    Own = Callable[[NDArray[np.float64]], ArrayLike]

_TOLD: Final = ("unit", "summary", "formula", "reference")

SHOWN: Final = 60
"""Characters that a message shows of something that should have been a number."""


@dataclass(frozen=True, eq=False)
class PerRegion:
    """A function of one region's values, called for every region that has enough of them.

    Parameters
    ----------
    name : str
        Of the statistic, for messages.
    function : callable
        From (n,) float64 in the order of the file to a number.
    minimum : int
        Valid voxels that it needs.
    told : str
        What tells the function apart, as it was before it ran: one that draws numbers at random
        holds something else afterwards.
    """

    name: str
    function: Own
    minimum: int
    told: str

    def __call__(self, sample: Sample) -> NDArray[np.float64]:
        """The function of every region; NaN where it was not called."""
        result = np.full(sample.count.size, np.nan)
        able = sample.is_enough & (sample.count >= max(self.minimum, 1))
        for region in np.flatnonzero(able).tolist():
            values = sample.in_order(region)
            where = f"of region {sample.labels[region]} ({values.size} voxels)"
            try:
                with np.errstate(divide="warn", invalid="warn", over="warn"):
                    value = self.function(values)
            except Exception as error:
                raise StatisticError(
                    f"The statistic {self.name!r} {where} failed with "
                    f"{type(error).__name__}: {error}"
                ) from error
            result[region] = self._number(value, where)
        return result

    def _number(self, value: Any, where: str) -> float:  # noqa: ANN401 - whatever it returned
        if np.ndim(value) == 0:
            try:
                return float(value)
            except (TypeError, ValueError):
                pass
        shape = f" of shape {np.shape(value)}" if np.ndim(value) else ""
        shown = repr(value)
        shown = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"
        raise StatisticError(
            f"The statistic {self.name!r} {where} is no number, but a "
            f"{type(value).__name__}{shape}: {shown}. A function takes the values of a region, and "
            f"returns one number."
        )


def own_statistic(
    name: str,
    function: Own,
    *,
    unit: str = "",
    minimum: int = 1,
    summary: str = "",
    formula: str = "",
    empty: float = np.nan,
    reference: str = "",
) -> Statistic:
    """Declare a statistic of one's own.

    Parameters
    ----------
    name : str
        Of the statistic.
    function : callable
        From (n,) float64 in the order of the file to a number.

    Returns
    -------
    Statistic

    Raises
    ------
    OptionError
        The name cannot be one, or the function cannot be called.
    """
    _check(name, function)
    if minimum < 0:
        raise OptionError(f"minimum is a number of voxels, not {minimum!r}.")
    doc = inspect.getdoc(function) if inspect.isfunction(function) else None
    known = (doc or "").partition("\n")[0].rstrip(".")
    return Statistic(
        name,
        summary or known or "a statistic of your own",
        formula,
        PerRegion(name, function, minimum, identity(function)),
        unit=unit,
        minimum=max(minimum, 1),
        empty=empty,
        needs=("voxel order",),
        tier="all",
        reference=reference,
    )


def as_it_is_now(statistic: Statistic) -> Statistic:
    """A statistic of one's own, told apart by what its function is now, not when it was declared.

    What a function refers to may have changed since then.

    Parameters
    ----------
    statistic : Statistic
        As `own_statistic` declares it.

    Returns
    -------
    Statistic
    """
    own = statistic.function
    if not isinstance(own, PerRegion):
        return statistic
    return replace(statistic, function=replace(own, told=identity(own.function)))


def _check(name: object, function: object) -> None:
    if not isinstance(name, str) or len(name.split()) != 1 or name != name.strip():
        raise OptionError(f"A statistic has a name without spaces, not {name!r}.")
    if name in RESERVED:
        raise OptionError(f"The name {name!r} is taken: a cube or a table has it. Choose another.")
    if not callable(function):
        raise OptionError(
            f"The statistic {name!r} is a function of a region's values, not {function!r}."
        )


def own_attrs(statistics: Iterable[Statistic]) -> dict[str, str]:
    """What a cube says of statistics that only its maker knows.

    Parameters
    ----------
    statistics : iterable of Statistic
        Of a cube.

    Returns
    -------
    dict of str to str
        One attribute, JSON; none where all are built in.
    """
    known = {
        s.name: {
            **{key: text for key in _TOLD if (text := getattr(s, key))},
            "function": s.function.told,
        }
        for s in statistics
        if isinstance(s.function, PerRegion)
    }
    return {OWN_STATISTICS: json.dumps(known, ensure_ascii=False)} if known else {}
