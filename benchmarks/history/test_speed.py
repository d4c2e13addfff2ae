"""What must not get slower: ``make history`` times it beside earlier commits, CI runs it once.

The volumes are small and plain, so that it takes seconds; ``make bench`` has the real sizes.
"""

from __future__ import annotations

import gzip

import nibabel as nib
import numpy as np
import pytest

import qsiparc
from qsiparc.cohort.output import prepare_output
from qsiparc.cohort.plan import Options, make_plan
from qsiparc.cohort.scan import run_task
from qsiparc.kernels import Segments, gather
from qsiparc.kernels import make_plan as factorise
from qsiparc.tutorial import make_qsirecon

SHAPE = (96, 96, 96)
EDGE = 12  # of a region, which is a cube
N_REGIONS = (SHAPE[0] // EDGE) ** 3
AFFINE = np.diag([1.25, 1.25, 1.25, 1])


@pytest.fixture(scope="module")
def labels():
    i, j, k = np.indices(SHAPE) // EDGE
    cubes = 1 + i + SHAPE[0] // EDGE * (j + SHAPE[1] // EDGE * k)
    return np.asfortranarray(cubes, dtype=np.int16)


@pytest.fixture(scope="module")
def values():
    return np.asfortranarray(np.random.default_rng(0).beta(3, 4, SHAPE), dtype=np.float32)


@pytest.fixture(scope="module")
def parcellation(labels):
    return qsiparc.Parcellation.from_labels(nib.Nifti1Image(labels, AFFINE))


@pytest.fixture(scope="module")
def of_first(values):
    """The values of the first region."""
    return values[:EDGE, :EDGE, :EDGE].astype(np.float64)


@pytest.mark.parametrize("dtype", [np.int16, np.int64])
@pytest.mark.parametrize("step", [1, 27], ids=["dense", "spread"])
def test_factorise_an_atlas(benchmark, labels, dtype, step):
    flat = (labels.astype(dtype) * step).reshape(-1, order="F")
    plan = benchmark(factorise, flat)
    assert plan.labels.tolist() == list(range(step, N_REGIONS * step + 1, step))


def test_gather_a_map(benchmark, values, parcellation):
    gathered = benchmark(gather, values.reshape(-1, order="F"), parcellation.positions)
    assert gathered.size == values.size


@pytest.mark.parametrize("missing", [0, 0.005], ids=["whole", "with NaN"])
def test_sort_and_sum_a_map(benchmark, values, parcellation, missing):
    gathered = parcellation.gather(values)
    lost = np.random.default_rng(1).random(gathered.size) < missing
    gathered[lost] = np.nan

    def numbers(values):
        segments = Segments(values, parcellation.offsets)
        return segments, segments.moment(4), segments.median

    setup = lambda: ((gathered.copy(),), {})  # noqa: E731 - it is sorted in place
    segments, _, median = benchmark.pedantic(numbers, setup=setup, rounds=50)
    assert segments.count.sum() == gathered.size - lost.sum()
    assert median[0] == np.nanmedian(gathered[: EDGE**3].astype(np.float64))


def test_extract_a_map(benchmark, values, parcellation, of_first):
    fa = qsiparc.open_nifti(nib.Nifti1Image(values, AFFINE)).load()
    cube = benchmark(fa.parc.extract, parcellation)
    assert cube["value"].sel(stat="mean")[0].item() == pytest.approx(of_first.mean(), rel=1e-12)


def test_read_a_gzip(benchmark, tmp_path, values):
    path = tmp_path / "fa.nii.gz"
    path.write_bytes(gzip.compress(nib.Nifti1Image(values, AFFINE).to_bytes(), 1))
    volume = benchmark(lambda: qsiparc.open_nifti(path).load())
    np.testing.assert_array_equal(volume, values)


def test_reduce_a_scan(benchmark, tmp_path):
    root = make_qsirecon(tmp_path / "qsirecon", n_subjects=1)
    (task,) = make_plan(root, prepare_output(root, tmp_path / "out"), Options()).tasks
    status = benchmark(run_task, task)
    assert status.n_values > 0
    assert not status.failures
