from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsiparc.entities import BIDSName, parse_entities, parse_name

KEYS = st.text("abcdefghijklmnopqrstuvwxyzABC", min_size=1, max_size=6)
VALUES = st.text(
    st.characters(categories=["L", "N"], include_characters="+-"), min_size=1, max_size=12
)
NAMES = st.builds(
    BIDSName,
    st.dictionaries(KEYS, VALUES, max_size=8),
    st.sampled_from(["dwimap", "dseg", "bold", "T1w"]),
    st.sampled_from(["", ".nii", ".nii.gz", ".tsv", ".tck.gz", ".fib.gz.map.gz"]),
)


@given(NAMES)
def test_parsing_undoes_formatting(name):
    assert parse_name(str(name)) == name


@given(NAMES)
def test_formatting_undoes_parsing_and_folders_do_not_matter(name):
    assert str(parse_name(f"sub-99/ses-1/{name}")) == str(name)


@given(st.text(max_size=60))
def test_no_text_is_an_error(text):
    assert isinstance(parse_entities(text.replace("/", "")), dict)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "sub-001_ses-01_space-ACPC_param-FA_dwimap.nii.gz",
            {"sub": "001", "ses": "01", "space": "ACPC", "param": "FA"},
        ),
        ("sub-001_ses-01", {"sub": "001", "ses": "01"}),
        ("sub-01_acq-a+b_dwi", {"sub": "01", "acq": "a+b"}),
        ("param-fa_sub-01_dwimap.nii", {"param": "fa", "sub": "01"}),
        ("sub-01_param-fa.nii.gz", {"sub": "01", "param": "fa"}),
        ("4S156Parcels_dseg.tsv", {}),
        ("", {}),
    ],
)
def test_entities(name, expected):
    assert parse_entities(name) == expected


def test_a_path_is_a_name_with_folders():
    path = Path("qsirecon", "sub-02", "sub-01_label-WM_dwimap.nii.gz")
    assert parse_entities(path) == {"sub": "01", "label": "WM"}


def test_of_a_key_that_comes_twice_the_last_counts():
    name = "sub-1_space-T1w_desc-preproc_space-T1w_desc-aal116_atlas.nii.gz"
    assert parse_entities(name)["desc"] == "aal116"


def test_a_stray_part_continues_a_value_but_never_a_subject():
    assert parse_entities("sub-1_bundle-Association_ArcuateL_x.tck")["bundle"] == (
        "Association_ArcuateL"
    )
    assert parse_entities("sub-1_T1w_x.nii") == {"sub": "1"}


def test_the_extension_begins_at_the_first_dot_of_the_last_part():
    name = parse_name("sub-1_model-gqi_dwimap.fib.gz")
    assert (name.suffix, name.extension) == ("dwimap", ".fib.gz")
