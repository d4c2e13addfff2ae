"""The xarray backend ``nifti``.

Every ``xr.open_dataset`` of everybody who has qsiparc installed loads this module, so it imports
nothing that xarray has not imported before.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar, Final

from xarray.backends import BackendEntrypoint

if TYPE_CHECKING:
    from collections.abc import Iterable

    import xarray as xr

SUFFIXES: Final = (".nii", ".nii.gz", ".nii.bz2", ".nii.zst", ".nii.xz", ".hdr.gz", ".img.gz")
"""How names end that say it; of those that are not read, the error says what to do."""

HEADER_SIZES: Final = tuple(
    size.to_bytes(4, order) for size in (348, 540) for order in ("little", "big")
)
"""How the header of a volume begins: of NIfTI-1 and Analyze, of NIfTI-2."""

HEADER_BYTES: Final = 348

MAGICS: Final = (b"n+1\0", b"n+2\0", b"ni1\0", b"ni2\0")
"""What headers of NIfTI call themselves: of one file, and of pairs."""


class NiftiBackend(BackendEntrypoint):
    """Open NIfTI and Analyze volumes with ``xr.open_dataarray`` and ``xr.open_dataset``."""

    description = "Open NIfTI volumes (.nii, .nii.gz, .img/.hdr) lazily, with their affine"
    url = "https://pypi.org/project/qsiparc"
    open_dataset_parameters: ClassVar[tuple[str, ...]] = ("filename_or_obj", "drop_variables")

    def open_dataset(
        self,
        filename_or_obj: Any,  # noqa: ANN401 - whatever xarray was given
        *,
        drop_variables: str | Iterable[str] | None = None,
    ) -> xr.Dataset:
        """A dataset of one lazy variable; see `qsiparc.open_nifti`."""
        from qsiparc.nifti import read_dataset

        dataset = read_dataset(filename_or_obj)
        return dataset.drop_vars(drop_variables or [], errors="ignore")

    def guess_can_open(self, filename_or_obj: Any) -> bool:  # noqa: ANN401 - whatever xarray was given
        """Whether the name says that it is a volume, or else the content."""
        if not isinstance(filename_or_obj, str | os.PathLike):
            return False
        name = os.fspath(filename_or_obj)
        if not isinstance(name, str):
            return False
        return name.lower().endswith(SUFFIXES) or _is_pair(name) or _is_single(name)


def _is_single(name: str) -> bool:
    """Whether a file of any name is a volume: one that was renamed, or half downloaded."""
    start = _start(name, HEADER_BYTES)
    if start.startswith(b"\x1f\x8b"):
        start = _inflated(start)
    return _magic(start) in MAGICS


def _is_pair(name: str) -> bool:
    """Whether ``.img`` or ``.hdr`` is a volume's: other formats use these names too."""
    if not name.lower().endswith((".img", ".hdr")):
        return False
    start = _start(name[:-3] + ("HDR" if name[-3:].isupper() else "hdr"), HEADER_BYTES)
    return start[:4] in HEADER_SIZES or _magic(start) in MAGICS


def _magic(start: bytes) -> bytes:
    """What a header calls itself: NIfTI-2 near its beginning, NIfTI-1 at its end."""
    return start[4:8] if start[4:8] in MAGICS else start[344:348]


def _inflated(start: bytes) -> bytes:
    """What the first bytes of a gzip file hold, as far as that goes."""
    import zlib

    try:
        return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(start, HEADER_BYTES)
    except zlib.error:
        return b""


def _start(name: str, n: int) -> bytes:
    """The first bytes of a file; none of what is no file, as a pipe would make everybody wait."""
    try:
        if not os.path.isfile(name):  # noqa: PTH113 - pathlib is one import more
            return b""
        with open(name, "rb") as stream:  # noqa: PTH123 - the same
            return stream.read(n)
    except (OSError, ValueError):
        return b""
