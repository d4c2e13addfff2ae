"""Fuzz the reading of label files: ``python fuzz/luts.py tests/corpus/luts -max_total_time=60``.

Every file is a look-up table that survives its own DataFrame, or a `LutError` that names it.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["qsiparc"]):
    from qsiparc.atlas import AtlasLUT, read_lut
    from qsiparc.errors import LutError

warnings.simplefilter("ignore")
WHERE = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None), "fuzz.tsv")  # noqa: S108 - a private folder in memory


def one_input(data: bytes) -> None:
    """Read one file."""
    WHERE.write_bytes(data)
    try:
        lut = read_lut(WHERE)
    except LutError as error:
        if WHERE.name not in str(error):
            raise AssertionError(f"the message names no file: {error}") from error
        return
    again = AtlasLUT.from_dataframe(lut.to_dataframe(), lut.atlas_name, background=None)
    if again.regions != lut.regions:
        raise AssertionError(f"{lut.regions} became {again.regions}")
    repr(lut)
    lut._repr_html_()


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
