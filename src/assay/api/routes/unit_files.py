"""Unit files and weld files: everything recorded of a unit, lot or joint, as JSON, HTML or PDF."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Literal, TypeVar

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from assay.analyse.unit_file import SubjectFile, UnitFile, unit_file
from assay.analyse.welding import WeldFile, weld_file
from assay.api.door import Guarded, Services, services
from assay.api.security import policy_for
from assay.model.text import Language
from assay.report import unit_file as unit_page
from assay.report import unit_file_pdf
from assay.report import weld_file as weld_report

router = APIRouter(tags=["unit files"])
Rooms = Annotated[Services, Depends(services)]
_OUTSIDE = re.compile(r"[^A-Za-z0-9._-]+")
_File = TypeVar("_File", bound=SubjectFile)


class FileOrder(BaseModel):
    """In which form and language the file is wanted."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["json", "html", "pdf"] = Field(
        default="json", description="JSON with the keys below, one HTML page, or PDF."
    )
    lang: Language | None = Field(default=None, description="zh or en; by default the plant's language.")


Order = Annotated[FileOrder, Query()]


@router.get("/unit-file/{subject_id:path}", response_model=UnitFile)
def file_of(subject_id: str, order: Order, _: Guarded, rooms: Rooms) -> Response:
    """Everything recorded of a unit or lot, graded against the process card that was in force."""
    found = unit_file(rooms.workspace, subject_id)
    return _answer(found, order, rooms, unit_page.as_html, unit_file_pdf.as_pdf)


@router.get("/weld-file/{joint:path}", response_model=WeldFile)
def file_of_joint(joint: str, order: Order, _: Guarded, rooms: Rooms) -> Response:
    """Everything recorded of a welded joint, pass by pass, with the verdicts of the gate."""
    found = weld_file(rooms.workspace, joint)
    return _answer(found, order, rooms, weld_report.as_html, weld_report.as_pdf)


def _answer(
    found: _File,
    order: FileOrder,
    rooms: Services,
    as_html: Callable[[_File, Language, str], str],
    as_pdf: Callable[[_File, Language, str], bytes],
) -> Response:
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
