"""The page Evidence over HTTP: what the log holds of a unit, how far it is, whether a proof holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from evidence_plant import load, logging_plant, measurements, policy_of, readings, state
from fastapi.testclient import TestClient

from assay.api import create_app, ensure_administrator
from assay.api.auth import CSRF_HEADER
from assay.api.routes import verify
from assay.ledger.vouching import POLICY
from assay.store.keys import LoadKey
from assay.store.plant_evidence import bring_up_to_date, bundle_subject, prove_record
from assay.store.workspace import Workspace

__all__ = ["state"]

HOST = "http://localhost"


@pytest.fixture(scope="module")
def plant(state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Two measurements of each of 300 parts in one load, and what somebody decided about one of them."""
    with logging_plant(tmp_path_factory.mktemp("evidence") / "plant") as workspace:
        load(workspace, "measurement", list(measurements(300)), LoadKey("gauge/1", "nov.csv"))
        workspace.evidence.say("disposition", "U-7", {"verdict": "accepted", "note": "seen by two"})
        bring_up_to_date(workspace)
        yield workspace


@pytest.fixture(scope="module")
def client(plant: Workspace) -> Iterator[TestClient]:
    with TestClient(create_app(plant.path), base_url=HOST) as found:
        answer = found.post("/api/login", json={"password": ensure_administrator(plant)})
        found.headers[CSRF_HEADER] = answer.json()["csrf"]
        yield found


@pytest.fixture
def believed(plant: Workspace, state: Path) -> Iterator[None]:
    """The server believes the plant's log, for one test."""
    (state / POLICY).write_bytes(bytes(policy_of(plant)))
    yield
    (state / POLICY).unlink()


def dropped(client: TestClient, data: bytes) -> dict[str, Any]:
    answer = client.post("/api/verify", files={"file": ("dropped.bin", data)})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def page(client: TestClient, **params: str) -> dict[str, Any]:
    answer = client.post("/api/pages/evidence/data", json={"params": params})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


def test_without_a_policy_nothing_is_believed_and_the_advice_says_so(
    plant: Workspace, client: TestClient
) -> None:
    said = dropped(client, bytes(prove_record(plant, "measurement:gauge%2F1/nov.csv/7.0")))
    assert (said["valid"], said["reason"], said["size"]) == (False, "no_policy", None)
    assert said["index"] is not None
    assert "policy" in said["hint"]["en"]
    assert "策略" in said["hint"]["zh"]


@pytest.mark.usefixtures("believed")
def test_a_dropped_proof_and_bundle_are_valid_and_show_what_they_disclose(
    plant: Workspace, client: TestClient
) -> None:
    row = dropped(client, bytes(prove_record(plant, "measurement:gauge%2F1/nov.csv/7.0")))
    assert (row["valid"], row["reason"], row["message"], row["cosigners"]) == (True, None, None, [])
    assert row["shown"][0]["subject"] == "U-7"
    assert row["size"] > row["index"]
    whole = dropped(client, bundle_subject(plant, "U-7"))
    assert whole["valid"]
    assert whole["shown_total"] == 3
    assert {"verdict": "accepted", "note": "seen by two"} in whole["shown"]


@pytest.mark.usefixtures("believed")
def test_what_does_not_hold_is_said_in_both_languages(plant: Workspace, client: TestClient) -> None:
    whole = bundle_subject(plant, "U-7")
    proof = bytes(prove_record(plant, "measurement:gauge%2F1/nov.csv/7.0"))
    broken = [
        whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :] for place in range(0, len(whole), 97)
    ]
    for data in (
        *broken,
        whole[:-1],
        whole + b"\0",
        proof[:-2],
        b"",
        b"\xff\xfe",
        b"c2sp.org/tlog-proof@v1\n",
    ):
        said = dropped(client, data)
        assert said["valid"] is False
        assert said["message"]["zh"]
        assert said["message"]["zh"] != said["message"]["en"]
        assert said["shown"] == []


def test_another_policy_and_an_unreadable_one_are_told_apart(
    plant: Workspace, client: TestClient, state: Path
) -> None:
    file = state / POLICY
    proof = bytes(prove_record(plant, "measurement:gauge%2F1/nov.csv/7.0"))
    try:
        other = str(plant.evidence.place.public_key()).replace(plant.evidence.place.public_key().name, "else")
        file.write_text(f"log {other}\nquorum none\n", "ascii")
        answer = client.post("/api/verify", files={"file": ("x", proof)})
        assert answer.status_code == 422, "a key of another name has another key id: the policy is refused"
        assert "1" in answer.json()["error"]["message"]["en"]
    finally:
        file.unlink()


def test_a_file_that_is_too_large_is_refused(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "MOST_BYTES", 1_000)
    answer = client.post("/api/verify", files={"file": ("x", bytes(2_000))})
    assert answer.status_code == 413
    assert "1,000" in answer.json()["error"]["message"]["en"]


def test_only_who_is_logged_in_verifies(plant: Workspace) -> None:
    with TestClient(create_app(plant.path), base_url=HOST) as stranger:
        assert stranger.post("/api/verify", files={"file": ("x", b"")}).status_code == 401


def test_the_page_lists_a_unit_each_with_the_name_that_proves_it(
    plant: Workspace, client: TestClient
) -> None:
    found = page(client, id="U-7")
    unit = found["unit"]
    assert [one["kind"] for one in unit["items"]] == ["measurement", "measurement", "disposition"]
    assert unit["total"] == 3
    assert unit["provable"] is True
    assert all(one["signed"] and one["provable"] and one["verdict"] is None for one in unit["items"])
    for one in unit["items"]:
        assert one["issuer"] == plant.evidence.public.hex()
        assert client.get(f"/api/proof/{one['record'].replace('%', '%25')}").status_code == 200
    state = {one["id"]: one["value"] for one in found["state"]["items"]}
    assert state["log_size"] == unit["size"] == plant.evidence.signed_size()
    assert state["log_cosigners"] == "0 / 0"
    assert state["log_lag"] == 0
    assert "No witness" in found["remarks"]["text"]["en"]
    assert "没有见证方" in found["remarks"]["text"]["zh"]
    assert "No policy" in found["remarks"]["text"]["en"]


def test_without_an_id_or_with_an_unknown_one_the_page_is_whole(client: TestClient) -> None:
    assert page(client)["unit"]["items"] == []
    unknown = page(client, id="U-none")["unit"]
    assert (unknown["total"], unknown["provable"]) == (0, False)


def test_what_is_not_signed_yet_is_listed_and_says_so(state: Path, tmp_path: Path) -> None:
    from assay.apps.evidence import unit_evidence

    with logging_plant(tmp_path / "plant") as workspace:
        load(workspace, "measurement", list(measurements(3)), LoadKey("gauge", "1"))
        load(workspace, "reading", [readings(5)], LoadKey("press", "1"))
        before = unit_evidence(workspace, "U-1")
        assert [one.provable for one in before.items] == [False, False]
        assert before.provable is False
        bring_up_to_date(workspace)
        assert unit_evidence(workspace, "lot:U-1").provable is True


def test_a_plant_without_a_log_says_what_begins_one(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "plant") as workspace:
        password = ensure_administrator(workspace)
    with TestClient(create_app(tmp_path / "plant"), base_url=HOST) as client:
        client.headers[CSRF_HEADER] = client.post("/api/login", json={"password": password}).json()["csrf"]
        found = page(client, id="U-7")
    assert found["state"]["items"] == []
    assert "assay ledger init" in found["remarks"]["text"]["en"]
    assert found["unit"]["error"]["message"]["en"]


def test_the_verdict_of_the_gate_is_shown_with_its_reasons_in_words() -> None:
    from assay.apps.evidence import evidence_item
    from assay.ledger.gate.verdict import Reason, Verdict
    from assay.store.evidence_about import LoggedAbout

    why = Reason("expired", "weld", "welder", "person", "p-31", "2026-11-01", 12)
    for outcome, reasons in (("accepted", ()), ("no_policy", ()), ("refused", (why,))):
        verdict = bytes(Verdict(outcome, 40, 0, reasons=reasons))
        item = evidence_item(LoggedAbout(41, "record", "41", 0, bytes(32), verdict, True, True), {})
        assert (item.verdict, len(item.reasons)) == (outcome, len(reasons))
    assert "p-31" in item.reasons[0].en
    assert item.reasons[0].zh != item.reasons[0].en
