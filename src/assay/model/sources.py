"""Databases that stay where they are (MES, LIMS, ERP): what ``model.yaml`` says about them."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_NAME = r"^[^\W\d]\w{0,62}$"


class MountedTable(BaseModel):
    """A table (or view) of a source, mounted as an entity kind or as a record kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=_NAME, description="Its name in the plant.")
    table: str = Field(description="Its name at the source, with its schema: lims.results.")
    kind: str = Field(
        description="What a row is: measurement, event, an entity kind such as work_order, or a new kind."
    )
    key: str | None = Field(default=None, description="Column of the id, for entities.")
    fields: dict[str, str] = Field(
        default_factory=dict, description="Name in the plant: column at the source."
    )
    links: dict[str, str] = Field(
        default_factory=dict, description="Field that holds an id: the entity kind it is an id of."
    )
    constants: dict[str, str] = Field(
        default_factory=dict, description="Fields that are the same in every row, such as subject_kind: unit."
    )


class Source(BaseModel):
    """One database: where it is, and which of its tables are mounted.

    ``url`` is a SQLAlchemy URL for PostgreSQL, MariaDB or SQLite, or ``env:NAME`` for the environment
    variable that holds it, so that no password stands in the file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=_NAME)
    url: str
    tables: list[MountedTable] = Field(min_length=1)
    timeout: float = Field(default=10.0, gt=0, description="Seconds a statement may take.")
    fresh_for: float = Field(default=60.0, ge=0, description="Seconds that fetched rows may be used again.")

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [table.name for table in self.tables]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"source {self.name!r} mounts two tables as {twice[0]!r}")
        return self
