"""What a consumer page holds, as frozen models whose keys are the keys of its JSON form."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from assay.model.text import Text

Grade = Literal["conforming", "nonconforming", "incomplete", "not graded"]
Hint = Literal["unknown", "often", "far-apart"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReportLine(_Part):
    """The latest result of one characteristic."""

    name: Text
    conforming: bool | None = Field(default=None, description="None: nothing judges it.")
    value: float | None = None
    text: str | None = None
    unit: str | None = None
    measured: dt.date | None = Field(default=None, description="The day, in the plant's time zone.")


class InspectionReport(_Part):
    """What the maker shows of the inspections."""

    grade: Grade | None = None
    lines: list[ReportLine] = Field(default_factory=list)


class MadeOf(_Part):
    """A material that went into the item."""

    name: Text
    origin: Text | None = None


class Origin(_Part):
    """Where the item comes from, as far as the maker shows it."""

    country: Text | None = None
    site: Text | None = None
    lot: str | None = None
    made: dt.date | None = Field(default=None, description="The day, in the plant's time zone.")
    materials: list[MadeOf] = Field(default_factory=list)


class ConsumerAnswer(_Part):
    """What everybody may know of a scanned code."""

    format: Literal["assay-consumer-page-1"] = "assay-consumer-page-1"
    link: str = Field(description="The code as a Digital Link on GS1's own host.")
    standing: Literal["recorded", "issued", "unknown", "product"] = Field(
        description="recorded: the item is known; issued: its number was given, and no more; "
        "unknown: neither; product: the code names no single item or lot."
    )
    kind: Literal["unit", "lot"] | None = None
    gtin: str | None = Field(default=None, description="None for a box or pallet.")
    sscc: str | None = Field(default=None, description="None for a product.")
    number: str = Field(default="", description="Serial number or lot, as scanned.")
    maker: Text
    contact: Text | None = None
    name: Text
    description: Text | None = None
    hints: list[Hint] = Field(default_factory=list, description="Why the code may have been copied.")
    report: InspectionReport | None = None
    origin: Origin | None = None
