from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import dask.array
import numpy as np
import pytest
import xarray as xr
from phantoms import ramp, volume

import qsiparc
from qsiparc.catalogue import REGISTERED, resolve, tiers
from qsiparc.catalogue.identity import identity
from qsiparc.catalogue.own import own_attrs
from qsiparc.errors import OptionError, StatisticError, UnknownStatisticError

LABELS = np.repeat([1, 2, 1, 4], 6).reshape(2, 3, 4, order="F").astype(np.int16)


def first(values):
    """The first one in the order of the file."""
    return values[0]


@pytest.fixture
def fa():
    return volume(24 - ramp((2, 3, 4)))


@pytest.fixture
def dseg():
    return volume(LABELS)


@pytest.fixture
def registered():
    names = []

    def register(name, *args, **kwargs):
        qsiparc.register_statistic(name, *args, **kwargs)
        names.append(name)

    yield register
    for name in names:
        qsiparc.catalogue.registry.REGISTERED.pop(name)


def values_of(cube, name):
    return cube.parc.sel(stat=name).value.to_numpy().ravel()


def test_a_function_by_its_name(fa, dseg):
    cube = fa.parc.extract(dseg, stats={"p99": lambda v: np.percentile(v, 99)})
    assert cube.stat.to_numpy().tolist() == ["p99"]
    expected = [np.percentile(fa.values[label == LABELS].astype(float), 99) for label in (1, 2, 4)]
    np.testing.assert_array_equal(values_of(cube, "p99"), expected)


def test_names_and_functions_in_one_list(fa, dseg):
    cube = fa.parc.extract(dseg, stats=["mean", {"one": first, "n": len}, "median"])
    assert cube.stat.to_numpy().tolist() == ["mean", "one", "n", "median"]
    assert cube.attrs["stats"] == "mean one n median"
    assert values_of(cube, "n").tolist() == [12, 6, 6]


@pytest.mark.parametrize("order", ["C", "F"])
def test_values_come_in_the_order_of_the_file_as_float64(dseg, order):
    seen = []
    values = ramp((2, 3, 4)).copy(order=order)[:, ::-1]
    maps = xr.DataArray(values, dims=("i", "j", "k")).parc.with_affine(np.diag([2, 2, 2, 1]))
    maps.parc.extract(dseg, stats={"see": lambda v: seen.append(v) or 0})
    expected = [
        np.array([v for v, label in zip(values.ravel("F"), LABELS.ravel("F"), strict=True)
                  if label == one])
        for one in (1, 2, 4)
    ]  # fmt: skip
    for found, wanted in zip(seen, expected, strict=True):
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, wanted)


def test_only_valid_values_and_only_where_there_are_some(fa, dseg):
    seen = []
    fa = fa.where(fa != 24).where(LABELS != 2)
    cube = fa.parc.extract(
        dseg,
        stats=["mean", {"see": lambda v: seen.append(v.tolist()) or 1}],
        zero_is_missing=True,
        valid_range=(2, 22),
    )
    assert seen == [[22, 21, 20, 19, 12, 11, 10, 9, 8, 7], [6, 5, 4, 3, 2]]
    assert values_of(cube, "mean").tolist() == pytest.approx([13.9, np.nan, 4], nan_ok=True)


def test_a_function_may_change_what_it_is_given(fa, dseg):
    def spoil(values):
        values[:] = 0
        return 0

    before = fa.values.copy()
    cube = fa.parc.extract(dseg, stats=[{"spoil": spoil}, "mean", {"one": first}])
    np.testing.assert_array_equal(fa.values, before)
    assert values_of(cube, "one").tolist() == [24, 18, 6]


def test_an_error_names_the_statistic_and_the_region(fa, dseg):
    def fails(values):
        if len(values) == 6:
            raise RuntimeError("no such luck")
        return 1

    with pytest.raises(StatisticError, match=r"'fails' of region 2 \(6 voxels\).*no such luck"):
        fa.parc.extract(dseg, stats={"fails": fails})


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (np.arange(3), "ndarray of shape"),
        ([1.0], "list of shape"),
        (None, "NoneType"),
        ("five", "str"),
        (1j, "complex"),
    ],
)
def test_what_is_no_number_is_an_error(fa, dseg, returned, words):
    with pytest.raises(StatisticError, match=f"'odd' of region 1.*no number, but a {words}"):
        fa.parc.extract(dseg, stats={"odd": lambda _: returned})


@pytest.mark.parametrize("returned", [True, 7, np.float32(7), np.array(7), np.int8(7)])
def test_what_is_a_number(fa, dseg, returned):
    cube = fa.parc.extract(dseg, stats={"fine": lambda _: returned})
    assert values_of(cube, "fine").tolist() == [float(returned)] * 3


def test_a_region_that_the_lut_leaves_out_is_not_reduced(fa, dseg):
    lut = qsiparc.AtlasLUT([qsiparc.RegionInfo(4, "four", "L")])
    with pytest.warns(qsiparc.errors.LabelWarning, match="does not name"):
        cube = fa.parc.extract(dseg, lut, stats={"n": lambda v: 6 if len(v) == 6 else 1 / 0})
    assert values_of(cube, "n").tolist() == [6]


@pytest.mark.parametrize(
    ("stats", "words"),
    [
        ({"mean": first}, "built-in"),
        ({"diagnostic": first}, "tier"),
        ({"region": first}, "taken"),
        ({"two words": first}, "without spaces"),
        ({"": first}, "without spaces"),
        ({"text": "mean"}, "is a function"),
        ([first], "needs a name"),
    ],
)
def test_what_cannot_be_one(fa, dseg, stats, words):
    with pytest.raises(OptionError, match=words):
        fa.parc.extract(dseg, stats=stats)


def test_twice_the_same_name(fa, dseg):
    with pytest.raises(UnknownStatisticError, match="distinct"):
        fa.parc.extract(dseg, stats=[{"one": first}, {"one": len}])


def test_registered_for_this_process(fa, dseg, registered):
    registered("first_one", first, unit="map²", minimum=7, formula="x₁", reference="here")
    cube = fa.parc.extract(dseg, stats="first_one")
    np.testing.assert_array_equal(values_of(cube, "first_one"), [24, np.nan, np.nan])
    row = qsiparc.statistics().loc["first_one"]
    assert row[["tier", "unit", "formula", "minimum", "reference"]].tolist() == [
        *("all", "map²", "x₁", 7, "here"),
    ]
    assert row["summary"] == "The first one in the order of the file"
    assert tiers()["all"][-1] == "first_one"
    assert "first_one" not in tiers()["diagnostic"]


def test_what_it_is_where_no_voxel_is_valid(fa, dseg, registered):
    registered("bright", lambda v: (v > 6).sum(), empty=0)
    registered("least", np.min)
    cube = fa.where(LABELS != 2).parc.extract(dseg, stats=["bright", "least"])
    assert values_of(cube, "bright").tolist() == [12, 0, 0]
    np.testing.assert_array_equal(values_of(cube, "least"), [7, np.nan, 1])


def test_registered_twice(registered):
    registered("first_one", first)
    with pytest.raises(OptionError, match="replace=True"):
        qsiparc.register_statistic("first_one", len)
    qsiparc.register_statistic("first_one", len, replace=True)
    with pytest.raises(OptionError, match="built-in"):
        qsiparc.register_statistic("mean", len, replace=True)


def test_its_unit_stays_with_the_cube(fa, dseg, registered, tmp_path):
    fa.attrs["units"] = "mm^2/s"
    registered("var", np.var, unit="map²", summary="variance")
    cube = fa.parc.extract(dseg, stats=["var", "std", {"odd": len}])
    assert json.loads(cube.attrs["own_statistics"]) == {
        "var": {"unit": "map²", "summary": "variance", "function": identity(np.var)},
        "odd": {"summary": "a statistic of your own", "function": identity(len)},
    }
    cube = qsiparc.open(cube.parc.save(tmp_path / "cube.nc"))
    found = {
        name: cube.parc.to_volume(dseg, stat=name).attrs["units"] for name in ("var", "std", "odd")
    }
    assert found == {"var": "(mm^2/s)^2", "std": "mm^2/s", "odd": ""}
    assert {"var", "odd"} <= set(cube.parc.to_long().columns)


def test_the_units_of_what_is_built_in(fa, dseg):
    fa.attrs["units"] = "mm^2/s"
    names = ["sum", "cv", "volume_mm3", "n_zero"]
    cube = fa.parc.extract(dseg, stats=names)
    found = [cube.parc.to_volume(dseg, stat=name).attrs["units"] for name in names]
    assert found == ["mm^2/s", "1", "mm^3", "1"]


def test_lazily(fa, dseg):
    stats = ["mean", {"one": first}]
    expected = fa.parc.extract(dseg, stats=stats)
    four = xr.concat([fa, 2 * fa], "volume").transpose("i", "j", "k", "volume")
    cube = four.chunk({"volume": 1}).parc.extract(dseg, stats=stats)
    assert isinstance(cube.value.data, dask.array.Array)
    found = cube.compute(scheduler="threads")
    np.testing.assert_array_equal(found.value[..., 0], expected.value)
    np.testing.assert_array_equal(found.value[..., 1], 2 * expected.value)


def test_in_other_processes(fa, dseg):
    cube = fa.chunk().parc.extract(dseg, stats=["robust_mean", {"one": first}])
    found = cube.compute(scheduler="processes", num_workers=1)
    assert values_of(found, "one").tolist() == [24, 18, 6]


def test_in_threads(fa, dseg):
    with ThreadPoolExecutor(4) as pool:
        cubes = list(pool.map(lambda _: fa.parc.extract(dseg, stats={"one": first}), range(8)))
    assert all(cube.identical(cubes[0]) for cube in cubes)


def test_one_that_changes_as_it_runs_is_told_apart_by_what_it_was_before(fa):
    draws = np.random.default_rng(0)

    def drawn(values):
        return draws.choice(values)

    statistics = resolve({"drawn": drawn})
    before = own_attrs(statistics)
    fa.parc.extract(volume(LABELS), stats=statistics)
    assert own_attrs(statistics) == before
    assert own_attrs(resolve({"drawn": drawn})) != before


def test_a_registered_one_is_told_apart_by_what_it_refers_to_now():
    limits = [0.2]

    def share_above(values):
        return (values > limits[0]).mean()

    qsiparc.register_statistic("share_above", share_above, replace=True)
    try:
        before = own_attrs(resolve("share_above"))
        assert own_attrs(resolve("share_above")) == before
        limits[0] = 0.5
        assert own_attrs(resolve("share_above")) != before
        assert own_attrs(resolve("all")) != before
    finally:
        del REGISTERED["share_above"]


def halving(step):
    def half(values):
        return half(values[::step]) if values.size > 1 else values[0]

    return half


def test_a_function_may_call_itself(fa, dseg):
    """Defined within another, it encloses itself."""
    first = fa.parc.extract(dseg, stats={"first": halving(2)}).value.values.ravel()
    expected = fa.parc.extract(dseg, stats={"first": lambda values: values[0]}).value.values.ravel()
    np.testing.assert_array_equal(first, expected)
    assert identity(halving(2)) == identity(halving(2)) != identity(halving(3))
