# ruff: noqa: PLR0915, PLR0917 - compiled functions: one loop, arrays by position
"""The compiled merge scan: sorted readings against intervals sorted by their start.

For each run of readings of one series (a signal on an equipment) the intervals of the equipment are walked
in the order of their start, and each interval reads its readings twice: once for count, extremes and mean,
once for sums that are centred at that mean. There are no sums over more than one interval, so an offset of
the signal costs no digits (West 1979; Chan, Golub and LeVeque 1983).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

ABOVE, M2, LOW, HIGH, FIRST, LAST, AT, TT, TV, GAP = range(10)
"""Rows of the floats of a partial result.

How far the mean is above the first value, and the centred sum of squares; extremes, first and last value; the
mean time in seconds after the first reading, centred sums of time squared and time by value, the longest time
between two readings in seconds.
"""
FLOATS = 10


@njit(nogil=True, cache=True)
def series_starts(signal: NDArray[np.int32], equipment: NDArray[np.int32]) -> NDArray[np.int64]:
    """The positions where a series begins, and the number of readings as the last one."""
    count = len(signal)
    edges = 0
    for k in range(count):
        if k == 0 or signal[k] != signal[k - 1] or equipment[k] != equipment[k - 1]:
            edges += 1
    starts = np.empty(edges + 1, np.int64)
    edges = 0
    for k in range(count):
        if k == 0 or signal[k] != signal[k - 1] or equipment[k] != equipment[k - 1]:
            starts[edges] = k
            edges += 1
    starts[edges] = count
    return starts


@njit(nogil=True, cache=True)
def _at_least(time: NDArray[np.int64], begin: int, end: int, wanted: int) -> int:
    """The first position in [begin, end) whose time is at least ``wanted``, found by doubling steps."""
    if begin >= end or time[begin] >= wanted:
        return begin
    step = 1
    low = begin
    while low + step < end and time[low + step] < wanted:
        low += step
        step *= 2
    high = min(low + step, end)
    low += 1
    while low < high:
        middle = (low + high) >> 1
        if time[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


@njit(nogil=True, cache=True)
def _reaching(reach: NDArray[np.int64], begin: int, end: int, after: int) -> int:
    """The first interval in [begin, end) from which on some interval ends after ``after``."""
    low, high = begin, end
    while low < high:
        middle = (low + high) >> 1
        if reach[middle] <= after:
            low = middle + 1
        else:
            high = middle
    return low


@njit(nogil=True, cache=True)
def checked(
    starts: NDArray[np.int64],
    slots: NDArray[np.int64],
    time: NDArray[np.int64],
    value: NDArray[np.float64],
) -> tuple[int, int]:
    """What the runs that count are like: how their times are ordered, and how many values are not finite.

    The order is 0 where times rise in every run, 1 where some are equal, 2 where some fall.
    """
    worst = 0
    valueless = 0
    for r in range(len(starts) - 1):
        if slots[r] < 0:
            continue
        begin, end = starts[r], starts[r + 1]
        falls = 0
        equal = 0
        for k in range(begin + 1, end):
            falls += time[k] < time[k - 1]
            equal += time[k] == time[k - 1]
        for k in range(begin, end):
            valueless += not np.isfinite(value[k])
        if falls:
            worst = 2
        elif equal:
            worst = max(worst, 1)
    return worst, valueless


@njit(nogil=True, cache=True)
def meets(
    bounds: NDArray[np.int64],
    begun: NDArray[np.int64],
    reach: NDArray[np.int64],
    low: int,
    high: int,
) -> bool:
    """Whether an interval of any slot has a time between ``low`` and ``high``, both included."""
    for slot in range(len(bounds) - 1):
        # The first one that reaches beyond ``low`` starts before all others that do.
        first = _reaching(reach, bounds[slot], bounds[slot + 1], low)
        if first < bounds[slot + 1] and begun[first] <= high:
            return True
    return False


@njit(nogil=True, cache=True)
def most_groups(
    starts: NDArray[np.int64],
    slots: NDArray[np.int64],
    time: NDArray[np.int64],
    bounds: NDArray[np.int64],
    begun: NDArray[np.int64],
    reach: NDArray[np.int64],
) -> int:
    """An upper bound of the number of groups that :func:`scan` makes."""
    total = 0
    for r in range(len(starts) - 1):
        slot = slots[r]
        if slot < 0:
            continue
        last = time[starts[r + 1] - 1]
        first = _reaching(reach, bounds[slot], bounds[slot + 1], time[starts[r]])
        total += max(0, _at_least(begun, first, bounds[slot + 1], last + 1) - first)
    return total


@njit(nogil=True, cache=True)
def scan(
    starts: NDArray[np.int64],
    slots: NDArray[np.int64],
    time: NDArray[np.int64],
    value: NDArray[np.float64],
    doubt: NDArray[np.float64],
    bounds: NDArray[np.int64],
    begun: NDArray[np.int64],
    over: NDArray[np.int64],
    reach: NDArray[np.int64],
    own_doubt: NDArray[np.float64],
    bands: NDArray[np.float64],
    which: NDArray[np.int64],
    run: NDArray[np.int64],
    n: NDArray[np.int64],
    times: NDArray[np.int64],
    floats: NDArray[np.float64],
    held: NDArray[np.float64],
    doubtful: NDArray[np.int64],
) -> int:
    """Fill the arrays of the groups and return how many there are.

    Parameters
    ----------
    starts, slots
        Where each run begins ((R + 1,)), and the number of its equipment among the intervals, −1 for none.
    time, value, doubt
        Readings; times in microseconds rise within a run. ``doubt`` is the clock uncertainty in seconds, or
        empty where nobody asks.
    bounds, begun, over, reach, own_doubt
        The intervals of slot s are [bounds[s], bounds[s + 1]), by start. An interval holds the readings with
        ``begun <= time < over``; ``reach`` is the highest ``over`` so far within the slot.
    bands
        (B, 3): lowest and highest value of a band, and the most seconds that a value is held.
    which, run, n, times, floats, held, doubtful
        Out: interval, run, number of readings, first and last time ((2, G)), the floats ((10, G)), seconds in
        each band up to the last reading ((B, G)), readings that may belong elsewhere.
    """
    found = 0
    asked = len(doubt) > 0
    for r in range(len(starts) - 1):
        slot = slots[r]
        if slot < 0:
            continue
        lo = starts[r]
        end = starts[r + 1]
        last_time = time[end - 1]
        final = bounds[slot + 1]
        for i in range(_reaching(reach, bounds[slot], final, time[lo]), final):
            start = begun[i]
            if start > last_time:
                break
            stop = over[i]
            lo = _at_least(time, lo, end, start)
            k = lo
            while k < end and time[k] < stop and not np.isfinite(value[k]):
                k += 1
            if k >= end or time[k] >= stop:
                continue
            first = k
            base = value[first]
            origin = time[first]
            least = base
            most = base
            total = 0.0
            seconds = 0.0
            count = 0
            last = first
            gap = 0
            while k < end and time[k] < stop:
                v = value[k]
                if np.isfinite(v):
                    count += 1
                    total += v - base
                    seconds += (time[k] - origin) * 1e-6
                    least = min(least, v)
                    most = max(most, v)
                    gap = max(gap, time[k] - time[last])
                    last = k
                k += 1
            mean = base + total / count
            at = seconds / count
            m2 = 0.0
            tt = 0.0
            tv = 0.0
            off = 0.0
            late = 0.0
            for j in range(first, last + 1):
                v = value[j]
                if np.isfinite(v):
                    dv = v - mean
                    dt = (time[j] - origin) * 1e-6 - at
                    off += dv
                    late += dt
                    m2 += dv * dv
                    tt += dt * dt
                    tv += dt * dv
            which[found] = i
            run[found] = r
            n[found] = count
            times[0, found] = origin
            times[1, found] = time[last]
            # What the rounding of the means left over is taken out again. An offset of the signal is in the
            # first value, exactly, so that the mean above it keeps its digits when parts are merged.
            floats[ABOVE, found] = (mean - base) + off / count
            floats[M2, found] = max(0.0, m2 - off * off / count)
            floats[LOW, found] = least
            floats[HIGH, found] = most
            floats[FIRST, found] = base
            floats[LAST, found] = value[last]
            floats[AT, found] = at
            floats[TT, found] = max(0.0, tt - late * late / count)
            floats[TV, found] = tv - late * off / count
            floats[GAP, found] = gap * 1e-6
            for b in range(len(bands)):
                held[b, found] = _held(time, value, first, last, bands[b, 0], bands[b, 1], bands[b, 2])
            if asked:
                doubtful[found] = _near(time, value, doubt, first, last, start, stop, own_doubt[i])
            found += 1
    return found


@njit(nogil=True, cache=True)
def _held(
    time: NDArray[np.int64],
    value: NDArray[np.float64],
    first: int,
    last: int,
    low: float,
    high: float,
    longest: float,
) -> float:
    """Seconds from the first to the last reading in which the value that holds lies in the band."""
    total = 0.0
    before = first
    for j in range(first + 1, last + 1):
        if np.isfinite(value[j]):
            if low <= value[before] <= high:
                total += min((time[j] - time[before]) * 1e-6, longest)
            before = j
    return total


@njit(nogil=True, cache=True)
def _near(
    time: NDArray[np.int64],
    value: NDArray[np.float64],
    doubt: NDArray[np.float64],
    first: int,
    last: int,
    start: int,
    stop: int,
    own: float,
) -> int:
    """How many readings lie as near to an edge as the clocks are uncertain."""
    total = 0
    for j in range(first, last + 1):
        if np.isfinite(value[j]):
            margin = (0.0 if np.isnan(own) else own) + (0.0 if np.isnan(doubt[j]) else doubt[j])
            near = min((time[j] - start) * 1e-6, (stop - time[j]) * 1e-6)
            if margin > 0.0 and near <= margin:
                total += 1
    return total


@njit(nogil=True, cache=True)
def unions(group: NDArray[np.int64], begun: NDArray[np.int64], over: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Join intervals of a group that overlap or touch into the first of them, in place; which ones remain.

    They come sorted by group and start.
    """
    kept = np.ones(len(begun), np.bool_)
    at = 0
    for k in range(1, len(begun)):
        if group[k] == group[at] and begun[k] <= over[at]:
            over[at] = max(over[at], over[k])
            kept[k] = False
        else:
            at = k
    return kept


@njit(nogil=True, cache=True)
def fold(
    edges: NDArray[np.int64],
    n: NDArray[np.int64],
    times: NDArray[np.int64],
    floats: NDArray[np.float64],
    held: NDArray[np.float64],
    doubtful: NDArray[np.int64],
    bands: NDArray[np.float64],
) -> None:
    """Merge parts that follow one another in time into the first of each stretch, in place.

    ``edges`` are the beginnings of the stretches of one group each, and the number of parts as the last one.
    Count, mean and centred sums are merged by the formulas of Chan, Golub and LeVeque (1983).
    """
    for g in range(len(edges) - 1):
        a = edges[g]
        for b in range(a + 1, edges[g + 1]):
            whole = n[a] + n[b]
            weight = n[b] / whole
            shift = (times[0, b] - times[0, a]) * 1e-6
            dv = (floats[FIRST, b] - floats[FIRST, a]) + (floats[ABOVE, b] - floats[ABOVE, a])
            dt = shift + floats[AT, b] - floats[AT, a]
            cross = n[a] * weight
            between = (times[0, b] - times[1, a]) * 1e-6
            floats[M2, a] += floats[M2, b] + dv * dv * cross
            floats[TT, a] += floats[TT, b] + dt * dt * cross
            floats[TV, a] += floats[TV, b] + dt * dv * cross
            floats[ABOVE, a] += dv * weight
            floats[AT, a] += dt * weight
            floats[LOW, a] = min(floats[LOW, a], floats[LOW, b])
            floats[HIGH, a] = max(floats[HIGH, a], floats[HIGH, b])
            floats[GAP, a] = max(floats[GAP, a], floats[GAP, b], between)
            for k in range(len(bands)):
                if bands[k, 0] <= floats[LAST, a] <= bands[k, 1]:
                    held[k, a] += min(between, bands[k, 2])
                held[k, a] += held[k, b]
            floats[LAST, a] = floats[LAST, b]
            times[1, a] = times[1, b]
            n[a] = whole
            doubtful[a] += doubtful[b]


def nothing(kind: Any = np.float64) -> NDArray[Any]:
    """An array without entries."""
    return np.empty(0, kind)
