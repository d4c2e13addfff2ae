"""The command `qsiparc build`."""

from __future__ import annotations

import logging
import re
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from qsiparc.cli_report import Teller, show_plan, summarise
from qsiparc.errors import BuildError, OptionError, QsiparcError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import distributed

INTERRUPTED: Final = 130
"""Exit code after Ctrl-C."""

_EPILOG: Final = (
    "Exit codes: 0 every scan is whole, 1 some failed (failures.tsv) or --strict stopped, 2 none "
    "succeeded, 130 interrupted. The same command goes on where the last one ended."
)


def _labels(_context: click.Context, _option: click.Parameter, given: Sequence[str]) -> list[str]:
    """Labels, one an option or several of them in one, apart by spaces or commas."""
    return [label for text in given for label in re.split(r"[\s,]+", text) if label]


def _tables(
    _context: click.Context, _option: click.Parameter, given: Sequence[str]
) -> dict[str, str]:
    wrong = [text for text in given if not all(text.partition("="))]
    if wrong:
        raise click.BadParameter(f"ATLAS=FILE is expected, not {wrong[0]!r}.")
    return {text.partition("=")[0]: text.partition("=")[2] for text in given}


def _shard(_context: click.Context, _option: click.Parameter, given: str | None) -> Any:  # noqa: ANN401 - click's
    from qsiparc.cohort.plan import parse_shard

    try:
        return parse_shard(given) if given else None
    except OptionError as error:
        raise click.BadParameter(str(error)) from error


@click.command(epilog=_EPILOG)
@click.argument("qsirecon_dir", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("output_dir", type=click.Path(file_okay=False, path_type=Path))
@click.option("--participant-label", "-p", multiple=True, callback=_labels, metavar="LABEL")
@click.option("--session-label", "-s", multiple=True, callback=_labels, metavar="LABEL")
@click.option("--atlas", "-a", multiple=True, callback=_labels, metavar="NAME")
@click.option("--scalars", "-m", multiple=True, callback=_labels, metavar="NAME")
@click.option("--stats", multiple=True, callback=_labels, metavar="TIER", help="A tier, or names.")
@click.option("--zero-is-missing", is_flag=True, help="A value of exactly 0 is missing.")
@click.option(
    "--lut", multiple=True, callback=_tables, metavar="ATLAS=FILE", help="Use this table."
)
@click.option("--n-procs", type=click.IntRange(1), default=1, show_default=True)
@click.option("--dask-scheduler", metavar="ADDRESS", help="Address, or the scheduler's JSON file.")
@click.option("--shard", callback=_shard, metavar="I/N", help="Do share I of N, do not finalize.")
@click.option("--strict", is_flag=True, help="Stop at the first failure.")
@click.option("--check-content", is_flag=True, help="Compare inputs by what they hold.")
@click.option("--prune", is_flag=True, help="Remove scans that the tree does not hold any more.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and write nothing.")
@click.option("--tsv", is_flag=True, help="Also write a long table a scan and atlas.")
@click.option("--netcdf", is_flag=True, help="Also write qsiparc.nc.")
@click.option("--parquet", is_flag=True, help="Also write qsiparc.parquet.")
@click.option("--report/--no-report", default=True, help="Write the quality report, report.html.")
@click.option("--zarr-format", type=click.Choice(["3", "2"]), default="3", show_default=True)
@click.option("--verbose", "-v", count=True, help="Say more; -vv everything.")
def build(
    qsirecon_dir: Path,
    output_dir: Path,
    *,
    participant_label: list[str],
    session_label: list[str],
    atlas: list[str],
    scalars: list[str],
    stats: list[str],
    zero_is_missing: bool,
    lut: dict[str, str],
    n_procs: int,
    dask_scheduler: str | None,
    shard: tuple[int, int] | None,
    strict: bool,
    check_content: bool,
    prune: bool,
    dry_run: bool,
    tsv: bool,
    netcdf: bool,
    parquet: bool,
    report: bool,
    zarr_format: str,
    verbose: int,
) -> None:
    """Reduce every scan of a study over every atlas, into one archive.

    QSIRECON_DIR is what QSIRecon wrote, OUTPUT_DIR a folder outside of it. Labels and names can be
    given with or without sub-, ses-, atlas- and param-, and more than once; without, everything is
    taken. What was done before and has not changed is not done again.
    """
    from qsiparc.cohort.assemble import finalize
    from qsiparc.cohort.plan import Options
    from qsiparc.cohort.study import carry_out, prepare_output

    level = {0: logging.WARNING, 1: logging.INFO}.get(verbose, logging.DEBUG)
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s")
    options = Options(
        participant_label=participant_label or None,
        session_label=session_label or None,
        atlas=atlas or None,
        scalars=scalars or None,
        stats=(stats[0] if len(stats) == 1 else tuple(stats)) or "extended",
        zero_is_missing=zero_is_missing,
        luts=lut or None,
        check_content=check_content,
        prune=prune,
        shard=shard or (1, 1),
    )
    try:
        if dry_run:
            show_plan(qsirecon_dir, output_dir, options)
            return
        with _engine(n_procs, dask_scheduler) as engine, Teller(verbose=verbose > 0) as teller:
            out = prepare_output(qsirecon_dir, output_dir)
            done = carry_out(qsirecon_dir, out, options, engine, strict=strict, begun=teller.begun)
        if shard is None and done.exit_code != 2:  # noqa: PLR2004 - nothing to assemble
            finalize(
                output_dir,
                zarr_format=3 if zarr_format == "3" else 2,
                netcdf=netcdf,
                parquet=parquet,
                tsv=tsv,
                report=report,
            )
    except KeyboardInterrupt:
        click.echo("Interrupted. What was done is kept; the same command goes on.", err=True)
        sys.exit(INTERRUPTED)
    except QsiparcError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1 if strict and isinstance(error, BuildError) else 2)
    summarise(done, output_dir, is_shard=shard is not None)
    sys.exit(done.exit_code)


@contextmanager
def _engine(n_procs: int, scheduler: str | None) -> Iterator[int | distributed.Client]:
    """Who runs the tasks."""
    if scheduler is None:
        yield n_procs
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise OptionError(
            "--dask-scheduler needs dask's scheduler: pip install 'qsiparc[distributed]'."
        ) from error
    is_file = Path(scheduler).is_file()
    connect: Any = Client  # dask's annotations are incomplete
    with connect(**{"scheduler_file" if is_file else "address": scheduler}) as client:
        yield client
