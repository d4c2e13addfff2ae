from __future__ import annotations

import numpy as np
import pytest

from qsiparc.phantom.brain import NUCLEI, TISSUES, Shape, anatomy, in_brain
from qsiparc.phantom.scan import Person


def test_age_and_group_are_in_the_people():
    people = [Person.draw(20, number) for number in range(1, 41)]
    ages = np.array([p.age for p in people])
    patient = np.array([p.group == "patient" for p in people])
    assert ages.min() == pytest.approx(20, abs=3)
    assert ages.max() == pytest.approx(80, abs=3)
    assert patient.sum() == 20
    fa, md = (np.array([p.gain[name] for p in people]) for name in ("fa", "md"))
    assert np.polyfit(ages[~patient] - 20, fa[~patient], 1) == pytest.approx([-0.002, 1], abs=0.004)
    assert np.polyfit(ages - 20, md, 1)[0] == pytest.approx(0.002, abs=2e-4)
    expected = np.where(patient, 0.96, 1) * (1 - 0.002 * (ages - 20))
    np.testing.assert_allclose(fa, expected, rtol=0.02)


@pytest.mark.parametrize("x", [-1, 1])
def test_nuclei_are_where_the_table_says(x):
    points = np.array([ellipsoid[:3] for ellipsoid in NUCLEI.values()]) * [x, 1, 1]
    found = anatomy(points, Shape.of_template())
    own = [list(NUCLEI)[zone - 10] == name for zone, name in zip(found.zone, NUCLEI, strict=True)]
    assert all(own)
    np.testing.assert_allclose(found.fractions.sum(axis=1), 1)
    assert (found.fractions[:, TISSUES.index("deep")] > 0.5).all()


def test_the_volume_of_the_brain_is_that_of_a_brain():
    axes = np.arange(-120, 121, 4.0)
    points = np.stack(np.meshgrid(axes, axes, axes, indexing="ij"), axis=-1).reshape(-1, 3)
    litres = in_brain(points, Shape.of_template()).sum() * 4.0**3 / 1e6
    assert 1.2 < litres < 1.7
