"""``assay correct``: a movement was recorded wrongly; say what is right, why, and who says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.options import AsJson, Plant
from assay.cli.output import show, table
from assay.cli.speech import say

if TYPE_CHECKING:
    from rich.console import Console

_COLUMNS = ("role", "subject", "segment", "execution", "quantity", "unit", "position")


def correct(
    directory: Plant,
    execution: Annotated[
        str, typer.Argument(metavar="EXECUTION", help="argument.execution", show_default=False)
    ],
    role: Annotated[str, typer.Argument(metavar="ROLE", help="argument.role", show_default=False)],
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="argument.subject", show_default=False)],
    *,
    why: Annotated[str, typer.Option("--why", help="option.why", show_default=False)],
    by: Annotated[str, typer.Option("--by", help="option.corrected_by", show_default=False)],
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="COLUMN=VALUE", help="option.set", show_default=False),
    ] = None,
    take_back: Annotated[bool, typer.Option("--take-back", help="option.take_back")] = False,
    segment: Annotated[
        str | None, typer.Option("--segment", metavar="ID", help="option.which_segment", show_default=False)
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="KIND", help="option.which_kind", show_default=False)
    ] = None,
    position: Annotated[
        str | None, typer.Option("--position", metavar="ID", help="option.which_position", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Correct a movement by a new record."""
    from assay.analyse import correct as analysis
    from assay.store.workspace import Workspace

    with Workspace.open(directory) as workspace:
        found = analysis.correct(
            workspace,
            execution,
            role,
            subject,
            changes=_changes(changes or [], workspace.config.time_zone),
            take_back=take_back,
            why=why,
            by=by,
            segment=segment,
            kind=kind,
            position=position,
        )
    document = found.to_dict()
    show(document, lambda to: _print(to, document), as_json=as_json)


def _changes(written: list[str], zone: str) -> dict[str, Any]:
    """What is right, by column; an empty value says that it isn't known."""
    from assay.cli.verbs.lake import moment_of

    changes: dict[str, Any] = {}
    for one in written:
        name, equals, text = one.partition("=")
        if not equals:
            raise typer.BadParameter(say("correct.form", value=one))
        value: Any = text or None
        if text and name in {"time", "started", "ended"}:
            value = moment_of(text, zone)
        elif text and name in {"quantity", "share", "confidence", "clock_uncertainty"}:
            value = _number(text)
        changes[name.strip()] = value
    return changes


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _print(to: Console, document: dict[str, Any]) -> None:
    for when in ("before", "after"):
        rows = document[when]
        heads = [head for head in _COLUMNS if any(row.get(head) is not None for row in rows)]
        shown = [[row.get(head) for head in heads] for row in rows]
        to.print(say(f"correct.{when}"))
        table(to, [say(f"correct.{head}") for head in heads], shown)
    if any(row.get("quantity") == 0 for row in document["after"]):
        to.print(say("correct.nothing"))
