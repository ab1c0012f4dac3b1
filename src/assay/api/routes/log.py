"""The evidence log as static files (C2SP tlog-tiles), and this machine's witness (C2SP tlog-witness)."""

from __future__ import annotations

import gzip
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from assay.api.auth import COOKIE
from assay.api.door import Guarded, Services, services
from assay.api.witness_app import answered
from assay.ledger.canonical import decode, encode
from assay.ledger.derived import CHECKPOINT, Derived
from assay.ledger.errors import LedgerError
from assay.ledger.place import LOG_KEY, MAIN
from assay.ledger.tiles import ENTRIES, WIDTH, Tile, tile_of
from assay.ledger.wire import of_answer, to_entries
from assay.ledger.witness import PATH

LOG_PREFIX: Final = "/log/"
WITNESS_PREFIX: Final = "/witness"
ENTRIES_PATH: Final = "/api/log/entries"
LARGEST_BODY: Final = 8 << 20

_TEXT: Final = "text/plain; charset=utf-8"
_BYTES: Final = "application/octet-stream"
_FOREVER: Final = "max-age=31536000, immutable"

router = APIRouter(include_in_schema=False)
Rooms = Annotated[Services, Depends(services)]


@router.api_route(LOG_PREFIX + "{path:path}", methods=["GET", "HEAD"])
def resource(path: str, request: Request, rooms: Rooms) -> Response:
    """The checkpoint, a tile, a bundle of entries or the public key of a log.

    ``/log/…`` is the log ``main``, ``/log/NAME/…`` any of the plant's. Without the setting ``publish_log``
    a session is needed, and no shared cache may keep the answer.
    """
    if not rooms.settings.publish_log:
        rooms.gate.session(request.cookies.get(COOKIE))
    scope = "public" if rooms.settings.publish_log else "private"
    folders = rooms.workspace.path / "ledger"
    name, _, rest = path.partition("/")
    known = {one.name for one in folders.iterdir() if one.is_dir()} if folders.is_dir() else set()
    name, path = (name, rest) if name in known else (MAIN, path)
    derived = Derived(folders / name)
    try:
        published = derived.published()
        if published is None:
            raise HTTPException(404)
        if path == CHECKPOINT:
            return _sent(bytes(published[0]), _TEXT, "no-cache")
        if path == LOG_KEY:
            return _sent((derived.folder / LOG_KEY).read_bytes(), _TEXT, "no-cache")
        tile = _tile(path, published[1].size)
        data = derived.read(tile)
    except (LedgerError, FileNotFoundError):
        raise HTTPException(404) from None
    answer = _sent(data, _BYTES, f"{scope}, {_FOREVER}")
    if tile.level == ENTRIES and "gzip" in request.headers.get("accept-encoding", ""):
        answer = _sent(gzip.compress(data, 6, mtime=0), _BYTES, f"{scope}, {_FOREVER}")
        answer.headers["Content-Encoding"] = "gzip"
    if tile.level == ENTRIES:
        answer.headers["Vary"] = "Accept-Encoding"
    return answer


@router.post(ENTRIES_PATH)
async def append(request: Request, _: Guarded, rooms: Rooms) -> Response:
    """Log signed entries: body and answer are those of the log's socket (:mod:`assay.ledger.wire`).

    The body is the CBOR array of (body, signature) or (body, signature, opening), the answer that of (index,
    leaf hash, whether it was there, verdict, whether it was refused) or of a refusal, once all are on the
    disk. The same source, epoch and seq are one entry, so whoever gets no answer sends them again.
    """
    data = b""
    async for part in request.stream():
        data += part
        if len(data) > LARGEST_BODY:
            raise HTTPException(413)
    entries = to_entries(decode(data))
    answers = await run_in_threadpool(rooms.workspace.evidence.submitter.append, entries)
    return Response(encode([of_answer(one) for one in answers]), media_type="application/cbor")


@router.post(WITNESS_PREFIX + PATH)
async def add_checkpoint(request: Request, rooms: Rooms) -> Response:
    """Cosign a partner's checkpoint; 404 where this machine has no witness."""
    witness = await run_in_threadpool(rooms.witness)
    if witness is None:
        raise HTTPException(404)
    return await answered(request, witness)


def _tile(path: str, size: int) -> Tile:
    """The tile at ``path``, when the published checkpoint of ``size`` entries covers it."""
    tile = Tile.parse(path)
    if tile.width > max(tile_of(tile.level, tile.index, size).width, 0) or tile.width > WIDTH:
        raise HTTPException(404)
    return tile


def _sent(data: bytes, kind: str, caching: str) -> Response:
    return Response(data, headers={"Content-Type": kind, "Cache-Control": caching})
