from __future__ import annotations

import os
import stat
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr

from qsiparc.cohort.parts import part_attrs, part_path, part_paths, read_part, write_part
from qsiparc.cube import text
from qsiparc.errors import CubeError


def with_attrs(node, **attrs):
    node.attrs = attrs
    return node


def tree(value=1.0, **attrs):
    cube = xr.Dataset(
        {
            "value": (("region", "stat", "scalar", "subject"), [[[[value]]]]),
            "status": (("scalar", "subject"), np.zeros((1, 1), np.int8), {"flag_meanings": "ok"}),
        },
        {"region": [7], "stat": text(["mean"]), "region_name": ("region", text(["Größe"]))},
        {"atlas": "A"},
    )
    return with_attrs(xr.DataTree.from_dict({"A": cube}), **attrs)


def test_a_part_comes_back_as_it_was(tmp_path):
    path = write_part(tmp_path, "sub-001", tree(fingerprint="ab", inputs="[]"))
    assert path == tmp_path / "parts" / "sub-001.nc"
    back = read_part(path)
    xr.testing.assert_identical(back["A"].to_dataset(), tree()["A"].to_dataset())
    assert back["A"]["region_name"].dtype.kind == "T"
    assert back["A"]["status"].dtype == np.int8
    expected = {"qsiparc_part": 1, "scan": "sub-001", "fingerprint": "ab", "inputs": "[]"}
    assert part_attrs(path) == expected
    assert back.attrs == expected


def described(path):
    """All that a reader can see of a netCDF file."""
    with netCDF4.Dataset(path) as file:
        file.set_auto_maskandscale(False)
        return [
            (
                group.path,
                {name: repr(group.getncattr(name)) for name in group.ncattrs()},
                {name: len(dim) for name, dim in group.dimensions.items()},
                [
                    (name, str(v.dtype), v.dimensions, v.filters(), v.chunking())
                    for name, v in group.variables.items()
                ],
                [repr(np.asarray(v[...]).tolist()) for v in group.variables.values()],
                [
                    {name: repr(v.getncattr(name)) for name in v.ncattrs()}
                    for v in group.variables.values()
                ],
            )
            for group in (file, *file.groups.values())
        ]


@pytest.mark.parametrize("n_regions", [0, 1, 3])
def test_a_part_is_what_xarray_would_write(tmp_path, n_regions):
    numbers = np.arange(2.0 * n_regions).reshape(n_regions, 1, 2, 1)
    names = ["Größe", "", "x" * 300][:n_regions]
    flags = {"flag_values": np.array([0, 1], np.int8), "flag_meanings": "ok missing"}
    cube = xr.Dataset(
        {
            "value": (("region", "stat", "scalar", "subject"), numbers, {"units": "1"}),
            "status": (("scalar", "subject"), np.array([[0], [1]], np.int8), flags),
        },
        {
            "region": np.arange(n_regions) - 1,
            "stat": text(["mean"]),
            "scalar": text(["FA", "MD"]),
            "region_name": ("region", np.array(names, dtype=np.dtypes.StringDType())),
            "network": ("region", np.array(names, dtype="<U300")),
            "is_cortex": ("region", np.arange(n_regions) > 0),
            "volume": ("region", np.arange(n_regions) * 0.5, {"units": "mm^3"}),
            "made": ("region", np.full(n_regions, np.datetime64("2026-01-02", "ns"))),
            "map_file": (("scalar", "subject"), text([["fa.nii.gz"], ["md.nii.gz"]])),
            "threshold": 0.25,
            "atlas_name": "A",
        },
        {"one": ["a"], "two": ["é", "b"], "text": "é", "n": 2, "x": 0.5, "list": [1.5, 2.5]},
    )
    made = xr.DataTree.from_dict({"B": cube, "A": cube.isel(scalar=[0])})
    made.attrs = {"failures": "[]", "texts": ["é"]}
    path = write_part(tmp_path, "sub-001", made)
    marked = with_attrs(made.copy(), qsiparc_part=1, scan="sub-001", **made.attrs)
    checksum = {"fletcher32": True, "contiguous": False}
    checked = {
        node.path: {
            name: checksum if v.ndim and v.size and v.dtype.kind in "iufbM" else {}
            for name, v in node.variables.items()
        }
        for node in marked.subtree
    }
    marked.to_netcdf(tmp_path / "xarray.nc", engine="netcdf4", encoding=checked)
    assert described(path) == described(tmp_path / "xarray.nc")


def test_a_part_may_have_no_group(tmp_path):
    path = write_part(tmp_path, "sub-001", with_attrs(xr.DataTree(), failures="[{}]"))
    assert not read_part(path).children
    assert part_attrs(path)["failures"] == "[{}]"


def test_long_texts_fit(tmp_path):
    long = "é" * 300_000
    path = write_part(tmp_path, "sub-001", tree(inputs=long, failures="e" * 300_000))
    assert part_attrs(path)["inputs"] == long
    assert len(part_attrs(path)["failures"]) == 300_000


def test_the_last_one_counts(tmp_path):
    write_part(tmp_path, "sub-001", tree(1.0))
    path = write_part(tmp_path, "sub-001", tree(2.0))
    assert read_part(path)["A"]["value"].item() == 2.0


def test_parts_are_listed_by_name_without_temporaries(tmp_path):
    for scan in ("sub-002", "sub-001"):
        write_part(tmp_path, scan, tree())
    (tmp_path / "parts" / ".sub-003.1-ab.tmp").touch()
    (tmp_path / "parts" / ".sub-004.nc").touch()
    assert [path.name for path in part_paths(tmp_path)] == ["sub-001.nc", "sub-002.nc"]
    assert part_paths(tmp_path / "nowhere") == []


@pytest.mark.parametrize("scan", ["", "../sub-001", "sub 1", "sub.1", "a/b", "sub-001\n"])
def test_a_name_never_leaves_the_folder(tmp_path, scan):
    with pytest.raises(CubeError, match="cannot name a part"):
        part_path(tmp_path, scan)


def test_a_write_that_fails_leaves_the_old_part(tmp_path, monkeypatch):
    path = write_part(tmp_path, "sub-001", tree(1.0))

    def full(target, *_):
        Path(target).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(netCDF4, "Dataset", full)
    with pytest.raises(OSError, match="No space left"):
        write_part(tmp_path, "sub-001", tree(2.0))
    monkeypatch.undo()
    assert [file.name for file in path.parent.iterdir()] == ["sub-001.nc"]
    assert read_part(path)["A"]["value"].item() == 1.0


def test_file_and_folder_are_on_the_disk_around_the_rename(tmp_path, monkeypatch):
    done = []
    fsync, rename = os.fsync, Path.replace

    def synced(handle):
        done.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    def renamed(path, target):
        done.append("rename")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    write_part(tmp_path, "sub-001", tree())
    assert done == ["file", "rename", "folder"]


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.95])
def test_a_part_that_is_cut_short_is_named(tmp_path, keep):
    path = write_part(tmp_path, "sub-001", tree())
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if keep < 1 else keep])
    with pytest.raises(CubeError, match=r"sub-001\.nc: this is no whole part"):
        read_part(path)


def test_another_netcdf_file_is_no_part(tmp_path):
    xr.Dataset({"a": 1}).to_netcdf(tmp_path / "a.nc")
    with pytest.raises(CubeError, match="its qsiparc_part is None"):
        part_attrs(tmp_path / "a.nc")
    with pytest.raises(FileNotFoundError):
        read_part(tmp_path / "b.nc")
