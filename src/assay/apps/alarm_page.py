"""The page *Alarms*: what was found to be wrong, what it is about, and where that is logged."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from assay.analyse.alarms import alarms
from assay.apps.catalogue import told
from assay.apps.grids import BOTH_LANGUAGES, grid
from assay.apps.kpis import figure
from assay.apps.payloads import GridPayload, KpiPayload, Link, Paging
from assay.model.kinds import TIME
from assay.store.registry import now

if TYPE_CHECKING:
    from assay.analyse.alarms import RecordedAlarm
    from assay.store.workspace import Workspace

MOST = 10_000
"""Alarms that are looked at, the latest."""
_FOUND_BY = ("chart", "monitor", "scan", "log")


class AlarmArgs(BaseModel):
    """Which alarms: found in a way, about a unit, lot or log, of how many last days; null days are all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: Literal["every", "chart", "monitor", "scan", "log"] = "every"
    subject: str | None = Field(default=None, max_length=512)
    days: int | None = Field(default=None, ge=1, le=36_500)


def alarm_summary(workspace: Workspace, args: AlarmArgs) -> KpiPayload:
    """How many alarms, how many of them critical, found in the last 24 hours, and found in each way."""
    found = _alarms(workspace, args)
    kinds = Counter(one.by for one in found)
    critical = sum(one.severity == "critical" for one in found)
    yesterday = now() - timedelta(days=1)
    items = [
        figure(
            "alarm.alarms", len(found), note=told("alarm.most", most=MOST) if len(found) == MOST else None
        ),
        figure("alarm.critical", critical, tone="bad" if critical else "good"),
        figure("alarm.last_day", sum(one.recorded >= yesterday for one in found)),
    ]
    items += [figure(f"alarm.{by}", kinds[by]) for by in _FOUND_BY]
    return KpiPayload(items=items)


def alarm_list(workspace: Workspace, args: AlarmArgs, paging: Paging) -> GridPayload:
    """The alarms, the latest first; columns that none of them fills are left out."""
    found = _alarms(workspace, args)
    rows = [_row(workspace, one) for one in found[paging.offset : paging.offset + paging.limit]]
    shown = [one for one in _COLUMNS if one.name in _ALWAYS or any(row[one.name] is not None for row in rows)]
    return grid(
        pa.Table.from_pylist(rows, schema=pa.schema(shown)),
        total=len(found),
        offset=paging.offset,
        limit=paging.limit,
        links=_LINKS,
        note=None if rows else told("alarm.none"),
    )


def _alarms(workspace: Workspace, args: AlarmArgs) -> list[RecordedAlarm]:
    return alarms(
        workspace,
        by=None if args.by == "every" else args.by,
        subject=(args.subject or "").strip() or None,
        since=None if args.days is None else now() - timedelta(days=args.days),
        limit=MOST,
    )


def _row(workspace: Workspace, one: RecordedAlarm) -> dict[str, Any]:
    rule = workspace.model.alarms.get(one.rule)
    chart = rule.chart if rule is not None and one.by == "chart" else None
    monitor = rule.monitor if rule is not None and one.by == "monitor" else None
    of_log = one.by == "log"
    return {
        "time": one.time,
        "found_by": told(f"alarm-by.{one.by}").model_dump(),
        "rule": one.rule,
        "severity": told(f"severity.{one.severity}").model_dump(),
        "subject": None if of_log else one.subject,
        "log": one.subject if of_log else None,
        "figures": one.detail,
        "chart": None if chart is None else chart.target,
        "monitor": None if monitor is None else ",".join(monitor.characteristics),
        "proof": one.entry,
    }


_LINKS: dict[str, Link] = {"subject": "unit", "chart": "chart", "monitor": "monitor", "proof": "proof"}
_ALWAYS = {"time", "found_by", "rule", "severity", "figures"}
_COLUMNS = (
    pa.field("time", TIME),
    pa.field("found_by", BOTH_LANGUAGES),
    pa.field("rule", pa.string()),
    pa.field("severity", BOTH_LANGUAGES),
    pa.field("subject", pa.string()),
    pa.field("log", pa.string()),
    pa.field("figures", pa.string()),
    pa.field("chart", pa.string()),
    pa.field("monitor", pa.string()),
    pa.field("proof", pa.int64()),
)
