"""Where a thing came from and what became of it, as one graph."""

from __future__ import annotations

from typing import Any, Literal

from assay.analyse.trace import trace
from assay.apps.payloads import TracePayload
from assay.store.workspace import Workspace

Way = Literal["back", "forward", "both"]
Key = tuple[str, str]

MOST_NODES = 400
"""A graph of more nodes than this can't be read; the rest is cut off and ``truncated`` says so."""


def genealogy(workspace: Workspace, wanted: str, way: Way) -> TracePayload:
    """The genealogy around ``wanted``; ``both`` joins its past and its future.

    Raises
    ------
    TraceError
        The id is not known.
    """
    if way != "both":
        found = trace(workspace, wanted, way, max_nodes=MOST_NODES)
        return TracePayload.model_validate(found.to_dict())
    parts = [trace(workspace, wanted, one, max_nodes=MOST_NODES).to_dict() for one in ("back", "forward")]
    return TracePayload.model_validate(_joined(parts))


def _joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """One graph of several around the same root; nodes are the same when kind and id are."""
    nodes: dict[Key, dict[str, Any]] = {}
    edges: dict[tuple[object, ...], tuple[Key, Key, dict[str, Any]]] = {}
    for part in parts:
        keys = {node["id"]: _key(node) for node in part["nodes"]}
        for node in part["nodes"]:
            nodes.setdefault(keys[node["id"]], node)
        for edge in part["edges"]:
            ends = keys[edge["from"]], keys[edge["to"]]
            edges[(*ends, edge["role"], edge["start"], edge["position"])] = (*ends, edge)
    bare = [identifier for _, identifier in nodes]
    names = {
        (kind, identifier): f"{kind}:{identifier}" if bare.count(identifier) > 1 else identifier
        for kind, identifier in nodes
    }
    root = next(_key(node) for node in parts[0]["nodes"] if node["id"] == parts[0]["root"])
    return {
        "root": names[root],
        "direction": "both",
        "truncated": any(part["truncated"] for part in parts),
        "nodes": [{**node, "id": names[key]} for key, node in nodes.items()],
        "edges": [{**edge, "from": names[tail], "to": names[head]} for tail, head, edge in edges.values()],
    }


def _key(node: dict[str, Any]) -> Key:
    return node["kind"], node["id"].removeprefix(f"{node['kind']}:")
