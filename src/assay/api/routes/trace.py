"""The genealogy of a unit, lot or execution."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response

from assay.api.door import Guarded, Services, services
from assay.apps import TracePayload

router = APIRouter(tags=["genealogy"])


@router.get("/trace/{subject_id:path}", response_model=TracePayload)
def trace(
    subject_id: str,
    _: Guarded,
    rooms: Annotated[Services, Depends(services)],
    direction: Annotated[Literal["back", "forward", "both"], Query()] = "back",
) -> Response:
    """Where it came from (``back``), what became of it (``forward``), or both."""
    payload = rooms.questions.trace(subject_id, direction)
    return Response(payload.model_dump_json(by_alias=True), media_type="application/json")
