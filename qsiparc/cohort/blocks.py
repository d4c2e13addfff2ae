"""A study's numbers, a bounded piece at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from qsiparc.cohort.reading import read_values
from qsiparc.errors import CubeError
from qsiparc.names import STATUS_FLAGS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from qsiparc.cohort.layout import Layout, Study

CHUNK: Final = 512
"""Most subjects in a chunk of an archive."""

BLOCK_BYTES: Final = 128 * 2**20
"""Most bytes of numbers in memory, unless one chunk is more."""


@dataclass(frozen=True)
class Block:
    """A piece of one atlas's cube.

    Parameters
    ----------
    where : tuple of slice
        Its place in (region, stat, scalar, subject).
    values : numpy.ndarray
        (region, stat, scalar, subject), NaN where a scan has none.
    files : dict of str to numpy.ndarray
        Names of files, (scalar, subject) in an array of objects, empty where there is none.
    """

    where: tuple[slice, slice, slice, slice]
    values: NDArray[np.float64]
    files: dict[str, NDArray[Any]]


def chunk_length(n_subjects: int) -> int:
    """Subjects in a chunk: at most `CHUNK`, and as many in each as can be.

    Parameters
    ----------
    n_subjects : int
        Of the study.

    Returns
    -------
    int
        At least 1.

    Examples
    --------
    >>> [chunk_length(n) for n in (1, 512, 513, 10_000)]
    [1, 512, 257, 500]
    """
    return math.ceil(n_subjects / max(1, math.ceil(n_subjects / CHUNK)))


def blocks(study: Study, layout: Layout) -> Iterator[Block]:
    """The cube of one atlas, in whole chunks of all regions, a stat, a scalar, many subjects.

    Parameters
    ----------
    study : Study
        The parts.
    layout : Layout
        Of the atlas.

    Yields
    ------
    Block
        Each of at most `BLOCK_BYTES`, unless one chunk is more. Every part is opened once for each
        block that it has a share of.

    Raises
    ------
    CubeError
        A part has changed since it was surveyed.
    """
    region, stat, scalar, subject = layout.shape
    length = chunk_length(subject)
    room = max(1, BLOCK_BYTES // (8 * region * length))
    stat_step = min(stat, room)
    scalar_step = max(1, room // stat)
    for subjects, scalars, stats in product(
        _steps(subject, length), _steps(scalar, scalar_step), _steps(stat, stat_step)
    ):
        yield read_block(study, layout, subjects, scalars=scalars, stats=stats)


def _steps(length: int, step: int) -> list[slice]:
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]


def read_block(
    study: Study,
    layout: Layout,
    subjects: slice,
    *,
    scalars: slice | None = None,
    stats: slice | None = None,
) -> Block:
    """Numbers of some scans over one atlas, each in the place that its labels say.

    Parameters
    ----------
    study : Study
        The parts.
    layout : Layout
        Of the atlas.
    subjects, scalars, stats : slice
        Which; all unless given. Start and stop are numbers.

    Returns
    -------
    Block
        All regions.

    Raises
    ------
    CubeError
        A part has changed since it was surveyed.
    """
    region, stat, scalar, _ = layout.shape
    stats = stats or slice(0, stat)
    scalars = scalars or slice(0, scalar)
    place = {name: n for n, name in enumerate(layout.names("scalar")[scalars])}
    shape = (len(place), stats.stop - stats.start, subjects.stop - subjects.start, region)
    values = np.full(shape, np.nan)
    files = {name: np.full((shape[0], shape[2]), "", dtype=object) for name in layout.files}
    for column, n in enumerate(range(subjects.start, subjects.stop)):
        if _lacks(layout, n):
            continue
        found = read_values(study.paths[n], layout.atlas, study.seals[n])
        if found is None:
            raise _changed(study.paths[n])
        here = [row for row, name in enumerate(found.scalars) if name in place]
        to = [place[found.scalars[row]] for row in here]
        values[to, :, column] = found.values[here, stats]
        for name, texts in found.files.items():
            files[name][to, column] = [texts[row] for row in here]
    where = (slice(0, region), stats, scalars, subjects)
    return Block(where, values.transpose(3, 1, 0, 2), files)


def _lacks(layout: Layout, place: int) -> bool:
    """Whether a scan has no value over an atlas, so that its part need not be opened."""
    return not (layout.status[:, place] == STATUS_FLAGS["ok"]).any()


def _changed(path: Path) -> CubeError:
    return CubeError(
        f"{path} has changed while the archive was put together: another build is at work. The "
        "archive from before is untouched; run `qsiparc finalize` when the build is done."
    )
