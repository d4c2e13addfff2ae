"""Where the names of an atlas's regions stand, and whether they can be believed."""

from __future__ import annotations

from collections import defaultdict
from itertools import takewhile
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final

from qsiparc.discover.identity import disagreement, space_distance
from qsiparc.errors import LutError, LutWarning, warn
from qsiparc.regular import read_regular

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qsiparc.atlas import AtlasLUT
    from qsiparc.discover.found import Found


_SHOWN: Final = 5


def assign(found: Iterable[Found], *, given: Mapping[str, str]) -> None:
    """Give every dseg the path of its look-up table.

    In this order: the table that the caller named for the atlas; a TSV beside the dseg; of the
    TSVs that belong to no subject the one nearest in the tree, below ``atlases/atlas-<name>/``
    before anywhere else; the text list beside the dseg.

    Parameters
    ----------
    found : iterable of Found
        Dsegs and LUTs; ``lut`` of the dsegs and ``used`` and ``reason`` of the LUTs are set.
    given : mapping of str to str
        Paths by the name of the atlas, in lower case.
    """
    found = list(found)
    shelf = Shelf(one for one in found if one.kind == "lut" and one.atlas)
    taken: set[str] = set()
    for one in found:
        if one.kind == "dseg" and one.atlas:
            one.lut = given.get(one.atlas.casefold()) or shelf.for_dseg(one)
            if one.used:
                taken.add(one.lut)
    wanted = {one.atlas.casefold() for one in found if one.kind == "dseg" and one.used}
    for one in found:
        if one.kind == "lut":
            one.used, one.reason = one.path in taken, one.obstacle
            if not one.used and not one.reason:
                known = one.atlas.casefold() in wanted
                one.reason = "another table was preferred" if known else "no dseg of it is used"


class Shelf:
    """The look-up tables of a tree, by atlas and by folder.

    Parameters
    ----------
    luts : iterable of Found
        Tables that name their atlas.
    """

    def __init__(self, luts: Iterable[Found]) -> None:
        self._of_subject: defaultdict[tuple[str, str], list[Found]] = defaultdict(list)
        self._of_study: defaultdict[str, list[Found]] = defaultdict(list)
        for lut in luts:
            atlas = lut.atlas.casefold()
            self._of_subject[lut.folder, atlas].append(lut)
            if not lut.of("sub") and lut.name.endswith(".tsv") and not lut.obstacle:
                self._of_study[atlas].append(lut)

    def for_dseg(self, dseg: Found) -> str:
        """Path of the best table of a dseg; empty when there is none."""
        key = dseg.folder, dseg.atlas.casefold()
        beside = [lut for lut in self._of_subject.get(key, ()) if _fits(lut, dseg)]
        tables = [lut for lut in beside if lut.name.endswith(".tsv")]
        texts = [lut for lut in beside if lut not in tables and _same_variant(lut, dseg)]
        return (
            min((_stray(lut, dseg) for lut in tables), default=(0, ""))[1]
            or self.for_atlas(dseg.atlas, near=dseg.folder)
            or min((_stray(lut, dseg) for lut in texts), default=(0, ""))[1]
        )

    def for_atlas(self, atlas: str, *, near: str) -> str:
        """Path of the table of the whole study; empty when there is none."""
        luts = self._of_study.get(atlas.casefold(), ())
        exact = [lut for lut in luts if lut.atlas == atlas]
        return min((_remoteness(lut, near) for lut in exact or luts), default=("",))[-1]


def _fits(lut: Found, dseg: Found) -> bool:
    if lut.obstacle or disagreement(lut.acquisition, dseg.acquisition):
        return False
    return lut.name.endswith(".tsv") or space_distance(lut.space, dseg.space) in (0, 1)


def _same_variant(lut: Found, dseg: Found) -> bool:
    """A text list numbers one image: every other word of the names must be the same."""
    return lut.variant == dseg.variant


def _stray(lut: Found, dseg: Found) -> tuple[int, str]:
    mine = {*lut.acquisition, *lut.variant, ("space", lut.space)}
    return len(mine ^ {*dseg.acquisition, *dseg.variant, ("space", dseg.space)}), lut.path


def _remoteness(lut: Found, near: str) -> tuple[int, int, int, str]:
    here = PurePath(lut.folder).parts
    both = zip(here, PurePath(near).parts, strict=False)
    shared = len(list(takewhile(lambda parts: parts[0] == parts[1], both)))
    at_home = any(part.casefold() == f"atlas-{lut.atlas}".casefold() for part in here)
    return -shared, 0 if at_home else 1, len(lut.name), lut.path


class Library:
    """The look-up tables of a study, each of them read once."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, str], AtlasLUT] = {}

    def of_dseg(self, dseg: str, lut: str, atlas: str) -> AtlasLUT:
        """The table of a label image, as `load` reads it."""
        key = (lut or dseg, atlas)
        if key not in self._read:
            self._read[key] = load(dseg, lut, atlas_name=atlas)
        return self._read[key]

    def of_atlas(self, atlas: str, dsegs: list[Found]) -> AtlasLUT:
        """The table of an atlas for all its dsegs; an error when they have different ones."""
        first = next((one for one in dsegs if one.lut and not _is_beside(one)), dsegs[0])
        table = self.of_dseg(first.path, first.lut, atlas)
        alike = {first.lut: _content(first.lut)}
        for one in dsegs:
            if one.lut in alike or _content(one.lut) in alike.values():
                continue  # bytes are compared first: a study may hold a copy a scan
            if self.of_dseg(one.path, one.lut, atlas) != table:
                raise LutError(
                    f"Two look-up tables of atlas {atlas!r} differ: {first.lut or first.path} and "
                    f"{one.lut or one.path}. Say which one is right: "
                    f"find(..., luts={{{atlas!r}: ...}}); or take each dseg's own: .lut(dseg)."
                )
            alike[one.lut] = _content(one.lut)
        return table

    def count_regions(self, atlas: str, dsegs: list[Found]) -> int | None:
        """How many regions an atlas has by its table, unchecked; None where there is none."""
        from qsiparc.atlas import read_lut

        dseg = dsegs[0]
        try:
            if dseg.lut.endswith(".txt"):
                return len(read_lut(dseg.lut))
            return len(self.of_dseg(dseg.path, dseg.lut, atlas)) if dseg.lut else None
        except (LutError, OSError):
            return None


def _content(lut: str) -> bytes:
    """The bytes of a table; of none, none."""
    return read_regular(Path(lut), LutError) if lut else b""


def _is_beside(dseg: Found) -> bool:
    return str(PurePath(dseg.lut).parent) == dseg.folder


def load(dseg: str, lut: str, *, atlas_name: str) -> AtlasLUT:
    """Read the look-up table of a dseg, and check it where it can be wrong.

    Parameters
    ----------
    dseg : str
        Path of the label image. It is opened only where there is no table, or a text list.
    lut : str
        Path of the table; empty when there is none.
    atlas_name : str
        Which atlas.

    Returns
    -------
    AtlasLUT
        Names that belong to the labels of the image.

    Warns
    -----
    LutWarning
        When there is no table, or one that cannot be right: the regions are named by number.
    """
    from qsiparc.atlas import load_lut_from_dseg, read_lut

    if not lut:
        return load_lut_from_dseg(dseg, atlas_name)
    if not lut.endswith(".txt"):
        return read_lut(lut, atlas_name=atlas_name)
    return _load_text(dseg, lut, atlas_name)


def _load_text(dseg: str, lut: str, atlas_name: str) -> AtlasLUT:
    from qsiparc.atlas import AtlasLUT, RegionInfo, read_lut
    from qsiparc.parcellation import Parcellation

    labels = sorted(int(label) for label in Parcellation.from_labels(dseg).labels)
    doubt = _doubt(lut, labels)
    if not doubt:
        table = read_lut(lut, atlas_name=atlas_name)
        _warn_of_empty(sorted({*table.indices} - {*labels}), dseg, lut)
        return table
    warn(
        f"The names in {lut} are not those of the labels in {dseg}: {doubt}. Lists of some "
        "releases are off by one. The regions are named by their numbers; a TSV in "
        f"atlases/atlas-{atlas_name}/ would name them.",
        LutWarning,
    )
    regions = [RegionInfo(label, f"region_{label:04d}", "bilateral") for label in labels]
    return AtlasLUT(regions, atlas_name)


def _doubt(lut: str, labels: list[int]) -> str:
    """Why the ids of a text list cannot be the labels of the image; empty when they can."""
    from qsiparc.atlas import is_background, read_lut

    try:
        table = read_lut(lut, background=None)
    except LutError as error:
        return f"the list cannot be read ({error})"
    background = table.get(0)
    if background is not None and not is_background(background.name):
        return f"it gives 0, the background, to {background.name!r}"
    nobody = [label for label in labels if label in table and is_background(table[label].name)]
    if nobody and background is None:
        return f"it gives {nobody[0]}, a label of the image, to {table[nobody[0]].name!r}"
    unnamed = sorted({*labels} - {*table.indices})
    return f"it has no name for label {_few(unnamed)}" if unnamed else ""


def _warn_of_empty(empty: list[int], dseg: str, lut: str) -> None:
    if empty:
        warn(
            f"{lut} names labels that have no voxel in {dseg}: {_few(empty)}. Either these regions "
            "are empty, or the list is off by one, as some releases have it. Compare it with a TSV "
            "of the atlas.",
            LutWarning,
        )


def _few(numbers: list[int]) -> str:
    more = f" and {len(numbers) - _SHOWN} more" if len(numbers) > _SHOWN else ""
    return ", ".join(map(str, numbers[:_SHOWN])) + more
