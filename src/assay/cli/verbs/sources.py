"""``assay sources``: the databases that are mounted, and what became of their tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.options import AsJson, Plant
from assay.cli.output import show, table
from assay.cli.speech import said, say

if TYPE_CHECKING:
    from rich.console import Console

    from assay.query.federation import TableDrift

_HEADS = ("source", "table", "column", "was", "now")


def status(directory: Plant, *, as_json: AsJson = False) -> None:
    """Look at every mounted table; the exit code is 1 when one changed or can't be asked."""
    from assay.query.federation import federation
    from assay.store.workspace import Workspace

    with Workspace.open(directory) as workspace:
        mounted = federation(workspace)
        drifts = [drift for source in mounted.sources() for drift in mounted.drift(source.name)]
        accepted = [asdict(one) for one in mounted.accepted()]
        mounted.close()
    document = {"tables": [_document(one) for one in drifts], "accepted": accepted}

    def human(to: Console) -> None:
        if not drifts:
            to.print(say("sources.none"))
            return
        states = [[one.source, one.table, say(f"sources.{_state(one)}")] for one in drifts]
        table(to, [say(f"sources.{head}") for head in ("source", "table", "state")], states)
        _changes(to, drifts)

    show(document, human, as_json=as_json)
    if any(_state(one) in {"drifted", "failed"} for one in drifts):
        raise typer.Exit(1)


def accept(
    directory: Plant,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="argument.source", show_default=False)],
    *,
    only: Annotated[
        str | None,
        typer.Option("--table", metavar="TABLE", help="option.mounted_table", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take the tables of a source as they are now; what changed is shown and written down."""
    from assay.query.federation import federation
    from assay.store.workspace import Workspace

    with Workspace.open(directory) as workspace:
        mounted = federation(workspace)
        drifts = mounted.accept(source, only)
        mounted.close()

    def human(to: Console) -> None:
        changed = sum(bool(one.columns) for one in drifts)
        to.print(say("sources.accepted", source=source, tables=changed))
        _changes(to, drifts)

    show({"tables": [_document(one) for one in drifts]}, human, as_json=as_json)
    if any(one.failure for one in drifts):
        raise typer.Exit(1)


def _state(drift: TableDrift) -> str:
    if drift.failure is not None:
        return "failed"
    if drift.columns:
        return "drifted"
    return "same" if drift.known else "new"


def _document(drift: TableDrift) -> dict[str, Any]:
    failure = None if drift.failure is None else said(drift.failure)
    return {**asdict(drift), "state": _state(drift), "failure": failure}


def _changes(to: Console, drifts: Iterable[TableDrift]) -> None:
    rows = [
        [one.source, one.table, column.column, column.was or "—", column.now or "—"]
        for one in drifts
        for column in one.columns
    ]
    if rows:
        table(to, [say(f"sources.{head}") for head in _HEADS], rows)
    for one in drifts:
        if one.failure is not None:
            to.print(said(one.failure), soft_wrap=True)


VERBS: dict[str, Callable[..., None]] = {"status": status, "accept": accept}
