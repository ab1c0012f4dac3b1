"""Changes of accounts, declarations and master data are logged, each once, and compared with the log."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa
from evidence_plant import bodies, individuals, logging_plant, soon, state
from forking import Server
from killed_registrar import CAPTURED, REGISTRY
from tests.epcis_documents import document, event

from assay.api.auth import ADMINISTRATOR, ensure_administrator, reset_administrator
from assay.exchange.epcis.repository import Repository
from assay.exchange.epcis.standing import StandingQueries
from assay.ledger.entries import Individual
from assay.ledger.place import Place
from assay.model.attributes import Attribute
from assay.model.entity_attributes import EntityAttribute
from assay.store.backup import backup, restore
from assay.store.engines import connect_engine
from assay.store.evidence_captures import CAPTURES
from assay.store.evidence_index import INDEX
from assay.store.evidence_registry import RegistryAudit, audit_registry
from assay.store.migrate import migrate
from assay.store.plant_evidence import audit_plant, bring_up_to_date, erase_subject
from assay.store.registry import Registry
from assay.store.registry_changes import SOURCE, content
from assay.store.tables import EPCIS_EVENT
from assay.store.workspace import Workspace

__all__ = ["state"]


def changes(plant: Workspace) -> list[tuple[str, str, dict[str, object]]]:
    """Kind, subject and fields of each change that is logged."""
    return [
        (one.kind, one.subject, {name: value for _, name, value in plant.evidence.payloads.open(one).fields})
        for one in bodies(plant.path)
        if isinstance(one, Individual) and one.origin.source == SOURCE
    ]


def test_an_account_is_logged_by_a_random_id_and_never_its_secret(state: Path, tmp_path: Path) -> None:
    with logging_plant(tmp_path / "plant") as plant:
        passwords = [ensure_administrator(plant) or "", reset_administrator(plant)]
        kept = plant.registry.user(ADMINISTRATOR)
        assert kept is not None
        plant.registry.set_user(ADMINISTRATOR, kept.password_hash, role="viewer")
        plant.registry.set_user(ADMINISTRATOR, kept.password_hash, role="viewer")
        found = changes(plant)
        assert [kind for kind, _, _ in found] == ["configuration"] * 3
        assert [set(fields) for _, _, fields in found] == [{"role", "credential"}, {"credential"}, {"role"}]
        assert found[0][2]["credential"] != found[1][2]["credential"]
        assert found[2][2] == {"role": "viewer"}
        (subject,) = {subject for _, subject, _ in found}
        assert ADMINISTRATOR not in subject
        told = repr(found)
        assert all(word not in told for word in (*passwords, kept.password_hash))
        assert plant.registry.changes() == []
        plant.registry.set_user("second", "hash")
        assert changes(plant)[-1][1] not in {subject, "account:"}


def test_declarations_and_master_data_are_logged_when_they_change(state: Path, tmp_path: Path) -> None:
    with logging_plant(tmp_path / "plant") as plant:
        registry = plant.registry
        uses = Attribute(name="uses", kind="movement", type="integer")
        registry.declare_attributes([uses, Attribute(name="shift", kind="movement")])
        registry.declare_attributes([uses.model_copy(update={"unit": "1"})])
        registry.declare_entity_attributes([EntityAttribute(name="tonnage", kind="equipment", type="number")])
        rows = [{"id": "press-1", "tonnage": 80}, {"id": "press-2"}]
        assert registry.upsert_entities("equipment", rows) == 2
        assert registry.upsert_entities("equipment", rows) == 0
        registry.upsert_entities("person", [{"id": "p-31"}, {"id": "p-32"}])
        registry.upsert_entities("equipment", [{"id": "press-1", "valid_from": "2026-03-01T00:00:00Z"}])
        found = changes(plant)
        assert plant.evidence.people is not None
        assert [(kind, subject, sorted(fields)) for kind, subject, fields in found] == [
            ("model", "attribute:movement", ["shift", "uses"]),
            ("model", "attribute:movement", ["uses"]),
            ("model", "entity_attribute:equipment", ["tonnage"]),
            ("record", "master:equipment", ["always press-1", "always press-2"]),
            ("record", plant.evidence.people.known("p-31"), ["always p-31"]),
            ("record", plant.evidence.people.known("p-32"), ["always p-32"]),
            ("record", "master:equipment", ["2026-03-01T00:00:00+00:00 press-1"]),
        ]
        assert '"unit": "1"' in str(found[1][2]["uses"])
        assert '"tonnage": 80.0' in str(found[3][2]["always press-1"])
        assert plant.evidence.catch_up() == 0
        assert audit_registry(plant.path) == RegistryAudit(True, compared=8)


def test_queries_and_who_is_told_of_them_are_logged_without_their_secret(state: Path, tmp_path: Path) -> None:
    with logging_plant(tmp_path / "plant") as plant:
        standing = StandingQueries(plant, Repository(plant))
        standing.create("all", {"eventType": ["ObjectEvent"]})
        settings = {"dest": "https://partner.example/in", "signatureToken": "s3cret", "stream": True}
        first, second = (standing.subscribe("all", settings).id for _ in range(2))
        standing.unsubscribe("all", first)
        assert audit_registry(plant.path).findings == ()
        standing.delete("all")
        found = changes(plant)
        assert "s3cret" not in repr(found)
        assert {kind for kind, _, _ in found} == {"configuration"}
        assert [(subject, set(fields), "" in fields.values()) for _, subject, fields in found] == [
            ("epcis:queries", {"all"}, False),
            ("epcis:subscriptions", {first}, False),
            ("epcis:subscriptions", {second}, False),
            ("epcis:subscriptions", {first}, True),
            ("epcis:queries", {"all"}, True),
            ("epcis:subscriptions", {second}, True),
        ]
        assert audit_registry(plant.path) == RegistryAudit(True, compared=3)
        standing.create("some", {"eventType": ["ObjectEvent"]})
        with plant.registry.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE epcis_query SET document = '{}'")
        assert [one.kind for one in audit_registry(plant.path).findings] == ["registry_differs"]


def test_a_registry_in_postgresql_is_logged_and_compared(
    state: Path, tmp_path: Path, postgres_url: str
) -> None:
    with logging_plant(tmp_path / "plant", registry_url=postgres_url) as plant:
        plant.registry.set_user("administrator", "hash")
        plant.registry.upsert_entities("equipment", [{"id": "press-1"}])
        assert len(changes(plant)) == 2
        assert audit_registry(plant.path) == RegistryAudit(True, compared=3)
        with plant.registry.engine.begin() as connection:
            connection.execute(sa.text("DELETE FROM entity"))
        assert [one.kind for one in audit_registry(plant.path).findings] == ["registry_missing"]


def test_what_the_model_declares_is_logged_on_opening(state: Path, tmp_path: Path) -> None:
    with logging_plant(tmp_path / "plant") as plant:
        path = plant.path
    (path / "model.yaml").write_text("version: 1\nmaster_data:\n  equipment:\n    - {id: press-9}\n")
    with Workspace.open(path) as plant:
        assert [subject for _, subject, _ in changes(plant)] == ["master:equipment"]
        assert len(individuals(path, "model")) == 1


@pytest.mark.parametrize("what", ["registry", "captures"])
def test_what_a_killed_process_changed_is_logged_once(what: str, state: Path, tmp_path: Path) -> None:
    steps = [*(REGISTRY if what == "registry" else CAPTURED), "none"]
    with logging_plant(tmp_path / "plant") as plant:
        path = plant.path
        plant.evidence.catch_up()
    for n, step in enumerate(steps):
        ids = [f"urn:uuid:00000000-0000-4000-8000-{n:06d}{m:06d}" for m in range(2)]
        events = [event("transformation", eventID=one, errorDeclaration=None) for one in ids]
        (tmp_path / f"{step}.json").write_text(json.dumps(document(*events)))
    server = Server(Path(__file__).with_name("killed_registrar.py"))
    try:
        statuses = {step: server.do(path, what, step) for step in steps}
    finally:
        server.close()
    assert statuses == {step: 0 if step == "none" else 9 for step in steps}
    with Workspace.open(path) as plant:
        soon(plant.evidence)
        plant.evidence.catch_up()
        assert plant.evidence.catch_up() == 0
        source = SOURCE if what == "registry" else CAPTURES
        mine = [one for one in bodies(path) if isinstance(one, Individual) and one.origin.source == source]
        assert len({one.origin for one in mine}) == len(mine)
        if what == "registry":
            told = [fields["credential"] for _, _, fields in changes(plant) if "credential" in fields]
            assert len(told) == len(set(told)) == len(steps), "each process set a password once"
            assert plant.registry.changes() == []
            assert audit_registry(path) == RegistryAudit(True, compared=audit_registry(path).compared)
        else:
            with plant.registry.engine.connect() as connection:
                jobs = connection.scalars(sa.select(EPCIS_EVENT.c.job).distinct()).all()
            assert len(jobs) == len(steps)
            assert sorted(one.subject for one in mine) == sorted(jobs)
        bring_up_to_date(plant)
        assert audit_plant(path, records=True).valid


def test_an_index_made_again_logs_no_change_twice(state: Path, tmp_path: Path) -> None:
    with logging_plant(tmp_path / "plant") as plant:
        plant.registry.logged = lambda positions: None  # type: ignore[method-assign,assignment]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(plant.registry, "after_change", None)
            plant.registry.set_user("somebody", "hash")
        (change,) = plant.registry.changes()
        path, index = plant.path, plant.evidence.place.outside / INDEX
        plant.evidence.say(change.kind, change.subject, change.fields, origin=change.origin)
    index.unlink()
    with Workspace.open(path) as plant:
        soon(plant.evidence)
        plant.evidence.catch_up()
        assert len(changes(plant)) == 1
        assert plant.registry.changes() == []


def test_a_registry_from_before_is_logged_as_it_is(registry_url: str) -> None:
    engine = connect_engine(registry_url)
    migrate(engine, to="0004")
    with engine.begin() as connection:
        for statement in (
            "INSERT INTO account VALUES ('administrator', 'a hash', 'administrator', 1, 1)",
            "INSERT INTO attribute VALUES (1, 'movement', 'uses', 'integer', 'factor', NULL, '{}')",
            "INSERT INTO entity_attribute VALUES (1, 'equipment', 'tonnage', 'number', 't', '{}')",
            f"INSERT INTO entity VALUES ('equipment', 'press-1', {-(2**62)}, NULL, '{{\"tonnage\": 80.0}}')",
            "INSERT INTO entity VALUES ('person', 'p-31', 1000000, 2500000, '{}')",
            "INSERT INTO epcis_query VALUES ('all', 1, '{}')",
            "INSERT INTO epcis_subscription VALUES ('s-1', 'all', 1, '{\"x\": 1}', 0, NULL, NULL, NULL)",
        ):
            connection.exec_driver_sql(statement)
    engine.dispose()
    with Registry.open(registry_url) as registry:
        waits = registry.changes()
        told = {(one.subject, name): value for one in waits for name, value in one.fields.items()}
        with registry.engine.connect() as connection:
            assert told == {(one.subject, one.field): one.value for one in content(connection)}
        assert len(told) == 8
        assert {one.kind for one in waits} == {"configuration", "model", "record"}


def test_a_registry_changed_under_the_hand_is_found(state: Path, tmp_path: Path) -> None:
    with logging_plant(tmp_path / "plant") as plant:
        path = plant.path
        plant.registry.set_user("administrator", "hash")
        plant.registry.upsert_entities("person", [{"id": "p-31"}])
        plant.registry.upsert_entities("equipment", [{"id": "press-1"}, {"id": "press-2"}])
        assert audit_plant(path, records=True).valid
        with plant.registry.engine.begin() as connection:
            for statement in (
                "UPDATE account SET password_hash = 'another'",
                "DELETE FROM entity WHERE id = 'press-2'",
                "INSERT INTO entity VALUES ('equipment', 'press-3', 0, NULL, '{}')",
            ):
                connection.exec_driver_sql(statement)
        seen = audit_plant(path, records=True)
        assert not seen.valid
        assert seen.registry is not None
        assert [(one.kind, one.field, one.index is None) for one in seen.registry.findings] == [
            ("registry_differs", "credential", False),
            ("registry_added", "1970-01-01T00:00:00+00:00 press-3", True),
            ("registry_missing", "always press-2", False),
        ]


def test_what_was_erased_is_no_finding(state: Path, tmp_path: Path) -> None:
    with logging_plant(tmp_path / "plant") as plant:
        plant.registry.upsert_entities("person", [{"id": "p-31"}, {"id": "p-32"}])
        plant.registry.upsert_entities("material", [{"id": "p-31"}, {"id": "steel"}])
        erase_subject(plant, "p-31", "asked for")
        assert not [one for one in plant.registry.entities("person") if one["id"] == "p-31"]
        seen = audit_registry(plant.path)
        assert (seen.findings, seen.unreadable) == ((), 1)
        plant.registry.upsert_entities("material", [{"id": "p-31"}])
        assert audit_registry(plant.path).valid
        assert plant.evidence.people is not None
        somebody = plant.evidence.people.known("p-32")
        with plant.registry.engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM entity")
        assert [(one.kind, one.subject, one.field) for one in audit_registry(plant.path).findings] == [
            ("registry_missing", "master:material", "always p-31"),
            ("registry_missing", "master:material", "always steel"),
            ("registry_missing", somebody, "always p-32"),
        ]


def test_a_copy_without_keys_says_that_it_did_not_compare(state: Path, tmp_path: Path) -> None:
    with logging_plant(tmp_path / "plant") as plant:
        plant.registry.set_user("administrator", "hash")
        plant.evidence.submitter.checkpoint()
    copy = shutil.copytree(plant.path, tmp_path / "copy")
    outside = Place.of(copy).outside
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*")}
    assert audit_registry(copy) == RegistryAudit(True, compared=2)
    shutil.move(outside, tmp_path / "gone")
    assert audit_registry(copy) == RegistryAudit(True, why="no_keys")
    assert {path: path.stat().st_mtime_ns for path in copy.rglob("*")} == before
    shutil.move(tmp_path / "gone", outside)
    (copy / "registry.db").write_bytes(b"no database" * 100)
    assert audit_registry(copy) == RegistryAudit(True, why="not_reached")
    engine = connect_engine(f"sqlite:///{plant.path / 'registry.db'}")
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0004'"))
    engine.dispose()
    assert audit_registry(plant.path).why == "other_revision"


def test_changes_that_wait_are_in_a_backup(state: Path, tmp_path: Path) -> None:
    with logging_plant(tmp_path / "plant") as plant:
        plant.registry.after_change = None
        plant.registry.set_user("administrator", "hash")
        assert audit_registry(plant.path) == RegistryAudit(True, compared=2, waiting=1)
        backup(plant, tmp_path / "plant.zip")
        waits = plant.registry.changes()
    restore(tmp_path / "plant.zip", tmp_path / "restored")
    with Registry.open(f"sqlite:///{tmp_path / 'restored' / 'registry.db'}") as registry:
        assert registry.changes() == waits
