"""Typed attributes that a plant adds to its entity kinds, and the check of a row against them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pyarrow as pa
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
    field_validator,
)

from assay.model.attributes import AttributeType
from assay.model.entities import ENTITIES, MASTER, Entity
from assay.model.errors import ModelError, did_you_mean
from assay.model.kinds import TIME

_PYTHON: dict[AttributeType, Any] = {
    AttributeType.TEXT: str,
    AttributeType.INTEGER: int,
    AttributeType.NUMBER: float,
    AttributeType.BOOLEAN: bool,
    AttributeType.TIME: AwareDatetime,
}

_COLUMNS: dict[Any, pa.DataType] = {
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    datetime: TIME,
    AwareDatetime: TIME,
}


class EntityAttribute(BaseModel):
    """One extra attribute of an entity kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[^\W\d]\w{0,62}$")
    kind: str
    type: AttributeType = AttributeType.TEXT
    unit: str | None = None
    title: dict[str, str] = Field(default_factory=dict)

    @field_validator("kind")
    @classmethod
    def _is_known(cls, kind: str) -> str:
        if kind not in MASTER:
            raise ValueError(f"{kind!r} is not an entity kind with attributes; known: {', '.join(MASTER)}")
        return kind

    def check_against_core(self) -> None:
        """Raise ``ValueError`` when the kind itself has a field of this name."""
        if self.name in {*MASTER[self.kind].model_fields, "is_current"}:
            raise ValueError(f"attribute {self.name!r} has the name of a core field of {self.kind}")


def entity_model(kind: str) -> type[Entity]:
    """The model of an entity kind.

    Raises
    ------
    ModelError
        No such kind.
    """
    try:
        return ENTITIES[kind]
    except KeyError:
        raise ModelError(
            f"{kind!r} is not an entity kind",
            hint=did_you_mean(kind, list(ENTITIES)) or f"Known kinds: {', '.join(ENTITIES)}.",
        ) from None


@lru_cache(maxsize=256)
def _extended(kind: str, extra: tuple[tuple[str, AttributeType], ...]) -> type[Entity]:
    base = entity_model(kind)
    if not extra:
        return base
    fields: dict[str, Any] = {name: (_PYTHON[type_] | None, None) for name, type_ in extra}
    return create_model(base.__name__, __base__=base, **fields)


def check_entity(kind: str, row: Mapping[str, Any], extra: Sequence[EntityAttribute] = ()) -> Entity:
    """Validate one row of an entity kind, with the plant's own attributes.

    Raises
    ------
    ModelError
        A field is unknown, missing or has a value of the wrong type; the message names it.
    """
    model = _extended(kind, tuple((attribute.name, attribute.type) for attribute in extra))
    try:
        return model.model_validate(dict(row))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        where = f"{kind} {row.get('id')!r}" + (f", {field}" if field else "")
        hint = None
        if first["type"] == "extra_forbidden":
            hint = did_you_mean(field, list(model.model_fields)) or (
                f"Declare {field!r} for {kind} in the plant's model.yaml, or leave it out."
            )
            raise ModelError(f"{where}: {kind} has no such attribute", hint=hint) from error
        cause = first.get("ctx", {}).get("error")
        if isinstance(cause, ModelError):
            raise ModelError(f"{where}: {cause.message}", hint=cause.hint) from error
        value = "" if first["type"] in {"missing", "value_error"} else f" (got {first['input']!r})"
        raise ModelError(
            f"{where}: {first['msg'].removeprefix('Value error, ')}{value}", hint="Correct the value."
        ) from error


def _arrow(annotation: Any) -> pa.DataType:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _arrow(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return _arrow(next(part for part in get_args(annotation) if part is not type(None)))
    return _COLUMNS.get(annotation, pa.string())


def entity_schema(kind: str, extra: Sequence[EntityAttribute] = ()) -> pa.Schema:
    """The columns of an entity kind's view: its fields, then the plant's own, then ``is_current``.

    Lists and mappings are columns of JSON text.
    """
    model = entity_model(kind)
    fields = [pa.field(name, _arrow(field.annotation)) for name, field in model.model_fields.items()]
    own = [
        pa.field(
            attribute.name, pa.string() if attribute.type is AttributeType.TEXT else attribute.type.arrow
        )
        for attribute in extra
    ]
    return pa.schema([*fields, *own, pa.field("is_current", pa.bool_())])


def to_column_value(value: Any, field: pa.Field) -> Any:
    """A stored JSON value as Arrow takes it for ``field``."""
    if value is None:
        return None
    if pa.types.is_timestamp(field.type) and isinstance(value, str):
        return datetime.fromisoformat(value)
    if pa.types.is_string(field.type) and not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return value
