"""The notariser: commits to the rows of logged batches one by one, behind what brought them.

It reads the rows of a batch from the lake, compares them with the digests that were logged, salts them, and
logs the root of each 2,048 rows as an entry of its own. A batch whose rows are no longer those that were
logged is left alone and counted (``differing``): nothing is committed to twice in two ways.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby

import numpy as np
import pyarrow as pa

from assay.ledger.chunks import chunk_digests, schema_digest
from assay.ledger.entries import Batch, Body, Origin, Rows
from assay.ledger.errors import LedgerError
from assay.ledger.rows import TREE_ROWS, RowTree, committed_fields, encoded, tree_of
from assay.ledger.salts import Salts
from assay.store.evidence import Evidence
from assay.store.evidence_index import LoggedBatch
from assay.store.evidence_rows import (
    BatchRows,
    Piece,
    columns_logged,
    files_of,
    load_named,
    logged_schema,
    placed,
    read_piece,
)
from assay.store.lake import Lake
from assay.store.locks import PlantBusy, locked

_TOGETHER = 8
"""Batches of one load that are read at a time."""

_LOOKS = 2.0
"""Seconds between two looks of the background notariser."""

_LONGEST_PAUSE = 60.0


class Notary:
    """Commits to rows one by one.

    Parameters
    ----------
    evidence
        The plant's evidence.
    lake
        Its records.
    """

    def __init__(self, evidence: Evidence, lake: Lake) -> None:
        self._evidence = evidence
        self._lake = lake

    def catch_up(self) -> None:
        """Log what was committed and is not logged yet.

        Raises
        ------
        LedgerError
            The log can't be written.
        """
        self._evidence.catch_up()

    def run(self, seconds: float | None = None, *, wait: bool = True) -> int:
        """Commit to the rows of batches that a checkpoint covers; returns how many rows.

        Parameters
        ----------
        seconds
            Begin no further batch after so long; None goes on until nothing waits.
        wait
            Wait for another process that does the same; otherwise leave it to that one.

        Raises
        ------
        LedgerError
            The log can't be written.
        """
        until = None if seconds is None else time.monotonic() + seconds
        count = 0
        try:
            with locked(self._evidence.spool / "notary.lock", wait=wait):
                while until is None or time.monotonic() < until:
                    size = self._evidence.signed_size()
                    open_ones = [
                        one for one in self._evidence.index.open_batches(_TOGETHER * 4) if one.entry < size
                    ]
                    if not open_ones:
                        break
                    for together in _groups(open_ones):
                        count += self._notarise(together)
                        if until is not None and time.monotonic() > until:
                            break
        except PlantBusy:
            return count
        return count

    def _notarise(self, batches: Sequence[LoggedBatch]) -> int:
        count = 0
        for batch, found in rows_of(self._evidence, self._lake, batches):
            if found is None:
                self._evidence.index.differs(batch.entry)
                continue
            self._evidence.append(self._trees(batch, found.rows))
            count += batch.rows
        return count

    def _trees(self, batch: LoggedBatch, rows: pa.Table) -> list[Body]:
        evidence, now = self._evidence, time.time_ns() // 1_000
        done = {tree.first for tree in evidence.index.trees(batch.entry)}
        starts = [start for start in range(0, len(rows), TREE_ROWS) if start not in done]
        salts = evidence.secrets.new_salts(
            (batch.entry, start, min(TREE_ROWS, len(rows) - start)) for start in starts
        )
        fields = evidence.disclosable(batch.name, rows.column_names)
        digest, data = schema_digest(rows.schema), encoded(rows)
        bodies: list[Body] = []
        for start in starts:
            piece = rows.slice(start, TREE_ROWS)
            made = _tree(piece, data[start : start + TREE_ROWS], salts[batch.entry, start], digest, fields)
            who = Origin("rows", batch.entry, start)
            bodies.append(Rows(batch.entry, who, start, len(piece), made.root, fields, now, evidence.public))
        return bodies


def rows_of(
    evidence: Evidence, lake: Lake, batches: Sequence[LoggedBatch], *, check: bool = True
) -> Iterator[tuple[LoggedBatch, BatchRows | None]]:
    """The rows of batches of one load as they are in the lake; None where they are not those logged.

    Without ``check`` their number alone is compared, for who compares them with something else; rows that
    were erased may be gone.
    """
    name, source = batches[0].name, batches[0].source
    load = load_named(lake, name, source)
    dates = _dates(batches)
    if load is None:
        yield from ((batch, None) for batch in batches)
        return
    bodies = [evidence.entry(batch.entry).signed.body_of(check=False) for batch in batches]
    schema = logged_schema(lake, name)
    piece = Piece(name, load, batches[0].first, batches[-1].last, dates)
    found = list(read_piece(lake, piece, files_of(lake, name, dates), schema))
    table = pa.concat_tables(found) if found else schema.empty_table()
    seq = table.column("seq").to_numpy()
    for batch, body in zip(batches, bodies, strict=True):
        start, end = np.searchsorted(seq, batch.first, "left"), np.searchsorted(seq, batch.last, "right")
        rows = table.slice(int(start), int(end - start))
        columns = columns_logged(schema, body.schema) if isinstance(body, Batch) else None
        if columns is None or not isinstance(body, Batch):
            yield batch, None
            continue
        left = placed(rows.select(columns), batch.rows, () if check else evidence.secrets.gone(batch.entry))
        if check and left is not None and tuple(chunk_digests(left.rows)) != body.chunks:
            left = None
        yield batch, left


def _tree(
    rows: pa.Table, data: Sequence[bytes], salts: Salts, digest: bytes, fields: tuple[str, ...]
) -> RowTree:
    above = salts.every()
    committed = committed_fields(rows, fields, above) if fields else []
    return tree_of(data, above, digest, committed)


def _groups(batches: Sequence[LoggedBatch]) -> Iterator[list[LoggedBatch]]:
    """Batches that are read together: of one load, following each other."""
    for _, found in groupby(batches, key=lambda one: (one.name, one.source, one.dates)):
        ordered = sorted(found, key=lambda one: one.first)
        for start in range(0, len(ordered), _TOGETHER):
            yield ordered[start : start + _TOGETHER]


def _dates(batches: Sequence[LoggedBatch]) -> tuple[date, date] | None:
    known = [one.dates for one in batches]
    if any(one is None for one in known):
        return None
    starts, ends = zip(*(one for one in known if one is not None), strict=True)
    return date.fromisoformat(min(starts)), date.fromisoformat(max(ends))


class BackgroundNotary:
    """Notarises in a thread, for processes that live long; what others left unlogged is logged too.

    ``error`` is what went wrong last, or None; it is tried again with growing pauses.
    """

    def __init__(self, notary: Notary) -> None:
        self._notary = notary
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="assay-notary", daemon=True)
        self.error: LedgerError | OSError | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End, after the batches that are at work."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        pause = 0.0
        while not self._stop.wait(pause):
            try:
                self._notary.catch_up()
                self._notary.run(_LOOKS, wait=False)
                self.error, pause = None, _LOOKS
            except (LedgerError, OSError) as error:
                self.error, pause = error, min(_LONGEST_PAUSE, 2 * pause + _LOOKS)
