"""The first tables: entities, attributes, loads, accounts, settings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_POSITION = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "entity",
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("id", sa.String(512), nullable=False),
        sa.Column("valid_from", sa.BigInteger, nullable=False),
        sa.Column("valid_to", sa.BigInteger, nullable=True),
        sa.Column("attributes", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("kind", "id", "valid_from", name="pk_entity"),
    )
    op.create_table(
        "attribute",
        sa.Column("position", _POSITION, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("unit", sa.String(64), nullable=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_attribute"),
        sa.UniqueConstraint("kind", "name", name="uq_attribute_kind_name"),
    )
    op.create_table(
        "entity_attribute",
        sa.Column("position", _POSITION, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("unit", sa.String(64), nullable=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_entity_attribute"),
        sa.UniqueConstraint("kind", "name", name="uq_entity_attribute_kind_name"),
    )
    op.create_table(
        "load",
        sa.Column("position", _POSITION, autoincrement=True, nullable=False),
        sa.Column("source", sa.String(512), nullable=False),
        sa.Column("epoch", sa.String(512), nullable=False),
        sa.Column("file_name", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.String(128), nullable=False),
        sa.Column("mapping", sa.Text, nullable=False),
        sa.Column("recorded", sa.BigInteger, nullable=False),
        sa.Column("finished", sa.BigInteger, nullable=True),
        sa.Column("report", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("position", name="pk_load"),
        sa.UniqueConstraint("source", "epoch", name="uq_load_source_epoch"),
    )
    op.create_table(
        "account",
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("role", sa.String(64), nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_account"),
    )
    op.create_table(
        "setting",
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_setting"),
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in ("setting", "account", "load", "entity_attribute", "attribute", "entity"):
        op.drop_table(table)
