"""``assay trace``: what a part came from, or went into."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from assay.cli.options import AsJson, Plant
from assay.cli.output import show, table
from assay.cli.speech import say

if TYPE_CHECKING:
    from rich.console import Console

_COLUMNS = ("depth", "kind", "id", "segment", "equipment", "material", "started")
_SHOWN = 40
"""Nodes shown to a person; ``--json`` gives all."""


def trace(
    directory: Plant,
    id_: Annotated[str, typer.Argument(metavar="ID", help="argument.id", show_default=False)],
    *,
    direction: Annotated[
        Literal["back", "forward"], typer.Option("--direction", help="option.direction")
    ] = "back",
    depth: Annotated[
        int | None, typer.Option("--depth", min=0, help="option.depth", show_default=False)
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="option.limit", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Walk the genealogy from one id."""
    from assay.analyse import trace as analysis
    from assay.store.workspace import Workspace

    with Workspace.open(directory) as workspace:
        document = analysis.trace(workspace, id_, direction, max_depth=depth, max_nodes=limit).to_dict()
    show(document, lambda to: print_trace(to, document), as_json=as_json)


def print_trace(to: Console, document: dict[str, Any], *, shown: int = _SHOWN) -> None:
    """The trace as a person reads it: a line on what was found, then the nearest nodes."""
    counts = Counter(node["kind"] for node in document["nodes"])
    to.print(
        say(
            f"trace.{document['direction']}",
            id=document["root"],
            executions=counts["execution"],
            units=counts["unit"],
            lots=counts["lot"],
            edges=len(document["edges"]),
        )
    )
    if document["truncated"]:
        to.print(say("trace.truncated"))
    nodes = document["nodes"][:shown]
    heads = [head for head in _COLUMNS if any(node.get(head) is not None for node in nodes)]
    rows = [[node.get(head) for head in heads] + [_details(node)] for node in nodes]
    table(to, [say(f"trace.{head}") for head in (*heads, "details")], rows)
    if len(document["nodes"]) > shown:
        to.print(say("trace.more", more=len(document["nodes"]) - shown))


def _details(node: dict[str, Any]) -> str:
    words = [f"{name}={value}" for name, value in node.get("attributes", {}).items() if value is not None]
    for result in node.get("results", []):
        value = result["text"] if result["value"] is None else result["value"]
        words.append(f"{result['characteristic']}: {value}{result['unit'] or ''}")
    return ", ".join(words)
