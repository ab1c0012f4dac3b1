"""``assay scans``: who scanned the codes of products, and what is odd about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli import walking
from assay.cli.options import AsJson, Plant
from assay.cli.output import show, table
from assay.cli.speech import say

if TYPE_CHECKING:
    from rich.console import Console

    from assay.exchange.consumer import ScanCard

_SHOWN = 40
"""Scans shown to a person; ``--json`` gives all."""
_COLUMNS = ("time", "code", "subject", "country", "place", "device", "hints")


def scans(
    directory: Plant,
    of: Annotated[
        str | None, typer.Argument(metavar="CODE", help="argument.scanned", show_default=False)
    ] = None,
    *,
    hints: Annotated[bool, typer.Option("--hints", help="option.hints")] = False,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="WHEN", help="option.scans_since", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="option.scans_limit")] = 1000,
    as_json: AsJson = False,
) -> None:
    """Scans of codes on the consumer page, the latest first."""
    from assay.exchange.consumer import scans_of
    from assay.store.workspace import Workspace

    with Workspace.open(directory) as workspace:
        moment = walking.moment(since, workspace.config.time_zone)
        found = scans_of(workspace, of, hints=hints, since=moment, limit=limit)

    def human(to: Console) -> None:
        to.print(say("scans.count", listed=len(found.scans), kept=found.kept))
        if found.scans:
            heads = [say(f"scans.{head}") for head in _COLUMNS]
            table(to, heads, [_row(one) for one in found.scans[:_SHOWN]])
        if len(found.scans) > _SHOWN:
            to.print(say("scans.more", more=len(found.scans) - _SHOWN))

    show(found.to_dict(), human, as_json=as_json)


def _row(one: ScanCard) -> list[object]:
    place = "" if one.latitude is None else f"{one.latitude:g}, {one.longitude:g}"
    said = ", ".join(say(f"scans.hint_{hint.replace('-', '_')}") for hint in one.hints)
    return [one.time, one.code, one.subject, one.country, place, one.device, said]
