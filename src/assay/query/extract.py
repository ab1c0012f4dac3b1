"""Extraction: all rows of an answer, batch by batch, on one state of the plant, resumable."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from assay.query.program import Limits
from assay.query.services import (
    Pin,
    Prepare,
    Prepared,
    TokenRefused,
    committed,
    prepare,
    schema_digest,
)
from assay.store.place import sync
from assay.store.workspace import Workspace

PARQUET: dict[str, Any] = {"compression": "zstd", "compression_level": 1, "write_page_checksum": True}
"""How Parquet files are written."""

BATCH_ROWS = 65_536
"""Rows of a batch where nobody says how many."""

LIMITS = Limits(rows=2**62, seconds=24 * 3600.0)
"""What an extraction may cost: its answer is never held as a whole, so its rows are not limited."""


class Extraction:
    """The rows of an answer as an iterator of record batches; a context manager.

    A batch is computed when it is asked for, and nothing is computed ahead. Rows come in an order that is the
    same each time, on the state of the plant at the beginning, whose hot rows are flushed for it: what comes
    later is not among them. After each batch :attr:`token` stands for what was asked, that state and the rows
    delivered: another extraction with ``resume=token`` goes on behind them.

    Parameters
    ----------
    workspace
        The open plant.
    question
        A question as text, tree or builder; may be left out with ``resume``.
    resume
        The token to go on from.
    received
        Rows received since that token, where the last batch's own token was lost.
    batch_rows
        Rows of a batch; the last one may be shorter.
    limits
        What the question may cost.
    ask
        How the question is prepared.

    Raises
    ------
    TokenRefused
        The token is damaged, or of another question or plant.
    SnapshotGone
        The state the token points to can't be had again.
    """

    def __init__(
        self,
        workspace: Workspace,
        question: Any = None,
        *,
        resume: str | None = None,
        received: int = 0,
        batch_rows: int = BATCH_ROWS,
        limits: Limits | None = None,
        ask: Prepare = prepare,
    ) -> None:
        pin = None
        if resume is not None:
            pin = Pin.read(resume, "extract")
            pin.check(workspace, None)
        elif question is None:
            raise TypeError("an extraction needs a question or a token to go on from")
        asked = question if question is not None else pin and pin.question
        snapshot = pin.snapshot(workspace) if pin else committed(workspace)
        self._prepared: Prepared = ask(workspace, asked, limits=limits or LIMITS, snapshot=snapshot)
        try:
            if pin is not None:
                pin.check(workspace, self._prepared.text)
            self._pin = pin or Pin.of("extract", workspace, self._prepared)
        except BaseException:
            self._prepared.close()
            raise
        self._received = received
        self._batch_rows = batch_rows
        self._batches: Iterator[pa.RecordBatch] | None = None
        self._closed = False
        self._ending = threading.Lock()

    def begin(self) -> pa.Schema:
        """Do what has to be done before the first batch; returns the columns of the batches.

        Done by the first step of the iteration at the latest.

        Raises
        ------
        SnapshotGone
            The answer has other columns now than when the extraction that is resumed began.
        """
        if self._batches is None:
            reader = self._prepared.stream(self._batch_rows)
            columns = schema_digest(reader.schema)
            if self._pin.answer not in {"", columns}:
                raise self._pin.gone("schema")
            self._pin = replace(self._pin, answer=columns, rows=self._pin.rows + self._received)
            self._schema: pa.Schema = reader.schema
            self._batches = self._cut(reader, self._batch_rows, self._pin.rows)
        return self._schema

    @property
    def schema(self) -> pa.Schema:
        """The columns of the batches."""
        return self.begin()

    @property
    def question(self) -> str:
        """The question in its canonical form."""
        return self._pin.question

    @property
    def rows(self) -> int:
        """Rows delivered so far, by this extraction and those it goes on from."""
        return self._pin.rows

    @property
    def token(self) -> str:
        """What another extraction goes on from."""
        self.begin()
        return self._pin.token()

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self

    def __next__(self) -> pa.RecordBatch:
        if self._closed:
            raise StopIteration
        try:
            self.begin()
            batch = next(self._batches or iter(()))
        except BaseException:
            self.close()
            raise
        self._pin = replace(self._pin, rows=self._pin.rows + batch.num_rows)
        return batch

    def read_all(self) -> pa.Table:
        """The rows that are left, as one table."""
        return pa.Table.from_batches(list(self), self.schema)

    def to_parquet(self, file: Path | str) -> None:
        """Write the rows that are left to a Parquet file, which appears when it is complete."""
        target = Path(file)
        beside = target.with_name(f"{target.name}.unfinished")
        try:
            with pq.ParquetWriter(beside, self.schema, **PARQUET) as writer:
                for batch in self:
                    writer.write_batch(batch)
            sync(beside)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)

    @staticmethod
    def _cut(reader: pa.RecordBatchReader, batch_rows: int, skipped: int) -> Iterator[pa.RecordBatch]:
        """The engine's batches cut to size, without the rows that were delivered before."""
        left = skipped
        for batch in reader:
            start = min(left, batch.num_rows)
            left -= start
            for first in range(start, batch.num_rows, batch_rows):
                yield batch.slice(first, batch_rows)
        if left:
            raise TokenRefused("token.short", rows=skipped - left, counted=skipped)

    def cancel(self) -> None:
        """Stop what the engine is doing; may be called from another thread, and when it is closed."""
        with self._ending:
            if not self._closed:
                self._prepared.cancel()

    def close(self) -> None:
        """Stop, and let go of the engine; does nothing the second time."""
        with self._ending:
            if not self._closed:
                self._closed = True
                self._prepared.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
