"""The report as one HTML file."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from qsiparc.names import STATUS_FLAGS, SUBJECT_COORDS
from qsiparc.report.drawing import draw_card, draw_map, worst_status
from qsiparc.report.finding import KINDS, Finding
from qsiparc.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qsiparc.report.inspection import Inspection
    from qsiparc.report.mosaics import Picture
    from qsiparc.report.notes import Remarks
    from qsiparc.report.sheets import Atlas

ROWS: Final = 2000
"""Most findings, and most failures, that the page shows; the tables beside it have all."""

_HERE: Final = Path(__file__).parent


@dataclass(frozen=True)
class Content:
    """All that the page shows.

    Parameters
    ----------
    folder, source : str
        Where the study is, and the tree that it was made of.
    atlases : sequence of Atlas
        Its cubes.
    notes : Remarks
        What is said beside them.
    inspection : Inspection
        What was found.
    pictures : dict of int to Picture
        By the place of the finding.
    """

    folder: str
    source: str
    atlases: Sequence[Atlas]
    notes: Remarks
    inspection: Inspection
    pictures: dict[int, Picture]


def render(content: Content) -> str:
    """The page.

    Parameters
    ----------
    content : Content
        What it shows.

    Returns
    -------
    str
        HTML. All text that comes from outside is escaped, and the page forbids itself to run or to
        load anything but its own script.
    """
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["number"] = _number
    script = (_HERE / "report.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template("report.html").render(
        **_context(content),
        style=Markup((_HERE / "report.css").read_text(encoding="utf-8")),  # noqa: S704 - our own
        script=Markup(script),  # noqa: S704 - our own
        script_hash=digest,
    )


def _context(content: Content) -> dict[str, Any]:
    scans, scalars, worst = worst_status(content.atlases)
    found = content.inspection.findings
    by_scan = _by_scan(found)
    by_region = Counter((s.atlas, s.region) for one in found for s in one.spots)
    done, missing, failed = (
        [int((atlas.status == STATUS_FLAGS[word]).sum()) for atlas in content.atlases]
        for word in ("ok", "missing", "failed")
    )
    status = {
        word: sum(_per_scan(atlas, word, scans) for atlas in content.atlases)
        for word in STATUS_FLAGS
    }
    first = content.atlases[0]
    columns = (
        first.names(key) if key in first.cube.coords else [""] * len(first.scans)
        for key in SUBJECT_COORDS
    )
    people = dict(zip(first.scans, zip(*columns, strict=True), strict=True))
    return {
        "title": Path(content.folder).name,
        "version": __version__,
        "made": datetime.now(UTC).astimezone(),
        "kinds": KINDS,
        "n_findings": Counter(one.kind for one in found),
        "n_wrong": sum(one.is_wrong for one in found),
        "findings": found[:ROWS],
        "n_all": len(found),
        "pictures": content.pictures,
        "scan_ids": {scan: f"s{n}" for n, scan in enumerate(scans)},
        "atlas_ids": {atlas.name: f"r{n}" for n, atlas in enumerate(content.atlases)},
        "scalar_ids": {name: f"m{n}" for n, name in enumerate(scalars)},
        "scans": [
            {
                "name": scan,
                "participant": people.get(scan, ("", ""))[0],
                "session": people.get(scan, ("", ""))[1],
                "status": {word: int(status[word][n]) for word in STATUS_FLAGS},
                "findings": by_scan.get(scan, []),
                "doubts": content.notes.doubts.get(scan, []),
            }
            for n, scan in enumerate(scans)
        ],
        "has_sessions": any(session for _, session in people.values()),
        "scalars": scalars,
        "atlases": list(zip(content.atlases, done, missing, failed, strict=True)),
        "totals": {"ok": sum(done), "missing": sum(missing), "failed": sum(failed)},
        "map": draw_map(scalars, worst) if worst.any() else None,
        "cards": _cards(content),
        "regions": content.inspection.regions,
        "by_region": by_region,
        "failures": content.notes.failures[:ROWS],
        "n_failures": len(content.notes.failures),
        "left_out": _left_out(content.notes.left_out),
        "provenance": [
            ("Folder", content.folder),
            ("Made of", content.source),
            *_provenance(first),
        ],
        "rows": ROWS,
    }


def _by_scan(found: Sequence[Finding]) -> dict[str, list[tuple[int, Finding]]]:
    by_scan: defaultdict[str, list[tuple[int, Finding]]] = defaultdict(list)
    for n, one in enumerate(found):
        by_scan[one.scan].append((n, one))
    return by_scan


def _per_scan(atlas: Atlas, word: str, scans: Sequence[str]) -> Any:  # noqa: ANN401 - an array, or 0 in a sum
    place = {scan: n for n, scan in enumerate(scans)}
    count = np.zeros(len(scans), int)
    count[[place[scan] for scan in atlas.scans]] = (atlas.status == STATUS_FLAGS[word]).sum(axis=0)
    return count


def _cards(content: Content) -> list[Any]:
    flagged: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for one in content.inspection.findings:
        for scalar in one.scalars:
            if one.scan:
                flagged[scalar].setdefault(one.scan, one.title.lower())
    return [draw_card(about, flagged[about.scalar]) for about in content.inspection.distributions]


def _left_out(rows: Sequence[dict[str, str]]) -> list[dict[str, Any]]:
    """One row for what was left out for the same reason, whatever the numbers in it."""
    groups: defaultdict[tuple[str, str, str], list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        reason = "".join(letter for letter in row.get("reason", "") if not letter.isdigit())
        groups[row.get("atlas", ""), row.get("scalar", ""), reason].append(row)
    return [
        {**same[0], "count": len({row.get("scan") for row in same})} for same in groups.values()
    ]


def _provenance(atlas: Atlas) -> list[tuple[str, str]]:
    attrs = atlas.cube.attrs
    try:
        made = json.loads(str(attrs.get("provenance", "{}")))
    except ValueError:
        made = {}
    options = []
    for entry in made.get("options", []):
        said = ", ".join(f"{key} = {value}" for key, value in entry.get("options", {}).items())
        options.append(f"{said} ({entry.get('scans')} scans)")
    return [
        ("Archive made by", str(attrs.get("generated_by", ""))),
        ("Options of the build", "; ".join(options)),
        ("Zeros", "are missing values" if attrs.get("zero_is_missing") else "count as values"),
    ]


def _number(value: float) -> str:
    """A whole number with thin spaces."""
    return f"{value:,.0f}".replace(",", "\u202f")
