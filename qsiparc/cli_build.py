"""The command `qsiparc build`."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from qsiparc.cli_options import (
    BidsCommand,
    Output,
    report_option,
    several,
    shard_of,
    tables_of,
    valid_range_of,
    zarr_format_option,
)
from qsiparc.cli_report import NONE, Teller, show_plan, summarise
from qsiparc.errors import BuildError, OptionError, QsiparcError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import distributed

STOPPED: Final = 1
"""Exit code when `--strict` stopped."""

INTERRUPTED: Final = 130
"""Exit code after Ctrl-C."""

_EPILOG: Final = """\b
Examples:
  qsiparc build qsirecon/ out/ --dry-run
  qsiparc build qsirecon/ out/ --n-procs 8
  qsiparc build qsirecon/ out/ --participant-label 01 02 --atlas 4S156Parcels
  qsiparc build qsirecon/ out/ --shard 3/50    (then: qsiparc finalize out/)

Exit codes: 0 every scan is whole, 1 some failed (failures.tsv) or --strict stopped, 2 none
succeeded, 130 interrupted. The same command goes on where the last one ended.
"""


@click.command(
    cls=BidsCommand,
    epilog=_EPILOG,
    context_settings={"token_normalize_func": lambda name: name.replace("_", "-")},
)
@click.argument("qsirecon_dir", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("output_dir", type=Output(file_okay=False, path_type=Path))
@several("--participant-label", "-p", metavar="LABEL ...", text="Only these participants.")
@several("--session-label", "-s", metavar="LABEL ...", text="Only these sessions.")
@several("--atlas", "-a", metavar="NAME ...", text="Only these atlases.")
@several(
    "--scalars", "-m", metavar="NAME ...", text="Only these maps, as `qsiparc find` calls them."
)
@several(
    "--stats",
    metavar="NAME ...",
    text="A tier (core, extended, diagnostic) or names of statistics.  [default: extended]",
)
@click.option(
    "--zero-is-missing", is_flag=True, help="A value of exactly 0 is missing, in all maps."
)
@click.option(
    "--valid-range",
    type=(float, float),
    callback=valid_range_of,
    metavar="LO HI",
    help="Values outside are missing, in all maps.",
)
@click.option(
    "--min-coverage",
    type=click.FloatRange(0, 1),
    default=0.0,
    metavar="SHARE",
    help="A region of which less is valid has counts only.",
)
@click.option(
    "--min-voxels",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="A region with fewer valid voxels has counts only.",
)
@click.option(
    "--lut",
    multiple=True,
    callback=tables_of,
    metavar="ATLAS=FILE",
    help="Use this look-up table for that atlas.",
)
@click.option(
    "--n-procs", type=click.IntRange(1), default=1, show_default=True, help="Processes at work."
)
@click.option(
    "--dask-scheduler",
    metavar="ADDRESS",
    help="Let a dask cluster do the work: its address, or its scheduler's JSON file.",
)
@click.option("--shard", callback=shard_of, metavar="I/N", help="Do share I of N; finalize later.")
@click.option("--strict", is_flag=True, help="Stop at the first failure.")
@click.option(
    "--check-content", is_flag=True, help="Compare inputs by what they hold, not by size and time."
)
@click.option("--prune", is_flag=True, help="Remove scans that the tree does not hold any more.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and write nothing.")
@click.option("--tsv", is_flag=True, help="Also write a long table of every scan and atlas.")
@click.option("--netcdf", is_flag=True, help="Also write the study as one netCDF file.")
@click.option("--parquet", is_flag=True, help="Also write the study as one long table.")
@report_option
@zarr_format_option
@click.option("--verbose", "-v", count=True, help="Name every scan; -vv also what was noticed.")
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
    valid_range: tuple[float, float] | None,
    min_coverage: float,
    min_voxels: int,
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

    QSIRECON_DIR is what QSIRecon wrote, OUTPUT_DIR a folder outside of it. Labels and names
    can be given with or without sub-, ses-, atlas- and param-; of what is not named, everything is
    taken. What was done before and has not changed is not done again; with other options, it is.
    """
    from qsiparc.cohort.assemble import check_formats, finalize
    from qsiparc.cohort.plan import Options
    from qsiparc.cohort.study import carry_out
    from qsiparc.validity import Validity

    _log(verbose)
    options = Options(
        validity=Validity(zero_is_missing, valid_range, min_coverage, min_voxels),
        participant_label=participant_label or None,
        session_label=session_label or None,
        atlas=atlas or None,
        scalars=scalars or None,
        stats=(stats[0] if len(stats) == 1 else tuple(stats)) or "extended",
        luts=lut or None,
        check_content=check_content,
        prune=prune,
        shard=shard or (1, 1),
    )
    formats: dict[str, Any] = {
        "zarr_format": int(zarr_format),
        "netcdf": netcdf,
        "parquet": parquet,
        "tsv": tsv,
    }
    study = None
    teller = Teller(verbose=verbose > 0, names_failures=not strict)
    try:
        check_formats(**formats, is_shard=shard is not None)
        if dry_run:
            show_plan(qsirecon_dir, output_dir, options)
            return
        with _engine(n_procs, dask_scheduler) as engine, teller:
            done = carry_out(
                qsirecon_dir, output_dir, options, engine, strict=strict, begun=teller.begun
            )
        if shard is None:
            with suppress(BuildError) if done.exit_code == NONE else nullcontext():
                study = finalize(output_dir, **formats, report=report)
    except KeyboardInterrupt:
        click.echo("Interrupted. What was done is kept; the same command goes on.", err=True)
        sys.exit(INTERRUPTED)
    except (QsiparcError, OSError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(STOPPED if strict and teller.n_failed else NONE)
    summarise(done, output_dir, study, is_shard=shard is not None, verbose=verbose > 0)
    sys.exit(done.exit_code)


def _log(verbose: int) -> None:
    """Show what qsiparc notices, and leave the libraries below it quiet."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("qsiparc").setLevel(logging.DEBUG if verbose > 1 else logging.WARNING)


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
    if not is_file and ":" not in scheduler:
        raise OptionError(
            f"--dask-scheduler {scheduler}: there is no such file, and an address names a port, "
            f"as tcp://node01:8786 does."
        )
    connect: Any = Client  # dask's annotations are incomplete
    try:
        client = connect(**{"scheduler_file" if is_file else "address": scheduler})
    except (OSError, ValueError) as error:
        raise OptionError(f"--dask-scheduler {scheduler}: no scheduler there: {error}") from error
    with client:
        yield client
