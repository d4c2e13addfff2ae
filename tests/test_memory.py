"""What reading and reducing a map takes of memory, in volumes."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import xarray as xr
from phantoms import MM2, gzipped, image

import qsiparc

SHAPE = (96, 96, 96)


def peak_volumes(call):
    """The most memory that a call held at once, in float32 volumes."""
    call()  # what is imported on first use is not part of it
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1] / (4 * np.prod(SHAPE))
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def values():
    return np.random.default_rng(0).integers(0, 2**12, SHAPE).astype(np.float32)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_float32_map_is_read_once_and_never_as_float64(tmp_path, values, suffix):
    path = tmp_path / f"fa{suffix}"
    content = image(values).to_bytes()
    path.write_bytes(content) if suffix == ".nii" else gzipped(path, content)
    assert qsiparc.open_nifti(path).dtype == np.float32
    assert peak_volumes(lambda: qsiparc.open_nifti(path).load()) < 1.5


@pytest.mark.parametrize("order", ["C", "F"])
def test_reducing_a_float32_map_makes_no_float64_of_it(values, order):
    labels = xr.DataArray(np.ones(SHAPE, np.int16), dims=("i", "j", "k")).parc.with_affine(MM2)
    labels[48:] = 2
    atlas = qsiparc.Parcellation.from_labels(labels)
    fa = labels.copy(data=np.array(values, order=order))
    assert peak_volumes(lambda: fa.parc.extract(atlas)) < 2  # its voxels region by region: 1
