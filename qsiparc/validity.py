"""What counts: which voxels are valid, and how many of them a region needs."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from qsiparc import ranks
from qsiparc.errors import OptionError
from qsiparc.names import RANGE_ATTRS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from qsiparc.kernels import Segments

    Range = Sequence[float | None]

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Validity:
    """Which voxels count, and how many of them a region needs.

    Parameters
    ----------
    zero_is_missing : bool
        Whether a value of exactly 0 is missing.
    valid_range : (float, float) or None
        Values outside of it are missing. None: as the map says itself.
    min_coverage : float
        With a smaller share of its voxels valid, a region has NaN statistics.
    min_voxels : int
        The same, with fewer valid voxels.
    is_stated : bool
        Whether the range is one that a map states itself.
    """

    zero_is_missing: bool = False
    valid_range: tuple[float, float] | None = None
    min_coverage: float = 0.0
    min_voxels: int = 0
    is_stated: bool = False

    @classmethod
    def checked(
        cls,
        *,
        zero_is_missing: bool,
        valid_range: Range | None,
        min_coverage: float,
        min_voxels: int,
    ) -> Validity:
        """The same, of what a user gave.

        Raises
        ------
        OptionError
            A value that an option cannot have.
        """
        if not _is_number(zero_is_missing) or float(zero_is_missing) not in {0.0, 1.0}:
            raise OptionError(f"zero_is_missing is True or False, not {zero_is_missing!r}.")
        limits = None if valid_range is None else as_range(valid_range, "valid_range takes")
        if not _is_number(min_coverage) or not 0 <= min_coverage <= 1:
            raise OptionError(f"min_coverage is a share, from 0 to 1, not {min_coverage!r}.")
        if not _is_number(min_voxels) or min_voxels < 0 or min_voxels % 1 != 0:
            raise OptionError(f"min_voxels is a number of voxels, not {min_voxels!r}.")
        return cls(bool(zero_is_missing), limits, float(min_coverage), int(min_voxels))

    def options(self) -> dict[str, Any]:
        """As keywords of ``.parc.extract``."""
        return {
            "zero_is_missing": self.zero_is_missing,
            "valid_range": self.valid_range,
            "min_coverage": self.min_coverage,
            "min_voxels": self.min_voxels,
        }

    def attrs(self) -> dict[str, Any]:
        """As attributes of a cube: flat, finite, and no more than was asked for."""
        attrs: dict[str, Any] = {"zero_is_missing": int(self.zero_is_missing)}
        bounds = zip(("valid_min", "valid_max"), self.valid_range or (), strict=False)
        attrs |= {name: bound for name, bound in bounds if np.isfinite(bound)}
        if self.min_coverage:
            attrs["min_coverage"] = self.min_coverage
        if self.min_voxels:
            attrs["min_voxels"] = self.min_voxels
        return attrs

    @property
    def stated(self) -> list[float | None] | None:
        """The range that the map states itself, as JSON takes it; None where there is none."""
        if not self.is_stated or self.valid_range is None:
            return None
        return [bound if np.isfinite(bound) else None for bound in self.valid_range]

    def of_map(self, attrs: Mapping[str, Any], name: str) -> Validity:
        """With the range that a map states itself, unless one was given.

        Parameters
        ----------
        attrs : mapping
            Of the map.
        name : str
            Of the map, for messages.

        Returns
        -------
        Validity

        Raises
        ------
        OptionError
            What the map states is no range.
        """
        stated = stated_range(attrs, name)
        if self.valid_range is not None or stated is None:
            return self
        _log.info("%s: values outside of its own valid range, %s to %s, are missing", name, *stated)
        return replace(self, valid_range=stated, is_stated=True)

    def valid(self, found: Segments) -> Segments:
        """The valid ones among the values that are not NaN."""
        if self.valid_range is not None:
            low, high = self._bounds(found.values.dtype)
            first = ranks.leading(found, lambda x: x < low)
            found = ranks.between(found, first, ranks.leading(found, lambda x: x <= high))
        if self.zero_is_missing:
            found = ranks.without(found, *ranks.run_of_zeros(found))
        return found

    def _bounds(self, dtype: np.dtype[Any]) -> tuple[float, float]:
        """The range in the type of a map, of which 0.1, say, is then within (0, 0.1)."""
        low, high = self.valid_range or (-np.inf, np.inf)
        if dtype.kind != "f":
            return low, high
        with np.errstate(over="ignore"):
            return float(dtype.type(low)), float(dtype.type(high))

    def keep(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether each value is valid; values of any shape."""
        valid = ~np.isnan(values) if values.dtype.kind == "f" else np.ones(values.shape, np.bool_)
        if self.valid_range is not None:
            low, high = self._bounds(values.dtype)
            valid &= (values >= low) & (values <= high)
        if self.zero_is_missing:
            valid &= values != 0
        return valid

    def is_enough(
        self, count: NDArray[np.intp], coverage: NDArray[np.float64]
    ) -> NDArray[np.bool_] | None:
        """Whether enough of each region is valid; None where nothing was asked for."""
        if not self.min_coverage and not self.min_voxels:
            return None
        return (count >= self.min_voxels) & (coverage >= self.min_coverage)


EVERYTHING: Final = Validity()
"""All that is not NaN counts, and one voxel is enough."""


def _is_number(given: Any) -> bool:  # noqa: ANN401 - a user's
    """Whether something is one real number, of Python or of NumPy."""
    array = np.asarray(given)
    return array.ndim == 0 and array.dtype.kind in "biuf"


def as_range(given: Any, what: str) -> tuple[float, float]:  # noqa: ANN401 - a user's
    """Two bounds, of two numbers; None is an open end."""
    try:
        low, high = given
        bounds = (-np.inf if low is None else float(low), np.inf if high is None else float(high))
    except (TypeError, ValueError) as error:
        raise OptionError(f"{what} two numbers, (low, high), not {given!r}.") from error
    if not bounds[0] <= bounds[1]:
        raise OptionError(f"{what} two numbers, the lower one first, not {given!r}.")
    return bounds


def stated_range(attrs: Mapping[str, Any], name: str) -> tuple[float, float] | None:
    """The range that a map states in CF's attributes, or None.

    Parameters
    ----------
    attrs : mapping
        Of the map.
    name : str
        For messages.

    Returns
    -------
    (float, float) or None
    """
    both, low, high = (attrs.get(key) for key in RANGE_ATTRS)
    if both is None and low is None and high is None:
        return None
    given = (low, high) if both is None else both
    return as_range(given, f"The valid_range of {name} is")
