"""``assay load``: a file into a plant, or a proposed mapping for one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.options import AsJson
from assay.cli.output import console, show, table
from assay.cli.progress import bar
from assay.cli.speech import said, say

if TYPE_CHECKING:
    from rich.console import Console

    from assay.store.workspace import Workspace


def load(
    directory: Annotated[Path | None, typer.Argument(metavar="DIR", help="argument.plant")] = None,
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="argument.file")] = None,
    *,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", metavar="M.yaml", help="option.mapping", show_default=False)
    ] = None,
    infer: Annotated[
        Path | None, typer.Option("--infer", metavar="FILE", help="option.infer", show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="M.yaml", help="option.out", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Load, or infer when asked to."""
    if infer is not None:
        _infer(infer, out, as_json=as_json)
        return
    if directory is None or file is None or mapping is None:
        raise typer.BadParameter(say("load.needs"))
    _load(directory, file, mapping, as_json=as_json)


_BUDGET = 0.5
"""Seconds a load spends on committing to its rows one by one; the rest is done later."""


def warn_unlogged(workspace: Workspace) -> None:
    """Commit to some rows one by one; say on stderr why what was recorded is not logged, if it is not."""
    from assay.store.plant_evidence import settle

    if workspace.evidence.on and (why := settle(workspace, _BUDGET)) is not None:
        beside = console(stderr=True)
        beside.print(say("load.not_logged", why=said(why.said)), soft_wrap=True)
        if why.advice is not None:
            beside.print(said(why.advice), soft_wrap=True)


def _load(directory: Path, file: Path, mapping: Path, *, as_json: bool) -> None:
    from assay.connect.load import load_file
    from assay.store.workspace import Workspace

    with Workspace.open(directory) as workspace, bar() as progress:
        report = load_file(workspace, file, mapping, progress=progress)
        warn_unlogged(workspace)
    document = report.to_dict()

    def human(to: Console) -> None:
        to.print(say("load.done", file=file.name, **{name: document[name] for name in _COUNTS}))
        if document["unmapped"]:
            to.print(say("load.unmapped", columns=", ".join(document["unmapped"])))
        if document["reasons"]:
            print_reasons(to, document["reasons"])
            to.print(say("load.quarantine", plant=directory), soft_wrap=True)

    show(document, human, as_json=as_json)


def print_reasons(to: Console, reasons: dict[str, int]) -> None:
    """How many rows were set aside for which reason."""
    from assay.connect.reasons import reason_title

    rows = [(said(reason_title(reason)), rows) for reason, rows in reasons.items()]
    table(to, [say("load.reason"), say("load.rows")], rows, right=[1])


_COUNTS = ("rows", "accepted", "duplicates", "quarantined")


def _infer(file: Path, out: Path | None, *, as_json: bool) -> None:
    from assay.connect.infer import infer

    inference = infer(file)
    text = inference.to_yaml()
    if out is not None:
        out.write_text(text, encoding="utf-8")
    doubts = [{"column": doubt.column, "message": doubt.message.model_dump()} for doubt in inference.doubts]
    document: dict[str, Any] = {"file": file, "out": out, "mapping": text, "doubts": doubts}

    def human(to: Console) -> None:
        if out is None:
            to.out(text, end="")
        else:
            to.print(say("infer.written", out=out), soft_wrap=True)
        if doubts:
            # A mapping on stdout can be redirected to a file; what people should read goes beside it.
            beside = to if out is not None else console(stderr=True)
            beside.print(say("infer.doubts"))
            table(
                beside,
                [say("infer.column"), say("infer.doubt")],
                [(doubt.column, said(doubt.message)) for doubt in inference.doubts],
            )

    show(document, human, as_json=as_json)
