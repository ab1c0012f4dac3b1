"""Checks over a whole mapping: references, attributes that clash, units, records that say the same."""

from __future__ import annotations

from collections import Counter

from pydantic import ValidationError

from assay.connect.mapping import ColumnSpec, Mapping, MappingFile, WideValue
from assay.connect.mapping_records import (
    NUMBER_FIELDS,
    SUBJECT_KINDS,
    TIME_FIELDS,
    EntitySpec,
    MeasurementSpec,
    MovementSpec,
    RecordSpec,
    Ref,
    core_names,
    literal,
    reference,
)
from assay.model.attributes import Attribute
from assay.model.entities import ENTITIES
from assay.model.errors import MappingError, did_you_mean
from assay.model.kinds import RecordKind, Role
from assay.model.yaml_lines import Path


def check_mapping(file: MappingFile) -> None:
    """Raise ``MappingError`` for the first thing that can't work, with its line and what to write."""
    mapping = file.expanded
    if not mapping.records:
        raise MappingError(
            f"{file.document.name}: the mapping makes no records",
            hint="Add `records:`, or one of the shorthands `long:` and `wide:`.",
        )
    _check_wide(file)
    _check_names(file, mapping)
    for at, record in enumerate(mapping.records):
        path: Path = ("records", at) if at < len(file.mapping.records) else _shorthand(file, at)
        _check_record(file, mapping, record, path)
    _check_same_records(file, mapping)
    _check_all_used(file, mapping)
    attributes_of(mapping, file)


def _shorthand(file: MappingFile, at: int) -> Path:
    is_long = file.mapping.long is not None and at == len(file.mapping.records)
    return ("long",) if is_long else ("wide",)


def _fail(file: MappingFile, path: Path, what: str, hint: str | None = None) -> MappingError:
    return MappingError(f"{file.document.where(path)}: {what}", hint=hint)


def _check_wide(file: MappingFile) -> None:
    wide = file.mapping.wide
    if wide is None:
        return
    columns = [value.column if isinstance(value, WideValue) else value for value in wide.values.values()]
    for column, times in Counter(columns).items():
        if times > 1:
            names = [
                name
                for name, value in wide.values.items()
                if (value.column if isinstance(value, WideValue) else value) == column
            ]
            raise _fail(
                file,
                ("wide", "values", names[1]),
                f"column {column!r} is named twice, as {' and as '.join(repr(name) for name in names)}",
                "Give each characteristic its own column.",
            )


def _check_names(file: MappingFile, mapping: Mapping) -> None:
    for name in mapping.file.name_values:
        if name in mapping.columns:
            raise _fail(
                file,
                ("file", "name_values", name),
                f"{name!r} is both a column and a value from the file name",
                "Give the value from the file name another name.",
            )
    for column, spec in mapping.columns.items():
        for field in ("unit",):
            if (unit := getattr(spec, field)) is not None:
                _check_unit(file, ("columns", column, field), unit)


def _check_unit(file: MappingFile, path: Path, unit: str) -> None:
    from assay.model.errors import ModelError
    from assay.model.units import parse_unit

    try:
        parse_unit(unit)
    except ModelError as error:
        raise _fail(file, path, error.message, error.hint) from error


def _check_ref(file: MappingFile, mapping: Mapping, path: Path, value: Ref) -> None:
    name = reference(value)
    if name is None or name in mapping.columns or name in mapping.file.name_values or name == "#row":
        return
    known = [*mapping.columns, *mapping.file.name_values]
    raise _fail(
        file,
        path,
        f"{value!r} refers to {name!r}, neither a column of the mapping nor a value from the file name",
        did_you_mean(name, known) or f"Add it under `columns:`. Known: {', '.join(known) or 'none'}.",
    )


def _check_record(file: MappingFile, mapping: Mapping, record: RecordSpec, path: Path) -> None:
    for field, value in record.fields().items():
        _check_ref(file, mapping, (*path, field), value)
        _check_literal(file, (*path, field), record, field, value)
    if isinstance(record, EntitySpec):
        if record.entity not in ENTITIES:
            raise _fail(
                file,
                (*path, "entity"),
                f"{record.entity!r} is not an entity kind",
                did_you_mean(record.entity, list(ENTITIES)) or f"Known: {', '.join(ENTITIES)}.",
            )
        for field, value in record.values.items():
            _check_ref(file, mapping, (*path, "values", field), value)
    if isinstance(record, MeasurementSpec) and record.value is None and record.text is None:
        raise _fail(file, path, "a measurement needs `value` (a number) or `text` (words)")
    known = set(record.fields()) | set(type(record).DEFAULT_KEY)
    for at, field in enumerate(record.key or ()):
        if field not in known:
            raise _fail(
                file,
                (*path, "key", at),
                f"{field!r} is not a field of this record",
                did_you_mean(field, sorted(known)),
            )
    if record.key is not None and len(set(record.key)) != len(record.key):
        raise _fail(file, (*path, "key"), "the key names a field twice")
    _check_attributes(file, mapping, record, path)


def _check_literal(file: MappingFile, path: Path, record: RecordSpec, field: str, value: Ref) -> None:
    if reference(value) is not None:
        return
    said = literal(value)
    if field == "unit":
        _check_unit(file, path, str(said))
    elif field in TIME_FIELDS:
        raise _fail(file, path, f"a time is read from a column, {said!r} is fixed", "Write it as $column.")
    elif field in NUMBER_FIELDS:
        if isinstance(said, bool) or not isinstance(said, int | float):
            raise _fail(file, path, f"{said!r} is not a number", "Write a number, or $column.")
    elif field == "subject_kind":
        _check_word(file, path, str(said), list(SUBJECT_KINDS))
    elif field == "role" and isinstance(record, MovementSpec):
        _check_word(file, path, str(said), [role.value for role in Role])
    elif str(said) == "":
        raise _fail(file, path, "empty text says nothing", "Leave the field out.")


def _check_word(file: MappingFile, path: Path, word: str, known: list[str]) -> None:
    if word not in known:
        raise _fail(file, path, f"{word!r} is not one of {', '.join(known)}", did_you_mean(word, known))


def _check_attributes(file: MappingFile, mapping: Mapping, record: RecordSpec, path: Path) -> None:
    if isinstance(record.attributes, list):
        for at, column in enumerate(record.attributes):
            here = (*path, "attributes", at)
            if column in record.attributes[:at]:
                raise _fail(file, here, f"column {column!r} is named twice", "Keep one of them.")
            if column.startswith("$") or column not in mapping.sources:
                raise _fail(
                    file,
                    here,
                    f"{column!r} is neither a column of the mapping nor a value from the file name",
                    did_you_mean(column.lstrip("$"), list(mapping.sources)) or "Add it under `columns:`.",
                )
        return
    for name, given in record.attributes.items():
        here = (*path, "attributes", name)
        _check_ref(file, mapping, here, given)
        if (source := reference(given)) is None or source not in mapping.sources:
            raise _fail(
                file,
                here,
                "an attribute takes its values from a column or from the file name",
                "Write it as $column.",
            )


def _check_same_records(file: MappingFile, mapping: Mapping) -> None:
    seen: dict[tuple[object, ...], int] = {}
    for at, record in enumerate(mapping.records):
        fields = record.fields()
        key = (record.kind, *((name, fields.get(name)) for name in record.key_fields()))
        if key in seen and (record.kind != "entity" or mapping.records[seen[key]] == record):
            path: Path = ("records", at) if at < len(file.mapping.records) else _shorthand(file, at)
            raise _fail(
                file,
                path,
                f"this {record.kind} has the same key as records[{seen[key]}]: "
                + ", ".join(f"{name}={fields.get(name)!r}" for name in record.key_fields() if name in fields),
                "Let them differ in one field of the key, or join them into one record.",
            )
        seen[key] = at


def _check_all_used(file: MappingFile, mapping: Mapping) -> None:
    used: set[str] = set()
    for record in mapping.records:
        values: list[Ref] = [*record.fields().values()]
        if isinstance(record, EntitySpec):
            values += record.values.values()
        if isinstance(record.attributes, dict):
            values += record.attributes.values()
        else:
            used.update(record.attributes)
        used.update(name for value in values if (name := reference(value)) is not None)
    for column, spec in mapping.columns.items():
        if column not in used and column in file.mapping.columns:
            raise _fail(
                file,
                ("columns", column),
                f"column {column!r} has the role {spec.role.value} but no record uses it",
                f"Name it as ${column} in a record or under its `attributes:`, or leave the column out.",
            )


def attribute_columns(mapping: Mapping, record: RecordSpec) -> dict[str, str]:
    """The attributes of a record: column by attribute name."""
    if isinstance(record.attributes, dict):
        return {name: str(reference(value)) for name, value in record.attributes.items()}
    return {attribute_name(column, mapping.sources[column]): column for column in record.attributes}


def attribute_name(column: str, spec: ColumnSpec) -> str:
    """The attribute a column becomes: its `name`, else the column's own made fit to be one."""
    if spec.name is not None:
        return spec.name
    words = "".join(letter if letter.isalnum() or letter == "_" else " " for letter in column).split()
    name = "_".join(words)[:63]
    return f"_{name}"[:63] if name and name[0].isdigit() else name


def attributes_of(mapping: Mapping, file: MappingFile) -> list[Attribute]:
    """The attributes the mapping declares; ``MappingError`` when two of them clash."""
    found: dict[tuple[RecordKind, str], tuple[Attribute, str]] = {}
    for at, record in enumerate(mapping.records):
        path: Path = ("records", at, "attributes")
        names = [] if isinstance(record.attributes, dict) else record.attributes
        shown = [attribute_name(column, mapping.sources[column]) for column in names]
        for name, times in Counter(shown).items():
            if times > 1:
                both = [column for column, one in zip(names, shown, strict=True) if one == name]
                raise _fail(
                    file,
                    path,
                    f"columns {' and '.join(repr(one) for one in both)} both become attribute {name!r}",
                    "Give one of them another `name:`.",
                )
        for name, column in attribute_columns(mapping, record).items():
            attribute = _attribute(file, mapping, record, name, column)
            if attribute.name in core_names(record.KIND):
                raise _fail(
                    file,
                    ("columns", column),
                    f"attribute {name!r} has the name of a core column of {record.KIND.value}",
                    f"Give the column another `name:`, or fill the field: {name}: ${column}.",
                )
            before = found.get((record.KIND, name))
            if before is not None and (before[0].type, before[0].role) != (attribute.type, attribute.role):
                raise _fail(
                    file,
                    path,
                    f"attribute {name!r} is {before[0].type.value} ({before[0].role.value}) from column "
                    f"{before[1]!r}, but {attribute.type.value} ({attribute.role.value}) from {column!r}",
                    "Give one of them another `name:`.",
                )
            found[record.KIND, name] = (attribute, column)
    return [attribute for attribute, _ in found.values()]


def _attribute(file: MappingFile, mapping: Mapping, record: RecordSpec, name: str, column: str) -> Attribute:
    spec = mapping.sources[column]
    try:
        return Attribute(
            name=name,
            kind=record.KIND,
            type=spec.value_type,
            role=spec.role,
            unit=spec.unit,
            title=spec.title,
        )
    except ValidationError as error:
        raise _fail(
            file,
            ("columns", column),
            f"column {column!r} can't become an attribute named {name!r}",
            "Give it a `name:` that starts with a letter and holds only letters, digits and _.",
        ) from error
