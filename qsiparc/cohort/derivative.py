"""The output folder as a BIDS derivative: what describes it, and where tables are."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

from qsiparc.atomic import replacing
from qsiparc.entities import parse_entities
from qsiparc.names import FILE_COORDS
from qsiparc.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr

DESCRIPTION: Final = "dataset_description.json"
SOURCE: Final = "qsirecon"
"""Name of the source dataset in BIDS URIs: ``bids:qsirecon:sub-001/…``."""

_IGNORED: Final = (
    "parts",
    "qsiparc.zarr",
    "qsiparc.nc",
    "qsiparc.parquet",
    "failures.tsv",
    "left_out.tsv",
    "report.html",
    "findings.tsv",
    "*_diffmap.*",
)
"""What BIDS has no word for yet; the validator ignores folders by their name without a slash."""


def describe_dataset(out: Path, *, source: Path | None = None) -> Path:
    """Write ``dataset_description.json`` and ``.bidsignore``.

    Parameters
    ----------
    out : Path
        Output folder.
    source : Path, optional
        The QSIRecon tree, which BIDS URIs call ``qsirecon``. Without it, what the description that
        is there says of the source is kept.

    Returns
    -------
    Path
        The description.
    """
    path = out / DESCRIPTION
    link = source.resolve().as_uri() if source else _known_link(path)
    about: dict[str, Any] = {
        "Name": "qsiparc: statistics of diffusion MRI maps by brain region",
        "BIDSVersion": "1.10.0",
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "qsiparc", "Version": __version__}],
    }
    if link:
        about |= {"SourceDatasets": [{"URL": link}], "DatasetLinks": {SOURCE: link}}
    _write(path, json.dumps(about, indent=2, ensure_ascii=False) + "\n")
    _write(out / ".bidsignore", "".join(f"{line}\n" for line in _IGNORED))
    return path


def earlier_source(out: Path) -> Path | None:
    """The tree that the study in a folder was built from, where that is known."""
    link = urlsplit(_known_link(out / DESCRIPTION))
    return Path(url2pathname(link.path)) if link.scheme == "file" else None


def _known_link(path: Path) -> str:
    try:
        links = json.loads(path.read_text(encoding="utf-8")).get("DatasetLinks", {})
    except (OSError, ValueError):
        return ""
    return str(links.get(SOURCE, ""))


def sources_of(attrs: Mapping[Any, Any], cube: xr.Dataset) -> list[str]:
    """The files that a cube of one scan was made of.

    Parameters
    ----------
    attrs : mapping
        Of the part; its ``inputs`` say where files are below the source dataset.
    cube : Dataset
        Of one scan; its coordinates and its attribute ``lut`` name the files.

    Returns
    -------
    list of str
        BIDS URIs; a file that is not below the source dataset is there by its name alone. Two
        workflows may have maps of one name: then both are there.

    Examples
    --------
    >>> import xarray as xr
    >>> inputs = '[{"path": "sub-01/dwi/sub-01_param-fa_dwimap.nii.gz"}]'
    >>> cube = xr.Dataset(coords={"map_file": "sub-01_param-fa_dwimap.nii.gz"})
    >>> sources_of({"inputs": inputs}, cube)
    ['bids:qsirecon:sub-01/dwi/sub-01_param-fa_dwimap.nii.gz']
    """
    inside: defaultdict[str, list[str]] = defaultdict(list)
    for entry in json.loads(attrs.get("inputs") or "[]"):
        folder, _, name = entry["path"].rpartition("/")
        if not folder.startswith(".."):
            inside[name].append(f"bids:{SOURCE}:{entry['path']}")
    columns = [cube.coords[name].values.ravel() for name in FILE_COORDS if name in cube.coords]
    names = [*(str(name) for names in columns for name in names), str(cube.attrs.get("lut", ""))]
    found = [uri for name in names if name for uri in inside.get(name, [name])]
    return list(dict.fromkeys(found))


def table_path(out: Path, scan: str, atlas: str) -> Path:
    """Where the long table of one scan and atlas is.

    Parameters
    ----------
    out : Path
        Output folder.
    scan : str
        Id of the scan, made of BIDS entities.
    atlas : str
        Name of the atlas; what BIDS does not allow in a label is left out.

    Returns
    -------
    Path
        Ending in ``_diffmap.tsv``.

    Examples
    --------
    >>> from pathlib import Path
    >>> table_path(Path("out"), "sub-001_ses-01", "4S156Parcels").as_posix()
    'out/sub-001/ses-01/dwi/sub-001_ses-01_atlas-4S156Parcels_diffmap.tsv'
    """
    entities = parse_entities(scan)
    folder = out
    for key in ("sub", "ses"):
        if entities.get(key):
            folder /= f"{key}-{entities[key]}"
    label = re.sub(r"[^A-Za-z0-9+]", "", atlas)
    return folder / "dwi" / f"{scan}_atlas-{label}_diffmap.tsv"


def _write(path: Path, text: str) -> None:
    with replacing(path) as work:
        work.write_text(text, encoding="utf-8", newline="\n")
