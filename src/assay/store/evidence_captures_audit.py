"""Whether the captured events are those that came in: each capture is compared with what was logged of it.

Of a capture from which events were erased by a logged decision the others are compared all the same, since
the log has a digest over the digests of each. Captures that were logged before there was such a digest can't
be compared then, and are counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from assay.store.tables import EPCIS_ERASED, EPCIS_EVENT

_AT_ONCE = 2_000

EVENTS = "events"
"""What a finding says that differs: all events of a capture; else it names one by its position."""


@dataclass(frozen=True, slots=True)
class SaidCapture:
    """What the log has of one capture: its entry, the id of its job, and what was said of it."""

    index: int
    job: str
    fields: Mapping[str, Any]


@dataclass(slots=True)
class CapturesSeen:
    """What a comparison of captured events with the log saw.

    Attributes
    ----------
    findings
        (job, what, entry, kind) of every difference.
    compared
        Captures that were compared.
    erased
        Events that a logged erasure took out.
    unproved
        Events that can't be compared: others of their capture were erased.
    """

    findings: list[tuple[str, str, int, str]] = field(default_factory=list)
    compared: int = 0
    erased: int = 0
    unproved: int = 0


@dataclass(slots=True)
class _There:
    """What the registry has of one capture."""

    present: set[int] = field(default_factory=set)
    gone: dict[int, int] = field(default_factory=dict)
    sha256: str = ""
    each: str = ""


def compare_captures(
    connection: sa.Connection, said: Iterable[SaidCapture], erasures: Mapping[int, list[int]]
) -> CapturesSeen:
    """Compare the captured events of a registry with the log.

    Parameters
    ----------
    connection
        Sees one state of the registry.
    said
        What was logged of captures.
    erasures
        The entries that say that the event at a position was erased, by position.
    """
    there, seen = dict(_there(connection)), CapturesSeen()
    for one in said:
        found = there.get(one.job, _There())
        seen.compared += 1
        seen.findings += [(one.job, what, one.index, kind) for what, kind in _differing(one, found, erasures)]
        seen.erased += len(found.gone)
        if found.gone and "each" not in one.fields:
            seen.unproved += len(found.present)
    return seen


def _differing(
    said: SaidCapture, found: _There, erasures: Mapping[int, list[int]]
) -> Iterator[tuple[str, str]]:
    by = {
        at: {entry for entry in erasures.get(at, ()) if entry > said.index}
        for at in (*found.present, *found.gone)
    }
    yield from ((str(at), "registry_missing") for at, entry in found.gone.items() if entry not in by[at])
    yield from ((str(at), "not_erased") for at in sorted(found.present) if by[at])
    count = len(found.present) + len(found.gone)
    if count != int(said.fields["events"]):
        yield EVENTS, "registry_missing" if count < int(said.fields["events"]) else "registry_added"
    elif found.gone:
        if said.fields.get("each", found.each) != found.each:
            yield EVENTS, "registry_differs"
    elif said.fields["sha256"] != found.sha256:
        yield EVENTS, "registry_differs"


def _there(connection: sa.Connection) -> Iterator[tuple[str, _There]]:
    """The events of each capture, which have positions that follow each other."""
    erased = connection.execute(sa.select(EPCIS_ERASED)).all()
    gone: dict[str, dict[int, Any]] = {}
    for row in erased:
        gone.setdefault(row.job, {})[row.position] = row
    event = EPCIS_EVENT.c
    wanted = sa.select(event.position, event.job, event.document).order_by(event.position)
    rows = connection.execution_options(yield_per=_AT_ONCE).execute(wanted)
    for job, events in groupby(rows, key=lambda row: row.job):
        yield job, _of_job(events, gone.pop(job, {}))
    for job, left in gone.items():
        yield job, _of_job((), left)


def _of_job(events: Iterable[Any], gone: Mapping[int, Any]) -> _There:
    whole = hashlib.sha256()
    digests = {at: bytes.fromhex(row.document) for at, row in gone.items()}
    present = set()
    for one in events:
        text = one.document.encode()
        whole.update(text + b"\n")
        digests[one.position] = hashlib.sha256(text).digest()
        present.add(one.position)
    each = hashlib.sha256(b"".join(digests[at] for at in sorted(digests)))
    return _There(present, {at: row.entry for at, row in gone.items()}, whole.hexdigest(), each.hexdigest())
