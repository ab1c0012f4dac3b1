"""Questions in the language of the plant: answers, and extractions of any size."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.responses import StreamingResponse

from assay.api.door import Guarded, Services, services
from assay.api.models import ExtractOrder, FindOrder, FoundAnswer, NamesOrder, SuggestedNames

router = APIRouter(tags=["questions"])

Rooms = Annotated[Services, Depends(services)]


@router.post("/find", response_model=FoundAnswer)
async def find(order: FindOrder, request: Request, _: Guarded, rooms: Rooms) -> Response:
    """The answer to a question; what is wrong with it is said with its place."""
    document = await rooms.desk.find(order, request)
    written = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(written, media_type="application/json")


@router.post("/find/names")
def names(order: NamesOrder, _: Guarded, rooms: Rooms) -> SuggestedNames:
    """What may be written at the cursor of a question that is being written: names of the plant, words."""
    return rooms.desk.names(order)


@router.get("/extract", response_class=StreamingResponse)
async def extract_by_address(
    order: Annotated[ExtractOrder, Query()], request: Request, _: Guarded, rooms: Rooms
) -> Response:
    """All rows of an answer as an Arrow IPC stream, computed as it is read and resumable after each batch."""
    return await rooms.desk.extract(order, request)


@router.post("/extract", response_class=StreamingResponse)
async def extract(order: ExtractOrder, request: Request, _: Guarded, rooms: Rooms) -> Response:
    """The same, for a question that is too long for an address."""
    return await rooms.desk.extract(order, request)
