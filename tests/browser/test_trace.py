"""The page Trace on a genealogy of ten thousand nodes: drawn, walked, traced on, and as a list."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from chromium import DESKTOP, PHONE, Browser, launch
from selenium.webdriver.common.keys import Keys
from served import Served, serve
from tests.integration.test_trace import store
from tests.refused_plant import join_two

from assay.model.kinds import RecordKind
from assay.store.workspace import Workspace

BLENDS, PRESSED = 20, 249
BEGAN = datetime(2026, 3, 2, 6, tzinfo=UTC)


def movements() -> Iterator[dict[str, Any]]:
    """One powder in 20 blends, each pressed to 249 parts; one part is only probably of the first blend."""
    for blend in range(BLENDS):
        began = BEGAN + timedelta(hours=blend)
        mixed = {"execution": f"mix-{blend}", "segment": "mix", "equipment": "MX1", "started": began}
        mixed["ended"] = began + timedelta(minutes=20)
        yield mixed | {"role": "consumed", "subject": "P1", "subject_kind": "lot"}
        yield mixed | {"role": "produced", "subject": f"B{blend}", "subject_kind": "lot"}
        for part in range(PRESSED):
            name = f"{blend}-{part}"
            at = began + timedelta(minutes=30, seconds=6 * part)
            pressed = {"execution": f"press-{name}", "segment": "press", "equipment": f"PR{part % 4}"}
            pressed |= {"started": at, "ended": at + timedelta(seconds=20)}
            sure = {"confidence": 0.7, "basis": "queue"} if name == "0-0" else {}
            yield pressed | sure | {"role": "consumed", "subject": f"B{blend}", "subject_kind": "lot"}
            yield pressed | {"role": "produced", "subject": f"U{name}", "subject_kind": "unit"}


@pytest.fixture(scope="module")
def powder(chromium: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    directory = tmp_path_factory.mktemp("powder") / "plant"
    with Workspace.create(directory) as workspace:
        store(workspace, RecordKind.MOVEMENT, list(movements()))
    with serve(Path(directory)) as served:
        yield served


@pytest.fixture(scope="module")
def browser(powder: Served) -> Iterator[Browser]:
    with launch(powder.url, DESKTOP) as one:
        one.sign_in(powder.password)
        yield one


def painted(browser: Browser) -> float:
    """Milliseconds that the last picture took to draw."""
    script = "return document.querySelector('.trace-graph canvas').dataset.painted"
    return float(browser.driver.execute_script(script))


def test_ten_thousand_nodes_open_group_by_group(browser: Browser) -> None:
    browser.open("/pages/trace?lang=en&id=P1")
    canvas = browser.one(".trace-graph canvas.graph[data-painted]")
    canvas.send_keys(Keys.ARROW_RIGHT)
    assert "mix: 20 runs" in browser.text(".trace-chosen")
    canvas.send_keys(Keys.ENTER)
    browser.named(".trace-chosen strong", "mix-0")
    canvas.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert "press: 249 runs" in browser.text(".trace-chosen")
    browser.open(browser.path())
    assert "press: 249 runs" in browser.text(".trace-chosen"), "the address keeps what was opened"
    browser.click(".trace-tools button", "Fold groups")
    assert "press: 4,980 runs" in browser.text(".trace-chosen")


def test_ten_thousand_nodes_are_drawn_and_moved(browser: Browser) -> None:
    browser.open("/pages/trace?lang=en&id=P1")
    browser.one(".trace-graph canvas[data-painted]")
    assert "4,979 units, 21 lots, 5,000 step runs" in browser.text(".trace-graph")
    browser.click(".trace-tools button", "Open all groups")
    canvas = browser.one(".trace-graph canvas")
    canvas.send_keys("0")
    whole = painted(browser)
    canvas.send_keys("+")
    assert whole < 100, "all of it in one picture; 3 ms on an idle machine"
    assert painted(browser) < 100
    print(f"10,001 nodes drawn in {whole:.1f} ms, moved in {painted(browser):.1f} ms")


def test_a_node_is_chosen_by_keys_and_traced_on(browser: Browser) -> None:
    browser.open("/pages/trace?lang=en&id=U0-0&direction=back")
    canvas = browser.one(".trace-graph canvas[data-painted]")
    assert "dashed" in browser.text(".trace-graph")
    canvas.send_keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert "B0" in browser.text(".trace-chosen")
    assert "70 % sure" in browser.text(".trace-chosen")
    assert "movements not shown" in browser.text(".trace-chosen")
    browser.open(browser.path())
    assert "B0" in browser.text(".trace-chosen"), "the address keeps what was chosen"
    browser.one(".trace-graph canvas[data-painted]").send_keys(Keys.ENTER)
    browser.named(".trace-chosen strong", "B0")
    assert "id=B0" in browser.path()


def test_steps_lie_on_a_time_axis_with_the_same_choice(browser: Browser) -> None:
    browser.open("/pages/trace?lang=en&id=P1")
    browser.click(".trace-tools button", "Timeline")
    canvas = browser.one("canvas.timeline[data-painted]")
    canvas.send_keys(Keys.ARROW_RIGHT)
    assert "mix-0" in browser.text(".trace-chosen")
    canvas.send_keys(Keys.ARROW_DOWN)
    assert "press · PR0 · 2026-03-02 06:30:00" in browser.text(".trace-chosen")
    assert painted(browser) < 1_000
    browser.click(".trace-tools button", "by equipment")
    canvas = browser.one("canvas.timeline[data-painted]")
    canvas.send_keys(Keys.ARROW_DOWN)
    browser.open(browser.path())
    browser.one("canvas.timeline[data-painted]")
    assert "lanes" in browser.path()
    chosen = browser.text(".trace-chosen strong")
    browser.click(".trace-tools button", "Graph")
    browser.one("canvas.graph[data-painted]")
    browser.click(".trace-tools button", "Open all groups")
    assert browser.text(".trace-chosen strong") == chosen


def test_the_genealogy_goes_on_from_a_node(browser: Browser) -> None:
    browser.open("/pages/trace?lang=en&id=U0-0&direction=back")
    canvas = browser.one(".trace-graph canvas[data-painted]")
    assert "1 units" in browser.text(".trace-graph")
    canvas.send_keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    browser.click(".trace-chosen button", "Show what is around it")
    browser.wait(lambda: "249 units" in browser.text(".trace-graph"), "the parts of the same blend")


def test_the_origins_of_several_bad_ones_are_compared(browser: Browser) -> None:
    browser.open("/pages/trace?lang=en&id=U3-1&direction=back")
    assert "Name other bad units" in browser.texts(".widget-grid")[1]
    browser.open("/pages/trace?lang=en&id=U3-1&direction=back&others=U3-9,U3-20&good=U4-1")
    first = browser.one(".widget-grid:last-child tbody tr").text
    assert "B3" in first or "mix-3" in first, "what the good one does not share stands first"
    assert "format=parquet" in browser.one(".widget-grid:last-child a[href*='parquet']").get_attribute("href")
    browser.open("/pages/trace?lang=zh&id=U3-1&others=U3-404")
    assert "U3-404" in browser.text("[role=alert]")


def test_the_recall_is_a_list_with_a_download(browser: Browser) -> None:
    browser.open("/pages/trace?lang=en&id=B1&direction=forward&equipment=PR1")
    assert "Went into 62 units" in browser.text(".widget-grid")
    link = browser.one(".widget-grid a[href*='/api/trace/recall']").get_attribute("href")
    assert "equipment=PR1" in link
    assert "format=csv" in link
    assert browser.all(".widget-grid a[href*='/api/trace/recall'][href*='format=parquet']")


def test_on_a_phone_in_chinese(powder: Served) -> None:
    with launch(powder.url, PHONE) as phone:
        phone.sign_in(powder.password)
        phone.open("/pages/trace?lang=zh&id=B1&direction=forward")
        phone.one(".trace-graph canvas[data-painted]")
        assert "249 个单件" in phone.text(".trace-graph")
        assert phone.driver.execute_script("return document.documentElement.scrollWidth") <= PHONE[0]
        phone.click(".trace-tools button", "时间轴")
        phone.one("canvas.timeline[data-painted]")
        assert phone.driver.execute_script("return document.documentElement.scrollWidth") <= PHONE[0]


@pytest.fixture(scope="module")
def joined(chromium: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Two joined parts, all records of one of which the gate refused."""
    directory = tmp_path_factory.mktemp("joined") / "plant"
    with Workspace.create(directory, log=True) as workspace:
        join_two(workspace)
    with serve(directory) as served, launch(served.url, DESKTOP) as one:
        one.sign_in(served.password)
        yield one


def test_what_the_gate_refused_is_marked_in_the_graph_and_the_lists(joined: Browser) -> None:
    joined.open("/pages/trace?lang=en&id=half-2&direction=forward")
    canvas = joined.one(".trace-graph canvas[data-painted]")
    assert "refused as evidence, red: 3 things, 2 movements" in joined.text(".genealogy-head")
    canvas.send_keys(Keys.ARROW_RIGHT)
    assert "join-2" in joined.text(".trace-chosen")
    assert "refused as evidence: unknown_subject" in joined.text(".trace-chosen")
    assert "Refused as evidence" in joined.texts(".widget-grid")[0]
    assert "unknown_subject" in joined.texts(".widget-grid")[0]
    joined.open("/pages/trace?lang=zh&id=half-2&direction=forward")
    assert "被拒绝作为证据（红色）：3 个对象，2 条移动" in joined.text(".genealogy-head")
    joined.open("/pages/trace?lang=en&id=half-1&direction=forward")
    joined.one(".trace-graph canvas[data-painted]")
    assert not joined.all(".trace-refused")


def test_a_part_and_its_file_say_what_was_refused(joined: Browser) -> None:
    joined.open("/pages/unit?lang=en&id=U-2")
    joined.one(".gene.refused")
    assert "refused as evidence: 3" in joined.text(".genealogy-head")
    figures = joined.text(".kpis")
    assert "Records refused as evidence" in figures
    assert all("unknown_subject" in grid for grid in joined.texts(".widget-grid")[:2])
    joined.open("/pages/unit-file?lang=en&id=U-2")
    assert "3 records of it are refused as evidence by the gate." in joined.text(".unit-file-missing")
    assert "U-2" in joined.text("#file-refused")
    for part in ("steps", "inspections", "materials"):
        assert "refused as evidence: unknown_subject" in joined.text(f"#file-{part}")
    joined.open("/pages/unit-file?lang=zh&id=U-2")
    assert "被拒绝作为证据：unknown_subject" in joined.text("#file-steps")
    joined.open("/pages/unit-file?lang=en&id=U-1")
    joined.one("#file-steps")
    assert not joined.all("#file-refused, .trace-refused")


def test_causes_say_of_how_many_parts_records_were_refused(joined: Browser) -> None:
    joined.open("/pages/cause?lang=en&target=leak%20%3D%20%27NOK%27")
    assert "Of 1 subjects the gate refused records as evidence" in joined.text(".cause-list")
