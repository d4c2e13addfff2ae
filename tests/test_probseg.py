from __future__ import annotations

import json
import pickle

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from phantoms import MM2, SIGNED_PERMUTATIONS, image, turned, volume, write

import qsiparc
from qsiparc.atlas import AtlasLUT, RegionInfo
from qsiparc.errors import (
    GridMismatchError,
    GridWarning,
    LutError,
    NiftiWarning,
    OptionError,
    WeightError,
    WeightWarning,
)
from qsiparc.parcellation import Parcellation
from qsiparc.probseg import Probseg
from qsiparc.regions import volume_rows
from qsiparc.space import voxel_grid
from qsiparc.weights import as_weights, weights_on

SHAPE = (2, 3, 4)
PROBABILITIES = np.zeros((*SHAPE, 3), np.float32)
PROBABILITIES[:, 0, 0, 0] = [0.25, 0.75]
PROBABILITIES[:, 0, 0, 1] = [0.7, 0.2]
PROBABILITIES[0, :, 3, 1] = [1, 0.5, 1e-3]


def atlas(data=PROBABILITIES, affine=MM2, *, threshold=None, is_weighted=False):
    return Probseg.of(volume(data, affine), threshold=threshold, is_weighted=is_weighted)


def regions(probseg, grid=None):
    """Places and weights of the voxels of every region."""

    def look(region, weights):
        assert len(region) == bool(region.positions.size)
        assert region.offsets.tolist() == [0, region.positions.size][: len(region) + 1]
        at = np.unravel_index(region.positions, region.grid.shape, order="F")
        places = list(zip(*(axis.tolist() for axis in at), strict=True))
        return dict(zip(places, [None] * len(places) if weights is None else weights, strict=True))

    return probseg.on_each(probseg.grid if grid is None else grid, look)


class TestRegions:
    def test_from_the_threshold_on(self):
        first, second, third = regions(atlas(threshold=0.5))
        assert set(first) == {(1, 0, 0)}
        assert set(second) == {(0, 0, 0), (0, 0, 3), (0, 1, 3)}
        assert third == {}

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_a_voxel_on_the_threshold_is_in_whatever_the_type(self, dtype):
        for threshold in np.arange(1, 100) / 100:
            data = np.full((*SHAPE, 2), threshold, dtype)
            data[0, 0, 0] = threshold - 1e-4
            assert [len(one) for one in regions(atlas(data, threshold=threshold))] == [23, 23]

    def test_threshold_0_is_anything_above_0(self):
        assert [len(one) for one in regions(atlas(threshold=0))] == [2, 5, 0]
        assert [len(one) for one in regions(atlas(threshold=0.0))] == [2, 5, 0]

    def test_probabilities_as_weights(self):
        first, second, _ = regions(atlas(is_weighted=True))
        assert first == {(0, 0, 0): 0.25, (1, 0, 0): 0.75}
        assert second[0, 2, 3] == np.float32(1e-3)

    def test_both(self):
        first, second, third = regions(atlas(threshold=0.5, is_weighted=True))
        assert (len(first), len(second), third) == (1, 3, {})
        assert first == {(1, 0, 0): 0.75}

    def test_one_volume(self):
        (only,) = regions(atlas(PROBABILITIES[..., 0], threshold=0.5))
        assert set(only) == {(1, 0, 0)}

    @pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.bool_])
    def test_masks_of_whole_numbers(self, dtype):
        masks = (PROBABILITIES > 0.1).astype(dtype)
        given = xr.DataArray(masks, dims=("i", "j", "k", "volume")).parc.with_affine(MM2)
        cut = Probseg.of(given, threshold=0.5, is_weighted=False)
        assert [len(one) for one in regions(cut)] == [2, 4, 0]
        weighted = regions(Probseg.of(given, threshold=None, is_weighted=True))
        assert [sum(one.values()) for one in weighted] == [2, 4, 0]

    def test_arrays_of_other_dims_and_orders(self):
        grid = volume(PROBABILITIES)
        other = grid.transpose("volume", "k", "i", "j").rename(volume="tract").drop_vars("tract")
        found = Probseg.of(other, threshold=0.5, is_weighted=False)
        assert regions(found) == regions(atlas(threshold=0.5))
        one = found.image.isel(tract=[1]).expand_dims("subject")
        assert len(Probseg.of(one, threshold=0.5, is_weighted=False)) == 1

    @pytest.mark.parametrize("chunks", [{}, {"volume": 2}, {"i": 1, "volume": -1}])
    def test_dask(self, chunks):
        lazy = volume(PROBABILITIES).chunk(chunks)
        found = Probseg.of(lazy, threshold=None, is_weighted=True)
        assert regions(found) == regions(atlas(is_weighted=True))

    def test_the_callers_array_stays_as_it_is(self):
        data = PROBABILITIES.copy()
        data[0, 2, 2] = np.nan
        data[1, 2, 2] = -1e-9
        mine = xr.DataArray(data, dims=("i", "j", "k", "volume")).parc.with_affine(MM2)
        before = data.copy()
        with pytest.warns(WeightWarning, match="3 values are NaN"):
            regions(Probseg.of(mine, threshold=0.5, is_weighted=True))
        np.testing.assert_array_equal(data, before)

    def test_a_small_file_travels(self, tmp_path):
        path = write(tmp_path / "atlas-X_probseg.nii.gz", np.ones((60, 60, 60, 2), np.uint8))
        found = Probseg.of(path, threshold=0.5, is_weighted=False)
        stored = pickle.dumps(found)
        assert len(stored) < 20_000
        again = pickle.loads(stored)  # noqa: S301 - our own bytes
        assert again.atlas_name == "X"
        assert [len(one) for one in regions(again)] == [60**3] * 2


class TestGrids:
    @pytest.mark.parametrize(("axes", "flips"), SIGNED_PERMUTATIONS[::5])
    def test_turned_volumes_are_turned_back(self, axes, flips):
        made = [turned(PROBABILITIES[..., n], MM2, axes, flips) for n in range(3)]
        data = np.stack([one for one, _ in made], axis=-1)
        other = atlas(data, made[0][1], is_weighted=True)
        assert regions(other, voxel_grid(volume(PROBABILITIES))) == regions(atlas(is_weighted=True))
        weights, _ = weights_on(image(*made[1]), voxel_grid(volume(PROBABILITIES)))
        np.testing.assert_array_equal(weights, PROBABILITIES[..., 1].ravel(order="F"))

    def test_near_and_far(self):
        grid = voxel_grid(volume(PROBABILITIES))
        near, far = MM2.copy(), MM2.copy()
        near[0, 3], far[0, 3] = 0.05, 5
        with pytest.warns(GridWarning, match=r"0\.05 mm"):
            regions(atlas(affine=near, threshold=0.5), grid)
        with pytest.raises(GridMismatchError, match="resamples labels only"):
            regions(atlas(affine=far, threshold=0.5), grid)
        with pytest.raises(GridMismatchError, match="Shape mismatch: the weights image"):
            weights_on(image(np.ones((3, 3, 4))), grid)


class TestPercentages:
    def test_a_threshold_of_probabilities_is_refused(self):
        with pytest.raises(WeightError, match=r"volume 0: .* up to 75, .*threshold=25"):
            regions(atlas(PROBABILITIES * 100, threshold=0.25))

    def test_a_threshold_of_percentages_is_taken(self):
        as_percent = atlas(PROBABILITIES * 100, threshold=50)
        assert [set(one) for one in regions(as_percent)] == [
            set(one) for one in regions(atlas(threshold=0.5))
        ]

    def test_a_threshold_of_percentages_for_probabilities_is_refused(self):
        with pytest.raises(WeightError, match=r"threshold is 25, .* up to 1: .*threshold=0\.25"):
            regions(atlas(threshold=25))

    def test_as_weights_with_a_warning(self):
        with pytest.warns(WeightWarning, match="up to 100"):
            found = regions(atlas(PROBABILITIES * 100, is_weighted=True))
        assert found[0] == {(0, 0, 0): 25, (1, 0, 0): 75}
        regions(atlas(PROBABILITIES * 100, threshold=1, is_weighted=True))  # says what they are

    @pytest.mark.parametrize("threshold", [None, 0.5])
    def test_nothing_but_zeros(self, threshold):
        with pytest.warns(WeightWarning, match=r"no probability .*, the largest is 0; every"):
            assert regions(atlas(PROBABILITIES * 0, threshold=threshold)) == [{}, {}, {}]

    def test_nothing_reaches_the_threshold(self):
        with pytest.warns(WeightWarning, match=r"reaches the threshold 0\.5, the largest is 0\.3"):
            regions(atlas(PROBABILITIES * 0.3, threshold=0.5))


class TestWeights:
    @pytest.mark.parametrize(
        ("bad", "what"), [(-0.5, "1 values are negative, down to -0.5"), (np.inf, "infinite")]
    )
    def test_what_no_weight_can_be(self, bad, what):
        data = PROBABILITIES.copy()
        data[1, 1, 1, 2] = bad
        with pytest.raises(WeightError, match=f"the atlas, volume 2: .*{what}"):
            regions(atlas(data, threshold=0.5))
        with pytest.raises(WeightError, match=what):
            as_weights(data, "x")

    def test_rounding_below_zero_is_zero(self):
        found, n_missing = as_weights(np.array([-1e-9, np.nan, 0.5]), "x")
        assert (found.tolist(), n_missing) == ([0, 0, 0.5], 1)

    def test_of_any_type(self):
        assert as_weights(np.array([True, False]), "x")[0].tolist() == [1, 0]
        assert as_weights(np.array([3, 0], np.uint8), "x")[0].tolist() == [3, 0]
        assert as_weights(np.empty(0), "x")[0].size == 0
        with pytest.raises(WeightError, match="2 values are negative"):
            as_weights(np.array([-3, -1, 5]), "x")

    def test_an_image_is_3d(self):
        grid = voxel_grid(volume(PROBABILITIES))
        with pytest.raises(OptionError, match=r"further dimensions \{'volume': 3\}"):
            weights_on(volume(PROBABILITIES), grid)
        one = volume(PROBABILITIES).isel(volume=[1])
        np.testing.assert_array_equal(
            weights_on(one, grid)[0], PROBABILITIES[..., 1].ravel(order="F")
        )
        with pytest.raises(WeightError, match="are numbers"):
            weights_on(volume(PROBABILITIES[..., 0]).astype(complex), grid)


class TestOptions:
    @pytest.mark.parametrize("threshold", [-0.1, np.inf, np.nan])
    def test_what_no_threshold_can_be(self, threshold):
        with pytest.raises(OptionError, match="0 or more"):
            atlas(threshold=threshold)

    def test_what_no_atlas_can_be(self):
        labels = Parcellation.from_labels(volume(np.ones(SHAPE, np.int16)))
        with pytest.raises(OptionError, match="a Parcellation has labels"):
            Probseg.of(labels, threshold=0.5, is_weighted=False)
        five = volume(PROBABILITIES).expand_dims(subject=2)
        with pytest.raises(OptionError, match=r"\['subject', 'volume'\]"):
            Probseg.of(five, threshold=0.5, is_weighted=False)
        with pytest.raises(WeightError, match="are numbers"):
            Probseg.of(volume(PROBABILITIES).astype(str), threshold=0.5, is_weighted=False)


def lut(*ids, name="T"):
    return AtlasLUT([RegionInfo(i, f"r{i}", "L") for i in ids], name)


def rows(table, probseg=None):
    found, order = volume_rows(table, atlas(threshold=0.5) if probseg is None else probseg)
    return found.indices.tolist(), found.columns["region_name"], order


class TestRows:
    def test_ids_count_from_0_or_from_1(self):
        assert rows(lut(0, 1, 2)) == ([0, 1, 2], ["r0", "r1", "r2"], [0, 1, 2])
        assert rows(lut(1, 2, 3)) == ([1, 2, 3], ["r1", "r2", "r3"], [0, 1, 2])

    def test_rows_keep_the_order_of_the_lut_and_find_their_volume(self):
        assert rows(lut(3, 1, 2)) == ([3, 1, 2], ["r3", "r1", "r2"], [2, 0, 1])
        assert rows(lut(2, 0, 1)) == ([2, 0, 1], ["r2", "r0", "r1"], [2, 0, 1])

    def test_a_row_of_the_background_is_none(self):
        background = RegionInfo(0, "Background", "bilateral")
        table = AtlasLUT([*lut(2, 1).regions, background, RegionInfo(3, "r3", "L")])
        assert rows(table) == ([2, 1, 3], ["r2", "r1", "r3"], [1, 0, 2])

    def test_files_and_frames_keep_their_region_0(self, tmp_path):
        frame = pd.DataFrame(
            {"index": [0, 1, 2], "name": ["Pu", "Ca", "NAC"], "network": list("abc")}
        )
        path = tmp_path / "atlas-Pauli_probseg.tsv"
        frame.to_csv(path, sep="\t", index=False)
        for table in (frame, path):
            found, order = volume_rows(table, atlas(threshold=0.5))
            assert found.columns["region_name"] == ["Pu", "Ca", "NAC"]
            assert found.columns["network"] == ["a", "b", "c"]
            assert order == [0, 1, 2]
        with pytest.raises(LutError, match=r"2 rows with ids 1, 2; .*background=None"):
            rows(qsiparc.read_lut(path))
        assert rows(qsiparc.read_lut(path, background=None))[2] == [0, 1, 2]

    @pytest.mark.parametrize("ids", [(1, 2), (1, 2, 3, 4), (1, 2, 4), (5, 6, 7), (0, 1, 2, 3)])
    def test_what_does_not_fit_is_an_error_that_counts(self, ids):
        with pytest.raises(LutError, match=rf"{len(ids)} rows with ids {ids[0]}.*has 3 volumes"):
            rows(lut(*ids))

    def test_without_a_lut(self):
        assert rows(None) == ([1, 2, 3], ["region_0001", "region_0002", "region_0003"], [0, 1, 2])

    def test_selected_volumes(self):
        image = volume(PROBABILITIES)
        part = Probseg.of(image.isel(volume=[2, 0]), threshold=0.5, is_weighted=False)
        assert rows(None, part) == ([3, 1], ["region_0003", "region_0001"], [0, 1])
        with pytest.raises(LutError, match=r"drop_vars\('volume'\)"):
            rows(lut(1, 3), part)
        shuffled = Probseg.of(image.isel(volume=[2, 0, 1]), threshold=0.5, is_weighted=False)
        assert rows(lut(1, 2, 3), shuffled)[2] == [1, 2, 0]

    def test_volumes_that_say_what_they_are(self):
        own = volume(PROBABILITIES).rename(volume="region").assign_coords(region=[30, 10, 20])
        found = Probseg.of(own, threshold=0.5, is_weighted=False)
        assert rows(lut(10, 20, 30), found)[2] == [1, 2, 0]
        named = own.assign_coords(region=["LH_a", "RH_b", "c"])
        found, _ = volume_rows(None, Probseg.of(named, threshold=0.5, is_weighted=False))
        assert found.columns["region_name"] == ["LH_a", "RH_b", "c"]
        assert found.columns["hemisphere"] == ["L", "R", "bilateral"]

    def test_the_sidecar_names_volumes(self, tmp_path):
        path = write(tmp_path / "sub-1_seg-Tissue_probseg.nii.gz", PROBABILITIES)
        beside = tmp_path / "sub-1_seg-Tissue_probseg.json"
        beside.write_text(json.dumps({"LabelMap": ["BG", "WM", "GM"]}))
        image = qsiparc.open_nifti(path)
        assert image.label.to_numpy().tolist() == ["BG", "WM", "GM"]
        part = Probseg.of(image.isel(volume=[2, 1]), threshold=0.5, is_weighted=False)
        assert rows(None, part) == ([3, 2], ["GM", "WM"], [0, 1])
        assert part.atlas_name == "Tissue"
        beside.write_text(json.dumps({"LabelMap": ["WM", "GM"]}))
        with pytest.warns(NiftiWarning, match="2 names for 3 volumes"):
            image = qsiparc.open_nifti(path)
        assert "label" not in image.coords
        beside.write_text("[")
        with pytest.warns(NiftiWarning, match="cannot be read") as caught:
            qsiparc.open_nifti(path)
        assert len(caught) == 1


def test_a_gzip_is_inflated_once(tmp_path, passes):
    path = write(tmp_path / "p_probseg.nii.gz", PROBABILITIES)
    for given in (path, nib.load(path), qsiparc.open_nifti(path)):
        passes.clear()
        found = Probseg.of(given, threshold=0.5, is_weighted=False)
        assert regions(found) == regions(atlas(threshold=0.5))
        assert passes == [str(path)]
