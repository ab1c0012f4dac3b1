"""The main job on a plant: rank the causes, pick a bad part that shows them, trace it, show evidence."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from assay.analyse.cause import affected, cause, evidence, pareto
from assay.analyse.trace import trace
from assay.plugins.operator import Progress
from assay.store.workspace import Workspace

_CANDIDATES = 2_000
"""Bad records among which the part with the strongest evidence is looked for."""
_SHOWN_ROWS, _SHOWN_UNITS, _SHOWN_BARS = 20, 60, 15


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
    """Everything the report tells; ``causes`` and ``trace`` are the documents of the command line."""

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
    pareto_factor: str | None
    pareto: tuple[dict[str, Any], ...]
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
    first = causes["causes"][0] if causes["causes"] else None
    part, rows, units = None, Evidence((), (), 0), Affected((), 0)
    if first is not None:
        asked: dict[str, Any] = {
            "factor": first["factor"],
            "value": first["value"],
            "where": where,
            "scope": scope,
        }
        looked_at = max(_SHOWN_ROWS, min(first["bad"] or 0, _CANDIDATES))
        found, total = evidence(workspace, target, **asked, limit=looked_at)
        part = _strongest(found, causes)
        rows = _first_rows(found, total)
        shared = affected(workspace, target, **asked)
        ids = shared.column(0).slice(0, _SHOWN_UNITS).to_pylist()
        units = Affected(tuple(ids), len(shared))
    walked = None if part is None else trace(workspace, part.unit, "back", max_nodes=5_000).to_dict()
    by = next((one["factor"] for one in causes["causes"] if one["value"] is not None), None)
    bars = (
        ()
        if by is None
        else tuple(pareto(workspace, target, by, where=where, scope=scope).slice(0, _SHOWN_BARS).to_pylist())
    )
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
        pareto_factor=by,
        pareto=bars,
        command=command,
        seconds=time.perf_counter() - began,
    )


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
