"""Changes of the registry that are still to be logged as evidence.

A change is entered in the transaction that makes it, and taken out once its entry is acknowledged: whoever
dies in between, the next process logs it, and the log takes it once. What it says is the new state of each
row it touched, as (subject, field) and a text; :func:`content` says the same of everything there is.

=====================  ==========================  ==========================  ============================
row                    subject                     field                       value
=====================  ==========================  ==========================  ============================
account                ``account:`` and a random   ``role``, ``credential``    role; SHA-256 of the salted
                       id, never a name                                        hash of its password
declared attribute     ``attribute:`` and kind     name                        JSON of type, role, unit …
attribute of entities  ``entity_attribute:`` and   name                        JSON of type, unit, title
                       kind
person                 the person's id (the log    since when, and the id      JSON of the attributes
                       has the random one)
other master data      ``master:`` and kind        since when, and the id      JSON of the attributes
named EPCIS query      ``epcis:queries``           name                        JSON of its parameters
EPCIS subscription     ``epcis:subscriptions``     id                          JSON of query and SHA-256 of
                                                                               the settings (with a secret)
=====================  ==========================  ==========================  ============================

What is taken away has the empty value :data:`GONE`. Persons are subjects of their own, so that what is said
of one can be erased.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from assay.ledger.entries import Origin
from assay.store.tables import (
    ACCOUNT,
    ALWAYS,
    ATTRIBUTE,
    ENTITY,
    ENTITY_ATTRIBUTE,
    EPCIS_QUERY,
    EPCIS_SUBSCRIPTION,
    REGISTRY_CHANGE,
    from_microseconds,
)

SOURCE = "registry:changes"
"""The source of the statements."""

MASTER = "master:"
"""How the subjects of master data begin that is not about a person."""

GONE = ""
"""The value of what is there no longer."""

_CONFIGURATION, _MODEL, _RECORD = "configuration", "model", "record"


class Said(NamedTuple):
    """One thing a row of the registry says: the kind of its entry, its subject, a field and the value."""

    kind: str
    subject: str
    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Change:
    """What one transaction changed of one subject.

    Attributes
    ----------
    position
        Its number in the registry.
    moment
        When it was made.
    kind, subject
        Of its entry.
    fields
        The new values, by field.
    digest
        SHA-256 over all of it.
    """

    position: int
    moment: datetime
    kind: str
    subject: str
    fields: Mapping[str, str]
    digest: bytes

    @property
    def of_person(self) -> bool:
        """Whether it is about somebody."""
        return is_person(self.kind, self.subject)

    @property
    def origin(self) -> Origin:
        """What makes its statement the same when it is said again."""
        return Origin(SOURCE, int.from_bytes(self.digest[:7], "big"), self.position)


def is_person(kind: str, subject: str) -> bool:
    """Whether a subject of an entry of this kind is somebody."""
    return kind == _RECORD and not subject.startswith(MASTER)


def account_said(row: Mapping[str, Any]) -> list[Said]:
    """What a row of an account says: no name, and nothing a password could be tried against."""
    subject = f"account:{row['pseudonym']}"
    credential = hashlib.sha256(row["password_hash"].encode()).hexdigest()
    return [
        Said(_CONFIGURATION, subject, "role", row["role"]),
        Said(_CONFIGURATION, subject, "credential", credential),
    ]


def attribute_said(table: sa.Table, row: Mapping[str, Any]) -> Said:
    """What a row of a declared attribute says."""
    names = [name for name in ("type", "role", "unit") if name in table.c]
    value = {name: row[name] for name in names} | {"title": json.loads(row["title"])}
    return Said(_MODEL, f"{table.name}:{row['kind']}", row["name"], dump(value))


def entity_said(row: Mapping[str, Any]) -> Said:
    """What a version of master data says."""
    since = "always" if row["valid_from"] == ALWAYS else from_microseconds(row["valid_from"]).isoformat()
    until = None if row["valid_to"] is None else from_microseconds(row["valid_to"]).isoformat()
    subject = row["id"] if row["kind"] == "person" else f"{MASTER}{row['kind']}"
    value = {"attributes": json.loads(row["attributes"]), "valid_to": until}
    return Said(_RECORD, subject, f"{since} {row['id']}", dump(value))


def query_said(name: str, document: str | None) -> Said:
    """What a named EPCIS query says, with its parameters as JSON; None for one that was removed."""
    return Said(_CONFIGURATION, "epcis:queries", name, GONE if document is None else document)


def subscription_said(number: str, query: str, document: str | None) -> Said:
    """What a subscription says: to which query, and a digest of its settings; None for one that has ended."""
    value = GONE
    if document is not None:
        value = dump({"query": query, "sha256": hashlib.sha256(document.encode()).hexdigest()})
    return Said(_CONFIGURATION, "epcis:subscriptions", number, value)


def content(connection: sa.Connection) -> Iterator[Said]:
    """What the whole registry says."""
    for one in connection.execute(sa.select(ACCOUNT)).mappings():
        yield from account_said(dict(one))
    for table in (ATTRIBUTE, ENTITY_ATTRIBUTE):
        for one in connection.execute(sa.select(table)).mappings():
            yield attribute_said(table, dict(one))
    for one in connection.execute(sa.select(ENTITY)).mappings():
        yield entity_said(dict(one))
    for row in connection.execute(sa.select(EPCIS_QUERY)):
        yield query_said(row.name, row.document)
    for row in connection.execute(sa.select(EPCIS_SUBSCRIPTION)):
        yield subscription_said(row.id, row.query, row.document)


def note(connection: sa.Connection, moment: int, changes: Iterable[Said]) -> None:
    """Enter what a transaction changes, one change for each subject; ``moment`` is in microseconds."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for one in changes:
        found.setdefault((one.kind, one.subject), {})[one.field] = one.value
    rows = [
        {"moment": moment, "kind": kind, "subject": subject, "fields": dump(fields)}
        for (kind, subject), fields in found.items()
    ]
    if rows:
        connection.execute(REGISTRY_CHANGE.insert(), rows)


def waiting(connection: sa.Connection, most: int | None = None) -> list[Change]:
    """Changes that are not logged yet, in the order they were entered, at most ``most``."""
    wanted = sa.select(REGISTRY_CHANGE).order_by(REGISTRY_CHANGE.c.position).limit(most)
    return [_change(row) for row in connection.execute(wanted)]


def taken(connection: sa.Connection, positions: Sequence[int]) -> None:
    """Take out changes whose entries are acknowledged."""
    connection.execute(REGISTRY_CHANGE.delete().where(REGISTRY_CHANGE.c.position.in_(positions)))


def _change(row: Any) -> Change:
    digest = hashlib.sha256(dump([row.position, row.moment, row.kind, row.subject, row.fields]).encode())
    moment = from_microseconds(row.moment)
    return Change(row.position, moment, row.kind, row.subject, json.loads(row.fields), digest.digest())


def dump(value: Any) -> str:
    """JSON as the registry and its changes spell it."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
