"""A source that is down, slow, broken off, closed to us or wrong: it is said, and no part passes for all."""

from __future__ import annotations

import sqlite3
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa
from federated import RESULTS, Line, fill, line, refusing, write_model

from assay.query.federation import (
    Federation,
    MissingDriver,
    SourceDown,
    SourceFailure,
    SourceRefused,
    SourceSlow,
    SourceValue,
    connect,
    federation,
    fetch,
)
from assay.query.federation.cache import Cache, Kept
from assay.query.program import Condition, Fetch, Told
from assay.store.workspace import Workspace

EVERYTHING = Fetch("f", "mes", "lab", ("subject", "value", "time"))


@pytest.fixture
def lab_url(server_url: str) -> str:
    """A laboratory's database on a server."""
    fill(server_url)
    return server_url


@pytest.fixture
def between(lab_url: str, plant: Workspace) -> Iterator[Line]:
    """The line between the plant and the server, to stall and to cut."""
    with line(lab_url) as (made, url):
        write_model(plant.path, url, timeout=1.5)
        plant.apply_model()
        yield made
        federation(plant).close()


def known(plant: Workspace) -> Federation:
    """The plant's federation, once it has looked at the table."""
    mes = federation(plant)
    mes.schema("mes", "lab")
    return mes


def test_a_source_that_is_down_is_named(plant: Workspace, lab_url: str) -> None:
    with line(lab_url) as (between, url):
        between.close()
    write_model(plant.path, url)
    plant.apply_model()
    told = Told()
    with pytest.raises(SourceDown, match="Source 'mes' doesn't answer") as caught:
        federation(plant).fetch(EVERYTHING, None, told)
    assert "没有应答" in caught.value.said.zh
    assert not told.moved


def test_a_stalled_line_is_given_up(plant: Workspace, between: Line) -> None:
    mes = known(plant)
    between.flowing.clear()
    with pytest.raises(SourceSlow, match=r"Source 'mes' took longer than 1.5 s for one statement on 'lab'"):
        mes.fetch(EVERYTHING, None, Told())
    between.flowing.set()
    between.cut()
    assert mes.fetch(EVERYTHING, None, Told()).num_rows == RESULTS


def test_a_line_that_stalls_while_columns_are_looked_at_is_given_up(plant: Workspace, between: Line) -> None:
    mes = known(plant)
    mes.invalidate()
    between.flowing.clear()
    with pytest.raises(SourceSlow):
        mes.schema("mes", "lab")
    with pytest.raises(SourceDown):
        mes.schema("mes", "lab")


def test_what_was_asked_before_it_was_forgotten_is_not_kept_after() -> None:
    cache = Cache()
    before = cache.round
    cache.forget("mes")
    kept = Kept("mes", pa.table({"a": [1]}), 0.0)
    cache.keep("key", kept, before)
    assert cache.find("key", float("inf")) is None
    cache.keep("key", kept, cache.round)
    assert cache.find("key", float("inf")) is not None


def test_a_line_cut_in_the_middle_gives_no_part(
    plant: Workspace, between: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "BATCH_ROWS", 50)
    mes = known(plant)
    between.left = 8_000
    told = Told()
    with pytest.raises(SourceDown, match="Source 'mes' broke off in the middle") as caught:
        mes.fetch(EVERYTHING, None, told)
    assert "thrown away" in str(caught.value.hint)
    assert not told.moved
    between.left = None
    after = Told()
    assert mes.fetch(EVERYTHING, None, after).num_rows == RESULTS
    assert after.statements["mes"] == 1, "nothing of the broken fetch was kept"


def test_a_line_that_stalls_in_the_middle_gives_no_part(
    plant: Workspace, between: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "BATCH_ROWS", 50)
    mes = known(plant)
    between.left, between.stalls = 8_000, True
    told = Told()
    began = time.monotonic()
    with pytest.raises(SourceDown) as caught:
        mes.fetch(EVERYTHING, None, told)
    assert time.monotonic() - began < 60
    assert isinstance(caught.value, SourceSlow) or "broke off" in str(caught.value)
    assert not told.moved
    between.left = None
    between.flowing.set()
    between.cut()
    assert mes.fetch(EVERYTHING, None, Told()).num_rows == RESULTS


@pytest.mark.parametrize("scheme", ["postgresql", "mariadb"])
def test_a_server_that_takes_the_connection_and_says_nothing_is_given_up(
    plant: Workspace, scheme: str
) -> None:
    with refusing(b"") as port:
        write_model(plant.path, f"{scheme}://root@127.0.0.1:{port}/x", timeout=0.3)
        plant.apply_model()
        began = time.monotonic()
        with pytest.raises(SourceDown, match="Source 'mes' doesn't answer"):
            federation(plant).schema("mes", "lab")
        assert time.monotonic() - began < 60
        federation(plant).close()


def test_a_question_s_time_ends_a_fetch_that_trickles(
    plant: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each batch comes in time, and all of them together would not."""
    monkeypatch.setattr(connect, "BATCH_ROWS", 50)
    mes = sqlite_plant(plant)
    told = Told()
    with pytest.raises(SourceSlow, match="the question's time was over before all rows of 'lab' had arrived"):
        mes.fetch(EVERYTHING, None, told, seconds=0.0)
    assert not told.moved
    after = Told()
    assert mes.fetch(EVERYTHING, None, after).num_rows == RESULTS
    assert after.statements == {"mes": 1}, "nothing of it was kept"


def test_one_batch_of_keys_that_fails_fails_the_fetch(
    plant: Workspace, between: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "KEYS_PER_STATEMENT", dict.fromkeys(fetch.KEYS_PER_STATEMENT, 10))
    mes = known(plant)
    keys = pa.array([f"U{number:03}" for number in range(100)])
    asked = Fetch("f", "mes", "lab", ("subject", "value", "time"), (), "subject", ("k", "k"))
    mes.estimate(asked)
    between.left = 6_000
    told = Told()
    with pytest.raises(SourceDown):
        mes.fetch(asked, keys, told)
    assert 1 < told.statements["mes"] < 10, "it broke off between the first batch and the last"
    between.left = None
    assert mes.fetch(asked, keys, Told()).num_rows == RESULTS


def test_a_connection_that_went_stale_is_made_anew(plant: Workspace, between: Line) -> None:
    mes = known(plant)
    mes.fetch(Fetch("f", "mes", "lab", ("value",)), None, Told())
    between.cut()
    told = Told()
    assert mes.fetch(EVERYTHING, None, told).num_rows == RESULTS
    assert told.moved == {"mes": RESULTS}
    assert "mes: the connection was stale, connected again" in told.notes


def test_the_server_itself_ends_a_statement_that_takes_too_long(plant: Workspace, lab_url: str) -> None:
    engine = sa.create_engine(lab_url)
    sleep = "pg_sleep(9)::text" if engine.dialect.name == "postgresql" else "sleep(9)"
    with engine.begin() as connection:
        connection.execute(
            sa.text(f"CREATE VIEW slow AS SELECT serial, test, figure, taken, {sleep} AS s FROM results")
        )
    write_model(plant.path, lab_url, timeout=0.3)
    text = (plant.path / "model.yaml").read_text("utf-8")
    text = text.replace("table: results", "table: slow").replace("characteristic: test", "characteristic: s")
    (plant.path / "model.yaml").write_text(text, "utf-8")
    plant.apply_model()
    asked = Fetch("f", "mes", "lab", ("subject", "characteristic"))
    with pytest.raises(SourceSlow) as caught:
        federation(plant).fetch(asked, None, Told())
    cause = getattr(caught.value.__cause__, "orig", None)
    assert "timeout" in str(cause) or "max_statement_time" in str(cause), "not this side's limit"
    federation(plant).close()
    with engine.connect() as connection:
        activity = {
            "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%slow%'"
            " AND state = 'active' AND pid <> pg_backend_pid() AND datname = current_database()",
            "mariadb": "SELECT count(*) FROM information_schema.processlist WHERE db = database()"
            " AND info LIKE '%slow%' AND id <> connection_id()",
        }
        assert connection.scalar(sa.text(activity[engine.dialect.name])) == 0
    engine.dispose()


def test_wrong_credentials_are_said_without_the_password(
    plant: Workspace, mariadb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = sa.make_url(mariadb_url).set(username="stranger", password="hunter2")
    monkeypatch.setenv("MES_URL", url.render_as_string(hide_password=False))
    write_model(plant.path, "env:MES_URL")
    plant.apply_model()
    with pytest.raises(SourceRefused, match=r"Source 'mes' doesn't let Assay in: .*Access denied") as caught:
        federation(plant).schema("mes", "lab")
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_a_wrong_password_of_postgresql_is_said_without_it(
    plant: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = b'SFATAL\0C28P01\0Mpassword authentication failed for user "assay"\0\0'
    with refusing(b"E" + (len(said) + 4).to_bytes(4, "big") + said) as port:
        monkeypatch.setenv("MES_URL", f"postgresql://assay:hunter2@127.0.0.1:{port}/lims")
        write_model(plant.path, "env:MES_URL")
        plant.apply_model()
        with pytest.raises(SourceRefused, match=r"doesn't let Assay in: .*authentication failed") as caught:
            federation(plant).schema("mes", "lab")
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.postgres
def test_an_unknown_role_is_not_let_in(plant: Workspace, postgres_url: str) -> None:
    url = sa.make_url(postgres_url).set(username="stranger")
    write_model(plant.path, url.render_as_string())
    plant.apply_model()
    with pytest.raises(SourceFailure, match=r"Source 'mes' doesn't let Assay in: .*stranger"):
        federation(plant).schema("mes", "lab")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "the environment variable MES_URL with its URL is not set"),
        ("oracle://u:hunter2@host/x", "kind 'oracle' can't be asked"),
        ("postgresql://u:hunter2@host:port/x", "its URL can't be used"),
        ("hunter2", "not the URL of a database"),
        ("sqlite://", "names no file"),
    ],
)
def test_a_url_that_cant_be_used(
    plant: Workspace, monkeypatch: pytest.MonkeyPatch, value: str | None, message: str
) -> None:
    monkeypatch.delenv("MES_URL", raising=False)
    if value:
        monkeypatch.setenv("MES_URL", value)
    write_model(plant.path, "env:MES_URL")
    plant.apply_model()
    with pytest.raises(SourceFailure, match=message) as caught:
        federation(plant).schema("mes", "lab")
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [("postgresql://host/x", "psycopg", "postgres"), ("mariadb://host/x", "pymysql", "mariadb")],
)
def test_a_missing_driver_names_the_extra(
    plant: Workspace, monkeypatch: pytest.MonkeyPatch, url: str, module: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    write_model(plant.path, url)
    plant.apply_model()
    with pytest.raises(MissingDriver) as caught:
        federation(plant).schema("mes", "lab")
    assert caught.value.hint == f"Install it with: pip install 'assay-quality[{extra}]'"


def sqlite_plant(plant: Workspace, *statements: str) -> Federation:
    """A plant with the laboratory in a file of its own directory, changed a little."""
    fill(f"sqlite:///{plant.path / 'mes.db'}")
    with sqlite3.connect(plant.path / "mes.db") as raw:
        for statement in statements:
            raw.execute(statement)
    raw.close()
    write_model(plant.path, "sqlite:///mes.db", timeout=0.3)
    plant.apply_model()
    return federation(plant)


def test_a_sqlite_file_that_is_missing_is_not_made(plant: Workspace) -> None:
    write_model(plant.path, "sqlite:///mes.db")
    plant.apply_model()
    with pytest.raises(SourceDown, match="unable to open database file"):
        federation(plant).schema("mes", "lab")
    assert not (plant.path / "mes.db").exists()


def test_a_slow_statement_on_sqlite_is_ended(plant: Workspace) -> None:
    endless = (
        "CREATE VIEW endless AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        "SELECT i AS serial, i AS test, i AS figure, i AS taken FROM n"
    )
    mes = sqlite_plant(plant, "DROP TABLE results", endless, "ALTER TABLE orders RENAME TO o")
    (plant.path / "model.yaml").write_text(
        (plant.path / "model.yaml").read_text("utf-8").replace("table: results", "table: endless"), "utf-8"
    )
    plant.apply_model()
    asked = Fetch("f", "mes", "lab", ("value",), (Condition("value", "<", 0),))
    with pytest.raises(SourceSlow):
        mes.fetch(asked, None, Told())


@pytest.mark.parametrize(
    ("column", "value", "field", "message"),
    [
        ("figure", "'heavy'", "value", "column 'figure' of 'results' holds 'heavy', which is no a number"),
        ("taken", "'yesterday'", "time", "'yesterday', which is no a time"),
        ("taken", "12", "time", "12, which is no a time"),
        ("serial", "x'ff00'", "subject", "which is no text"),
        (
            "serial",
            "CAST(x'55ff' AS TEXT)",
            "subject",
            "'serial' of 'results' holds b'U.xff', which is no text",
        ),
    ],
)
def test_a_value_that_is_not_of_its_type_is_said(
    plant: Workspace, column: str, value: str, field: str, message: str
) -> None:
    mes = sqlite_plant(plant, f"UPDATE results SET {column} = {value} WHERE position = 77")
    with pytest.raises(SourceValue, match=message):
        mes.fetch(Fetch("f", "mes", "lab", (field,)), None, Told())


def test_a_column_of_an_unfit_type_is_refused(plant: Workspace) -> None:
    mes = sqlite_plant(
        plant, "ALTER TABLE results DROP COLUMN figure", "ALTER TABLE results ADD COLUMN figure BLOB"
    )
    with pytest.raises(SourceFailure, match="'figure' of 'results' is blob, but 'value' has to be a number"):
        mes.schema("mes", "lab")


def test_results_that_were_not_used_for_long_make_room(plant: Workspace) -> None:
    sqlite_plant(plant)
    small = Federation(plant, cache_bytes=500)
    by_unit = Fetch("f", "mes", "lab", ("value",), (), "subject", ("k", "k"))
    for number in range(40):
        small.fetch(by_unit, pa.array([f"U{number:03}"]), Told())
    small.fetch(EVERYTHING, None, Told())
    assert 0 < small._cache.bytes <= 500
    told = Told()
    small.fetch(by_unit, pa.array(["U039"]), told)
    assert not told.statements
    small.fetch(by_unit, pa.array(["U000"]), told)
    small.fetch(EVERYTHING, None, told)
    assert told.statements == {"mes": 2}, "the first was used longest ago, and the last is too large to keep"
    small.close()


def test_the_sqlite_file_is_relative_to_the_plant(plant: Workspace, tmp_path: Path) -> None:
    mes = sqlite_plant(plant)
    assert mes.fetch(EVERYTHING, None, Told()).num_rows == RESULTS
    assert not list(tmp_path.glob("mes.db*"))
