"""``assay lake``: the state of the lake, and its upkeep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from assay.cli.options import AsJson, Plant
from assay.cli.output import show, table
from assay.cli.speech import say

if TYPE_CHECKING:
    from rich.console import Console

_HEADS = ("version", "files", "small_files", "rows", "hot_rows", "bytes", "oldest", "newest")


def status(directory: Plant, as_json: AsJson = False) -> None:
    """Files, rows and times of every table."""
    from assay.store import health
    from assay.store.workspace import Workspace

    with Workspace.open(directory) as workspace:
        found = health.status(workspace.lake)
    document: dict[str, Any] = {"tables": {name: asdict(one) for name, one in found.items()}}

    def human(to: Console) -> None:
        if not document["tables"]:
            to.print(say("lake.empty"))
            return
        rows = [[name, *(one[head] for head in _HEADS)] for name, one in document["tables"].items()]
        table(
            to, [say("lake.table"), *(say(f"lake.{head}") for head in _HEADS)], rows, right=[1, 2, 3, 4, 5, 6]
        )

    show(document, human, as_json=as_json)


VERBS: dict[str, Callable[..., None]] = {"status": status}
"""The verbs of the group by their names, in the order of a day's work."""
