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

HEADER_SIZES: Final = tuple(
    size.to_bytes(4, order) for size in (348, 540) for order in ("little", "big")
)
"""How the header of a volume begins: of NIfTI-1 and Analyze, of NIfTI-2."""


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
        """Whether the name ends as a volume's does; of a pair, whether its header begins so."""
        if not isinstance(filename_or_obj, str | os.PathLike):
            return False
        name = os.fspath(filename_or_obj)
        if not isinstance(name, str):
            return False
        suffixes = (".nii", ".nii.gz", ".hdr.gz", ".img.gz")
        return name.lower().endswith(suffixes) or _is_pair(name)


def _is_pair(name: str) -> bool:
    """Whether ``.img`` or ``.hdr`` is a volume's: other formats use these names too."""
    if not name.lower().endswith((".img", ".hdr")):
        return False
    header = name[:-3] + ("HDR" if name[-3:].isupper() else "hdr")
    try:
        with open(header, "rb") as stream:  # noqa: PTH123 - pathlib is one import more
            return stream.read(4) in HEADER_SIZES
    except OSError:
        return False
