"""The one WebSocket of the API."""

from __future__ import annotations

from fastapi import APIRouter, WebSocket

from assay.api.auth import COOKIE
from assay.api.door import Services, refuse_other_sites
from assay.api.errors import ApiError, refusal
from assay.apps.errors import problem_of
from assay.model.errors import AssayError

router = APIRouter()


@router.websocket("/ws")
async def hub(socket: WebSocket) -> None:
    """Subscriptions; a client without a session or from another site is answered with a refusal."""
    from starlette.concurrency import run_in_threadpool

    rooms: Services = socket.app.state.services
    token = socket.cookies.get(COOKIE)
    try:
        refuse_other_sites(socket)
        await run_in_threadpool(rooms.gate.session, token)
        await rooms.hub.serve(socket, token or "")
    except ApiError as error:
        await socket.send_denial_response(refusal(error.status, problem_of(error), error.headers))
    except AssayError as error:
        await socket.send_denial_response(refusal(503, problem_of(error)))
