"""Operators: every question a plugin answers, by its id, with the names it has everywhere else."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from assay.api.door import Guarded, Services, services
from assay.api.errors import NoPicture
from assay.api.models import OperatorCard
from assay.apps.payloads import PlotPayload
from assay.apps.plots import plot_payload
from assay.plugins.registry import operators
from assay.stats.result import Result

router = APIRouter(tags=["operators"])
Rooms = Annotated[Services, Depends(services)]


@router.get("/operators")
def listed(_: Guarded) -> list[OperatorCard]:
    """Every operator that loads, with the JSON Schema of its arguments."""
    return [
        OperatorCard(
            id=one.id,
            title=one.title,
            description=one.description,
            capabilities=sorted(one.capabilities),
            arguments=one.config_schema(),
        )
        for one in operators().working()
    ]


@router.post("/operators/{operator_id}", response_model=dict[str, Any])
def answer(operator_id: str, arguments: dict[str, Any], _: Guarded, rooms: Rooms) -> Response:
    """The operator's answer to these arguments, whole: a chart of a million points has all of them."""
    document = rooms.questions.operator(operator_id, arguments).to_dict()
    written = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(written, media_type="application/json")


@router.post("/operators/{operator_id}/plot")
def plot(
    operator_id: str,
    arguments: dict[str, Any],
    _: Guarded,
    rooms: Rooms,
    width: Annotated[int, Query(ge=50, le=8192)] = 1200,
) -> PlotPayload:
    """The picture of the operator's answer as layers; 404 for an answer that has none."""
    found = rooms.questions.operator(operator_id, arguments)
    if not isinstance(found, Result):
        raise NoPicture(operator_id)
    return plot_payload(found.plot(), width)
