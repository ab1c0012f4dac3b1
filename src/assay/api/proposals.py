"""Proposed mappings as a person sees them, column by column, and written anew as the person decides."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import yaml

from assay.api.errors import CATALOGUE
from assay.api.models import ColumnChoice, ImportCard, ImportColumn, ImportDoubt, MappingText
from assay.apps.catalogue import told
from assay.apps.errors import problem_of
from assay.connect.infer import Inference
from assay.connect.mapping import Mapping, parse_mapping
from assay.connect.mapping_records import MeasurementSpec, MovementSpec, RecordSpec, core_names, reference
from assay.connect.plan import ROW_NUMBER
from assay.model.attributes import AttributeType, ColumnRole
from assay.model.errors import AssayError
from assay.model.kinds import RecordKind
from assay.model.text import Text

_KEPT_AS_ATTRIBUTE = (
    ColumnRole.FACTOR,
    ColumnRole.ORDERED_FACTOR,
    ColumnRole.DESIGN_LABEL,
    ColumnRole.ANNOTATION,
)
Columns = dict[str, ColumnChoice]

_MOVEMENT_CORE = ("segment", "equipment", "carrier", "person", "recipe", "work_order", "material", "position")
_MEASUREMENT_CORE = ("segment", "equipment", "gauge", "person", "method", "unit")
_FITS: dict[str, tuple[ColumnRole, ...]] = {
    "time": (ColumnRole.TIME,),
    "value": (ColumnRole.OUTCOME,),
    "text": (ColumnRole.OUTCOME,),
    "unit": (ColumnRole.FACTOR, ColumnRole.ANNOTATION),
}
"""Roles of a column that may fill a field of a measurement; a factor where nothing else is said."""

_TAKEN = core_names(RecordKind.MOVEMENT) | core_names(RecordKind.MEASUREMENT)
_NUMBERS = frozenset({AttributeType.INTEGER, AttributeType.NUMBER})


def card_of(import_id: str, inference: Inference) -> ImportCard:
    """What is shown of a dropped file: each column as it was taken, and what is unsure about it."""
    doubts = [ImportDoubt(column=doubt.column, message=doubt.message) for doubt in inference.doubts]
    columns = [
        ImportColumn.model_validate(
            {
                "name": guess.name,
                "role": guess.role,
                "type": guess.type,
                "is": guess.is_,
                "samples": list(guess.samples),
                "doubt": guess.doubt,
            }
        )
        for guess in inference.columns
    ]
    return ImportCard(
        id=import_id,
        file_name=inference.file_name,
        rows_sampled=inference.rows_sampled,
        columns=columns,
        doubts=doubts,
        mapping=inference.to_yaml(),
    )


def rewritten(inference: Inference, choices: Sequence[ColumnChoice]) -> MappingText:
    """The mapping with the columns as a person wants them, and every reason why it can't be used yet."""
    proposed = {guess.name: (guess.role, guess.type, guess.is_) for guess in inference.columns}
    if all(proposed.get(one.name) == (one.role, one.type, one.is_) for one in choices):
        return MappingText(mapping=inference.to_yaml(), problems=list(_gaps(choices)))
    return checked(recomposed(inference.mapping, choices), choices)


def recomposed(base: Mapping, choices: Iterable[ColumnChoice]) -> dict[str, Any]:
    """The document of a mapping whose columns are what ``choices`` say.

    How the file is read, times, units and titles stay as in ``base``. The records follow from the roles: one
    row is one execution that produced its unit and consumed its lot, every outcome is a measurement of the
    execution, or of the unit where a unit has one row. A table with one measurement per row stays one.
    """
    columns = {choice.name: choice for choice in choices}
    document: dict[str, Any] = base.model_dump(
        mode="json", by_alias=True, exclude_unset=True, exclude={"columns", "records", "long", "wide"}
    )
    records = _long(base, columns) or [*_movements(base, columns), *_measurements(base, columns)]
    named = {reference(value) for record in records for value in record.values()}
    kept = named.union(*(record.get("attributes", ()) for record in records))
    attributes = {name for record in records for name in record.get("attributes", ())}
    document["columns"] = {
        name: _column(base, choice, is_attribute=name in attributes)
        for name, choice in columns.items()
        if name in kept
    }
    document["records"] = records
    return document


def checked(document: dict[str, Any], columns: Iterable[ColumnChoice]) -> MappingText:
    """The document as YAML, and every reason why it can't be used yet."""
    text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
    problems = list(_gaps(columns))
    if not problems:
        try:
            parse_mapping(text, "mapping.yaml")
        except AssayError as error:
            problems = [problem_of(error).message]
    return MappingText(mapping=text, problems=problems)


def _column(base: Mapping, choice: ColumnChoice, *, is_attribute: bool) -> dict[str, Any]:
    before = base.columns.get(choice.name)
    kept = {} if before is None else before.model_dump(mode="json", by_alias=True, exclude_unset=True)
    column = {**kept, "role": choice.role.value}
    for name, value in (("is", choice.is_), ("type", None)):
        column.pop(name, None)
        if value is not None and choice.role is ColumnRole.SUBJECT:
            column[name] = value
    if choice.role in _KEPT_AS_ATTRIBUTE and choice.type is not AttributeType.TEXT:
        column["type"] = choice.type.value
    if choice.role not in _KEPT_AS_ATTRIBUTE:
        column.pop("unit", None)
    if is_attribute and (name := column.get("name", choice.name)) in _TAKEN:
        column["name"] = f"{name}_recorded"
    if choice.role is not ColumnRole.TIME:
        for name in ("formats", "zone"):
            column.pop(name, None)
    return column


def _movements(base: Mapping, columns: Columns) -> list[dict[str, Any]]:
    unit, lot = _subject(columns, "unit"), _subject(columns, "lot")
    execution = _execution(base, columns)
    core = _core(base, MovementSpec, _MOVEMENT_CORE, columns)
    times = _times(base, columns)
    record: dict[str, Any] = {
        "kind": "movement",
        "execution": execution,
        "role": "produced",
        "subject": f"${unit}" if unit else execution,
        "subject_kind": "unit",
        **core,
        **times,
    }
    used = {reference(value) for value in core.values()}
    if attributes := _attributes(base, columns, used):
        record["attributes"] = attributes
    if lot is None:
        return [record]
    shared = {name: value for name, value in record.items() if name in {"execution", "segment", *times}}
    consumed = {"kind": "movement", "role": "consumed", "subject": f"${lot}", "subject_kind": "lot", **shared}
    return [record, consumed]


def _measurements(base: Mapping, columns: Columns) -> list[dict[str, Any]]:
    unit, execution = _subject(columns, "unit"), _execution(base, columns)
    on_unit = unit is not None and execution == f"${unit}"
    outcomes = [choice for choice in columns.values() if choice.role is ColumnRole.OUTCOME]
    times = _times(base, columns)
    common = {
        **_core(base, MeasurementSpec, _MEASUREMENT_CORE, columns),
        **({"time": times.get("ended", times.get("started"))} if times else {}),
        "skip_empty": True,
    }
    names = _characteristics(base)
    return [
        {
            "kind": "measurement",
            "subject": execution,
            "subject_kind": "unit" if on_unit else "execution",
            "characteristic": names.get(choice.name, choice.name.replace("$", "$$")),
            ("value" if choice.type in _NUMBERS else "text"): f"${choice.name}",
            **common,
        }
        for choice in outcomes
    ]


def _long(base: Mapping, columns: Columns) -> list[dict[str, Any]] | None:
    """The record of a table with one measurement per row; None when it is not (or no longer) one."""
    found = [record for record in base.expanded().records if isinstance(record, MeasurementSpec)]
    if len(found) != 1 or reference(found[0].characteristic) is None:
        return None
    record = found[0].model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"attributes"})
    subjects = [choice for choice in columns.values() if choice.role is ColumnRole.SUBJECT]
    if subjects:
        record |= {"subject": f"${subjects[0].name}", "subject_kind": subjects[0].is_ or "unit"}
    for field in (*_MEASUREMENT_CORE, "time", "value", "text", "characteristic"):
        column = columns.get(reference(record.get(field)) or "")
        if column is None or column.role in _FITS.get(field, (ColumnRole.FACTOR,)):
            continue
        if field in {"value", "text", "characteristic"}:
            return None
        del record[field]
    used = {reference(value) for value in record.values()}
    if attributes := _attributes(base, columns, used):
        record["attributes"] = attributes
    return [{"kind": "measurement", **record}]


def _execution(base: Mapping, columns: Columns) -> str:
    """What tells rows apart: the execution, a unit that the proposal found unique, else the row's number."""
    if execution := _subject(columns, "execution"):
        return f"${execution}"
    unit = _subject(columns, "unit")
    before = next((one.execution for one in base.expanded().records if isinstance(one, MovementSpec)), None)
    return f"${unit}" if unit and before == f"${unit}" else f"${ROW_NUMBER}"


def _subject(columns: Columns, kind: str) -> str | None:
    return next(
        (c.name for c in columns.values() if c.role is ColumnRole.SUBJECT and (c.is_ or "unit") == kind), None
    )


def _times(base: Mapping, columns: Columns) -> dict[str, str]:
    """Start and end: the proposal's where their columns still are times, then the others in their order."""
    names = [choice.name for choice in columns.values() if choice.role is ColumnRole.TIME]
    before = [
        name
        for record in base.expanded().records
        if isinstance(record, MovementSpec)
        for name in (reference(record.started), reference(record.ended))
        if name in names
    ]
    ordered = list(dict.fromkeys([*before, *names]))
    return {field: f"${name}" for field, name in zip(("started", "ended"), ordered, strict=False)}


def _attributes(base: Mapping, columns: Columns, used: Collection[str | None]) -> list[str]:
    """Columns kept as attributes and not ``used`` otherwise, and the values from the file name that are.

    An annotation that the proposal left out stays out (it is empty).
    """
    kept = [
        choice.name
        for choice in columns.values()
        if choice.role in _KEPT_AS_ATTRIBUTE
        and choice.name not in used
        and (choice.role is not ColumnRole.ANNOTATION or choice.name in base.columns)
    ]
    before = {name for record in base.records for name in record.attributes}
    return [*kept, *(name for name in base.file.name_values if name in before)]


def _core(base: Mapping, kind: type[RecordSpec], fields: tuple[str, ...], columns: Columns) -> dict[str, Any]:
    """The core fields of the proposal's records of one kind that still name something that fits."""
    found: dict[str, Any] = {}
    for record in base.expanded().records:
        if not isinstance(record, kind):
            continue
        for field in fields:
            value = getattr(record, field, None)
            column = columns.get(reference(value) or "")
            if value is not None and (column is None or column.role is ColumnRole.FACTOR):
                found.setdefault(field, value)
    return found


def _characteristics(base: Mapping) -> dict[str, Any]:
    """The characteristic that the proposal makes of each outcome column."""
    return {
        name: record.characteristic
        for record in base.expanded().records
        if isinstance(record, MeasurementSpec)
        for name in (reference(record.value), reference(record.text))
        if name is not None and reference(record.characteristic) is None
    }


def _gaps(columns: Iterable[ColumnChoice]) -> Iterable[Text]:
    kinds = [choice.is_ or "unit" for choice in columns if choice.role is ColumnRole.SUBJECT]
    for kind in sorted({kind for kind in kinds if kinds.count(kind) > 1}):
        yield told("proposal.two-subjects", CATALOGUE, kind=told(f"kind.{kind}"))
