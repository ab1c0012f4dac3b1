"""Scans of products' codes by consumers, kept for a while."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "scan",
        sa.Column(
            "position",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            autoincrement=False,
        ),
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
        sa.PrimaryKeyConstraint("position", name="pk_scan"),
    )
    op.create_index("ix_scan_code", "scan", ["code", "moment"])
    op.create_index("ix_scan_moment", "scan", ["moment"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("scan")
