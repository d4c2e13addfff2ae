"""From parts to the archive of a study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from qsiparc.archive import STUDY, open_tree
from qsiparc.atomic import replacing
from qsiparc.cohort.derivative import describe_dataset
from qsiparc.cohort.failures import FAILURES, write_tables
from qsiparc.cohort.layout import survey
from qsiparc.cohort.lock import locked
from qsiparc.cohort.longwriter import (
    TABLES,
    require_pyarrow,
    scan_tables,
    write_parquet,
    write_scan_tables,
)
from qsiparc.cohort.netcdfwriter import write_netcdf
from qsiparc.cohort.parts import part_paths
from qsiparc.cohort.zarrwriter import ZarrFormat, write_zarr
from qsiparc.errors import BuildError, CubeError, OptionError, QsiparcWarning, warn
from qsiparc.report import REPORT, add_report

if TYPE_CHECKING:
    import os

    import xarray as xr

NETCDF: Final = "qsiparc.nc"
PARQUET: Final = "qsiparc.parquet"


def finalize(
    out: str | os.PathLike[str],
    *,
    zarr_format: ZarrFormat = 3,
    netcdf: bool = False,
    parquet: bool = False,
    tsv: bool = False,
    report: bool = True,
) -> xr.DataTree:
    """Put the parts of a study together into one archive, ``qsiparc.zarr``.

    Parameters
    ----------
    out : str or Path
        Output folder of `qsiparc.build`, with one part a scan.
    zarr_format : {3, 2}, optional
        Of the archive; 2 is for readers from before 2025.
    netcdf : bool, optional
        Whether to write ``qsiparc.nc``, the same in one file.
    parquet : bool, optional
        Whether to write ``qsiparc.parquet``, the long table of the whole study.
    tsv : bool, optional
        Whether to write the long table of every scan and atlas, ``*_diffmap.tsv``.
    report : bool, optional
        Whether to write the quality report, ``report.html``; see `qsiparc.write_report`.

    Returns
    -------
    DataTree
        The archive, opened lazily: a group an atlas, each a cube with every scan, in the order of
        their ids, and every scalar that any scan has. What a scan lacks is NaN, and its ``status``
        says why.

    Raises
    ------
    BuildError
        No scan has a value.
    CubeError
        There are no parts, a file is no whole part, or two scans cannot be in one cube: their
        regions, statistics or policy on zeros differ, or one id means two maps. Both are named.
    OptionError
        An option has a value that it cannot have, or pyarrow is missing.
    OSError
        The output cannot be written.

    Warns
    -----
    QsiparcWarning
        Units of a scalar differ between scans, so the archive states none; one map goes by two
        ids; an earlier ``qsiparc.nc``, ``qsiparc.parquet`` or report, or tables of scans, are not
        renewed; or there is no report, for want of jinja2.

    Notes
    -----
    Everything is joined by label. Memory does not grow with the number of scans, but for the
    report, which looks at all scans of one scalar and atlas at once. Each file or store takes its
    name when it is whole; until then the one from before stays.
    """
    out = Path(out)
    check_formats(zarr_format, parquet=parquet)
    paths = part_paths(out)
    if not paths:
        raise CubeError(
            f"{out}: there are no parts to put together. `qsiparc build QSIRECON_DIR {out}` makes "
            "one of every scan."
        )
    with locked(out):
        study = survey(paths)
        describe_dataset(out)
        write_tables(out, study.troubles)
        if not study.atlases:
            raise BuildError(
                f"{out}: none of {len(paths)} scans has a value; {out / FAILURES} says why."
            )
        with replacing(out / STUDY) as new:
            write_zarr(study, new, zarr_format=zarr_format)
        for name, write, wanted in (
            (NETCDF, write_netcdf, netcdf),
            (PARQUET, write_parquet, parquet),
        ):
            if wanted:
                with replacing(out / name) as new:
                    write(study, new)
            elif (out / name).exists():
                _warn_of_stale(out / name)
        if tsv:
            write_scan_tables(study, out)
        elif any(scan_tables(out)):
            _warn_of_stale(out / TABLES)
        if report:
            add_report(out)
        elif (out / REPORT).exists():
            _warn_of_stale(out / REPORT)
    return open_tree(out / STUDY)


def check_formats(
    zarr_format: ZarrFormat = 3,
    *,
    netcdf: bool = False,
    parquet: bool = False,
    tsv: bool = False,
    is_shard: bool = False,
) -> None:
    """Check what is to be written, before a study is built for it.

    Parameters
    ----------
    zarr_format, netcdf, parquet, tsv
        As `finalize` takes them.
    is_shard : bool
        Whether only a share of the scans is built.

    Raises
    ------
    OptionError
        As in `finalize`; or it is for `finalize` to write, of all shares.
    """
    if zarr_format not in {2, 3}:
        raise OptionError(f"zarr_format is 3 or 2, not {zarr_format!r}.")
    if parquet:
        require_pyarrow()
    if is_shard and (netcdf or parquet or tsv or zarr_format != 3):  # noqa: PLR2004 - a format
        raise OptionError(
            "A shard writes parts alone. Once all are done, `qsiparc finalize` puts them together, "
            "and takes --tsv, --netcdf, --parquet and --zarr-format."
        )


def _warn_of_stale(path: Path) -> None:
    option = {".nc": "netcdf", ".html": "report"}.get(path.suffix, path.suffix[1:])
    warn(
        f"{path} is of an earlier run and may differ from {STUDY}: {option}=True, --{option} in a "
        "shell, renews it; or delete it.",
        QsiparcWarning,
    )
