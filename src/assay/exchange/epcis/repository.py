"""Captured events: kept as they came, each once, found by position, id and terms.

An event's position is the order in which events became durable: writers take turns, so who has read up to a
position has read everything before it.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, Literal

import sqlalchemy as sa

from assay.exchange.epcis.context import Context, own_parts, read_context
from assay.exchange.epcis.event_hash import event_hash
from assay.exchange.epcis.faults import Fault
from assay.exchange.epcis.terms import bounded, terms_of
from assay.exchange.epcis.times import microseconds
from assay.exchange.epcis.validate import Verdict
from assay.model.text import Text
from assay.store.registry import now
from assay.store.striking_events import text_digest
from assay.store.tables import (
    EPCIS_CONTEXT,
    EPCIS_ERASED,
    EPCIS_EVENT,
    EPCIS_JOB,
    EPCIS_TERM,
    from_microseconds,
    to_microseconds,
)

if TYPE_CHECKING:
    from assay.store.workspace import Workspace

Behaviour = Literal["rollback", "proceed"]

_WRITERS: Final = 0x6570636973  # "epcis": one capture at a time per PostgreSQL database
_CHUNK: Final = 400
_CHILDREN: Final = "epcis.children"
_WRITER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One captured event."""

    position: int
    event_id: str
    captured: datetime
    happened: datetime
    event: Mapping[str, Any]
    """The event as it came, with its ``eventID`` filled in where it had none."""
    context: Context
    own_context: tuple[Any, ...]
    """What its document declared besides GS1's context."""


@dataclass(frozen=True, slots=True)
class CaptureJob:
    """What became of one captured document."""

    id: str
    created: datetime
    finished: datetime
    behaviour: Behaviour
    events: int
    captured: int
    known: int
    """Events that were captured before with the same content."""
    faults: tuple[Fault, ...]
    notes: tuple[str, ...] = ()
    """Ids of events that differ from an earlier event of the same id; both are kept."""

    @property
    def success(self) -> bool:
        """Whether every event is captured."""
        return not self.faults

    @property
    def refused(self) -> int:
        """Events that are not kept."""
        return self.events - self.captured - self.known


@dataclass
class _New:
    """An event on its way in, or one of the same id that is here already."""

    event: Mapping[str, Any]
    context: Context
    event_id: str
    digest: str
    text: str

    @property
    def hashed_id(self) -> str:
        """The digest of its id where that is the event's hash and so says what the event says; else empty."""
        said = self.event_id.startswith("ni:///sha-256;") and not self.declares
        return text_digest(self.event_id) if said else ""

    @property
    def declares(self) -> bool:
        """Whether it declares that the event of its id was wrong."""
        return "errorDeclaration" in self.event

    @cached_property
    def identity(self) -> str:
        """What two events have in common when they say the same: the event's hash, and what is declared."""
        declared = self.event.get("errorDeclaration")
        suffix = "" if declared is None else json.dumps(declared, sort_keys=True)
        return event_hash(self.event, self.context) + suffix


class Repository:
    """The captured events of one plant, in its registry."""

    def __init__(self, workspace: Workspace) -> None:
        self._registry = workspace.registry
        self._engine = workspace.registry.engine
        self._reads = self._engine.execution_options(assay_read_only=True)
        self._contexts: dict[int, tuple[Context, tuple[Any, ...]]] = {}

    # -- capture ----------------------------------------------------------------------------------

    def capture(self, verdict: Verdict, behaviour: Behaviour = "rollback") -> CaptureJob:
        """Keep the events of a checked document: all or none, or with ``proceed`` those that are valid.

        For ``proceed`` the document is checked by :func:`~assay.exchange.epcis.validate.validate_each`.
        Returns when they are durable. An event that is here already changes nothing; one with the id of
        another event and other content is kept beside it and noted.
        """
        created = now()
        wanted = self._wanted(verdict, behaviour)
        own = own_parts(verdict.document.get("@context", [])) if isinstance(verdict.document, dict) else []
        bare = bool(verdict.events) and verdict.events[0] is verdict.document
        declared = _declared(own)
        news = [_new(verdict.events[place], verdict.contexts[place], declared, bare=bare) for place in wanted]
        job = f"job-{secrets.token_hex(8)}"
        with self._writing() as connection:
            moment = to_microseconds(now())
            fresh, notes = self._unknown(connection, news)
            self._insert(connection, fresh, declared, job, moment)
            report = CaptureJob(
                job,
                created,
                from_microseconds(moment),
                behaviour,
                len(verdict.events),
                len(fresh),
                len(news) - len(fresh),
                verdict.faults,
                tuple(notes),
            )
            connection.execute(EPCIS_JOB.insert().values(**_job_row(report)))
        if news:
            self._learn(verdict.document)
        return report

    def _wanted(self, verdict: Verdict, behaviour: Behaviour) -> list[int]:
        if verdict.valid:
            return list(range(len(verdict.events)))
        if behaviour == "rollback" or len(verdict.contexts) < len(verdict.events):
            return []
        return [place for place in range(len(verdict.events)) if place not in verdict.event_faults]

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_WRITERS)))
            yield connection

    def _unknown(self, connection: sa.Connection, news: Sequence[_New]) -> tuple[list[_New], list[str]]:
        """The events that are not here yet, and the ids under which another event is here."""
        seen = self._here(connection, sorted({one.event_id for one in news}))
        erased = self._erased(connection, news)
        fresh: list[_New] = []
        notes: list[str] = []
        for one in news:
            if one.digest in erased or one.hashed_id in erased:
                continue
            before = seen.setdefault(one.event_id, [])
            if any(one.digest == other.digest for other in before):
                continue
            if before:
                if any(one.identity == other.identity for other in before):
                    continue
                if any(one.declares == other.declares for other in before):
                    notes.append(one.event_id)
            before.append(one)
            fresh.append(one)
        return fresh, notes

    def _here(self, connection: sa.Connection, ids: Sequence[str]) -> dict[str, list[_New]]:
        found: dict[str, list[_New]] = {}
        for start in range(0, len(ids), _CHUNK):
            wanted = sa.select(EPCIS_EVENT).where(EPCIS_EVENT.c.event_id.in_(ids[start : start + _CHUNK]))
            for row in connection.execute(wanted):
                event = json.loads(row.document)
                context = _own_context(event, self._context(connection, row.context)[0])
                one = _New(event, context, row.event_id, row.digest, row.document)
                found.setdefault(row.event_id, []).append(one)
        return found

    def _erased(self, connection: sa.Connection, news: Sequence[_New]) -> frozenset[str]:
        """Digests of erased events: of texts that come again, and of ids that are hashes of events."""
        found: set[str] = set()
        if connection.scalar(sa.select(EPCIS_ERASED.c.position).limit(1)) is None:
            return frozenset()  # nothing was erased: captures come by the thousand
        for start in range(0, len(news), _CHUNK):
            part = news[start : start + _CHUNK]
            same = EPCIS_ERASED.c.digest.in_([one.digest for one in part])
            hashed = EPCIS_ERASED.c.event.in_([one.hashed_id for one in part if one.hashed_id])
            rows = connection.execute(
                sa.select(EPCIS_ERASED.c.digest, EPCIS_ERASED.c.event).where(same | hashed)
            )
            found.update(digest for row in rows for digest in row)
        return frozenset(found)

    def _insert(
        self, connection: sa.Connection, fresh: Sequence[_New], own: str, job: str, moment: int
    ) -> None:
        if not fresh:
            return
        last = _last(connection)
        context = self._context_number(connection, own)
        events: list[tuple[Any, ...]] = []
        terms: list[tuple[int, str, int]] = []
        for position, one in enumerate(fresh, last + 1):
            event, declared = one.event, one.event.get("errorDeclaration")
            action = event.get("action")
            events.append(
                (
                    position,
                    one.event_id,
                    one.digest,
                    moment,
                    job,
                    context,
                    bounded(one.context.expand(event["type"]).removeprefix("https://ref.gs1.org/epcis/")),
                    microseconds(event["eventTime"]),
                    action if isinstance(action, str) else None,
                    microseconds(declared["declarationTime"]) if declared else None,
                    one.text,
                )
            )
            terms += [(field, value, position) for field, value in set(terms_of(event, one.context))]
        _insert_rows(connection, EPCIS_EVENT, events)
        _insert_rows(connection, EPCIS_TERM, sorted(terms))

    def _context_number(self, connection: sa.Connection, text: str) -> int:
        digest = hashlib.sha256(text.encode()).hexdigest()
        number = connection.scalar(sa.select(EPCIS_CONTEXT.c.number).where(EPCIS_CONTEXT.c.digest == digest))
        if number is None:
            number = (connection.scalar(sa.select(sa.func.max(EPCIS_CONTEXT.c.number))) or 0) + 1
            connection.execute(EPCIS_CONTEXT.insert().values(number=number, digest=digest, document=text))
        return int(number)

    def _learn(self, document: Any) -> None:
        """Keep which places lie in which, as master data in the document's header says."""
        header = document.get("epcisHeader") if isinstance(document, dict) else None
        lists = (header or {}).get("epcisMasterData", {}).get("vocabularyList", [])
        found = {
            element["id"]: element["children"]
            for vocabulary in lists
            for element in vocabulary.get("vocabularyElementList", [])
            if element.get("children")
        }
        if found:
            self._registry.set_setting(_CHILDREN, {**self.children(), **found})

    def children(self) -> dict[str, list[str]]:
        """By place the places directly inside it, as far as captured master data says."""
        found: dict[str, list[str]] = self._registry.setting(_CHILDREN) or {}
        return found

    # -- reading ----------------------------------------------------------------------------------

    def last_position(self) -> int:
        """The position of the newest event, be it erased by now; 0 when there was none."""
        with self._reads.connect() as connection:
            return _last(connection)

    def position_at(self, moment: datetime) -> int:
        """The position of the last event that was captured before ``moment``."""
        with self._reads.connect() as connection:
            return _last(connection, before=to_microseconds(moment))

    def events(self, statement: sa.Select[Any], *, at_a_time: int = 256) -> Iterator[StoredEvent]:
        """The events that a statement on ``epcis_event`` selects, as they are read."""
        with self._reads.connect() as connection:
            rows = connection.execution_options(yield_per=at_a_time).execute(statement)
            for row in rows:
                context, own = self._context(connection, row.context)
                yield _stored(row, context, own)

    def scalars(self, statement: sa.Select[Any]) -> list[Any]:
        """The first column of a statement."""
        with self._reads.connect() as connection:
            return list(connection.scalars(statement))

    def job(self, job_id: str) -> CaptureJob | None:
        """One capture job, or None."""
        with self._reads.connect() as connection:
            row = connection.execute(sa.select(EPCIS_JOB).where(EPCIS_JOB.c.id == job_id)).first()
        return None if row is None else _job(row)

    def jobs(self, *, limit: int, offset: int = 0) -> list[CaptureJob]:
        """Capture jobs, the latest first."""
        query = sa.select(EPCIS_JOB).order_by(EPCIS_JOB.c.created.desc(), EPCIS_JOB.c.id)
        with self._reads.connect() as connection:
            return [_job(row) for row in connection.execute(query.limit(limit).offset(offset))]

    def _context(self, connection: sa.Connection, number: int) -> tuple[Context, tuple[Any, ...]]:
        found = self._contexts.get(number)
        if found is None:
            text = connection.scalar(
                sa.select(EPCIS_CONTEXT.c.document).where(EPCIS_CONTEXT.c.number == number)
            )
            own = json.loads(str(text))
            found = (read_context(own, [], ()), tuple(own))
            self._contexts[number] = found
        return found


def _last(connection: sa.Connection, *, before: int | None = None) -> int:
    """The greatest position that was given, before a moment or at all; an erased event's stays taken."""
    greatest = [
        sa.select(sa.func.max(table.c.position).label("position")).where(
            sa.true() if before is None else table.c.captured < before
        )
        for table in (EPCIS_EVENT, EPCIS_ERASED)
    ]
    return max((int(one or 0) for one in connection.scalars(sa.union_all(*greatest))), default=0)


def _insert_rows(connection: sa.Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows, which have every column in the table's order.

    Straight to the driver, many rows to a statement: there are about eight rows to an event, and each
    statement lets the interpreter's other threads in.
    """
    sign = "?" if connection.dialect.name == "sqlite" else "%s"
    columns = table.columns.keys()
    one = f"({', '.join([sign] * len(columns))})"
    for start in range(0, len(rows), _CHUNK):
        piece = rows[start : start + _CHUNK]
        head = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES "
        connection.exec_driver_sql(head + ", ".join([one] * len(piece)), tuple(chain.from_iterable(piece)))


def _new(event: Mapping[str, Any], context: Context, own: str, *, bare: bool) -> _New:
    """An event that comes in; the context of a ``bare`` one is kept like that of a document.

    The digest tells at once that the very same text came before. Of the same event in other words, or with
    its fields in another order, :attr:`_New.identity` tells it.
    """
    if bare:
        event = {name: value for name, value in event.items() if name != "@context"}
    event_id = event.get("eventID")
    if event_id is None:
        event_id = event_hash(event, context)
        event = {**event, "eventID": event_id}
    text = _WRITER.encode(event)
    decisive = text
    if "recordTime" in event:
        decisive = _WRITER.encode({name: value for name, value in event.items() if name != "recordTime"})
    digest = hashlib.sha256(f"{own}\n{decisive}".encode()).hexdigest()
    return _New(event, context, bounded(event_id), digest, text)


def _declared(own: list[Any]) -> str:
    """What a document declares besides GS1's context, in one form."""
    return json.dumps(own, ensure_ascii=False, sort_keys=True)


def _own_context(event: Mapping[str, Any], context: Context) -> Context:
    return read_context(event["@context"], [], (), context) if "@context" in event else context


def _stored(row: Any, context: Context, own: tuple[Any, ...]) -> StoredEvent:
    event = json.loads(row.document)
    return StoredEvent(
        row.position,
        event["eventID"],
        from_microseconds(row.captured),
        from_microseconds(row.happened),
        event,
        _own_context(event, context),
        own,
    )


def _job_row(job: CaptureJob) -> dict[str, Any]:
    report = {
        "events": job.events,
        "captured": job.captured,
        "known": job.known,
        "notes": job.notes,
        "faults": [[one.path, one.rule, one.said.model_dump()] for one in job.faults],
    }
    return {
        "id": job.id,
        "created": to_microseconds(job.created),
        "finished": to_microseconds(job.finished),
        "behaviour": job.behaviour,
        "report": json.dumps(report, ensure_ascii=False),
    }


def _job(row: Any) -> CaptureJob:
    report = json.loads(row.report)
    return CaptureJob(
        row.id,
        from_microseconds(row.created),
        from_microseconds(row.finished),
        row.behaviour,
        report["events"],
        report["captured"],
        report["known"],
        tuple(Fault(path, rule, Text(**said)) for path, rule, said in report["faults"]),
        tuple(report["notes"]),
    )
