"""``assay epcis``: EPCIS documents of partners, checked and captured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.options import AsJson, Plant
from assay.cli.output import as_text, show
from assay.cli.speech import say, spoken

if TYPE_CHECKING:
    from rich.console import Console

    from assay.exchange.epcis import Verdict

Document = Annotated[Path, typer.Argument(metavar="FILE", help="argument.epcis_document", show_default=False)]


def validate(file: Document, *, as_json: AsJson = False) -> None:
    """Say whether a document is valid, and what is wrong with it; the exit code is 1 when it isn't."""
    verdict = _verdict(file)
    faults = [one.to_dict(spoken()) for one in verdict.faults]
    document: dict[str, Any] = {"valid": verdict.valid, "errors": faults}

    def human(to: Console) -> None:
        if verdict.valid:
            to.print(say("epcis.valid", file=file.name, events=len(verdict.events)))
            return
        to.print(say("epcis.invalid", file=file.name, count=len(faults)))
        for one in faults:
            to.print(f"  {one['path'] or '/'}: {one['message']} [{one['rule']}]")

    show(document, human, as_json=as_json)
    if not verdict.valid:
        raise typer.Exit(1)


def _verdict(file: Path) -> Verdict:
    from assay.exchange.epcis import validate_bytes
    from assay.exchange.epcis.validate import unreadable

    try:
        return validate_bytes(file.read_bytes())
    except OSError as error:
        return unreadable(str(file), error.strerror or str(error))


def capture(
    directory: Plant,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="argument.epcis_document", show_default=False)
    ],
    *,
    proceed: Annotated[bool, typer.Option("--proceed", help="option.epcis_proceed")] = False,
    as_json: AsJson = False,
) -> None:
    """Capture documents and make records of their events; the exit code is 1 when anything was refused."""
    from assay.exchange.epcis.records import bring_in
    from assay.exchange.epcis.repository import Repository
    from assay.exchange.epcis.validate import validate_each
    from assay.store.workspace import Workspace

    told: list[dict[str, Any]] = []
    with Workspace.open(directory) as workspace:
        repository = Repository(workspace)
        for file in files:
            verdict = _verdict(file)
            if proceed and not verdict.valid:
                verdict = validate_each(verdict.document)
            job = repository.capture(verdict, "proceed" if proceed else "rollback")
            told.append(
                {
                    "file": str(file),
                    "events": job.events,
                    "captured": job.captured,
                    "known": job.known,
                    "refused": job.refused,
                    "differing": list(job.notes),
                    "errors": [one.to_dict(spoken()) for one in job.faults],
                }
            )
        rows = bring_in(workspace, repository)
        workspace.lake.hot.flush()

    def human(to: Console) -> None:
        for one in told:
            to.print(say("epcis.captured", **{**one, "file": Path(one["file"]).name}))
            for fault in one["errors"]:
                to.print(f"  {fault['path'] or '/'}: {fault['message']} [{fault['rule']}]")
        to.print(say("epcis.records", rows=rows))

    show({"documents": told, "records": rows}, human, as_json=as_json)
    if any(one["errors"] for one in told):
        raise typer.Exit(1)


def export(
    directory: Plant,
    *,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="option.epcis_out", show_default=False)],
    work_order: Annotated[
        str | None, typer.Option("--work-order", metavar="ID", help="option.work_order", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the plant's genealogy as one EPCIS document."""
    from assay.exchange.epcis.export import document_of, export_events
    from assay.store.workspace import Workspace

    with Workspace.open(directory) as workspace:
        events = list(export_events(workspace, work_order=work_order))
    out.write_text(as_text(document_of(events)), encoding="utf-8")

    def human(to: Console) -> None:
        to.print(say("epcis.exported", file=out.name, events=len(events)))

    show({"file": str(out), "events": len(events)}, human, as_json=as_json)


VERBS: dict[str, Callable[..., None]] = {"validate": validate, "capture": capture, "export": export}
