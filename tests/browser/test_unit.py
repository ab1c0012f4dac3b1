"""From an affected unit to its record and genealogy."""

from chromium import Browser
from selenium.webdriver.common.keys import Keys


def test_an_affected_unit_opens_with_its_runs_in_the_graph(desktop: Browser) -> None:
    desktop.open("/pages/cause?lang=en&scope=s02")
    link = desktop.one(".widget-grid tbody a")
    unit = link.text
    desktop.click(".widget-grid tbody a", unit)
    assert desktop.path().startswith("/pages/unit")
    assert unit in desktop.text(".kpis")
    desktop.one(".gene.root")
    assert unit in desktop.text(".gene.root")
    cells = desktop.all(".gene.stack .cells button")
    assert len(cells) == 50, "fifty runs on one workpiece are one stack"
    assert desktop.all(".cell-bad")
    desktop.click(".cell-bad")
    details = desktop.text(".node-details")
    assert "NOK" in details
    assert "class_value" in details
    desktop.open(desktop.path())
    assert "NOK" in desktop.text(".node-details"), "the address keeps what was opened"


def test_an_id_nobody_knows_is_said_with_a_hint(desktop: Browser) -> None:
    desktop.open("/pages/unit?lang=en&id=U-404")
    alerts = desktop.texts("[role=alert]")
    assert alerts
    assert len(set(alerts)) == len(alerts), "each reason is said once"
    assert all("U-404" in alert for alert in alerts)


def test_without_an_id_the_page_asks_for_one(desktop: Browser) -> None:
    desktop.open("/pages/unit?lang=en")
    assert not desktop.all("[role=alert]")
    assert "needs" in desktop.text(".page-note")
    desktop.one("#param-id").send_keys("30000000009389", Keys.ENTER)
    desktop.one(".gene.root")
    assert "id=30000000009389" in desktop.path()


def test_a_page_that_does_not_exist_leads_back(desktop: Browser) -> None:
    desktop.open("/pages/nothing-here?lang=en")
    assert "nothing-here" in desktop.text("[role=alert]")
    desktop.click(".page-note a.button")
    assert desktop.path().startswith("/pages/overview")
