"""What a statistic is: a name, a formula, a unit, what it needs, and when it is NaN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from qsiparc.catalogue.sample import Sample

Tier = Literal["core", "extended", "diagnostic", "all"]

Need = Literal[
    "values", "moments", "sizes", "voxel volume", "zeros", "non-finite", "mask", "voxel order"
]
"""What a function asks of a `Sample`: ``values`` are the sorted valid ones."""

MAP: Final = "map"
MAP_SQUARED: Final = "map²"
_CF: Final = {"voxels": "1", "mm³": "mm^3"}


@dataclass(frozen=True)
class Statistic:
    """What a statistic is.

    Parameters
    ----------
    name : str
        As in tables.
    summary : str
        One line.
    formula : str
        With ``x`` the ``n`` valid voxels of a region.
    function : callable
        From `Sample` to a (regions,) array.
    unit : str
        ``"map"``, the unit of the map; ``"map²"``, its square; else the unit itself: ``"1"``,
        ``"voxels"``, ``"mm³"``; empty where nobody said.
    minimum : int
        Fewer valid voxels than this, and there is no answer.
    empty : float or None
        The value for a region of which no voxel is valid; None: as the function has it.
    absent : float
        The value for a region that is not in the label image.
    is_count : bool
        Whether it says how much there is, and not what the values are. It is then there also for
        regions that have too few voxels for anything else.
    needs : tuple of str
        What the function asks of the sample.
    tier : str
        The smallest tier that it is in.
    reference : str
        Where the definition is from.
    weighted : str
        With weights ``w``, the formula, of which the one without is a case; empty where there is
        no definition. The function then gets a sample whose reductions are weighted.
    """

    name: str
    summary: str
    formula: str
    function: Callable[[Sample], NDArray[Any]]
    unit: str = MAP
    minimum: int = 1
    empty: float | None = np.nan
    absent: float = np.nan
    is_count: bool = False
    needs: tuple[Need, ...] = ("values",)
    tier: Tier = "diagnostic"
    reference: str = ""
    weighted: str = ""

    def __call__(self, sample: Sample) -> NDArray[np.float64]:
        """The statistic of every region; (regions,) in float64."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
            values = np.asarray(sample.once(self.function), dtype=np.float64)
        if not self.is_count:
            values = np.where((sample.count >= self.minimum) & sample.is_enough, values, np.nan)
        return values if self.empty is None else np.where(sample.count == 0, self.empty, values)


def unit_by_rule(rule: str, units: str) -> str:
    """The unit of a statistic, as CF writes it.

    Parameters
    ----------
    rule : str
        Of the statistic: ``"map"``, ``"map²"``, or a unit.
    units : str
        Of the map; may be empty.

    Returns
    -------
    str
        Empty where it is not known.

    Examples
    --------
    >>> unit_by_rule("map²", "mm^2/s"), unit_by_rule("voxels", "mm^2/s")
    ('(mm^2/s)^2', '1')
    """
    if rule == MAP:
        return units
    if rule == MAP_SQUARED:
        return f"({units})^2" if units else ""
    return _CF.get(rule, rule)
