from __future__ import annotations

import io

import pandas as pd
import pytest
from click.testing import CliRunner

import qsiparc
from qsiparc.cli import main

FILES = [
    f"sub-{sub}_space-T1w_{what}.nii.gz"
    for sub in "12"
    for what in ("param-fa_dwimap", "param-md_dwimap", "seg-AAL116_dseg")
]


@pytest.fixture
def tree(tmp_path):
    for name in FILES:
        (tmp_path / name).touch()
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_find_prints_the_dataset(tree):
    result = run("find", tree)
    assert result.exit_code == 0
    for expected in ("2 subjects", "AAL116", "2 scalars, 4 maps", "4 pairs"):
        assert expected in result.stdout


def test_find_selects(tree):
    result = run("find", tree, "--subject", "sub-1", "--atlas", "aal116", "--scalar", "FA")
    assert "1 scalar, 1 map " in result.stdout
    assert "1 pair of" in result.stdout


@pytest.mark.parametrize(
    "given",
    [
        ["-p", "1", "2"],
        ["--participant-label", "sub-1", "sub-2"],
        ["--participant_label", "1,2"],
        ["--subject", "1", "2"],
        ["-p", "1", "-p", "2"],
    ],
)
def test_several_values_may_follow_one_name_as_in_build(tree, given):
    (tree / FILES[0].replace("sub-1", "sub-3")).touch()
    result = run("find", tree, *given, "--scalars", "fa", "md")
    assert result.exit_code == 0, result.output
    assert "2 subjects" in result.stdout
    assert "2 scalars, 4 maps" in result.stdout
    other_order = run("find", "-m", "fa", tree, "-m", "md", *given)
    assert other_order.stdout == result.stdout


def test_a_label_of_a_variable_that_is_not_set_is_refused(tree):
    result = run("find", tree, "-p", "")
    assert result.exit_code == 2
    assert "it is empty" in result.stderr


def test_a_wrong_name_says_what_there_is(tree):
    assert run("find", tree, "--participant-label", "sub-1", "--scalars", "FA").exit_code == 0
    result = run("find", tree, "--scalar", "kfa")
    assert result.exit_code == 1
    assert result.stderr == "Error: There is no scalar 'kfa'. There are: fa, md.\n"


def test_find_prints_a_table(tree):
    table = pd.read_csv(io.StringIO(run("find", tree, "--table").stdout), sep="\t")
    assert (len(table), table["used"].sum()) == (6, 6)


def test_nothing_found(tmp_path):
    result = run("find", tmp_path)
    assert result.exit_code == 1
    assert "No map and no dseg below" in result.stderr


def test_no_such_folder(tmp_path):
    result = run("find", tmp_path / "nowhere")
    assert result.exit_code == 2
    assert "does not exist" in result.stderr


def test_warnings_are_lines_without_a_place_in_the_code(tree):
    (tree / "copy").mkdir()
    (tree / "copy" / FILES[0]).touch()
    result = run("find", tree)
    assert result.exit_code == 0
    assert result.stderr.startswith("Warning: 1 files are left out because there is another")


def test_version_and_help():
    assert run("--version").stdout == f"qsiparc, version {qsiparc.__version__}\n"
    assert "find" in run("--help").stdout
    assert "Exit codes" in run("-h").stdout
