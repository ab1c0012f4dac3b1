"""What a unit file holds: every part of it as a frozen model whose keys are the keys of the JSON file."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from assay.ledger.gate.verdict import REFUSED
from assay.model.text import Text

FORMAT = "assay-unit-file-1"
"""Name and version of the JSON form."""

Verdict = Literal["met", "not met", "not recorded"]
Grade = Literal["conforming", "nonconforming", "incomplete", "not graded"]


class Part(BaseModel):
    """A part of a file: frozen, and nothing else than its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RefusedEvidence(Part):
    """A record that the gate refused as evidence, and what holds of it now."""

    record: str = Field(description="Its name: table:source/epoch/seq.")
    about: str = Field(description="Id of the unit, lot or execution that it is about.")
    what: str | None = Field(default=None, description="A movement's role, a measurement's characteristic.")
    reasons: list[str] = Field(description="Codes of why it was refused; they stay.")
    outcome: str = Field(description="Now: refused, or overridden, accepted or no_policy since.")
    refused: int = Field(description="Its index in the log of refusals.")
    decided: int | None = Field(default=None, description="The entry by which it is refused no more.")

    @property
    def stands(self) -> bool:
        """Whether it is still refused."""
        return self.outcome == REFUSED


class HeldQualification(Part):
    """A qualification of a person for a step, and whether it held when the step began."""

    id: str
    level: str | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    held: bool = Field(description="Whether it held when the step began; false where no time is recorded.")


class HeldCalibration(Part):
    """The calibration of a gauge that counts for a result, and whether it held when that was measured."""

    id: str
    result: str | None = None
    certificate: str | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    held: bool = Field(description="Whether it held then and hadn't failed.")


class Step(Part):
    """One execution that the unit or lot, or something it was made from, went through."""

    execution: str
    segment: str | None = None
    depth: int = Field(description="Movements between the file's subject and this step.")
    confidence: float = Field(description="1 where recorded movements lead here, else less.")
    started: datetime | None = None
    ended: datetime | None = None
    equipment: str | None = None
    equipment_name: str | None = None
    above: list[str] = Field(default_factory=list, description="What it stands under, nearest first.")
    person: str | None = None
    person_name: str | None = None
    qualifications: list[HeldQualification] = Field(default_factory=list)
    recipe: str | None = None
    recipe_revision: str | None = None
    parameters: dict[str, float | str] = Field(default_factory=dict, description="Those of the recipe.")
    work_order: str | None = None
    carriers: list[str] = Field(default_factory=list)
    inputs: list[str] = Field(default_factory=list)
    outputs: list[str] = Field(default_factory=list)
    refused: list[RefusedEvidence] = Field(
        default_factory=list, description="Records of it, results aside, that the gate refused."
    )


class Point(Part):
    """One reading of a curve: seconds since the step began, and the value."""

    at: float
    value: float


class Curve(Part):
    """A signal over the exact time of a step, its features and the limits of the card."""

    execution: str
    segment: str | None = None
    equipment: str | None = None
    signal: str
    unit: str | None = None
    started: datetime
    ended: datetime
    features: dict[str, float | None]
    target: float | None = None
    lower_limit: float | None = None
    upper_limit: float | None = None
    points: list[Point] = Field(
        default_factory=list, description="The least and greatest reading of each stretch, in order of time."
    )


class Inspection(Part):
    """One result, with the limits that were in force when it was measured."""

    time: datetime | None = None
    subject: str
    subject_kind: str
    segment: str | None = None
    characteristic: str
    value: float | None = None
    text: str | None = None
    unit: str | None = None
    lower_specification_limit: float | None = None
    upper_specification_limit: float | None = None
    target: float | None = None
    conforming: bool | None = Field(default=None, description="None: neither limits nor a word judge it.")
    latest: bool = Field(description="Whether no later result of this characteristic replaces it.")
    gauge: str | None = None
    calibration: HeldCalibration | None = None
    person: str | None = None
    method: str | None = None
    confidence: float = 1.0
    refused: RefusedEvidence | None = Field(default=None, description="Where the gate refused it.")


class Occurrence(Part):
    """An event of the unit or lot or of a step, or of its equipment during the step."""

    time: datetime | None = None
    event: str
    subject: str | None = None
    equipment: str | None = None
    severity: str | None = None
    message: str | None = None


class Certificate(Part):
    """A paper or picture of a subject, by the hash of its content."""

    subject: str
    content: str
    media_type: str
    time: datetime | None = None


class MaterialUse(Part):
    """A lot or unit that went into a step, with its certificates."""

    subject: str
    subject_kind: str
    material: str | None = None
    execution: str
    segment: str | None = None
    role: str
    quantity: float | None = None
    unit: str | None = None
    confidence: float = 1.0
    certificates: list[Certificate] = Field(default_factory=list)
    refused: list[RefusedEvidence] = Field(
        default_factory=list, description="Records of the movement that the gate refused."
    )


class Packing(Part):
    """What the unit or lot went into next: a box, a pallet, an assembly."""

    subject: str
    subject_kind: str
    execution: str
    segment: str | None = None
    time: datetime | None = None
    position: str | None = None


class GradedRequirement(Part):
    """One line of the process card, what was found of it, and the verdict."""

    number: int
    requires: str
    segment: str | None = None
    name: str | None = None
    wanted: Text
    found: Text
    verdict: Verdict
    confidence: float = Field(default=1.0, description="The least of the evidence that the verdict rests on.")


class Card(Part):
    """The process card that the file is graded by."""

    id: str
    revision: str | None = None
    material: str | None = None
    valid_from: datetime | None = None


class SubjectFile(Part):
    """What every file of a unit or lot holds."""

    format: str
    plant: str
    id: str
    kind: str
    material: str | None = None
    lot: str | None = None
    began: datetime | None = None
    ended: datetime | None = None
    card: Card | None = None
    grade: Grade
    rule: Text = Field(description="How the grade follows from the verdicts.")
    requirements: list[GradedRequirement] = Field(default_factory=list)
    refused: list[RefusedEvidence] = Field(
        default_factory=list, description="Every record in the file that the gate refused as evidence."
    )
    missing: list[Text] = Field(default_factory=list, description="Evidence that is lacking or in doubt.")
    steps: list[Step] = Field(default_factory=list)
    curves: list[Curve] = Field(default_factory=list)
    inspections: list[Inspection] = Field(default_factory=list)
    events: list[Occurrence] = Field(default_factory=list)
    materials: list[MaterialUse] = Field(default_factory=list)
    certificates: list[Certificate] = Field(default_factory=list)
    packing: list[Packing] = Field(default_factory=list)
    hash: str = Field(default="", description="SHA-256 of the file without this key, see `document_hash`.")

    def to_dict(self) -> dict[str, Any]:
        """The file as plain JSON values, keys in the order of the fields; times in ISO 8601 UTC."""
        return self.model_dump(mode="json")

    def sealed(self) -> Self:
        """The same file with its hash: equal records give an equal hash, whenever it is made."""
        return self.model_copy(update={"hash": document_hash(self.to_dict())})


class UnitFile(SubjectFile):
    """Everything that is recorded of a unit or lot, graded against the process card in force."""

    format: Literal["assay-unit-file-1"] = "assay-unit-file-1"


def document_hash(document: dict[str, Any]) -> str:
    """SHA-256, in hex, of a file without its ``hash``: keys sorted, no spaces, UTF-8."""
    rest = {name: value for name, value in document.items() if name != "hash"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
