"""Bridges and mixtures are recorded by whoever is logged in: rows, traces, evidence, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from evidence_plant import batches, logging_plant, state
from fastapi.testclient import TestClient
from tests.integration.test_mixing import MOVEMENTS
from tests.integration.test_trace import store

from assay.api import create_app, ensure_administrator
from assay.api.auth import CSRF_HEADER
from assay.model.kinds import RecordKind
from assay.plant import Plant
from assay.sim.furnace import Furnace
from assay.sim.powder import PowderPlan, powder_line
from assay.store.workspace import Workspace

__all__ = ["state"]

SILO: dict[str, Any] = {"segment": "silo", "model": "first-in-first-out"}
FURNACE: dict[str, Any] = {
    "segment": "sinter",
    "residence": "3600",
    "tolerance": "120",
    "by_carrier": "false",
}


@pytest.fixture
def plant(state: Path, tmp_path: Path) -> Iterator[Workspace]:
    with logging_plant(tmp_path / "plant") as made:
        powder_line(PowderPlan(pieces=40, furnace=Furnace(jitter=1.0, noise=1.0)), seed=4).write(made)
        store(made, RecordKind.MOVEMENT, MOVEMENTS, "silo")
        yield made


@pytest.fixture
def client(plant: Workspace) -> Iterator[TestClient]:
    with TestClient(create_app(plant.path), base_url="http://localhost") as one:
        answer = one.post("/api/login", json={"password": ensure_administrator(plant)})
        one.headers[CSRF_HEADER] = answer.json()["csrf"]
        yield one


def recorded(plant: Workspace, source: str) -> list[dict[str, Any]]:
    columns = "epoch, execution, subject, quantity, corrected_by"
    asked = f"SELECT {columns} FROM movement WHERE source = $source"
    rows: list[dict[str, Any]] = plant.lake.query(asked, {"source": source}).to_pylist()
    return rows


def lots_of(plant: Workspace, unit: str) -> set[str]:
    return {node.id for node in Plant(plant).trace(unit, direction="back").nodes if node.kind == "lot"}


def test_a_mixture_is_recorded_once_by_who_is_logged_in_and_traces_carry_it(
    plant: Workspace, client: TestClient
) -> None:
    assert "L2" not in lots_of(plant, "U2")
    first = client.post("/api/record/mix", json=SILO).json()
    assert first == {"rows": 5, "edges": 3, "by": "administrator"}
    assert {"L1", "L2"} <= lots_of(plant, "U2")
    rows = recorded(plant, "mixing")
    assert len(rows) == 5
    who = plant.evidence.people and plant.evidence.people.known("administrator")
    assert all(row["epoch"].startswith(f"silo:mixing/{who}/") for row in rows), "a load's name is in the log"
    assert client.post("/api/record/mix", json=SILO).json()["rows"] == 0, "the same again is nothing new"

    changed = client.post("/api/record/mix", json=SILO | {"content": 2}).json()
    assert changed["rows"] > 0
    corrected = [row for row in recorded(plant, "mixing") if row["corrected_by"]]
    assert {row["corrected_by"] for row in corrected} == {"administrator"}


def test_what_is_recorded_goes_into_the_evidence_log_by_the_id_of_who_is_logged_in(
    plant: Workspace, client: TestClient
) -> None:
    assert client.post("/api/record/bridge", json=FURNACE).json()["rows"] > 40
    assert client.post("/api/record/mix", json=SILO).status_code == 200
    assert plant.evidence.people is not None
    who = plant.evidence.people.known("administrator")
    named = [one for one in batches(plant.path) if f"/{who}/" in one.origin.source]
    assert not [one for one in batches(plant.path) if "administrator" in one.origin.source]
    assert {one.origin.source.split("/")[0] for one in named} == {"movement:bridge", "movement:mixing"}
    assert [one.rows for one in named if one.origin.source.startswith("movement:mixing")] == [5]


def test_nothing_is_recorded_without_a_session_or_its_token(plant: Workspace, client: TestClient) -> None:
    with TestClient(create_app(plant.path), base_url="http://localhost") as stranger:
        assert stranger.post("/api/record/mix", json=SILO).status_code == 401
    del client.headers[CSRF_HEADER]
    assert client.post("/api/record/mix", json=SILO).status_code == 403
    assert recorded(plant, "mixing") == []


@pytest.mark.parametrize(
    ("what", "given", "said"),
    [
        ("mix", {"segment": "silo", "model": "flow"}, "存量"),
        ("mix", {"segment": "nowhere"}, "nowhere"),
        ("bridge", {"segment": "sinter", "residence": 60}, "residence"),
        ("bridge", {"segment": "sinter", "colour": "red"}, "colour"),
    ],
)
def test_what_can_not_be_worked_out_is_refused_and_nothing_is_recorded(
    plant: Workspace, client: TestClient, what: str, given: dict[str, Any], said: str
) -> None:
    answer = client.post(f"/api/record/{what}", json=given)
    assert 400 <= answer.status_code < 500
    error = answer.json()["error"]
    assert said in error["message"]["zh"] + error["message"]["en"] + str(error["hint"])
    assert recorded(plant, what) == recorded(plant, "mixing") == []
