"""The mapping file: which column of a foreign file is what, and which records a row becomes.

Columns carry one of the seven roles of :class:`~assay.model.attributes.ColumnRole`; records are built
from ``$column`` references, values taken from the file name, and literals. Two shorthands cover the
common measurement tables: ``long`` (one measurement per row) and ``wide`` (several per row).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from assay.connect.mapping_records import AnyRecord, MeasurementSpec, Ref
from assay.model.attributes import AttributeType, ColumnRole
from assay.model.errors import MappingError, did_you_mean
from assay.model.yaml_lines import LinedDocument, dotted, parse_yaml


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, coerce_numbers_to_str=True)


class FileSpec(_Strict):
    """How the file is read."""

    format: str = Field(default="auto", description="csv, excel, parquet, auto, or a format of a connector.")
    encoding: str | None = Field(default=None, description="Default: by the byte-order mark, else utf-8.")
    delimiter: str | None = Field(default=None, description="One character; default: found from the header.")
    decimal: Literal[".", ","] = "."
    header_row: int = Field(default=1, ge=1, description="1-based line that holds the column names.")
    sheet: str | int | None = Field(default=None, description="Excel sheet by name or 1-based number.")
    null_values: list[str] = Field(
        default_factory=lambda: [""], description="Cells that mean nothing was recorded."
    )
    name_values: dict[str, str] = Field(
        default_factory=dict,
        description="Values from the file name by regular expression; the whole stem when none matches.",
    )
    options: dict[str, Any] = Field(default_factory=dict, description="Settings of a plugin connector.")

    @field_validator("encoding")
    @classmethod
    def _encoding_is_known(cls, encoding: str | None) -> str | None:
        import codecs

        if encoding is not None:
            try:
                codecs.lookup(encoding)
            except LookupError as error:
                raise ValueError(
                    f"encoding {encoding!r} is not known; use one such as utf-8, gb18030"
                ) from error
        return encoding

    @field_validator("delimiter")
    @classmethod
    def _delimiter_is_one_character(cls, delimiter: str | None) -> str | None:
        if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n' or not delimiter.isascii()):
            raise ValueError(
                f"delimiter {delimiter!r} must be one plain character such as ',' ';' '|' or a tab"
            )
        return delimiter

    @field_validator("name_values")
    @classmethod
    def _patterns_compile(cls, patterns: dict[str, str]) -> dict[str, str]:
        for name, pattern in patterns.items():
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{name}: {pattern!r} is not a regular expression: {error}") from error
        return patterns


class TimeSpec(_Strict):
    """How times are written. ISO 8601 is understood when no formats are given."""

    zone: str | None = Field(default=None, description="IANA zone of wall times; default: the plant's.")
    formats: list[str] = Field(default_factory=list, description="strptime formats, tried in order.")
    fold: Literal["earlier", "later", "quarantine"] = Field(
        default="earlier", description="A wall time that occurs twice when clocks go back."
    )
    gap: Literal["quarantine", "shift"] = Field(
        default="quarantine", description="A wall time that does not exist because clocks went forward."
    )
    earliest: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    latest: datetime = datetime(2100, 1, 1, tzinfo=UTC)

    @field_validator("earliest", "latest", mode="before")
    @classmethod
    def _has_a_zone(cls, value: object) -> object:
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day, tzinfo=UTC)
        if isinstance(value, datetime) and value.tzinfo is None:
            return value.replace(tzinfo=UTC)
        return value

    @field_validator("zone")
    @classmethod
    def _zone_is_known(cls, zone: str | None) -> str | None:
        if zone is not None:
            check_zone(zone)
        return zone

    @field_validator("formats")
    @classmethod
    def _formats_are_understood(cls, formats: list[str]) -> list[str]:
        from assay.connect.times import compile_format

        for one in formats:
            compile_format(one)
        return formats


def check_zone(zone: str) -> ZoneInfo:
    """The zone; ``ValueError`` with the closest names when it is not an IANA zone."""
    from zoneinfo import available_timezones

    try:
        return ZoneInfo(zone)
    except (LookupError, ValueError, OSError) as error:
        hint = did_you_mean(zone, sorted(available_timezones())) or "Use an IANA name such as Europe/Berlin."
        raise ValueError(f"time zone {zone!r} is not known. {hint}") from error


class ColumnSpec(_Strict):
    """What a column is."""

    role: ColumnRole
    is_: Literal["unit", "lot", "execution"] | None = Field(
        default=None, alias="is", description="For subjects: what it names."
    )
    name: str | None = Field(default=None, description="Attribute name; default: the column's own.")
    type: AttributeType | None = Field(default=None, description="Default: text; number for ordered factors.")
    unit: str | None = Field(default=None, description="UCUM unit of the values.")
    title: dict[str, str] = Field(default_factory=dict, description="Title by language: zh, en.")
    formats: list[str] | None = Field(default=None, description="Time formats of this column alone.")
    zone: str | None = Field(default=None, description="Time zone of this column alone.")
    optional: bool = Field(
        default=False, description="A file may lack the column; its values are empty then."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.role is ColumnRole.ORDERED_FACTOR and self.value_type not in {
            AttributeType.INTEGER,
            AttributeType.NUMBER,
            AttributeType.TIME,
        }:
            raise ValueError(f"an ordered factor needs type integer, number or time, not {self.value_type}")
        if self.is_ and self.role is not ColumnRole.SUBJECT:
            raise ValueError(f"`is: {self.is_}` goes with role subject, not {self.role}")
        if self.zone is not None:
            check_zone(self.zone)
        return self

    @property
    def value_type(self) -> AttributeType:
        """Type of the attribute made of the column."""
        if self.type is not None:
            return self.type
        if self.role is ColumnRole.ORDERED_FACTOR:
            return AttributeType.NUMBER
        return AttributeType.TIME if self.role is ColumnRole.TIME else AttributeType.TEXT


class LongSpec(_Strict):
    """A table with one measurement per row; every field names a column."""

    subject: str
    is_: Literal["unit", "lot", "execution"] = Field(default="unit", alias="is")
    characteristic: str
    value: str | None = None
    text: str | None = None
    time: str | None = None
    unit: str | None = None
    segment: str | None = None
    equipment: str | None = None
    gauge: str | None = None
    person: str | None = None
    method: str | None = None


class WideValue(_Strict):
    """One characteristic of a wide table."""

    column: str
    unit: str | None = None
    text: bool = Field(default=False, description="The values are words such as OK and NOK.")


class WideSpec(_Strict):
    """A table with several characteristics per row; the other fields name columns."""

    subject: str
    is_: Literal["unit", "lot", "execution"] = Field(default="unit", alias="is")
    time: str | None = None
    segment: str | None = None
    equipment: str | None = None
    gauge: str | None = None
    person: str | None = None
    method: str | None = None
    values: dict[str, str | WideValue] = Field(min_length=1, description="Column by characteristic.")


class Mapping(_Strict):
    """A whole mapping file."""

    version: Literal[1] = 1
    source: str = Field(min_length=1, max_length=200, pattern=r"^[^/\s](.*[^\s])?$")
    file: FileSpec = Field(default_factory=FileSpec)
    time: TimeSpec = Field(default_factory=TimeSpec)
    columns: dict[str, ColumnSpec] = Field(default_factory=dict)
    records: list[AnyRecord] = Field(default_factory=list)
    long: LongSpec | None = Field(default=None, description="Shorthand: one measurement per row.")
    wide: WideSpec | None = Field(default=None, description="Shorthand: several measurements per row.")

    @field_validator("source")
    @classmethod
    def _source_is_a_path_part(cls, source: str) -> str:
        if "/" in source:
            raise ValueError(f"source {source!r} must not hold '/'")
        return source

    def expanded(self) -> Mapping:
        """The same mapping with its shorthands written out as columns and records."""
        columns, records = dict(self.columns), list(self.records)
        for spec in (self.long, self.wide):
            if spec is not None:
                for column, found in _implied_columns(spec).items():
                    columns.setdefault(column, found)
        if self.long is not None:
            records.append(MeasurementSpec(subject_kind=self.long.is_, **_refs(self.long)))
        if self.wide is not None:
            common = _refs(self.wide)
            for characteristic, value in self.wide.values.items():
                wide = WideValue(column=value) if isinstance(value, str) else value
                records.append(
                    MeasurementSpec(
                        subject_kind=self.wide.is_,
                        characteristic=_escaped(characteristic),
                        unit=None if wide.unit is None else _escaped(wide.unit),
                        skip_empty=True,
                        **{"text" if wide.text else "value": f"${wide.column}"},
                        **common,
                    )
                )
        return self.model_copy(update={"columns": columns, "records": records, "long": None, "wide": None})

    @property
    def sources(self) -> dict[str, ColumnSpec]:
        """What attributes are taken from: the columns, and the values from the file name as annotations."""
        named = ColumnSpec(role=ColumnRole.ANNOTATION)
        return {**dict.fromkeys(self.file.name_values, named), **self.columns}


def _escaped(text: str) -> str:
    return f"${text}" if text.startswith("$") else text


def _refs(spec: LongSpec | WideSpec) -> dict[str, Any]:
    names = set(type(spec).model_fields) - {"is_", "values"}
    return {name: f"${column}" for name in sorted(names) if (column := getattr(spec, name)) is not None}


def _implied_columns(spec: LongSpec | WideSpec) -> dict[str, ColumnSpec]:
    found: dict[str, ColumnSpec] = {spec.subject: ColumnSpec(role=ColumnRole.SUBJECT, is_=spec.is_)}
    if spec.time is not None:
        found[spec.time] = ColumnSpec(role=ColumnRole.TIME)
    outcomes = (
        [spec.value, spec.text]
        if isinstance(spec, LongSpec)
        else [value if isinstance(value, str) else value.column for value in spec.values.values()]
    )
    for column in outcomes:
        if column is not None:
            found[column] = ColumnSpec(role=ColumnRole.OUTCOME)
    for name in ("characteristic", "segment", "equipment", "gauge", "person", "method"):
        if (column := getattr(spec, name, None)) is not None:
            found.setdefault(column, ColumnSpec(role=ColumnRole.FACTOR))
    if isinstance(spec, LongSpec) and spec.unit is not None:
        found.setdefault(spec.unit, ColumnSpec(role=ColumnRole.ANNOTATION))
    return found


@dataclass(frozen=True)
class MappingFile:
    """A checked mapping with the text it was read from."""

    mapping: Mapping
    """As written, shorthands kept."""
    text: str
    """The YAML."""
    document: LinedDocument = field(repr=False)
    """Lines of the YAML, for messages."""

    @property
    def expanded(self) -> Mapping:
        """With shorthands written out."""
        return self.mapping.expanded()


def read_mapping(source: str | Path | Mapping | MappingFile | dict[str, Any]) -> MappingFile:
    """Read and check a mapping: a path, YAML text (more than one line), a dict or a :class:`Mapping`.

    Raises
    ------
    MappingError
        Not there, not YAML, or not valid; the message names file, line and path, and what to write.
    """
    if isinstance(source, MappingFile):
        return source
    if isinstance(source, (Mapping, dict)):
        given = (
            source.model_dump(mode="json", by_alias=True, exclude_unset=True)
            if isinstance(source, Mapping)
            else source
        )
        return parse_mapping(_to_yaml(given), "mapping")
    if isinstance(source, str) and "\n" in source:
        return parse_mapping(source, "mapping")
    path = Path(source)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise MappingError(
            f"{path}: can't be read: {error.strerror or error}", hint="Check the path."
        ) from error
    except UnicodeDecodeError as error:
        raise MappingError(
            f"{path}: not UTF-8 text at byte {error.start}", hint="Save it as UTF-8."
        ) from error
    return parse_mapping(text, path.name)


def _to_yaml(given: dict[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(given, allow_unicode=True, sort_keys=False)


def parse_mapping(text: str, name: str) -> MappingFile:
    """Check mapping YAML; ``name`` stands in messages. Raises ``MappingError``."""
    from assay.connect.mapping_checks import check_mapping

    document = parse_yaml(text, name)
    if not isinstance(document.value, dict):
        raise MappingError(f"{name}:1: a mapping file is a block of `key: value` lines, this is not one")
    try:
        mapping = Mapping.model_validate(document.value)
    except ValidationError as error:
        raise MappingError(_told(error, document), hint=_hint(error)) from error
    file = MappingFile(mapping, text, document)
    check_mapping(file)
    return file


_PLAIN = {
    "missing": "is needed and not there",
    "extra_forbidden": "is not a key that is known here",
    "union_tag_invalid": "kind {tag!r} is not one of {expected_tags}",
    "union_tag_not_found": "a record needs its `kind:`",
}
"""What pydantic says of programs, said of mapping files."""


def _told(error: ValidationError, document: LinedDocument) -> str:
    said: dict[tuple[str | int, ...], list[str]] = {}
    shown: dict[tuple[str | int, ...], str] = {}
    for problem in error.errors():
        path = _yaml_path(problem["loc"], document, missing=problem["type"] in {"missing", "extra_forbidden"})
        text = _PLAIN.get(problem["type"], problem["msg"]).removeprefix("Value error, ")
        text = text.format(**problem.get("ctx", {})) if problem["type"] in _PLAIN else text
        if text not in said.setdefault(path, []):
            said[path].append(text)
        given = problem.get("input")
        shown[path] = f" (given: {given!r})" if isinstance(given, str | int | float | bool) else ""
    return "\n".join(
        f"{document.where(path)}: {' or '.join(texts)}{shown[path]}" for path, texts in said.items()
    )


def _yaml_path(
    loc: tuple[str | int, ...], document: LinedDocument, *, missing: bool
) -> tuple[str | int, ...]:
    """Pydantic's location without the tags of unions it puts in between; the last part may be missing."""
    path: tuple[str | int, ...] = ()
    for at, part in enumerate(loc):
        if (*path, part) in document.lines or (missing and at == len(loc) - 1):
            path = (*path, part)
    return path


def _hint(error: ValidationError) -> str | None:
    for problem in error.errors():
        if problem["type"] == "extra_forbidden":
            known = _known_keys(tuple(part for part in problem["loc"][:-1]))
            return did_you_mean(str(problem["loc"][-1]), known) or f"Known here: {', '.join(known)}."
        if problem["type"] == "union_tag_invalid":
            context = problem["ctx"]
            known = str(context["expected_tags"]).replace("'", "").split(", ")
            return did_you_mean(str(context["tag"]), known) or f"Known here: {', '.join(known)}."
    return "The mapping reference lists every key: docs/reference/mapping.schema.json."


def _known_keys(loc: tuple[str | int, ...]) -> list[str]:
    from assay.connect import mapping_records

    by_place: dict[str, type[BaseModel]] = {
        "file": FileSpec,
        "time": TimeSpec,
        "columns": ColumnSpec,
        "long": LongSpec,
        "wide": WideSpec,
    }
    model: type[BaseModel] = by_place.get(str(loc[0]), Mapping) if loc else Mapping
    if loc and loc[0] == "records" and len(loc) > 2:
        model = getattr(mapping_records, f"{str(loc[2]).capitalize()}Spec", Mapping)
    return [one.alias or name for name, one in model.model_fields.items()]


def name_values(mapping: Mapping, file_name: str) -> dict[str, str]:
    """Values taken from a file's name; the whole stem where a pattern does not match.

    The value is the group of the same name, else the first group, else the whole match.
    """
    stem = file_stem(file_name)
    found = {}
    for name, pattern in mapping.file.name_values.items():
        match = re.search(pattern, stem)
        if match is None:
            value: str | None = stem
        elif name in match.groupdict():
            value = match.group(name)
        else:
            value = match.group(1) if match.re.groups else match.group(0)
        found[name] = value or stem
    return found


def file_stem(file_name: str) -> str:
    """The file's name without its suffix, also of ``.csv.gz``."""
    path = Path(file_name)
    if path.suffix.lower() == ".gz":
        path = Path(path.stem)
    return path.stem


def mapping_schema() -> dict[str, Any]:
    """JSON Schema of the mapping file, for editors."""
    schema = Mapping.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Assay mapping"
    return schema


__all__ = [
    "ColumnSpec",
    "FileSpec",
    "LongSpec",
    "Mapping",
    "MappingFile",
    "Ref",
    "TimeSpec",
    "WideSpec",
    "WideValue",
    "dotted",
    "file_stem",
    "mapping_schema",
    "name_values",
    "parse_mapping",
    "read_mapping",
]
