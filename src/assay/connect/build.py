"""Blocks become records: typed, checked, hashed; rows that do not fit are told apart with the reason."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assay.connect import values
from assay.connect.hashing import Hashes, field_hashes, joined, salt, signed
from assay.connect.mapping_records import SUBJECT_KINDS, EntitySpec, MeasurementSpec
from assay.connect.plan import MASTER_FIELDS, ROW_NUMBER, FieldPlan, Plan, RecordPlan, Use
from assay.connect.reasons import message
from assay.connect.values import Mask, mask_of
from assay.model.entity_attributes import EntityAttribute, check_entity
from assay.model.errors import ModelError
from assay.model.kinds import SCHEMAS, WORD, RecordKind, Role
from assay.plugins.contracts import Block, RawRow

_SHOWN = 200
_ID_LIMIT = 512
"""Characters an id may have; longer ones are a sign of a broken row."""


@dataclass(frozen=True)
class Reject:
    """One row that is not taken."""

    row: int
    line: int | None
    column: str | None
    value: str | None
    reason: str
    message: str
    raw: bytes


@dataclass(frozen=True)
class Piece:
    """Records of one kind made by one record of the mapping from one block."""

    record: int
    """Place of the record in the mapping."""
    table: pa.Table
    """Columns of the lake without source, epoch and recorded."""
    keys: Hashes
    """Hash of the natural key of each record."""


@dataclass(frozen=True)
class Built:
    """What became of one block."""

    rows: int
    """Source rows, bad ones included."""
    pieces: tuple[Piece, ...]
    counts: npt.NDArray[np.uint16]
    """Records made of each good row."""
    seqs: npt.NDArray[np.int64]
    """Source row numbers of the good rows."""
    rejects: tuple[Reject, ...]
    position: int
    """Bytes of the source consumed."""
    named: dict[str, set[str]]
    """Ids of master data that the records name, by entity kind."""
    entities: tuple[tuple[int, str, dict[str, object]], ...] = ()
    """Rows of master data given by entity records: source row, kind and values."""


@dataclass
class _Verdict:
    """The first problem of each row of a block."""

    rows: int
    bad: Mask = field(init=False)
    found: list[tuple[Mask, str, str, str]] = field(default_factory=list)
    """Rows, column, reason and the words that are allowed."""
    told: dict[int, str] = field(default_factory=dict)
    """Sentences of rows whose reason has none of its own."""

    def __post_init__(self) -> None:
        self.bad = np.zeros(self.rows, bool)

    def note(self, mask: Mask, column: str, reason: str, allowed: Sequence[str] = ()) -> None:
        fresh = mask & ~self.bad
        if fresh.any():
            self.found.append((fresh, column, reason, ", ".join(allowed)))
            self.bad |= fresh


class Builder:
    """Turns blocks into records by a plan; holds no state between blocks.

    ``extra`` are the plant's own attributes of entity kinds, against which entity records are checked.
    """

    def __init__(self, plan: Plan, decimal: str, extra: Sequence[EntityAttribute] = ()) -> None:
        self._plan = plan
        self._decimal = decimal
        self._extra = extra

    def build(self, block: Block) -> Built:
        """Type, check and hash one block."""
        rows = len(block.table)
        verdict = _Verdict(rows)
        arrays = {use: self._read(block, use, verdict) for use in self._plan.uses}
        drafts = [_Draft(record, at, arrays, rows, verdict) for at, record in enumerate(self._plan.records)]
        for draft in drafts:
            draft.check_entities(block.rows, self._extra, verdict)
        made = np.zeros(rows, np.int64)
        for draft in drafts:
            made += draft.present
        verdict.note(made == 0, self._first_outcome(), "empty-required")
        repeated = _repeated_in_row(drafts, verdict)
        good = ~verdict.bad
        every = bool(good.all())
        seqs = block.rows if every else block.rows[good]
        pieces, named, entities = [], dict[str, set[str]](), []
        for draft in drafts:
            keep = good & draft.present
            if draft.place in repeated:
                keep &= ~repeated[draft.place]
            if not keep.any():
                continue
            piece = draft.piece(block.rows, None if keep.all() else keep)
            pieces.append(piece)
            draft.name_master_data(piece.table, named)
            entities += draft.entities(block.rows, keep)
        for mask in repeated.values():
            made -= mask
        counts = np.minimum(made if every else made[good], 65_535).astype(np.uint16)
        return Built(
            rows + len(block.faults),
            tuple(pieces),
            counts,
            seqs,
            (*_of_faults(block), *self._rejects(block, verdict)),
            block.position,
            named,
            tuple(entities),
        )

    def _read(self, block: Block, use: Use, verdict: _Verdict) -> pa.Array:
        table, seqs, rows = block.table, block.rows, len(block.table)
        if use.column == ROW_NUMBER:
            numbers = pa.array(seqs + 1).cast(pa.string())
            names = pc.binary_join_element_wise(self._plan.stem, numbers, "#")
            return names if use.sort == "text" else names.dictionary_encode()
        if use.column in self._plan.absent:
            kinds = {
                "word": WORD,
                "text": pa.string(),
                "number": pa.float64(),
                "integer": pa.int64(),
                "boolean": pa.bool_(),
                "time": pa.timestamp("us", tz="UTC"),
            }
            return pa.nulls(rows, kinds[use.sort])
        column = values.whole(table.column(use.column))
        if use.sort == "time":
            times = self._plan.readers[use.column].read(column)
            for reason, mask in times.problems.items():
                verdict.note(mask, use.column, reason)
            return times.array()
        if use.sort == "number":
            read = values.number(column, self._decimal)
        elif use.sort == "integer":
            read = values.integer(column)
        elif use.sort == "boolean":
            read = values.boolean(column)
        else:
            read = values.words(column) if use.sort == "word" else values.text(column)
        for reason, mask in read.problems.items():
            verdict.note(mask, use.column, reason)
        return read.array

    def _first_outcome(self) -> str:
        for record in self._plan.records:
            for one in record.fields:
                if one.name in {"value", "text"}:
                    return one.said
        return self._plan.records[0].fields[0].said

    def _rejects(self, block: Block, verdict: _Verdict) -> list[Reject]:
        if not verdict.found:
            return []
        at = np.flatnonzero(verdict.bad)
        raw: dict[int, RawRow] = dict(zip(at.tolist(), block.locate(at), strict=True))
        rejects = []
        for mask, column, reason, allowed in verdict.found:
            where = np.flatnonzero(mask)
            shown = _shown(block.table, column, where)
            for index, value in zip(where.tolist(), shown, strict=True):
                found = raw[index]
                rejects.append(
                    Reject(
                        int(block.rows[index]),
                        found.line,
                        column,
                        value,
                        reason,
                        verdict.told.get(index)
                        or message(reason, column=column, value=value, allowed=allowed),
                        found.raw,
                    )
                )
        return sorted(rejects, key=lambda reject: reject.row)


class _Draft:
    """One record of the mapping over one block, before bad rows are left out."""

    def __init__(
        self, record: RecordPlan, place: int, arrays: dict[Use, pa.Array], rows: int, verdict: _Verdict
    ) -> None:
        self.record = record
        self.place = place
        self.present = np.ones(rows, bool)
        self._rows = rows
        self._arrays = arrays
        schema = SCHEMAS[record.kind]
        self.columns: dict[str, pa.Array] = {
            one.name: self._array(one, schema.field(one.name).type) for one in record.fields
        }
        if isinstance(record.spec, EntitySpec):
            self.columns["attributes"] = self._entity_values()
        for one in record.attributes:
            self.columns[one.name] = self._array(one, None)
        self._default_time()
        self._check(verdict)

    def _array(self, one: FieldPlan, kind: pa.DataType | None) -> pa.Array:
        if one.use is not None:
            return self._arrays[one.use]
        return constant(one.fixed, self._rows, kind or WORD)

    def _entity_values(self) -> pa.Array:
        lists = {one.name: self._array(one, WORD).to_pylist() for one in self.record.values}
        rows = [
            json.dumps({name: column[at] for name, column in lists.items()}, ensure_ascii=False)
            for at in range(self._rows)
        ]
        return pa.array(rows, pa.string())

    def _default_time(self) -> None:
        if self.record.kind is RecordKind.MOVEMENT and "time" not in self.columns:
            given = [self.columns[name] for name in ("ended", "started") if name in self.columns]
            if given:
                self.columns["time"] = pc.coalesce(*given) if len(given) > 1 else given[0]

    def _said(self, name: str) -> str:
        return next((one.said for one in self.record.fields if one.name == name), name)

    def _check(self, verdict: _Verdict) -> None:
        spec = self.record.spec
        if isinstance(spec, MeasurementSpec):
            self._check_outcome(verdict, skip=spec.skip_empty)
        for one in self.record.fields:
            column = self.columns[one.name]
            if one.use is None:
                continue
            if column.null_count and one.name in self.record.required:
                verdict.note(mask_of(column.is_null()) & self.present, one.said, "empty-required")
            if one.name == "unit":
                self._check_words(verdict, one, "unknown-unit", is_unit)
            elif one.name == "subject_kind":
                self._check_words(verdict, one, "unknown-word", SUBJECT_KINDS.__contains__, SUBJECT_KINDS)
            elif one.name == "role":
                self._check_words(verdict, one, "unknown-word", _ROLES.__contains__, _ROLES)
            elif one.name in MASTER_FIELDS:
                self._check_words(verdict, one, "too-long", _is_id)
            elif one.use.sort == "text" and one.name != "message":
                longest = pc.max(pc.binary_length(column)).as_py() or 0
                if longest > _ID_LIMIT:
                    verdict.note(
                        mask_of(pc.greater(pc.utf8_length(column), _ID_LIMIT).fill_null(False)),
                        one.said,
                        "too-long",
                    )
        for first, last in (("started", "ended"), ("valid_from", "valid_to")):
            if first in self.columns and last in self.columns:
                back = pc.less(self.columns[last], self.columns[first]).fill_null(False)
                verdict.note(mask_of(back), self._said(last), "impossible-time")

    def _check_outcome(self, verdict: _Verdict, *, skip: bool) -> None:
        empty = np.ones(self._rows, bool)
        for name in ("value", "text"):
            if name in self.columns:
                empty &= mask_of(self.columns[name].is_null())
        if skip:
            self.present &= ~empty
        elif empty.any():
            name = "value" if "value" in self.columns else "text"
            verdict.note(empty, self._said(name), "empty-required")

    def _check_words(
        self,
        verdict: _Verdict,
        one: FieldPlan,
        reason: str,
        fits: Callable[[str], bool],
        allowed: Sequence[str] = (),
    ) -> None:
        column = self.columns[one.name]
        known = column.dictionary.to_pylist()
        odd = np.array([word is not None and not fits(word) for word in [*known, None]], np.bool_)
        if odd.any():
            codes = np.asarray(column.indices.fill_null(len(known)).to_numpy(zero_copy_only=False))
            verdict.note(odd[codes], one.said, reason, allowed)

    @cached_property
    def _hashes(self) -> dict[str, Hashes | np.uint64]:
        return {name: field_hashes(name, column) for name, column in self.columns.items()}

    @cached_property
    def key_hashes(self) -> Hashes:
        """Hash of the natural key; which fields make it is part of it."""
        which = salt(f"{self.record.kind.value}:{','.join(self.record.key)}")
        return joined(
            (self._hashes[name] for name in self.record.key if name in self.columns), self._rows, which
        )

    def piece(self, seqs: npt.NDArray[np.int64], keep: Mask | None) -> Piece:
        """The records of the kept rows."""
        keys = self.key_hashes
        content = joined(
            (hashes for name, hashes in self._hashes.items() if name != "clock_uncertainty"), self._rows
        )
        columns = {"seq": pa.array(seqs), **self.columns}
        columns |= {"key_hash": signed(keys), "content_hash": signed(content)}
        table = pa.table(columns)
        if keep is not None:
            table = table.filter(pa.array(keep))
            keys = keys[keep]
        return Piece(self.place, table, keys)

    def name_master_data(self, table: pa.Table, named: dict[str, set[str]]) -> None:
        """Add the ids of master data that the records name."""
        for name in MASTER_FIELDS:
            if name not in self.columns:
                continue
            column = values.whole(table.column(name))
            codes = column.indices.drop_null().to_numpy(zero_copy_only=False)
            used = np.flatnonzero(np.bincount(codes, minlength=len(column.dictionary)))
            named.setdefault(name, set()).update(column.dictionary.take(pa.array(used)).to_pylist())

    def check_entities(
        self, seqs: npt.NDArray[np.int64], extra: Sequence[EntityAttribute], verdict: _Verdict
    ) -> None:
        """Check rows of master data against their entity's model."""
        if not isinstance(self.record.spec, EntitySpec):
            return
        sound = np.flatnonzero(~verdict.bad)
        keep = ~verdict.bad
        for at, (_, kind, row) in zip(sound.tolist(), self.entities(seqs, keep), strict=True):
            try:
                check_entity(kind, row, [one for one in extra if one.kind == kind])
            except ModelError as error:
                mask = np.zeros(self._rows, bool)
                mask[at] = True
                verdict.note(mask, self._said("id"), "invalid-entity")
                verdict.told[at] = str(error).replace("\n", " ")

    def entities(self, seqs: npt.NDArray[np.int64], keep: Mask) -> list[tuple[int, str, dict[str, object]]]:
        """Rows of master data that entity records give."""
        if not isinstance(self.record.spec, EntitySpec):
            return []
        at = pa.array(np.flatnonzero(keep))
        names = [one.name for one in self.record.fields if one.name in {"id", "valid_from", "valid_to"}]
        base = pa.table({name: self.columns[name].take(at) for name in names}).to_pylist()
        given = [json.loads(one) for one in self.columns["attributes"].take(at).to_pylist()]
        return [
            (
                seq,
                self.record.spec.entity,
                {key: value for key, value in {**row, **extra}.items() if value is not None},
            )
            for seq, row, extra in zip(seqs[keep].tolist(), base, given, strict=True)
        ]


_ROLES = tuple(role.value for role in Role)


def _is_id(word: str) -> bool:
    return 0 < len(word) <= _ID_LIMIT


@lru_cache(maxsize=4096)
def is_unit(text: str) -> bool:
    """Whether ``text`` is a UCUM unit."""
    from assay.model.units import parse_unit

    try:
        parse_unit(text)
    except ModelError:
        return False
    return True


def constant(value: object, rows: int, kind: pa.DataType) -> pa.Array:
    """``rows`` times the same value."""
    if pa.types.is_dictionary(kind):
        codes = pa.array(np.zeros(rows, np.int32))
        return pa.DictionaryArray.from_arrays(codes, pa.array([_as_text(value)]))
    if pa.types.is_string(kind):
        return pa.array([_as_text(value)], pa.string()).take(pa.array(np.zeros(rows, np.int64)))
    return pa.array(np.full(rows, value), kind)


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _repeated_in_row(drafts: Sequence[_Draft], verdict: _Verdict) -> dict[int, Mask]:
    """Records of a row that say what an earlier record of the same row says; contradictions are noted."""
    repeated: dict[int, Mask] = {}
    for kind in dict.fromkeys(draft.record.kind for draft in drafts):
        same = [draft for draft in drafts if draft.record.kind is kind]
        if len(same) < 2:
            continue
        hashes = np.stack([draft.key_hashes for draft in same], axis=1)
        ordered = np.sort(hashes, axis=1)
        rows = np.flatnonzero((ordered[:, 1:] == ordered[:, :-1]).any(axis=1))
        for row in rows.tolist():
            _compare_in_row(same, hashes[row], row, repeated, verdict)
    return repeated


def _compare_in_row(
    drafts: Sequence[_Draft], hashes: Hashes, row: int, repeated: dict[int, Mask], verdict: _Verdict
) -> None:
    seen: dict[int, _Draft] = {}
    for draft, hashed in zip(drafts, hashes.tolist(), strict=True):
        if not draft.present[row]:
            continue
        first = seen.setdefault(hashed, draft)
        if first is draft or _cells(draft, row, draft.record.key) != _cells(first, row, first.record.key):
            continue
        if _cells(draft, row) == _cells(first, row):
            repeated.setdefault(draft.place, np.zeros(verdict.rows, bool))[row] = True
        else:
            mask = np.zeros(verdict.rows, bool)
            mask[row] = True
            verdict.note(mask, draft.record.fields[0].said, "contradiction-in-row")


def _cells(draft: _Draft, row: int, names: Iterable[str] | None = None) -> dict[str, object]:
    wanted = draft.columns if names is None else [name for name in names if name in draft.columns]
    found = {name: draft.columns[name][row].as_py() for name in wanted}
    return {name: value for name, value in found.items() if value is not None}


def _shown(table: pa.Table, column: str, where: npt.NDArray[np.intp]) -> list[str | None]:
    if column not in table.column_names:
        return [None] * len(where)
    cells = table.column(column).take(pa.array(where)).to_pylist()
    return [None if cell is None else shortened(str(cell)) for cell in cells]


def shortened(text: str) -> str:
    """A value as a quarantine row shows it; the whole of it lies in the row's bytes."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _of_faults(block: Block) -> list[Reject]:
    return [
        Reject(
            fault.row,
            fault.line,
            fault.column,
            None if fault.value is None else shortened(fault.value),
            fault.reason,
            fault.message,
            fault.raw,
        )
        for fault in block.faults
    ]
