"""Two atlases of the brain, as finely cut and as oddly named as real ones.

A structure is divided among the regions that share it by whose seed is nearest. The seeds are
spread evenly over the structure and given to the names by where in the head these belong.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from qsiparc.phantom.brain import (
    CENTRE,
    EXTENT,
    FIRST_NUCLEUS,
    NUCLEI,
    ZONES,
    Anatomy,
    Shape,
    anatomy,
    in_brain,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NONE: Final = "n/a"
_SPACING: Final = 4.0  # of the points that the seeds are spread over [mm]


class _Part(NamedTuple):
    """A few neighbouring regions with one name and a number each."""

    name: str
    size: int
    place: tuple[float, float, float]  # of the right side [mm]
    group: str = ""


_LEFT_CORTEX: Final = (
    _Part("Vis", 9, (20, -85, 0)),
    _Part("SomMot", 6, (45, -20, 45)),
    _Part("DorsAttn_Post", 6, (35, -60, 40)),
    _Part("DorsAttn_PrCv", 1, (45, 0, 35)),
    _Part("DorsAttn_FEF", 1, (25, -5, 58)),
    _Part("SalVentAttn_ParOper", 1, (58, -35, 25)),
    _Part("SalVentAttn_FrOperIns", 2, (40, 12, 2)),
    _Part("SalVentAttn_PFCl", 1, (35, 45, 25)),
    _Part("SalVentAttn_Med", 3, (6, 5, 45)),
    _Part("Limbic_OFC", 1, (15, 35, -18)),
    _Part("Limbic_TempPole", 2, (35, 10, -30)),
    _Part("Cont_Par", 1, (40, -52, 45)),
    _Part("Cont_PFCl", 1, (45, 35, 18)),
    _Part("Cont_pCun", 1, (8, -68, 42)),
    _Part("Cont_Cing", 1, (5, -20, 35)),
    _Part("Default_Temp", 2, (58, -15, -18)),
    _Part("Default_Par", 2, (48, -60, 28)),
    _Part("Default_PFC", 7, (15, 50, 20)),
    _Part("Default_pCunPCC", 2, (8, -52, 28)),
)
_RIGHT_CORTEX: Final = (
    _Part("Vis", 8, (20, -85, 0)),
    _Part("SomMot", 8, (45, -20, 45)),
    _Part("DorsAttn_Post", 5, (35, -60, 40)),
    _Part("DorsAttn_PrCv", 1, (45, 0, 35)),
    _Part("DorsAttn_FEF", 1, (25, -5, 58)),
    _Part("SalVentAttn_TempOccPar", 2, (58, -40, 20)),
    _Part("SalVentAttn_FrOperIns", 1, (40, 12, 2)),
    _Part("SalVentAttn_Med", 2, (6, 5, 45)),
    _Part("Limbic_OFC", 1, (15, 35, -18)),
    _Part("Limbic_TempPole", 1, (35, 10, -30)),
    _Part("Cont_Par", 2, (42, -52, 45)),
    _Part("Cont_PFCl", 4, (42, 35, 22)),
    _Part("Cont_Cing", 1, (5, -20, 35)),
    _Part("Cont_PFCmp", 1, (6, 25, 40)),
    _Part("Cont_pCun", 1, (8, -68, 42)),
    _Part("Default_Par", 1, (48, -58, 28)),
    _Part("Default_Temp", 3, (58, -15, -18)),
    _Part("Default_PFCv", 2, (45, 28, -8)),
    _Part("Default_PFCdPFCm", 3, (12, 50, 25)),
    _Part("Default_pCunPCC", 2, (8, -52, 28)),
)
_GYRI: Final = (
    _Part("SFG", 7, (12, 25, 50), "Frontal"),
    _Part("MFG", 7, (38, 35, 28), "Frontal"),
    _Part("IFG", 6, (50, 22, 10), "Frontal"),
    _Part("OrG", 6, (22, 38, -15), "Frontal"),
    _Part("PrG", 6, (45, -5, 45), "Frontal"),
    _Part("PCL", 2, (8, -28, 62), "Frontal"),
    _Part("STG", 6, (56, -10, 0), "Temporal"),
    _Part("MTG", 4, (60, -30, -6), "Temporal"),
    _Part("ITG", 7, (52, -28, -24), "Temporal"),
    _Part("FuG", 3, (34, -50, -18), "Temporal"),
    _Part("PhG", 6, (22, -18, -26), "Temporal"),
    _Part("pSTS", 2, (54, -45, 10), "Temporal"),
    _Part("SPL", 5, (22, -62, 60), "Parietal"),
    _Part("IPL", 6, (48, -52, 36), "Parietal"),
    _Part("PCun", 4, (8, -62, 42), "Parietal"),
    _Part("PoG", 4, (48, -26, 50), "Parietal"),
    _Part("INS", 6, (36, 4, 2), "Insular"),
    _Part("CG", 7, (6, 5, 32), "Limbic"),
    _Part("MVOcC", 5, (10, -82, 5), "Occipital"),
    _Part("LOcC", 4, (32, -88, 4), "Occipital"),
    _Part("LOcC", 2, (24, -82, 24), "Occipital"),
)
_DEEP: Final = (
    (_Part("Amyg", 2, (23, -3, -20), "Subcortical"), ("Amygdala",)),
    (_Part("Hipp", 2, (27, -21, -14), "Subcortical"), ("Hippocampus",)),
    (_Part("BG", 6, (20, 4, 2), "Subcortical"), ("Pu", "Ca", "NAC", "EXA", "GPe", "GPi", "VeP")),
    (_Part("Tha", 8, (11, -18, 8), "Subcortical"), tuple(NUCLEI)[14:21]),
)


class _Patch(NamedTuple):
    """A structure of one side, or of both, and the regions that share it."""

    zones: tuple[int, ...]
    side: str
    indices: tuple[int, ...]
    seeds: NDArray[np.float64]  # (region, 3), of the right side [mm]


@dataclass(frozen=True)
class Atlas:
    """Regions with names, and where they are.

    Parameters
    ----------
    name : str
        As in ``seg-<name>``.
    rows : tuple of dict of str to str
        A row a region: the columns of its look-up table, ``index`` and ``label`` first.
    patches : tuple
        How the structures are divided.
    """

    name: str
    rows: tuple[dict[str, str], ...]
    patches: tuple[_Patch, ...]

    def index(self, label: str) -> int:
        """The integer of the region with that label."""
        return next(int(row["index"]) for row in self.rows if row["label"] == label)

    def parcellate(self, found: Anatomy) -> NDArray[np.int16]:
        """(n,) The region at each point, 0 for none."""
        from scipy.spatial import cKDTree

        labels = np.zeros(len(found.zone), dtype=np.int16)
        half = _mirror(found.points)
        left = found.points[:, 0] < 0
        for patch in self.patches:
            here = np.isin(found.zone, patch.zones)
            if patch.side != "B":
                here &= left if patch.side == "L" else ~left
            nearest = cKDTree(patch.seeds).query(half[here])[1]
            labels[here] = np.asarray(patch.indices, dtype=np.int16)[nearest]
        return labels


def _mirror(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([np.abs(points[:, 0]), points[:, 1:]])


@cache
def atlas_4s156() -> Atlas:
    """156 regions: 100 of the cortex by network, 46 nuclei, 10 of the cerebellum.

    Examples
    --------
    >>> atlas = atlas_4s156()
    >>> len(atlas.rows), atlas.rows[0]["label"], atlas.rows[155]["label"]
    (156, 'LH_Vis_1', 'Cerebellar_Region10')
    """
    rows: list[dict[str, str]] = []
    patches: list[_Patch] = []
    cortex = (ZONES["cortex"],)
    for side, parts in (("L", _LEFT_CORTEX), ("R", _RIGHT_CORTEX)):
        labels = [f"{side}H_{part.name}_{i}" for part in parts for i in _numbers(part)]
        new = [_network_row(label, i) for i, label in enumerate(labels, len(rows) + 1)]
        indices = _append(rows, new)
        patches.append(_Patch(cortex, side, indices, _seeds(parts, cortex)))
    nuclei = tuple(NUCLEI)
    for first, last, source in (
        (0, 14, "CIT168Subcortical"),
        (14, 21, "ThalamusHCP"),
        (21, 23, ""),
    ):
        for side in "LR":
            for code, nucleus in enumerate(nuclei[first:last], FIRST_NUCLEUS + first):
                label = f"{side}H{'-' if source else '_'}{nucleus}"
                index = _append(rows, [_nucleus_row(label, source or "SubcorticalHCP")])
                patches.append(_Patch((code,), side, index, np.zeros((1, 3))))
    cerebellum = _Part("Cerebellar_Region", 10, (20, -63, -34))
    names = [f"{cerebellum.name}{i}" for i in _numbers(cerebellum)]
    indices = _append(rows, [_nucleus_row(name, "Cerebellum") for name in names])
    zones = (ZONES["cerebellum"],)
    patches.append(_Patch(zones, "B", indices, _seeds((cerebellum,), zones)))
    return Atlas("4S156Parcels", tuple(rows), tuple(patches))


@cache
def atlas_brainnetome() -> Atlas:
    """246 regions: 210 of the cortex by gyrus, 36 below it; odd indices left, even ones right.

    Examples
    --------
    >>> [row["label"] for row in atlas_brainnetome().rows[:3]]
    ['SFG_L_7_1', 'SFG_R_7_1', 'SFG_L_7_2']
    """
    rows: list[dict[str, str]] = []
    patches: list[_Patch] = []
    codes = {name: FIRST_NUCLEUS + i for i, name in enumerate(NUCLEI)}
    divided: list[tuple[tuple[_Part, ...], tuple[int, ...]]] = [(_GYRI, (ZONES["cortex"],))]
    divided += [((part,), tuple(codes[n] for n in nuclei)) for part, nuclei in _DEEP]
    for parts, zones in divided:
        new = [
            {"label": f"{p.name}_{side}_{p.size}_{i}", "lobe": p.group, "gyrus": p.name}
            for p in parts
            for i in _numbers(p)
            for side in "LR"
        ]
        indices = _append(rows, new)
        seeds = _seeds(parts, zones)
        patches.append(_Patch(zones, "L", indices[0::2], seeds))
        patches.append(_Patch(zones, "R", indices[1::2], seeds))
    return Atlas("Brainnetome246Ext", tuple(rows), tuple(patches))


def _numbers(part: _Part) -> range:
    return range(1, part.size + 1)


def _append(rows: list[dict[str, str]], new: list[dict[str, str]]) -> tuple[int, ...]:
    """Number the new rows on from the last one; return the numbers."""
    indices = tuple(range(len(rows) + 1, len(rows) + 1 + len(new)))
    rows.extend({"index": str(i), **row} for i, row in zip(indices, new, strict=True))
    return indices


def _network_row(label: str, index: int) -> dict[str, str]:
    hemisphere, network, *rest = label.split("_")
    fine = f"{network}{'AB'[int(rest[-1]) % 2]}"
    return {
        "label": label,
        "network_label": network,
        "label_7network": f"7Networks_{label}",
        "index_17network": f"{37 * index % 101}.0",
        "label_17network": "_".join(["17Networks", hemisphere, fine, *rest]),
        "network_label_17network": fine,
        "atlas_name": "4S156",
        "network_id": _NONE,
    }


def _nucleus_row(label: str, source: str) -> dict[str, str]:
    row = dict.fromkeys(_network_row("LH_Vis_1", 1), _NONE)
    return row | {"label": label, "atlas_name": source}


@cache
def _template() -> Anatomy:
    axes = [np.arange(-e / 2, e / 2, _SPACING) + c for c, e in zip(CENTRE, EXTENT, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    shape = Shape.of_template()
    return anatomy(points[in_brain(points, shape)], shape)


def _seeds(parts: tuple[_Part, ...], zones: tuple[int, ...]) -> NDArray[np.float64]:
    """(region, 3) Seeds in the order of the parts' regions [mm]."""
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    found = _template()
    points = _mirror(found.points[np.isin(found.zone, zones)])
    seeds = _spread(points, sum(part.size for part in parts))
    wanted = [np.add(part.place, (0, 2 * i, 0)) for part in parts for i in range(part.size)]
    order = linear_sum_assignment(cdist(wanted, seeds, "sqeuclidean"))[1]
    chosen: NDArray[np.float64] = seeds[order]
    return chosen


def _spread(points: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Centres of equally large parts: far from each other first, then a few steps of Lloyd."""
    from scipy.spatial import cKDTree

    chosen = [points[points[:, 1].argmin()]]
    distance = np.full(len(points), np.inf)
    while len(chosen) < count:
        distance = np.minimum(distance, np.linalg.norm(points - chosen[-1], axis=1))
        chosen.append(points[distance.argmax()])
    centres = np.stack(chosen)
    for _ in range(6):
        owner = cKDTree(centres).query(points)[1]
        centres = np.stack([points[owner == c].mean(axis=0) for c in range(count)])
    return centres
