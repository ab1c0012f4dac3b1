"""``assay backup`` and ``assay restore``: a whole plant in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.options import AsJson, Plant
from assay.cli.output import show
from assay.cli.speech import say

Archive = Annotated[Path, typer.Argument(metavar="FILE", help="argument.archive", show_default=False)]


def backup(directory: Plant, archive: Archive, as_json: AsJson = False) -> None:
    """Write the plant to one file; loading may go on."""
    from assay.store.backup import backup as write
    from assay.store.workspace import Workspace

    with Workspace.open(directory) as workspace:
        write(workspace, archive)
    document = {"plant": directory, "file": archive, "bytes": archive.stat().st_size}
    show(
        document,
        lambda to: to.print(say("backup.done", file=archive, size=f"{document['bytes']:,}"), soft_wrap=True),
        as_json=as_json,
    )


def restore(archive: Archive, directory: Plant, as_json: AsJson = False) -> None:
    """Make a plant out of a backup; the two arguments are told apart by which one is a file."""
    from assay.store.backup import restore as read

    if not archive.is_file() and directory.is_file():
        archive, directory = directory, archive
    read(archive, directory)
    show(
        {"plant": directory, "file": archive},
        lambda to: to.print(say("restore.done", plant=directory), soft_wrap=True),
        as_json=as_json,
    )
