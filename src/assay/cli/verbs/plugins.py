"""``assay plugins``: what is installed, and what failed to load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.cli.options import AsJson
from assay.cli.output import show, table
from assay.cli.speech import said, say

if TYPE_CHECKING:
    from rich.console import Console


def plugins(as_json: AsJson = False) -> None:
    """List them."""
    from assay.plugins.registry import describe

    found = describe()

    def human(to: Console) -> None:
        heads = ["group", "id", "version", "title", "distribution", "state"]
        rows = [
            [
                plugin["group"].removeprefix("assay."),
                plugin["id"],
                plugin["version"],
                said(plugin["title"]) if plugin["title"] else None,
                plugin["distribution"],
                say("plugins.broken" if plugin["problem"] else "plugins.works"),
            ]
            for plugin in found
        ]
        table(to, [say(f"plugins.{head}") for head in heads], rows)
        for plugin in found:
            if plugin["problem"]:
                to.print(f"{plugin['group']} {plugin['id']}\n{plugin['problem']}")

    show({"plugins": found}, human, as_json=as_json)
