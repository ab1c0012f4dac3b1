"""Time as a cause: windows (onset, episodes), drift and cycles; and windows that a recorded level fills."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.analyse.cause.problem import Codes, Factor, Flags, Problem, ordered_factor

WINDOW = "time window"
DRIFT = "drift"
HOUR = "hour of day"
WEEKDAY = "weekday"
NAMES = frozenset({WINDOW, DRIFT, HOUR, WEEKDAY})
"""Names of the factors made from time; no recorded column is called so."""

UNKNOWN = np.iinfo(np.int64).min
"""The time of a subject that has none."""

_BLOCKS = 32
_CYCLES_SEEN = 3
_MOST_RUNS = 4
_PURITY = 0.95
_DAY = 86_400_000_000


def time_factors(problem: Problem, zone: str) -> tuple[Factor, ...]:
    """Windows between any two of about thirty moments, drift, hour of day and weekday.

    The moments are quantiles of the subjects' times. A cycle is only tried when it was seen three times.
    ``zone`` is the plant's time zone.
    """
    if problem.time is None:
        return ()
    known = problem.time != UNKNOWN
    values = np.where(known, problem.time.astype(float), np.nan)
    blocks = ordered_factor(DRIFT, values, most_bins=_BLOCKS)
    if blocks is None:
        return ()
    last = blocks.low.size - 1
    spans = tuple((a, b) for a in range(last + 1) for b in range(a, last + 1) if (a, b) != (0, last))
    windows = Factor(WINDOW, blocks.codes, low=blocks.low, high=blocks.high, windows=spans)
    return (windows, blocks, *_cycles(problem.time, known, zone))


def _cycles(time: NDArray[np.int64], known: Flags, zone: str) -> list[Factor]:
    moments = pa.array(time, mask=~known).cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us", zone))
    local = pc.local_timestamp(moments).cast(pa.int64()).to_numpy(zero_copy_only=False)
    days = np.where(known, np.nan_to_num(local) // _DAY, 0).astype(np.int64)
    span = float(np.ptp(time[known]))
    found = []
    if span >= _CYCLES_SEEN * _DAY:
        hours = np.where(known, pc.fill_null(pc.hour(moments), 0).to_numpy(zero_copy_only=False), -1)
        found.append(_levels(HOUR, hours, [f"{hour:02d}" for hour in range(24)]))
    if span >= _CYCLES_SEEN * 7 * _DAY:
        week = np.where(known, (days + 3) % 7, -1)
        found.append(_levels(WEEKDAY, week, [str(day + 1) for day in range(7)]))
    return [factor for factor in found if factor.levels > 1]


def _levels(name: str, codes: Codes, labels: list[str]) -> Factor:
    present = np.unique(codes[codes >= 0])
    place = np.full(len(labels) + 1, -1)
    place[present] = np.arange(present.size)
    return Factor(name, place[codes].astype(np.int16), labels=tuple(labels[code] for code in present))


@dataclass(frozen=True)
class Span:
    """A stretch of time, ends included, in microseconds since 1970, and its share of the level."""

    start: int
    end: int
    share: float


def windows_filled_by(problem: Problem, group: Flags, strata: Codes) -> list[Span]:
    """The stretches of time in which nothing but ``group`` was made, when they hold (nearly) all of it.

    Only subjects of the strata in which the group occurs are looked at. Empty when the group shares its time
    with others, or lies in more than a few stretches: then time and the level can be told apart.
    """
    if problem.time is None:
        return []
    inside = np.isin(strata, np.unique(strata[group])) & (problem.time != UNKNOWN)
    rows = np.flatnonzero(inside)
    order = rows[np.argsort(problem.time[rows], kind="stable")]
    mine = group[order]
    total = int(group.sum())
    if not mine.any() or mine.all():
        return []
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mine, [False]]).astype(np.int8)))
    starts, ends = edges[::2], edges[1::2]
    kept = np.argsort(starts - ends)[:_MOST_RUNS]
    held = int((ends[kept] - starts[kept]).sum())
    if held < _PURITY * total:
        return []
    return [
        Span(
            int(problem.time[order[starts[run]]]),
            int(problem.time[order[ends[run] - 1]]),
            float(ends[run] - starts[run]) / total,
        )
        for run in sorted(kept)
    ]
