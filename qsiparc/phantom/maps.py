"""What diffusion maps show of the brain of :mod:`qsiparc.phantom.brain`, and their noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from qsiparc.phantom.brain import TISSUES, Anatomy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MEANS: Final[dict[str, tuple[float, ...]]] = {
    "fa": (0.06, 0.46, 0.14, 0.22, 0.15, 0.42),
    "md": (3.0e-3, 7.4e-4, 8.6e-4, 7.9e-4, 8.2e-4, 7.8e-4),
    "icvf": (0.08, 0.62, 0.41, 0.46, 0.43, 0.56),
    "od": (0.90, 0.20, 0.52, 0.42, 0.55, 0.28),
    "isovf": (0.95, 0.04, 0.10, 0.06, 0.10, 0.06),
    "rtop": (1.5e4, 2.6e5, 1.2e5, 1.6e5, 1.3e5, 2.3e5),
}
"""What each of :data:`~qsiparc.phantom.brain.TISSUES` shows; MD in mm²/s, RTOP in 1/mm³."""

LIMITS: Final = {
    "fa": (0.01, 0.99),
    "md": (1.0e-4, 3.2e-3),
    "icvf": (0.01, 0.99),
    "od": (0.01, 0.99),
    "isovf": (0.0, 1.0),
    "rtop": (2.0e3, 4.0e5),
}
"""What a fit can give. Only ISOVF can be 0 in the brain, and often is, as in life."""

_TRACT_GAIN: Final = {"fa": 0.32, "icvf": 0.12, "od": -0.12, "rtop": 5.0e4}
_WHITE: Final = 0.07  # noise of a voxel, relative to the signal
_SMOOTH: Final = 0.03  # noise that neighbours share
_FLOOR: Final = {"isovf": 0.5}  # noise does not shrink below what it is at this signal


def signal(found: Anatomy, name: str, *, gain: float = 1.0) -> Floats:
    """What a map would show without noise.

    Parameters
    ----------
    found : Anatomy
        At n points.
    name : str
        One of :data:`MEANS`.
    gain : float
        What age and disease have done to tissue; fluid is left alone.

    Returns
    -------
    (n,) ndarray
        In the units of :data:`MEANS`.

    Examples
    --------
    >>> import numpy as np
    >>> from qsiparc.phantom.brain import Shape, anatomy
    >>> tract_and_putamen = np.array([[25.0, -20, 35], [27, 2, 0]])
    >>> signal(anatomy(tract_and_putamen, Shape.of_template()), "fa").round(2).tolist()
    [0.65, 0.22]
    """
    fluid = found.fractions[:, TISSUES.index("csf")]
    white = found.fractions[:, TISSUES.index("white")] + found.fractions[:, TISSUES.index("stem")]
    values: Floats = found.fractions @ np.asarray(MEANS[name])
    values += _TRACT_GAIN.get(name, 0.0) * white * found.tract
    values *= 1 + (gain - 1) * (1 - fluid)
    return values


def measured(values: Floats, name: str, *, brain: NDArray[np.bool_], seed: list[int]) -> Floats:
    """Values as a noisy scan would give them, within :data:`LIMITS`.

    Parameters
    ----------
    values : (n,) ndarray
        In the brain.
    name : str
        One of :data:`MEANS`.
    brain : (i, j, k) ndarray of bool
        Where they are; n voxels.
    seed : list of int
        The same seed gives the same noise.

    Returns
    -------
    (n,) ndarray
    """
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)
    shared = gaussian_filter(rng.standard_normal(brain.shape, dtype=np.float32), 1.3)[brain]
    noise: Floats = _WHITE * rng.standard_normal(len(values)) + _SMOOTH * shared / shared.std()
    low, high = LIMITS[name]
    noise *= values + _FLOOR.get(name, 0.0)
    return np.clip(values + noise, low, high)


def directions(found: Anatomy) -> Floats:
    """(n, 3) Unit vectors along the fibres: across in the arch, upwards elsewhere."""
    x, y, z = found.points.T
    across = np.exp(-((x / 22) ** 2)) * np.exp(-(((z - 22) / 12) ** 2)) + 0.05
    along = 0.9 * np.sin(y / 30) * np.exp(-(((np.abs(x) - 38) / 14) ** 2))
    upwards = 0.6 + 0.3 * np.tanh(-z / 30)
    vectors = np.stack([across * np.where(x < 0, -1, 1) + x / 120, along, upwards], axis=1)
    unit: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def round_off(values: Floats, *, bits: int) -> NDArray[np.float32]:
    """Float32 with only so many bits behind the leading one, so that gzip has less to pack.

    Examples
    --------
    >>> import numpy as np
    >>> round_off(np.array([1.0, 1.3, -700.0, 0.0]), bits=2).tolist()
    [1.0, 1.25, -640.0, 0.0]
    """
    drop = 23 - bits
    whole = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    kept = (whole + np.uint32(1 << (drop - 1))) >> np.uint32(drop) << np.uint32(drop)
    return kept.view(np.float32)
