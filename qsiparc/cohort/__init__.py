"""A whole study: from a QSIRecon tree to one archive."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from qsiparc.errors import OptionError, QsiparcWarning, warn

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping
    from concurrent.futures import Executor

    import distributed
    import xarray as xr

    from qsiparc.catalogue import Stats
    from qsiparc.cohort.record import Report, Status
    from qsiparc.validity import Range

__all__ = ["build"]


def build(
    qsirecon_dir: str | os.PathLike[str],
    output_dir: str | os.PathLike[str],
    *,
    participant_label: str | Iterable[str] | None = None,
    session_label: str | Iterable[str] | None = None,
    atlas: str | Iterable[str] | None = None,
    scalars: str | Iterable[str] | None = None,
    stats: Stats = "extended",
    zero_is_missing: bool = False,
    valid_range: Range | None = None,
    min_coverage: float = 0.0,
    min_voxels: int = 0,
    luts: Mapping[str, str | Path] | None = None,
    executor: int | Executor | distributed.Client | None = 1,
    strict: bool = False,
    check_content: bool = False,
    prune: bool = False,
    shard: str | tuple[int, int] | None = None,
    tsv: bool = False,
    netcdf: bool = False,
    parquet: bool = False,
    report: bool = True,
    zarr_format: Literal[2, 3] = 3,
) -> xr.DataTree:
    """Reduce every scan of a study over every atlas, into one archive.

    A second call does what is missing or has changed, and nothing else; a call that was killed
    goes on where it was. A scan that cannot be reduced, or not all of it, is listed in
    ``failures.tsv``, and the others go on.

    Parameters
    ----------
    qsirecon_dir : str or Path
        What QSIRecon wrote, or any folder above it.
    output_dir : str or Path
        Where to; made if need be. Not within `qsirecon_dir`.
    participant_label, session_label : str or iterable of str, optional
        Labels, with or without ``sub-`` and ``ses-``. Other scans that were built before stay.
    atlas : str or iterable of str, optional
        Names of atlases. What a scan was built with before stays, as long as the tree holds it.
    scalars : str or iterable of str, optional
        Ids or parameters of maps, as `find` shows them. Without, all but masks (``param-…mask``);
        with, these, and what was built before.
    stats : str, sequence or mapping, optional
        A tier, names of statistics, or functions by name, as ``.parc.extract`` takes them. A
        function of your own travels to other processes if it can be pickled; when its code
        changes, the scans are done anew.
    zero_is_missing : bool, optional
        Whether a value of exactly 0 is missing.
    valid_range : (float, float), optional
        Values outside of it are missing, in all maps; unless given, as each map's sidecar says.
    min_coverage, min_voxels : float and int, optional
        With a smaller share of its voxels valid, or fewer of them, a region has counts only.
    luts : mapping of str to str or Path, optional
        Look-up tables by atlas, instead of those of the tree.
    executor : int, concurrent.futures.Executor, distributed.Client or None, optional
        How many processes, or an engine that runs tasks. The result is the same, bit for bit.
        1 and None work in this process.
    strict : bool, optional
        Stop at the first failure.
    check_content : bool, optional
        Compare inputs with those of an earlier call by what they hold, and not by size and time
        of change. Every file is read for it; parts that were made without are made anew.
    prune : bool, optional
        Delete the parts of scans that the tree does not hold any more. Not with `shard`.
    shard : str or (int, int), optional
        ``"3/50"``: do the third of fifty shares of the scans, and leave the archive to `finalize`.
    tsv : bool, optional
        Also write a long table a scan and atlas.
    netcdf, parquet : bool, optional
        Also write the study as netCDF, and its long table as Parquet. Neither of these, nor `tsv`,
        goes with `shard`: `finalize` writes them, of the whole study.
    report : bool, optional
        Write the quality report, ``report.html``; see `qsiparc.write_report`.
    zarr_format : {3, 2}, optional
        2 for readers that do not know 3.

    Returns
    -------
    DataTree
        A child an atlas, opened lazily from the archive; empty with `shard`.

    Raises
    ------
    BuildError
        There is nothing to build, nothing can be written, nothing succeeded, or `strict` is set
        and something failed.
    OptionError
        The output lies within the input; an option has a
        value that it cannot have, or does not go with another one; scans that this call leaves as
        they are were made with other options; a look-up table of `luts` cannot be read; pyarrow is
        not installed, for `parquet`.
    SelectionError
        Nothing has a name that was asked for.

    Warns
    -----
    QsiparcWarning
        Some scans failed, or came with doubts; or scans were built before with other options, so
        that their numbers are replaced.

    Examples
    --------
    >>> import tempfile
    >>> from qsiparc.cohort import build
    >>> from qsiparc.tutorial import make_qsirecon
    >>> folder = Path(tempfile.mkdtemp())
    >>> root = make_qsirecon(folder / "qsirecon", n_subjects=2, resolution=8)
    >>> study = build(root, folder / "out", atlas="4S156Parcels", stats="core")
    >>> dict(study["4S156Parcels"]["value"].sizes)
    {'region': 156, 'stat': 5, 'scalar': 9, 'subject': 2}
    """
    import xarray as xr

    from qsiparc.cohort.assemble import check_formats, finalize
    from qsiparc.cohort.plan import Options, parse_shard
    from qsiparc.cohort.study import carry_out
    from qsiparc.progress import Progress
    from qsiparc.validity import Validity

    if not str(output_dir):
        raise OptionError("The output folder has no name; '.' is the folder that one is in.")
    root, out = (Path(folder).expanduser() for folder in (qsirecon_dir, output_dir))
    check_formats(zarr_format, netcdf=netcdf, parquet=parquet, tsv=tsv, is_shard=shard is not None)
    options = Options(
        participant_label=participant_label,
        session_label=session_label,
        atlas=atlas,
        scalars=scalars,
        stats=stats,
        validity=Validity.checked(
            zero_is_missing=zero_is_missing,
            valid_range=valid_range,
            min_coverage=min_coverage,
            min_voxels=min_voxels,
        ),
        luts=luts,
        check_content=check_content,
        prune=prune,
        shard=parse_shard(shard),
    )
    with ExitStack() as stack:

        def begun(total: int) -> Callable[[Status], None]:
            progress = stack.enter_context(Progress("building", "scans", total=total))
            return lambda _: progress.add(1)

        done = carry_out(root, out, options, executor, strict=strict, begun=begun)
    _warn_of(done, out)
    if shard is not None:
        return xr.DataTree()
    return finalize(
        out, zarr_format=zarr_format, netcdf=netcdf, parquet=parquet, tsv=tsv, report=report
    )


def _warn_of(report: Report, out: Path) -> None:
    """Say what is not as it should be; the tables say the rest."""
    bad = [status for status in report.statuses if status.failures]
    if bad:
        first = bad[0].failures[0]
        name = Path(first.file).name
        of = f" of {name}" if name and name not in first.reason else ""
        warn(
            f"{len(bad)} of {len(report.statuses)} scans failed, or part of them did; the first: "
            f"{first.scan}, {first.step}{of}: {first.reason} All of them: {out / 'failures.tsv'}.",
            QsiparcWarning,
        )
    dropped = [status for status in report.statuses if status.dropped]
    if dropped:
        warn(
            f"{len(dropped)} scans were built before with more than the tree holds now, and have "
            f"lost it: {', '.join(dropped[0].dropped)} of {dropped[0].scan}, for one.",
            QsiparcWarning,
        )
    doubtful = [status for status in report.statuses if status.warnings]
    if doubtful:
        warn(
            f"{len(doubtful)} scans came with warnings, {doubtful[0].scan} for one: "
            f"{doubtful[0].warnings[0]}",
            QsiparcWarning,
        )
