"""Erasing what was said of somebody or something: keys and salts are destroyed, and the log says so.

The erasure is logged first, signed by the plant and by the log; what it names is then destroyed. Whoever is
killed between the two does it again. What was destroyed without such an entry is a finding of the audit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from assay.ledger.audit import Finding
from assay.ledger.entries import Entry, Individual, Rows
from assay.ledger.errors import LedgerError, LogError
from assay.ledger.place import MAIN, Place, read_keys
from assay.ledger.rotation import log_key, state
from assay.ledger.segment import Record, read_segments
from assay.ledger.standing import Erasure, standing_of, statements_in
from assay.store.evidence_payloads import payload_path
from assay.store.evidence_proofs import Prover
from assay.store.evidence_secrets import SECRETS, Secrets
from assay.store.workspace import Workspace

PAYLOADS = "evidence"
"""Folder of the payloads in a plant."""

_AT_ONCE = 4_000
"""Rows one entry can name."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did.

    Attributes
    ----------
    indexes
        The entries that say so.
    payloads, rows
        Payloads that were destroyed, and rows of which the salt was.
    """

    indexes: tuple[int, ...]
    payloads: int
    rows: int


def erase(workspace: Workspace, subject: str, why: str) -> Erased:
    """Destroy the keys, salts and payloads of what is logged about a subject; the log says so.

    Everything must be committed to row by row before (:func:`assay.store.plant_evidence.bring_up_to_date`).

    Parameters
    ----------
    workspace
        The plant.
    subject
        About whom or what.
    why
        The reason; it is logged in the open and stays, so nothing personal.

    Raises
    ------
    LedgerError
        Nothing logged is about it, all of it was erased before, or the log can't be written; nothing was
        destroyed then.
    """
    evidence = workspace.evidence
    place, last = evidence.place, evidence.signed_size() - 1
    prover = Prover(evidence, workspace.lake)
    leaves: dict[tuple[int, int], dict[int, bytes]] = {}
    for tree, row, leaf in prover.leaves_about(subject):
        leaves.setdefault((tree.batch, tree.first), {})[row] = leaf
    rows = [(batch, first, row) for (batch, first), found in leaves.items() for row in sorted(found)]
    mine = [body.payload for body in _individuals(place.segments, last + 1)
            if body.subject == subject and body.payload]  # fmt: skip
    kept = [path for digest in mine if (path := payload_path(workspace.path / PAYLOADS, digest)).exists()]
    if not rows and not kept and evidence.secrets.key_of(subject) is None:
        raise _nothing_left(place, subject)
    key = log_key(place)
    indexes = []
    for at in range(0, max(len(rows), 1), _AT_ONCE):
        said = Erasure(subject, last, why, tuple(rows[at : at + _AT_ONCE]))
        indexes.append(state(place, "erasure", bytes(said), (key.verifier.public, key.countersign)))
    evidence.secrets.erase_subject(subject)
    for path in kept:
        path.unlink(missing_ok=True)
    for (batch, first), found in leaves.items():
        evidence.secrets.erase_rows(batch, first, found)
    return Erased(tuple(indexes), len(kept), len(rows))


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
    try:
        file = Place.of(plant).outside / SECRETS
    except LedgerError:
        return
    if not file.exists():
        return
    secrets = Secrets(file)
    try:
        for index, body in _logged(folder / "segment"):
            if isinstance(body, Rows):
                salts = secrets.salts(body.batch, body.first)
                if salts is None:
                    yield Finding(file.name, index, None, "salts_missing", rebuildable=False)
                elif not salts.whole and any(
                    one is None and (body.batch, body.first, row) not in meant
                    for row, one in enumerate(salts.every())
                ):
                    yield Finding(file.name, index, None, "salt_missing", rebuildable=False)
    finally:
        secrets.close()


def _nothing_left(place: Place, subject: str) -> LogError:
    """Why there is nothing to erase: an entry says that it was erased, or nothing was ever logged."""
    before = [
        index
        for index, one in statements_in(place.segments)
        if one.kind == "erasure" and Erasure.parse(one.content).subject == subject
    ]
    if before:
        return LogError.of("erased_before", subject=subject, index=before[-1])
    return LogError.of("nothing_to_erase", subject=subject)


def _logged(folder: Path) -> Iterator[tuple[int, Individual | Rows]]:
    for found in read_segments(folder):
        if isinstance(found, Record):
            try:
                body = Entry.parse(found.entry).signed.body_of(check=False)
            except LedgerError:
                continue  # the audit of the log names it
            if isinstance(body, Individual | Rows):
                yield found.index, body


def _individuals(folder: Path, until: int) -> Iterator[Individual]:
    for index, body in _logged(folder):
        if index < until and isinstance(body, Individual):
            yield body


def _name(path: Path, folder: Path) -> str:
    return "../../" + path.relative_to(folder.parent.parent).as_posix()
