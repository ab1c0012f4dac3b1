"""Figures for the pages: headline counts, rates over time with limits, rates by level, one unit's record.

Everything here works on the :class:`~assay.analyse.cause.frame.Frame` that the cause search works on, so a
page never counts subjects differently from the analysis beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import stats

from assay.analyse.cause.clock import UNKNOWN
from assay.analyse.cause.columns import encode
from assay.analyse.cause.frame import Frame
from assay.analyse.errors import BoardRefusal, near
from assay.analyse.refused import with_refused
from assay.genealogy import EXECUTION, KINDS, segment_and_id
from assay.model.attributes import ColumnRole
from assay.model.judgement import BAD_WORDS
from assay.model.kinds import RecordKind
from assay.query.expression import literal, written_name
from assay.stats.risk import mean_interval, rate_interval
from assay.store.workspace import Workspace

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

FALSE_ALARM = 2 * stats.norm.sf(3)
"""Chance that a stable process crosses a three-sigma limit: 0.0027 (Shewhart 1931)."""

_FEWEST_FOR_LIMITS = 10
_FEWEST_PER_BUCKET = 25
_DAY = 86_400
_WIDTHS = (60, 300, 900, 3_600, 4 * 3_600, 8 * 3_600, _DAY, 7 * _DAY, 28 * _DAY, 91 * _DAY, 364 * _DAY)
_MOST_LEVELS_OF_A_DEFAULT = 50
_SHORTEST_SHIFT = 4 * 3_600
_SAMPLE = 50_000


_MOST_OUTCOMES = 10
_INTERNAL = frozenset(
    {"source", "epoch", "seq", "recorded", "clock_uncertainty", "key_hash", "content_hash", "date"}
)

_SUGGESTIONS = """
    SELECT characteristic, text, count(*) AS results, list(DISTINCT segment) AS segments
    FROM measurement WHERE text IS NOT NULL OR value IS NOT NULL
    GROUP BY characteristic, text ORDER BY characteristic, text
"""
_SEGMENTS = """
    SELECT segment, max(records)::BIGINT AS records FROM (
        SELECT segment, count(*) AS records FROM measurement GROUP BY segment
        UNION ALL SELECT segment, count(*) FROM movement GROUP BY segment
    ) WHERE segment IS NOT NULL GROUP BY segment ORDER BY segment
"""
_STEPS = """
    SELECT * FROM movement
    WHERE (subject = $id AND ($kind IS NULL OR subject_kind = $kind))
       OR (execution = $id AND ($kind IS NULL OR $kind = 'execution')
           AND ($segment IS NULL OR coalesce(segment, '') = $segment))
    ORDER BY coalesce(started, time), source, seq
"""
_RESULTS = """
    WITH made AS (
        SELECT execution, segment FROM movement
        WHERE subject = $id AND role = 'produced' AND ($kind IS NULL OR subject_kind = $kind)
    )
    SELECT * FROM measurement
    WHERE (subject = $id AND ($kind IS NULL OR subject_kind = $kind)
           AND ($segment IS NULL OR coalesce(segment, $segment) = $segment))
       OR (subject_kind = 'execution' AND ($kind IS NULL OR $kind <> 'execution')
           AND subject IN (SELECT execution FROM made)
           AND (segment IS NULL OR (subject, segment) IN (SELECT (execution, segment) FROM made)
                OR subject IN (SELECT execution FROM made WHERE segment IS NULL)))
    ORDER BY time DESC, source, seq
"""


@dataclass(frozen=True)
class Suggestion:
    """A target worth asking about, and how many results there are for it and how many of them are bad.

    ``value`` and ``bad`` are None for a numeric characteristic.
    """

    target: str
    characteristic: str
    value: str | None
    results: int
    bad: int | None
    segments: tuple[str, ...]


@dataclass(frozen=True)
class Headline:
    """Counts over the subjects of a target; ``bad`` and ``rate`` for a condition, ``mean`` and ``deviation``
    (the standard deviation) for a measured value."""

    subjects: int
    units: int
    bad: int | None
    bad_units: int | None
    rate: float | None
    mean: float | None
    deviation: float | None
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True)
class Bucket:
    """A stretch of time: its subjects, their rate or mean, and the limits that hold for that many."""

    start: datetime
    subjects: int
    bad: int | None
    value: float
    low: float | None
    high: float | None

    @property
    def is_beyond(self) -> bool:
        """Whether the value lies outside its limits."""
        return (self.low is not None and self.value < self.low) or (
            self.high is not None and self.value > self.high
        )


@dataclass(frozen=True)
class Trend:
    """A target over time.

    Attributes
    ----------
    centre
        The rate or mean over all subjects that have a time.
    width
        Length of a bucket; buckets of four hours and more are counted from midnight in the plant's time zone.
    buckets
        In rising order; stretches without subjects are left out.
    is_rate
        False for the mean of a measured value.
    is_gappy
        Whether most of the span has no subjects, so that a linear time axis would hide them.
    """

    centre: float
    width: timedelta
    buckets: tuple[Bucket, ...]
    is_rate: bool
    is_gappy: bool


@dataclass(frozen=True)
class Level:
    """One level of a factor: its subjects, the bad ones, their rate or mean and its 95 % interval."""

    value: str
    subjects: int
    bad: int | None
    rate: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Levels:
    """A factor's levels, and how many there are in all."""

    factor: str
    levels: tuple[Level, ...]
    total_levels: int
    total_bad: int | None
    centre: float


def headline(frame: Frame) -> Headline:
    """The headline counts of a target."""
    binary = frame.target.is_condition
    bad = frame.outcome > 0
    time = _times(frame)
    known = time[time != UNKNOWN]
    return Headline(
        subjects=frame.size,
        units=pc.count_distinct(frame.units).as_py(),
        bad=int(bad.sum()) if binary else None,
        bad_units=pc.count_distinct(frame.units.filter(pa.array(bad))).as_py() if binary else None,
        rate=float(bad.mean()) if binary else None,
        mean=None if binary else float(frame.outcome.mean()),
        deviation=None if binary or frame.size < 2 else float(frame.outcome.std(ddof=1)),
        first=_moment(int(known.min())) if known.size else None,
        last=_moment(int(known.max())) if known.size else None,
    )


def trend(frame: Frame, *, zone: str, buckets: int = 60) -> Trend:
    """The target over time, in at most ``buckets`` stretches that hold subjects.

    For a condition the limits are those of an exact np chart: the binomial quantiles at
    :data:`FALSE_ALARM` / 2 on either side, for the bucket's number of subjects and the overall rate
    (Montgomery 2019, *Statistical Quality Control*, 7.2). For a measured value they are the overall mean
    ± 3 standard errors, the standard deviation pooled within buckets. A bucket of fewer than ten subjects
    has none. Subjects are taken to be independent.

    Parameters
    ----------
    zone
        IANA zone in which days begin.

    Raises
    ------
    AnalysisError
        No subject has a time.
    """
    time = _times(frame)
    known = time != UNKNOWN
    if not known.any():
        raise BoardRefusal.of("no-time")
    seconds = time[known] // 1_000_000
    outcome = frame.outcome[known]
    width, starts, place = _divided(seconds, ZoneInfo(zone), buckets)
    counts = np.bincount(place)
    totals = np.bincount(place, weights=outcome)
    values = totals / counts
    centre = float(outcome.mean())
    if frame.target.is_condition:
        low, high = _binomial_limits(counts, centre)
    else:
        low, high = _mean_limits(counts, values, centre, outcome, place)
    limited = counts >= _FEWEST_FOR_LIMITS
    found = tuple(
        Bucket(
            start=datetime.fromtimestamp(int(starts[at]), UTC),
            subjects=int(counts[at]),
            bad=round(totals[at]) if frame.target.is_condition else None,
            value=float(values[at]),
            low=float(low[at]) if limited[at] and np.isfinite(low[at]) else None,
            high=float(high[at]) if limited[at] and np.isfinite(high[at]) else None,
        )
        for at in range(counts.size)
    )
    span = float(starts[-1] - starts[0]) / width + 1
    return Trend(centre, timedelta(seconds=width), found, frame.target.is_condition, span > 3 * counts.size)


def levels(frame: Frame, factor: str, *, most: int = 40, keep: str | None = None) -> Levels:
    """The rate (or mean) of each level of ``factor``, worst first.

    Intervals are Clopper and Pearson's for a rate and Student's for a mean; results of one unit are not
    independent, so both are over the effective number of subjects (Kish 1965, *Survey Sampling*).

    Parameters
    ----------
    most
        How many levels at most; the worst ones are kept.
    keep
        A level to keep in any case.

    Raises
    ------
    AnalysisError
        There is no such column, or no subject has a value in it.
    """
    codes, names = _levels_of(frame, factor)
    known = codes >= 0
    units = encode(frame.units)[0].astype(np.int64)[known]
    codes, outcome = codes[known], frame.outcome[known]
    counts = np.bincount(codes, minlength=len(names))
    totals = np.bincount(codes, weights=outcome, minlength=len(names))
    present = np.flatnonzero(counts)
    rate = totals[present] / counts[present]
    order = np.lexsort((-counts[present], -rate))
    chosen = list(order[:most])
    if keep is not None and keep in names:
        place = np.flatnonzero(present == names.index(keep))
        if place.size and place[0] not in chosen:
            chosen[-1] = place[0]
    is_rate = frame.target.is_condition
    interval = rate_interval if is_rate else mean_interval
    found = []
    for at in chosen:
        inside = codes == present[at]
        low, high = interval(outcome[inside], units[inside])
        found.append(
            Level(
                value=names[present[at]],
                subjects=int(counts[present[at]]),
                bad=round(totals[present[at]]) if is_rate else None,
                rate=float(rate[at]),
                low=low,
                high=high,
            )
        )
    bad = round(outcome.sum()) if frame.target.is_condition else None
    return Levels(factor, tuple(found), int(present.size), bad, float(outcome.mean()))


def pareto(frame: Frame, factor: str, *, most: int = 20) -> Levels:
    """The levels of ``factor`` by how many bad subjects they hold, most first, without those that hold none.

    Raises
    ------
    AnalysisError
        The target is a measured value, or there is no such column.
    """
    if not frame.target.is_condition:
        raise BoardRefusal.of("pareto", target=frame.target.text)
    codes, names = _levels_of(frame, factor)
    known = codes >= 0
    counts = np.bincount(codes[known], minlength=len(names))
    totals = np.bincount(codes[known], weights=frame.outcome[known], minlength=len(names))
    order = [int(at) for at in np.lexsort((counts, -totals)) if totals[at] > 0]
    found = tuple(
        Level(names[at], int(counts[at]), round(totals[at]), float(totals[at] / counts[at]), None, None)
        for at in order[:most]
    )
    overall = float(frame.outcome.mean())
    return Levels(factor, found, len(order), round(totals.sum()), overall)


def factors(frame: Frame) -> tuple[str, ...]:
    """The columns of a frame that may be causes, in the order of their declaration."""
    roles = {ColumnRole.FACTOR, ColumnRole.ORDERED_FACTOR}
    return tuple(name for name, column in frame.columns.items() if column.role in roles)


def telling_factor(frame: Frame, *, tried: int = 24) -> str | None:
    """The factor whose levels differ most in the target (largest chi-square per degree of freedom).

    Only factors of 2 to 50 levels among the first ``tried`` are looked at, on at most fifty thousand
    subjects: this picks what a page shows first, it claims nothing.
    """
    best, best_score = None, 0.0
    sample = np.arange(0, frame.size, max(1, frame.size // _SAMPLE))
    outcome = frame.outcome[sample]
    overall, spread = float(outcome.mean()), float(outcome.var())
    for name in factors(frame)[:tried]:
        codes, names = encode(frame.values(name).take(pa.array(sample)))
        if not 2 <= len(names) <= _MOST_LEVELS_OF_A_DEFAULT:
            continue
        known = codes >= 0
        counts = np.bincount(codes[known], minlength=len(names))
        totals = np.bincount(codes[known], weights=outcome[known], minlength=len(names))
        present = counts > 0
        if present.sum() < 2 or spread == 0:
            continue
        means = totals[present] / counts[present]
        score = float((counts[present] * (means - overall) ** 2).sum() / spread / (present.sum() - 1))
        if score > best_score:
            best, best_score = name, score
    return best


def suggest_targets(workspace: Workspace) -> tuple[Suggestion, ...]:
    """What to look for causes of: outcomes with their worst value first, then numeric characteristics.

    The worst value is a known word for a bad part (NOK, fail, 不合格 …), else the rarest value of a
    characteristic that has at most ten. Outcomes without a bad subject come after those with one.
    """
    rows = workspace.lake.query(_SUGGESTIONS).to_pylist()
    found: list[tuple[tuple[int, int], Suggestion]] = []
    for name in dict.fromkeys(row["characteristic"] for row in rows):
        mine = [row for row in rows if row["characteristic"] == name]
        words = [row for row in mine if row["text"] is not None]
        numeric = sum(row["results"] for row in mine if row["text"] is None)
        segments = tuple(sorted({segment for row in mine for segment in row["segments"] if segment}))
        if words and len(words) <= _MOST_OUTCOMES:
            worst = min(words, key=lambda row: (row["text"].strip().lower() not in BAD_WORDS, row["results"]))
            known = worst["text"].strip().lower() in BAD_WORDS
            if len(words) == 1 and not known:
                continue
            total = sum(row["results"] for row in words)
            target = f"{written_name(name)} = {literal(worst['text'])}"
            one = Suggestion(target, name, worst["text"], total, worst["results"], segments)
            found.append(((0 if known else 1, -worst["results"]), one))
        elif numeric:
            found.append(((2, -numeric), Suggestion(written_name(name), name, None, numeric, None, segments)))
    return tuple(one for _, one in sorted(found, key=lambda item: item[0]))


def segments(workspace: Workspace) -> tuple[tuple[str, int], ...]:
    """The process steps that were inspected or worked in, with how many movements or results each has."""
    rows = workspace.lake.query(_SEGMENTS)
    return tuple(zip(rows["segment"].to_pylist(), rows["records"].to_pylist(), strict=True))


def unit_steps(workspace: Workspace, id: str) -> pa.Table:  # noqa: A002 - the word people use
    """Every movement of a unit, lot or execution in time order, with the columns that hold something.

    ``id`` is a bare id, ``kind:ID`` or ``execution:SEGMENT/ID``, as a trace names it. ``refused`` says why a
    movement stands refused as evidence.
    """
    return _recorded(workspace, RecordKind.MOVEMENT, _STEPS, id)


def unit_results(workspace: Workspace, id: str) -> pa.Table:  # noqa: A002
    """Every measurement of a unit, lot or execution and of the executions that made it, latest first.

    ``refused`` says why one stands refused as evidence; without the column none does.
    """
    return _recorded(workspace, RecordKind.MEASUREMENT, _RESULTS, id)


def _recorded(workspace: Workspace, table: RecordKind, sql: str, wanted: str) -> pa.Table:
    return _filled(with_refused(workspace, table, _found(workspace, sql, wanted)))


def _found(workspace: Workspace, sql: str, wanted: str) -> pa.Table:
    kind, colon, bare = wanted.partition(":")
    if not (colon and bare and kind in KINDS):
        return workspace.lake.query(sql, {"id": wanted, "kind": None, "segment": None})
    if kind == EXECUTION and "/" in bare:
        segment, run = segment_and_id(bare)
        table = workspace.lake.query(sql, {"id": run, "kind": kind, "segment": segment})
        if table.num_rows:
            return table
    return workspace.lake.query(sql, {"id": bare, "kind": kind, "segment": None})


def _filled(table: pa.Table) -> pa.Table:
    """The columns that hold something and mean something to people."""
    shown = [
        name
        for name in table.column_names
        if name not in _INTERNAL and (not table.num_rows or table.column(name).null_count < table.num_rows)
    ]
    return table.select(shown)


def _levels_of(frame: Frame, factor: str) -> tuple[Codes, list[str]]:
    """Level code of each subject (−1: not recorded), and the levels' names."""
    if factor not in frame.columns:
        raise BoardRefusal.of("column", factor=factor, advice=near(factor, list(frame.columns)))
    codes, names = encode(frame.values(factor))
    if not (codes >= 0).any():
        raise BoardRefusal.of("no-value", factor=factor)
    return codes.astype(np.int64), [str(name) for name in names]


def _times(frame: Frame) -> Codes:
    time = frame.time
    return np.full(frame.size, UNKNOWN, dtype=np.int64) if time is None else time


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=microseconds)


def _divided(seconds: Codes, zone: ZoneInfo, most: int) -> tuple[int, Codes, Codes]:
    """Width, start of each bucket that holds something, and the bucket of each subject.

    The narrowest width of at most ``most`` buckets; wider still while buckets are thin and enough remain.
    """
    chosen: tuple[int, Codes, Codes] | None = None
    for width in _WIDTHS:
        starts, place = np.unique(_floored(seconds, width, zone), return_inverse=True)
        if starts.size > most:
            continue
        if chosen is not None and starts.size < min(12, chosen[1].size):
            break
        chosen = (width, starts, place)
        if np.median(np.bincount(place)) >= _FEWEST_PER_BUCKET:
            break
    if chosen is None:
        width = math.ceil((seconds.max() - seconds.min() + 1) / most)
        starts, place = np.unique(seconds // width * width, return_inverse=True)
        chosen = (width, starts, place)
    return chosen


def _floored(seconds: Codes, width: int, zone: ZoneInfo) -> Codes:
    """The start of each moment's bucket: shifts and days from local midnight, weeks from Monday."""
    if width < _SHORTEST_SHIFT:
        return seconds // width * width
    quarters, place = np.unique(seconds // 900, return_inverse=True)
    offsets = np.array(
        [
            int((datetime.fromtimestamp(int(quarter) * 900, zone).utcoffset() or timedelta()).total_seconds())
            for quarter in quarters
        ],
        dtype=np.int64,
    )
    shift = 3 * _DAY if width > _DAY else 0  # 1970-01-01 was a Thursday
    local = seconds + offsets[place]
    starts = (local + shift) // width * width - shift
    midnights, where = np.unique(starts, return_inverse=True)
    utc = [
        int(datetime.fromtimestamp(int(midnight), UTC).replace(tzinfo=zone).timestamp())
        for midnight in midnights
    ]
    return np.asarray(utc, dtype=np.int64)[where]


def _binomial_limits(counts: Codes, rate: float) -> tuple[Floats, Floats]:
    low = stats.binom.ppf(FALSE_ALARM / 2, counts, rate) / counts
    high = stats.binom.isf(FALSE_ALARM / 2, counts, rate) / counts
    return np.asarray(low), np.asarray(high)


def _mean_limits(
    counts: Codes, values: Floats, centre: float, outcome: Floats, place: Codes
) -> tuple[Floats, Floats]:
    freedom = int(counts.sum() - counts.size)
    if freedom < 1:
        return np.full(counts.size, np.nan), np.full(counts.size, np.nan)
    within = math.sqrt(float(((outcome - values[place]) ** 2).sum()) / freedom)
    half = 3 * within / np.sqrt(counts)
    return centre - half, centre + half
