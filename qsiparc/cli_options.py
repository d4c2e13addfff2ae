"""The options of the commands: what may follow their names, and what it must be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from qsiparc.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

F = TypeVar("F", bound="Callable[..., object]")

_EMPTY: Final = "it is empty, of a variable that is not set, perhaps."

zarr_format_option = click.option(
    "--zarr-format",
    type=click.Choice(["3", "2"]),
    default="3",
    show_default=True,
    help="Of the archive; 2 is for old readers.",
)

report_option = click.option(
    "--report/--no-report", default=True, help="Write the quality report, report.html."
)


class Several(click.Option):
    """An option of which several values may follow one name."""


class BidsCommand(click.Command):
    """Options of which several values may follow one name, as BIDS Apps have them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat the name before each value, once all folders have been named."""
        repeated: list[str] = []
        name, n_plain, awaited = "", 0, 0
        many = {flag for one in self.params if isinstance(one, Several) for flag in one.opts}
        n_folders = sum(isinstance(one, click.Argument) for one in self.params)
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
                name = flag if flag in many else ""
                awaited = 0 if value else takes.get(flag, 0)
            elif name and n_plain >= n_folders:
                repeated.append(name)
            else:
                n_plain += 1
            repeated.append(arg)
        return super().parse_args(ctx, repeated)


def _labels(_context: click.Context, _option: click.Parameter, given: Sequence[str]) -> list[str]:
    """Labels, one an option or several of them in one, apart by spaces or commas."""
    labels = [label for text in given for label in re.split(r"[\s,]+", text) if label]
    if given and not labels:
        raise click.BadParameter(_EMPTY)
    return labels


class Output(click.Path):
    """A folder to write to; an empty name would be the folder that one is in."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401 - the same
        """Refuse an empty name."""
        if not str(value):
            self.fail(_EMPTY, param, ctx)
        return super().convert(value, param, ctx)


def tables_of(
    _context: click.Context, _option: click.Parameter, given: Sequence[str]
) -> dict[str, str]:
    """Look-up tables by their atlas."""
    wrong = [text for text in given if not all(text.partition("="))]
    if wrong:
        raise click.BadParameter(f"ATLAS=FILE is expected, not {wrong[0]!r}.")
    return {text.partition("=")[0]: text.partition("=")[2] for text in given}


def valid_range_of(
    _context: click.Context, _option: click.Parameter, given: tuple[float, float] | None
) -> tuple[float, float] | None:
    """A range that can be one."""
    from qsiparc.validity import as_range

    try:
        return None if given is None else as_range(given, "LO HI are")
    except OptionError as error:
        raise click.BadParameter(str(error)) from error


def shard_of(_context: click.Context, _option: click.Parameter, given: str | None) -> Any:  # noqa: ANN401 - click's
    """Which share of how many."""
    from qsiparc.cohort.plan import parse_shard

    try:
        return parse_shard(given) if given else None
    except OptionError as error:
        raise click.BadParameter(str(error)) from error


def several(*names: str, metavar: str, text: str) -> Callable[[F], F]:
    """An option for labels, one or several after one name."""
    return click.option(
        *names, cls=Several, multiple=True, callback=_labels, metavar=metavar, help=text
    )
