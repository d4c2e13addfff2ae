from __future__ import annotations

import gzip
import json
import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsiparc.atlas import AtlasLUT, RegionInfo, read_lut
from qsiparc.errors import LutError, LutWarning, OptionError

EXPECTED = [(1, "LH_Vis", "L"), (2, "RH_Vis", "R")]


@pytest.fixture
def lut_of(tmp_path):
    def read(content, *, name="labels.txt", **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_lut(path, **options)

    return read


def triples(lut):
    return [(r.index, r.name, r.hemisphere) for r in lut]


TWO_REGIONS = {
    "tsv with index and label": "index\tlabel\n1\tLH_Vis\n2\tRH_Vis\n",
    "tsv with index and name": "index\tname\n1\tLH_Vis\n2\tRH_Vis\n",
    "no newline at the end": "index\tname\n1\tLH_Vis\n2\tRH_Vis",
    "headings in any case": "Region ID\tRegion-Name\n1\tLH_Vis\n2\tRH_Vis\n",
    "headings with spaces": " index \t name \n1\tLH_Vis\n2\tRH_Vis\n",
    "csv": "index,name\n1,LH_Vis\n2,RH_Vis\n",
    "csv with spaces": "index, name\n1, LH_Vis\n2, RH_Vis\n",
    "quoted headings": '"index","name"\n"1","LH_Vis"\n"2","RH_Vis"\n',
    "semicolons": "id;label\n1;LH_Vis\n2;RH_Vis\n",
    "spaces": "index   name\n1   LH_Vis\n 2   RH_Vis\n",
    "carriage return, line feed": "index\tname\r\n1\tLH_Vis\r\n2\tRH_Vis\r\n",
    "carriage returns": "index\tname\r1\tLH_Vis\r2\tRH_Vis\r",
    "comments and empty lines": "# made by hand\n\nindex\tname\n#\n1\tLH_Vis\n\t\n2\tRH_Vis\n\n",
    "byte order mark": b"\xef\xbb\xbfindex\tname\n1\tLH_Vis\n2\tRH_Vis\n",
    "utf-16 with its mark": "index\tname\n1\tLH_Vis\n2\tRH_Vis\n".encode("utf-16"),
    "utf-32 with its mark": "index\tname\n1\tLH_Vis\n2\tRH_Vis\n".encode("utf-32"),
    "big-endian utf-32": "\ufeffindex\tname\n1\tLH_Vis\n2\tRH_Vis\n".encode("utf-32-be"),
    "utf-16 without": "index\tname\n1\tLH_Vis\n2\tRH_Vis\n".encode("utf-16-le"),
    "big-endian utf-16": "index\tname\n1\tLH_Vis\n2\tRH_Vis\n".encode("utf-16-be"),
    "ids as floats": "index\tname\n1.0\tLH_Vis\n2.0\tRH_Vis\n",
    "ids with zeros in front": "index\tname\n001\tLH_Vis\n002\tRH_Vis\n",
    "background": "index\tname\n0\tbackground\n1\tLH_Vis\n2\tRH_Vis\n",
    "background without a name": "index\tname\n0\t\n1\tLH_Vis\n2\tRH_Vis\n",
    "empty cells at the end of a row": "index\tname\n1\tLH_Vis\t\t\n2\tRH_Vis\n",
    "empty headings over empty cells": "index,name,,\n1,LH_Vis,,\n2,RH_Vis,,\n",
    "label is the id, name the name": "label\tname\n1\tLH_Vis\n2\tRH_Vis\n",
    "name is the id, label the name": "name\tlabel\n1\tLH_Vis\n2\tRH_Vis\n",
    "headerless with tabs": "1\tLH_Vis\n2\tRH_Vis\n",
    "headerless with commas": "1,LH_Vis\n2,RH_Vis\n",
    "headerless with spaces": "  1 LH_Vis\n  2 RH_Vis\n",
    "a list with carriage returns": "1 LH_Vis\r2 RH_Vis\r",
    "workbench": "LH_Vis\n1 171 243 85 255\nRH_Vis\n2 86 162 74 255\n",
    "workbench with its background": "???\n0 0 0 0 0\nLH_Vis\n1 1 2 3 4\nRH_Vis\n2 86 162 74 255\n",
    "freesurfer": "#No. Label Name: R G B A\n0 Unknown 0 0 0 0\n1 LH_Vis 70 130 180 0\n"
    "2   RH_Vis                 245 245 245 0\n",
    "freesurfer with tabs": "1\tLH_Vis\t70\t130\t180\t0\n2\tRH_Vis\t245\t245\t245\t0\n",
    "freesurfer with one tab": "1\tLH_Vis   70 130 180 0\n2\tRH_Vis   245 245 245 0\n",
    "freesurfer without opacity": "1 LH_Vis 70 130 180\n2 RH_Vis 245 245 245\n",
    "freesurfer with a header": "ID LabelName R G B A\n1 LH_Vis 70 130 180 0\n2 RH_Vis 1 1 1 0\n",
    "mrtrix": "0 ??? Unknown 0 0 0 0\n1 L.V LH_Vis 25 100 40 255\n2 R.V RH_Vis 25 100 40 255\n",
    "itk-snap": '# ITK-SnAP Label Description File\n0 0 0 0 0 0 0 "Clear Label"\n'
    '1 255 0 0 1 1 1 "LH_Vis"\n2 0 255 0 0.5 1 1 "RH_Vis"\n',
    "fsleyes": "1 0.5 0 1.0 LH_Vis\n2 0 0 1.0 RH_Vis\n",
    "aal with its own codes": "1 LH_Vis 2001\n2 RH_Vis 2002\n",
    "json": '{"1": "LH_Vis", "2": "RH_Vis"}',
    "json of fields": '{"1": {"name": "LH_Vis"}, "2": {"name": "RH_Vis"}}',
    "json list": '[{"index": 1, "name": "LH_Vis"}, {"index": 2, "name": "RH_Vis"}]',
    "json list with floats": '[{"id": 1.0, "label": "LH_Vis"}, {"id": "2", "label": "RH_Vis"}]',
}


@pytest.mark.parametrize("content", TWO_REGIONS.values(), ids=TWO_REGIONS.keys())
def test_every_format_gives_the_same_two_regions(lut_of, content):
    assert triples(lut_of(content)) == EXPECTED


ID_HEADINGS = """
region_index index region_id label_id id label_index label_number region_number roi_id roi_index
roi_number parcel_id parcel_index structure_id idx value label_value key no number
"""

NAME_HEADINGS = """
region_name name label_name roi_name parcel_name structure_name label region structure roi parcel
full_name
"""


@pytest.mark.parametrize("heading", ID_HEADINGS.split())
def test_every_heading_of_an_id(lut_of, heading):
    content = f"colour\t{heading}\tname\nred\t1\tLH_Vis\nred\t2\tRH_Vis\n"
    assert triples(lut_of(content)) == EXPECTED


@pytest.mark.parametrize("heading", NAME_HEADINGS.split())
def test_every_heading_of_a_name(lut_of, heading):
    content = f"colour\tindex\t{heading}\nred\t1\tLH_Vis\nred\t2\tRH_Vis\n"
    assert triples(lut_of(content)) == EXPECTED


@pytest.mark.parametrize("heading", ["hemisphere", "hemi", "hem", "side", "laterality"])
def test_every_heading_of_a_hemisphere(lut_of, heading):
    assert lut_of(f"index\tname\t{heading}\n1\tVis\tright\n")[1].hemisphere == "R"


def test_comments_before_the_header_hold_anything(lut_of):
    assert triples(lut_of('# by hand\n# \t"half\n' + TWO_REGIONS["tsv with index and name"])) == (
        EXPECTED
    )


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        ("itk-snap", ["red", "green", "blue", "alpha", "visible", "mesh_visible"]),
        ("fsleyes", ["red", "green", "blue"]),
        ("freesurfer", ["red", "green", "blue", "alpha"]),
        ("freesurfer with tabs", ["red", "green", "blue", "alpha"]),
        ("freesurfer without opacity", ["red", "green", "blue"]),
        ("workbench", ["red", "green", "blue", "alpha"]),
        ("mrtrix", ["abbreviation", "red", "green", "blue", "alpha"]),
    ],
)
def test_colours_keep_their_names(lut_of, kind, columns):
    assert lut_of(TWO_REGIONS[kind]).extra_columns == columns


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        ('1 255 0 0 1 1 1 "LH_Vis"', r"an ITK-SNAP label description: index red green blue alpha"),
        ("1 0.5 0 1.0 LH_Vis", r"an FSLeyes look-up table: index red green blue name\."),
        ("1 LH_Vis 70 130 180 0", r"a FreeSurfer or MRtrix table: index name red green blue alpha"),
        ("1 LH_Vis 70 130 180", r"a FreeSurfer table without opacity: index name red green blue\."),
    ],
)
def test_a_line_of_another_kind_is_named_with_what_was_expected(lut_of, first, kind):
    with pytest.raises(
        LutError, match=rf"line 2: found 'two'.*By its first line the file is {kind}"
    ):
        lut_of(f"{first}\ntwo\n")


@pytest.mark.parametrize("name", ["a.tsv", "a.json", "a.csv", "a"])
def test_the_extension_does_not_matter(lut_of, name):
    assert triples(lut_of(TWO_REGIONS["workbench"], name=name)) == EXPECTED


def test_extra_columns_stay_as_they_are(lut_of):
    lut = lut_of("index\tlabel\tindex_17\tnet\n1\tLH_Vis\t49.0\tn/a\n2\tRH_Vis\t007\t\n")
    table = lut.to_dataframe()
    assert list(table) == ["region_index", "region_name", "hemisphere", "index_17", "net"]
    assert table["index_17"].tolist() == ["49.0", "007"]
    assert table["net"].tolist() == ["n/a", ""]


@pytest.mark.parametrize("name", ["NA", "007", "None", "nan", "true", "1e3", "Größe", "a, b", "#1"])
def test_names_stay_text(lut_of, name):
    assert lut_of(f"index\tname\n5\t{name}\n")[5].name == name


def test_quoted_cells_hold_tabs_newlines_and_hashes(lut_of):
    lut = lut_of('index\tname\tnote\n1\t"a\tb"\t"two\n# lines"\n2\t"say ""x"""\t\n')
    assert [r.name for r in lut] == ["a\tb", 'say "x"']
    assert lut.to_dataframe()["note"].tolist() == ["two\n# lines", ""]


def test_latin_1(lut_of):
    assert lut_of("index\tname\n1\tPrécunéus\n".encode("latin-1"))[1].name == "Précunéus"
    assert lut_of(b"index\tname\n1\tA\x81\n")[1].name == "A\x81"  # Windows-1252 has no such one


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16"])
def test_utf_16_of_names_beyond_latin(lut_of, encoding):
    lut = lut_of("index\tname\n1\t海馬\n2\t海馬体\n".encode(encoding))
    assert [region.name for region in lut] == ["海馬", "海馬体"]


def test_text_of_two_encodings_is_no_text(lut_of):
    with pytest.raises(LutError, match=r"labels\.txt, line 2: 'ä' is UTF-8, and other bytes"):
        lut_of("index\tname\n1\tä\n".encode() + b"2\t\xe4\n")


@pytest.mark.parametrize("encoding", ["cp1252", "mac-roman", "shift-jis"])
def test_an_encoding_that_was_guessed_is_pointed_out(lut_of, encoding):
    name = {"cp1252": "A–B", "mac-roman": "Précuneus", "shift-jis": "海馬"}[encoding]
    with pytest.warns(LutWarning, match=r"labels\.txt is not UTF-8 .* Windows-1252: '"):
        lut_of(f"index\tname\n1\t{name}\n".encode(encoding))


def test_rows_that_a_quote_swallowed_are_pointed_out(lut_of):
    with pytest.warns(LutWarning, match=r"line 3: a quoted cell holds 2 lines .*'3\\tC' for one"):
        lut = lut_of('index\tname\n1\tA\n2\t"B\n3\tC\n4\tD"\n5\tE\n')
    assert lut.indices == [1, 2, 5]


def test_a_quoted_cell_may_begin_like_a_row(lut_of):
    table = lut_of('index\tname\tnote\n1\tA\t"5\tx\nmore"\n').to_dataframe()
    assert table["note"].tolist() == ["5\tx\nmore"]


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("index\tname\n1\tA\n1\tB\n", r"line 3: .* \(line 2\)"),
        ("1 A\n\n1 B\n", r"line 3: .* \(line 1\)"),
        ("A\n1 1 1 1 1\nB\n1 2 2 2 2\n", r"line 4: .* \(line 2\)"),
        ('[{"index": 1, "name": "A"}, {"index": 1, "name": "B"}]', r"entry 2: .* \(entry 1\)"),
    ],
)
def test_an_id_that_comes_twice_is_found_in_its_places(lut_of, content, place):
    with pytest.raises(LutError, match=rf"labels\.txt, {place}"):
        lut_of(content)


def test_a_number_is_part_of_the_name_where_there_are_colours(lut_of):
    lut = lut_of("1 Area 2001 1 2 3 0\n2 Area 2002 1 2 3 0\n")
    assert [region.name for region in lut] == ["Area 2001", "Area 2002"]


@pytest.mark.parametrize(
    ("magic", "what"),
    [
        (b"\x1f\x8b", "a gzip file"),
        (b"PK\x03\x04", "a zip file or a spreadsheet"),
        (b"\x89HDF", "an HDF5 or MATLAB file"),
        (b"MATLAB", "a MATLAB file"),
        (b"\x89PNG", "a picture"),
        (b"%PDF", "a PDF"),
    ],
)
def test_what_is_no_text_is_called_what_it_is(lut_of, magic, what):
    with pytest.raises(LutError, match=rf"labels\.txt is no look-up table. It looks like {what}"):
        lut_of(magic + b"index\tname\n1\tA\n")


def test_several_rows_of_the_background_are_pointed_out(lut_of):
    with pytest.warns(LutWarning, match="2 rows are of the background 0"):
        assert lut_of("index\tname\n0\tA\n0\tB\n1\tC\n").indices == [1]


def test_a_warning_is_given_once(lut_of):
    with pytest.warns(LutWarning) as caught:
        lut_of("index\tlabel\tname\n0\t1\tbackground\n1\t2\tB\n")
    assert len(caught) == 1


def test_messages_show_no_more_of_a_cell_than_says_what_it_is(lut_of):
    for content in ("index\tname\n{}\tA\n", "{}\n", "index\tname\n1\tA\t{}\n", "1 A 1 1 1 0\n{}\n"):
        with pytest.raises(LutError, match=r"labels\.txt, line \d") as caught:
            lut_of(content.format("x" * 100_000))
        assert len(str(caught.value)) < 700


@pytest.mark.parametrize("background", ["0", True, 1.0])
def test_a_background_that_is_no_id(lut_of, background):
    with pytest.raises(OptionError, match="background takes an id"):
        lut_of("index\tname\n1\tA\n", background=background)


@pytest.mark.parametrize("path", [None, 5, b"lut.tsv"])
def test_what_is_no_path(path):
    with pytest.raises(TypeError, match="read_lut takes the path of a label file, not "):
        read_lut(path)


def test_headerless_rows_number_their_further_columns(lut_of):
    table = lut_of("1,LH_Vis,Vis\n2,RH_Vis,Vis\n").to_dataframe()
    assert table["column_3"].tolist() == ["Vis", "Vis"]


def test_a_region_called_like_a_heading_makes_no_header(lut_of):
    assert [region.name for region in lut_of("1\tregion\n2\tother\n")] == ["region", "other"]


@pytest.mark.parametrize("content", ["name\tlabel\nA\tB\n", "name\n1\n"])
def test_names_alone_are_no_table(lut_of, content):
    with pytest.raises(LutError, match=r"labels\.txt has no heading that names an id column"):
        lut_of(content)


def test_a_cell_too_long_is_not_blamed_on_the_quotes_of_another_line(lut_of):
    with pytest.raises(LutError, match=r"line 3: a cell has more than 131,072 characters"):
        lut_of('index\tname\n1\t"A"\n2\t' + 2**18 * "x")


def test_a_column_without_a_heading_is_numbered(lut_of):
    assert lut_of("index,name,\n1,A,x\n2,B,\n").extra_columns == ["column_3"]


def test_names_with_spaces_in_a_list(lut_of):
    assert lut_of("1 Left Frontal Pole\n2 Region 1\n").regions[0].name == "Left Frontal Pole"


def test_a_number_is_part_of_the_name_unless_it_is_a_code(lut_of):
    assert [r.name for r in lut_of("1 Region 1\n2 Region 2\n")] == ["Region 1", "Region 2"]


def test_mrtrix_keeps_abbreviations_and_synonyms(lut_of):
    table = lut_of(
        "1 L.CER Left-Cerebellum-Cortex 230 148 34 255\n"
        "2 L.TH Left-Thalamus 0 118 14 255\n"
        "2 L.TH Left-Thalamus-Proper 0 118 14 255\n"
        "3 L.CA Left-Caudate 122 186 220 255\n"
    ).to_dataframe()
    assert table["region_name"].tolist() == [
        "Left-Cerebellum-Cortex", "Left-Thalamus", "Left-Caudate",
    ]  # fmt: skip
    assert table["abbreviation"].tolist() == ["L.CER", "L.TH", "L.CA"]
    assert table["synonyms"].tolist() == ["", "Left-Thalamus-Proper", ""]
    assert table["blue"].tolist() == ["34", "14", "220"]


def test_json_fields_become_columns(lut_of):
    table = lut_of('[{"index": 1, "name": "A", "rgb": [1, 2]}, {"index": 2, "name": "B"}]')
    assert table.to_dataframe()["rgb"].tolist() == ["[1, 2]", ""]


def test_name_beats_label_and_the_other_is_kept(lut_of):
    lut = lut_of("index\tlabel\tname\n1\tV\tLH_Vis\n")
    assert lut[1].name == "LH_Vis"
    assert lut.to_dataframe()["label"].tolist() == ["V"]


def test_region_may_hold_the_name_and_label_the_id(lut_of):
    lut = lut_of("Label,subregion_name,region\n1,A8m,SFG_L_7_1\n2,A8m,SFG_R_7_1\n")
    assert triples(lut) == [(1, "SFG_L_7_1", "L"), (2, "SFG_R_7_1", "R")]


def test_two_columns_that_could_be_the_id_are_pointed_out(lut_of):
    with pytest.warns(LutWarning, match=r"both 'index' and 'label' hold whole numbers") as caught:
        lut = lut_of("index,label,name\n0,10,a\n1,11,b\n", background=None)
    assert lut.indices == [0, 1]
    assert caught[0].filename == __file__


@pytest.mark.parametrize("rival", ["region_id", "label_id", "id", "label"])
def test_every_rival_of_an_id_is_pointed_out(lut_of, rival):
    with pytest.warns(LutWarning, match=f"both 'index' and '{rival}' hold whole numbers"):
        assert triples(lut_of(f"{rival}\tname\tindex\n3\tLH_Vis\t1\n4\tRH_Vis\t2\n")) == EXPECTED


@pytest.mark.parametrize("side", ["left", "Right", "LH", "rh", "l", "r", "bilateral"])
def test_a_side_is_no_abbreviation(lut_of, side):
    assert lut_of(f"1 {side} Thalamus 1 2 3 0\n")[1].name == f"{side} Thalamus"


def test_negative_and_large_ids(lut_of):
    assert lut_of(f"index\tname\n-5\ta\n{2**63 - 1}\tb\n").indices == [-5, 2**63 - 1]


def test_another_background_or_none(lut_of):
    text = "index\tname\n0\tzero\n1\tone\n"
    assert lut_of(text, background=None).indices == [0, 1]
    assert lut_of(text, background=1).indices == [0]


@pytest.mark.parametrize("cell", ["2.5", "1,000", "n/a", "x", "1e3", "٣", "9" * 5000])
@pytest.mark.parametrize("first", ["index\tname\n1\ta\n", "1\ta\n7\tb\n"])
def test_what_is_no_id(lut_of, first, cell):
    with pytest.raises(LutError, match=r"labels.txt, line 3: the id is .*, not a whole"):
        lut_of(f"{first}{cell}\tc\n")


@pytest.mark.parametrize("first", ["index\tname\n1\ta\n", "1\ta\n7\tb\n"])
def test_an_id_that_is_missing_or_too_large(lut_of, first):
    with pytest.raises(LutError, match=r"labels.txt, line 3: no id"):
        lut_of(f"{first}\tc\n")
    with pytest.raises(LutError, match=r"labels.txt, line 3: .* does not fit into 64 bits"):
        lut_of(f"{first}{2**70}\tc\n")


def test_lines_are_counted_over_comments_and_quoted_newlines(lut_of):
    with pytest.raises(LutError, match=r"line 6: the id is 'x'"):
        lut_of('# c\nindex\tname\n1\t"two\nlines"\n\nx\tb\n')


REFUSED = {
    "an overlong cell": (f"index\tname\n1\t{'A' * 200_000}\n", r"line 2: a cell has more than"),
    "freesurfer without names": ("1 10 20 30 0\n2 1 1 1 0\n", r"line 1: .* without names"),
    "zero byte in a name": ("index\tname\n1\tA\0B\n", r"zero bytes, the first in line 2.* UTF-8"),
    "json with no number as name": ('{"1": NaN}', r"entry 1: the region has no name"),
    "ragged, too long": ("index\tname\n1\ta\n2\tb\tc\n", r"line 3: 3 cells where the header has 2"),
    "ragged, too short": ("index\tname\tx\n1\ta\tb\n2\tb\n", r"line 3: 2 cells .* has 3"),
    "duplicate id": (
        "index\tname\n5\ta\n6\tb\n5\tc\n",
        r"line 4: the id 5 comes twice, for 'a' \(line 2\) and for 'c'",
    ),
    "duplicate id in a list": ("1 a\n1 b\n", r"line 2: the id 1 comes twice, for 'a'"),
    "duplicate id in mrtrix": (
        "1 A LH_a 1 1 1 1\n1 B LH_b 1 1 1 1\n",
        r"the id 1 comes twice, for 'LH_a' .* for 'LH_b'",
    ),
    "empty name": ("index\tname\n5\t\n", r"line 2: the region has no name"),
    "empty name in a list": ("1 a\n2\n", r"line 2: the region has no name"),
    "no id column": ("name\tcolor\na\tred\n", r"no heading that names an id.*'name', 'color'"),
    "no name column": ("index\tcolor\n1\tred\n", r"no heading that names a name column"),
    "twice one heading": ("index\tname\tname\n1\ta\tb\n", r"two columns are headed 'name'"),
    "neither header nor row": ("foo\tbar\n1\t2\n", r"line 1: found \['foo', 'bar'\]"),
    "prose": ("Hello world\nmore\n", r"line 1: found \['Hello', 'world'\]"),
    "open quote": ('index\tname\n1\ta\n2\t"b\n3\tc\n', r"line 3: a quoted cell"),
    "numbers only": ("1,5,a\n2,6,b\n", r"second column holds numbers only"),
    "broken freesurfer line": (
        "1 a 1 2 3 0\n2 b 1 2\n",
        r"line 2: found '2 b 1 2'. By its first line the file is a FreeSurfer or MRtrix table",
    ),
    "workbench, a line too few": ("a\n1 1 1 1 1\nb\n", r"line 3: no key and colours follow .*'b'"),
    "workbench, a line too many": (
        "a\n1 1 1 1 1\nb\nc\n2 1 1 1 1\nd\n",
        r"line 4: found 'c' where a Workbench label list",
    ),
    "empty": ("", r"is empty"),
    "white space": (" \n\n", r"is empty"),
    "comments only": ("# a\n# b\n", r"comments only"),
    "empty cells only": ("\t\n,\n", r"empty cells only|no name|neither"),
    "header only": ("index\tname\n", r"a header and no rows"),
    "background only": ("index\tname\n0\tx\n", r"no region beside the background 0"),
    "html": ("\n<!DOCTYPE html>\n<html>", r"looks like a web page"),
    "xml": ('<?xml version="1.0"?>\n<atlas>', r"looks like XML"),
    "git-lfs": (
        "version https://git-lfs.github.com/spec/v1\noid sha256:df3b\nsize 2313\n",
        r"looks like a git-LFS pointer.*git lfs pull",
    ),
    "git-annex": ("/annex/objects/MD5E-s12--ab.tsv\n", r"looks like a git-annex pointer"),
    "gzip": (gzip.compress(b"index\tname\n"), r"looks like a gzip file"),
    "nifti": (b"\0" * 344 + b"n+1\0" + b"\0" * 100, r"looks like a NIfTI image"),
    "nifti-2": (b"\x1c\x02\0\0n+2\0" + b"\0" * 600, r"looks like a NIfTI image"),
    "spreadsheet": (b"PK\x03\x04....", r"looks like a zip file or a spreadsheet"),
    "binary": (b"abc\0\x01\x02def\0gh", r"looks like a binary file"),
    "cut utf-16": (b"\xff\xfei\0n", r"looks like damaged utf-16 text"),
    "json of groups": (
        '{"csf_labels": [4, 5], "ctx_lh": [1000]}',
        r"looks like groups of regions.*csf_labels, ctx_lh",
    ),
    "json of groups by number": ('{"1": [4, 5]}', r"looks like groups of regions"),
    "json sidecar": ('{"Name": "4S", "License": "x"}', r"BIDS sidecar.*labels.tsv"),
    "json sidecar of numbers": ('{"A": 1, "B": 1}', r"BIDS sidecar"),
    "json of truths": ('{"1": true}', r"is no look-up table"),
    "json the wrong way round": ('{"a": 1, "b": 2}', r"name → id mapping"),
    "json list of names": ('["a", "b"]', r"a JSON list of names"),
    "json list of lists": ('[[1, "a"]]', r"a JSON list of lists"),
    "json list of objects": ('[{"x": 1}]', r"objects without|object without"),
    "json with a key twice": ('{"1": "a", "1": "b"}', r"the key '1' comes twice"),
    "json with an id twice": ('{"1": "a", "01": "b"}', r"entry 2: the id 1 comes twice"),
    "json with a null name": ('{"1": "a", "2": null}', r"entry 2: the region has no name"),
    "json without an id": ('[{"id": 1, "name": "a"}, {"name": "b"}]', r"entry 2: no id"),
    "broken json": ('{"1": "a",', r"starts like JSON and is none"),
    "empty json": ("{}", r"holds no region"),
    "empty json list": ("[]", r"holds no region"),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused_and_why(lut_of, content, message):
    with pytest.raises(LutError, match=r"(?s)labels\.txt.*" + message):
        lut_of(content)


@pytest.mark.parametrize(
    ("magic", "at"), [(b"n+1\0", 344), (b"ni1\0", 344), (b"n+2\0", 4), (b"ni2\0", 4)]
)
def test_an_image_is_no_look_up_table(lut_of, magic, at):
    with pytest.raises(LutError, match=r"looks like a NIfTI image\. .* load_lut_from_dseg"):
        lut_of(b"x" * at + magic + b"x" * 200)


@pytest.mark.parametrize(
    "content",
    [
        "<!DOCTYPE html><p>",
        "<HTML lang='en'>",
        "<head>",
        "\n <html>",
        "<?xml version='1.0'?>",
        "<a/>",
    ],
)
def test_markup_is_no_look_up_table(lut_of, content):
    what = "XML" if content[1:2] in "?a" else "a web page"
    with pytest.raises(LutError, match=f"looks like {what}"):
        lut_of(content)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_lut(tmp_path / "nowhere.tsv")


def test_the_hemisphere_column_is_honoured(lut_of):
    lut = lut_of("index\tname\themi\n1\tV1\tL\n2\tV1\tright\n3\tL_V1\tB\n4\tL_V1\tn/a\n")
    assert [r.hemisphere for r in lut] == ["L", "R", "bilateral", "L"]
    assert lut.to_dataframe()["hemi"].tolist() == ["L", "right", "B", "n/a"]


def test_a_hemisphere_column_that_says_nothing_is_pointed_out(lut_of):
    with pytest.warns(LutWarning, match=r"hemisphere column holds \['9'\]"):
        lut = lut_of("index\tname\themisphere\n1\tL_V1\t9\n")
    assert lut[1].hemisphere == "L"


@given(
    st.dictionaries(
        st.integers(-(2**63), 2**63 - 1).filter(bool),
        st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(
            lambda name: name.strip().casefold() not in {"", "background"}
        ),
        min_size=1,
    ),
    st.sampled_from("\t,;"),
)
def test_any_quoted_table_reads_back(tmp_path_factory, names, delimiter):
    path = tmp_path_factory.mktemp("lut") / "any.tsv"
    rows = [f'{i}{delimiter}"{name.replace(chr(34), chr(34) * 2)}"' for i, name in names.items()]
    path.write_text("\n".join([f"index{delimiter}name", *rows]), encoding="utf-8")
    assert [(r.index, r.name) for r in read_lut(path)] == [(i, n.strip()) for i, n in names.items()]


def test_a_hundred_thousand_rows(lut_of):
    """A step that is quadratic in them would take minutes here."""
    text = "index\tname\n" + "".join(f"{i}\tLH_region_{i}\n" for i in range(1, 100_001))
    lut = lut_of(text)
    assert len(lut) == 100_000
    assert lut[100_000].name == "LH_region_100000"


@pytest.mark.parametrize(
    "text",
    [
        '1 "Left Hippocampus" 1 2 3 0\n2 "Right Hippocampus" 1 2 3 0\n',
        "1 Left Hippocampus 1 2 3 0\n2 Right Hippocampus 1 2 3 0\n",
        '1 1 2 3 1 1 1 "Left Hippocampus"\n2 1 2 3 1 1 1 "Right Hippocampus"\n',
    ],
)
def test_two_words_are_a_name_with_a_side_and_no_abbreviation(tmp_path, text):
    path = tmp_path / "lut.txt"
    path.write_text(text)
    regions = read_lut(path).regions
    assert [r.name for r in regions] == ["Left Hippocampus", "Right Hippocampus"]
    assert [r.hemisphere for r in regions] == ["L", "R"]


def test_a_region_in_the_place_of_the_background_is_named(tmp_path):
    path = tmp_path / "sub-1_seg-A_dseg.txt"
    path.write_text("0\tLH_A\n1\tRH_A\n2\tLH_B\n")
    with pytest.warns(LutWarning, match=r"(?s)'LH_A'.*off by one"):
        assert read_lut(path).indices == [1, 2]


def test_a_background_in_the_place_of_a_region_is_named(tmp_path):
    path = tmp_path / "sub-1_seg-A_dseg.txt"
    path.write_text("1\tBackground\n2\tLH_A\n3\tRH_A\n")
    with pytest.warns(LutWarning, match=r"calls 1 the background.*off by one"):
        assert read_lut(path).indices == [1, 2, 3]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pipes in folders")
def test_what_is_no_file_makes_nobody_wait(tmp_path):
    os.mkfifo(tmp_path / "pipe.tsv")
    (tmp_path / "loop.tsv").symlink_to("loop.tsv")
    (tmp_path / "zero.tsv").symlink_to("/dev/zero")
    (tmp_path / "folder.tsv").mkdir()
    for name, message in (
        ("pipe.tsv", "this is a named pipe"),
        ("loop.tsv", "cannot be opened"),
        ("zero.tsv", "this is a device"),
        ("folder.tsv", "this is a folder"),
        ("a\0b.tsv", "cannot be opened"),
    ):
        with pytest.raises(LutError, match=message) as caught:
            read_lut(tmp_path / name)
        assert name in str(caught.value)


def test_a_file_that_is_far_too_long_is_not_read(tmp_path):
    path = tmp_path / "atlas-A_dseg.tsv"
    with path.open("wb") as file:
        file.write(b"index\tname\n1\tA\n")
        file.truncate(2**33)
    with pytest.raises(LutError, match=r"atlas-A_dseg\.tsv is longer than"):
        read_lut(path)


@pytest.mark.parametrize("name", ["a\\u0000b", "\\ud800"])
def test_what_is_no_text_is_no_name(tmp_path, name):
    path = tmp_path / "lut.json"
    path.write_text(f'{{"1": "{name}"}}')
    with pytest.raises(LutError, match=r"lut\.json, entry 1: .*cannot be stored as text"):
        read_lut(path)
    with pytest.raises(LutError, match="The region 1 is named"):
        AtlasLUT([RegionInfo(1, json.loads(f'"{name}"'), "L")])


def test_a_key_of_many_that_comes_twice_is_found_at_once(tmp_path):
    path = tmp_path / "lut.json"
    regions = ",".join(f'"{n}": "r{n}"' for n in range(1, 100_001))
    path.write_text(f'{{{regions}, "70000": "again"}}')
    with pytest.raises(LutError, match=r"lut\.json: the key '70000' comes twice"):
        read_lut(path)
