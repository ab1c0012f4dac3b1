"""What was worked out across break points and mixtures, recorded for traces by whoever is logged in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from assay.analyse.bridge import BridgeArguments, write_bridge
from assay.analyse.mixing import MixArguments, write_mix
from assay.api.door import Guarded, Services, services
from assay.api.models import RecordedCard

router = APIRouter(tags=["recording"])
Rooms = Annotated[Services, Depends(services)]


@router.post("/record/bridge")
def record_bridge(arguments: BridgeArguments, who: Guarded, rooms: Rooms) -> RecordedCard:
    """Record which piece came out of which across a step without labels, for traces to carry."""
    with rooms.recording:
        found = arguments.ask(rooms.workspace)
        rows = write_bridge(rooms.workspace, found, by=who.user)
    return RecordedCard(rows=rows, edges=len(found.edges), by=who.user)


@router.post("/record/mix")
def record_mix(arguments: MixArguments, who: Guarded, rooms: Rooms) -> RecordedCard:
    """Record which lots are in what was drawn from a vessel or flow, for traces to carry."""
    with rooms.recording:
        found = arguments.ask(rooms.workspace)
        rows = write_mix(rooms.workspace, found, by=who.user)
    return RecordedCard(rows=rows, edges=len(found.edges), by=who.user)
