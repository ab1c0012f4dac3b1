"""Master data of a plant: ISA-95/ISA-88 resources and the six Ms of a quality problem.

Resources follow ANSI/ISA-95.00.02 (equipment hierarchy, material, personnel, process segment) and
ANSI/ISA-88.00.01 (unit, equipment module, control module). An entity is named by its ``id`` within its
kind and may have several versions, each with a validity interval ``[valid_from, valid_to)``.

Lots, units and executions are entities too, but there are millions of them: they are read off the lake
(:data:`DERIVED`), never kept as rows of the registry.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from assay.model.kinds import Role
from assay.model.text import Text
from assay.model.units import parse_unit


def _as_text(value: object) -> object:
    """Ids and names that a file holds as numbers are taken as their digits."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _no_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("an id can't hold a NUL character")
    return value


Id = Annotated[str, BeforeValidator(_as_text), AfterValidator(_no_nul), Field(min_length=1, max_length=512)]
Name = Annotated[str, BeforeValidator(_as_text)]
Unit = Annotated[str, BeforeValidator(_as_text), AfterValidator(parse_unit)]


class Entity(BaseModel):
    """What every entity has: an id, a name, and the interval in which this version holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    KIND: ClassVar[str] = ""
    TITLE: ClassVar[Text] = Text(zh="实体", en="Entity")

    id: Id
    valid_from: AwareDatetime | None = None
    valid_to: AwareDatetime | None = None
    name: Name | None = None
    description: Name | None = None

    @model_validator(mode="after")
    def _interval_is_forward(self) -> Self:
        if self.valid_from and self.valid_to and self.valid_to <= self.valid_from:
            raise ValueError(
                f"valid_to {self.valid_to.isoformat()} is not after valid_from {self.valid_from.isoformat()}"
            )
        return self


class EquipmentLevel(StrEnum):
    """Where equipment stands in the role-based hierarchy (ISA-95 part 1, 5.3; ISA-88 part 1, 4.2)."""

    ENTERPRISE = "enterprise"
    SITE = "site"
    AREA = "area"
    PROCESS_CELL = "process cell"
    PRODUCTION_UNIT = "production unit"
    LINE = "line"
    STORAGE_ZONE = "storage zone"
    WORK_UNIT = "work unit"
    UNIT = "unit"
    EQUIPMENT_MODULE = "equipment module"
    CONTROL_MODULE = "control module"
    TOOL = "tool"


_ORDER: dict[EquipmentLevel, int] = {
    EquipmentLevel.ENTERPRISE: 0,
    EquipmentLevel.SITE: 1,
    EquipmentLevel.AREA: 2,
    EquipmentLevel.PROCESS_CELL: 3,
    EquipmentLevel.PRODUCTION_UNIT: 3,
    EquipmentLevel.LINE: 3,
    EquipmentLevel.STORAGE_ZONE: 3,
    EquipmentLevel.WORK_UNIT: 4,
    EquipmentLevel.UNIT: 4,
    EquipmentLevel.EQUIPMENT_MODULE: 5,
    EquipmentLevel.CONTROL_MODULE: 6,
    EquipmentLevel.TOOL: 7,
}


def may_contain(parent: EquipmentLevel, child: EquipmentLevel) -> bool:
    """Whether ``child`` equipment may stand under ``parent``: lower in the hierarchy; modules nest."""
    if parent is child:
        return parent in {EquipmentLevel.EQUIPMENT_MODULE, EquipmentLevel.CONTROL_MODULE, EquipmentLevel.AREA}
    return _ORDER[parent] < _ORDER[child]


class Equipment(Entity):
    """A machine, line, cell, area, site or tool."""

    KIND = "equipment"
    TITLE = Text(zh="设备", en="Equipment")

    level: EquipmentLevel | None = None
    parent: Id | None = None
    manufacturer: Name | None = None
    model: Name | None = None
    serial_number: Name | None = None
    zone: Id | None = None


class Person(Entity):
    """A person, by the id the records use."""

    KIND = "person"
    TITLE = Text(zh="人员", en="Person")

    team: Name | None = None
    partner: Id | None = None


class Qualification(Entity):
    """What a person may do, and from when to when."""

    KIND = "qualification"
    TITLE = Text(zh="资质", en="Qualification")

    person: Id | None = None
    segment: Id | None = None
    equipment: Id | None = None
    level: Name | None = None


class Material(Entity):
    """A material definition: what a lot or unit is made of or is."""

    KIND = "material"
    TITLE = Text(zh="物料", en="Material")

    material_class: Name | None = None
    revision: Name | None = None
    unit: Unit | None = None
    partner: Id | None = None


class Segment(Entity):
    """A process segment: a step of the process, independent of a product."""

    KIND = "segment"
    TITLE = Text(zh="工序", en="Process segment")

    parent: Id | None = None
    position: int | None = None
    equipment: Id | None = None
    duration: float | None = Field(default=None, ge=0, description="Planned duration in seconds.")


class Characteristic(Entity):
    """A property that is measured or judged."""

    KIND = "characteristic"
    TITLE = Text(zh="特性", en="Characteristic")

    value_type: Literal["number", "text"] | None = None
    unit: Unit | None = None
    segment: Id | None = None
    material: Id | None = None
    critical: bool | None = None


class Specification(Entity):
    """Target and limits of a characteristic for a material and segment."""

    KIND = "specification"
    TITLE = Text(zh="规格", en="Specification")

    characteristic: Id | None = None
    material: Id | None = None
    segment: Id | None = None
    unit: Unit | None = None
    target: float | None = None
    lower_specification_limit: float | None = None
    upper_specification_limit: float | None = None

    @model_validator(mode="after")
    def _limits_are_ordered(self) -> Self:
        low, high = self.lower_specification_limit, self.upper_specification_limit
        if low is not None and high is not None and low >= high:
            raise ValueError(f"the lower limit {low} is not below the upper limit {high}")
        return self


class InspectionPlan(Entity):
    """Which characteristics are inspected where, how often and by which method."""

    KIND = "inspection_plan"
    TITLE = Text(zh="检验计划", en="Inspection plan")

    material: Id | None = None
    segment: Id | None = None
    characteristics: list[Id] | None = None
    method: Id | None = None
    sample_size: int | None = Field(default=None, ge=1)
    interval: Name | None = None


class Gauge(Entity):
    """A measuring device."""

    KIND = "gauge"
    TITLE = Text(zh="量具", en="Gauge")

    gauge_type: Name | None = None
    unit: Unit | None = None
    resolution: float | None = Field(default=None, gt=0)
    equipment: Id | None = None
    serial_number: Name | None = None


class Calibration(Entity):
    """One calibration of a gauge; its validity interval is the time to the next one."""

    KIND = "calibration"
    TITLE = Text(zh="校准", en="Calibration")

    gauge: Id | None = None
    result: Literal["passed", "adjusted", "failed"] | None = None
    bias: float | None = None
    expanded_uncertainty: float | None = Field(default=None, ge=0)
    partner: Id | None = None
    certificate: Name | None = None


class Partner(Entity):
    """A supplier, customer, laboratory or carrier."""

    KIND = "partner"
    TITLE = Text(zh="合作方", en="Partner")

    partner_role: Name | None = None
    global_location_number: Name | None = None


class WorkOrder(Entity):
    """An order to make a quantity of a material."""

    KIND = "work_order"
    TITLE = Text(zh="工单", en="Work order")

    material: Id | None = None
    quantity: float | None = Field(default=None, ge=0)
    unit: Unit | None = None
    due: AwareDatetime | None = None
    partner: Id | None = None


class Method(Entity):
    """How something is measured or made."""

    KIND = "method"
    TITLE = Text(zh="方法", en="Method")

    revision: Name | None = None
    characteristic: Id | None = None
    document: Name | None = None


class Phase(BaseModel):
    """A planned phase of a recipe, in seconds from the start of the step (ISA-88 part 1, 3.32)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name = Field(min_length=1)
    start: float = Field(ge=0)
    end: float

    @model_validator(mode="after")
    def _ends_after_start(self) -> Self:
        if self.end < self.start:
            raise ValueError(f"phase {self.name!r} ends at {self.end:g} s, before its start {self.start:g} s")
        return self


class Recipe(Entity):
    """The settings with which a segment is run (ISA-88 control recipe header and formula)."""

    KIND = "recipe"
    TITLE = Text(zh="配方", en="Recipe")

    revision: Name | None = None
    segment: Id | None = None
    material: Id | None = None
    parameters: dict[str, float | str] | None = None
    phases: list[Phase] | None = None


class Requirement(BaseModel):
    """One line of a process card: what a step, a result or a paper has to be.

    ``requires`` says of what: a *characteristic* (limits, or words in ``accepted``; without both, the
    specification in force), a *feature* of a signal over the step, a *recipe* and its ``revision``, one of
    some *equipment* (or below it), a *qualification* of the person, the *calibration* of the gauge,
    a *certificate* of the ``material`` that was used, or only that the *step* was done.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name | None = None
    requires: Literal[
        "step",
        "characteristic",
        "feature",
        "recipe",
        "equipment",
        "qualification",
        "calibration",
        "certificate",
    ]
    segment: Id | None = Field(default=None, description="The step; a certificate needs none.")
    characteristic: Id | None = None
    signal: Id | None = None
    feature: Name | None = Field(default=None, description="A feature of bind, such as mean or max.")
    target: float | None = None
    lower_limit: float | None = None
    upper_limit: float | None = None
    unit: Unit | None = Field(default=None, description="The unit of the limits.")
    accepted: list[Name] | None = Field(default=None, description="Words that a result may be.")
    recipe: Id | None = None
    revision: Name | None = None
    equipment: list[Id] | None = None
    level: Name | None = Field(default=None, description="The level of qualification that is asked for.")
    material: Id | None = None

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        needed, allowed = _REQUIREMENTS[self.requires]
        for name in needed:
            if not getattr(self, name):
                raise ValueError(f"a requirement of a {self.requires} needs {name!r}")
        given = self.model_fields_set - {"name", "requires", "segment"}
        for name in sorted(given - set(needed) - set(allowed)):
            if getattr(self, name) is not None:
                raise ValueError(f"a requirement of a {self.requires} has no {name!r}")
        low, high = self.lower_limit, self.upper_limit
        if low is not None and high is not None and low > high:
            raise ValueError(f"the lower limit {low:g} is above the upper limit {high:g}")
        if self.requires == "feature" and low is None and high is None:
            raise ValueError("a requirement of a feature needs a lower or an upper limit")
        return self


_LIMITS = ("target", "lower_limit", "upper_limit", "unit")
_REQUIREMENTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "step": (("segment",), ()),
    "characteristic": (("characteristic",), (*_LIMITS, "accepted")),
    "feature": (("segment", "signal"), ("feature", *_LIMITS)),
    "recipe": (("segment", "recipe"), ("revision",)),
    "equipment": (("segment", "equipment"), ()),
    "qualification": (("segment",), ("level",)),
    "calibration": (("characteristic",), ()),
    "certificate": (("material",), ()),
}
"""What each sort of requirement needs, and what it may have besides."""


class ProcessCard(Entity):
    """What has to be true of every unit or lot of a material: the standard that unit files are graded by."""

    KIND = "process_card"
    TITLE = Text(zh="工艺卡", en="Process card")

    material: Id | None = None
    revision: Name | None = None
    requirements: list[Requirement] | None = None


class Carrier(Entity):
    """A tray, pallet, fixture or container that holds units while they are worked on."""

    KIND = "carrier"
    TITLE = Text(zh="载具", en="Carrier")

    carrier_type: Name | None = None
    capacity: int | None = Field(default=None, ge=1)


class EnvironmentZone(Entity):
    """A part of the plant with one climate."""

    KIND = "environment_zone"
    TITLE = Text(zh="环境区域", en="Environment zone")

    parent: Id | None = None
    cleanroom_class: Name | None = None


class Signal(Entity):
    """A quantity that is read over time, by the name the readings use."""

    KIND = "signal"
    TITLE = Text(zh="信号", en="Signal")

    equipment: Id | None = Field(default=None, description="Where readings that name no equipment belong.")
    zone: Id | None = None
    unit: Unit | None = Field(default=None, description="The unit that readings are converted to.")
    lower_plausible_limit: float | None = None
    upper_plausible_limit: float | None = None

    @model_validator(mode="after")
    def _limits_are_ordered(self) -> Self:
        low, high = self.lower_plausible_limit, self.upper_plausible_limit
        if low is not None and high is not None and low >= high:
            raise ValueError(f"the lower limit {low} is not below the upper limit {high}")
        return self


class MaterialLot(Entity):
    """A quantity of one material that is handled as one."""

    KIND = "lot"
    TITLE = Text(zh="批次", en="Material lot")

    material: Id | None = None
    partner: Id | None = None
    quantity: float | None = Field(default=None, ge=0)
    unit: Unit | None = None


class MaterialSublot(Entity):
    """A single unit: an ISA-95 sublot of quantity one, with its own serial number."""

    KIND = "unit"
    TITLE = Text(zh="产品单元", en="Unit")

    material: Id | None = None
    lot: Id | None = None


class MaterialActual(BaseModel):
    """One actual of an execution: what was consumed, produced or used (ISA-95 part 4)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Role
    subject: Id
    subject_kind: Literal["unit", "lot", "execution"] = "unit"
    quantity: float | None = None
    unit: Unit | None = None
    position: Name | None = None


class OperationExecution(Entity):
    """One run of a process segment (ISA-95 SegmentResponse), with its actuals."""

    KIND = "execution"
    TITLE = Text(zh="工序执行", en="Operation execution")

    segment: Id | None = None
    equipment: Id | None = None
    person: Id | None = None
    recipe: Id | None = None
    work_order: Id | None = None
    carrier: Id | None = None
    started: AwareDatetime | None = None
    ended: AwareDatetime | None = None
    actuals: list[MaterialActual] | None = None

    @model_validator(mode="after")
    def _ends_after_start(self) -> Self:
        if self.started and self.ended and self.ended < self.started:
            raise ValueError(f"ended {self.ended.isoformat()} is before started {self.started.isoformat()}")
        return self

    def of_role(self, role: Role) -> tuple[MaterialActual, ...]:
        """The actuals that play ``role``."""
        return tuple(actual for actual in self.actuals or () if actual.role is role)


MASTER: dict[str, type[Entity]] = {
    model.KIND: model
    for model in (
        Equipment,
        Person,
        Qualification,
        Material,
        Segment,
        Characteristic,
        Specification,
        InspectionPlan,
        Gauge,
        Calibration,
        Partner,
        WorkOrder,
        Method,
        Recipe,
        ProcessCard,
        Carrier,
        EnvironmentZone,
        Signal,
    )
}
"""Entity kinds kept in the registry, by name."""

DERIVED: dict[str, type[Entity]] = {
    model.KIND: model for model in (MaterialLot, MaterialSublot, OperationExecution)
}
"""Entity kinds read off the lake, by name."""

ENTITIES: dict[str, type[Entity]] = {**MASTER, **DERIVED}
"""Every entity kind, by name."""


def in_force(entity_from: datetime | None, entity_to: datetime | None, moment: datetime) -> bool:
    """Whether a version with interval ``[entity_from, entity_to)`` holds at ``moment``."""
    return (entity_from is None or entity_from <= moment) and (entity_to is None or moment < entity_to)


def stored_values(entity: Entity) -> Mapping[str, Any]:
    """The JSON-ready values of an entity that were given, without its id and interval."""
    return entity.model_dump(mode="json", exclude={"id", "valid_from", "valid_to"}, exclude_unset=True)
