"""What a QSIRecon tree holds, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qsiparc.discover.found import Found
    from qsiparc.discover.identity import Scalar

_PARTS: Final = ("software", "model", "param", "desc")


def files_table(found: Sequence[Found], ids: Mapping[Scalar, str]) -> pd.DataFrame:
    """A row a file.

    Parameters
    ----------
    found : sequence of Found
        The files.
    ids : mapping of Scalar to str
        What the scalars are called.

    Returns
    -------
    pd.DataFrame
        Columns kind, path, subject, session, space, atlas, scalar, software, model, param, desc,
        used, reason; text but for ``used``, and empty where a file has no such thing.
    """
    columns: dict[str, list[object]] = {
        "kind": [one.kind for one in found],
        "path": [one.path for one in found],
        "subject": [one.of("sub") for one in found],
        "session": [one.of("ses") for one in found],
        "space": [one.space for one in found],
        "atlas": [one.atlas for one in found],
        "scalar": [_id(one, ids) for one in found],
        **_identity(found),
        "used": [one.used for one in found],
        "reason": [one.reason for one in found],
    }
    return _table(columns)


def pairs_table(pairs: Sequence[tuple[Found, Found]], ids: Mapping[Scalar, str]) -> pd.DataFrame:
    """A row a map and a dseg.

    Parameters
    ----------
    pairs : sequence of (Found, Found)
        A map and a dseg each.
    ids : mapping of Scalar to str
        What the scalars are called.

    Returns
    -------
    pd.DataFrame
        Columns scan (every entity of the acquisition), subject, session, space, atlas, scalar,
        software, model, param, desc, map_path, dseg_path, lut_path; all text.
    """
    maps = [one for one, _ in pairs]
    columns: dict[str, list[object]] = {
        "scan": ["_".join(map("-".join, one.acquisition)) for one in maps],
        "subject": [one.of("sub") for one in maps],
        "session": [one.of("ses") or dseg.of("ses") for one, dseg in pairs],
        "space": [one.space or dseg.space for one, dseg in pairs],
        "atlas": [dseg.atlas for _, dseg in pairs],
        "scalar": [_id(one, ids) for one in maps],
        **_identity(maps),
        "map_path": [one.path for one in maps],
        "dseg_path": [dseg.path for _, dseg in pairs],
        "lut_path": [dseg.lut for _, dseg in pairs],
    }
    return _table(columns)


def _identity(found: Sequence[Found]) -> dict[str, list[object]]:
    return {part: [getattr(one.scalar, part, "") for one in found] for part in _PARTS}


def _id(one: Found, ids: Mapping[Scalar, str]) -> str:
    return ids[one.scalar] if one.scalar else ""


def _table(columns: dict[str, list[object]]) -> pd.DataFrame:
    kinds = {name: bool if name == "used" else str for name in columns}
    with pd.option_context("mode.string_storage", "python"):  # names of files need not be UTF-8
        return pd.DataFrame(columns).astype(kinds)
