"""The main job on a plant: rank the causes, pick a bad part that shows them, trace it, show evidence."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from assay.analyse import board
from assay.analyse.cause import affected, cause, evidence
from assay.analyse.cause.blast import evidence_rows
from assay.analyse.cause.frame import Frame, build
from assay.analyse.trace import trace
from assay.model.text import Text
from assay.plugins.operator import Progress
from assay.store.workspace import Workspace

_CANDIDATES = 2_000
"""Bad records among which the part with the strongest evidence is looked for."""
_SHOWN_ROWS, _SHOWN_UNITS, _SHOWN_BARS, _SHOWN_NODES = 20, 60, 15, 5_000


@dataclass(frozen=True)
class BadPart:
    """The part the story is about: the record that was judged bad, and its unit."""

    execution: str
    unit: str
    segment: str | None
    time: Any
    value: Any


@dataclass(frozen=True)
class Evidence:
    """The first rows behind a cause."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    total: int


@dataclass(frozen=True)
class Affected:
    """The first units that share a cause, and how many there are."""

    ids: tuple[str, ...]
    total: int


@dataclass(frozen=True)
class Story:
    """Everything the report tells; ``causes`` and ``trace`` are the documents of the command line.

    ``titles`` are the factors' names for people.
    """

    plant: str
    time_zone: str
    target: str
    where: str | None
    scope: str | None
    causes: dict[str, Any]
    part: BadPart | None
    trace: dict[str, Any] | None
    evidence: Evidence
    affected: Affected
    levels: board.Levels | None
    titles: dict[str, Text]
    command: str
    seconds: float


def main_job(
    workspace: Workspace,
    target: str,
    *,
    where: str | None = None,
    scope: str | None = None,
    command: str = "",
    progress: Progress | None = None,
) -> Story:
    """Run the whole job on one plant.

    Raises
    ------
    QueryError, AnalysisError
        The target or a condition is not valid on this plant.
    """
    began = time.perf_counter()
    causes = cause(workspace, target, where=where, scope=scope, progress=progress).to_dict()
    frame = build(workspace, target, where, scope)
    first = causes["causes"][0] if causes["causes"] else None
    rows, units = Evidence((), (), 0), Affected((), 0)
    if first is None:
        found = evidence_rows(frame, frame.outcome > 0, limit=1, offset=0)
    else:
        asked = {"factor": first["factor"], "value": first["value"], "where": where, "scope": scope}
        looked_at = max(_SHOWN_ROWS, min(first["bad"] or 0, _CANDIDATES))
        found, total = evidence(workspace, target, **asked, limit=looked_at)
        rows = _first_rows(found, total)
        shared = affected(workspace, target, **asked)
        units = Affected(tuple(shared.column("unit_id").slice(0, _SHOWN_UNITS).to_pylist()), len(shared))
    part = _strongest(found, causes)
    walked = None if part is None else trace(workspace, part.unit, "back", max_nodes=_SHOWN_NODES).to_dict()
    levels = _levels(frame)
    return Story(
        plant=workspace.config.name,
        time_zone=workspace.config.time_zone,
        target=target,
        where=where,
        scope=scope,
        causes=causes,
        part=part,
        trace=walked,
        evidence=rows,
        affected=units,
        levels=levels,
        titles=_titles(workspace),
        command=command,
        seconds=time.perf_counter() - began,
    )


def _titles(workspace: Workspace) -> dict[str, Text]:
    """What people call the plant's own columns, where the mapping says it in both languages."""
    declared = workspace.registry.attributes()
    return {one.name: Text(**one.title) for one in declared if one.title.keys() == {"zh", "en"}}


def _levels(frame: Frame) -> board.Levels | None:
    """The levels of the factor that tells most, by how many bad subjects they hold."""
    factor = board.telling_factor(frame) if frame.target.is_condition and frame.outcome.any() else None
    return None if factor is None else board.pareto(frame, factor, most=_SHOWN_BARS)


def _strongest(rows: pa.Table, causes: dict[str, Any]) -> BadPart | None:
    """The bad record that carries the most of the causes, each counted by the logarithm of its risk ratio."""
    best, score = None, -math.inf
    for row in rows.to_pylist():
        weight = sum(_weight(one, row) for one in causes["causes"])
        if weight > score:
            best, score = row, weight
    if best is None:
        return None
    return BadPart(best["subject"], best["unit_id"], best.get("segment"), best.get("time"), best["value"])


def _weight(one: dict[str, Any], row: dict[str, Any]) -> float:
    value = row.get(one["factor"])
    if one["value"] is not None:
        ratio = one["effect"].get("risk_ratio")
        return math.log(ratio) if ratio and str(value) == one["value"] else 0.0
    if not isinstance(value, (int, float)):
        return 0.0
    for dose in one["dose_response"]:
        if dose.get("value", dose.get("from")) <= value <= dose.get("value", dose.get("to")):
            return float(dose.get("rate", 0.0))
    return 0.0


def _first_rows(rows: pa.Table, total: int) -> Evidence:
    top = rows.slice(0, _SHOWN_ROWS)
    cells = zip(*(column.to_pylist() for column in top.columns), strict=True)
    return Evidence(tuple(top.column_names), tuple(cells), total)
