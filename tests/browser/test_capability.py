"""The capability and monitoring pages on measured values."""

from __future__ import annotations

from chromium import PHONE, Browser
from selenium.webdriver.common.keys import Keys
from test_chart import figure

DIAMETER = "/pages/capability?lang=en&target=diameter&subgroup=lot"


def test_the_specification_comes_from_the_master_data(shop: Browser) -> None:
    shop.open(DIAMETER)
    assert (figure(shop, "LSL"), figure(shop, "USL")) == ("9.9", "10.1")
    assert float(figure(shop, "Cpk")) > float(figure(shop, "Ppk")) > 0
    assert "95 % CI" in shop.named(".kpi", "Cpk").text
    assert "D-1" in shop.text(".widget-markdown")
    assert "The xbar_r chart flags" in shop.text(".widget-markdown"), "not stable is said before the pictures"
    assert len(shop.all(".plot-panel")) == 6
    assert not shop.all("[role=alert]")
    assert not shop.complaints()


def test_typed_limits_hold_alone(shop: Browser) -> None:
    shop.open("/pages/capability?lang=en&target=length")
    alert = shop.one("[role=alert]")
    assert "no specification for 'length'" in alert.text
    assert len(set(shop.texts("[role=alert]"))) == 1
    assert shop.all(".params"), "the filters stay, so that limits can be typed"
    shop.one("#param-lsl").send_keys("49.5")
    shop.one("#param-usl").send_keys("50.6", Keys.ENTER)
    shop.wait(lambda: not shop.all("[role=alert]"), "the study")
    assert (figure(shop, "LSL"), figure(shop, "USL")) == ("49.5", "50.6")
    assert "usl=50.6" in shop.path()
    assert "given above" in shop.text(".widget-markdown")


def test_limits_the_wrong_way_round_are_refused_with_their_numbers(shop: Browser) -> None:
    shop.open("/pages/capability?lang=en&target=length&lsl=51&usl=49")
    told = shop.text("[role=alert]")
    assert "51" in told
    assert "49" in told


def test_without_a_characteristic_the_page_asks_for_one(shop: Browser) -> None:
    shop.open("/pages/capability?lang=en")
    assert not shop.all("[role=alert]")
    assert "needs" in shop.text(".page-note")
    shop.one("#param-target").send_keys("diameter", Keys.ENTER)
    shop.wait(lambda: shop.all(".plot-panel"), "the sixpack")


def test_capability_in_chinese(shop: Browser) -> None:
    shop.open(DIAMETER.replace("lang=en", "lang=zh"))
    assert shop.text("h1") == "过程能力"
    assert "过程不受控" in shop.text(".widget-markdown")
    assert figure(shop, "规格下限") == "9.9"


def test_capability_on_a_phone(shop: Browser) -> None:
    shop.resize(PHONE)
    shop.open(DIAMETER)
    assert shop.driver.execute_script("return document.documentElement.scrollWidth") <= 390
    tops = [panel.location["y"] for panel in shop.all(".plot-panel")]
    assert tops == sorted(set(tops)), "one panel below the other"


def test_monitoring_names_the_shaft_that_no_single_chart_shows(shop: Browser) -> None:
    shop.open("/pages/monitor?lang=en&phase1=150")
    items = shop.texts(".kpi dt")
    at = items.index("False alarms, nominal")
    assert items[at + 1] == "False alarms, realised"
    assert figure(shop, "Phase I rows") == "150"
    assert shop.texts(".plot-panel figcaption") == ["T²", "SPE"]
    assert "Limits from blocked cross-validation" in shop.text(".plot .widget-foot")
    assert shop.text(".widget-grid tbody td") == "S153", "in the order of time"
    shop.click(".widget-grid .pager .icon-button:last-of-type")
    row = shop.named(".widget-grid tbody tr", "S190")
    assert "length (" in row.text
    shop.click(".widget-grid tbody a", "S190")
    assert shop.path().startswith("/pages/unit")
    assert "id=S190" in shop.path()


def test_monitoring_needs_two_characteristics(shop: Browser) -> None:
    shop.open("/pages/monitor?lang=en&characteristics=length")
    assert "two measured characteristics or more" in shop.text("[role=alert]")
    field = shop.one("#param-characteristics")
    field.clear()
    field.send_keys("length, diameter", Keys.ENTER)
    shop.wait(lambda: not shop.all("[role=alert]"), "the model")
    assert figure(shop, "Characteristics") == "length, diameter"


def test_monitoring_in_chinese_and_on_a_phone(shop: Browser) -> None:
    shop.resize(PHONE)
    shop.open("/pages/monitor?lang=zh")
    assert "实际误报率" in shop.text(".kpis")
    assert "分块交叉验证" in shop.text(".plot .widget-foot")
    assert shop.driver.execute_script("return document.documentElement.scrollWidth") <= 390
