"""The control chart page: from the limits to the units behind a flagged point."""

from __future__ import annotations

import re

import pytest
from chromium import PHONE, Browser
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select
from turning import shafts

from assay.stats import charts

SHARE = "/pages/chart?lang=en&scope=s02&subgroup=50"
LOTS = "/pages/chart?lang=en&target=diameter&subgroup=lot"

_INK = """
const canvas = document.querySelectorAll('.plot-panel canvas')[arguments[0]], ink = canvas.getContext('2d');
const pixels = ink.getImageData(0, 0, canvas.width, canvas.height).data, rows = new Map();
for (let at = 0; at < pixels.length; at += 4) {
  if (pixels[at] === arguments[1] && pixels[at + 1] === arguments[2] && pixels[at + 2] === arguments[3]) {
    const row = Math.floor(at / 4 / canvas.width);
    rows.set(row, (rows.get(row) ?? 0) + 1);
  }
}
return [...rows].filter(([, count]) => count > canvas.width / 2).map(([row]) => row);
"""
LIMIT, CENTRE = (179, 38, 30), (46, 125, 50)


def figure(browser: Browser, name: str) -> str:
    """A headline figure by its name."""
    return browser.named(".kpi", name).find_element("css selector", ".kpi-value").text


def groups(rows: list[int]) -> list[float]:
    """Where lines lie: pixel rows next to each other are one line."""
    found: list[list[int]] = []
    for row in rows:
        if found and row - found[-1][-1] <= 1:
            found[-1].append(row)
        else:
            found.append([row])
    return [sum(line) / len(line) for line in found]


def test_the_share_of_bad_runs_is_a_p_chart_with_its_formula(desktop: Browser) -> None:
    desktop.open(SHARE)
    assert figure(desktop, "Points") == "250"
    assert int(figure(desktop, "Flagged points")) > 0
    assert len(desktop.all(".plot-panel canvas")) == 1
    assert desktop.text(".plot-panel figcaption") == "p chart"
    assert "√" in desktop.text(".plot .widget-foot")
    assert not desktop.all("[role=alert]")
    desktop.open("/pages/chart?lang=en&scope=s02")
    assert int(figure(desktop, "Points")) < 250, "by day where nothing is said"


def test_fewer_rules_flag_fewer_points_and_the_address_remembers(desktop: Browser) -> None:
    desktop.open(SHARE)
    before = int(figure(desktop, "Flagged points"))
    Select(desktop.one("#param-rules")).select_by_visible_text("beyond the limits only")
    desktop.wait(lambda: int(figure(desktop, "Flagged points")) < before, "fewer flagged points")
    assert "rules=nelson1" in desktop.path()
    rules = {row.split()[-1] for row in desktop.texts(".widget-grid tbody td:nth-child(5)")}
    assert rules == {"nelson1"}
    desktop.driver.back()
    desktop.wait(lambda: int(figure(desktop, "Flagged points")) == before, "the rules before")


def test_a_flagged_point_leads_to_its_units(desktop: Browser) -> None:
    desktop.open(SHARE)
    link = desktop.one(".widget-grid tbody td:last-child a")
    unit = link.text
    desktop.click(".widget-grid tbody td:last-child a", unit)
    assert desktop.path().startswith("/pages/unit")
    assert unit in desktop.text(".kpis")


def test_a_point_of_many_units_names_some_and_counts_all(shop: Browser) -> None:
    shop.open("/pages/chart?lang=en&target=diameter&subgroup=25")
    last = shop.all(".widget-grid tbody tr")[-1]
    cells = last.find_elements("css selector", "td")
    assert cells[-2].text == "25"
    assert len(cells[-1].find_elements("css selector", "a")) == 12
    assert "At most 12 units" in shop.text(".widget-grid .widget-foot")


def test_limits_lie_where_their_values_are(shop: Browser) -> None:
    shop.open(LOTS)
    ranges = charts.xbar_r(shafts()[0], 5).companions[0]
    lcl, ucl = ranges.limits
    upper, lower = groups(shop.driver.execute_script(_INK, 1, *LIMIT))
    (middle,) = groups(shop.driver.execute_script(_INK, 1, *CENTRE))
    expected = (ucl - ranges.center) / (ranges.center - lcl)
    assert (middle - upper) / (lower - middle) == pytest.approx(expected, abs=0.04)


def test_figures_have_the_digits_that_tell_the_limits_apart(shop: Browser) -> None:
    shop.open(f"{LOTS}&rules=none")
    assert figure(shop, "Centre line") == f"{shafts()[0].mean():.4f}"
    assert re.fullmatch(r"9\.98\d{3}", figure(shop, "LCL"))


def test_the_chart_reads_as_a_table(shop: Browser) -> None:
    shop.open(LOTS)
    shop.click(".plot .chart-switch", "Show as table")
    rows = shop.texts(".plot-panel:first-child tbody tr")
    assert len(rows) == 40
    assert rows[30].startswith("L30 10.0")
    assert "nelson1" in rows[30]
    shop.open(shop.path())
    assert shop.all(".plot-panel table"), "the address keeps the table"
    shop.click(".plot .chart-switch", "Show as chart")
    assert len(shop.all(".plot-panel canvas")) == 2


def test_a_kind_that_does_not_fit_is_said_once_and_undone(shop: Browser) -> None:
    shop.open(LOTS)
    Select(shop.one("#param-kind")).select_by_visible_text("p")
    shop.one("[role=alert]")
    assert len(set(shop.texts("[role=alert]"))) == 1
    assert "made of a condition" in shop.text("[role=alert]")
    shop.click(".language-switch button", "中文")
    assert "p 图用于条件" in shop.text("[role=alert]")
    shop.click(".language-switch button", "EN")
    Select(shop.one("#param-kind")).select_by_visible_text("EWMA")
    shop.wait(lambda: not shop.all("[role=alert]"), "the EWMA chart")
    assert "EWMA" in shop.text(".plot-panel figcaption")


def test_in_chinese(shop: Browser) -> None:
    shop.open(LOTS.replace("lang=en", "lang=zh"))
    assert shop.text("h1") == "控制图"
    assert shop.texts(".plot-panel figcaption") == ["X̄ 图", "R 图"]
    assert "精确常数" in shop.text(".plot .widget-foot")
    assert shop.one("#param-subgroup").get_attribute("placeholder") == "数量、day 或列名"


def test_labels_of_the_filters_stay_on_one_line(shop: Browser) -> None:
    for page in ("chart?target=diameter", "capability?target=diameter", "monitor"):
        shop.open(f"/pages/{page}{'&' if '?' in page else '?'}lang=en")
        heights = {round(label.size["height"]) for label in shop.all(".param label")}
        assert len(heights) == 1, page


def test_on_a_phone(shop: Browser) -> None:
    shop.resize(PHONE)
    shop.open(LOTS)
    assert shop.driver.execute_script("return document.documentElement.scrollWidth") <= 390
    canvas = shop.one(".plot-panel canvas")
    assert canvas.size["width"] > 280
    assert canvas.size["height"] >= 150
    shop.click(".params-fold")
    assert shop.one("#param-rules").is_displayed()


def test_with_the_keyboard(shop: Browser) -> None:
    shop.open("/pages/chart?lang=en&target=diameter")
    shop.tab_to("#param-subgroup").send_keys("lot", Keys.ENTER)
    shop.wait(lambda: "subgroup=lot" in shop.path(), "the chart by lot")
    shop.wait(lambda: figure(shop, "Points") == "40", "forty lots")
    shop.tab_to(".plot .chart-switch")
    shop.press(Keys.ENTER)
    shop.wait(lambda: shop.all(".plot-panel table"), "the table")
    shop.press(Keys.ENTER)
    shop.tab_to(".widget-grid tbody a")
    shop.press(Keys.ENTER)
    shop.wait(lambda: shop.path().startswith("/pages/unit"), "the unit")
