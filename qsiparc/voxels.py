"""The voxels of a NIfTI file as a lazy array: no open file, no lock, no memory map."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from nibabel.fileslice import fileslice
from xarray.backends import BackendArray
from xarray.core import indexing

from qsiparc.errors import NiftiError
from qsiparc.inflate import MAX_RATIO, inflate_into
from qsiparc.options import get_option

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True)
class NiftiArray(BackendArray):
    """Where the voxels of a file are, and how to read them.

    Parameters
    ----------
    path : Path
        The file that holds the voxels.
    shape : tuple of int
        ``(i, j, k)`` or ``(i, j, k, volume)``, the first axis fastest in the file.
    stored : numpy.dtype
        Their type in the file, with its byte order.
    offset : int
        Bytes before the first voxel.
    slope, inter : float
        The header's scaling.
    identity : tuple of int
        Size [bytes] and modification time [ns] of the file when it was opened.
    """

    path: Path
    shape: tuple[int, ...]
    stored: np.dtype[Any]
    offset: int
    slope: float
    inter: float
    identity: tuple[int, int]

    @classmethod
    def of(
        cls,
        path: Path,
        *,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        offset: int,
        slope: float,
        inter: float,
    ) -> NiftiArray:
        """The array of a file as it is now.

        Raises
        ------
        NiftiError
            The type is none that has statistics, or the file cannot hold what its header claims.
        """
        if dtype.kind not in "iuf":
            kind = {"c": "complex", "V": "RGB"}.get(dtype.kind, str(dtype))
            raise NiftiError(
                f"{path}: its voxels are {kind}; qsiparc reads numbers. "
                f"Convert it to one real volume first."
            )
        state = path.stat()
        array = cls(path, shape, dtype, offset, slope, inter, (state.st_size, state.st_mtime_ns))
        array._check_claim()
        return array

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the values: the file's own, in native byte order, unless they are scaled."""
        if self.is_scaled or self.stored.itemsize > np.dtype(np.float64).itemsize:
            return np.dtype(np.float64)
        return self.stored.newbyteorder("=")

    @property
    def is_scaled(self) -> bool:
        """Whether the header asks for a slope or an intercept."""
        return (self.slope, self.inter) != (1.0, 0.0)

    @property
    def is_compressed(self) -> bool:
        """Whether the file is gzip, by its name."""
        return self.path.name.lower().endswith(".gz")

    @property
    def nbytes(self) -> int:
        """Bytes of the voxels in the (inflated) file."""
        size = self.stored.itemsize
        for n in self.shape:
            size *= n
        return size

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:  # noqa: ANN401 - xarray's signature
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self._read
        )

    def _check_claim(self) -> None:
        """Refuse a header whose claim is impossible or beyond the limit, before any allocation."""
        there, claimed = self.identity[0], self.offset + self.nbytes
        possible = there * MAX_RATIO if self.is_compressed else there
        if claimed > possible:
            raise NiftiError(
                f"{self.path}: the file is cut short or its header is wrong: it claims "
                f"{claimed:,} bytes for shape {self.shape}, the file has {there:,}"
                f"{' (gzip)' if self.is_compressed else ''}."
            )
        limit = get_option("max_bytes")
        if claimed > limit:
            raise NiftiError(
                f"{self.path}: the header claims {claimed:,} bytes, more than the limit of "
                f"{limit:,}. If that is right, raise it: qsiparc.set_options(max_bytes={claimed})."
            )

    def _read(self, key: tuple[Any, ...]) -> NDArray[Any]:
        with self.path.open("rb") as stream:
            state = os.fstat(stream.fileno())
            if (state.st_size, state.st_mtime_ns) != self.identity:
                raise NiftiError(
                    f"{self.path}: the file has changed since it was opened. Open it again."
                )
            raw = self._inflate(stream)[key] if self.is_compressed else self._slice(stream, key)
        values = np.asarray(raw).astype(self.dtype, copy=False)
        if self.is_scaled:
            values = values * self.slope + self.inter
        return values

    def _inflate(self, stream: IO[bytes]) -> NDArray[Any]:
        """All voxels of a gzip file; it is read to its end, so that its checksum is checked."""
        data = np.empty(self.nbytes, np.uint8)
        inflate_into(stream, data, skip=self.offset, name=str(self.path))
        return data.view(self.stored).reshape(self.shape, order="F")

    def _slice(self, stream: IO[bytes], key: tuple[Any, ...]) -> NDArray[Any]:
        """The voxels asked for, and no others, of a plain file."""
        try:
            return np.asarray(
                fileslice(stream, key, self.shape, self.stored, self.offset, order="F")
            )
        except (ValueError, OSError) as error:
            raise NiftiError(f"{self.path}: cannot read its voxels: {error}") from error
