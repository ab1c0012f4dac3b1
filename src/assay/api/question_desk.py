"""Questions over HTTP: answers as JSON, extractions as a stream that is computed as the client reads it."""

from __future__ import annotations

import asyncio
import csv
import io
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from anyio import CancelScope
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from assay.api.download import safe_cell
from assay.api.errors import TooBusy
from assay.api.models import ExtractOrder, FindOrder, NamesOrder, SuggestedName, SuggestedNames
from assay.api.settings import ApiSettings
from assay.apps.grids import cell
from assay.apps.translate import note_in_chinese
from assay.query.compile.suggest import suggest
from assay.query.domain.kinds import Domain
from assay.query.extract import PARQUET, Extraction
from assay.query.find import Answer, Prepared, domain_of
from assay.query.find import prepare as prepared_question
from assay.query.json_value import json_value
from assay.query.language.printer import written_column
from assay.query.program import Limits
from assay.query.services import Prepare, prepare
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
        self._learning = threading.Lock()
        self._known: tuple[object, Domain] | None = None
        self.ask: Prepare = prepare
        """How a question is prepared for an extraction."""

    async def find(self, order: FindOrder, request: Request) -> dict[str, Any]:
        """The answer to a question; what is being computed is stopped when the client goes away.

        Raises
        ------
        TooBusy
            As many are being answered as the server takes.
        QuestionError
            The question can't be answered as it is written.
        """
        with self._turn():
            asking = _Asking(self._workspace, order, self._settings)
            return await _unless_gone(request, asking.answer, asking.cancel)

    def names(self, order: NamesOrder) -> SuggestedNames:
        """What may be written at the cursor."""
        found = suggest(self._domain(), order.question, order.position, language=order.language)
        return SuggestedNames(
            start=found.place.start,
            end=found.place.end,
            names=[
                SuggestedName(text=one.text, sort=one.sort, leads=one.leads, unit=one.unit, title=one.title)
                for one in found.found
            ],
            more=found.more,
        )

    def _domain(self) -> Domain:
        """The plant's names, learnt again when it has news."""
        with self._learning:
            state = (self._workspace.lake.mark(), self._workspace.model)
            if self._known is None or self._known[0] != state:
                self._known = (state, domain_of(self._workspace))
            return self._known[1]

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
                await _unless_gone(request, extraction.begin, extraction.cancel)
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


class _Asking:
    """One question that is being answered; another thread may end it."""

    def __init__(self, workspace: Workspace, order: FindOrder, settings: ApiSettings) -> None:
        self._workspace = workspace
        self._order = order
        self._limits = Limits(
            rows=min(order.limits.rows, settings.answer_rows),
            seconds=min(order.limits.seconds, settings.answer_seconds),
            memory=order.limits.memory,
            crossed=order.limits.crossed,
        )
        self._prepared: Prepared | None = None

    def answer(self) -> dict[str, Any]:
        """The answer as JSON."""
        order = self._order
        with prepared_question(
            self._workspace, order.question, limits=self._limits, as_of=order.as_of
        ) as prepared:
            self._prepared = prepared
            try:
                if order.first is None:
                    table, total = prepared.arrow(), None
                else:
                    table, total = prepared.head(min(order.first, self._limits.rows))
            finally:
                self._prepared = None
            return _document(prepared.answer(table, total), explain=order.explain)

    def cancel(self) -> None:
        """End what the engine is doing."""
        prepared = self._prepared
        if prepared is not None:
            prepared.cancel()


def _document(answer: Answer, *, explain: bool) -> dict[str, Any]:
    return {
        "question": answer.text,
        "columns": [
            {
                "name": one.name,
                "type": one.type,
                "unit": one.unit,
                "title": one.title or one.name,
                "written": written_column(one.name),
                "thing": one.thing,
            }
            for one in answer.columns
        ],
        "key": list(answer.key),
        "rows": [{name: cell(value) for name, value in row.items()} for row in answer.rows],
        "row_count": len(answer),
        "total": answer.total,
        "as_of": json_value(answer.snapshot.moment),
        "notes": list(answer.told.notes),
        "remarks": [{"zh": note_in_chinese(note) or note, "en": note} for note in answer.told.notes],
        "explain": json_value(answer.explain()) if explain else None,
    }


T = TypeVar("T")


async def _unless_gone(request: Request, begin: Callable[[], T], cancel: Callable[[], None]) -> T:
    """What ``begin`` gives, in a worker thread; stopped when the client goes away or the server stops."""
    work = asyncio.create_task(asyncio.to_thread(begin))
    try:
        while not work.done():
            await asyncio.wait({work}, timeout=_LOOKED_AFTER)
            if not work.done() and await request.is_disconnected():
                cancel()
    except asyncio.CancelledError:
        while not work.done():
            cancel()
            await asyncio.wait({work}, timeout=_LOOKED_AFTER)
        raise
    return work.result()


class ExtractionResponse(StreamingResponse):
    """Batches as they are read: the next one is computed when the connection has taken the one before.

    A client that goes away stops the work and frees the engine.
    """

    def __init__(self, extraction: Extraction, form: str, done: Callable[[], None]) -> None:
        self._extraction = extraction
        self._done = done
        token = extraction.token
        headers = {RESUME_HEADER: token} if len(token) <= _HEADER_BYTES else {}
        media, ending, written = _FORMS[form]
        headers["Content-Disposition"] = f'attachment; filename="answer.{ending}"'
        super().__init__(_pulled(written(extraction)), media_type=media, headers=headers)

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
        self._written = 0

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, piece: Any) -> int:
        """Keep a piece."""
        self._pieces.append(bytes(piece))
        self._written += len(self._pieces[-1])
        return len(self._pieces[-1])

    def tell(self) -> int:
        """How much was written."""
        return self._written

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


def _parquet(extraction: Extraction) -> Iterator[bytes]:
    """A Parquet file, a row group for each batch; one that was cut lacks its end and can't be opened."""
    sink = _Sink()
    with pq.ParquetWriter(pa.PythonFile(sink, mode="w"), extraction.schema, **PARQUET) as writer:
        for batch in extraction:
            writer.write_batch(batch)
            yield sink.emptied()
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


_FORMS: dict[str, tuple[str, str, Callable[[Extraction], Iterator[bytes]]]] = {
    "arrow": ("application/vnd.apache.arrow.stream", "arrows", _arrow),
    "parquet": ("application/vnd.apache.parquet", "parquet", _parquet),
    "csv": ("text/csv; charset=utf-8", "csv", _csv),
}
"""Media type, ending and writer of each format."""
