"""Words that more than one room uses."""

from __future__ import annotations

from typing import Final, Literal

VOXEL_DIMS: Final = ("i", "j", "k")
"""Dims of a volume: the voxel axes of the file, slowest last."""

LABEL_INTENT: Final = 1002
"""The intent of a NIfTI image that holds labels."""

VOLUME: Final = "volume"
"""The fourth dim of a 4D file."""

LABEL: Final = "label"
"""The coordinate on ``volume`` that names volumes, as BIDS' ``LabelMap`` does."""

SPACE: Final = "space"
"""The scalar coordinate that carries a volume's affine."""

CUBE_DIMS: Final = ("region", "stat", "scalar", "subject")
"""Dims of a cube, in order; further dims of a map follow."""

VALUE: Final = "value"
"""The one variable of a cube."""

SCALAR_COORDS: Final = ("software", "model", "param", "desc", "units")
"""What a scalar's identity is made of: coordinates on ``scalar``."""

SUBJECT_COORDS: Final = ("participant_id", "session_id")
"""BIDS names of a scan: coordinates on ``subject``."""

FILE_COORDS: Final = {"map_file": ("scalar", "subject"), "dseg_file": ("subject",)}
"""Names of the files that a value comes from, and the dims they are coordinates on."""

REGION_COORDS: Final = ("region_name", "hemisphere")
"""Coordinates on ``region`` that every cube has; a LUT's other columns follow."""

MEMBER_LABELS: Final = "member_labels"
"""Coordinate on ``region`` of a cube of groups: the labels each group is made of, as text."""

RELABELLED: Final = "relabelled_by"
"""Attribute of a label image whose labels were merged: what made the groups."""

OUTPUT_COLUMNS: Final = [
    "region_index",
    "region_name",
    "hemisphere",
    "scalar",
    "mean",
    "median",
    "std",
    "iqr",
    "skewness",
    "kurtosis",
    "n_voxels",
    "coverage",
]
"""The documented columns of a long table, in order."""

LATERALITY: Final = "laterality"
"""Attribute of a cube of differences between left and right: the formula."""

STATUS: Final = "status"
"""In a study's cube, the variable on ``(scalar, subject)`` that says why a value is NaN."""

STATUS_FLAGS: Final = {"ok": 0, "missing": 1, "failed": 2}
"""Its values: reduced; no such map (or dseg) for this scan; there, but it could not be reduced."""

RANGE_ATTRS: Final = {"valid_range": 2, "valid_min": 1, "valid_max": 1}
"""CF's names for the range that the values of a variable are in, and how many numbers each is."""

STATED_RANGES: Final = "valid_range_of_maps"
"""Attribute of a cube: JSON, by scalar, the range that each map states itself and that was used."""

OWN_STATISTICS: Final = "own_statistics"
"""Attribute of a cube: JSON, by name, what is known of statistics that are not built in."""

BACKGROUND_NAMES: Final = frozenset(
    {"", "0", "???", "n/a", "background", "bg", "unknown", "outside", "exterior", "empty", "none"}
    | {"clear label", "no label", "unlabeled", "unlabelled"}
)
"""What a label file may call what is no region, in small letters."""

UNKNOWN_SUBJECT: Final = "unknown"
"""Label on ``subject`` of a map that does not say whose it is."""

RESERVED: Final = frozenset(
    {*CUBE_DIMS, VALUE, *SCALAR_COORDS, *SUBJECT_COORDS, *FILE_COORDS, *OUTPUT_COLUMNS}
    | {*VOXEL_DIMS, VOLUME, SPACE, MEMBER_LABELS, "session", "atlas"}
)
"""Words that a cube or a long table needs for itself."""

Hemisphere = Literal["L", "R", "bilateral"]


def legible(name: str) -> str:
    """A name as text that can be stored and printed: what is no UTF-8, and NUL, by their codes."""
    return name.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
