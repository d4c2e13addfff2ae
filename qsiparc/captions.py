"""What a value of a cube is called, and in which unit it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from qsiparc.catalogue import units_of
from qsiparc.names import LATERALITY, VALUE

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    import xarray as xr

_POWERS: Final = {"^-1": "⁻¹", "^-2": "⁻²", "^-3": "⁻³", "^2": "²", "^3": "³"}
_NO_UNIT: Final = {"", "1", "a.u.", "n/a", "none", "dimensionless", "unitless"}


def describe_values(
    values: xr.DataArray, attrs: Mapping[Hashable, Any] | None = None
) -> dict[str, str]:
    """The attributes of values that were selected from a cube.

    Parameters
    ----------
    values : DataArray
        With the coordinates ``stat``, ``scalar`` and ``units`` as far as one of each was selected.
    attrs : mapping, optional
        Of their cube, which knows statistics that are not built in, and how left and right were
        compared.

    Returns
    -------
    dict of str to str
        ``long_name`` and ``units``; what the array itself says goes first.
    """
    stat, scalar, unit = (_single(values, name) for name in ("stat", "scalar", "units"))
    own = "" if values.name in {None, VALUE} else str(values.name)
    name = " of ".join(part for part in (stat or own, scalar) if part) or VALUE
    units, sides = units_of(stat, unit, attrs or {}), str((attrs or {}).get(LATERALITY, ""))
    if sides:
        name, units = f"{sides} of {name}", "1" if "/" in sides else units
    known = {"long_name": name, "units": units}
    return {key: str(values.attrs.get(key, value)) for key, value in known.items()}


def caption(attrs: Mapping[Any, Any], *, name: Hashable = None) -> str:
    """The label of an axis.

    Parameters
    ----------
    attrs : dict
        With ``long_name`` and ``units``, or not.
    name : str or None, optional
        Instead of a ``long_name`` that is missing.

    Returns
    -------
    str
        ``name [unit]``, without a unit where there is none.

    Examples
    --------
    >>> caption({"long_name": "mean of MD", "units": "mm^2/s"})
    'mean of MD [mm²/s]'
    """
    unit = str(attrs.get("units", ""))
    for plain, raised in _POWERS.items():
        unit = unit.replace(plain, raised)
    label = str(attrs.get("long_name", "" if name is None else name))
    return label if unit.casefold() in _NO_UNIT else f"{label} [{unit}]"


def _single(values: xr.DataArray, name: str) -> str:
    """The value of a coordinate of which there is one, or empty."""
    is_one = name in values.coords and values.coords[name].size == 1
    return str(values.coords[name].item()) if is_one else ""
