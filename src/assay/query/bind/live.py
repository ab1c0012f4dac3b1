"""The same features on readings and steps as they arrive.

Readings wait in order until they are older than the stated lateness; then they are scanned by the kernel that
binds history, and only the partial results of the intervals that are still open stay. What is kept is bounded
by the readings of that lateness and by the open intervals.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay.model.errors import QueryError
from assay.model.kinds import TIME
from assay.model.questions import UserFeature
from assay.query.bind.features import DEFAULT, FeatureSet, computed, feature_set
from assay.query.bind.merge import Partials, joined, merged
from assay.query.bind.readings import SCHEMA, Names, TablePiece, Wanted
from assay.query.bind.scanning import scanned
from assay.query.bind.spans import FOREVER, Spans

_LONG_AGO = -(2**61)


@dataclass(frozen=True, slots=True)
class Open:
    """An interval that is still known: times in microseconds, ``over`` is FOREVER until it is closed."""

    equipment: str
    begun: int
    over: int
    doubt: float


class LiveBind:
    """Binds readings to intervals while both arrive, in any order within ``lateness``.

    Parameters
    ----------
    features
        As for :func:`assay.query.bind.bound.bind`.
    lateness
        How long after a reading's or step's time it may still arrive, measured by the newest reading. What
        comes later is not counted; the intervals it belongs to are in :attr:`to_rebind`, and are bound
        again from the plant's records.
    declared
        The features of the plant's model.

    Examples
    --------
    >>> live = LiveBind(["n", "mean"], lateness=timedelta(minutes=5))
    >>> live.lateness
    datetime.timedelta(seconds=300)
    """

    def __init__(
        self,
        features: Iterable[str | UserFeature] | Mapping[str, str] = DEFAULT,
        *,
        lateness: timedelta,
        declared: Sequence[UserFeature] = (),
    ) -> None:
        if lateness < timedelta(0):
            raise QueryError(f"The lateness {lateness} is negative.", hint="Give zero or more.")
        self.lateness = lateness
        self.asked: FeatureSet = feature_set(features, declared)
        self.to_rebind: set[str] = set()
        """Intervals that lost something that came too late, or were corrected too late."""
        self.late_readings = 0
        """Readings that came too late."""
        self._limits = self.asked.limits
        self._names = Names()
        self._intervals: dict[str, Open] = {}
        self._kept: dict[str, list[Partials]] = {}
        self._waiting: list[pa.Table] = []
        self._newest = _LONG_AGO
        self._horizon = _LONG_AGO

    # -- what arrives -----------------------------------------------------------------------------

    def open(
        self,
        interval: str,
        equipment: str,
        started: datetime,
        ended: datetime | None = None,
        clock_uncertainty: float | None = None,
    ) -> None:
        """A step has begun, or is corrected; with ``ended`` it is already over.

        Raises
        ------
        QueryError
            It ends before it starts.
        """
        begun = _micros(started)
        over = FOREVER if ended is None else _end(begun, _micros(ended), interval)
        before = self._intervals.get(interval)
        new = Open(equipment, begun, over, np.nan if clock_uncertainty is None else clock_uncertainty)
        if before is not None and (before.equipment, before.begun) != (equipment, begun):
            # What was counted before the horizon can't be taken back or made up for.
            if min(before.begun, begun) < self._horizon:
                self.to_rebind.add(interval)
            self._kept.pop(interval, None)
        elif begun < self._horizon and (before is None or over < self._horizon):
            self.to_rebind.add(interval)
        self._intervals[interval] = new

    def close(self, interval: str, ended: datetime) -> None:
        """A step is over, or its end is corrected.

        Raises
        ------
        QueryError
            No such interval is open, or it ends before it starts.
        """
        before = self._intervals.get(interval)
        if before is None:
            raise QueryError(
                f"There is no open interval {interval!r}.",
                hint="Open it first; one that was given out already has to be bound again.",
            )
        over = _end(before.begun, _micros(ended), interval)
        if min(over, before.over) < self._horizon:
            self.to_rebind.add(interval)
        self._intervals[interval] = replace(before, over=over)

    def update(self, readings: pa.Table | pa.RecordBatch) -> pa.Table:
        """Take readings; the features of the intervals that are complete by now, which are then forgotten.

        Parameters
        ----------
        readings
            Columns signal, equipment, time and value; clock_uncertainty and recorded where known.
        """
        table = _aligned(readings)
        if len(table):
            times = table.column("time").cast(pa.int64()).to_numpy()
            late = times < self._horizon
            if late.any():
                self._too_late(table.filter(pa.array(late)))
                table = table.filter(pa.array(~late))
            self._newest = max(self._newest, int(times.max()))
            if len(table):
                self._waiting.append(table)
        self._advance(self._newest - round(self.lateness.total_seconds() * 1e6))
        done = [name for name, one in self._intervals.items() if one.over <= self._horizon]
        answer = self._answer(done)
        for name in done:
            del self._intervals[name]
            self._kept.pop(name, None)
        return answer

    # -- answers ----------------------------------------------------------------------------------

    def now(self) -> pa.Table:
        """The features so far of every interval that is still known; an open one ends at the newest reading.

        Columns ``interval`` and ``signal``, then the features.
        """
        return self._answer(list(self._intervals))

    @property
    def waiting(self) -> int:
        """Readings that are kept because they are younger than the lateness."""
        return sum(map(len, self._waiting))

    # -- inside -------------------------------------------------------------------------------------

    def _too_late(self, table: pa.Table) -> None:
        self.late_readings += len(table)
        times = table.column("time").cast(pa.int64()).to_pylist()
        for equipment, time in set(zip(table.column("equipment").to_pylist(), times, strict=True)):
            self.to_rebind.update(
                name
                for name, one in self._intervals.items()
                if one.equipment == equipment and one.begun <= time < one.over
            )

    def _advance(self, horizon: int) -> None:
        """Turn readings before the horizon into partial results of the intervals that hold them."""
        if horizon <= self._horizon or not self._waiting:
            self._horizon = max(self._horizon, horizon)
            return
        table = pa.concat_tables(self._waiting)
        old = pc.less(table.column("time").cast(pa.int64()), horizon)
        names, parts = self._scan(table.filter(old), list(self._intervals))
        for place, name in enumerate(names):
            mine = parts.taken(parts.interval == place)
            if len(mine):
                pieces = [*self._kept.get(name, ()), replace(mine, interval=np.zeros_like(mine.interval))]
                self._kept[name] = [merged(pieces, self._limits)]
        rest = table.filter(pc.invert(old))
        self._waiting = [rest.combine_chunks()] if len(rest) else []
        self._horizon = horizon

    def _scan(self, table: pa.Table, names: Sequence[str]) -> tuple[list[str], Partials]:
        """Partial results of the named intervals; their ``interval`` is the place in the list returned."""
        chosen = [self._intervals[name] for name in names]
        spans = self._spans(chosen)
        slots = {name: place for place, name in enumerate(spans.equipment)}
        wanted = Wanted(spans.cover(), slots, None, self.asked.asks_uncertain, self._names)
        run = TablePiece([table]).load(wanted)
        parts, _ = scanned(run, spans, self._limits, asks_uncertain=self.asked.asks_uncertain)
        return list(names), replace(parts, interval=spans.row[parts.interval])

    def _spans(self, chosen: Sequence[Open]) -> Spans:
        return Spans.of(
            [one.equipment for one in chosen],
            np.array([one.begun for one in chosen], np.int64),
            np.array([one.over for one in chosen], np.int64),
            np.array([one.doubt for one in chosen], np.float64),
        )

    def _answer(self, names: Sequence[str]) -> pa.Table:
        """The features of these intervals from what is kept and what waits."""
        parts = []
        if names and self._waiting:
            parts.append(self._scan(pa.concat_tables(self._waiting), names)[1])
        for place, name in enumerate(names):
            parts += [
                replace(kept, interval=np.full_like(kept.interval, place))
                for kept in self._kept.get(name, ())
            ]
        found = merged([joined(parts)], self._limits) if parts else Partials.none(len(self._limits))
        begun = np.array([self._intervals[name].begun for name in names], np.int64)
        over = np.array([self._intervals[name].over for name in names], np.int64)
        over = np.where(over == FOREVER, np.maximum(self._newest, begun) + 1, over)
        features = computed(self.asked, found, begun[found.interval], over[found.interval])
        schema = pa.schema(
            [pa.field("interval", pa.string()), pa.field("signal", pa.string()), *self.asked.schema()]
        )
        columns = [
            pa.array(list(names), pa.string()).take(pa.array(found.interval)),
            self._names.array().take(pa.array(found.signal)),
            *features,
        ]
        return pa.Table.from_arrays(columns, schema=schema)


def _aligned(readings: pa.Table | pa.RecordBatch) -> pa.Table:
    table = pa.Table.from_batches([readings]) if isinstance(readings, pa.RecordBatch) else readings
    lacking = next((name for name in SCHEMA.names[:4] if name not in table.column_names), None)
    if lacking is not None:
        raise QueryError(
            f"The readings have no column {lacking!r}.", hint=f"Columns: {', '.join(SCHEMA.names)}."
        )
    columns = [
        table.column(field.name).cast(field.type)
        if field.name in table.column_names
        else pa.nulls(len(table), field.type)
        for field in SCHEMA
    ]
    aligned = pa.Table.from_arrays(columns, schema=SCHEMA)
    return aligned.filter(aligned.column("time").is_valid())


def _micros(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise QueryError(f"The time {moment} has no zone.", hint="Give it in UTC.")
    return int(pa.scalar(moment, TIME).value)


def _end(begun: int, ended: int, interval: str) -> int:
    if ended < begun:
        raise QueryError(f"The interval {interval!r} ends before it starts.", hint="Correct its times.")
    return max(ended, begun + 1)
