"""Tables for the pages, of what the code itself says: rooms and their imports, statistics."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import qsiparc

PACKAGE = Path(qsiparc.__file__).parent


def write_tables(folder: Path) -> None:
    """Write every table to a file of its own, for the pages to include."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "_rooms.md").write_text(rooms(), encoding="utf-8")
    (folder / "_statistics.md").write_text(statistics(), encoding="utf-8")
    (folder / "_weighted.md").write_text(weighted(), encoding="utf-8")


def statistics() -> str:
    """The catalogue of statistics."""
    rows = [
        [
            *(f"`{name}`", row.summary + (f" ({row.reference})" if row.reference else "")),
            *(row.formula, row.unit, row.tier, f"{row.minimum}", row["empty"], row.absent),
        ]
        for name, row in qsiparc.statistics().iterrows()
    ]
    header = ["name", "what it is", "formula", "unit", "smallest tier"]
    return table([*header, "needs voxels", "empty", "absent"], rows)


def weighted() -> str:
    """What statistics are with weights, of those that have a definition."""
    known = qsiparc.statistics().query("weighted != ''")
    rows = [[f"`{name}`", row.weighted] for name, row in known.iterrows()]
    return table(["name", "with weights"], rows)


def rooms() -> str:
    """Every module, the first line of its docstring, and the modules that it imports."""
    rows = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        job = (ast.get_docstring(tree) or "").partition("\n")[0]
        job = re.sub(r":\w+:(?=`)", "", job.replace("``", "`"))
        uses = ", ".join(f"`{used}`" for used in sorted(imports(tree)))
        rows.append([f"`{name.removesuffix('.__init__')}`", job.rstrip("."), uses or "–"])
    return table(["room", "its one job", "imports"], rows)


def imports(tree: ast.Module) -> set[str]:
    """Rooms that a room imports at run time; `names`, `errors` and `options` are everybody's."""
    for block in ast.walk(tree):
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING":
            block.body = []
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name for name in inside if is_room(name)} or {str(node.module)}
    ours = {name.removeprefix("qsiparc.") for name in found if name.startswith("qsiparc.")}
    return ours - {"names", "errors", "options"}


def is_room(name: str) -> bool:
    """Whether a dotted name is a module of the package."""
    path = PACKAGE.parent / name.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").is_file()


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines
    )
