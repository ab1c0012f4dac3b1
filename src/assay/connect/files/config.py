"""How a file is read, as set in a mapping."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class FilesConfig(BaseModel):
    """Settings of the file connector."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["auto", "csv", "excel", "parquet"] = Field(
        default="auto", description="Default: by content, checked against the name."
    )
    encoding: str | None = Field(default=None, description="Default: by the byte-order mark, else utf-8.")
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    decimal: Literal[".", ","] = "."
    header_row: int = Field(default=1, ge=1, description="1-based line that holds the column names.")
    sheet: str | int | None = Field(default=None, description="Excel sheet by name or 1-based number.")
