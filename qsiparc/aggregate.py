"""Regions of a cube combined into groups: networks, lobes, hemispheres."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import xarray as xr

from qsiparc.arguments import flag, names
from qsiparc.cube import assemble, over_cubes, text_coords, unselected
from qsiparc.errors import CubeError, OptionError, QsiparcWarning, warn
from qsiparc.groups import group_regions, member_labels, region_columns, some_names
from qsiparc.names import MEMBER_LABELS, VALUE
from qsiparc.pooling import NEEDS, pool, unknown_coverage, unknown_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qsiparc.groups import By

T = TypeVar("T", xr.Dataset, xr.DataTree)


def aggregate(
    cube: T,
    by: By,
    *,
    by_hemisphere: bool = False,
    stats: Sequence[str] | None = None,
) -> T:
    """Combine the regions of a cube into groups; see ``Dataset.parc.aggregate``."""
    if isinstance(cube, xr.DataTree):
        return over_cubes(
            cube, lambda node: aggregate(node, by, by_hemisphere=by_hemisphere, stats=stats)
        )
    by_hemisphere = flag(by_hemisphere, "by_hemisphere")
    _refuse_weights(cube)
    whole = unselected(cube)
    groups = group_regions(
        whole["region"].to_numpy().tolist(),
        region_columns(whole),
        by,
        by_hemisphere=by_hemisphere,
    )
    known = whole["stat"].to_numpy().tolist()
    wanted = _poolable(known, stats, by)
    pooled = xr.apply_ufunc(
        partial(_pool_block, known, wanted, groups.members, groups.names),
        whole.variables[VALUE],
        input_core_dims=[["region", "stat"]],
        output_core_dims=[["region", "stat"]],
        exclude_dims={"region", "stat"},
        dask="parallelized",
        output_dtypes=[np.float64],
        dask_gufunc_kwargs={
            "output_sizes": {"region": len(groups.names), "stat": len(wanted)},
            "allow_rechunk": True,
        },
        keep_attrs=True,
    )
    kept = {
        str(name): coordinate.variable
        for name, coordinate in whole.coords.items()
        if not {"region", "stat"} & set(coordinate.dims)
    }
    coords = {
        **kept,
        "region": ("region", np.arange(1, len(groups.names) + 1)),
        **text_coords(groups.columns, "region"),
        **text_coords({MEMBER_LABELS: member_labels(whole, groups.members)}, "region"),
        **text_coords({"stat": wanted}, "stat"),
    }
    attrs = {**cube.attrs, "stats": " ".join(wanted), "aggregated_by": groups.by}
    result = assemble(pooled, coords, attrs)
    dropped = {dim: 0 for dim in ("scalar", "subject") if dim not in cube[VALUE].dims}
    return result.isel(dropped).assign(_other_variables(cube))


def _refuse_weights(cube: xr.Dataset) -> None:
    """A region counts by its voxels here, so neither weights nor shared voxels add up."""
    if "weights" in cube.attrs:
        raise CubeError(
            f"The values of this cube are weighted ({cube.attrs['weights']}), and it does not keep "
            f"what the regions weigh together. Put their probabilities or labels together, and "
            f"extract again."
        )
    if "threshold" in cube.attrs:
        warn(
            "The regions of a probabilistic atlas may share voxels, which count in each of them. "
            "To be exact, add or maximise their probabilities, and extract again.",
            QsiparcWarning,
        )


def _poolable(known: Sequence[str], stats: Sequence[str] | None, by: By) -> list[str]:
    """The statistics to return: those that were asked for, or all that can be pooled."""
    asked = list(known if stats is None else names(stats, "stats", what="statistics"))
    if not asked or len(set(asked)) < len(asked):
        raise OptionError(f"stats takes distinct names of statistics, at least one; not {asked}.")
    absent = [name for name in asked if name not in known]
    lacking = {name: _lacking(name, known) for name in asked if name in NEEDS}
    wanted = [name for name in asked if lacking.get(name) == []]
    if not absent and wanted == asked:
        return wanted
    reasons = []
    if absent:
        reasons.append(f"{', '.join(absent)} of the regions are not in this cube.")
    lost = [name for name in asked if name not in NEEDS and name not in absent]
    if lost:
        of = repr(by) if isinstance(by, str) else "…"
        reasons.append(
            f"{', '.join(lost)} of a group do not follow from those of its regions. Merge the "
            f"labels and extract again: merged, lut = dseg.parc.relabel({of}, lut)."
        )
    reasons += [
        f"{name} of a group needs {' and '.join(missing)} of its regions as well."
        for name, missing in lacking.items()
        if missing and name not in absent
    ]
    if stats is not None or not wanted:
        raise CubeError(" ".join(reasons))
    kept = f"These are left out; stats={wanted} says so without this warning."
    warn(" ".join([*reasons, kept]), QsiparcWarning)
    return wanted


def _lacking(name: str, known: Sequence[str]) -> list[str]:
    return [need for need in NEEDS[name] if need not in known]


def _pool_block(
    known: Sequence[str],
    wanted: Sequence[str],
    members: Sequence[NDArray[np.intp]],
    names: Sequence[str],
    block: NDArray[np.float64],
) -> NDArray[np.float64]:
    """``(…, region, stat)`` to ``(…, group, stat)``; warns of what cannot be known."""
    pooled = pool(block, known, wanted, members)
    if "coverage" in wanted:
        lost = unknown_coverage(block, known, members)
        _warn_of(
            lost,
            names,
            "coverage",
            "has no valid voxel, and its coverage of 0 does not tell of how many. With the "
            "statistic 'n_atlas_voxels' in the cube it is known",
        )
    if "mean" in wanted:
        _warn_of(
            unknown_mean(block, known, members),
            names,
            "mean",
            "has voxels but no mean: min_voxels or min_coverage took it, or infinite values. "
            "Extract without these options, or merge the labels with relabel",
        )
    return pooled


def _warn_of(lost: NDArray[np.bool_], names: Sequence[str], stat: str, reason: str) -> None:
    """Name the groups in which a statistic is NaN, and why."""
    affected = [name for name, one in zip(names, lost, strict=True) if one]
    if affected:
        warn(
            f"The {stat} of {some_names(affected)} is NaN: one of the regions {reason}.",
            QsiparcWarning,
        )


def _other_variables(cube: xr.Dataset) -> dict[str, Any]:
    """What a cube has beside its values, a study's status say, as far as it is not by region."""
    others = {str(name): v.variable for name, v in cube.data_vars.items() if name != VALUE}
    lost = [name for name, v in others.items() if {"region", "stat"} & set(v.dims)]
    if lost:
        warn(f"{', '.join(lost)} are by region, and nobody knows how to pool them.", QsiparcWarning)
    return {name: v for name, v in others.items() if name not in lost}
