"""What README.md and the pages below docs/ say works when it is pasted."""

from __future__ import annotations

import ast
import contextlib
import doctest
import io
import re
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES += sorted((ROOT / "docs/howto").glob("*.md"))
TEXTS = [*PAGES, ROOT / "CONTRIBUTING.md"]
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def fences(page):
    """Language and content of every fenced block of a page."""
    return FENCE.findall(page.read_text(encoding="utf-8"))


def examples(page):
    """Python blocks of a page, each with the text block that follows it, if one does."""
    blocks = [*fences(page), ("", "")]
    return [
        (code, shown if beside == "text" else None)
        for (language, code), (beside, shown) in pairwise(blocks)
        if language == "python"
    ]


def run(code, names):
    """What a notebook cell would show: all that is printed, and the value of the last line."""
    *first, last = ast.parse(code).body
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        if not isinstance(last, ast.Expr):
            first.append(last)
        exec(compile(ast.Module(first, []), "<page>", "exec"), names)  # noqa: S102 - our own pages
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "<page>", "eval"), names)  # noqa: S307 - the same
            if value is not None:
                print(value if isinstance(value, str) else repr(value))  # noqa: T201 - captured
    return printed.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One folder for all pages, which lay out the same tutorial tree in it, again and again."""
    return tmp_path_factory.mktemp("pages")


PAGES_WITH_CODE = [page for page in PAGES if examples(page)]


@pytest.mark.parametrize("page", PAGES_WITH_CODE, ids=lambda page: page.name)
def test_a_page_runs_from_nothing_and_shows_what_it_says(page, folder, monkeypatch):
    monkeypatch.chdir(folder)
    names = {"__name__": "__main__"}
    for code, shown in examples(page):
        found = run(code, names)
        if shown is not None:
            same = doctest.OutputChecker().check_output(shown, found, OPTIONS)
            assert same, f"{page.name}:\n{code}\nshows\n{found}"


def test_the_readme_has_examples():
    assert len(examples(ROOT / "README.md")) > 1


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_to_one(page):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.name)
def test_every_make_command_exists(page):
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    shell = "".join(text for language, text in fences(page) if language == "sh")
    assert set(re.findall(r"^make (\w+)", shell, re.MULTILINE)) <= targets
