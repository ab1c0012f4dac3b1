"""Unit files: everything recorded of a unit or lot, graded, as JSON, HTML or PDF."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from assay.analyse.unit_file import UnitFile, unit_file
from assay.api.door import Guarded, Services, services
from assay.api.security import policy_for
from assay.model.text import Language
from assay.report.unit_file import as_html
from assay.report.unit_file_pdf import as_pdf

router = APIRouter(tags=["unit files"])
Rooms = Annotated[Services, Depends(services)]
_OUTSIDE = re.compile(r"[^A-Za-z0-9._-]+")


class FileOrder(BaseModel):
    """In which form and language the file is wanted."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["json", "html", "pdf"] = Field(
        default="json", description="JSON with the keys below, one HTML page, or PDF."
    )
    lang: Language | None = Field(default=None, description="zh or en; by default the plant's language.")


@router.get("/unit-file/{subject_id:path}", response_model=UnitFile)
def file_of(subject_id: str, order: Annotated[FileOrder, Query()], _: Guarded, rooms: Rooms) -> Response:
    """Everything recorded of a unit or lot, graded against the process card that was in force."""
    found = unit_file(rooms.workspace, subject_id)
    config = rooms.workspace.config
    language = order.lang or config.language
    if order.format == "json":
        return Response(found.model_dump_json(), media_type="application/json")
    if order.format == "html":
        page = as_html(found, language, config.time_zone)
        return Response(page, media_type="text/html", headers=policy_for(page))
    name = _OUTSIDE.sub("_", found.id) or "unit"
    said = {"Content-Disposition": f'attachment; filename="{name}.pdf"'}
    return Response(as_pdf(found, language, config.time_zone), media_type="application/pdf", headers=said)
