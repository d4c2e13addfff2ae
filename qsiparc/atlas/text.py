"""The bytes of a label file as text, or what they look like instead."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Final

from qsiparc.errors import LutError, LutWarning, warn
from qsiparc.regular import open_regular, read_up_to

if TYPE_CHECKING:
    from pathlib import Path

_HEAD: Final = 1024
_LIMIT: Final = 2**28
_NIFTI_MAGIC: Final = {b"n+1\0", b"ni1\0", b"n+2\0", b"ni2\0"}

_BINARY: Final = (
    (b"\x1f\x8b", "a gzip file, perhaps the label image itself (load_lut_from_dseg reads that)"),
    (b"PK\x03\x04", "a zip file or a spreadsheet; export the sheet as tab-separated text"),
    (b"\x89HDF", "an HDF5 or MATLAB file"),
    (b"MATLAB", "a MATLAB file"),
    (b"\x89PNG", "a picture"),
    (b"%PDF", "a PDF"),
)

_TEXT: Final = (
    (
        r"version https://git-lfs\.github\.com/spec",
        "a git-LFS pointer: the file itself was never fetched; run `git lfs pull`",
    ),
    (
        r"\S*annex/objects/\S+\s*\Z",
        "a git-annex pointer: the file itself was never fetched; run `datalad get`",
    ),
    (
        r"(?i)<!doctype html|<html|<head",
        "a web page, as a download leaves that went wrong; fetch the raw file",
    ),
    (
        r"<\?xml|<\w+",
        "XML. The ids in an XML file of FSL are not those of its label image, which start at 1",
    ),
)

_PAIR: Final = re.compile(rb"[\xc2\xc3][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}")
"""What nobody writes in Latin-1: a capital with a tilde or a circumflex, then a sign."""

_CELLS: Final = re.compile(r"[\t ,;|\n]")
"""What stands between the cells of a table."""

_BETWEEN: Final = re.compile(rb"[\x80-\x9f]")
"""Letters of encodings that are neither UTF-8 nor Latin-1."""

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_text(path: Path) -> str:
    """The text of a label file: UTF-8, UTF-16 or Latin-1, with or without a byte order mark.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    str
        With the line ends of the file.

    Raises
    ------
    LutError
        The file is empty or is no table; the message says what it looks like.
    FileNotFoundError
        There is no such file.
    """
    with open_regular(path, LutError) as file:
        try:
            head = file.read(_HEAD)
            _refuse_binary(head, path)
            raw = head + read_up_to(file, _LIMIT)
        except OSError as error:
            raise LutError(f"{path} cannot be read: {error.strerror}.") from error
    if len(raw) > _LIMIT:
        raise LutError(
            f"{path} is longer than {_LIMIT:,} bytes, which no look-up table is. Is it the image, "
            f"or a table of voxels?"
        )
    text = _decode(raw, path)
    if not text.strip():
        raise LutError(f"{path} is empty. Expected a table with an id and a name for every region.")
    for pattern, looks_like in _TEXT:
        if re.match(pattern, text.lstrip()):
            raise LutError(_no_lut(path, looks_like))
    return text


def _no_lut(path: Path, looks_like: str) -> str:
    return f"{path} is no look-up table. It looks like {looks_like}."


def _refuse_binary(head: bytes, path: Path) -> None:
    for magic, looks_like in _BINARY:
        if head.startswith(magic):
            raise LutError(_no_lut(path, looks_like))
    if head[344:348] in _NIFTI_MAGIC or head[4:8] in _NIFTI_MAGIC:
        image = "a NIfTI image. For ids without names use load_lut_from_dseg"
        raise LutError(_no_lut(path, image))


def _decode(raw: bytes, path: Path) -> str:
    marked = next((name for bom, name in _BOMS if raw.startswith(bom)), None)
    for encoding in [marked] if marked else [_guess(raw), "cp1252", "latin-1"]:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            line = text.count("\n", 0, text.index("\0")) + 1
            found = f"a binary file: it holds zero bytes, the first in line {line}"
            raise LutError(_no_lut(path, f"{found}. If it is a table, save it again as UTF-8"))
        if encoding == "cp1252":
            _doubt(raw, text, path)
        return text
    raise LutError(_no_lut(path, f"damaged {marked} text; save it again as UTF-8"))


def _doubt(raw: bytes, text: str, path: Path) -> None:
    """Say where single bytes beyond ASCII may not mean what Latin-1 takes them for."""
    pair = _PAIR.search(raw)
    if pair:
        line = raw.count(b"\n", 0, pair.start()) + 1
        raise LutError(
            f"{path}, line {line}: {pair[0].decode()!r} is UTF-8, and other bytes of this file "
            f"are not: it is damaged, or was put together of two. Save it again as UTF-8."
        )
    if _BETWEEN.search(raw):
        words = dict.fromkeys(word for word in text.split() if not word.isascii())
        shown = ", ".join(map(repr, list(words)[:3]))
        warn(
            f"{path} is not UTF-8 and was read as Windows-1252: {shown}. If that is not what "
            f"stands there, save it again as UTF-8.",
            LutWarning,
        )


def _guess(raw: bytes) -> str:
    """UTF-8, unless the beginning has many zeros, all of them in the place of UTF-16's."""
    head = raw[:_HEAD]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if min(even, odd) * 8 > max(even, odd) or max(even, odd) * 8 < len(head):
        return "utf-8"
    encoding = "utf-16-le" if odd > even else "utf-16-be"
    cells = _CELLS.search(head.decode(encoding, "replace"))
    return encoding if cells else "utf-8"
