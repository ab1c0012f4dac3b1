"""Finding alarms: the plant's rules held against what was recorded, and what is wrong with watched logs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from assay.analyse.alarms import Alarm, record_alarms
from assay.analyse.statistics.charting import chart
from assay.analyse.statistics.monitoring import monitor
from assay.ledger.monitor import GRAVE, Watched
from assay.model.alarms import WatchedChart, WatchedMonitor

if TYPE_CHECKING:
    from assay.store.workspace import Workspace

_MOST = 10_000
"""Alarms of a monitor that are looked at, the earliest first."""
_NAMED = 3
"""Characteristics that an alarm of a monitor names, those that contribute most."""


def look(workspace: Workspace) -> list[Alarm]:
    """Hold what was recorded against every rule of the plant, and record what is new; which alarms those are.

    Raises
    ------
    ModelError, QueryError, AnalysisError, StatisticsError
        A rule names something that isn't recorded, or what is recorded doesn't allow it.
    """
    found: list[Alarm] = []
    for name, rule in workspace.model.alarms.items():
        if rule.chart is not None:
            found += record_alarms(workspace, _of_chart(workspace, name, rule.chart))
        if rule.monitor is not None:
            found += record_alarms(workspace, _of_monitor(workspace, name, rule.monitor))
    return found


def of_logs(watched: Sequence[Watched], moment: datetime) -> list[Alarm]:
    """What is wrong with logs, once a day for as long as it lasts; a fork or rollback is critical."""
    return [
        Alarm(
            by="log",
            rule=seen.kind,
            subject=log.origin,
            subject_kind=None,
            time=moment,
            severity="critical" if seen.kind in GRAVE else "warning",
            detail=f"{seen.where}: {seen.said}",
            key=f"{log.origin} {seen.where} {moment:%Y-%m-%d}",
        )
        for log in watched
        for seen in log.observations
    ]


def _of_chart(workspace: Workspace, name: str, rule: WatchedChart) -> Iterator[Alarm]:
    drawn = chart(workspace, **rule.model_dump(exclude_none=True))
    values, behind = drawn.chart.statistics, rule.phase1[1]
    for point in drawn.flagged:
        if point.index >= behind:
            at = drawn.points[point.index]
            one = point.units[0] if point.units_total == 1 else None
            yield Alarm(
                by="chart",
                rule=name,
                subject=one,
                subject_kind=None if one is None else "unit",
                time=None if at.first is None else datetime.fromisoformat(at.first),
                severity="warning",
                detail=f"{drawn.target} {values[point.index]:.6g} [{point.label}]: {', '.join(point.rules)}",
                key=f"{point.label} {at.first}",
            )


def _of_monitor(workspace: Workspace, name: str, rule: WatchedMonitor) -> Iterator[Alarm]:
    given = rule.model_dump(exclude_none=True)
    found = monitor(workspace, given.pop("characteristics"), most_alarms=_MOST, **given)
    for one in found.alarms:
        if one.row >= rule.phase1[1]:
            parts = ", ".join(part.characteristic for part in one.contributors[:_NAMED])
            yield Alarm(
                by="monitor",
                rule=name,
                subject=one.subject,
                subject_kind=None,
                time=None if one.time is None else datetime.fromisoformat(one.time),
                severity="warning",
                detail=f"{found.method} {one.index:.6g}: {parts}",
                key=f"{one.subject} {one.time}",
            )
