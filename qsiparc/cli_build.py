"""The command `qsiparc build`."""

from __future__ import annotations

import logging
import re
import sys
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from qsiparc.cli_report import NONE, Teller, show_plan, summarise
from qsiparc.errors import BuildError, OptionError, QsiparcError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import distributed

F = TypeVar("F", bound="Callable[..., object]")

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

_SEVERAL: Final = ("--participant-label", "--session-label", "--atlas", "--scalars", "--stats")
_SHORT: Final = ("-p", "-s", "-a", "-m")
_N_FOLDERS: Final = 2


class BidsCommand(click.Command):
    """Options of which several values may follow one name, as BIDS Apps have them."""

    names: tuple[str, ...] = (*_SEVERAL, *_SHORT)
    """Of these options."""

    n_folders = _N_FOLDERS
    """Folders that come before values, if they do not come first of all."""

    @staticmethod
    def several(*names: str, metavar: str, text: str) -> Callable[[F], F]:
        """An option that takes several values, also in one, apart by spaces or commas."""
        return _several(*names, metavar=metavar, text=text)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat the name before each value, once all folders have been named."""
        repeated: list[str] = []
        name, n_plain, awaited = "", 0, 0
        takes = {
            flag: option.nargs
            for option in self.params
            if isinstance(option, click.Option) and not option.is_flag and not option.count
            for flag in option.opts
        }
        for arg in args:
            flag, _, value = arg.replace("_", "-").partition("=")
            if awaited:  # perhaps a number below 0
                awaited -= 1
            elif arg.startswith("-") and len(arg) > 1:
                name = flag if flag in self.names else ""
                awaited = 0 if value else takes.get(flag, 0)
            elif name and n_plain >= self.n_folders:
                repeated.append(name)
            else:
                n_plain += 1
            repeated.append(arg)
        return super().parse_args(ctx, repeated)


def _labels(_context: click.Context, _option: click.Parameter, given: Sequence[str]) -> list[str]:
    """Labels, one an option or several of them in one, apart by spaces or commas."""
    labels = [label for text in given for label in re.split(r"[\s,]+", text) if label]
    if given and not labels:
        raise click.BadParameter("it is empty, of a variable that is not set, perhaps.")
    return labels


class _Output(click.Path):
    """A folder to write to; an empty name would be the folder that one is in."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401 - the same
        if not str(value):
            self.fail("it is empty, of a variable that is not set, perhaps.", param, ctx)
        return super().convert(value, param, ctx)


def _tables(
    _context: click.Context, _option: click.Parameter, given: Sequence[str]
) -> dict[str, str]:
    wrong = [text for text in given if not all(text.partition("="))]
    if wrong:
        raise click.BadParameter(f"ATLAS=FILE is expected, not {wrong[0]!r}.")
    return {text.partition("=")[0]: text.partition("=")[2] for text in given}


def _range(
    _context: click.Context, _option: click.Parameter, given: tuple[float, float] | None
) -> tuple[float, float] | None:
    from qsiparc.validity import as_range

    try:
        return None if given is None else as_range(given, "LO HI are")
    except OptionError as error:
        raise click.BadParameter(str(error)) from error


def _shard(_context: click.Context, _option: click.Parameter, given: str | None) -> Any:  # noqa: ANN401 - click's
    from qsiparc.cohort.plan import parse_shard

    try:
        return parse_shard(given) if given else None
    except OptionError as error:
        raise click.BadParameter(str(error)) from error


def _several(*names: str, metavar: str, text: str) -> Callable[[F], F]:
    """An option that takes several values."""
    return click.option(*names, multiple=True, callback=_labels, metavar=metavar, help=text)


@click.command(
    cls=BidsCommand,
    epilog=_EPILOG,
    context_settings={"token_normalize_func": lambda name: name.replace("_", "-")},
)
@click.argument("qsirecon_dir", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("output_dir", type=_Output(file_okay=False, path_type=Path))
@_several("--participant-label", "-p", metavar="LABEL ...", text="Only these participants.")
@_several("--session-label", "-s", metavar="LABEL ...", text="Only these sessions.")
@_several("--atlas", "-a", metavar="NAME ...", text="Only these atlases.")
@_several(
    "--scalars", "-m", metavar="NAME ...", text="Only these maps, as `qsiparc find` calls them."
)
@_several(
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
    callback=_range,
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
    callback=_tables,
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
@click.option("--shard", callback=_shard, metavar="I/N", help="Do share I of N; finalize later.")
@click.option("--strict", is_flag=True, help="Stop at the first failure.")
@click.option(
    "--check-content", is_flag=True, help="Compare inputs by what they hold, not by size and time."
)
@click.option("--prune", is_flag=True, help="Remove scans that the tree does not hold any more.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and write nothing.")
@click.option("--tsv", is_flag=True, help="Also write a long table of every scan and atlas.")
@click.option("--netcdf", is_flag=True, help="Also write the study as one netCDF file.")
@click.option("--parquet", is_flag=True, help="Also write the study as one long table.")
@click.option("--report/--no-report", default=True, help="Write the quality report, report.html.")
@click.option(
    "--zarr-format",
    type=click.Choice(["3", "2"]),
    default="3",
    show_default=True,
    help="Of the archive; 2 is for old readers.",
)
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
    connect: Any = Client  # dask's annotations are incomplete
    try:
        client = connect(**{"scheduler_file" if is_file else "address": scheduler})
    except (OSError, ValueError) as error:
        raise OptionError(f"--dask-scheduler {scheduler}: no scheduler there: {error}") from error
    with client:
        yield client
