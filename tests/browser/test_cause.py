"""The cause page: from the ranked list to the evidence in a file."""

import csv

from chromium import Browser

S02 = "/pages/cause?lang=en&scope=s02"


def _names(browser: Browser) -> list[str]:
    return browser.texts(".cause-name")


def test_the_first_cause_of_the_friction_scenario_is_shown_with_its_interval(desktop: Browser) -> None:
    desktop.open(S02)
    levels = [name for name in _names(desktop) if " = " in name]
    assert "202_lubricant-oil-based" in levels[0]
    first = desktop.one(".cause")
    assert "95 % CI" in first.text
    assert "units" in first.text
    assert first.find_elements("css selector", ".interval-ci")
    assert "chosen" in str(first.get_attribute("class")), "the strongest cause is shown without a click"


def test_what_is_selected_is_followed_and_kept_in_the_address(desktop: Browser) -> None:
    desktop.open(S02)
    rows = desktop.text(".widgets > .widget-grid:last-child")
    desktop.click(".cause-name", _names(desktop)[1].split("\n")[0])
    assert "s.selection" in desktop.path()
    desktop.wait(lambda: desktop.text(".widgets > .widget-grid:last-child") != rows, "other evidence rows")
    chosen = desktop.text(".cause.chosen .cause-name")
    desktop.open(desktop.path())
    assert desktop.text(".cause.chosen .cause-name") == chosen
    desktop.driver.back()


def test_evidence_opens_and_downloads(desktop: Browser) -> None:
    desktop.open(S02)
    desktop.click(".cause-evidence")
    desktop.one("dialog[open] tbody tr")
    shown = desktop.all("dialog[open] tbody tr")
    assert shown
    desktop.click("dialog[open] .evidence-actions a", "evidence rows")
    evidence = desktop.downloaded()
    with evidence.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert len(rows) > len(shown)
    assert any("NOK" in row for row in rows[1:])
    evidence.unlink()
    desktop.click("dialog[open] .evidence-actions a", "affected units")
    affected = desktop.downloaded()
    assert affected.read_text("utf-8-sig").count("\n") > 1
    affected.unlink()
    desktop.click("dialog[open] header .icon-button")
    desktop.wait(lambda: not desktop.all("dialog[open]"), "the dialog to close")


def test_rows_are_paged_on_the_server(desktop: Browser) -> None:
    desktop.open(S02)
    grid = ".widgets > .widget-grid:last-child"
    first = desktop.text(f"{grid} tbody tr")
    desktop.click(f"{grid} .pager .icon-button:last-of-type")
    desktop.wait(lambda: desktop.text(f"{grid} tbody tr") != first, "the next rows")
    assert "26" in desktop.text(f"{grid} .pager-range")
    desktop.open(desktop.path())
    assert "26" in desktop.text(f"{grid} .pager-range"), "the address keeps the place"


def test_too_little_evidence_is_a_calm_answer(desktop: Browser) -> None:
    desktop.open(
        "/pages/cause?lang=en&scope=s02&where=class_value+%3D+%27001_control-group%27+AND+workpiece_usage+%3D+3"
    )
    assert "Insufficient evidence" in desktop.text(".verdict-calm")
    assert not desktop.all("[role=alert]")
    desktop.click(".language-switch button", "中文")
    assert "证据不足" in desktop.text(".verdict-calm")
    desktop.click(".language-switch button", "EN")
