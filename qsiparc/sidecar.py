"""The JSON file beside a volume: its units, its long name, and the names of its volumes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from qsiparc.errors import NiftiWarning, collected_warnings, warn

if TYPE_CHECKING:
    from pathlib import Path

UNITS_KEYS: Final = ("units", "unit")
LABEL_MAP: Final = "LabelMap"
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
    content = _content(path)
    given = {key.lower(): value for key, value in content.items() if isinstance(value, str)}
    found = {
        "long_name": next((given[key] for key in NAME_KEYS if given.get(key)), ""),
        "units": next((given[key] for key in UNITS_KEYS if given.get(key)), ""),
    }
    return {key: value for key, value in found.items() if value}


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
        content = json.loads(beside.read_text(encoding="utf-8-sig"))
        if not isinstance(content, dict):
            raise TypeError(f"it holds a {type(content).__name__}, not an object")  # noqa: TRY301 - one way to be unreadable
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, RecursionError) as error:
        warn(f"{beside}: the JSON sidecar cannot be read and is ignored: {error}", NiftiWarning)
        return {}
    return content
