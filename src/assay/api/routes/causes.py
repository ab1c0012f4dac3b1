"""Causes, the rows behind them, and the units that share them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from starlette.responses import StreamingResponse

from assay.api.door import Guarded, Services, services
from assay.api.download import csv_stream
from assay.apps import CausesPayload, GridPayload, Paging
from assay.apps.questions import RecordsQuestion

router = APIRouter(tags=["causes"])

Limit = Annotated[int, Query(ge=1, le=1000)]
Offset = Annotated[int, Query(ge=0)]
Rooms = Annotated[Services, Depends(services)]


def records_question(
    target: str,
    factor: str,
    value: str | None = None,
    where: str | None = None,
    scope: str | None = None,
) -> RecordsQuestion:
    """Which cause of which target; ``value`` is left out for an ordered factor."""
    return RecordsQuestion(
        target=target, factor=factor, value=value, where=where or None, scope=scope or None
    )


Question = Annotated[RecordsQuestion, Depends(records_question)]


@router.get("/cause", response_model=CausesPayload)
def cause(
    target: str, _: Guarded, rooms: Rooms, where: str | None = None, scope: str | None = None
) -> Response:
    """What explains the target, ranked."""
    payload = rooms.questions.causes(target, where or None, scope or None)
    return Response(payload.model_dump_json(by_alias=True), media_type="application/json")


@router.get("/evidence", response_model=GridPayload)
def evidence(
    question: Question, _: Guarded, rooms: Rooms, limit: Limit = 100, offset: Offset = 0
) -> Response:
    """The rows behind a cause."""
    payload = rooms.questions.evidence(question, Paging(offset=offset, limit=limit))
    return Response(payload.model_dump_json(by_alias=True), media_type="application/json")


@router.get("/evidence.csv", response_class=StreamingResponse)
def evidence_csv(question: Question, _: Guarded, rooms: Rooms) -> StreamingResponse:
    """All rows behind a cause, as CSV."""
    return csv_stream(rooms.questions.evidence_tables(question), name="evidence")


@router.get("/affected", response_model=GridPayload)
def affected(
    question: Question, _: Guarded, rooms: Rooms, limit: Limit = 100, offset: Offset = 0
) -> Response:
    """The units that share a cause, those not yet inspected among them."""
    payload = rooms.questions.affected(question, Paging(offset=offset, limit=limit))
    return Response(payload.model_dump_json(by_alias=True), media_type="application/json")


@router.get("/affected.csv", response_class=StreamingResponse)
def affected_csv(question: Question, _: Guarded, rooms: Rooms) -> StreamingResponse:
    """All units that share a cause, as CSV."""
    return csv_stream(rooms.questions.affected_tables(question), name="affected")
