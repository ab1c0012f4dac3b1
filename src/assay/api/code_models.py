"""Bodies of requests and answers on codes."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from assay.analyse.scanned import Thing
from assay.model.codes.gs1.dictionary import table
from assay.model.codes.recognise import LONGEST, Recognised
from assay.model.codes.rules import CodeRule
from assay.model.text import Text
from assay.store.codes import MOST, IssuedCodes


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CodeOrder(_Body):
    """A code, as scanned or typed."""

    text: str = Field(max_length=LONGEST, description="The code; a symbology identifier in front may stay.")


class ElementCard(_Body):
    """One application identifier and its data."""

    ai: str
    title: str
    value: str


class UdiCard(_Body):
    """A unique device identification."""

    agency: Literal["gs1", "hibcc", "iccbba"]
    device: str
    production: dict[str, str]


class ThingCard(_Body):
    """What is recorded under a code."""

    kind: str
    id: str


class CodeCard(_Body):
    """What a code is and says."""

    kind: str = Field(description="gs1, digital-link, epc, udi, plant or uri.")
    text: str
    symbology: str | None
    elements: list[ElementCard]
    udi: UdiCard | None
    rule: str | None = Field(description="The plant's code rule.")
    fields: dict[str, str]
    serial: int | None
    date: dt.datetime | None = Field(description="In plant time.")
    thing: ThingCard | None = Field(description="What is recorded under it; none: nothing is.")

    @classmethod
    def of(cls, code: Recognised, thing: Thing | None) -> CodeCard:
        """The card of a code."""
        titles = table()
        udi = code.udi
        return cls(
            kind=code.kind,
            text=code.text,
            symbology=code.symbology,
            elements=[
                ElementCard(ai=ai, title=titles[ai].title, value=value) for ai, value in code.elements or ()
            ],
            udi=UdiCard.model_validate(
                {"agency": udi.agency, "device": udi.device, "production": dict(udi.production)}
            )
            if udi
            else None,
            rule=code.rule,
            fields=dict(code.fields),
            serial=code.serial,
            date=code.date,
            thing=ThingCard(kind=thing.kind, id=thing.id) if thing else None,
        )


class CodeProblem(_Body):
    """Why a code is not valid."""

    rule: str
    message: Text
    hint: Text | None


class ReadCard(_Body):
    """One code of an image."""

    text: str = Field(description="The data, with GS (ASCII 29) as separator.")
    symbology: str
    identifier: str = Field(description="Symbology identifier of ISO/IEC 15424.")
    corners: list[tuple[int, int]] = Field(description="Pixels, clockwise from the upper left corner.")
    code: CodeCard | None
    problem: CodeProblem | None


class ReadCards(_Body):
    """The codes of an image, from above to below."""

    codes: list[ReadCard]


class SeriesCard(_Body):
    """How far a series of a code rule is."""

    series: str
    last: int
    given: int


class RuleCard(_Body):
    """A code rule of the plant."""

    rule: CodeRule
    series: list[SeriesCard]


class RuleCards(_Body):
    """The code rules of the plant."""

    rules: list[RuleCard]


class NextOrder(_Body):
    """Codes that are wanted."""

    rule: str | None = Field(default=None, description="Name of the rule; none: that of kind and product.")
    of: str = "unit"
    product: str | None = None
    count: int = Field(default=1, ge=1, le=MOST)
    fields: dict[str, str] = Field(default_factory=dict)
    date: dt.date | None = Field(default=None, description="The day the codes shall say; none: today.")


class IssuedCard(_Body):
    """Codes that nobody else gets."""

    rule: str
    series: str
    first: int
    left: int
    codes: list[str]

    @classmethod
    def of(cls, issued: IssuedCodes) -> IssuedCard:
        """The card of given codes."""
        return cls(
            rule=issued.rule,
            series=issued.series,
            first=issued.first,
            left=issued.left,
            codes=list(issued.codes),
        )
