"""What a QSIRecon tree holds: one object to look at, select from and work through."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from qsiparc.discover import display, pairing
from qsiparc.discover.bidsfile import AtlasDsegFile, BIDSFile
from qsiparc.discover.found import Context, Found, Search
from qsiparc.discover.identity import short_ids
from qsiparc.discover.matching import selected, selected_scalars
from qsiparc.discover.shelf import Library, assign
from qsiparc.discover.tables import files_table, pairs_table
from qsiparc.entities import parse_entities
from qsiparc.errors import DiscoveryWarning, warn

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

    from qsiparc.atlas import AtlasLUT
    from qsiparc.discover.identity import Scalar


@dataclass(eq=False, repr=False)
class QsiReconDataset:
    """The maps, label images and look-up tables of a QSIRecon tree, and what goes with what.

    `qsiparc.find` makes one. Nothing in it was opened: all it knows stands in names.

    Parameters
    ----------
    root : Path
        The folder that was searched.
    search : Search
        What the walk brought.
    template : bool
        Whether pairs are made in template space.
    lut_paths : mapping of str to str
        Look-up tables that the caller named, by atlas.
    ids : mapping of Scalar to str, optional
        Ids of the scalars, when they are those of a larger dataset.
    library : Library, optional
        Look-up tables that were read already.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from qsiparc.discover import find
    >>> root = pathlib.Path(tempfile.mkdtemp())
    >>> for name in ("param-fa_dwimap", "seg-Tiny_dseg"):
    ...     (root / f"sub-01_space-ACPC_{name}.nii.gz").touch()
    >>> dataset = find(root)
    >>> dataset.subjects, dataset.atlases, dataset.scalars
    (['01'], ['Tiny'], ['fa'])
    >>> dataset.pairs()[["subject", "atlas", "scalar"]]
      subject atlas scalar
    0      01  Tiny     fa
    """

    root: Path
    search: Search
    template: bool = False
    lut_paths: Mapping[str, str] = field(default_factory=dict)
    ids: Mapping[Scalar, str] = field(default_factory=dict)
    library: Library = field(default_factory=Library)

    def __post_init__(self) -> None:
        found = self.search.found
        self.map_rows = [one for one in found if one.kind == "map"]
        self.dseg_rows = [one for one in found if one.kind == "dseg"]
        self.lut_rows = [one for one in found if one.kind == "lut"]
        self._groups = pairing.pair(found, template=self.template)
        if not self.ids:
            everything = {one.scalar for one in self.map_rows if one.scalar}
            usable = {one.scalar for one in _candidates(self.map_rows) if one.scalar}
            self.ids = short_ids(usable, everything)
        assign(found, given={name.casefold(): lut for name, lut in self.lut_paths.items()})

    @property
    def n_pairs(self) -> int:
        """How many pairs of a map and a dseg there are."""
        return sum(len(maps) * len(dsegs) for maps, dsegs in self._groups)

    @property
    def subjects(self) -> list[str]:
        """Labels of the subjects, without ``sub-``, that have a map or a dseg to work on."""
        return sorted({subject for subject, _ in self.scans})

    @cached_property
    def scans(self) -> list[tuple[str, str]]:
        """Subject and session of everything there is to work on."""
        return sorted({one.scan for one in _candidates(self.map_rows + self.dseg_rows)})

    @cached_property
    def atlases(self) -> list[str]:
        """Names of the atlases that there are dsegs of."""
        return sorted({one.atlas for one in _candidates(self.dseg_rows)})

    @cached_property
    def scalars(self) -> list[str]:
        """Ids of the scalars that there are maps of."""
        return sorted({self._id(one) for one in _candidates(self.map_rows)})

    @cached_property
    def maps(self) -> list[BIDSFile]:
        """The maps in the space that is worked in, by path, paired or not."""
        return [
            BIDSFile(Path(one.path), _entities(one, self.root))
            for one in _candidates(self.map_rows)
        ]

    @cached_property
    def dsegs(self) -> list[AtlasDsegFile]:
        """The label images in the space that is worked in, by path, paired or not."""
        return [
            AtlasDsegFile(
                Path(one.path),
                _entities(one, self.root),
                one.atlas,
                Path(one.lut) if one.lut else None,
            )
            for one in _candidates(self.dseg_rows)
        ]

    @property
    def unreadable(self) -> list[tuple[str, str]]:
        """Folders that could not be read, and why."""
        return list(self.search.unreadable)

    @property
    def ignored(self) -> dict[str, int]:
        """What looks like a map or a dseg by its suffix and is none, counted by reason."""
        return {reason: n for reason, n in self.search.ignored.items() if n}

    def _id(self, one: Found) -> str:
        return self.ids[one.scalar] if one.scalar else ""

    def to_dataframe(self) -> pd.DataFrame:
        """Everything that was recognised, used or not.

        Returns
        -------
        pd.DataFrame
            A row for every map, dseg and LUT, in this order and by path. ``used`` says whether
            it is part of a pair, ``reason`` why not.
        """
        return files_table([*self.map_rows, *self.dseg_rows, *self.lut_rows], self.ids)

    def pairs(self, *, check_grids: bool = False) -> pd.DataFrame:
        """Every map with every label image that it goes with.

        Parameters
        ----------
        check_grids : bool
            Whether to read the headers, too, and leave out pairs whose voxels do not coincide.
            Extraction compares the grids in any case.

        Returns
        -------
        pd.DataFrame
            A row a map and dseg, by subject, scan, atlas and scalar. ``attrs["left_out"]`` lists
            ``(map_path, dseg_path, reason)`` of what `check_grids` left out.

        Warns
        -----
        DiscoveryWarning
            When `check_grids` left something out.
        """
        both = [(one, dseg) for maps, dsegs in self._groups for one in maps for dseg in dsegs]
        both.sort(key=lambda pair: (pair[0].acquisition, pair[1].atlas, self._id(pair[0])))
        left_out: list[tuple[str, str, str]] = []
        if check_grids:
            both, left_out = pairing.with_one_grid(both)
        if left_out:
            warn(
                f"{len(left_out)} pairs are left out because their grids differ (listed in "
                f'attrs["left_out"]). The first: {left_out[0][0]} and {left_out[0][1]}: '
                f"{left_out[0][2]}.",
                DiscoveryWarning,
            )
        table = pairs_table(both, self.ids)
        table.attrs["left_out"] = left_out
        return table

    def sel(
        self,
        *,
        subject: str | Iterable[str] | None = None,
        session: str | Iterable[str] | None = None,
        atlas: str | Iterable[str] | None = None,
        scalar: str | Iterable[str] | None = None,
        space: str | Iterable[str] | None = None,
    ) -> QsiReconDataset:
        """A part of the dataset. Ids of scalars stay what they are.

        Parameters
        ----------
        subject, session : str or iterable of str, optional
            Labels, with or without ``sub-`` and ``ses-``. A dseg or LUT that names no session
            belongs to all.
        atlas : str or iterable of str, optional
            Names, with or without ``atlas-`` or ``seg-``.
        scalar : str or iterable of str, optional
            Ids, or else parameters: ``"fa"`` is every FA where no id is just ``fa``.
        space : str or iterable of str, optional
            Spaces of maps, with or without ``space-``.

        Returns
        -------
        QsiReconDataset

        Raises
        ------
        SelectionError
            Nothing has that name; upper and lower case do not matter.
        """
        subjects = selected("subject", subject, [scan[0] for scan in self.scans])
        sessions = selected("session", session, [scan[1] for scan in self.scans])
        atlases = selected("atlas", atlas, self.atlases)
        scalars = selected_scalars(scalar, self._ids_here())
        spaces = selected("space", space, [one.space for one in self.map_rows])

        def keep(one: Found) -> bool:
            sub, ses = one.scan
            is_map = one.kind == "map"
            return (
                (subjects is None or sub in subjects or (not sub and not is_map))
                and (sessions is None or ses in sessions or (not ses and not is_map))
                and (atlases is None or is_map or one.atlas in atlases)
                and (scalars is None or not is_map or one.scalar in scalars)
                and (spaces is None or not is_map or one.space in spaces)
            )

        found = [replace(one) for one in self.search.found if keep(one)]
        return replace(self, search=replace(self.search, found=found))

    def _ids_here(self) -> dict[Scalar, str]:
        return {one.scalar: self._id(one) for one in _candidates(self.map_rows) if one.scalar}

    def lut(self, atlas: str | AtlasDsegFile) -> AtlasLUT:
        """The look-up table of an atlas; read once, however often it is asked for.

        Parameters
        ----------
        atlas : str or AtlasDsegFile
            Name of the atlas, or a dseg of it.

        Returns
        -------
        AtlasLUT

        Raises
        ------
        SelectionError
            There is no dseg of such an atlas.
        LutError
            The table cannot be read, or the tree holds two that differ.

        Warns
        -----
        LutWarning
            There is no table, or a text list that is not that of the image.
        """
        if isinstance(atlas, AtlasDsegFile):
            return self.library.of_dseg(
                str(atlas.path), str(atlas.lut_path or ""), atlas.atlas_name
            )
        (name, *_) = sorted(selected("atlas", atlas, self.atlases) or ())
        return self.library.of_atlas(name, self._dsegs_of(name))

    def _dsegs_of(self, atlas: str) -> list[Found]:
        return [one for one in _candidates(self.dseg_rows) if one.atlas == atlas]

    def region_counts(self) -> dict[str, int | None]:
        """How many regions every atlas has, by its look-up table.

        Returns
        -------
        dict of str to int or None
            None where there is no table, or none that can be read.
        """
        return {
            name: self.library.count_regions(name, self._dsegs_of(name)) for name in self.atlases
        }

    def __repr__(self) -> str:
        return display.as_text(self)

    def _repr_html_(self) -> str:
        return display.as_html(self)


def _candidates(found: Iterable[Found]) -> list[Found]:
    """What could be worked on, were there something to pair it with."""
    return [one for one in found if one.candidate]


def _entities(one: Found, root: Path) -> dict[str, str]:
    return Context.of(one.folder, str(root)).complete(parse_entities(one.name))
