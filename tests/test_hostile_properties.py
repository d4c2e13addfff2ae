"""What holds for any label image, look-up table and long table that hypothesis makes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from phantoms import ramp, volume

import qsiparc
from qsiparc.atlas import AtlasLUT, RegionInfo, read_lut
from qsiparc.errors import LabelError, LutError
from qsiparc.labels import whole_labels

names = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8
).filter(str.strip)
indices = st.integers(-(2**63), 2**63 - 1)


def outcome(function, error):
    """What a function returns, its warnings aside, or None and what its error says."""
    try:
        with qsiparc.errors.collected_warnings():
            return function(), ""
    except error as refusal:
        return None, str(refusal)


@given(hnp.arrays(np.int64, (2, 3, 2), elements=indices))
@settings(deadline=None, max_examples=40)
def test_any_labels_are_the_voxels_that_hold_them(labels):
    parcellation = qsiparc.Parcellation.from_labels(
        xr.DataArray(labels, dims=("i", "j", "k")).parc.with_affine(np.eye(4))
    )
    assert parcellation.labels.tolist() == sorted(set(labels.ravel().tolist()) - {0})
    np.testing.assert_array_equal(parcellation.to_labels(), labels)


@given(hnp.arrays(st.sampled_from([np.float32, np.float64]), (2, 2, 2)))
@settings(deadline=None, max_examples=60)
@np.errstate(all="ignore")
def test_any_floats_are_labels_or_an_error(values):
    """Never another number than the nearest whole one, and never one that is far from it."""
    image = xr.DataArray(values, dims=("i", "j", "k"))
    labels, refusal = outcome(lambda: whole_labels(image, "a_dseg.nii"), LabelError)
    if labels is None:
        assert "a_dseg.nii" in refusal
        return
    meant = np.nan_to_num(values.reshape(-1, order="F"))
    assert np.abs(labels - meant).max() <= 0.2
    assert (labels == np.rint(meant)).all()


@given(st.lists(st.tuples(indices, names), min_size=1, max_size=6, unique_by=lambda row: row[0]))
@settings(deadline=None, max_examples=60)
def test_any_names_survive_a_table(rows):
    regions = [RegionInfo(index, name, "L") for index, name in rows]
    lut = AtlasLUT(regions, "A")
    names_kept = [region.name.strip() for region in regions]
    again = AtlasLUT.from_dataframe(lut.to_dataframe(), "A", background=None)
    assert [region.index for region in again] == [region.index for region in regions]
    assert [region.name for region in again] == names_kept


@given(content=st.binary(max_size=120))
@settings(deadline=None, max_examples=80)
def test_any_bytes_are_a_table_or_an_error_that_names_the_file(content, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "any_dseg.tsv"
    path.write_bytes(content)
    lut, refusal = outcome(lambda: read_lut(path), LutError)
    assert len(lut) if lut is not None else path.name in refusal


@given(seed=st.integers(0, 2**32 - 1), drop=st.integers(0, 3), texts=st.lists(names, min_size=2))
@settings(deadline=None, max_examples=25)
def test_a_long_table_in_any_order_is_the_same_cube(seed, drop, texts):
    dseg = volume((ramp() // 30 + 1).astype("i2"))
    lut = AtlasLUT([RegionInfo(n, texts[n % 2] + "x", "R") for n in range(1, 5)], "A")
    cubes = [
        (volume(ramp()) * n).parc.extract(dseg, lut, scalar="FA", subject=f"sub-{n}")
        for n in (1, 2)
    ]
    table = pd.concat([cube.parc.to_long() for cube in cubes], ignore_index=True)
    shuffled = table.sample(frac=1, random_state=np.random.RandomState(seed))
    with qsiparc.errors.collected_warnings() as told:
        again = qsiparc.from_long(shuffled.iloc[drop:])
    assert len(told) == (drop > 0 and again.sizes["region"] * again.sizes["subject"] > 8 - drop)
    for _, row in shuffled.iloc[drop:].iterrows():
        found = again.sel(region=row["region_index"], subject=row["subject"], scalar="FA")
        assert found["value"].sel(stat="mean").item() == row["mean"]
        assert found["region_name"].item() == row["region_name"]
