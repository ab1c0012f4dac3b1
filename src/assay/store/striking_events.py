"""Taking captured EPCIS events out of the registry that name what was erased.

What partners sent is not rewritten: an event that names it goes as a whole. That one stood at its position
stays, with the SHA-256 of its id and of its text, and the entry that says so: positions are not given again,
the same text is known when it comes again, and the other events of its capture can still be compared.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final
from urllib.parse import unquote

import sqlalchemy as sa

from assay.model.codes.canonical import from_uri
from assay.store.evidence_secrets import ErasedEvent
from assay.store.mentions import Mentions, mapped
from assay.store.registry import Registry
from assay.store.tables import EPCIS_ERASED, EPCIS_EVENT, EPCIS_JOB, EPCIS_TERM

_AT_ONCE: Final = 400
_KEPT: Final = 100_000
"""Texts of which is remembered that they name something else: events have most of theirs in common."""

_WORDS: Final = frozenset({
    "@context", "action", "bizStep", "declarationTime", "disposition", "endTime", "eventTime",
    "eventTimeZoneOffset", "persistentDisposition", "recordTime", "startTime", "time", "type", "uom",
})  # fmt: skip
"""Fields whose values are words of the standard, units and times: they name nothing of the plant."""

_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
_STRING: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')
_PIECE: Final = re.compile(r"[^\s'\"‘’“”「」(),;]+")
_PLAIN: Final = re.compile(r"[A-Za-z0-9]+")
_GS1: Final = re.compile(r"https?://[^/]+/\d{2,4}/")
_QUALIFIED: Final = re.compile(r"https://id\.gs1\.org/\d{2,4}/[^/]+/\d{2,4}/([^/]+)")
_BY: Final = "erased"


class _Names:
    """Tells whether something in an event is a subject: its id, URN or Digital Link, or a word of a text."""

    def __init__(self, subject: str) -> None:
        self._subject = subject
        self._mentions = Mentions(subject)
        self._others: set[str] = set()

    @property
    def hint(self) -> str:
        """What every spelling of the subject contains; empty where there is no such part."""
        found = _QUALIFIED.fullmatch(self._subject)
        if found is None and _GS1.match(self._subject):
            return ""  # the digits of a key are grouped otherwise in a URN
        return max(_PLAIN.findall(unquote(found[1]) if found else self._subject), key=len, default="")

    def in_document(self, document: str) -> bool:
        """Whether the JSON of an event names the subject."""
        new = set(_STRING.findall(document)) - self._others
        if any(self.in_text(json.loads(one)) for one in new):
            return self.in_event(json.loads(document))
        if len(self._others) > _KEPT:
            self._others.clear()
        self._others |= new
        return False

    def in_event(self, part: Any) -> bool:
        """Whether an event, or a part of one, names the subject."""
        if isinstance(part, str):
            return self.in_text(part)
        if isinstance(part, list):
            return any(map(self.in_event, part))
        if isinstance(part, dict):
            return any(name not in _WORDS and self.in_event(value) for name, value in part.items())
        return False

    def in_text(self, text: str) -> bool:
        """Whether a text is or names the subject; a URI by the id it stands for or what is behind colons."""
        if _URI.fullmatch(text) is None:
            return text in self._mentions
        return self._subject in {text, from_uri(text), unquote(text.rpartition(":")[2])}

    def out_of(self, text: str) -> str:
        """A text of a report without the subject."""
        left = _PIECE.sub(lambda one: _BY if self.in_text(one[0]) else one[0], text)
        return self._mentions.replaced(left, _BY)


def events_naming(registry: Registry, subject: str, upto: int) -> list[tuple[int, str]]:
    """The position and digest of each captured event that names a subject, up to a position, in order."""
    names = _Names(subject)
    event = EPCIS_EVENT.c
    wanted = sa.select(event.position, event.digest, event.document).where(event.position <= upto)
    # What was written with a prefix of its document is indexed in full; words of the standard are no URIs.
    is_uri = sa.true() if _URI.fullmatch(subject) else sa.false()
    term = sa.select(EPCIS_TERM.c.position).where(EPCIS_TERM.c.value == subject, is_uri)
    if names.hint:
        wanted = wanted.where(event.document.contains(names.hint, autoescape=True) | event.position.in_(term))
    with registry.engine.execution_options(assay_read_only=True).connect() as connection:
        indexed = set(connection.scalars(term))
        rows = connection.execution_options(yield_per=_AT_ONCE).execute(wanted.order_by(event.position))
        return [
            (row.position, row.digest)
            for row in rows
            if row.position in indexed or names.in_document(row.document)
        ]


def strike_events(registry: Registry, subject: str, events: Iterable[ErasedEvent]) -> int:
    """Take events out, and the subject out of reports of captures; how many were still there."""
    waiting, struck = iter(events), 0
    while group := list(islice(waiting, _AT_ONCE)):
        with registry.engine.begin() as connection:
            struck += _struck(connection, {one.position: one for one in group})
    with registry.engine.begin() as connection:
        for job, report in _reports(connection, _Names(subject)):
            connection.execute(EPCIS_JOB.update().where(EPCIS_JOB.c.id == job).values(report=report))
    if registry.engine.dialect.name == "sqlite":
        _out_of_files(registry.engine)
    return struck


def _struck(connection: sa.Connection, wanted: Mapping[int, ErasedEvent]) -> int:
    found = [
        row
        for row in connection.execute(sa.select(EPCIS_EVENT).where(EPCIS_EVENT.c.position.in_(wanted)))
        if row.digest == wanted[row.position].digest
    ]
    if found:
        connection.execute(
            EPCIS_ERASED.insert(), [_left_of(row, wanted[row.position].entry) for row in found]
        )
        for table in (EPCIS_EVENT, EPCIS_TERM):
            here = table.c.position.in_([row.position for row in found])
            connection.execute(table.delete().where(here))
    return len(found)


def _left_of(row: Any, entry: int) -> dict[str, Any]:
    return {
        "position": row.position,
        "event": text_digest(row.event_id),
        "digest": row.digest,
        "document": text_digest(row.document),
        "captured": row.captured,
        "job": row.job,
        "entry": entry,
    }


def text_digest(text: str) -> str:
    """What is kept of an id or a text that was erased."""
    return hashlib.sha256(text.encode()).hexdigest()


def _reports(connection: sa.Connection, names: _Names) -> Iterator[tuple[str, str]]:
    """Reports of captures that name the subject, without it."""
    for job, report in connection.execute(sa.select(EPCIS_JOB.c.id, EPCIS_JOB.c.report)).all():
        before = json.loads(report)
        after = mapped(before, names.out_of)
        if after != before:
            yield job, json.dumps(after, ensure_ascii=False)


def _out_of_files(engine: sa.Engine) -> None:
    """Have what was deleted overwritten in SQLite's file, and the log beside it emptied."""
    raw = engine.raw_connection()
    try:
        raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        raw.close()
