"""The header of a volume: told by its content, and checked before anything is believed."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import nibabel as nib
import numpy as np
from nibabel.arrayproxy import ArrayProxy

from qsiparc.errors import NiftiError, NiftiWarning, collected_warnings, warn
from qsiparc.headerchecks import doubt_extension, mend, require_readable
from qsiparc.inflate import MAGIC, first_bytes
from qsiparc.regular import FileState, file_state, open_regular
from qsiparc.unreadable import naming

START: Final = 552
"""Bytes that are read first: the longer header, and the size of its first extension."""

PARTNERS: Final = {"img": "hdr", "hdr": "img", "IMG": "HDR", "HDR": "IMG"}


class _Proxy(ArrayProxy):
    """Voxels in a file, and what the file was like when its header was read."""

    state: FileState | None = None


def load_image(path: Path) -> Any:  # noqa: ANN401 - nibabel is half typed
    """The image of a file, of which nothing but the header is read.

    Parameters
    ----------
    path : Path
        NIfTI-1 or -2 in one file, whatever its suffix, plain or gzip; or either file of a pair.

    Returns
    -------
    nibabel image
        Its voxels are a proxy that knows the path.

    Raises
    ------
    NiftiError
        It is no volume, or its header is broken.
    FileNotFoundError
        There is no such file.

    Warns
    -----
    NiftiWarning
        Something in the header was doubtful and is taken as the message says.
    """
    start, state = _start(path)
    kinds = _single(start)
    if kinds is None:
        return _load_pair(path)
    image = _image(path, path, start, kinds)
    image.dataobj.state = state
    return image


def check_stored(image: Any) -> None:  # noqa: ANN401 - as load_image
    """Check the header behind an image that nibabel opened, which forgets what it mended.

    Parameters
    ----------
    image : nibabel image
        Its voxels are in a file.

    Raises
    ------
    NiftiError, NiftiWarning
        As `load_image`; of the affine only if the image still has that of its header.
    """
    data = Path(image.dataobj.file_like)
    beside = getattr(image.file_map.get("header"), "filename", None)
    path = Path(beside) if beside else data
    start, _ = _start(path)
    kinds = _single(start) or _paired(start)
    if "magic" in image.header and not kinds:
        return  # voxels of a file that has no header, which somebody gave them
    header = _header(start, kinds[0] if kinds else type(image.header))
    name = _name(data, path)
    require_readable(header, name, first=_first(header, data, path))
    proxy = image.dataobj
    if (proxy.dtype, proxy.offset) != (header.get_data_dtype(), header.get_data_offset()):
        raise NiftiError(f"{name}: the file has changed since nibabel opened it. Load it again.")
    doubts: list[str] = []
    with suppress(NiftiError), collected_warnings() as found:  # refused, it is of no use any more
        mend(header, name)
        if np.array_equal(image.affine, header.get_best_affine()):
            doubts = found
    for doubt in doubts:
        warn(doubt, NiftiWarning)


def _image(path: Path, data: Path, start: bytes, kinds: tuple[Any, Any]) -> Any:  # noqa: ANN401 - as load_image
    """An image of voxels in one file, and of what a header in the same or another says of them."""
    header_class, image_class = kinds
    name = _name(data, path)
    header = _header(start, header_class)
    require_readable(header, name, first=_first(header, data, path))
    mend(header, name)
    if path == data:
        doubt_extension(start, header, name)
    proxy: Any = _Proxy
    with naming(path), np.errstate(all="ignore"):  # an affine beyond all bounds is refused later on
        return image_class(proxy(os.fspath(data), header), header.get_best_affine(), header)


def _name(data: Path, path: Path) -> str:
    """What has a header is called by it, and by its voxels too where these are in another file."""
    return str(path) if data == path else f"{path} (of {data.name})"


def _first(header: Any, data: Path, path: Path) -> int:  # noqa: ANN401 - as load_image
    """The first byte that can be a voxel's."""
    return int(header.single_vox_offset) if data == path else 0


def _start(path: Path) -> tuple[bytes, FileState]:
    """The first bytes of a file, inflated where it is gzip, and what it is like."""
    with open_regular(path, NiftiError) as stream:
        state = file_state(stream)
        is_gzip = stream.read(len(MAGIC)) == MAGIC
        stream.seek(0)
        with naming(path):
            start = first_bytes(stream, START, name=str(path)) if is_gzip else stream.read(START)
    return start, state


def _single(start: bytes) -> tuple[Any, Any] | None:
    """The classes of a volume in one file; None where it is none."""
    if start[344:348] == b"n+1\0":
        return nib.Nifti1Header, nib.Nifti1Image
    if start[4:8] == b"n+2\0" and len(start) >= nib.Nifti2Header.sizeof_hdr:
        return nib.Nifti2Header, nib.Nifti2Image
    return None


def _header(start: bytes, kind: Any) -> Any:  # noqa: ANN401 - as load_image
    return kind(start[: kind.sizeof_hdr], check=False)


def _paired(start: bytes) -> tuple[Any, Any] | None:
    """The classes of a volume of which this is the header; None where it is none of NIfTI's."""
    if start[344:348] == b"ni1\0":
        return nib.nifti1.Nifti1PairHeader, nib.Nifti1Pair
    if start[4:8] == b"ni2\0" and len(start) >= nib.Nifti2Header.sizeof_hdr:
        return nib.nifti2.Nifti2PairHeader, nib.Nifti2Pair
    return None


def _load_pair(path: Path) -> Any:  # noqa: ANN401 - as load_image
    """An image in two files, or the error that nibabel gives for what is no image."""
    partner = _partner(path)
    if partner is not None and partner.exists():
        is_header = "hdr" in path.name.lower()[-6:]
        header_path, data = (path, partner) if is_header else (partner, path)
        start, _ = _start(header_path)
        kinds = _paired(start)
        if kinds is not None:
            open_regular(data, NiftiError).close()
            return _image(header_path, data, start, kinds)
    with naming(path):
        image: Any = nib.load(path)
    if partner is not None and not partner.exists():
        raise FileNotFoundError(f"{path}: its image data, {partner.name}, are missing beside it.")
    if isinstance(image, nib.AnalyzeImage):
        check_stored(image)
    return image


def _partner(path: Path) -> Path | None:
    """The other file of a pair, by the suffix."""
    stem, dot, suffix = path.name.rpartition(".")
    if suffix.lower() == "gz":
        stem, _, inner = stem.rpartition(".")
        suffix, dot = inner, f".{suffix}"
    else:
        dot = ""
    return path.with_name(f"{stem}.{PARTNERS[suffix]}{dot}") if suffix in PARTNERS else None
