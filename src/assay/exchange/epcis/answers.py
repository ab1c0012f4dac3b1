"""Answers to queries: pages of events, and the EPCISQueryDocument they travel in."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final, Literal

import sqlalchemy as sa

from assay.exchange.epcis.conditions import own_field
from assay.exchange.epcis.context import GS1_CONTEXT
from assay.exchange.epcis.faults import ExchangeError
from assay.exchange.epcis.queries import Query
from assay.exchange.epcis.repository import Repository, StoredEvent
from assay.model.codes.gs1 import parse_urn, to_digital_link
from assay.model.errors import CodeError
from assay.store.tables import EPCIS_EVENT, to_microseconds

EpcFormat = Literal["No_Preference", "Always_GS1_Digital_Link", "Always_EPC_URN", "Never_Translates"]
EPC_FORMATS: Final = ("No_Preference", "Always_GS1_Digital_Link", "Always_EPC_URN", "Never_Translates")
MOST_SORTED: Final = 50_000
"""Events that are put in the order of an extension field; the fields of others are not indexed."""


@dataclass(frozen=True)
class Page:
    """Some of the events of an answer."""

    events: tuple[StoredEvent, ...]
    next_token: str | None
    """What the next page is asked with; None on the last one."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page begins."""

    upto: int
    """Events behind this position came after the first page; they are not part of the answer."""
    after: int | None = None
    happened: int | None = None
    delivered: int = 0


def answer(repository: Repository, query: Query, *, per_page: int, token: str | None = None) -> Page:
    """One page of the events that meet a query.

    Without ``orderBy`` events come in the order in which they were captured. Pages of one answer never
    overlap and leave nothing out, whatever is captured meanwhile.

    Raises
    ------
    ExchangeError
        There are more events than ``maxEventCount``, or the token is not one of this query.
    """
    digest = hashlib.sha256(json.dumps(sorted(query.parameters.items())).encode()).hexdigest()[:16]
    place = _Place(repository.last_position()) if token is None else _parse_token(token, digest)
    if query.most is not None and token is None:
        found = len(list(islice(_matching(repository, query, place), query.most + 1)))
        if found > query.most:
            raise ExchangeError("QueryTooLargeException", "query-too-large", limit=query.most)
    wanted = per_page if query.limit is None else min(per_page, query.limit - place.delivered)
    events = list(islice(_matching(repository, query, place), wanted + 1))
    more = len(events) > wanted and (query.limit is None or place.delivered + wanted < query.limit)
    events = events[:wanted]
    next_token = _token(digest, query, place, events) if more and events else None
    return Page(tuple(events), next_token)


def _matching(repository: Repository, query: Query, place: _Place) -> Iterator[StoredEvent]:
    where = [*query.where, EPCIS_EVENT.c.position <= place.upto]
    position, happened = EPCIS_EVENT.c.position, EPCIS_EVENT.c.happened
    statement = sa.select(EPCIS_EVENT)
    if query.order_by is None or query.order_by == "recordTime":
        falling = query.order_by is not None and query.descending
        if place.after is not None:
            where.append(position < place.after if falling else position > place.after)
        statement = statement.where(*where).order_by(position.desc() if falling else position)
    elif query.order_by == "eventTime":
        keys = sa.tuple_(happened, position)
        if place.after is not None and place.happened is not None:
            mark = sa.tuple_(sa.literal(place.happened), sa.literal(place.after))
            where.append(keys < mark if query.descending else keys > mark)
        order = [happened.desc(), position.desc()] if query.descending else [happened, position]
        statement = statement.where(*where).order_by(*order)
    else:
        yield from _sorted(repository, query, statement.where(*where).order_by(position), place)
        return
    for one in repository.events(statement):
        if query.matches(one.event, one.context):
            yield one


def _sorted(
    repository: Repository, query: Query, statement: sa.Select[Any], place: _Place
) -> Iterator[StoredEvent]:
    field = own_field((), str(query.order_by), inner=False)
    found: list[tuple[tuple[int, Any], StoredEvent]] = []
    for one in repository.events(statement):
        if query.matches(one.event, one.context):
            found.append((_sort_key(next(field(one.event, one.context), None)), one))
            if len(found) > MOST_SORTED:
                raise ExchangeError("QueryTooComplexException", "query-too-large", limit=MOST_SORTED)
    present = [pair for pair in found if pair[0][0] >= 0]
    present.sort(key=lambda pair: pair[0], reverse=query.descending)
    ordered = present + [pair for pair in found if pair[0][0] < 0]
    yield from (one for _, one in ordered[place.delivered :])


def _sort_key(value: Any) -> tuple[int, Any]:
    """Numbers before texts; what has no value has no place."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return (-1, 0)
    return (0, value) if isinstance(value, int | float) else (1, value)


def _token(digest: str, query: Query, place: _Place, events: Sequence[StoredEvent]) -> str:
    last = events[-1]
    happened = to_microseconds(last.happened) if query.order_by == "eventTime" else None
    values = [digest, place.upto, last.position, happened, place.delivered + len(events)]
    return base64.urlsafe_b64encode(json.dumps(values, separators=(",", ":")).encode()).decode().rstrip("=")


def _parse_token(token: str, digest: str) -> _Place:
    try:
        values = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        found, upto, after, happened, delivered = values
        whole = all(isinstance(one, int) for one in (upto, after, delivered))
        if found != digest or not whole or not isinstance(happened, int | None) or delivered < 0:
            raise ValueError(token)
    except (ValueError, TypeError) as error:
        raise ExchangeError("QueryParameterException", "page-token", value=repr(token[:60])) from error
    return _Place(upto, after, happened, delivered)


# -- documents ------------------------------------------------------------------------------------


def query_document(
    events: Sequence[StoredEvent],
    *,
    query_name: str = "SimpleEventQuery",
    subscription_id: str | None = None,
    document_id: str | None = None,
    epc_format: EpcFormat = "Never_Translates",
) -> dict[str, Any]:
    """An EPCISQueryDocument of events, each with the namespaces it came with.

    Namespaces stand at the top when all events share them, else at each event: two partners may use one
    prefix for different things.
    """
    contexts = [one.own_context for one in events]
    shared = contexts[0] if contexts and all(one == contexts[0] for one in contexts) else ()
    listed = [_event(one, at_event=one.own_context != shared, epc_format=epc_format) for one in events]
    results: dict[str, Any] = {"queryName": query_name}
    if subscription_id is not None:
        results["subscriptionID"] = subscription_id
    results["resultsBody"] = {"eventList": listed}
    return {
        "@context": [GS1_CONTEXT, *shared],
        **({} if document_id is None else {"id": document_id}),
        "type": "EPCISQueryDocument",
        "schemaVersion": "2.0",
        "creationDate": written(datetime.now(UTC)),
        "epcisBody": {"queryResults": results},
    }


def written(moment: datetime) -> str:
    """A time as documents have it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _event(stored: StoredEvent, *, at_event: bool, epc_format: EpcFormat) -> dict[str, Any]:
    event = dict(stored.event)
    event.setdefault("recordTime", written(stored.captured))
    if epc_format == "Always_GS1_Digital_Link":
        event = _linked(event)
    if at_event and stored.own_context:
        event["@context"] = _joined([*stored.own_context], event.get("@context", []))
    return event


def bare_event(stored: StoredEvent) -> dict[str, Any]:
    """One event as a document of its own."""
    event = _event(stored, at_event=False, epc_format="Never_Translates")
    context = _joined([GS1_CONTEXT, *stored.own_context], event.pop("@context", []))
    return {"@context": context, **event}


def _joined(outer: list[Any], inner: Any) -> list[Any]:
    """Two contexts as one list; what stands in both comes once."""
    listed = inner if isinstance(inner, list) else [inner]
    return [*outer, *(one for one in listed if one not in outer)]


def _linked(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event with every EPC URN as a GS1 Digital Link; user extensions stay as they are."""
    made = {name: value for name, value in event.items() if ":" not in name and name != "ilmd"}
    kept = {name: value for name, value in event.items() if name not in made}
    return {**_walk(copy.deepcopy(made)), **kept}


def _walk(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: one if ":" in name else _walk(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_walk(one) for one in value]
    if isinstance(value, str) and value[:8].lower() == "urn:epc:":
        try:
            elements = parse_urn(value).elements
            return value if elements is None else to_digital_link(elements)
        except CodeError:
            return value
    return value
