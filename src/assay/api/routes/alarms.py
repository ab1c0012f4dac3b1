"""Alarms: what was found to be wrong while records arrived."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from assay.analyse.alarms import By, alarms
from assay.api.door import Guarded, Services, services

router = APIRouter(tags=["alarms"])
Rooms = Annotated[Services, Depends(services)]


class AlarmOrder(BaseModel):
    """Which alarms are wanted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: By | None = Field(default=None, description="Only those that were found so.")
    subject: str | None = Field(default=None, max_length=512, description="Only those about this.")
    since: AwareDatetime | None = Field(default=None, description="Only those from this moment on.")
    limit: int = Field(default=1000, ge=1, le=10_000, description="How many at most, the latest first.")


class AlarmCard(BaseModel):
    """One alarm."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)

    time: datetime = Field(description="When it happened.")
    recorded: datetime = Field(description="When it was found.")
    by: str = Field(description="chart, monitor, scan or log.")
    rule: str = Field(description="The rule's name; of a scan the hint, of a log what is wrong with it.")
    severity: str = Field(description="warning, or critical where a log shows two histories.")
    subject: str | None = Field(description="What it is about, where that is one thing.")
    subject_kind: str | None = Field(description="unit, lot …")
    detail: str = Field(description="Names and figures.")
    entry: int | None = Field(
        description="Index of its entry in the evidence log, proved by `GET /api/proof/{entry}`; null where "
        "there is none yet."
    )


@router.get("/alarms")
def listed(order: Annotated[AlarmOrder, Query()], _: Guarded, rooms: Rooms) -> list[AlarmCard]:
    """Recorded alarms, the latest first."""
    found = alarms(rooms.workspace, **order.model_dump())
    return [AlarmCard.model_validate(one) for one in found]
