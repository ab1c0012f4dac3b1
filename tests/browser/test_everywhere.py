"""What holds on every page: no foreign request, no complaint, nothing sticking out, all translated."""

import re

import pytest
from chromium import Browser
from selenium.webdriver.common.keys import Keys
from served import Served

PAGES = (
    "/pages/overview",
    "/pages/cause?scope=s02",
    "/pages/questions",
    "/pages/questions?q=unit+%7C+select+id%2C+material+%7C+limit+60&v.q=%7B%22explain%22%3Atrue%7D",
    "/pages/chart?scope=s02&subgroup=50",
    "/pages/capability",
    "/pages/monitor",
    "/pages/unit?id=30000000009389",
    "/pages/import",
)
CHINESE = re.compile(r"[\u4e00-\u9fff]")

_STICKING_OUT = """
const wide = document.documentElement.clientWidth + 1, found = [];
for (const element of document.querySelectorAll('main *')) {
  const scrolls = '.table-scroll, .genealogy-scroll, .chart-canvas, pre, svg, .visually-hidden';
  if (element.closest(scrolls)) continue;
  const box = element.getBoundingClientRect();
  const frame = element.closest('.widget')?.getBoundingClientRect();
  const edge = Math.min(wide, frame ? frame.right + 1 : wide);
  if (box.width && (box.right > edge || box.left < -1)) found.push(element.className || element.tagName);
}
return found;
"""

_LOW_CONTRAST = """
const light = ([r, g, b]) => {
  const [x, y, z] = [r, g, b].map(c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
};
const parts = text => text.match(/[\\d.]+/g).map(Number);
const behind = element => {
  for (let at = element; at; at = at.parentElement) {
    const colour = parts(getComputedStyle(at).backgroundColor);
    if (colour.length === 3 || colour[3] === 1) return colour;
  }
  return [255, 255, 255];
};
const found = new Set();
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
  if (element.closest('svg, noscript, script')) continue;
  if (element.closest('button:disabled')) continue;
  const [a, b] = [light(parts(getComputedStyle(element).color)), light(behind(element))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) found.add(`${element.tagName}.${element.className} ${ratio.toFixed(2)}`);
}
return [...found];
"""

_UNNAMED = """
return [...document.querySelectorAll('button, a[href], input, select')].filter(element => {
  if (!element.checkVisibility()) return false;
  const label = element.getAttribute('aria-label') || element.textContent.trim()
    || (element.labels && [...element.labels].map(l => l.textContent).join(''));
  return !label;
}).map(element => element.outerHTML.slice(0, 120));
"""


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_quiet_contained_and_readable(
    desktop: Browser, plant: Served, path: str, language: str
) -> None:
    desktop.open(f"{path}{'&' if '?' in path else '?'}lang={language}")
    assert desktop.hosts() <= {plant.url.removeprefix("http://")}, "no request leaves the host"
    assert not desktop.complaints()
    assert not desktop.driver.execute_script(_STICKING_OUT)
    assert not desktop.driver.execute_script(_LOW_CONTRAST)
    assert not desktop.driver.execute_script(_UNNAMED)
    headings = desktop.texts("h1, .widget-head h2, .rail nav a, label, .kpi dt")
    assert headings
    chinese = [bool(CHINESE.search(text)) for text in headings if text]
    assert all(chinese) if language == "zh" else not any(chinese)


@pytest.mark.parametrize("path", PAGES)
def test_a_phone_shows_every_page_without_sideways_scrolling(phone: Browser, path: str) -> None:
    phone.open(f"{path}{'&' if '?' in path else '?'}lang=en")
    width = phone.driver.execute_script("return document.documentElement.scrollWidth")
    assert width <= 390
    assert not phone.driver.execute_script(_STICKING_OUT)
    assert not phone.complaints()


def test_a_phone_reaches_the_pages_and_the_filters(phone: Browser) -> None:
    phone.open("/pages/overview?lang=en")
    assert not phone.one(".rail nav a").is_displayed()
    phone.click(".phone-bar .icon-button")
    phone.wait(lambda: phone.one(".rail nav a").is_displayed(), "the navigation")
    phone.click(".rail nav a", "Causes")
    assert phone.path().startswith("/pages/cause")
    assert not phone.one("#param-where").is_displayed()
    phone.click(".params-fold")
    assert phone.one("#param-where").is_displayed()


def test_the_keyboard_reaches_navigation_filters_causes_and_evidence(desktop: Browser) -> None:
    desktop.open("/pages/cause?lang=en&scope=s02")
    desktop.tab_to(".skip", limit=2)
    desktop.tab_to(".rail nav a[aria-current]")
    desktop.tab_to(".language-switch button")
    desktop.tab_to("#param-where")
    desktop.tab_to("#param-scope")
    first = desktop.tab_to(".cause-name").text
    desktop.press(Keys.ARROW_DOWN)
    desktop.idle()
    second = desktop.focused().text
    assert second != first
    assert desktop.text(".cause.chosen .cause-name") == second
    desktop.tab_to(".cause-evidence", limit=3)
    desktop.press(Keys.ENTER)
    desktop.one("dialog[open] tbody tr")
    inside = "return document.activeElement.closest('dialog') !== null"
    assert desktop.driver.execute_script(inside), "focus moves into the dialog"
    desktop.press(Keys.ESCAPE)
    desktop.wait(lambda: not desktop.all("dialog[open]"), "the dialog to close")
    desktop.tab_to(".widget-grid .pager .icon-button:not(:disabled)", limit=160)
