"""What to say of a file that cannot be read."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from qsiparc.errors import NiftiError
from qsiparc.inflate import MAGIC
from qsiparc.regular import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_STARTS: Final = (
    (
        b"version https://git-lfs",
        " It is a git-LFS pointer: fetch the content with 'git lfs pull'.",
    ),
    (b"/annex/objects/", " It is a git-annex pointer: fetch the content with 'datalad get'."),
    (b"../.git/annex/", " It is a git-annex pointer: fetch the content with 'datalad get'."),
    (
        b"<",
        " It is a web page or XML, as a download leaves that went wrong: fetch the file itself.",
    ),
    (b"BZh", " It is bzip2: decompress it, or compress it with gzip."),
    (b"\xfd7zXZ", " It is xz: decompress it, or compress it with gzip."),
    (b"\x28\xb5\x2f\xfd", " It is zstd: decompress it, or compress it with gzip."),
    (b"PK\x03\x04", " It is a zip archive: unpack it."),
)
"""How files begin that are taken for volumes by their names."""


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turn whatever nibabel raises into an error that names the file."""
    try:
        yield
    except (FileNotFoundError, NiftiError):
        raise
    except Exception as error:
        raise NiftiError(
            f"{path}: not readable as a NIfTI volume: {str(error).rstrip('.')}.{_looks(path)}"
        ) from error


def _looks(path: Path) -> str:
    """What a file that is no volume looks like, as the end of a message."""
    if path.suffix == ".img" and not path.with_suffix(".hdr").exists():
        return f" Its header, {path.with_suffix('.hdr').name}, is missing."
    if not path.is_file():  # the image in memory
        return ""
    with open_regular(path, NiftiError) as stream:
        start = stream.read(64)
    if not start:
        return " The file is empty."
    known = next((said for magic, said in _STARTS if start.lstrip().startswith(magic)), "")
    if known or not path.name.lower().endswith(".gz") or start.startswith(MAGIC):
        return known
    return " Its content is not gzip, against its name."
