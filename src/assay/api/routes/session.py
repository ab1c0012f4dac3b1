"""Logging in and out, and who is logged in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from assay import __version__
from assay.api.auth import COOKIE
from assay.api.door import Guarded, Services, refuse_other_sites, services
from assay.api.models import Done, LoggedIn, Login, PlantCard, SessionCard

router = APIRouter(tags=["session"])


@router.post("/login")
async def login(
    order: Login, request: Request, response: Response, rooms: Annotated[Services, Depends(services)]
) -> LoggedIn:
    """Log the administrator in; sets the session cookie."""
    refuse_other_sites(request)
    client = request.client.host if request.client else "unknown"
    token, session = await run_in_threadpool(rooms.gate.login, order.password.get_secret_value(), client)
    response.set_cookie(
        COOKIE,
        token,
        max_age=rooms.settings.session_hours * 3600,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
        path="/",
    )
    return LoggedIn(user=session.user, csrf=session.csrf)


@router.post("/logout")
def logout(session: Guarded, response: Response, rooms: Annotated[Services, Depends(services)]) -> Done:
    """End the session; its cookie is worthless afterwards."""
    rooms.gate.logout(session)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return Done()


@router.get("/session")
def session_card(session: Guarded, rooms: Annotated[Services, Depends(services)]) -> SessionCard:
    """Who is logged in, on which plant."""
    return SessionCard(
        user=session.user,
        csrf=session.csrf,
        plant=plant_card(rooms),
        version=__version__,
        upload_limit=rooms.settings.upload_limit,
    )


def plant_card(rooms: Services) -> PlantCard:
    """The plant that is served."""
    config = rooms.workspace.config
    return PlantCard(name=config.name, time_zone=config.time_zone, language=config.language)
