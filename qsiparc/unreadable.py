"""What to say of a file that cannot be read."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from qsiparc.errors import NiftiError
from qsiparc.inflate import MAGIC, first_bytes
from qsiparc.regular import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_STARTS: Final = (
    (b"version https://git-lfs", "a git-LFS pointer: fetch the content with 'git lfs pull'"),
    (b"/annex/objects/", "a git-annex pointer: fetch the content with 'datalad get'"),
    (b"../.git/annex/", "a git-annex pointer: fetch the content with 'datalad get'"),
    (b"<?xml", "XML, as GIFTI surfaces are: give a volume"),
    (b"<", "a web page or XML, as a download leaves that went wrong: fetch the file itself"),
    (b"BZh", "bzip2: decompress it, or compress it with gzip"),
    (b"\xfd7zXZ", "xz: decompress it, or compress it with gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd: decompress it, or compress it with gzip"),
    (b"PK\x03\x04", "a zip archive: unpack it"),
    (b"mrtrix image", "an MRtrix image: convert it with 'mrconvert'"),
    (b"NRRD", "an NRRD image: convert it to NIfTI"),
    (b"\x93NUMPY", "a NumPy array, which has no affine: see .parc.with_affine"),
    (b"\x89HDF", "HDF5, as netCDF-4 and MINC files are: give a NIfTI volume"),
    (MAGIC, "gzip once more: decompress it once"),
)
"""How files begin that are taken for volumes by their names, and what they are."""

_NO_IMAGE: Final = "ImageFileError"
"""What nibabel raises where it knows no more than that."""

_HEADER_BYTES: Final = 348

_MAGIC_AT: Final = slice(344, 348)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turn whatever nibabel raises into an error that names the file."""
    try:
        yield
    except (FileNotFoundError, NiftiError):
        raise
    except Exception as error:
        looks = _looks(path)
        said = "" if looks and type(error).__name__ == _NO_IMAGE else f": {str(error).rstrip('.')}"
        raise NiftiError(f"{path}: not readable as a NIfTI volume{said}.{looks}") from error


def _looks(path: Path) -> str:
    """What a file that is no volume looks like, as the end of a message."""
    header = path.with_suffix(".hdr")
    if path.suffix == ".img" and not header.exists():
        return f" Its header, {header.name}, is missing."
    if path.suffix == ".img":
        return f" Its header, {header.name}:{_content(header)}"
    return _content(path) if path.is_file() else ""  # it is not: the image in memory


def _content(path: Path) -> str:
    """What a file holds, and what to do about it."""
    with open_regular(path, NiftiError) as stream:
        start = stream.read(_HEADER_BYTES)
        if not start:
            return " The file is empty: copy it again from its source."
        what = "Its content"
        is_gzip = start.startswith(MAGIC)
        if is_gzip:
            stream.seek(0)
            start, what = first_bytes(stream, _HEADER_BYTES, name=str(path)), "What is in the gzip"
        elif path.name.lower().endswith(".gz"):
            what = "Its content is not gzip, against its name, and"
    stripped = start.lstrip()
    known = next((said for magic, said in _STARTS if stripped.startswith(magic)), "")
    if known:
        return f" What is in the gzip is {known}." if is_gzip else f" It is {known}."
    if len(start) < _HEADER_BYTES:
        return (
            f" {what} has {len(start)} bytes, less than the 348 of a header: it is cut short, or "
            f"something else. Copy the file again from its source."
        )
    return (
        f" {what} begins with {start[:16]!r}, and has {start[_MAGIC_AT]!r} where the header of a "
        f"volume has b'n+1\\x00': it is something else, or damaged. Is it the right file?"
    )
