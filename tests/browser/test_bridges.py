"""The pages Bridges, Mixing, Metres and Scans on one plant: a furnace, a silo, a film line, scanned codes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import DESKTOP, PHONE, Browser, launch
from served import Served, serve
from test_everywhere import _LOW_CONTRAST, _STICKING_OUT, _UNNAMED, CHINESE
from tests.integration.test_metre_plant import LINE, readings
from tests.integration.test_mixing import MOVEMENTS
from tests.integration.test_scan_page import keep_scans
from tests.integration.test_trace import store

from assay.model.kinds import RecordKind
from assay.sim.furnace import Furnace
from assay.sim.powder import PowderPlan, powder_line
from assay.store.workspace import Workspace

FURNACE = "/pages/bridges?segment=sinter&residence=3600&tolerance=120"
SILO = "/pages/mixing?segment=silo&model=first-in-first-out"
FILM = "/pages/metres?item=sheet-2&position=30"
PAGES = (f"{FURNACE}&piece=U-00030", SILO, FILM, "/pages/scans")


@pytest.fixture(scope="module")
def works(chromium: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    directory = tmp_path_factory.mktemp("works") / "plant"
    with Workspace.create(Path(directory)) as workspace:
        described = "".join(f"    {row}\n" for row in LINE.replace("DELAY", "47.0").strip().splitlines())
        (workspace.path / "model.yaml").write_text(f"lines:\n  film:\n{described}", encoding="utf-8")
        powder_line(PowderPlan(pieces=150, furnace=Furnace(jitter=4.0, noise=3.0)), seed=4).write(workspace)
        store(workspace, RecordKind.MOVEMENT, MOVEMENTS, "silo")
        store(workspace, RecordKind.READING, readings(), "film")
        keep_scans(workspace)
    with serve(Path(directory)) as served:
        yield served


@pytest.fixture(scope="module")
def browser(works: Served) -> Iterator[Browser]:
    with launch(works.url, DESKTOP) as one:
        one.sign_in(works.password)
        yield one


@pytest.fixture(scope="module")
def small(works: Served) -> Iterator[Browser]:
    with launch(works.url, PHONE) as one:
        one.sign_in(works.password)
        yield one


def test_an_engineer_bridges_a_furnace_and_goes_on_to_the_trace(browser: Browser) -> None:
    browser.open("/pages/bridges?lang=en")
    assert "This page needs: Step without labels" in browser.text("main")
    browser.one("#param-residence").send_keys("3600")
    browser.one("#param-tolerance").send_keys("120")
    browser.click("#param-segment option[value=sinter]")
    browser.wait(lambda: browser.all(".chart canvas"), "the time inside")
    assert "segment=sinter" in browser.path()
    assert "residence=3600" in browser.path()
    figures = browser.text(".kpis")
    assert "Counted out" in figures
    assert "95 %" in figures, "the residence has an interval"
    assert "Matched by" in browser.text(".prose")
    piece = browser.text(".widget-grid:last-child tbody tr td a")
    browser.one("#param-piece").send_keys(piece)
    browser.press("\ue007")
    browser.named(".widget-grid tbody td", piece)
    browser.wait(lambda: f"piece={piece}" in browser.path(), "the piece in the address")
    browser.idle()
    browser.wait(lambda: len(browser.all(".widget-grid")) == 2, "its counterparts")
    wanted = browser.driver.execute_script(  # read and clicked at once: the table may just be drawn anew
        "const link = arguments[0]; link.click(); return link.textContent.trim()",
        browser.one(".widget-grid tbody tr td:first-child a"),
    )
    browser.one(".trace-graph canvas[data-painted]")
    assert browser.path().startswith("/pages/trace?")
    assert f"id={wanted}" in browser.path()


def test_mixing_is_drawn_over_time_and_an_unfit_model_says_what_it_needs(browser: Browser) -> None:
    browser.open(f"{SILO}&lang=en")
    browser.wait(lambda: len(browser.all(".chart canvas")) == 2, "share and confidence")
    assert "Still inside" in browser.text(".kpis")
    rows = browser.texts(".widget-grid tbody tr")
    assert any("B2" in row and "L2" in row and "75" in row for row in rows)
    browser.click("#param-model option[value=flow]")
    assert "hold-up" in browser.text("[role=alert]")
    browser.one("#param-holdup").send_keys("3")
    browser.press("\ue007")
    browser.wait(lambda: not browser.all("[role=alert]"), "the flow")
    assert "model=flow" in browser.path()


@pytest.mark.parametrize(("path", "language"), [(FURNACE, "zh"), (f"{SILO}&content=1", "en")])
def test_what_a_page_worked_out_is_recorded_by_whoever_is_logged_in(
    browser: Browser, path: str, language: str
) -> None:
    browser.open(f"{path}&lang={language}")
    words = {
        "zh": ("以 administrator 的身份记录", "已由 administrator 记录"),
        "en": ("Record as administrator", "Recorded by administrator"),
    }
    assert not browser.all(".record-done")
    browser.click(".record button")
    browser.click(".record button", words[language][0])
    assert words[language][1] in browser.text(".record-done")
    browser.open(f"{path}&lang={language}")
    browser.click(".record button")
    browser.click(".record button", words[language][0])
    again = browser.text(".record-done")
    assert ("没有新内容" if language == "zh" else "Nothing is new") in again


def test_a_metre_leads_to_every_station(browser: Browser) -> None:
    browser.open(f"{FILM}&lang=en")
    rows = browser.texts(".widget-grid tbody tr")
    assert [row.split()[0] for row in rows] == ["slitter", "calender", "extruder"]
    assert "2026-03-02 00:07:40" in rows[1]
    browser.click("#param-direction option[value=forward]")
    browser.wait(lambda: len(browser.all(".widget-grid tbody tr")) == 1, "only the first station knows it so")


def test_scans_are_filtered_by_hint_and_followed(browser: Browser) -> None:
    browser.open("/pages/scans?lang=en")
    browser.wait(lambda: len(browser.all(".chart canvas")) == 3, "days, countries and places")
    assert "far apart" in browser.text(".widget-grid tbody tr")
    browser.click("#param-hint option[value=unknown]")
    assert all("X9" in row for row in browser.texts(".widget-grid tbody tr"))
    browser.open("/pages/scans?lang=zh")
    assert "相距过远" in browser.text(".widget-grid tbody tr")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_quiet_contained_and_readable(
    browser: Browser, works: Served, path: str, language: str
) -> None:
    browser.forget()
    browser.open(f"{path}{'&' if '?' in path else '?'}lang={language}")
    assert browser.hosts() <= {works.url.removeprefix("http://")}
    assert not browser.complaints()
    assert not browser.all("[role=alert]")
    for script in (_STICKING_OUT, _LOW_CONTRAST, _UNNAMED):
        assert not browser.driver.execute_script(script)
    headings = [text for text in browser.texts("h1, .widget-head h2, label, .kpi dt, th") if text]
    chinese = [bool(CHINESE.search(text)) for text in headings if text not in {"± (m)", "± (s)"}]
    assert all(chinese) if language == "zh" else not any(chinese)


@pytest.mark.parametrize("path", PAGES)
def test_a_phone_shows_every_page_without_sideways_scrolling(small: Browser, path: str) -> None:
    small.forget()
    small.open(f"{path}{'&' if '?' in path else '?'}lang=zh")
    assert small.driver.execute_script("return document.documentElement.scrollWidth") <= PHONE[0]
    assert not small.driver.execute_script(_STICKING_OUT)
    assert not small.complaints()
