"""What notebooks show: whole, escaped, in the notebook's own colours."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from qsiparc import AtlasLUT, Parcellation, RegionInfo, find
from qsiparc.markup import bar, card, fold, strip, table

HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "</td></table></div>",
    "&lt;b&gt; &amp; & <b>",
    "naïve 脑",
]


def parcellation(n, name=""):
    image = np.zeros((n + 1, 8, 5), np.int32)
    for label in range(1, n + 1):
        image[label].flat[: label % 40 + 1] = label
    dseg = xr.DataArray(image, dims=("i", "j", "k"), attrs={"source": name})
    return Parcellation.from_labels(dseg.parc.with_affine(np.diag([2, 2, 2, 1])), atlas_name=name)


def tree(folder, name):
    folder = folder / "root <b>&"
    folder.mkdir()
    safe = re.sub(r"[/_\s.]", "", name)
    (folder / f"sub-{safe}_param-{safe}_dwimap.nii").touch()
    return find(folder)


def objects(folder, name):
    extra = pd.DataFrame({name: [name, ""]})
    regions = [RegionInfo(1, name, "L"), RegionInfo(2, name, "R")]
    return [
        AtlasLUT(regions, name, extra=extra, source=name),
        parcellation(3, name),
        parcellation(30, name),
        tree(folder, name),
    ]


def parsed(thing):
    """The HTML as a tree, which it is only if everything is closed and escaped."""
    return ET.fromstring(thing._repr_html_())  # noqa: S314 - our own


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text_and_nothing_else(name, tmp_path):
    for thing in objects(tmp_path, name):
        found = parsed(thing)
        tags = {element.tag for element in found.iter()}
        assert not tags & {"script", "img", "b"}
        known = {"style", "open", "viewBox", "preserveAspectRatio", "role", "aria-label", "d"}
        known |= {"fill", "fill-opacity"}
        assert {key for element in found.iter() for key in element.attrib} <= known
        if not isinstance(thing, type(find(tmp_path))):
            assert name in [element.text for element in found.iter()]


def test_colours_are_the_notebooks_own(tmp_path):
    for thing in objects(tmp_path, "plain"):
        html = thing._repr_html_()
        assert not re.search(r"#[0-9a-fA-F]{3}|rgb|white|black|<style", html)
        assert "color:inherit" in html


class TestParcellation:
    def test_a_few_regions_are_all_there_with_their_sizes(self):
        found = parsed(parcellation(3))
        rows = [["".join(cell.itertext()) for cell in row] for row in found.iter("tr")]
        assert rows == [
            ["label", "voxels", "mm³", ""],
            ["1", "2", "16.0", ""],
            ["2", "3", "24.0", ""],
            ["3", "4", "32.0", ""],
        ]
        widths = [float(w) for w in re.findall(r"width:([\d.]+)em;height:.7em", html(found))]
        assert widths == [4.0, 6.0, 8.0]

    def test_of_many_the_smallest_and_the_largest_and_a_bar_for_each(self):
        one = parcellation(60)
        found = parsed(one)
        path = next(found.iter("path")).get("d")
        heights = [int(v) for v in re.findall(r"v-(\d+)", path)]
        expected = [round(100 * size / one.sizes.max()) for size in one.sizes.tolist()]
        assert heights == expected
        labels = [row[0].text for row in found.iter("tr") if row[0].text != "label"]
        order = one.labels[np.argsort(one.sizes, kind="stable")].astype(str).tolist()
        assert labels == order[:5] + order[-5:]

    def test_none(self):
        empty = xr.DataArray(np.zeros((2, 2, 2), int), dims=("i", "j", "k"))
        found = parsed(Parcellation.from_labels(empty.parc.with_affine(np.eye(4))))
        assert "0 regions, 0 voxels" in html(found)

    def test_an_atlas_of_456_regions_is_small(self):
        assert len(parcellation(456)._repr_html_()) < 20_000


def html(element):
    return ET.tostring(element, encoding="unicode")


def test_a_look_up_table_shows_all_its_columns_and_the_first_regions():
    regions = [RegionInfo(n, f"Region_{n}", "L") for n in range(1, 31)]
    lut = AtlasLUT(regions, "Thirty", extra=pd.DataFrame({"network": ["Vis"] * 30}))
    found = parsed(lut)
    assert [cell.text for cell in found.iter("th")] == [
        "region_index",
        "region_name",
        "hemisphere",
        "network",
    ]
    assert len(list(found.iter("tr"))) == 11
    assert "30 regions: 30 L" in html(found)
    assert next(found.iter("summary")).text == "the first 10"


def test_pieces():
    made = card("Kind", "<n>", ["a & b"], [fold("s<", table(("h",), [(bar(0.5),), ("<x>",)]))])
    found = ET.fromstring(made)  # noqa: S314 - our own
    assert next(found.iter("code")).text == "<n>"
    assert [cell.text for cell in found.iter("td")] == [None, "<x>"]
    assert next(found.iter("details")).get("open") == "open"
    assert fold("s", "", opened=False).startswith("<details>")
    assert strip([], "nothing").count("M") == 0
