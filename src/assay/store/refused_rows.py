"""The relation ``refusal``: which records of the lake the gate refused as evidence, why, and what since.

A refusal blocks evidence and payment and never data: the rows stay, and this says which they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay.ledger.entries import Batch, Individual
from assay.ledger.gate.batches import minute_of, places_of
from assay.ledger.gate.facts import parse_claims
from assay.ledger.gate.refused import Decision, RefusedEntry, refused_entries, stamp
from assay.ledger.gate.verdict import REFUSED, Reason
from assay.model.kinds import TIME
from assay.store.evidence_gate import asked
from assay.store.evidence_rows import Piece, files_of, load_named, read_piece
from assay.store.people import PERSON

if TYPE_CHECKING:
    from assay.store.lake import Lake
    from assay.store.people import People

NAME = "refusal"
"""Name of the relation."""

_OF_ROW = (
    *("source", "epoch", "seq", "subject", "subject_kind", "execution", "segment", "role"),
    *("characteristic", "person", "equipment", "time"),
)
REFUSAL_SCHEMA = pa.schema(
    [
        ("kind", pa.string()),
        *((name, {"seq": pa.int64(), "time": TIME}.get(name, pa.string())) for name in _OF_ROW),
        ("outcome", pa.string()),
        ("reasons", pa.string()),
        ("refused", pa.int64()),
        ("decided", pa.int64()),
    ]
)
"""The columns: of the record; ``outcome`` is what holds now (``refused``, ``overridden``, ``accepted`` or
``no_policy``), ``reasons`` the codes for which it was refused, ``refused`` the index in the refused log and
``decided`` that of the entry of the main log by which it is refused no more."""

_RECORD = ("kind", "source", "epoch", "seq", "subject", "subject_kind")
STANDING_SCHEMA = pa.schema([*(REFUSAL_SCHEMA.field(name) for name in (*_RECORD, "reasons"))])
"""The columns of what is refused now: the record, whom it is about, and the codes of why."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Found(NamedTuple):
    mark: tuple[int, int]
    rows: pa.Table
    standing: pa.Table


class RefusedRows:
    """The refused records of one plant, read again when more is refused or decided.

    Parameters
    ----------
    ledger
        Folder with the logs, such as ``plant/ledger``.
    lake
        The plant's records.
    people
        Who stands for which id in the log; None where it names people. Where that is not known on this
        machine, a row is taken for refused when rows like it by whomever were.
    """

    def __init__(self, ledger: Path, lake: Lake, people: People | None = None) -> None:
        self._ledger = ledger
        self._lake = lake
        self._people = people
        self._rows: dict[int, pa.Table] = {}
        self._found = _Found((0, 0), REFUSAL_SCHEMA.empty_table(), STANDING_SCHEMA.empty_table())

    def mark(self) -> tuple[int, int]:
        """Something that changes when more is refused or decided; a few looks at files."""
        return stamp(self._ledger)

    def table(self) -> pa.Table:
        """One row per refused record, with the columns of :data:`REFUSAL_SCHEMA`.

        Raises
        ------
        GateError
            What was handed to the gate is damaged.
        """
        return self._read().rows

    def standing(self) -> pa.Table:
        """One row per record that is refused now, with the columns of :data:`STANDING_SCHEMA`.

        Raises
        ------
        GateError
            What was handed to the gate is damaged.
        """
        return self._read().standing

    def _read(self) -> _Found:
        mark = self.mark()
        if mark != self._found.mark:
            entries = refused_entries(self._ledger) if any(mark) else []
            rows = pa.concat_tables([REFUSAL_SCHEMA.empty_table(), *(self._of(one) for one in entries)])
            self._found = _Found(mark, rows, _standing(rows))
        return self._found

    def _of(self, one: RefusedEntry) -> pa.Table:
        index = one.refusal.index
        if index not in self._rows:
            body = one.refusal.body
            self._rows[index] = self._stated(one) if isinstance(body, Individual) else self._batch(one)
        return _decided(self._rows[index], one.decision)

    def _batch(self, one: RefusedEntry) -> pa.Table:
        body = one.refusal.body
        load = load_named(self._lake, body.kind, body.origin.source) if isinstance(body, Batch) else None
        if not isinstance(body, Batch) or load is None:
            return REFUSAL_SCHEMA.empty_table()
        piece = Piece(body.kind, load, body.origin.seq, body.last)
        files = files_of(self._lake, body.kind)
        return pa.concat_tables(
            [
                REFUSAL_SCHEMA.empty_table(),
                *(self._refused(one, body.kind, rows) for rows in read_piece(self._lake, piece, files)),
            ]
        )

    def _refused(self, one: RefusedEntry, kind: str, rows: pa.Table) -> pa.Table:
        """Those of a batch's rows whose key was refused; all of them where it was judged without keys."""
        if not one.keys:
            said = pa.array([_codes(one.refusal.verdict.reasons)] * len(rows), pa.string())
            return _shaped(kind, rows, said, one.refusal.index)
        # the columns that were compared then, whatever the settings name by now: every key has all of them
        names = tuple(parse_claims(one.keys[0].key.claims).values)
        named, claimed = self._comparable(rows, [key.claims for key, _ in one.keys])
        places, place = places_of(*asked(kind, named, names))
        why = {
            (claims, minute_of(key.first)): _codes(reasons)
            for claims, (key, reasons) in zip(claimed, one.keys, strict=True)
        }
        codes = pa.array([why.get(one) for one in places], pa.string()).take(pa.array(place))
        kept = codes.is_valid()
        return _shaped(kind, rows.filter(kept), codes.filter(kept), one.refusal.index)

    def _comparable(self, rows: pa.Table, claims: Sequence[bytes]) -> tuple[pa.Table, Sequence[bytes]]:
        """Rows and claims that call people alike, or leave them out where nobody knows who is who."""
        if self._people is None:
            return rows, claims
        if self._people.here or self._people.everywhere:
            return self._people.in_known_performers(rows), claims
        at = rows.schema.get_field_index(PERSON)
        nobody = pa.nulls(len(rows), rows.schema.field(at).type)
        return rows.set_column(at, rows.schema.field(at), nobody), [_by_nobody(one) for one in claims]

    def _stated(self, one: RefusedEntry) -> pa.Table:
        """A refused entry of its own: what it is about and what it claims."""
        body = one.refusal.body
        if not isinstance(body, Individual):
            return REFUSAL_SCHEMA.empty_table()
        took = one.claims.took if one.claims else {}
        names = self._people.names() if self._people is not None else {}
        row = {
            "kind": body.kind,
            "source": body.origin.source,
            "epoch": str(body.origin.epoch),
            "seq": body.origin.seq,
            "subject": body.subject,
            "segment": one.claims.step if one.claims else None,
            "person": ", ".join(names.get(who, who) for who in took.get(PERSON, ())) or None,
            "equipment": ", ".join(took.get("machine", ())) or None,
            "time": _EPOCH + timedelta(microseconds=body.event_time),
            "reasons": _codes(one.refusal.verdict.reasons),
            "refused": one.refusal.index,
        }
        return pa.Table.from_pylist([row], REFUSAL_SCHEMA)


def _by_nobody(claims: bytes) -> bytes:
    said = parse_claims(claims)
    return bytes(replace(said, took={role: ids for role, ids in said.took.items() if role != PERSON}))


def _codes(reasons: Sequence[Reason]) -> str:
    return ", ".join(dict.fromkeys(reason.code for reason in reasons))


def _shaped(kind: str, rows: pa.Table, reasons: pa.Array, index: int) -> pa.Table:
    """Rows of a table as rows of the relation; a measurement of an execution is of that execution."""
    count = len(rows)
    own = {name: rows.column(name) for name in _OF_ROW if name in rows.column_names}
    if "execution" not in own:
        of_step = np.array(rows.column("subject_kind").cast(pa.string()).to_pylist()) == "execution"
        own["execution"] = pa.array(rows.column("subject").to_pylist(), pa.string(), mask=~of_step)
    columns = {
        "kind": pa.array([kind] * count, pa.string()),
        **own,
        "outcome": pa.nulls(count, pa.string()),
        "reasons": reasons,
        "refused": pa.array([index] * count, pa.int64()),
    }
    return pa.table(
        [
            columns[field.name].cast(field.type) if field.name in columns else pa.nulls(count, field.type)
            for field in REFUSAL_SCHEMA
        ],
        schema=REFUSAL_SCHEMA,
    )


def _standing(rows: pa.Table) -> pa.Table:
    """What is still refused, each record once with all its reasons."""
    kept = rows.filter(pc.equal(rows["outcome"], REFUSED))
    each = kept.group_by(_RECORD, use_threads=False).aggregate([("reasons", "distinct")])
    reasons = pc.binary_join(each["reasons_distinct"].combine_chunks(), ", ")
    return each.select(_RECORD).append_column("reasons", reasons).cast(STANDING_SCHEMA)


def _decided(rows: pa.Table, decision: Decision) -> pa.Table:
    count = len(rows)
    for name, value in (("outcome", decision.outcome), ("decided", decision.entry)):
        at = REFUSAL_SCHEMA.get_field_index(name)
        field = REFUSAL_SCHEMA.field(at)
        rows = rows.set_column(at, field, pa.array([value] * count, field.type))
    return rows
