"""The built web app is served with the right caching, and nothing outside its folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from assay.api.static_files import static_router


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<title>app</title>", "utf-8")
    (static / "favicon.svg").write_text("<svg/>", "utf-8")
    (static / "assets/index-Bq81xYz_.js").write_text("let a", "utf-8")
    (tmp_path / "secret.txt").write_text("secret", "utf-8")
    return static


def browser(folder: Path) -> TestClient:
    app = FastAPI()
    app.include_router(static_router(folder))
    return TestClient(app)


@pytest.mark.parametrize("address", ["/", "/cause", "/unit?id=U-1", "/deep/link", "/p/a.b"])
def test_every_page_address_is_the_app(folder: Path, address: str) -> None:
    answer = browser(folder).get(address)
    assert answer.text == "<title>app</title>"
    assert answer.headers["cache-control"] == "no-cache"


def test_hashed_files_are_kept_forever(folder: Path) -> None:
    answer = browser(folder).get("/assets/index-Bq81xYz_.js")
    assert "immutable" in answer.headers["cache-control"]
    assert "javascript" in answer.headers["content-type"]
    assert browser(folder).get("/favicon.svg").headers["cache-control"] == "no-cache"


def test_a_missing_asset_is_missing(folder: Path) -> None:
    assert browser(folder).get("/assets/gone-12345678.js").status_code == 404


@pytest.mark.parametrize(
    "address", ["/..%2fsecret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt", "/%00"]
)
def test_nothing_outside_the_folder_is_served(folder: Path, address: str) -> None:
    assert "secret" not in browser(folder).get(address).text


@pytest.mark.parametrize("address", ["/api", "/api/", "/api/none"])
def test_the_api_is_not_shadowed(folder: Path, address: str) -> None:
    assert browser(folder).get(address).status_code == 404


def test_without_a_build_the_page_says_how_to_make_one(tmp_path: Path) -> None:
    answer = browser(tmp_path / "nothing").get("/")
    assert answer.status_code == 503
    assert "make setup" in answer.text
    assert "尚未构建" in answer.text
