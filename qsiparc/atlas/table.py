"""The look-up table of an atlas: which region a label stands for."""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Self, get_args

import numpy as np
import pandas as pd

from qsiparc.atlas import display
from qsiparc.atlas.columns import LABELS, interpret, is_text
from qsiparc.atlas.frame import cell_text, read_frame
from qsiparc.errors import LutError
from qsiparc.names import Hemisphere

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from qsiparc.atlas.columns import LabelTable

_COLUMNS: Final = ["region_index", "region_name", "hemisphere"]
_NEAR: Final = 2


def _check_region(region: RegionInfo) -> None:
    if not isinstance(region, RegionInfo):
        raise TypeError(
            f"An AtlasLUT is made of RegionInfo(index, name, hemisphere), not of "
            f"{type(region).__name__}. Of a table: AtlasLUT.from_dataframe(df)."
        )
    index: object = region.index
    name: object = region.name
    if isinstance(index, bool) or not isinstance(index, int | np.integer):
        raise LutError(f"The index of the region {name!r} is {index!r}. Expected an integer.")
    if int(index) not in LABELS:
        raise LutError(f"The index {index} of the region {name!r} does not fit into 64 bits.")
    if not isinstance(name, str) or not name.strip() or not is_text(name):
        raise LutError(f"The region {index} is named {name!r}. Expected text: give it a name.")
    if region.hemisphere not in get_args(Hemisphere):
        raise LutError(
            f"The region {index}, {name!r}, has the hemisphere {region.hemisphere!r}. Expected L, "
            f"R or bilateral; infer_hemisphere(name) reads it off a name."
        )


def _as_extra(extra: pd.DataFrame | None, n_regions: int) -> pd.DataFrame:
    if extra is None:
        return pd.DataFrame(index=pd.RangeIndex(n_regions))
    if len(extra) != n_regions:
        raise LutError(f"`extra` has {len(extra)} rows for {n_regions} regions.")
    taken = [heading for heading in extra.columns if heading in _COLUMNS]
    if taken:
        raise LutError(f"`extra` has a column {taken[0]!r}, which every look-up table has itself.")
    return extra.map(cell_text).astype(str).reset_index(drop=True)


@dataclass(frozen=True)
class RegionInfo:
    """One region of an atlas.

    Parameters
    ----------
    index : int
        The value of its voxels in the label image.
    name : str
        Its name, which other regions may share.
    hemisphere : str
        ``"L"``, ``"R"`` or ``"bilateral"``.
    """

    index: int
    name: str
    hemisphere: str


class AtlasLUT:
    """The regions of an atlas, by the value of their voxels.

    Parameters
    ----------
    regions : sequence of RegionInfo
        In the order that results will have.
    atlas_name : str
        What results call the atlas.
    extra : pd.DataFrame, shape (n_regions, n_columns), optional
        Further label columns, one row a region, in the order of `regions`. Kept as text.
    source : str
        The name of the file it was read from, which results note.

    Raises
    ------
    LutError
        An index comes twice or is no 64-bit integer, a name is missing, or `extra` does not fit.

    Examples
    --------
    >>> lut = AtlasLUT([RegionInfo(1, "LH_Vis_1", "L"), RegionInfo(7, "Brain-Stem", "bilateral")])
    >>> lut
    <AtlasLUT of 2 regions: 1 L, 1 bilateral>
      1  LH_Vis_1    L
      7  Brain-Stem  bilateral
    >>> lut[7].name, 2 in lut
    ('Brain-Stem', False)
    """

    def __init__(
        self,
        regions: Sequence[RegionInfo],
        atlas_name: str = "",
        *,
        extra: pd.DataFrame | None = None,
        source: str = "",
    ) -> None:
        self._regions = tuple(regions)
        self.atlas_name = atlas_name
        self.source = source
        self._by_index: dict[int, RegionInfo] = {}
        for region in self._regions:
            _check_region(region)
            if region.index in self._by_index:
                other = self._by_index[region.index]
                raise LutError(
                    f"The index {region.index} comes twice: for {other.name!r} and for "
                    f"{region.name!r}. An index names one region."
                )
            self._by_index[region.index] = region
        self._extra = _as_extra(extra, len(self._regions))
        self._labels = np.array([region.index for region in self._regions], np.int64)

    @classmethod
    def from_dataframe(
        cls, df: pd.DataFrame, atlas_name: str = "", *, background: int | None = 0
    ) -> Self:
        """A look-up table from a table that is in memory, as :func:`read_lut` from a file.

        Parameters
        ----------
        df : pd.DataFrame
            With an id and a name column under any heading :func:`read_lut` knows; the ids may be
            its index, under such a name.
        atlas_name : str
            What results call the atlas.
        background : int or None
            The id that is no region; None keeps all.

        Returns
        -------
        AtlasLUT
            The inverse of :meth:`to_dataframe`.

        Raises
        ------
        LutError
            The table has no id or name column, or a cell of them cannot be one.

        Examples
        --------
        >>> df = pd.DataFrame({"index": [0, 1], "name": ["background", "Left Caudate"]})
        >>> AtlasLUT.from_dataframe(df)[1]
        RegionInfo(index=1, name='Left Caudate', hemisphere='L')
        """
        return cls.from_labels(read_frame(df), atlas_name, background=background)

    @classmethod
    def from_labels(
        cls, read: LabelTable, atlas_name: str, *, background: int | None, source: str = ""
    ) -> Self:
        """A look-up table from the cells of a label file; see :func:`read_lut`.

        Parameters
        ----------
        read : LabelTable
            The cells.
        atlas_name : str
            What results call the atlas.
        background : int or None
            The id that is no region; None keeps all.
        source : str
            The name of the file.

        Returns
        -------
        AtlasLUT

        Raises
        ------
        LutError
            As :meth:`from_dataframe`.
        """
        found = interpret(read, background=background)
        rows = zip(found.ids, found.names, found.hemispheres, strict=True)
        return cls([RegionInfo(*row) for row in rows], atlas_name, extra=found.extra, source=source)

    @property
    def regions(self) -> list[RegionInfo]:
        """The regions in the order of the file; a new list each time."""
        return list(self._regions)

    @property
    def indices(self) -> list[int]:
        """The indices in ascending order."""
        return sorted(self._by_index)

    @property
    def extra_columns(self) -> list[str]:
        """Headings of the columns beyond index, name and hemisphere."""
        return list(self._extra.columns)

    def get(self, index: int, default: Any = None) -> Any:  # noqa: ANN401 - as dict.get
        """The region with that index, or a default.

        Parameters
        ----------
        index : int
            The value of its voxels.
        default : object
            What to return where there is no such region.

        Returns
        -------
        RegionInfo or object
        """
        return self._by_index.get(index, default)

    def to_dataframe(self) -> pd.DataFrame:
        """The look-up table as a table.

        Returns
        -------
        pd.DataFrame, shape (n_regions, 3 + n_extra)
            ``region_index`` (int64), ``region_name``, ``hemisphere``, then every other column of
            the label file as text, verbatim.
        """
        columns = {
            "region_index": self.labels(),
            "region_name": pd.Series([r.name for r in self._regions], dtype=str),
            "hemisphere": pd.Series([r.hemisphere for r in self._regions], dtype=str),
        }
        return pd.concat([pd.DataFrame(columns), self._extra], axis=1)

    def labels(self) -> NDArray[np.int64]:
        """The indices in the order of the regions, as an array; a new one each time."""
        return self._labels.copy()

    def text_columns(self) -> dict[str, list[str]]:
        """All of the table that is text, without pandas in between.

        Returns
        -------
        dict of str to list of str
            ``region_name``, ``hemisphere``, then every other column of the label file; new lists.
        """
        return {heading: cells.copy() for heading, cells in self._text.items()}

    @cached_property
    def _text(self) -> dict[str, list[str]]:
        return {
            "region_name": [region.name for region in self._regions],
            "hemisphere": [region.hemisphere for region in self._regions],
            **{str(heading): self._extra[heading].tolist() for heading in self._extra},
        }

    def __len__(self) -> int:
        return len(self._regions)

    def __iter__(self) -> Iterator[RegionInfo]:
        return iter(self._regions)

    def __contains__(self, item: object) -> bool:
        if isinstance(item, RegionInfo):
            return self._by_index.get(item.index) == item
        return item in self._by_index

    def __getitem__(self, index: int) -> RegionInfo:
        try:
            return self._by_index[index]
        except KeyError:
            raise KeyError(self._no_region(index)) from None

    def _no_region(self, index: object) -> str:
        message = f"The look-up table {self.atlas_name!r} has no region {index!r}."
        if isinstance(index, int | np.integer) and self._regions:
            indices = self.indices
            at = bisect.bisect(indices, index)
            near = ", ".join(map(str, indices[max(at - _NEAR, 0) : at + _NEAR]))
            message += f" Near it are {near}."
        return message

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AtlasLUT):
            return NotImplemented
        same = self._regions == other._regions and self.atlas_name == other.atlas_name
        return same and self._extra.equals(other._extra)

    def __hash__(self) -> int:
        return hash((self._regions, self.atlas_name))

    def __repr__(self) -> str:
        return display.as_text(self)

    def _repr_html_(self) -> str:
        return display.as_html(self)
