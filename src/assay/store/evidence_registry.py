"""Whether the registry still has what was logged of it: accounts, declarations, master data, EPCIS events.

What was said is encrypted, so that only a machine that holds the keys of the plant's payloads can compare;
elsewhere the audit says that it did not. It writes nothing. Sessions, counters and other states of running
programs, which the registry holds too, are not logged and not compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from assay.ledger.entries import Individual
from assay.ledger.errors import LedgerError, LogError
from assay.ledger.place import MAIN, Place
from assay.ledger.standing import Erasure, statements_in
from assay.model.errors import StoreError
from assay.store.config import FILE_NAME, read_config
from assay.store.engines import read_only
from assay.store.evidence_captures import CAPTURES
from assay.store.evidence_captures_audit import SaidCapture, compare_captures
from assay.store.evidence_payloads import Payloads
from assay.store.evidence_rows import bodies_logged
from assay.store.evidence_secrets import SECRETS, Secrets
from assay.store.migrate import HEAD, revision
from assay.store.registry_changes import GONE, MASTER, SOURCE, content, is_person, waiting

_Said = dict[tuple[str, str], tuple[int | None, str]]
"""Entry and value by subject and field; no entry where a change is still to be logged."""


@dataclass(frozen=True, slots=True)
class RegistryFinding:
    """Something in the registry that is otherwise than it was logged.

    Attributes
    ----------
    subject, field
        What it is (:mod:`assay.store.registry_changes`).
    index
        The entry that said it last; None where no entry says it.
    kind
        ``registry_differs``, ``registry_missing`` or ``registry_added``; ``not_erased`` where the log says
        that a captured event was erased and it is still there.
    """

    subject: str
    field: str
    index: int | None
    kind: str


@dataclass(frozen=True, slots=True)
class RegistryAudit:
    """What a comparison of the registry with the log saw.

    Attributes
    ----------
    valid
        Whether nothing differs; also where nothing could be compared.
    compared
        Fields that were compared.
    waiting
        Changes that are still to be logged.
    unreadable
        Subjects of which an entry can't be opened, most often because it was erased.
    why
        Why nothing was compared: ``no_keys`` (not on this machine), ``not_reached`` (the database),
        ``other_revision`` (open the plant once with this version); None where it was.
    findings
        Every difference.
    captures
        Captures of EPCIS documents whose events were compared.
    erased
        Captured events that a logged erasure took out.
    unproved
        Captured events that can't be compared, because others of their capture were erased.
    """

    valid: bool
    compared: int = 0
    waiting: int = 0
    unreadable: int = 0
    why: str | None = None
    findings: tuple[RegistryFinding, ...] = ()
    captures: int = 0
    erased: int = 0
    unproved: int = 0


def audit_registry(plant: Path) -> RegistryAudit:
    """Compare the registry of a plant with its log, where the keys are on this machine.

    Raises
    ------
    ModelError
        The settings of the plant are not valid.
    """
    entries = [(index, body) for index, body in bodies_logged(plant)
               if isinstance(body, Individual) and body.origin.source in (SOURCE, CAPTURES)]  # fmt: skip
    try:
        file = Place.of(plant).outside / SECRETS
    except LedgerError:
        return RegistryAudit(True, why="no_keys")
    if not file.parent.is_dir() or (entries and not file.exists()):
        return RegistryAudit(True, why="no_keys")
    said, captures, closed, ids = _opened(plant, file, entries) if entries else ({}, [], frozenset(), {})
    erasures = list(_erasures(plant))
    config = read_config(plant / FILE_NAME)
    try:
        with read_only(config.registry or f"sqlite:///{plant / 'registry.db'}") as connection:
            if revision(connection) != HEAD:
                return RegistryAudit(True, why="other_revision")
            changes = waiting(connection)
            there = {(_logged_as(one.kind, one.subject, ids), one.field): one.value
                     for one in content(connection)}  # fmt: skip
            events = compare_captures(connection, captures, _events_erased(erasures))
    except StoreError:
        return RegistryAudit(True, why="not_reached")
    for one in changes:
        subject = _logged_as(one.kind, one.subject, ids)
        said |= {(subject, name): (None, value) for name, value in one.fields.items()}
    said = _without(said, {one.subject: one.last for _, one in erasures}, there)
    found = [*_differing(said, there, closed), *(RegistryFinding(*one) for one in events.findings)]
    findings = tuple(sorted(found, key=lambda one: (one.subject, one.field)))
    return RegistryAudit(
        not findings, len(there.keys() | said.keys()), len(changes), len(closed), None, findings,
        events.compared, events.erased, events.unproved,
    )  # fmt: skip


def _opened(
    plant: Path, file: Path, entries: list[tuple[int, Individual]]
) -> tuple[_Said, list[SaidCapture], frozenset[str], Mapping[str, str]]:
    """What was said last of each field, and of captures; subjects of which not every entry can be opened; and
    the random ids of people by their names."""
    said: _Said = {}
    captures = []
    closed = set()
    secrets = Secrets(file)
    try:
        ids = secrets.people()
        payloads = Payloads(plant / "evidence", secrets)
        for index, body in entries:
            try:
                fields = payloads.open(body).fields
            except LogError:
                closed.add(_logged_as(body.kind, body.subject, ids))
                continue
            if body.origin.source == CAPTURES:
                captures.append(SaidCapture(index, body.subject, {name: one for _, name, one in fields}))
            else:
                subject = _logged_as(body.kind, body.subject, ids)  # before ids stood in the log: by name
                said |= {(subject, name): (index, str(value)) for _, name, value in fields}
    finally:
        secrets.close()
    return said, captures, frozenset(closed), ids


def _logged_as(kind: str, subject: str, ids: Mapping[str, str]) -> str:
    """What the log calls the subject of a change of the registry: somebody who has a random id by that."""
    return ids.get(subject, subject) if is_person(kind, subject) else subject


def _erasures(plant: Path) -> Iterator[tuple[int, Erasure]]:
    """The erasures and their entries. Master data up to the last entry each covers was deleted with it."""
    for index, one in statements_in(plant / "ledger" / MAIN / "segment"):
        if one.kind == "erasure":
            yield index, Erasure.parse(one.content)


def _events_erased(erasures: Iterable[tuple[int, Erasure]]) -> dict[int, list[int]]:
    """The entries that say that the event at a position was erased."""
    found: dict[int, list[int]] = {}
    for index, one in erasures:
        for position in one.events:
            found.setdefault(position, []).append(index)
    return found


def _without(said: _Said, erased: dict[str, int], there: dict[tuple[str, str], str]) -> _Said:
    """What was said, less what is gone by an erasure that covers it."""
    return {
        (subject, name): (index, value)
        for (subject, name), (index, value) in said.items()
        if (subject, name) in there
        or index is None
        or not subject.startswith(MASTER)
        or index > erased.get(name.partition(" ")[2], -1)
    }


def _differing(
    said: _Said, there: dict[tuple[str, str], str], closed: frozenset[str]
) -> Iterator[RegistryFinding]:
    for (subject, name), (index, value) in said.items():
        now = there.get((subject, name))
        if now is None:
            if value != GONE:
                yield RegistryFinding(subject, name, index, "registry_missing")
        elif now != value and subject not in closed:
            yield RegistryFinding(subject, name, index, "registry_differs")
    for subject, name in there.keys() - said.keys():
        if subject not in closed:
            yield RegistryFinding(subject, name, None, "registry_added")
