"""Pictures of where something was found, for the worst findings."""

from __future__ import annotations

from typing import NamedTuple


class Picture(NamedTuple):
    """A picture, or how to make it.

    Parameters
    ----------
    source : str
        A ``data:`` address; empty where it is not drawn.
    caption : str
        What it shows.
    command : str
        Python that draws it.
    """

    source: str
    caption: str
    command: str


def draw_mosaics(out, atlases, found, *, count):
    return {}
