"""Run rules against R's qcc flag by flag, and run lengths of charts with rules against published tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache, partial
from importlib.resources import files
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import spsolve
from scipy.stats import norm

from assay.stats import arl, rules
from assay.stats.verify.check import Check, Tolerance

QCC = "R package qcc 3.0 (af35099), qccRules, 150 series"
CHAMP_WOODALL = (
    "Champ & Woodall 1987, Exact results for Shewhart control charts with supplementary runs rules, "
    "Technometrics 29, 393-399, table 1"
)
SAME_AS = {"we1": "nelson1", "we2": "nelson5", "we3": "nelson6"}
"""Rules that are one pattern under two names; the reference holds the second."""
RUN_LENGTHS = {
    "we1": 370.40,
    "we1,we2": 225.44,
    "we1,we3": 166.05,
    "we1,we4": 152.73,
    "we1,we2,we3": 132.89,
    "we1,we2,we4": 122.05,
    "we1,we3,we4": 105.78,
    "western_electric": 91.75,
}
"""Average run lengths in control, by rules."""


class Series(NamedTuple):
    """A series with the 0-based flags of the reference by rule."""

    values: list[float]
    flags: dict[str, set[int]]


@cache
def reference() -> tuple[Series, ...]:
    """The 150 series of the reference: centre 0, sigma 1."""
    text = files("assay.stats.verify").joinpath("data", "rules_qcc.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return tuple(
        Series(
            [value / 10_000 for value in series["x"]],
            {rule: {place - 1 for place in places} for rule, places in series["flags"].items()},
        )
        for series in document["series"]
    )


def checks() -> Iterator[Check]:
    """Every published rule, in both forms, and every published run length."""
    total = {rule: _flags(rule) for rule in rules.DEFAULT}
    for rule in rules.DEFAULT:
        for form, name, found in (
            ("batch", "over the whole series", _batch),
            ("live", "point by point", _live),
        ):
            yield Check(
                id=f"charts.rules.{rule}.{form}",
                family="charts",
                statistic=f"run rule {rule} {name}: flags that agree, less flags too many",
                source=QCC,
                origin="software",
                reference=float(total[rule]),
                compute=partial(_agreement, rule, found),
                tolerance=Tolerance(),
            )
    yield from _conventions()
    yield from _run_lengths()


def _flags(rule: str) -> int:
    return sum(len(series.flags.get(SAME_AS.get(rule, rule), ())) for series in reference())


def _agreement(rule: str, found: Callable[[list[float], str], set[int]]) -> float:
    agree = extra = 0
    for series in reference():
        wanted = series.flags.get(SAME_AS.get(rule, rule), set())
        flagged = found(series.values, rule)
        agree += len(flagged & wanted)
        extra += len(flagged - wanted)
    return float(agree - extra)


def _batch(values: list[float], rule: str) -> set[int]:
    return set(rules.violations(values, 0.0, 1.0, (rule,))[rule])


def _live(values: list[float], rule: str) -> set[int]:
    tracker = rules.Tracker((rule,))
    return {index for index, value in enumerate(values) if tracker.add(value, 0.0, 1.0)}


def _conventions() -> Iterator[Check]:
    readings: tuple[tuple[str, rules.Nelson8], ...] = (("nelson8", "either_side"), ("aiag8", "both_sides"))
    for rule, reading in readings:
        yield Check(
            id=f"charts.rules.{rule}.either_side",
            family="charts",
            statistic=f"run rule {rule} on either side: flags more than on both sides",
            source=QCC,
            origin="software",
            reference=209.0,
            compute=partial(_either_side, rule, reading),
            tolerance=Tolerance(),
            note="Minitab's wording; qcc wants points on both sides",
        )
    yield Check(
        id="charts.rules.aiag2",
        family="charts",
        statistic="run rule aiag2: seventh and later points of runs on one side",
        source="the runs counted one by one, over the 150 series",
        origin="recomputed",
        reference=float(sum(_long_runs(series.values, 7) for series in reference())),
        compute=_sevens,
        tolerance=Tolerance(),
    )
    for rule, same in (
        ("aiag1", "we1"),
        ("aiag3", "nelson3"),
        ("aiag4", "nelson4"),
        ("aiag5", "we2"),
        ("aiag6", "we3"),
        ("aiag7", "nelson7"),
    ):
        yield _aiag(rule, same)


def _long_runs(values: list[float], length: int) -> int:
    runs = (
        (side, len(list(run))) for side, run in groupby(values, key=lambda value: (value > 0) - (value < 0))
    )
    return sum(max(0, count - length + 1) for side, count in runs if side)


def _sevens() -> float:
    return float(sum(len(_batch(series.values, "aiag2")) for series in reference()))


def _aiag(rule: str, same: str) -> Check:
    return Check(
        id=f"charts.rules.{rule}",
        family="charts",
        statistic=f"run rule {rule}: the pattern of {same}",
        source=QCC,
        origin="software",
        reference=float(_flags(same)),
        compute=partial(_under_name, rule, same),
        tolerance=Tolerance(),
    )


def _under_name(rule: str, same: str) -> float:
    return _agreement(same, lambda values, _: set(rules.violations(values, 0.0, 1.0, (rule,))[rule]))


def _either_side(rule: str, reading: rules.Nelson8) -> float:
    more = 0
    for series in reference():
        either = rules.violations(series.values, 0.0, 1.0, rule, reading)[rule]
        more += len(set(either) ^ series.flags.get("nelson8", set()))
    return float(more)


def _run_lengths() -> Iterator[Check]:
    for named, length in RUN_LENGTHS.items():
        yield Check(
            id=f"arl.shewhart.{named.replace(',', '-')}",
            family="arl",
            statistic=f"Shewhart chart with {named.replace(',', ', ')}: average run length in control",
            source=CHAMP_WOODALL,
            origin="published",
            reference=length,
            compute=partial(arl.shewhart, named),
            tolerance=Tolerance(digits=2),
        )
    for named, edges in (("we1,we2", (2, 3)), ("we1,we3", (1, 3)), ("we1,run:5", (3,))):
        told = named.replace(",", ", ")
        for shift in (0.0, 1.0, 2.0):
            yield Check(
                id=f"arl.shewhart.{named.replace(',', '-')}.histories.{shift:g}",
                family="arl",
                statistic=f"Shewhart chart with {told}, shift {shift:g}: average run length",
                source="chain over every history of zones, with the flags of the run rules themselves",
                origin="recomputed",
                reference=_by_histories(named, edges, shift),
                compute=partial(arl.shewhart, named, shift),
                tolerance=Tolerance(relative=1e-9),
            )
    inside = 0.682689492137085897
    cases = (
        ("run:8", 2.0**8 - 1, "run of 8 on one side, in control: 2⁸ − 1"),
        ("run:9", 2.0**9 - 1, "run of 9 on one side, in control: 2⁹ − 1"),
        ("hugging:15:1", _streak(inside, 15), "15 within one sigma: (1 − p¹⁵)/(p¹⁵(1 − p))"),
        ("avoiding:8:1:either", _streak(1 - inside, 8), "8 beyond one sigma: (1 − p⁸)/(p⁸(1 − p))"),
    )
    for rule, length, statistic in cases:
        yield Check(
            id=f"arl.shewhart.closed.{rule}",
            family="arl",
            statistic=f"average run length, {statistic}",
            source="mean waiting time for a run: Feller 1968, Probability Theory I, XIII.7",
            origin="recomputed",
            reference=length,
            compute=partial(arl.shewhart, rule),
            tolerance=Tolerance(relative=1e-10),
        )


def _streak(chance: float, length: int) -> float:
    return (1 - chance**length) / (chance**length * (1 - chance))


def _by_histories(named: str, edges: tuple[int, ...], shift: float) -> float:
    """Average run length from all histories of zones; before the first point every point is on the centre.

    Zone i is where a point is beyond ``i`` of the ``edges``, counted down below the centre.
    """
    heights = np.array([0.5, *(edge + 0.5 for edge in edges)])
    middles = np.concatenate((-heights[::-1], heights))
    bounds = np.array([-np.inf, *(-edge for edge in reversed(edges)), 0.0, *edges, np.inf])
    chances = np.diff(norm.cdf(bounds - shift))
    span = max(rule.points for rule in rules.resolve(named))
    digits = middles.size + 1
    values = np.append(middles, 0.0)
    states = digits ** (span - 1)
    past = np.array(np.unravel_index(np.arange(states), (digits,) * (span - 1))).T
    windows = np.concatenate(
        (
            np.repeat(values[past], middles.size, axis=0),
            np.tile(middles, states)[:, None],
        ),
        axis=1,
    )
    found = rules.violations(
        windows.ravel(), 0.0, 1.0, named, breaks=np.arange(0, windows.size, span, dtype=np.int64)
    )
    signals = np.zeros(windows.size, bool)
    for flagged in found.values():
        signals[flagged] = True
    goes_on = ~signals.reshape(states, middles.size, span)[:, :, -1]
    state, zone = np.nonzero(goes_on)
    after = (state % digits ** (span - 2)) * digits + zone
    passed = sparse.csc_array((chances[zone], (state, after)), shape=(states, states))
    times = spsolve(sparse.eye_array(states, format="csc") - passed, np.ones(states))
    return float(times[states - 1])
