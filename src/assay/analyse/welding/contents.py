"""What a weld file holds beyond the file of a unit: each pass, and what the gate said of it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from assay.analyse.unit_file.contents import HeldCalibration, HeldQualification, Inspection, Part, SubjectFile
from assay.analyse.welding.procedure import Kept
from assay.model.text import Text


class WelderTest(HeldQualification):
    """A welder's test: ``level`` is its designation by ISO 9606-1."""

    covers: bool | None = Field(
        default=None,
        description="Whether the pass lies within its range; null: not known, or no designation.",
    )


class WeldLot(Part):
    """A lot in a pass or in the steel of its joint, as it was released when the pass began."""

    subject: str
    material: str | None = None
    material_class: str | None = Field(
        default=None, description="FM1 to FM6 of fillers, the group by ISO/TR 15608 of steels."
    )
    status: str | None = None
    decided: datetime | None = None
    certificate: str | None = Field(default=None, description="Type by EN 10204 on file then, or `none`.")


class MachineService(Part):
    """The last service before the pass, and the hours of the machine then."""

    time: datetime
    due_hours: float
    machine_hours: float | None = None


class GateReason(Part):
    """Why the gate refused a pass."""

    code: str
    requirement: str | None = None
    said: Text
    advice: Text


class GateVerdict(Part):
    """What the gate said of a pass; its entry is proved by `assay ledger prove`."""

    outcome: str
    log: Literal["main", "refused"]
    entry: int = Field(description="Index of its entry in that log.")
    judged: datetime
    policies: list[str] = Field(description="SHA-256 of the policies that judged.")
    cited: list[int] = Field(description="Entries of the main log that the verdict rests on.")
    lapsed: list[int] = Field(default_factory=list, description="Those of them that were revoked since.")
    reasons: list[GateReason] = Field(default_factory=list)
    later: str | None = Field(
        default=None, description="What was said when it was overridden or judged again."
    )
    later_entry: int | None = Field(default=None, description="The entry of the main log that says so.")


class WeldPass(Part):
    """One pass, with what held when it began."""

    execution: str
    number: int | None = None
    repair: int | None = Field(default=None, description="0, or which repair it belongs to.")
    started: datetime | None = None
    ended: datetime | None = None
    person: str | None = None
    tests: list[WelderTest] = Field(default_factory=list)
    machine: str | None = None
    calibrations: list[HeldCalibration] = Field(default_factory=list)
    service: MachineService | None = None
    recipe: str | None = None
    revision: str | None = Field(default=None, description="The revision in force, null where none was.")
    parameters: list[Kept] = Field(default_factory=list)
    consumables: list[WeldLot] = Field(default_factory=list)
    steel: list[WeldLot] = Field(default_factory=list)
    zone: str | None = None
    air_read: datetime | None = None
    arc_time: float | None = Field(default=None, description="Seconds in which the arc burned.")
    arc_energy: float | None = Field(default=None, description="kJ/mm.")
    heat_input: float | None = Field(default=None, description="kJ/mm (EN 1011-1).")
    results: list[Inspection] = Field(default_factory=list)
    checks: dict[str, bool | None] = Field(
        description="Whether welder, power source, service, lots and procedure were in order by the records."
    )
    gate: GateVerdict | None = None
    in_order: bool | None = Field(description="By the gate, without its verdict by the checks.")


class WeldFile(SubjectFile):
    """Everything that is recorded of a welded joint, pass by pass, with the verdicts of the gate."""

    format: Literal["assay-weld-file-1"] = "assay-weld-file-1"
    drawing: str | None = None
    passes: list[WeldPass]
