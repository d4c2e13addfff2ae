"""Which side of the brain a region's name, or a cell of a hemisphere column, speaks of."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from qsiparc.names import Hemisphere

_NUMBER: Final = re.compile(r"[0-9]+")
_TOKEN: Final = re.compile(r"[^\W_]+")
_HUMP: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_WRITTEN_OUT: Final = re.compile(r"(?P<sign>(?P<L>left)|right).*")
_SHORT: Final = re.compile(r"(?P<sign>(?P<L>lh|lhemi)|rh|rhemi)")
_LETTER: Final = re.compile(r"(?<![^\W_])[LRlr](?![^\W_]|['\u2019])")
_LAST_LETTER: Final = re.compile(r"[-_.][lr]$")
_GLUED: Final = re.compile(r"^[LR](?=[A-Z][a-z]{4})|(?<=[a-z]{4})[LR]$")
_ANY_SIGN: Final = re.compile(r"left|right|[lr]h|(?<![^\W_])[lr]|[lr](?![^\W_])", re.IGNORECASE)
_HOLLOW: Final = re.compile(r"\(\s*\)|\[\s*\]")
_JOINTS: Final = "-_. "
_SEAM: Final = re.compile(r"([-_. ])[-_. ]+")
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
    if not _ANY_SIGN.search(name):
        return "bilateral"
    return _hemisphere(_NUMBER.sub("0", name.strip()))


@lru_cache(maxsize=4096)
def _hemisphere(text: str) -> Hemisphere:
    """The side of all names that differ by their numbers alone: atlases are full of these."""
    sides = {sign.side for sign in _signs(text)}
    return sides.pop() if len(sides) == 1 else "bilateral"


def without_side(name: str) -> str:
    """A region's name without the sign of its side.

    Parameters
    ----------
    name : str
        As the label file has it.

    Returns
    -------
    str
        What the counterpart on the other side is called, too; the name itself where
        `infer_hemisphere` finds no side in it.

    Examples
    --------
    >>> [without_side(name) for name in ("17Networks_RH_DefaultA_1", "Left-Caudate", "ThalamusR")]
    ['17Networks_DefaultA_1', 'Caudate', 'Thalamus']
    """
    text = name.strip()
    signs = _signs(text)
    if len({sign.side for sign in signs}) != 1:
        return text
    for sign in reversed(signs):
        text = text[: sign.start] + text[sign.stop :]
    return _SEAM.sub(r"\1", _HOLLOW.sub("", text)).strip(_JOINTS)


class _Sign(NamedTuple):
    """Where a name says its side."""

    side: Hemisphere
    start: int
    stop: int


def _signs(text: str) -> list[_Sign]:
    """The signs of a side that count, of the first kind of which there are any, in their order."""
    if not _ANY_SIGN.search(text) or text.lower() in _NO_SIDE:
        return []
    tokens = list(_TOKEN.finditer(text))
    humps = [
        (hump.group().lower(), token.start() + hump.start())
        for token in tokens
        for hump in _HUMP.finditer(token.group())
    ]
    return _words(humps, _WRITTEN_OUT) or _words(humps, _SHORT) or _letters(text) or _glued(tokens)


def _words(humps: list[tuple[str, int]], pattern: re.Pattern[str]) -> list[_Sign]:
    found = [(pattern.fullmatch(hump), start) for hump, start in humps]
    return [
        _Sign("L" if match["L"] else "R", start, start + len(match["sign"]))
        for match, start in found
        if match
    ]


def _letters(text: str) -> list[_Sign]:
    """Lone letters: capitals before small ones; of several small ones, a final one."""
    found = list(_LETTER.finditer(text))
    found = [letter for letter in found if letter.group().isupper()] or found
    if _LAST_LETTER.search(text) and found[-1].group().islower():
        found = found[-1:]
    return [_Sign("L" if match.group() in "Ll" else "R", *match.span()) for match in found]


def _glued(tokens: list[re.Match[str]]) -> list[_Sign]:
    ends = {token.start(): token for token in (tokens[0], tokens[-1])} if tokens else {}
    return [
        _Sign("L" if match.group() == "L" else "R", start + match.start(), start + match.end())
        for start, token in ends.items()
        for match in _GLUED.finditer(token.group())
    ]


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
