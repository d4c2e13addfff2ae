"""Findings come with a picture of where, or with the lines that draw one."""

from __future__ import annotations

import base64
import io
import re
import shutil

import pytest
from made_archive import change, cube, save

import qsiparc
from qsiparc.tutorial import make_qsirecon


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    root = make_qsirecon(tmp_path_factory.mktemp("mosaics") / "qsirecon", n_subjects=3)
    out = root.with_name("out")
    qsiparc.build(root, out, stats="core", zero_is_missing=True, report=False)
    return root, out


def pictures_of(page):
    text = page.read_text(encoding="utf-8")
    found = re.findall(r'src="data:image/webp;base64,([^"]+)" alt="([^"]*)"', text)
    return {caption: base64.b64decode(data) for data, caption in found}


def test_the_gravest_are_drawn_and_the_others_tell_how(study, tmp_path):
    image = pytest.importorskip("PIL.Image")
    _, out = study
    page = qsiparc.write_report(out, tmp_path / "r.html", mosaics=2)
    pictures = pictures_of(page)
    assert len(pictures) == 2
    assert "AMICONODDI-FA with the outlines of 4S156Parcels." in pictures  # of LH-HN, which is gone
    for data in pictures.values():
        width, height = image.open(io.BytesIO(data)).size
        assert width > height > 200
        assert len(data) < 150_000
    text = page.read_text(encoding="utf-8")
    assert text.count("draw a mosaic</summary>") == len(qsiparc.find_problems(out)) - 2


def test_the_lines_draw_one(study, tmp_path):
    _, out = study
    text = qsiparc.write_report(out, tmp_path / "r.html", mosaics=0).read_text(encoding="utf-8")
    assert pictures_of(tmp_path / "r.html") == {}
    blocks = re.findall(r"<pre><code>(.*?)</code></pre>", text, re.DOTALL)
    marked = [block.replace("&#39;", "'") for block in blocks if "region=" in block]
    names = {}
    exec(marked[0], names)  # noqa: S102 - our own page
    assert "Brainnetome246Ext" in "".join(marked) or "4S156Parcels" in marked[0]
    assert "volume" in names


def test_files_that_are_gone_are_no_error(study, tmp_path):
    root, out = study
    moved = root.with_name("moved")
    shutil.move(root, moved)
    try:
        page = qsiparc.write_report(out, tmp_path / "r.html")
    finally:
        shutil.move(moved, root)
    assert pictures_of(page) == {}
    assert "draw a mosaic" in page.read_text(encoding="utf-8")


def test_a_study_without_parts_has_neither(tmp_path):
    where = {"subject": "sub-002", "scalar": "FA", "stat": "mean", "region": slice(3, 20)}
    out = save(tmp_path / "out", {"A": change(cube(6), lambda v: v.fill(0), **where)})
    text = qsiparc.write_report(out).read_text(encoding="utf-8")
    assert "Unlike the other scans" in text
    assert "mosaic" not in text
