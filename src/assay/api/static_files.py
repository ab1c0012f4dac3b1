"""The built web app: its files, and its first page for every address that is not a file or the API's."""

from __future__ import annotations

import re
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, Response

STATIC = Path(__file__).parent / "static"

_HASHED = re.compile(r"[-.][A-Za-z0-9_-]{8,}\.[a-z0-9]+\Z")
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_ASK_AGAIN = {"Cache-Control": "no-cache"}

_NOT_BUILT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Assay</title></head>
<body><h1>Assay</h1>
<p>The web app is not built in this source tree. Run <code>make setup</code> (or
<code>python hatch_build.py</code>) and reload this page. The API answers at <code>/api</code>.</p>
<p lang="zh">此源码目录尚未构建网页应用。请运行 <code>make setup</code>（或
<code>python hatch_build.py</code>）后刷新本页。API 位于 <code>/api</code>。</p>
</body></html>
"""


def static_router(folder: Path = STATIC) -> APIRouter:
    """Routes for the files in ``folder``, to be added after the API's."""
    router = APIRouter(include_in_schema=False)
    root = folder.resolve()

    @router.get("/{path:path}")
    async def web_app(path: str, request: Request) -> Response:
        if path == "api" or path.startswith("api/"):
            raise HTTPException(404)
        found = await run_in_threadpool(_file, root, path)
        if found is None:
            return HTMLResponse(_NOT_BUILT, status_code=503, headers=_ASK_AGAIN)
        hashed = found.parent != root and _HASHED.search(found.name)
        return FileResponse(found, headers=_FOREVER if hashed else _ASK_AGAIN)

    return router


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
