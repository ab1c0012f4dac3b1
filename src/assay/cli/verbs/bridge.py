"""``assay bridge``: which piece that went into a furnace is which that came out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.options import AsJson, Plant
from assay.cli.output import show, table
from assay.cli.speech import say, spoken

if TYPE_CHECKING:
    from rich.console import Console

_SHOWN = 40
"""Edges shown to a person; ``--json`` gives all."""


def bridge(
    directory: Plant,
    segment: Annotated[str, typer.Argument(metavar="SEGMENT", help="argument.segment", show_default=False)],
    *,
    residence: Annotated[
        float | None, typer.Option("--residence", help="option.residence", show_default=False)
    ] = None,
    tolerance: Annotated[
        float | None, typer.Option("--tolerance", help="option.tolerance", show_default=False)
    ] = None,
    into: Annotated[str | None, typer.Option("--into", help="option.into", show_default=False)] = None,
    lane: Annotated[str | None, typer.Option("--lane", help="option.lane", show_default=False)] = None,
    by_carrier: Annotated[bool, typer.Option("--by-carrier", help="option.by_carrier")] = False,
    write: Annotated[bool, typer.Option("--write", help="option.write_bridge")] = False,
    as_json: AsJson = False,
) -> None:
    """Match both sides of a step without labels."""
    from assay.analyse import bridge as analysis
    from assay.store.workspace import Workspace

    with Workspace.open(directory) as workspace:
        found = analysis.bridge(
            workspace,
            segment,
            residence=residence,
            tolerance=tolerance,
            into=into,
            lane=lane,
            by_carrier=by_carrier,
        )
        written = analysis.write_bridge(workspace, found) if write else None
    document = found.to_dict() | {"written": written}
    show(document, lambda to: _print(to, document), as_json=as_json)


def _print(to: Console, document: dict[str, Any]) -> None:
    to.print(
        say(
            "bridge.found",
            before=document["before"],
            after=document["after"],
            basis=", ".join(document["basis"]),
            group=document["mean_group"] or 0.0,
        )
    )
    if document["residence"] is not None:
        to.print(say("bridge.residence", **document["residence"]))
    for doubt in document["doubts"]:
        to.print(doubt["said"][spoken()])
    heads = ("source", "target", "confidence", "reason")
    rows = [[edge[head] for head in heads] for edge in document["edges"][:_SHOWN]]
    table(to, [say(f"bridge.{head}") for head in heads], rows, right=[2])
    if len(document["edges"]) > _SHOWN:
        to.print(say("bridge.more", more=len(document["edges"]) - _SHOWN))
    if document["written"] is not None:
        to.print(say("bridge.written", rows=document["written"]))
