"""Code rules that have given codes, and how far each of their series is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "code_rule",
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("shape", sa.Text, nullable=False),
        sa.Column("latest", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_code_rule"),
    )
    op.create_table(
        "code_series",
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("series", sa.String(512), nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("given", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", "series", name="pk_code_series"),
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in ("code_series", "code_rule"):
        op.drop_table(table)
