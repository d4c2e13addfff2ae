"""People with brains of their own, on grids of their own, and what their maps show."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from qsiparc.phantom.brain import CENTRE, EXTENT, TISSUES, Anatomy, Shape, anatomy, in_brain
from qsiparc.phantom.maps import MEANS, directions, measured, round_off, signal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qsiparc.phantom.atlas import Atlas

    Floats = NDArray[np.float64]

NATIVE: Final = "ACPC"
TEMPLATE: Final = "MNI152NLin2009cAsym"

VANISHED: Final = (2, "LH-HN")
"""The person whose dseg lacks a region of 4S156Parcels, and that region."""

NO_FIT: Final = (1, "LH_Limbic_OFC_1")
"""The person whose MD is NaN throughout a region of 4S156Parcels, and that region."""

CUT: Final = (3, -38.0)
"""The person whose field of view ends too high, and where [mm]."""

SIDES: Final = ("LH_Vis_1", "RH_Vis_1", 0.08)
"""Two regions of 4S156Parcels, and by how much FA is higher in the first."""

_NAMED: Final = "4S156Parcels"  # the atlas that these regions are of
_FAILED: Final = 0.005  # part of the brain where a tensor fit has failed
_BITS: Final = 9  # of every value, behind the leading one


class Person(NamedTuple):
    """Somebody, and what that does to their maps."""

    number: int
    age: float
    sex: str
    group: str
    shape: Shape
    gain: dict[str, float]

    @classmethod
    def draw(cls, seed: int, number: int) -> Person:
        """The same person for the same seed and number, whoever else there is."""
        rng = np.random.default_rng([seed, number])
        start = np.random.default_rng(seed).random()
        golden = (np.sqrt(5) - 1) / 2  # steps of the golden ratio spread any number of ages
        age = round(20 + 60 * ((start + golden * number) % 1), 1)
        group = ("patient", "control")[number % 2]
        own = rng.normal(1, 0.005, size=2)
        less = 0.96 if group == "patient" else 1.0
        gain = {
            "fa": own[0] * less * (1 - 0.002 * (age - 20)),
            "md": own[1] * (1 + 0.002 * (age - 20)),
            "icvf": 1 - 0.001 * (age - 20),
            "rtop": 1 - 0.002 * (age - 20),
        }
        sex = "FM"[number // 2 % 2]
        return cls(number, age, sex, group, Shape.draw(rng), gain)


@dataclass(frozen=True)
class Volume:
    """A grid, and the brain in it; every flat array is of the brain's n voxels.

    Parameters
    ----------
    space : str
        :data:`NATIVE` or :data:`TEMPLATE`.
    affine : (4, 4) ndarray
        Voxels to the world [mm].
    brain : (i, j, k) ndarray of bool
        Where the n voxels are.
    height : (n,) ndarray
        Of the middle of the slice that each is in [mm].
    found : Anatomy
        What there is at each.
    labels : dict of str to (n,) ndarray of int
        The region at each, by the name of the atlas.
    """

    space: str
    affine: Floats
    brain: NDArray[np.bool_]
    height: Floats
    found: Anatomy
    labels: dict[str, NDArray[np.int16]]

    def fill(self, values: NDArray[Any]) -> NDArray[Any]:
        """(i, j, k, ...) The n values where they belong, 0 around them."""
        volume = np.zeros(self.brain.shape + values.shape[1:], dtype=values.dtype)
        volume[self.brain] = values
        return volume


def native_volume(
    person: Person, session: int, atlases: Sequence[Atlas], *, seed: int, resolution: float
) -> Volume:
    """A person on a tilted grid, another one in every session.

    Parameters
    ----------
    person : Person
        Who.
    session : int
        Which scan.
    atlases : sequence of Atlas
        To label it with; 4S156Parcels among them.
    seed : int
        Of the tree.
    resolution : float
        Edge of a voxel [mm].

    Returns
    -------
    Volume
    """
    from scipy.spatial.transform import Rotation

    rng = np.random.default_rng([seed, person.number, session])
    more = rng.integers(0, 4, size=3)
    centre = np.asarray(CENTRE) + rng.uniform(-2, 2, size=3)
    tilt = Rotation.from_euler("xyz", rng.uniform(-6, 6, size=3), degrees=True).as_matrix()
    shape, affine = _grid(tilt, centre, more, resolution)
    volume = _fill(NATIVE, shape, affine, person.shape, atlases)
    if person.number == VANISHED[0]:
        labels = volume.labels[_NAMED]
        labels[_region(volume, VANISHED[1])] = 0
    return volume


def template_volume(atlases: Sequence[Atlas], *, resolution: float) -> Volume:
    """The template, labelled with the atlases, on its upright grid."""
    shape, affine = _grid(np.eye(3), np.asarray(CENTRE), np.zeros(3, dtype=int), resolution)
    return _fill(TEMPLATE, shape, affine, Shape.of_template(), atlases)


def _grid(
    tilt: Floats, centre: Floats, more: NDArray[np.int64], resolution: float
) -> tuple[NDArray[np.int64], Floats]:
    """(3,) and (4, 4) A grid that holds a brain and so many voxels more; stored as LPS+."""
    shape = np.ceil(np.asarray(EXTENT) / resolution).astype(np.int64) + more
    affine = np.eye(4)
    affine[:3, :3] = tilt * [-resolution, -resolution, resolution]
    affine[:3, 3] = centre - affine[:3, :3] @ ((shape - 1) / 2)
    return shape, affine.astype(np.float32).astype(np.float64)  # a header holds no more digits


def _fill(
    space: str, shape: NDArray[np.int64], affine: Floats, body: Shape, atlases: Sequence[Atlas]
) -> Volume:
    voxels = np.indices(tuple(shape)).reshape(3, -1).T
    world = voxels @ affine[:3, :3].T + affine[:3, 3]
    here = in_brain(world, body)
    found = anatomy(world[here], body)
    middle = affine[2, :2] @ ((shape[:2] - 1) / 2) + affine[2, 3]
    height = middle + affine[2, 2] * voxels[here, 2]
    labels = {atlas.name: atlas.parcellate(found) for atlas in atlases}
    return Volume(space, affine, here.reshape(tuple(shape)), height, found, labels)


def show(
    volume: Volume, person: Person, name: str, *, seed: Sequence[int], source: str, bias: float = 1
) -> NDArray[np.float32]:
    """What a map of a person shows, truths and faults included.

    Parameters
    ----------
    volume : Volume
        Where; of the person, or of the template.
    person : Person
        Of whom.
    name : str
        One of :data:`~qsiparc.phantom.maps.MEANS`, ``modulated`` (ICVF) or ``direction``.
    seed : sequence of int
        Of the noise, with `source`.
    source : str
        The software: each has noise of its own.
    bias : float
        A factor on what the software sees of the signal.

    Returns
    -------
    (n,) or (n, 3) ndarray of float32
    """
    if name == "direction":
        values = directions(volume.found)
    elif name == "modulated":
        icvf, isovf = (
            _noisy(volume, person, part, seed=[*seed, *_own(source, part)], bias=bias)
            for part in ("icvf", "isovf")
        )
        values = icvf * (1 - isovf)
    else:
        values = _noisy(volume, person, name, seed=[*seed, *_own(source, name)], bias=bias)
    shown = round_off(values, bits=_BITS)
    if name == "md":
        shown[_no_fit(volume, person, [*seed, 0])] = np.nan
    if person.number == CUT[0]:
        shown[volume.height < CUT[1]] = 0
    return shown


def _own(source: str, name: str) -> tuple[int]:
    """A seed for each map of each software."""
    return (zlib.crc32(f"{source} {name}".encode()),)


def _noisy(
    volume: Volume, person: Person, name: str, *, seed: Sequence[int], bias: float
) -> Floats:
    values = bias * signal(volume.found, name, gain=person.gain.get(name, 1.0))
    left, right = (_region(volume, label) for label in SIDES[:2])
    if name == "fa":
        cortex = MEANS["fa"][TISSUES.index("cortex")]
        values[left | right] = bias * person.gain["fa"] * cortex
    noisy = measured(values, name, brain=volume.brain, seed=[*seed, len(volume.space)])
    if name == "fa":
        noisy[left] += SIDES[2]
    return noisy


def _no_fit(volume: Volume, person: Person, seed: Sequence[int]) -> NDArray[np.bool_]:
    failed = np.random.default_rng(list(seed)).random(len(volume.height)) < _FAILED
    return failed | _region(volume, NO_FIT[1]) if person.number == NO_FIT[0] else failed


def _region(volume: Volume, label: str) -> NDArray[np.bool_]:
    """(n,) Where a region of the atlas with the networks is."""
    from qsiparc.phantom.atlas import atlas_4s156

    here: NDArray[np.bool_] = volume.labels[_NAMED] == atlas_4s156().index(label)
    return here
