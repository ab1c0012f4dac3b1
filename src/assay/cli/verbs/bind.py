"""``assay bind``: features of signals over the time that units were in a step."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from assay.cli.options import AsJson, Plant
from assay.cli.output import show, table
from assay.cli.progress import bar
from assay.cli.speech import say, spoken

if TYPE_CHECKING:
    from rich.console import Console

_SHOWN = 40
"""Rows shown to a person; ``--json`` gives all."""


def bind(
    directory: Plant,
    *,
    segment: Annotated[
        str | None, typer.Option("--segment", help="option.bind_segment", show_default=False)
    ] = None,
    features: Annotated[
        str | None, typer.Option("--features", metavar="LIST", help="option.features", show_default=False)
    ] = None,
    signals: Annotated[
        str | None, typer.Option("--signals", metavar="LIST", help="option.signals", show_default=False)
    ] = None,
    phases: Annotated[bool, typer.Option("--phases", help="option.phases")] = False,
    first: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="option.bind_from", show_default=False)
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="option.bind_to", show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="option.bind_out", show_default=False)
    ] = None,
    method: Annotated[
        Literal["auto", "kernel", "sql"], typer.Option("--method", help="option.bind_method")
    ] = "auto",
    as_json: AsJson = False,
) -> None:
    """Bind signals to units."""
    from assay.query.bind.bound import bind as bound
    from assay.query.bind.features import DEFAULT, split_features
    from assay.store.workspace import Workspace

    between = None if first is None and last is None else (_moment(first), _moment(last))
    with Workspace.open(directory) as workspace, bar() as progress:
        document = bound(
            workspace,
            segment=segment,
            features=DEFAULT if features is None else split_features(features),
            signals=None if signals is None else [name.strip() for name in signals.split(",")],
            phases=phases,
            between=between,
            method=method,
            out=out,
            progress=progress,
        ).to_dict()
    show(document, lambda to: print_bound(to, document), as_json=as_json)


def print_bound(to: Console, document: dict[str, Any]) -> None:
    """The first rows as a person reads them, and the notes."""
    rows = document["bound"][:_SHOWN]
    heads = ["unit", "segment", "phase", "equipment", "signal", *document["features"]]
    heads = [head for head in heads if head != "phase" or any(row["phase"] for row in rows)]
    if rows:
        shown = [[_cell(row[head]) for head in heads] for row in rows]
        right = range(heads.index("signal") + 1, len(heads))
        named = [head if head in document["features"] else say(f"bind.{head}") for head in heads]
        table(to, named, shown, right=list(right))
    if document["file"]:
        to.print(say("bind.written", rows=f"{document['rows']:,}", file=document["file"]))
    elif document["rows"] > len(rows):
        to.print(say("bind.more", rows=f"{document['rows']:,}", shown=len(rows)))
    elif not rows:
        to.print(say("bind.none"))
    for note in document["notes"]:
        to.print(note[spoken()])


def _cell(value: object) -> object:
    return f"{value:.6g}" if isinstance(value, float) else value


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(say("bind.time", text=text)) from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
