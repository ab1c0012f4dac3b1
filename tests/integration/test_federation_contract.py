"""One contract for every kind of source: PostgreSQL, MariaDB and SQLite give the same rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
import sqlalchemy as sa
from federated import RESULTS, UNITS, ZONE, fill, order, taken, write_model

from assay.model.errors import ModelError
from assay.model.kinds import TIME
from assay.query.federation import Federation, SourceFailure, SourceTooMuch, federation, fetch
from assay.query.program import Condition, Fetch, Told
from assay.store.workspace import Workspace

BERLIN = ZoneInfo(ZONE)


@pytest.fixture
def source_url(database_url: str) -> str:
    """A laboratory's database, once per kind of source."""
    fill(database_url)
    return database_url


@pytest.fixture
def plant(tmp_path: Path, source_url: str) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "plant", time_zone=ZONE) as workspace:
        write_model(workspace.path, source_url)
        workspace.apply_model()
        yield workspace
        federation(workspace).close()


@pytest.fixture
def mes(plant: Workspace) -> Federation:
    return federation(plant)


@pytest.fixture
def sent(mes: Federation) -> list[str]:
    """Every statement that reaches the source from now on."""
    for table in ("lab", "orders", "customers"):
        mes.schema("mes", table)
    statements: list[str] = []

    @sa.event.listens_for(mes.engine("mes"), "before_cursor_execute")
    def _seen(_: Any, __: Any, statement: str, *rest: Any) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH")):
            statements.append(statement)

    return statements


def step(table: str, *columns: str, conditions: tuple[Condition, ...] = (), key: str | None = None) -> Fetch:
    return Fetch("f", "mes", table, columns, conditions, key, ("k", "k") if key else None)


def rows(table: pa.Table) -> list[tuple[Any, ...]]:
    return sorted(zip(*(column.to_pylist() for column in table.columns), strict=True), key=repr)


def test_rows_arrive_with_the_types_of_the_plant(mes: Federation) -> None:
    told = Told()
    table = mes.fetch(step("orders", "id", "customer", "quantity", "due", "note", "rush"), None, told)
    assert table.schema.types == [pa.string(), pa.string(), pa.float64(), TIME, pa.string(), pa.bool_()]
    found = {row[0]: row for row in rows(table)}
    assert len(found) == 60
    assert found["7"] == ("7", None, None, None, None, None)
    expected = order(11, "postgresql")
    # A float of 24 bits keeps its own value; none is made up on the way.
    exact = float(pa.scalar(11.1, pa.float32()).as_py())
    assert found["11"][1] == expected["customer"]
    assert found["11"][2] in {exact, 11.1}
    assert found["11"][3:] == (expected["due"], expected["note"], False)
    assert found["10"][4:] == ("", True)
    assert told.statements == {"mes": 1}
    assert told.moved == {"mes": 60}


def test_wall_times_are_of_the_plant_s_zone(mes: Federation) -> None:
    table = mes.fetch(step("lab", "time", "subject_kind", "text", "source", "value"), None, Told())
    wall = sorted(taken(number).replace(tzinfo=BERLIN).astimezone(dt.UTC) for number in range(RESULTS))
    assert sorted(table["time"].to_pylist()) == wall
    assert table["subject_kind"].unique().to_pylist() == ["unit"]
    assert table["source"].unique().to_pylist() == ["mes"]
    assert table["text"].null_count == RESULTS
    assert sorted(table["value"].to_pylist()) == [number / 8 for number in range(RESULTS)]


NIGHT = dt.datetime(2026, 10, 25, 0, 30, tzinfo=dt.UTC)
"""In this hour the clocks of Berlin are put back: its wall times occur twice."""

DAY_AFTER = NIGHT + dt.timedelta(days=1)
MIDNIGHT = dt.datetime(2026, 10, 26, tzinfo=dt.UTC)
EXACTLY = taken(90).replace(tzinfo=BERLIN)

MEANINGS: list[tuple[Condition, Callable[[Any], bool]]] = [
    (Condition("value", ">", 10.0), lambda v: v > 10),
    (Condition("value", "=", 2), lambda v: v == 2),
    (Condition("value", "!=", 0.125), lambda v: v != 0.125),
    (Condition("value", "<=", float("inf")), lambda v: True),
    (Condition("value", "<", 10**30), lambda v: True),
    (Condition("value", "between", (3, 4.5)), lambda v: 3 <= v <= 4.5),
    (Condition("value", "in", (1, 2.5, 99.0)), lambda v: v in {1, 2.5, 99}),
    (Condition("value", "not in", (1, 2.5)), lambda v: v not in {1, 2.5}),
    (Condition("characteristic", "=", "hardness"), lambda v: v == "hardness"),
    (Condition("characteristic", "!=", "hardness"), lambda v: v != "hardness"),
    (Condition("characteristic", "<", "a"), lambda v: v < "a"),
    (Condition("characteristic", ">=", "hardness"), lambda v: v >= "hardness"),
    (Condition("characteristic", "in", ("Hardness", "x\0")), lambda v: v == "Hardness"),
    (Condition("characteristic", "not in", ("width",)), lambda v: v != "width"),
    (Condition("characteristic", "like", "H%s_"), lambda v: v == "Hardness"),
    (Condition("characteristic", "like", "h%ne__"), lambda v: v == "hardness"),
    (Condition("characteristic", "=", "hardness "), lambda v: False),
    (Condition("characteristic", "=", "hard\0"), lambda v: False),
    (Condition("characteristic", "!=", "hard\0"), lambda v: True),
    (Condition("characteristic", "in", ()), lambda v: False),
    (Condition("characteristic", "is null"), lambda v: False),
    (Condition("time", ">=", NIGHT), lambda v: v >= NIGHT),
    (Condition("time", "<", NIGHT), lambda v: v < NIGHT),
    (Condition("time", "!=", NIGHT), lambda v: v != NIGHT),
    (Condition("time", "between", (NIGHT, DAY_AFTER)), lambda v: NIGHT <= v <= DAY_AFTER),
    (Condition("time", "<=", dt.date(2026, 10, 26)), lambda v: v <= MIDNIGHT),
    (Condition("time", ">", EXACTLY), lambda v: v > EXACTLY),
    (Condition("time", "=", EXACTLY), lambda v: v == EXACTLY),
    (Condition("time", "in", (EXACTLY, NIGHT)), lambda v: v == EXACTLY),
    (Condition("time", "not in", (EXACTLY,)), lambda v: v != EXACTLY),
]


def test_a_condition_at_the_source_means_what_it_means_here(mes: Federation, sent: list[str]) -> None:
    everything = mes.fetch(step("lab", "value", "characteristic", "time"), None, Told())
    for condition, meant in MEANINGS:
        sent.clear()
        told = Told()
        found = mes.fetch(step("lab", condition.column, conditions=(condition,)), None, told)
        expected = [row for row in rows(everything.select([condition.column])) if meant(row[0])]
        assert rows(found) == expected, condition
        assert len(sent) == told.statements["mes"] == 1, condition
        assert told.moved["mes"] >= len(expected), condition
        if condition.column != "time":
            assert told.moved["mes"] == len(expected), condition


IDS: list[tuple[Condition, set[int]]] = [
    (Condition("id", "=", "11"), {11}),
    (Condition("id", "=", "011"), set()),
    (Condition("id", "=", "eleven"), set()),
    (Condition("id", "in", ("3", "4", "x", "99999999999999999999")), {3, 4}),
    (Condition("id", "!=", "3"), set(range(1, 61)) - {3}),
    (Condition("id", "<", "11"), {1, 10}),
    (Condition("id", "like", "_"), set(range(1, 10))),
    (Condition("customer", "is null"), set(range(7, 61, 7))),
    (Condition("customer", "=", "C1"), {n for n in range(1, 61) if n % 3 == 0 and n % 7}),
    (Condition("customer", "=", "C1 "), set()),
    (Condition("customer", "not in", ("C1", "C2")), {n for n in range(1, 61) if n % 3 == 2 and n % 7}),
    (Condition("customer", "is not null"), {n for n in range(1, 61) if n % 7}),
    (Condition("rush", "=", True), {n for n in range(1, 61) if n % 5 == 0 and n % 7}),
    (Condition("rush", "!=", True), {n for n in range(1, 61) if n % 5 and n % 7}),
    (Condition("rush", "in", (False,)), {n for n in range(1, 61) if n % 5 and n % 7}),
    (
        Condition(
            "due",
            "between",
            (dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC), dt.datetime(2026, 3, 4, tzinfo=dt.UTC)),
        ),
        {1, 2, 29, 30, 57, 58},
    ),
    (Condition("note", "=", ""), {n for n in range(1, 61) if n % 2 == 0 and n % 7}),
]


def test_ids_stay_text_whatever_the_source_keeps(mes: Federation) -> None:
    for condition, expected in IDS:
        told = Told()
        found = mes.fetch(step("orders", "id", conditions=(condition,)), None, told)
        assert sorted(found["id"].to_pylist()) == sorted(map(str, expected)), condition
        if condition.column != "due":
            assert told.moved["mes"] == len(expected), condition


def test_text_is_compared_by_code_point_and_kept_as_it_is(mes: Federation) -> None:
    found = mes.fetch(
        step("customers", "id", conditions=(Condition("name", "like", "50%_o__%"),)), None, Told()
    )
    assert found["id"].to_pylist() == ["C2"]
    names = mes.fetch(step("customers", "name", conditions=(Condition("id", "=", "C1"),)), None, Told())
    assert names["name"].to_pylist() == ["Ärger & Söhne"]


def test_a_few_keys_take_one_statement_and_move_only_what_is_needed(mes: Federation, sent: list[str]) -> None:
    told = Told()
    keys = pa.array(["U003", "U007", "u003", "nobody", None, "U003", "bad\0"])
    found = mes.fetch(step("lab", "subject", "value", key="subject"), keys, told)
    assert set(found["subject"].to_pylist()) == {"U003", "U007"}
    assert found.num_rows == 2 * RESULTS // UNITS
    assert told.statements == {"mes": 1}
    assert told.moved["mes"] <= 1.1 * found.num_rows
    assert len(sent) == 1


def test_many_keys_go_in_batches_never_one_by_one(
    mes: Federation, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "KEYS_PER_STATEMENT", dict.fromkeys(fetch.KEYS_PER_STATEMENT, 20))
    keys = pa.array([f"U{number:03}" for number in range(0, UNITS, 2)]).dictionary_encode()
    told = Told()
    condition = Condition("characteristic", "=", "width")
    found = mes.fetch(step("lab", "subject", conditions=(condition,), key="subject"), keys, told)
    matching = [n for n in range(RESULTS) if n % 3 == 2 and n % UNITS % 2 == 0]
    assert sorted(found["subject"].to_pylist()) == sorted(f"U{n % UNITS:03}" for n in matching)
    # One count decides, then fifty keys in three batches.
    assert told.statements["mes"] == len(sent) == 4
    assert told.moved["mes"] == len(matching)
    assert any("50 keys sent to mes" in note for note in told.notes)


def test_more_keys_than_rows_means_the_conditions_alone(
    mes: Federation, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "KEYS_PER_STATEMENT", dict.fromkeys(fetch.KEYS_PER_STATEMENT, 20))
    keys = pa.array([f"U{number:03}" for number in range(50)])
    told = Told()
    condition = Condition("value", "<", 1.0)
    found = mes.fetch(step("lab", "subject", conditions=(condition,), key="subject"), keys, told)
    assert found.num_rows == 8
    assert told.statements["mes"] == len(sent) == 2
    assert told.moved["mes"] == 8
    assert any("conditions alone" in note for note in told.notes)


def test_integer_and_padded_keys(mes: Federation) -> None:
    told = Told()
    found = mes.fetch(step("orders", "id", "quantity", key="id"), pa.array(["1", "2", "03", "x"]), told)
    assert sorted(found["id"].to_pylist()) == ["1", "2"]
    assert found.column_names == ["id", "quantity"]
    found = mes.fetch(step("orders", "id", key="customer"), pa.array(["C2", "C9 "]), told)
    assert found.num_rows == len([n for n in range(1, 61) if n % 3 == 1 and n % 7])


def test_what_cant_match_is_never_asked(mes: Federation, sent: list[str]) -> None:
    told = Told()
    for asked, keys in (
        (step("lab", "value", key="subject"), pa.array([], pa.string())),
        (step("lab", "value", conditions=(Condition("subject_kind", "=", "lot"),)), None),
        (step("lab", "value", conditions=(Condition("gauge", "is not null"),)), None),
        (step("lab", "value", key="gauge"), pa.array(["G1"])),
        (step("lab", "value", key="subject_kind"), pa.array(["lot"])),
    ):
        found = mes.fetch(asked, keys, told)
        assert (found.num_rows, found.schema.types) == (0, [pa.float64()])
    assert not sent
    assert not told.moved
    whole = mes.fetch(step("lab", "value", key="subject_kind"), pa.array(["unit"]), told)
    assert whole.num_rows == RESULTS


def test_an_estimate_is_one_count_remembered(mes: Federation, sent: list[str]) -> None:
    asked = step("lab", "value", conditions=(Condition("characteristic", "=", "width"),))
    assert mes.estimate(asked) == mes.estimate(asked) == len([n for n in range(RESULTS) if n % 3 == 2])
    assert len(sent) == 1
    assert mes.estimate(step("lab", "value", conditions=(Condition("subject_kind", "=", "lot"),))) == 0
    assert len(sent) == 1


def test_the_names_of_a_field_are_told_apart_by_code_point(mes: Federation, sent: list[str]) -> None:
    assert mes.names("mes", "lab", "characteristic") == ("Hardness", "hardness", "width")
    assert mes.names("mes", "lab", "characteristic") == ("Hardness", "hardness", "width")
    assert len(sent) == 1
    assert mes.names("mes", "lab", "subject_kind") == ("unit",)


def test_fetched_rows_are_used_again_until_forgotten(mes: Federation, sent: list[str]) -> None:
    asked = step("lab", "value", key="subject")
    first, second = Told(), Told()
    once = mes.fetch(asked, pa.array(["U001", "U002"]), first)
    again = mes.fetch(asked, pa.array(["U002", "U001", "U001"]), second)
    assert once.equals(again)
    assert len(sent) == 1
    assert not second.statements
    assert second.notes == [f"lab: {once.num_rows} rows from the cache, 0 s old"]
    mes.fetch(asked, pa.array(["U001"]), second)
    assert len(sent) == 2
    mes.invalidate("mes")
    mes.schema("mes", "lab")
    sent.clear()
    mes.fetch(asked, pa.array(["U001", "U002"]), second)
    assert len(sent) == 1


def test_nothing_can_be_written(mes: Federation) -> None:
    with mes._connector(mes._source("mes")).engine.connect() as connection:
        with pytest.raises(sa.exc.DBAPIError) as caught:
            connection.execute(sa.delete(sa.table("results")))
        assert "read" in str(caught.value).lower()


def test_more_rows_than_allowed_are_refused_and_not_cut_off(mes: Federation) -> None:
    with pytest.raises(SourceTooMuch, match="more than 100 matching rows in 'lab'"):
        mes.fetch(step("lab", "value"), None, Told(), most=100)
    assert mes.fetch(step("lab", "value"), None, Told()).num_rows == RESULTS


def test_names_that_dont_exist_are_said(mes: Federation) -> None:
    with pytest.raises(ModelError, match=r"no field 'valu'.*\n.*'value'"):
        mes.fetch(step("lab", "valu"), None, Told())
    with pytest.raises(ModelError, match=r"no table 'lap'.*\n.*'lab'"):
        mes.fetch(step("lap", "value"), None, Told())
    with pytest.raises(ModelError, match=r"no source 'ms'.*\n.*'mes'"):
        mes.schema("ms", "lab")
    with pytest.raises(SourceFailure, match="'value' of 'lab' can't be compared with 'x'"):
        mes.fetch(step("lab", "value", conditions=(Condition("value", "=", "x"),)), None, Told())
    with pytest.raises(ModelError, match="'value' of table 'lab' holds no ids"):
        mes.fetch(step("lab", "value", key="value"), pa.array(["1"]), Told())


def test_a_column_that_goes_is_named_and_a_new_one_is_no_matter(
    plant: Workspace, mes: Federation, source_url: str
) -> None:
    mes.fetch(step("customers", "name", "rating"), None, Told())
    change(source_url, "ALTER TABLE customers ADD COLUMN extra INTEGER")
    mes.invalidate()
    mes.fetch(step("customers", "name", "rating"), None, Told())
    change(source_url, "ALTER TABLE customers DROP COLUMN rating")
    mes.invalidate("nothing of it")  # the columns are still remembered: the database says that one is gone
    asked = step("customers", "name", "rating", conditions=(Condition("name", "!=", "x"),))
    with pytest.raises(SourceFailure, match="column 'rating' of 'customers' is gone; it was int") as caught:
        mes.fetch(asked, None, Told())
    assert "Correct the column of 'rating' in model.yaml" in str(caught.value.hint)
    assert "extra" in str(caught.value.hint)
    assert "已不存在" in caught.value.said.zh
    # Another plant that opens later remembers what was.
    later = Federation(plant)
    with pytest.raises(SourceFailure, match="is gone; it was int"):
        later.schema("mes", "customers")
    later.close()
    change(source_url, "DROP TABLE customers")
    with pytest.raises(SourceFailure, match="the table 'customers', mounted as 'customers', is gone"):
        mes.fetch(asked, None, Told())


def test_a_column_that_changes_its_type_has_to_be_accepted(mes: Federation, source_url: str) -> None:
    mes.fetch(step("customers", "rating"), None, Told())
    change(source_url, "ALTER TABLE customers DROP COLUMN rating")
    change(source_url, "ALTER TABLE customers ADD COLUMN rating VARCHAR(10)")
    mes.invalidate()
    with pytest.raises(SourceFailure, match=r"'rating' of 'customers' was int\S* and is varchar"):
        mes.fetch(step("customers", "rating"), None, Told())
    mes.accept("mes")
    assert mes.fetch(step("customers", "rating"), None, Told()).schema.types == [pa.string()]


def test_another_model_forgets_what_was_fetched(plant: Workspace, mes: Federation, source_url: str) -> None:
    mes.fetch(step("lab", "value"), None, Told())
    change(source_url, "DELETE FROM results WHERE position >= 100")
    assert mes.fetch(step("lab", "value"), None, Told()).num_rows == RESULTS
    write_model(plant.path, source_url, fresh_for=1.0)
    plant.apply_model()
    assert mes.fetch(step("lab", "value"), None, Told()).num_rows == 100


def change(url: str, statement: str) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()
