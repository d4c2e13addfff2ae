"""Every error and warning of qsiparc.

Each error is also the builtin that a caller would catch::

    QsiparcError
    ├── NiftiError              (OSError)      a file that is not what it claims to be
    ├── SpaceError              (ValueError)   an affine that is missing or unusable
    │   └── GridMismatchError                  two objects that are not on one grid
    ├── LabelError              (ValueError)   a label image that holds no labels
    ├── WeightError             (ValueError)   weights or probabilities that cannot be such
    ├── LutError                (ValueError)   a label file that is no look-up table
    ├── UnknownStatisticError   (KeyError)     a statistic or tier nobody declared
    ├── StatisticError          (ValueError)   a function of one's own that failed
    ├── CubeError               (ValueError)   a dataset or table that is not a cube
    │   └── SelectionError      (KeyError)     nothing in the cube has that name
    ├── DiscoveryError          (OSError)      a tree that cannot be searched
    ├── BuildError              (OSError)      a study that cannot be built
    └── OptionError             (ValueError)   an option nobody knows, or a value it cannot have

    QsiparcWarning              (UserWarning)
    ├── GridWarning                            two grids that are nearly one
    ├── LabelWarning                           labels that were repaired, or that no LUT names
    ├── WeightWarning                          weights that were repaired, or are no probabilities
    ├── LutWarning                             a look-up table that had to be guessed at
    ├── NiftiWarning                           a file that could be read, with a doubt
    └── DiscoveryWarning                       a part of a tree that was left out
"""

from __future__ import annotations

import inspect
import warnings
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

_OURS: Final = {"qsiparc", "xarray", "dask"}
"""Packages whose lines tell a user nothing about where a warning comes from."""

_collector: ContextVar[list[str] | None] = ContextVar("qsiparc_warnings", default=None)
"""Where warnings go instead; `warnings.catch_warnings` would catch those of other threads, too."""


class QsiparcError(Exception):
    """Base of all errors that qsiparc raises on purpose."""


class NiftiError(QsiparcError, OSError):
    """A file cannot be read as the image that it claims to be."""


class SpaceError(QsiparcError, ValueError):
    """An affine is missing or cannot place voxels in the world."""


class GridMismatchError(SpaceError):
    """Two objects that should be on one grid are not."""


class LabelError(QsiparcError, ValueError):
    """A label image holds something that cannot be a label."""


class WeightError(QsiparcError, ValueError):
    """An image holds something that cannot be a weight or a probability."""


class LutError(QsiparcError, ValueError):
    """A label file cannot be read as a look-up table."""


class UnknownStatisticError(QsiparcError, KeyError):
    """A statistic or a tier was asked for that nobody declared."""

    __str__ = Exception.__str__  # a KeyError would show the message's repr


class StatisticError(QsiparcError, ValueError):
    """A statistic of one's own failed, or is no number."""


class CubeError(QsiparcError, ValueError):
    """A dataset or a table is not a cube, or not a whole one."""


class SelectionError(CubeError, KeyError):
    """Nothing in the cube has the name that was asked for."""

    __str__ = Exception.__str__


class DiscoveryError(QsiparcError, OSError):
    """A tree cannot be searched."""


class BuildError(QsiparcError, OSError):
    """A study cannot be built, or not all of it and all of it was asked for."""


class OptionError(QsiparcError, ValueError):
    """An option is unknown, or cannot have that value."""


class QsiparcWarning(UserWarning):
    """Base of all warnings that qsiparc gives."""


class GridWarning(QsiparcWarning):
    """Two grids are not quite one; the distance is small enough to go on."""


class LabelWarning(QsiparcWarning):
    """Labels were repaired, or the LUT does not name them."""


class WeightWarning(QsiparcWarning):
    """Weights were repaired, or the volumes of an atlas hold no probabilities."""


class LutWarning(QsiparcWarning):
    """A look-up table had to be guessed at, or disagrees with an image."""


class NiftiWarning(QsiparcWarning):
    """A file could be read, but something about it is doubtful."""


class DiscoveryWarning(QsiparcWarning):
    """A part of a tree could not be searched and was left out."""


E = TypeVar("E", bound=Exception)


def bare(error: E) -> E:
    """An error that is kept to be told: without the frames that it came through.

    These hold all that was worked on, arrays above all, for as long as they are there.

    Parameters
    ----------
    error : Exception
        It is changed.

    Returns
    -------
    Exception
        The same.
    """
    error.__cause__ = error.__context__ = error.__traceback__ = None
    return error


@contextmanager
def collected_warnings() -> Iterator[list[str]]:
    """Collect the warnings of a block, in this thread alone, instead of giving them.

    Yields
    ------
    list of str
        Their messages, as they come.
    """
    messages: list[str] = []
    token = _collector.set(messages)
    try:
        yield messages
    finally:
        _collector.reset(token)


def warn(message: str, category: type[QsiparcWarning]) -> None:
    """Warn at the line of the first caller outside qsiparc.

    Parameters
    ----------
    message : str
        What was found, and what to do about it.
    category : type of QsiparcWarning
        Its class.
    """
    collector = _collector.get()
    if collector is not None:
        collector.append(message)
        return
    frame = inspect.currentframe()
    depth = 0
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] in _OURS:
        frame = frame.f_back
        depth += 1
    warnings.warn(message, category, stacklevel=depth + 1)
