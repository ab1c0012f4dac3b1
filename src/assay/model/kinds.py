"""The six kinds of record and their Arrow schemas.

Everything that enters a plant is a batch of one of these. Times are UTC microseconds; quantities carry
a UCUM unit. ``(source, epoch, seq)`` is the idempotency key: replaying a row changes nothing.
A plant may add attributes (typed extra columns) to a kind; see :mod:`assay.model.attributes`.
"""

from __future__ import annotations

from enum import StrEnum

import pyarrow as pa

TIME = pa.timestamp("us", tz="UTC")
WORD = pa.dictionary(pa.int32(), pa.string())


class RecordKind(StrEnum):
    """The six kinds; the value is the name of the lake table and of the SQL view."""

    READING = "reading"
    MEASUREMENT = "measurement"
    EVENT = "event"
    MOVEMENT = "movement"
    ARTIFACT = "artifact"
    ENTITY = "entity"


class Role(StrEnum):
    """What an actual of a step execution does (ISA-95 SegmentResponse actuals)."""

    CONSUMED = "consumed"
    PRODUCED = "produced"
    USED = "used"
    BY_PRODUCT = "by-product"
    SAMPLE = "sample"
    RETURNED = "returned"


IDENTITY = (
    pa.field("source", WORD, nullable=False),
    pa.field("epoch", WORD, nullable=False),
    pa.field("seq", pa.int64(), nullable=False),
)
"""The idempotency key: who recorded it, which session or file, which row (0-based)."""

STAMPS = (
    pa.field("time", TIME),
    pa.field("recorded", TIME, nullable=False),
    pa.field("clock_uncertainty", pa.float64()),
)
"""Event time, record time (when Assay took it), and the clock's uncertainty in seconds."""

HASHES = (
    pa.field("key_hash", pa.int64(), nullable=False),
    pa.field("content_hash", pa.int64(), nullable=False),
)
"""64-bit hashes of the natural key and of the content, for the duplicate check."""

_OWN: dict[RecordKind, tuple[pa.Field, ...]] = {
    RecordKind.READING: (
        pa.field("signal", WORD, nullable=False),
        pa.field("value", pa.float64()),
        pa.field("text", WORD),
        pa.field("unit", WORD),
        pa.field("quality", WORD),
        pa.field("equipment", WORD),
    ),
    RecordKind.MEASUREMENT: (
        pa.field("subject", pa.string(), nullable=False),
        pa.field("subject_kind", WORD, nullable=False),
        pa.field("characteristic", WORD, nullable=False),
        pa.field("value", pa.float64()),
        pa.field("text", WORD),
        pa.field("unit", WORD),
        pa.field("segment", WORD),
        pa.field("equipment", WORD),
        pa.field("gauge", WORD),
        pa.field("person", WORD),
        pa.field("method", WORD),
    ),
    RecordKind.EVENT: (
        pa.field("event", WORD, nullable=False),
        pa.field("subject", pa.string()),
        pa.field("subject_kind", WORD),
        pa.field("equipment", WORD),
        pa.field("severity", WORD),
        pa.field("message", pa.string()),
    ),
    RecordKind.MOVEMENT: (
        pa.field("execution", pa.string(), nullable=False),
        pa.field("role", WORD, nullable=False),
        pa.field("subject", pa.string(), nullable=False),
        pa.field("subject_kind", WORD, nullable=False),
        pa.field("quantity", pa.float64()),
        pa.field("unit", WORD),
        pa.field("position", WORD),
        pa.field("segment", WORD),
        pa.field("equipment", WORD),
        pa.field("carrier", WORD),
        pa.field("person", WORD),
        pa.field("recipe", WORD),
        pa.field("work_order", WORD),
        pa.field("material", WORD),
        pa.field("started", TIME),
        pa.field("ended", TIME),
        pa.field("confidence", pa.float64()),
        pa.field("share", pa.float64()),
        pa.field("choice", WORD),
        pa.field("basis", WORD),
        pa.field("correction", WORD),
        pa.field("corrected_by", WORD),
    ),
    RecordKind.ARTIFACT: (
        pa.field("content", pa.string(), nullable=False),
        pa.field("media_type", WORD, nullable=False),
        pa.field("subject", pa.string()),
        pa.field("subject_kind", WORD),
        pa.field("equipment", WORD),
    ),
    RecordKind.ENTITY: (
        pa.field("entity", WORD, nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("valid_from", TIME),
        pa.field("valid_to", TIME),
        pa.field("attributes", pa.string()),
    ),
}

SCHEMAS: dict[RecordKind, pa.Schema] = {
    kind: pa.schema([*IDENTITY, *own, *STAMPS, *HASHES], metadata={"assay.kind": kind.value})
    for kind, own in _OWN.items()
}
"""The core schema of each kind, before a plant's own attributes are appended."""


def own_fields(kind: RecordKind) -> tuple[pa.Field, ...]:
    """The fields that are particular to ``kind`` (without identity, stamps and hashes)."""
    return _OWN[kind]
