from __future__ import annotations

import pytest

import qsiparc
from qsiparc.errors import OptionError
from qsiparc.options import get_option

DEFAULT = 64 * 2**30


@pytest.fixture(autouse=True)
def _as_before():
    before = {name: get_option(name) for name in ("max_bytes", "progress")}
    yield
    qsiparc.set_options(**before)


def test_they_have_defaults():
    assert get_option("max_bytes") == DEFAULT
    assert get_option("progress") == "auto"


def test_a_call_sets_them_for_good():
    qsiparc.set_options(max_bytes=10)
    assert get_option("max_bytes") == 10
    assert get_option("progress") == "auto"


def test_a_block_sets_them_for_its_length():
    with qsiparc.set_options(max_bytes=10, progress=False):
        assert (get_option("max_bytes"), get_option("progress")) == (10, False)
        with qsiparc.set_options(max_bytes=20):
            assert (get_option("max_bytes"), get_option("progress")) == (20, False)
        assert get_option("max_bytes") == 10
    assert (get_option("max_bytes"), get_option("progress")) == (DEFAULT, "auto")


def test_a_block_that_fails_puts_them_back():
    with pytest.raises(ZeroDivisionError), qsiparc.set_options(max_bytes=10):
        1 / 0  # noqa: B018 - it raises
    assert get_option("max_bytes") == DEFAULT


def test_what_a_block_does_not_set_it_does_not_put_back():
    with qsiparc.set_options(max_bytes=10):
        qsiparc.set_options(progress=True)
    assert get_option("progress") is True


def test_an_unknown_option_is_an_error_that_lists_the_others():
    with pytest.raises(OptionError, match=r"no option 'colour'.*max_bytes, progress"):
        qsiparc.set_options(colour="red")
    with pytest.raises(OptionError, match="no option 'colour'"):
        get_option("colour")


@pytest.mark.parametrize("value", [0, -1, 1.5, "10", None, True])
def test_a_size_is_a_positive_number(value):
    with pytest.raises(OptionError, match="'max_bytes' takes a positive number of bytes, not"):
        qsiparc.set_options(max_bytes=value)


@pytest.mark.parametrize("value", ["always", None, 2, ""])
def test_progress_is_one_of_three(value):
    with pytest.raises(OptionError, match=r"'progress' takes 'auto', True or False, not"):
        qsiparc.set_options(progress=value)


def test_a_bad_value_changes_nothing_at_all():
    with pytest.raises(OptionError):
        qsiparc.set_options(max_bytes=10, progress="always")
    with pytest.raises(OptionError):
        qsiparc.set_options(max_bytes=10, colour="red")
    assert get_option("max_bytes") == DEFAULT
