from __future__ import annotations

import inspect

import pytest

import qsiparc
from qsiparc.errors import OptionError
from qsiparc.options import _CHECKS, _DEFAULTS, get_option

GIB = 2**30


@pytest.fixture(autouse=True)
def as_it_was():
    with qsiparc.set_options(max_bytes=64 * GIB, progress="auto"):
        yield


def test_every_option_has_a_default_that_passes_its_own_check():
    assert set(_CHECKS) == set(_DEFAULTS)
    assert all(_CHECKS[name][0](value) for name, value in _DEFAULTS.items())
    assert _DEFAULTS["max_bytes"] == 64 * GIB


def test_every_option_is_documented():
    text = inspect.getdoc(qsiparc.set_options)
    assert all(f"\n{name} : " in text for name in _DEFAULTS)


def test_a_call_is_for_good():
    qsiparc.set_options(max_bytes=1)
    assert get_option("max_bytes") == 1
    assert get_option("progress") == "auto"


def test_a_block_is_for_its_length():
    with qsiparc.set_options(max_bytes=1, progress=False):
        assert (get_option("max_bytes"), get_option("progress")) == (1, False)
        with qsiparc.set_options(max_bytes=2):
            assert (get_option("max_bytes"), get_option("progress")) == (2, False)
        assert get_option("max_bytes") == 1
    assert (get_option("max_bytes"), get_option("progress")) == (64 * GIB, "auto")


def test_an_error_in_the_block_passes_and_the_options_are_put_back():
    with pytest.raises(ZeroDivisionError), qsiparc.set_options(max_bytes=1):
        raise ZeroDivisionError
    assert get_option("max_bytes") == 64 * GIB


@pytest.mark.parametrize("call", [get_option, lambda name: qsiparc.set_options(**{name: 1})])
def test_an_unknown_option_is_an_error_that_names_the_known_ones(call):
    with pytest.raises(OptionError, match=r"'max_byte'.*max_bytes, progress"):
        call("max_byte")


@pytest.mark.parametrize(
    "bad",
    [{"max_bytes": value} for value in (0, -1, 1.5, "1", True, None)]
    + [{"progress": value} for value in ("yes", 2, None, [])],
)
def test_a_bad_value_changes_nothing(bad):
    ((name, value),) = bad.items()
    good = {"progress": False} if name == "max_bytes" else {"max_bytes": 1}
    with pytest.raises(OptionError, match=name) as caught:
        qsiparc.set_options(**good, **bad)
    assert f"not {value!r}" in str(caught.value)
    assert (get_option("max_bytes"), get_option("progress")) == (64 * GIB, "auto")


@pytest.mark.parametrize("value", ["auto", True, False])
def test_progress_is_one_of_three(value):
    with qsiparc.set_options(progress=value):
        assert get_option("progress") is value
