"""Changes that are still to be logged as evidence, and a random id for each account."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_POSITION = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ALWAYS = -(2**62)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def upgrade() -> None:
    """Create the table, and enter what the registry holds already: nothing of it was logged before."""
    op.create_table(
        "registry_change",
        sa.Column("position", _POSITION, autoincrement=True, nullable=False),
        sa.Column("moment", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(512), nullable=False),
        sa.Column("fields", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_registry_change"),
    )
    op.add_column("account", sa.Column("pseudonym", sa.String(32), nullable=False, server_default=""))
    connection = op.get_bind()
    for name in connection.scalars(sa.text("SELECT name FROM account")).all():
        connection.execute(
            sa.text("UPDATE account SET pseudonym = :id WHERE name = :name"),
            {"id": secrets.token_hex(16), "name": name},
        )
    found: dict[tuple[str, str], dict[str, str]] = {}
    for kind, subject, field, value in _content(connection):
        found.setdefault((kind, subject), {})[field] = value
    for (kind, subject), fields in found.items():
        connection.execute(
            sa.text(
                "INSERT INTO registry_change (moment, kind, subject, fields) "
                "VALUES (:moment, :kind, :subject, :fields)"
            ),
            {
                "moment": time.time_ns() // 1_000,
                "kind": kind,
                "subject": subject,
                "fields": _dump(fields),
            },
        )


def downgrade() -> None:
    """Drop the table and the ids."""
    op.drop_table("registry_change")
    op.drop_column("account", "pseudonym")


def _content(connection: sa.Connection) -> Iterator[tuple[str, str, str, str]]:
    """Kind, subject, field and value of what the registry holds, as changes name them."""
    for row in connection.execute(sa.text("SELECT pseudonym, role, password_hash FROM account")):
        yield "configuration", f"account:{row.pseudonym}", "role", row.role
        credential = hashlib.sha256(row.password_hash.encode()).hexdigest()
        yield "configuration", f"account:{row.pseudonym}", "credential", credential
    for table, own in (("attribute", ("role",)), ("entity_attribute", ())):
        names = ("type", *own, "unit")
        columns = ", ".join(("kind", "name", *names, "title"))
        declared = connection.execute(sa.text(f"SELECT {columns} FROM {table} ORDER BY position"))
        for one in declared.mappings():
            value = {name: one[name] for name in names} | {"title": json.loads(one["title"])}
            yield "model", f"{table}:{one['kind']}", one["name"], _dump(value)
    for row in connection.execute(sa.text("SELECT * FROM entity ORDER BY kind, id, valid_from")):
        since = "always" if row.valid_from == _ALWAYS else _time(row.valid_from)
        until = None if row.valid_to is None else _time(row.valid_to)
        subject = row.id if row.kind == "person" else f"master:{row.kind}"
        value = {"attributes": json.loads(row.attributes), "valid_to": until}
        yield "record", subject, f"{since} {row.id}", _dump(value)
    for row in connection.execute(sa.text("SELECT name, document FROM epcis_query ORDER BY name")):
        yield "configuration", "epcis:queries", row.name, row.document
    for row in connection.execute(sa.text("SELECT id, query, document FROM epcis_subscription ORDER BY id")):
        value = {"query": row.query, "sha256": hashlib.sha256(row.document.encode()).hexdigest()}
        yield "configuration", "epcis:subscriptions", row.id, _dump(value)


def _time(microseconds: int) -> str:
    return (_EPOCH + timedelta(microseconds=microseconds)).isoformat()


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
