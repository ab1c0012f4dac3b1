"""The application: routers, errors, security, and the plant they serve."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from starlette.concurrency import run_in_threadpool

from assay import __version__
from assay.api import errors
from assay.api.auth import ensure_administrator
from assay.api.door import Guarded, Services
from assay.api.epcis_desk import CAPTURE_PATHS
from assay.api.epcis_door import PartnerRefused, exchange_problem
from assay.api.errors import CATALOGUE
from assay.api.hub import MESSAGE_LIMIT
from assay.api.routes import (
    alarms,
    causes,
    codes,
    consumer,
    contracts,
    epcis,
    epcis_queries,
    find,
    gate,
    imports,
    log,
    operators,
    pages,
    proofs,
    quarantine,
    recording,
    scans,
    session,
    socket,
    sql,
    targets,
    trace,
    unit_files,
    verify,
)
from assay.api.security import SecurityMiddleware
from assay.api.settings import ApiSettings
from assay.api.static_files import static_router
from assay.apps.payloads import Refusal
from assay.exchange.epcis import ExchangeError
from assay.model.catalogue import LANGUAGES
from assay.store.workspace import Workspace

SERVER: dict[str, Any] = {
    "log_level": "warning",
    "server_header": False,
    "proxy_headers": False,
    "ws_max_size": 4 * MESSAGE_LIMIT,  # bytes; a character has up to four
    "timeout_graceful_shutdown": 5,  # a slow reader of an extraction doesn't keep the server from stopping
}
"""How uvicorn runs the application."""


def create_app(path: str | Path, *, settings: ApiSettings | None = None) -> FastAPI:
    """The application that serves the plant at ``path``.

    Parameters
    ----------
    path
        Directory of the plant.
    settings
        Limits and addresses; the defaults serve a single machine.

    Raises
    ------
    WorkspaceNotFound
        ``path`` is not a plant.
    """
    chosen = settings or ApiSettings.from_environment()
    services = Services(Workspace.open(path), chosen)
    app = assemble(chosen, services)
    app.state.services = services
    return app


def serve(
    path: str | Path, *, host: str = "127.0.0.1", port: int = 8080, settings: ApiSettings | None = None
) -> None:
    """Serve the plant at ``path`` until interrupted.

    The first time, the administrator's generated password is printed, once. Behind a proxy, or when the
    server is called by a name, give that name in ``settings``.

    Raises
    ------
    WorkspaceNotFound
        ``path`` is not a plant.
    """
    import uvicorn

    app = create_app(path, settings=(settings or ApiSettings.from_environment()).bound_to(host))
    password = ensure_administrator(app.state.services.workspace)
    if password is not None:
        _announce(password)
    uvicorn.run(app, host=host, port=port, **SERVER)


def assemble(settings: ApiSettings, services: Services | None = None) -> FastAPI:
    """The application without a plant; enough for its OpenAPI document."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if services is not None:
            services.start()
        yield
        if services is not None:
            await services.hub.close()
            await run_in_threadpool(services.close)

    # The interactive documents of FastAPI load scripts from elsewhere; no request leaves this host.
    app = FastAPI(
        title="Assay",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        responses={"4XX": {"model": Refusal}, "5XX": {"model": Refusal}},
    )
    api = APIRouter(prefix="/api")
    for part in (
        session,
        pages,
        imports,
        causes,
        operators,
        trace,
        recording,
        unit_files,
        proofs,
        gate,
        verify,
        contracts,
        find,
        codes,
        scans,
        alarms,
        sql,
        targets,
        quarantine,
        socket,
    ):
        api.include_router(part.router)

    @api.get("/openapi.json", include_in_schema=False)
    def openapi(_: Guarded, request: Request) -> dict[str, Any]:
        """The OpenAPI document."""
        found: dict[str, Any] = request.app.openapi()
        return found

    app.include_router(api)
    for exchanged in (epcis_queries, epcis, consumer, log):
        app.include_router(exchanged.router)
    app.include_router(static_router())
    errors.register(app)
    for kind in (ExchangeError, PartnerRefused):
        app.add_exception_handler(kind, exchange_problem)
    app.add_middleware(
        SecurityMiddleware,
        settings=settings,
        unbounded=CAPTURE_PATHS | {imports.UPLOAD_PATH, codes.IMAGE_PATH, verify.VERIFY_PATH},
    )
    return app


def _announce(password: str) -> None:
    # The one place where the password is ever shown; it is stored only as a hash.
    lines = (CATALOGUE.say("server.first-password", language) for language in LANGUAGES)
    sys.stdout.write("\n  " + "\n  ".join(lines) + f"\n\n      {password}\n\n")
    sys.stdout.flush()
