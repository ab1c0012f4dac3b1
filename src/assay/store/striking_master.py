"""Erasing out of master data: what is about a subject goes, what names it otherwise gets another id there."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from assay.store import registry_changes as changes
from assay.store.mentions import Mentions, mapped
from assay.store.registry import Registry, now
from assay.store.tables import ENTITY, to_microseconds


def strike_master(registry: Registry, subject: str, alias: str | None) -> int:
    """Delete every version of the master data of a subject, of whatever kind; how many there were.

    What other master data says of it (whose a qualification is) has ``alias`` in its place, which is a change
    like any other and logged; None leaves it as it is. That versions were deleted the erasure's entry says.
    """
    with registry.engine.begin() as connection:
        gone = connection.execute(ENTITY.delete().where(ENTITY.c.id == subject)).rowcount
        altered = [] if alias is None else _altered(connection, subject, alias)
        for row in altered:
            version = [ENTITY.c[name] == row[name] for name in ("kind", "id", "valid_from")]
            connection.execute(ENTITY.update().where(*version).values(attributes=row["attributes"]))
        changes.note(connection, to_microseconds(now()), map(changes.entity_said, altered))
    registry.changed(bool(altered))
    return gone


def _altered(connection: sa.Connection, subject: str, alias: str) -> list[dict[str, Any]]:
    mentions = Mentions(subject)
    in_words = not subject.isdecimal()  # a number may be anything in a text

    def without(text: str) -> str:
        if text == subject:
            return alias
        return mentions.replaced(text, alias) if in_words and text in mentions else text

    found = []
    for row in connection.execute(sa.select(ENTITY)).mappings():
        before = json.loads(row["attributes"])
        after = {name: mapped(value, without) for name, value in before.items()}
        if after != before:
            found.append({**row, "attributes": changes.dump(after)})
    return found
