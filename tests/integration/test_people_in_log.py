"""A new plant keeps the names of people in its records and answers; its log has them by random ids only."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from evidence_plant import START, bodies, hashes, load, logging_plant, state

from assay.analyse.alarms import Alarm, record_alarms
from assay.analyse.correct import correct
from assay.analyse.recording import record_inferred
from assay.analyse.welding import log_passes
from assay.ledger.entries import Individual
from assay.ledger.gate.facts import claims_of
from assay.ledger.gate.policy import parse_policy
from assay.ledger.gate.verdict import Verdict
from assay.ledger.issuer import make_issuer
from assay.ledger.place import MAIN
from assay.ledger.standing import Erasure, statements_in
from assay.model.errors import ModelError
from assay.sim.welding import WeldingPlan, welding_shop
from assay.sim.welding_records import load_shop
from assay.store.config import read_config
from assay.store.evidence_secrets import Secrets
from assay.store.keys import LoadKey
from assay.store.people import is_random
from assay.store.plant_evidence import (
    attest,
    audit_plant,
    begin,
    bring_up_to_date,
    bundle_subject,
    erase_subject,
)
from assay.store.plant_gate import PlantGate
from assay.store.workspace import Workspace

__all__ = ["state"]

POLICY = """
format: assay/gate-policy@1
name: press
version: "1"
clock: {ahead_s: 315360000}
requirements:
  trained: {about: person, fact: qualification}
applies:
  - {kinds: [step, movement], steps: [press], requires: [trained]}
"""
NAMES = ("Li Wei", "Zhou Min", "Chen Yu", "Sun Li", "administrator")
WRITTEN = tuple(name.encode() for name in NAMES)


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


@pytest.fixture
def plant(state: Path, tmp_path: Path) -> Iterator[Workspace]:
    """Zhou Min is qualified, Chen Yu is not."""
    keys = [make_issuer(tmp_path / f"{name}.pem") for name in ("zhou", "chen")]
    public = [key.public_key().public_bytes_raw().hex() for key in keys]
    with logging_plant(tmp_path / "plant") as workspace:
        gate = PlantGate(workspace.evidence)
        gate.tell("qualification", "Zhou Min")
        override = f"override: {{people: {{Zhou Min: {public[0]}, Chen Yu: {public[1]}}}}}\n"
        gate.set_policy(parse_policy(POLICY + override))
        load(workspace, "movement", [steps(["Zhou Min", "Chen Yu", "Zhou Min"])], LoadKey("mes", "1"))
        yield workspace


def written(plant: Path) -> bytes:
    """Every byte of the plant's logs, and of what the gate was shown."""
    return b"".join(path.read_bytes() for path in sorted((plant / "ledger").rglob("*")) if path.is_file())


def erasures(plant: Path) -> list[Erasure]:
    said = statements_in(plant / "ledger" / MAIN / "segment")
    return [Erasure.parse(one.content) for _, one in said if one.kind == "erasure"]


def performers(plant: Workspace) -> list[str]:
    rows = plant.lake.query("SELECT person FROM movement WHERE source = 'mes' ORDER BY epoch, seq")
    return [str(one) for one in rows.column("person").to_pylist()]


def refused(plant: Workspace) -> list[tuple[int, str]]:
    rows = plant.lake.query(
        "SELECT seq, person FROM refusal WHERE kind = 'movement' ORDER BY seq"
    ).to_pylist()
    return [(row["seq"], row["person"]) for row in rows]


def test_the_log_has_nobodys_name_and_the_records_have(plant: Workspace, tmp_path: Path) -> None:
    gate = PlantGate(plant.evidence)
    plant.registry.upsert_entities("person", [{"id": "Li Wei", "name": "李伟"}])
    plant.registry.upsert_entities("qualification", [{"id": "Q-1", "person": "Sun Li", "level": "2"}])
    plant.registry.set_user("administrator", "hash")
    accepted = plant.evidence.say(
        "step", "U-7", {}, moment=START, gate=claims_of("press", {"person": "Zhou Min"})
    )
    index = plant.evidence.say(
        "step", "U-8", {"by": "Chen Yu"}, moment=START, gate=claims_of("press", {"person": "Chen Yu"})
    )
    gate.override(index, [tmp_path / "zhou.pem", tmp_path / "chen.pem"], "looked at again")
    row = {"execution": "X-9", "role": "produced", "subject": "U-9", "subject_kind": "unit", "segment": "cut"}
    record_inferred(plant, "bridge", "cut", [{**row, "quantity": 1.0, "time": START}], by="administrator")
    correct(plant, "X-9", "produced", "U-9", changes={"quantity": 2.0}, why="counted", by="Sun Li")
    record_alarms(plant, [Alarm("scan", "never", "Li Wei", "person", START, "warning", "seen", "Li Wei/1")])
    attest(plant, "attestation", "Li Wei", {"trained": "2026"})
    bring_up_to_date(plant)

    told = written(plant.path)
    assert [name for name in WRITTEN if name in told] == []
    assert "李伟".encode() not in told
    assert plant.evidence.people is not None
    ids = plant.evidence.people.everybody()
    assert {"Zhou Min", "Chen Yu", "Li Wei", "administrator"} <= set(ids)
    assert all(map(is_random, ids.values()))
    subjects = [one.subject for one in bodies(plant.path) if isinstance(one, Individual)]
    assert subjects.count(ids["Li Wei"]) == 3, "the master data, the alarm, the attestation"
    assert all(ids[name].encode() in told for name in ("Zhou Min", "Chen Yu", "administrator"))

    cited = Verdict.parse(plant.evidence.entry(accepted).gate or b"").cited
    gate.revoke(cited[0], "withdrawn")
    assert [one.input.subject for one in gate.since(accepted)] == ["Zhou Min"]
    assert performers(plant) == ["Zhou Min", "Chen Yu", "Zhou Min"]
    assert refused(plant) == [(1, "Chen Yu")]
    overridden = plant.lake.query("SELECT person, outcome FROM refusal WHERE kind = 'step'").to_pylist()
    assert overridden == [{"person": "Chen Yu", "outcome": "overridden"}]
    assert {one.subject for said in gate.refused() for one in said.verdict.reasons} == {"Chen Yu"}
    record = {"kind": "step", "step": "press", "time": START, "person": "Sun Li"}
    (verdict,) = gate.check([record])
    assert (verdict.outcome, [one.subject for one in verdict.reasons]) == ("refused", ["Sun Li"])
    (held,) = gate.policies()
    assert held.policy.override is not None
    assert set(held.policy.override.people) == {"Zhou Min", "Chen Yu"}
    assert gate.refused()[0].verdict.policies == (held.digest,), "the policy as it is logged"
    assert bundle_subject(plant, "U-0")
    assert audit_plant(plant.path, records=True).valid


def test_a_welding_shop_is_judged_as_by_names_and_answers_with_them(state: Path, tmp_path: Path) -> None:
    shop = welding_shop(WeldingPlan(joints=6), seed=5)
    with logging_plant(tmp_path / "plant") as plant:
        load_shop(shop, plant, tmp_path)
        PlantGate(plant.evidence).set_policy("welding")
        logged = log_passes(plant)
        assert (logged.accepted + logged.refused, logged.refused) == (
            len(shop.passes),
            len(shop.truth.breaches),
        )
        assert log_passes(plant).inputs == 0, "nothing is said twice"
        assert plant.evidence.people is not None
        welders = plant.evidence.people.everybody()
        told = {one.subject for said in PlantGate(plant.evidence).refused() for one in said.verdict.reasons}
        assert not any(map(is_random, filter(None, told)))
        assert [one for one in bodies(plant.path)
                if isinstance(one, Individual) and one.subject in welders] == []  # fmt: skip
        assert audit_plant(plant.path).valid


def test_an_erasure_says_no_name_and_the_refusal_stays_told(plant: Workspace) -> None:
    plant.registry.upsert_entities(
        "person", [{"id": "Chen Yu"}, {"id": "Sun Li", "name": "taught by Chen Yu"}]
    )
    plant.registry.upsert_entities("qualification", [{"id": "Q-1", "person": "Chen Yu", "level": "2"}])
    bring_up_to_date(plant)
    assert plant.evidence.people is not None
    chen = plant.evidence.people.known("Chen Yu")
    done = erase_subject(plant, "Chen Yu", "left the company")
    assert (done.rows, done.altered, done.entities) == (1, 1, 1)
    assert [row["person"] for row in plant.registry.entities("qualification")] == [chen]
    assert [row["name"] for row in plant.registry.entities("person")] == [f"taught by {chen}"]
    files = [path for path in plant.path.rglob("*") if path.is_file() and b"Chen Yu" in path.read_bytes()]
    assert files == []
    assert performers(plant) == ["Zhou Min", chen, "Zhou Min"]
    assert refused(plant) == [(1, chen)]
    with Workspace.open(plant.path) as again:
        assert refused(again) == [(1, chen)], "also where it is worked out anew"
    assert [name for name in WRITTEN if name in written(plant.path)] == []
    assert [one.subject for one in erasures(plant.path)] == [chen]
    assert plant.evidence.people.known("Chen Yu") == "Chen Yu", "nothing leads from the name to the id"
    seen = audit_plant(plant.path, records=True)
    assert seen.valid, (seen.findings, seen.records, seen.registry)

    load(plant, "movement", [steps(["Chen Yu"], 3)], LoadKey("mes", "2"))
    bring_up_to_date(plant)
    back = plant.evidence.people.known("Chen Yu")
    assert is_random(back)
    assert back != chen, "who comes back is somebody else"
    assert refused(plant) == [(1, chen), (3, "Chen Yu")]
    assert audit_plant(plant.path, records=True).valid


def test_somebody_the_log_never_heard_of_is_erased_under_a_new_id(plant: Workspace) -> None:
    correct(plant, "X-0", "produced", "U-0", changes={"person": "Zhou Min", "quantity": 2.0},
            why="counted", by="Sun Li")  # fmt: skip
    bring_up_to_date(plant)
    erase_subject(plant, "Sun Li", "left the company")
    assert "Sun Li" not in str(plant.lake.query("SELECT * FROM movement").to_pylist())
    assert [name for name in WRITTEN if name in written(plant.path)] == []
    assert audit_plant(plant.path, records=True).valid
    thing = erase_subject(plant, "U-2", "the customer's secret")
    assert thing.removed == 1
    assert b"U-2" in written(plant.path), "a unit is called as it is"


def test_whoever_dies_while_erasing_goes_on_with_the_same_id(
    plant: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring_up_to_date(plant)
    assert plant.evidence.people is not None
    chen = plant.evidence.people.known("Chen Yu")

    def died(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    for part in ("erase_subject", "_erase_rows", "done"):
        with monkeypatch.context() as patched:
            patched.setattr(Secrets, part, died)
            with pytest.raises(KeyboardInterrupt):
                erase_subject(plant, "Chen Yu", "left the company")
    assert "Chen Yu" in plant.evidence.people.everybody()
    bring_up_to_date(plant)
    assert performers(plant) == ["Zhou Min", chen, "Zhou Min"]
    assert plant.evidence.people.everybody().keys() == {"Zhou Min"}
    assert [one.subject for one in erasures(plant.path)] == [chen] * 3
    assert [name for name in WRITTEN if name in written(plant.path)] == []
    assert audit_plant(plant.path, records=True).valid


def test_another_process_knows_at_once_who_was_erased(plant: Workspace) -> None:
    with Workspace.open(plant.path) as other:
        assert other.evidence.people is not None
        before = other.evidence.people.id_of("Chen Yu")
        erase_subject(plant, "Chen Yu", "left the company")
        assert other.evidence.people.id_of("Chen Yu") != before


def test_a_copy_elsewhere_still_tells_what_was_refused(
    plant: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring_up_to_date(plant)
    monkeypatch.setenv("ASSAY_STATE", str(tmp_path / "elsewhere"))
    shutil.copytree(plant.path, tmp_path / "copy")
    assert audit_plant(tmp_path / "copy").valid, "who judges again needs nobody's name"
    with Workspace.open(tmp_path / "copy") as copied:
        assert [seq for seq, _ in refused(copied)] == [0, 1, 2], "rows like the refused one, by whomever"
        (held,) = PlantGate(copied.evidence).policies()
        assert held.policy.override is not None
        assert all(map(is_random, held.policy.override.people))
        row = {
            "execution": "X-9",
            "role": "produced",
            "subject": "U-9",
            "subject_kind": "unit",
            "segment": "cut",
        }
        record_inferred(copied, "bridge", "cut", [{**row, "quantity": 1.0, "time": START}], by="Chen Yu")
        (load_name,) = copied.lake.query("SELECT epoch FROM movement WHERE source = 'bridge'").to_pylist()
        assert load_name["epoch"].startswith("cut/unnamed/"), "the name of a load may come into the log later"


def test_a_plant_that_logged_names_can_go_over_to_ids(state: Path, tmp_path: Path) -> None:
    with logging_plant(tmp_path / "plant") as plant:
        settings = plant.path / "assay.toml"
    text = settings.read_text("utf-8")
    assert 'pseudonyms = "log"' in text
    settings.write_text(text.replace('pseudonyms = "log"', ""), "utf-8")
    with Workspace.open(settings.parent) as plant:
        plant.registry.upsert_entities("person", [{"id": "Li Wei", "name": "Wei"}, {"id": "Sun Li"}])
        PlantGate(plant.evidence).tell("qualification", "Li Wei")
        assert b"Li Wei" in written(plant.path)
    settings.write_text(text, "utf-8")
    with Workspace.open(settings.parent) as plant:
        plant.registry.upsert_entities("person", [{"id": "Li Wei", "name": "Dr. Wei"}])
        PlantGate(plant.evidence).tell("qualification", "Li Wei")
        assert plant.evidence.people is not None
        assert is_random(li := plant.evidence.people.known("Li Wei"))
        assert audit_plant(plant.path, records=True).valid
        done = erase_subject(plant, "Li Wei", "left the company")
        assert done.payloads == 4, "what was said by the name, and by the id"
        said = {one.subject for one in erasures(plant.path)}
        assert said == {li, "Li Wei"}, "the name stands in the log already"
        seen = audit_plant(plant.path, records=True)
        assert seen.valid, (seen.findings, seen.records, seen.registry)


def test_a_log_that_is_begun_later_has_ids_too(state: Path, tmp_path: Path) -> None:
    for number, part in enumerate(("", "\n[ledger]\nlog = false\n", "\n[ledger.gate]\nmovement = []\n")):
        path = tmp_path / f"plant-{number}"
        Workspace.create(path, log=False).close()
        settings = path / "assay.toml"
        text = settings.read_text("utf-8").replace("\n[ledger]\nlog = false\n", "")
        settings.write_text(text + part, "utf-8")
        begin(path)
        assert (read := read_config(settings).ledger).pseudonyms == "log"
        assert read.log


def test_a_setting_that_is_none_is_named(state: Path, tmp_path: Path) -> None:
    Workspace.create(tmp_path / "plant", log=True).close()
    settings = tmp_path / "plant" / "assay.toml"
    settings.write_text(settings.read_text("utf-8").replace('"log"', '"yes"'), "utf-8")
    with pytest.raises(ModelError, match=r"ledger\.pseudonyms: 'yes' is not known; write true, false or"):
        read_config(settings)
