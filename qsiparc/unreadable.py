"""What to say of a file that cannot be read."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from qsiparc.errors import NiftiError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turn whatever nibabel raises into an error that names the file."""
    try:
        yield
    except FileNotFoundError:
        raise
    except Exception as error:
        raise NiftiError(
            f"{path}: not readable as a NIfTI volume: {str(error).rstrip('.')}.{_looks(path)}"
        ) from error


def _looks(path: Path) -> str:
    """What a file that is no volume looks like, as the end of a message."""
    if path.suffix == ".img" and not path.with_suffix(".hdr").exists():
        return f" Its header, {path.with_suffix('.hdr').name}, is missing."
    if not path.is_file():
        return " It is not a file." if path.exists() else ""
    with path.open("rb") as stream:
        start = stream.read(64)
    if not start:
        return " The file is empty."
    if start.startswith(b"version https://git-lfs"):
        return " It is a git-LFS pointer: fetch the content with 'git lfs pull'."
    is_gzip = start.startswith(b"\x1f\x8b")
    if is_gzip != path.name.lower().endswith(".gz"):
        return f" Its content is {'' if is_gzip else 'not '}gzip, against its name: rename it."
    return ""
