"""The page Alarms: what was found, filtered, and followed to the unit, the chart and the proof."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import DESKTOP, PHONE, Browser, launch
from served import Served, serve
from test_everywhere import _LOW_CONTRAST, _STICKING_OUT, _UNNAMED, CHINESE
from tests.integration.evidence_plant import logging_plant, state
from tests.integration.test_alarm_page import LOG, raise_alarms

__all__ = ["state"]

ROWS = ".widget-grid tbody tr"


@pytest.fixture(scope="module")
def plant(chromium: None, state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A plant with an alarm found in each way."""
    directory = tmp_path_factory.mktemp("alarmed") / "plant"
    with logging_plant(directory) as workspace:
        raise_alarms(workspace)
    with serve(directory) as served:
        yield served


@pytest.fixture(scope="module")
def browser(plant: Served) -> Iterator[Browser]:
    with launch(plant.url, DESKTOP) as one:
        one.sign_in(plant.password)
        yield one


def test_alarms_are_filtered_and_followed(browser: Browser) -> None:
    browser.open("/pages/alarms?lang=en")
    assert len(browser.texts(ROWS)) == 4
    assert LOG in browser.text(ROWS)
    browser.click("#param-by option[value=chart]")
    browser.wait(lambda: len(browser.all(ROWS)) == 1, "only what the chart found")
    assert "by=chart" in browser.path()
    browser.click(f"{ROWS} a", "diameter")
    browser.wait(lambda: browser.path().startswith("/pages/chart?"), "the chart opens")
    assert "target=diameter" in browser.path()
    browser.open("/pages/alarms?lang=en&by=chart")
    browser.click(f"{ROWS} a", "u30")
    browser.wait(lambda: browser.path().startswith("/pages/unit?"), "the unit opens")
    assert "id=u30" in browser.path()


def test_the_proof_of_an_alarm_is_a_file(browser: Browser) -> None:
    browser.open("/pages/alarms?lang=en&by=log")
    browser.one(f"{ROWS} a[download]").click()
    assert browser.downloaded(".tlog-proof").read_bytes().startswith(b"c2sp.org/tlog-proof@v1")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_is_quiet_contained_and_readable(browser: Browser, plant: Served, language: str) -> None:
    browser.forget()
    browser.open(f"/pages/alarms?lang={language}")
    browser.one(ROWS)
    assert browser.hosts() <= {plant.url.removeprefix("http://")}
    assert not browser.complaints()
    assert not browser.all("[role=alert]")
    for script in (_STICKING_OUT, _LOW_CONTRAST, _UNNAMED):
        assert not browser.driver.execute_script(script)
    headings = [text for text in browser.texts("h1, .widget-head h2, label, .kpi dt, th") if text]
    chinese = [bool(CHINESE.search(text)) for text in headings]
    assert all(chinese) if language == "zh" else not any(chinese)


def test_where_there_is_none_it_is_said_on_a_phone(plant: Served) -> None:
    with launch(plant.url, PHONE) as phone:
        phone.sign_in(plant.password)
        phone.open("/pages/alarms?lang=zh&subject=nothing")
        assert "没有此类报警" in phone.text(".widget-grid")
        assert phone.driver.execute_script("return document.documentElement.scrollWidth") <= PHONE[0]
