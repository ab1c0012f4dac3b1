"""The page of alarms: figures, filters, where each leads, and the proof that it was raised."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.integration.evidence_plant import state

from assay.analyse.alarms import Alarm, By, Severity, alarms, record_alarms
from assay.api import ApiSettings, create_app, ensure_administrator
from assay.api.auth import CSRF_HEADER
from assay.apps import Questions, Runtime
from assay.apps.payloads import PageQuestion
from assay.store.plant_evidence import bring_up_to_date
from assay.store.workspace import Workspace

__all__ = ["state"]

NOW = datetime.now(UTC).replace(microsecond=0)
LOG = "partner.example/main"
RULES = """
version: 1
alarms:
  diameter: {chart: {target: diameter, phase1: [0, 20]}}
  both: {monitor: {characteristics: [diameter, length], phase1: [0, 100]}}
"""


def raise_alarms(workspace: Workspace) -> None:
    """One alarm found in each way, the eldest forty days ago."""
    raised: tuple[tuple[By, str, str | None, int, Severity], ...] = (
        ("chart", "diameter", "u30", 40, "warning"),
        ("monitor", "both", "u119", 3, "warning"),
        ("scan", "far-apart", "U1", 2, "warning"),
        ("log", "fork", LOG, 1, "critical"),
    )
    (workspace.path / "model.yaml").write_text(RULES)
    workspace.apply_model()
    record_alarms(
        workspace,
        [
            Alarm(by, rule, subject, None, NOW - timedelta(days=days), severity, f"figures of {rule}", rule)
            for by, rule, subject, days, severity in raised
        ],
    )
    if workspace.evidence.on:
        bring_up_to_date(workspace)


@pytest.fixture
def workspace(state: Path, tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "plant", name="Turning", log=True) as made:
        raise_alarms(made)
        yield made


def answer(workspace: Workspace, **params: Any) -> dict[str, Any]:
    runtime = Runtime(Questions(workspace))
    found: dict[str, Any] = runtime.evaluate("alarms", PageQuestion(params=params)).model_dump(mode="json")
    return found["data"]  # type: ignore[no-any-return]


def rules(found: dict[str, Any]) -> list[str]:
    return [row["rule"] for row in found["alarms"]["rows"]]


def test_alarms_are_counted_and_lead_to_what_they_are_about(workspace: Workspace) -> None:
    found = answer(workspace)
    counted = {item["id"]: (item["value"], item["tone"]) for item in found["summary"]["items"]}
    assert counted["alarms"][0] == 4
    assert counted["critical"] == (1, "bad")
    assert counted["last_day"][0] == 4, "when they were found, not when it happened"
    assert [counted[by][0] for by in ("chart", "monitor", "scan", "log")] == [1, 1, 1, 1]
    fork, scan, both, diameter = found["alarms"]["rows"]
    assert fork["severity"] == {"zh": "严重", "en": "critical"}
    assert (fork["subject"], fork["log"]) == (None, LOG), "a log has no page of units"
    assert (scan["subject"], scan["chart"], scan["monitor"]) == ("U1", None, None)
    assert (both["subject"], both["monitor"]) == ("u119", "diameter,length")
    assert (diameter["subject"], diameter["chart"]) == ("u30", "diameter")
    assert diameter["figures"] == "figures of diameter"
    links = {column["field"]: column["link"] for column in found["alarms"]["columns"] if column["link"]}
    assert links == {"subject": "unit", "chart": "chart", "monitor": "monitor", "proof": "proof"}


@pytest.mark.parametrize(
    ("params", "kept"),
    [
        ({"by": "monitor"}, ["both"]),
        ({"subject": f" {LOG} "}, ["fork"]),
        ({"days": "30"}, ["fork", "far-apart", "both"]),
        ({"days": "30", "by": "chart"}, []),
    ],
    ids=str,
)
def test_alarms_are_filtered(workspace: Workspace, params: dict[str, Any], kept: list[str]) -> None:
    found = answer(workspace, **params)
    assert rules(found) == kept
    assert found["summary"]["items"][0]["value"] == len(kept)
    assert bool(found["alarms"]["note"]) is not bool(kept)
    fields = {column["field"] for column in found["alarms"]["columns"]}
    assert ("log" in fields) is ("fork" in kept), "a column that nothing fills is left out"


def test_a_rule_that_is_gone_leads_nowhere(workspace: Workspace) -> None:
    (workspace.path / "model.yaml").write_text("version: 1\n")
    workspace.apply_model()
    found = answer(workspace, by="chart")
    assert rules(found) == ["diameter"]
    assert "chart" not in found["alarms"]["rows"][0]


@pytest.mark.parametrize("params", [{"days": "0"}, {"by": "nobody"}], ids=str)
def test_a_wrong_filter_is_refused_by_name(workspace: Workspace, params: dict[str, Any]) -> None:
    (name,) = params
    for binding in answer(workspace, **params).values():
        assert name in binding["error"]["message"]["en"]


def test_each_alarm_is_proved_by_its_entry(workspace: Workspace) -> None:
    entries = [row["proof"] for row in answer(workspace)["alarms"]["rows"]]
    assert [one.entry for one in alarms(workspace)] == entries
    assert len({*entries}) == 4
    with TestClient(create_app(workspace.path, settings=ApiSettings()), base_url="http://localhost") as one:
        login = one.post("/api/login", json={"password": ensure_administrator(workspace)})
        one.headers[CSRF_HEADER] = login.json()["csrf"]
        listed = one.get("/api/alarms", params={"by": "log"}).json()
        assert [card["entry"] for card in listed] == entries[:1]
        proof = one.get(f"/api/proof/{entries[0]}")
        assert proof.status_code == 200
        assert proof.text.startswith("c2sp.org/tlog-proof@v1")


def test_without_a_log_there_is_nothing_to_prove(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "plain", name="Plain") as plain:
        raise_alarms(plain)
        assert [one.entry for one in alarms(plain)] == [None] * 4
        assert "proof" not in answer(plain)["alarms"]["rows"][0]


def test_an_empty_plant_says_how_alarms_come_about(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "empty", name="Empty") as empty:
        found = answer(empty)
        assert found["alarms"]["total"] == 0
        assert "model.yaml" in found["alarms"]["note"]["zh"]
