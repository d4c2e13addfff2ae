"""Small pieces of HTML for notebooks: everything escaped, colours the notebook's own."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_FAINT: Final = "opacity:.65"
_TABLE: Final = "border:none;margin:.2em 0;color:inherit;font-size:inherit"
_CELL: Final = "padding:0 .8em 0 0;border:none;background:none"
_SVG: Final = (
    '<svg viewBox="0 0 {n} 100" preserveAspectRatio="none" role="img" aria-label="{label}" '
    'style="width:100%;max-width:36em;height:2.4em;display:block">'
    '<path d="{path}" fill="currentColor" fill-opacity=".55"></path></svg>'
)


def card(kind: str, name: str, facts: Iterable[str], parts: Iterable[str]) -> str:
    """What a notebook shows of an object.

    Parameters
    ----------
    kind : str
        Its class.
    name : str
        Its own name, or empty.
    facts : iterable of str
        Text, a line each.
    parts : iterable of str
        HTML of the other pieces.

    Returns
    -------
    str
        One ``div``, which is well-formed XML as well.
    """
    title = f"<strong>{escape(kind)}</strong>" + (f" <code>{escape(name)}</code>" if name else "")
    lines = "".join(f'<div style="{_FAINT}">{escape(fact)}</div>' for fact in facts)
    return f'<div style="color:inherit;line-height:1.5">{title}{lines}{"".join(parts)}</div>'


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: str = "") -> str:
    """A table of text.

    Parameters
    ----------
    header : sequence of str
        Headings; empty for none.
    rows : iterable of sequence of str
        Cells: text, or what `bar` makes.
    numbers : str
        A letter a column, ``r`` for those that are aligned to the right.

    Returns
    -------
    str
        HTML.
    """

    def cells(row: Sequence[str], tag: str) -> str:
        sides = numbers.ljust(len(row))
        return "".join(
            f'<{tag} style="text-align:{"right" if side == "r" else "left"};{_CELL}">'
            f"{cell if isinstance(cell, _Made) else escape(cell)}</{tag}>"
            for cell, side in zip(row, sides, strict=False)
        )

    head = f"<thead><tr>{cells(header, 'th')}</tr></thead>" if header else ""
    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    made = f'<table style="{_TABLE}">{head}<tbody>{body}</tbody></table>'
    return f'<div style="overflow-x:auto">{made}</div>'


def fold(summary: str, body: str, *, opened: bool = True) -> str:
    """A piece that can be folded away.

    Parameters
    ----------
    summary : str
        Text that is always seen.
    body : str
        HTML.
    opened : bool
        Whether it is open at first.

    Returns
    -------
    str
        HTML.
    """
    state = ' open="open"' if opened else ""
    return f"<details{state}><summary>{escape(summary)}</summary>{body}</details>"


class _Made(str):
    """HTML that was made here, and is not to be escaped again."""

    __slots__ = ()


def bar(share: float) -> str:
    """A bar in a cell of a table.

    Parameters
    ----------
    share : float
        How long, 0 to 1.

    Returns
    -------
    str
        HTML that `table` takes as it is.
    """
    style = f"width:{8 * share:.2f}em;height:.7em;background:currentColor;opacity:.55"
    return _Made(f'<div style="{style}"></div>')


def strip(values: Sequence[float], label: str) -> str:
    """Bars side by side, one a value, as a picture in a line.

    Parameters
    ----------
    values : sequence of float
        Not negative.
    label : str
        What it shows, for those who cannot see it.

    Returns
    -------
    str
        HTML; 456 bars take some 7 kB.
    """
    highest = max(values, default=0) or 1
    bars = (f"M{n} 100v{-round(100 * value / highest)}h.8V100z" for n, value in enumerate(values))
    return _SVG.format(n=max(len(values), 1), label=escape(label), path="".join(bars))
