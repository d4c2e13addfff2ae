"""From a scalar map and an atlas to a cube, and the documented functions on top."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pandas as pd
import xarray as xr

from qsiparc.answer import Question, as_cube, map_names
from qsiparc.catalogue import require_no_mask, require_weighted, resolve
from qsiparc.coords import scalar_coords
from qsiparc.cube import is_cube
from qsiparc.errors import CubeError, NiftiWarning, warn
from qsiparc.masking import Mask
from qsiparc.names import (
    OUTPUT_COLUMNS,
    REGION_COORDS,
    SCALAR_COORDS,
    VOLUME,
    VOXEL_DIMS,
)
from qsiparc.nifti import open_nifti
from qsiparc.over import over_labels, over_probabilities
from qsiparc.space import voxel_grid
from qsiparc.table import to_long
from qsiparc.validity import Validity
from qsiparc.voxels import require_real
from qsiparc.weights import is_probability

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import nibabel as nib

    from qsiparc.atlas import AtlasLUT
    from qsiparc.catalogue import Stats
    from qsiparc.parcellation import Dseg, Resample
    from qsiparc.regions import Lut, Unknown
    from qsiparc.validity import Range
    from qsiparc.weights import Image

LABEL_FILES: Final = ("_dseg.nii", "_dseg.nii.gz")
"""How the names of label images end in BIDS."""

__all__ = [
    "OUTPUT_COLUMNS",
    "ExtractionResult",
    "extract_cube",
    "extract_scalar_map",
    "merge_extraction_results",
]


def extract_cube(
    maps: xr.DataArray | xr.Dataset,
    dseg: Dseg,
    lut: Lut | None = None,
    *,
    stats: Stats = "extended",
    zero_is_missing: bool = False,
    valid_range: Range | None = None,
    mask: Dseg | None = None,
    min_coverage: float = 0.0,
    min_voxels: int = 0,
    threshold: float | None = None,
    weights: Image | None = None,
    scalar: str | None = None,
    subject: str | None = None,
    unknown: Unknown = "warn",
    resample: Resample | None = None,
) -> xr.Dataset:
    """Reduce maps over the regions of an atlas; see ``DataArray.parc.extract``."""
    statistics = resolve(stats)
    validity = Validity.checked(
        zero_is_missing=zero_is_missing,
        valid_range=valid_range,
        min_coverage=min_coverage,
        min_voxels=min_voxels,
    )
    if mask is None:
        require_no_mask(stats)
    if weights is not None:
        require_weighted(statistics)
    volumes = _volumes(maps)
    for volume in volumes:
        source = str(volume.attrs.get("source", "the map"))
        require_real(volume.dtype, source)
        if source.endswith(LABEL_FILES):
            warn(
                f"{source} is the map here, and a label image by its name: means of labels say "
                f"nothing. The order is fa.parc.extract(dseg, lut).",
                NiftiWarning,
            )
    grid, *_ = [voxel_grid(volume) for volume in volumes]  # each checks its own witness
    of_scalars = scalar_coords(volumes, scalar)
    names = map_names(of_scalars)
    of_maps = tuple(
        validity.of_map(volume.attrs, name) for volume, name in zip(volumes, names, strict=True)
    )
    within = (
        None
        if mask is None
        else Mask.on(mask, grid, resample=resample, of_map=str(volumes[0].attrs.get("source", "")))
    )
    asked = Question(tuple(volumes), grid, statistics, of_maps, names, within)
    if threshold is not None or is_probability(weights):
        answer = over_probabilities(
            asked,
            dseg,
            lut,
            threshold=threshold,
            weights=weights,
            unknown=unknown,
            resample=resample,
        )
    else:
        answer = over_labels(asked, dseg, lut, weights=weights, unknown=unknown, resample=resample)
    return as_cube(asked, answer, of_scalars, stats=stats, validity=validity, subject=subject)


def _volumes(maps: xr.DataArray | xr.Dataset) -> list[xr.DataArray]:
    """The maps that were given, all with the same further dims."""
    if isinstance(maps, xr.DataArray):
        return [maps]
    arrays = {str(name): array for name, array in maps.data_vars.items()}
    volumes = {name: v for name, v in arrays.items() if set(VOXEL_DIMS) <= set(v.dims)}
    left_out = [name for name in arrays if name not in volumes]
    if not volumes:
        hint = " It is a cube already: .parc.extract is called on a map." if is_cube(maps) else ""
        raise CubeError(f"No variable of this Dataset has the dims i, j, k: {left_out}.{hint}")
    if left_out:
        warn(f"No volumes, so not extracted: {left_out}.", NiftiWarning)
    further = {name: set(v.dims) - set(VOXEL_DIMS) for name, v in volumes.items()}
    first, *others = further.values()
    if any(dims != first for dims in others):
        raise CubeError(f"These maps differ in their further dims, extract them apart: {further}.")
    return list(volumes.values())


@dataclass(frozen=True)
class ExtractionResult:
    """One scalar map over one atlas.

    Parameters
    ----------
    scalar_name : str
        ``"FA"``, say.
    atlas_name : str
        The LUT's.
    stats_df : DataFrame
        A row a region, columns `OUTPUT_COLUMNS`.
    """

    scalar_name: str
    atlas_name: str
    stats_df: pd.DataFrame


def extract_scalar_map(  # noqa: PLR0917 - the documented signature
    scalar_path: str | Path | nib.nifti1.Nifti1Image | xr.DataArray,
    dseg_path: str | Path | nib.nifti1.Nifti1Image | xr.DataArray,
    lut: AtlasLUT,
    scalar_name: str,
    stat_tier: str = "extended",
    zero_is_missing: bool = False,
) -> ExtractionResult:
    """Statistics of a scalar map in every region of an atlas.

    Parameters
    ----------
    scalar_path : str, Path, Nifti1Image or DataArray
        The map, ``(i, j, k)``; of a 4D map the first volume, with a warning.
    dseg_path : str, Path, Nifti1Image or DataArray
        The atlas image on the same grid; axes may run the other way.
    lut : AtlasLUT
        Names of the regions; each of them is a row.
    scalar_name : str
        Written to the column ``scalar``.
    stat_tier : str, optional
        ``"core"``, ``"extended"``, ``"diagnostic"`` or ``"all"``; what the tier does not compute is
        NaN.
    zero_is_missing : bool, optional
        Whether a value of exactly 0.0 is missing.

    Returns
    -------
    ExtractionResult
        Its ``stats_df`` has the columns `OUTPUT_COLUMNS`, and after them what the tier has beside
        them. ``n_voxels`` counts the region's voxels
        that are not NaN, ``coverage`` is their share of the region's voxels in the dseg, and a
        region without a valid voxel has NaN statistics.

    Raises
    ------
    GridMismatchError
        The two are not on one grid (a `ValueError`).
    UnknownStatisticError
        There is no such tier.

    Examples
    --------
    >>> from pathlib import Path
    >>> from qsiparc.discover import discover_dseg_files, load_lut_for_dseg
    >>> from qsiparc.extract import extract_scalar_map
    >>> from qsiparc.tutorial import make_qsirecon

    >>> root = make_qsirecon(getfixture("tmp_path") / "qsirecon", n_subjects=1, resolution=6)
    >>> dseg = discover_dseg_files(root, participant_label="sub-001")[0]
    >>> folder = root / "derivatives/qsirecon-AMICONODDI/sub-001/ses-01/dwi"
    >>> result = extract_scalar_map(
    ...     folder / "sub-001_ses-01_space-ACPC_param-FA_dwimap.nii.gz",
    ...     dseg.path,
    ...     lut=load_lut_for_dseg(dseg),
    ...     scalar_name="FA",
    ...     zero_is_missing=True,
    ... )
    >>> result.stats_df["region_name"].iloc[0]
    'LH_Vis_1'
    """
    scalar = scalar_path if isinstance(scalar_path, xr.DataArray) else open_nifti(scalar_path)
    if VOLUME in scalar.dims:
        source = scalar.attrs.get("source", "in memory")
        warn(
            f"The scalar map {scalar_name} ({source}) is 4D, {scalar.shape}: its first volume is "
            f"used. All of them: open_nifti(path).parc.extract(dseg, lut).",
            NiftiWarning,
        )
        scalar = scalar.isel({VOLUME: 0}, drop=True)
    cube = extract_cube(
        scalar,
        dseg_path,
        lut,
        stats=stat_tier,
        zero_is_missing=zero_is_missing,
        scalar=scalar_name,
    )
    extra = [*SCALAR_COORDS, *(c for c in cube["region"].coords if c not in REGION_COORDS)]
    table = to_long(cube).drop(columns=["subject", "session", "atlas", *extra], errors="ignore")
    atlas = getattr(lut, "atlas_name", cube.attrs["atlas"])  # a path will do, and so will None
    return ExtractionResult(scalar_name, atlas, table)


def merge_extraction_results(results: Sequence[ExtractionResult]) -> pd.DataFrame:
    """Stack results into one long table.

    Parameters
    ----------
    results : sequence of ExtractionResult
        Of any maps and atlases.

    Returns
    -------
    DataFrame
        Their rows, one below the other; empty for no results.
    """
    if not results:
        return pd.DataFrame()
    given: Sequence[object] = results
    strange = [one for one in given if not isinstance(one, ExtractionResult)]
    if strange:
        raise TypeError(
            f"merge_extraction_results takes what extract_scalar_map returns, in a list; not "
            f"{type(strange[0]).__name__}."
        )
    return pd.concat([result.stats_df for result in results], ignore_index=True)
