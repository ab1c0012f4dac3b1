"""Pages and their data."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from assay.api.door import Guarded, Services, services
from assay.api.models import PageCard
from assay.apps import Page, PageAnswer, PageQuestion

router = APIRouter(tags=["pages"])


@router.get("/pages")
def pages(_: Guarded, rooms: Annotated[Services, Depends(services)]) -> list[PageCard]:
    """Every page, in the order of the navigation."""
    return [PageCard(id=page.id, title=page.title, nav=page.nav) for page in rooms.runtime.pages.values()]


@router.get("/pages/{page_id}")
def page(page_id: str, _: Guarded, rooms: Annotated[Services, Depends(services)]) -> Page:
    """One page's specification, with the defaults that this plant suggests filled in."""
    return rooms.runtime.page(page_id)


@router.post("/pages/{page_id}/data", response_model=PageAnswer)
def page_data(
    page_id: str, question: PageQuestion, _: Guarded, rooms: Annotated[Services, Depends(services)]
) -> Response:
    """The payload of every binding of the page; a binding that fails carries its own error."""
    answer = rooms.runtime.evaluate(page_id, question)
    return Response(answer.model_dump_json(by_alias=True), media_type="application/json")
