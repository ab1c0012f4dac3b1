"""EPCIS 2.0, capture and query: ``/epcis/capture``, ``/epcis/events``, and what events are found under."""

from __future__ import annotations

import base64
from typing import Final

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from assay.api.epcis_desk import CAPTURE_BYTES, CAPTURE_EVENTS, EpcisDesk
from assay.api.epcis_door import (
    DISCOVERY,
    Desk,
    Partner,
    answered,
    body,
    collection,
    epc_format,
    job_document,
    next_link,
    page_size,
    parameters_of,
    prefixes_of,
    refused,
)
from assay.exchange.epcis import ExchangeError
from assay.exchange.epcis.answers import answer, bare_event, query_document
from assay.exchange.epcis.context import Context
from assay.exchange.epcis.queries import parse_query
from assay.exchange.epcis.repository import Behaviour
from assay.exchange.epcis.terms import Field, bounded, identifier_term, word_term
from assay.exchange.epcis.vocabulary import BIZ_STEPS, DISPOSITIONS, EVENT_TYPES
from assay.store.tables import EPCIS_EVENT, EPCIS_TERM

router = APIRouter(prefix="/epcis", tags=["epcis"])

TOP: Final = (
    "events",
    "eventTypes",
    "epcs",
    "bizSteps",
    "bizLocations",
    "readPoints",
    "dispositions",
    "capture",
    "queries",
)
_FIELDS: Final = {
    "epcs": (Field.EPC, Field.PARENT, Field.INPUT, Field.OUTPUT),
    "bizSteps": (Field.BIZ_STEP,),
    "bizLocations": (Field.BIZ_LOCATION,),
    "readPoints": (Field.READ_POINT,),
    "dispositions": (Field.DISPOSITION,),
}
_PARAMETER: Final = {
    "epcs": "MATCH_anyEPC",
    "bizSteps": "EQ_bizStep",
    "bizLocations": "EQ_bizLocation",
    "readPoints": "EQ_readPoint",
    "dispositions": "EQ_disposition",
}
_WRITABLE: Final = ("events", "queries")


# -- discovery ------------------------------------------------------------------------------------


@router.get("")
def top(_: Partner) -> Response:
    """The resources of the repository."""
    return collection(TOP)


@router.options("", include_in_schema=False)
@router.options("/{path:path}", include_in_schema=False)
def discover(_: Partner, path: str = "") -> Response:
    """What a resource can do, and which versions and limits hold."""
    name = path.split("/", 1)[0]
    if path and name not in TOP:
        raise ExchangeError("NoSuchResourceException", "no-resource", value=repr(path[:80]))
    headers = dict(DISCOVERY)
    allow = ["OPTIONS", "GET"]
    parts = path.split("/")
    if path == "capture" or (len(parts) == 1 and name in _WRITABLE) or parts[-1] == "subscriptions":
        allow.append("POST")
    elif name == "queries" and len(parts) in {2, 4}:
        allow.append("DELETE")
    headers["Allow"] = ", ".join(allow)
    if name == "capture":
        headers |= {
            "GS1-EPCIS-Capture-Limit": str(CAPTURE_EVENTS),
            "GS1-EPCIS-Capture-File-Size-Limit": str(CAPTURE_BYTES),
            "GS1-Capture-Error-Behaviour": "rollback",
        }
    return Response(status_code=204, headers=headers)


# -- capture --------------------------------------------------------------------------------------


def _behaviour(request: Request) -> Behaviour:
    value = request.headers.get("gs1-capture-error-behaviour", "rollback")
    if value == "rollback":
        return "rollback"
    if value == "proceed":
        return "proceed"
    raise ExchangeError("ValidationException", "behaviour", value=repr(value))


@router.post("/capture", status_code=202)
async def capture(request: Request, _: Partner, desk: Desk) -> Response:
    """Capture the events of a document; the answer comes when they are durable.

    ``Location`` is the capture job. With ``GS1-Capture-Error-Behaviour: rollback`` (the default) a document
    with any fault is refused whole, with every fault in ``errors``; with ``proceed`` valid events are kept.
    """
    behaviour = _behaviour(request)
    verdict, job = await run_in_threadpool(desk.capture, await body(request), behaviour)
    if job is None:
        return refused(verdict)
    return answered(job_document(job), status=202, headers={"Location": f"/epcis/capture/{job.id}"})


@router.get("/capture")
def capture_jobs(request: Request, _: Partner, desk: Desk) -> Response:
    """Capture jobs, the latest first."""
    size = page_size(request)
    offset = _offset(request)
    jobs = desk.repository.jobs(limit=size + 1, offset=offset)
    token = _encoded(str(offset + size)) if len(jobs) > size else None
    return answered([job_document(one) for one in jobs[:size]], headers=next_link(request, token))


@router.get("/capture/{job_id}")
def capture_job(job_id: str, _: Partner, desk: Desk) -> Response:
    """What became of a captured document."""
    job = desk.repository.job(job_id)
    if job is None:
        raise ExchangeError("NoSuchResourceException", "no-job", id=repr(job_id[:80]))
    return answered(job_document(job))


# -- events ---------------------------------------------------------------------------------------


@router.get("/events")
def events(request: Request, _: Partner, desk: Desk) -> Response:
    """The events that meet a SimpleEventQuery; its parameters are those of EPCIS 2.0, section 8.2.7.1.

    Values of a list are separated by ``|``. Pages follow by the ``Link`` header.
    """
    return _answer(request, desk, {})


@router.post("/events", status_code=201)
async def capture_event(request: Request, _: Partner, desk: Desk) -> Response:
    """Capture one event; ``Location`` is where it is found."""
    verdict, job = await run_in_threadpool(desk.capture_event, await body(request))
    if job is None:
        return refused(verdict)
    if job.known:
        event_id = str(verdict.events[0].get("eventID", ""))
        raise ExchangeError("ResourceAlreadyExistsException", "event-exists", id=event_id)
    (stored,) = desk.repository.events(sa.select(EPCIS_EVENT).where(EPCIS_EVENT.c.job == job.id))
    location = f"/epcis/events/{stored.event_id}"
    return answered(bare_event(stored), status=201, headers={"Location": location})


@router.get("/events/{event_id:path}")
def event(event_id: str, request: Request, _: Partner, desk: Desk) -> Response:
    """The event of an id; more than one where an error was declared of it, or partners used the id twice."""
    wanted = _with_query(event_id, request)
    here = EPCIS_EVENT.c.event_id == bounded(wanted)
    statement = sa.select(EPCIS_EVENT).where(here).order_by(EPCIS_EVENT.c.position)
    found = list(desk.repository.events(statement))
    if not found:
        raise ExchangeError("NoSuchResourceException", "no-event", id=repr(wanted[:120]))
    return answered(query_document(found, epc_format=epc_format(request)))


def _with_query(event_id: str, request: Request) -> str:
    """An id such as ``ni:///…?ver=CBV2.0`` whose question mark a client did not escape."""
    query = str(request.url.query)
    return f"{event_id}?{query}" if query.startswith("ver=") else event_id


def _answer(request: Request, desk: EpcisDesk, fixed: dict[str, list[str]]) -> Response:
    parameters = parameters_of(request)
    for name, values in fixed.items():
        if name in parameters:
            raise ExchangeError(
                "QueryParameterException", "query-parameter", name=name, why="the address says it already"
            )
        parameters[name] = values
    form = epc_format(request)
    query = parse_query(parameters, desk.repository, prefixes_of(request))
    token = request.query_params.get("nextPageToken")
    page = answer(desk.repository, query, per_page=page_size(request), token=token)
    return answered(query_document(page.events, epc_format=form), headers=next_link(request, page.next_token))


# -- resources under which events are found -------------------------------------------------------


@router.get("/eventTypes")
def event_types(_: Partner, desk: Desk) -> Response:
    """The five event types, and others that were captured."""
    kinds = desk.repository.scalars(sa.select(EPCIS_EVENT.c.kind).distinct())
    return collection([*EVENT_TYPES.words, *sorted(set(kinds) - EVENT_TYPES.known)])


@router.get("/eventTypes/{event_type:path}/events")
def events_of_type(event_type: str, request: Request, _: Partner, desk: Desk) -> Response:
    """Events of one type."""
    return _answer(request, desk, {"eventType": [event_type]})


@router.get("/eventTypes/{event_type:path}")
def event_type(event_type: str, _: Partner, desk: Desk) -> Response:
    """What is below an event type."""
    here = EPCIS_EVENT.c.kind == bounded(event_type)
    known = event_type in EVENT_TYPES.known
    if not known and not desk.repository.scalars(sa.select(EPCIS_EVENT.c.position).where(here).limit(1)):
        raise ExchangeError("NoSuchResourceException", "no-resource", value=repr(event_type[:120]))
    return collection(["events"])


def _list(name: str, request: Request, desk: EpcisDesk) -> Response:
    size = page_size(request)
    value = EPCIS_TERM.c.value
    after = request.query_params.get("nextPageToken")
    statement = sa.select(value).distinct().where(EPCIS_TERM.c.field.in_([int(one) for one in _FIELDS[name]]))
    if after is not None:
        statement = statement.where(value > _decoded(after))
    found = desk.repository.scalars(statement.order_by(value).limit(size + 1))
    token = _encoded(found[size - 1]) if len(found) > size else None
    return collection(found[:size], next_link(request, token))


def _known(name: str, value: str, desk: EpcisDesk) -> Response:
    here = EPCIS_TERM.c.field.in_([int(one) for one in _FIELDS[name]]) & (
        EPCIS_TERM.c.value == _term(name, value)
    )
    if not desk.repository.scalars(sa.select(EPCIS_TERM.c.position).where(here).limit(1)):
        raise ExchangeError("NoSuchResourceException", "no-resource", value=repr(value[:120]))
    return collection(["events"])


def _term(name: str, value: str) -> str:
    vocabulary = {"bizSteps": BIZ_STEPS, "dispositions": DISPOSITIONS}.get(name)
    if vocabulary is not None:
        return word_term(value, vocabulary, Context())
    return identifier_term(value, Context())


def _resource(name: str, one: str) -> None:
    """Add the three addresses of a kind of resource: the list, one of it, and the events of one."""

    def listed(request: Request, _: Partner, desk: Desk) -> Response:
        return _list(name, request, desk)

    def found(value: str, request: Request, _: Partner, desk: Desk) -> Response:
        return _answer(request, desk, {_PARAMETER[name]: [value]})

    def known(value: str, _: Partner, desk: Desk) -> Response:
        return _known(name, value, desk)

    for path, endpoint, title, text in (
        (f"/{name}", listed, f"epcis_{name}", f"Every {one} of captured events; EPCs as GS1 Digital Links."),
        (f"/{name}/{{value:path}}/events", found, f"epcis_{name}_events", f"The events of one {one}."),
        (f"/{name}/{{value:path}}", known, f"epcis_{name}_one", f"What is below one {one}."),
    ):
        router.add_api_route(path, endpoint, methods=["GET"], name=title, description=text)


for _name, _one in (
    ("epcs", "object"),
    ("bizSteps", "business step"),
    ("bizLocations", "business location"),
    ("readPoints", "read point"),
    ("dispositions", "disposition"),
):
    _resource(_name, _one)


@router.delete("/nextPageToken/{token}", status_code=204)
def forget_page(token: str, _: Partner) -> Response:
    """Nothing is kept for a page token, so there is nothing to release."""
    return Response(status_code=204)


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decoded(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except ValueError as error:
        raise ExchangeError("QueryParameterException", "page-token", value=repr(token[:60])) from error


def _offset(request: Request) -> int:
    token = request.query_params.get("nextPageToken")
    text = "0" if token is None else _decoded(token)
    if not text.isdecimal():
        raise ExchangeError("QueryParameterException", "page-token", value=repr(str(token)[:60]))
    return int(text[:12])
