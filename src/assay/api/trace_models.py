"""Orders and answers of ``/api/trace``: what the operators take, bounded."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from assay.analyse.common import CommonArguments
from assay.analyse.recall import RecallArguments
from assay.analyse.through import WalkArguments
from assay.apps.payloads import TraceDoubt

MOST_IDS = 10_000
MOST_COMPARED = 1_000
"""Each thing that is compared is walked for itself."""
MOST_RECALLED = 2_000_000
MOST_ROWS = 10_000
"""Rows of one JSON answer; the other formats have all of them."""

Format = Literal["json", "arrow", "csv", "parquet"]
_SAID = "json for one page of rows; the others have all of them."


class TraceOrder(WalkArguments):
    """How a trace walks, and how much of it is answered."""

    direction: Literal["back", "forward", "both"] = "back"
    max_nodes: int = Field(default=400, ge=1, le=MOST_ROWS, description="Keep at most this many nodes.")


class RecallOrder(RecallArguments):
    """A recall, and the page of it that is wanted."""

    ids: list[str] = Field(min_length=1, max_length=MOST_IDS, description="Ids, as for a trace.")
    against: list[str] = Field(default=[], max_length=MOST_IDS, description="Leave out what these reach too.")
    max_nodes: int = Field(default=MOST_RECALLED, ge=1, le=MOST_RECALLED, description="Keep at most so many.")
    format: Format = Field(default="json", description=_SAID)
    limit: int = Field(default=1_000, ge=1, le=MOST_ROWS, description="Rows of a JSON answer.")
    offset: int = Field(default=0, ge=0, description="Rows before the first one of a JSON answer.")


class CommonOrder(CommonArguments):
    """A search for common origins, and the page of it that is wanted."""

    ids: list[str] = Field(min_length=1, max_length=MOST_COMPARED, description="Ids of the bad ones.")
    against: list[str] = Field(default=[], max_length=MOST_COMPARED, description="Ids of good ones.")
    format: Format = Field(default="json", description=_SAID)
    limit: int = Field(default=1_000, ge=1, le=MOST_ROWS, description="Rows of a JSON answer.")
    offset: int = Field(default=0, ge=0, description="Rows before the first one of a JSON answer.")


class CheckAnswer(BaseModel):
    """What the movements say that can't be, the first of each kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    movements: int = Field(description="How many were looked at.")
    counts: dict[str, int] = Field(description="How many doubts of each kind there are.")
    doubts: list[TraceDoubt]


class RefusedCounts(BaseModel):
    """How much of an answer stands refused as evidence."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    records: int = Field(description="Refused records about its things, or that say its movements.")
    things: int = Field(description="Things listed with such records; their column refused says why.")
    movements: int = Field(description="Movements of the answer that a refused record says.")


class _Rows(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)

    against: list[str]
    nodes: list[dict[str, Any]]
    shown: int = Field(description="How many rows are here.")
    found: int = Field(description="How many there are.")
    doubts: list[TraceDoubt] = Field(description="What movements of the answer say and can't be.")
    doubtful: dict[str, int] = Field(description="How many of them are in a doubt of each kind.")
    refused: RefusedCounts = Field(description="What of it the gate refused as evidence, and still does.")


class RecallAnswer(_Rows):
    """One page of a recall, nearest first."""

    roots: list[str]
    direction: Literal["back", "forward", "both"]
    counts: dict[str, int] = Field(description="How many of each kind in the whole recall.")
    edges: int
    truncated: bool = Field(description="Whether max_depth or max_nodes left something out.")


class CommonAnswer(_Rows):
    """One page of common origins, the most suspect first."""

    ids: list[str]
