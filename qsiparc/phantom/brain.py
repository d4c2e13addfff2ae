"""A brain made of formulas: where its tissues and structures are.

Everything is a function of points in millimetres, x to the right, y to the front, z up, with the
anterior commissure at zero. A grid of any size and obliquity is filled by asking at its voxels'
centres, so that nothing is ever resampled. The left half mirrors the right one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

CENTRE: Final = (0.0, -18.0, 5.0)
"""The middle of the brain [mm]."""

EXTENT: Final = (150.0, 190.0, 156.0)
"""What a field of view must measure to hold a brain, tilted a little [mm]."""

TISSUES: Final = ("csf", "white", "cortex", "deep", "cerebellar", "stem")
"""The order of the last axis of :attr:`Anatomy.fractions`."""

ZONES: Final = {"white": 1, "cortex": 2, "cerebellum": 3, "stem": 4}
"""Codes of :attr:`Anatomy.zone`; the nuclei follow from :data:`FIRST_NUCLEUS` on."""

FIRST_NUCLEUS: Final = 10

NUCLEI: Final[dict[str, tuple[float, ...]]] = {
    "Pu": (26, 2, 1, 6, 15, 10),
    "Ca": (13, 12, 9, 5, 13, 9),
    "NAC": (10, 11, -8, 5, 5, 4.5),
    "EXA": (19, 1, -12, 4, 5, 3.5),
    "GPe": (20, -2, 0, 3.5, 8, 6),
    "GPi": (16, -6, -3, 3.5, 5, 4),
    "SNc_PBP_VTA": (8, -18, -14, 3.5, 5, 3.3),
    "RN": (4.5, -21, -8, 3.5, 3.5, 3.5),
    "SNr": (13, -15, -11, 3.5, 5, 3.3),
    "VeP": (16, 4, -6, 4, 3.8, 3.4),
    "HN": (4, -27, 2, 3.3, 3.3, 3.3),
    "HTH": (4.5, -1, -8, 3.5, 5, 4),
    "MN": (4, -10, -14, 3.3, 3.3, 3.3),
    "STH": (12, -13, -4, 3.4, 3.4, 3.3),
    "Pulvinar": (15, -29, 6, 7, 7, 6),
    "Anterior": (6, -7, 11, 5, 5, 4),
    "Medio_Dorsal": (6, -17, 8, 5, 7, 6),
    "Ventral_Latero_Dorsal": (14, -14, 12, 5, 6, 5),
    "Central_Lateral-Lateral_Posterior-Medial_Pulvinar": (11, -24, 12, 5, 6, 5),
    "Ventral_Anterior": (10, -8, 6, 5, 5, 5),
    "Ventral_Latero_Ventral": (15, -18, 4, 5, 6, 5),
    "Hippocampus": (27, -21, -14, 6, 15, 6),
    "Amygdala": (23, -3, -20, 7, 7, 6),
}
"""Deep grey matter of the right side: centre and semi-axes of an ellipsoid [mm]."""

_VENTRICLES: Final = (
    (7, -2, 16, 4.5, 24, 5),
    (19, -42, 10, 4.5, 16, 5),
    (0, -14, 0, 2.2, 11, 9),
)
_EDGE: Final = 1.0  # half the width of a soft border between two tissues [mm]
_RIBBON: Final = 5.0  # thickness of the cortex; thicker than life, for voxels of 3 mm
_FOLIUM: Final = 4.2  # thickness of the cortex of the cerebellum
_SULCUS: Final = 13.0  # how deep a sulcus cuts
_GYRUS: Final = 33.0  # two gyri [mm]


@dataclass(frozen=True)
class Anatomy:
    """What there is at n points.

    Parameters
    ----------
    points : (n, 3) ndarray
        Where, in the coordinates of the template [mm].
    fractions : (n, tissue) ndarray
        How much of each of :data:`TISSUES`; sums to 1 in the brain.
    zone : (n,) ndarray of int
        The one structure that an atlas would name: :data:`ZONES` or a nucleus.
    tract : (n,) ndarray
        How much of a large tract, 0 to 1.
    """

    points: Floats
    fractions: Floats
    zone: NDArray[np.int16]
    tract: Floats


@dataclass(frozen=True)
class Shape:
    """How one brain differs from the template: a smooth displacement, and its own sulci.

    Parameters
    ----------
    zoom : (3,) ndarray
        Size of the template relative to this brain, per axis.
    waves, phases, amplitudes : (wave, 3), (wave,) and (wave, 3) ndarray
        Displacement: a sum of sines [1/mm, rad, mm].
    sulcus_shift : float
        How far the sulci have moved [rad].
    """

    zoom: Floats
    waves: Floats
    phases: Floats
    amplitudes: Floats
    sulcus_shift: float = 0.0

    @classmethod
    def of_template(cls) -> Shape:
        """The template itself."""
        return cls(np.ones(3), np.zeros((1, 3)), np.zeros(1), np.zeros((1, 3)))

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Shape:
        """A brain at random."""
        directions = rng.normal(size=(4, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        wavelengths = rng.uniform(60, 110, size=(4, 1))
        return cls(
            zoom=rng.uniform(0.96, 1.05, size=3),
            waves=2 * np.pi * directions / wavelengths,
            phases=rng.uniform(0, 2 * np.pi, size=4),
            amplitudes=rng.normal(0, 1.1, size=(4, 3)),
            sulcus_shift=rng.normal(0, 0.25),
        )

    def to_template(self, points: Floats) -> Floats:
        """(n, 3) The template's coordinates of points of this brain [mm]."""
        centre = np.asarray(CENTRE)
        moved: Floats = np.sin(points @ self.waves.T + self.phases) @ self.amplitudes
        moved += centre + (points - centre) * self.zoom
        return moved


def in_brain(points: Floats, shape: Shape) -> NDArray[np.bool_]:
    """(n,) Which points of ``(n, 3)`` [mm] are in a brain, with the fluid in and between its parts.

    Examples
    --------
    >>> import numpy as np
    >>> in_brain(np.array([[25.0, -20, 35], [0, 0, 200]]), Shape.of_template()).tolist()
    [True, False]
    """
    points = shape.to_template(points)
    half = np.column_stack([np.abs(points[:, 0]), points[:, 1:]])
    inside: NDArray[np.bool_] = np.max(_hulls(half), axis=0) > 0
    return inside


def anatomy(points: Floats, shape: Shape) -> Anatomy:
    """What there is at points in a brain.

    Parameters
    ----------
    points : (n, 3) ndarray
        World coordinates of that brain, right, front and up [mm]; all within it.
    shape : Shape
        Whose brain.

    Returns
    -------
    Anatomy
        With ``n`` rows.

    Examples
    --------
    >>> import numpy as np
    >>> points = np.array([[25.0, -20, 35], [27, 2, 0]])
    >>> anatomy(points, Shape.of_template()).zone.tolist()
    [1, 10]
    """
    points = shape.to_template(points)
    half = np.column_stack([np.abs(points[:, 0]), points[:, 1:]])
    cerebrum, cerebellum, stem = _hulls(half)
    core = _ellipsoid(half, (0, -14, 2, 32, 40, 25))
    depth = _depth(half, cerebrum, core, shape.sulcus_shift)
    nuclei = np.stack([_ellipsoid(half, n) for n in NUCLEI.values()], axis=1)
    ventricle = np.stack([_ellipsoid(half, v) for v in _VENTRICLES]).max(axis=0)
    deep = nuclei.max(axis=1)

    folia = np.minimum(cerebellum, 2.5 + 3 * np.sin(half[:, 2] / 1.9 + half[:, 1] / 9))
    folia = np.where(cerebellum > 2 * _FOLIUM, 2 * _FOLIUM, folia)
    fractions = np.zeros((len(points), len(TISSUES)))
    _paint(fractions, "csf", np.ones(len(points)))
    _paint(fractions, "stem", _soft(stem))
    _paint(fractions, "cerebellar", np.where(cerebrum > 0, 0.0, _soft(cerebellum)))
    _paint(fractions, "white", np.where(cerebrum > 0, 0.0, _soft(folia - _FOLIUM)))
    _paint(fractions, "cortex", np.where(cerebrum > 0, _soft(depth - 0.9), 0.0))
    _paint(fractions, "white", np.where(cerebrum > 0, _soft(depth - _RIBBON), 0.0))
    _paint(fractions, "csf", _soft(ventricle))
    _paint(fractions, "deep", _soft(deep))
    zone = np.select(
        [deep > 0, cerebrum > 0, cerebellum > 0],
        [
            FIRST_NUCLEUS + nuclei.argmax(axis=1),
            np.where(depth < _RIBBON, ZONES["cortex"], ZONES["white"]),
            ZONES["cerebellum"],
        ],
        ZONES["stem"],
    )
    return Anatomy(points, fractions, zone.astype(np.int16), _tract(half, core))


def _ellipsoid(points: Floats, ellipsoid: tuple[float, ...]) -> Floats:
    """(n,) Depth below the surface of an ellipsoid [mm]; negative outside, nearly exact near it."""
    axes = np.asarray(ellipsoid[3:], dtype=np.float64)
    scaled = (points - ellipsoid[:3]) / axes
    radius = np.linalg.norm(scaled, axis=1)
    slope = np.linalg.norm(scaled / axes, axis=1)
    middle = np.full(len(points), axes.min())
    depth: Floats = (1 - radius) * np.divide(radius, slope, out=middle, where=slope > 0)
    return depth


def _hulls(half: Floats) -> tuple[Floats, Floats, Floats]:
    """(n,) each: depth in the cerebrum, the cerebellum and the brain stem [mm]."""
    dome = _ellipsoid(half, (0, -18, 12, 67, 86, 60))
    base = half[:, 2] + 20 + 0.10 * (half[:, 1] + 18)
    temporal = _ellipsoid(half, (43, -14, -16, 22, 46, 24))
    cerebrum = _blend(-_blend(-dome, -base, 8.0), temporal, 5.0)
    cerebellum = _ellipsoid(half, (20, -63, -34, 32, 28, 20))
    stem = _ellipsoid(half, (0, -27, -34, 13, 12, 34))
    return cerebrum, cerebellum, stem


def _blend(one: Floats, other: Floats, width: float) -> Floats:
    """The larger of two, with the corner between them rounded off."""
    return 0.5 * (one + other + np.hypot(one - other, width)) - 0.25 * width


def _depth(half: Floats, cerebrum: Floats, core: Floats, shift: float) -> Floats:
    """(n,) Distance to the nearest fluid: the surface, a sulcus, or between the halves [mm]."""
    sulcus = np.hypot(_sheets(half, shift), np.maximum(cerebrum - _SULCUS, 0))
    fissure = np.hypot(half[:, 0], np.maximum(core, 0))
    lateral = np.abs(half[:, 2] - 2 - 0.25 * (10 - half[:, 1]))
    ends = np.max([30 - half[:, 0], half[:, 1] - 22, -42 - half[:, 1], np.zeros(len(half))], axis=0)
    depth: Floats = np.min([cerebrum, sulcus, fissure, np.hypot(lateral, ends)], axis=0)
    return depth


def _sheets(half: Floats, shift: float) -> Floats:
    """(n,) Distance to the nearest of a set of curved sheets, where the sulci are [mm]."""
    step = np.arange(7)
    height = 1 - (2 * step + 1) / 7
    turn = step * np.pi * (3 - np.sqrt(5))
    across = np.sqrt(1 - height**2)
    waves = np.stack([across * np.cos(turn), across * np.sin(turn), height]) * 2 * np.pi / _GYRUS
    phase = half @ waves + 1.7 * step + shift
    slope = np.linalg.norm(np.sin(phase) @ waves.T, axis=1)
    distance: Floats = np.abs(np.cos(phase).sum(axis=1)) / np.maximum(slope, 0.05)
    return distance


def _tract(half: Floats, core: Floats) -> Floats:
    """(n,) Corpus callosum and corticospinal tract, 0 to 1."""
    arch = np.exp(-(((core - 3) / 4) ** 2)) * np.clip((half[:, 2] + 4) / 10, 0, 1)
    arch *= np.exp(-((half[:, 0] / 28) ** 4))
    column = half[:, 0] - np.interp(half[:, 2], [-60, -25, 5, 60], [4, 7, 22, 32])
    row = half[:, 1] + np.interp(half[:, 2], [-60, -25, 5, 60], [34, 24, 14, 22])
    tract: Floats = np.maximum(arch, 0.8 * np.exp(-((column / 5) ** 2) - (row / 9) ** 2))
    return tract


def _soft(depth: Floats) -> Floats:
    """0 outside, 1 inside, and in between within a voxel of the border."""
    return np.clip(0.5 + depth / (2 * _EDGE), 0.0, 1.0)


def _paint(fractions: Floats, tissue: str, amount: Floats) -> None:
    """Lay a tissue over those that are there, in place."""
    fractions *= 1 - amount[:, None]
    fractions[:, TISSUES.index(tissue)] += amount
