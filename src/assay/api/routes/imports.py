"""Importing a dropped file: upload, check the proposed mapping, load, follow the progress."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool

from assay.api.door import Guarded, Services, services
from assay.api.models import Done, ImportCard, ImportProgress, LoadCard, LoadOrder, MappingChoice, MappingText
from assay.api.upload import receive_upload

UPLOAD_PATH = "/api/imports"

router = APIRouter(tags=["imports"])

MULTIPART = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}
"""How a route with the multipart field ``file`` is described."""


@router.post("/imports", openapi_extra=MULTIPART)
async def upload(request: Request, _: Guarded, rooms: Annotated[Services, Depends(services)]) -> ImportCard:
    """Take a file in (as the multipart field ``file``) and propose a mapping for it."""
    dropped = await receive_upload(request, rooms.imports.new_folder(), rooms.settings.upload_limit)
    return await run_in_threadpool(rooms.imports.propose, dropped)


@router.get("/imports/{import_id}")
def progress(import_id: str, _: Guarded, rooms: Annotated[Services, Depends(services)]) -> ImportProgress:
    """How far the import is."""
    return rooms.imports.progress(import_id)


@router.post("/imports/{import_id}/mapping")
def choose(
    import_id: str, choice: MappingChoice, _: Guarded, rooms: Annotated[Services, Depends(services)]
) -> MappingText:
    """Write the mapping anew with the columns as the person wants them."""
    return rooms.imports.rewrite(import_id, choice)


@router.post("/imports/{import_id}/load")
def load(
    import_id: str, order: LoadOrder, _: Guarded, rooms: Annotated[Services, Depends(services)]
) -> LoadCard:
    """Load the file with the mapping; answers when it is loaded, ``GET`` follows the progress."""
    return rooms.imports.load(import_id, order.mapping)


@router.delete("/imports/{import_id}")
def discard(import_id: str, _: Guarded, rooms: Annotated[Services, Depends(services)]) -> Done:
    """Give the import up and delete the dropped file."""
    rooms.imports.discard(import_id)
    return Done()
