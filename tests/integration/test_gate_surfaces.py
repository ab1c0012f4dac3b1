"""``Plant.gate`` and ``assay gate`` on a real plant: policy, inputs, dry run, refusal, override, audit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from evidence_plant import logging_plant, state
from fastapi.testclient import TestClient

from assay.api import create_app, ensure_administrator
from assay.api.auth import CSRF_HEADER
from assay.cli.app import run
from assay.ledger.errors import LedgerError
from assay.ledger.gate.facts import claims_of
from assay.ledger.issuer import make_issuer
from assay.plant import Plant

__all__ = ["state"]
MOMENT = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.fixture
def people(tmp_path: Path) -> dict[str, Path]:
    found = {name: tmp_path / f"{name}.pem" for name in ("one", "two")}
    for path in found.values():
        make_issuer(path)
    return found


@pytest.fixture
def policy(tmp_path: Path, people: dict[str, Path]) -> Path:
    from assay.ledger.issuer import read_issuer

    keys = {name: read_issuer(path).public_key().public_bytes_raw().hex() for name, path in people.items()}
    path = tmp_path / "welding.yaml"
    path.write_text(
        f"""
format: assay/gate-policy@1
name: welding
version: "1"
requirements:
  welder:
    about: person
    fact: qualification
    must: [{{fact: processes, contains: {{record: process}}}}]
applies:
  - {{kinds: [disposition], steps: [weld], requires: [welder]}}
override: {{people: {{one: "{keys["one"]}", two: "{keys["two"]}"}}}}
"""
    )
    return path


@pytest.fixture
def plant(state: Path, tmp_path: Path) -> Iterator[Plant]:
    with logging_plant(tmp_path / "plant") as workspace:
        yield Plant(workspace)


def ran(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> Any:
    assert run([*map(str, words), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def record(person: str = "w-1", **values: Any) -> dict[str, Any]:
    return {
        "kind": "disposition",
        "step": "weld",
        "time": MOMENT.isoformat(),
        "person": person,
        "values": {"process": "135", **values},
    }


def test_from_a_policy_to_an_override(
    plant: Plant, policy: Path, people: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = plant.workspace.path
    shown = ran(capsys, "gate", "policy", path, policy)
    assert [one["name"] for one in shown["policies"]] == ["welding"]
    times = ["--from", MOMENT.isoformat(), "--until", (MOMENT + timedelta(days=1)).isoformat()]
    values = ["--value", "processes=135", "--value", "processes=141"]
    told = ran(capsys, "gate", "input", path, "qualification", "w-1", *times, *values)
    records = tmp_path / "records.jsonl"
    records.write_text("\n".join(json.dumps(one) for one in (record(), record(process="111"), record("w-9"))))
    checked = ran(capsys, "gate", "check", path, records, code=1)["verdicts"]
    assert [one["outcome"] for one in checked] == ["accepted", "refused", "refused"]
    assert checked[0]["cited"] == [told["index"]]
    assert [one["code"] for row in checked for one in row["reasons"]] == ["not_met", "unknown_subject"]
    claims = claims_of("weld", {"person": "w-9"}, {"process": "135"})
    plant.workspace.evidence.say("disposition", "LOT-1", {"quantity": 3}, moment=MOMENT, gate=claims)
    refused = ran(capsys, "gate", "check", path, "--refused")["verdicts"]
    assert [(one["index"], one["about"], one["outcome"]) for one in refused] == [(0, "LOT-1", "refused")]
    assert run(["gate", "check", str(path), "--refused"]) == 0
    assert "LOT-1" in capsys.readouterr().out, "a person sees what was refused, too"
    again = ran(capsys, "gate", "again", path, 0)
    assert again["outcome"] == "refused"
    by = [word for key in people.values() for word in ("--by", key)]
    assert run(["gate", "override", str(path), "0", *map(str, by[:2]), "--why", "seen", "--json"]) == 1
    capsys.readouterr()
    missing = ["--by", tmp_path / "gone.pem", *by[:2]]
    for words, said in (((*by, "--why", " "), "--why TEXT"), ((*missing, "--why", "seen"), "gone.pem")):
        assert run(["gate", "override", str(path), "0", *map(str, words)]) == 1
        assert said in capsys.readouterr().err
    done = ran(capsys, "gate", "override", path, 0, *by, "--why", "seen")
    assert done["refused"] == 0
    listed = ran(capsys, "gate", "check", path, "--refused")["verdicts"]
    assert [(one["index"], one["outcome"], one["now"], one["decided"]) for one in listed] == [
        (0, "refused", "overridden", done["index"]),
        (1, "refused", "refused", None),  # judged again
    ]
    assert run(["gate", "check", str(path), "--refused"]) == 0
    assert f"entry {done['index']} overrides it" in " ".join(capsys.readouterr().out.split())
    assert run(["gate", "override", str(path), "0", *map(str, by), "--why", "twice"]) == 1
    assert f"overridden before, by entry {done['index']}" in " ".join(capsys.readouterr().err.split())
    accepted = plant.workspace.evidence.say(
        "disposition",
        "LOT-2",
        {},
        moment=MOMENT,
        gate=claims_of("weld", {"person": "w-1"}, {"process": "135"}),
    )
    assert plant.gate.since(accepted)[0].expired
    revoked = ran(capsys, "gate", "revoke", path, told["index"], "--why", "cheated")
    later = plant.gate.since(accepted)
    assert [(one.input.index, one.revoked) for one in later] == [(told["index"], revoked["index"])]
    plant.workspace.evidence.submitter.checkpoint()
    seen = ran(capsys, "audit", path)
    assert (seen["valid"], seen["findings"]) == (True, [])
    inputs = path / "ledger/gate/inputs"
    inputs.write_bytes(inputs.read_bytes()[:-1])
    assert {one["kind"] for one in ran(capsys, "audit", path, code=1)["findings"]} >= {"inputs_damaged"}


def test_over_http(plant: Plant, policy: Path) -> None:
    plant.gate.set_policy(policy)
    claims = claims_of("weld", {"person": "w-9"}, {"process": "135"})
    plant.workspace.evidence.say("disposition", "LOT-1", {}, moment=MOMENT, gate=claims)
    with TestClient(create_app(plant.workspace.path), base_url="http://localhost") as client:
        assert client.get("/api/gate/policies").status_code == 401
        answer = client.post("/api/login", json={"password": ensure_administrator(plant.workspace)})
        client.headers[CSRF_HEADER] = answer.json()["csrf"]
        (shown,) = client.get("/api/gate/policies").json()
        assert shown["policy"]["requirements"]["welder"]["about"] == "person"
        (refused,) = client.get("/api/gate/refused").json()
        assert (refused["about"], refused["reasons"][0]["code"]) == ("LOT-1", "unknown_subject")
        assert refused["reasons"][0]["message"]["zh"]
        (seen,) = client.post("/api/gate/check", json={"records": [record("w-9")]}).json()
        assert (seen["outcome"], seen["about"]) == ("refused", None)
        wrong = client.post("/api/gate/check", json={"records": [{"kind": "disposition"}]})
        assert 400 <= wrong.status_code < 500


def test_bad_input_says_what_and_where(plant: Plant, policy: Path) -> None:
    policy.write_text(policy.read_text().replace("about: person", "about: persn"))
    with pytest.raises(LedgerError, match=r"welding\.yaml:7"):
        plant.gate.set_policy(policy)
    for change, reason in (
        ({"colour": 3}, "bad_record"),
        ({"time": "yesterday"}, "bad_record"),
        ({"time": "2026-01-01T00:00:00"}, "no_zone"),
        ({"values": {"a": {}}}, "bad_opening"),
    ):
        with pytest.raises(LedgerError) as refused:
            plant.gate.check([record() | change])
        assert refused.value.reason == reason
        assert refused.value.said.zh
    with pytest.raises(LedgerError) as refused:
        plant.gate.tell("calibration", "m-1", start=MOMENT, until=MOMENT)
    assert refused.value.reason == "contradictory_validity"
    assert f"'calibration' ends ({MOMENT.strftime('%Y-%m-%dT%H:%M:%S')}" in refused.value.said.en
    with pytest.raises(LedgerError) as refused:
        plant.gate.override(7, [], "why")
    assert refused.value.reason == "no_refusal"
