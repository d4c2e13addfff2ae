"""The report as a file: whole, self-contained, safe with any name, written by every build."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pandas as pd
import pytest
from click.testing import CliRunner
from made_archive import change, cube, fail, hostile, save
from made_study import failure, put

import qsiparc
from qsiparc.cli import main
from qsiparc.errors import CubeError, OptionError, QsiparcWarning
from qsiparc.tutorial import make_qsirecon

VOID = {"meta", "link", "img", "input", "br", "path"}


class Page(HTMLParser):
    """Elements, ids and links of a page, which must be well formed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.ids, self.attributes, self.text = [], [], [], [], ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in {"script", "style"}:
            self.text += data


def page_of(out, **options):
    text = qsiparc.write_report(out, **options).read_text(encoding="utf-8")
    return text, Page(text)


@pytest.fixture
def faulty(tmp_path):
    made = fail(fail(cube(6), "sub-001", "FA"), "sub-002", "MD", "missing")
    where = {"subject": "sub-004", "scalar": "MD", "region": slice(3, 20)}
    made = change(made, lambda v: v.fill(0), **where, stat="mean")
    broken = failure("sub-001", atlas="A", scalar="FA", reason="the gzip is damaged")
    left = [{**failure(f"sub-00{n}", scalar="dir"), "reason": f"it is 4D, {n}"} for n in (1, 2)]
    return save(tmp_path / "a study", {"A": made}, failures=[broken], left_out=left)


def test_it_says_what_there_is_and_what_is_not(faulty):
    text, page = page_of(faulty)
    said = " ".join(page.text.split())
    assert "scans6 scalars3 atlas1 done16 missing1 failed1 finding1" in said
    assert "the gzip is damaged" in said
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", text.partition('id="left-out"')[2])
    assert cells == ["dir", "", "it is 4D, 1", "2"]
    assert "LH_Area_3" in said
    assert "sub-004" in said


def test_every_link_leads_somewhere(faulty):
    _, page = page_of(faulty)
    targets = [value for name, value in page.attributes if name == "href" and value != "data:,"]
    assert targets
    assert {target.removeprefix("#") for target in targets} <= set(page.ids)
    assert len(set(page.ids)) == len(page.ids)


def test_it_loads_nothing_and_runs_nothing_but_its_own_script(faulty):
    text, page = page_of(faulty)
    for name, value in page.attributes:
        assert not name.startswith("on")
        if name in {"src", "href"}:
            assert value.startswith(("#", "data:"))
    assert "http" not in text.replace("http-equiv", "")
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text
    assert page.tags.count("script") == 1


def test_names_that_are_code_are_shown_as_they_are(tmp_path):
    names = [f"sub-{hostile('scan')}", *[f"sub-{n}" for n in range(5)]]
    scalars = [hostile("scalar"), "FA"]
    regions = [hostile("region"), '"><img src=x onerror=alert(1)>', *[f"r{n}" for n in range(20)]]
    made = cube(names=names, scalars=scalars, regions=regions)
    made = change(made, lambda v: v.fill(3e38), stat="mean", subject=names[0], region=[1, 2])
    atlas = 'A"><script>'
    reasons = [failure("sub-1", atlas=atlas, scalar=scalars[0], reason=hostile("reason"))]
    out = save(tmp_path / "a<b>&c", {atlas: made}, failures=reasons, left_out=reasons)
    text, page = page_of(out)
    assert page.tags.count("script") == 1
    assert "img" not in page.tags
    assert text.count("<script>") == 1
    for word in ("scan", "scalar", "region", "reason"):
        assert hostile(word) in page.text
    assert "a<b>&c" in page.text
    table = pd.read_csv(out / "findings.tsv", sep="\t")
    assert hostile("region") in table.loc[0, "region_name"].split(", ")


def test_a_study_without_findings_says_so(tmp_path):
    _, page = page_of(save(tmp_path / "out", {"A": cube(5)}))
    assert "Nothing stands out" in page.text
    assert "Every scan has every scalar over every atlas" in page.text


def test_the_findings_are_a_table_beside_it(faulty):
    qsiparc.write_report(faulty)
    lines = (faulty / "findings.tsv").read_text().splitlines()
    assert lines[0].split("\t") == [
        *("kind", "scan", "atlas", "scalar", "n_regions", "region_name", "finding")
    ]
    assert lines[1].startswith("values\tsub-004\tA\tMD\t")
    assert len(lines) == 2


def test_many_findings_are_cut_short_with_a_word(faulty, monkeypatch):
    monkeypatch.setattr("qsiparc.report.page.ROWS", 0)
    _, page = page_of(faulty)
    assert "The first 0 of 1; findings.tsv" in page.text


def test_finalize_and_build_write_it_unless_told_not_to(tmp_path):
    out = tmp_path / "out"
    put(out, "sub-01")
    qsiparc.finalize(out, report=False)
    assert not (out / "report.html").exists()
    qsiparc.finalize(out)
    assert (out / "report.html").exists()
    assert "report.html" in (out / ".bidsignore").read_text().split()


@pytest.mark.parametrize("option", ["--report", "--no-report"])
def test_the_command_build_says_where_it_is(tmp_path, option):
    root = make_qsirecon(tmp_path / "qsirecon", n_subjects=1, resolution=8)
    out = str(tmp_path / "out")
    call = ["build", str(root), out, "-a", "4S156Parcels", "-m", "md", "--stats", "core", option]
    done = CliRunner().invoke(main, call)
    assert done.exit_code == 0
    assert (tmp_path / "out" / "report.html").exists() == (option == "--report")
    assert ("report.html  what stands out" in done.output) == (option == "--report")


def test_an_earlier_report_that_is_not_renewed_is_told(tmp_path):
    put(tmp_path / "out", "sub-01")
    qsiparc.finalize(tmp_path / "out")
    said = r"report\.html is of an earlier run.*: report=True, --report in a shell, renews it"
    with pytest.warns(QsiparcWarning, match=said):
        qsiparc.finalize(tmp_path / "out", report=False)


def test_without_jinja2_the_study_is_whole_and_a_hint_says_how(tmp_path, monkeypatch):
    out = tmp_path / "out"
    put(out, "sub-01")
    monkeypatch.setattr("qsiparc.report.find_spec", lambda _: None)
    with pytest.warns(QsiparcWarning, match=r"pip install 'qsiparc\[report\]'.*--no-report"):
        study = qsiparc.finalize(out)
    assert set(study.children) == {"A"}
    assert not (out / "report.html").exists()
    with pytest.raises(OptionError, match="jinja2"):
        qsiparc.write_report(out)


def test_a_report_that_fails_does_not_take_the_study_with_it(tmp_path, monkeypatch):
    out = tmp_path / "out"
    put(out, "sub-01")
    monkeypatch.setattr("qsiparc.report.inspect", lambda *_: 1 / 0)
    with pytest.warns(QsiparcWarning, match="study is whole, but its report.*ZeroDivisionError"):
        study = qsiparc.finalize(out)
    assert set(study.children) == {"A"}


def test_the_command_writes_it(faulty, tmp_path):
    done = CliRunner().invoke(main, ["report", str(faulty), "--to", str(tmp_path / "r.html")])
    assert done.exit_code == 0
    assert "1 finding" in done.output
    assert str(tmp_path / "r.html") in done.output
    assert "<!doctype html>" in (tmp_path / "r.html").read_text()


def test_a_folder_without_an_archive_is_an_error_that_says_what_to_do(tmp_path):
    with pytest.raises(CubeError, match="qsiparc finalize"):
        qsiparc.write_report(tmp_path)
    done = CliRunner().invoke(main, ["report", str(tmp_path)])
    assert done.exit_code == 1
    assert "Traceback" not in done.output
