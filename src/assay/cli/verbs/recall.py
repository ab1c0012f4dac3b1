"""``assay recall`` and ``assay common``: what units went into, and the origins they share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from assay.cli import walking
from assay.cli.doubting import print_doubts, print_refused
from assay.cli.options import AsJson, Plant
from assay.cli.output import show, table
from assay.cli.speech import say

if TYPE_CHECKING:
    from rich.console import Console

_SHOWN = 40
"""Nodes shown to a person; ``--json`` gives all."""
_RECALLED = ("depth", "kind", "id", "segment", "quantity", "unit", "confidence", "share", "refused")
_SHARED = ("kind", "id", "segment", "depth", "reached", "share", "against", "against_share", "refused")
Ids = Annotated[list[str], typer.Argument(metavar="ID…", help="argument.ids", show_default=False)]


def recall(
    directory: Plant,
    ids: Ids,
    *,
    direction: Annotated[
        Literal["forward", "back", "both"], typer.Option("--direction", help="option.recall_direction")
    ] = "forward",
    both: Annotated[bool, typer.Option("--both", help="option.recall_both")] = False,
    against: walking.Against = None,
    kinds: walking.Kinds = None,
    depth: walking.Depth = None,
    limit: walking.Limit = None,
    equipment: walking.Equipment = None,
    person: walking.Person = None,
    recipe: walking.Recipe = None,
    carrier: walking.Carrier = None,
    segment: walking.Segment = None,
    since: walking.Since = None,
    until: walking.Until = None,
    confidence: walking.Confidence = 0.0,
    as_of: walking.AsOf = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="WHEN", help="option.contained_at", show_default=False)
    ] = None,
    shares: Annotated[bool, typer.Option("--shares", help="option.shares")] = False,
    csv: walking.Csv = None,
    parquet: walking.Parquet = None,
    as_json: AsJson = False,
) -> None:
    """List everything that the ids went into, came from, or share an origin with."""
    from assay.analyse import recall as analysis
    from assay.store.workspace import Workspace

    followed = walking.Followed(
        equipment, person, recipe, carrier, segment, since=since, until=until, confidence=confidence
    )
    with Workspace.open(directory) as workspace:
        zone = workspace.config.time_zone
        found = analysis.recall(
            workspace,
            ids,
            "both" if both else direction,
            against=against or [],
            kinds=kinds or None,
            through=followed.through(zone),
            max_depth=depth,
            max_nodes=limit,
            as_of=walking.moment(as_of, zone),
            at=walking.moment(at, zone),
            shares=shares,
        )
    walking.write_files(found.nodes, csv, parquet)
    document = found.to_dict(None if as_json else _SHOWN)
    show(document, lambda to: _print_recall(to, document, found.nodes.num_rows), as_json=as_json)


def common(
    directory: Plant,
    ids: Ids,
    *,
    against: walking.Against = None,
    share: Annotated[float, typer.Option("--share", min=0.0, max=1.0, help="option.least_share")] = 1.0,
    kinds: walking.Kinds = None,
    depth: walking.Depth = None,
    equipment: walking.Equipment = None,
    person: walking.Person = None,
    recipe: walking.Recipe = None,
    carrier: walking.Carrier = None,
    segment: walking.Segment = None,
    since: walking.Since = None,
    until: walking.Until = None,
    confidence: walking.Confidence = 0.0,
    as_of: walking.AsOf = None,
    csv: walking.Csv = None,
    parquet: walking.Parquet = None,
    as_json: AsJson = False,
) -> None:
    """List the origins that all the ids share, those first that the others lack."""
    from assay.analyse import common as analysis
    from assay.store.workspace import Workspace

    followed = walking.Followed(
        equipment, person, recipe, carrier, segment, since=since, until=until, confidence=confidence
    )
    with Workspace.open(directory) as workspace:
        zone = workspace.config.time_zone
        found = analysis.common(
            workspace,
            ids,
            against=against or [],
            least_share=share,
            kinds=kinds or None,
            through=followed.through(zone),
            max_depth=depth,
            as_of=walking.moment(as_of, zone),
        )
    walking.write_files(found.nodes, csv, parquet)
    document = found.to_dict(None if as_json else _SHOWN)
    show(document, lambda to: _print_common(to, document), as_json=as_json)


def _print_recall(to: Console, document: dict[str, Any], count: int) -> None:
    counts = document["counts"]
    to.print(
        say(
            f"recall.{document['direction']}",
            roots=", ".join(document["roots"][:5]) + (" …" if document["roots"][5:] else ""),
            executions=counts.get("execution", 0),
            units=counts.get("unit", 0),
            lots=counts.get("lot", 0),
        )
    )
    if document["truncated"]:
        to.print(say("trace.truncated"))
    print_doubts(to, document)
    print_refused(to, document["refused"]["records"])
    _rows(to, document["nodes"], _RECALLED)
    if count > document["shown"]:
        to.print(say("trace.more", more=count - document["shown"]))


def _print_common(to: Console, document: dict[str, Any]) -> None:
    to.print(say("common.found", found=document["found"], ids=len(document["ids"])))
    print_doubts(to, document)
    print_refused(to, document["refused"]["records"])
    _rows(to, document["nodes"], _SHARED)
    if document["found"] > document["shown"]:
        to.print(say("trace.more", more=document["found"] - document["shown"]))


def _rows(to: Console, nodes: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    heads = [head for head in columns if any(node.get(head) is not None for node in nodes)]
    rows = [[node[head] for head in heads] for node in nodes]
    table(to, [say(f"trace.{head}") for head in heads], rows)
