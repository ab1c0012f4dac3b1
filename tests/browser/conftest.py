"""Chromium on served plants: one plant with the demo's records, one empty plant per import."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import DESKTOP, PHONE, Browser, launch, missing
from served import Served, demo_plant, empty_plant, serve
from turning import turning_plant


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here drives a browser."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> None:
    """Skips where there is no Chromium; fails in CI, where there has to be one."""
    lack = missing()
    if lack and os.environ.get("CI") == "true":
        pytest.fail(lack)
    if lack:
        pytest.skip(lack)


@pytest.fixture(scope="session")
def plant(chromium: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The demo plant, served."""
    with serve(demo_plant(tmp_path_factory.mktemp("browser") / "plant")) as served:
        yield served


@pytest.fixture(scope="session")
def _desktop(plant: Served) -> Iterator[Browser]:
    with launch(plant.url, DESKTOP) as browser:
        browser.sign_in(plant.password)
        yield browser


@pytest.fixture(scope="session")
def _phone(plant: Served) -> Iterator[Browser]:
    with launch(plant.url, PHONE) as browser:
        browser.sign_in(plant.password)
        yield browser


@pytest.fixture
def desktop(_desktop: Browser, plant: Served) -> Browser:
    """A signed-in window of 1440 x 900; what it asked and said before is forgotten."""
    _desktop.sign_in(plant.password)
    _desktop.forget()
    return _desktop


@pytest.fixture
def phone(_phone: Browser, plant: Served) -> Browser:
    """A signed-in window of 390 x 844."""
    _phone.sign_in(plant.password)
    _phone.forget()
    return _phone


@pytest.fixture(scope="session")
def _shop(chromium: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Browser]]:
    where = turning_plant(tmp_path_factory.mktemp("turning") / "plant")
    with serve(where) as served, launch(served.url, DESKTOP) as browser:
        browser.sign_in(served.password)
        yield served, browser


@pytest.fixture
def shop(_shop: tuple[Served, Browser]) -> Iterator[Browser]:
    """A signed-in window of 1440 x 900 on a plant with measured values."""
    served, browser = _shop
    browser.sign_in(served.password)
    browser.forget()
    yield browser
    browser.resize(DESKTOP)


@pytest.fixture
def fresh(chromium: None, tmp_path: Path) -> Iterator[Browser]:
    """A signed-in window on an empty plant of its own."""
    with serve(empty_plant(tmp_path / "plant")) as served, launch(served.url, DESKTOP) as browser:
        browser.sign_in(served.password)
        browser.forget()
        yield browser
