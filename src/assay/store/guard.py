"""Which SQL a reader may run: one statement that only reads."""

from __future__ import annotations

import re

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from assay.model.errors import QueryError

_HINT = "One statement is allowed, and it must be SELECT, WITH, DESCRIBE, SUMMARIZE, SHOW TABLES or EXPLAIN."
_EXPLAIN = re.compile(r"\s*EXPLAIN(\s+ANALYZE)?\b(?!\s*\()", re.IGNORECASE)
_OPENING = frozenset(
    ["SELECT", "WITH", "FROM", "VALUES", "TABLE", "DESCRIBE", "DESC", "SUMMARIZE", "PIVOT", "UNPIVOT", "SHOW"]
)
_SHOW = re.compile(r"\s*SHOW(\s+ALL)?\s+TABLES\s*;?\s*\Z", re.IGNORECASE)
_COMMENT = re.compile(r"\A(\s+|--[^\n]*(\n|\Z)|/\*.*?\*/)+", re.DOTALL)

_FORBIDDEN = (
    exp.DML,
    exp.DDL,
    exp.Into,
    exp.Command,
    exp.Pragma,
    exp.Copy,
    exp.Attach,
    exp.Detach,
    exp.Set,
    exp.Drop,
    exp.Alter,
)
_READS_FILES = re.compile(
    r"read_\w+|parquet_\w+|sniff_csv|glob|\w+_scan|query|query_table|getvariable|\w*secrets?|write_log\w*"
    r"|duckdb_logs\w*|pragma_\w+",
    re.IGNORECASE,
)


def check_read_only(sql: str, connection: duckdb.DuckDBPyConnection) -> None:
    """Refuse everything that is not one reading statement.

    Two parsers must agree: sqlglot looks at every node, DuckDB at what kind of statement it would run.

    Raises
    ------
    QueryError
        The text is empty, not SQL, more than one statement, writes, changes settings or reads files.
    """
    text = _COMMENT.sub("", sql).strip()
    if not text.rstrip("; \n\t"):
        raise QueryError("the SQL is empty", hint=_HINT)
    explained = _EXPLAIN.match(text)
    if explained:
        text = text[explained.end() :]
    if _word(text) not in _OPENING:
        raise QueryError(f"{_word(text)} is not allowed: SQL here only reads", hint=_HINT)
    if not _SHOW.match(text):
        _check_tree(text)
    _check_statement(text, connection)


def _check_tree(text: str) -> None:
    try:
        trees = [tree for tree in sqlglot.parse(text, dialect="duckdb") if tree is not None]
    except (SqlglotError, RecursionError) as error:
        raise QueryError(f"the SQL can't be read: {_first_line(error)}", hint=_HINT) from error
    if len(trees) != 1:
        raise QueryError(f"{len(trees)} SQL statements were given", hint=_HINT)
    tree = trees[0]
    if not isinstance(tree, exp.Query | exp.Values | exp.Describe | exp.Summarize | exp.Pivot | exp.From):
        raise QueryError(f"{_word(text)} is not allowed: SQL here only reads", hint=_HINT)
    for node in tree.walk():
        if isinstance(node, exp.Query | exp.Describe | exp.Summarize):
            continue
        if isinstance(node, _FORBIDDEN):
            raise QueryError(f"{node.key.upper()} is not allowed: SQL here only reads", hint=_HINT)
        if isinstance(node, exp.Table) and node.this is not None:
            _check_source(node)
        if isinstance(node, exp.Anonymous) and node.name.lower() == "write_log":
            raise QueryError("WRITE_LOG is not allowed: SQL here only reads", hint=_HINT)


def _check_source(table: exp.Table) -> None:
    source = table.this
    if isinstance(source, exp.Func):
        name = source.name if isinstance(source, exp.Anonymous) else source.sql_name()
        if _READS_FILES.fullmatch(name):
            raise QueryError(
                f"{name.lower()}(…) is not allowed: SQL here reads the plant's tables and no files",
                hint="SHOW TABLES lists what can be read.",
            )
    elif isinstance(source, exp.Literal) or (
        isinstance(source, exp.Identifier) and re.search(r"[/\\:*]|\.\w+\Z", source.name)
    ):
        raise QueryError(
            f"{source.name!r} is not a table: SQL here reads the plant's tables and no files",
            hint="SHOW TABLES lists what can be read.",
        )


def _check_statement(text: str, connection: duckdb.DuckDBPyConnection) -> None:
    try:
        statements = connection.extract_statements(text)
    except duckdb.Error as error:
        raise QueryError(f"the SQL can't be read: {_first_line(error)}", hint=_HINT) from error
    if len(statements) != 1:
        raise QueryError(
            f"{_word(text)} needs {len(statements)} statements here",
            hint="Name the values of a PIVOT: PIVOT … ON column IN ('a', 'b') USING …",
        )
    if statements[0].type != duckdb.StatementType.SELECT:
        raise QueryError(f"{_word(text)} is not allowed: SQL here only reads", hint=_HINT)


def _word(text: str) -> str:
    return (re.match(r"\W*(\w+)", text) or [text, text[:20]])[1].upper()


def _first_line(error: BaseException) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip().splitlines()[0]
