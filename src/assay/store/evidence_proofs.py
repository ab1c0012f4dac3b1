"""Proofs of what the plant recorded, by the record: an entry of its own, or a row of a batch.

A record is named ``table:source/epoch/seq`` (``reading:press-3/2026-11/1042``); ``/`` in the source is
``%2F`` and ``%`` is ``%25`` where it would be taken for another, and the table may be left out where only one
has it. Where several rows have one ``seq``, ``.n`` behind it names one of them, counted from 0.
``subject@time`` names the one record of a unit or lot at that time, an entry's index the entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np

from assay.ledger.commitment import Disclosure
from assay.ledger.entries import Individual, Rows
from assay.ledger.errors import LogError, VerificationError
from assay.ledger.proving import bundle, entries_about, prove
from assay.ledger.rows import RowProof, row_proof
from assay.ledger.tlog_proof import TlogProof
from assay.store.evidence import Evidence
from assay.store.evidence_index import LoggedBatch, LoggedRecord, LoggedTree
from assay.store.evidence_rows import BatchRows, source_of
from assay.store.keys import LoadKey
from assay.store.lake import Lake
from assay.store.log import load_of
from assay.store.mentions import Mentions, written
from assay.store.notary import rows_of
from assay.store.striking import ABOUT, TAKEN, condition, naming

_NAMED = re.compile(r"(?:([a-z_]+):)?(.+)/(\d+)(?:\.(\d+))?", re.DOTALL)


class NamedRow(NamedTuple):
    """A row that names a subject: its tree, its place there, its leaf hash, and whether it is about it."""

    tree: LoggedTree
    row: int
    leaf: bytes
    about: bool


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a batch: which of those with its ``seq``, None for the only one."""

    batch: LoggedBatch
    seq: int
    place: int | None


class Prover:
    """Proves what one plant recorded.

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

    def prove(self, record: str, fields: Sequence[str] | None = None) -> TlogProof:
        """The proof of a record under the published checkpoint.

        Parameters
        ----------
        record
            Which one; see the top of this module.
        fields
            Fields to show; None shows everything, of an entry named by its index nothing.

        Raises
        ------
        LedgerError
            There is no such record, or several; it is not signed, not committed to row by row yet, or
            erased; or a field can't be shown by itself.
        """
        if record.isdigit():
            return self._entry(self._index(record), fields or ())
        found = self._found(record)
        if isinstance(found, LoggedRecord):
            return self._entry(found.entry, fields)
        return self._row(found, record, fields)

    def bundle(self, subject: str) -> bytes:
        """Everything recorded of a unit or lot in one file: its own entries and its rows, all of them shown.

        Raises
        ------
        LedgerError
            Nothing signed is about it, or rows of it are not committed to one by one yet.
        """
        shown: dict[int, Sequence[Disclosure]] = {}
        for index in entries_about(self._evidence.place, subject):
            body = self._evidence.entry(index).signed.body_of(check=False)
            if isinstance(body, Individual):
                shown[index] = self._shown(body, None)
        rows: dict[int, list[RowProof]] = {}
        for entry, proof in self._rows_about(subject):
            rows.setdefault(entry, []).append(proof)
        return bundle(self._evidence.place, subject, shown, rows)

    # -- entries -----------------------------------------------------------------------------------

    def _index(self, record: str) -> int:
        """The index that a record of digits names, covered by a checkpoint or not."""
        index = int(record)
        try:
            self._evidence.entry(index)
        except LogError:
            raise LogError.of("no_record", record=record) from None
        return index

    def _entry(self, index: int, fields: Sequence[str] | None) -> TlogProof:
        if fields is not None and not fields:
            return prove(self._evidence.place, index)
        body = self._evidence.entry(index).signed.body_of(check=False)
        shown = self._shown(body, fields) if isinstance(body, Individual) else ()
        if fields and not shown:
            raise LogError.of("no_fields_of", index=index)
        return prove(self._evidence.place, index, shown)

    def _shown(self, body: Individual, fields: Sequence[str] | None) -> list[Disclosure]:
        """Fields of an entry, all of them by None; none where they were erased or are not kept here."""
        try:
            found = self._evidence.payloads.open(body)
        except LogError:
            if fields is None:
                return []
            raise
        names = [name for _, name, _ in found.fields] if fields is None else fields
        return [found.disclose(name) for name in names]

    # -- rows --------------------------------------------------------------------------------------

    def _row(self, row: _Row, record: str, fields: Sequence[str] | None) -> TlogProof:
        found = self._rows(row.batch, record)
        seq = found.rows.column("seq").to_numpy()
        start, end = (int(np.searchsorted(seq, row.seq, side)) for side in ("left", "right"))
        if start == end or (row.place is not None and row.place >= end - start):
            raise LogError.of("no_record", record=record)
        if end - start > 1 and row.place is None:
            raise LogError.of("many_records", record=record, count=end - start, last=end - start - 1)
        place = int(found.places[start + (row.place or 0)])
        tree = self._tree(row.batch, place, record)
        proof = self._proof(tree, found, place, fields, record)
        return prove(self._evidence.place, tree.entry, row=proof)

    def _rows(self, batch: LoggedBatch, record: str) -> BatchRows:
        _, found = next(rows_of(self._evidence, self._lake, [batch], check=False))
        if found is None:
            raise LogError.of("rows_differ", record=record, index=batch.entry)
        return found

    def _tree(self, batch: LoggedBatch, place: int, record: str) -> LoggedTree:
        for tree in self._evidence.index.trees(batch.entry):
            if tree.first <= place < tree.first + tree.rows:
                return tree
        raise LogError.of("not_notarised", record=record, index=batch.entry)

    def _proof(
        self, tree: LoggedTree, found: BatchRows, place: int, fields: Sequence[str] | None, record: str
    ) -> RowProof:
        """The proof of a row; it holds only where all rows of the tree are as they were."""
        salts = self._evidence.secrets.salts(tree.batch, tree.first)
        if salts is None:
            raise LogError.of("no_salts", index=tree.entry)
        rows, places = found.within(tree.first, tree.rows)
        proof = row_proof(
            rows,
            salts,
            place - tree.first,
            tree.fields,
            fields,
            known=self._evidence.secrets.erased_rows(tree.batch, tree.first),
            places=places,
        )
        body = self._evidence.entry(tree.entry).signed.body_of(check=False)
        try:
            if isinstance(body, Rows):
                proof.verify(body)
        except VerificationError:
            raise LogError.of("rows_differ", record=record, index=tree.batch) from None
        return proof

    def leaves_naming(self, subject: str, *, only_about: bool = False) -> Iterator[NamedRow]:
        """Every row of the lake that names a subject, about it or otherwise.

        Raises
        ------
        LedgerError
            Rows of it are not committed to one by one yet, or are not as they were logged.
        """
        for name in self._lake.tables():
            columns = naming(self._lake, name, only_about=only_about)
            for tree, found, place, record, about in self._places(name, subject, columns):
                leaf = self._evidence.secrets.erased_rows(tree.batch, tree.first).get(place - tree.first)
                leaf = leaf or self._proof(tree, found, place, None, record).leaf
                yield NamedRow(tree, place - tree.first, leaf, about)

    def _rows_about(self, subject: str) -> Iterator[tuple[int, RowProof]]:
        for name, column in ABOUT.items():
            for tree, found, place, record, _ in self._places(name, subject, [column]):
                yield tree.entry, self._proof(tree, found, place, None, record)

    def _places(
        self, name: str, subject: str, columns: Sequence[str]
    ) -> Iterator[tuple[LoggedTree, BatchRows, int, str, bool]]:
        """Where the rows of a table are of which one of the columns names the subject; whether about it."""
        if not columns:
            return
        where, values = condition(name, columns, subject)
        mentions, how = Mentions(subject), {one: written(name, one) for one in columns}
        named = self._lake.query(
            f"SELECT DISTINCT source, epoch, seq FROM {name} WHERE {where} ORDER BY source, epoch, seq",
            values,
        ).to_pylist()
        open_batch: tuple[int, BatchRows] | None = None
        for one in named:
            record = f"{name}:{_load(one)}/{one['seq']}"
            logged = self._batch(name, _load(one), one["seq"])
            if logged is None:
                continue
            if open_batch is None or open_batch[0] != logged.entry:
                open_batch = logged.entry, self._rows(logged, record)
            found = open_batch[1]
            seq = found.rows.column("seq").to_numpy()
            start, end = (int(np.searchsorted(seq, one["seq"], side)) for side in ("left", "right"))
            for at in range(start, end):
                holding = [col for col in columns if col in found.rows.column_names
                           and mentions.named_by(found.rows.column(col)[at].as_py(), how[col])]  # fmt: skip
                if holding:
                    place = int(found.places[at])
                    yield self._tree(logged, place, record), found, place, record, TAKEN.get(name) in holding

    # -- names -------------------------------------------------------------------------------------

    def _found(self, record: str) -> _Row | LoggedRecord:
        found = _NAMED.fullmatch(record)
        if found is None:
            return self._at_a_time(record)
        name, load, seq, place = found.groups()
        tables = self._lake.tables()
        if name is not None and name not in tables:
            name, load = None, f"{name}:{load}"
        hits: list[_Row | LoggedRecord] = []
        for table in [name] if name else tables:
            batch = self._batch(table, load, int(seq))
            if batch is not None:
                hits.append(_Row(batch, int(seq), None if place is None else int(place)))
            hits += self._evidence.index.records(origin=(f"{table}:{load}", 0, int(seq)))
        source, _, epoch = load.rpartition("/")
        if name is None and epoch.isdigit():
            hits += self._evidence.index.records(origin=(source, int(epoch), int(seq)))
        if not hits:
            raise LogError.of("no_record", record=record)
        if len(hits) > 1:
            raise LogError.of("many_tables", record=record)
        return hits[0]

    def _batch(self, table: str, load: str, seq: int) -> LoggedBatch | None:
        """The batch of a row; where nothing is escaped, a ``/`` may also be one of the source's."""
        parts = [(load[:at], load[at + 1 :]) for at, one in enumerate(load) if one == "/"]
        known = [(source, epoch) for source, epoch in parts if source.strip() and epoch.strip()]
        for key in [load_of(load) if known else None, *(LoadKey(*one) for one in known)]:
            if key is not None and (found := self._evidence.index.batch_of(source_of(table, key), seq)):
                return found
        return None

    def _at_a_time(self, record: str) -> _Row | LoggedRecord:
        subject, found, when = record.rpartition("@")
        try:
            moment = datetime.fromisoformat(when)
        except ValueError:
            raise LogError.of("no_record", record=record) from None
        if not found or not subject:
            raise LogError.of("no_record", record=record)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        hits = []
        for name, column in ABOUT.items():
            rows = self._lake.query(
                f"SELECT source, epoch, seq FROM {name} WHERE {column} = $subject AND time = $moment",
                {"subject": subject, "moment": moment},
            )
            hits += [f"{name}:{_load(one)}/{one['seq']}" for one in rows.to_pylist()]
        if len(hits) != 1:
            reason = "several_then" if hits else "no_record"
            raise LogError.of(reason, record=record, found=", ".join(hits[:10]))
        return self._found(hits[0])


def _load(row: dict[str, Any]) -> str:
    source = row["source"].replace("%", "%25").replace("/", "%2F")
    return f"{source}/{row['epoch']}"
