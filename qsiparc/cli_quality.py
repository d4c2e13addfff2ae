"""The command `qsiparc report`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("output", type=click.Path(exists=True, file_okay=False), metavar="OUTPUT_DIR")
@click.option(
    "--to", type=click.Path(dir_okay=False, path_type=Path), help="Instead of report.html."
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
    from qsiparc.report import write_report

    path = write_report(output, to, mosaics=mosaics)
    click.echo(f"The report is {path}. Open it in a browser.")
