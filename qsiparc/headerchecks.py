"""What a header claims, held against what can be, before anything is made of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from qsiparc.errors import NiftiError, NiftiWarning, warn

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_DIMS: Final = 7

DOUBT: Final = 30
"""The level of nibabel's checks from which on a person should know what it found."""

BROKEN: Final = 40
FLAG_BYTES: Final = 4

UNREAD: Final = {1: "single bits", 1536: "128-bit floats", 2048: "pairs of 128-bit floats"}
"""What voxels are whose types NIfTI has, and NumPy, here or anywhere, has not."""

TOO_LONG: Final = 1 + 1e-5
"""Rotations are stored as three numbers, whose squares add up to 1 at most, but for rounding."""

LIKELY_MM: Final = (0.005, 200.0)
"""Edges of voxels beyond these [mm] are more likely in another unit, or damaged."""

CORNERS: Final = np.array([*np.ndindex(2, 2, 2)])
"""Of a cube."""

COPY: Final = "The header is damaged: copy the file again from its source, or write it anew."


class _Findings(list[str]):
    """What nibabel's checks find, kept instead of logged without the file's name."""

    def log(self, level: int, message: str) -> None:
        if level >= DOUBT:
            self.append(message)


def require_readable(header: Any, name: str, *, first: int) -> None:  # noqa: ANN401 - nibabel is half typed
    """Refuse a header that says nothing of which voxels could be read.

    Parameters
    ----------
    header : nibabel header
        As it stands in the file, of NIfTI or Analyze.
    name : str
        What to call it.
    first : int
        The first byte of the file that can be a voxel's.

    Raises
    ------
    NiftiError
        Dimensions, type, place in the file or scaling of the voxels are none.

    Warns
    -----
    NiftiWarning
        The scaling is NaN, or type and size of the voxels disagree.
    """
    _require_dims(header, name)
    _require_type(header, name)
    _require_offset(header, name, first)
    if "scl_slope" in header:
        _require_scaling(header, name)


def mend(header: Any, name: str) -> None:  # noqa: ANN401 - as require_readable
    """Have nibabel's checks mend a header where it is doubtful, so that it has an affine.

    Parameters
    ----------
    header : nibabel header
        As it stands in the file; it is changed.
    name : str
        What to call it.

    Raises
    ------
    NiftiError
        It is beyond mending, or the place of the voxels in the world is none.

    Warns
    -----
    NiftiWarning
        Something was doubtful and is taken as the message says.
    """
    findings = _Findings()
    qfac = float(header["pixdim"][0])
    try:
        header.check_fix(logger=findings, error_level=BROKEN)
    except Exception as error:
        raise NiftiError(f"{name}: {error}. {COPY}") from error
    for finding in findings:
        warn(f"{name}: the header is doubtful: {finding}.", NiftiWarning)
    if "sform_code" in header:
        _require_place(header, name)
        _doubt_qfac(qfac, header, name)
        _doubt_two_places(header, name)
    _doubt_sizes(header, name)


def doubt_extension(start: bytes, header: Any, name: str) -> None:  # noqa: ANN401 - as require_readable
    """Warn if what is behind the header reaches into the voxels.

    Parameters
    ----------
    start : bytes
        Of the file, up to the size of the first extension.
    header : nibabel header
        Of one file.
    name : str
        What to call it.

    Warns
    -----
    NiftiWarning
        The extension is said to end where there are voxels.
    """
    at = header.sizeof_hdr
    size = int.from_bytes(
        start[at + FLAG_BYTES : at + FLAG_BYTES + 4],
        "little" if header.endianness == "<" else "big",
        signed=True,
    )
    end, offset = at + FLAG_BYTES + size, int(header.get_data_offset())
    if start[at : at + 1] not in {b"", b"\0"} and offset > at + FLAG_BYTES and end > offset:
        warn(
            f"{name}: a header extension reaches to byte {end:,}, and the voxels begin at byte "
            f"{offset:,}: one of the two is wrong. The voxels are read from there.",
            NiftiWarning,
        )


def _require_dims(header: Any, name: str) -> None:  # noqa: ANN401 - as require_readable
    first = header["dim"][0]
    turned = [int(first), int(first.byteswap())]
    if not any(1 <= n <= MAX_DIMS for n in turned):
        n = min(turned, key=abs)
        raise NiftiError(
            f"{name}: its header claims {n} dimensions; a volume has three or four. The header is "
            f"damaged, or this is no volume."
        )


def _require_type(header: Any, name: str) -> None:  # noqa: ANN401 - as require_readable
    code = int(header["datatype"])
    try:
        dtype = header.get_data_dtype()
    except (KeyError, ValueError):
        dtype = np.dtype("V0")
    if not dtype.itemsize:
        what = f", {UNREAD[code]}" if code in UNREAD else ", which is no type that NIfTI knows"
        raise NiftiError(
            f"{name}: its voxels have data code {code}{what}. Expected whole numbers, or floats of "
            f"32 or 64 bits: "
            + ("convert it to one of them." if code in UNREAD else COPY[0].lower() + COPY[1:])
        )
    bits = int(header["bitpix"])
    if bits not in {0, 8 * dtype.itemsize}:
        warn(
            f"{name}: by the header a voxel has {bits} bits, and is of type {dtype}, which has "
            f"{8 * dtype.itemsize}: one of the two is wrong. It is taken as {dtype}.",
            NiftiWarning,
        )


def _require_offset(header: Any, name: str, first: int) -> None:  # noqa: ANN401 - as require_readable
    offset = float(header["vox_offset"])
    if offset >= first and offset.is_integer():
        return
    where = "inside the header" if 0 <= offset < first else "which is no place in a file"
    raise NiftiError(
        f"{name}: its header says that the voxels begin at byte {offset:g}, {where}. Expected a "
        f"whole number, {first} or more. {COPY}"
    )


def _require_scaling(header: Any, name: str) -> None:  # noqa: ANN401 - as require_readable
    """Refuse a scaling that is none; a slope of 0 says that there is none, NaN is doubtful."""
    slope = float(header["scl_slope"])
    inter = float(header["scl_inter"]) if "scl_inter" in header else 0.0
    if np.isnan(slope):
        warn(
            f"{name}: the slope in the header is NaN; values are taken as they are stored, without "
            f"scaling. If they should be scaled, write the file anew.",
            NiftiWarning,
        )
    elif np.isinf(slope) or (slope and not np.isfinite(inter)):
        raise NiftiError(
            f"{name}: the header scales its voxels by {slope:g} and adds {inter:g}, which leaves "
            f"no numbers. Expected finite ones, or a slope of 0 for none: the header is damaged."
        )


def _require_place(header: Any, name: str) -> None:  # noqa: ANN401 - as require_readable
    """Refuse what gives no affine, and mend a quaternion that rounding made a little too long.

    What an affine that is finite is worth, `Grid` decides.
    """
    sizes = header["pixdim"][1:4]
    if header["sform_code"]:
        _require_finite("sform", [header[f"srow_{axis}"] for axis in "xyz"], name)
        if not np.isfinite(sizes).all():
            warn(
                f"{name}: the header has voxels of {_row(sizes)} mm, which is none; the sform "
                f"places them all the same.",
                NiftiWarning,
            )
        return
    _require_finite("voxel size", [sizes], name)
    if header["qform_code"]:
        turn = np.array([header[f"quatern_{axis}"] for axis in "bcd"], np.float64)
        shift = [header[f"qoffset_{axis}"] for axis in "xyz"]
        _require_finite("qform", [turn, shift], name)
        length = turn @ turn
        if 1 < length <= TOO_LONG:  # nibabel takes less rounding, above all in NIfTI-2
            turn /= np.sqrt(length)
            header["quatern_b"], header["quatern_c"], header["quatern_d"] = turn
        elif length > TOO_LONG:
            raise NiftiError(
                f"{name}: its qform is no rotation: the squares of its quaternion, {_row(turn)}, "
                f"add up to {length:.6g}. Expected 1 at most. {COPY}"
            )


def _require_finite(what: str, rows: Iterable[Any], name: str) -> None:
    shown = [_row(row) for row in rows if not np.isfinite(row).all()]
    if shown:
        raise NiftiError(
            f"{name}: the {what} of its header, of which the affine is made, holds what is no "
            f"number: {', '.join(shown)}. {COPY}"
        )


def _row(numbers: Any) -> str:  # noqa: ANN401 - an array
    return "(" + ", ".join(f"{number:g}" for number in np.ravel(numbers).tolist()) + ")"


def _doubt_qfac(qfac: float, header: Any, name: str) -> None:  # noqa: ANN401 - as require_readable
    """Warn where the direction of ``k`` hangs on a number that is none of the two it can be."""
    if header["sform_code"] or not header["qform_code"]:
        return
    if qfac not in {-1, 0, 1}:  # 0 stands for 1, by the standard
        warn(
            f"{name}: pixdim[0] of the header, which says in which direction slices follow each "
            f"other, is {qfac:g}; 1 or -1 is expected. It is taken as 1: check the sides.",
            NiftiWarning,
        )


def _doubt_two_places(header: Any, name: str) -> None:  # noqa: ANN401 - as require_readable
    """Warn where sform and qform say to be of one space, and put voxels in two places."""
    code = int(header["sform_code"])
    if not code or int(header["qform_code"]) != code:
        return  # of two spaces, two places are right
    sform = header.get_sform()
    try:
        qform = header.get_qform()
    except ValueError:  # no rotation: nobody goes by it
        return
    shape = (*header.get_data_shape(), 1, 1)[:3]
    corners = CORNERS * (np.array(shape) - 1)
    apart = (sform - qform)[:3]
    furthest = float(np.linalg.norm(corners @ apart[:, :3].T + apart[:, 3], axis=1).max())
    smallest = min(math.hypot(*column) for column in sform.T[:3, :3].tolist())
    if not furthest > smallest / 2:
        return
    # From where the qform puts voxels to where the sform does: x to x, y to y, z to z.
    is_exchanged = (sform[:3, :3] @ np.linalg.pinv(qform[:3, :3]))[0, 0] < 0
    warn(
        f"{name}: its sform and its qform both have the code {code}, and put voxels as far as "
        f"{furthest:.3g} mm apart{', left and right exchanged' if is_exchanged else ''}. The sform "
        f"counts, as everywhere in nibabel; tools that go by the qform see something else. Find "
        f"out which is right: .parc.with_affine(affine) sets it.",
        NiftiWarning,
    )


def _doubt_sizes(header: Any, name: str) -> None:  # noqa: ANN401 - as require_readable
    """Warn of voxels that no scanner makes; those without a size are refused later on."""
    columns = header.get_best_affine().T[:3, :3].tolist()
    sizes = [math.hypot(*column) for column in columns]
    low, high = LIKELY_MM
    if not all(low <= size <= high for size in sizes) and all(sizes):
        warn(
            f"{name}: by its header, voxels measure {_row(sizes)} mm along i, j, k. Is that "
            f"another unit, or damage? If you know the affine, set it: .parc.with_affine(affine).",
            NiftiWarning,
        )
