"""Types that only one kind of source has: their values, conditions on them, and keys in them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa
import yaml
from federated import fill, write_model

from assay.query.federation import Federation, SourceFailure, SourceValue, federation
from assay.query.find import find
from assay.query.program import Condition, Fetch, Told
from assay.store.workspace import Workspace

POSTGRES = """
CREATE TYPE grade AS ENUM ('good', 'Bad');
CREATE TABLE parts (
    code uuid PRIMARY KEY, grade grade, doc jsonb, short char(5), amount numeric(30, 20), small real,
    day date, at timestamptz, wall timestamp, "odd name" text);
INSERT INTO parts VALUES
    ('6f9619ff-8b86-d011-b42d-00cf4fc964ff', 'Bad', '{"a": 1}', 'AB', 0.1, 0.1, '2026-03-29',
     '2026-03-29 12:00+02', '2026-10-25 02:30', '%s'),
    ('00000000-0000-0000-0000-000000000001', NULL, NULL, NULL, 1234567890.5, NULL, NULL, NULL, NULL, NULL);
"""
MARIADB = """
CREATE TABLE parts (
    code VARCHAR(40) CHARACTER SET latin1 PRIMARY KEY, grade ENUM('good', 'Bad'), doc JSON, short CHAR(5),
    amount DECIMAL(30, 20), small FLOAT, day DATE, at TIMESTAMP(6) NULL, wall DATETIME(6), `odd name` TEXT);
INSERT INTO parts VALUES
    ('6f9619ff-8b86-d011-b42d-00cf4fc964ff', 'Bad', '{"a": 1}', 'AB', 0.1, 0.1, '2026-03-29',
     CONVERT_TZ('2026-03-29 10:00:00', '+00:00', @@session.time_zone), '2026-10-25 02:30', '%s'),
    ('00000000-0000-0000-0000-000000000001', NULL, NULL, NULL, 1234567890.5, NULL, NULL, NULL, NULL, NULL);
"""
FIRST, SECOND = "6f9619ff-8b86-d011-b42d-00cf4fc964ff", "00000000-0000-0000-0000-000000000001"
FIELDS = {name: name for name in ("grade", "doc", "short", "amount", "small", "day", "at", "wall")}


@pytest.fixture
def parts(server_url: str, tmp_path: Path) -> Iterator[Federation]:
    """A federation over the table ``parts`` of each server."""
    script(server_url, POSTGRES if server_url.startswith("postgresql") else MARIADB)
    table = {"name": "parts", "table": "parts", "kind": "part", "key": "code"}
    with Workspace.create(tmp_path / "plant", time_zone="Europe/Berlin") as plant:
        mounted = [table | {"fields": {**FIELDS, "odd": "odd name"}}]
        text = yaml.safe_dump({"sources": [{"name": "mes", "url": server_url, "tables": mounted}]})
        (plant.path / "model.yaml").write_text(text, "utf-8")
        plant.apply_model()
        yield federation(plant)
        federation(plant).close()


def script(url: str, text: str) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for statement in text.split(";\n"):
            if statement.strip():
                connection.execute(sa.text(statement))
    engine.dispose()


def ids(
    parts: Federation, *conditions: Condition, keys: list[str] | None = None, key: str = "id"
) -> list[str]:
    step = Fetch("f", "mes", "parts", ("id",), conditions, key if keys else None)
    told = Told()
    found = parts.fetch(step, pa.array(keys) if keys else None, told)
    assert told.statements.get("mes", 0) <= 1
    result: list[str] = sorted(found["id"].to_pylist())
    return result


def test_values_are_exact(parts: Federation) -> None:
    found = parts.fetch(Fetch("f", "mes", "parts", ("id", *FIELDS, "odd")), None, Told())
    row = next(row for row in found.to_pylist() if row["id"] == FIRST)
    assert row["grade"] == "Bad"
    assert row["doc"] == '{"a": 1}'
    assert row["short"] == "AB"
    assert row["amount"] == float(Decimal("0.1"))
    assert row["small"] == float(pa.scalar(0.1, pa.float32()).as_py())
    assert row["day"] == dt.datetime(2026, 3, 28, 23, tzinfo=dt.UTC)
    assert row["at"] == dt.datetime(2026, 3, 29, 10, tzinfo=dt.UTC)
    assert row["wall"] == dt.datetime(2026, 10, 25, 0, 30, tzinfo=dt.UTC)
    assert row["odd"] == "%s"


CONDITIONS = [
    (Condition("id", "=", FIRST), [FIRST]),
    (Condition("id", "=", FIRST.upper()), []),
    (Condition("id", "=", "not a uuid"), []),
    (Condition("id", "in", (SECOND, "x")), [SECOND]),
    (Condition("id", "not in", (SECOND, "x")), [FIRST]),
    (Condition("id", ">", "1"), [FIRST]),
    (Condition("id", "like", "6f%"), [FIRST]),
    (Condition("grade", "=", "Bad"), [FIRST]),
    (Condition("grade", "=", "bad"), []),
    (Condition("grade", "=", "unheard of"), []),
    (Condition("grade", "<", "a"), [FIRST]),
    (Condition("short", "=", "AB"), [FIRST]),
    (Condition("short", "=", "AB   "), []),
    (Condition("short", "in", ("AB", "CD")), [FIRST]),
    (Condition("short", "like", "A_"), [FIRST]),
    (Condition("doc", "like", "%a%"), [FIRST]),
    (Condition("amount", "=", 0.1), [FIRST]),
    (Condition("amount", ">", 1e9), [SECOND]),
    (Condition("small", "=", 0.1), []),
    (Condition("small", "<", 0.11), [FIRST]),
    (Condition("day", "=", dt.datetime(2026, 3, 28, 23, tzinfo=dt.UTC)), [FIRST]),
    (Condition("day", "<", dt.datetime(2026, 3, 28, 23, tzinfo=dt.UTC)), []),
    (Condition("at", "=", dt.datetime(2026, 3, 29, 10, tzinfo=dt.UTC)), [FIRST]),
    (Condition("at", "<", dt.datetime(2026, 3, 29, 10, tzinfo=dt.UTC)), []),
    (Condition("wall", "=", dt.datetime(2026, 10, 25, 0, 30, tzinfo=dt.UTC)), [FIRST]),
    (Condition("wall", "=", dt.datetime(2026, 10, 25, 1, 30, tzinfo=dt.UTC)), []),
    (Condition("odd", "=", "%s"), [FIRST]),
    (Condition("odd", "is null"), [SECOND]),
]


def test_conditions_mean_what_they_mean_here(parts: Federation) -> None:
    for condition, expected in CONDITIONS:
        assert ids(parts, condition) == expected, condition


def test_keys_are_sent_in_the_type_of_the_column(parts: Federation) -> None:
    assert ids(parts, keys=[FIRST, "x", FIRST.upper()]) == [FIRST]
    assert ids(parts, keys=["AB", "AB  ", "ab"], key="short") == [FIRST]
    assert ids(parts, keys=["bad", "Bad", "new"], key="grade") == [FIRST]


@pytest.mark.mariadb
def test_a_truth_that_is_neither_is_an_error(plant: Workspace, mariadb_url: str) -> None:
    fill(mariadb_url)
    script(mariadb_url, "UPDATE orders SET rush = 2 WHERE number = 5;\n")
    write_model(plant.path, mariadb_url)
    plant.apply_model()
    mes = federation(plant)
    with pytest.raises(SourceValue, match="'rush' of 'orders' holds 2, which is no true or false"):
        mes.fetch(Fetch("f", "mes", "orders", ("rush",)), None, Told())
    mes.close()


@pytest.mark.postgres
def test_types_that_no_question_knows(plant: Workspace, postgres_url: str) -> None:
    fill(postgres_url)
    script(postgres_url, "ALTER TABLE customers ALTER COLUMN rating TYPE integer[] USING array[rating];\n")
    write_model(plant.path, postgres_url)
    plant.apply_model()
    mes = federation(plant)
    with pytest.raises(
        SourceFailure, match=r"'rating' of 'customers' is integer\[\], but 'rating' has to be"
    ):
        mes.schema("mes", "customers")
    mes.close()


@pytest.mark.postgres
def test_many_threads_share_few_connections(plant: Workspace, postgres_url: str) -> None:
    fill(postgres_url)
    write_model(plant.path, postgres_url)
    plant.apply_model()
    mes = federation(plant)
    most: list[int] = []

    def ask(number: int) -> int:
        keys = pa.array([f"U{number:03}"])
        rows = mes.fetch(Fetch("f", "mes", "lab", ("value",), (), "subject"), keys, Told()).num_rows
        pool = mes.engine("mes").pool
        assert isinstance(pool, sa.QueuePool)
        most.append(pool.checkedout())
        return rows

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(ask, range(60))) == {4}
    assert max(most) <= 4
    mes.close()


@pytest.mark.mariadb
@pytest.mark.parametrize(("column", "wrong"), [("day", "0000-00-00"), ("wall", "0000-00-00 00:00:00.000000")])
def test_a_date_of_zeros_is_an_error(plant: Workspace, mariadb_url: str, column: str, wrong: str) -> None:
    zeros = f"SET SESSION sql_mode = '';\nUPDATE parts SET {column} = '{wrong}' WHERE grade IS NULL;\n"
    script(mariadb_url, MARIADB + zeros)
    mes = mounted(plant, mariadb_url)
    with pytest.raises(SourceValue, match=f"'{column}' of 'parts' holds '{wrong}', which is no a time"):
        mes.fetch(Fetch("f", "mes", "parts", (column,)), None, Told())
    mes.close()


@pytest.mark.mariadb
def test_whole_numbers_without_a_sign_are_ids_too(plant: Workspace, mariadb_url: str) -> None:
    largest = 2**64 - 1
    script(
        mariadb_url,
        "CREATE TABLE parts (code BIGINT UNSIGNED PRIMARY KEY, n BIGINT UNSIGNED);\n"
        f"INSERT INTO parts VALUES ({largest}, {largest}), (7, 7);\n",
    )
    mes = mounted(plant, mariadb_url, n="n")
    assert ids(mes) == [str(largest), "7"]
    assert ids(mes, keys=[str(largest), str(largest + 1)]) == [str(largest)]
    assert ids(mes, Condition("id", "=", str(largest))) == [str(largest)]
    with pytest.raises(SourceValue, match=f"'n' of 'parts' holds {largest}, which is no a whole number"):
        mes.fetch(Fetch("f", "mes", "parts", ("n",)), None, Told())
    mes.close()


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("at", "'infinity'", "timestamp too large"),
        ("wall", "'4713-01-01 BC'", "timestamp too small"),
        ("amount", "1e400", "out of range"),
    ],
)
def test_what_no_column_of_the_plant_can_hold_is_an_error(
    plant: Workspace, postgres_url: str, column: str, value: str, said: str
) -> None:
    script(
        postgres_url,
        "CREATE TABLE parts (code text, at timestamptz, wall timestamp, amount numeric);\n"
        f"INSERT INTO parts (code, {column}) VALUES ('A', NULL), ('B', {value});\n",
    )
    mes = mounted(plant, postgres_url, **{column: column})
    told = Told()
    with pytest.raises(SourceFailure, match=f"can't answer about 'parts': .*{said}"):
        mes.fetch(Fetch("f", "mes", "parts", (column,)), None, told)
    assert not told.moved
    mes.close()


# -- keys -------------------------------------------------------------------------------------------------

KEYS = "CREATE TABLE parts (code VARCHAR(10), n INTEGER);\nINSERT INTO parts VALUES "


def test_a_row_without_a_key_is_no_entity(plant: Workspace, database_url: str) -> None:
    script(database_url, KEYS + "('A', 1), (NULL, 2), ('B', NULL);\n")
    mes = mounted(plant, database_url, n="n")
    assert ids(mes) == ["A", "B"]
    assert mes.estimate(Fetch("f", "mes", "parts", ("id",))) == 2
    assert [row["part"] for row in find(plant, "part").rows] == ["A", "B"]
    mes.close()


def test_two_rows_with_one_key_are_an_error(plant: Workspace, database_url: str) -> None:
    """What belongs to one of them would be counted twice."""
    script(database_url, KEYS + "('A', 1), ('B', 2), ('A', 3);\n")
    mes = mounted(plant, database_url, n="n")
    with pytest.raises(SourceValue, match="the key 'A' occurs more than once in 'parts'") as caught:
        find(plant, "part | select id, n")
    assert "不止一次" in caught.value.said.zh
    assert ids(mes, keys=["B"]) == ["B"]
    mes.close()


def test_keys_differ_by_case_and_blanks_whatever_the_collation(plant: Workspace, database_url: str) -> None:
    script(database_url, KEYS + "('A', 1), ('a', 2), ('A ', 3), (' A', 4), ('Ä', 5), ('ä', 6);\n")
    mes = mounted(plant, database_url, n="n")
    assert ids(mes, keys=["A"]) == ["A"]
    assert ids(mes, keys=["A ", "ä"]) == ["A ", "ä"]
    assert ids(mes, Condition("id", "in", ("a", " A"))) == [" A", "a"]
    assert ids(mes, Condition("id", "!=", "A")) == [" A", "A ", "a", "Ä", "ä"]
    assert [row["n"] for row in find(plant, "part[id = 'A '] | select n").rows] == [3]
    mes.close()


def mounted(plant: Workspace, url: str, **fields: str) -> Federation:
    """The federation of a plant with the table ``parts`` mounted."""
    table = {"name": "parts", "table": "parts", "kind": "part", "key": "code", "fields": fields or FIELDS}
    text = yaml.safe_dump({"sources": [{"name": "mes", "url": url, "tables": [table]}]})
    (plant.path / "model.yaml").write_text(text, "utf-8")
    plant.apply_model()
    return federation(plant)
