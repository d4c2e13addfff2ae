"""Fuzz the reading of volumes: ``python fuzz/volumes.py tests/corpus/volumes -max_total_time=60``.

Every file is read right, or is a `QsiparcError`: never another error, never other numbers than
nibabel reads, never more than a little memory.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["qsiparc", "nibabel.nifti1", "nibabel.analyze"]):
    import nibabel as nib
    import numpy as np

    import qsiparc
    from qsiparc.errors import QsiparcError
    from qsiparc.nifti import read_dataset

warnings.simplefilter("ignore")
qsiparc.set_options(max_bytes=2**20)
WHERE = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None), "fuzz.nii")  # noqa: S108 - a private folder in memory


def one_input(data: bytes) -> None:
    """Read one file."""
    WHERE.write_bytes(data)
    try:
        (volume,) = read_dataset(WHERE).data_vars.values()
        values = volume.to_numpy()
        parts = volume[::2, -1:].to_numpy()
    except QsiparcError as error:
        if WHERE.name not in str(error):
            raise AssertionError(f"the message names no file: {error}") from error
        return
    np.testing.assert_array_equal(parts, values[::2, -1:])
    if data[:2] == b"\x1f\x8b":
        return  # nibabel goes by the suffix
    try:
        with np.errstate(all="ignore"):
            expected = np.asanyarray(nib.load(WHERE).dataobj).reshape(values.shape, order="F")
    except Exception:  # noqa: BLE001 - a broken extension, say, which nibabel reads and we pass over
        return
    np.testing.assert_array_equal(values, expected.astype(values.dtype))


if __name__ == "__main__":
    logging.getLogger("nibabel").disabled = True
    logging.getLogger("nibabel.global").disabled = True
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
