"""Bodies of requests and answers that are not page payloads."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from assay.apps.payloads import Problem
from assay.model.attributes import AttributeType, ColumnRole
from assay.model.text import Language, Text


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Login(_Body):
    """The administrator's password."""

    password: SecretStr = Field(max_length=1024)


class LoggedIn(_Body):
    """Who is logged in, and the token every request that changes something sends as ``X-CSRF-Token``."""

    user: str
    csrf: str


class PlantCard(_Body):
    """The plant that is served."""

    name: str
    time_zone: str
    language: Language


class SessionCard(LoggedIn):
    """The session, the plant and the version of Assay."""

    plant: PlantCard
    version: str
    upload_limit: int = Field(description="Largest file that may be dropped, in bytes.")


class Done(_Body):
    """Something was done and there is nothing more to say."""

    done: bool = True


class PageCard(_Body):
    """A page as the navigation lists it."""

    id: str
    title: Text
    nav: bool


class OperatorCard(_Body):
    """An operator that can be asked, with the JSON Schema of its arguments."""

    id: str
    title: Text
    description: Text | None
    capabilities: list[str]
    arguments: dict[str, Any]


class ImportColumn(_Body):
    """A column of a dropped file: what it is taken for, what it holds, and what is unsure about that."""

    name: str
    role: ColumnRole
    type: AttributeType
    is_: str | None = Field(
        default=None, alias="is", description="For subjects: unit, lot or execution; null otherwise."
    )
    samples: list[str] = Field(default_factory=list)
    doubt: Text | None = None


class ImportDoubt(_Body):
    """Something the proposal is not sure of; ``column`` is null for the file as a whole."""

    column: str | None
    message: Text


class ImportCard(_Body):
    """A dropped file with its proposed mapping."""

    id: str
    file_name: str
    rows_sampled: int
    columns: list[ImportColumn]
    doubts: list[ImportDoubt]
    mapping: str = Field(description="The proposed mapping as YAML.")


class ColumnChoice(_Body):
    """What a person says a column is."""

    name: str
    role: ColumnRole
    type: AttributeType = AttributeType.TEXT
    is_: Literal["unit", "lot", "execution"] | None = Field(default=None, alias="is")


class MappingChoice(_Body):
    """The columns as the person wants them."""

    columns: list[ColumnChoice]


class MappingText(_Body):
    """The mapping written anew, and what keeps it from being used (empty when nothing does)."""

    mapping: str
    problems: list[Text]


class LoadOrder(_Body):
    """The mapping to load the dropped file with."""

    mapping: str


class LoadCard(_Body):
    """What became of the source rows: rows = accepted + duplicates + quarantined."""

    rows: int
    accepted: int
    duplicates: int
    quarantined: int
    reasons: dict[str, int]
    target: str | None = Field(default=None, description="A target to look for causes of, if any.")
    segment: str | None = None


class ImportProgress(_Body):
    """How far an import is; ``report`` when loaded, ``error`` when it failed."""

    id: str
    file_name: str
    state: Literal["proposed", "loading", "loaded", "failed"]
    share: float | None = Field(default=None, description="How much of the file is done, 0 to 1.")
    step: str | None = Field(default=None, description="What is at work, in one English word or two.")
    rows_done: int = 0
    rows_total: int | None = None
    report: LoadCard | None = None
    error: Problem | None = None


class SqlOrder(_Body):
    """One read-only SELECT over the views named after record kinds and entities."""

    sql: str = Field(max_length=100_000)
    limit: int = Field(default=1000, ge=1, le=10_000)


class FindLimits(_Body):
    """What a question may cost; the server has limits of its own."""

    rows: int = Field(default=10_000, ge=1, le=1_000_000, description="Most rows; more are an error.")
    seconds: float = Field(default=60.0, gt=0, le=3600)
    memory: str = Field(default="4GB", pattern=r"^[1-9]\d{0,5}(MB|GB)$")
    crossed: bool = Field(default=False, description="Whether every pair of two things may be formed.")


class FindOrder(_Body):
    """A question in the language of the plant."""

    question: str = Field(min_length=1, max_length=20_000)
    limits: FindLimits = FindLimits()
    as_of: datetime | None = Field(
        default=None, description="Answer from what the plant knew then; with a time zone."
    )
    explain: bool = Field(default=False, description="Whether to say what was done.")
    first: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="Only the first rows, however many the answer has; null wants all or an error.",
    )


class FoundColumn(_Body):
    """A column of an answer."""

    name: str
    type: str = Field(description="text, number, integer, boolean, time or list.")
    unit: str | None
    title: str
    written: str = Field(description="The name as a further stage of the question writes it.")
    thing: str | None = Field(
        description="The kind of thing whose ids it has, such as unit or lot; subject for any of them."
    )


class FoundAnswer(_Body):
    """The answer to a question."""

    question: str = Field(description="The question in its canonical form.")
    columns: list[FoundColumn]
    key: list[str] = Field(description="The columns that tell one row from another.")
    rows: list[dict[str, Any]]
    row_count: int
    total: int = Field(description="Rows of the whole answer; more than row_count where it was cut.")
    as_of: datetime
    notes: list[str]
    remarks: list[Text] = Field(description="The notes in both languages.")
    explain: dict[str, Any] | None = Field(
        default=None, description="Steps with their rows and seconds, statements and rows moved per source."
    )


class NamesOrder(_Body):
    """A question that is being written, and the place of the cursor in it."""

    question: str = Field(max_length=20_000)
    position: int = Field(ge=0, le=20_000, description="Characters before the cursor.")
    language: Language = "en"


class SuggestedName(_Body):
    """Something that may be written there."""

    text: str
    sort: str = Field(
        description="kind, link, segment, characteristic, event, signal, feature, term, measure, field, "
        "records, actual, aggregate, function, column, stage or word."
    )
    leads: str | None = Field(description="The kind of thing it leads to; null for values and words.")
    unit: str | None
    title: Text | None


class SuggestedNames(_Body):
    """What may be written in the place of the characters from ``start`` up to but not including ``end``."""

    start: int
    end: int
    names: list[SuggestedName]
    more: bool = Field(description="Whether there are more than are listed.")


class ExtractOrder(_Body):
    """What to extract: a question, or the token to go on from, or both."""

    q: str | None = Field(default=None, max_length=20_000)
    after: str | None = Field(default=None, max_length=65_536, description="The resume token to go on from.")
    received: int = Field(default=0, ge=0, description="Rows received since that token.")
    batch_rows: int = Field(default=16_384, ge=1, le=65_536)
    format: Literal["arrow", "parquet", "csv"] = "arrow"

    @model_validator(mode="after")
    def _says_what(self) -> Self:
        if self.q is None and self.after is None:
            raise ValueError("give a question (q) or the token to go on from (after)")
        return self


class ReplayOrder(_Body):
    """The corrected mapping as YAML; null tries every row by the mapping it was loaded with."""

    mapping: str | None = None


class ReplayCard(_Body):
    """What became of the quarantined rows that were tried again."""

    tried: int
    accepted: int
    duplicates: int
    quarantined: int
    reasons: dict[str, int]


class RecordedCard(_Body):
    """What was recorded of what was worked out."""

    rows: int = Field(description="Movements that are new; 0 where traces carry all of it already.")
    edges: int = Field(description="Edges that were worked out.")
    by: str = Field(description="Who recorded them.")
