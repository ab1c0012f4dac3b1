"""The features of readings in intervals, computed the slow and plain way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from assay.model.kinds import TIME

Reading = tuple[str, str | None, int, float | None, float | None, int]
"""Signal, equipment, time, value, clock uncertainty, recorded."""
Interval = tuple[str, int, int, float]
"""Equipment, started, ended, clock uncertainty."""


def reading_table(readings: Sequence[Reading]) -> pa.Table:
    columns = list(zip(*readings, strict=True)) if readings else [[]] * 6
    return pa.table(
        {
            "signal": pa.array(columns[0], pa.string()),
            "equipment": pa.array(columns[1], pa.string()),
            "time": pa.array(columns[2], pa.int64()).cast(TIME),
            "value": pa.array(columns[3], pa.float64()),
            "clock_uncertainty": pa.array(columns[4], pa.float64()),
            "recorded": pa.array(columns[5], pa.int64()).cast(TIME),
        }
    )


def oracle(
    readings: Sequence[Reading],
    intervals: Sequence[Interval],
    bands: Sequence[tuple[float, float, float]] = (),
) -> dict[tuple[int, str], dict[str, Any]]:
    """One entry per interval's position and signal."""
    latest: dict[tuple[str, str, int], Reading] = {}
    for one in sorted(readings, key=lambda r: (r[5], math.inf if _none(r[3]) else r[3], _none(r[3]))):
        if one[1] is not None:
            latest[one[0], one[1], one[2]] = one
    groups: dict[tuple[int, str], list[Reading]] = {}
    for place, (equipment, started, ended, _) in enumerate(intervals):
        for one in latest.values():
            inside = started <= one[2] < ended or started == ended == one[2]
            if one[1] == equipment and inside and not _none(one[3]) and math.isfinite(one[3] or 0.0):
                groups.setdefault((place, one[0]), []).append(one)
    return {
        key: _features(sorted(group, key=lambda r: r[2]), intervals[key[0]], bands)
        for key, group in groups.items()
    }


def _none(value: float | None) -> bool:
    return value is None or math.isnan(value)


def _features(
    group: Sequence[Reading], interval: Interval, bands: Sequence[tuple[float, float, float]]
) -> dict[str, Any]:
    _, started, ended, own = interval
    times = [one[2] for one in group]
    values = [float(one[3] or 0.0) for one in group]
    n = len(values)
    # An interval of one microsecond, the smallest there is, is an instant.
    instant = ended - started <= 1
    mean = math.fsum(values) / n
    seconds = np.array([(time - times[0]) / 1e6 for time in times])
    at = math.fsum(seconds) / n
    tt = math.fsum((second - at) ** 2 for second in seconds)
    tv = math.fsum((second - at) * (value - mean) for second, value in zip(seconds, values, strict=True))
    edges = [started, *times, ended]
    near = 0
    for one in group:
        margin = own + (0.0 if one[4] is None else one[4])
        stop = max(ended, started + 1)
        near += margin > 0 and min((one[2] - started) * 1e-6, (stop - one[2]) * 1e-6) <= margin
    found = {
        "n": n,
        "mean": mean,
        "std": math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1)) if n > 1 else None,
        "min": min(values),
        "max": max(values),
        "first": values[0],
        "last": values[-1],
        "slope": tv / tt if n > 1 else None,
        "sum": math.fsum(values),
        "duration": 0.0 if instant else (ended - started) / 1e6,
        "max_gap": 0.0 if instant else max(b - a for a, b in pairwise(edges)) / 1e6,
        "n_uncertain": near,
    }
    for low, high, longest in bands:
        stops = [*times[1:], ended]
        if instant:
            stops = times
        found[f"band {low:g} {high:g} {longest:g}"] = math.fsum(
            min((stop - time) / 1e6, longest)
            for time, stop, value in zip(times, stops, values, strict=True)
            if low <= value <= high
        )
    return found


def by_group(table: pa.Table) -> dict[tuple[int, str], dict[str, Any]]:
    """A bind's table as the oracle's answer."""
    found: dict[tuple[int, str], dict[str, Any]] = {}
    for row in table.to_pylist():
        key = row.pop("interval"), row.pop("signal")
        assert key not in found
        found[key] = row
    return found


EXACT = ("n", "min", "max", "first", "last", "n_uncertain")


def assert_same(found: dict[Any, dict[str, Any]], right: dict[Any, dict[str, Any]]) -> None:
    """Same groups; n, extremes, first and last the same, the others within 1e-9 of what is added up."""
    assert found.keys() == right.keys()
    for key, row in found.items():
        wanted = right[key]
        size = max(abs(wanted["min"]), abs(wanted["max"]), 1e-300)
        scale = {"mean": size, "sum": size * wanted["n"]}
        for name, value, true in zip(row, row.values(), wanted.values(), strict=True):
            if name in EXACT or value is None or true is None:
                assert value == true, (key, name, row, wanted)
            else:
                # A deviation can't be more exact than the digits that the values have.
                floor = size * 4e-15 / (1.0 if name != "slope" else _shortest(wanted))
                margin = 1e-9 * scale.get(name, abs(true)) + floor
                if name in {"duration", "max_gap"} or name.startswith(("time_in_band", "band")):
                    margin = 1e-9 * abs(true) + 1e-9
                assert abs(value - true) <= margin, (key, name, value, true, wanted)


def _shortest(wanted: dict[str, Any]) -> float:
    return 1e-6
