"""An extraction to a file: parts beside it until it is complete, so that a killed one can go on."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from assay.plugins.operator import Progress
from assay.query.extract import BATCH_ROWS, PARQUET, Extraction
from assay.query.program import Limits
from assay.query.services import Prepare, ServiceRefusal, prepare
from assay.store.locks import PlantBusy, locked
from assay.store.place import sync
from assay.store.workspace import Workspace

Format = Literal["parquet", "arrow"]

PART_BATCHES = 16
"""Batches of a part: what is computed again after a kill, and a row group of a Parquet file."""

_STATE = "state.json"


def extract_to(
    workspace: Workspace,
    question: Any,
    file: Path,
    *,
    format: Format | None = None,  # noqa: A002 - the word people use
    resume: bool = False,
    batch_rows: int = BATCH_ROWS,
    limits: Limits | None = None,
    progress: Progress | None = None,
    ask: Prepare = prepare,
) -> Extraction:
    """Write all rows of an answer to ``file``, which appears when it is complete and not before.

    Until then its parts lie in ``<file>.parts`` beside it. With ``resume`` an extraction that was killed
    goes on there, on the state of the plant it began with; the file is row for row what it would have been.
    Without an unfinished one it begins. An existing file is replaced at the end.

    Parameters
    ----------
    format
        ``parquet`` or ``arrow`` (Arrow IPC file); by the file's ending where left out.
    progress
        Told the rows written so far; their total is not known beforehand.

    Returns
    -------
    Extraction
        Exhausted and closed; ``rows`` and ``question`` can be read.

    Raises
    ------
    ServiceRefusal
        The format is unclear, an unfinished extraction is there and ``resume`` is not set, or another process
        is at it.
    TokenRefused
        The unfinished extraction is of another question or plant.
    SnapshotGone
        The state of the plant that it began with is not kept any more.
    """
    chosen = format or _format_of(file)
    with _Parts.held(file, chosen) as parts:
        token = parts.begun(resume=resume)
        with Extraction(
            workspace, question, resume=token, batch_rows=batch_rows, limits=limits, ask=ask
        ) as extraction:
            if token is None:
                parts.note(extraction)
            pending: list[pa.RecordBatch] = []
            for batch in extraction:
                pending.append(batch)
                if len(pending) == PART_BATCHES:
                    parts.add(pending, extraction)
                    pending = []
                if progress is not None:
                    progress(extraction.rows, 0, "rows")
            if pending:
                parts.add(pending, extraction)
            parts.join(extraction.schema)
    return extraction


class _Parts:
    """The folder of an unfinished extraction: numbered parts, and a note of how many count."""

    def __init__(self, file: Path, form: Format) -> None:
        self.file = file
        self.folder = file.with_name(f"{file.name}.parts")
        self._form = form
        self._count = 0

    @classmethod
    @contextmanager
    def held(cls, file: Path, form: Format) -> Iterator[_Parts]:
        """The parts of a file, for one process at a time."""
        parts = cls(file.absolute(), form)
        if not parts.file.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(parts.file.parent))
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(parts.folder / "lock", wait=False))
            except PlantBusy as error:
                raise ServiceRefusal("extract.busy", file=file) from error
            try:
                yield parts
            finally:
                if not (parts.folder / _STATE).exists():
                    shutil.rmtree(parts.folder, ignore_errors=True)

    def begun(self, *, resume: bool) -> str | None:
        """The token to go on from, None where nothing was begun; files that no note names are deleted."""
        state = self.folder / _STATE
        if not state.is_file():
            self._sweep()
            return None
        token, rows = self._read(state)
        if not resume:
            raise ServiceRefusal("extract.unfinished", file=self.file, folder=self.folder, rows=rows)
        self._sweep()
        return token

    def _read(self, state: Path) -> tuple[str, int]:
        try:
            noted = json.loads(state.read_text(encoding="utf-8"))
            self._count = int(noted["parts"])
            if noted["format"] != self._form:
                raise ValueError(f"format {noted['format']!r}")
            missing = [part.name for part in map(self._part, range(self._count)) if not part.is_file()]
            if missing:
                raise ValueError(f"{missing[0]} is missing")
            return str(noted["token"]), int(noted["rows"])
        except (ValueError, KeyError, TypeError) as error:
            raise ServiceRefusal("extract.state", folder=self.folder, detail=error) from error

    def _sweep(self) -> None:
        named = {self._part(number) for number in range(self._count)}
        for left in self.folder.iterdir():
            if left not in named and left.name not in {"lock", _STATE}:
                left.unlink()

    def note(self, extraction: Extraction) -> None:
        """Write down how far the parts go."""
        noted = {
            "parts": self._count,
            "format": self._form,
            "rows": extraction.rows,
            "token": extraction.token,
            "question": extraction.question,
        }
        _whole(self.folder / _STATE, lambda path: path.write_text(json.dumps(noted), encoding="utf-8"))

    def add(self, batches: list[pa.RecordBatch], extraction: Extraction) -> None:
        """Write the next part, then the note that names it."""
        table = pa.Table.from_batches(batches, extraction.schema)
        _whole(self._part(self._count), lambda path: self._written(path, table))
        self._count += 1
        self.note(extraction)

    def _written(self, path: Path, table: pa.Table) -> None:
        with self._writer(path, table.schema) as writer:
            self._write(writer, table)

    def join(self, schema: pa.Schema) -> None:
        """Make the file of the parts, part by part, and delete them."""

        def joined(path: Path) -> None:
            with self._writer(path, schema) as writer:
                for number in range(self._count):
                    self._write(writer, self._table(number))

        _whole(self.file, joined, unfinished=self.folder / "joined.unfinished")
        (self.folder / _STATE).unlink()  # first: parts that no note names are not gone on from
        shutil.rmtree(self.folder)

    def _part(self, number: int) -> Path:
        return self.folder / f"part-{number:06d}.{self._form}"

    def _writer(self, path: Path, schema: pa.Schema) -> Any:
        if self._form == "parquet":
            return pq.ParquetWriter(path, schema, **PARQUET)
        return pa.ipc.new_file(path, schema)

    def _write(self, writer: Any, table: pa.Table) -> None:
        if self._form == "parquet":
            writer.write_table(table, row_group_size=max(table.num_rows, 1))
        else:
            writer.write_table(table)

    def _table(self, number: int) -> pa.Table:
        part = self._part(number)
        if self._form == "parquet":
            return pq.ParquetFile(part).read()
        with pa.memory_map(str(part)) as source:
            return pa.ipc.open_file(source).read_all()


def _whole(path: Path, write: Any, *, unfinished: Path | None = None) -> None:
    """Write a file so that it is there complete or not at all."""
    beside = unfinished or path.with_name(f"{path.name}.unfinished")
    write(beside)
    sync(beside)
    beside.replace(path)
    sync(path.parent)


def _format_of(file: Path) -> Format:
    endings: dict[str, Format] = {".parquet": "parquet", ".arrow": "arrow"}
    found = endings.get(file.suffix.lower())
    if found is None:
        raise ServiceRefusal("extract.format", file=file)
    return found
