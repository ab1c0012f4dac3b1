"""The registry's tables (SQLAlchemy Core). Times are whole microseconds since 1970-01-01 UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

METADATA = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

ALWAYS = -(2**62)
"""``valid_from`` of a version that holds from the beginning of time (a key column can't be NULL)."""

# SQLite only numbers INTEGER keys by itself; PostgreSQL wants BIGINT.
_POSITION = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

ENTITY = sa.Table(
    "entity",
    METADATA,
    sa.Column("kind", sa.String(64), primary_key=True),
    sa.Column("id", sa.String(512), primary_key=True),
    sa.Column("valid_from", sa.BigInteger, primary_key=True),
    sa.Column("valid_to", sa.BigInteger, nullable=True),
    sa.Column("attributes", sa.Text, nullable=False),
)

ATTRIBUTE = sa.Table(
    "attribute",
    METADATA,
    sa.Column("position", _POSITION, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("type", sa.String(16), nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("unit", sa.String(64), nullable=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.UniqueConstraint("kind", "name"),
)

ENTITY_ATTRIBUTE = sa.Table(
    "entity_attribute",
    METADATA,
    sa.Column("position", _POSITION, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("type", sa.String(16), nullable=False),
    sa.Column("unit", sa.String(64), nullable=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.UniqueConstraint("kind", "name"),
)

LOAD = sa.Table(
    "load",
    METADATA,
    sa.Column("position", _POSITION, primary_key=True, autoincrement=True),
    sa.Column("source", sa.String(512), nullable=False),
    sa.Column("epoch", sa.String(512), nullable=False),
    sa.Column("file_name", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.String(128), nullable=False),
    sa.Column("mapping", sa.Text, nullable=False),
    sa.Column("recorded", sa.BigInteger, nullable=False),
    sa.Column("finished", sa.BigInteger, nullable=True),
    sa.Column("report", sa.Text, nullable=True),
    sa.UniqueConstraint("source", "epoch"),
)

ACCOUNT = sa.Table(
    "account",
    METADATA,
    sa.Column("name", sa.String(128), primary_key=True),
    sa.Column("password_hash", sa.Text, nullable=False),
    sa.Column("role", sa.String(64), nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("changed", sa.BigInteger, nullable=False),
    sa.Column("pseudonym", sa.String(32), nullable=False),
)

REGISTRY_CHANGE = sa.Table(
    "registry_change",
    METADATA,
    sa.Column("position", _POSITION, primary_key=True, autoincrement=True),
    sa.Column("moment", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("subject", sa.String(512), nullable=False),
    sa.Column("fields", sa.Text, nullable=False),
)

SETTING = sa.Table(
    "setting",
    METADATA,
    sa.Column("key", sa.String(128), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

CODE_RULE = sa.Table(
    "code_rule",
    METADATA,
    sa.Column("fingerprint", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("shape", sa.Text, nullable=False),
    sa.Column("latest", sa.BigInteger, nullable=True),
)

CODE_SERIES = sa.Table(
    "code_series",
    METADATA,
    sa.Column("fingerprint", sa.String(64), primary_key=True),
    sa.Column("series", sa.String(512), primary_key=True),
    sa.Column("last", sa.BigInteger, nullable=False),
    sa.Column("given", sa.BigInteger, nullable=False),
)

# SQLite compares texts byte by byte; PostgreSQL is told to, so that a prefix is found by the index.
_BYTES = sa.String(512).with_variant(sa.String(512, collation="C"), "postgresql")

EPCIS_CONTEXT = sa.Table(
    "epcis_context",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.UniqueConstraint("digest"),
)

EPCIS_EVENT = sa.Table(
    "epcis_event",
    METADATA,
    sa.Column("position", _POSITION, primary_key=True, autoincrement=False),
    sa.Column("event_id", _BYTES, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("captured", sa.BigInteger, nullable=False),
    sa.Column("job", sa.String(64), nullable=False),
    sa.Column("context", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(512), nullable=False),
    sa.Column("happened", sa.BigInteger, nullable=False),
    sa.Column("action", sa.String(8), nullable=True),
    sa.Column("declared", sa.BigInteger, nullable=True),
    sa.Column("document", sa.Text, nullable=False),
    sa.UniqueConstraint("event_id", "digest"),
    sa.Index("ix_epcis_event_happened", "happened", "position"),
)

EPCIS_ERASED = sa.Table(
    "epcis_erased",
    METADATA,
    sa.Column("position", _POSITION, primary_key=True, autoincrement=False),
    sa.Column("event", sa.String(64), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("document", sa.String(64), nullable=False),
    sa.Column("captured", sa.BigInteger, nullable=False),
    sa.Column("job", sa.String(64), nullable=False),
    sa.Column("entry", sa.BigInteger, nullable=False),
    sa.Index("ix_epcis_erased_digest", "digest"),
    sa.Index("ix_epcis_erased_event", "event"),
    sa.Index("ix_epcis_erased_job", "job"),
)
"""Where captured events stood that were erased: SHA-256 of id and of text, and the entry that says so."""

EPCIS_TERM = sa.Table(
    "epcis_term",
    METADATA,
    sa.Column("field", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("value", _BYTES, primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True),
    sqlite_with_rowid=False,
)

EPCIS_JOB = sa.Table(
    "epcis_job",
    METADATA,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("finished", sa.BigInteger, nullable=False),
    sa.Column("behaviour", sa.String(16), nullable=False),
    sa.Column("report", sa.Text, nullable=False),
)

EPCIS_QUERY = sa.Table(
    "epcis_query",
    METADATA,
    sa.Column("name", sa.String(512), primary_key=True),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
)

EPCIS_SUBSCRIPTION = sa.Table(
    "epcis_subscription",
    METADATA,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("query", sa.String(512), nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("cursor", sa.BigInteger, nullable=False),
    sa.Column("pending", sa.BigInteger, nullable=True),
    sa.Column("notified", sa.BigInteger, nullable=True),
    sa.Column("due", sa.BigInteger, nullable=True),
)

SCAN = sa.Table(
    "scan",
    METADATA,
    sa.Column("position", _POSITION, primary_key=True, autoincrement=False),
    sa.Column("code", sa.String(512), nullable=False),
    sa.Column("moment", sa.BigInteger, nullable=False),
    sa.Column("standing", sa.String(16), nullable=False),
    sa.Column("kind", sa.String(16), nullable=True),
    sa.Column("subject", sa.String(512), nullable=True),
    sa.Column("device", sa.String(32), nullable=True),
    sa.Column("country", sa.String(2), nullable=True),
    sa.Column("latitude", sa.Float(53), nullable=True),
    sa.Column("longitude", sa.Float(53), nullable=True),
    sa.Column("hints", sa.String(64), nullable=False),
    sa.Index("ix_scan_code", "code", "moment"),
    sa.Index("ix_scan_moment", "moment"),
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970 of an aware time."""
    if moment.tzinfo is None:
        raise ValueError(f"the time {moment.isoformat()} has no zone; give it one (UTC is stored)")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def from_microseconds(value: int) -> datetime:
    """The UTC time of whole microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=value)
