"""The page Contracts: a company joins by a form, prepares what it signs elsewhere; no key is asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import yaml
from chromium import DESKTOP, PHONE, Browser, launch
from served import Served, empty_plant, serve
from tests.anvil_node import KEY, Anvil, anvil
from tests.integration.test_chain_cli import plant

from assay.cli.app import run

AUTHORITY = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


@pytest.fixture(scope="module")
def node() -> Iterator[Anvil]:
    with anvil(chain_id=31337) as running:
        yield running


@pytest.fixture(scope="module")
def chained(chromium: None, node: Anvil, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    directory = empty_plant(tmp_path_factory.mktemp("contracts") / "plant")
    plant(node, directory, KEY)
    assert run(["chain", "deploy", str(directory)]) == 0
    with serve(directory) as served:
        yield served


@pytest.fixture(scope="module")
def browser(chained: Served) -> Iterator[Browser]:
    with launch(chained.url, DESKTOP) as one:
        one.sign_in(chained.password)
        yield one


def sends(served: Served, yes: bool) -> None:
    file = served.directory / "chain/settings.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text("utf-8")) | {"server_sends": yes}), "utf-8")


def test_a_filled_in_form_becomes_a_transaction_to_sign_elsewhere(chained: Served, browser: Browser) -> None:
    sends(chained, False)
    browser.open("/pages/contracts?lang=en")
    assert "only prepares" in browser.text(".contract-desk")
    assert "Purchase order" in browser.text(".contract-templates")
    card = next(one for one in browser.all(".contract-templates li") if "inspector-registry/1" in one.text)
    card.find_element("css selector", "button").click()
    browser.one("#contract-authority").send_keys(AUTHORITY)
    browser.click(".contract-form button", "Prepare")
    unsigned = json.loads(browser.text(".contract-desk pre"))
    assert unsigned["chainId"] == 31337
    assert unsigned["data"].startswith("0x")
    assert not browser.all("input[type=password]")


def test_where_the_server_sends_the_contract_is_there_with_what_may_be_done_next(
    chained: Served, browser: Browser
) -> None:
    sends(chained, True)
    browser.open("/pages/contracts?lang=en")
    card = next(one for one in browser.all(".contract-templates li") if "inspector-registry/1" in one.text)
    card.find_element("css selector", "button").click()
    browser.one("#contract-authority").send_keys(AUTHORITY)
    browser.click(".contract-form button", "Sign and send")
    assert AUTHORITY in browser.text(".contract-card")
    browser.click(".contract-steps button", "Appoint")
    browser.one("#contract-inspector").send_keys("0x1")
    browser.one("#contract-until").send_keys("1900000000")
    browser.click(".contract-form button", "Sign and send")
    assert "0x1" in browser.text("[role=alert]")
    browser.open("/pages/contracts?lang=en")
    assert len(browser.all(".contract-desk tbody tr")) == 1


def test_on_a_phone_in_chinese(chained: Served) -> None:
    with launch(chained.url, PHONE) as phone:
        phone.sign_in(chained.password)
        phone.open("/pages/contracts?lang=zh")
        assert "采购订单" in phone.text(".contract-templates")
        order = next(one for one in phone.all(".contract-templates li") if "purchase-order/1" in one.text)
        order.find_element("css selector", "button").click()
        assert "买方账户" in phone.text(".contract-form")
        assert phone.driver.execute_script("return document.documentElement.scrollWidth") <= PHONE[0]
        assert not [said for said in phone.complaints() if "/api/session" not in said]
