"""EPCIS 2.0, named queries and subscriptions: ``/epcis/queries`` and everything below it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Request, Response, WebSocket
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocketDisconnect, WebSocketState

from assay.api.auth import COOKIE
from assay.api.door import Services, refuse_other_sites
from assay.api.epcis_desk import EpcisDesk
from assay.api.epcis_door import (
    STATUS,
    Desk,
    Partner,
    answered,
    body,
    epc_format,
    next_link,
    page_size,
    problem,
)
from assay.api.errors import ApiError
from assay.exchange.epcis import ExchangeError
from assay.exchange.epcis.answers import answer, query_document, written
from assay.exchange.epcis.faults import shown
from assay.exchange.epcis.queries import Query
from assay.exchange.epcis.reading import read_json
from assay.exchange.epcis.schedule import Schedule, parse_schedule
from assay.exchange.epcis.standing import NamedQuery
from assay.exchange.epcis.times import parse_time
from assay.store.registry import now

router = APIRouter(prefix="/epcis", tags=["epcis"])

_SCHEDULE: Final = ("second", "minute", "hour", "dayOfMonth", "month", "dayOfWeek")
CURSOR: Final = "urn:x-assay:cursor"
"""The field of ``queryResults`` in which a WebSocket document says how far it reaches."""


async def _json(request: Request) -> Any:
    value, fault = read_json(await body(request))
    if fault is not None:
        raise ExchangeError("ValidationException", "unreadable", why=fault.said.en)
    return value


def _shown(query: NamedQuery) -> dict[str, Any]:
    parameters = {
        name: values[0] if len(values) == 1 else list(values) for name, values in query.parameters.items()
    }
    return {"name": query.name, "query": parameters, "createdAt": written(query.created)}


# -- queries --------------------------------------------------------------------------------------


@router.get("/queries")
def queries(request: Request, _: Partner, desk: Desk) -> Response:
    """Named queries."""
    size = page_size(request)
    token = request.query_params.get("nextPageToken", "0")
    if not token.isdecimal():
        raise ExchangeError("QueryParameterException", "page-token", value=repr(token[:60]))
    offset = int(token[:12])
    found = desk.standing.queries(limit=size + 1, offset=offset)
    following = str(offset + size) if len(found) > size else None
    return answered([_shown(one) for one in found[:size]], headers=next_link(request, following))


@router.post("/queries", status_code=201)
async def create_query(request: Request, _: Partner, desk: Desk) -> Response:
    """Keep a query under a name: ``{"name": …, "query": {parameter: value or list}}``."""
    order = await _json(request)
    if not isinstance(order, Mapping) or not isinstance(order.get("name"), str):
        raise ExchangeError("ValidationException", "not-a-query", why=shown(order))
    parameters = order.get("query")
    if not isinstance(parameters, Mapping):
        raise ExchangeError("ValidationException", "not-a-query", why=shown(parameters))
    cleaned = {str(name): _values(value) for name, value in parameters.items()}
    made = await run_in_threadpool(desk.standing.create, order["name"], cleaned)
    return answered(_shown(made), status=201, headers={"Location": f"/epcis/queries/{made.name}"})


def _values(value: Any) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str | int | float | bool) for one in listed):
        raise ExchangeError("ValidationException", "not-a-query", why=shown(value))
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in listed]


@router.get("/queries/{name}")
def query(name: str, _: Partner, desk: Desk) -> Response:
    """The definition of a named query."""
    return answered(_shown(desk.standing.query(name)))


@router.delete("/queries/{name}", status_code=204)
def delete_query(name: str, _: Partner, desk: Desk) -> Response:
    """Remove a query and end its subscriptions."""
    desk.standing.delete(name)
    return Response(status_code=204)


@router.get("/queries/{name}/events")
def query_events(name: str, request: Request, _: Partner, desk: Desk) -> Response:
    """The events that a named query finds; as a WebSocket, those that it will find."""
    found = desk.standing.parsed(name)
    token = request.query_params.get("nextPageToken")
    page = answer(desk.repository, found, per_page=page_size(request), token=token)
    document = query_document(page.events, query_name=name, epc_format=epc_format(request))
    return answered(document, headers=next_link(request, page.next_token))


# -- subscriptions --------------------------------------------------------------------------------


@router.get("/queries/{name}/subscriptions")
def subscriptions(name: str, _: Partner, desk: Desk) -> Response:
    """The subscriptions to a query."""
    return answered([one.shown() for one in desk.standing.subscriptions(name)])


@router.post("/queries/{name}/subscriptions", status_code=201)
async def subscribe(name: str, request: Request, _: Partner, desk: Desk) -> Response:
    """Have the events of a query sent to an address: ``dest``, and ``stream: true`` or a ``schedule``."""
    settings = await _json(request)
    if not isinstance(settings, Mapping):
        raise ExchangeError("SubscriptionControlsException", "not-a-subscription", why=shown(settings))
    made = await run_in_threadpool(desk.standing.subscribe, name, settings)
    desk.courier.wake()
    location = f"/epcis/queries/{name}/subscriptions/{made.id}"
    return answered(made.shown(), status=201, headers={"Location": location})


@router.get("/queries/{name}/subscriptions/{subscription_id}")
def subscription(name: str, subscription_id: str, _: Partner, desk: Desk) -> Response:
    """One subscription."""
    return answered(desk.standing.subscription(name, subscription_id).shown())


@router.delete("/queries/{name}/subscriptions/{subscription_id}", status_code=204)
def unsubscribe(name: str, subscription_id: str, _: Partner, desk: Desk) -> Response:
    """End a subscription."""
    desk.standing.unsubscribe(name, subscription_id)
    return Response(status_code=204)


# -- the WebSocket --------------------------------------------------------------------------------


@router.websocket("/queries/{name}/events")
async def watch(socket: WebSocket, name: str) -> None:
    """Every event a query will find, once, in the order of capture.

    ``stream=true`` or a schedule says when. ``initialRecordTime`` begins in the past; ``cursor``, from the
    last document of an earlier connection, goes on behind it.
    """
    rooms: Services = socket.app.state.services
    try:
        refuse_other_sites(socket)
        await run_in_threadpool(rooms.gate.session, socket.cookies.get(COOKIE))
        wanted = await run_in_threadpool(rooms.epcis.standing.check_standing, name)
        cursor, schedule = await run_in_threadpool(_controls, socket, rooms.epcis)
    except ApiError as error:
        await socket.send_denial_response(problem(error.status, "SecurityException", error.said))
        return
    except ExchangeError as error:
        await socket.send_denial_response(problem(STATUS.get(error.kind, 400), error.kind, error.said))
        return
    await socket.accept()
    sender = asyncio.create_task(_Sender(socket, rooms, name, wanted, schedule).run(cursor))
    with suppress(WebSocketDisconnect):
        while True:
            await socket.receive_text()
    sender.cancel()
    with suppress(asyncio.CancelledError):
        await sender


def _controls(socket: WebSocket, desk: EpcisDesk) -> tuple[int, Schedule | None]:
    given = socket.query_params
    fields = {name: given[name] for name in _SCHEDULE if name in given}
    stream = given.get("stream")
    if (stream == "true") == bool(fields) or stream not in {None, "true", "false"}:
        why = "it needs either stream=true or a schedule"
        raise _wrong(why)
    schedule = parse_schedule(fields) if fields else None
    text = given.get("cursor")
    if text is not None:
        if not text.isdecimal():
            raise _wrong(f"cursor is {text[:30]!r}")
        return int(text[:18]), schedule
    start = given.get("initialRecordTime")
    if start is None:
        return desk.repository.last_position(), schedule
    try:
        return desk.repository.position_at(parse_time(start)), schedule
    except ValueError as error:
        raise _wrong(str(error)) from error


def _wrong(why: str) -> ExchangeError:
    return ExchangeError("SubscriptionControlsException", "not-a-subscription", why=why)


@dataclass(frozen=True)
class _Sender:
    """Sends what one socket waits for."""

    socket: WebSocket
    rooms: Services
    name: str
    wanted: Query
    schedule: Schedule | None

    async def run(self, cursor: int) -> None:
        """Send until the socket is closed."""
        zone = self.rooms.workspace.config.time_zone
        report = self.socket.query_params.get("reportIfEmpty") == "true"
        while self.socket.application_state is WebSocketState.CONNECTED:
            if self.schedule is not None:
                due = self.schedule.next_after(now(), zone)
                if due is None:
                    await self.socket.close()
                    return
                await asyncio.sleep(max((due - now()).total_seconds(), 0))
            cursor, sent = await self._news(cursor)
            if self.schedule is None:
                await asyncio.sleep(self.rooms.settings.watch_interval)
            elif report and not sent:
                await self.socket.send_text(_document(query_document((), query_name=self.name), cursor))

    async def _news(self, cursor: int) -> tuple[int, bool]:
        """Send everything behind the cursor; where it stands then, and whether anything was sent."""
        collect = self.rooms.epcis.standing.collect
        sent, more = False, True
        while more:
            found = await run_in_threadpool(
                collect, self.wanted, cursor, name=self.name, id_=f"socket:{self.name}"
            )
            if found is None:
                break
            cursor, more = found.cursor, found.more
            if found.document is not None:
                sent = True
                await self.socket.send_text(_document(found.document, cursor))
        return cursor, sent


def _document(document: Mapping[str, Any], cursor: int) -> str:
    results = {**document["epcisBody"]["queryResults"], CURSOR: str(cursor)}
    return json.dumps({**document, "epcisBody": {"queryResults": results}}, ensure_ascii=False)
