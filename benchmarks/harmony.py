"""Which numbers of other tools are ours: ``make harmony``.

Every tool that is installed reduces one seeded map over one label image. Each of its statistics is
held against ours, region by region, as it is, and once more after the tool's own rule for missing
voxels and its divisor are applied to ours. ``--write PAGE`` puts the tables into a page, between
its two ``<!-- harmony -->`` lines.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import shutil
import subprocess
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pandas as pd

import qsiparc

if TYPE_CHECKING:
    from collections.abc import Callable

REGIONS = {
    1: "all valid",
    2: "zeros",
    3: "NaN",
    4: "infinite",
    5: "about 0.001",
    6: "one voxel",
}
"""What is in each region of the map."""

STATS = (
    *("mean", "std", "median", "minimum", "maximum", "sum", "skewness", "kurtosis", "n_voxels"),
    "mask_coverage",
)
TOLERANCE = 1e-5
"""Relative; some tools print six digits, and keep float32."""


@dataclass(frozen=True)
class Rule:
    """What a tool does otherwise.

    Parameters
    ----------
    summary : str
        In words.
    missing : callable
        What it takes for the values of the map.
    ddof : int
        What is taken off n in the divisor of its variance.
    lone : float
        What it calls spread and shape of a single voxel.
    """

    summary: str
    missing: Callable[[np.ndarray], np.ndarray]
    ddof: int
    lone: float


@dataclass(frozen=True)
class Tool:
    """Another tool.

    Parameters
    ----------
    name : str
        What it is called in the tables.
    version : callable
        Its version; raises where it is not installed.
    run : callable
        From the paths of map and labels to a DataFrame, a row a label, a column a statistic.
    rule : Rule
        What it makes of missing voxels, and what it divides by.
    install : str
        How to get it.
    takes_mask : bool
        Whether it, and qsiparc beside it, look within the brain mask only.
    """

    name: str
    version: Callable[[], str]
    run: Callable[[Path, Path], pd.DataFrame]
    rule: Rule
    install: str
    takes_mask: bool = False


def made_up(folder: Path) -> tuple[Path, Path]:
    """A map and its labels, the same at every run."""
    rng = np.random.default_rng(6)
    labels = np.repeat([1, 2, 3, 4, 5, 6], [500, 501, 500, 500, 500, 1]).astype(np.int16)
    values = rng.beta(4, 7, labels.size).astype(np.float32)
    _, zeros, missing, infinite, small, _ = (np.flatnonzero(labels == label) for label in REGIONS)
    values[zeros[::7]] = 0
    values[missing[::7]] = np.nan
    values[infinite[[3, 50]]] = np.inf
    values[small] *= np.float32(2e-3)
    volumes = np.zeros((2, 14 * 14 * 14), np.float32)
    volumes[0, : labels.size], volumes[1, : labels.size] = values, labels
    affine = np.diag([2.0, 2, 2, 1])
    paths = folder / "map.nii.gz", folder / "labels.nii.gz"
    for path, volume, kind in zip(paths, volumes, (np.float32, np.int16), strict=True):
        nib.save(nib.Nifti1Image(volume.reshape(14, 14, 14).astype(kind), affine), path)
    inside = (np.arange(volumes[0].size) % 5 > 0).astype(np.uint8)
    nib.save(nib.Nifti1Image(inside.reshape(14, 14, 14), affine), mask_of(labels=paths[1]))
    return paths


def mask_of(*, labels: Path) -> Path:
    """The brain mask beside the labels."""
    return labels.with_name("brain.nii.gz")


def ours(values: np.ndarray, labels: Path, mask: Path | None = None) -> pd.DataFrame:
    """Our statistics of a map, a row a label."""
    stats = STATS if mask is not None else STATS[:-1]
    fa = qsiparc.open_nifti(nib.Nifti1Image(values, nib.load(labels).affine))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of infinite voxels, which are the point
        cube = fa.parc.extract(labels, stats=list(stats), mask=mask)
    frame = cube.value.isel(scalar=0, subject=0).transpose("region", "stat").to_pandas()
    return frame.set_axis(list(map(int, frame.index)), axis=0).set_axis(list(stats), axis=1)


def by_rule(values: np.ndarray, labels: Path, rule: Rule, mask: Path | None = None) -> pd.DataFrame:
    """Our statistics, with a tool's own rule for missing voxels and its divisor."""
    frame = ours(rule.missing(values), labels, mask)
    if rule.ddof:
        share = (1 - rule.ddof / frame["n_voxels"]).where(frame["n_voxels"] > rule.ddof)
        shape = {
            "std": frame["std"] / np.sqrt(share),
            "skewness": frame["skewness"] * share**1.5,
            "kurtosis": (frame["kurtosis"] + 3) * share**2 - 3,
        }
        frame = frame.assign(
            **{name: column.where(share.notna(), rule.lone) for name, column in shape.items()}
        )
    return frame


def nilearn(values: Path, labels: Path) -> pd.DataFrame:
    """What ``NiftiLabelsMasker`` says, statistic by statistic."""
    from nilearn.maskers import NiftiLabelsMasker

    strategies = {
        "mean": "mean",
        "std": "standard_deviation",
        "median": "median",
        "minimum": "minimum",
        "maximum": "maximum",
        "sum": "sum",
    }
    columns = {}
    for name, strategy in strategies.items():
        masker = NiftiLabelsMasker(labels, strategy=strategy, resampling_target=None)
        columns[name] = np.ravel(masker.fit_transform(str(values)))
    return pd.DataFrame(columns, index=list(REGIONS))


def qsirecon(values: Path, labels: Path) -> pd.DataFrame:
    """What QSIRecon's ``ParcellateScalars`` writes, by its own steps, which are nilearn's."""
    from nilearn.maskers import NiftiLabelsMasker

    mask = mask_of(labels=labels)
    strategies = {"mean": "mean", "std": "standard_deviation", "median": "median"}
    columns = {}
    for name, strategy in strategies.items():
        masker = NiftiLabelsMasker(labels, mask_img=mask, strategy=strategy, resampling_target=None)
        columns[name] = np.ravel(masker.fit_transform(str(values)))
    image = nib.load(labels)
    there = nib.Nifti1Image((image.get_fdata() > 0).astype(np.uint8), image.affine)
    counts = [
        np.ravel(
            NiftiLabelsMasker(
                labels, mask_img=within, strategy="sum", resampling_target=None
            ).fit_transform(there)
        )
        for within in (mask, None)
    ]
    return pd.DataFrame({**columns, "mask_coverage": counts[0] / counts[1]}, index=list(REGIONS))


def mrstats(values: Path, labels: Path, *options: str) -> pd.DataFrame:
    """What ``mrstats`` of MRtrix says, with a mask a region."""
    fields = {
        "mean": "mean",
        "median": "median",
        "std": "std",
        "min": "minimum",
        "max": "maximum",
        "count": "n_voxels",
    }
    image = nib.load(labels)
    rows = []
    for label in REGIONS:
        mask = values.with_name("mask.nii.gz")
        nib.save(nib.Nifti1Image((image.get_fdata() == label).astype(np.uint8), image.affine), mask)
        command = ["mrstats", "-quiet", *options, "-mask", mask, values]
        for field in fields:
            command += ["-output", field]
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own
        rows.append([np.nan if cell == "N/A" else float(cell) for cell in done.stdout.split()])
    return pd.DataFrame(rows, index=list(REGIONS), columns=list(fields.values()))


def mrstats_version() -> str:
    """The version that ``mrstats`` names."""
    if shutil.which("mrstats") is None:
        raise ImportError("mrstats")
    done = subprocess.run(["mrstats", "-version"], capture_output=True, text=True, check=True)  # noqa: S607 - as installed
    return done.stdout.split("==")[1].split()[1]


def antspy(values: Path, labels: Path) -> pd.DataFrame:
    """What ``ants.label_stats`` says."""
    import ants

    found = ants.label_stats(ants.image_read(str(values)), ants.image_read(str(labels)))
    found = found.set_index(found["LabelValue"].astype(int)).loc[list(REGIONS)]
    return pd.DataFrame(
        {
            "mean": found["Mean"],
            "std": np.sqrt(found["Variance"]),
            "minimum": found["Min"],
            "maximum": found["Max"],
            "sum": found["Mass"],
            "n_voxels": found["Count"],
        }
    )


def itk(values: Path, labels: Path) -> pd.DataFrame:
    """What ``LabelIntensityStatisticsImageFilter`` of SimpleITK says."""
    import SimpleITK as sitk  # noqa: N813 - its own way

    stats = sitk.LabelIntensityStatisticsImageFilter()
    stats.Execute(sitk.ReadImage(str(labels)), sitk.ReadImage(str(values)))
    getters = {
        "mean": stats.GetMean,
        "std": stats.GetStandardDeviation,
        "median": stats.GetMedian,
        "minimum": stats.GetMinimum,
        "maximum": stats.GetMaximum,
        "sum": stats.GetSum,
        "skewness": stats.GetSkewness,
        "kurtosis": stats.GetKurtosis,
        "n_voxels": stats.GetNumberOfPixels,
    }
    columns = {name: [get(label) for label in REGIONS] for name, get in getters.items()}
    return pd.DataFrame(columns, index=list(REGIONS))


def zero_for_missing(values: np.ndarray) -> np.ndarray:
    """What is not finite counts as 0."""
    return np.where(np.isfinite(values), values, np.float32(0))


def finite_alone(values: np.ndarray) -> np.ndarray:
    """What is not finite is left out."""
    return np.where(np.isfinite(values), values, np.float32(np.nan))


def finite_and_not_zero(values: np.ndarray) -> np.ndarray:
    """What is 0 or not finite is left out."""
    return np.where(values == 0, np.float32(np.nan), finite_alone(values))


def of_package(name: str) -> Callable[[], str]:
    """A package's version, asked for later."""
    return lambda: importlib.metadata.version(name)


ZERO = "what is not finite counts as 0"
ITK = Rule(f"{ZERO}, ddof = 1, one voxel has spread 0", zero_for_missing, 1, 0.0)

TOOLS = (
    Tool(
        "nilearn `NiftiLabelsMasker`",
        of_package("nilearn"),
        nilearn,
        Rule(ZERO, zero_for_missing, 0, 0.0),
        "pip install nilearn",
    ),
    Tool(
        "QSIRecon `ParcellateScalars`",
        of_package("nilearn"),
        qsirecon,
        Rule(ZERO, zero_for_missing, 0, 0.0),
        "pip install nilearn",
        takes_mask=True,
    ),
    Tool(
        "MRtrix `mrstats`",
        mrstats_version,
        mrstats,
        Rule("what is not finite is left out, ddof = 1", finite_alone, 1, np.nan),
        "apt-get install mrtrix3",
    ),
    Tool(
        "MRtrix `mrstats -ignorezero`",
        mrstats_version,
        lambda values, labels: mrstats(values, labels, "-ignorezero"),
        Rule("what is 0 or not finite is left out, ddof = 1", finite_and_not_zero, 1, np.nan),
        "apt-get install mrtrix3",
    ),
    Tool("ANTsPy `label_stats`", of_package("antspyx"), antspy, ITK, "pip install antspyx"),
    Tool(
        "SimpleITK `LabelIntensityStatistics`",
        of_package("SimpleITK"),
        itk,
        ITK,
        "pip install SimpleITK",
    ),
)


def agreement(theirs: pd.DataFrame, expected: pd.DataFrame) -> pd.DataFrame:
    """``=`` where two numbers agree, ``NaN`` where only theirs is NaN, ``≠`` where they differ."""
    expected = expected.loc[theirs.index, theirs.columns]
    same = np.isclose(theirs, expected, rtol=TOLERANCE, atol=0, equal_nan=True)
    signs = np.where(same, "=", np.where(theirs.isna(), "NaN", "≠"))
    return pd.DataFrame(signs, index=theirs.index, columns=theirs.columns)


def table(name: str, signs: pd.DataFrame) -> list[list[str]]:
    """Rows of a table, in which statistics that agree in the same regions share one."""
    patterns: dict[tuple[str, ...], list[str]] = {}
    for stat in signs:
        patterns.setdefault(tuple(signs[stat]), []).append(f"`{stat}`")
    return [[name, ", ".join(stats), *cells] for cells, stats in patterns.items()]


def markdown(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def compare(tools: tuple[Tool, ...] = TOOLS) -> str:
    """Run the tools and write down what agrees."""
    plain: list[list[str]] = []
    ruled: list[list[str]] = []
    versions, absent = [f"qsiparc {qsiparc.__version__}"], []
    with tempfile.TemporaryDirectory() as folder:
        values, labels = made_up(Path(folder))
        numbers: Any = np.asanyarray(nib.load(values).dataobj)
        for tool in tools:
            try:
                version = tool.version()
            except ImportError:
                absent.append(f"{tool.name} ({tool.install})")
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                theirs = tool.run(values, labels)
            if not tool.takes_mask:  # QSIRecon's steps are nilearn's
                versions.append(f"{tool.name.split()[0]} {version}")
            mask = mask_of(labels=labels) if tool.takes_mask else None
            plain += table(tool.name, agreement(theirs, ours(numbers, labels, mask)))
            expected = by_rule(numbers, labels, tool.rule, mask)
            ruled += table(f"{tool.name}: {tool.rule.summary}", agreement(theirs, expected))
    header = ["tool", "statistics", *REGIONS.values()]
    parts = [
        f"As it is ({', '.join(dict.fromkeys(versions))}):",
        markdown(header, plain),
        "With the tool's own rule for missing voxels, and its divisor, applied to ours:",
        markdown(header, ruled),
    ]
    if absent:
        parts.append(f"Not run, for not being installed: {', '.join(absent)}.")
    return "\n\n".join(parts)


def main() -> None:
    """Print the tables, or write them into a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, metavar="PAGE", help="a page to put them into")
    page = parser.parse_args().write
    tables = compare()
    if page is None:
        print(tables)
        return
    mark = "<!-- harmony -->"
    before, _, after = page.read_text(encoding="utf-8").split(mark)
    text = f"{before}{mark}\n{tables}\n{mark}{after}"
    page.write_text(text, encoding="utf-8")
    print(f"{page} is written.")


if __name__ == "__main__":
    main()
