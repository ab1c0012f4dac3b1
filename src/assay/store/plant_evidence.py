"""What a plant does with its evidence: begin the log, bring it up to date, prove, audit."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from assay.ledger.audit import Audit, Finding, audit
from assay.ledger.checkpoint import Checkpoint
from assay.ledger.errors import LedgerError, LogError
from assay.ledger.gate.replay import replay
from assay.ledger.notes import Note
from assay.ledger.place import MAIN, REFUSED, Place, read_keys
from assay.ledger.submitter import State
from assay.ledger.tlog_proof import TlogProof
from assay.store.config import FILE_NAME, read_config
from assay.store.evidence import Evidence
from assay.store.evidence_about import is_thing
from assay.store.evidence_audit import RecordsAudit, audit_records
from assay.store.evidence_captures import MAKING_RECORDS
from assay.store.evidence_erasure import Erased, audit_payloads, erase, finish
from assay.store.evidence_proofs import Prover
from assay.store.evidence_registry import RegistryAudit, audit_registry
from assay.store.locks import locked
from assay.store.notary import Notary
from assay.store.place import sync
from assay.store.workspace import Workspace

_OFF = re.compile(r"^(\s*log\s*=\s*)false\b", re.MULTILINE)
_PART = re.compile(r"^\s*\[\s*ledger\s*\][^\n]*\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class EvidenceAudit:
    """What an audit of a plant's evidence saw.

    Attributes
    ----------
    valid
        Whether there is no finding of either kind.
    size, root
        How many entries the log holds, and the root over them.
    findings
        Every difference in a file of the log.
    records
        What comparing the lake with the log saw; None where that was not asked for.
    registry
        What comparing the registry with the log saw; None where that was not asked for.
    erased
        Payloads and rows that were erased by a logged decision; a quick audit does not look.
    """

    valid: bool
    size: int
    root: bytes
    findings: tuple[Finding, ...]
    records: RecordsAudit | None
    registry: RegistryAudit | None = None
    erased: int = 0


def begin(plant: Path, origin: str | None = None) -> Place:
    """Begin the evidence log of a plant that has none; what it recorded before is logged by the next process.

    Raises
    ------
    LogError
        There is a log already.
    VerificationError
        ``origin`` can't name a log.
    """
    settings = plant / FILE_NAME
    if not settings.is_file():
        return Evidence.make(plant, origin or Evidence.origin_of(plant.resolve().name))
    config = read_config(settings)
    place = Evidence.make(plant, origin or Evidence.origin_of(config.name))
    text = settings.read_text("utf-8")
    if not config.ledger.log:
        text = _OFF.sub(r"\1true", text)
    if "pseudonyms" not in tomllib.loads(text).get("ledger", {}):
        text = _with_random_ids(text)
    settings.write_text(text, "utf-8")
    sync(settings)
    return place


def _with_random_ids(text: str) -> str:
    """Settings that have people in the log by random ids only."""
    line = 'pseudonyms = "log"\n'
    if _PART.search(text):
        return _PART.sub(lambda head: head[0] + line, text, count=1)
    return f"{text}\n[ledger]\n{line}"


def bring_up_to_date(workspace: Workspace) -> State:
    """Log what was recorded and is not logged, commit to every row by itself, and sign all of it.

    An erasure that was broken off is ended.

    Raises
    ------
    LedgerError
        The plant has no log, or it can't be written.
    """
    evidence = workspace.evidence
    if not evidence.on:
        raise LogError.of("no_log", path=workspace.path / "ledger" / MAIN)
    finish(workspace)
    evidence.catch_up()
    evidence.index.look_again()
    evidence.submitter.checkpoint()
    if Notary(evidence, workspace.lake).run():
        return evidence.submitter.checkpoint()
    return evidence.submitter.state()


@dataclass(frozen=True, slots=True)
class EvidenceStanding:
    """How far a plant's log is.

    Attributes
    ----------
    entries
        How many entries a checkpoint covers.
    waiting
        Rows that are not committed to one by one yet.
    why
        What keeps records from being logged; None where nothing does.
    """

    entries: int
    waiting: int
    why: LedgerError | None


def standing(workspace: Workspace) -> EvidenceStanding | None:
    """How far the plant's log is; None where it has none."""
    evidence = workspace.evidence
    state = evidence.state
    if not state.on:
        return None
    try:
        return EvidenceStanding(evidence.signed_size(), evidence.index.lag().rows, state.why)
    except LedgerError as problem:
        return EvidenceStanding(0, 0, problem)


def settle(workspace: Workspace, seconds: float) -> LedgerError | None:
    """Commit to rows one by one for some time; why records are not logged, None where they are.

    What is left is done by a server, or by ``assay ledger checkpoint``.
    """
    evidence = workspace.evidence
    state = evidence.state
    if not state.on or state.why is not None:
        return state.why
    try:
        if evidence.index.lag().batches:
            evidence.submitter.checkpoint()
            Notary(evidence, workspace.lake).run(seconds, wait=False)
    except LedgerError as problem:
        return problem
    return None


def attest(
    workspace: Workspace,
    kind: str,
    subject: str,
    fields: Mapping[str, Any],
    *,
    moment: datetime | None = None,
) -> int:
    """Log a statement about a unit or lot as an entry of its own; its index.

    Of somebody who has a random id the log says that.

    Raises
    ------
    LedgerError
        The plant has no log, it can't be written, or a field has no canonical form.
    """
    evidence = workspace.evidence
    if not evidence.on:
        raise LogError.of("no_log", path=workspace.path / "ledger" / MAIN)
    known = evidence.people.everybody() if evidence.people is not None else {}
    of_somebody = subject in known and not is_thing(workspace, subject)
    return evidence.say(kind, subject, fields, moment=moment, person=of_somebody)


def prove_record(workspace: Workspace, record: str, fields: Sequence[str] | None = None) -> TlogProof:
    """The proof of a record under the published checkpoint (:mod:`assay.store.evidence_proofs`)."""
    return Prover(workspace.evidence, workspace.lake).prove(record, fields)


def bundle_subject(workspace: Workspace, subject: str) -> bytes:
    """Everything recorded of a unit or lot in one file (:mod:`assay.store.evidence_proofs`)."""
    return Prover(workspace.evidence, workspace.lake).bundle(subject)


def erase_subject(workspace: Workspace, subject: str, why: str) -> Erased:
    """Bring the log up to date, then erase what there is of a subject (:func:`evidence_erasure.erase`).

    Raises
    ------
    LedgerError
        The plant has no log, it can't be written, or nothing in it is about the subject.
    StoreError
        The lake can't be read or written.
    """
    with locked(workspace.spool / MAKING_RECORDS):  # no rows come of events that are being erased
        workspace.lake.hot.flush()
        bring_up_to_date(workspace)
        return erase(workspace, subject, why)


def audit_plant(
    plant: Path, *, quick: bool = False, records: bool = False, pinned: Checkpoint | Note | None = None
) -> EvidenceAudit:
    """Read the plant's logs, with ``records`` its lake and registry too; name each difference, write nothing.

    Parameters
    ----------
    plant
        The plant, or a copy of it.
    quick
        Look into no entry (:func:`assay.ledger.audit.audit`).
    records
        Compare the lake and the registry with the log, too.
    pinned
        A checkpoint known from elsewhere, of the main log or of that of what the gate refused.

    Raises
    ------
    LogError
        The plant has no log.
    """
    folder = plant / "ledger" / MAIN
    if not folder.is_dir():
        raise LogError.of("no_log", path=folder)
    origin = Checkpoint.parse(pinned.text).origin if isinstance(pinned, Note) else pinned and pinned.origin
    beside = plant / "ledger" / REFUSED
    of_refused = beside.is_dir() and origin == _origin(beside)
    seen: Audit = audit(folder, quick=quick, pinned=None if of_refused else pinned)
    refused = audit(beside, quick=quick, pinned=pinned if of_refused else None) if beside.is_dir() else None
    named = [replace(one, file=f"../{REFUSED}/{one.file}") for one in refused.findings] if refused else ()
    findings = seen.findings + tuple(named) + replay(plant / "ledger", quick=quick).findings
    gone, erased = ((), 0) if quick else audit_payloads(plant)
    findings += gone
    compared = audit_records(plant) if records else None
    registry = audit_registry(plant) if records else None
    valid = not findings and all(one is None or one.valid for one in (compared, registry))
    return EvidenceAudit(valid, seen.size, seen.root, findings, compared, registry, erased)


def _origin(folder: Path) -> str | None:
    """The name of the log in ``folder``; None where its key can't be read, which its audit says."""
    try:
        return read_keys(folder, 1)[0].name
    except LedgerError:
        return None
