"""The outermost layer: which hosts are answered, how large a body may be, what headers every answer bears."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import logging
import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from assay.api.errors import http_problem, refusal
from assay.api.settings import ApiSettings

_LOG = logging.getLogger("assay.api")

LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})

# Nothing inline: the web app places its elements through style objects, which needs no exception.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


def policy_for(page: str) -> dict[str, str]:
    """The header of a page that is whole in itself: its own styles by their hash, and nothing else."""
    hashes = (
        base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() for style in _STYLE.findall(page)
    )
    styles = " ".join(f"'sha256-{one}'" for one in hashes) or "'none'"
    policy = (
        f"default-src 'none'; style-src {styles}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return {"Content-Security-Policy": policy}


class SecurityMiddleware:
    """Checks the ``Host`` header, bounds bodies, sets headers; a plain ASGI middleware.

    Parameters
    ----------
    app
        The application inside.
    settings
        Names to answer to besides the local ones, and the largest body.
    unbounded
        Paths that bound their own body (the file upload).
    """

    def __init__(self, app: ASGIApp, *, settings: ApiSettings, unbounded: frozenset[str]) -> None:
        self._app = app
        self._hosts = LOCAL_HOSTS | {name.lower() for name in settings.allowed_hosts}
        self._addresses = settings.allow_addresses
        self._body_limit = settings.body_limit
        self._unbounded = unbounded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        api = scope["path"].startswith(("/api/", "/epcis"))

        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if api:
                    headers["Cache-Control"] = "no-store"
            await send(message)

        headers = Headers(scope=scope)
        if not self._answers_to(host_name(headers.get("host", ""))):
            await refusal(421, http_problem(421))(scope, receive, send_with_headers)
            return
        if scope["path"] not in self._unbounded:
            body = _Bounded(receive, self._body_limit)
            if body.too_large_from(headers.get("content-length")) or not await body.read():
                answer = refusal(413, http_problem(413), {"Connection": "close"})
                await answer(scope, receive, send_with_headers)
                return
            receive = body.replay
        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            # Here and not in an error handler: those answer outside this layer, without its headers.
            if started:
                raise
            _LOG.exception("%s %s failed", scope["method"], scope["path"])
            await refusal(500, http_problem(500))(scope, receive, send_with_headers)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a WebSocket in that calls the server by one of its names."""
        name = host_name(Headers(scope=scope).get("host", ""))
        if self._answers_to(name):
            await self._app(scope, receive, send)
        else:
            await WebSocket(scope, receive, send).send_denial_response(refusal(421, http_problem(421)))

    def _answers_to(self, name: str) -> bool:
        return name in self._hosts or (self._addresses and _is_address(name))


class _Bounded:
    """Reads a whole small body before the application sees any of it."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._messages: list[Message] = []

    def too_large_from(self, content_length: str | None) -> bool:
        return content_length is not None and content_length.isdigit() and int(content_length) > self._limit

    async def read(self) -> bool:
        """False when the body is larger than the limit."""
        size = 0
        while True:
            message = await self._receive()
            self._messages.append(message)
            size += len(message.get("body", b""))
            if size > self._limit:
                return False
            if message["type"] != "http.request" or not message.get("more_body", False):
                return True

    async def replay(self) -> Message:
        """The messages read, then whatever comes after the body."""
        return self._messages.pop(0) if self._messages else await self._receive()


def host_name(header: str) -> str:
    """The name in a ``Host`` header, lower case, without port and brackets; empty when it is malformed."""
    name = header.strip().lower()
    if name.startswith("["):
        inside, closing, rest = name[1:].partition("]")
        return inside if closing and (not rest or _is_port(rest)) else ""
    bare, colon, port = name.partition(":")
    return bare if not colon or _is_port(":" + port) else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_port(text: str) -> bool:
    return text.startswith(":") and text[1:].isdigit()
