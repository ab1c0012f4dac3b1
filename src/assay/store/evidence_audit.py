"""Whether the lake still says what was logged: every batch's chunks are derived again and compared.

Reads the log's segments and the lake's files and nothing else: no key, no index, no registry; it writes
nothing, and works on a copied plant. That the log itself is whole is the business of
:func:`assay.ledger.audit.audit`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from assay.ledger.chunks import chunk_digests
from assay.ledger.entries import CHUNK_ROWS, Batch, Entry, Individual
from assay.ledger.place import MAIN
from assay.ledger.segment import Record, read_segments
from assay.store.config import FILE_NAME, read_config
from assay.store.delta import LakeTable
from assay.store.evidence_rows import (
    Piece,
    columns_logged,
    files_of,
    load_named,
    logged_schema,
    read_piece,
)
from assay.store.layout import CORE_SCHEMAS, TABLES
from assay.store.place import Place
from assay.store.reading import parquet_file

_TOGETHER = 8
"""Batches of one load that are read at a time."""


@dataclass(frozen=True, slots=True)
class RecordFinding:
    """A batch whose rows are no longer those that were logged.

    Attributes
    ----------
    table, source
        Where its rows are, and of which load.
    index
        The entry of the batch.
    first, last
        The first and last ``seq`` of the chunk that differs first; of the batch where rows are missing or
        added.
    kind
        ``rows_differ``, ``rows_missing``, ``rows_added`` or ``columns_differ``.
    """

    table: str
    source: str
    index: int
    first: int
    last: int
    kind: str


@dataclass(frozen=True, slots=True)
class RecordsAudit:
    """What a comparison of the lake with the log saw.

    Attributes
    ----------
    valid
        Whether every batch is as it was logged.
    batches, rows
        What was compared.
    retired
        Batches of which rows are gone by a logged decision to keep them no longer.
    findings
        Every difference.
    """

    valid: bool
    batches: int
    rows: int
    retired: int
    findings: tuple[RecordFinding, ...]


def audit_records(plant: Path) -> RecordsAudit:
    """Compare the lake of a plant with its log.

    Raises
    ------
    StoreError
        The lake can't be read.
    """
    lake = LakeFiles(plant)
    every = list(_logged(plant))
    retired = {body.origin.source.removeprefix("retired:"): index for index, body in every
               if isinstance(body, Individual) and body.origin.source.startswith("retired:")}  # fmt: skip
    loads: dict[tuple[str, str], list[tuple[int, Batch]]] = {}
    for index, body in every:
        if isinstance(body, Batch):
            loads.setdefault((body.kind, body.origin.source), []).append((index, body))
    findings, gone = [], 0
    for (name, _), batches in loads.items():
        for finding in _compared(lake, name, batches):
            if finding.kind == "rows_missing" and retired.get(name, -1) > finding.index:
                gone += 1
            else:
                findings.append(finding)
    compared = [body for batches in loads.values() for _, body in batches]
    return RecordsAudit(
        not findings, len(compared), sum(body.rows for body in compared), gone, tuple(findings)
    )


class LakeFiles:
    """The lake of a plant as its files say, for reading only.

    Parameters
    ----------
    plant
        The plant, or a copy of it.
    """

    def __init__(self, plant: Path) -> None:
        config = read_config(plant / FILE_NAME)
        self._place = Place.of(config.lake or plant / "lake")
        self._tables = {name: LakeTable(self._place / name) for name in TABLES}
        self.schema = cache(self._schema)

    def table(self, name: str) -> LakeTable:
        """The log and the files of a table."""
        return self._tables[name]

    def _schema(self, name: str) -> pa.Schema:
        """The columns of a table: the core, then the plant's own in the order they were declared."""
        core = CORE_SCHEMAS[name]
        widest = core
        for path in self._tables[name].files()[1]:
            with parquet_file(path) as file:
                if len(file.schema_arrow) > len(widest):
                    widest = file.schema_arrow
        own = [field for field in widest if field.name not in core.names]
        return pa.schema([*core, *own])


def _logged(plant: Path) -> Iterator[tuple[int, Batch | Individual]]:
    for found in read_segments(plant / "ledger" / MAIN / "segment"):
        if isinstance(found, Record):
            body = Entry.parse(found.entry).signed.body_of(check=False)
            if isinstance(body, Batch | Individual):
                yield found.index, body


def _compared(lake: LakeFiles, name: str, batches: list[tuple[int, Batch]]) -> Iterator[RecordFinding]:
    """The differences of one load's batches in one table."""
    source = batches[0][1].origin.source
    load = load_named(lake, name, source) if name in TABLES else None
    if load is None:
        yield from (_found(name, batch, "rows_missing") for batch in batches)
        return
    schema, files = logged_schema(lake, name), files_of(lake, name)
    ordered = sorted(batches, key=lambda one: one[1].origin.seq)
    for start in range(0, len(ordered), _TOGETHER):
        group = ordered[start : start + _TOGETHER]
        piece = Piece(name, load, group[0][1].origin.seq, group[-1][1].last)
        found = list(read_piece(lake, piece, files, schema))
        yield from _differing(name, group, pa.concat_tables(found) if found else schema.empty_table())


def _differing(name: str, batches: Sequence[tuple[int, Batch]], rows: pa.Table) -> Iterator[RecordFinding]:
    seq = rows.column("seq").to_numpy()
    reached = 0
    for batch in batches:
        body = batch[1]
        start, end = (
            int(np.searchsorted(seq, body.origin.seq, "left")),
            int(np.searchsorted(seq, body.last, "right")),
        )
        columns = columns_logged(rows.schema, body.schema)
        if columns is None:
            yield _found(name, batch, "columns_differ")
        elif start > reached or end - start > body.rows:
            yield _found(name, batch, "rows_added")
        elif end - start < body.rows:
            yield _found(name, batch, "rows_missing")
        else:
            mine = rows.slice(start, end - start).select(columns)
            for number, (now, then) in enumerate(zip(chunk_digests(mine), body.chunks, strict=True)):
                if now != then:
                    at = number * CHUNK_ROWS
                    last = min(at + CHUNK_ROWS, body.rows) - 1
                    yield _found(name, batch, "rows_differ", int(seq[start + at]), int(seq[start + last]))
                    break
        reached = end


def _found(
    name: str, batch: tuple[int, Batch], kind: str, first: int | None = None, last: int | None = None
) -> RecordFinding:
    index, body = batch
    who = body.origin
    return RecordFinding(
        name,
        who.source,
        index,
        who.seq if first is None else first,
        body.last if last is None else last,
        kind,
    )
