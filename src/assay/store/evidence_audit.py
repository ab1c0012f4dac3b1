"""Whether the lake still says what was logged: every batch's chunks are derived again and compared.

Reads the log's segments and the lake's files: no key, no index, no registry; it writes nothing, and works on
a copied plant. From the first erased row of a batch on, chunks can't be derived any more; the other rows are
then compared with the tree of salted rows, for which the salts have to be on this machine. That the log
itself is whole is the business of :func:`assay.ledger.audit.audit`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from assay.ledger.chunks import chunk_digests
from assay.ledger.entries import CHUNK_ROWS, Batch, Body, Individual, Rows
from assay.ledger.errors import LedgerError
from assay.ledger.place import MAIN, read_keys
from assay.ledger.rows import tree_root
from assay.ledger.standing import standing_of, statements_in
from assay.store.config import FILE_NAME, read_config
from assay.store.delta import LakeTable
from assay.store.evidence_rows import (
    BatchRows,
    Piece,
    bodies_logged,
    columns_logged,
    files_of,
    load_named,
    logged_schema,
    placed,
    read_piece,
)
from assay.store.evidence_secrets import Secrets, secrets_of
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
        ``rows_differ``, ``rows_missing``, ``rows_added`` or ``columns_differ``; ``not_erased`` where the log
        says that rows were erased and they are still there.
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
    erased
        Rows that a logged erasure took out, or took an id out of.
    unproved
        Rows that can't be compared: they follow erased rows of their batch, or share a chunk with them, and
        the salts of their trees are not on this machine.
    """

    valid: bool
    batches: int
    rows: int
    retired: int
    findings: tuple[RecordFinding, ...]
    erased: int = 0
    unproved: int = 0


@dataclass(slots=True)
class _Holes:
    """What erasures left of batches, and what the rest is compared with.

    Parameters
    ----------
    gone, altered
        Rows of each batch, by its entry, that are no longer there, and of which an id was replaced.
    trees
        The trees of the rows of each batch.
    secrets
        Salts; None where they are not on this machine.
    unproved
        Rows that couldn't be compared.
    """

    gone: dict[int, set[int]]
    altered: dict[int, set[int]]
    trees: dict[int, list[Rows]]
    secrets: Secrets | None
    unproved: int = 0

    @classmethod
    def of(cls, plant: Path, every: Sequence[tuple[int, Body]]) -> _Holes:
        """Those of a plant."""
        folder = plant / "ledger" / MAIN
        gone: dict[int, set[int]] = {}
        altered: dict[int, set[int]] = {}
        for one in standing_of(read_keys(folder, 1)[0], statements_in(folder / "segment")).erasures:
            stay = set(one.altered)
            for row in one.rows:
                (altered if row in stay else gone).setdefault(row[0], set()).add(row[1] + row[2])
        trees: dict[int, list[Rows]] = {}
        for _, body in every:
            if isinstance(body, Rows) and (body.batch in gone or body.batch in altered):
                trees.setdefault(body.batch, []).append(body)
        return cls(gone, altered, trees, secrets_of(plant) if trees else None)

    def of_batch(self, index: int) -> set[int]:
        """Rows of a batch of which the log has something else than the lake."""
        return self.gone.get(index, set()) | self.altered.get(index, set())

    def differing(self, batch: tuple[int, Batch], found: BatchRows) -> tuple[int, int] | None:
        """The first and last place among ``found`` of what differs first; None where nothing does.

        The digest of a chunk depends on the values from the batch's first row on, so that no chunk from the
        first that was erased from on can be derived; the trees are over each row by itself.
        """
        index, body = batch
        holes = sorted(self.of_batch(index))
        derived = holes[0] // CHUNK_ROWS if holes else len(body.chunks)
        bounds = np.searchsorted(found.places, np.arange(derived + 1) * CHUNK_ROWS).tolist()
        now = chunk_digests(found.rows.slice(0, bounds[-1]))
        for (start, end), mine, then in zip(pairwise(bounds), now, body.chunks, strict=False):
            if mine != then:
                return start, end - 1
        unproved = np.isin(found.places, holes, invert=True)
        unproved[: bounds[-1]] = False
        for tree in self.trees.get(index, []):
            start, end = np.searchsorted(found.places, [tree.first, tree.first + tree.rows]).tolist()
            same = self._as_in_tree(tree, found)
            if same is False:
                return start, max(start, end - 1)
            unproved[start:end] &= same is None
        self.unproved += int(unproved.sum())
        return None

    def _as_in_tree(self, tree: Rows, found: BatchRows) -> bool | None:
        """Whether the rows of a tree are those it commits to; None where that is unknown."""
        salts = self.secrets and self.secrets.salts(tree.batch, tree.first)
        if not salts or self.secrets is None:
            return None
        rows, places = found.within(tree.first, tree.rows)
        known = self.secrets.erased_rows(tree.batch, tree.first)
        try:
            return tree_root(rows, salts, tree.fields, known, places) == tree.root
        except LedgerError:
            return None


def audit_records(plant: Path) -> RecordsAudit:
    """Compare the lake of a plant with its log.

    Raises
    ------
    StoreError
        The lake can't be read.
    """
    lake = LakeFiles(plant)
    every = list(bodies_logged(plant))
    retired = {body.origin.source.removeprefix("retired:"): index for index, body in every
               if isinstance(body, Individual) and body.origin.source.startswith("retired:")}  # fmt: skip
    loads: dict[tuple[str, str], list[tuple[int, Batch]]] = {}
    for index, body in every:
        if isinstance(body, Batch):
            loads.setdefault((body.kind, body.origin.source), []).append((index, body))
    holes = _Holes.of(plant, every)
    findings, gone = [], 0
    for (name, _), batches in loads.items():
        for finding in _compared(lake, name, batches, holes):
            if finding.kind == "rows_missing" and retired.get(name, -1) > finding.index:
                gone += 1
            else:
                findings.append(finding)
    if holes.secrets is not None:
        holes.secrets.close()
    compared = [body for batches in loads.values() for _, body in batches]
    return RecordsAudit(
        not findings,
        len(compared),
        sum(body.rows for body in compared),
        gone,
        tuple(findings),
        sum(len(holes.of_batch(index)) for index in {*holes.gone, *holes.altered}),
        holes.unproved,
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
        own: list[pa.Field] = []
        for path in self._tables[name].files()[1]:
            with parquet_file(path) as file:
                mine = [field for field in file.schema_arrow if field.name not in core.names]
            own = max(own, mine, key=len)
        return pa.schema([*core, *own])


def _compared(
    lake: LakeFiles, name: str, batches: list[tuple[int, Batch]], holes: _Holes
) -> Iterator[RecordFinding]:
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
        yield from _differing(name, group, pa.concat_tables(found) if found else schema.empty_table(), holes)


def _differing(
    name: str, batches: Sequence[tuple[int, Batch]], rows: pa.Table, holes: _Holes
) -> Iterator[RecordFinding]:
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
        elif (left := _left(rows.slice(start, end - start).select(columns), batch, holes)) is None:
            yield _found(name, batch, "rows_missing")
        elif holes.gone.get(batch[0]) and len(left.rows) == body.rows:
            yield _found(name, batch, "not_erased")
        elif (where := holes.differing(batch, left)) is not None:
            first, last = (int(seq[start + at]) for at in where)
            yield _found(name, batch, "rows_differ", first, last)
        reached = end


def _left(rows: pa.Table, batch: tuple[int, Batch], holes: _Holes) -> BatchRows | None:
    return placed(rows, batch[1].rows, holes.gone.get(batch[0], set()))


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
