"""``assay alarms``: what was found to be wrong while records arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli import walking
from assay.cli.options import AsJson, Plant
from assay.cli.output import show, table
from assay.cli.speech import say

if TYPE_CHECKING:
    from rich.console import Console

    from assay.analyse.alarms import RecordedAlarm

_SHOWN = 40
"""Alarms shown to a person; ``--json`` gives all."""
_COLUMNS = ("time", "by", "rule", "severity", "subject", "detail")
_BY = ("chart", "monitor", "scan", "log")


def alarms(
    directory: Plant,
    of: Annotated[
        str | None, typer.Argument(metavar="ID", help="argument.alarmed", show_default=False)
    ] = None,
    *,
    look: Annotated[bool, typer.Option("--look", help="option.look")] = False,
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="|".join(_BY), help="option.alarm_by", show_default=False),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="WHEN", help="option.alarms_since", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="option.alarms_limit")] = 1000,
    as_json: AsJson = False,
) -> None:
    """Alarms of the plant, the latest first."""
    from assay.analyse.alarms import alarms as recorded
    from assay.analyse.watching import look as look_now
    from assay.store.workspace import Workspace

    if by is not None and by not in _BY:
        raise typer.BadParameter(say("alarms.no_such", by=by, known=", ".join(_BY)))
    with Workspace.open(directory) as workspace:
        new = len(look_now(workspace)) if look else None
        moment = walking.moment(since, workspace.config.time_zone)
        found = recorded(workspace, by=by, subject=of, since=moment, limit=limit)

    def human(to: Console) -> None:
        if new is not None:
            to.print(say("alarms.new", count=new))
        to.print(say("alarms.count", count=len(found)))
        if found:
            table(to, [say(f"alarms.{head}") for head in _COLUMNS], [_row(one) for one in found[:_SHOWN]])
        if len(found) > _SHOWN:
            to.print(say("alarms.more", more=len(found) - _SHOWN))

    document = {"new": new, "alarms": [one.to_dict() for one in found]}
    show(document, human, as_json=as_json)


def _row(one: RecordedAlarm) -> list[object]:
    rule = say(f"ledger.seen_{one.rule}") if one.by == "log" else one.rule
    if one.by == "scan":
        rule = say(f"scans.hint_{one.rule.replace('-', '_')}")
    severity = say(f"alarms.{one.severity}")
    return [one.time, say(f"alarms.by_{one.by}"), rule, severity, one.subject, one.detail]
