"""The built web app: its files, and its first page for every address that is not a file or the API's."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Match

from assay.api.errors import CATALOGUE

STATIC = Path(__file__).parent / "static"

_HASHED = re.compile(r"[-.][A-Za-z0-9_-]{8,}\.[a-z0-9]+\Z")
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_ACTING = ("DELETE", "PATCH", "POST", "PUT")
_ASK_AGAIN = {"Cache-Control": "no-cache"}

_NOT_BUILT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Assay</title></head>
<body><h1>Assay</h1><p>{en}</p><p lang="zh">{zh}</p></body></html>
"""


def static_router(folder: Path = STATIC) -> APIRouter:
    """Routes for the files in ``folder``, to be added after the API's."""
    router = APIRouter(include_in_schema=False)
    root = folder.resolve()

    @router.get("/{path:path}")
    async def web_app(path: str, request: Request) -> Response:
        of_api = path == "api" or path.startswith("api/")
        found = None if of_api else await run_in_threadpool(_file, root, path)
        is_asset = found is not None and found.parent != root
        if not is_asset and (allowed := _methods(request)):
            raise HTTPException(405, headers={"Allow": ", ".join(allowed)})
        if of_api:
            raise HTTPException(404)
        if found is None:
            text = CATALOGUE.text("server.not-built")
            page = _NOT_BUILT.format(zh=escape(text.zh), en=escape(text.en))
            return HTMLResponse(page, status_code=503, headers=_ASK_AGAIN)
        hashed = is_asset and _HASHED.search(found.name)
        return FileResponse(found, headers=_FOREVER if hashed else _ASK_AGAIN)

    return router


def _methods(request: Request) -> list[str]:
    """The methods by which something else answers at this address; none where only a page does."""
    asked = {method: {**request.scope, "method": method} for method in _ACTING}
    return [
        method
        for method, scope in asked.items()
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)
    ]


def _file(root: Path, path: str) -> Path | None:
    """The file at ``path``, else the first page; None when the app is not built."""
    index = root / "index.html"
    if not index.is_file():
        return None
    wanted = (root / path).resolve() if "\0" not in path else index
    if wanted.is_relative_to(root) and wanted.is_file():
        return wanted
    if "." in path.rsplit("/", 1)[-1] and path.startswith("assets/"):
        raise HTTPException(404)
    return index
