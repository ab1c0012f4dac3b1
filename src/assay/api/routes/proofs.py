"""Proofs of what the plant recorded, and how far its evidence log is."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from assay.api.door import Guarded, Services, services
from assay.ledger.errors import LogError
from assay.ledger.place import NOT_HERE
from assay.model.text import Text
from assay.store.plant_evidence import bundle_subject, prove_record

router = APIRouter(tags=["evidence log"])
Rooms = Annotated[Services, Depends(services)]
_OUTSIDE = re.compile(r"[^A-Za-z0-9._-]+")
_PROOF = "text/plain; charset=utf-8"
_BUNDLE = "application/octet-stream"


class LedgerCard(BaseModel):
    """How far the plant's evidence log is."""

    model_config = ConfigDict(extra="forbid")

    on: bool = Field(description="Whether what the plant records is logged.")
    why: Text | None = Field(description="What keeps it from being logged now; null where nothing does.")
    origin: str | None = Field(description="The name of the log.")
    key: str | None = Field(description="Its public key, for a policy.")
    size: int = Field(description="Entries that the published checkpoint covers.")
    waiting_batches: int = Field(description="Batches whose rows are not committed to one by one yet.")
    waiting_rows: int = Field(description="How many rows these are.")
    differing: int = Field(description="Batches that are no longer in the lake as they were logged.")


@router.get("/ledger", response_model=LedgerCard)
def ledger(_: Guarded, rooms: Rooms) -> LedgerCard:
    """Whether what the plant records is logged, and how far."""
    log = rooms.workspace.evidence
    state = log.state
    here = state.on and not (state.why is not None and state.why.reason in NOT_HERE)
    lag = log.index.lag() if here else None
    key = log.place.public_key() if here else None
    return LedgerCard(
        on=state.on,
        why=None if state.why is None else state.why.said,
        origin=None if key is None else key.name,
        key=None if key is None else str(key),
        size=log.signed_size() if here else 0,
        waiting_batches=0 if lag is None else lag.batches,
        waiting_rows=0 if lag is None else lag.rows,
        differing=0 if lag is None else lag.differing,
    )


@router.get("/proof/{record:path}", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def proof(
    record: str,
    _: Guarded,
    rooms: Rooms,
    field: Annotated[
        list[str] | None, Query(description="Fields to show; all of the record without them.")
    ] = None,
) -> Response:
    """The proof (tlog-proof) that a record is in the log: ``table:source/epoch/seq`` or ``subject@time``."""
    if not rooms.workspace.evidence.on:
        raise LogError.of("no_log", path=rooms.workspace.path)
    data = bytes(prove_record(rooms.workspace, record, field))
    return _file(data, record, "tlog-proof", _PROOF)


@router.get("/bundle/{subject:path}", response_class=Response, responses={200: {"content": {_BUNDLE: {}}}})
def bundle(subject: str, _: Guarded, rooms: Rooms) -> Response:
    """Everything recorded of a unit or lot, with its proofs, as one file that anybody can check offline."""
    if not rooms.workspace.evidence.on:
        raise LogError.of("no_log", path=rooms.workspace.path)
    return _file(bundle_subject(rooms.workspace, subject), subject, "bundle", _BUNDLE)


def _file(data: bytes, name: str, suffix: str, media_type: str) -> Response:
    called = _OUTSIDE.sub("_", name)[:80] or "record"
    said = {"Content-Disposition": f'attachment; filename="{called}.{suffix}"', "Cache-Control": "no-store"}
    return Response(data, media_type=media_type, headers=said)
