"""Questions over HTTP: answers as JSON, extractions as a stream that is computed as the client reads it."""

from __future__ import annotations

import asyncio
import csv
import io
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
from anyio import CancelScope
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from assay.api.download import safe_cell
from assay.api.errors import TooBusy
from assay.api.models import ExtractOrder, FindOrder
from assay.api.settings import ApiSettings
from assay.apps.grids import cell
from assay.query.extract import Extraction
from assay.query.program import Limits
from assay.query.services import Prepare, json_value, prepare
from assay.store.workspace import Workspace

RESUME_HEADER = "Assay-Resume"
RESUME_KEY = "assay.resume"
"""The token after a batch, in the batch's own metadata."""
COMPLETE_KEY = "assay.complete"
"""In the metadata of the last batch, which has no rows: the number of rows of the whole answer."""

_HEADER_BYTES = 4096
_LOOKED_AFTER = 0.25
"""Seconds between two looks whether the client is still there."""


class QuestionDesk:
    """Answers questions within the server's limits.

    Parameters
    ----------
    workspace
        The open plant.
    settings
        How many questions at a time, and what each may cost.
    """

    def __init__(self, workspace: Workspace, settings: ApiSettings) -> None:
        self._workspace = workspace
        self._settings = settings
        self._answering = threading.BoundedSemaphore(settings.answers_at_once)
        self._extracting = threading.BoundedSemaphore(settings.extractions_at_once)
        self.ask: Prepare = prepare
        """How a question is prepared."""

    def find(self, order: FindOrder) -> dict[str, Any]:
        """The answer to a question.

        Raises
        ------
        TooBusy
            As many are being answered as the server takes.
        QuestionError
            The question can't be answered as it is written.
        """
        from assay.query.find import find

        limits = Limits(
            rows=min(order.limits.rows, self._settings.answer_rows),
            seconds=min(order.limits.seconds, self._settings.answer_seconds),
            memory=order.limits.memory,
            crossed=order.limits.crossed,
        )
        with self._turn():
            answer = find(self._workspace, order.question, limits=limits, as_of=order.as_of)
            return {
                "question": answer.text,
                "columns": [
                    {"name": one.name, "type": one.type, "unit": one.unit, "title": one.title or one.name}
                    for one in answer.columns
                ],
                "key": list(answer.key),
                "rows": [{name: cell(value) for name, value in row.items()} for row in answer.rows],
                "row_count": len(answer),
                "as_of": json_value(answer.snapshot.moment),
                "notes": list(answer.told.notes),
                "explain": json_value(answer.explain()) if order.explain else None,
            }

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._answering.acquire(blocking=False):
            raise TooBusy("finds-full", self._settings.answers_at_once)
        try:
            yield
        finally:
            self._answering.release()

    async def extract(self, order: ExtractOrder, request: Request) -> ExtractionResponse:
        """An extraction as a streamed answer; what is wrong with the question is raised here.

        What has to be computed before the first batch is stopped when the client goes away.

        Raises
        ------
        TooBusy
            As many run as the server takes.
        TokenRefused
            The token is damaged, or of another question or plant.
        """
        if not self._extracting.acquire(blocking=False):
            raise TooBusy("extractions-full", self._settings.extractions_at_once)
        try:
            extraction = await run_in_threadpool(self._opened, order)
            try:
                await _unless_gone(request, extraction)
            except BaseException:
                extraction.close()
                raise
        except BaseException:
            self._extracting.release()
            raise
        return ExtractionResponse(extraction, order.format, self._extracting.release)

    def _opened(self, order: ExtractOrder) -> Extraction:
        return Extraction(
            self._workspace,
            order.q,
            resume=order.after,
            received=order.received,
            batch_rows=order.batch_rows,
            ask=self.ask,
        )


async def _unless_gone(request: Request, extraction: Extraction) -> None:
    """Begin the extraction in a worker thread; stop that when the client goes away or the server stops."""
    work = asyncio.create_task(asyncio.to_thread(extraction.begin))
    try:
        while not work.done():
            await asyncio.wait({work}, timeout=_LOOKED_AFTER)
            if not work.done() and await request.is_disconnected():
                extraction.cancel()
    except asyncio.CancelledError:
        while not work.done():
            extraction.cancel()
            await asyncio.wait({work}, timeout=_LOOKED_AFTER)
        raise
    work.result()


class ExtractionResponse(StreamingResponse):
    """Batches as they are read: the next one is computed when the connection has taken the one before.

    A client that goes away stops the work and frees the engine.
    """

    def __init__(self, extraction: Extraction, form: str, done: Callable[[], None]) -> None:
        self._extraction = extraction
        self._done = done
        token = extraction.token
        headers = {RESUME_HEADER: token} if len(token) <= _HEADER_BYTES else {}
        if form == "csv":
            media, chunks = "text/csv; charset=utf-8", _csv(extraction)
            headers["Content-Disposition"] = 'attachment; filename="answer.csv"'
        else:
            media, chunks = "application/vnd.apache.arrow.stream", _arrow(extraction)
            headers["Content-Disposition"] = 'attachment; filename="answer.arrows"'
        super().__init__(_pulled(chunks), media_type=media, headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""

        async def listening() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect":
                self._extraction.cancel()
            return message

        try:
            await super().__call__(scope, listening, send)
        finally:
            with CancelScope(shield=True):
                await run_in_threadpool(self._extraction.close)
            self._done()


async def _pulled(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Each chunk made in a worker thread, when the one before was sent."""
    while (chunk := await run_in_threadpool(next, chunks, None)) is not None:
        yield chunk


class _Sink(io.RawIOBase):
    """What was written since it was last emptied."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, piece: Any) -> int:
        """Keep a piece."""
        self._pieces.append(bytes(piece))
        return len(piece)

    def emptied(self) -> bytes:
        """The pieces, joined."""
        written = b"".join(self._pieces)
        self._pieces.clear()
        return written


def _arrow(extraction: Extraction) -> Iterator[bytes]:
    """An Arrow IPC stream; each batch bears its resume token, and a last one says that all is there."""
    sink = _Sink()
    schema = extraction.schema.with_metadata({RESUME_KEY: extraction.token})
    with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), schema) as writer:
        yield sink.emptied()
        for batch in extraction:
            writer.write_batch(
                batch.replace_schema_metadata(schema.metadata), custom_metadata={RESUME_KEY: extraction.token}
            )
            yield sink.emptied()
        empty = pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)
        writer.write_batch(empty, custom_metadata={COMPLETE_KEY: str(extraction.rows)})
    yield sink.emptied()


def _csv(extraction: Extraction) -> Iterator[bytes]:
    """The rows as CSV that a spreadsheet opens as data; it can't be resumed by the token of a batch."""
    yield ("\ufeff" + _lines([extraction.schema.names])).encode()
    for batch in extraction:
        yield _lines(zip(*(column.to_pylist() for column in batch.columns), strict=True)).encode()


def _lines(rows: Any) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows([safe_cell(value) for value in row] for row in rows)
    return buffer.getvalue()
