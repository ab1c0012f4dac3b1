"""Everything the plant records is logged: what was committed to the lake, what people said, what was set up.

The lake's own log is what counts: rows are committed there first, and :meth:`Evidence.catch_up` logs every
commit that is not logged yet, whoever made it and whenever it died. Nothing is logged twice, because an
entry's origin is that of its rows. A plant whose log can't be written (it was copied without its key, say)
goes on taking records, and says so.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from itertools import islice
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay.ledger.canonical import Value
from assay.ledger.chunks import Digested, schema_digest
from assay.ledger.derived import Derived
from assay.ledger.entries import Batch, Body, Entry, Individual, Origin, Signed, sign
from assay.ledger.errors import LedgerError, LogError
from assay.ledger.gate.facts import FIELD, Claims, Fact, opening_of
from assay.ledger.gate.openings import FILE, FOLDER
from assay.ledger.issuer import ISSUER_KEY, make_issuer
from assay.ledger.place import MAIN, REFUSED, Place
from assay.ledger.rotation import issuer_of
from assay.ledger.segment import Record, read_segments
from assay.ledger.submitter import Submitter
from assay.ledger.text import is_key_name
from assay.store.config import LedgerSettings
from assay.store.evidence_captures import CAPTURES, captures_after, mark_at
from assay.store.evidence_documents import changed_documents
from assay.store.evidence_gate import JUDGED, keys_for
from assay.store.evidence_index import EvidenceIndex
from assay.store.evidence_payloads import Payloads, value_of
from assay.store.evidence_rows import (
    Piece,
    dates_of,
    digest_piece,
    files_of,
    logged_schema,
    read_piece,
    source_of,
)
from assay.store.evidence_secrets import SECRETS, Secrets
from assay.store.evidence_statements import SAID, Statement
from assay.store.keys import LoadKey
from assay.store.locks import locked
from assay.store.log import ALL_ROWS, APPENDED, REASON, RETIRED, Commit
from assay.store.people import PERSON, in_claims, people_of

if TYPE_CHECKING:
    from assay.ledger.writer import Ack
    from assay.store.lake import Lake

_PATIENCE = 5.0
"""Seconds to wait for a sequencer after a commit; what is not logged then is logged with the next one."""

_PAUSE = 30.0
"""Seconds after a failure in which this process does not try again by itself."""

_AT_ONCE = 256
"""Entries handed in together."""

_ORIGIN_LENGTH = 30


@dataclass(frozen=True, slots=True)
class EvidenceState:
    """Whether the plant's records are logged.

    Attributes
    ----------
    on
        Whether the plant has a log and means to use it.
    why
        What keeps records from being logged now; None where nothing does.
    """

    on: bool
    why: LedgerError | None


class Evidence:
    """The evidence of one plant: its log, its keys, and what is still to be logged.

    Parameters
    ----------
    path
        The plant.
    settings
        The ``[ledger]`` part of its settings.
    lake
        Its records.
    spool
        Where the plant's locks are.
    """

    def __init__(self, path: Path, settings: LedgerSettings, lake: Lake, spool: Path) -> None:
        self.path = path
        self.settings = settings
        self._lake = lake
        self.people = people_of(settings, lambda: self.secrets)
        self.spool = spool
        self._turn = RLock()
        self._problem: LedgerError | None = None
        self._again = 0.0
        self._marks: dict[tuple[str, int], str] = {}
        self.on = settings.log and (path / "ledger" / MAIN).is_dir()

    # -- making ------------------------------------------------------------------------------------

    @staticmethod
    def make(path: Path, origin: str) -> Place:
        """Make the logs ``main`` and ``refused`` of a plant, and the key that signs its entries.

        Raises
        ------
        LogError
            There is a log already.
        VerificationError
            ``origin`` can't name a log.
        """
        from assay.ledger.writer import Writer

        place = Place.make(path, origin)
        make_issuer(place.outside / ISSUER_KEY)
        refused = Place.make(path, f"{origin}/{REFUSED}", REFUSED)
        for one in (place, refused):
            Writer(one).close()
        return place

    @staticmethod
    def origin_of(name: str) -> str:
        """A name for the log of a plant, which no other plant has."""
        kept = "".join(one if one.isascii() and one.isalnum() else "-" for one in name.lower()).strip("-")
        origin = f"{kept[:_ORIGIN_LENGTH].strip('-') or 'plant'}.{os.urandom(4).hex()}"
        return origin if is_key_name(origin) else f"plant.{os.urandom(4).hex()}"

    # -- parts -------------------------------------------------------------------------------------

    @cached_property
    def place(self) -> Place:
        """The plant's main log, where its key is at hand.

        Raises
        ------
        LogError
            The plant has no log, or its key is not on this machine.
        """
        place = Place.of(self.path)
        if not place.outside.is_dir():
            raise LogError.of("not_here", path=self.path, outside=place.outside)
        return place

    @cached_property
    def issuer(self) -> Ed25519PrivateKey:
        """The key that signs the plant's entries.

        Raises
        ------
        LedgerError
            It is not there, or can't be used.
        """
        return issuer_of(self.place)

    @cached_property
    def index(self) -> EvidenceIndex:
        """Which entry holds which rows."""
        return EvidenceIndex(self.place)

    @cached_property
    def secrets(self) -> Secrets:
        """Seeds of salts, and keys of payloads."""
        return Secrets(self.place.outside / SECRETS)

    @cached_property
    def payloads(self) -> Payloads:
        """What individual entries commit to, encrypted."""
        return Payloads(self.path / "evidence", self.secrets)

    @cached_property
    def submitter(self) -> Submitter:
        """The way to the log's sequencer."""
        return Submitter(self.place, patience=_PATIENCE)

    def names(self) -> Mapping[str, str]:
        """Who is behind the ids of people in the log; empty where answers show these too."""
        return {} if self.people is None else self.people.names()

    @property
    def public(self) -> bytes:
        """The public half of :attr:`issuer`, 32 bytes."""
        return self.issuer.public_key().public_bytes_raw()

    @property
    def state(self) -> EvidenceState:
        """Whether records are logged, and why not."""
        if not self.on:
            return EvidenceState(False, None)
        if self._problem is None:
            try:
                _ = self.issuer
            except LedgerError as problem:
                return EvidenceState(True, problem)
        return EvidenceState(True, self._problem)

    def close(self) -> None:
        """Let go of files and connections."""
        with self._turn:
            for name in ("submitter", "index", "secrets"):
                if (part := self.__dict__.pop(name, None)) is not None:
                    part.close()

    # -- logging -----------------------------------------------------------------------------------

    def noticed(self) -> None:
        """Log what was committed just now. What fails is kept in :attr:`state` and tried again later."""
        if not self.on or time.monotonic() < self._again:
            return
        try:
            self.catch_up()
        except LedgerError as problem:
            self._problem = problem
            self._again = time.monotonic() + _PAUSE

    @contextmanager
    def _written(self) -> Iterator[None]:
        """Say in the log's words what the system refuses to write, as where the disk of the keys is full.

        Raises
        ------
        LogError
            ``disk``.
        """
        try:
            yield
        except sqlite3.OperationalError as problem:
            raise LogError.of("disk", path=self.place.outside, why=problem) from problem
        except OSError as problem:
            raise LogError.disk(problem, self.path) from problem

    def catch_up(self) -> int:
        """Log everything the plant recorded that is not logged yet; returns how many entries that made.

        Raises
        ------
        LedgerError
            The log can't be written; everything recorded stays, and is logged later.
        """
        with self._written(), self._turn, locked(self.spool / "evidence.lock"):
            self.__dict__.pop("issuer", None)  # it may have been replaced by a newer one
            count = self._log_documents() + self._log_registry() + self._log_captures()
            for name in self._lake.tables():
                count += self._log_table(name)
        self._problem, self._again = None, 0.0
        return count

    def append(
        self,
        bodies: Sequence[Body],
        dates: tuple[str, str] | None = None,
        openings: Sequence[bytes] = (),
    ) -> list[int]:
        """Sign bodies and log them; their indexes, of what the gate refused those in the log of refusals.

        A body whose origin is logged gets the index it has.

        Parameters
        ----------
        bodies
            What to log.
        dates
            The first and last partition its rows are in.
        openings
            What the gate is to judge each by, where anything is.

        Raises
        ------
        LedgerError
            One can't be logged, or the log can't be written.
        """
        indexes: list[int] = []
        for start in range(0, len(bodies), _AT_ONCE):
            group = bodies[start : start + _AT_ONCE]
            known: list[tuple[int, Body]] = []
            refused: list[tuple[int, Body]] = []
            for body, answer in zip(group, self._logged(group, openings[start:]), strict=True):
                if isinstance(answer, LedgerError):
                    raise answer
                indexes.append(answer.index)
                if answer.refused:
                    refused.append((answer.index, body))
                elif answer.duplicate:
                    known.append((answer.index, self.entry(answer.index).signed.body_of(check=False)))
                else:
                    known.append((answer.index, body))
            self.index.note(known, dates)
            self.index.note_refused(refused)
        return indexes

    def _logged(self, bodies: Sequence[Body], openings: Sequence[bytes]) -> list[Ack | LedgerError]:
        """Sign and submit; once more by the new key where the plant's was rotated since it was read."""
        answers = self.submitter.append(self._signed(bodies, openings))
        if not any(isinstance(one, LedgerError) and one.reason == "retired_key" for one in answers):
            return answers
        before = self.public
        del self.issuer
        if self.public == before:
            return answers
        mine = [replace(body, issuer=self.public) for body in bodies]
        return self.submitter.append(self._signed(mine, openings))

    def _signed(self, bodies: Sequence[Body], openings: Sequence[bytes]) -> list[Signed]:
        signed = [sign(body, self.issuer) for body in bodies]
        if not openings:
            return signed
        return [one._replace(opening=said) for one, said in zip(signed, openings, strict=False)]

    def entry(self, index: int) -> Entry:
        """An entry of the log.

        Raises
        ------
        LogError
            The log has no such entry that can be read.
        """
        if index < (size := self.signed_size()):
            return Entry.parse(Derived(self.place.folder).entry(index, size))
        found = next(read_segments(self.place.segments, index), None)
        if not isinstance(found, Record):
            raise LogError.of("not_covered", index=index, size=found.index if found else 0)
        return Entry.parse(found.entry)

    def disclosable(self, name: str, columns: Sequence[str]) -> tuple[str, ...]:
        """The columns of a table of which single fields can be shown, in order."""
        return tuple(sorted(set(self.settings.disclosable.get(name, ())) & set(columns)))

    def signed_size(self) -> int:
        """How many entries the published checkpoint covers."""
        published = Derived(self.place.folder).published()
        return published[1].size if published else 0

    def say(
        self,
        kind: str,
        subject: str,
        fields: Mapping[str, Any],
        *,
        moment: datetime | None = None,
        origin: Origin | None = None,
        gate: Fact | Claims | None = None,
        person: bool = False,
    ) -> int:
        """Log one statement as an entry of its own; the index of the entry.

        Its fields are committed to one by one, and kept encrypted beside the log under a key of the subject.

        Parameters
        ----------
        kind
            What it is, such as ``disposition`` or ``attestation``.
        subject
            What it is about.
        fields
            What is said, by name.
        moment
            When it happened; now where nothing is said.
        origin
            What makes it the same statement when it is said again.
        gate
            An input of the gate, or what the gate is to judge the statement by; one more field, shown to it.
        person
            Whether ``subject`` is somebody: the log says the random id then, where it does so with people.

        Raises
        ------
        LedgerError
            A field has no canonical form, or the log can't be written.
        """
        return self.say_all([Statement(kind, subject, fields, moment, origin, gate, person)])[0]

    def say_all(self, statements: Sequence[Statement]) -> list[int]:
        """Log statements in their order, many at once; their indexes, of refused ones in the log of refusals.

        Raises like :meth:`say`; what was logged before the one that fails stays.
        """
        with self._written(), self._turn:
            called = self._by_ids(statements)
            self.secrets.new_keys({one.subject for one in called})
            sealed = [self._sealed(one) for one in called]
            return self.append([body for body, _ in sealed], openings=[opening for _, opening in sealed])

    def _by_ids(self, statements: Sequence[Statement]) -> Sequence[Statement]:
        """Statements with random ids in the place of people, where the log calls them so."""
        if self.people is None:
            return statements
        names = {one.subject for one in statements if one.person}
        for one in statements:
            if isinstance(one.gate, Claims):
                names.update(one.gate.took.get(PERSON, ()))
        ids = self.people.ids(names) if names else {}
        return [
            replace(
                one,
                subject=ids[one.subject] if one.person else one.subject,
                gate=in_claims(one.gate, ids) if isinstance(one.gate, Claims) else one.gate,
            )
            for one in statements
        ]

    def _sealed(self, said: Statement) -> tuple[Individual, bytes]:
        """The body of a statement whose payload is kept, and what the gate is shown of it."""
        now = time.time_ns() // 1_000
        happened = now if said.moment is None else int(value_of(said.moment) or 0)
        who = said.origin or Origin("plant", now, int.from_bytes(os.urandom(4), "big"))
        values: dict[str, Value] = {name: value_of(one) for name, one in said.fields.items()}
        if said.gate is not None:
            values[FIELD] = bytes(said.gate)
        sealed = self.payloads.seal(said.subject, who, values)
        body = Individual(
            kind=said.kind,
            subject=said.subject,
            origin=who,
            event_time=happened,
            record_time=now,
            root=sealed.commitment.root,
            fields=len(values),
            payload=sealed.digest,
            issuer=self.public,
        )
        return body, b"" if said.gate is None else opening_of(sealed.commitment)

    # -- tables ------------------------------------------------------------------------------------

    def _log_table(self, name: str) -> int:
        table = self._lake.table(name)
        newest = table.version()
        done, mark = self.index.cursor(name)
        if done == newest and done >= 0 and mark == self._mark(name, done):
            return 0
        if done > newest or (done >= 0 and mark != self._mark(name, done)):
            done = -1  # another lake than that which was logged: its rows are compared one load at a time
        count = 0
        for version in range(done + 1, newest + 1):
            count += self._log_commit(name, table.commit_at(version))
        if newest >= 0:
            self.index.move(name, newest, self._mark(name, newest))
        return count

    def _mark(self, name: str, version: int) -> str:
        """What tells one version of a table from another that a restored lake has under the same number."""
        if (name, version) not in self._marks:
            with self._lake.table(name).place.reading(f"_delta_log/{version:020}.json") as file:
                self._marks[name, version] = hashlib.sha256(file.read()).hexdigest()
        return self._marks[name, version]

    def _log_commit(self, name: str, commit: Commit) -> int:
        count = self._log_retired(name, commit) if RETIRED in commit.facts else 0
        added = self._lake.table(name).added_by(commit.version)
        for piece in _pieces(name, commit):
            dated = replace(piece, dates=dates_of(added))
            if piece.load.source in SAID:
                count += self._log_said(dated, added)
            else:
                count += self._log_batches(dated, added)
        return count

    def _log_batches(self, piece: Piece, added: Sequence[str]) -> int:
        source = source_of(piece.name, piece.load)
        reached = self.index.last_of(source)
        if reached >= piece.last:
            return 0
        found = self._lake.digests.take(piece.name, added) if piece.last == ALL_ROWS else None
        if found is None or reached >= 0:
            rest = replace(piece, first=max(piece.first, reached + 1))
            found = digest_piece(self._lake, rest, self._files(piece, added))
        schema, now = schema_digest(logged_schema(self._lake, piece.name)), time.time_ns() // 1_000
        bodies = [
            Batch(
                piece.name,
                schema,
                Origin(source, 0, one.first),
                one.last,
                one.rows,
                now,
                one.chunks,
                self.public,
            )
            for one in found
        ]
        dates = piece.dates and (piece.dates[0].isoformat(), piece.dates[1].isoformat())
        return len(self.append(bodies, dates, self._openings(piece, added, found)))

    def _openings(self, piece: Piece, added: Sequence[str], batches: Sequence[Digested]) -> list[bytes]:
        """What the gate judges batches by, where it has a policy and their rows say who did what."""
        if piece.name not in JUDGED or not (self.path / "ledger" / FOLDER / FILE).exists():
            return []
        files, values = self._files(piece, added), self.settings.gate.get(piece.name, ())
        found = []
        for one in batches:
            rows = list(read_piece(self._lake, replace(piece, first=one.first, last=one.last), files))
            found.append(keys_for(piece.name, self._judged(rows), values) if rows else b"")
        return found

    def _judged(self, rows: Sequence[pa.Table]) -> pa.Table:
        """Rows as the gate sees them: people by their random ids, where the log calls them so."""
        table = pa.concat_tables(rows)
        return table if self.people is None else self.people.in_performers(table)

    def _log_said(self, piece: Piece, added: Sequence[str]) -> int:
        """Rows that were said one by one, each as an entry of its own."""
        source, count = source_of(piece.name, piece.load), 0
        kind, when = SAID[piece.load.source]
        for rows in read_piece(self._lake, piece, self._files(piece, added)):
            for row in rows.to_pylist():
                who = Origin(source, 0, row["seq"])
                if self.index.records(origin=(who.source, who.epoch, who.seq)):
                    continue
                said = {key: value for key, value in row.items() if value is not None}
                subject = row["subject"] or f"{piece.name}:{piece.load.source}"
                moment, of_somebody = row[when] or row["recorded"], row["subject_kind"] == PERSON
                self.say_all([Statement(kind, subject, said, moment, who, person=of_somebody)])
                count += 1
        return count

    def _log_retired(self, name: str, commit: Commit) -> int:
        who = Origin(f"retired:{name}", int(commit.moment.timestamp() * 1_000_000), commit.version)
        fields = {"before": str(commit.facts[RETIRED]), "why": str(commit.facts.get(REASON, ""))}
        fields["files"] = len(self._lake.table(name).removed_by(commit.version))  # type: ignore[assignment]
        self.say("decision", f"table:{name}", fields, moment=commit.moment, origin=who)
        return 1

    def _files(self, piece: Piece, added: Sequence[str]) -> list[str]:
        """The files of a commit where they are still there; those of today otherwise."""
        place = self._lake.table(piece.name).place
        if len(place.sizes(added)) == len(added):
            return [place.address(path) for path in added]
        return files_of(self._lake, piece.name, piece.dates)

    # -- what is no row of the lake ------------------------------------------------------------------

    def _log_documents(self) -> int:
        """The settings and the model of the plant, when they changed."""
        return len(self.say_all(list(changed_documents(self.path, self.index))))

    def _log_registry(self) -> int:
        """What changed in the registry: each change is kept there until its entry is acknowledged."""
        registry, count = self._lake.registry, 0
        while group := registry.changes(_AT_ONCE):
            new = [one for one in group if not self.index.records(origin=one.origin)]
            self.say_all(
                [
                    Statement(one.kind, one.subject, one.fields, one.moment, one.origin, person=one.of_person)
                    for one in new
                ]
            )
            registry.logged([one.position for one in group])
            count += len(new)
        return count

    def _log_captures(self) -> int:
        """What came in over EPCIS, each capture by itself."""
        registry = self._lake.registry
        done, mark = self.index.cursor(CAPTURES)
        if done >= 0 and mark != mark_at(registry, done):
            done = -1  # another registry than that which was logged
        waiting, count = captures_after(registry, done), 0
        while group := list(islice(waiting, _AT_ONCE)):
            new = [one for one in group if one.whole and not self.index.records(origin=one.origin)]
            self.say_all([Statement("record", one.job, one.fields, one.moment, one.origin) for one in new])
            self.index.move(CAPTURES, group[-1].last, mark_at(registry, group[-1].last))
            count += len(new)
        return count


def _pieces(name: str, commit: Commit) -> Iterator[Piece]:
    """What a commit brought, by load: all of it, or from the first to the last row of its appends."""
    if APPENDED not in commit.facts:
        for stretch, _ in commit.brought:
            yield Piece(name, stretch.load, 0, ALL_ROWS)
        return
    found: dict[LoadKey, tuple[int, int]] = {}
    for stretch, _ in commit.appended:
        first, last = found.get(stretch.load, (stretch.first, stretch.last))
        found[stretch.load] = min(first, stretch.first), max(last, stretch.last)
    for load, (first, last) in found.items():
        yield Piece(name, load, first, last)
