"""Every registered kind of control chart keeps the same promises."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json
import pickle
import re
from collections.abc import Callable
from typing import Any, Unpack, get_args, get_origin, get_type_hints

import numpy as np
import pytest

from assay.stats.charts import ControlChart, LivePoint
from assay.stats.charts.chart import at
from assay.stats.charts.kind import ChartKind
from assay.stats.charts.kinds import CHARTS
from assay.stats.errors import ConstantData, NoSpreadWithin, NotFinite, TooFewPoints

BASE, MORE = 40, 25
KINDS = list(CHARTS.values())
Data = tuple[np.ndarray, ...]

CONSTANT_IS_FINE = {
    "p": "binomial spread follows from the share",
    "np": "binomial spread follows from the share",
    "c": "Poisson spread follows from the mean",
    "u": "Poisson spread follows from the mean",
    "g": "geometric spread follows from the mean",
    "standardised_p": "binomial spread follows from the share",
    "standardised_u": "Poisson spread follows from the mean",
}
"""Kinds whose sigma comes from a distribution, so that equal values are ordinary input."""


def subgroups(rng: np.random.Generator, count: int) -> Data:
    return (np.round(rng.normal(74, 0.01, (count, 4)), 4),)


def individuals(rng: np.random.Generator, count: int) -> Data:
    return (np.round(rng.normal(34, 0.5, count), 3),)


def counts(rng: np.random.Generator, count: int) -> Data:
    return (rng.poisson(8, count).astype(float),)


def counts_sizes(rng: np.random.Generator, count: int) -> Data:
    sizes = rng.integers(40, 60, count).astype(float)
    return rng.binomial(50, 0.2, count).clip(1, 39).astype(float), sizes


def events(rng: np.random.Generator, count: int) -> Data:
    return (rng.integers(1, 60, count).astype(float),)


def pairs(rng: np.random.Generator, count: int) -> Data:
    use = np.arange(count) * 0.5
    return np.round(5 + 0.03 * use + rng.normal(0, 0.1, count), 3), use


def labels_of(count: int) -> np.ndarray:
    return np.array(["axle", "axle", "bush", "axle", "bush", "bush", "bush", "axle"])[np.arange(count) % 8]


def parts(rng: np.random.Generator, count: int) -> Data:
    part = labels_of(count)
    return np.round(np.where(part == "axle", 20, 50) + rng.normal(0, 0.5, count), 3), part


def parts_subgroups(rng: np.random.Generator, count: int) -> Data:
    part = labels_of(count)
    middle = np.where(part == "axle", 20, 50)[:, None]
    return np.round(middle + rng.normal(0, 0.5, (count, 4)), 3), part


def parts_counts(rng: np.random.Generator, count: int) -> Data:
    return (*counts_sizes(rng, count), labels_of(count))


SAMPLES: dict[str, Callable[[np.random.Generator, int], Data]] = {
    "subgroups": subgroups,
    "individuals": individuals,
    "counts": counts,
    "counts_sizes": counts_sizes,
    "events": events,
    "series": individuals,
    "pairs": pairs,
    "parts": parts,
    "parts_subgroups": parts_subgroups,
    "parts_counts": parts_counts,
}
"""Points of a stable process for each kind of input."""

NEEDED: dict[str, dict[str, Any]] = {
    "acceptance": {"lsl": 60.0, "usl": 88.0, "p1": 0.001, "p2": 0.01},
    "modified": {"lsl": 60.0, "usl": 88.0, "p1": 0.001},
}
"""Options without which a kind can't be made."""

OWN_SCALE = {
    "cusum": "its decision interval is in standard errors of the values",
    "z_mr": "its values are standardised",
    "standardised": "its values are standardised",
    "standardised_p": "its values are standardised",
    "standardised_u": "its values are standardised",
    "target": "what is left out moves its values, which are deviations",
}
"""Kinds on whose lines the estimates can't be read; their own tests read them elsewhere."""

OVER_ALL_STAGES = ("z_mr", "target", "standardised", "standardised_p", "standardised_u")
"""Kinds whose parts are estimated over all stages together."""


def data_of(kind: ChartKind, count: int = BASE + MORE) -> Data:
    if kind.takes not in SAMPLES:
        pytest.skip(f"{kind.takes} have contracts of their own")
    found = SAMPLES[kind.takes](np.random.default_rng(7), count)
    # A shift late in the series, so that there is something to flag.
    shifted = found[0].copy()
    shifted[-8:] += 3 * shifted.std() if kind.takes in ("subgroups", "individuals") else 0
    return (shifted, *found[1:])


def first(data: Data, stop: int, start: int = 0) -> Data:
    return tuple(part[start:stop] for part in data)


def observations(data: Data) -> list[Any]:
    return [row[0] if len(row) == 1 else row for row in zip(*data, strict=True)]


def charts_of(chart: ControlChart) -> tuple[ControlChart, ...]:
    return (chart, *chart.companions)


@pytest.fixture(params=KINDS, ids=lambda kind: kind.id)
def kind(request: pytest.FixtureRequest) -> ChartKind:
    found: ChartKind = request.param
    needed = NEEDED.get(found.id)
    return dataclasses.replace(found, make=functools.partial(found.make, **needed)) if needed else found


def test_it_is_named_in_both_languages(kind: ChartKind) -> None:
    assert kind.title.zh
    assert kind.title.en
    assert kind.title.zh != kind.title.en


def test_its_options_are_those_it_takes(kind: ChartKind) -> None:
    make = kind.make.func if isinstance(kind.make, functools.partial) else kind.make
    hints = get_type_hints(make)
    taken = set(inspect.signature(make).parameters) | {
        name
        for told in hints.values()
        if get_origin(told) is Unpack
        for name in get_type_hints(get_args(told)[0])
    }
    assert set(kind.options) <= taken
    with pytest.raises(TypeError, match="no_such_option"):
        kind.make(*data_of(kind), no_such_option=1)


def test_the_result_is_frozen_and_plain_json(kind: ChartKind) -> None:
    chart = kind.make(*data_of(kind))
    with pytest.raises(dataclasses.FrozenInstanceError):
        chart.center = 0.0  # type: ignore[misc]
    document = json.loads(json.dumps(chart.to_dict(), allow_nan=False))
    assert set(document) >= {"kind", "statistics", "center", "sigma", "limits", "violations", "companions"}
    assert set(document["limits"]) == {"lcl", "ucl"}
    assert len(document["statistics"]) == BASE + MORE
    assert document["violations"] == chart.violations


def test_it_draws_itself_in_both_languages(kind: ChartKind) -> None:
    chart = kind.make(*data_of(kind), phase1=(0, BASE))
    plot = chart.plot()
    drawn = json.loads(json.dumps(plot.to_dict(), allow_nan=False))
    titles = [drawn["title"], drawn["note"]]
    for panel in drawn["panels"]:
        assert panel["layers"]
        titles += [panel["title"], panel["x"]["title"], panel["y"]["title"]]
        titles += [layer["name"] for layer in panel["layers"] if "name" in layer]
    assert all(title["zh"] and title["en"] for title in titles)
    shown = [layer for panel in drawn["panels"] for layer in panel["layers"] if layer["kind"] == "flags"]
    assert shown
    if kind.takes == "pairs":
        assert [flag["x"] for flag in shown[0]["flags"]] == [data_of(kind)[1][at] for at in chart.flagged]
    else:
        assert [flag["x"] - 1 for flag in shown[0]["flags"]] == list(chart.flagged)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(kind: ChartKind, wrong: float) -> None:
    data = data_of(kind)
    for position in (place for place, part in enumerate(data) if part.dtype.kind == "f"):
        broken = [part.copy() for part in data]
        broken[position].flat[5] = wrong
        place = tuple(map(int, np.unravel_index(5, broken[position].shape)))
        with pytest.raises(NotFinite, match=re.escape(str(place if len(place) > 1 else 5))):
            kind.make(*broken)


def test_too_few_points_are_refused(kind: ChartKind) -> None:
    with pytest.raises(TooFewPoints):
        kind.make(*first(data_of(kind), 0))


def test_data_without_spread_are_refused(kind: ChartKind) -> None:
    data = data_of(kind)
    same = np.full_like(data[0], 7.0)
    rest = [np.full_like(part, 50.0) for part in data[1:]]
    if kind.id in CONSTANT_IS_FINE:
        assert not kind.make(same, *rest).flagged or kind.id == "g"
        same = np.zeros_like(same)
    with pytest.raises((ConstantData, NoSpreadWithin)):
        kind.make(same, *rest)


def test_the_live_form_equals_the_batch_chart_to_the_last_bit(kind: ChartKind) -> None:
    data = data_of(kind)
    batch = kind.make(*data, phase1=(0, BASE))
    live = kind.make(*first(data, BASE)).live()
    for index, observation in zip(
        range(BASE, BASE + MORE), observations(first(data, BASE + MORE, BASE)), strict=True
    ):
        same(live.add(observation), batch, index)


def test_a_pickled_chart_goes_on_live(kind: ChartKind) -> None:
    data = data_of(kind)
    chart = kind.make(*first(data, BASE))
    again = pickle.loads(pickle.dumps(chart))
    observation = observations(first(data, BASE + 1, BASE))[0]
    assert again.live().add(observation) == chart.live().add(observation)


def same(point: LivePoint, chart: ControlChart, index: int) -> None:
    assert point.index == index
    assert point.statistic == chart.statistics[index] or np.isnan(chart.statistics[index])
    assert point.center == at(chart.center, index)
    assert point.lcl == at(chart.limits.lcl, index)
    assert point.ucl == at(chart.limits.ucl, index)
    assert point.violations == tuple(rule for rule, found in chart.violations.items() if index in found)
    for beside, companion in zip(point.companions, chart.companions, strict=True):
        same(beside, companion, index)


def test_a_stage_is_a_chart_of_its_own(kind: ChartKind) -> None:
    if "stages" not in kind.options or kind.id in OVER_ALL_STAGES:
        pytest.skip("has no stages, or none with estimates of their own")
    data = data_of(kind)
    whole = kind.make(*data, stages=[BASE])
    parts = [kind.make(*first(data, BASE)), kind.make(*first(data, BASE + MORE, BASE))]
    assert [stage.label for stage in whole.stages] == ["1", "2"]
    for number, one in enumerate(charts_of(whole)):
        before, after = (charts_of(part)[number] for part in parts)
        joined = np.concatenate([before.statistics, after.statistics])
        np.testing.assert_array_equal(one.statistics, joined)
        for index in range(BASE + MORE):
            part, place = (before, index) if index < BASE else (after, index - BASE)
            assert at(one.center, index) == pytest.approx(at(part.center, place), rel=1e-12)
            assert at(one.limits.ucl, index) == pytest.approx(at(part.limits.ucl, place), rel=1e-12)
        for rule, found in one.violations.items():
            assert found == before.violations[rule] + [BASE + index for index in after.violations[rule]]


def test_a_staged_chart_goes_on_live_with_its_last_stage(kind: ChartKind) -> None:
    if "stages" not in kind.options:
        pytest.skip("has no stages")
    data = data_of(kind)
    batch = kind.make(*data, stages=[20], phase1=(0, BASE))
    live = kind.make(*first(data, BASE), stages=[20]).live()
    for index, observation in zip(
        range(BASE, BASE + MORE), observations(first(data, BASE + MORE, BASE)), strict=True
    ):
        same(live.add(observation), batch, index)


def test_an_excluded_point_is_shown_but_not_estimated_from(kind: ChartKind) -> None:
    if "exclude" not in kind.options or kind.id in OWN_SCALE:
        pytest.skip(OWN_SCALE.get(kind.id, "leaves nothing out"))
    data = data_of(kind)
    wild = tuple(part.copy() for part in data)
    wild[0][3] = 3 * wild[0].max() if len(data) == 1 else wild[1][3]
    wild[0].reshape(len(wild[0]), -1)[3, 0] *= 1 if len(data) > 1 else 2
    without = kind.make(*wild, exclude={3: "tool broke"})
    assert [(gone.index, gone.reason) for gone in without.excluded] == [(3, "tool broke")]
    assert without.statistics.size == BASE + MORE
    # What the left-out point was makes no difference to the lines.
    tame = tuple(part.copy() for part in wild)
    tame[0][3] = data[0][4]
    other = kind.make(*tame, exclude=[3])
    assert at(without.center, 9) == pytest.approx(at(other.center, 9), rel=1e-12)
    assert at(without.limits.ucl, 9) == pytest.approx(at(other.limits.ucl, 9), rel=1e-12)
    assert at(kind.make(*wild).limits.ucl, 9) != pytest.approx(at(without.limits.ucl, 9), rel=1e-6)
    assert 3 in without.flagged


def test_historical_values_freeze_the_limits(kind: ChartKind) -> None:
    if "center" not in kind.options or kind.id in ("np", "t"):
        pytest.skip("is frozen in another way")
    data = data_of(kind)
    chart = kind.make(*data)
    given = {"center": float(np.mean(chart.center)) if kind.id not in ("g",) else float(data[0].mean())}
    if "sigma" in kind.options:
        given["sigma"] = float(np.mean(chart.sigma))
    elif "overdispersion" in kind.options:
        given["overdispersion"] = chart.overdispersion
    frozen = kind.make(*first(data, 5), **given)
    for index in range(5):
        assert at(frozen.limits.lcl, index) == pytest.approx(at(chart.limits.lcl, index), rel=1e-9)
        assert at(frozen.limits.ucl, index) == pytest.approx(at(chart.limits.ucl, index), rel=1e-9)
    assert frozen.estimator == "given"
    assert frozen.phase1 is None
