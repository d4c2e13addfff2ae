from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

import qsiparc.progress
from qsiparc.discover import find
from qsiparc.discover.walk import Walk
from qsiparc.errors import DiscoveryError, DiscoveryWarning
from qsiparc.options import set_options
from qsiparc.progress import Progress

MAP = "sub-1_param-fa_dwimap.nii"


def put(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def below(root):
    return sorted(
        str((Path(folder) / name).relative_to(root))
        for folder, names in Walk(str(root), (".nii",))
        for name in names
    )


def test_links_to_folders_are_followed_once(tmp_path):
    put(tmp_path / "elsewhere" / "deep", "a.nii")
    root = put(tmp_path / "root", "b.nii")
    (root / "one").symlink_to(tmp_path / "elsewhere")
    (root / "two").symlink_to(tmp_path / "elsewhere")
    (root / "three").symlink_to(tmp_path / "elsewhere" / "deep")
    assert below(root) == ["b.nii", "one/deep/a.nii"]


def test_a_link_into_the_tree_is_not_followed(tmp_path):
    put(tmp_path / "v1", "a.nii")
    (tmp_path / "latest").symlink_to("v1")
    assert below(tmp_path) == ["v1/a.nii"]


def test_a_link_to_a_hidden_folder_of_the_tree_is_followed(tmp_path):
    put(tmp_path / ".store", "a.nii")
    (tmp_path / "shown").symlink_to(".store")
    assert below(tmp_path) == ["shown/a.nii"]


def test_loops_end(tmp_path):
    root = put(tmp_path / "root" / "sub", "a.nii").parent
    put(tmp_path, "outside.nii")
    (root / "sub" / "loop").symlink_to(root)
    (root / "sub" / "self").symlink_to(root / "sub" / "self")
    (root / "up").symlink_to(tmp_path)
    walk = Walk(str(root), (".nii",))
    assert [names for _, names in walk] == [["a.nii"]]
    assert walk.loops == [str(root / "up")]


def test_two_outer_folders_that_link_to_each_other(tmp_path):
    root = put(tmp_path / "root")
    for here, there in ("ab", "ba"):
        put(tmp_path / here, f"{here}.nii")
        (tmp_path / here / "other").symlink_to(tmp_path / there)
    (root / "link").symlink_to(tmp_path / "a")
    assert below(root) == ["link/a.nii", "link/other/b.nii"]


def test_a_linked_folder_within_one_that_was_walked_is_not_walked_again(tmp_path):
    root = put(tmp_path / "root")
    put(tmp_path / "outer" / "inner", "a.nii")
    (root / "first").symlink_to(tmp_path / "outer" / "inner")
    (root / "second").symlink_to(tmp_path / "outer")
    assert below(root) == ["first/a.nii"]


def test_links_to_files_are_files_even_when_their_target_is_gone(tmp_path):
    (tmp_path / "a.nii").symlink_to(tmp_path / ".git" / "annex" / "gone")
    assert below(tmp_path) == ["a.nii"]


def test_no_file_is_asked_for_more_than_its_name(tmp_path, monkeypatch):
    put(tmp_path / "sub-1" / "dwi", MAP, "sub-1_seg-X_dseg.nii", "x.json")
    stats = []
    for name in ("stat", "lstat"):
        real = getattr(os, name)
        monkeypatch.setattr(
            os,
            name,
            lambda path, *a, real=real, **k: (stats.append(str(path)), real(path, *a, **k))[1],
        )
    monkeypatch.setattr(io, "open", None)
    find(tmp_path)
    assert not [path for path in stats if path.endswith((".nii", ".json"))]


class Refusing:
    """`os.scandir`, but for one folder."""

    def __init__(self, refused):
        self.refused = str(refused)
        self.real = os.scandir

    def __call__(self, folder):
        if folder == self.refused:
            raise PermissionError(13, "Permission denied", folder)
        return self.real(folder)


def test_a_folder_that_cannot_be_read_is_reported(tmp_path, monkeypatch):
    put(tmp_path / "open", MAP)
    shut = put(tmp_path / "shut", "sub-2_param-fa_dwimap.nii")
    monkeypatch.setattr(os, "scandir", Refusing(shut))
    with pytest.warns(DiscoveryWarning, match="1 folders could not be read"):
        dataset = find(tmp_path)
    assert dataset.unreadable == [(str(shut), "Permission denied")]
    assert dataset.subjects == ["1"]
    assert "shut" in repr(dataset)


def test_a_root_that_cannot_be_read_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "scandir", Refusing(tmp_path))
    with pytest.raises(DiscoveryError, match="cannot be read"):
        find(tmp_path)


def test_only_the_folders_of_one_subject_are_read(tmp_path, monkeypatch):
    from qsiparc.discover import discover_scalar_maps

    put(tmp_path / "qsirecon-X" / "sub-1" / "dwi", MAP)
    shut = put(tmp_path / "qsirecon-X" / "sub-2", "sub-2_param-fa_dwimap.nii")
    monkeypatch.setattr(os, "scandir", Refusing(shut))
    assert len(discover_scalar_maps(tmp_path, "sub-1", "")) == 1


@pytest.mark.parametrize(("option", "shown"), [(True, True), (False, False), ("auto", False)])
def test_progress_is_shown_after_two_seconds(monkeypatch, capsys, option, shown):
    clock = iter([0.0, 1.0, 2.5, 3.0])
    monkeypatch.setattr(qsiparc.progress.time, "monotonic", lambda: next(clock))
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    with set_options(progress=option), Progress("searching", "files") as progress:
        progress.add(10)
        assert capsys.readouterr().err == ""
        progress.add(10)
        progress.add(10)
    assert ("searching: 20 files" in capsys.readouterr().err) is shown


def test_a_folder_with_the_name_of_an_image_is_left_out_with_a_warning(tmp_path):
    folder = put(tmp_path / "qsirecon-A" / "sub-1" / "dwi", MAP)
    (folder / "sub-1_param-md_dwimap.nii.gz").mkdir()
    (folder / "sub-1_param-rd_dwimap").mkdir()  # as some software leaves them
    with pytest.warns(DiscoveryWarning, match=r"md_dwimap\.nii\.gz' \(a folder, by its name a"):
        dataset = find(tmp_path)
    assert [Path(path).name for path, _ in dataset.unreadable] == ["sub-1_param-md_dwimap.nii.gz"]
    assert [one.path.name for one in dataset.maps] == [MAP]
