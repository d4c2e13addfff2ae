"""The command `qsiparc report`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click


@click.command(short_help="Look for scans that went wrong, and write a page about them.")
@click.argument("output", type=click.Path(exists=True, file_okay=False), metavar="OUTPUT_DIR")
@click.option(
    "--to",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Instead of report.html; its folder must be there.",
)
@click.option(
    "--mosaics",
    type=click.IntRange(0),
    default=6,
    show_default=True,
    help="Draw that many of the gravest findings; needs matplotlib and the maps.",
)
def report(output: str, *, to: Path | None, mosaics: int) -> None:
    """Look for scans that went wrong, and write a page about the study.

    OUTPUT_DIR is that of `qsiparc build`, which writes the same page at its end. The page is one
    file that needs no network; findings.tsv, beside it, is the same as a table.
    """
    from qsiparc.report import FINDINGS, write_report

    path = write_report(output, to, mosaics=mosaics)
    kinds = Counter(line.partition("\t")[0] for line in _lines(path.with_name(FINDINGS)))
    count = kinds.total()
    said = ", ".join(f"{kind} {n}" for kind, n in kinds.items())
    click.echo(f"{count} {'finding' if count == 1 else 'findings'}{': ' if said else ''}{said}")
    click.echo(f"The report, for a browser: {path}")


def _lines(table: Path) -> list[str]:
    return table.read_text(encoding="utf-8").splitlines()[1:]
