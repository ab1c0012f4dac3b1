"""Erasing what was said of somebody or something: keys, salts, and what lake, objects and registry have.

The erasure is logged first, signed by the plant and by the log; keys and salts of what it names are destroyed
next, and then the rows. Whoever is killed between is made up for by the next erasure, by
``ledger checkpoint``, and when an old backup is restored. What was destroyed without such an entry is a
finding of the audit.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from assay.ledger.audit import Finding
from assay.ledger.entries import Batch, Entry, Individual, Rows
from assay.ledger.errors import LedgerError, LogError
from assay.ledger.place import MAIN, read_keys
from assay.ledger.rotation import log_key, state
from assay.ledger.segment import Record, read_segments
from assay.ledger.standing import Erasure, standing_of, statements_in
from assay.store.derived import ERASED
from assay.store.evidence import Evidence
from assay.store.evidence_about import is_thing
from assay.store.evidence_captures import CAPTURES
from assay.store.evidence_payloads import payload_path
from assay.store.evidence_proofs import Prover
from assay.store.evidence_rows import load_named
from assay.store.evidence_secrets import SECRETS, ErasedEvent, ErasedRows, secrets_of
from assay.store.evidence_statements import SAID
from assay.store.keys import LoadKey
from assay.store.log import ALL_ROWS
from assay.store.people import is_random
from assay.store.striking import ABOUT, Struck, condition, naming, strike
from assay.store.striking_events import events_naming, strike_events
from assay.store.striking_master import strike_master
from assay.store.tables import from_microseconds
from assay.store.workspace import Workspace

PAYLOADS = "evidence"
"""Folder of the payloads in a plant."""

_AT_ONCE = 4_000
"""Rows or events one entry can name."""

_Part = TypeVar("_Part")


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did.

    Attributes
    ----------
    indexes
        The entries that say so.
    payloads, rows
        Payloads that were destroyed, and rows of which the salt was.
    removed, altered
        Rows that left the lake, and rows that stay with another id in the place of the subject.
    objects, entities
        Objects that only removed rows referred to, and versions of master data, that were deleted.
    events
        Captured EPCIS events that named the subject and were deleted.
    """

    indexes: tuple[int, ...]
    payloads: int
    rows: int
    removed: int
    altered: int
    objects: int
    entities: int
    events: int


def erase(workspace: Workspace, subject: str, why: str) -> Erased:
    """Destroy the keys, salts and payloads of what is logged about a subject, and its rows; the log says so.

    Everything must be committed to row by row before (:func:`assay.store.plant_evidence.bring_up_to_date`).

    Parameters
    ----------
    workspace
        The plant.
    subject
        About whom or what; of people with random ids also by their name. The log calls somebody by the id.
    why
        The reason; it is logged in the open and stays, so nothing personal.

    Raises
    ------
    LedgerError
        Nothing logged is about it, all of it was erased before, or the log can't be written; nothing was
        destroyed then.
    StoreError
        The lake can't be read or written; what is left is done by the next erasure.
    """
    evidence = workspace.evidence
    place, last = evidence.place, evidence.signed_size() - 1
    leaves: dict[tuple[int, int], dict[int, bytes]] = {}
    altered: dict[tuple[int, int], set[int]] = {}
    logged_as = evidence.people.known(subject) if evidence.people is not None else subject
    if workspace.people is not None:
        subject = logged_as
    prover = Prover(evidence, workspace.lake)
    for tree, row, leaf, about in prover.leaves_naming(subject, only_about=is_random(subject)):
        leaves.setdefault((tree.batch, tree.first), {})[row] = leaf
        if not about:
            altered.setdefault((tree.batch, tree.first), set()).add(row)
    rows = [(*key, row) for key, found in leaves.items() for row in sorted(found)]
    mine = [body for body in _individuals(place.segments, last + 1) if body.subject in {subject, logged_as}]
    paths = [payload_path(workspace.path / PAYLOADS, body.payload) for body in mine if body.payload]
    kept = [path for path in paths if path.exists()]
    events = [] if is_random(subject) else _events(workspace, subject)
    keys = [evidence.secrets.key_of(one) for one in {subject, logged_as}]
    if not rows and not kept and not events and not any(keys) and not _is_named(workspace, subject):
        raise _nothing_left(evidence, subject)
    in_clear = any(body.subject == subject for body in mine)  # as entries made before ids stood in the log
    in_clear = in_clear or is_thing(workspace, subject)
    if evidence.people is not None and not in_clear:
        logged_as = evidence.people.id_of(subject)
    key = log_key(place)
    said = [
        Erasure(logged_as, last, why, part, tuple(one for one in part if one[2] in altered.get(one[:2], ())))
        for part in _parts(rows)
    ]
    gone = [Erasure(logged_as, last, why, events=part) for part in _parts([at for at, _ in events])]
    whole = [] if said or gone else [Erasure(logged_as, last, why)]
    too = [Erasure(subject, last, why)] if in_clear and logged_as != subject else []
    indexes = [
        state(place, "erasure", bytes(one), (key.verifier.public, key.countersign))
        for one in [*said, *gone, *whole, *too]
    ]
    by = {at: index for one, index in zip(gone, indexes[len(said) :], strict=False) for at in one.events}
    named = [ErasedEvent(at, digest, by[at]) for at, digest in events]
    evidence.secrets.erase_subject(
        subject,
        time.time_ns() // 1_000,
        named,
        known_as=logged_as,
        rows=[ErasedRows(*at, found, altered.get(at, ())) for at, found in leaves.items()],
    )
    for path in kept:
        path.unlink(missing_ok=True)
    done = finish(workspace)
    struck = done.struck
    return Erased(
        tuple(indexes), len(kept), len(rows), struck.removed, struck.altered, done.objects, done.entities,
        done.events,
    )  # fmt: skip


@dataclass(slots=True)
class Finished:
    """What was still there of what was erased: rows, objects to which only they referred, versions of master
    data, captured events."""

    struck: Struck
    objects: int = 0
    entities: int = 0
    events: int = 0


def _parts(every: Sequence[_Part]) -> Iterator[tuple[_Part, ...]]:
    """As many at a time as one entry can name."""
    for start in range(0, len(every), _AT_ONCE):
        yield tuple(every[start : start + _AT_ONCE])


def _events(workspace: Workspace, subject: str) -> list[tuple[int, str]]:
    """The captured events that name a subject, of those that are logged."""
    logged, _ = workspace.evidence.index.cursor(CAPTURES)
    return events_naming(workspace.registry, subject, logged)


def finish(workspace: Workspace) -> Finished:
    """Take out of lake, objects and registry what was erased and may still be there; what that was.

    Raises
    ------
    StoreError
        The lake can't be read or written.
    """
    finished = Finished(Struck())
    secrets = secrets_of(workspace.path)
    if secrets is None:
        return finished
    try:
        pending = secrets.pending()
        batches = {subject: secrets.erased_batches(subject) for subject in pending}
        if pending and workspace.lake.derived.names():
            (workspace.spool / ERASED).touch()
        bodies = _batches(workspace.path, {one for found in batches.values() for one in found})
        said, ids = _said(workspace) if pending else {}, secrets.people()
        for subject, moment in pending.items():
            within = {name: dict(loads) for name, loads in said.items()}
            for body in (bodies[one] for one in batches[subject] if one in bodies):
                load = load_named(workspace.lake, body.kind, body.origin.source)
                if load is not None:
                    stretches = within.setdefault(body.kind, {}).setdefault(load, [])
                    stretches.append((body.origin.seq, body.last))
            alias = ids.get(subject, f"erased-{uuid.uuid4().hex[:12]}")
            said_nothing = is_random(subject)
            finished.entities += strike_master(workspace.registry, subject, None if said_nothing else alias)
            events = secrets.erased_events(subject)
            finished.events += strike_events(workspace.registry, subject, events)  # and out of the file
            done = strike(workspace.lake, subject, within, moment, alias, only_about=said_nothing)
            finished.objects += _unreferred(workspace, done.contents)
            secrets.done(subject)
            finished.struck.add(done)
    finally:
        secrets.close()
    return finished


def forget(workspace: Workspace, since: int) -> None:
    """Do again in a plant from a backup what was erased since that was taken, in microseconds since 1970.

    Raises
    ------
    StoreError
        Lake or registry can't be read or written.
    """
    secrets = secrets_of(workspace.path)
    if secrets is None:
        return
    try:
        secrets.again(since)
    finally:
        secrets.close()
    finish(workspace)


def _batches(plant: Path, wanted: Collection[int]) -> dict[int, Batch]:
    """Those entries of a log that are batches, out of some of its entries."""
    if not wanted:
        return {}
    logged = _logged(plant / "ledger" / MAIN / "segment")
    return {index: body for index, body in logged if index in wanted and isinstance(body, Batch)}


def _said(workspace: Workspace) -> dict[str, dict[LoadKey, list[tuple[int, int]]]]:
    """What was said one by one, by table and load: its rows are in no batch."""
    found: dict[str, dict[LoadKey, list[tuple[int, int]]]] = {}
    for name in ABOUT:
        loads = workspace.lake.query(
            f"SELECT DISTINCT source, epoch FROM {name} WHERE list_contains($said, source)",
            {"said": list(SAID)},
        )
        for one in loads.to_pylist():
            found.setdefault(name, {})[LoadKey(one["source"], one["epoch"])] = [(0, ALL_ROWS)]
    return found


def _unreferred(workspace: Workspace, contents: Collection[str]) -> int:
    """Delete those objects to which no record refers any more; how many."""
    found = workspace.lake.query("SELECT DISTINCT content FROM artifact") if contents else None
    kept = set() if found is None else set(found.column("content").to_pylist())
    return sum(workspace.objects.delete(one) for one in contents if one not in kept)


def audit_payloads(plant: Path) -> tuple[tuple[Finding, ...], int]:
    """What is missing or changed of payloads and salts without a logged erasure; how many were erased by one.

    Works on a copied plant; salts are looked at where they are on this machine. Writes nothing.
    """
    folder = plant / "ledger" / MAIN
    try:
        standing = standing_of(read_keys(folder, 1)[0], statements_in(folder / "segment"))
    except LedgerError:
        return (), 0  # the audit of the log says what is wrong with its keys
    findings: list[Finding] = []
    erased = 0
    until = {one.subject: one.last for one in standing.erasures}
    for index, body in _logged(folder / "segment"):
        if isinstance(body, Individual) and body.payload is not None:
            path = payload_path(plant / PAYLOADS, body.payload)
            by_entry = index <= until.get(body.subject, -1)
            if not path.exists():
                erased += by_entry
                kind = None if by_entry else "payload_missing"
            else:
                kind = None if sha256(path.read_bytes()).digest() == body.payload else "payload_differs"
            if kind:
                findings.append(Finding(_name(path, folder), index, None, kind, rebuildable=False))
    meant = {row for one in standing.erasures for row in one.rows}  # done again, a row is named twice
    findings += _salts(plant, folder, meant)
    return tuple(findings), erased + len(meant)


def _salts(plant: Path, folder: Path, meant: Collection[tuple[int, int, int]]) -> Iterator[Finding]:
    """Salts of rows that are gone, where they should be on this machine; those of ``meant`` were erased."""
    secrets = secrets_of(plant)
    if secrets is None:
        return
    try:
        for index, body in _logged(folder / "segment"):
            if isinstance(body, Rows):
                salts = secrets.salts(body.batch, body.first)
                if salts is None:
                    yield Finding(SECRETS, index, None, "salts_missing", rebuildable=False)
                elif not salts.whole and any(
                    one is None and (body.batch, body.first, row) not in meant
                    for row, one in enumerate(salts.every())
                ):
                    yield Finding(SECRETS, index, None, "salt_missing", rebuildable=False)
    finally:
        secrets.close()


def _is_named(workspace: Workspace, subject: str) -> bool:
    """Whether a row names it that is no batch's: what somebody said of something else, as a correction."""
    for name in workspace.lake.tables():
        columns = naming(workspace.lake, name, only_about=is_random(subject))
        if columns:
            where, values = condition(name, columns, subject)
            if len(workspace.lake.query(f"SELECT 1 FROM {name} WHERE {where} LIMIT 1", values)):
                return True
    return False


def _nothing_left(evidence: Evidence, subject: str) -> LogError:
    """Why there is nothing to erase: an entry says that it was erased, or nothing was ever logged."""
    before = [
        index
        for index, one in statements_in(evidence.place.segments)
        if one.kind == "erasure" and Erasure.parse(one.content).subject == subject
    ]
    if before:
        return LogError.of("erased_before", subject=subject, index=before[-1])
    moment = evidence.secrets.erased_at(subject)
    if moment is not None:
        return LogError.of("erased_then", subject=subject, moment=from_microseconds(moment).isoformat())
    return LogError.of("nothing_to_erase", subject=subject)


def _logged(folder: Path) -> Iterator[tuple[int, Individual | Batch | Rows]]:
    for found in read_segments(folder):
        if isinstance(found, Record):
            try:
                body = Entry.parse(found.entry).signed.body_of(check=False)
            except LedgerError:
                continue  # the audit of the log names it
            if isinstance(body, Individual | Batch | Rows):
                yield found.index, body


def _individuals(folder: Path, until: int) -> Iterator[Individual]:
    for index, body in _logged(folder):
        if index < until and isinstance(body, Individual):
            yield body


def _name(path: Path, folder: Path) -> str:
    return "../../" + path.relative_to(folder.parent.parent).as_posix()
