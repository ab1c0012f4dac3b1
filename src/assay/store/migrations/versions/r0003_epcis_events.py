"""EPCIS events with what they are found by, capture jobs, named queries and subscriptions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_POSITION = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_BYTES = sa.String(512).with_variant(sa.String(512, collation="C"), "postgresql")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "epcis_context",
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_epcis_context"),
        sa.UniqueConstraint("digest", name="uq_epcis_context_digest"),
    )
    op.create_table(
        "epcis_event",
        sa.Column("position", _POSITION, autoincrement=False, nullable=False),
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
        sa.PrimaryKeyConstraint("position", name="pk_epcis_event"),
        sa.UniqueConstraint("event_id", "digest", name="uq_epcis_event_event_id_digest"),
    )
    op.create_index("ix_epcis_event_happened", "epcis_event", ["happened", "position"])
    op.create_table(
        "epcis_term",
        sa.Column("field", sa.SmallInteger, autoincrement=False, nullable=False),
        sa.Column("value", _BYTES, nullable=False),
        sa.Column("position", sa.BigInteger, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("field", "value", "position", name="pk_epcis_term"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "epcis_job",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("finished", sa.BigInteger, nullable=False),
        sa.Column("behaviour", sa.String(16), nullable=False),
        sa.Column("report", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_epcis_job"),
    )
    op.create_table(
        "epcis_query",
        sa.Column("name", sa.String(512), nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_epcis_query"),
    )
    op.create_table(
        "epcis_subscription",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("query", sa.String(512), nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("cursor", sa.BigInteger, nullable=False),
        sa.Column("pending", sa.BigInteger, nullable=True),
        sa.Column("notified", sa.BigInteger, nullable=True),
        sa.Column("due", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_epcis_subscription"),
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in (
        "epcis_subscription",
        "epcis_query",
        "epcis_job",
        "epcis_term",
        "epcis_event",
        "epcis_context",
    ):
        op.drop_table(table)
