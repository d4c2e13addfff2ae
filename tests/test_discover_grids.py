from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsiparc.discover.grids import Grid, mismatch

HERE = Grid((4, 5, 6), np.array([[2.0, 0, 0, -10], [0, 2, 0, 5], [0, 0, 3, 7], [0, 0, 0, 1]]))


def reordered(grid, order, flips):
    """The same lattice with its axes permuted and some of them reversed."""
    shape = tuple(grid.shape[axis] for axis in order)
    turn = np.zeros((4, 4))
    turn[3, 3] = 1
    for new, (old, flip) in enumerate(zip(order, flips, strict=True)):
        turn[old, new] = -1 if flip else 1
        turn[old, 3] = grid.shape[old] - 1 if flip else 0
    return Grid(shape, grid.affine @ turn)


@given(st.permutations(range(3)), st.tuples(*[st.booleans()] * 3))
def test_flipped_and_permuted_axes_are_the_same_lattice(order, flips):
    assert mismatch(HERE, reordered(HERE, order, flips)) == ""


@pytest.mark.parametrize(
    ("shift", "expected"), [(0.05, ""), (0.2, "corners up to 0.2 mm apart"), (6, "corners up to 6")]
)
def test_a_lattice_somewhere_else(shift, expected):
    moved = HERE.affine.copy()
    moved[2, 3] += shift
    assert mismatch(HERE, Grid(HERE.shape, moved)).startswith(expected)
    assert bool(mismatch(HERE, Grid(HERE.shape, moved))) is bool(expected)


def test_another_shape():
    assert mismatch(HERE, Grid((4, 5, 7), HERE.affine)) == "shapes (4, 5, 6) and (4, 5, 7)"


def test_a_grid_is_read_from_three_axes_of_a_header(monkeypatch):
    module = ModuleType("qsiparc.nifti")
    image = SimpleNamespace(shape=(4, 5, 6, 99), parc=SimpleNamespace(affine=HERE.affine))
    module.open_nifti = lambda _path: image
    monkeypatch.setitem(sys.modules, "qsiparc.nifti", module)
    assert Grid.of("x.nii").shape == (4, 5, 6)
    assert mismatch(Grid.of("x.nii"), HERE) == ""
