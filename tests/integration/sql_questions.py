"""Questions that are SQL: a small stand-in for the language, to test services on questions alone."""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa

from assay.query.program import Column, Limits
from assay.store.snapshot import Snapshot
from assay.store.workspace import Workspace


class SqlQuestion:
    """One SELECT on a snapshot; its batches are counted."""

    def __init__(self, asking: Asking, workspace: Workspace, sql: str, snapshot: Snapshot | None) -> None:
        self._asking = asking
        self.text = " ".join(sql.split())
        self.key = asking.key
        self.snapshot = snapshot or workspace.lake.snapshot()
        self._connection: duckdb.DuckDBPyConnection | None = workspace.lake.connect(self.snapshot)
        names = self._connection.execute(f"DESCRIBE {self.text}").fetchall()
        self.columns = tuple(Column(name, str(kind).lower()) for name, kind, *_ in names)

    def stream(self, batch_rows: int = 65_536) -> pa.RecordBatchReader:
        """The rows; each batch pulled is counted."""
        assert self._connection is not None
        reader = self._connection.execute(f"SELECT * FROM ({self.text}) ORDER BY ALL").to_arrow_reader(
            batch_rows
        )

        def counted() -> Any:
            for batch in reader:
                self._asking.pulled += 1
                yield batch

        return pa.RecordBatchReader.from_batches(reader.schema, counted())

    def cancel(self) -> None:
        """Interrupt the statement."""
        assert self._connection is not None, "nothing is cancelled after its end"
        self._connection.interrupt()

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._asking.open -= 1


class Asking:
    """Prepares SQL questions and counts: questions ``asked``, still ``open``, and batches ``pulled``."""

    def __init__(self, key: tuple[str, ...] = ()) -> None:
        self.key = key
        self.asked = 0
        self.open = 0
        self.pulled = 0

    def __call__(
        self, workspace: Workspace, question: Any, *, limits: Limits | None, snapshot: Snapshot | None
    ) -> SqlQuestion:
        self.asked += 1
        prepared = SqlQuestion(self, workspace, question, snapshot)
        self.open += 1
        return prepared
