"""The registry on both engines: idempotent upserts, declarations, loads, accounts."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from assay.model.attributes import Attribute
from assay.model.entity_attributes import EntityAttribute
from assay.model.errors import MappingError, ModelError, StoreError
from assay.store import LoadKey, Registry
from assay.store.migrate import HEAD, migrate, revision
from assay.store.tables import METADATA

KEY = LoadKey("station", "0f")
JANUARY = datetime(2026, 1, 1, tzinfo=UTC)
JUNE = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def registry(registry_url: str) -> Iterator[Registry]:
    with Registry.open(registry_url) as opened:
        yield opened


def test_migrations_make_the_tables_the_code_uses(registry: Registry) -> None:
    inspector = sa.inspect(registry.engine)
    for table in METADATA.sorted_tables:
        columns = {column["name"]: column for column in inspector.get_columns(table.name)}
        assert list(columns) == [column.name for column in table.columns]
        for column in table.columns:
            assert columns[column.name]["nullable"] == column.nullable, column
        key = inspector.get_pk_constraint(table.name)["constrained_columns"]
        assert key == [column.name for column in table.primary_key.columns]


def test_opening_again_changes_nothing(registry: Registry, registry_url: str) -> None:
    registry.set_setting("language", "zh")
    with Registry.open(registry_url) as again:
        assert again.setting("language") == "zh"
    migrate(registry.engine)
    with registry.engine.connect() as connection:
        assert revision(connection) == HEAD


def test_a_registry_of_a_newer_assay_is_refused(registry: Registry, registry_url: str) -> None:
    with registry.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="'9999'"):
        Registry.open(registry_url)


def test_upserts_are_idempotent_and_complete_each_other(registry: Registry) -> None:
    assert registry.upsert_entities("person", [{"id": "P-1"}, {"id": "P-2", "team": "A"}]) == 2
    assert registry.upsert_entities("person", [{"id": "P-1"}, {"id": "P-2"}]) == 0
    assert registry.upsert_entities("person", [{"id": "P-2", "name": "Li Na"}]) == 1
    assert registry.upsert_entities("person", [{"id": "P-2", "name": "Li Na"}]) == 0
    people = registry.entities("person")
    assert [person["id"] for person in people] == ["P-1", "P-2"]
    assert people[1] == {"id": "P-2", "valid_from": None, "valid_to": None, "team": "A", "name": "Li Na"}
    assert registry.entity_kinds() == ["person"]


def test_one_wrong_row_stores_nothing(registry: Registry) -> None:
    with pytest.raises(ModelError, match="person 'P-2', tean"):
        registry.upsert_entities("person", [{"id": "P-1"}, {"id": "P-2", "tean": "A"}])
    assert registry.entities("person") == []


def test_versions_hold_in_their_interval(registry: Registry) -> None:
    registry.upsert_entities(
        "qualification",
        [
            {"id": "Q", "valid_from": JANUARY, "valid_to": JUNE, "level": "trainee"},
            {"id": "Q", "valid_from": JUNE, "level": "operator"},
        ],
    )
    assert [q["level"] for q in registry.entities("qualification")] == ["trainee", "operator"]
    for moment, level in (
        (JANUARY, ["trainee"]),
        (JUNE - timedelta(microseconds=1), ["trainee"]),
        (JUNE, ["operator"]),
        (JANUARY - timedelta(days=1), []),
    ):
        assert [q["level"] for q in registry.entities("qualification", as_of=moment)] == level
    # A mere mention of the id adds no version that holds for ever.
    assert registry.upsert_entities("qualification", [{"id": "Q"}]) == 0


def test_many_entities_in_one_call(registry: Registry) -> None:
    rows = [{"id": f"M-{n}"} for n in range(2500)]
    assert registry.upsert_entities("material", rows) == 2500
    assert registry.upsert_entities("material", rows) == 0
    assert len(registry.entities("material")) == 2500


def test_lots_and_units_are_not_kept_here(registry: Registry) -> None:
    with pytest.raises(ModelError, match="read off the lake"):
        registry.upsert_entities("unit", [{"id": "U-1"}])
    with pytest.raises(ModelError, match="not an entity kind"):
        registry.upsert_entities("machine", [{"id": "U-1"}])


def test_no_update_is_lost_between_writers(registry: Registry, registry_url: str) -> None:
    fields = ["team", "name", "description", "partner"]

    def write(field: str) -> None:
        with Registry.open(registry_url) as own:
            for n in range(10):
                own.upsert_entities("person", [{"id": f"P-{n}", field: f"{field} {n}"}])

    writers = [threading.Thread(target=write, args=(field,)) for field in fields]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    people = registry.entities("person")
    assert len(people) == 10
    for person in people:
        assert {field: person[field].split()[0] for field in fields} == {field: field for field in fields}


def test_attributes_keep_their_order_and_their_meaning(registry: Registry) -> None:
    first = Attribute(name="uses", kind="movement", type="integer", role="ordered factor")
    second = Attribute(name="condition", kind="movement", role="design label")
    assert registry.declare_attributes([first, second]) == [first, second]
    assert registry.declare_attributes([second, first]) == []
    assert registry.attributes("movement") == [first, second]
    assert registry.attributes("event") == []
    for changed in (
        first.model_copy(update={"type": "text"}),
        first.model_copy(update={"role": "factor"}),
    ):
        with pytest.raises(MappingError, match="'uses' of movement"):
            registry.declare_attributes([Attribute(name="new", kind="event"), changed])
    assert registry.attributes("event") == []


def test_a_unit_can_be_filled_in_but_not_changed(registry: Registry) -> None:
    plain = Attribute(name="torque", kind="movement", type="number", title={"en": "Torque"})
    registry.declare_attributes([plain])
    registry.declare_attributes([plain.model_copy(update={"unit": "N.m", "title": {"zh": "扭矩"}})])
    assert registry.attributes()[0].unit == "N.m"
    assert registry.attributes()[0].title == {"en": "Torque", "zh": "扭矩"}
    registry.declare_attributes([plain])
    with pytest.raises(MappingError, match="unit 'mm'"):
        registry.declare_attributes([plain.model_copy(update={"unit": "mm"})])


def test_core_columns_are_reserved(registry: Registry) -> None:
    with pytest.raises(MappingError, match="core column"):
        registry.declare_attributes([Attribute(name="subject", kind="movement")])
    with pytest.raises(MappingError, match="core column"):
        registry.declare_attributes([Attribute(name="date", kind="movement")])


def test_entities_take_declared_attributes(registry: Registry) -> None:
    tonnage = EntityAttribute(name="tonnage", kind="equipment", type="number", unit="t")
    registry.declare_entity_attributes([tonnage])
    registry.declare_entity_attributes([tonnage])
    assert registry.entity_attributes("equipment") == [tonnage]
    registry.upsert_entities("equipment", [{"id": "E", "tonnage": 80}])
    assert registry.entities("equipment")[0]["tonnage"] == 80.0
    with pytest.raises(ModelError, match="type 'text'"):
        registry.declare_entity_attributes([tonnage.model_copy(update={"type": "text"})])
    with pytest.raises(ModelError, match="core field"):
        registry.declare_entity_attributes([EntityAttribute(name="level", kind="equipment")])


def test_a_load_keeps_its_record_time(registry: Registry) -> None:
    first = registry.begin_load(KEY, "a.csv", "0f", "version: 1")
    again = registry.begin_load(KEY, "copy of a.csv", "0f", "version: 1")
    assert again == first
    assert first.finished is None
    registry.finish_load(KEY, {"rows": 3})
    registry.finish_load(KEY, {"rows": 4})
    (load,) = registry.loads()
    assert load.report == {"rows": 3}
    assert load.finished is not None
    assert load.finished >= load.recorded
    with pytest.raises(StoreError, match="never begun"):
        registry.finish_load(LoadKey("station", "other"), {})


def test_loads_are_listed_latest_first(registry: Registry) -> None:
    for epoch in "abc":
        registry.begin_load(LoadKey("s", epoch), f"{epoch}.csv", epoch, "")
    assert [load.key.epoch for load in registry.loads()] == ["c", "b", "a"]
    assert [load.key.epoch for load in registry.loads(limit=1)] == ["c"]


def test_accounts_and_settings(registry: Registry) -> None:
    assert registry.user("admin") is None
    registry.set_user("admin", "hash 1")
    created = registry.user("admin")
    registry.set_user("admin", "hash 2", role="viewer")
    changed = registry.user("admin")
    assert created is not None
    assert changed is not None
    assert (changed.password_hash, changed.role, changed.created) == ("hash 2", "viewer", created.created)
    assert registry.users() == ["admin"]
    assert registry.setting("missing") is None
    for value in (None, 1, "二", [1, {"a": None}]):
        registry.set_setting("value", value)
        assert registry.setting("value") == value


def test_readers_are_not_held_up_by_a_writer(registry: Registry) -> None:
    registry.set_setting("a", 1)
    with registry.engine.begin() as connection:
        connection.execute(sa.text("UPDATE setting SET value = '2'"))
        assert registry.setting("a") == 1
    assert registry.setting("a") == 2


def test_a_damaged_registry_is_named(tmp_path: Path) -> None:
    file = tmp_path / "registry.db"
    file.write_bytes(b"this is no database" * 1000)
    with pytest.raises(StoreError, match=r"registry\.db can't be used: file is not a database"):
        Registry.open(f"sqlite:///{file}")


@pytest.mark.postgres
def test_a_lost_connection_is_made_again(postgres_url: str) -> None:
    with Registry.open(postgres_url) as registry, Registry.open(postgres_url) as other:
        registry.set_setting("a", 1)
        with other.engine.connect() as connection:
            connection.execute(
                sa.text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        assert registry.setting("a") == 1


def test_sqlite_writes_ahead(tmp_path: Path) -> None:
    file = tmp_path / "registry.db"
    Registry.open(f"sqlite:///{file}").close()
    with sqlite3.connect(file) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://localhost/x", "can't be kept in 'mysql'"),
        ("nonsense", "not a database URL"),
        ("postgresql+psycopg://nobody:secret@127.0.0.1:1/x", "can't be used"),
        ("sqlite:////proc/nowhere/registry.db", "can't be used"),
    ],
)
def test_a_wrong_url_is_explained_without_its_password(url: str, message: str) -> None:
    with pytest.raises(StoreError, match=message) as caught:
        Registry.open(url)
    assert "secret" not in str(caught.value)
