"""People stand in what is recorded by random ids only, where the plant says so."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from evidence_plant import RECORDED, START, bodies, hashes, load, logging_plant, state

from assay.analyse.correct import correct
from assay.analyse.recording import record_inferred
from assay.analyse.welding import log_passes
from assay.cli.app import run
from assay.connect.load import load_file
from assay.ledger.entries import Individual
from assay.ledger.gate.facts import Claims, claims_of
from assay.ledger.gate.policy import parse_policy
from assay.ledger.gate.state import known
from assay.ledger.issuer import make_issuer
from assay.model.errors import ModelError
from assay.plant import Plant
from assay.sim.welding import WeldingPlan, welding_shop
from assay.sim.welding_records import load_shop
from assay.store.config import LedgerSettings, read_config
from assay.store.keys import LoadKey
from assay.store.people import is_random
from assay.store.plant_evidence import audit_plant, bring_up_to_date, bundle_subject, erase_subject
from assay.store.plant_gate import PlantGate
from assay.store.workspace import Workspace

__all__ = ["state"]

POLICY = """
format: assay/gate-policy@1
name: press
version: "1"
requirements:
  trained: {about: person, fact: qualification}
  calibrated: {about: machine, fact: calibration}
applies:
  - {kinds: [step], steps: [press], requires: [trained, calibrated]}
"""


PAPERS = """
version: 1
source: office
columns:
  paper: {role: annotation}
  who: {role: annotation}
  level: {role: annotation, type: text}
records:
  - {kind: entity, entity: qualification, id: $paper, values: {person: $who, level: $level}}
"""


def steps(people: list[str], first: int = 0) -> pa.Table:
    rows = list(enumerate(people, first))
    key = hashes(rows)
    return pa.table({
        "seq": [n for n, _ in rows],
        "execution": [f"X-{n}" for n, _ in rows],
        "role": ["produced"] * len(rows),
        "subject": [f"U-{n}" for n, _ in rows],
        "subject_kind": ["unit"] * len(rows),
        "segment": ["press"] * len(rows),
        "person": people,
        "time": pa.array([START] * len(rows), pa.timestamp("us", "UTC")),
        "key_hash": key,
        "content_hash": key,
    })  # fmt: skip


def claims(person: str) -> Claims:
    return claims_of("press", {"person": person, "machine": "press-1"})


@pytest.fixture
def plant(state: Path, tmp_path: Path) -> Iterator[Workspace]:
    with logging_plant(tmp_path / "plant"):
        pass
    settings = tmp_path / "plant" / "assay.toml"
    text = settings.read_text("utf-8").replace('pseudonyms = "log"', "pseudonyms = true")
    settings.write_text(text, "utf-8")
    with Workspace.open(tmp_path / "plant") as workspace:
        load(workspace, "movement", [steps(["Li Wei", "W-18", "Li Wei"])], LoadKey("mes", "1"))
        workspace.lake.hot.append(
            "movement", steps(["W-18", "Zhang"], 3), LoadKey("live", "1"), recorded=RECORDED
        )
        workspace.registry.upsert_entities("person", [{"id": "Li Wei", "name": "李伟"}])
        yield workspace


def people(workspace: Workspace) -> list[str]:
    return [str(one) for one in workspace.lake.query(
        "SELECT person FROM movement ORDER BY seq").column("person").to_pylist()]  # fmt: skip


def test_ids_take_the_place_of_people_wherever_they_come_in(plant: Workspace) -> None:
    assert plant.people is not None
    found = people(plant)
    assert all(map(is_random, found))
    assert found[0] == found[2] == plant.people.id_of("Li Wei")
    assert found[1] == found[3] == plant.people.known("W-18")
    assert len(set(found)) == 3
    assert plant.people.id_of(found[0]) == found[0], "an id stays what it is"
    assert [row["id"] for row in plant.registry.entities("person")] == [found[0]]
    plant.lake.hot.flush()
    bring_up_to_date(plant)
    assert people(plant) == found
    for word in (b"Li Wei", b"W-18", b"Zhang"):
        files = [path for folder in ("lake", "ledger") for path in (plant.path / folder).rglob("*")
                 if path.is_file() and word in path.read_bytes()]  # fmt: skip
        assert files == []


def test_the_gate_is_told_of_people_by_their_ids(plant: Workspace) -> None:
    gate = PlantGate(plant.evidence)
    gate.set_policy(parse_policy(POLICY))
    gate.tell("qualification", "Li Wei", {"level": 2})
    gate.tell("qualification", "nobody yet")
    gate.tell("calibration", "press-1")
    subjects = {one.subject for one in bodies(plant.path) if isinstance(one, Individual)}
    assert plant.people is not None
    assert {plant.people.known("Li Wei"), plant.people.known("nobody yet"), "press-1"} <= subjects
    assert not {"Li Wei", "nobody yet"} & subjects
    record = {"kind": "step", "step": "press", "time": START, "person": "Li Wei", "machine": "press-1"}
    by_name, by_id, other = gate.check(
        [record, {**record, "person": plant.people.known("Li Wei")}, {**record, "person": ["W-18"]}]
    )
    assert (by_name.outcome, by_id.outcome, other.outcome) == ("accepted", "accepted", "refused")


def test_who_has_a_qualification_has_the_id_in_files_of_master_data_too(
    plant: Workspace, tmp_path: Path
) -> None:
    file, mapping = tmp_path / "papers.csv", tmp_path / "papers.yaml"
    file.write_text("paper,who,level\nQ-1,Li Wei,2\nQ-2,Sun Li,3\nQ-3,,1\n", "utf-8")
    mapping.write_text(PAPERS, "utf-8")
    assert load_file(plant, file, mapping).accepted == 3
    assert plant.people is not None
    ids = [plant.people.known("Li Wei"), plant.people.known("Sun Li"), None]
    assert all(one is None or is_random(one) for one in ids)
    rows = plant.lake.query("SELECT attributes FROM entity ORDER BY id").column("attributes").to_pylist()
    assert [json.loads(one) for one in rows] == [
        {"person": who, "level": level} for who, level in zip(ids, "231", strict=True)
    ]
    assert [row.get("person") for row in plant.registry.entities("qualification")] == ids


def test_nothing_in_the_log_names_people(
    plant: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [make_issuer(tmp_path / f"{name}.pem") for name in ("zhou", "chen")]
    public = [key.public_key().public_bytes_raw().hex() for key in keys]
    gate = PlantGate(plant.evidence)
    told = gate.tell("qualification", "Zhou Min")
    gate.set_policy(
        parse_policy(POLICY + f"override: {{people: {{Zhou Min: {public[0]}, Chen Yu: {public[1]}}}}}\n")
    )
    gate.tell("calibration", "press-1")
    plant.registry.upsert_entities("qualification", [{"id": "Q-1", "person": "Zhou Min", "level": "2"}])
    plant.evidence.say("step", "U-0", {}, moment=START, gate=claims("Zhou Min"))
    refused = plant.evidence.say("step", "U-1", {}, moment=START, gate=claims("Chen Yu"))
    gate.override(refused, [tmp_path / "zhou.pem", tmp_path / "chen.pem"], "looked at again")
    row = {"execution": "X-9", "role": "produced", "subject": "U-9", "subject_kind": "unit", "segment": "cut"}
    record_inferred(plant, "bridge", "cut", [{**row, "quantity": 1.0, "time": START}], by="Chen Yu")
    correct(plant, "X-9", "produced", "U-9", changes={"quantity": 2.0}, why="counted", by="Zhou Min")
    bring_up_to_date(plant)

    assert plant.people is not None
    zhou, chen = plant.people.known("Zhou Min"), plant.people.known("Chen Yu")
    (one,) = plant.registry.entities("qualification")
    assert one["person"] == zhou, "who has a qualification is who did the step"
    assert [one.index for one in gate.refused()] == [refused]
    assert known(plant.path / "ledger").inputs.of(zhou, "qualification").inputs[0].index == told
    (held,) = gate.policies()
    assert held.policy.override is not None
    assert held.policy.override.people == {zhou: public[0], chen: public[1]}
    files = [path for path in (plant.path / "ledger").rglob("*") if path.is_file()]
    written = b"".join(path.read_bytes() for path in files) + bundle_subject(plant, "U-9")
    assert zhou.encode() in written
    assert [name for name in (b"Zhou", b"Chen", b"Li Wei", b"W-18") if name in written] == []
    assert audit_plant(plant.path).valid

    monkeypatch.setenv("ASSAY_STATE", str(tmp_path / "elsewhere"))
    shutil.copytree(plant.path, tmp_path / "copy")
    assert audit_plant(tmp_path / "copy").valid, "who judges again needs nobody's name"


def test_a_welding_shop_is_judged_by_ids_as_by_names(plant: Workspace, tmp_path: Path) -> None:
    shop = welding_shop(WeldingPlan(joints=6), seed=5)
    load_shop(shop, plant, tmp_path)
    PlantGate(plant.evidence).set_policy("welding")
    logged = log_passes(plant)
    assert (logged.accepted + logged.refused, logged.refused) == (len(shop.passes), len(shop.truth.breaches))
    assert 0 < logged.refused < len(shop.passes)
    told = (plant.path / "ledger" / "gate" / "inputs").read_bytes()
    assert plant.people is not None
    welders = [name for name in plant.people.everybody() if name.startswith("W-0")]
    assert welders
    # the ids of their qualifications are the shop's own, such as W-01/1
    assert [name for name in welders if re.search(re.escape(name.encode()) + b"(?!/)", told)] == []


def test_whoever_is_erased_is_behind_no_id_and_the_rows_are_still_proved(plant: Workspace) -> None:
    plant.lake.hot.flush()
    bring_up_to_date(plant)
    before = people(plant)
    done = erase_subject(plant, "Li Wei", "left the company")
    assert (done.rows, done.altered, done.removed, done.entities) == (0, 0, 0, 1)
    assert people(plant) == before
    assert plant.people is not None
    assert plant.people.known("Li Wei") == "Li Wei"
    assert "Li Wei" not in plant.people.everybody()
    secrets = (plant.evidence.place.outside / "salts.db").read_bytes()
    assert b"Li Wei" not in secrets
    assert "李伟".encode() not in (plant.path / "registry.db").read_bytes()
    assert bundle_subject(plant, "U-0")
    with Plant(plant) as opened:
        assert bytes(opened.prove("movement:mes/1/0"))
        seen = audit_plant(plant.path, records=True)
        assert seen.valid, (seen.findings, seen.records, seen.registry)
    load(plant, "movement", [steps(["Li Wei"])], LoadKey("mes", "2"))
    assert plant.people.known("Li Wei") not in before, "who comes back is somebody else"


def test_names_and_ids_are_listed_and_made(plant: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ledger", "people", str(plant.path), "--json"]) == 0
    listed = {one["name"]: one["id"] for one in json.loads(capsys.readouterr().out)["people"]}
    assert set(listed) == {"Li Wei", "W-18", "Zhang"}
    assert run(["ledger", "people", str(plant.path), "Li Wei", "Chen", "--json"]) == 0
    asked = {one["name"]: one["id"] for one in json.loads(capsys.readouterr().out)["people"]}
    assert asked["Li Wei"] == listed["Li Wei"]
    assert is_random(asked["Chen"])


def test_without_a_log_there_is_no_place_for_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Workspace.create(tmp_path / "plant", log=False) as workspace:
        text = workspace.config.model_copy(update={"ledger": LedgerSettings(pseudonyms=True)}).to_toml()
    (tmp_path / "plant" / "assay.toml").write_text(text, "utf-8")
    assert read_config(tmp_path / "plant" / "assay.toml").ledger.pseudonyms
    with pytest.raises(ModelError, match="no evidence log"):
        Workspace.open(tmp_path / "plant")
    assert run(["ledger", "people", str(tmp_path / "plant")]) != 0
    assert "assay ledger init" in capsys.readouterr().err
