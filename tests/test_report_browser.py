"""The report in a real browser: it renders, sorts, filters, is usable by keyboard, and is quiet."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from made_archive import change, cube, fail, hostile, save

import qsiparc

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")

from selenium.webdriver.common.by import By  # noqa: E402 - after the skip
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import Select  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER),
    reason="no browser: apt-get install chromium chromium-driver",
)
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--window-size=1280,900"),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A study with a scan that is wrong, one that is unlike the others, and names that are code."""
    names = ["sub-001", "sub-010", "sub-002", f"sub-{hostile('scan')}", "sub-4", "sub-5"]
    regions = [*[f"LH_{n}" for n in range(170)], *[f"RH_{n}" for n in range(170)]]
    regions[1] = hostile("region")
    made = cube(names=names, regions=regions)
    huge = {"subject": names[3], "region": [2, 3], "scalar": "MD", "stat": "mean"}
    made = change(made, lambda v: v.fill(np.inf), **huge)
    zeros = {"subject": "sub-010", "region": slice(20, 40), "scalar": "FA", "stat": "mean"}
    made = fail(change(made, lambda v: v.fill(0), **zeros), "sub-4", "MD", "missing")
    return qsiparc.write_report(save(tmp_path_factory.mktemp("study"), {"A": made}))


@pytest.fixture
def page(browser, report):
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get(report.as_uri())
    yield browser
    assert [entry["message"] for entry in browser.get_log("browser")] == []


def column(page, table, number):
    path = f"table[data-name='{table}'] tbody tr td:nth-child({number})"
    return [cell.text for cell in page.find_elements(By.CSS_SELECTOR, path)]


def head(page, table, number):
    return page.find_element(By.CSS_SELECTOR, f"table[data-name='{table}'] th:nth-child({number})")


def filter_of(page, table):
    path = f"//label[starts-with(., 'Filter {table}')]/input"
    return page.find_element(By.XPATH, path)


def told(page, table):
    return filter_of(page, table).find_element(By.XPATH, "../../output").text


def test_it_renders(page):
    assert page.title.endswith("quality report")
    assert column(page, "findings", 1) == ["Huge or infinite values", "Unlike the other scans"]
    wide = page.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    assert wide
    picture = page.find_element(By.CSS_SELECTOR, ".cards svg .area").rect
    assert picture["width"] > 50


def test_names_that_are_code_did_not_run(page):
    assert hostile("scan") in page.find_element(By.ID, "scans").text
    assert page.execute_script("return document.scripts.length") == 1


def test_a_script_that_is_not_its_own_is_refused(browser, report):
    browser.get(report.as_uri())
    browser.execute_script(
        "const s = document.createElement('script'); s.textContent = 'window.bad = 1';"
        "document.body.append(s);"
    )
    assert browser.execute_script("return window.bad") is None
    assert any("Content Security Policy" in e["message"] for e in browser.get_log("browser"))


def test_it_sorts_numbers_as_numbers_and_names_as_people_do(page):
    head(page, "scans", 1).find_element(By.TAG_NAME, "button").click()
    names = column(page, "scans", 1)
    assert [name for name in names if "script" not in name] == [
        *("sub-001", "sub-002", "sub-4", "sub-5", "sub-010")
    ]
    button = head(page, "scans", 2).find_element(By.TAG_NAME, "button")
    button.click()
    button.click()
    assert head(page, "scans", 2).get_attribute("aria-sort") == "descending"
    assert head(page, "scans", 1).get_attribute("aria-sort") is None
    assert column(page, "scans", 1)[0] in {"sub-010", f"sub-{hostile('scan')}"}
    head(page, "regions", 5).find_element(By.TAG_NAME, "button").click()
    voxels = [int(text) for text in column(page, "regions", 5)]
    assert voxels == sorted(voxels)
    assert len({len(str(n)) for n in voxels}) > 1


def test_it_filters(page):
    assert told(page, "regions") == "340 rows"
    filter_of(page, "regions").send_keys("RH_7")
    assert column(page, "regions", 3) == ["RH_7", *[f"RH_7{n}" for n in range(10)]]
    assert told(page, "regions") == "11 of 340 rows"
    Select(page.find_element(By.CSS_SELECTOR, ".tools select")).select_by_visible_text(
        "Unlike the other scans"
    )
    assert column(page, "findings", 2) == ["sub-010"]


def test_long_tables_show_more_when_asked(page):
    assert len(column(page, "regions", 1)) == 200
    page.find_element(By.XPATH, "//button[. = 'Show all 340 rows']").click()
    assert len(column(page, "regions", 1)) == 340


def test_links_lead_to_rows_that_are_hidden(page):
    page.find_element(By.CSS_SELECTOR, "#t-findings details summary").click()
    filter_of(page, "regions").send_keys("RH_160")
    link = page.find_element(By.CSS_SELECTOR, "#t-findings tbody tr details a")
    label = link.get_attribute("href").rpartition("#")[2]
    assert not page.find_elements(By.ID, label)
    link.click()
    assert page.find_element(By.ID, label).is_displayed()
    assert page.current_url.endswith(f"#{label}")


def test_it_is_usable_by_keyboard(page):
    page.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    assert page.switch_to.active_element.text == "To the findings"
    reached = []
    for _ in range(25):
        page.switch_to.active_element.send_keys(Keys.TAB)
        here = page.switch_to.active_element
        reached.append(here.tag_name)
        if here.tag_name == "button":
            break
    assert {"a", "input", "select", "button"} <= set(reached)
    here = page.switch_to.active_element
    assert here.value_of_css_property("outline-style") == "solid"
    here.send_keys(Keys.ENTER)
    assert head(page, "findings", 1).get_attribute("aria-sort") == "ascending"
    page.switch_to.active_element.send_keys(Keys.SPACE)
    assert head(page, "findings", 1).get_attribute("aria-sort") == "descending"


def test_rows_of_the_map_stand_beside_their_names(page):
    names = page.find_elements(By.CSS_SELECTOR, ".map li")
    cells = page.find_element(By.CSS_SELECTOR, ".map svg").rect
    assert len(names) == 3
    assert cells["height"] == pytest.approx(sum(name.rect["height"] for name in names), abs=1)
    assert cells["y"] == pytest.approx(names[0].rect["y"], abs=1)


def test_every_control_has_a_name(page):
    names = page.execute_script(
        "return [...document.querySelectorAll('input, select')].map(c => c.labels.length)"
    )
    assert names
    assert set(names) == {1}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_stands_out_from_its_ground_in_both_themes(page, theme):
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": theme}]},
    )
    ground = rgb(page.find_element(By.TAG_NAME, "body").value_of_css_property("background-color"))
    assert (sum(ground) < 200) == (theme == "dark")
    for path in ("h1", ".quiet", "nav a", "td.name"):
        ink = rgb(page.find_element(By.CSS_SELECTOR, path).value_of_css_property("color"))
        assert contrast(ink, ground) >= 4.5, path
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_it_fits_a_phone(page):
    size = {"width": 360, "height": 700, "deviceScaleFactor": 1, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    assert page.execute_script("return document.documentElement.scrollWidth") <= 360
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_without_scripts_everything_is_there(browser, report):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.get(report.as_uri())
    rows = browser.find_elements(By.CSS_SELECTOR, "table[data-name='regions'] tbody tr")
    buttons = browser.find_elements(By.CSS_SELECTOR, "button, input")
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert len(rows) == 340
    assert buttons == []


def rgb(text):
    return [float(n) for n in text[text.index("(") + 1 : -1].split(",")[:3]]


def contrast(one, two):
    """As WCAG 2 defines it."""
    lights = []
    for colour in (one, two):
        parts = [c / 255 for c in colour]
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        lights.append(0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2] + 0.05)
    return max(lights) / min(lights)
