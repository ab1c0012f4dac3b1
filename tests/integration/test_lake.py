"""The lake: exactly-once commits, schemas that grow, views, pruning, and SQL that can't leave the plant."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from store_rows import RECORDED, content, key, load, measurements, movements, stage

from assay.model.attributes import Attribute
from assay.model.entities import MASTER
from assay.model.errors import QueryError, StoreError
from assay.model.kinds import SCHEMAS, RecordKind
from assay.store import LoadKey, Workspace
from assay.store.backup import backup, restore
from assay.store.delta import LakeTable
from assay.store.layout import plain
from assay.store.views import ALWAYS_PRESENT


def test_rows_come_back_as_they_went_in(plant: Workspace) -> None:
    assert load(plant, 1)
    rows = plant.lake.query("SELECT * FROM measurement ORDER BY seq")
    given = measurements(1)
    for name in given.column_names:
        assert rows[name].to_pylist() == given[name].to_pylist(), name
    assert set(rows["source"].to_pylist()) == {"line-1"}
    assert set(rows["recorded"].to_pylist()) == {RECORDED}
    assert rows["gauge"].null_count == len(rows)
    days = {moment.date() for moment in rows["time"].to_pylist()}
    assert set(rows["date"].to_pylist()) == days == {date(2026, 1, d) for d in (1, 2, 3)}


def test_words_are_plain_text_in_sql_and_dictionaries_on_disk(plant: Workspace) -> None:
    load(plant, 1)
    assert plant.lake.query("SELECT segment FROM movement").schema.field("segment").type == pa.string()
    stored = pq.read_schema(plant.lake.files("movement")[0])
    assert pa.types.is_dictionary(stored.field("segment").type)


def test_every_view_has_its_columns_and_types_when_empty(plant: Workspace) -> None:
    for kind in RecordKind:
        table = plant.lake.query(f"SELECT * FROM {kind.value}")
        expected = [*plain(SCHEMAS[kind]), pa.field("date", pa.date32())]
        assert [(f.name, f.type) for f in table.schema] == [(f.name, f.type) for f in expected]
        assert len(table) == 0
    for name in (*ALWAYS_PRESENT, "unit", "lot", "execution", "quarantine"):
        table = plant.lake.query(f"SELECT * FROM {name}")
        assert len(table) == 0
        assert name == "quarantine" or table.column_names[0] == "id"
    assert plant.lake.query("SELECT replayed FROM quarantine").schema.field("replayed").type == pa.timestamp(
        "us", "UTC"
    )


def test_the_same_columns_whether_empty_or_not(plant: Workspace) -> None:
    before = {
        name: plant.lake.query(f"SELECT * FROM {name}").schema for name in ("movement", "unit", "execution")
    }
    load(plant, 1)
    for name, schema in before.items():
        assert plant.lake.query(f"SELECT * FROM {name}").schema == schema


def test_units_and_executions_are_read_off_the_records(plant: Workspace) -> None:
    load(plant, 1)
    units = plant.lake.query("SELECT * FROM unit ORDER BY first_time")
    assert len(units) == 50
    assert units["id"][0].as_py() == "U-1-0"
    runs = plant.lake.query("SELECT * FROM execution WHERE id = 'E-1-4'").to_pylist()
    assert len(runs) == 1
    assert (runs[0]["segment"], runs[0]["equipment"], runs[0]["person"]) == ("press", "P-1", None)


def test_master_data_has_views(plant: Workspace) -> None:
    plant.registry.upsert_entities("equipment", [{"id": "P-1", "level": "line"}])
    plant.registry.upsert_entities("recipe", [{"id": "R", "parameters": {"temperature": 1180.0}}])
    plant.registry.upsert_entities(
        "person",
        [
            {"id": "A", "valid_to": datetime(2020, 1, 1, tzinfo=UTC), "team": "old"},
            {"id": "A", "valid_from": datetime(2020, 1, 1, tzinfo=UTC), "team": "new"},
        ],
    )
    assert plant.lake.query("SELECT id, level FROM equipment").to_pylist() == [{"id": "P-1", "level": "line"}]
    assert plant.lake.query("SELECT team FROM person WHERE is_current").to_pylist() == [{"team": "new"}]
    assert (
        plant.lake.query("SELECT parameters FROM recipe")["parameters"][0].as_py()
        == '{"temperature": 1180.0}'
    )
    assert "gauge" in plant.lake.query("SHOW TABLES")["name"].to_pylist()


def test_no_entity_view_hides_a_record_kind() -> None:
    assert not set(MASTER) & {*RecordKind, "unit", "lot", "execution", "quarantine"}


def test_a_new_attribute_is_a_column_of_old_rows_too(plant: Workspace) -> None:
    load(plant, 1)
    uses = Attribute(name="uses", kind="movement", type="integer", role="ordered factor")
    plant.registry.declare_attributes([uses])
    assert plant.lake.query("SELECT count(uses) AS n, count(*) AS m FROM movement").to_pylist() == [
        {"n": 0, "m": 50}
    ]
    table = movements(2).append_column("uses", pa.array(range(50)))
    writer = plant.lake.stage("movement", load=key(2), recorded=RECORDED)
    writer.write(table)
    assert plant.lake.commit("movement", writer.finish(), load=key(2))
    assert plant.lake.query(
        "SELECT count(uses) AS n, sum(uses) AS s, count(*) AS m FROM movement"
    ).to_pylist() == [{"n": 50, "s": 1225, "m": 100}]
    table_schema = DeltaTable(plant.lake.directory / "movement").schema()
    assert [f.name for f in table_schema.fields][-1] == "uses"


def test_an_attribute_declared_after_staging_waits_for_the_next_load(plant: Workspace) -> None:
    files = stage(plant, 1, "movement")
    plant.registry.declare_attributes([Attribute(name="uses", kind="movement", type="integer")])
    assert plant.lake.commit("movement", files, load=key(1))
    assert plant.lake.query("SELECT count(*) AS n FROM movement WHERE uses IS NULL")["n"][0].as_py() == 50


def test_other_readers_of_delta_see_the_same_rows(plant: Workspace) -> None:
    load(plant, 1)
    table = DeltaTable(plant.lake.directory / "measurement")
    assert table.to_pyarrow_table().num_rows == 50
    actions = pa.table(table.get_add_actions(flatten=True))
    assert sum(actions["num_records"].to_pylist()) == 50
    assert actions["min.time"].null_count == 0
    late = table.file_uris(file_pruning_predicate="time > '2026-01-03T00:00:00Z'")
    assert [Path(path).parent.name for path in late] == ["date=2026-01-03"]


def test_a_load_is_committed_once(plant: Workspace) -> None:
    assert load(plant, 1)
    before = content(plant, "measurement")
    assert plant.lake.committed("measurement", key(1))
    assert not plant.lake.committed("measurement", key(2))
    assert not load(plant, 1)
    assert content(plant, "measurement") == before
    assert plant.lake.version("measurement") == 1


def test_files_that_are_gone_are_not_committed(plant: Workspace) -> None:
    files = stage(plant, 1, "measurement")
    (plant.lake.directory / "measurement" / files[0].path).unlink()
    with pytest.raises(StoreError, match=r"of the load 'line-1/load-1' is gone"):
        plant.lake.commit("measurement", files, load=key(1))
    assert plant.lake.version("measurement") == -1
    assert load(plant, 1)


def test_racing_writers_commit_each_load_once(plant: Workspace) -> None:
    """Straight at the Delta log, without the plant's lock: the log alone keeps a load from entering twice."""
    files = {number: stage(plant, number, "measurement") for number in range(4)}
    schema = plant.lake.schema("measurement")
    outcomes: list[tuple[int, bool]] = []
    start = threading.Barrier(8)

    def race(number: int) -> None:
        table = LakeTable(plant.lake.directory / "measurement")
        start.wait()
        outcomes.append((number, table.commit(files[number], schema, key(number))))

    writers = [threading.Thread(target=race, args=(n % 4,)) for n in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(outcomes) == sorted([(n, taken) for n in range(4) for taken in (False, True)])
    assert len(content(plant, "measurement")) == 200


def test_a_long_log_keeps_every_load(plant: Workspace, tmp_path: Path) -> None:
    """Past the checkpoint that Delta makes every hundred commits, and in a copy made from a backup."""
    schema = plant.lake.schema("event")
    table = LakeTable(plant.lake.directory / "event")
    for number in range(105):
        assert table.commit([], schema, key(number))
    load(plant, 1)
    log = plant.lake.directory / "event" / "_delta_log"
    assert list(log.glob("*.checkpoint.parquet"))
    backup(plant, tmp_path / "plant.tar")
    restore(tmp_path / "plant.tar", tmp_path / "copy")
    for path in (plant.path, tmp_path / "copy"):
        with Workspace.open(path) as again:
            assert again.lake.version("event") == 105
            assert all(again.lake.committed("event", key(number)) for number in range(105))
            assert not again.lake.committed("event", key(105))
            assert not again.lake.commit("event", [], load=key(3))


def test_two_openings_see_each_others_commits(plant: Workspace) -> None:
    with Workspace.open(plant.path) as other:
        load(other, 1)
        assert len(content(plant, "movement")) == 50
        load(plant, 2)
        assert len(content(other, "movement")) == 100


def test_a_reader_that_slept_while_the_log_was_cleared_sees_what_came(plant: Workspace) -> None:
    load(plant, 1)
    with Workspace.open(plant.path) as sleeper:
        seen = sleeper.lake.version(RecordKind.MOVEMENT)
        for number in (2, 3):
            load(plant, number)
        table = DeltaTable(str(plant.path / "lake" / "movement"))
        table.create_checkpoint()
        log = plant.path / "lake" / "movement" / "_delta_log"
        for version in range(table.version()):
            (log / f"{version:020}.json").unlink()
        assert sleeper.lake.version(RecordKind.MOVEMENT) == table.version() > seen + 1


def test_files_of_an_older_version(plant: Workspace) -> None:
    load(plant, 1)
    version = plant.lake.version("movement")
    files = plant.lake.files("movement")
    load(plant, 2)
    assert plant.lake.files("movement", version=version) == files
    assert plant.lake.files("movement", version=-1) == []
    assert len(plant.lake.files("movement")) == 2 * len(files)


def test_a_connection_stays_at_its_versions(plant: Workspace) -> None:
    load(plant, 1)
    with plant.lake.connect() as connection:
        load(plant, 2)
        assert connection.execute("SELECT count(*) FROM movement").fetchall() == [(50,)]


def test_hashes_are_pruned_by_date_and_leave_out_a_load(plant: Workspace) -> None:
    load(plant, 1)
    load(plant, 2)
    assert plant.lake.hashes("measurement").num_rows == 100
    day = (datetime(2026, 1, 2, 1, tzinfo=UTC), datetime(2026, 1, 2, 2, tzinfo=UTC))
    assert 0 < plant.lake.hashes("measurement", time_range=day).num_rows < 50
    kept = plant.lake.hashes("measurement", exclude=key(1))
    assert sorted(kept["key_hash"].to_pylist()) == [2_000_000 + n for n in range(50)]
    assert plant.lake.hashes("event").schema.names == ["key_hash", "content_hash"]
    assert plant.lake.hashes("event").num_rows == 0


def test_an_empty_load_is_remembered(plant: Workspace) -> None:
    writer = plant.lake.stage("event", load=key(9), recorded=RECORDED)
    assert plant.lake.commit("event", writer.finish(), load=key(9))
    assert plant.lake.committed("event", key(9))
    assert content(plant, "event") == []


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO measurement SELECT * FROM measurement",
        "COPY measurement TO 'out.csv'",
        "ATTACH 'x.db'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "PRAGMA database_list",
        "SELECT * FROM nonexistent",
        "SELECT nonexistent FROM measurement",
    ],
)
def test_sql_that_is_not_a_question_is_refused(plant: Workspace, sql: str) -> None:
    with pytest.raises(QueryError):
        plant.lake.query(sql)


def test_the_connection_itself_reads_nothing_else(plant: Workspace, tmp_path: Path) -> None:
    """The second line: even SQL that no parser looked at stays inside the plant."""
    load(plant, 1)
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    outside = pa.table({"a": [1]})  # must not be found by its Python name
    with plant.lake.connect() as connection:
        for sql in (
            f"SELECT * FROM read_csv('{secret}')",
            f"SELECT * FROM read_text('{plant.path / 'assay.toml'}')",
            "SELECT * FROM read_csv('/etc/passwd')",
            "SELECT * FROM glob('/etc/*')",
            f"COPY movement TO '{tmp_path / 'out.parquet'}'",
            f"COPY movement TO '{plant.lake.directory / 'movement' / 'x.parquet'}'",
            f"ATTACH '{plant.path / 'registry.db'}'",
            "INSTALL httpfs",
            "SET enable_external_access = true",
            "SET lock_configuration = false",
            "SELECT * FROM outside",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(sql)
        connection.execute("CREATE TEMP TABLE mine AS SELECT * FROM movement")
        assert connection.execute("SELECT count(*) FROM mine").fetchall() == [(50,)]
    assert len(outside) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plant", "secret.csv"]


def test_large_results_spill_into_the_plant(plant: Workspace) -> None:
    with plant.lake.connect(memory_limit="64MB", threads=1) as connection:
        rows = connection.execute(
            "SELECT count(*) FROM (SELECT hash(range) AS h, repeat('x', 100) AS t "
            "FROM range(1_500_000) ORDER BY h LIMIT 1_400_000)"
        ).fetchall()
    assert rows == [(1_400_000,)]


def test_parameters_and_explain(plant: Workspace) -> None:
    load(plant, 1)
    assert plant.lake.query("SELECT count(*) AS n FROM unit WHERE id = ?", ["U-1-3"])["n"][0].as_py() == 1
    assert plant.lake.query("SELECT count(*) AS n FROM unit WHERE id = $id", {"id": "x"})["n"][0].as_py() == 0
    assert len(plant.lake.query("EXPLAIN SELECT * FROM unit")) >= 1
    assert "subject" in plant.lake.query("DESCRIBE movement")["column_name"].to_pylist()


def test_a_query_names_what_it_does_not_know(plant: Workspace) -> None:
    with pytest.raises(QueryError, match="measuremnt"):
        plant.lake.query("SELECT * FROM measuremnt")


def test_unknown_tables_are_named(plant: Workspace) -> None:
    with pytest.raises(StoreError, match="no table 'measurment'") as caught:
        plant.lake.schema("measurment")
    assert "'measurement'" in str(caught.value.hint)


def test_a_broken_log_is_explained(plant: Workspace) -> None:
    load(plant, 1)
    log = plant.lake.directory / "movement" / "_delta_log" / "00000000000000000000.json"
    log.write_text("not json")
    with (
        Workspace.open(plant.path) as again,
        pytest.raises(StoreError, match="log of the lake table 'movement'"),
    ):
        again.lake.version("movement")


def test_keys_need_a_source_and_an_epoch() -> None:
    with pytest.raises(StoreError, match="needs its source"):
        LoadKey(" ", "a")
    with pytest.raises(StoreError, match="needs its epoch"):
        LoadKey("a", "")
    for bad in ("x" * 513, "a\0"):
        with pytest.raises(StoreError, match="characters long or holds a NUL"):
            LoadKey(bad, "a")
    assert LoadKey("line", "0f").transaction == "line/0f"
    for name in ("digest", "transaction"):
        one, other = (getattr(LoadKey(*pair), name) for pair in (("a/b", "c"), ("a", "b/c")))
        assert one != other
