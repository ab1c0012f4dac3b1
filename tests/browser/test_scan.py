"""A scanner in keyboard mode opens the unit that carries the code; labels look in a browser as on paper."""

from __future__ import annotations

import base64
from pathlib import Path

from chromium import Browser
from selenium.webdriver.common.keys import Keys

from assay.exchange.labels import captions, lay_out, make_symbol, read_codes, to_svg

UNIT = "30000000009389"
SEPARATOR = Keys.CONTROL + "]" + Keys.NULL  # what a scanner types for FNC1


def test_a_scan_of_a_gs1_code_opens_its_unit(desktop: Browser) -> None:
    desktop.open("/pages/unit?lang=en")
    desktop.one("#param-id").send_keys("]d2010950600013435210LOT", SEPARATOR, "21", UNIT, Keys.ENTER)
    desktop.one(".gene.root")
    assert f"id=unit%3A{UNIT}" in desktop.path()
    assert UNIT in desktop.text(".kpis")
    assert not desktop.all("[role=alert]")


def test_a_code_that_was_read_wrongly_is_said_and_the_next_scan_replaces_it(desktop: Browser) -> None:
    desktop.open("/pages/unit?lang=en")
    desktop.one("#param-id").send_keys("(01)09506000134353(21)", UNIT, Keys.ENTER)
    assert "has to be 2" in desktop.one("[role=alert]").text
    assert "id=" not in desktop.path()
    desktop.driver.execute_script("document.activeElement.blur()")
    desktop.one("#param-id").click()
    desktop.one("#param-id").send_keys("https://example.com/01/09506000134352/21/", UNIT, Keys.TAB)
    desktop.one(".gene.root")
    assert f"id=unit%3A{UNIT}" in desktop.path()
    assert not desktop.all("[role=alert]")


def test_a_label_in_a_browser_reads_as_what_was_asked(desktop: Browser, tmp_path: Path) -> None:
    symbols = [
        make_symbol("gs1-datamatrix", "(01)09506000134352(10)A(21)B"),
        make_symbol("gs1-128", "(01)09506000134352(10)A"),
        make_symbol("digital-link", "(01)09506000134352(21)B"),
    ]
    pages = "".join(f"<div>{to_svg(lay_out(one, captions(one, 'zh')))}</div>" for one in symbols)
    page = tmp_path / "labels.html"
    page.write_text(
        f'<!doctype html><meta charset="utf-8"><style>svg{{width:480px;height:240px}}</style>{pages}', "utf-8"
    )
    desktop.driver.get(page.as_uri())
    picture = base64.b64decode(desktop.driver.get_screenshot_as_base64())
    assert {one.text for one in read_codes(picture)} == {one.data for one in symbols}
