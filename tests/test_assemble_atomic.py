"""What killed processes leave behind is cleared away, and what living ones write is not."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from qsiparc import atomic
from qsiparc.atomic import replacing, sweep


def leave(path, *, between_renames):
    """Be killed while a folder is being replaced."""
    code = (
        "import os, signal, sys, pathlib\n"
        "from qsiparc.atomic import replacing\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "with replacing(path) as new:\n"
        "    new.mkdir()\n"
        "    (new / 'text').write_text('new')\n"
        "    if sys.argv[2]: path.rename(new.parents[1] / 'old')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    argv = [sys.executable, "-c", code, str(path), "x" if between_renames else ""]
    assert subprocess.run(argv, check=False).returncode == -9
    assert len(list(path.parent.glob(".qsiparc-*"))) == 1


@pytest.fixture
def path(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "text").write_text("old")
    return folder


@pytest.mark.parametrize("between_renames", [False, True])
def test_the_old_one_is_there_after_a_kill(path, between_renames):
    leave(path, between_renames=between_renames)
    assert path.exists() != between_renames
    sweep(path.parent)
    assert (path / "text").read_text() == "old"
    assert [p.name for p in path.parent.iterdir()] == ["folder"]


def test_the_next_one_clears_up(path):
    leave(path, between_renames=True)
    with replacing(path.with_name("other")) as new:
        new.write_text("other")
    assert sorted(p.name for p in path.parent.iterdir()) == ["folder", "other"]


def test_what_is_being_written_stays(path):
    with replacing(path) as new:
        new.mkdir()
        sweep(path.parent)
        with replacing(path.with_name("other")) as other:
            other.write_text("other")
        assert new.exists()
    assert not (path / "text").exists()


def test_where_there_are_no_locks_age_tells(path, monkeypatch):
    def refuse(*_):
        raise OSError(95, "no locks here")

    monkeypatch.setattr("fcntl.flock", refuse)
    leave(path, between_renames=False)
    (room,) = path.parent.glob(".qsiparc-*")
    sweep(path.parent)
    assert room.exists()
    long_ago = time.time() - 2 * atomic._DAY
    os.utime(room, (long_ago, long_ago))
    sweep(path.parent)
    assert not room.exists()


def test_all_is_flushed_before_it_is_moved(path, monkeypatch):
    done = []
    fsync, rename = os.fsync, type(path).rename
    monkeypatch.setattr(os, "fsync", lambda handle: (done.append("flush"), fsync(handle)))
    monkeypatch.setattr(
        type(path), "rename", lambda old, new: (done.append("move"), rename(old, new))[1]
    )
    with replacing(path) as new:
        new.mkdir()
        (new / "one").write_text("1")
        (new / "two").write_text("2")
    assert done == ["flush", "flush", "flush", "move", "flush"]
