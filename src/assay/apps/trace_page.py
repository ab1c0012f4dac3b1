"""The page *Trace*: the genealogy around one id as a graph, and what a recall of it lists."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import urlencode

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from assay.analyse.common import common
from assay.analyse.recall import recall
from assay.analyse.through import WalkArguments
from assay.analyse.trace_graph import trace_graph
from assay.apps.catalogue import told
from assay.apps.grids import cell, grid
from assay.apps.payloads import (
    GraphEdges,
    GraphNodes,
    GridPayload,
    Paging,
    TraceDoubt,
    TraceGraphPayload,
)
from assay.store.workspace import Workspace

MOST_DRAWN = 10_000
"""Nodes drawn each way."""


class GraphArgs(BaseModel):
    """A unit, lot or execution by its id, and which movements are followed; null follows all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=1, title="id")
    direction: Literal["back", "forward", "both"] = "both"
    segment: str | None = None
    equipment: str | None = None
    confidence: float = Field(default=0.0, ge=0, le=1)
    as_of: AwareDatetime | None = None

    def walk(self) -> WalkArguments:
        """The movements to follow."""
        return WalkArguments(
            segment=[self.segment] if self.segment else [],
            equipment=[self.equipment] if self.equipment else [],
            confidence=self.confidence,
            as_of=self.as_of,
        )


class CommonArgs(GraphArgs):
    """One bad thing, the ids of other bad ones and of good ones with commas between, and what is followed."""

    others: str | None = Field(default=None, max_length=20_000)
    good: str | None = Field(default=None, max_length=20_000)


def drawn(workspace: Workspace, args: GraphArgs) -> TraceGraphPayload:
    """The graph around the id."""
    found = trace_graph(workspace, args.id, args.direction, args.walk(), max_nodes=MOST_DRAWN)
    nodes, edges = found.nodes, found.edges
    kinds = nodes.column("kind").to_pylist()
    return TraceGraphPayload(
        nodes=GraphNodes(
            names=nodes.column("name").to_pylist(),
            ids=nodes.column("id").to_pylist(),
            kinds=kinds,
            segments=nodes.column("segment").to_pylist(),
            layers=nodes.column("layer").to_pylist(),
            confidence=nodes.column("confidence").to_pylist(),
            hidden=nodes.column("hidden").to_pylist(),
            equipment=nodes.column("equipment").to_pylist(),
            started=[cell(moment) for moment in nodes.column("started").to_pylist()],
            ended=[cell(moment) for moment in nodes.column("ended").to_pylist()],
            refused=found.refused.codes.to_pylist(),
        ),
        edges=GraphEdges(
            tails=edges.column("tail").to_pylist(),
            heads=edges.column("head").to_pylist(),
            confidence=edges.column("confidence").to_pylist(),
            refused=found.refused.movements.tolist(),
        ),
        counts={kind: kinds.count(kind) for kind in dict.fromkeys(kinds)},
        truncated=found.truncated,
        doubts=[TraceDoubt.model_validate(doubt.to_dict()) for doubt in found.doubts],
        doubtful=dict(found.doubtful),
    )


def recalled(workspace: Workspace, args: GraphArgs, paging: Paging) -> GridPayload:
    """What the id went into or, where the page traces back, came from: one row per thing."""
    way = "back" if args.direction == "back" else "forward"
    walk = args.walk()
    found = recall(workspace, args.id, way, through=walk.through(), as_of=walk.as_of)
    asked = walk.model_dump(mode="json", exclude_defaults=True) | {"ids": args.id, "direction": way}
    counts = found.counts()
    files = {
        form: "/api/trace/recall?" + urlencode(asked | {"format": form}, doseq=True)
        for form in ("csv", "parquet")
    }
    return grid(
        found.nodes.slice(paging.offset, paging.limit),
        total=found.nodes.num_rows,
        offset=paging.offset,
        limit=paging.limit,
        types={"confidence": "percent"},
        download=files["csv"],
        parquet=files["parquet"],
        note=told(
            f"trace.recalled-{way}",
            units=counts.get("unit", 0),
            lots=counts.get("lot", 0),
            executions=counts.get("execution", 0),
        ),
        linked=False,
    )


def shared_origins(workspace: Workspace, args: CommonArgs, paging: Paging) -> GridPayload:
    """What the bad ones lead back to; without others there is nothing to compare."""
    bad = list(dict.fromkeys([args.id, *_names(args.others)]))
    if len(bad) == 1:
        return GridPayload(columns=[], rows=[], total=0, note=told("trace.common-none"))
    walk, good = args.walk(), _names(args.good)
    found = common(workspace, bad, against=good, through=walk.through(), as_of=walk.as_of)
    asked = walk.model_dump(mode="json", exclude_defaults=True) | {"ids": bad, "against": good}
    files = {
        form: "/api/trace/common?" + urlencode(asked | {"format": form}, doseq=True)
        for form in ("csv", "parquet")
    }
    nodes = found.nodes
    empty = [name for name in nodes.column_names if nodes.column(name).null_count == len(nodes) > 0]
    return grid(
        nodes.drop_columns(empty).slice(paging.offset, paging.limit),
        total=nodes.num_rows,
        offset=paging.offset,
        limit=paging.limit,
        types={"confidence": "percent", "share": "percent", "against_share": "percent"},
        download=files["csv"],
        parquet=files["parquet"],
        note=told("trace.common", bad=len(bad), good=len(good), found=nodes.num_rows),
        linked=False,
    )


def _names(text: str | None) -> list[str]:
    """The ids of a list with commas (of either width), semicolons or line ends between."""
    parts = (part.strip() for part in re.split(r"[,，;；、\n]", text or ""))
    return list(dict.fromkeys(part for part in parts if part))
