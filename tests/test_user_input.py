"""What users hand in: names that look like patterns, paths or formulas, arrays of any layout."""

from __future__ import annotations

import pickle

import numpy as np
import oracle
import pandas as pd
import pytest
import xarray as xr
from phantoms import MM2, ramp, volume

import qsiparc
from qsiparc.atlas import AtlasLUT, RegionInfo
from qsiparc.cohort.derivative import table_path
from qsiparc.discover import discover_dseg_files, discover_scalar_maps, discover_tractography
from qsiparc.errors import GridMismatchError, SelectionError
from qsiparc.tutorial import make_qsirecon

HOSTILE = ("*", "sub-*", "00?", "[0-9]*", "sub-01/../../x", "../../x", "/", "~", "$HOME", "\0", "")
FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("x","y")', "=1\t2")

SHAPE = (4, 5, 6)
VALUES = (ramp(SHAPE) % 37).astype(np.float32)
LABELS = (ramp(SHAPE) // 40 + 1).astype(np.int16)
LUT = AtlasLUT([RegionInfo(n, f"LH_{n}", "L") for n in (2, 1, 3)], "Three")
MEANS = oracle.table(VALUES, LABELS, [2, 1, 3])[:, 0]


# Names


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return make_qsirecon(tmp_path_factory.mktemp("made") / "qsirecon", n_subjects=1, resolution=8)


def files(folder):
    return {path.relative_to(folder) for path in folder.rglob("*")}


@pytest.mark.parametrize("what", ["participant_label", "session_label", "atlas", "scalars"])
def test_a_name_is_no_pattern_and_no_path(tree, what, tmp_path):
    before = files(tree.parent)
    for name in HOSTILE:
        with pytest.raises(SelectionError, match="There is no "):
            qsiparc.build(tree, tmp_path / "a" / "b" / "out", **{what: name})
    assert not list(tmp_path.iterdir())
    assert files(tree.parent) == before


@pytest.mark.parametrize("name", [1, ["001"], [None], {"001"}, b"001", True])
def test_what_is_no_text_is_no_label(tree, name):
    for ask in (
        lambda: discover_dseg_files(tree, participant_label=name),
        lambda: discover_dseg_files(tree, session_label=name),
        lambda: discover_dseg_files(tree, atlas=name),
        lambda: discover_scalar_maps(tree, name, None),
        lambda: discover_scalar_maps(tree, "001", name),
        lambda: discover_tractography(tree, name, None),
    ):
        with pytest.raises(TypeError, match="is one label, text, not "):
            ask()


def test_a_table_of_an_atlas_that_is_none(tree, tmp_path):
    table = tmp_path / "lut.tsv"
    table.write_text("index\tname\n1\tLH_1\n")
    for name in HOSTILE:
        with pytest.raises(SelectionError):
            qsiparc.find(tree, luts={name: table})
        with pytest.raises(SelectionError):
            qsiparc.build(tree, tmp_path / "out", luts={name: table})
    assert files(tmp_path) == {table.relative_to(tmp_path)}


def test_whatever_an_atlas_is_called_its_table_lies_in_the_folder_of_its_scan(tmp_path):
    for name in HOSTILE:
        path = table_path(tmp_path, "sub-01", name)
        assert path.resolve().parent == tmp_path.resolve() / "sub-01" / "dwi"


def test_formulas_stay_text(tmp_path):
    names = [f.replace("\t", " ") for f in FORMULAS]
    lut = AtlasLUT([RegionInfo(n, name, "L") for n, name in enumerate(names, start=1)], "=cmd")
    cube = volume(VALUES).parc.extract(volume(LABELS), lut, scalar="=2+2", subject="-1")
    path = cube.parc.to_tsv(tmp_path / "table.tsv")
    back = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    assert back["region_name"].tolist() == names
    assert set(back["scalar"]) == {"=2+2"}
    assert set(back["atlas"]) == {"=cmd"}
    assert qsiparc.read_lut(named(tmp_path, names)).to_dataframe()["region_name"].tolist() == names


def named(folder, names):
    path = folder / "lut.tsv"
    pd.DataFrame({"index": range(1, 1 + len(names)), "name": names}).to_csv(
        path, sep="\t", index=False
    )
    return path


# Arrays


def spread(values):
    wide = np.full([2 * n for n in values.shape], 99, values.dtype)
    wide[::2, ::2, ::2] = values
    return wide[::2, ::2, ::2]


def read_only(values):
    frozen = values.copy()
    frozen.flags.writeable = False
    return frozen


def unindexed(array, folder):
    array.to_dataset(name="FA").to_netcdf(folder / "fa.nc")
    with xr.open_dataset(folder / "fa.nc") as plain:
        assert "space" not in plain.xindexes
        return plain["FA"].load()


ARRAYS = {
    "reversed in memory": lambda a, _: a.copy(data=a.to_numpy()[::-1].copy()[::-1]),
    "strided in memory": lambda a, _: a.copy(data=spread(a.to_numpy())),
    "Fortran's order": lambda a, _: a.copy(data=np.asfortranarray(a.to_numpy())),
    "transposed in memory": lambda a, _: a.copy(
        data=np.ascontiguousarray(a.to_numpy().transpose(2, 0, 1)).transpose(1, 2, 0)
    ),
    "read-only": lambda a, _: a.copy(data=read_only(a.to_numpy())),
    "other byte order": lambda a, _: a.copy(data=a.to_numpy().astype(a.dtype.newbyteorder(">"))),
    "reversed back": lambda a, _: a.isel(j=slice(None, None, -1)).isel(j=slice(None, None, -1)),
    "transposed": lambda a, _: a.transpose("k", "i", "j"),
    "odd chunks": lambda a, _: a.chunk(i=(1, 3), j=(2, 1, 2), k=(5, 1)),
    "map_blocks": lambda a, _: a.chunk(k=4).map_blocks(lambda block: block * 1),
    "pickled": lambda a, _: pickle.loads(pickle.dumps(a)),  # noqa: S301 - our own bytes
    "pickled dask": lambda a, _: pickle.loads(pickle.dumps(a.chunk(k=4))),  # noqa: S301 - the same
    "overridden join": lambda a, _: xr.align(a, a + 1, join="override")[0],
    "reloaded without index": unindexed,
}


@pytest.mark.parametrize("way", ARRAYS)
def test_the_same_numbers_whatever_the_array(way, tmp_path):
    for one, other in ((ARRAYS[way], None), (None, ARRAYS[way])):
        fa, dseg = volume(VALUES).rename("FA"), volume(LABELS)
        fa = one(fa, tmp_path) if one else fa
        dseg = other(dseg, tmp_path) if other else dseg
        means = fa.parc.extract(dseg, LUT).value.sel(stat="mean")
        np.testing.assert_allclose(means.squeeze(), MEANS, rtol=1e-12)


@pytest.mark.parametrize("kind", ["joined", "assigned", "reversed", "cut"])
def test_extract_itself_sees_another_grid(kind, tmp_path):
    fa, dseg = volume(VALUES).rename("FA"), volume(LABELS)
    far = volume(LABELS, MM2 + np.diag([3.0], k=3))
    other = {
        "joined": lambda: xr.align(fa, far, join="override")[1],
        "assigned": lambda: fa.to_dataset().assign(dseg=far.variable)["dseg"],
        "reversed": lambda: unindexed(far.isel(i=slice(None, None, -1)), tmp_path),
        "cut": lambda: dseg.isel(k=slice(1, None)),
    }[kind]
    with pytest.raises(GridMismatchError):
        fa.parc.extract(other(), LUT)
