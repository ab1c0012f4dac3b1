"""The registry: master data, attribute declarations, loads, accounts and settings.

It holds what is small and changes in place. SQLite in the plant's directory by default, PostgreSQL by
URL; every write is idempotent, so that a load that is run again changes nothing.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from assay.model.attributes import Attribute
from assay.model.entities import MASTER, in_force, stored_values
from assay.model.entity_attributes import EntityAttribute, check_entity, entity_model
from assay.model.errors import MappingError, ModelError, StoreError
from assay.model.kinds import RecordKind
from assay.store import registry_changes as changes
from assay.store.engines import connect_engine
from assay.store.keys import LoadKey
from assay.store.migrate import migrate
from assay.store.people import People
from assay.store.tables import (
    ACCOUNT,
    ALWAYS,
    ATTRIBUTE,
    ENTITY,
    ENTITY_ATTRIBUTE,
    LOAD,
    SETTING,
    from_microseconds,
    to_microseconds,
)

if TYPE_CHECKING:
    from sqlalchemy.dialects.postgresql import Insert as PostgresInsert

_CHUNK = 500  # ids per IN list; SQLite takes at most 32,766 bound values in one statement


@dataclass(frozen=True, slots=True)
class LoadRow:
    """One load: its key, what was read by which mapping, when it was taken, and its report."""

    key: LoadKey
    file_name: str
    fingerprint: str
    mapping: str
    recorded: datetime
    finished: datetime | None
    report: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Account:
    """Someone who may log in."""

    name: str
    password_hash: str
    role: str
    created: datetime
    changed: datetime


def now() -> datetime:
    """The present time in UTC, in whole microseconds."""
    return datetime.now(UTC)


class Registry:
    """Open with :meth:`open`; safe to use from several threads and processes."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._reads = engine.execution_options(assay_read_only=True)
        self.after_change: Callable[[], None] | None = None
        self.people: People | None = None

    @classmethod
    def open(cls, url: str) -> Self:
        """Connect to a registry and bring it to the newest revision.

        Raises
        ------
        StoreError
            The URL is of another database, or the database can't be reached or was written by a newer Assay.
        """
        engine = connect_engine(url)
        try:
            migrate(engine)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine)

    @property
    def engine(self) -> sa.Engine:
        """The SQLAlchemy engine."""
        return self._engine

    def close(self) -> None:
        """Give back every connection."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- entities ---------------------------------------------------------------------------------

    def upsert_entities(self, kind: str, rows: Iterable[Mapping[str, Any]]) -> int:
        """Add or complete master data; returns how many versions were added or changed.

        A row has ``id``, optionally ``valid_from`` and ``valid_to``, and the attributes it knows. Attributes
        that a row leaves out keep their value. A row that is only an id adds the entity when it is not known
        and changes nothing otherwise.

        Raises
        ------
        ModelError
            A row is not valid for ``kind``; nothing of the call is stored.
        """
        if kind not in MASTER:
            entity_model(kind)
            raise ModelError(
                f"{kind!r} entities are read off the lake and not kept in the registry",
                hint=f"Record them as rows of the kind {RecordKind.ENTITY.value!r} instead.",
            )
        extra = self.entity_attributes(kind)
        given: dict[tuple[str, int], tuple[int | None, dict[str, Any]]] = {}
        for row in rows:
            entity = check_entity(kind, row, extra)
            if self.people is not None:
                entity = self.people.in_entity(kind, entity)
            start = ALWAYS if entity.valid_from is None else to_microseconds(entity.valid_from)
            end = None if entity.valid_to is None else to_microseconds(entity.valid_to)
            before = given.get((entity.id, start), (None, {}))
            given[entity.id, start] = (
                end if end is not None else before[0],
                {**before[1], **stored_values(entity)},
            )
        if not given:
            return 0
        with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text("LOCK TABLE entity IN SHARE ROW EXCLUSIVE MODE"))
            known = self._versions(connection, kind, sorted({id_ for id_, _ in given}))
            changed = []
            ids_known = {id_ for id_, _ in known}
            for (id_, start), (end, values) in given.items():
                if start == ALWAYS and end is None and not values and id_ in ids_known:
                    continue
                old_end, old = known.get((id_, start), (None, None))
                merged = (end if end is not None else old_end, (old or {}) | values)
                if old is None or merged != (old_end, old):
                    changed.append(
                        {
                            "kind": kind,
                            "id": id_,
                            "valid_from": start,
                            "valid_to": merged[0],
                            "attributes": changes.dump(merged[1]),
                        }
                    )
            self._upsert(connection, ENTITY, changed, ("kind", "id", "valid_from"))
            changes.note(connection, to_microseconds(now()), map(changes.entity_said, changed))
        self.changed(bool(changed))
        return len(changed)

    def _versions(
        self, connection: sa.Connection, kind: str, ids: Sequence[str]
    ) -> dict[tuple[str, int], tuple[int | None, dict[str, Any]]]:
        found: dict[tuple[str, int], tuple[int | None, dict[str, Any]]] = {}
        for start in range(0, len(ids), _CHUNK):
            query = sa.select(ENTITY).where(
                ENTITY.c.kind == kind, ENTITY.c.id.in_(ids[start : start + _CHUNK])
            )
            for row in connection.execute(query):
                found[row.id, row.valid_from] = (row.valid_to, json.loads(row.attributes))
        return found

    def entities(self, kind: str, as_of: datetime | None = None) -> list[dict[str, Any]]:
        """The entities of a kind, ordered by id and validity.

        With ``as_of`` only the versions in force at that time; without it every version. Each row has ``id``,
        ``valid_from`` and ``valid_to`` (aware times or None) and the attributes that are known.
        """
        entity_model(kind)
        query = sa.select(ENTITY).where(ENTITY.c.kind == kind).order_by(ENTITY.c.id, ENTITY.c.valid_from)
        rows: list[dict[str, Any]] = []
        with self._reads.connect() as connection:
            for row in connection.execute(query):
                start = None if row.valid_from == ALWAYS else from_microseconds(row.valid_from)
                end = None if row.valid_to is None else from_microseconds(row.valid_to)
                if as_of is None or in_force(start, end, as_of):
                    rows.append(
                        {"id": row.id, "valid_from": start, "valid_to": end, **json.loads(row.attributes)}
                    )
        return rows

    def entity_kinds(self) -> list[str]:
        """The kinds that have at least one entity."""
        with self._reads.connect() as connection:
            return list(connection.scalars(sa.select(ENTITY.c.kind).distinct().order_by(ENTITY.c.kind)))

    # -- attributes -------------------------------------------------------------------------------

    def declare_attributes(self, attributes: Iterable[Attribute]) -> list[Attribute]:
        """Declare the plant's own columns of record kinds; returns those that are new.

        Declaring an attribute again is no change; a missing unit or title is filled in.

        Raises
        ------
        MappingError
            An attribute is declared with another type, role or unit than before, or has the name of a core
            column; nothing of the call is stored.
        """
        wanted = list(attributes)
        new: list[Attribute] = []
        told: list[changes.Said] = []
        with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text("LOCK TABLE attribute IN SHARE ROW EXCLUSIVE MODE"))
            known = {(one.kind, one.name): one for one in self._attributes(connection)}
            for attribute in wanted:
                try:
                    attribute.check_against_core()
                except ValueError as error:
                    raise MappingError(str(error), hint="Give the attribute another name.") from error
                before = known.get((attribute.kind, attribute.name))
                if before is None:
                    new.append(attribute)
                    connection.execute(ATTRIBUTE.insert().values(**_attribute_row(attribute)))
                    known[attribute.kind, attribute.name] = attribute
                    told.append(changes.attribute_said(ATTRIBUTE, _attribute_row(attribute)))
                    continue
                merged = _merged(before, attribute)
                if merged != before:
                    here = (ATTRIBUTE.c.kind == before.kind.value) & (ATTRIBUTE.c.name == before.name)
                    connection.execute(ATTRIBUTE.update().where(here).values(**_attribute_row(merged)))
                    known[attribute.kind, attribute.name] = merged
                    told.append(changes.attribute_said(ATTRIBUTE, _attribute_row(merged)))
            changes.note(connection, to_microseconds(now()), told)
        self.changed(bool(told))
        return new

    def attributes(self, kind: RecordKind | str | None = None) -> list[Attribute]:
        """The declared attributes, in the order of their declaration."""
        with self._reads.connect() as connection:
            return [one for one in self._attributes(connection) if kind is None or one.kind == kind]

    def _attributes(self, connection: sa.Connection) -> list[Attribute]:
        return [
            Attribute(
                name=row.name,
                kind=row.kind,
                type=row.type,
                role=row.role,
                unit=row.unit,
                title=json.loads(row.title),
            )
            for row in connection.execute(sa.select(ATTRIBUTE).order_by(ATTRIBUTE.c.position))
        ]

    def declare_entity_attributes(self, attributes: Iterable[EntityAttribute]) -> None:
        """Declare the plant's own attributes of entity kinds; declaring one again is no change.

        Raises
        ------
        ModelError
            An attribute is declared with another type or unit than before, or has the name of a core field.
        """
        known = {(one.kind, one.name): one for one in self.entity_attributes()}
        rows = []
        for attribute in attributes:
            try:
                attribute.check_against_core()
            except ValueError as error:
                raise ModelError(str(error), hint="Give the attribute another name.") from error
            before = known.get((attribute.kind, attribute.name))
            for field in ("type", "unit"):
                old, new = getattr(before, field, None), getattr(attribute, field)
                if before is not None and old is not None and new != old:
                    raise ModelError(
                        f"attribute {attribute.name!r} of {attribute.kind} is declared with {field} "
                        f"{str(new)!r}, but the plant already has it with {str(old)!r}",
                        hint="Give the attribute another name, or declare it as it is.",
                    )
            if attribute != before:
                rows.append(
                    {
                        "kind": attribute.kind,
                        "name": attribute.name,
                        "type": attribute.type.value,
                        "unit": attribute.unit,
                        "title": changes.dump(attribute.title),
                    }
                )
        with self._engine.begin() as connection:
            self._upsert(connection, ENTITY_ATTRIBUTE, rows, ("kind", "name"))
            told = [changes.attribute_said(ENTITY_ATTRIBUTE, row) for row in rows]
            changes.note(connection, to_microseconds(now()), told)
        self.changed(bool(rows))

    def entity_attributes(self, kind: str | None = None) -> list[EntityAttribute]:
        """The declared attributes of entity kinds, in the order of their declaration."""
        query = sa.select(ENTITY_ATTRIBUTE).order_by(ENTITY_ATTRIBUTE.c.position)
        if kind is not None:
            query = query.where(ENTITY_ATTRIBUTE.c.kind == kind)
        with self._reads.connect() as connection:
            return [
                EntityAttribute(
                    name=row.name, kind=row.kind, type=row.type, unit=row.unit, title=json.loads(row.title)
                )
                for row in connection.execute(query)
            ]

    # -- loads ------------------------------------------------------------------------------------

    def begin_load(
        self,
        load: LoadKey,
        file_name: str,
        fingerprint: str,
        mapping_yaml: str,
        *,
        recorded: datetime | None = None,
    ) -> LoadRow:
        """Open a load. Its record time is fixed the first time; the load run again gets the same one."""
        row = {
            "source": load.source,
            "epoch": load.epoch,
            "file_name": file_name,
            "fingerprint": fingerprint,
            "mapping": mapping_yaml,
            "recorded": to_microseconds(recorded or now()),
        }
        with self._engine.begin() as connection:
            connection.execute(self._insert(LOAD).values(row).on_conflict_do_nothing())
        found = self.load(load)
        if found is None:
            raise StoreError(f"the load {load.transaction!r} vanished from the registry while it was opened")
        return found

    def finish_load(self, load: LoadKey, report: Mapping[str, Any]) -> None:
        """Store the report of a load and when it was finished; the first finish is kept.

        Raises
        ------
        StoreError
            The load was never begun.
        """
        here = (LOAD.c.source == load.source) & (LOAD.c.epoch == load.epoch)
        with self._engine.begin() as connection:
            if connection.execute(sa.select(LOAD.c.position).where(here)).first() is None:
                raise StoreError(
                    f"the load {load.transaction!r} was never begun",
                    hint="Call begin_load before finish_load.",
                )
            connection.execute(
                LOAD.update()
                .where(here & LOAD.c.finished.is_(None))
                .values(finished=to_microseconds(now()), report=changes.dump(dict(report)))
            )

    def load(self, load: LoadKey) -> LoadRow | None:
        """One load by its key, or None."""
        here = (LOAD.c.source == load.source) & (LOAD.c.epoch == load.epoch)
        with self._reads.connect() as connection:
            row = connection.execute(sa.select(LOAD).where(here)).first()
        return None if row is None else _load_row(row)

    def loads(self, limit: int | None = None) -> list[LoadRow]:
        """The loads, latest first."""
        query = sa.select(LOAD).order_by(LOAD.c.position.desc()).limit(limit)
        with self._reads.connect() as connection:
            return [_load_row(row) for row in connection.execute(query)]

    # -- accounts and settings --------------------------------------------------------------------

    def user(self, name: str) -> Account | None:
        """The account of that name, or None."""
        with self._reads.connect() as connection:
            row = connection.execute(sa.select(ACCOUNT).where(ACCOUNT.c.name == name)).first()
        if row is None:
            return None
        return Account(
            row.name,
            row.password_hash,
            row.role,
            from_microseconds(row.created),
            from_microseconds(row.changed),
        )

    def users(self) -> list[str]:
        """The names of the accounts."""
        with self._reads.connect() as connection:
            return list(connection.scalars(sa.select(ACCOUNT.c.name).order_by(ACCOUNT.c.name)))

    def set_user(self, name: str, password_hash: str, *, role: str = "administrator") -> None:
        """Add an account, or change its password hash and role."""
        moment = to_microseconds(now())
        row = {
            "name": name,
            "password_hash": password_hash,
            "role": role,
            "created": moment,
            "changed": moment,
            "pseudonym": secrets.token_hex(16),
        }
        here = ACCOUNT.c.name == name
        with self._engine.begin() as connection:
            before = connection.execute(sa.select(ACCOUNT).where(here)).mappings().first()
            known = set() if before is None else set(changes.account_said(dict(before)))
            self._upsert(connection, ACCOUNT, [row], ("name",), keep=("created", "pseudonym"))
            after = connection.execute(sa.select(ACCOUNT).where(here)).mappings().one()
            told = [one for one in changes.account_said(dict(after)) if one not in known]
            changes.note(connection, moment, told)
        self.changed(bool(told))

    def setting(self, key: str) -> Any:
        """A stored setting (any JSON value), or None."""
        with self._reads.connect() as connection:
            value = connection.scalar(sa.select(SETTING.c.value).where(SETTING.c.key == key))
        return None if value is None else json.loads(value)

    def set_setting(self, key: str, value: Any) -> None:
        """Store a setting; any value JSON can hold."""
        with self._engine.begin() as connection:
            self._upsert(connection, SETTING, [{"key": key, "value": changes.dump(value)}], ("key",))

    # -- changes ----------------------------------------------------------------------------------

    def changes(self, most: int | None = None) -> list[changes.Change]:
        """Changes that are still to be logged, in the order in which they were made."""
        with self._reads.connect() as connection:
            return changes.waiting(connection, most)

    def logged(self, positions: Sequence[int]) -> None:
        """The changes at these positions are logged, and are kept here no longer."""
        with self._engine.begin() as connection:
            changes.taken(connection, positions)

    def changed(self, something: bool = True) -> None:
        """Tell whoever logs changes that some were entered; call it after the transaction."""
        if something and self.after_change is not None:
            self.after_change()

    # -- both dialects ----------------------------------------------------------------------------

    def _insert(self, table: sa.Table) -> PostgresInsert | sqlite.Insert:
        if self._engine.dialect.name == "postgresql":
            from sqlalchemy.dialects import postgresql

            return postgresql.insert(table)
        return sqlite.insert(table)

    def _upsert(
        self,
        connection: sa.Connection,
        table: sa.Table,
        rows: Sequence[Mapping[str, Any]],
        key: Sequence[str],
        keep: Sequence[str] = (),
    ) -> None:
        if not rows:
            return
        statement = self._insert(table)
        changed = {name: statement.excluded[name] for name in rows[0] if name not in {*key, *keep}}
        connection.execute(
            statement.on_conflict_do_update(index_elements=list(key), set_=changed), list(rows)
        )

    @contextmanager
    def snapshot(self) -> Iterator[sa.Connection]:
        """One consistent view of every table, whatever other processes write meanwhile."""
        with self._reads.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection


def _attribute_row(attribute: Attribute) -> dict[str, Any]:
    return attribute.model_dump(mode="json", exclude={"title"}) | {"title": changes.dump(attribute.title)}


def _merged(before: Attribute, after: Attribute) -> Attribute:
    for field in ("type", "role", "unit"):
        old, new = getattr(before, field), getattr(after, field)
        if new != old and not (field == "unit" and None in (old, new)):
            raise MappingError(
                f"attribute {after.name!r} of {after.kind.value} is declared with {field} {str(new)!r}, "
                f"but the plant already has it with {str(old)!r}",
                hint="Give the column another attribute name in the mapping, or map it as it is declared.",
            )
    return before.model_copy(
        update={"unit": before.unit or after.unit, "title": {**after.title, **before.title}}
    )


def _load_row(row: Any) -> LoadRow:
    return LoadRow(
        LoadKey(row.source, row.epoch),
        row.file_name,
        row.fingerprint,
        row.mapping,
        from_microseconds(row.recorded),
        None if row.finished is None else from_microseconds(row.finished),
        None if row.report is None else json.loads(row.report),
    )
