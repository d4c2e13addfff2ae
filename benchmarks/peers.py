"""Who else reduces a map over an atlas: a function each, in the best form that its package offers.

A function prepares all that a user would keep between maps, and returns a call that reduces one map
and returns the mean of every region. Both images are in memory. ``runner.py`` imports this file in
other environments than ours, so packages are imported where they are used.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import nibabel as nib
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Means = np.ndarray
    Call = Callable[[], Means]


@dataclass(frozen=True)
class Scan:
    """A map and an atlas.

    Parameters
    ----------
    map_path, dseg_path : Path
        The images; the table beside the atlas has the same stem.
    """

    map_path: Path
    dseg_path: Path

    @property
    def lut_path(self) -> Path:
        """Names of the regions."""
        return self.dseg_path.with_name(self.dseg_path.name.replace(".nii.gz", ".tsv"))

    @cached_property
    def map_image(self) -> nib.Nifti1Image:
        """The map, in memory."""
        return _in_memory(self.map_path)

    @cached_property
    def dseg_image(self) -> nib.Nifti1Image:
        """The atlas, in memory."""
        return _in_memory(self.dseg_path)

    @cached_property
    def volume(self) -> np.ndarray:
        """(i, j, k) values."""
        return np.asarray(self.map_image.dataobj)

    @cached_property
    def labels(self) -> np.ndarray:
        """(i, j, k) labels."""
        return np.asarray(self.dseg_image.dataobj)

    @cached_property
    def labelled(self) -> np.ndarray:
        """(i, j, k) where there is a label."""
        return self.labels > 0

    @cached_property
    def flat(self) -> tuple[np.ndarray, np.ndarray]:
        """(voxels,) labels and values where there is a label."""
        return self.labels[self.labelled], self.volume[self.labelled]

    @property
    def regions(self) -> np.ndarray:
        """(regions,) labels that there are."""
        return np.unique(self.flat[0])


def _in_memory(path: Path) -> nib.Nifti1Image:
    image = nib.load(path)
    return nib.Nifti1Image(np.asarray(image.dataobj), image.affine, image.header)


def qsiparc_reused(scan: Scan) -> Call:
    """Ours, the atlas factorised before."""
    import qsiparc

    fa = qsiparc.open_nifti(scan.map_path).load()
    atlas = qsiparc.Parcellation.from_labels(scan.dseg_path)
    lut = qsiparc.read_lut(scan.lut_path)
    return lambda: fa.parc.extract(atlas, lut)["value"].sel(stat="mean").to_numpy().ravel()


def qsiparc_cold(scan: Scan) -> Call:
    """Ours, the atlas factorised each time."""
    import qsiparc

    fa = qsiparc.open_nifti(scan.map_path).load()
    atlas = qsiparc.open_nifti(scan.dseg_path).load()
    lut = qsiparc.read_lut(scan.lut_path)
    return lambda: fa.parc.extract(atlas, lut)["value"].sel(stat="mean").to_numpy().ravel()


def published(scan: Scan) -> Call:
    """The function that QSIParc documents, of the version before the rewrite."""
    from qsiparc.atlas import load_lut_from_tsv
    from qsiparc.extract import extract_scalar_map

    lut = load_lut_from_tsv(scan.lut_path)

    def call() -> Means:
        result = extract_scalar_map(scan.map_image, scan.dseg_image, lut, "FA")
        return result.stats_df["mean"].to_numpy()

    return call


def parcellate(scan: Scan) -> Call:
    """The parcellator, fitted before."""
    from parcellate import VolumetricParcellator

    parcellator = VolumetricParcellator(
        scan.dseg_image, stat_tier="extended", resampling_target=None
    )
    parcellator.fit(scan.map_image)

    def call() -> Means:
        return parcellator.transform(scan.map_image)["mean"].to_numpy()

    return call


def plain_loop(scan: Scan) -> Call:
    """What one would write: a mask a region, NumPy, SciPy."""
    from scipy import stats

    regions = scan.regions
    labels, values = scan.labels.ravel(order="K"), scan.volume.ravel(order="K")

    def row(region: int) -> list[float]:
        x = values[labels == region].astype(np.float64)
        q25, q50, q75 = np.percentile(x, [25, 50, 75])
        return [x.mean(), q50, x.std(), q75 - q25, stats.skew(x), stats.kurtosis(x), x.size, 1.0]

    return lambda: np.array([row(region) for region in regions])[:, 0]


def ndimage(scan: Scan) -> Call:
    """Its functions of labelled images, on labelled voxels alone."""
    from scipy import ndimage as nd

    regions = scan.regions
    labels, values = scan.flat

    def call() -> Means:
        with np.errstate(invalid="ignore"):  # it divides for the label 0, too, which is not there
            nd.median(values, labels, regions)
            nd.standard_deviation(values, labels, regions)
            return nd.mean(values, labels, regions)

    return call


def pandas(scan: Scan) -> Call:
    """A grouped column, the groups sorted out before."""
    import pandas as pd

    labels, values = scan.flat
    grouped = pd.DataFrame({"region": labels, "value": values}).groupby("region")["value"]

    def call() -> Means:
        result = grouped.agg(["mean", "median", "std", "skew", "kurt", "count"])
        grouped.quantile([0.25, 0.75])
        return result["mean"].to_numpy()

    return call


def polars(scan: Scan) -> Call:
    """A grouped frame of the labelled voxels."""
    import polars as pl

    labels, values = scan.flat
    x = pl.col("value")
    statistics = [
        x.mean().alias("mean"),
        x.median().alias("median"),
        x.std(ddof=0).alias("std"),
        (x.quantile(0.75, "linear") - x.quantile(0.25, "linear")).alias("iqr"),
        x.skew().alias("skewness"),
        x.kurtosis().alias("kurtosis"),
        x.count().alias("n_voxels"),
    ]

    def call() -> Means:
        frame = pl.DataFrame({"region": labels, "value": values})
        result = frame.group_by("region").agg(statistics).sort("region")
        return result["mean"].to_numpy()

    return call


def duckdb(scan: Scan) -> Call:
    """One query over a table of the labelled voxels."""
    import duckdb as db
    import pandas as pd

    labels, values = scan.flat
    connection = db.connect()
    connection.register("frame", pd.DataFrame({"region": labels, "value": values}))
    connection.execute("CREATE TABLE voxels AS SELECT * FROM frame")
    query = """
        SELECT avg(value), median(value), stddev_pop(value),
               quantile_cont(value, 0.75) - quantile_cont(value, 0.25),
               skewness(value), kurtosis_pop(value), count(value)
        FROM voxels GROUP BY region ORDER BY region
    """
    return lambda: connection.execute(query).fetchnumpy()['avg("value")']


def nilearn(scan: Scan) -> Call:
    """The masker, fitted before."""
    from nilearn.maskers import NiftiLabelsMasker

    masker = NiftiLabelsMasker(
        scan.dseg_image, strategy="mean", resampling_target=None, standardize=None
    )
    masker.fit()
    return lambda: masker.transform(scan.map_image).ravel()


def simpleitk(scan: Scan) -> Call:
    """Its label statistics."""
    import SimpleITK as sitk  # noqa: N813 - as everybody calls it

    regions = scan.regions.tolist()
    image = sitk.GetImageFromArray(np.ascontiguousarray(scan.volume))
    labels = sitk.GetImageFromArray(np.ascontiguousarray(scan.labels))

    def call() -> Means:
        statistics = sitk.LabelStatisticsImageFilter()
        statistics.Execute(image, labels)
        for region in regions:
            statistics.GetSigma(region)
            statistics.GetCount(region)
        return np.array([statistics.GetMean(region) for region in regions])

    return call


def flox(scan: Scan) -> Call:
    """A grouped reduction of labelled voxels for each statistic it has."""
    import flox.xarray
    import xarray as xr

    regions = scan.regions
    labels, values = (xr.DataArray(array, dims="voxel") for array in scan.flat)
    labels.name = "region"

    def reduced(func: str, **options: Any) -> xr.DataArray:  # noqa: ANN401 - flox's
        return flox.xarray.xarray_reduce(
            values, labels, func=func, expected_groups=regions, **options
        )

    def call() -> Means:
        for func in ("median", "std", "count"):
            reduced(func)
        reduced("quantile", q=[0.25, 0.75])
        return reduced("mean").to_numpy()

    return call


def xrspatial(scan: Scan) -> Call:
    """Zonal statistics; zones are two-dimensional there."""
    import xarray as xr
    from xrspatial import zonal

    zones, values = (
        xr.DataArray(array.reshape(len(array), -1), dims=("y", "x"))
        for array in (scan.labels.astype(np.int32), scan.volume)
    )
    regions = scan.regions.tolist()
    wanted = ["mean", "std", "count"]

    def call() -> Means:
        result = zonal.stats(zones, values, zone_ids=regions, stats_funcs=wanted)
        return result["mean"].to_numpy()

    return call


@dataclass(frozen=True)
class Peer:
    """Somebody to be measured against.

    Parameters
    ----------
    name : str
        As the table says it.
    prepare : callable
        From a `Scan` to a call.
    package : str
        What is installed for it.
    lacks : str
        What it does not compute of the eight statistics.
    environment : str
        ``"bench"``, or ``"published"`` for what cannot be installed beside ours.
    """

    name: str
    prepare: Callable[[Scan], Call]
    package: str
    lacks: str = "nothing"
    environment: str = "bench"


OURS: Final = Peer("qsiparc", qsiparc_reused, "qsiparc")

PEERS: Final = (
    OURS,
    Peer("qsiparc, a new atlas", qsiparc_cold, "qsiparc"),
    Peer(
        "polars",
        polars,
        "polars",
        "coverage; NaN is not left out; takes flat arrays",
    ),
    Peer(
        "duckdb",
        duckdb,
        "duckdb",
        "coverage; NaN is not left out; another skewness; takes a table",
    ),
    Peer(
        "pandas groupby",
        pandas,
        "pandas",
        "coverage; other estimators of std, skewness and kurtosis; takes a table",
    ),
    Peer("xarray + flox", flox, "flox", "skewness, kurtosis, coverage; takes flat arrays"),
    Peer(
        "scipy.ndimage",
        ndimage,
        "scipy",
        "IQR, skewness, kurtosis, counts; NaN is not left out; takes flat arrays",
    ),
    Peer(
        "xarray-spatial",
        xrspatial,
        "xarray-spatial",
        "median, IQR, skewness, kurtosis, coverage",
    ),
    Peer(
        "SimpleITK",
        simpleitk,
        "SimpleITK",
        "median, IQR, skewness, kurtosis, coverage; NaN is not left out",
    ),
    Peer("nilearn", nilearn, "nilearn", "everything but the mean"),
    Peer("plain loop", plain_loop, "scipy"),
    Peer("parcellate", parcellate, "parcellate", "coverage", "published"),
    Peer("qsiparc 0.1.2", published, "qsiparc", environment="published"),
)
