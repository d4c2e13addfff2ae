"""The JSON file beside a volume: its units and its long name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from qsiparc.errors import NiftiWarning, warn

if TYPE_CHECKING:
    from pathlib import Path

UNITS_KEYS: Final = ("units", "unit")
NAME_KEYS: Final = ("longname", "long_name", "description")


def read_sidecar(path: Path) -> dict[str, str]:
    """What the sidecar of a volume says.

    Parameters
    ----------
    path : Path
        The volume's file; the sidecar has its name with ``.json``.

    Returns
    -------
    dict of str to str
        ``long_name`` and ``units``, those that are there.

    Warns
    -----
    NiftiWarning
        There is a sidecar, and it cannot be read.
    """
    unzipped = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    beside = unzipped.with_suffix(".json")
    try:
        content = json.loads(beside.read_text(encoding="utf-8-sig"))
        if not isinstance(content, dict):
            raise TypeError(f"it holds a {type(content).__name__}, not an object")  # noqa: TRY301 - one way to be unreadable
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, RecursionError) as error:
        warn(f"{beside}: the JSON sidecar cannot be read and is ignored: {error}", NiftiWarning)
        return {}
    given = {key.lower(): value for key, value in content.items() if isinstance(value, str)}
    found = {
        "long_name": next((given[key] for key in NAME_KEYS if given.get(key)), ""),
        "units": next((given[key] for key in UNITS_KEYS if given.get(key)), ""),
    }
    return {key: value for key, value in found.items() if value}
