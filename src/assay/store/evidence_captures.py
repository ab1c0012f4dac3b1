"""What was captured over EPCIS, as the evidence log has it: one statement for each capture.

Events lie in the registry as they were sent. The statement of a capture commits to a digest of them, so that
whoever holds the events can show that they are those that came in then, and no others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from assay.ledger.entries import Origin
from assay.store.log import from_micros
from assay.store.registry import Registry
from assay.store.tables import EPCIS_ERASED, EPCIS_EVENT

CAPTURES = "epcis:captures"
"""The source of the statements, and the name under which the index keeps how far they reach."""

MAKING_RECORDS = "epcis-records.lock"
"""The file in a plant's spool that is locked by whoever makes records of captured events, or erases some."""

_AT_ONCE = 2_000
"""Events read at a time."""


@dataclass(frozen=True, slots=True)
class Capture:
    """The events of one capture that were new.

    Attributes
    ----------
    job
        The id that the capture interface gave it.
    moment
        When its events became durable.
    first, last
        The positions of its events, which follow each other.
    digest
        SHA-256 of the events as they are kept, each with a line feed behind it.
    each
        SHA-256 of the SHA-256 of each event: what compares the others when one was erased.
    whole
        Whether all of its events are there. One of which some were erased was logged before.
    """

    job: str
    moment: datetime
    first: int
    last: int
    digest: bytes
    each: bytes
    whole: bool = True

    @property
    def origin(self) -> Origin:
        """What makes its statement the same when it is said again."""
        return Origin(CAPTURES, int.from_bytes(self.digest[:7], "big"), self.last)

    @property
    def fields(self) -> dict[str, Any]:
        """What is said of it."""
        return {
            "events": self.last - self.first + 1,
            "first": self.first,
            "last": self.last,
            "sha256": self.digest.hex(),
            "each": self.each.hex(),
        }


def captures_after(registry: Registry, position: int) -> Iterator[Capture]:
    """The captures whose events lie behind a position, oldest first."""
    columns = (EPCIS_EVENT.c.position, EPCIS_EVENT.c.job, EPCIS_EVENT.c.captured, EPCIS_EVENT.c.document)
    wanted = sa.select(*columns).where(EPCIS_EVENT.c.position > position).order_by(EPCIS_EVENT.c.position)
    with registry.engine.execution_options(assay_read_only=True).connect() as connection:
        later = EPCIS_ERASED.c.position > position
        broken = set(connection.scalars(sa.select(EPCIS_ERASED.c.job).where(later).distinct()))
        rows = connection.execute(wanted.execution_options(yield_per=_AT_ONCE))
        for job, events in groupby(rows, key=lambda row: row.job):
            first, digest, each = None, hashlib.sha256(), hashlib.sha256()
            for event in events:
                first = event.position if first is None else first
                digest.update(event.document.encode() + b"\n")
                each.update(hashlib.sha256(event.document.encode()).digest())
            moment, whole = from_micros(event.captured), job not in broken
            yield Capture(job, moment, int(first or 0), event.position, digest.digest(), each.digest(), whole)


def mark_at(registry: Registry, position: int) -> str:
    """What tells the event at a position from the one that a restored plant has there; empty for none."""
    wanted = [
        sa.select(table.c.job, table.c.digest).where(table.c.position == position)
        for table in (EPCIS_EVENT, EPCIS_ERASED)
    ]
    with registry.engine.execution_options(assay_read_only=True).connect() as connection:
        found = connection.execute(sa.union_all(*wanted)).first()
    return "" if found is None else f"{found.job} {found.digest}"
