from __future__ import annotations

import builtins
import inspect
import re
import warnings

import pytest

from qsiparc import errors
from qsiparc.errors import QsiparcError, QsiparcWarning, SelectionError, UnknownStatisticError

LINE = re.compile(r"^(?P<indent>[ │├└─]*)(?P<name>\w+)(?: +\((?P<builtin>\w+)\))?")


def drawn() -> dict[str, tuple[str | None, str | None]]:
    """Parent and builtin of every class in the tree of the docstring."""
    tree = inspect.getdoc(errors).split("::", 1)[1]
    found, above = {}, []
    for line in filter(str.strip, tree.splitlines()):
        match = LINE.match(line)
        depth = len(match["indent"]) // 4
        above[depth - 1 :] = [match["name"]]
        found[match["name"]] = (above[-2] if depth > 1 else None, match["builtin"])
    return found


def classes() -> dict[str, type]:
    return {
        name: value
        for name, value in vars(errors).items()
        if inspect.isclass(value) and value.__module__ == errors.__name__
    }


def test_the_tree_that_is_drawn_is_the_tree_there_is():
    assert set(drawn()) == set(classes())


@pytest.mark.parametrize(("name", "parent", "builtin"), [(n, *pb) for n, pb in drawn().items()])
def test_each_class_has_the_bases_that_are_drawn(name, parent, builtin):
    error = classes()[name]
    bases = {base.__name__ for base in error.__bases__}
    if name in ("QsiparcError", "QsiparcWarning"):
        assert bases == {builtin or "Exception"}
        return
    assert bases == {parent or "QsiparcError", *([builtin] if builtin else [])}
    if builtin:
        assert issubclass(error, getattr(builtins, builtin))


@pytest.mark.parametrize("name", classes())
def test_each_class_is_ours_and_says_what_it_is_for(name):
    assert issubclass(classes()[name], QsiparcError | QsiparcWarning)
    assert classes()[name].__doc__


@pytest.mark.parametrize("error", [UnknownStatisticError, SelectionError])
def test_a_key_error_of_ours_shows_its_message_and_not_its_repr(error):
    assert str(KeyError("It's gone.")) == '"It\'s gone."'
    assert str(error("It's gone.\nNear: it.")) == "It's gone.\nNear: it."


def test_a_warning_points_at_the_first_line_outside_qsiparc():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        errors.warn("careful", errors.NiftiWarning)
    (warning,) = caught
    assert warning.filename == __file__
    assert warning.category is errors.NiftiWarning


def test_a_warning_without_an_outside_is_still_given(monkeypatch):
    monkeypatch.setattr(errors, "_OURS", {__name__.split(".")[0], "qsiparc"})
    with pytest.warns(errors.NiftiWarning, match="careful"):
        errors.warn("careful", errors.NiftiWarning)
    monkeypatch.setattr(errors.inspect, "currentframe", lambda: None)
    with pytest.warns(errors.NiftiWarning, match="careful"):
        errors.warn("careful", errors.NiftiWarning)
