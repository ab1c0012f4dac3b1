"""A compiled question: relations defined one after another, on any engine.

The compiler turns a question into a :class:`Program`. An engine's :class:`Session` runs it: what is SQL it
runs as SQL, what comes from elsewhere (a source, a walk through the genealogy, features over time) is made
by the room that knows how, and registered under its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa

from assay.query.dialect import Dialect
from assay.store.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one question may cost."""

    rows: int = 1_000_000
    """Most rows of an answer; more are an error, never cut off silently."""
    seconds: float = 60.0
    """Longest running time."""
    memory: str = "4GB"
    """Most memory of the engine, as DuckDB writes it."""
    intermediate: int = 200_000_000
    """Most rows that a step in between may have by estimate."""
    crossed: bool = False
    """Whether every pair of two things may be formed."""


@dataclass(frozen=True, slots=True)
class Define:
    """A relation by SQL in the session's dialect; ``stored`` when it's read more than once."""

    name: str
    sql: str
    stored: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison that a source can evaluate: ``column operator value``.

    ``operator`` is one of ``= != < <= > >= in not in is null is not null like between``; ``value`` is a
    scalar, a tuple for ``in`` and ``between``, and None for the two that need none.
    """

    column: str
    operator: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Fetch:
    """Rows of a mounted table, filtered at the source.

    ``columns`` are names of the model; ``conditions`` are joined by *and*. ``keys`` names a relation defined
    before and its column, whose values the column ``key`` of the source has to have: the runtime decides
    whether to send them in batches or to fetch by the conditions alone, whichever moves fewer rows.
    """

    name: str
    source: str
    table: str
    columns: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()
    key: str | None = None
    keys: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Trail:
    """A walk through the genealogy from the subjects in relation ``origin``.

    ``origin`` has columns ``anchor`` (text), ``kind`` and ``id``; the result has ``anchor``, ``kind``, ``id``
    and ``depth`` (movements, nearest), for every subject reached, the beginnings left out.
    """

    name: str
    origin: str
    direction: str
    kind: str | None
    depth: int | None


@dataclass(frozen=True, slots=True)
class Sensed:
    """Features of signals over intervals.

    ``intervals`` names a relation with columns ``anchor`` (text), ``equipment`` (text), ``started`` and
    ``ended`` (UTC). Readings are counted once per anchor and signal, however the intervals of an anchor
    overlap. ``signals`` are the exact names: one signal, called otherwise on each equipment. The result has
    ``anchor``, ``n`` and one column per feature of ``features`` (names as :mod:`assay.query.bind` knows
    them); it has no row for an anchor without readings.
    """

    name: str
    intervals: str
    signals: tuple[str, ...]
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Given:
    """A relation of rows that are known already, such as master data."""

    name: str
    table: pa.Table


@dataclass(frozen=True, slots=True)
class Conversions:
    """How values in one unit become values in another, as :mod:`assay.query.masters` has it.

    ``pairs`` is SQL of the pairs of units that occur.
    """

    name: str
    pairs: str


Step = Define | Fetch | Trail | Sensed | Given | Conversions


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an answer."""

    name: str
    type: str
    """``text``, ``number``, ``integer``, ``boolean``, ``time`` or ``list``."""
    unit: str | None = None
    title: str | None = None
    thing: str | None = None
    """The kind of thing whose ids it has: ``unit``, ``lot``, …; ``subject`` for a unit, lot or step."""


@dataclass(frozen=True, slots=True)
class Program:
    """Steps in order; the answer is ``select * from result order by order``."""

    steps: tuple[Step, ...]
    result: str
    columns: tuple[Column, ...]
    order: str = ""
    key: tuple[str, ...] = ()
    """The columns that tell one row from another, as far as the question does."""
    asked: Mapping[str, int] = field(default_factory=dict)
    """Statements that were sent to each source for the meaning of names."""


@dataclass(slots=True)
class Told:
    """What a run did, for ``explain``: filled in while it runs."""

    rows: dict[str, int] = field(default_factory=dict)
    """Rows of each relation that was stored or registered."""
    statements: dict[str, int] = field(default_factory=dict)
    """Statements sent to each source."""
    moved: dict[str, int] = field(default_factory=dict)
    """Rows moved from each source."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Time of each step."""
    remembered: dict[str, int] = field(default_factory=dict)
    """Intervals of each step of readings that were sensed by a question before and not scanned again."""
    notes: list[str] = field(default_factory=list)
    """What a person should know: a cache that was used, how a step was done."""


Worker = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


class Session(Protocol):
    """One question's connection to an engine, over one snapshot. Not shared between threads."""

    dialect: Dialect
    snapshot: Snapshot
    embedded: bool
    """Whether the engine is part of this process, so that compiled scans may read the files beside it.
    Elsewhere every step is statements, and what several of them read is stored."""

    def define(self, name: str, sql: str, *, stored: bool = False) -> None:
        """Make a relation known by name; stored ones are computed now, once."""

    def register(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table known as a relation."""

    def arrow(self, sql: str) -> pa.Table:
        """The rows of a reading statement."""

    def stream(self, sql: str, batch_rows: int = 65_536) -> pa.RecordBatchReader:
        """The rows of a reading statement, batch by batch; nothing is computed ahead of the reader."""

    def count(self, relation: str) -> int:
        """The number of rows of a relation."""

    def each(self, worker: Worker, rows: pa.Table, schema: pa.Schema) -> pa.Table:
        """What a worker makes of rows, where there is room for the work: in any order, in any parts.

        The worker is given some of the rows and answers with batches of ``schema``; it is sent away, so that
        it must be a function of a module, or a partial one.
        """

    def close(self) -> None:
        """Let go of the engine."""


class Engine(Protocol):
    """A kind of engine; sessions are opened for each question."""

    name: str
    embedded: bool
    """As its sessions have it."""

    def open(self, snapshot: Snapshot, limits: Limits) -> Session:
        """A session over a snapshot, with the base relations of :mod:`assay.query.domain.relations`."""
