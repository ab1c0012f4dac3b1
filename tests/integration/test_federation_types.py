"""Types that only one kind of source has: their values, conditions on them, and keys in them."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
import yaml
from federated import fill, write_model

from assay.query.federation import Federation, SourceFailure, SourceValue, federation
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


@pytest.fixture(
    params=[
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
    ]
)
def parts(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A federation over the table ``parts`` of each server."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    script(url, POSTGRES if request.param == "postgres" else MARIADB)
    table = {"name": "parts", "table": "parts", "kind": "part", "key": "code"}
    with Workspace.create(tmp_path / "plant", time_zone="Europe/Berlin") as plant:
        mounted = [table | {"fields": {**FIELDS, "odd": "odd name"}}]
        text = yaml.safe_dump({"sources": [{"name": "mes", "url": url, "tables": mounted}]})
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
