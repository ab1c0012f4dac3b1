"""The page of questions: from a few letters to an answer, what was done for it, a file of it, its changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pyarrow.parquet as pq
import pytest
from chromium import DESKTOP, PHONE, Browser, launch
from selenium.webdriver.common.keys import Keys
from served import Served, serve
from tests.sinter_plant import DAY, sinter_plant, store, unit

from assay.model.kinds import RecordKind
from assay.store.workspace import Workspace

LOTS = "unit[defect.code = 'HC-3'].lot.product.lots | compare yield"
EVENTS = "event | by event: count() as n"
FIELD = "textarea"

_REMEMBER_SOCKETS = """
const Plain = WebSocket;
window.sockets = [];
window.WebSocket = class extends Plain {
  constructor(...given) { super(...given); window.sockets.push(this); }
};
"""


@pytest.fixture(scope="module")
def _plant(chromium: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Browser]]:
    directory = sinter_plant(tmp_path_factory.mktemp("sinter") / "plant")
    with serve(directory) as served, launch(served.url, DESKTOP) as browser:
        browser.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _REMEMBER_SOCKETS})
        browser.sign_in(served.password)
        yield served, browser


@pytest.fixture
def asking(_plant: tuple[Served, Browser]) -> Iterator[Browser]:
    """A signed-in window on the powder plant."""
    served, browser = _plant
    browser.sign_in(served.password)
    browser.forget()
    yield browser
    browser.resize(DESKTOP)


@pytest.fixture
def directory(_plant: tuple[Served, Browser]) -> Path:
    """Where the plant lies."""
    return _plant[0].directory


def ask(browser: Browser, question: str, language: str = "en", **view: str) -> None:
    """Open the page with a question in its address."""
    given = "".join(f"&{name}={quote(value)}" for name, value in view.items())
    browser.open(f"/pages/questions?lang={language}&q={quote(question)}{given}")


def asked(browser: Browser) -> str:
    """The question in the address."""
    return parse_qs(urlsplit(browser.driver.current_url).query).get("q", [""])[0]


def value(browser: Browser) -> str:
    """What stands in the box."""
    found: str = browser.driver.execute_script("return document.querySelector('textarea').value")
    return found


def column(browser: Browser, number: int) -> list[str]:
    return browser.texts(f".answer-table tbody td:nth-child({number})")


def seen(directory: Path, number: int) -> None:
    """One more defect is recorded."""
    one = {"event": "defect", "subject": unit("L6", number), "subject_kind": "unit", "code": "HC-9"}
    with Workspace.open(directory) as workspace:
        store(workspace, RecordKind.EVENT, [one | {"time": DAY + timedelta(hours=22)}], f"live {number}")


def test_a_question_is_written_with_names_mended_by_a_click_and_answered(asking: Browser) -> None:
    asking.open("/pages/questions?lang=en")
    assert asking.named(".ask-examples button", "unit[result = 'NOK']")
    box = asking.one(FIELD)
    box.send_keys("unit[defect.co")
    asking.named(".ask-names li", "code")
    box.send_keys(Keys.TAB)
    assert value(asking) == "unit[defect.code"
    box.send_keys(" = 'HC-3'].lot.product.lotz | comp")
    asking.named(".ask-names li", "compare")
    box.send_keys(Keys.ARROW_DOWN, Keys.ENTER)
    asking.wait(lambda: value(asking).endswith("| compare "), "the stage")
    box.send_keys("yield", Keys.ESCAPE, Keys.ENTER)
    alert = asking.one("[role=alert]")
    assert "material has no 'lotz'" in alert.text
    marked = asking.driver.execute_script("return document.querySelector('.ask-mirror mark').textContent")
    assert marked == "lotz"
    asking.click(".ask-mends button", "lots")
    asking.wait(lambda: column(asking, 1), "the answer")
    assert asked(asking) == value(asking) == LOTS
    assert asking.text(".answer-bar strong") == "3 rows"
    assert dict(zip(column(asking, 1), column(asking, 4), strict=True)) == {
        "L1": "1",
        "L3": "0.7",
        "L5": "0.9",
    }


def test_the_keyboard_alone_is_enough(asking: Browser) -> None:
    asking.open("/pages/questions?lang=en")
    asking.wait(lambda: asking.focused().tag_name == FIELD, "the box to have the focus")
    asking.press("unit | co")
    asking.named(".ask-names li", "count")
    asking.press(Keys.ESCAPE)
    asking.wait(lambda: not asking.one(".ask-names").is_displayed(), "the list to close")
    asking.press("unt", Keys.ENTER)
    asking.wait(lambda: column(asking, 1) == ["60"], "the answer")
    asking.press(Keys.SHIFT, Keys.ENTER)
    asking.tab_to("[role=switch]", limit=12)
    asking.tab_to(".answer-tools .button", limit=3)
    asking.press(Keys.ENTER)
    assert asking.one(".explain")


def test_columns_sort_by_asking_again_and_lead_to_their_things(asking: Browser) -> None:
    ask(asking, LOTS)
    asking.click(".answer-head", "yield")
    asking.wait(lambda: column(asking, 4) == ["0.7", "0.9", "1"], "the least first")
    assert asked(asking) == f"{LOTS} | sort yield"
    asking.click(".answer-head", "yield")
    asking.wait(lambda: column(asking, 4) == ["1", "0.9", "0.7"], "the most first")
    asking.driver.back()
    asking.wait(lambda: column(asking, 4) == ["0.7", "0.9", "1"], "the order before")
    asking.click(".answer-table tbody a", "L3")
    assert asking.path().startswith("/pages/unit")
    assert "id=L3" in asking.path()


def test_what_was_done_is_shown_and_in_the_address(asking: Browser) -> None:
    ask(asking, LOTS)
    asking.click(".answer-tools button", "Explain")
    assert LOTS in asking.text(".explain pre")
    assert "SELECT" in asking.texts(".explain pre")[-1]
    assert "No other database was asked" in asking.text(".explain")
    asking.open(asking.path())
    assert asking.all(".explain")


def test_all_rows_are_exported(asking: Browser) -> None:
    ask(asking, LOTS)
    asking.click(".answer-export a", "Parquet")
    file = asking.downloaded(".parquet")
    assert sorted(pq.read_table(file).column("lot").to_pylist()) == ["L1", "L3", "L5"]
    file.unlink()
    asking.click(".answer-export a", "CSV")
    assert asking.downloaded(".csv").read_text("utf-8-sig").splitlines()[0] == "lot,origin,units,yield"


def test_many_rows_are_cut_and_paged_and_said_so(asking: Browser) -> None:
    ask(asking, "movement | sort execution")
    assert asking.text(".pager-range") == "1–50 of 240"
    assert asking.text(".answer-bar strong") == "240 rows"
    ask(asking, "event | select cross time, event | sort event", **{"v.q": '{"offset":1}'})
    assert asking.text(".answer-bar strong").endswith("rows")


def test_rows_come_live_and_a_lost_connection_goes_on(asking: Browser, directory: Path) -> None:
    ask(asking, EVENTS)
    before = dict(zip(column(asking, 1), column(asking, 2), strict=True))
    asking.click("[role=switch]")
    asking.wait(lambda: asking.all(".live-on"), "the connection")
    assert "live" in asking.path()
    seen(directory, 1)
    row = asking.named(".answer-table tr.row-changed", "defect")
    assert row.text.split() == ["changed", "defect", str(int(before["defect"]) + 1)]
    assert "1 changed" in asking.text(".answer-live")
    asking.driver.execute_script("window.sockets.at(-1).close()")
    asking.wait(lambda: asking.all(".live-lost"), "the connection to be lost")
    seen(directory, 2)
    asking.wait(lambda: asking.all(".live-on"), "the connection again")
    asking.named(".answer-table tr.row-changed", str(int(before["defect"]) + 2))
    asking.open(asking.path())
    asking.wait(lambda: asking.all(".live-on"), "a link to go on live")
    asking.click("[role=switch]")
    assert not asking.all(".answer-live")


def test_a_question_that_takes_long_is_given_up(asking: Browser) -> None:
    asking.open("/pages/questions?lang=en")
    slow = {"offline": False, "latency": 8_000, "downloadThroughput": -1, "uploadThroughput": -1}
    asking.driver.execute_cdp_cmd("Network.enable", {})
    asking.driver.execute_cdp_cmd("Network.emulateNetworkConditions", slow)
    try:
        asking.one(FIELD).send_keys("unit | count", Keys.ESCAPE, Keys.ENTER)
        asking.click(".ask-actions button", "Cancel")
        assert asking.named(".question [role=status]", "cancelled")
        assert asking.named(".ask-actions button", "Ask").is_enabled()
    finally:
        asking.driver.execute_cdp_cmd("Network.emulateNetworkConditions", slow | {"latency": 0})


def test_the_last_questions_are_kept_here(asking: Browser) -> None:
    ask(asking, EVENTS)
    asking.open("/pages/questions?lang=en")
    asking.click(".ask-recent summary")
    asking.click(".ask-recent button", EVENTS)
    asking.wait(lambda: column(asking, 1), "the answer")
    asking.click(".ask-recent summary")
    asking.click(".ask-forget")
    assert not asking.all(".ask-recent")


def test_in_chinese_and_on_a_phone(asking: Browser) -> None:
    asking.resize(PHONE)
    ask(asking, "单元[缺限 = 1] | 计数", "zh")
    assert "没有" in asking.text("[role=alert]")
    assert asking.driver.execute_script("return document.documentElement.scrollWidth") <= PHONE[0]
    box = asking.one(FIELD)
    box.send_keys(Keys.CONTROL, "a")
    box.send_keys("单元 | 计")
    asking.named(".ask-names li", "计数")
    box.send_keys(Keys.TAB, Keys.ESCAPE, Keys.ENTER)
    asking.wait(lambda: column(asking, 1) == ["60"], "the answer")
    assert asking.text(".answer-bar strong") == "1 行"


def test_an_empty_plant_says_what_to_do_first(fresh: Browser) -> None:
    fresh.open("/pages/questions?lang=en")
    assert "Import a file" in fresh.text(".ask-examples")
    assert not fresh.complaints()
