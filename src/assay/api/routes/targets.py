"""What can be asked of the plant."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from assay.api.door import Guarded, Services, services
from assay.apps import TargetsPayload

router = APIRouter(tags=["targets"])


@router.get("/targets")
def targets(_: Guarded, rooms: Annotated[Services, Depends(services)]) -> TargetsPayload:
    """Suggested targets (worst outcome first), process steps and recorded factors."""
    return rooms.questions.targets()
