"""``assay mix``: which lots that went into a silo, tank or flow are in what was drawn from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from assay.cli.options import AsJson, Plant
from assay.cli.output import show, table
from assay.cli.speech import say, spoken

if TYPE_CHECKING:
    from rich.console import Console

_SHOWN = 40
"""Edges shown to a person; ``--json`` gives all."""
Model = Literal["first-in-first-out", "mixed", "last-in-first-out", "flow"]


def mix(
    directory: Plant,
    segment: Annotated[
        str, typer.Argument(metavar="SEGMENT", help="argument.mixing_segment", show_default=False)
    ],
    *,
    model: Annotated[Model, typer.Option("--model", help="option.mix_model", show_default=False)],
    vessel: Annotated[
        str | None, typer.Option("--vessel", metavar="ID", help="option.vessel", show_default=False)
    ] = None,
    into: Annotated[str | None, typer.Option("--into", help="option.into", show_default=False)] = None,
    content: Annotated[float, typer.Option("--content", help="option.content")] = 0.0,
    capacity: Annotated[
        float | None, typer.Option("--capacity", help="option.capacity", show_default=False)
    ] = None,
    holdup: Annotated[
        float | None, typer.Option("--holdup", help="option.holdup", show_default=False)
    ] = None,
    tolerance: Annotated[float, typer.Option("--tolerance", help="option.mix_tolerance")] = 0.0,
    stages: Annotated[
        float | None, typer.Option("--stages", help="option.stages", show_default=False)
    ] = None,
    clock: Annotated[Literal["quantity", "time"], typer.Option("--clock", help="option.clock")] = "quantity",
    piece: Annotated[
        str | None, typer.Option("--piece", metavar="QUANTITY", help="option.piece", show_default=False)
    ] = None,
    least: Annotated[float, typer.Option("--least", help="option.least")] = 0.001,
    write: Annotated[bool, typer.Option("--write", help="option.write_bridge")] = False,
    as_json: AsJson = False,
) -> None:
    """Tell what was drawn from a vessel by lot."""
    from assay.analyse import mixing as analysis
    from assay.genealogy.mixing_errors import MixError
    from assay.store.workspace import Workspace

    try:
        model_of = analysis.described(
            model,
            content=content,
            capacity=capacity,
            holdup=holdup,
            tolerance=tolerance,
            stages=stages,
        )
        taken = None if piece is None else analysis.piece_amount(piece)
    except MixError as error:
        raise typer.BadParameter(error.said.said(spoken())) from error
    with Workspace.open(directory) as workspace:
        found = analysis.mix(
            workspace,
            segment,
            model_of,
            vessel=vessel,
            into=into,
            clock=clock,
            piece=taken,
            least=least,
        )
        written = analysis.write_mix(workspace, found) if write else None
    document = found.to_dict() | {"written": written}
    show(document, lambda to: _print(to, document), as_json=as_json)


def _print(to: Console, document: dict[str, Any]) -> None:
    balance = {name: f"{value:.6g}" for name, value in document["balance"].items()}
    names = {"vessel": document["vessel"] or document["segment"], "unit": document["unit"] or ""}
    to.print(say("mix.found", count=document["drawn"], **balance | names))
    for doubt in document["doubts"]:
        to.print(doubt["said"][spoken()])
    heads = ("drawn", "lot", "share", "confidence", "quantity")
    rows = [[_rounded(edge[head]) for head in heads] for edge in document["edges"][:_SHOWN]]
    table(to, [say(f"mix.{head}") for head in heads], rows, right=[2, 3, 4])
    if len(document["edges"]) > _SHOWN:
        to.print(say("bridge.more", more=len(document["edges"]) - _SHOWN))
    if document["written"] is not None:
        to.print(say("bridge.written", rows=document["written"]))


def _rounded(value: object) -> object:
    return f"{value:.4g}" if isinstance(value, float) else value
