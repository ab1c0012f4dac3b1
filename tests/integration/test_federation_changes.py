"""Rows that were fetched are used again as long as nothing changed at the source, and not a moment longer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
import yaml

from assay.cli.app import run
from assay.query.federation import Federation, SourceChanged, federation
from assay.query.program import Condition, Fetch, Told
from assay.store.workspace import Workspace

PARTS = Fetch("f", "mes", "parts", ("id", "grade"))
SOME = Fetch("f", "mes", "parts", ("id", "grade"), (), "id", ("k", "k"))


def write_model(folder: Path, url: str, *, changed: str | None = "touched", **settings: Any) -> None:
    parts = {"name": "parts", "table": "parts", "kind": "part", "key": "code"}
    lab = {"name": "lab", "table": "lab", "kind": "measurement", "constants": {"subject_kind": "unit"}}
    tables = [
        parts | {"fields": {"grade": "grade", "note": "note"}},
        lab | {"fields": {"subject": "serial", "characteristic": "test", "value": "figure"}},
    ]
    if changed:
        tables = [table | {"changed": changed} for table in tables]
    source = {"name": "mes", "url": url, "tables": tables, "fresh_for": 0, **settings}
    (folder / "model.yaml").write_text(yaml.safe_dump({"sources": [source]}), "utf-8")


def change(url: str, *statements: str) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    engine.dispose()


@pytest.fixture
def plant(tmp_path: Path, database_url: str) -> Iterator[Workspace]:
    stamp = "DATETIME(6)" if "mariadb" in database_url else "TIMESTAMP"
    change(
        database_url,
        f"CREATE TABLE parts (code VARCHAR(10), grade INTEGER, note VARCHAR(10), touched {stamp})",
        f"CREATE TABLE lab (serial VARCHAR(10), test VARCHAR(10), figure FLOAT, touched {stamp})",
        "INSERT INTO parts VALUES ('A', 1, 'x', '2026-03-01 08:00:00'), ('B', 2, 'y', '2026-03-01 09:00:00')",
        "INSERT INTO lab VALUES ('U1', 'hardness', 60, '2026-03-01 08:00:00')",
    )
    with Workspace.create(tmp_path / "plant") as workspace:
        write_model(workspace.path, database_url)
        workspace.apply_model()
        yield workspace
        federation(workspace).close()


@pytest.fixture
def mes(plant: Workspace) -> Federation:
    mes = federation(plant)
    mes.schema("mes", "parts")
    return mes


def asked(mes: Federation, step: Fetch = PARTS, keys: list[str] | None = None) -> tuple[dict[str, Any], Told]:
    """The grades by id, and what was done."""
    told = Told()
    found = mes.fetch(step, pa.array(keys) if keys else None, told)
    return dict(zip(*(column.to_pylist() for column in found.columns), strict=True)), told


def test_what_did_not_change_is_not_moved_again(mes: Federation) -> None:
    first, before = asked(mes)
    assert before.statements == {"mes": 2}, "the state and the rows"
    again, told = asked(mes)
    assert again == first == {"A": 1, "B": 2}
    assert told.statements == {"mes": 1}
    assert told.moved == {"mes": 0}
    assert told.notes == ["parts: 2 rows from the cache, unchanged at mes since"]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("INSERT INTO parts VALUES ('C', 3, '', '2026-03-01 07:00:00')", {"A": 1, "B": 2, "C": 3}),
        ("UPDATE parts SET grade = 9, touched = '2026-03-02 10:00:00' WHERE code = 'A'", {"A": 9, "B": 2}),
        ("UPDATE parts SET grade = 8, touched = '2026-03-01 08:30:00' WHERE code = 'A'", {"A": 8, "B": 2}),
        ("DELETE FROM parts WHERE code = 'A'", {"B": 2}),
    ],
    ids=["inserted", "updated", "updated by a slow writer, with a time before others'", "deleted"],
)
def test_a_change_at_the_source_is_seen_at_once(
    mes: Federation, database_url: str, statement: str, expected: dict[str, int]
) -> None:
    asked(mes)
    asked(mes, SOME, ["A", "C"])
    change(database_url, statement)
    found, told = asked(mes)
    assert found == expected
    assert told.statements == {"mes": 2}
    few, _ = asked(mes, SOME, ["A", "C"])
    assert few == {name: grade for name, grade in expected.items() if name in "AC"}


def test_rows_young_enough_are_used_without_asking(plant: Workspace, database_url: str) -> None:
    write_model(plant.path, database_url, fresh_for=60)
    plant.apply_model()
    mes = federation(plant)
    asked(mes)
    change(database_url, "DELETE FROM parts WHERE code = 'A'")
    found, told = asked(mes)
    assert found == {"A": 1, "B": 2}
    assert not told.statements, "stale by no more than the 60 s that were declared"


def test_without_a_column_of_changes_old_rows_are_fetched_anew(plant: Workspace, database_url: str) -> None:
    write_model(plant.path, database_url, changed=None)
    plant.apply_model()
    mes = federation(plant)
    asked(mes)
    change(database_url, "UPDATE parts SET grade = 5 WHERE code = 'A'")
    found, told = asked(mes)
    assert found == {"A": 5, "B": 2}
    assert told.statements == {"mes": 1}


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_postgresql_tells_every_change_by_itself(plant: Workspace, database_url: str) -> None:
    write_model(plant.path, database_url, changed="xmin")
    plant.apply_model()
    mes = federation(plant)
    asked(mes)
    assert asked(mes)[1].moved == {"mes": 0}
    change(database_url, "UPDATE parts SET grade = 7 WHERE code = 'B'")
    assert asked(mes)[0] == {"A": 1, "B": 7}


@pytest.mark.parametrize(
    "database_url",
    [
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
    ],
    indirect=True,
)
def test_the_rows_are_those_of_the_state_they_are_kept_with(mes: Federation, database_url: str) -> None:
    """Somebody writes between the look at the state and the rows; the next question sees it.

    A reader of SQLite keeps writers out.
    """
    later: list[Callable[[], None]] = [
        lambda: change(database_url, "UPDATE parts SET grade = 4, touched = '2026-04-01' WHERE code = 'A'")
    ]

    @sa.event.listens_for(mes.engine("mes"), "after_cursor_execute")
    def _between(_: Any, __: Any, statement: str, *rest: Any) -> None:
        if "hash" in statement or "crc32" in statement:
            for one in later[:1]:
                later.clear()
                one()

    assert asked(mes)[0] == {"A": 1, "B": 2}
    assert asked(mes)[0] == {"A": 4, "B": 2}


def test_names_are_asked_for_anew_when_there_are_others(mes: Federation, database_url: str) -> None:
    assert mes.names("mes", "lab", "characteristic") == ("hardness",)
    assert mes.names("mes", "lab", "characteristic") == ("hardness",)
    change(database_url, "INSERT INTO lab VALUES ('U1', 'width', 3, '2026-03-02 08:00:00')")
    assert mes.names("mes", "lab", "characteristic") == ("hardness", "width")


def test_a_column_of_changes_that_is_not_there_is_said(plant: Workspace, database_url: str) -> None:
    write_model(plant.path, database_url, changed="toched")
    plant.apply_model()
    with pytest.raises(SourceChanged, match=r"'parts' has no column 'toched'.*\n.*'touched'"):
        federation(plant).schema("mes", "parts")


# -- changed columns --------------------------------------------------------------------------------------


def test_a_changed_column_is_shown_and_accepted(
    plant: Workspace, mes: Federation, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(mes)
    change(database_url, "ALTER TABLE parts DROP COLUMN note", "ALTER TABLE parts ADD COLUMN note INTEGER")
    place = str(plant.path)
    assert run(["sources", "status", place, "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    [one] = [table for table in document["tables"] if table["table"] == "parts"]
    assert one["state"] == "drifted"
    [column] = one["columns"]
    assert (column["column"], column["was"]) == ("note", "varchar(10)")
    assert column["now"].startswith("integer")
    assert document["accepted"] == []
    mes.invalidate()
    with pytest.raises(SourceChanged, match="assay sources accept PLANT mes"):
        asked(mes)
    assert run(["--lang", "zh", "sources", "accept", place, "mes", "--table", "parts"]) == 0
    said = capsys.readouterr().out
    assert "已接受：mes 有 1 张表改变" in said
    assert "varchar(10)" in said
    mes.invalidate()
    found = mes.fetch(Fetch("f", "mes", "parts", ("note",)), None, Told())
    assert found.schema.types == [pa.int64()]
    assert run(["sources", "status", place, "--json"]) == 0
    [entry] = json.loads(capsys.readouterr().out)["accepted"]
    assert (entry["source"], entry["table"]) == ("mes", "parts")
    assert entry["columns"] == one["columns"]
    assert entry["time"]


def test_what_cant_be_asked_is_not_accepted(
    plant: Workspace, mes: Federation, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(mes)
    change(database_url, "ALTER TABLE parts DROP COLUMN grade")
    assert run(["sources", "accept", str(plant.path), "mes"]) == 1
    assert "has no column 'grade'" in capsys.readouterr().out
    assert mes.accepted() == ()
    mes.invalidate()
    with pytest.raises(SourceChanged, match="column 'grade' of 'parts' is gone; it was int"):
        asked(mes)


def test_sources_that_are_not_there(
    plant: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["sources", "accept", str(plant.path), "mess"]) == 1
    assert "'mes'" in capsys.readouterr().err
    Workspace.create(tmp_path / "other").close()
    assert run(["sources", "status", str(tmp_path / "other")]) == 0
    assert "No database is mounted" in capsys.readouterr().out


def test_conditions_are_kept_apart(mes: Federation) -> None:
    good = Fetch("f", "mes", "parts", ("id", "grade"), (Condition("grade", ">", 1),))
    assert asked(mes, good)[0] == {"B": 2}
    assert asked(mes)[0] == {"A": 1, "B": 2}
    assert asked(mes, good)[0] == {"B": 2}
