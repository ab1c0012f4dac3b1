"""From a code on a product to its page, on a telephone, in Chinese, without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import PHONE, Browser, launch
from selenium.webdriver.common.by import By
from served import serve
from tests.consumer_plant import GTIN, MARK, consumer_plant

UNIT = f"/u/01/{GTIN}/21/U%2F1"


@pytest.fixture
def telephone(chromium: None, tmp_path: Path) -> Iterator[Browser]:
    """A stranger's telephone that speaks Chinese and runs no script."""
    consumer_plant(tmp_path / "plant").close()
    with serve(tmp_path / "plant") as served, launch(served.url, PHONE) as browser:
        browser.driver.execute_cdp_cmd("Network.enable", {})
        headers = {"headers": {"Accept-Language": "zh-CN,zh;q=0.9"}}
        browser.driver.execute_cdp_cmd("Network.setExtraHTTPHeaders", headers)
        browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        yield browser


def fits(browser: Browser) -> bool:
    """Whether nothing is wider than the screen."""
    return all(
        element.rect["x"] >= 0 and element.rect["x"] + element.rect["width"] <= PHONE[0] + 0.5
        for element in browser.driver.find_elements(By.CSS_SELECTOR, "main *")
    )


def test_a_stranger_scans_a_code(telephone: Browser, tmp_path: Path) -> None:
    telephone.driver.get(telephone.url + UNIT)
    page = telephone.text("main")
    assert telephone.text("h1") == "轴承齿轮"
    for said in ("齿轮厂有此产品的记录", "铁粉 · 瑞典", "苏州", "10.05 mm", "合格", "90 天后删除"):
        assert said in page
    assert MARK not in telephone.driver.page_source
    assert fits(telephone)
    telephone.driver.save_screenshot(str(tmp_path / "known.png"))

    telephone.one("nav a").click()
    telephone.wait(lambda: telephone.text("h1") == "Bearing gear", "the page in English")
    assert "Gear Works has records of this item." in telephone.text("main")
    telephone.one("nav a").click()
    telephone.wait(lambda: telephone.text("h1") == "轴承齿轮", "the page in Chinese")

    telephone.driver.get(telephone.url + f"/u/01/{GTIN}/21/" + "G000009")
    assert "从未为该产品发出此编号" in telephone.text(".verdict.bad")
    assert fits(telephone)
    telephone.driver.save_screenshot(str(tmp_path / "unknown.png"))
    telephone.driver.get(telephone.url + "/u/01/09506000134353/21/" + "W" * 60)
    assert telephone.text("h1") == "无法识别此码"
    assert fits(telephone)
    assert telephone.hosts() == {telephone.url.removeprefix("http://")}
