"""A witness over HTTP (C2SP tlog-witness): beside the pages of a plant, or a server of its own."""

from __future__ import annotations

import logging
from typing import Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from assay.api.security import SecurityMiddleware
from assay.api.settings import ApiSettings
from assay.ledger.witness import LARGEST_REQUEST, PATH, Answer, Witness

_LOG: Final = logging.getLogger("assay.witness")


async def answered(request: Request, witness: Witness) -> Response:
    """The witness's answer to a request; what it refuses is said in the server's own log."""
    data = await request.body()
    if len(data) > LARGEST_REQUEST:
        return _response(Answer(413, "text/plain; charset=utf-8", b"the request is too large\n", "too_large"))
    answer = await run_in_threadpool(witness.add_checkpoint, data)
    if answer.status != 200:
        _LOG.warning("add-checkpoint: %s %s %s", answer.status, answer.reason, answer.body.decode().strip())
    return _response(answer)


def witness_app(witness: Witness, settings: ApiSettings) -> SecurityMiddleware:
    """A server that is a witness and nothing else; its submission prefix is its own address."""

    async def add_checkpoint(request: Request) -> Response:
        return await answered(request, witness)

    inside = Starlette(routes=[Route(PATH, add_checkpoint, methods=["POST"])])
    return SecurityMiddleware(inside, settings=settings, unbounded=frozenset())


def _response(answer: Answer) -> Response:
    headers = {"Content-Type": answer.content_type, "Cache-Control": "no-store"}
    return Response(answer.body, answer.status, headers)
