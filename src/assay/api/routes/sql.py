"""Read-only SQL."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from assay.api.door import Guarded, Services, services
from assay.api.models import SqlOrder
from assay.apps import GridPayload

router = APIRouter(tags=["sql"])


@router.post("/sql", response_model=GridPayload)
def sql(order: SqlOrder, _: Guarded, rooms: Annotated[Services, Depends(services)]) -> Response:
    """The first rows of one SELECT over the plant's views; anything that writes is refused."""
    payload = rooms.questions.sql(order.sql, order.limit)
    return Response(payload.model_dump_json(by_alias=True), media_type="application/json")
