"""The gate over HTTP: policies in force, what was refused and why, and what it would say of records."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from assay.api.door import Guarded, Services, services
from assay.ledger.gate.policy import GatePolicy
from assay.ledger.gate.verdict import Verdict
from assay.model.text import Text
from assay.store.plant_gate import PlantGate

MOST_RECORDS = 10_000

router = APIRouter(tags=["gate"])
Rooms = Annotated[Services, Depends(services)]


class _Card(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReasonCard(_Card):
    """Why a record is refused."""

    code: str
    policy: str
    requirement: str | None
    role: str | None = Field(description="person, machine, material, recipe or environment.")
    subject: str | None
    cited: int | None = Field(description="Entry of the input that decided.")
    message: Text
    advice: Text


class GateVerdictCard(_Card):
    """What the gate says of a record."""

    index: int = Field(description="Of the log of refusals, or which of the records that were sent.")
    about: str | None = Field(description="What the record is about; null for records that were sent.")
    outcome: str = Field(description="accepted, refused or no_policy.")
    cited: list[int] = Field(description="Entries of the inputs that the verdict rests on.")
    reasons: list[ReasonCard]


class PolicyCard(_Card):
    """A policy in force."""

    index: int = Field(description="The entry that set it.")
    digest: str = Field(description="SHA-256 of its canonical text.")
    policy: GatePolicy


class RecordsToCheck(_Card):
    """Records to try."""

    records: list[dict[str, Any]] = Field(
        max_length=MOST_RECORDS, description="Each with kind, step, time with its zone, ids by role, values."
    )


@router.get("/gate/policies")
def policies(_: Guarded, rooms: Rooms) -> list[PolicyCard]:
    """The policies in force, by name."""
    return [
        PolicyCard(index=one.index, digest=one.digest.hex(), policy=one.policy)
        for one in PlantGate(rooms.workspace.evidence).policies()
    ]


@router.get("/gate/refused")
def refused(
    _: Guarded,
    rooms: Rooms,
    limit: Annotated[int, Query(ge=1, le=1_000, description="How many, the newest first.")] = 100,
) -> list[GateVerdictCard]:
    """What was refused, with reasons and advice."""
    found = PlantGate(rooms.workspace.evidence).refused()[-limit:]
    return [
        _verdict(one.index, getattr(one.body, "subject", one.body.origin.source), one.verdict)
        for one in reversed(found)
    ]


@router.post("/gate/check")
def check(asked: RecordsToCheck, _: Guarded, rooms: Rooms) -> list[GateVerdictCard]:
    """What the gate would say of records now; nothing is logged."""
    found = PlantGate(rooms.workspace.evidence).check(asked.records)
    return [_verdict(at, None, one) for at, one in enumerate(found)]


def _verdict(index: int, about: str | None, verdict: Verdict) -> GateVerdictCard:
    return GateVerdictCard(
        index=index,
        about=about,
        outcome=verdict.outcome,
        cited=list(verdict.cited),
        reasons=[
            ReasonCard(
                code=one.code,
                policy=one.policy,
                requirement=one.requirement,
                role=one.role,
                subject=one.subject,
                cited=one.cited,
                message=one.said,
                advice=one.advice,
            )
            for one in verdict.reasons
        ],
    )
