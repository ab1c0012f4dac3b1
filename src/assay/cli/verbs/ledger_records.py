"""``assay ledger prove``, ``bundle`` and ``attest``, and what the notariser has still to do."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.options import AsJson, OfRefused, Plant
from assay.cli.output import show, table
from assay.cli.speech import say
from assay.cli.verbs.ledger_keys import log_of

if TYPE_CHECKING:
    from assay.ledger.place import Place
    from assay.ledger.submitter import State
    from assay.store.evidence_index import Lag

Out = Annotated[
    Path, typer.Option("--out", "-o", metavar="FILE", help="option.proof_out", show_default=False)
]
Said = Annotated[
    list[str] | None,
    typer.Option("--field", metavar="NAME=VALUE", help="option.said_field", show_default=False),
]


def checkpoint(place: Place, directory: Path) -> State:
    """Log what waits, commit to every row by itself, and sign all of it; of a log without a plant, sign."""
    from assay.ledger.submitter import Submitter
    from assay.store.plant_evidence import bring_up_to_date
    from assay.store.workspace import Workspace

    if _is_plant(directory):
        with Workspace.open(directory) as workspace:
            return bring_up_to_date(workspace)
    with Submitter(place) as submitter:
        return submitter.checkpoint()


def lag(place: Place) -> Lag | None:
    """What the notariser has still to do; None where nothing of it is on this machine."""
    from assay.store.evidence_index import INDEX, EvidenceIndex

    if not (place.outside / INDEX).exists():
        return None
    index = EvidenceIndex(place)
    try:
        return index.lag()
    finally:
        index.close()


def prove(
    directory: Plant,
    record: Annotated[str, typer.Argument(metavar="RECORD", help="argument.record", show_default=False)],
    *,
    out: Out,
    field: Annotated[
        list[str] | None,
        typer.Option("--field", metavar="NAME", help="option.shown_field", show_default=False),
    ] = None,
    refused: OfRefused = False,
    as_json: AsJson = False,
) -> None:
    """Write the proof that a record is in the log; of what was refused, that it was, by its entry there."""
    from assay.ledger.errors import LogError
    from assay.ledger.proving import prove as proof_of
    from assay.store.plant_evidence import prove_record
    from assay.store.workspace import Workspace

    if refused and not record.isdigit():
        raise LogError.of("no_record", record=record)
    if refused or (not _is_plant(directory) and record.isdigit()):
        written(out, bytes(proof_of(log_of(directory, refused=refused), int(record))), as_json)
        return
    with Workspace.open(directory) as workspace:
        proof = prove_record(workspace, record, field or None)
    written(out, bytes(proof), as_json)


def bundle(
    directory: Plant,
    subject: Annotated[
        str, typer.Argument(metavar="SUBJECT", help="argument.proved_subject", show_default=False)
    ],
    *,
    out: Out,
    as_json: AsJson = False,
) -> None:
    """Write the proofs of everything recorded of a unit or lot into one file."""
    from assay.ledger.place import Place as LogPlace
    from assay.ledger.proving import bundle as bundle_of
    from assay.store.plant_evidence import bundle_subject
    from assay.store.workspace import Workspace

    if not _is_plant(directory):
        written(out, bundle_of(LogPlace.of(directory), subject), as_json)
        return
    with Workspace.open(directory) as workspace:
        data = bundle_subject(workspace, subject)
    written(out, data, as_json)


def attest(
    directory: Plant,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="argument.entry_kind", show_default=False)],
    subject: Annotated[
        str, typer.Argument(metavar="SUBJECT", help="argument.said_subject", show_default=False)
    ],
    *,
    field: Said = None,
    as_json: AsJson = False,
) -> None:
    """Log a decision, disposition, attestation or other statement about a unit or lot."""
    from assay.ledger.entries import KINDS
    from assay.ledger.errors import EntryError
    from assay.store.plant_evidence import attest as said
    from assay.store.workspace import Workspace

    said_kinds = sorted(KINDS - {"log"})
    if kind not in said_kinds:
        raise EntryError.of("no_kind", kind=kind, known=", ".join(said_kinds))
    fields = {}
    for one in field or []:
        name, found, value = one.partition("=")
        if not found or not name:
            raise EntryError.of("no_value", value=one)
        fields[name] = value
    with Workspace.open(directory) as workspace:
        document = {"index": said(workspace, kind, subject, fields)}
    show(document, lambda to: to.print(say("ledger.attested", **document)), as_json=as_json)


def erase(
    directory: Plant,
    subject: Annotated[
        str, typer.Argument(metavar="SUBJECT", help="argument.said_subject", show_default=False)
    ],
    *,
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="option.erase_why", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Destroy what there is of a subject: keys, payloads, rows, objects, master data; the log says so."""
    from assay.query.layers import erase as erased
    from assay.store.workspace import Workspace

    with Workspace.open(directory) as workspace:
        document = asdict(erased(workspace, subject, why))
    document["indexes"] = list(document["indexes"])
    said = {**document, "indexes": ", ".join(map(str, document["indexes"]))}
    show(document, lambda to: to.print(say("ledger.erased", **said)), as_json=as_json)


def people(
    directory: Plant,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="argument.people", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Who stands for which random id; who has none and is named gets one."""
    from assay.ledger.errors import LogError
    from assay.store.workspace import Workspace

    with Workspace.open(directory) as workspace:
        known = workspace.evidence.people
        if known is None:
            raise LogError.of("no_pseudonyms", path=directory)
        found = known.ids(names) if names else known.everybody()
    rows = [[name, found[name]] for name in sorted(found)]
    document = {"people": [{"name": name, "id": id_} for name, id_ in rows]}
    show(document, lambda to: table(to, [say("ledger.person"), say("ledger.id")], rows), as_json=as_json)


def written(out: Path, data: bytes, as_json: bool) -> None:
    """Write a file of a proof, and say so."""
    out.write_bytes(data)
    document = {"file": str(out), "bytes": len(data)}
    show(document, lambda to: to.print(say("ledger.written", **document)), as_json=as_json)


def _is_plant(directory: Path) -> bool:
    from assay.store.config import FILE_NAME

    return (directory / FILE_NAME).is_file()
