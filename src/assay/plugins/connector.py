"""The connector contract: how the rows of a foreign source enter, block by block, nothing lost.

A connector recognises its sources by content and opens them; the source it opens hands out blocks of
rows as Arrow tables. Rows it can't read are handed out too, as faults with their exact bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import BaseModel

from assay.model.errors import PluginError
from assay.plugins.manifest import Manifest

CONNECTOR_CAPABILITIES = frozenset({"file"})
"""The capabilities a connector may state: 'file' opens files that lie still."""

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Recognition:
    """What a connector takes a file for."""

    format: str
    """Short name of the format, such as 'csv'."""
    certain: bool
    """True when the content proves it (a signature); False when it only looks like it."""


@dataclass(frozen=True)
class RawRow:
    """One source row as it lies in the source."""

    line: int | None
    """1-based line (or sheet row) the row begins on; None when the format has no lines."""
    raw: bytes
    """The exact bytes of the row; JSON of its cells for formats that do not keep rows as bytes."""


@dataclass(frozen=True)
class Fault:
    """A source row that could not be read as a row."""

    row: int
    """0-based number of the source row."""
    line: int | None
    """1-based line the row begins on."""
    column: str | None
    """Column at fault, when one is."""
    value: str | None
    """The value at fault, readable."""
    reason: str
    """Code of the reason, such as 'ragged-row'."""
    message: str
    """What is wrong and what to do, in English."""
    raw: bytes
    """The exact bytes, or the first of them when the whole row was kept as an object."""
    object: str | None = None
    """Content hash under which ``keep`` stored a row too long to carry."""


@dataclass(frozen=True)
class Block:
    """Rows read in one go."""

    table: pa.Table
    """The readable rows; each column is text or has the wanted type."""
    rows: Rows
    """0-based source row numbers of the table's rows, ascending."""
    faults: tuple[Fault, ...]
    """The rows of this block that could not be read."""
    position: int
    """Bytes of the source consumed up to the end of this block."""
    locate: Callable[[Rows], list[RawRow]] = field(repr=False)
    """Lines and exact bytes of table rows, by their index in ``table``."""


@dataclass(frozen=True)
class Reading:
    """What the loader asks of a source."""

    columns: tuple[str, ...]
    """The columns needed; others may be left out of the tables."""
    wanted: Mapping[str, pa.DataType] = field(default_factory=dict)
    """Types a source may deliver directly when every value of a block fits; text is always allowed."""
    null_values: tuple[str, ...] = ("",)
    """Cells that mean nothing was recorded."""
    keep: Callable[[Iterable[bytes]], str] | None = field(default=None, repr=False)
    """Stores bytes too long to carry and returns their content id, as ``sha256:…``."""


@runtime_checkable
class RecordSource(Protocol):
    """An open source."""

    @property
    def format(self) -> str:
        """Short name of the format it is read as."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The column names, in source order, unique."""

    @property
    def size(self) -> int:
        """Bytes of the source, for progress."""

    @property
    def layout(self) -> Mapping[str, Any]:
        """What ``Connector.decode`` needs besides a row's bytes, as JSON: format, columns, more."""

    def blocks(self, reading: Reading) -> Iterator[Block]:
        """Every row once, in source order, as blocks of bounded size."""

    def close(self) -> None:
        """Let go of files and memory."""


@runtime_checkable
class Connector(Protocol):
    """Opens sources of one family of formats."""

    def recognise(self, path: Path) -> Recognition | None:
        """What the content of ``path`` is taken for, or None when it is not one of this connector's."""

    def open(self, path: Path, config: Any) -> RecordSource:
        """Open ``path`` with a validated config; ``SourceError`` when it can't be read as such."""

    def decode(self, raw: bytes, layout: Mapping[str, Any], config: Any) -> list[str | None]:
        """Cells of one quarantined row's exact bytes; ``SourceError`` when they still are not a row."""


@dataclass(frozen=True, kw_only=True)
class ConnectorManifest(Manifest):
    """The manifest of a connector; ``config`` says how a source is read."""

    formats: tuple[str, ...]
    """Format names a mapping may ask for; the connector's id is one if nothing else."""
    make: Callable[[], Connector]
    """Make the connector; heavy imports belong in here."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if unknown := self.capabilities - CONNECTOR_CAPABILITIES:
            raise PluginError(
                f"connector {self.id!r} states unknown capabilities {sorted(unknown)}",
                hint=f"Known: {', '.join(sorted(CONNECTOR_CAPABILITIES))}.",
            )
        if not self.formats:
            raise PluginError(f"connector {self.id!r} names no format")

    def validated(self, config: dict[str, Any] | BaseModel) -> BaseModel:
        """``config`` as the connector's config model; ``pydantic.ValidationError`` if it does not fit."""
        return config if isinstance(config, self.config) else self.config.model_validate(config)
