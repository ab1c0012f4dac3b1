"""``assay weld-log``: weld passes as evidence."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from assay.cli.options import AsJson, Plant
from assay.cli.output import show
from assay.cli.speech import said, say

if TYPE_CHECKING:
    from rich.console import Console


def weld_log(directory: Plant, *, as_json: AsJson = False) -> None:
    """Log weld passes as evidence, after what their gate asks for: each gets a verdict."""
    from assay.analyse.welding import log_passes
    from assay.store.workspace import Workspace

    with Workspace.open(directory) as workspace:
        found = log_passes(workspace)
    counts = {name: value for name, value in asdict(found).items() if name != "notes"}

    def human(to: Console) -> None:
        to.print(say("weld-log.logged", **counts))
        for note in found.notes:
            to.print(say("weld-log.note", text=said(note)))

    show({**counts, "notes": [said(note) for note in found.notes]}, human, as_json=as_json)
