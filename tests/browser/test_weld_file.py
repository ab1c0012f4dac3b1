"""The page Weld file: the passes of a joint, what the gate said of each, and the records around them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from chromium import DESKTOP, PHONE, Browser, launch
from served import Served, serve, welded_plant
from test_everywhere import _LOW_CONTRAST, _STICKING_OUT, _UNNAMED, CHINESE

from assay.sim.welding import Shop


@dataclass(frozen=True)
class Yard:
    """A welding shop that is served, and what really happened in it."""

    served: Served
    shop: Shop

    @property
    def breach(self) -> str:
        """A pass that was not in order."""
        return sorted(self.shop.truth.breaches)[0]

    @property
    def joint(self) -> str:
        """The joint it belongs to."""
        return next(str(row["joint"]) for row in self.shop.passes if row["execution"] == self.breach)


@pytest.fixture(scope="module")
def yard(chromium: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    folder = tmp_path_factory.mktemp("yard")
    shop = welded_plant(folder / "plant")
    with serve(folder / "plant") as served:
        yield Yard(served, shop)


@pytest.fixture(scope="module")
def browser(yard: Yard) -> Iterator[Browser]:
    with launch(yard.served.url, DESKTOP) as one:
        one.sign_in(yard.served.password)
        yield one


def row(browser: Browser, section: str, start: str) -> str:
    """The text of the row of a table that begins with ``start``."""
    found = [one.text for one in browser.all(f"{section} tbody tr") if one.text.startswith(start)]
    assert found, f"{section} has no row of {start}"
    return "\n".join(found)


def test_each_pass_shows_what_held_and_what_the_gate_said(browser: Browser, yard: Yard) -> None:
    browser.open(f"/pages/weld-file?lang=en&id={yard.joint}")
    assert "Nonconforming" in browser.text(".unit-file-head")
    written = [one for one in yard.shop.passes if one["joint"] == yard.joint]
    assert len(browser.all("#file-passes tbody tr")) == len(written)
    refused = row(browser, "#file-passes", yard.breach)
    assert "not in order" in refused
    assert "ISO 9606-1" in refused
    said = row(browser, "#file-gate", yard.breach)
    assert "refused" in said.lower()
    assert "kJ/mm" in row(browser, "#file-parameters", yard.breach)
    assert browser.text("#file-steps")


def test_a_pass_that_was_in_order_is_accepted(browser: Browser, yard: Yard) -> None:
    right = next(one for one in yard.shop.passes if one["execution"] not in yard.shop.truth.breaches)
    browser.open(f"/pages/weld-file?lang=en&id={right['joint']}")
    assert "in order" in row(browser, "#file-passes", right["execution"])
    assert "not in order" not in row(browser, "#file-passes", right["execution"])
    assert "accepted" in row(browser, "#file-gate", right["execution"])


def test_pdf_and_json_are_downloaded_and_the_unit_file_is_a_click_away(browser: Browser, yard: Yard) -> None:
    browser.open(f"/pages/weld-file?lang=en&id={yard.joint}")
    browser.click(".unit-file-actions a", "PDF")
    assert browser.downloaded(".pdf").read_bytes().startswith(b"%PDF-")
    browser.click(".unit-file-actions a", "JSON")
    document = json.loads(browser.downloaded(".json").read_text("utf-8"))
    assert document["format"] == "assay-weld-file-1"
    assert document["hash"] in browser.text(".unit-file-hash")
    browser.click(".unit-file-actions a", "Unit file")
    assert urlsplit(browser.path()).path == "/pages/unit-file"
    assert yard.joint in browser.text(".unit-file-head")
    assert not browser.all("#file-passes")
    browser.click(".unit-file-actions a", "Weld file")
    assert urlsplit(browser.path()).path == "/pages/weld-file"
    browser.one("#file-passes")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_is_quiet_contained_and_readable(browser: Browser, yard: Yard, language: str) -> None:
    browser.forget()
    browser.open(f"/pages/weld-file?lang={language}&id={yard.joint}")
    assert browser.hosts() <= {yard.served.url.removeprefix("http://")}
    assert not browser.complaints()
    for script in (_STICKING_OUT, _LOW_CONTRAST, _UNNAMED):
        assert not browser.driver.execute_script(script)
    headings = browser.texts("h1, h3, th")
    chinese = [bool(CHINESE.search(text)) for text in headings if text not in {"", "#"}]
    assert all(chinese) if language == "zh" else not any(chinese)


def test_what_was_not_welded_is_said(browser: Browser) -> None:
    browser.open("/pages/weld-file?lang=zh&id=WIRE-1")
    assert "WIRE-1" in browser.text("[role=alert]")


def test_on_a_phone_in_chinese(yard: Yard) -> None:
    with launch(yard.served.url, PHONE) as phone:
        phone.sign_in(yard.served.password)
        phone.open(f"/pages/weld-file?lang=zh&id={yard.joint}")
        assert "焊道" in phone.text("#file-passes")
        assert "焊工、考试" in phone.text("#file-passes")
        assert "拒绝" in row(phone, "#file-gate", yard.breach)
        assert "热输入" in phone.text("#file-parameters")
        assert phone.driver.execute_script("return document.documentElement.scrollWidth") <= PHONE[0]
        assert not [said for said in phone.complaints() if "/api/session" not in said]
