"""Named queries and subscriptions to them: each matching event is delivered once, in the order of capture.

A subscription's cursor is the position up to which events were looked at and delivered. Writers of events
take turns, so nothing comes to lie behind a cursor. The cursor moves when the receiver has confirmed; what
was sent but not confirmed, because this process or the receiver died, is sent again, the same under the same
document id.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import sqlalchemy as sa

from assay.exchange.epcis.answers import EpcFormat, query_document
from assay.exchange.epcis.faults import ExchangeError
from assay.exchange.epcis.queries import Parameters, Query, parse_query
from assay.exchange.epcis.repository import Repository, StoredEvent
from assay.exchange.epcis.schedule import Schedule, parse_schedule
from assay.exchange.epcis.times import parse_time
from assay.store.registry import now
from assay.store.registry_changes import note, query_said, subscription_said
from assay.store.tables import (
    EPCIS_EVENT,
    EPCIS_QUERY,
    EPCIS_SUBSCRIPTION,
    from_microseconds,
    to_microseconds,
)

if TYPE_CHECKING:
    from assay.store.workspace import Workspace

AT_A_TIME: Final = 200
"""Events in one delivered document."""
_LOOKED_AT: Final = 2000
"""Positions that one delivery looks at."""
_NOT_IN_STANDING: Final = ("orderBy", "orderDirection", "eventCountLimit", "maxEventCount")


@dataclass(frozen=True)
class NamedQuery:
    """A query under a name."""

    name: str
    created: datetime
    parameters: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Subscription:
    """Who is told about the events of a named query, when, and how far."""

    id: str
    query: str
    created: datetime
    settings: Mapping[str, Any]
    """``dest``, ``stream`` or ``schedule``, ``reportIfEmpty``, ``initialRecordTime``, ``signatureToken``."""
    cursor: int
    pending: int | None
    """How far a document reaches that was sent and is not confirmed yet."""
    notified: datetime | None
    due: datetime | None

    @property
    def destination(self) -> str:
        """The address documents are sent to."""
        return str(self.settings["dest"])

    def shown(self) -> dict[str, Any]:
        """As the REST interface gives it: without its secret."""
        hidden = {"signatureToken"}
        return {
            "subscriptionID": self.id,
            "createdAt": self.created.isoformat().replace("+00:00", "Z"),
            "lastNotifiedAt": None
            if self.notified is None
            else self.notified.isoformat().replace("+00:00", "Z"),
            **{name: value for name, value in self.settings.items() if name not in hidden},
        }


@dataclass(frozen=True)
class Delivery:
    """One document to send, and where the cursor stands when it has arrived."""

    cursor: int
    events: tuple[StoredEvent, ...]
    document: Mapping[str, Any] | None
    """None: nothing matched, and nothing has to be said."""
    more: bool


class StandingQueries:
    """Named queries and their subscriptions, in the plant's registry."""

    def __init__(self, workspace: Workspace, repository: Repository) -> None:
        self._registry = workspace.registry
        self._engine = self._registry.engine
        self._reads = self._engine.execution_options(assay_read_only=True)
        self._zone = workspace.config.time_zone
        self._repository = repository

    # -- queries ----------------------------------------------------------------------------------

    def create(self, name: str, parameters: Parameters) -> NamedQuery:
        """Keep a query under a name.

        Raises
        ------
        ExchangeError
            The name is taken or not one, or a parameter can't be followed.
        """
        if not name.strip() or len(name) > 512 or "/" in name:
            raise ExchangeError("ValidationException", "not-a-query", why=f"the name is {name[:60]!r}")
        cleaned = parse_query(parameters, self._repository).parameters
        moment, document = to_microseconds(now()), json.dumps(cleaned, ensure_ascii=False)
        row = {"name": name, "created": moment, "document": document}
        with self._engine.begin() as connection:
            if connection.scalar(sa.select(EPCIS_QUERY.c.name).where(EPCIS_QUERY.c.name == name)) is not None:
                raise ExchangeError("ResourceAlreadyExistsException", "query-exists", name=repr(name))
            connection.execute(EPCIS_QUERY.insert().values(**row))
            note(connection, moment, [query_said(name, document)])
        self._registry.changed()
        return self.query(name)

    def query(self, name: str) -> NamedQuery:
        """The query of that name.

        Raises
        ------
        ExchangeError
            There is none.
        """
        with self._reads.connect() as connection:
            row = connection.execute(sa.select(EPCIS_QUERY).where(EPCIS_QUERY.c.name == name)).first()
        if row is None:
            raise ExchangeError("NoSuchNameException", "no-query", name=repr(name))
        return _named(row)

    def queries(self, *, limit: int, offset: int = 0) -> list[NamedQuery]:
        """Named queries in the order of their names."""
        wanted = sa.select(EPCIS_QUERY).order_by(EPCIS_QUERY.c.name).limit(limit).offset(offset)
        with self._reads.connect() as connection:
            return [_named(row) for row in connection.execute(wanted)]

    def delete(self, name: str) -> None:
        """Remove a query and end its subscriptions.

        Raises
        ------
        ExchangeError
            There is no such query.
        """
        self.query(name)
        here = EPCIS_SUBSCRIPTION.c.query == name
        with self._engine.begin() as connection:
            ended = connection.scalars(sa.select(EPCIS_SUBSCRIPTION.c.id).where(here)).all()
            connection.execute(EPCIS_SUBSCRIPTION.delete().where(here))
            connection.execute(EPCIS_QUERY.delete().where(EPCIS_QUERY.c.name == name))
            gone = [query_said(name, None), *(subscription_said(one, name, None) for one in ended)]
            note(connection, to_microseconds(now()), gone)
        self._registry.changed()

    def parsed(self, name: str) -> Query:
        """The query of that name, checked against what the repository has."""
        return parse_query(self.query(name).parameters, self._repository)

    # -- subscriptions ----------------------------------------------------------------------------

    def subscribe(self, name: str, settings: Mapping[str, Any]) -> Subscription:
        """Tell an address about the events of a query, from now or from ``initialRecordTime`` on.

        Raises
        ------
        ExchangeError
            There is no such query, it can't stand, or a setting is missing or wrong.
        """
        self.check_standing(name)
        cleaned, schedule = _settings(settings)
        document = json.dumps(cleaned, ensure_ascii=False)
        start = cleaned.get("initialRecordTime")
        position = (
            self._repository.last_position()
            if start is None
            else self._repository.position_at(parse_time(start))
        )
        moment = now()
        subscription_id = str(uuid.uuid4())
        due = None if schedule is None else schedule.next_after(moment, self._zone)
        row = {
            "id": subscription_id,
            "query": name,
            "created": to_microseconds(moment),
            "document": document,
            "cursor": position,
            "pending": None,
            "notified": None,
            "due": None if due is None else to_microseconds(due),
        }
        with self._engine.begin() as connection:
            connection.execute(EPCIS_SUBSCRIPTION.insert().values(**row))
            note(connection, to_microseconds(moment), [subscription_said(subscription_id, name, document)])
        self._registry.changed()
        return self.subscription(name, subscription_id)

    def check_standing(self, name: str) -> Query:
        """The query, when it can stand: an order or a limit says nothing about events to come."""
        query = self.parsed(name)
        for parameter in _NOT_IN_STANDING:
            if parameter in query.parameters:
                raise ExchangeError(
                    "SubscriptionControlsException", "not-a-subscription", why=f"the query has {parameter}"
                )
        return query

    def subscription(self, name: str, subscription_id: str) -> Subscription:
        """One subscription.

        Raises
        ------
        ExchangeError
            There is none of that id.
        """
        here = (EPCIS_SUBSCRIPTION.c.id == subscription_id) & (EPCIS_SUBSCRIPTION.c.query == name)
        with self._reads.connect() as connection:
            row = connection.execute(sa.select(EPCIS_SUBSCRIPTION).where(here)).first()
        if row is None:
            raise ExchangeError("NoSuchNameException", "no-subscription", name=repr(name), id=subscription_id)
        return _subscription(row)

    def subscriptions(self, name: str | None = None) -> list[Subscription]:
        """The subscriptions to a query, or all of them."""
        wanted = sa.select(EPCIS_SUBSCRIPTION).order_by(EPCIS_SUBSCRIPTION.c.created, EPCIS_SUBSCRIPTION.c.id)
        if name is not None:
            self.query(name)
            wanted = wanted.where(EPCIS_SUBSCRIPTION.c.query == name)
        with self._reads.connect() as connection:
            return [_subscription(row) for row in connection.execute(wanted)]

    def unsubscribe(self, name: str, subscription_id: str) -> None:
        """End a subscription.

        Raises
        ------
        ExchangeError
            There is none of that id.
        """
        self.subscription(name, subscription_id)
        with self._engine.begin() as connection:
            connection.execute(EPCIS_SUBSCRIPTION.delete().where(EPCIS_SUBSCRIPTION.c.id == subscription_id))
            note(connection, to_microseconds(now()), [subscription_said(subscription_id, name, None)])
        self._registry.changed()

    # -- delivery ---------------------------------------------------------------------------------

    def next_delivery(self, subscription: Subscription) -> Delivery | None:
        """What a subscriber has to be told next; None when nothing was captured since.

        How far a document reaches is noted before it is sent: when nobody knows whether it arrived, the next
        attempt brings the same events under the same id.
        """
        report = bool(subscription.settings.get("reportIfEmpty"))
        found = self.collect(
            self.parsed(subscription.query),
            subscription.cursor,
            name=subscription.query,
            id_=subscription.id,
            upto=subscription.pending,
        )
        if found is None:
            if not report:
                return None
            document = query_document(
                (),
                query_name=subscription.query,
                subscription_id=subscription.id,
                document_id=uuid.uuid4().urn,
            )
            return Delivery(subscription.cursor, (), document, more=False)
        if found.document is not None and found.cursor != subscription.pending:
            self._change(subscription, {"pending": found.cursor})
        return found

    def collect(
        self,
        query: Query,
        cursor: int,
        *,
        name: str,
        id_: str,
        upto: int | None = None,
        epc_format: EpcFormat = "Never_Translates",
    ) -> Delivery | None:
        """The next events behind a cursor (and up to ``upto``) that meet a query; None: nothing is new."""
        newest = self._repository.last_position()
        last = min(newest, cursor + _LOOKED_AT) if upto is None else upto
        if last <= cursor:
            return None
        position = EPCIS_EVENT.c.position
        statement = (
            sa.select(EPCIS_EVENT).where(*query.where, position > cursor, position <= last).order_by(position)
        )
        matching = (
            one for one in self._repository.events(statement) if query.matches(one.event, one.context)
        )
        events = tuple(islice(matching, AT_A_TIME))
        reached = events[-1].position if len(events) == AT_A_TIME else last
        document = None
        if events:
            document_id = uuid.uuid5(uuid.NAMESPACE_URL, f"epcis:{id_}:{cursor}:{reached}").urn
            document = query_document(
                events, query_name=name, subscription_id=id_, document_id=document_id, epc_format=epc_format
            )
        return Delivery(reached, events, document, more=reached < newest)

    def confirm(self, subscription: Subscription, delivery: Delivery) -> None:
        """Move the cursor: what was delivered has arrived."""
        values: dict[str, Any] = {"cursor": delivery.cursor, "pending": None}
        if delivery.document is not None:
            values["notified"] = to_microseconds(now())
        self._change(subscription, values)

    def reschedule(self, subscription: Subscription, moment: datetime) -> None:
        """Note when a scheduled subscription is due after ``moment``."""
        fields = subscription.settings.get("schedule")
        if fields is not None:
            due = parse_schedule(fields).next_after(moment, self._zone)
            self._change(subscription, {"due": None if due is None else to_microseconds(due)})

    def _change(self, subscription: Subscription, values: Mapping[str, Any]) -> None:
        here = EPCIS_SUBSCRIPTION.c.id == subscription.id
        with self._engine.begin() as connection:
            connection.execute(EPCIS_SUBSCRIPTION.update().where(here).values(**values))


def signature(body: bytes, token: str) -> str:
    """What ``GS1-Signature`` says: HMAC-SHA256 of the body under the subscriber's token."""
    return "sha256=" + hmac.new(token.encode(), body, hashlib.sha256).hexdigest()


def _settings(settings: Mapping[str, Any]) -> tuple[dict[str, Any], Schedule | None]:
    known = {"dest", "signatureToken", "stream", "schedule", "reportIfEmpty", "initialRecordTime"}
    unknown = set(settings) - known
    if unknown:
        raise _wrong(f"unknown fields {sorted(unknown)}")
    destination = settings.get("dest")
    parts = urlsplit(destination) if isinstance(destination, str) else None
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise _wrong(f"dest is {str(destination)[:80]!r}; it is an http or https address")
    token = settings.get("signatureToken")
    if token is not None and (not isinstance(token, str) or not token):
        raise _wrong("signatureToken is no text")
    if not isinstance(settings.get("reportIfEmpty", False), bool):
        raise _wrong("reportIfEmpty is neither true nor false")
    start = settings.get("initialRecordTime")
    if start is not None:
        try:
            parse_time(start)
        except (TypeError, ValueError) as error:
            raise _wrong(f"initialRecordTime is {str(start)[:60]!r}") from error
    stream, fields = settings.get("stream"), settings.get("schedule")
    if (stream is True) == (fields is not None) or stream not in {None, True, False}:
        raise _wrong("it needs either stream: true or a schedule")
    if fields is not None and not isinstance(fields, Mapping):
        raise _wrong("the schedule is no object")
    return dict(settings), None if fields is None else parse_schedule(fields)


def _wrong(why: str) -> ExchangeError:
    return ExchangeError("SubscriptionControlsException", "not-a-subscription", why=why)


def _named(row: Any) -> NamedQuery:
    document = json.loads(row.document)
    return NamedQuery(
        row.name, from_microseconds(row.created), {name: tuple(values) for name, values in document.items()}
    )


def _subscription(row: Any) -> Subscription:
    return Subscription(
        row.id,
        row.query,
        from_microseconds(row.created),
        json.loads(row.document),
        row.cursor,
        row.pending,
        None if row.notified is None else from_microseconds(row.notified),
        None if row.due is None else from_microseconds(row.due),
    )
