"""The hub of the WebSocket: topics a page or program subscribes to, changes as they come, resume by token."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from assay.api.auth import Gate
from assay.api.errors import MessageRefused, TooBusy
from assay.api.settings import ApiSettings
from assay.apps.errors import problem_of, unexpected_problem
from assay.apps.payloads import Problem
from assay.model.errors import AccessError, AssayError
from assay.query.changes import Change, Result, difference, whole
from assay.query.program import Limits
from assay.query.services import Prepare, prepare
from assay.query.watch import Watched
from assay.store.workspace import Workspace

MESSAGE_LIMIT = 65_536
"""Most characters of a message from a client."""

PIECE_ROWS = 1_000
"""Most rows of one message; a larger change comes in several."""

_ASKED_AT_ONCE = 2
_SESSION_CHECKED = 30.0
_POLICY_VIOLATION = 1008
_LOG = logging.getLogger("assay.api")


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Subscribe(_Message):
    """Watch a question under an id of the client's choice; ``resume`` is the token of the last change."""

    type: Literal["subscribe"]
    topic: Literal["watch"]
    id: str = Field(min_length=1, max_length=64)
    question: str = Field(min_length=1, max_length=20_000)
    resume: str | None = None


class Unsubscribe(_Message):
    """End a subscription."""

    type: Literal["unsubscribe"]
    id: str = Field(min_length=1, max_length=64)


class Ping(_Message):
    """Is anyone there?"""

    type: Literal["ping"]


_INCOMING: TypeAdapter[Subscribe | Unsubscribe | Ping] = TypeAdapter(Subscribe | Unsubscribe | Ping)


@dataclass(eq=False)
class _Shared:
    """A question that one or more subscriptions watch, and its present result."""

    watched: Watched
    followers: int = 0
    result: Result | None = None
    problem: Problem | None = None
    asking: bool = False
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self) -> None:
        """Wake whoever waits."""
        self.moved.set()
        self.moved = asyncio.Event()

    async def after(self, known: Result | None) -> Result:
        """The present result as soon as it is not ``known``."""
        while True:
            if self.problem is not None:
                raise _Ended(self.problem)
            if self.result is not None and self.result is not known:
                return self.result
            await self.moved.wait()


class _Ended(Exception):
    """A subscription can't go on."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message.en)
        self.problem = problem


class Hub:
    """Everyone's subscriptions; a question that many watch is asked once.

    Parameters
    ----------
    workspace
        The open plant.
    gate
        Knows which sessions are valid.
    settings
        How many connections and subscriptions, and how often to look for news.
    """

    def __init__(self, workspace: Workspace, gate: Gate, settings: ApiSettings) -> None:
        self._workspace = workspace
        self._gate = gate
        self._settings = settings
        self._limits = Limits(rows=settings.watched_rows, seconds=settings.answer_seconds)
        self._shared: dict[str, _Shared] = {}
        self._connections: set[_Connection] = set()
        self._asking: set[asyncio.Task[None]] = set()
        self._turns: asyncio.Semaphore | None = None
        self._ticker: asyncio.Task[None] | None = None
        self.ask: Prepare = prepare
        """How a question is prepared."""

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    @property
    def questions(self) -> int:
        """How many different questions are watched."""
        return len(self._shared)

    async def serve(self, socket: WebSocket, token: str) -> None:
        """Speak with one client until it goes, its session ends or the server stops.

        Raises
        ------
        TooBusy
            As many connections are open as the server takes; nothing was accepted.
        """
        if len(self._connections) >= self._settings.sockets:
            raise TooBusy("sockets-full", self._settings.sockets)
        connection = _Connection(self, socket, self._settings.subscriptions)
        self._connections.add(connection)
        try:
            await socket.accept()
            await self._until_it_ends(connection, token)
        finally:
            self._connections.discard(connection)
            await connection.end()
            self._rest()

    async def _until_it_ends(self, connection: _Connection, token: str) -> None:
        listening = asyncio.create_task(connection.listen())
        checking = asyncio.create_task(self._session_end(token))
        try:
            await asyncio.wait({listening, checking}, return_when=asyncio.FIRST_COMPLETED)
            if not listening.done():
                await connection.say({"type": "error", "id": None, "error": _dumped(checking.result())})
                await connection.close()
            elif listening.exception() is not None:
                _LOG.error("a WebSocket failed", exc_info=listening.exception())
        finally:
            for task in (listening, checking):
                task.cancel()
            await asyncio.gather(listening, checking, return_exceptions=True)

    async def _session_end(self, token: str) -> Problem:
        """What to say when the session isn't valid any more."""
        while True:
            await asyncio.sleep(_SESSION_CHECKED)
            try:
                await asyncio.to_thread(self._gate.session, token)
            except AccessError as error:
                return problem_of(error)

    # -- questions --------------------------------------------------------------------------------

    def share(self, question: str) -> _Shared:
        """The question as it is watched already, or from now on; give it back with :meth:`leave`."""
        key = " ".join(question.split()) if "'" not in question and '"' not in question else question
        if key not in self._shared:
            watched = Watched(self._workspace, question, limits=self._limits, ask=self.ask)
            self._shared[key] = _Shared(watched)
        shared = self._shared[key]
        shared.followers += 1
        self._ask(shared, None)
        if self._ticker is None:
            self._ticker = asyncio.create_task(self._tick())
        return shared

    def leave(self, shared: _Shared) -> None:
        """Watch a question no longer."""
        shared.followers -= 1
        if not shared.followers:
            self._shared = {key: one for key, one in self._shared.items() if one is not shared}

    async def _tick(self) -> None:
        """Look for news, and have the questions asked again that are due."""
        while True:
            await asyncio.sleep(self._settings.watch_interval)
            if not self._shared:
                continue
            try:
                mark = await asyncio.to_thread(self._workspace.lake.mark)
            except Exception:  # noqa: BLE001 - the next look may succeed
                _LOG.exception("the plant can't be looked at")
                continue
            for shared in list(self._shared.values()):
                if shared.watched.is_due(mark):
                    self._ask(shared, mark)

    def _ask(self, shared: _Shared, mark: object) -> None:
        if not shared.asking:
            shared.asking = True
            task = asyncio.create_task(self._answer(shared, mark))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _answer(self, shared: _Shared, mark: object) -> None:
        self._turns = self._turns or asyncio.Semaphore(_ASKED_AT_ONCE)
        before = shared.result
        try:
            async with self._turns:
                shared.result = await asyncio.to_thread(shared.watched.result, mark)
        except Exception as error:  # noqa: BLE001 - said to those who watch; the others go on
            shared.problem = _problem(error)
            self._shared = {key: one for key, one in self._shared.items() if one is not shared}
        finally:
            shared.asking = False
        if shared.result is not before or shared.problem is not None:
            shared.tell()

    # -- end --------------------------------------------------------------------------------------

    def _rest(self) -> None:
        """Stop looking when nobody watches."""
        if not self._connections and self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None

    async def close(self) -> None:
        """End every subscription."""
        for connection in list(self._connections):
            await connection.end()
        self._rest()
        tasks = [*self._asking]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Connection:
    """One client and what it watches."""

    def __init__(self, hub: Hub, socket: WebSocket, most: int) -> None:
        self._hub = hub
        self._socket = socket
        self._most = most
        self._following: dict[str, asyncio.Task[None]] = {}
        self._speaking = asyncio.Lock()

    async def listen(self) -> None:
        """Do what the client's messages say, until it goes."""
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                await self._do(_read(message))
            except MessageRefused as error:
                await self.say({"type": "error", "id": error.about, "error": _dumped(problem_of(error))})

    async def _do(self, order: Subscribe | Unsubscribe | Ping) -> None:
        if isinstance(order, Ping):
            await self.say({"type": "pong"})
        elif isinstance(order, Subscribe):
            if order.id in self._following:
                raise MessageRefused("subscription-taken", about=order.id, id=order.id)
            if len(self._following) >= self._most:
                raise MessageRefused("subscriptions-full", about=order.id, most=self._most)
            self._begin(order)
        else:
            task = self._following.pop(order.id, None)
            if task is None:
                raise MessageRefused("subscription-missing", about=order.id, id=order.id)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self.say({"type": "unsubscribed", "id": order.id})

    def _begin(self, order: Subscribe) -> None:
        task = asyncio.create_task(self._follow(order))
        self._following[order.id] = task

        def ended(_: object) -> None:
            if self._following.get(order.id) is task:
                del self._following[order.id]

        task.add_done_callback(ended)

    async def _follow(self, order: Subscribe) -> None:
        """Send the result, then each change of it; what is not sent yet is part of the next change."""
        shared = self._hub.share(order.question)
        try:
            known = None
            if order.resume is not None:
                known = await asyncio.to_thread(shared.watched.resumed, order.resume)
            after = await shared.after(None)
            await self.say({"type": "subscribed", "topic": order.topic, "id": order.id})
            while True:
                change = whole(after) if known is None else await asyncio.to_thread(difference, known, after)
                if change is not None:
                    for piece, more in _pieces(change):
                        await self._send(order, piece, more)
                    known = after
                after = await shared.after(after)
        except _Ended as end:
            await self.say({"type": "error", "id": order.id, "error": _dumped(end.problem)})
        except AssayError as error:
            await self.say({"type": "error", "id": order.id, "error": _dumped(problem_of(error))})
        finally:
            self._hub.leave(shared)

    async def _send(self, order: Subscribe, piece: Change, more: bool) -> None:
        document = {
            "type": "change",
            "topic": order.topic,
            "id": order.id,
            "change": piece.to_dict(),
            "more": more,
            "token": None if more else piece.token,
        }
        await self.say(document)

    async def say(self, document: dict[str, Any]) -> None:
        """Send a message; waits until the connection has taken it."""
        text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        async with self._speaking:
            if self._socket.application_state is WebSocketState.CONNECTED:
                with suppress(WebSocketDisconnect, RuntimeError):
                    await self._socket.send_text(text)

    async def close(self) -> None:
        """End the connection because its session ended."""
        with suppress(RuntimeError):
            await self._socket.close(_POLICY_VIOLATION)

    async def end(self) -> None:
        """End every subscription."""
        tasks = list(self._following.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _read(message: MutableMapping[str, Any]) -> Subscribe | Unsubscribe | Ping:
    text = message.get("text")
    if text is None:
        raise MessageRefused("message-invalid", problems="it is not text")
    if len(text) > MESSAGE_LIMIT:
        raise MessageRefused("message-large", most=MESSAGE_LIMIT)
    try:
        return _INCOMING.validate_json(text)
    except ValidationError as error:
        listed = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()[:5])
        raise MessageRefused("message-invalid", problems=listed) from error


def _pieces(change: Change) -> Iterator[tuple[Change, bool]]:
    """The change in pieces of bounded size, each with whether more follow; a reset begins with a reset."""
    rows = max(len(change.added), len(change.removed), len(change.changed))
    for start in range(0, max(rows, 1), PIECE_ROWS):
        cut = slice(start, start + PIECE_ROWS)
        yield (
            replace(
                change,
                kind=change.kind if start == 0 else "change",
                added=change.added[cut],
                removed=change.removed[cut],
                changed=change.changed[cut],
            ),
            start + PIECE_ROWS < rows,
        )


def _problem(error: Exception) -> Problem:
    if isinstance(error, AssayError):
        return problem_of(error)
    _LOG.error("a watched question failed", exc_info=error)
    return unexpected_problem()


def _dumped(problem: Problem) -> dict[str, Any]:
    return problem.model_dump(mode="json")
