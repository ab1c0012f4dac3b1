"""The first page: figures, trend, Pareto, loads."""

from chromium import Browser


def test_it_shows_figures_charts_and_loads(desktop: Browser) -> None:
    desktop.open("/?lang=en")
    assert desktop.path().startswith("/pages/overview")
    assert len(desktop.all(".kpi")) >= 3
    assert any(character.isdigit() for character in desktop.text(".kpis"))
    assert len(desktop.all(".chart-canvas canvas")) == 2
    assert "s02_variations-in-surface-friction.csv" in desktop.text(".widget-grid")


def test_a_chart_can_be_read_as_a_table_and_the_address_remembers(desktop: Browser) -> None:
    desktop.open("/pages/overview?lang=en")
    desktop.click(".widget-chart .chart-switch", "Show as table")
    assert desktop.all(".widget-chart table tbody tr")
    desktop.open(desktop.path())
    assert desktop.all(".widget-chart table tbody tr")
    desktop.click(".widget-chart .chart-switch", "Show as chart")
    assert not desktop.all(".widget-chart table")


def test_the_language_changes_in_place_and_travels_with_the_address(desktop: Browser) -> None:
    desktop.open("/pages/overview?lang=en")
    assert "Overview" in desktop.text("h1")
    desktop.click(".language-switch button", "中文")
    assert "总览" in desktop.text("h1")
    assert "lang=zh" in desktop.path()
    assert desktop.driver.execute_script("return document.documentElement.lang") == "zh-CN"
    desktop.click(".rail nav a", "原因")
    assert "lang=zh" in desktop.path()
    desktop.driver.back()
    desktop.idle()
    assert "总览" in desktop.text("h1")


def test_a_filter_becomes_part_of_the_address_and_back_undoes_it(desktop: Browser) -> None:
    desktop.open("/pages/overview?lang=en")
    before = desktop.text(".kpis")
    field = desktop.one("#param-where")
    field.send_keys("scenario_condition = 'faulty'")
    desktop.click(".params button[type=submit]")
    desktop.wait(lambda: desktop.text(".kpis") != before, "other figures")
    assert "where=" in desktop.path()
    desktop.driver.back()
    desktop.idle()
    desktop.wait(lambda: desktop.text(".kpis") == before, "the first figures again")


def test_a_condition_that_is_not_valid_is_explained_once(desktop: Browser) -> None:
    desktop.open("/pages/overview?lang=en&where=no_such_column+%3D+1")
    told = desktop.texts("[role=alert]")
    assert len(told) == 1
    assert "no_such_column" in told[0]
    assert desktop.all(".rail nav a"), "the rest of the app stays"
    assert "s02_variations" in desktop.text(".widgets"), "what does not depend on it is still shown"
