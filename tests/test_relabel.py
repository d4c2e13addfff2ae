from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from phantoms import image, volume

from qsiparc.atlas import AtlasLUT, RegionInfo
from qsiparc.errors import CubeError, LabelError, LabelWarning, OptionError, QsiparcWarning

AFFINE = np.array([[-2.0, 0, 0, 90], [0, 2, 0, -126], [0, 0, 2, -72], [0, 0, 0, 1]])
LABELS = np.arange(6, dtype=np.int16).reshape(6, 1, 1).repeat(2, axis=1)
LUT = AtlasLUT(
    [RegionInfo(n, name, name[0] if name[0] in "LR" else "bilateral") for n, name in
     enumerate(["L_a", "R_a", "L_b", "R_b", "stem"], start=1)],
    "Five",
    extra=pd.DataFrame({"lobe": ["A", "A", "B", "B", ""], "deep": ["0", "0", "1", "1", "1"]}),
    source="five.tsv",
)  # fmt: skip


@pytest.fixture
def dseg():
    return volume(LABELS, AFFINE)


def rows(array):
    return array.to_numpy()[:, 0, 0].tolist()


def test_labels_are_merged_in_the_order_of_the_table(dseg):
    with pytest.warns(QsiparcWarning, match="1 of 5 regions have no lobe .*: stem"):
        merged, lobes = dseg.parc.relabel("lobe", LUT)
    assert rows(merged) == [0, 1, 1, 2, 2, 0]
    assert lobes.to_dataframe().to_dict("list") == {
        "region_index": [1, 2],
        "region_name": ["A", "B"],
        "hemisphere": ["bilateral"] * 2,
        "lobe": ["A", "B"],
        "deep": ["0", "1"],
    }
    assert (lobes.atlas_name, lobes.source) == ("Five", "five.tsv")


def test_the_grid_stays(dseg):
    merged, _ = dseg[::-1, :, :].parc.relabel({"x": [5]})
    assert rows(merged) == [1, 0, 0, 0, 0, 0]
    np.testing.assert_array_equal(merged.parc.affine, dseg.parc.affine)
    xr.testing.assert_equal(merged.coords.to_dataset(), dseg[::-1].coords.to_dataset())
    assert merged.dtype == np.int32
    assert merged.attrs["grid"] == dseg.attrs["grid"]


def test_by_hemisphere(dseg):
    merged, halves = dseg.parc.relabel("deep", LUT, by_hemisphere=True)
    assert [region.name for region in halves] == ["0_L", "0_R", "1_L", "1_R", "1_bilateral"]
    assert rows(merged) == [0, 1, 2, 3, 4, 5]


def test_a_mapping_of_labels_needs_no_table(dseg):
    merged, lut = dseg.parc.relabel({1: "x", 3: "x", 5: "y"})
    assert rows(merged) == [0, 1, 0, 1, 0, 2]
    assert [region.name for region in lut] == ["x", "y"]


def test_the_original_is_not_changed(dseg):
    dseg.load()
    dseg.parc.relabel({"x": [1]})
    np.testing.assert_array_equal(dseg, LABELS)


def test_a_group_that_the_image_lacks_is_a_row(dseg):
    merged, lut = dseg[:3].parc.relabel("deep", LUT)
    assert rows(merged) == [0, 1, 1]
    assert [region.name for region in lut] == ["0", "1"]


def test_labels_that_the_table_does_not_name(dseg):
    short = AtlasLUT(LUT.regions[:4], "Four")
    with pytest.warns(LabelWarning, match="1 label that the LUT 'Four' does not name: 5"):
        merged, _ = dseg.parc.relabel({"x": ["L_a"]}, short)
    assert rows(merged) == [0, 1, 0, 0, 0, 0]
    with pytest.raises(LabelError, match="does not name: 5"):
        dseg.parc.relabel({"x": ["L_a"]}, short, unknown="raise")
    merged, _ = dseg.parc.relabel({"x": ["L_a", 5]}, short, unknown="keep")
    assert rows(merged) == [0, 1, 0, 0, 0, 1]


def test_a_voxel_has_one_label(dseg):
    with pytest.raises(OptionError, match="label 1 is in two groups, 'left' and 'a'"):
        dseg.parc.relabel({"left": ["L_a", "L_b"], "a": ["L_a", "R_a"]}, LUT)


class TestPainting:
    BY: dict[str, list[int]] = {"a": [1, 2], "b": [3, 4]}  # noqa: RUF012 - never changed

    @pytest.fixture
    def groups(self, dseg):
        fa = volume(LABELS.astype(np.float32), AFFINE)
        cube = fa.parc.extract(dseg, LUT, scalar="FA", stats=["mean", "n_voxels"])
        return cube.parc.aggregate(self.BY, stats=["mean"])

    def test_groups_are_painted_on_the_regions_they_are_made_of(self, groups, dseg):
        with pytest.warns(LabelWarning, match="5"):
            painted = groups.parc.to_volume(dseg, fill=0)
        assert rows(painted) == [0, 1.5, 1.5, 3.5, 3.5, 0]

    def test_one_group_alone(self, groups, dseg):
        painted = groups.parc.sel(region_name="b").parc.to_volume(dseg, fill=0, missing="ignore")
        assert rows(painted) == [0, 0, 0, 3.5, 3.5, 0]

    def test_not_on_an_image_whose_labels_are_the_groups(self, groups, dseg):
        merged, _ = dseg.parc.relabel(self.BY)
        with pytest.raises(CubeError, match="has been relabelled"):
            groups.parc.to_volume(merged)

    def test_groups_that_overlap_cannot_be_painted(self, dseg):
        fa = volume(LABELS.astype(np.float32), AFFINE)
        cube = fa.parc.extract(image(LABELS, AFFINE), LUT, scalar="FA", stats=["n_voxels"])
        both = cube.parc.aggregate({"left": [1, 3], "a": [1, 2]})
        with pytest.raises(CubeError, match=r"Groups overlap.*: 1 are"):
            both.parc.to_volume(dseg)
