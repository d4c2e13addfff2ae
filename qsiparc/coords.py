"""Whose a map is and what it shows: coordinates on ``subject`` and ``scalar``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qsiparc.cube import text, text_coords
from qsiparc.errors import OptionError
from qsiparc.names import (
    FILE_COORDS,
    SCALAR_COORDS,
    SPACE,
    SUBJECT_COORDS,
    UNKNOWN_SUBJECT,
    VOXEL_DIMS,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr


def subject_names(subject: str | None, attrs: Mapping[str, Any]) -> dict[str, str]:
    """Label and BIDS names of a scan.

    Parameters
    ----------
    subject : str or None
        What the caller calls it: ``sub-001``, ``sub-001_ses-01``, or any text.
    attrs : mapping
        Of the map, which knows ``participant_id`` and ``session_id`` from its file's name.

    Returns
    -------
    dict of str to str
        ``subject``, unique a scan, ``participant_id`` and ``session_id``; the last two empty where
        nobody knows.

    Examples
    --------
    >>> subject_names("sub-001_ses-01", {})
    {'subject': 'sub-001_ses-01', 'participant_id': 'sub-001', 'session_id': 'ses-01'}
    """
    if subject is not None:
        participant, _, session = subject.partition("_ses-")
        if participant.startswith("sub-"):
            participant = participant.partition("_")[0]
        session = f"ses-{session.partition('_')[0]}" if session else ""
        return {"subject": subject, "participant_id": participant, "session_id": session}
    participant, session = (str(attrs.get(key, "")) for key in SUBJECT_COORDS)
    label = "_".join(part for part in (participant, session) if part)
    return {
        "subject": label or UNKNOWN_SUBJECT,
        "participant_id": participant,
        "session_id": session,
    }


def further_coords(volume: xr.DataArray) -> dict[str, Any]:
    """Coordinates of a map that have nothing to do with voxels.

    Parameters
    ----------
    volume : DataArray
        A map.

    Returns
    -------
    dict
        Variables by name.
    """
    return {
        str(name): coordinate
        for name, coordinate in volume.coords.variables.items()
        if name != SPACE and not set(VOXEL_DIMS) & set(coordinate.dims)
    }


def subject_coords(volume: xr.DataArray, subject: str | None) -> dict[str, Any]:
    """Coordinates on ``subject``: as the map has them, as the caller or the file's name says.

    Parameters
    ----------
    volume : DataArray
        A map.
    subject : str or None
        What the caller calls it.

    Returns
    -------
    dict
        Of text on ``subject``; empty where the map has that dim itself.

    Raises
    ------
    OptionError
        Both the map and the caller name it.
    """
    _require_name("subject", subject)
    if "subject" in volume.dims:
        if subject is not None:
            raise OptionError("The maps have a dim 'subject' already, which names them.")
        return {}
    names = subject_names(subject or _label(volume, "subject") or None, volume.attrs)
    return text_coords({name: [value] for name, value in names.items()}, "subject")


def scalar_coords(volumes: Sequence[xr.DataArray], scalar: str | None) -> dict[str, Any]:
    """Coordinates on ``scalar``: names, and what the maps know of their own identity.

    Parameters
    ----------
    volumes : sequence of DataArray
        The maps.
    scalar : str or None
        What the caller calls the one map.

    Returns
    -------
    dict
        Of text on ``scalar``.

    Raises
    ------
    OptionError
        Both the maps and the caller name them.
    """
    _require_name("scalar", scalar)
    first = volumes[0]
    if "scalar" in first.dims:
        if scalar is not None or len(volumes) > 1:
            raise OptionError("The maps have a dim 'scalar' already, which names them.")
        unknown = [name for name in SCALAR_COORDS if name not in first.coords]
        return text_coords({name: [""] * first.sizes["scalar"] for name in unknown}, "scalar")
    if scalar is not None and len(volumes) > 1:
        raise OptionError("In a Dataset the variables name the scalars; rename them instead.")
    names = [scalar or _label(volume, "scalar") or _name(volume) for volume in volumes]
    known = {
        name: [str(volume.attrs.get(name, "")) or _label(volume, name) for volume in volumes]
        for name in SCALAR_COORDS
    }
    return text_coords({"scalar": names, **known}, "scalar")


def file_coords(volumes: Sequence[xr.DataArray], dseg: str) -> dict[str, Any]:
    """Names of the files that every value comes from, as far as they are known.

    They are coordinates and not attributes, so that a concatenation keeps those of every scan.

    Parameters
    ----------
    volumes : sequence of DataArray
        The maps, which know their file's name in the attribute ``source``.
    dseg : str
        The label image's.

    Returns
    -------
    dict
        ``map_file`` on ``(scalar, subject)`` and ``dseg_file`` on ``subject``.
    """
    sizes = {dim: volumes[0].sizes.get(dim, 1) for dim in ("scalar", "subject")}
    single = max(sizes.values()) == 1
    files = [[str(v.attrs.get("source", "")) if single else ""] for v in volumes]
    shape = (sizes["scalar"] if "scalar" in volumes[0].dims else len(volumes), sizes["subject"])
    return {
        "map_file": (FILE_COORDS["map_file"], text(np.broadcast_to(files, shape))),
        "dseg_file": (FILE_COORDS["dseg_file"], text([dseg] * sizes["subject"])),
    }


def _require_name(what: str, name: object) -> None:
    if name is not None and not isinstance(name, str):
        raise TypeError(f"{what} names one {what}, as text; not {name!r}.")


def _name(array: xr.DataArray) -> str:
    return "map" if array.name is None else str(array.name)


def _label(array: xr.DataArray, name: str) -> str:
    """The value of a scalar coordinate, left by a selection, or empty."""
    is_there = name in array.coords and array.coords[name].ndim == 0
    return str(array.coords[name].item()) if is_there else ""
