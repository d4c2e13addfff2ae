"""The command `qsiparc`."""

from __future__ import annotations

import errno
import sys
import warnings
from typing import TYPE_CHECKING, Any, Final

import click

from qsiparc.cli_build import build
from qsiparc.cli_finalize import finalize
from qsiparc.cli_options import BidsCommand, several
from qsiparc.cli_quality import report
from qsiparc.errors import QsiparcError, QsiparcWarning
from qsiparc.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

NOTHING: Final = 1
"""Exit code when a command had nothing to work on."""

_EPILOG: Final = """\b
Begin with:
  qsiparc find qsirecon/
  qsiparc build qsirecon/ out/ --dry-run

Exit codes: 0 done, 1 nothing found or an error, 2 wrong usage. `qsiparc build` and
`qsiparc finalize` have their own.
"""


class Group(click.Group):
    """Commands that say what is wrong in a line, and never with a traceback of ours."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click's
        """Run a command; our errors and warnings are messages for a person."""
        with warnings.catch_warnings():
            warnings.simplefilter("always", QsiparcWarning)
            warnings.showwarning = _show_warning
            try:
                return super().invoke(ctx)
            except QsiparcError as error:
                raise click.ClickException(str(error)) from error
            except OSError as error:
                if error.errno == errno.EPIPE:  # `qsiparc find | head`: click knows what to do
                    raise
                raise click.ClickException(str(error)) from error


def _show_warning(
    message: Warning | str, category: type[Warning], *_where: object, **_more: object
) -> None:
    kind = "Warning" if issubclass(category, QsiparcWarning) else category.__name__
    click.echo(f"{kind}: {message}", err=True)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EPILOG)
@click.version_option(__version__, prog_name="qsiparc")
def main() -> None:
    """Numbers per brain region from diffusion MRI maps."""


@main.command(
    cls=BidsCommand,
    short_help="Show what a QSIRecon tree holds, what is left out, and why.",
    context_settings={"token_normalize_func": lambda name: name.replace("_", "-")},
)
@click.argument("directory", type=click.Path(exists=True, file_okay=False), metavar="DIR")
@several(
    "subject", "--participant-label", "--subject", "-p",
    metavar="LABEL ...", text="Only these participants.",
)  # fmt: skip
@several(
    "session", "--session-label", "--session", "-s",
    metavar="LABEL ...", text="Only these sessions.",
)  # fmt: skip
@several("--atlas", "-a", metavar="NAME ...", text="Only these atlases.")
@several("scalar", "--scalars", "--scalar", "-m", metavar="NAME ...", text="Only these scalars.")
@click.option("--template", is_flag=True, help="Pair in template space, not in native space.")
@click.option("--table", is_flag=True, help="Print every file, with reasons, as TSV.")
def find(
    directory: str,
    *,
    subject: Sequence[str],
    session: Sequence[str],
    atlas: Sequence[str],
    scalar: Sequence[str],
    template: bool,
    table: bool,
) -> None:
    """Show what a QSIRecon tree holds, what goes with what, and what is left out and why.

    DIR is what QSIRecon wrote, or any folder above it. Nothing is opened but the look-up tables.
    """
    from qsiparc.discover import find as search

    dataset = search(directory, template=template)
    if dataset.maps or dataset.dsegs:
        dataset = dataset.sel(
            subject=subject or None,
            session=session or None,
            atlas=atlas or None,
            scalar=scalar or None,
        )
    text = dataset.to_dataframe().to_csv(sep="\t", index=False) if table else repr(dataset)
    click.echo(text, nl=not table)
    if not dataset.maps and not dataset.dsegs:
        click.echo(
            f"No map and no dseg below {directory}. Maps end in _dwimap.nii.gz and name a "
            "param-, dsegs end in _dseg.nii.gz and name a seg- or an atlas-.",
            err=True,
        )
        sys.exit(NOTHING)


main.add_command(build)
main.add_command(finalize)
main.add_command(report)
