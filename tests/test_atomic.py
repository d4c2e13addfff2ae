from __future__ import annotations

from pathlib import Path

import pytest

from qsiparc.atomic import replacing


def names(folder):
    return sorted(path.name for path in folder.rglob("*"))


def fill(path, kind, text):
    """Write a file, or a folder with one file in it."""
    if kind == "folder":
        path.mkdir()
        path = path / "part"
    path.write_text(text)


def text_of(path):
    return (path / "part" if path.is_dir() else path).read_text()


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("is_new", [True, False], ids=["new", "replaced"])
def test_what_is_whole_takes_its_place(tmp_path, kind, is_new):
    path = tmp_path / "thing"
    if not is_new:
        fill(path, kind, "old")
    with replacing(path) as new:
        assert new.name == path.name
        assert new.parents[2] == tmp_path
        fill(new, kind, "new")
        assert path.exists() != is_new
    assert text_of(path) == "new"
    assert names(tmp_path) == ["part", "thing"][kind == "file" :]


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("stop", [ValueError, KeyboardInterrupt])
def test_what_fails_leaves_the_old_one_and_no_litter(tmp_path, kind, stop):
    path = tmp_path / "thing"
    fill(path, kind, "old")
    before = names(tmp_path)

    def interrupted():
        with replacing(path) as new:
            fill(new, kind, "half")
            raise stop

    with pytest.raises(stop):
        interrupted()
    assert text_of(path) == "old"
    assert names(tmp_path) == before


def test_a_writer_that_wrote_nothing_replaces_nothing(tmp_path):
    for kind in ("file", "folder"):
        fill(tmp_path / kind, kind, "old")
        with pytest.raises(OSError, match=kind), replacing(tmp_path / kind):
            pass
        assert text_of(tmp_path / kind) == "old"
    assert names(tmp_path) == ["file", "folder", "part"]


@pytest.mark.parametrize(("there", "new_kind"), [("folder", "file"), ("file", "folder")])
def test_a_file_and_a_folder_do_not_replace_each_other(tmp_path, there, new_kind):
    path = tmp_path / "thing"
    fill(path, there, "old")
    with (
        pytest.raises(FileExistsError, match=f"thing: there is a {there} of this name"),
        replacing(path) as new,
    ):
        fill(new, new_kind, "new")
    assert text_of(path) == "old"
    assert names(tmp_path) == ["part", "thing"][there == "file" :]


def test_a_folder_that_cannot_be_moved_in_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "thing"
    fill(path, "folder", "old")
    replace = Path.replace

    def refuse(self, target):
        if target == path:
            raise PermissionError(13, "no", str(path))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(PermissionError), replacing(path) as new:
        fill(new, "folder", "new")
    assert text_of(path) == "old"
    assert names(tmp_path) == ["part", "thing"]


def test_folders_above_are_made(tmp_path):
    path = tmp_path / "sub-01" / "dwi" / "thing"
    with replacing(path) as new:
        fill(new, "file", "new")
    assert text_of(path) == "new"


def test_a_name_may_be_as_long_as_names_can_be(tmp_path):
    path = tmp_path / ("n" * 255)
    with replacing(path) as new:
        fill(new, "file", "new")
    assert text_of(path) == "new"


def test_of_a_link_the_link_is_replaced_and_its_target_is_not_touched(tmp_path):
    original = tmp_path / "original"
    fill(original, "folder", "old")
    link = tmp_path / "link"
    link.symlink_to(original, target_is_directory=True)
    with replacing(link) as new:
        fill(new, "folder", "new")
    assert text_of(original) == "old"
    assert text_of(link) == "new"
    assert not link.is_symlink()


def test_what_was_written_has_the_usual_permissions(tmp_path):
    with replacing(tmp_path / "thing") as new:
        fill(new, "file", "new")
    fill(tmp_path / "other", "file", "new")
    assert (tmp_path / "thing").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_relative_path_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with replacing(Path("thing")) as new:
        fill(new, "file", "new")
    assert names(tmp_path) == ["thing"]
