"""The page of scans: filters, figures by day, country and place, and the oddest codes first; not public."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from assay.api import ApiSettings, create_app
from assay.apps import Questions, Runtime
from assay.apps.payloads import PageQuestion
from assay.model.consumer import ScanPolicy
from assay.store.scans import Scan, ScanLog, Whereabouts
from assay.store.workspace import Workspace

BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(days=10)
LINK = "https://id.gs1.org/01/09506000134352/21/"
PARIS, LYON, TOKYO = (
    Whereabouts("FR", 48.8566, 2.3522),
    Whereabouts("FR", 45.76, 4.84),
    Whereabouts("JP", 35.68, 139.69),
)


def keep_scans(workspace: Workspace) -> None:
    """Five scans of three codes on four days: one code far apart and sold elsewhere, one never issued."""
    log = ScanLog(workspace.registry, ScanPolicy())
    scans = (
        ("U1", 0, "d1", PARIS, "recorded", ()),
        ("U1", 1, "d2", TOKYO, "recorded", ("far-apart", "outside")),
        ("U2", 2, "d3", LYON, "recorded", ()),
        ("U2", 2, "d1", Whereabouts(), "recorded", ()),
        ("X9", 4, "d4", PARIS, "unknown", ("unknown",)),
    )
    for serial, day, device, where, standing, hints in scans:
        one = Scan(LINK + serial, BEGAN + timedelta(days=day), standing, "unit", serial, device, where)  # type: ignore[arg-type]
        log.add(one, lambda _, hints=hints: hints, since=BEGAN)  # type: ignore[misc]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "plant") as made:
        keep_scans(made)
        yield made


def answer(workspace: Workspace, **params: Any) -> dict[str, Any]:
    runtime = Runtime(Questions(workspace))
    found: dict[str, Any] = runtime.evaluate("scans", PageQuestion(params=params)).model_dump(mode="json")
    return found["data"]  # type: ignore[no-any-return]


def figures(found: dict[str, Any]) -> dict[str, Any]:
    return {item["id"]: item["value"] for item in found["summary"]["items"]}


def subjects(found: dict[str, Any]) -> list[str]:
    return [row["subject"] for row in found["codes"]["rows"]]


def test_the_page_counts_scans_and_puts_the_oddest_codes_first(workspace: Workspace) -> None:
    found = answer(workspace)

    counted = figures(found)
    assert (counted["scans"], counted["codes"], counted["devices"]) == (5, 3, 4)
    assert [counted[kind] for kind in ("unknown", "often", "far-apart", "outside")] == [1, 0, 1, 1]
    assert subjects(found) == ["U1", "X9", "U2"]
    first = found["codes"]["rows"][0]
    assert first["hints"] == {"zh": "相距过远、区域之外", "en": "too far apart, outside its region"}
    assert first["countries"] == "FR, JP"
    assert [row["subject"] for row in found["scans"]["rows"]][::4] == ["X9", "U1"], "the latest first"
    assert found["scans"]["rows"][0]["standing"] == {"zh": "未知", "en": "unknown"}
    days = {series["name"]["en"]: [y for _, y in series["points"]] for series in found["days"]["series"]}
    assert days == {"Nothing odd": [1, 0, 2, 0, 0], "With a hint": [0, 1, 0, 0, 1]}
    countries = [x for x, _ in found["countries"]["series"][0]["points"]]
    assert countries[0] == "FR"
    assert set(countries) == {"FR", "JP", "–"}
    places = {series["name"]["en"]: series["points"] for series in found["places"]["series"]}
    assert places["too far apart"] == [[139.7, 35.7]]
    assert places["Nothing odd"] == [[2.4, 48.9], [4.8, 45.8]]


@pytest.mark.parametrize(
    ("params", "kept"),
    [
        ({"hint": "any"}, ["U1", "X9"]),
        ({"hint": "unknown"}, ["X9"]),
        ({"hint": "often"}, []),
        ({"country": "jp"}, ["U1"]),
        ({"days": "7"}, ["X9"]),
        ({"of": "U2"}, ["U2"]),
        ({"of": "https://quality.example/u/01/09506000134352/21/U1"}, ["U1"]),
    ],
    ids=str,
)
def test_scans_are_filtered(workspace: Workspace, params: dict[str, Any], kept: list[str]) -> None:
    found = answer(workspace, **params)
    assert sorted(subjects(found)) == kept
    assert sorted({row["subject"] for row in found["scans"]["rows"]}) == kept
    if not kept:
        assert found["scans"]["note"]["en"]
        assert found["days"]["series"] == []


@pytest.mark.parametrize("params", [{"days": "0"}, {"days": "many"}, {"hint": "odd"}], ids=str)
def test_a_wrong_filter_is_refused_by_name(workspace: Workspace, params: dict[str, Any]) -> None:
    (name,) = params
    for binding in answer(workspace, **params).values():
        assert name in binding["error"]["message"]["en"]


def test_nobody_sees_the_page_without_signing_in(workspace: Workspace) -> None:
    served = create_app(workspace.path, settings=ApiSettings())
    try:
        stranger = TestClient(served, base_url="http://127.0.0.1:8080", raise_server_exceptions=False)
        assert stranger.get("/api/pages/scans").status_code == 401
        assert stranger.post("/api/pages/scans/data", json={"params": {}}).status_code in {401, 403}
    finally:
        served.state.services.close()
