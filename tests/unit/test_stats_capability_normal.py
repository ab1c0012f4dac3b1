"""Capability of a normal characteristic: what it computes, what it refuses, what it leaves out."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assay.stats import capability
from assay.stats.capability.errors import SubgroupsNeeded, TargetOutsideLimits
from assay.stats.charts import (
    ControlChart,
    c,
    cusum,
    ewma,
    g,
    imr,
    imr_rs,
    median,
    r,
    s,
    xbar_r,
    xbar_s,
    z_mr,
)
from assay.stats.charts import np as np_chart
from assay.stats.errors import (
    ConstantData,
    LimitsReversed,
    NoLimits,
    NotFinite,
    NotPositive,
    OutOfRange,
    Refusal,
    SingletonSubgroups,
    SplitSubgroup,
    TooFewPoints,
    UnequalSubgroups,
    UnknownOption,
    WrongShape,
)

RANDOM = np.random.default_rng(20240501)
VALUES = RANDOM.normal(10, 0.5, 100)


@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        ({}, NoLimits),
        ({"lsl": 12, "usl": 8}, LimitsReversed),
        ({"lsl": 8, "usl": 8}, LimitsReversed),
        ({"lsl": math.nan}, NotFinite),
        ({"usl": math.inf}, NotFinite),
        ({"lsl": 8, "usl": 12, "target": 13}, TargetOutsideLimits),
        ({"lsl": 8, "target": 7}, TargetOutsideLimits),
        ({"usl": 12, "natural_low": 13}, LimitsReversed),
        ({"natural_low": 0, "natural_high": 0}, LimitsReversed),
        ({"usl": 12, "mean": 10, "mean_error": "known"}, UnknownOption),
        ({"usl": 12, "sigma": "rbar"}, SubgroupsNeeded),
        ({"usl": 12, "sigma": "range"}, UnknownOption),
        ({"usl": 12, "sigma": 0.0}, NotPositive),
        ({"usl": 12, "sigma": -1.0}, NotPositive),
        ({"usl": 12, "confidence": 1.0}, OutOfRange),
        ({"usl": 12, "confidence": 95}, OutOfRange),
        ({"usl": 12, "k": 0}, NotPositive),
        ({"usl": 12, "degrees": "none"}, UnknownOption),
        ({"usl": 12, "degrees": "none", "sigma": 0.5}, UnknownOption),
        ({"usl": 12, "degrees": 0, "sigma": 0.5}, NotPositive),
        ({"usl": 12, "subgroup": 5, "weighting": "none"}, UnknownOption),
    ],
)
def test_a_wrong_option_is_refused_by_name(options: dict[str, Any], refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        capability.normal(VALUES, **options)


@pytest.mark.parametrize(
    ("values", "options", "refusal"),
    [
        ([1, 2, math.nan], {}, NotFinite),
        ([1, 2, -math.inf], {}, NotFinite),
        ([3, 3, 3, 3], {}, ConstantData),
        ([3], {}, TooFewPoints),
        ([], {}, TooFewPoints),
        (np.zeros((2, 2, 2)), {}, WrongShape),
        ([1.0, 2.0, 4.0, 5.0], {"subgroup": ["a", "b", "a", "b"]}, SplitSubgroup),
        ([1.0, 2.0, 4.0], {"subgroup": ["a", "a", "b"]}, SingletonSubgroups),
    ],
)
def test_values_that_hold_no_study_are_refused_by_name(
    values: Any, options: dict[str, Any], refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal) as caught:
        capability.normal(values, usl=12, **options)
    assert caught.value.values


def test_one_limit_gives_one_side() -> None:
    found = capability.normal(VALUES, usl=12)
    assert (found.cp, found.cpl, found.cpm, found.z_within.lsl, found.observed.below) == (None,) * 5
    assert found.cpk == found.cpu
    assert found.z_within.bench == pytest.approx(3 * found.cpk)
    assert set(found.intervals) == {"cpu", "cpk", "ppu", "ppk"}


def test_a_natural_limit_is_no_specification() -> None:
    bounded = capability.normal(VALUES, usl=12, natural_low=0)
    plain = capability.normal(VALUES, usl=12)
    assert (bounded.cpk, bounded.cpl, bounded.cp) == (plain.cpk, None, None)
    assert "natural-low" in {remark.key for remark in bounded.remarks}
    same = capability.normal(VALUES, lsl=0, usl=12, natural_low=0)
    assert same.cpk == plain.cpk
    assert same.lsl is None


def test_rows_labels_and_a_size_are_the_same_subgroups() -> None:
    by_size = capability.normal(VALUES, usl=12, subgroup=5)
    by_rows = capability.normal(VALUES.reshape(20, 5), usl=12)
    by_label = capability.normal(VALUES, usl=12, subgroup=np.repeat(np.arange(20), 5))
    assert by_size.sigma_within == by_rows.sigma_within == by_label.sigma_within
    assert (by_size.estimator, by_size.subgroups, by_size.subgroup_size) == ("rbar", 20, (5, 5))


def test_the_last_of_consecutive_subgroups_may_be_short() -> None:
    short = capability.normal(VALUES, usl=12, subgroup=7)
    labelled = capability.normal(VALUES, usl=12, subgroup=np.repeat(np.arange(15), 7)[:100])
    assert short.sigma_within == labelled.sigma_within
    assert (short.subgroups, short.subgroup_size) == (15, (2, 7))
    assert capability.sixpack(VALUES, usl=12, subgroup=7).plot().panels
    with pytest.raises(SingletonSubgroups):
        capability.normal(VALUES, usl=12, subgroup=9, sigma="rbar")
    with pytest.raises(UnequalSubgroups):
        capability.normal(VALUES, usl=12, subgroup=101)


@pytest.mark.parametrize(
    "chart",
    [
        r(VALUES, 5),
        s(VALUES, 5),
        c([3, 4, 5, 2]),
        np_chart([3, 4, 5, 2], 50),
        g([3, 4, 50, 2]),
        cusum(VALUES),
        imr_rs(VALUES, 5),
        z_mr(VALUES, ["a"] * 100),
    ],
    ids=lambda chart: chart.kind,
)
def test_a_chart_of_something_else_has_no_capability(chart: ControlChart) -> None:
    with pytest.raises(UnknownOption):
        capability.from_chart(chart, lsl=8, usl=12)


@pytest.mark.parametrize("chart", [xbar_s(VALUES, 5), median(VALUES, 5), imr(VALUES), ewma(VALUES)])
def test_a_chart_of_the_characteristic_has_its_capability(chart: ControlChart) -> None:
    found = capability.from_chart(chart, lsl=8, usl=12)
    assert (found.mean, found.sigma) == (chart.center, chart.sigma)


def test_the_estimator_depends_on_the_size_unless_it_is_named() -> None:
    assert capability.normal(VALUES, usl=12).estimator == "mr"
    assert capability.normal(VALUES, usl=12, subgroup=10).estimator == "rbar"
    assert capability.normal(VALUES, usl=12, subgroup=20).estimator == "sbar"
    named = capability.normal(VALUES, usl=12, subgroup=5, sigma="pooled")
    rows = VALUES.reshape(20, 5)
    assert named.sigma_within == pytest.approx(np.sqrt(rows.var(axis=1, ddof=1).mean()))


def test_natural_limits_alone_describe_without_an_index() -> None:
    found = capability.normal(VALUES, natural_low=8, natural_high=11, target=10, subgroup=5)
    plain = capability.normal(VALUES, usl=12, subgroup=5)
    assert (found.n, found.mean, found.sigma_within) == (plain.n, plain.mean, plain.sigma_within)
    names = ("cp", "cpk", "cpm", "cpmk", "pp", "ppk", "cpm_taguchi", "cpk_between_within", "z_bench")
    assert [getattr(found, name) for name in names] == [None] * len(names)
    assert found.intervals == found.lower_bounds == {}
    assert (found.expected_within.below, found.expected_within.above) == (None, None)
    json.dumps(found.to_dict(), allow_nan=False)
    assert found.plot().panels
    page = capability.sixpack(VALUES, natural_low=8, natural_high=13, subgroup=5)
    assert len(page.plot().panels) == 6


def test_values_beyond_a_natural_limit_are_counted_and_told() -> None:
    found = capability.normal(VALUES, usl=12, natural_low=10)
    below = 1e6 * float((VALUES < 10).mean())
    assert (found.observed.below, found.observed.above) == (below, 0.0)
    assert found.expected_within.below is None
    assert "beyond-natural" in {remark.key for remark in found.remarks}
    clean = capability.normal(VALUES, usl=12, natural_low=0)
    assert clean.observed.below == 0.0
    assert "beyond-natural" not in {remark.key for remark in clean.remarks}


def test_a_given_mean_leaves_the_intervals_of_what_is_still_estimated() -> None:
    known = capability.normal(VALUES, lsl=8, usl=12, subgroup=5, mean=9)
    assert known.intervals["pp"] == capability.normal(VALUES, lsl=8, usl=12).intervals["pp"]
    error = math.sqrt(1 / (9 * 100) + known.ppk**2 / (2 * 99))
    low, high = known.intervals["ppk"]
    assert (high - low) / 2 == pytest.approx(stats.norm.ppf(0.975) * error)
    exact = capability.normal(VALUES, lsl=8, usl=12, subgroup=5, mean=9, mean_error="none")
    ends = [known.ppk * math.sqrt(stats.chi2.ppf(p, 99) / 99) for p in (0.025, 0.975)]
    assert exact.intervals["ppk"] == pytest.approx(ends)
    assert set(exact.intervals) == {"cp", "cpl", "cpu", "cpk", "pp", "ppl", "ppu", "ppk"}
    outside = capability.normal(VALUES, lsl=8, usl=12, mean=13, mean_error="none").intervals["ppk"]
    assert outside.lower < outside.upper < 0


def test_the_interval_of_a_known_mean_covers() -> None:
    random = np.random.default_rng(11)
    hits = 0
    for _ in range(1000):
        found = capability.normal(
            random.normal(size=12), usl=2, mean=0, mean_error="none", confidence=0.8, stability=False
        )
        hits += found.intervals["ppk"].lower <= 2 / 3 <= found.intervals["ppk"].upper
    assert 0.77 < hits / 1000 < 0.83


def test_plain_s_is_the_mean_without_a_constant() -> None:
    rows = VALUES.reshape(20, 5)
    found = capability.normal(rows, usl=12, sigma="sbar_plain")
    assert found.sigma_within == pytest.approx(rows.std(axis=1, ddof=1).mean(), rel=1e-14)
    assert found.estimator == "sbar_plain"
    by_estimator = {
        name: capability.normal(rows, usl=12, sigma=name, degrees="estimator").degrees
        for name in ("sbar", "sbar_plain")
    }
    assert by_estimator["sbar"] == by_estimator["sbar_plain"]


def test_a_given_sigma_has_intervals_only_where_it_is_said_what_it_is_worth() -> None:
    worth = capability.normal(VALUES, lsl=8, usl=12, sigma=0.4, degrees=np.int64(80))
    assert worth.degrees == 80
    ends = [worth.cp * math.sqrt(stats.chi2.ppf(p, 80) / 80) for p in (0.025, 0.975)]  # type: ignore[operator]
    assert worth.intervals["cp"] == pytest.approx(ends)
    assert "sigma-given" not in {remark.key for remark in worth.remarks}
    for degrees in ("total", "estimator", "bissell"):
        none = capability.normal(VALUES, lsl=8, usl=12, sigma=0.4, degrees=degrees)  # type: ignore[arg-type]
        assert none.degrees is None
        assert "cp" not in none.intervals


def test_jasps_degrees_go_with_the_largest_subgroup() -> None:
    labels = np.repeat(np.arange(15), 7)[:100]
    assert capability.normal(VALUES, usl=12, subgroup=labels, degrees="jasp").degrees == 0.9 * 93
    assert capability.normal(VALUES, usl=12, degrees="jasp").degrees == 0.9 * 99
    assert capability.normal(VALUES, usl=12, subgroup=5, sigma=1.0, degrees="jasp").degrees == 0.9 * 95
    one = capability.normal(VALUES[:5], usl=12, subgroup=5, degrees="jasp")
    assert one.degrees is None
    assert "cpk" not in one.intervals


def test_a_given_sigma_has_no_interval_of_its_own() -> None:
    found = capability.normal(VALUES, lsl=8, usl=12, sigma=0.4)
    assert found.cp == pytest.approx(4 / 2.4)
    assert {"pp", "ppk"} <= set(found.intervals)
    assert not {"cp", "cpk"} & set(found.intervals)
    both = capability.normal(VALUES, lsl=8, usl=12, sigma=0.4, mean=9)
    assert both.cpk == pytest.approx(1 / 1.2)
    assert not {"cp", "cpk", "cpm"} & set(both.intervals)
    assert both.mean_given


def test_the_middle_is_the_target_unless_one_is_given() -> None:
    found = capability.normal(VALUES, lsl=8, usl=12)
    assert found.target == 10
    assert "target-is-middle" in {remark.key for remark in found.remarks}
    given_one = capability.normal(VALUES, lsl=8, usl=12, target=10)
    assert given_one.cpm == found.cpm
    assert "target-is-middle" not in {remark.key for remark in given_one.remarks}


def test_cpm_off_the_middle_in_both_conventions() -> None:
    nearest = capability.normal(VALUES, lsl=8, usl=12, target=9)
    width = capability.normal(VALUES, lsl=8, usl=12, target=9, cpm="qcc")
    tau = math.hypot(nearest.sigma_within, nearest.mean - 9)
    assert nearest.cpm == pytest.approx(1 / (3 * tau))
    assert width.cpm == pytest.approx(4 / (6 * tau))
    assert width.cpm_taguchi == nearest.cpm_taguchi
    assert width.intervals["cpm_taguchi"] == nearest.intervals["cpm_taguchi"]
    tabled = capability.normal(VALUES, lsl=8, usl=12, target=9, constants="tabled")
    same = capability.normal(VALUES, lsl=8, usl=12, target=9, constants="tabled", cpm="qcc")
    assert (tabled.cpm, tabled.intervals) == (same.cpm, same.intervals)


def test_an_unstable_process_is_told() -> None:
    moved = np.concatenate([VALUES, VALUES[:20] + 5])
    found = capability.normal(moved, usl=20, subgroup=5)
    assert found.stability is not None
    assert not found.stability.stable
    assert "not-stable" in {remark.key for remark in found.remarks}
    assert capability.normal(VALUES, usl=20, stability=False).stability is None


def test_degrees_of_the_estimator_cover_where_the_total_does_not() -> None:
    random = np.random.default_rng(7)
    rounds, hits = 400, {"total": 0, "estimator": 0}
    for _ in range(rounds):
        rows = random.normal(size=(15, 3))
        for degrees in hits:
            found = capability.normal(
                rows,
                lsl=-3,
                usl=3,
                sigma="rbar",
                degrees=degrees,
                stability=False,  # type: ignore[arg-type]
            )
            hits[degrees] += found.intervals["cp"].lower <= 1 <= found.intervals["cp"].upper
    assert hits["estimator"] / rounds > 0.92
    assert hits["total"] / rounds < 0.91


@pytest.mark.parametrize(("sigma", "within"), [("mr", 0.05), ("median_mr", 0.1), ("mssd", 0.05)])
def test_degrees_of_moving_ranges_are_those_of_simulated_ones(sigma: str, within: float) -> None:
    rows = np.random.default_rng(5).normal(size=(20_000, 40))
    steps = np.abs(np.diff(rows, axis=1))
    drawn = {
        "mr": steps.mean(axis=1),
        "median_mr": np.median(steps, axis=1),
        "mssd": np.sqrt((steps**2).mean(axis=1)),
    }[sigma]
    worth = 0.5 / (drawn.std() / drawn.mean()) ** 2
    found = capability.normal(rows[0], usl=9, sigma=sigma, degrees="estimator", stability=False)
    assert found.degrees == pytest.approx(worth, rel=within)


def test_a_result_is_plain_json_and_draws_itself() -> None:
    found = capability.normal(VALUES, usl=12, natural_low=0, subgroup=5)
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert document["cpk"] == found.cpk
    assert document["cp"] is None
    plot = found.plot().to_dict()
    kinds = [layer["kind"] for layer in plot["panels"][0]["layers"]]
    assert kinds.count("upright") == 1
    assert {"bars", "line"} <= set(kinds)


def test_frozen_limits_of_a_chart() -> None:
    chart = xbar_r(VALUES, 5)
    found = capability.from_chart(chart, lsl=8, usl=12)
    assert found.cpk == pytest.approx(capability.normal(VALUES, lsl=8, usl=12, subgroup=5).cpk)
    with pytest.raises(NotPositive):
        capability.from_parameters(10, 0, usl=12)
    with pytest.raises(NoLimits):
        capability.from_chart(chart)


@settings(max_examples=60, deadline=None)
@given(
    shift=st.floats(-1e3, 1e3),
    scale=st.floats(0.01, 100),
    low=st.floats(-6, -1),
    high=st.floats(1, 6),
)
def test_indices_do_not_depend_on_the_unit(shift: float, scale: float, low: float, high: float) -> None:
    z = (VALUES - 10) / 0.5
    one = capability.normal(z, lsl=low, usl=high, subgroup=5, stability=False)
    other = capability.normal(
        shift + scale * z, lsl=shift + scale * low, usl=shift + scale * high, subgroup=5, stability=False
    )
    for name in ("cp", "cpk", "cpm", "cpmk", "pp", "ppk", "cpm_taguchi", "cpk_between_within"):
        assert getattr(other, name) == pytest.approx(getattr(one, name), rel=1e-6), name
    assert other.expected_within.total == pytest.approx(one.expected_within.total, rel=1e-5)


@settings(max_examples=60, deadline=None)
@given(
    confidence=st.floats(0.6, 0.99),
    sigma=st.sampled_from(["rbar", "sbar", "pooled", "pooled_unbiased", "mr", "median_mr", "mssd", "sd"]),
    degrees=st.sampled_from(["total", "estimator", "bissell"]),
)
def test_intervals_hold_their_index_and_nest(confidence: float, sigma: str, degrees: Any) -> None:
    narrow = capability.normal(
        VALUES,
        lsl=8,
        usl=12,
        subgroup=5,
        sigma=sigma,
        degrees=degrees,
        confidence=confidence,
        stability=False,
    )
    wide = capability.normal(
        VALUES,
        lsl=8,
        usl=12,
        subgroup=5,
        sigma=sigma,
        degrees=degrees,
        confidence=confidence + 0.005,
        stability=False,
    )
    for name, ends in narrow.intervals.items():
        value = getattr(narrow, name)
        assert ends.lower < value < ends.upper, name
        assert wide.intervals[name].lower < ends.lower < ends.upper < wide.intervals[name].upper
        assert ends.lower < narrow.lower_bounds[name] < value
