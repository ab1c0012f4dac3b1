"""Proofs over HTTP, and what the server does for the evidence log while it runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from evidence_plant import batches, load, logging_plant, measurements, policy_of, readings, state
from fastapi.testclient import TestClient

from assay.api import ApiSettings, create_app, ensure_administrator
from assay.api.auth import CSRF_HEADER
from assay.ledger.proving import verify_file
from assay.store.keys import LoadKey
from assay.store.workspace import Workspace

__all__ = ["state"]

HOST = "http://localhost"


@pytest.fixture(scope="module")
def plant(state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with logging_plant(tmp_path_factory.mktemp("proofs") / "plant") as workspace:
        load(workspace, "measurement", list(measurements(300)), LoadKey("gauge/1", "nov.csv"))
        workspace.evidence.say("disposition", "U-7", {"verdict": "accepted"})
        workspace.evidence.on = False  # as if the process died after the commit
        load(workspace, "reading", [readings(100)], LoadKey("press", "1"))
        workspace.evidence.on = True
        yield workspace


def log_in(client: TestClient, workspace: Workspace) -> None:
    answer = client.post("/api/login", json={"password": ensure_administrator(workspace)})
    client.headers[CSRF_HEADER] = answer.json()["csrf"]


@pytest.fixture(scope="module")
def client(plant: Workspace) -> Iterator[TestClient]:
    with TestClient(create_app(plant.path), base_url=HOST) as found:
        yield found


def test_without_a_session_nothing_is_proved(client: TestClient) -> None:
    for path in ("ledger", "proof/measurement:gauge%252F1/nov.csv/7.0", "bundle/U-7"):
        assert client.get(f"/api/{path}").status_code == 401


def test_the_server_logs_what_was_left_and_proves_rows(plant: Workspace, client: TestClient) -> None:
    log_in(client, plant)
    until = time.monotonic() + 120
    while (said := client.get("/api/ledger").json())["waiting_rows"] or len(batches(plant.path)) < 2:
        assert time.monotonic() < until, said
        time.sleep(0.1)
    assert said["on"] is True
    assert said["why"] is None
    assert said["key"] == str(plant.evidence.place.public_key())
    plant.evidence.submitter.checkpoint()
    name = "measurement:gauge%2F1/nov.csv/7.0"
    proof = client.get(f"/api/proof/{quote(name)}")
    assert proof.status_code == 200, proof.text
    assert proof.headers["content-type"] == "text/plain; charset=utf-8"
    verdict = verify_file(proof.content, policy_of(plant))
    assert verdict.valid
    assert verdict.shown[0]["subject"] == "U-7"
    whole = verify_file(client.get("/api/bundle/U-7").content, policy_of(plant))
    assert whole.valid
    assert len(whole.shown) == 3
    for path, status in (
        ("proof/measurement:gauge%252F1/nov.csv/9999", 404),
        ("proof/measurement:gauge%252F1/nov.csv/7", 422),
        ("proof/measurement:gauge%252F1/nov.csv/7.0?field=value", 422),
        ("bundle/U-none", 404),
    ):
        answer = client.get(f"/api/{path}")
        assert answer.status_code == status, path
        assert set(answer.json()["error"]["message"]) == {"en", "zh"}


def test_a_plant_without_a_log_says_so(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "plant").close()
    app = create_app(tmp_path / "plant", settings=ApiSettings())
    with TestClient(app, base_url=HOST) as client:
        log_in(client, app.state.services.workspace)
        assert client.get("/api/ledger").json()["on"] is False
        assert client.get("/api/proof/reading:press/1/0").status_code == 404
        assert client.get("/api/bundle/U-1").status_code == 404
