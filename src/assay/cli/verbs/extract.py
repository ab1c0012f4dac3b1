"""``assay extract``: all rows of an answer to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.options import AsJson, Plant
from assay.cli.output import show
from assay.cli.progress import bar
from assay.cli.speech import say


def extract(
    directory: Plant,
    question: Annotated[str, typer.Argument(metavar="QUERY", help="argument.question", show_default=False)],
    *,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="option.extract_out")],
    resume: Annotated[bool, typer.Option("--resume", help="option.resume")] = False,
    batch_rows: Annotated[int, typer.Option("--batch-rows", min=1, help="option.batch_rows")] = 65_536,
    as_json: AsJson = False,
) -> None:
    """Write the rows, going on with an unfinished file when asked to."""
    from assay.query.export import extract_to
    from assay.store.workspace import Workspace

    with Workspace.open(directory) as workspace, bar() as progress:
        done = extract_to(workspace, question, out, resume=resume, batch_rows=batch_rows, progress=progress)
    document = {"question": done.question, "file": out.absolute(), "rows": done.rows}
    show(
        document,
        lambda to: to.print(say("extract.done", rows=done.rows, file=out), soft_wrap=True),
        as_json=as_json,
    )
