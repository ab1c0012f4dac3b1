"""``assay init``: a new plant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.options import AsJson, Plant
from assay.cli.output import show
from assay.cli.speech import say

if TYPE_CHECKING:
    from rich.console import Console


def init(
    directory: Plant,
    *,
    name: Annotated[str | None, typer.Option("--name", help="option.name", show_default=False)] = None,
    time_zone: Annotated[str, typer.Option("--time-zone", metavar="ZONE", help="option.time_zone")] = "UTC",
    registry_url: Annotated[
        str | None, typer.Option("--registry", metavar="URL", help="option.registry", show_default=False)
    ] = None,
    lake: Annotated[str, typer.Option(metavar="PLACE", help="option.lake", show_default=False)] = "",
    objects: Annotated[str, typer.Option(metavar="PLACE", help="option.objects", show_default=False)] = "",
    as_json: AsJson = False,
) -> None:
    """Make the directory and everything in it."""
    from assay.store.workspace import Workspace

    with Workspace.create(
        directory, name=name, time_zone=time_zone, registry_url=registry_url, lake=lake, objects=objects
    ) as workspace:
        document = {
            "plant": str(workspace.path),
            "name": workspace.config.name,
            "time_zone": workspace.config.time_zone,
        }

    def human(to: Console) -> None:
        to.print(say("init.made", plant=document["plant"], zone=document["time_zone"]))
        to.print(say("init.next", plant=directory), soft_wrap=True)

    show(document, human, as_json=as_json)
