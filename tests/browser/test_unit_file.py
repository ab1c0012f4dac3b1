"""The page Unit file: what is recorded of a unit, graded, and where it leads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from chromium import DESKTOP, PHONE, Browser, launch
from selenium.webdriver.common.keys import Keys
from served import Served, serve
from tests.file_plant import file_plant


@pytest.fixture(scope="module")
def gears(chromium: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    directory = tmp_path_factory.mktemp("gears") / "plant"
    file_plant(directory).close()
    with serve(directory) as served:
        yield served


@pytest.fixture(scope="module")
def browser(gears: Served) -> Iterator[Browser]:
    with launch(gears.url, DESKTOP) as one:
        one.sign_in(gears.password)
        yield one


def test_the_file_shows_people_machines_papers_and_the_grade(browser: Browser) -> None:
    browser.open("/pages/unit-file?lang=en&id=U1")
    head = browser.text(".unit-file-head")
    assert "Conforming" in head
    assert "PC-GEAR · B" in head
    steps, inspections = browser.text("#file-steps"), browser.text("#file-inspections")
    assert "张三" in steps
    assert "Q1 · A valid" in steps
    assert "R7 · 2" in steps
    assert "temp 1,120" in steps
    assert "F1" in steps
    assert "10.05 mm" in inspections
    assert "replaced by a later result" in inspections
    assert "F1.temp" in browser.text("#file-curves")
    assert browser.all("#file-curves polyline")
    card = browser.text("#file-requirements").splitlines()
    assert "5 sinter F1.temp.mean 1100 … 1140 Cel si-1: 1120.01 Cel met" in card
    assert sum(line.endswith(" met") for line in card) == 9


def test_a_step_is_chosen_on_the_time_axis(browser: Browser) -> None:
    browser.open("/pages/unit-file?lang=en&id=U1")
    browser.one("canvas.timeline[data-painted]").send_keys(Keys.ARROW_RIGHT)
    browser.one("#file-steps tr.chosen")
    assert "press" in browser.text("#file-steps tr.chosen")
    browser.open(browser.path())
    assert "press" in browser.text("#file-steps tr.chosen"), "the address keeps what was chosen"


def test_pdf_and_json_are_downloaded(browser: Browser) -> None:
    browser.open("/pages/unit-file?lang=en&id=U1")
    browser.click(".unit-file-actions a", "PDF")
    assert browser.downloaded(".pdf").read_bytes().startswith(b"%PDF-")
    browser.click(".unit-file-actions a", "JSON")
    document = json.loads(browser.downloaded(".json").read_text("utf-8"))
    assert document["hash"] in browser.text(".unit-file-hash")


def test_unit_and_trace_lead_to_it_and_back(browser: Browser) -> None:
    browser.open("/pages/trace?lang=en&id=U1")
    browser.click(".trace-chosen a", "Unit file")
    assert urlsplit(browser.path()).path == "/pages/unit-file"
    browser.click(".unit-file-actions a", "Unit page")
    assert urlsplit(browser.path()).path == "/pages/unit"
    browser.click(".genealogy-head a", "Unit file")
    assert "PC-GEAR" in browser.text(".unit-file-head")


def test_an_id_nobody_knows_is_said(browser: Browser) -> None:
    browser.open("/pages/unit-file?lang=zh&id=U-404")
    assert "U-404" in browser.text("[role=alert]")
    browser.open("/pages/unit-file?lang=en")
    assert "needs" in browser.text(".page-note")


def test_on_a_phone_in_chinese(gears: Served) -> None:
    with launch(gears.url, PHONE) as phone:
        phone.sign_in(gears.password)
        phone.open("/pages/unit-file?lang=zh&id=U1")
        assert "工艺卡" in phone.text("#file-requirements")
        assert phone.driver.execute_script("return document.documentElement.scrollWidth") <= PHONE[0]
        assert not [said for said in phone.complaints() if "/api/session" not in said]
