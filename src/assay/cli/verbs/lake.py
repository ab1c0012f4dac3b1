"""``assay lake``: the state of the lake, its upkeep, and its past."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.options import AsJson, Plant
from assay.cli.output import show, table
from assay.cli.speech import say
from assay.model.errors import QueryError

if TYPE_CHECKING:
    from rich.console import Console

_HEADS = ("version", "files", "small_files", "rows", "hot_rows", "bytes", "oldest", "newest")
_DERIVED = ("version", "files", "rows", "bytes", "derived", "waiting")
_MADE = ("version", "whole", "rows_in", "rows_out", "dates")
_DONE = (
    "dates",
    "files_before",
    "files_after",
    "bytes_before",
    "bytes_after",
    "retired_rows",
    "deleted_files",
)
_ROWS = 100
_SQL = re.compile(
    r"\s*(select|with|from|values|table|describe|summarize|show|explain|pivot)\b", re.IGNORECASE
)
"""Rows of an answer shown to a person; ``--json`` gives all."""


def status(
    directory: Plant,
    *,
    check: Annotated[bool, typer.Option("--check", help="option.check_lake")] = False,
    deep: Annotated[bool, typer.Option("--deep", help="option.deep")] = False,
    as_json: AsJson = False,
) -> None:
    """Files, rows and times of every table, and what is damaged; the exit code is 1 when a file is.

    Files of a bucket are looked at with ``--check`` only: each is a request.
    """
    from assay.query import layers
    from assay.store import health
    from assay.store.workspace import Workspace

    with Workspace.open(directory) as workspace:
        lake = workspace.lake
        document: dict[str, Any] = {
            "tables": {name: asdict(one) for name, one in health.status(lake).items()},
            "hot": {name: asdict(one) for name, one in health.hot_status(lake).items()},
            "derived": {one.table: one.document() for one in layers.status(workspace) if one.version >= 0},
        }
        if check or deep or lake.place.directory is not None:
            document["damaged"] = [asdict(one) for one in health.check(lake, deep=deep)]

    def human(to: Console) -> None:
        if not document["tables"]:
            to.print(say("lake.empty"))
        for part, heads in (("tables", _HEADS), ("derived", _DERIVED)):
            rows = [[name, *(_shown(one[head]) for head in heads)] for name, one in document[part].items()]
            if rows:
                shown = [say("lake.table"), *(say(f"lake.{head}") for head in heads)]
                table(to, shown, rows, right=range(1, min(len(shown), 7)))
        if "damaged" in document:
            broken = [[one["table"], one["path"], one["what"], _loads(one)] for one in document["damaged"]]
            to.print(say("lake.damaged", files=len(broken)) if broken else say("lake.sound"))
            if broken:
                table(to, [say(f"lake.{head}") for head in ("table", "path", "what", "loads")], broken)

    show(document, human, as_json=as_json)
    if document.get("damaged"):
        raise typer.Exit(1)


def _shown(value: Any) -> Any:
    return sum(value.values()) if isinstance(value, dict) else value


def _loads(damage: dict[str, Any]) -> str:
    return ", ".join(file_name or f"{source}/{epoch}" for source, epoch, file_name in damage["loads"])


def compact(
    directory: Plant,
    *,
    only: Annotated[
        str | None, typer.Option("--table", metavar="TABLE", help="option.table", show_default=False)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="option.dry_run")] = False,
    as_json: AsJson = False,
) -> None:
    """Flush what is hot, merge small files, and delete what the policies let go."""
    from assay.store.compaction import compact as keep
    from assay.store.workspace import Workspace

    with Workspace.open(directory) as workspace:
        flushed = 0 if dry_run else workspace.lake.hot.flush()
        done = keep(workspace.lake, only, dry_run=dry_run)
    document = {"dry_run": dry_run, "flushed_rows": flushed, "tables": [asdict(one) for one in done]}

    def human(to: Console) -> None:
        to.print(say("lake.dry_run" if dry_run else "lake.done", flushed=flushed))
        rows = [[one.table, *(asdict(one)[head] for head in _DONE)] for one in done]
        heads = [say("lake.table"), *(say(f"lake.{head}") for head in _DONE)]
        table(to, heads, rows, right=range(1, len(heads)))

    show(document, human, as_json=as_json)


def derive(
    directory: Plant,
    *,
    only: Annotated[
        list[str] | None, typer.Option("--table", metavar="TABLE", help="option.tables", show_default=False)
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="option.again")] = False,
    since: Annotated[
        datetime | None,
        typer.Option("--since", formats=["%Y-%m-%d"], help="option.derive_since", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring the derived tables up to date with the records: what new rows touch is made again."""
    from assay.query import layers
    from assay.store.workspace import Workspace

    with Workspace.open(directory) as workspace:
        report = layers.derive(workspace, only, again=again, since=since.date() if since else None)
    document = {"tables": [asdict(one) for one in report.tables], "seconds": report.seconds}

    def human(to: Console) -> None:
        changed = [one for one in report.tables if one.changed]
        if not changed:
            to.print(say("lake.fresh"))
            return
        rows = [[one.table, *(asdict(one)[head] for head in _MADE)] for one in changed]
        heads = [say("lake.table"), *(say(f"lake.{head}") for head in _MADE)]
        table(to, heads, rows, right=range(1, len(heads)))

    show(document, human, as_json=as_json)


def as_of(
    directory: Plant,
    when: Annotated[str, typer.Argument(metavar="WHEN", help="argument.when", show_default=False)],
    statement: Annotated[
        str | None, typer.Argument(metavar="[SQL|QUERY]", help="argument.as_of_sql", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """The plant as it was known at a moment: how many rows it had, or the answer to SQL or a question."""
    from assay.store.workspace import Workspace

    with Workspace.open(directory) as workspace:
        moment = moment_of(when, workspace.config.time_zone)
        if statement is None:
            snapshot = workspace.lake.snapshot(as_of=moment)
            with closing(workspace.lake.connect(snapshot)) as connection:
                counts = {
                    name: _count(connection, name)
                    for name, version in snapshot.versions.items()
                    if version >= 0 and name in workspace.lake.tables()
                }
            rows: list[dict[str, Any]] = [{"table": name, "rows": n} for name, n in counts.items() if n]
            heads = ["table", "rows"]
        elif _SQL.match(statement):
            answer = workspace.lake.query(statement, as_of=moment)
            rows, heads = answer.to_pylist(), answer.column_names
        else:
            from assay.query.find import find

            answer = find(workspace, statement, as_of=moment).to_arrow()
            rows, heads = answer.to_pylist(), answer.column_names
    document = {"as_of": moment, "columns": heads, "rows": rows}

    def human(to: Console) -> None:
        to.print(say("lake.as_of_said", moment=moment.isoformat(), rows=len(rows)))
        shown = [say(f"lake.{head}") for head in heads] if statement is None else heads
        table(to, shown, [[row[head] for head in heads] for row in rows[:_ROWS]])

    show(document, human, as_json=as_json)


def _count(connection: Any, name: str) -> int:
    if name == "quarantine_replay":
        return 0
    found: int = connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
    return found


def moment_of(text: str, zone: str) -> datetime:
    """A moment as a person writes it; without an offset it's the plant's time."""
    from zoneinfo import ZoneInfo

    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise QueryError(say("lake.no_moment", text=text), hint=say("lake.no_moment_hint")) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))


VERBS: dict[str, Callable[..., None]] = {
    "status": status,
    "compact": compact,
    "derive": derive,
    "as-of": as_of,
}
"""The verbs of the group by their names, in the order of a day's work."""
