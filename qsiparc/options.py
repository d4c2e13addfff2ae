"""The few settings of the process, each with a check of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from qsiparc.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_DEFAULTS: Final[dict[str, Any]] = {
    "max_bytes": 64 * 2**30,
    "progress": "auto",
}

_CHECKS: Final[dict[str, tuple[Callable[[Any], bool], str]]] = {
    "max_bytes": (
        lambda v: isinstance(v, int) and not isinstance(v, bool) and v > 0,
        "a positive number of bytes",
    ),
    "progress": (lambda v: v in ("auto", True, False), "'auto', True or False"),
}

_current: dict[str, Any] = dict(_DEFAULTS)


def get_option(name: str) -> Any:  # noqa: ANN401 - options have types of their own
    """The value of one option."""
    return _current[_known(name)]


def _known(name: str) -> str:
    if name not in _DEFAULTS:
        raise OptionError(f"There is no option {name!r}. The options are: {', '.join(_DEFAULTS)}.")
    return name


class set_options:  # noqa: N801 - a verb, used as `with qsiparc.set_options(...)`
    """Set options, for good or for the length of a ``with`` block.

    Parameters
    ----------
    max_bytes : int, optional
        The largest volume, in bytes, that a header may claim before a read is refused
        (64 GiB unless set). Nothing is allocated before this check.
    progress : {"auto", True, False}, optional
        Whether work that takes longer than two seconds shows its progress. ``"auto"``: on a
        terminal and in notebooks.

    Raises
    ------
    OptionError
        An option that does not exist, or a value it cannot have. Nothing is changed then.

    Examples
    --------
    >>> import qsiparc
    >>> with qsiparc.set_options(progress=False):
    ...     pass
    """

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - as get_option
        for name, value in options.items():
            is_valid, expected = _CHECKS[_known(name)]
            if not is_valid(value):
                raise OptionError(f"The option {name!r} takes {expected}, not {value!r}.")
        self._before = {name: _current[name] for name in options}
        _current.update(options)

    def __enter__(self) -> None:
        """The options are set already, by the constructor."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Put the options back as they were."""
        _current.update(self._before)
