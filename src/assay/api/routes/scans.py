"""Scans of products' codes, for the owner."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from assay.api.door import Guarded, Services, services
from assay.exchange.consumer.listed import ScanList, scans_of

router = APIRouter(tags=["codes"])
Rooms = Annotated[Services, Depends(services)]


class ScanOrder(BaseModel):
    """Which scans are wanted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    of: str | None = Field(default=None, max_length=1000, description="A unit, lot or Digital Link.")
    hints: bool = Field(default=False, description="Only scans with a hint.")
    since: AwareDatetime | None = Field(default=None, description="Only scans from this moment on.")
    limit: int = Field(default=1000, ge=1, le=10_000, description="How many at most, the latest first.")


@router.get("/scans")
def scans(order: Annotated[ScanOrder, Query()], _: Guarded, rooms: Rooms) -> ScanList:
    """Scans of codes on the consumer page, the latest first, with what is odd about them."""
    return scans_of(rooms.workspace, order.of, hints=order.hints, since=order.since, limit=order.limit)
