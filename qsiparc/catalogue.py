"""The statistics: one declaration each, and the tiers that group them."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from qsiparc.errors import UnknownStatisticError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from qsiparc.kernels import Segments

Unit = Literal["map", "1", "voxels"]


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
        From `Segments` to a (regions,) array.
    unit : {"map", "1", "voxels"}
        Of the result; ``"map"`` is the unit of the map.
    empty : float
        The value for a region without a valid voxel.
    absent : float
        The value for a region that is not in the label image.
    """

    name: str
    summary: str
    formula: str
    function: Callable[[Segments], NDArray[Any]]
    unit: Unit = "map"
    empty: float = np.nan
    absent: float = np.nan

    def __call__(self, segments: Segments) -> NDArray[np.float64]:
        """The statistic of every region; (regions,) in float64."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            values = np.asarray(self.function(segments), dtype=np.float64)
        return np.where(segments.count == 0, self.empty, values)


def _standardised(segments: Segments, order: int) -> NDArray[np.float64]:
    """A central moment in units of the standard deviation; NaN for a constant region."""
    ratio: NDArray[np.float64] = segments.moment(order) / segments.moment(2) ** (order / 2)
    return np.where(segments.is_constant, np.nan, ratio)


_DECLARED: Final = (
    Statistic("mean", "arithmetic mean", "Σx / n", lambda s: s.mean),
    Statistic("median", "50th percentile", "Q50", lambda s: s.median),
    Statistic(
        "std",
        "population standard deviation (ddof = 0)",
        "√(Σ(x − mean)² / n)",
        lambda s: np.sqrt(s.moment(2)),
    ),
    Statistic(
        "iqr",
        "interquartile range, percentiles interpolated linearly",
        "Q75 − Q25",
        lambda s: s.percentile(75) - s.percentile(25),
    ),
    Statistic(
        "skewness",
        "biased moment skewness; NaN for a constant region",
        "m₃ / m₂^1.5, mₖ = Σ(x − mean)ᵏ / n",
        lambda s: _standardised(s, 3),
        unit="1",
    ),
    Statistic(
        "kurtosis",
        "biased excess kurtosis; NaN for a constant region",
        "m₄ / m₂² − 3",
        lambda s: _standardised(s, 4) - 3,
        unit="1",
    ),
    Statistic(
        "n_voxels",
        "voxels of the region that are not NaN",
        "n",
        lambda s: s.count,
        unit="voxels",
        empty=0,
        absent=0,
    ),
    Statistic(
        "coverage",
        "share of the region's voxels in the dseg that are not NaN",
        "n / voxels of the region in the dseg",
        lambda s: s.count / s.sizes,
        unit="1",
        empty=0,
    ),
)

CATALOGUE: Final = {statistic.name: statistic for statistic in _DECLARED}
"""Every statistic, by name."""

TIERS: Final = {
    "core": ("mean", "median", "std", "n_voxels", "coverage"),
    "extended": tuple(CATALOGUE),
}
"""Names of statistics that are asked for together."""


def resolve(stats: str | Sequence[str]) -> tuple[Statistic, ...]:
    """The statistics that a tier or a list of names asks for.

    Parameters
    ----------
    stats : {"core", "extended"} or sequence of str
        A tier, the name of one statistic, or names.

    Returns
    -------
    tuple of Statistic
        In the order asked for.

    Raises
    ------
    UnknownStatisticError
        A name is neither a tier nor a statistic, or stands twice.

    Examples
    --------
    >>> [s.name for s in resolve("core")]
    ['mean', 'median', 'std', 'n_voxels', 'coverage']
    """
    names = TIERS.get(stats, (stats,)) if isinstance(stats, str) else tuple(stats)
    for name in names:
        if name not in CATALOGUE:
            near = difflib.get_close_matches(str(name), [*CATALOGUE, *TIERS], 1)
            raise UnknownStatisticError(
                f"There is no statistic or tier {name!r}."
                + (f" Did you mean {near[0]!r}?" if near else "")
                + f" Statistics: {', '.join(CATALOGUE)}. Tiers: {', '.join(TIERS)}."
            )
    if len(set(names)) < len(names) or not names:
        raise UnknownStatisticError(
            f"stats takes distinct names of statistics, at least one; not {list(names)}."
        )
    return tuple(CATALOGUE[name] for name in names)


def statistics() -> pd.DataFrame:
    """The catalogue of statistics as a table.

    Returns
    -------
    DataFrame
        A row a statistic, by ``name``: ``tier`` (the smallest it is in), ``unit``, ``summary``,
        ``formula``.

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
            "tier": next(tier for tier, names in TIERS.items() if s.name in names),
            "unit": s.unit,
            "summary": s.summary,
            "formula": s.formula,
        }
        for s in CATALOGUE.values()
    ]
    return pd.DataFrame(rows).set_index("name")
