"""Maps reduced over an atlas of either kind: of labels, or of probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qsiparc.ahead import ahead, n_cores
from qsiparc.answer import Answer
from qsiparc.errors import NiftiWarning, OptionError, collected_warnings, warn
from qsiparc.kernels import gather
from qsiparc.masking import within
from qsiparc.placing import labels_on
from qsiparc.probreduce import ProbReduction, reduce_maps
from qsiparc.probseg import Probseg
from qsiparc.reduce import Reduction, reduce_map
from qsiparc.regions import as_lut, region_rows, volume_rows
from qsiparc.weights import PROBABILITY, UNNAMED, checked_weights, is_probability, weigh, weights_on

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import xarray as xr

    from qsiparc.answer import Question
    from qsiparc.parcellation import Dseg, Resample
    from qsiparc.regions import Lut, Unknown
    from qsiparc.weights import Image


def over_labels(
    asked: Question,
    dseg: Dseg,
    lut: Lut | None,
    *,
    weights: Image | None,
    unknown: Unknown,
    resample: Resample | None,
) -> Answer:
    """Reduce maps, one after the other, over a label image; see ``DataArray.parc.extract``."""
    parcellation = labels_on(dseg, asked.grid, resample=resample, name=asked.name)
    rows = region_rows(as_lut(lut, parcellation), parcellation, unknown)
    attrs: dict[str, Any] = {}
    if weights is None:
        domain = within(parcellation, asked.mask)
    else:
        volume, source = weights_on(weights, asked.grid, of_map=asked.name)
        given = checked_weights(gather(volume, parcellation.positions), source or UNNAMED)
        weighed, heavy = weigh(parcellation, given)
        domain = within(weighed, asked.mask, weights=heavy)
        attrs["weights"] = source or "unnamed"
    names = tuple(rows.columns["region_name"])
    values = [
        reduce_map(
            volume.variable,
            Reduction(domain, rows.indices, names, asked.statistics, validity, scalar),
        )
        for volume, validity, scalar in zip(
            _loaded(asked.volumes), asked.validities, asked.scalars, strict=True
        )
    ]
    return Answer(rows, parcellation.source, values, attrs)


def over_probabilities(
    asked: Question,
    dseg: Dseg,
    lut: Lut | None,
    *,
    threshold: float | None,
    weights: Image | None,
    unknown: Unknown,
    resample: Resample | None,
) -> Answer:
    """Reduce maps together over a probabilistic atlas; see ``DataArray.parc.extract``."""
    if resample is not None or unknown == "keep":
        option = "unknown='keep'" if resample is None else "resample"
        raise OptionError(
            f"{option} is for labels. A probabilistic atlas is on the grid of the map already, and "
            f"its LUT has a row for every volume."
        )
    by_probability = is_probability(weights)
    atlas = Probseg.of(dseg, threshold=threshold, is_weighted=by_probability)
    rows, order = volume_rows(lut, atlas)
    attrs: dict[str, Any] = {} if threshold is None else {"threshold": float(threshold)}
    heavy = None
    if by_probability:
        attrs["weights"] = PROBABILITY
    elif weights is not None:
        volume, source = weights_on(weights, asked.grid, of_map=asked.name)
        heavy = checked_weights(volume, source or UNNAMED)
        attrs["weights"] = source or "unnamed"
    reduction = ProbReduction(
        atlas,
        asked.grid,
        tuple(order),
        tuple(rows.columns["region_name"]),
        asked.statistics,
        asked.validities,
        asked.scalars,
        asked.mask,
        heavy,
        asked.name,
    )
    values = reduce_maps([volume.variable for volume in asked.volumes], reduction)
    return Answer(rows, atlas.source, values, attrs)


def _loaded(volumes: Sequence[xr.DataArray]) -> Iterator[xr.DataArray]:
    """Maps with their values in memory, but for those of dask; the next one is read meanwhile.

    While none is there to be reduced, two are read.
    """
    n = int(len(volumes) > 1 and n_cores() > 1)
    for volume, messages in ahead(_load, volumes, n=n, threads=1 + n):
        for message in messages:
            warn(message, NiftiWarning)  # here, where the caller's line is known
        yield volume


def _load(volume: xr.DataArray) -> tuple[xr.DataArray, list[str]]:
    """A map whose values were asked for once, and what was said meanwhile."""
    with collected_warnings() as messages:
        _ = volume.variable.data
    return volume, messages
