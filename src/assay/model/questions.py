"""Names a plant gives to its own questions: terms, measures and features, declared in ``model.yaml``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from assay.model.kinds import RecordKind

_NAME = r"^[^\W\d]\w{0,62}$"


class Term(BaseModel):
    """A name for some records: ``defect`` for the events of kind ``visual defect``.

    A question follows it like a link: ``unit[defect.code = 'HC-3']``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=_NAME)
    of: RecordKind = Field(description="The record kind it stands for: measurement, event or artifact.")
    where: str = Field(default="", description="Condition in the language of questions; empty: all of them.")
    fields: dict[str, str] = Field(
        default_factory=dict, description="Other names of its columns, such as code: text."
    )
    title: dict[str, str] = Field(default_factory=dict)


class Measure(BaseModel):
    """A figure that can be asked for by name: ``scrap: share(result = 'NOK')``, of units."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=_NAME)
    of: str = Field(default="unit", description="The kind of thing it is counted over.")
    formula: str = Field(description="An expression over that kind; it may name other measures.")
    unit: str | None = None
    title: dict[str, str] = Field(default_factory=dict)


class UserFeature(BaseModel):
    """A feature of a signal over a step, made from the built-in ones: ``rise: last - first``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=_NAME)
    formula: str = Field(
        description="Arithmetic over n, mean, std, min, max, first, last, slope, duration, "
        "time_in_band(low, high)."
    )
    title: dict[str, str] = Field(default_factory=dict)
