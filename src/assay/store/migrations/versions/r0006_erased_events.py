"""Where captured events stood that were erased."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "epcis_erased",
        sa.Column(
            "position",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            autoincrement=False,
        ),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("document", sa.String(64), nullable=False),
        sa.Column("captured", sa.BigInteger, nullable=False),
        sa.Column("job", sa.String(64), nullable=False),
        sa.Column("entry", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_epcis_erased"),
    )
    for name in ("digest", "event", "job"):
        op.create_index(f"ix_epcis_erased_{name}", "epcis_erased", [name])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("epcis_erased")
