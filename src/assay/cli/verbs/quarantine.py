"""``assay quarantine``: rows that were set aside, and taking them in again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.options import AsJson, Plant
from assay.cli.output import show, table
from assay.cli.progress import bar
from assay.cli.speech import say
from assay.cli.verbs.load import print_reasons

if TYPE_CHECKING:
    from rich.console import Console


def show_rows(
    directory: Plant,
    reason: Annotated[str | None, typer.Option("--reason", help="option.reason", show_default=False)] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="option.rows_shown")] = 100,
    offset: Annotated[int, typer.Option("--offset", min=0, help="option.offset")] = 0,
    as_json: AsJson = False,
) -> None:
    """Show the rows and how many there are for each reason."""
    from assay.store.workspace import Workspace

    with Workspace.open(directory) as workspace:
        counts = workspace.quarantine.counts()
        rows = workspace.quarantine.rows(limit, offset, reason=reason).to_pylist()

    def human(to: Console) -> None:
        if not counts:
            to.print(say("quarantine.empty"))
            return
        print_reasons(to, counts)
        heads = ["file", "line", "column", "value", "message"]
        table(
            to, [say(f"quarantine.{head}") for head in heads], [[row[head] for head in heads] for row in rows]
        )

    show({"counts": counts, "rows": rows}, human, as_json=as_json)


def replay(
    directory: Plant,
    mapping: Annotated[
        Path | None,
        typer.Option("--mapping", metavar="M.yaml", help="option.replay_mapping", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take the rows in again, by a corrected mapping if one is given."""
    from assay.connect.load import replay as take
    from assay.store.workspace import Workspace

    with Workspace.open(directory) as workspace, bar() as progress:
        document = take(workspace, mapping, progress=progress).to_dict()
    show(
        document,
        lambda to: to.print(
            say("quarantine.replayed", **{k: document[k] for k in ("rows", "accepted", "quarantined")})
        ),
        as_json=as_json,
    )
