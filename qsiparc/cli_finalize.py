"""The command `qsiparc finalize`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from qsiparc.cli_options import report_option, zarr_format_option
from qsiparc.cli_report import FAILED, NONE, counted, tell_archive
from qsiparc.errors import QsiparcError

if TYPE_CHECKING:
    from typing import Literal

_EPILOG: Final = """\b
Exit codes, as of `qsiparc build`: 0 every scan is whole, 1 some failed
(failures.tsv), 2 none succeeded, or there is nothing to put together.
"""


@click.command(epilog=_EPILOG)
@click.argument("output", type=click.Path(exists=True, file_okay=False), metavar="OUTPUT_DIR")
@zarr_format_option
@click.option("--netcdf", is_flag=True, help="Write qsiparc.nc, too: the same in one file.")
@click.option("--parquet", is_flag=True, help="Write qsiparc.parquet, too: one long table.")
@click.option("--tsv", is_flag=True, help="Write a long table of every scan and atlas, too.")
@report_option
def finalize(
    output: str,
    *,
    zarr_format: Literal["3", "2"],
    netcdf: bool,
    parquet: bool,
    tsv: bool,
    report: bool,
) -> None:
    """Put the parts of a study together into one archive.

    OUTPUT_DIR is that of `qsiparc build`. Run this after builds with --shard, or to have the study
    in another format; it only reads the parts, and can be run again at any time.
    """
    from qsiparc.cohort.assemble import finalize as assemble
    from qsiparc.cohort.failures import FAILURES, count_failed

    try:
        tree = assemble(
            output,
            zarr_format=3 if zarr_format == "3" else 2,
            netcdf=netcdf,
            parquet=parquet,
            tsv=tsv,
            report=report,
        )
    except (QsiparcError, OSError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(NONE)
    n_failed = count_failed(Path(output))
    if n_failed:
        them = "it" if n_failed == 1 else "them"
        click.echo(
            f"{counted(n_failed, 'scan')} failed, or part of {them}: {Path(output, FAILURES)}"
        )
    tell_archive(Path(output), tree)
    sys.exit(FAILED if n_failed else 0)
