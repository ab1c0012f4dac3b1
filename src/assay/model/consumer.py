"""What the public page behind a product's code may show: everything else about a plant stays inside.

The settings are a list of what is allowed. A product, a result, a material or a place that is not named here
is never shown, and a name that is shown is one written here and not one of the plant's own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from assay.model.codes.gs1.code_lists import COUNTRIES_ALPHA
from assay.model.codes.gs1.elements import check_value
from assay.model.codes.gs1.keys import gtin14
from assay.model.errors import CodeError
from assay.model.text import Text

Detail = Literal["country", "site", "lot", "material"]
"""How much of the origin is shown; each level shows those before it too."""

DETAILS: tuple[Detail, ...] = ("country", "site", "lot", "material")
"""The levels, the least first."""


def _checked_gtin(text: str) -> str:
    try:
        whole = gtin14(text)
        check_value("01", whole)
    except CodeError as error:
        raise ValueError(error.message) from error
    return whole


def _checked_country(code: str) -> str:
    if code not in COUNTRIES_ALPHA:
        raise ValueError(f"{code!r} is no country code; write ISO 3166's two capital letters, such as DE")
    return code


Gtin = Annotated[str, AfterValidator(_checked_gtin)]
"""A GTIN of 8, 12, 13 or 14 digits with a right check digit; kept with 14."""

Country = Annotated[str, AfterValidator(_checked_country)]
"""ISO 3166-1 alpha-2."""


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ShownResult(_Settings):
    """One characteristic of the inspection report."""

    characteristic: str = Field(min_length=1, description="Its id; only the item's own results count.")
    name: Text = Field(description="What people read.")
    value: bool = Field(default=False, description="Whether the value is shown, and not only the verdict.")


class Report(_Settings):
    """What is shown of the inspections."""

    grade: bool = Field(
        default=False, description="Whether the grade of the item's unit file is shown, without its lines."
    )
    results: list[ShownResult] = Field(
        default_factory=list, description="The characteristics that are shown."
    )


class ShownMaterial(_Settings):
    """A material that may be named among those an item was made of."""

    material: str = Field(min_length=1, description="Its id.")
    name: Text = Field(description="What people read.")
    origin: Text | None = Field(default=None, description="Where it comes from, as people read it.")


class Circle(_Settings):
    """An area around a point (WGS 84)."""

    latitude: float = Field(ge=-90, le=90, description="Degrees, north is positive.")
    longitude: float = Field(ge=-180, le=180, description="Degrees, east is positive.")
    kilometres: float = Field(gt=0, le=20_100, description="Its radius.")


class Place(_Settings):
    """Where things are made, as people read it."""

    equipment: str = Field(
        min_length=1, description="Id of a site, line or machine; what is made below it is made here."
    )
    country: Text = Field(description="The country.")
    site: Text | None = Field(default=None, description="The town or works.")


class Shown(_Settings):
    """What the pages of one kind of thing may show."""

    name: Text = Field(description="What it is called.")
    description: Text | None = Field(default=None, description="What it is.")
    material: str | None = Field(
        default=None,
        description="Its id in the plant's records; an item recorded as another material is unknown then.",
    )
    report: Report = Field(default=Report(), description="What is shown of its inspections; none: nothing.")
    origin: Detail = Field(
        default="country",
        description="How much of its origin is shown: country, site, lot or material, with those before.",
    )
    materials: list[ShownMaterial] = Field(
        default_factory=list, description="The materials that may be named, where origin is material."
    )
    countries: list[Country] = Field(
        default_factory=list, description="Where it is meant to be sold; none: everywhere."
    )
    areas: list[Circle] = Field(
        default_factory=list, description="The same by place, for scans that tell a position."
    )
    withdrawn: dt.date | None = Field(default=None, description="From which day on its pages are gone.")


class Product(Shown):
    """A product whose codes have a page."""

    gtin: Gtin = Field(description="Its GTIN.")


class LogisticUnit(Shown):
    """Boxes and pallets whose SSCCs have a page."""

    company: str = Field(
        pattern=r"^[0-9]{4,12}$",
        description="GS1 company prefix; an SSCC has it behind its extension digit.",
    )


class HintLimits(_Settings):
    """When a code gets a hint that it may have been copied."""

    days: int = Field(default=30, ge=1, le=3650, description="Scans of how many days are looked at.")
    devices: int = Field(
        default=20, ge=1, le=1000, description="Scanned from more devices than this is scanned too often."
    )
    kilometres_per_hour: float = Field(
        default=1000, gt=0, description="Two scans that ask for a greater speed are too far apart."
    )
    tolerance: float = Field(
        default=100, ge=0, description="Kilometres between two scans that need no time: places are coarse."
    )


class ScanPolicy(_Settings):
    """The retention of scans."""

    keep_days: int = Field(default=90, ge=1, description="Older ones are deleted.")
    most: int = Field(default=1_000_000, ge=1, description="Of more than this the oldest are deleted.")

    @property
    def kept(self) -> dt.timedelta:
        """``keep_days`` as a duration."""
        return dt.timedelta(days=self.keep_days)


class ConsumerPage(_Settings):
    """The public pages of a plant's products, under ``/u/``."""

    maker: Text = Field(description="Who makes the products.")
    contact: Text | None = Field(
        default=None, description="Whom to ask: an address, a telephone number, as people read it."
    )
    products: list[Product] = Field(min_length=1, description="The products that have pages.")
    logistic_units: list[LogisticUnit] = Field(
        default_factory=list, description="The boxes and pallets that have pages; none: no SSCC has one."
    )
    places: list[Place] = Field(default_factory=list, description="Where they are made.")
    hints: HintLimits = Field(default=HintLimits(), description="When a code may have been copied.")
    scans: ScanPolicy = Field(default=ScanPolicy(), description="How long scans are kept.")

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        _once("products", "gtin", (one.gtin for one in self.products))
        _once("logistic_units", "company", (one.company for one in self.logistic_units))
        _once("places", "equipment", (one.equipment for one in self.places))
        if self.scans.keep_days < self.hints.days:
            raise ValueError(
                f"scans.keep_days ({self.scans.keep_days}) is below hints.days ({self.hints.days}), "
                "so that scans would be deleted before they are looked at"
            )
        return self

    def product(self, gtin: str) -> Product | None:
        """The product of a GTIN of 14 digits; None for one that has no page."""
        return next((one for one in self.products if one.gtin == gtin), None)

    def logistic_unit(self, sscc: str) -> LogisticUnit | None:
        """The boxes or pallets that an SSCC is one of, by the longest company prefix; None: no page."""
        known = [one for one in self.logistic_units if sscc.startswith(one.company, 1)]
        return max(known, key=lambda one: len(one.company), default=None)

    def place(self, equipment: Sequence[str]) -> Place | None:
        """Where a machine stands, given by its id and what it stands under, nearest first."""
        known = {one.equipment: one for one in self.places}
        return next((known[one] for one in equipment if one in known), None)


def _once(section: str, name: str, values: Iterable[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"{section} names the {name} {value} twice")
        seen.add(value)


_INSIDE: dict[str, type[BaseModel]] = {
    "products": Product,
    "logistic_units": LogisticUnit,
    "report": Report,
    "results": ShownResult,
    "materials": ShownMaterial,
    "areas": Circle,
    "places": Place,
    "hints": HintLimits,
    "scans": ScanPolicy,
    **dict.fromkeys(("name", "description", "maker", "contact", "country", "site", "origin"), Text),
}


def settings_at(place: Sequence[int | str]) -> Iterable[str]:
    """The settings that may stand at a place of the section, such as ``("products", 0, "gtn")``."""
    names = [one for one in place[:-1] if isinstance(one, str)]
    return (_INSIDE[names[-1]] if names else ConsumerPage).model_fields
