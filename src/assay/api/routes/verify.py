"""Whether a proof or bundle holds, by the policy of this server."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from assay.api.door import Guarded, Services, services
from assay.api.routes.imports import MULTIPART
from assay.api.upload import receive_upload
from assay.ledger.proving import verify_file
from assay.ledger.vouching import configured_policy
from assay.model.text import Text

VERIFY_PATH = "/api/verify"
MOST_BYTES = 64 << 20
"""Largest file that is verified; a bundle of a unit with 10,000 rows has some 30 MB."""

_SHOWN = 200

router = APIRouter(tags=["evidence"])


class VerdictCard(BaseModel):
    """What a file proves under the server's policy."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    valid: bool
    reason: str | None = Field(description="Why not, one word; null when it is valid.")
    message: Text | None = Field(description="Why not, in words.")
    hint: Text | None = Field(description="What to do about it.")
    index: int | None = Field(description="Index of the (first) entry; null where it can't be read.")
    size: int | None = Field(description="Entries of the log under the checkpoint that is believed.")
    cosigners: list[str] = Field(
        description="Witnesses of the policy that cosigned it; without any, a split view would not show."
    )
    entries: int = Field(description="How many entries are proved.")
    shown: list[dict[str, Any]] = Field(description="What is shown of each, by name; at most 200.")
    shown_total: int


@router.post("/verify", openapi_extra=MULTIPART)
async def verify(request: Request, _: Guarded, rooms: Annotated[Services, Depends(services)]) -> VerdictCard:
    """Whether the proof or bundle in the multipart field ``file`` holds.

    Only the policy that this server is configured with counts, never a key inside the file.
    """
    dropped = await receive_upload(request, rooms.imports.new_folder(), MOST_BYTES)
    return await run_in_threadpool(_verified, dropped.folder, dropped.path)


def _verified(folder: Path, file: Path) -> VerdictCard:
    try:
        verdict = verify_file(file.read_bytes(), configured_policy())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    problem = verdict.problem
    return VerdictCard(
        valid=verdict.valid,
        reason=verdict.reason,
        message=problem.said if problem else None,
        hint=problem.advice if problem else None,
        index=verdict.index,
        size=verdict.size,
        cosigners=list(verdict.cosigners),
        entries=len(verdict.entries),
        shown=[{name: _plain(value) for name, value in one.items()} for one in verdict.shown[:_SHOWN]],
        shown_total=len(verdict.shown),
    )


def _plain(value: object) -> Any:
    """A value as JSON and a browser's numbers have it."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53:
        return str(value)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value
