from __future__ import annotations

import os
import stat
from pathlib import Path

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

    def full(_tree, target, **_):
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(xr.DataTree, "to_netcdf", full)
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
