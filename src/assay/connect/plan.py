"""A mapping bound to one source: which columns are read as what, and the records made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from zoneinfo import ZoneInfo

import pyarrow as pa

from assay.connect.mapping import ColumnSpec, Mapping, MappingFile, file_stem, name_values
from assay.connect.mapping_checks import attribute_columns, attributes_of
from assay.connect.mapping_records import (
    NUMBER_FIELDS,
    TIME_FIELDS,
    EntitySpec,
    RecordSpec,
    Ref,
    literal,
    reference,
)
from assay.connect.times import TimeReader
from assay.model.attributes import Attribute, AttributeType
from assay.model.errors import MappingError, did_you_mean
from assay.model.kinds import SCHEMAS, WORD, RecordKind

ROW_NUMBER = "#row"
"""``$#row`` stands for file name and row number: it names rows that nothing in the file names."""

MASTER_FIELDS = (
    "equipment",
    "person",
    "gauge",
    "characteristic",
    "segment",
    "material",
    "method",
    "recipe",
    "work_order",
    "carrier",
)
"""Fields whose values name master data; they are upserted to the registry before the records."""


@dataclass(frozen=True)
class Use:
    """A column read in one way."""

    column: str
    sort: str
    """'word', 'text', 'number', 'integer', 'boolean' or 'time'."""


@dataclass(frozen=True)
class FieldPlan:
    """Where one lake column of a record comes from: a column of the source, or one fixed value."""

    name: str
    use: Use | None
    fixed: Ref | None = None

    @property
    def said(self) -> str:
        """The source's column, or the field's own name when it is fixed."""
        return self.use.column if self.use else self.name


@dataclass(frozen=True)
class RecordPlan:
    """One record made of each row."""

    spec: RecordSpec
    fields: tuple[FieldPlan, ...]
    attributes: tuple[FieldPlan, ...]
    values: tuple[FieldPlan, ...] = ()
    """For entities: the entity's own fields."""

    @property
    def kind(self) -> RecordKind:
        """The record kind."""
        return self.spec.KIND

    @cached_property
    def key(self) -> tuple[str, ...]:
        """Fields of the natural key."""
        return self.spec.key_fields()

    @cached_property
    def columns(self) -> dict[str, str]:
        """The source's column behind each lake column that has one."""
        every = (*self.fields, *self.attributes)
        found = {one.name: one.use.column for one in every if one.use is not None}
        for name in ("ended", "started") if self.kind is RecordKind.MOVEMENT else ():
            if name in found:
                found.setdefault("time", found[name])
        return found

    @cached_property
    def required(self) -> frozenset[str]:
        """Fields that may not be empty."""
        return frozenset(type(self.spec).required())


@dataclass(frozen=True)
class Plan:
    """Everything the loader needs to turn blocks into records."""

    mapping: Mapping
    records: tuple[RecordPlan, ...]
    attributes: tuple[Attribute, ...]
    uses: tuple[Use, ...]
    unmapped: tuple[str, ...]
    """Columns of the source the mapping does not name."""
    absent: frozenset[str]
    """Optional columns the source lacks."""
    stem: str
    """The file's name without suffix, for ``$#row``."""
    readers: dict[str, TimeReader] = field(repr=False)
    """How the times of each column are read."""

    @property
    def kinds(self) -> tuple[RecordKind, ...]:
        """The kinds of record made, each once."""
        return tuple(dict.fromkeys(record.kind for record in self.records))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns needed."""
        there = (use.column for use in self.uses if use.column not in {*self.absent, ROW_NUMBER})
        return tuple(dict.fromkeys(there))

    def wanted(self) -> dict[str, pa.DataType]:
        """Types a source may deliver directly: for columns that are read in one way only."""
        found: dict[str, pa.DataType] = {}
        sorts: dict[str, set[str]] = {}
        for use in self.uses:
            sorts.setdefault(use.column, set()).add(use.sort)
        sorts.pop(ROW_NUMBER, None)
        for column, used in sorts.items():
            if used == {"number"}:
                found[column] = pa.float64()
            elif used == {"word"}:
                found[column] = WORD
            elif used == {"time"} and (wanted := self.readers[column].wanted()) is not None:
                found[column] = wanted
        return found


def make_plan(
    file: MappingFile,
    columns: Sequence[str],
    file_name: str,
    zone: str,
    *,
    also_iso: bool,
) -> Plan:
    """Bind a mapping to the columns of a source and the name of its file.

    Raises
    ------
    MappingError
        A column of the mapping is not in the source.
    """
    mapping = file.expanded
    absent = _absent(file, mapping, columns)
    binder = _Binder(mapping, name_values(mapping, file_name))
    records = tuple(binder.record(spec) for spec in mapping.records)
    readers = {
        use.column: _time_reader(mapping, mapping.columns[use.column], zone, also_iso=also_iso)
        for use in binder.uses
        if use.sort == "time"
    }
    return Plan(
        mapping=mapping,
        records=records,
        attributes=tuple(attributes_of(mapping, file)),
        uses=tuple(binder.uses),
        unmapped=tuple(column for column in columns if column not in mapping.columns),
        absent=absent,
        stem=file_stem(file_name),
        readers=readers,
    )


def _absent(file: MappingFile, mapping: Mapping, columns: Sequence[str]) -> frozenset[str]:
    there = set(columns)
    missing = [name for name in mapping.columns if name not in there]
    hard = [name for name in missing if not mapping.columns[name].optional]
    if hard:
        shown = ", ".join(repr(name) for name in hard)
        if len(columns) == 1 and any(mark in columns[0] for mark in ",;|\t"):
            raise MappingError(
                f"{file.document.where(('columns', hard[0]))}: the file has no column {shown}; "
                f"all its names stand in one: {columns[0]!r}",
                hint="Set `delimiter` under `file:` to the character between the names, or leave it out.",
            )
        near = did_you_mean(hard[0], [name for name in columns if name not in mapping.columns])
        raise MappingError(
            f"{file.document.where(('columns', hard[0]))}: the file has no column {shown}",
            hint=f"{near + ' ' if near else ''}The file has: {', '.join(columns)}. "
            "Mark a column `optional: true` when not every file has it.",
        )
    return frozenset(missing)


def _time_reader(mapping: Mapping, column: ColumnSpec, zone: str, *, also_iso: bool) -> TimeReader:
    spec = mapping.time
    return TimeReader(
        formats=tuple(column.formats if column.formats is not None else spec.formats),
        zone=ZoneInfo(column.zone or spec.zone or zone),
        fold=spec.fold,
        gap=spec.gap,
        earliest=spec.earliest,
        latest=spec.latest,
        also_iso=also_iso,
    )


class _Binder:
    """Collects the uses of columns while records are bound."""

    def __init__(self, mapping: Mapping, name_values: dict[str, str]) -> None:
        self._mapping = mapping
        self._name_values = name_values
        self.uses: dict[Use, None] = {}

    def record(self, spec: RecordSpec) -> RecordPlan:
        fields = [self._field(name, value, _sort(spec.KIND, name)) for name, value in spec.fields().items()]
        attributes = [
            self._field(name, f"${column}", _attribute_sort(self._mapping.sources[column].value_type))
            for name, column in attribute_columns(self._mapping, spec).items()
        ]
        values: list[FieldPlan] = []
        if isinstance(spec, EntitySpec):
            values = [self._field(name, value, "word") for name, value in spec.values.items()]
        return RecordPlan(spec, tuple(fields), tuple(attributes), tuple(values))

    def _field(self, name: str, value: Ref, sort: str) -> FieldPlan:
        column = reference(value)
        if column is None:
            return FieldPlan(name, None, literal(value))
        if column in self._name_values:
            return FieldPlan(name, None, self._name_values[column])
        use = Use(column, sort)
        self.uses[use] = None
        return FieldPlan(name, use)


def _sort(kind: RecordKind, field_name: str) -> str:
    if field_name in TIME_FIELDS:
        return "time"
    if field_name in NUMBER_FIELDS:
        return "number"
    return "word" if pa.types.is_dictionary(SCHEMAS[kind].field(field_name).type) else "text"


def _attribute_sort(kind: AttributeType) -> str:
    return {
        AttributeType.TEXT: "word",
        AttributeType.INTEGER: "integer",
        AttributeType.NUMBER: "number",
        AttributeType.BOOLEAN: "boolean",
        AttributeType.TIME: "time",
    }[kind]
