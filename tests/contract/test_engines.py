"""What every engine has to do alike: each operator of the dialect, each method of a session.

The expected values are written from the docstrings of the protocols, never copied from an engine.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.contract.engine_cases import (
    AGGREGATES,
    INF,
    LONG,
    NAN,
    SCALARS,
    Case,
    at,
    doubles,
    integers,
    texts,
    times,
    truths,
)

from assay.model.attributes import Attribute
from assay.model.errors import QueryError
from assay.model.kinds import TIME
from assay.query.dialect import Dialect
from assay.query.engines.registry import engine_of
from assay.query.program import Limits, Session, Trail
from assay.query.walk import walk
from assay.store import LoadKey, Workspace

ENGINES = ["duckdb", pytest.param("spark", marks=pytest.mark.spark)]


APART = {"quoted", "literal", "hashed"}
"""Methods with a test of their own below."""


def methods(protocol: type) -> set[str]:
    return {name for name, what in vars(protocol).items() if callable(what) and not name.startswith("_")}


def test_each_operator_of_the_dialect_has_a_case() -> None:
    assert {case.method for case in [*SCALARS, *AGGREGATES]} | APART == methods(Dialect)


def test_each_method_of_a_session_has_a_test() -> None:
    assert methods(Session) == {"define", "register", "arrow", "stream", "count", "each", "close"}


def test_a_worker_is_given_all_rows_and_its_answers_are_gathered(session: Session) -> None:
    def doubled(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if batch.column("n").null_count:
                raise ValueError("a worker's own trouble")
            twice = pa.array([2 * n for n in batch.column("n").to_pylist()])
            yield pa.record_batch([batch.column("word"), twice], names=["word", "twice"])

    rows = pa.table({"word": ["a", "烧结", None], "n": pa.array([1, 2, 3], pa.int64())})
    answer = pa.schema([("word", pa.string()), ("twice", pa.int64())])
    found = session.each(doubled, rows, answer)
    assert found.schema == answer
    assert sorted(found.to_pylist(), key=lambda row: row["twice"]) == [
        {"word": "a", "twice": 2},
        {"word": "烧结", "twice": 4},
        {"word": None, "twice": 6},
    ]
    assert session.each(doubled, rows.slice(0, 0), answer).num_rows == 0
    with pytest.raises((QueryError, ValueError), match="a worker's own trouble"):
        session.each(doubled, pa.table({"word": ["x"], "n": pa.nulls(1, pa.int64())}), answer)


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A plant with two days of readings and an attribute that the first file lacks."""
    with Workspace.create(tmp_path_factory.mktemp("engines") / "plant *1, [烧结]") as workspace:
        load(workspace, "one", readings(0, 40))
        workspace.registry.declare_attributes([Attribute(kind="reading", name="furnace_zone", type="text")])
        load(workspace, "two", readings(40, 20).append_column("furnace_zone", texts(*["Z-1"] * 20)))
        workspace.registry.upsert_entities("equipment", [{"id": "F-1", "name": "烧结炉"}, {"id": "F-2"}])
        yield workspace


@pytest.fixture(params=ENGINES, scope="module")
def engine(request: pytest.FixtureRequest, plant: Workspace) -> Any:
    return engine_of(plant, "" if request.param == "duckdb" else request.getfixturevalue("spark_url"))


@pytest.fixture(scope="module")
def session(engine: Any, plant: Workspace) -> Iterator[Session]:
    opened = engine.open(plant.lake.snapshot(), Limits(seconds=600))
    yield opened
    opened.close()


def answers(session: Session, sql: str) -> pa.ChunkedArray:
    return session.arrow(sql).column("answer")


def same(found: Any, expected: Any) -> bool:
    if isinstance(expected, float) and isinstance(found, float):
        return math.isnan(found) if math.isnan(expected) else math.isclose(found, expected, rel_tol=1e-12)
    return bool(found == expected and isinstance(found, bool) == isinstance(expected, bool))


@pytest.mark.parametrize("case", SCALARS, ids=str)
def test_an_operator_gives_what_its_docstring_says(session: Session, case: Case) -> None:
    rows = pa.table({"id": integers(*range(len(case.expected))), **case.columns})
    session.register("cases", rows)
    found = answers(session, f"SELECT {case.sql(session.dialect)} AS answer FROM cases ORDER BY id")
    assert found.type == case.type
    wrong = [
        (row, value, expected)
        for row, value, expected in zip(rows.to_pylist(), found.to_pylist(), case.expected, strict=True)
        if not same(value, expected)
    ]
    assert not wrong


@pytest.mark.parametrize("case", AGGREGATES, ids=str)
def test_an_aggregate_gives_what_its_docstring_says(session: Session, case: Case) -> None:
    session.register("cases", pa.table(dict(case.columns)))
    sql = case.sql(session.dialect)
    groups = f"SELECT g, {sql} AS answer FROM cases GROUP BY g"
    nothing = f"SELECT '~', {sql} FROM cases WHERE g = 'nothing'"
    found = answers(session, f"SELECT answer FROM ({groups} UNION ALL {nothing}) a ORDER BY g")
    assert found.type == case.type or pa.types.is_list(case.type)
    pairs = zip(found.to_pylist(), [*case.expected, case.over_nothing], strict=True)
    assert not [(value, expected) for value, expected in pairs if not same(value, expected)]


LITERALS: list[tuple[Any, Any]] = [
    (None, None),
    (True, True),
    (False, False),
    (5, 5),
    (-1, -1),
    (2**63 - 1, 2**63 - 1),
    (-(2**63), -(2**63)),
    (2**70, float(2**70)),
    (0.1, 0.1),
    (-2.5, -2.5),
    (1e300, 1e300),
    (5e-324, 5e-324),
    (NAN, NAN),
    (-INF, -INF),
    ("", ""),
    ("it's", "it's"),
    (r"C:\new\t", r"C:\new\t"),
    ("${spark.master} $x {y}", "${spark.master} $x {y}"),
    ("100% _ -- /* */ ; \" `", "100% _ -- /* */ ; \" `"),
    ("line\nline\ttab\rreturn", "line\nline\ttab\rreturn"),
    ("before\0after", "before\0after"),
    ("烧结 😀", "烧结 😀"),
    (LONG, LONG),
    (datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)),
    (datetime(2026, 1, 2, 3, 4), datetime(2026, 1, 2, 3, 4, tzinfo=UTC)),  # noqa: DTZ001
    (datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=8))), datetime(2026, 1, 1, 19, tzinfo=UTC)),
    (date(2026, 1, 2), date(2026, 1, 2)),
    (timedelta(minutes=1, microseconds=1), 60.000001),
    (timedelta(seconds=-1.5), -1.5),
]  # fmt: skip


def test_a_literal_is_the_value_it_was_made_from(session: Session) -> None:
    columns = ", ".join(f"{session.dialect.literal(value)} AS c{i}" for i, (value, _) in enumerate(LITERALS))
    found = session.arrow(f"SELECT {columns}").to_pylist()[0].values()
    wrong = [
        (value, got) for (value, meant), got in zip(LITERALS, found, strict=True) if not same(got, meant)
    ]
    assert not wrong
    write = session.dialect.literal
    assert session.arrow(f"SELECT 1 - {write(-1)} AS answer").to_pylist() == [{"answer": 2}]
    minus = session.arrow(f"SELECT {write(-0.0)} AS answer").to_pylist()[0]["answer"]
    assert math.copysign(1, minus) == -1


def test_a_quoted_name_is_that_name(session: Session) -> None:
    names = ["a b", "烧结", 'with "quotes"', "with `ticks`", "with.dot", "select", "${x}", r"back\slash"]
    session.register("cases", pa.table({name: [i] for i, name in enumerate(names)}))
    quoted = ", ".join(session.dialect.quoted(name) for name in names)
    assert session.arrow(f"SELECT {quoted} FROM cases").to_pylist() == [{n: i for i, n in enumerate(names)}]
    session.define("Grüße `1`", "SELECT 1 AS one")
    assert session.count("Grüße `1`") == 1


def test_rows_are_told_apart_by_the_text_made_of_their_columns(session: Session) -> None:
    rows = [
        ("ab", "c", 1.0),
        ("a", "bc", 1.0),
        ("", "abc", 1.0),
        (None, "abc", 1.0),
        ("-", "abc", 1.0),
        ("a", None, 0.0),
        ("a", None, -0.0),
        ("a", None, None),
        ("-0.0", None, None),
        ("0.0", None, None),
        ("1:a", None, NAN),
        ("1:a", None, NAN),
        (None, None, None),
    ]
    table = pa.table({
        "id": integers(*range(len(rows))),
        **{name: [row[i] for row in rows] for i, name in enumerate(("a", "b", "x"))},
    })  # fmt: skip
    session.register("cases", table)
    made = session.dialect.hashed(["a", "b", "x"])
    found = answers(session, f"SELECT {made} AS answer FROM cases ORDER BY id").to_pylist()
    assert None not in found
    equal = {(i, j) for i in range(len(rows)) for j in range(i) if found[i] == found[j]}
    assert equal == {(6, 5), (11, 10)}


def test_a_quantile_has_a_share_between_0_and_1(session: Session) -> None:
    with pytest.raises(QueryError, match="quantile of"):
        session.dialect.quantile("x", 1.5)


# -- the plant's tables ---------------------------------------------------------------------------------


def readings(first: int, rows: int) -> pa.Table:
    """One reading each half hour."""
    seq = range(first, first + rows)
    start = at("2026-01-01T00:00:00")
    return pa.table(
        {
            "seq": integers(*seq),
            "signal": ["temp"] * rows,
            "value": doubles(*(n / 2 for n in seq)),
            "time": pa.array([start + timedelta(minutes=30 * n, microseconds=n) for n in seq], TIME),
            "key_hash": integers(*seq),
            "content_hash": integers(*seq),
        }
    )


def load(workspace: Workspace, name: str, rows: pa.Table) -> None:
    key = LoadKey("line-1", name)
    writer = workspace.lake.stage("reading", load=key, recorded=at("2026-03-01T12:00:00"))
    writer.write(rows)
    workspace.lake.commit("reading", writer.finish(), load=key)


def test_tables_have_the_columns_of_the_snapshot_and_the_date(session: Session) -> None:
    found = session.arrow("SELECT * FROM reading WHERE 1 = 0").schema
    wanted = session.snapshot.schemas["reading"]
    assert found.names == [*wanted.names, "date"]
    assert found.types == [*wanted.types, pa.date32()]


def test_columns_declared_later_are_missing_in_older_files_and_dates_come_from_the_path(
    session: Session,
) -> None:
    sql = (
        "SELECT date, furnace_zone AS zone, count(*) AS n FROM reading "
        "GROUP BY date, furnace_zone ORDER BY date, n DESC"
    )
    assert session.arrow(sql).to_pylist() == [
        {"date": date(2026, 1, 1), "zone": None, "n": 40},
        {"date": date(2026, 1, 1), "zone": "Z-1", "n": 8},
        {"date": date(2026, 1, 2), "zone": "Z-1", "n": 12},
    ]


def test_tables_that_were_never_written_are_empty(session: Session) -> None:
    assert session.count("movement") == 0
    assert session.arrow("SELECT max(ended) AS last FROM movement").to_pylist() == [{"last": None}]


def test_master_data_is_there(session: Session) -> None:
    sql = "SELECT id, name FROM equipment WHERE is_current ORDER BY id"
    assert session.arrow(sql).to_pylist() == [{"id": "F-1", "name": "烧结炉"}, {"id": "F-2", "name": None}]


def test_a_stored_relation_is_computed_once_and_others_again(session: Session) -> None:
    random = {"duckdb": "random()", "spark": "rand()"}[session.dialect.name]
    session.define("once", f"SELECT {random} AS x FROM reading", stored=True)
    assert session.count("once") == 60
    assert session.arrow("SELECT * FROM once ORDER BY x") == session.arrow("SELECT * FROM once ORDER BY x")
    session.register("small", pa.table({"x": [1]}))
    session.define("view", "SELECT x + 1 AS x FROM small")
    assert session.arrow("SELECT * FROM view").to_pylist() == [{"x": 2}]
    session.define("view", "SELECT x + 2 AS x FROM small", stored=True)
    assert session.arrow("SELECT * FROM view").to_pylist() == [{"x": 3}]


def test_a_registered_table_keeps_values_and_types(session: Session) -> None:
    table = pa.table(
        {
            "word": pa.array(["a", None, "a"]).dictionary_encode(),
            "time": times("2026-01-01T00:00:00.000001", None, "1969-12-31T23:59:59.999999"),
            "list": pa.array([["x", "y"], [], None]),
            "number": doubles(0.1, None, 1e300),
            "truth": truths(True, None, False),
        }
    )
    session.register("given", table)
    found = session.arrow("SELECT * FROM given")
    assert found.to_pylist() == table.to_pylist()
    assert [found.schema.field(n).type for n in ("word", "time", "number")] == [
        pa.string(),
        TIME,
        pa.float64(),
    ]
    session.register("given", table.slice(0, 0))
    assert session.count("given") == 0


def test_a_stream_gives_the_same_rows_in_order_batch_by_batch(session: Session) -> None:
    sql = "SELECT seq, time, value, signal, date FROM reading ORDER BY seq DESC"
    reader = session.stream(sql, batch_rows=16)
    batches = list(reader)
    assert pa.Table.from_batches(batches, reader.schema).to_pylist() == session.arrow(sql).to_pylist()
    assert all(0 < batch.num_rows <= 2048 for batch in batches)
    assert session.stream("SELECT seq, time FROM reading WHERE seq < 0").read_all().num_rows == 0


def test_a_stream_can_be_left_before_its_end(engine: Any, plant: Workspace) -> None:
    session = engine.open(plant.lake.snapshot(), Limits(seconds=120))
    reader = session.stream("SELECT a.seq FROM reading a CROSS JOIN reading b CROSS JOIN reading c", 1024)
    assert next(reader).num_rows > 0
    session.close()


def test_two_sessions_do_not_see_each_others_relations(
    engine: Any, plant: Workspace, session: Session
) -> None:
    other = engine.open(plant.lake.snapshot(), Limits(seconds=120))
    other.define("mine", "SELECT 1 AS x", stored=True)
    with pytest.raises(QueryError, match="mine"):
        session.count("mine")
    other.close()


def test_a_snapshot_keeps_what_it_saw_and_rows_not_committed_yet_are_in_it(
    engine: Any, tmp_path: Path
) -> None:
    with Workspace.create(tmp_path / "plant") as workspace:
        load(workspace, "one", readings(0, 4))
        before = workspace.lake.snapshot()
        waiting = readings(1000, 3)
        for column in before.schemas["reading"]:
            if column.name not in waiting.column_names:
                waiting = waiting.append_column(column, pa.nulls(3, column.type))
        waiting = waiting.append_column("date", pa.array([date(2026, 1, 21)] * 3))
        load(workspace, "two", readings(2000, 5))
        with_waiting = replace(before, hot={"reading": waiting})
        opened = engine_of(workspace, engine.url).open(with_waiting, Limits(seconds=120))
        found = opened.arrow("SELECT max(seq) AS s, count(*) AS n, max(date) AS d FROM reading").to_pylist()
        assert found == [{"s": 1002, "n": 7, "d": date(2026, 1, 21)}]
        opened.close()


def test_a_question_that_takes_too_long_is_stopped(engine: Any, plant: Workspace) -> None:
    session = engine.open(plant.lake.snapshot(), Limits(seconds=8 if engine.name == "spark" else 1))
    endless = " CROSS JOIN ".join(f"reading r{i}" for i in range(8))
    with pytest.raises(QueryError, match="took longer than"):
        session.arrow(f"SELECT sum(r0.value * r7.value) AS x FROM {endless}")
    with pytest.raises(QueryError, match="took longer than"):
        session.count("reading")
    session.close()


def test_what_an_engine_refuses_is_said_without_a_stack_or_paths(session: Session, plant: Workspace) -> None:
    for sql in (
        "SELECT * FROM nowhere",
        "SELECT nothing FROM reading",
        "SELECT * FROM",
        "SELECT CAST('a' AS INT)",
    ):
        with pytest.raises(QueryError) as caught:
            session.arrow(f"SELECT {sql}")
        assert "\n\tat " not in str(caught.value)
        assert str(plant.path) not in str(caught.value)
    assert session.arrow("SELECT 1 AS x").to_pylist() == [{"x": 1}]


def test_genealogy_is_walked_and_rework_ends(engine: Any, plant: Workspace) -> None:
    actuals = [
        ("E1", "consumed", "L", "lot", "press"),
        ("E1", "produced", "U", "unit", None),
        ("E2", "consumed", "U", "unit", "grind"),
        ("E2", "produced", "V", "unit", "grind"),
        ("E3", "consumed", "V", "unit", "rework"),
        ("E3", "returned", "U", "unit", "rework"),
        ("E4", "consumed", "V", "unit", "pack"),
        ("E4", "produced", "W", "unit", "pack"),
        ("E4", "produced", "W", "unit", "pack"),  # a correction: no W was made
    ]
    names = ("execution", "role", "subject", "subject_kind", "segment")
    columns = dict(zip(names, map(list, zip(*actuals, strict=True)), strict=True))
    rows = len(actuals)
    opened = engine.open(plant.lake.snapshot(), Limits(seconds=300))
    movement = {name: pa.array(column, pa.string()) for name, column in columns.items()} | {
        "position": pa.nulls(rows, pa.string()),
        "quantity": doubles(*[None] * (rows - 1), 0.0),
        "correction": texts(*[None] * (rows - 1), "none was made"),
        "recorded": pa.array([at("2026-01-01T00:00:00")] * rows, TIME),
        "source": texts(*["line"] * rows),
        "epoch": texts(*["1"] * rows),
        "seq": integers(*range(rows)),
    }
    opened.register("movement", pa.table(movement))
    opened.register("begun", pa.table({"anchor": ["a", "b"], "kind": ["lot", "unit"], "id": ["L", "V"]}))
    found = {
        direction: sorted(tuple(row.values()) for row in walk(opened, step, shared=False).to_pylist())
        for direction in ("ancestors", "descendants")
        for step in [Trail(f"walk_{direction}", "begun", direction, "unit", None)]
    }
    assert found == {
        "ancestors": [("b", "unit", "U", 1)],
        "descendants": [("a", "unit", "U", 1), ("a", "unit", "V", 2), ("b", "unit", "U", 1)],
    }
    opened.close()
