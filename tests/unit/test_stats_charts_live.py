"""Live charts: the batch chart's numbers to the last bit, and refusals that leave no trace."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.stats import charts
from assay.stats.charts import ControlChart, LivePoint
from assay.stats.charts.chart import at
from assay.stats.charts.errors import NotAlive
from assay.stats.errors import (
    CountAboveSize,
    NegativeCount,
    NotACount,
    NotFinite,
    NotNumeric,
    NotPositive,
    OutOfRange,
    SingletonSubgroups,
    WrongShape,
)

SUBGROUP_CHARTS: list[Any] = [charts.xbar_r, charts.xbar_s, charts.median, charts.r, charts.s, charts.imr_rs]


def same(point: LivePoint, chart: ControlChart, index: int) -> None:
    assert point.index == index
    assert point.statistic == chart.statistics[index] or np.isnan(chart.statistics[index])
    assert (point.center, point.lcl, point.ucl) == (
        at(chart.center, index),
        at(chart.limits.lcl, index),
        at(chart.limits.ucl, index),
    )
    assert point.violations == tuple(rule for rule, found in chart.violations.items() if index in found)
    for beside, companion in zip(point.companions, chart.companions, strict=True):
        same(beside, companion, index)


@settings(deadline=None)
@given(
    st.lists(st.integers(2, 9) | st.integers(60, 130), min_size=4, max_size=30),
    st.integers(0, 2**32 - 1),
    st.booleans(),
    st.sampled_from(SUBGROUP_CHARTS),
)
def test_subgroups_of_any_sizes(sizes: list[int], seed: int, equal_first: bool, make: Any) -> None:
    if equal_first:
        sizes[:3] = [sizes[0]] * 3
    values = np.random.default_rng(seed).normal(1e6, 3, sum(sizes))
    labels = np.repeat(np.arange(len(sizes)), sizes)
    begin, rows = labels < 3, np.split(values, np.cumsum(sizes)[:-1])
    batch = make(values, labels, phase1=(0, 3), rules="nelson", width=1.0)
    live = make(values[begin], labels[begin], rules="nelson", width=1.0).live()
    for index in range(3, len(sizes)):
        same(live.add(rows[index]), batch, index)


@settings(deadline=None)
@given(
    st.lists(st.integers(-4, 4), min_size=25, max_size=60),
    st.integers(3, 24),
    st.sampled_from(["both_sides", "either_side"]),
    st.integers(2, 5),
)
def test_coarse_values_with_many_ties(values: list[int], begin: int, nelson8: Any, span: int) -> None:
    given_: dict[str, Any] = {
        "center": 0.0,
        "sigma": 1.0,
        "nelson8": nelson8,
        "rules": "nelson,western_electric,run:3",
    }
    if begin < span:
        return
    batch = charts.imr(values, span=span, **given_)
    live = charts.imr(values[:begin], span=span, **given_).live()
    for index in range(begin, len(values)):
        same(live.add(values[index]), batch, index)


def test_counts_with_and_without_their_size() -> None:
    chart = charts.p([3, 5, 2, 4], 50)
    point = chart.live().add(9)
    assert point == chart.live().add((9, 50))
    assert point.statistic == 9 / 50
    varied = charts.u([3, 5, 2], [1.0, 2.0, 0.5]).live().add((4, 0.25))
    assert varied.statistic == 16.0
    assert charts.c([3, 5, 2]).live().add(4).statistic == 4


def test_a_run_that_began_in_the_batch_chart_goes_on() -> None:
    chart = charts.imr([0.5] * 8, center=0.0, sigma=1.0, rules="nelson2")
    assert chart.violations["nelson2"] == []
    live = chart.live()
    assert live.add(0.5).violations == ("nelson2",)
    assert live.add(-0.5).violations == ()


def test_a_live_chart_starts_afresh_each_time() -> None:
    chart = charts.imr([0.5] * 8, center=0.0, sigma=1.0, rules="nelson2")
    assert chart.live().add(0.5) == chart.live().add(0.5)


def test_what_is_refused_leaves_no_trace() -> None:
    rows = np.random.default_rng(5).normal(size=(20, 4))
    clean, bothered = charts.imr_rs(rows).live(), charts.imr_rs(rows).live()
    refused: list[tuple[type[Exception], Any]] = [
        (NotFinite, [1.0, np.nan]),
        (NotFinite, [np.inf, 1.0]),
        (SingletonSubgroups, [1.0]),
        (SingletonSubgroups, []),
        (WrongShape, 1.0),
        (NotNumeric, ["a", "b"]),
    ]
    for error, observation in refused:
        with pytest.raises(error):
            bothered.add(observation)
    for row in np.random.default_rng(6).normal(size=(12, 4)):
        assert bothered.add(row) == clean.add(row)


@pytest.mark.parametrize(
    ("chart", "observation", "error"),
    [
        (charts.imr([1, 2, 3]), float("nan"), NotFinite),
        (charts.imr([1, 2, 3]), [1.0], WrongShape),
        (charts.p([1, 2], 50), 51, CountAboveSize),
        (charts.p([1, 2], 50), -1, NegativeCount),
        (charts.p([1, 2], 50), 1.5, NotACount),
        (charts.p([1, 2], 50), (1, 0), NotPositive),
        (charts.p([1, 2], 50), (1, 50, 2), WrongShape),
        (charts.c([1, 2]), (1, 50), WrongShape),
        (charts.g([1, 2]), -1, NegativeCount),
        (charts.t([1.0, 2.0]), 0.0, NotPositive),
        (charts.t([1.0, 2.0]), -1.0, OutOfRange),
        (charts.t([1.0, 2.0], limits="nelson"), -1.0, OutOfRange),
    ],
)
def test_observations_are_checked_at_the_door(
    chart: ControlChart, observation: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        chart.live().add(observation)


def test_its_state_stays_small() -> None:
    live = charts.xbar_r(np.random.default_rng(0).normal(size=(30, 5))).live()
    track = vars(live)["_main"]
    sizes = []
    for number in range(2_000):
        live.add(np.arange(5.0) * (number % 7))
        sizes.append(len(pickle.dumps(track)))
    assert max(sizes[50:]) <= max(sizes[:50])


def test_a_chart_without_a_live_form_says_so() -> None:
    made = charts.imr([1.0, 2.0, 3.0])
    plain = ControlChart(
        kind="own", statistics=made.statistics, center=0.0, sigma=1.0, limits=made.limits, violations={}
    )
    with pytest.raises(NotAlive, match="own"):
        plain.live()
