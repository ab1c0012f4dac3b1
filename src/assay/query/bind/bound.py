"""``plant.bind``: every unit × step × signal with its features."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assay.model.errors import closest
from assay.model.questions import UserFeature
from assay.model.text import Text
from assay.query.bind.bucket import INTERVALS, bucket_sql, columns_of, interval_table, widths
from assay.query.bind.errors import BindRefusal, listed, note
from assay.query.bind.features import DEFAULT, FeatureSet, feature_set
from assay.query.bind.intervals import SCHEMA, Steps, steps
from assay.query.bind.plant import plant_readings
from assay.query.bind.scanning import Scan, as_table
from assay.query.domain.signals import signals_of
from assay.query.engines.registry import engine_of
from assay.query.program import Engine, Limits
from assay.store.snapshot import Snapshot
from assay.store.workspace import Workspace

if TYPE_CHECKING:
    from assay.plugins.operator import Progress

Method = Literal["auto", "kernel", "sql"]
MOST_ROWS = 20_000_000
"""Most rows of a result that is kept in memory."""

_EXAMPLES = 5
_SECONDS = 3600.0
_READINGS, _FEATURES = "bind_readings", "bind_features"
_SLICE = 1 << 18


@dataclass(frozen=True, eq=False)
class Bound:
    """The features of every unit, step and signal that has readings.

    Attributes
    ----------
    rows
        Number of rows.
    features
        The names of the features, in order.
    notes
        What a person should know: steps without readings, steps still open, edges that clocks leave open.
    path
        The Parquet file that holds the rows, where they went to one.
    """

    rows: int
    features: tuple[str, ...]
    notes: tuple[Text, ...]
    path: Path | None = None
    table: pa.Table | None = None

    def to_arrow(self) -> pa.Table:
        """The rows: unit, unit_kind, execution, segment, phase, equipment, signal, started, ended,
        clock_uncertainty, then the features."""
        return self.table if self.table is not None else pq.read_table(self.path)

    def to_parquet(self, path: str | PathLike[str]) -> Path:
        """Write the rows to a Parquet file."""
        target = Path(path)
        pq.write_table(self.to_arrow(), target, compression="zstd")
        return target

    def to_dict(self) -> dict[str, Any]:
        """The answer as plain JSON values; rows that went to a file stay there."""
        rows = [] if self.table is None else self.table.to_pylist()
        return {
            "features": list(self.features),
            "rows": self.rows,
            "notes": [one.model_dump() for one in self.notes],
            "file": None if self.path is None else str(self.path),
            "bound": rows,
        }


def bind(
    workspace: Workspace,
    *,
    segment: str | None = None,
    features: Iterable[str | UserFeature] | Mapping[str, str] = DEFAULT,
    signals: Sequence[str] | None = None,
    equipment: Sequence[str] | None = None,
    units: Sequence[str] | None = None,
    where: str | None = None,
    phases: bool = False,
    between: tuple[datetime | None, datetime | None] | None = None,
    method: Method = "auto",
    engine: str | None = None,
    out: str | PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Bound:
    """Features of signals over the time that each unit or lot was in a step.

    Parameters
    ----------
    segment, equipment, units, where, phases, between
        Which steps, see :func:`assay.query.bind.intervals.steps`.
    features
        Names such as ``mean``, ``time_in_band(180, 220)`` or ``rise = last - first``, features of the plant's
        model, or names with formulas; see :data:`assay.query.bind.features.BUILT_IN`.
    signals
        Only these signals; all that have readings without it.
    method
        ``kernel``: the compiled scan, in this process. ``sql``: the same in SQL on the engine. ``auto``: the
        kernel where the engine is the embedded one, SQL on any other.
    engine
        Where SQL runs: empty for DuckDB, or the URL of a Spark cluster; by default the setting ``engine`` of
        ``assay.toml``.
    out
        A Parquet file that the rows are written to while they are made; memory stays bounded.

    Raises
    ------
    QueryError
        A name isn't known, a formula can't be read, times are reversed, there are no readings or steps at
        all, or the result is too large for memory.
    """
    if method not in {"auto", "kernel", "sql"}:
        raise BindRefusal.of("method", method=method)
    asked = feature_set(features, workspace.model.features)
    chosen_engine = engine_of(workspace, engine)
    snapshot = workspace.lake.snapshot()
    chosen = None if signals is None else list(dict.fromkeys(signals))
    if chosen is not None:
        _check_signals(workspace, snapshot, chosen)
    found = steps(
        workspace,
        snapshot,
        segment=segment,
        equipment=equipment,
        units=units,
        where=where,
        phases=phases,
        between=between,
    )
    work = _Work(workspace, snapshot, found, asked, signals=chosen, progress=progress)
    here = method == "kernel" or (method == "auto" and chosen_engine.embedded)
    pieces = work.by_kernel() if here else work.by_sql(chosen_engine)
    if out is not None:
        path = Path(out)
        rows = _written(pieces, path, work.schema)
        return Bound(rows, asked.columns, work.notes(), path)
    tables, rows = [], 0
    for piece in pieces:
        rows += len(piece)
        if rows > MOST_ROWS:
            raise BindRefusal.of("rows", most=f"{MOST_ROWS:,}")
        tables.append(piece)
    table = pa.concat_tables(tables) if tables else work.schema.empty_table()
    keys = [(name, "ascending") for name in ("started", "execution", "unit", "phase", "equipment", "signal")]
    return Bound(rows, asked.columns, work.notes(), table=table.sort_by(keys))


class _Work:
    """One bind: intervals to groups to rows."""

    def __init__(
        self,
        workspace: Workspace,
        snapshot: Snapshot,
        found: Steps,
        asked: FeatureSet,
        *,
        signals: Sequence[str] | None,
        progress: Progress | None,
    ) -> None:
        self._workspace, self._snapshot, self._steps = workspace, snapshot, found
        self._asked, self._signals, self._progress = asked, signals, progress
        self._spans, number = found.spans()
        # Rows of the steps in the order of their intervals: those of interval i lie together.
        numbers = number.to_numpy()
        self._order = np.argsort(numbers, kind="stable")
        self._edges = np.searchsorted(numbers[self._order], np.arange(len(self._spans) + 1))
        self._met = np.zeros(len(self._spans), bool)
        self._valueless = 0
        place = SCHEMA.get_field_index("equipment") + 1
        fields = list(SCHEMA)
        fields.insert(place, pa.field("signal", pa.string()))
        self.schema = pa.schema([*fields, *asked.schema()])

    def by_kernel(self) -> Iterator[pa.Table]:
        """Rows by the compiled scan, as they come."""
        source = plant_readings(self._workspace, self._snapshot)
        chosen = None if self._signals is None else frozenset(self._signals)
        scan = Scan(source, self._spans, self._asked, chosen, progress=self._progress)
        for bunch in scan.bunches():
            yield from self._rows(as_table([bunch], self._asked, scan.names))
        self._valueless = scan.tally.valueless

    def by_sql(self, engine: Engine) -> Iterator[pa.Table]:
        """Rows by SQL on an engine, all at once."""
        if not len(self._spans):
            return
        with closing(engine.open(self._snapshot, Limits(seconds=_SECONDS))) as session:
            session.register(INTERVALS, interval_table(self._spans))
            buckets = widths(self._spans)
            if session.embedded:
                source = plant_readings(self._workspace, self._snapshot)
                session.register(_READINGS, source.table(self._spans.cover(), self._signals))
                statement = bucket_sql(
                    session.dialect, self._asked, buckets, readings=_READINGS, signals=self._signals
                )
            else:
                from assay.query.bind.on_engine import features_on_engine
                from assay.query.layers.fresh import define_readings

                define_readings(self._workspace, session, _READINGS)
                features_on_engine(
                    session,
                    _FEATURES,
                    self._asked,
                    buckets,
                    readings=_READINGS,
                    intervals=INTERVALS,
                    signals=self._signals,
                    between=(self._spans.begun.min(), self._spans.over.max()),
                )
                statement = f"SELECT * FROM {_FEATURES}"
            table = columns_of(session.arrow(statement), self._asked)
        yield from self._rows(table)

    def _rows(self, groups: pa.Table) -> Iterator[pa.Table]:
        """Groups of intervals as rows of units: those that shared an interval each get its features."""
        for start in range(0, len(groups), _SLICE):
            some = groups.slice(start, _SLICE)
            interval = some.column("interval").to_numpy()
            self._met[interval] = True
            first, counts = self._edges[interval], np.diff(self._edges)[interval]
            group = np.repeat(np.arange(len(some)), counts)
            within = np.arange(len(group)) - np.repeat(np.cumsum(counts) - counts, counts)
            mine = self._steps.table.take(pa.array(self._order[np.repeat(first, counts) + within]))
            features = some.take(pa.array(group))
            columns = {name: mine.column(name) for name in SCHEMA.names}
            columns["signal"] = features.column("signal").cast(pa.string())
            columns |= {name: features.column(name) for name in self._asked.columns}
            yield pa.table([columns[field.name] for field in self.schema], schema=self.schema)

    def notes(self) -> tuple[Text, ...]:
        """What to know about the rows made so far."""
        notes = []
        table = self._steps.table
        if not len(table):
            notes.append(note("no-step"))
        lonely = np.sort(
            np.concatenate(
                [self._order[self._edges[i] : self._edges[i + 1]] for i in np.flatnonzero(~self._met)]
                or [np.empty(0, np.int64)]
            )
        )
        if len(lonely):
            shown = table.take(pa.array(lonely[:_EXAMPLES])).to_pylist()
            named = ", ".join(f"{row['unit']} ({row['segment'] or row['execution']})" for row in shown)
            more = " …" if len(lonely) > _EXAMPLES else ""
            notes.append(note("lonely", count=len(lonely), named=f"{named}{more}"))
        if self._steps.open:
            notes.append(note("open", count=self._steps.open, moment=self._snapshot.moment.isoformat()))
        for reason, count in self._steps.left_out.items():
            notes.append(note(reason, count=count))
        doubt = table.column("clock_uncertainty").fill_null(0.0)
        length = pc.divide(
            pc.subtract(table.column("ended").cast(pa.int64()), table.column("started").cast(pa.int64())), 2e6
        )
        vague = pc.sum(pc.and_(pc.greater(doubt, 0.0), pc.greater_equal(doubt, length))).as_py() or 0
        if vague:
            notes.append(note("vague", count=vague))
        if self._valueless:
            notes.append(note("valueless", count=self._valueless))
        return tuple(notes)


def _check_signals(workspace: Workspace, snapshot: Snapshot, names: Sequence[str]) -> None:
    """Refuse a signal that has no reading anywhere."""
    known = signals_of(workspace, snapshot)
    if not len(known):
        raise BindRefusal.of("no-readings")
    for name in names:
        if name not in known:
            shown = known.some(31)
            some = ", ".join(shown[:30]) + (" …" if len(shown) > 30 else "")
            raise BindRefusal.of("signal", name=name, advice=listed(some, closest(name, known.near(name))))


def _written(pieces: Iterator[pa.Table], path: Path, schema: pa.Schema) -> int:
    """Write the pieces to a file that appears when it is whole; the number of rows."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    rows = 0
    try:
        with pq.ParquetWriter(unfinished, schema, compression="zstd", compression_level=1) as writer:
            for piece in pieces:
                writer.write_table(piece)
                rows += len(piece)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return rows
