"""What a source row becomes: one model per record kind, whose fields are ``$column``s or literals."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from assay.model.kinds import SCHEMAS, RecordKind, Role, own_fields

Ref = str | int | float | bool
"""``$column`` or ``$name_value`` takes the row's value; else a literal, with ``$$`` for a dollar sign."""

SUBJECT_KINDS = ("unit", "lot", "execution")
"""What a subject may be."""


class RecordSpec(BaseModel):
    """What all kinds have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    KIND: ClassVar[RecordKind]
    DEFAULT_KEY: ClassVar[tuple[str, ...]]

    kind: str
    time: Ref | None = Field(default=None, description="When it happened.")
    clock_uncertainty: Ref | None = Field(default=None, description="Uncertainty of the clock in seconds.")
    attributes: list[str] | dict[str, Ref] = Field(
        default_factory=list,
        description="Columns and values from the file name, kept as the plant's own attributes "
        "of this record; or name: $column.",
    )
    key: list[str] | None = Field(
        default=None,
        description="Fields that name the fact; two rows with the same key must say the same.",
    )

    def fields(self) -> dict[str, Ref]:
        """The record's fields that are given, by the name of the lake column."""
        names = [field.name for field in own_fields(self.KIND)] + ["time", "clock_uncertainty"]
        given = ((name, getattr(self, name, None)) for name in names)
        return {name: value for name, value in given if value is not None}

    def key_fields(self) -> tuple[str, ...]:
        """The fields of the natural key."""
        return tuple(self.key) if self.key is not None else self.DEFAULT_KEY

    @classmethod
    def required(cls) -> tuple[str, ...]:
        """Own fields that every record must have."""
        return tuple(field.name for field in own_fields(cls.KIND) if not field.nullable)


class MovementSpec(RecordSpec):
    """One actual of a step execution."""

    KIND = RecordKind.MOVEMENT
    DEFAULT_KEY = ("segment", "execution", "role", "subject_kind", "subject", "position")

    kind: Literal["movement"] = "movement"
    execution: Ref
    role: Ref = Role.PRODUCED.value
    subject: Ref
    subject_kind: Ref = "unit"
    quantity: Ref | None = None
    unit: Ref | None = None
    position: Ref | None = None
    segment: Ref | None = None
    equipment: Ref | None = None
    carrier: Ref | None = None
    person: Ref | None = None
    recipe: Ref | None = None
    work_order: Ref | None = None
    material: Ref | None = None
    started: Ref | None = None
    ended: Ref | None = None
    confidence: Ref | None = Field(
        default=None, description="0 to 1: how sure an inferred movement is. Without it, it was recorded."
    )
    share: Ref | None = Field(
        default=None, description="0 to 1: the subject's part of what went into or came out of a mixing step."
    )
    choice: Ref | None = Field(
        default=None, description="Inferred movements with the same choice exclude each other."
    )
    basis: Ref | None = Field(default=None, description="What an inferred movement rests on.")
    correction: Ref | None = Field(
        default=None,
        description="Why this movement replaces the one recorded before with the same segment, execution, "
        "role, subject and position. With a quantity of 0 there was no such movement.",
    )
    corrected_by: Ref | None = Field(default=None, description="Who corrected it.")

    def key_fields(self) -> tuple[str, ...]:
        """A correction says something else of the same fact, as often as it must be said."""
        own = super().key_fields()
        return own if self.correction is None else (*own, "correction", "corrected_by", "time")


class MeasurementSpec(RecordSpec):
    """One measured or judged value."""

    KIND = RecordKind.MEASUREMENT
    DEFAULT_KEY = ("subject_kind", "subject", "characteristic", "segment", "gauge", "method", "time")

    kind: Literal["measurement"] = "measurement"
    subject: Ref
    subject_kind: Ref = "unit"
    characteristic: Ref
    value: Ref | None = None
    text: Ref | None = None
    unit: Ref | None = None
    segment: Ref | None = None
    equipment: Ref | None = None
    gauge: Ref | None = None
    person: Ref | None = None
    method: Ref | None = None
    skip_empty: bool = Field(
        default=False, description="An empty value means not measured (wide tables), instead of a faulty row."
    )


class EventSpec(RecordSpec):
    """Something that happened: alarm, log line, maintenance, change."""

    KIND = RecordKind.EVENT
    DEFAULT_KEY = ("event", "subject_kind", "subject", "equipment", "time")

    kind: Literal["event"] = "event"
    event: Ref
    subject: Ref | None = None
    subject_kind: Ref | None = None
    equipment: Ref | None = None
    severity: Ref | None = None
    message: Ref | None = None


class ReadingSpec(RecordSpec):
    """One value of a signal."""

    KIND = RecordKind.READING
    DEFAULT_KEY = ("signal", "equipment", "time")

    kind: Literal["reading"] = "reading"
    signal: Ref
    value: Ref | None = None
    text: Ref | None = None
    unit: Ref | None = None
    quality: Ref | None = None
    equipment: Ref | None = None


class ArtifactSpec(RecordSpec):
    """A file kept by content hash: image, sound, document."""

    KIND = RecordKind.ARTIFACT
    DEFAULT_KEY = ("content", "subject_kind", "subject")

    kind: Literal["artifact"] = "artifact"
    content: Ref
    media_type: Ref
    subject: Ref | None = None
    subject_kind: Ref | None = None
    equipment: Ref | None = None


class EntitySpec(RecordSpec):
    """Master data: equipment, material, person, gauge…; ``values`` are the entity's own fields."""

    KIND = RecordKind.ENTITY
    DEFAULT_KEY = ("entity", "id", "valid_from")

    kind: Literal["entity"] = "entity"
    entity: str
    id: Ref
    valid_from: Ref | None = None
    valid_to: Ref | None = None
    values: dict[str, Ref] = Field(default_factory=dict)


AnyRecord = Annotated[
    MovementSpec | MeasurementSpec | EventSpec | ReadingSpec | ArtifactSpec | EntitySpec,
    Field(discriminator="kind"),
]

TIME_FIELDS = frozenset({"time", "started", "ended", "valid_from", "valid_to"})
"""Fields that hold a time."""

NUMBER_FIELDS = frozenset({"quantity", "value", "clock_uncertainty"})
"""Fields that hold a number."""


def reference(value: Any) -> str | None:
    """The name a ``$name`` refers to, or None for a literal."""
    if isinstance(value, str) and value.startswith("$") and not value.startswith("$$"):
        return value[1:]
    return None


def literal(value: Ref) -> Ref:
    """A literal as it is meant: ``$$`` at the start stands for one dollar sign."""
    return value[1:] if isinstance(value, str) and value.startswith("$$") else value


def core_names(kind: RecordKind) -> set[str]:
    """Names of the core columns of a kind, which no attribute may take."""
    return {*SCHEMAS[kind].names, "date"}
