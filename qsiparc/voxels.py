"""The voxels of a NIfTI file as a lazy array: no open file, no lock, no memory map."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np
from nibabel.fileslice import fileslice
from xarray.backends import BackendArray
from xarray.core import indexing

from qsiparc.errors import NiftiError, NiftiWarning, warn
from qsiparc.inflate import MAGIC, MAX_RATIO, Inflation
from qsiparc.memory import memory_bytes
from qsiparc.onepass import volume_in_pass
from qsiparc.options import get_option
from qsiparc.regular import FileState, file_state, open_regular

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FOREIGN: Final = (".bz2", ".zst")
"""Compressions that nibabel knows as well."""


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
    is_compressed : bool
        Whether the file is gzip, whatever its name says.
    """

    path: Path
    shape: tuple[int, ...]
    stored: np.dtype[Any]
    offset: int
    slope: float
    inter: float
    identity: FileState
    is_compressed: bool

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
        state: FileState | None = None,
    ) -> NiftiArray:
        """The array of a file as it is now, or was when its header was read.

        Raises
        ------
        NiftiError
            The type is none that has statistics, the file is compressed with something else than
            gzip, or it cannot hold what its header claims.

        Warns
        -----
        NiftiWarning
            The file holds more than its header claims.
        """
        if path.suffix.lower() in FOREIGN:
            raise NiftiError(
                f"{path}: qsiparc reads plain and gzip files, not {path.suffix}. Decompress it, or "
                f"compress it with gzip."
            )
        require_real(dtype, str(path))
        with open_regular(path, NiftiError) as stream:
            identity = file_state(stream)
            is_gzip = stream.read(len(MAGIC)) == MAGIC
        array = cls(path, shape, dtype, offset, slope, inter, state or identity, is_gzip)
        array._require(identity)
        array._check_claim()
        return array

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the values: the file's own, in native byte order, unless they are scaled."""
        return np.dtype(np.float64) if self.is_scaled else in_memory(self.stored)

    @property
    def is_scaled(self) -> bool:
        """Whether the header asks for a slope or an intercept."""
        return (self.slope, self.inter) != (1.0, 0.0)

    @property
    def nbytes(self) -> int:
        """Bytes of the voxels in the (inflated) file."""
        return math.prod(self.shape, start=self.stored.itemsize)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:  # noqa: ANN401 - xarray's signature
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self._read_in_memory
        )

    def _read_in_memory(self, key: tuple[Any, ...]) -> NDArray[Any]:
        """The same as `_read`, with an error that names the file where there is no room for it."""
        try:
            return self._read(key)
        except MemoryError as error:
            raise NiftiError(
                f"{self.path}: there is no memory for shape {self.shape} of {self.dtype}, "
                f"{self.nbytes:,} bytes in the file. If the header is right, use a machine with "
                f"more, or a part: a volume of a 4D file, or a slice of a plain one."
            ) from error

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
        if not self.is_compressed:
            self.warn_of_more(there - claimed)

    def warn_of_more(self, extra: int) -> None:
        """Warn if a file holds more bytes than its header claims."""
        if extra <= 0:
            return
        warn(
            f"{self.path}: the file holds {extra:,} bytes more than its header claims for shape "
            f"{self.shape} of {self.stored}; they are ignored. Is the header right?",
            NiftiWarning,
        )

    def _read(self, key: tuple[Any, ...]) -> NDArray[Any]:
        is_whole = all(
            isinstance(part, slice) and part.indices(n) == (0, n, 1)
            for part, n in zip(key, self.shape, strict=True)
        )
        raw = volume_in_pass(self, key)
        if raw is None:
            with self.opened() as stream:
                if is_whole or self.is_compressed:
                    raw = self._all(stream)[key]
                else:
                    raw = self._slice(stream, key)
                self.require_unchanged(stream)
        else:
            is_whole = False  # its memory belongs to the pass
        # A part gets memory of its own: a view would keep the whole volume alive.
        return self.scaled(raw, copy=not is_whole)

    def scaled(self, stored: NDArray[Any], *, copy: bool) -> NDArray[Any]:
        """Stored voxels as values: native, and scaled as the header asks for."""
        values = np.array(stored, self.dtype, copy=True if copy else None)
        if self.is_scaled:
            values *= self.slope
            values += self.inter
        return values

    def opened(self) -> IO[bytes]:
        """The file, opened for reading bytes.

        Raises
        ------
        NiftiError
            It has changed since its header was read.
        """
        stream = open_regular(self.path, NiftiError)
        try:
            self.require_unchanged(stream)
        except NiftiError:
            stream.close()
            raise
        return stream

    def require_unchanged(self, stream: IO[bytes]) -> None:
        """Refuse a file that has changed since its header was read, or while it was read."""
        self._require(file_state(stream))

    def _require(self, state: FileState) -> None:
        """Refuse a file that is not the one whose header was read."""
        if state != self.identity:
            raise NiftiError(
                f"{self.path}: the file has changed since it was opened. Open it again."
            )

    def _all(self, stream: IO[bytes]) -> NDArray[Any]:
        """All voxels; a gzip file is read to its end, so that its checksum is checked."""
        if self.nbytes > memory_bytes():  # Linux grants it, and kills who uses it
            raise MemoryError
        data = np.empty(self.nbytes, np.uint8)
        source = self.source(stream)
        source.read_into(data)
        self.warn_of_more(source.finish())
        return data.view(self.stored).reshape(self.shape, order="F")

    def source(self, stream: IO[bytes]) -> Inflation | _Plain:
        """The image data of the opened file, from their start, to be read piece by piece."""
        if not self.is_compressed:
            return _Plain(stream, self)
        return Inflation(stream, skip=self.offset, size=self.nbytes, name=str(self.path))

    def _slice(self, stream: IO[bytes], key: tuple[Any, ...]) -> NDArray[Any]:
        """The voxels asked for, and no others, of a plain file."""
        try:
            return np.asarray(
                fileslice(stream, key, self.shape, self.stored, self.offset, order="F")
            )
        except (ValueError, OSError) as error:
            raise NiftiError(f"{self.path}: cannot read its voxels: {error}") from error


class _Plain:
    """The image data of a plain file, as `Inflation` has those of a gzip file."""

    def __init__(self, stream: IO[bytes], array: NiftiArray) -> None:
        self._stream: Any = stream  # it reads into arrays, as all binary files do
        self._path = array.path
        stream.seek(array.offset)

    def read_into(self, out: NDArray[np.uint8]) -> None:
        """Fill an array with the bytes that come next; `NiftiError` where there are too few."""
        if self._stream.readinto(out) != out.size:
            raise NiftiError(f"{self._path}: the file was cut short while it was read.")

    @staticmethod
    def finish() -> int:
        """Nothing is left to check: how long the file is was known when it was opened."""
        return 0


@dataclass(frozen=True)
class MemoryArray(BackendArray):
    """The voxels of an image in memory, of which each read is a copy.

    Parameters
    ----------
    data : numpy.ndarray
        Of the image; what is read of it may be changed, it may not.
    """

    data: NDArray[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """As the image has it."""
        return self.data.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The image's own type, in native byte order."""
        return in_memory(self.data.dtype)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:  # noqa: ANN401 - xarray's signature
        return indexing.explicit_indexing_adapter(
            key,
            self.shape,
            indexing.IndexingSupport.BASIC,
            lambda part: np.array(self.data[part], self.dtype),
        )


def require_real(dtype: np.dtype[Any], name: str) -> None:
    """Raise `NiftiError` where voxels are no real numbers."""
    if dtype.kind in "iufb":
        return
    kind = {"c": "complex", "V": "RGB"}.get(dtype.kind, str(dtype))
    raise NiftiError(
        f"{name}: its voxels are {kind}; a volume has real numbers. Convert it to one real volume "
        f"first."
    )


def in_memory(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """A file's type as it is in memory: in native byte order, and no wider than float64."""
    if dtype.itemsize > np.dtype(np.float64).itemsize:
        return np.dtype(np.float64)
    return dtype.newbyteorder("=")
