"""A small, seeded tree of QSIRecon outputs to try everything on."""

from __future__ import annotations

import json
import zlib
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import xarray as xr

from qsiparc.niftiwriter import to_nibabel
from qsiparc.phantom.atlas import Atlas, atlas_4s156, atlas_brainnetome
from qsiparc.phantom.catalogue import MAPS
from qsiparc.phantom.scan import (
    TEMPLATE,
    Person,
    Volume,
    native_volume,
    show,
    template_volume,
)
from qsiparc.progress import Progress
from qsiparc.space import with_affine

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

_MAKER: Final = "qsiparc tutorial"
_CITATION: Final = "Synthetic data: there is nothing to cite.\n"


def make_qsirecon(
    path: str | Path,
    n_subjects: int = 4,
    *,
    n_sessions: int = 1,
    seed: int = 20,
    resolution: float = 3.0,
) -> Path:
    """Make a tree of synthetic maps and atlases, laid out as QSIRecon 26 leaves it.

    Nothing is downloaded. The tree takes seconds and a few MB::

        <path>
        ├── dataset_description.json
        ├── participants.tsv                        age, sex and group
        ├── participants.json
        ├── logs/CITATION.md
        ├── sourcedata/atlases
        │   ├── dataset_description.json
        │   └── tpl-MNI152NLin2009cAsym
        │       ├── tpl-…_atlas-4S156Parcels_res-01_dseg.{nii.gz,tsv,json}
        │       └── tpl-…_atlas-Brainnetome246Ext_res-01_dseg.{nii.gz,tsv,json}
        ├── sub-001/ses-01/dwi
        │   ├── sub-001_ses-01_space-ACPC_desc-brain_mask.nii.gz
        │   ├── sub-001_ses-01_space-ACPC_seg-4S156Parcels_dseg.{nii.gz,txt}
        │   └── sub-001_ses-01_space-ACPC_seg-Brainnetome246Ext_dseg.{nii.gz,txt}
        └── derivatives
            ├── qsirecon-AMICONODDI
            │   ├── dataset_description.json
            │   ├── logs/CITATION.md
            │   └── sub-001/ses-01/dwi/sub-001_ses-01_space-ACPC_…_dwimap.{nii.gz,json}
            │         param-FA, and of model-noddi: param-icvf, param-icvf_desc-modulated,
            │         param-od, param-isovf, param-direction (4D)
            ├── qsirecon-DSIStudio                  in both spaces, of model-tensor:
            │         param-fa, param-md
            └── qsirecon-TORTOISE
                      model-mapmri_param-rtop, model-tensor_param-fa

    Parameters
    ----------
    path : str or Path
        A folder that does not exist, is empty, or was made by this function with the same
        arguments.
    n_subjects : int
        ``sub-001`` to ``sub-999``. A subject is the same whatever their number.
    n_sessions : int
        Scans of each subject, ``ses-01`` to ``ses-99``.
    seed : int
        Not negative; the same seed gives the same bytes where NumPy, SciPy and zlib are the same.
    resolution : float
        Edge of a voxel, 1 to 8 [mm]. Of voxels larger than 3 mm, the smallest nuclei hold none.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    FileExistsError
        There is something else at `path`. Nothing has been written then.
    ValueError
        An argument is out of its range. Nothing has been written then.

    Notes
    -----
    What is true of these brains, for a result to be held against:

    * FA falls by 0.2 % of its value at 20 with each year of age, and is 4 % lower in patients;
      MD rises by 0.2 % a year; subjects differ by another 0.5 %.
    * FA is higher in white matter than in the cortex, and by 0.08 higher in ``LH_Vis_1`` than in
      ``RH_Vis_1``.
    * The grids of two scans differ in shape, place and tilt, and are stored right to left and
      front to back. The map and the dseg of one scan are on one grid.
    * Maps are 0 around the brain. Within it only ISOVF has true zeros, and the modulated ICVF
      where there is nothing but free water.
    * MD is NaN in one voxel of the brain out of 200, where the fit failed, and throughout
      ``LH_Limbic_OFC_1`` of ``sub-001``.
    * ``LH-HN`` has vanished from the native dseg of ``sub-002``.
    * The field of view of ``sub-003`` ends 38 mm below zero: what lies lower, most of it in the
      cerebellum, is labelled, but 0 in every map.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> root = make_qsirecon(folder.name, n_subjects=1, resolution=6)
    >>> sorted(entry.name for entry in (root / "derivatives").iterdir())
    ['qsirecon-AMICONODDI', 'qsirecon-DSIStudio', 'qsirecon-TORTOISE']
    >>> folder.cleanup()
    """
    root = Path(path)
    resolution = float(resolution)
    for name, value, low, high in (
        ("n_subjects", index(n_subjects), 1, 999),
        ("n_sessions", index(n_sessions), 1, 99),
        ("seed", index(seed), 0, 2**63 - 1),
        ("resolution", resolution, 1, 8),
    ):
        if not low <= value <= high:
            raise ValueError(f"{name} is {value!r}; it must be {low} to {high}.")
    _claim(root, f"{n_subjects=}, {n_sessions=}, {seed=}, {resolution=}")
    people = [Person.draw(seed, number) for number in range(1, n_subjects + 1)]
    _write_participants(root, people)
    atlases = (atlas_4s156(), atlas_brainnetome())
    template = template_volume(atlases, resolution=resolution)
    for atlas in atlases:
        _write_atlas(root / f"sourcedata/atlases/tpl-{TEMPLATE}", atlas, template, resolution)
    scans = [(person, session) for person in people for session in range(1, n_sessions + 1)]
    with Progress("tutorial", "scans", total=len(scans)) as progress:
        for person, session in scans:
            native = native_volume(person, session, atlases, seed=seed, resolution=resolution)
            noise = (seed, person.number, session)
            _write_labels(root, _stem(person, session, native), native, atlases)
            for volume in (native, template):
                _write_maps(root, _stem(person, session, volume), volume, person, noise)
            progress.add(1)
    return root


def _claim(root: Path, call: str) -> None:
    """Make sure that the folder is ours to write to, and mark it."""
    mark = root / "dataset_description.json"
    ours = _description("Synthetic outputs of QSIRecon", f" by make_qsirecon({call})")
    if root.exists() and not root.is_dir():
        raise FileExistsError(f"{root} is a file. Name a folder that does not exist yet.")
    if root.exists() and any(root.iterdir()):
        found = mark.read_text(encoding="utf-8", errors="replace") if mark.is_file() else ""
        if _MAKER not in found:
            raise FileExistsError(
                f"{root} holds files that are not of the tutorial and might be overwritten. "
                "Name an empty folder, or one that does not exist yet."
            )
        if found != ours:
            raise FileExistsError(
                f"{root} holds a tutorial tree of other arguments than {call}. "
                "Delete it, or name another folder."
            )
    _write(mark, ours)
    _write(root / "logs/CITATION.md", _CITATION)
    _write(root / "sourcedata/atlases/dataset_description.json", _description("Synthetic atlases"))
    for software in {m.software: None for m in MAPS}:
        folder = root / f"derivatives/qsirecon-{software}"
        about = _description(f"Synthetic outputs of QSIRecon, as of {software}")
        _write(folder / "dataset_description.json", about)
        _write(folder / "logs/CITATION.md", _CITATION)


def _description(name: str, by: str = "") -> str:
    made = {"Name": _MAKER, "Description": f"Synthetic data, made{by}; nobody was scanned."}
    return _json(
        {
            "Name": name,
            "BIDSVersion": "1.10.0",
            "DatasetType": "derivative",
            "License": "CC0",
            "GeneratedBy": [made],
        }
    )


def _write_participants(root: Path, people: Sequence[Person]) -> None:
    rows = [["participant_id", "age", "sex", "group"]]
    rows += [[f"sub-{p.number:03d}", str(p.age), p.sex, p.group] for p in people]
    _write(root / "participants.tsv", _tsv(rows))
    about = {
        "age": {"Description": "Age at the first scan", "Units": "year"},
        "sex": {"Levels": {"F": "female", "M": "male"}},
        "group": {"Levels": {"control": "healthy", "patient": "FA lower by 4 %"}},
    }
    _write(root / "participants.json", _json(about))


def _write_atlas(folder: Path, atlas: Atlas, template: Volume, resolution: float) -> None:
    stem = f"tpl-{TEMPLATE}_atlas-{atlas.name}_res-01_dseg"
    columns = list(atlas.rows[0])
    rows = [[row[column] for column in columns] for row in atlas.rows]
    _write(folder / f"{stem}.tsv", _tsv([columns, *rows]))
    about = {
        "Name": f"Synthetic {atlas.name}",
        "Description": "Names as in the real atlas, regions of the tutorial's own making.",
        "License": "CC0",
        "Resolution": {"01": f"{resolution:g} mm, isotropic"},
        **{column: {"LongName": column.replace("_", " ")} for column in columns[2:]},
    }
    _write(folder / f"{stem}.json", _json(about))
    _save(folder / f"{stem}.nii.gz", template.fill(template.labels[atlas.name]), template)


def _stem(person: Person, session: int, volume: Volume) -> Path:
    """Folders and name of a scan's files, up to the space."""
    subject, visit = f"sub-{person.number:03d}", f"ses-{session:02d}"
    return Path(subject, visit, "dwi", f"{subject}_{visit}_space-{volume.space}")


def _write_labels(root: Path, stem: Path, native: Volume, atlases: Sequence[Atlas]) -> None:
    mask = native.brain.astype(np.uint8)
    _save(root / f"{stem}_desc-brain_mask.nii.gz", mask, native)
    for atlas in atlases:
        labels = native.fill(native.labels[atlas.name])
        _save(root / f"{stem}_seg-{atlas.name}_dseg.nii.gz", labels, native)
        names = [[row["index"], row["label"]] for row in atlas.rows]
        _write(root / f"{stem}_seg-{atlas.name}_dseg.txt", _tsv(names))


def _write_maps(
    root: Path, stem: Path, volume: Volume, person: Person, noise: Sequence[int]
) -> None:
    for kind in MAPS:
        if volume.space == TEMPLATE and not kind.in_template:
            continue
        values = show(volume, person, kind.signal, seed=noise, source=kind.software, bias=kind.bias)
        file = root / f"derivatives/qsirecon-{kind.software}/{stem}_{kind.name}_dwimap"
        _save(file.with_suffix(".nii.gz"), volume.fill(values), volume)
        _write(file.with_suffix(".json"), _json(kind.sidecar()))


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2) + "\n"


def _tsv(rows: Iterable[Sequence[str]]) -> str:
    return "".join("\t".join(row) + "\n" for row in rows)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def _save(path: Path, data: NDArray[Any], volume: Volume) -> None:
    """Write an image; the same image gives the same bytes."""
    array = with_affine(
        xr.DataArray(data, dims=("i", "j", "k", "volume")[: data.ndim]), volume.affine
    )
    code = 4 if volume.space == TEMPLATE else 2  # MNI, or aligned to the anatomy
    array.coords["space"].attrs.update(sform_code=code, qform_code=code)
    path.parent.mkdir(parents=True, exist_ok=True)
    # wbits=31: a gzip header without the time; the gzip module's differs between Pythons
    path.write_bytes(zlib.compress(to_nibabel(array).to_bytes(), level=6, wbits=31))
