from __future__ import annotations

import builtins
import inspect
import pickle
import re
import warnings

import pytest
import xarray as xr
from phantoms import gzipped, ramp, write

import qsiparc
from qsiparc import errors
from qsiparc.errors import LabelWarning, NiftiWarning, QsiparcError, QsiparcWarning, warn

DRAWN = re.compile(
    r"^    (?P<branch>[│ ]*[├└]── )?(?P<name>\w+)(?: +\((?P<builtin>\w+)\))?(?:  .*)?$"
)
CLASSES = {
    name: value
    for name, value in inspect.getmembers(errors, inspect.isclass)
    if value.__module__ == "qsiparc.errors"
}


def drawn():
    """Name, name of the parent and name of the builtin base of each line of the drawn tree."""
    above = []
    for line in errors.__doc__.splitlines():
        match = DRAWN.match(line)
        if not match:
            continue
        depth = len(match["branch"] or "") // 4
        above[depth:] = [match["name"]]
        yield match["name"], above[depth - 1] if depth else None, match["builtin"]


def test_the_tree_that_is_drawn_is_the_tree():
    rows = list(drawn())
    assert sorted(name for name, _, _ in rows) == sorted(CLASSES)
    for name, parent, builtin in rows:
        bases = [base.__name__ for base in CLASSES[name].__bases__]
        assert bases == [base for base in (parent, builtin) if base] or bases == ["Exception"]


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_class_says_what_it_means_and_survives_a_process(name):
    kind = CLASSES[name]
    assert inspect.getdoc(kind)
    error = pickle.loads(pickle.dumps(kind("a message")))  # noqa: S301 - our own bytes
    assert type(error) is kind
    assert str(error) == "a message"


@pytest.mark.parametrize("name", sorted(set(CLASSES) - {"QsiparcError", "QsiparcWarning"}))
def test_every_class_is_caught_by_its_root_and_by_a_builtin(name):
    kind = CLASSES[name]
    root = QsiparcWarning if name.endswith("Warning") else QsiparcError
    usual = {"UserWarning"} if name.endswith("Warning") else {"OSError", "ValueError", "KeyError"}
    assert issubclass(kind, root)
    assert any(issubclass(kind, getattr(builtins, builtin)) for builtin in usual)


@pytest.mark.parametrize("kind", [errors.UnknownStatisticError, errors.SelectionError])
def test_a_key_error_shows_its_message_and_not_its_repr(kind):
    assert issubclass(kind, KeyError)
    assert str(kind("no statistic 'meen'")) == "no statistic 'meen'"


def test_a_warning_points_at_the_first_line_outside():
    line = inspect.currentframe().f_lineno + 2
    with pytest.warns(LabelWarning, match="^a doubt$") as caught:
        warn("a doubt", LabelWarning)
    assert [(record.filename, record.lineno) for record in caught] == [(__file__, line)]


def test_a_warning_from_the_depths_points_at_the_call(tmp_path):
    path = write(tmp_path / "fa.nii", ramp())
    path.with_suffix(".json").write_text("{")
    for read in (qsiparc.open_nifti, lambda p: xr.open_dataarray(p, engine="nifti")):
        with pytest.warns(NiftiWarning, match=r"fa\.json") as caught:
            read(path)
        assert [record.filename for record in caught] == [__file__]


def test_a_warning_from_a_lazy_read_points_at_the_caller(tmp_path):
    plain = write(tmp_path / "fa.nii", ramp()).read_bytes()
    fa = qsiparc.open_nifti(gzipped(tmp_path / "fa.nii.gz", plain + b"more"))
    with pytest.warns(NiftiWarning, match="4 bytes more") as caught:
        fa.max()
    assert [record.filename for record in caught] == [__file__]


def test_a_warning_without_any_caller_outside_is_still_given():
    code = compile("warn('alone', LabelWarning)", "inside", "exec")
    within = {"__name__": "qsiparc.inside", "warn": warn, "LabelWarning": LabelWarning}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        exec(code, within)  # noqa: S102 - a frame that is said to be ours
    assert [record.filename for record in caught] == [__file__]
