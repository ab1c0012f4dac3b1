"""The same features on readings and movements as they arrive.

Readings wait in order until they are older than the stated lateness; then they are scanned by the kernel that
binds history, and only the partial results of the intervals that are still open stay. What is kept is bounded
by the readings of that lateness, by the open intervals, and by those that were given out not long ago.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay.model.kinds import TIME
from assay.model.questions import UserFeature
from assay.query.bind.errors import BindRefusal
from assay.query.bind.features import DEFAULT, FeatureSet, computed, feature_set
from assay.query.bind.merge import Partials, joined, merged
from assay.query.bind.readings import SCHEMA, Names, TablePiece, Wanted
from assay.query.bind.room import Room
from assay.query.bind.scanning import scanned
from assay.query.bind.spans import FOREVER, Spans

_LONG_AGO = -(2**61)
_TURNS = 64
"""What is remembered is looked through for what to forget so many times while it lasts."""

_NO_TIMES = np.empty(0, np.int64)
_MOVED = ("execution", "equipment", "started", "ended")
_MAY_MOVE = ("segment", "time", "clock_uncertainty")


@dataclass(frozen=True, slots=True)
class Open:
    """An interval that is still known: times in microseconds, ``over`` is FOREVER until it is closed."""

    equipment: str
    begun: int
    over: int
    doubt: float


@dataclass(frozen=True, slots=True)
class _Said:
    """What movements have said of a step so far; ``seen`` is the time of the first of them."""

    equipment: str | None = None
    started: datetime | None = None
    ended: datetime | None = None
    seen: datetime | None = None
    clock_uncertainty: float | None = None

    def and_of(self, row: Mapping[str, Any]) -> _Said:
        """With what another movement says: earliest start, latest end, first equipment by name."""

        def known(name: str, said: Any) -> list[Any]:
            return [one for one in (getattr(self, name), said) if one is not None]

        return _Said(
            equipment=min(known("equipment", row["equipment"]), default=None),
            started=min(known("started", row["started"]), default=None),
            ended=max(known("ended", row["ended"]), default=None),
            seen=min(known("seen", row.get("time")), default=None),
            clock_uncertainty=max(known("clock_uncertainty", row.get("clock_uncertainty")), default=None),
        )

    @property
    def begun(self) -> datetime | None:
        """The start; where only an end was said, the time of the first movement."""
        return self.started if self.started is not None or self.ended is None else self.seen


class LiveBind:
    """Binds readings to intervals while both arrive, in any order within ``lateness``.

    Whatever the order, an interval that is given out and is not in :attr:`to_rebind` has the features that
    history gives.

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
    remembered
        How long after its end an interval that was given out is remembered, so that what comes too late for
        it is noticed; measured as the lateness is.

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
        remembered: timedelta = timedelta(days=1),
    ) -> None:
        for what, length in (("lateness", lateness), ("remembered", remembered)):
            if length < timedelta(0):
                raise BindRefusal.of(what, length=length)
        self.lateness = lateness
        self.remembered = remembered
        self.asked: FeatureSet = feature_set(features, declared)
        self.to_rebind: set[str] = set()
        """Intervals that lost something that came too late, or were corrected too late."""
        self.late_readings = 0
        """Readings that came too late."""
        self.late: dict[str, tuple[datetime, datetime]] = {}
        """Each equipment that readings came too late for, with the times of their first and last."""
        self.left_out: set[str] = set()
        """Steps that end before they start by what movements say: they are not bound."""
        self._limits = self.asked.limits
        self._names = Names()
        self._intervals: dict[str, Open] = {}
        self._given: dict[str, Open] = {}
        self._said: dict[str, _Said] = {}
        self._kept: dict[str, list[Partials]] = {}
        self._waiting: list[pa.Table] = []
        self._newest = _LONG_AGO
        self._forgotten = 2 * _LONG_AGO
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
        new = Open(equipment, begun, over, np.nan if clock_uncertainty is None else clock_uncertainty)
        given = self._given.get(interval)
        if given is not None:
            if not self._alike(given, new):
                self.to_rebind.add(interval)
            return
        before = self._intervals.get(interval)
        if before is not None and not self._alike(replace(before, over=over), new):
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
        before = self._intervals.get(interval) or self._given.get(interval)
        if before is None:
            raise BindRefusal.of("not-open", interval=interval)
        over = _end(before.begun, _micros(ended), interval)
        if interval in self._given:
            if over != before.over:
                self.to_rebind.add(interval)
            return
        if min(over, before.over) < self._horizon:
            self.to_rebind.add(interval)
        self._intervals[interval] = replace(before, over=over)

    def move(self, movements: pa.Table | pa.RecordBatch) -> None:
        """Take movements: a step begins, ends, or is said to have been longer.

        Of what the movements of an execution in a segment say, the earliest start, the latest end and the
        first equipment by name count, as for history; where only an end is said, the step starts at the time
        of the first movement. A step is an interval as soon as its start and its equipment are known; its
        name is :func:`step_name`. One that ends before it starts is in :attr:`left_out`.

        Parameters
        ----------
        movements
            Columns execution, equipment, started and ended; segment, time and clock_uncertainty where known.

        Raises
        ------
        QueryError
            A column is missing.
        """
        table = pa.Table.from_batches([movements]) if isinstance(movements, pa.RecordBatch) else movements
        _check_columns(table, _MOVED, "movements")
        columns = [name for name in (*_MOVED, *_MAY_MOVE) if name in table.column_names]
        touched: dict[str, None] = {}
        for row in table.select(columns).to_pylist():
            name = step_name(row["execution"], row.get("segment"))
            self._said[name] = self._said.get(name, _Said()).and_of(row)
            touched[name] = None
        for name in touched:
            said = self._said[name]
            if said.equipment is None or said.begun is None:
                continue
            if said.ended is not None and said.ended < said.begun:
                self._leave_out(name)
                continue
            self.left_out.discard(name)
            self.open(name, said.equipment, said.begun, said.ended, said.clock_uncertainty)

    def _leave_out(self, name: str) -> None:
        self.left_out.add(name)
        self._intervals.pop(name, None)
        self._kept.pop(name, None)
        if name in self._given:
            self.to_rebind.add(name)

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
            self._given[name] = self._intervals.pop(name)
            self._kept.pop(name, None)
        self._forget()
        return answer

    # -- answers ----------------------------------------------------------------------------------

    def now(self) -> pa.Table:
        """The features so far of every interval that is still known; an open one ends at the newest reading.

        Columns ``interval`` and ``signal``, then the features.
        """
        return self._answer(list(self._intervals))

    @property
    def waiting(self) -> int:
        """Readings that are kept because they are younger than the lateness, or near an end by the clocks."""
        return sum(map(len, self._waiting))

    # -- inside -------------------------------------------------------------------------------------

    def _alike(self, one: Open, other: Open) -> bool:
        """Whether two intervals hold the same readings and count as many uncertain ones."""
        doubts = np.array([one.doubt, other.doubt])
        return replace(one, doubt=0.0) == replace(other, doubt=0.0) and (
            not self.asked.asks_uncertain or np.array_equal(doubts[:1], doubts[1:], equal_nan=True)
        )

    def _forget(self) -> None:
        """Forget intervals that were given out so long ago that nobody asks for them any more."""
        length = round(self.remembered.total_seconds() * 1e6)
        edge = self._horizon - length
        if edge < self._forgotten + length // _TURNS:
            return
        self._forgotten = edge
        for name in [name for name, one in self._given.items() if one.over <= edge]:
            del self._given[name]
        for name, said in list(self._said.items()):
            last = said.ended or said.started or said.seen
            known = name in self._intervals or name in self._given
            if not known and (last is None or _micros(last) <= edge):
                del self._said[name]

    def _too_late(self, table: pa.Table) -> None:
        self.late_readings += len(table)
        groups = table.group_by("equipment", use_threads=False).aggregate([("time", "list")]).to_pylist()
        times = {
            row["equipment"]: np.sort(pa.array(row["time_list"], TIME).cast(pa.int64()).to_numpy())
            for row in groups
            if row["equipment"] is not None
        }
        for equipment, some in times.items():
            first, last = (pa.scalar(int(some[place]), TIME).as_py() for place in (0, -1))
            known = self.late.get(equipment, (first, last))
            self.late[equipment] = min(known[0], first), max(known[1], last)
        for name, one in (*self._intervals.items(), *self._given.items()):
            some = times.get(one.equipment, _NO_TIMES)
            if np.searchsorted(some, one.begun) < np.searchsorted(some, one.over):
                self.to_rebind.add(name)

    def _advance(self, horizon: int) -> None:
        """Turn readings before the horizon into partial results of the intervals that hold them.

        Those that may lie near an end that isn't known yet wait, where someone asks how many do.
        """
        self._horizon = max(self._horizon, horizon)
        if not self._waiting:
            return
        table = pa.concat_tables(self._waiting)
        old = pc.less(table.column("time").cast(pa.int64()), self._horizon - self._margin(table))
        if not pc.any(old).as_py():
            return
        names, parts = self._scan(table.filter(old), list(self._intervals))
        for place, name in enumerate(names):
            mine = parts.taken(parts.interval == place)
            if len(mine):
                pieces = [*self._kept.get(name, ()), replace(mine, interval=np.zeros_like(mine.interval))]
                self._kept[name] = [merged(pieces, self._limits)]
        rest = table.filter(pc.invert(old))
        self._waiting = [rest.combine_chunks()] if len(rest) else []

    def _margin(self, table: pa.Table) -> int:
        """How near to an edge of an interval a reading may be uncertain, in microseconds."""
        if not self.asked.asks_uncertain:
            return 0
        own = np.array([one.doubt for one in self._intervals.values()])
        readings = table.column("clock_uncertainty").to_numpy()
        doubt = sum(float(np.fmax.reduce(some, initial=0.0)) for some in (own, readings))
        return round(doubt * 1e6) + 1

    def _scan(self, table: pa.Table, names: Sequence[str]) -> tuple[list[str], Partials]:
        """Partial results of the named intervals; their ``interval`` is the place in the list returned."""
        chosen = [self._intervals[name] for name in names]
        spans = self._spans(chosen)
        slots = {name: place for place, name in enumerate(spans.equipment)}
        wanted = Wanted(spans.cover(), slots, None, self.asked.asks_uncertain, self._names)
        room = Room()
        run = TablePiece([table]).load(wanted, room)
        parts, _ = scanned(run, spans, self._limits, asks_uncertain=self.asked.asks_uncertain, room=room)
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


def step_name(execution: str, segment: str | None) -> str:
    """The name of a step's interval.

    Examples
    --------
    >>> step_name("S-12", "sinter"), step_name("S-12", None)
    ('sinter/S-12', 'S-12')
    """
    return execution if segment is None else f"{segment}/{execution}"


def _check_columns(table: pa.Table, needed: Sequence[str], what: str) -> None:
    lacking = next((name for name in needed if name not in table.column_names), None)
    if lacking is not None:
        raise BindRefusal.of(f"{what}-column", column=lacking, needed=", ".join(needed))


def _aligned(readings: pa.Table | pa.RecordBatch) -> pa.Table:
    table = pa.Table.from_batches([readings]) if isinstance(readings, pa.RecordBatch) else readings
    _check_columns(table, SCHEMA.names[:4], "readings")
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
        raise BindRefusal.of("no-zone", moment=moment)
    return int(pa.scalar(moment, TIME).value)


def _end(begun: int, ended: int, interval: str) -> int:
    if ended < begun:
        raise BindRefusal.of("ends-early", interval=interval)
    return max(ended, begun + 1)
