"""Attributes: the typed columns a plant adds to a record kind, and the part each plays in an analysis."""

from __future__ import annotations

import re
from enum import StrEnum

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, field_validator

from assay.model.kinds import SCHEMAS, TIME, WORD, RecordKind

_NAME = re.compile(r"[^\W\d]\w{0,62}\Z")


class ColumnRole(StrEnum):
    """What a column is to an analysis."""

    FACTOR = "factor"
    ORDERED_FACTOR = "ordered factor"
    SUBJECT = "subject"
    TIME = "time"
    OUTCOME = "outcome"
    DESIGN_LABEL = "design label"
    ANNOTATION = "annotation"


class AttributeType(StrEnum):
    """How an attribute's values are stored."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TIME = "time"

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type of the column."""
        return _ARROW[self]


_ARROW: dict[AttributeType, pa.DataType] = {
    AttributeType.TEXT: WORD,
    AttributeType.INTEGER: pa.int64(),
    AttributeType.NUMBER: pa.float64(),
    AttributeType.BOOLEAN: pa.bool_(),
    AttributeType.TIME: TIME,
}


class Attribute(BaseModel):
    """One extra column of a record kind.

    Only ``factor`` and ``ordered factor`` attributes are ever ranked as causes; design labels and
    annotations are shown and can be used in conditions.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    kind: RecordKind
    type: AttributeType = AttributeType.TEXT
    role: ColumnRole = ColumnRole.FACTOR
    unit: str | None = None
    title: dict[str, str] = Field(default_factory=dict)

    @field_validator("name")
    @classmethod
    def _is_a_column_name(cls, name: str) -> str:
        if not _NAME.match(name):
            raise ValueError(
                f"attribute name {name!r} must start with a letter and hold only letters, digits and _"
            )
        return name

    def check_against_core(self) -> None:
        """Raise ``ValueError`` when the name is taken by a core column of the kind."""
        if self.name in {*SCHEMAS[self.kind].names, "date"}:
            raise ValueError(f"attribute {self.name!r} has the name of a core column of {self.kind.value}")

    @property
    def field(self) -> pa.Field:
        """The Arrow field, nullable."""
        return pa.field(self.name, self.type.arrow)
