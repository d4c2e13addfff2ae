"""Which side of the brain a region's name, or a cell of a hemisphere column, speaks of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from qsiparc.names import Hemisphere

_TOKEN: Final = re.compile(r"[^\W_]+")
_HUMP: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_WRITTEN_OUT: Final = re.compile(r"(?P<L>left.*)|right.*")
_SHORT: Final = re.compile(r"(?P<L>lh|lhemi)|rh|rhemi")
_LETTER: Final = re.compile(r"(?<![^\W_])[LRlr](?![^\W_]|['\u2019])")
_LAST_LETTER: Final = re.compile(r"[-_.][lr]$")
_GLUED: Final = re.compile(r"^[LR](?=[A-Z][a-z]{4})|(?<=[a-z]{4})[LR]$")
_ANY_SIGN: Final = re.compile(r"left|right|[lr]h|(?<![^\W_])[lr]|[lr](?![^\W_])", re.IGNORECASE)
_NO_SIDE: Final = frozenset({"r-c-s"})
"""Names that only look as if they had a side: FreeSurfer's retina, choroid and sclera."""

_CELLS: Final[dict[str, Hemisphere]] = {
    **dict.fromkeys(("l", "lh", "left", "left hemisphere", "hemi-l"), "L"),
    **dict.fromkeys(("r", "rh", "right", "right hemisphere", "hemi-r"), "R"),
    **dict.fromkeys(
        ("b", "bi", "lr", "bilat", "bilateral", "both", "m", "mid", "medial", "midline", "none"),
        "bilateral",
    ),
}


def infer_hemisphere(name: str) -> Hemisphere:
    """Read the side of the brain off a region's name.

    The name is taken apart at everything that is neither letter nor digit. ``left`` and
    ``right`` count first, then ``lh`` and ``rh`` (also at a hump: ``LeftThalamus``); without one, a
    single letter that stands alone (``L_V1_ROI``, ``Precentral_R``, ``af_l``); without that, a
    capital L or R glued to a written-out word (``LHippocampus``, ``ThalamusR``). ``LH`` in
    ``lAMY-lh`` therefore beats the ``l`` that means "lateral". A letter with a number (``L1``: a
    layer) and a small letter glued to a word (``lAMY``) are no sign of a side.

    Parameters
    ----------
    name : str
        As the label file has it.

    Returns
    -------
    {"L", "R", "bilateral"}
        ``"bilateral"`` where there is no sign of a side, or signs of both.

    Examples
    --------
    >>> infer_hemisphere("17Networks_RH_DefaultA_1"), infer_hemisphere("SFG_L_7_1")
    ('R', 'L')
    >>> infer_hemisphere("HIP-head-l-rh"), infer_hemisphere("Brain-Stem")
    ('R', 'bilateral')
    """
    text = name.strip()
    if not _ANY_SIGN.search(text) or text.lower() in _NO_SIDE:
        return "bilateral"
    tokens = _TOKEN.findall(text)
    humps = [hump.lower() for token in tokens for hump in _HUMP.findall(token)]
    sides = _words(humps, _WRITTEN_OUT) or _words(humps, _SHORT) or _letters(text) or _glued(tokens)
    return sides.pop() if len(sides) == 1 else "bilateral"


def _words(humps: list[str], pattern: re.Pattern[str]) -> set[Hemisphere]:
    found = [match for match in map(pattern.fullmatch, humps) if match]
    return {"L" if match["L"] else "R" for match in found}


def _letters(text: str) -> set[Hemisphere]:
    """Lone letters: capitals before small ones; of small ones that disagree, a final one."""
    found = _LETTER.findall(text)
    found = [letter for letter in found if letter.isupper()] or found
    if len(set(found)) > 1 and _LAST_LETTER.search(text):
        found = found[-1:]
    return {"L" if letter in "Ll" else "R" for letter in found}


def _glued(tokens: list[str]) -> set[Hemisphere]:
    ends = {tokens[0], tokens[-1]} if tokens else set()
    found = [match for token in ends for match in _GLUED.findall(token)]
    return {"L" if letter == "L" else "R" for letter in found}


def hemisphere_of_cell(cell: str) -> Hemisphere | None:
    """The side that a cell of a hemisphere column names.

    Parameters
    ----------
    cell : str
        ``L``, ``left``, ``lh``, ``R``, ``B``, ``bilateral`` and the like, in any case.

    Returns
    -------
    {"L", "R", "bilateral"} or None
        None where the cell names no side.

    Examples
    --------
    >>> hemisphere_of_cell("Left"), hemisphere_of_cell("n/a")
    ('L', None)
    """
    return _CELLS.get(cell.strip().lower())
