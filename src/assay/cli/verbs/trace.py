"""``assay trace``: what a part came from, or went into."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from assay.cli import walking
from assay.cli.doubting import print_doubts, print_refused
from assay.cli.options import AsJson, Plant
from assay.cli.output import show, table
from assay.cli.speech import say

if TYPE_CHECKING:
    from rich.console import Console

_COLUMNS = ("depth", "kind", "id", "segment", "equipment", "material", "started")
_CERTAIN = 1.0
_SHOWN = 40
"""Nodes shown to a person; ``--json`` gives all."""


def trace(
    directory: Plant,
    id_: Annotated[str, typer.Argument(metavar="ID", help="argument.id", show_default=False)],
    *,
    direction: Annotated[
        Literal["back", "forward", "both"], typer.Option("--direction", help="option.direction")
    ] = "back",
    both: Annotated[bool, typer.Option("--both", help="option.both")] = False,
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
    as_json: AsJson = False,
) -> None:
    """Walk the genealogy from one id."""
    from assay.analyse import trace as analysis
    from assay.store.workspace import Workspace

    followed = walking.Followed(
        equipment, person, recipe, carrier, segment, since=since, until=until, confidence=confidence
    )
    with Workspace.open(directory) as workspace:
        zone = workspace.config.time_zone
        document = analysis.trace(
            workspace,
            id_,
            "both" if both else direction,
            through=followed.through(zone),
            max_depth=depth,
            max_nodes=limit,
            as_of=walking.moment(as_of, zone),
        ).to_dict()
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
    print_doubts(to, document)
    print_refused(to, len({one["record"] for node in document["nodes"] for one in _standing(node)}))
    nodes = document["nodes"][:shown]
    heads = [head for head in _COLUMNS if any(node.get(head) is not None for node in nodes)]
    if any(node["confidence"] < _CERTAIN for node in nodes):
        heads.append("confidence")
    rows = [[node.get(head) for head in heads] + [_details(node)] for node in nodes]
    table(to, [say(f"trace.{head}") for head in (*heads, "details")], rows)
    if len(document["nodes"]) > shown:
        to.print(say("trace.more", more=len(document["nodes"]) - shown))


def _details(node: dict[str, Any]) -> str:
    words = [f"{name}={value}" for name, value in node.get("attributes", {}).items() if value is not None]
    for result in node.get("results", []):
        value = result["text"] if result["value"] is None else result["value"]
        words.append(f"{result['characteristic']}: {value}{result['unit'] or ''}")
    reasons = dict.fromkeys(reason for one in _standing(node) for reason in one["reasons"])
    if reasons:
        words.append(say("trace.refused-node", reasons=", ".join(reasons)))
    return ", ".join(words)


def _standing(node: dict[str, Any]) -> list[dict[str, Any]]:
    """The records of a node that are refused as evidence, and not decided otherwise since."""
    return [one for one in node.get("refused", []) if one["outcome"] == "refused"]
