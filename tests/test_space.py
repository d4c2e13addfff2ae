from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from phantoms import MM2, affines, ramp, shapes, slicings, volume, world_of

import qsiparc
from qsiparc.errors import GridMismatchError, QsiparcError, SpaceError
from qsiparc.grid import Grid
from qsiparc.space import GRID_ATTR, SpaceIndex, file_grid, voxel_grid, with_index

OBLIQUE = np.array([[-1.9, 0.3, 0, 90], [0.3, 1.9, 0.2, -126], [0, -0.2, 2, -72], [0, 0, 0, 1]])
SHIFTED = np.diag([2.0, 2, 2, 1]) + np.diag([3.0], k=3)


def places(array: xr.DataArray) -> dict[float, tuple[float, ...]]:
    """Where the affine and the voxel numbers put each value of a `ramp`."""
    found = {}
    affine = array.parc.affine
    whole = array.compute()
    for value in whole.values[np.isfinite(whole.values)]:
        (at,) = np.argwhere(whole.values == value)
        voxel = {d: whole[d].values[n] for d, n in zip(whole.dims, at, strict=True)}
        found[value] = tuple((affine @ (voxel["i"], voxel["j"], voxel["k"], 1))[:3])
    return found


def assert_in_place(array: xr.DataArray, affine: np.ndarray, shape: tuple[int, ...]) -> None:
    """Every value that is left lies where nibabel's affine of the whole image has it."""
    world = world_of(affine, shape).reshape(-1, 3, order="F")
    found = places(array)
    assert found
    for value, place in found.items():
        np.testing.assert_allclose(place, world[int(value)], atol=1e-3)


def through_netcdf(array, tmp_path):
    array.rename("fa").to_netcdf(tmp_path / "fa.nc")
    return xr.open_dataarray(tmp_path / "fa.nc")


def through_zarr(array, tmp_path):
    array.rename("fa").to_dataset().to_zarr(tmp_path / "fa.zarr", consolidated=False)
    return xr.open_zarr(tmp_path / "fa.zarr", consolidated=False)["fa"]


def through_archive(suffix):
    def save_and_open(array, tmp_path):
        return qsiparc.open(array.rename("fa").parc.save(tmp_path / f"fa{suffix}"))["fa"]

    return save_and_open


WAYS = {
    "isel": lambda a, _: a.isel(i=slice(1, 3), j=[4, 0], k=slice(None, None, -2)),
    "sel": lambda a, _: a.sel(i=[1, 3], k=slice(2, 4)),
    "transpose": lambda a, _: a.transpose("k", "i", "j"),
    "sortby": lambda a, _: a.sortby("j", ascending=False),
    "pickle": lambda a, _: pickle.loads(pickle.dumps(a)),  # noqa: S301 - our own bytes
    "copy": lambda a, _: a.copy(deep=True),
    "dask": lambda a, _: a.chunk(k=2),
    "map_blocks": lambda a, _: a.chunk(k=2).map_blocks(lambda block: block * 1),
    "astype": lambda a, _: a.astype("f8"),
    "where": lambda a, _: a.where(a > 3, drop=True),
    "arithmetic": lambda a, _: (a + a) / 2,
    "ufunc": lambda a, _: xr.apply_ufunc(np.abs, a),
    "dataset": lambda a, _: xr.Dataset({"fa": a})["fa"],
    "to_dataset": lambda a, _: a.rename("fa").to_dataset().isel(i=slice(2))["fa"],
    "concat": lambda a, _: xr.concat([a.isel(i=slice(2)), a.isel(i=slice(2, None))], "i"),
    "netcdf": through_netcdf,
    "zarr": through_zarr,
    "archive-nc": through_archive(".nc"),
    "archive-zarr": through_archive(".zarr"),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_affine_stays_true_on_the_way(way, tmp_path):
    for name, part in {"whole": slice(None), "reversed": slice(None, None, -1)}.items():
        (tmp_path / name).mkdir()
        fa = volume(ramp(), OBLIQUE).isel(i=part)
        assert_in_place(WAYS[way](fa, tmp_path / name), OBLIQUE, (4, 5, 6))


@pytest.mark.parametrize("way", [way for way in WAYS if way not in ("netcdf", "zarr")])
def test_grids_are_still_kept_apart_on_the_way(way, tmp_path):
    one = WAYS[way](volume(ramp(), OBLIQUE), tmp_path)
    (tmp_path / "two").mkdir()
    two = WAYS[way](volume(ramp(), OBLIQUE + np.diag([3.0], k=3)), tmp_path / "two")
    assert isinstance(one.xindexes["space"], SpaceIndex)
    with pytest.raises(GridMismatchError):
        one - two


@given(st.data(), affines(), shapes)
@settings(max_examples=60, deadline=None)
def test_any_slicing_of_any_grid_keeps_its_places(data, affine, shape):
    array = volume(ramp(shape), affine)
    sliced = array.isel(data.draw(slicings(shape))).transpose(*data.draw(st.permutations("ijk")))
    assert_in_place(sliced, affine, shape)
    grid = voxel_grid(sliced)
    held = sliced.transpose("i", "j", "k").values
    inside = world_of(grid.affine, grid.shape).reshape(-1, 3)
    world = world_of(affine, shape).reshape(-1, 3, order="F")
    np.testing.assert_allclose(inside, world[held.ravel().astype(int)], atol=1e-3)


def test_arithmetic_between_grids_names_both_and_the_distance():
    with pytest.raises(GridMismatchError, match=r"corners are up to 3 mm apart") as caught:
        volume(ramp()) + volume(ramp(), SHIFTED)
    assert str(MM2) in str(caught.value)
    assert str(SHIFTED) in str(caught.value)


@pytest.mark.parametrize(
    "combine",
    [
        lambda a, b: a * b,
        lambda a, b: xr.align(a, b, join="outer"),
        lambda a, b: a.reindex_like(b),
        lambda a, b: xr.Dataset({"a": a, "b": b}),
        lambda a, b: xr.concat([a, b], "scalar", join="outer"),
        lambda a, b: xr.concat([a, b], "i", join="outer"),
        lambda a, b: xr.concat([a, b], "k", join="inner"),
        lambda a, b: a.where(a > 1, b),
        lambda a, b: a.combine_first(b),
        lambda a, b: a.fillna(b),
        lambda a, b: xr.merge([a.rename("a"), b.rename("b")], join="outer"),
    ],
)
@pytest.mark.parametrize("other", [SHIFTED, np.diag([-2.0, 2, 2, 1])])
def test_no_way_of_combining_takes_two_grids_for_one(combine, other):
    # Where the join is exact, xarray raises before it asks the index.
    with pytest.raises((GridMismatchError, xr.AlignmentError)):
        combine(volume(ramp()), volume(ramp(), other))


def test_slices_of_one_grid_align_by_voxel_numbers():
    fa = volume(ramp())
    total = fa.isel(i=slice(0, 3)) + fa.isel(i=slice(1, 4))
    assert total.i.values.tolist() == [1, 2]
    np.testing.assert_array_equal(total, 2 * ramp()[1:3])


@pytest.mark.parametrize("dim", ["scalar", "subject"])
def test_maps_on_one_grid_concatenate_without_a_warning(dim):
    maps = [volume(ramp()), volume(ramp() + 1), volume(ramp(), MM2 + np.diag([1e-5], k=3))]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stack = xr.concat(maps, xr.Variable(dim, ["a", "b", "c"]))
    assert stack.sizes[dim] == 3
    np.testing.assert_array_equal(stack.parc.affine, MM2)


def test_maps_whose_headers_round_differently_share_a_dataset():
    maps = xr.Dataset({"fa": volume(ramp()), "md": volume(ramp(), MM2 + np.diag([1e-5], k=3))})
    np.testing.assert_array_equal(maps.md.parc.affine, MM2)
    assert maps.parc.voxel_volume == 8


def test_the_witness_catches_what_no_index_catches():
    fa, md = volume(ramp()), volume(ramp(), SHIFTED)
    maps = xr.Dataset({"fa": fa})
    maps["md"] = md.variable
    with pytest.raises(GridMismatchError, match="'md' was made on one grid and carries another"):
        maps.md.parc.affine  # noqa: B018 - reading it raises
    with pytest.raises(GridMismatchError, match="'md'"):
        maps.parc.affine  # noqa: B018 - reading it raises


def test_an_assignment_into_a_dataset_never_moves_a_map():
    maps = xr.Dataset({"fa": volume(ramp())})

    def assign_and_use():
        maps["md"] = volume(ramp(), SHIFTED)
        file_grid(maps["md"])

    with pytest.raises(GridMismatchError):
        assign_and_use()


def test_an_overridden_join_never_moves_a_map():
    with pytest.raises(GridMismatchError):
        [*map(file_grid, xr.align(volume(ramp()), volume(ramp(), SHIFTED), join="override"))]


def test_a_foreign_attribute_called_grid_is_no_witness():
    fa = volume(ramp())
    for foreign in ("gn", 5, [1, 2], "1×2 | 3"):
        assert file_grid(fa.assign_attrs({GRID_ATTR: foreign})).same_as(file_grid(fa))


def test_without_an_index_arithmetic_between_grids_loses_the_affine_loudly():
    one, two = (volume(ramp(), affine).drop_indexes("space") for affine in (MM2, SHIFTED))
    np.testing.assert_array_equal((one - one).parc.affine, MM2)
    with pytest.raises(SpaceError, match="'space' is missing"):
        (one - two).parc.affine  # noqa: B018 - reading it raises


def test_two_roundings_of_one_grid_agree_where_their_names_do_not():
    lower, upper = (MM2 + np.diag([0.0063 + off], k=3) for off in (-1e-6, 1e-6))
    one, two = volume(ramp(), lower), volume(ramp(), upper)
    assert one.space.item() != two.space.item()
    np.testing.assert_array_equal(voxel_grid(one + two).affine, voxel_grid(one).affine)
    stack = xr.concat([one, two], "scalar")
    assert stack.space.dims == ()
    np.testing.assert_array_equal(voxel_grid(stack).affine, voxel_grid(one).affine)
    maps = xr.Dataset({"fa": one, "md": two})
    np.testing.assert_array_equal(voxel_grid(maps["md"]).affine, voxel_grid(one).affine)
    merged = xr.merge([one.rename("fa"), two.rename("md")])
    np.testing.assert_array_equal(voxel_grid(merged["md"]).affine, voxel_grid(one).affine)


def test_without_its_index_a_volume_still_knows_its_grid(tmp_path):
    two = volume(ramp(), SHIFTED).rename("md")
    two.to_netcdf(tmp_path / "md.nc")
    again = xr.open_dataarray(tmp_path / "md.nc")
    assert "space" not in again.xindexes
    np.testing.assert_array_equal(again.parc.affine, SHIFTED)
    assert isinstance(with_index(again).xindexes["space"], SpaceIndex)


def test_extraction_compares_grids_also_where_no_index_does(tmp_path):
    pytest.importorskip("qsiparc.atlas")
    volume(ramp(), SHIFTED).rename("fa").to_netcdf(tmp_path / "fa.nc")
    dseg = volume(np.ones((4, 5, 6), "i2"))
    with pytest.raises(GridMismatchError, match="resample='nearest'"):
        xr.open_dataarray(tmp_path / "fa.nc").parc.extract(dseg)


def test_a_space_without_attributes_says_how_to_mend_it():
    fa = volume(ramp()).drop_indexes("space").drop_attrs()
    with pytest.raises(SpaceError, match="with_affine"):
        fa.parc.affine  # noqa: B018 - reading it raises
    np.testing.assert_array_equal(fa.parc.with_affine(MM2).parc.affine, MM2)


def test_an_array_without_space_says_how_to_set_it():
    bare = xr.DataArray(ramp(), dims=("i", "j", "k"))
    for called, array in (("This object", bare), ("fa", bare.rename("fa"))):
        with pytest.raises(SpaceError, match=rf"^{called} has no affine.*open_nifti.*with_affine"):
            array.parc.affine  # noqa: B018 - reading it raises


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.isel(i=2), r"'i' is missing.*isel\(i=\[5\]\)"),
        (lambda a: a.mean("k"), "'k' is missing"),
        (lambda a: a.isel(i=[0, 1, 3]), "'i' are not evenly spaced"),
        (lambda a: a.isel(j=[2, 2]), "'j' are not evenly spaced"),
        (lambda a: a.isel(k=[]), "no voxel is left along 'k'"),
        (lambda a: a.pad(k=1), "'k' are not evenly spaced"),
        (lambda a: a.isel(j=slice(1, 3)).drop_vars("j"), "'j' were dropped"),
    ],
)
def test_a_volume_that_is_no_lattice_any_more_says_so(change, message):
    fa = volume(ramp()).rename("fa")
    for called, whole in (("fa", fa), (r"x\.nii", fa.assign_attrs(source="x.nii"))):
        with pytest.raises(SpaceError, match=rf"^{called}: .*{message}"):
            change(whole).parc.voxel_volume  # noqa: B018 - reading it raises


def test_a_dataset_that_is_no_lattice_says_which_dims_it_has():
    with pytest.raises(SpaceError, match=r"'i' is missing \(dims: \('j', 'k'\)\)"):
        voxel_grid(volume(ramp()).to_dataset(name="FA").isel(i=2))


def test_a_whole_volume_has_the_grid_of_its_file():
    fa = volume(ramp())
    assert voxel_grid(fa) is file_grid(fa)


def test_a_whole_volume_needs_no_voxel_numbers():
    assert voxel_grid(volume(ramp()).drop_vars(["i", "j", "k"])).same_as(Grid(MM2, (4, 5, 6)))


def test_voxel_numbers_may_be_unsigned_or_fractions():
    fa = volume(ramp()).isel(i=slice(None, None, -1))
    fa = fa.assign_coords(i=fa.i.astype("u1"))
    np.testing.assert_array_equal(voxel_grid(fa).affine[0], [-2, 0, 0, 6])
    halves = volume(ramp()).coarsen(i=2).mean()
    np.testing.assert_array_equal(voxel_grid(halves).affine[0], [4, 0, 0, 1])
    thirds = volume(ramp()).interp(i=np.linspace(0, 3, 10))
    np.testing.assert_allclose(voxel_grid(thirds).affine[0], [2 / 3, 0, 0, 0], atol=1e-12)


def test_the_voxel_volume_is_that_of_the_array_as_it_is():
    fa = volume(ramp())
    assert fa.parc.voxel_volume == 8
    assert fa.isel(i=slice(None, None, 2), k=slice(None, None, -3)).parc.voxel_volume == 48
    assert fa.isel(i=[2]).parc.voxel_volume == 8
    sheared = MM2 + np.diag([1.0], k=3)[[0, 1, 2, 3]][:, [0, 3, 2, 1]]
    assert sheared[0, 1] == 1
    assert volume(ramp(), sheared).parc.voxel_volume == 8


def test_the_affine_that_is_handed_out_is_the_callers():
    fa = volume(ramp())
    fa.parc.affine[0, 0] = 99
    assert fa.parc.affine[0, 0] == 2


class TestWithAffine:
    def test_a_single_slice_has_one_voxel_across(self):
        placed = xr.DataArray(ramp((4, 5, 1)), dims=("i", "j", "k")).parc.with_affine(MM2)
        assert placed.space.attrs["shape"] == [4, 5, 1]

    def test_a_bare_array_gets_voxel_numbers_a_space_and_its_index(self):
        bare = xr.DataArray(ramp(), dims=("i", "j", "k"))
        placed = bare.parc.with_affine(OBLIQUE)
        assert placed.k.values.tolist() == [0, 1, 2, 3, 4, 5]
        np.testing.assert_array_equal(placed.parc.affine, OBLIQUE)
        assert file_grid(placed).shape == (4, 5, 6)
        assert not bare.coords
        assert not bare.attrs

    def test_a_slice_keeps_its_numbers_and_the_shape_of_its_file(self):
        part = volume(ramp()).isel(i=slice(1, 3))
        placed = part.parc.with_affine(SHIFTED)
        assert placed.i.values.tolist() == [1, 2]
        assert file_grid(placed).shape == (4, 5, 6)
        np.testing.assert_array_equal(part.parc.affine, MM2)

    def test_a_dataset_gets_one_for_all_its_maps(self):
        maps = xr.Dataset({"fa": volume(ramp()), "n": 3})
        placed = maps.parc.with_affine(SHIFTED)
        np.testing.assert_array_equal(placed.fa.parc.affine, SHIFTED)
        np.testing.assert_array_equal(maps.fa.parc.affine, MM2)
        assert GRID_ATTR not in placed.n.attrs

    def test_it_puts_an_overridden_map_right(self):
        moved = volume(ramp()).assign_attrs({GRID_ATTR: Grid(SHIFTED, (4, 5, 6)).fingerprint})
        with pytest.raises(GridMismatchError):
            file_grid(moved)
        np.testing.assert_array_equal(moved.parc.with_affine(MM2).parc.affine, MM2)

    def test_an_array_without_voxel_axes_is_an_error(self):
        with pytest.raises(SpaceError, match="j, k is missing"):
            xr.DataArray([1, 2], dims="i").parc.with_affine(MM2)

    def test_an_unusable_affine_is_an_error(self):
        with pytest.raises(SpaceError, match="singular"):
            volume(ramp()).parc.with_affine(np.diag([0, 1, 1, 1]))


class TestWorld:
    @given(st.data(), affines(), shapes)
    @settings(max_examples=40, deadline=None)
    def test_world_coordinates_are_what_the_affine_says(self, data, affine, shape):
        array = volume(ramp(shape), affine).isel(data.draw(slicings(shape)))
        world = array.parc.world()
        found = np.stack([world[name].values for name in "xyz"], axis=-1)
        expected = world_of(affine, shape).reshape(-1, 3, order="F")
        np.testing.assert_allclose(found, expected[array.values.astype(int)], atol=1e-3)

    def test_they_have_units(self):
        assert volume(ramp()).parc.world().x.attrs["units"] == "mm"

    @given(affines(), st.tuples(*[st.floats(-0.49, 0.49)] * 3))
    @settings(max_examples=40, deadline=None)
    def test_they_select_the_nearest_voxel(self, affine, jitter):
        fa = volume(ramp(), affine)
        wanted = np.array([[0, 0, 0], [1, 4, 2], [3, 2, 5]])
        points = (wanted + jitter) @ affine[:3, :3].T + affine[:3, 3]
        xs, ys, zs = (xr.DataArray(points[:, n], dims="point") for n in range(3))
        picked = fa.parc.world().sel(x=xs, y=ys, z=zs, method="nearest")
        np.testing.assert_array_equal(picked, ramp()[tuple(wanted.T)])
        np.testing.assert_array_equal(picked.j, wanted[:, 1])

    def test_a_slice_selects_by_where_its_voxels_are(self):
        part = volume(ramp()).isel(i=slice(3, None, -2)).parc.world()
        point = {name: xr.DataArray([mm]) for name, mm in zip("xyz", (2.1, 0, 0), strict=True)}
        assert part.sel(point, method="nearest").i.item() == 1

    @pytest.mark.parametrize("x", [-1.1, 7.1, -500.0, np.nan])
    def test_points_outside_the_volume_are_an_error(self, x):
        world = volume(ramp()).parc.world()
        point = {name: xr.DataArray([mm]) for name, mm in zip("xyz", (x, 0, 0), strict=True)}
        with pytest.raises(SpaceError, match=r"1 of 1 world points lie outside.*'i'"):
            world.sel(point, method="nearest")

    @pytest.mark.parametrize(("x", "i"), [(-0.99, 0), (7.0, 3), (-1.0, 0)])
    def test_points_at_the_rim_are_inside(self, x, i):
        world = volume(ramp()).parc.world()
        point = {name: xr.DataArray([mm]) for name, mm in zip("xyz", (x, 0, 0), strict=True)}
        assert world.sel(point, method="nearest").i.item() == i

    def test_they_stay_when_the_array_is_sliced_or_computed_with(self):
        world = volume(ramp()).parc.world()
        assert world.isel(i=slice(2, 4)).x.values[0, 0, 0] == 4
        doubled = world + world
        np.testing.assert_array_equal(doubled.x, world.x)

    def test_they_are_stored_as_plain_coordinates(self, tmp_path):
        volume(ramp()).rename("fa").parc.world().parc.save(tmp_path / "fa.nc")
        assert qsiparc.open(tmp_path / "fa.nc").x.values[3, 0, 0] == 6


class TestSpaceIndex:
    def test_it_takes_no_options(self):
        with pytest.raises(TypeError, match=r"no options, not \['depth', 'width'\]"):
            volume(ramp()).drop_indexes("space").set_xindex("space", SpaceIndex, width=2, depth=1)

    def test_it_shows_its_grid(self):
        index = volume(ramp()).xindexes["space"]
        assert repr(index) == "SpaceIndex (4×5×6, 2×2×2 mm, RAS)"
        assert "SpaceIndex (4×5×6" in repr(volume(ramp()))

    def test_it_equals_another_one_on_its_grid_only(self):
        one = SpaceIndex(Grid(MM2, (4, 5, 6)))
        assert one.equals(SpaceIndex(Grid(MM2 + np.diag([1e-5], k=3), (4, 5, 6))))
        assert not one.equals(SpaceIndex(Grid(SHIFTED, (4, 5, 6))))
        assert not one.equals(volume(ramp()).xindexes["i"])

    def test_volumes_on_two_grids_are_not_equal(self):
        assert volume(ramp()).equals(volume(ramp()))
        assert not volume(ramp()).equals(volume(ramp(), SHIFTED))

    def test_it_is_listed_with_the_other_indexes(self):
        indexes = volume(ramp()).indexes
        assert list(indexes) == ["i", "j", "k", "space"]
        assert indexes["space"].tolist() == [Grid(MM2, (4, 5, 6)).fingerprint]

    def test_on_one_grid_there_is_nothing_to_reindex(self):
        fa = volume(ramp())
        xr.testing.assert_identical(fa.reindex_like(volume(ramp()) + 1), fa)
        index = fa.xindexes["space"]
        assert index.reindex_like(SpaceIndex(Grid(MM2, (4, 5, 6)))) == {}
        assert index.join(SpaceIndex(Grid(MM2, (4, 5, 6)))) is index
        other = SpaceIndex(Grid(SHIFTED, (4, 5, 6)))
        for combine in (SpaceIndex.reindex_like, SpaceIndex.join):
            with pytest.raises(GridMismatchError):
                combine(index, other)
        with pytest.raises(GridMismatchError):
            SpaceIndex.concat([index, other], "i")

    def test_nothing_is_set_where_there_is_nothing_to_set(self):
        table = xr.Dataset({"n": 3})
        assert with_index(table) is table
        fa = volume(ramp())
        assert with_index(fa) is fa

    def test_every_error_is_ours(self):
        assert issubclass(GridMismatchError, QsiparcError)


def test_an_object_that_lost_its_index_does_not_pass_as_another_s(tmp_path):
    volume(ramp(), MM2).rename("fa").to_netcdf(tmp_path / "fa.nc")
    again = xr.open_dataarray(tmp_path / "fa.nc")
    other = volume(ramp(), SHIFTED)
    called = "This object", "The array 'fa'"
    for mixed, name in zip((again + other, again.where(other > 0)), called, strict=True):
        with pytest.raises(GridMismatchError, match=rf"^{name} .* carries another"):
            file_grid(mixed)
    assert mixed.name == "fa"
