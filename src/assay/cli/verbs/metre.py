"""``assay metre``: a position on a product, and where and when it was at every station."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.options import AsJson, Plant
from assay.cli.output import show, table
from assay.cli.speech import say

if TYPE_CHECKING:
    from rich.console import Console

_COLUMNS = (
    "station",
    "item",
    "position",
    "position_uncertainty",
    "across",
    "first",
    "last",
    "time_uncertainty",
)


def metre(
    directory: Plant,
    line: Annotated[Path, typer.Argument(metavar="LINE", help="argument.line", show_default=False)],
    item: Annotated[str, typer.Argument(metavar="ITEM", help="argument.item", show_default=False)],
    position: Annotated[
        float, typer.Argument(metavar="METRES", help="argument.position", show_default=False)
    ],
    *,
    across: Annotated[
        float | None, typer.Option("--across", help="option.across", show_default=False)
    ] = None,
    station: Annotated[
        str | None, typer.Option("--station", help="option.station", show_default=False)
    ] = None,
    downstream: Annotated[bool, typer.Option("--downstream", help="option.downstream")] = False,
    as_json: AsJson = False,
) -> None:
    """Follow a place on a product along the line."""
    from assay.analyse import metre as analysis
    from assay.store.workspace import Workspace

    with Workspace.open(directory) as workspace:
        found = analysis.metre(
            workspace, line, item, position, across=across, station=station, downstream=downstream
        )
    document = found.to_dict()
    show(document, lambda to: _print(to, document), as_json=as_json)


def _print(to: Console, document: dict[str, Any]) -> None:
    rows = document["sightings"]
    heads = [head for head in _COLUMNS if any(row[head] is not None for row in rows)]
    shown = [[_rounded(row[head]) for head in heads] for row in rows]
    table(to, [say(f"metre.{head}") for head in heads], shown)
    for delay in document["delays"]:
        to.print(say("metre.delay", **delay))


def _rounded(value: object) -> object:
    return f"{value:.3f}" if isinstance(value, float) else value
