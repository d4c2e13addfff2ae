"""The quality report: which scan of a study went wrong, and where to look."""

from __future__ import annotations

from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from qsiparc.archive import STUDY, open_tree
from qsiparc.atomic import replacing
from qsiparc.errors import CubeError, OptionError, QsiparcWarning, warn
from qsiparc.missing import require_folder
from qsiparc.report.finding import to_frame
from qsiparc.report.inspection import inspect
from qsiparc.report.mosaics import draw_mosaics
from qsiparc.report.notes import read_notes, source_root
from qsiparc.report.sheets import Atlas

if TYPE_CHECKING:
    import os

    import pandas as pd

__all__ = ["find_problems", "write_report"]

REPORT: Final = "report.html"
FINDINGS: Final = "findings.tsv"

MOSAICS: Final = 6
"""How many mosaics the report of a build has at most."""


def write_report(
    out: str | os.PathLike[str],
    path: str | os.PathLike[str] | None = None,
    *,
    mosaics: int = MOSAICS,
) -> Path:
    """Write the quality report of a study, one HTML file that opens anywhere.

    Parameters
    ----------
    out : str or Path
        Output folder of `qsiparc.build`.
    path : str or Path, optional
        Where to; ``report.html`` in `out` unless given. ``findings.tsv``, the same findings as a
        table, is written beside it.
    mosaics : int, optional
        Of how many of the gravest findings to draw a mosaic, where matplotlib is installed and the
        maps are still there. The other findings have the lines that draw one.

    Returns
    -------
    Path
        The page. It loads nothing, so it can be copied and mailed.

    Raises
    ------
    CubeError
        There is no archive in `out`.
    OptionError
        jinja2 is not installed.
    FileNotFoundError
        There is no folder to write to; none is made.

    Examples
    --------
    >>> import tempfile
    >>> import qsiparc
    >>> from qsiparc.tutorial import make_qsirecon
    >>> folder = Path(tempfile.mkdtemp())
    >>> root = make_qsirecon(folder / "qsirecon", n_subjects=3, resolution=6)
    >>> study = qsiparc.build(root, folder / "out", stats="core", report=False)
    >>> qsiparc.write_report(folder / "out", mosaics=0).name
    'report.html'
    """
    require_jinja2()
    from qsiparc.report.page import Content, render

    out = Path(out)
    path = out / REPORT if path is None else Path(path)
    archive = _archive(out)
    require_folder(path)
    with closing(open_tree(archive)) as tree:
        atlases = [Atlas(name, node.to_dataset()) for name, node in tree.children.items()]
        notes = read_notes(out)
        inspection = inspect(atlases, notes)
        pictures = draw_mosaics(out, atlases, inspection.findings, count=mosaics)
        where = (str(out.resolve()), source_root(out))
        page = render(Content(*where, atlases, notes, inspection, pictures))
    with replacing(path) as new:
        new.write_text(page, encoding="utf-8", newline="\n")
    with replacing(path.with_name(FINDINGS)) as new:
        to_frame(inspection.findings).to_csv(new, sep="\t", index=False, lineterminator="\n")
    return path


def find_problems(out: str | os.PathLike[str]) -> pd.DataFrame:
    """What the quality report of a study finds, as a table.

    Parameters
    ----------
    out : str or Path
        Output folder of `qsiparc.build`.

    Returns
    -------
    DataFrame
        A row a finding, the gravest first: ``kind``, ``scan`` (``all`` where it is a matter of
        the study), ``atlas``, ``scalar``, ``n_regions``, ``region_name`` of the worst, and
        ``finding``, what was found, in words.

    Raises
    ------
    CubeError
        There is no archive in `out`.

    Examples
    --------
    >>> import tempfile
    >>> import qsiparc
    >>> from qsiparc.tutorial import make_qsirecon
    >>> folder = Path(tempfile.mkdtemp())
    >>> root = make_qsirecon(folder / "qsirecon")
    >>> study = qsiparc.build(root, folder / "out", atlas="4S156Parcels", report=False)
    >>> found = qsiparc.find_problems(folder / "out")
    >>> found[["kind", "scan", "region_name"]].head(1)
       kind            scan region_name
    0  lost  sub-002_ses-01       LH-HN
    """
    out = Path(out)
    with closing(open_tree(_archive(out))) as tree:
        atlases = [Atlas(name, node.to_dataset()) for name, node in tree.children.items()]
        return to_frame(inspect(atlases, read_notes(out)).findings)


def add_report(out: Path) -> None:
    """Write the report at the end of a build; the study is whole without it.

    Parameters
    ----------
    out : Path
        Output folder, with its archive.

    Warns
    -----
    QsiparcWarning
        There is no report, and why.
    """
    try:
        write_report(out, mosaics=MOSAICS)
    except OptionError as error:
        hint = f"{error} Or build without it: report=False, in a shell --no-report."
    except Exception as error:  # noqa: BLE001 - hours of work are done, and safe
        hint = f"The study is whole, but its report could not be written: {error!r}"
    else:
        return
    warn(hint, QsiparcWarning)


def require_jinja2() -> None:
    """Raise `OptionError` where jinja2 is not installed."""
    if find_spec("jinja2") is None:
        raise OptionError("A report needs jinja2: pip install 'qsiparc[report]'.")


def _archive(out: Path) -> Path:
    if (out / STUDY).is_dir():
        return out / STUDY
    raise CubeError(
        f"{out}: there is no {STUDY} in it. `qsiparc build QSIRECON_DIR {out}` makes one, "
        f"`qsiparc finalize {out}` puts one together of the parts that are there."
    )
