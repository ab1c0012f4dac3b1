"""SQL of people: what only reads passes, everything else is refused with its name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.model.errors import QueryError
from assay.store.guard import check_read_only

READING = [
    "select 1",
    "SELECT * FROM v WHERE a > 1 ORDER BY t LIMIT 5",
    "from v",
    "from v select a",
    "with x as (select 1) select * from x",
    "with recursive r as (select 1 as n union all select n + 1 from r where n < 5) select * from r",
    "select * from v union all select * from v",
    "(select 1)",
    "values (1)",
    "table v",
    "describe v",
    "describe select * from v",
    "summarize v",
    "show tables",
    "show all tables",
    "explain select 1",
    "explain analyze select * from v",
    "-- a comment\nselect 1;",
    "/* a comment */ select 1",
    "select * from range(10)",
    "select * from (values (1)) t(a)",
    "select * exclude (a) from v",
    "select a, count(*) from v group by all",
    "select list(a order by t), arg_max(a, t) from v",
    "select * from v asof join v w using (a)",
    "select replace('a', 'b', 'c')",
    "select * from v qualify row_number() over (partition by a) = 1",
    "pivot v on a in (1, 2) using count(*)",
    "select 'insert into v' as text",
]

REFUSED = [
    ("", "empty"),
    (" ; ", "empty"),
    ("-- nothing", "empty"),
    ("select 1; select 2", "2 SQL statements"),
    ("select 1 /* ; */ ; drop table v --", "2 SQL statements"),
    ("insert into v values (1, 2)", "INSERT"),
    ("with x as (insert into v values (1, 1) returning a) select * from x", "INSERT"),
    ("update v set a = 1", "UPDATE"),
    ("delete from v", "DELETE"),
    ("merge into v using v w on true when matched then delete", "MERGE"),
    ("truncate v", "TRUNCATE"),
    ("create table q as select 1", "CREATE"),
    ("create view q as select 1", "CREATE"),
    ("drop table v", "DROP"),
    ("/* */ drop table v", "DROP"),
    ("alter table v add column b int", "ALTER"),
    ("comment on table v is 'x'", "COMMENT"),
    ("copy v to '/tmp/x'", "COPY"),
    ("copy (select 1) to '/tmp/x'", "COPY"),
    ("explain copy v to 'x'", "COPY"),
    ("explain analyze create table z (a int)", "CREATE"),
    ("explain explain delete from v", "EXPLAIN"),
    ("describe insert into v values (1, 1)", "INSERT"),
    ("export database 'x'", "EXPORT"),
    ("import database 'x'", "IMPORT"),
    ("attach 'x'", "ATTACH"),
    ("detach x", "DETACH"),
    ("use memory", "USE"),
    ("install httpfs", "INSTALL"),
    ("load json", "LOAD"),
    ("pragma database_list", "PRAGMA"),
    ("set threads = 1", "SET"),
    ("set variable x = 1", "SET"),
    ("reset threads", "RESET"),
    ("call pragma_version()", "CALL"),
    ("vacuum", "VACUUM"),
    ("checkpoint", "CHECKPOINT"),
    ("begin", "BEGIN"),
    ("prepare p as select 1", "PREPARE"),
    ("execute p", "EXECUTE"),
    ("select * into n from v", "INTO"),
    ("selekt 1", "SELEKT"),
    ("select * from", "can't be read"),
    ("select * from read_csv('/etc/passwd')", "read_csv"),
    ("select (select count(*) from read_csv('/etc/passwd'))", "read_csv"),
    ("describe select * from read_text('/etc/passwd')", "read_text"),
    ("select * from glob('/etc/*')", "glob"),
    ("select * from '/etc/passwd'", "/etc/passwd"),
    ('select * from "/etc/passwd"', "/etc/passwd"),
    ("select * from 'a.csv'", "a.csv"),
    ("select * from query('select 1')", "query"),
    ("select * from duckdb_secrets()", "secrets"),
    ("select write_log('x')", "WRITE_LOG"),
    ("pivot v on a using count(*)", "PIVOT"),
]


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute("CREATE TABLE v (a int, t int)")
        yield opened


@pytest.mark.parametrize("sql", READING)
def test_reading_statements_pass(sql: str, connection: duckdb.DuckDBPyConnection) -> None:
    check_read_only(sql, connection)
    connection.execute(sql)


WORDS = st.sampled_from(
    [
        *(
            "select",
            "from",
            "where",
            "v",
            "a",
            "(",
            ")",
            ",",
            ";",
            "*",
            "'x'",
            '"y"',
            "--",
            "/*",
            "*/",
            "with",
        ),
        *("as", "insert", "into", "drop", "copy", "explain", "describe", "pivot", "on", "in", "1", ".", "::"),
        *("[", "]", "{", "}", "$1", "?", "read_csv", "union", "all", "values", "table", "summarize", "show"),
        *("order", "by", "limit", "\n"),
    ]
)


@given(st.lists(WORDS, max_size=12).map(" ".join) | st.text(max_size=40))
@settings(deadline=None, max_examples=150)
def test_any_text_passes_or_is_refused_with_a_query_error(sql: str) -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE v (a int, t int)")
        try:
            check_read_only(sql, connection)
        except QueryError:
            return
        with suppress(duckdb.Error):
            connection.execute(sql)
        assert connection.execute("SELECT count(*) FROM v").fetchall() == [(0,)]
        assert connection.execute("SHOW TABLES").fetchall() == [("v",)]


@pytest.mark.parametrize(("sql", "named"), REFUSED)
def test_everything_else_is_refused(sql: str, named: str, connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(QueryError) as caught:
        check_read_only(sql, connection)
    assert named.lower() in caught.value.message.lower()
    assert caught.value.hint
