"""The JSON file beside a volume: its units, long name and valid range, names of its volumes."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

from qsiparc.errors import NiftiError, NiftiWarning, collected_warnings, warn
from qsiparc.names import RANGE_ATTRS
from qsiparc.regular import read_regular

if TYPE_CHECKING:
    from pathlib import Path

UNITS_KEYS: Final = ("units", "unit")
LABEL_MAP: Final = "LabelMap"
NAME_KEYS: Final = ("longname", "long_name", "description")


def read_sidecar(path: Path) -> dict[str, Any]:
    """What the sidecar of a volume says.

    Parameters
    ----------
    path : Path
        The volume's file; the sidecar has its name with ``.json``.

    Returns
    -------
    dict of str to Any
        ``long_name`` and ``units``, text; ``valid_range``, two numbers, ``valid_min`` and
        ``valid_max``, as CF calls them; those that are there.

    Warns
    -----
    NiftiWarning
        There is a sidecar, and it, or the range that it states, cannot be read.
    """
    content = _content(path)
    given = {key.lower(): value for key, value in content.items() if isinstance(value, str)}
    found = {
        "long_name": next((given[key] for key in NAME_KEYS if given.get(key)), ""),
        "units": next((given[key] for key in UNITS_KEYS if given.get(key)), ""),
    }
    return {key: value for key, value in found.items() if value} | _valid_range(content, path)


def _valid_range(content: dict[str, Any], path: Path) -> dict[str, Any]:
    """The range that a sidecar states, as far as it consists of numbers."""
    stated = {key.lower(): value for key, value in content.items()}
    found: dict[str, Any] = {}
    for name, length in RANGE_ATTRS.items():
        value = stated.get(name)
        if value is None:
            continue
        numbers: list[Any] = value if isinstance(value, list) else [value]
        if len(numbers) == length and all(_is_number(number) for number in numbers):
            found[name] = [float(number) for number in numbers] if length > 1 else float(numbers[0])
        else:
            what = "a number" if length == 1 else "two numbers"
            warn(
                f"{path}: the {name} in its JSON sidecar is {what}, not {value!r}; it is ignored.",
                NiftiWarning,
            )
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def read_label_map(path: Path, n_volumes: int) -> list[str] | None:
    """The name of every volume, as BIDS wants it of a probabilistic segmentation.

    Parameters
    ----------
    path : Path
        The volume's file.
    n_volumes : int
        How many names there should be.

    Returns
    -------
    list of str or None
        None where the sidecar names no volumes.

    Warns
    -----
    NiftiWarning
        It names more or fewer than there are.
    """
    with collected_warnings():  # `read_sidecar` gives them
        given = _content(path).get(LABEL_MAP)
    if not isinstance(given, list):
        return None
    if len(given) != n_volumes:
        warn(
            f"{path}: the {LABEL_MAP} of its JSON sidecar has {len(given)} names for {n_volumes} "
            f"volumes, and is ignored.",
            NiftiWarning,
        )
        return None
    return [str(name) for name in given]


def _content(path: Path) -> dict[str, Any]:
    """The object in a sidecar; empty where there is none, or none that can be read."""
    unzipped = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    beside = unzipped.with_suffix(".json")
    try:
        content = json.loads(read_regular(beside, NiftiError, may_lack=True).decode("utf-8-sig"))
        if not isinstance(content, dict):
            raise TypeError(f"it holds a {type(content).__name__}, not an object")  # noqa: TRY301 - one way to be unreadable
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, RecursionError) as error:
        warn(f"{beside}: the JSON sidecar cannot be read and is ignored: {error}", NiftiWarning)
        return {}
    return content
