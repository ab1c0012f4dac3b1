"""Rows that were not taken, and trying them again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from assay.api.door import Guarded, Services, services
from assay.api.models import ReplayCard, ReplayOrder
from assay.apps import GridPayload, Paging

router = APIRouter(tags=["quarantine"])


@router.get("/quarantine", response_model=GridPayload)
def quarantine(
    _: Guarded,
    rooms: Annotated[Services, Depends(services)],
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
    reason: str | None = None,
) -> Response:
    """The quarantined rows, each with its file, line, column, value and reason."""
    payload = rooms.questions.quarantine(Paging(offset=offset, limit=limit), reason)
    return Response(payload.model_dump_json(by_alias=True), media_type="application/json")


@router.post("/quarantine/replay")
def replay(
    _: Guarded, rooms: Annotated[Services, Depends(services)], order: ReplayOrder | None = None
) -> ReplayCard:
    """Try the quarantined rows again; with a corrected mapping, those of its source."""
    return rooms.replay(order.mapping if order is not None else None)
