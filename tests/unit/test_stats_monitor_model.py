"""Models of normal operation: what they hold, what they refuse, and how they answer."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.simulated_plant import Plant

from assay.stats import monitor
from assay.stats.arrays import Floats
from assay.stats.errors import (
    ConstantData,
    NotACount,
    NotFinite,
    NotNumeric,
    OutOfRange,
    SingularCovariance,
    TooFewPoints,
    UnknownOption,
    WrongShape,
)
from assay.stats.monitor.windows import folds, moments, stacked

KINDS = {"pca": monitor.pca(), "dpca": monitor.dpca(), "cva": monitor.cva()}
ALL = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(scope="module")
def rows() -> Floats:
    return Plant(6, 2, 0.7).rows(11, 600, fault="sensor", onset=500)


@ALL
def test_a_score_holds_everything_row_by_row(kind: str, rows: Floats) -> None:
    model = KINDS[kind].fit(rows[:400])
    score = model.score(rows)
    for values in (score.t2, score.spe, score.index, *score.monitored.values()):
        assert values.shape == (600,)
        assert np.isnan(values[: model.lags]).all()
        assert np.isfinite(values[model.lags :]).all()
    assert score.alarm.dtype == bool
    assert not score.alarm[: model.lags].any()
    above = [score.monitored[name] > limit for name, limit in score.limits.items()]
    assert (score.alarm == np.any(above, axis=0)).all()
    assert score.alarm[510:].all()
    assert score.false_alarms is model.false_alarms
    assert score.false_alarms.nominal == 0.01
    assert 0 <= score.false_alarms.low <= score.false_alarms.realised <= score.false_alarms.high <= 1
    assert model.kind == kind


@ALL
def test_results_are_plain_json(kind: str, rows: Floats) -> None:
    model = KINDS[kind].fit(rows[:400])
    score = model.score(rows)
    for result in (model, score, score.contributions(), model.live().add(rows[0])):
        document = json.loads(json.dumps(result.to_dict(), allow_nan=False))
        assert not [name for name in document if name.startswith("_")]
    assert score.to_dict()["false_alarms"]["nominal"] == 0.01
    assert set(score.to_dict()["limits"]) == set(model.watched)


@ALL
def test_the_unit_of_a_variable_changes_nothing(kind: str, rows: Floats) -> None:
    plain = KINDS[kind].fit(rows[:400]).score(rows)
    factor, offset = 10.0 ** np.arange(-3.0, 3.0), np.linspace(-1e3, 1e3, 6)
    other = rows * factor + offset
    scaled = KINDS[kind].fit(other[:400]).score(other)
    np.testing.assert_allclose(scaled.index, plain.index, rtol=1e-5, atol=1e-7)
    assert (scaled.alarm == plain.alarm).all()


@ALL
@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(6)))
def test_the_order_of_the_columns_changes_nothing(kind: str, order: list[int]) -> None:
    rows = Plant(6, 2, 0.7).rows(11, 600, fault="sensor", onset=500)
    plain = KINDS[kind].fit(rows[:400]).score(rows)
    turned = KINDS[kind].fit(rows[:400, order]).score(rows[:, order])
    np.testing.assert_allclose(turned.index, plain.index, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(
        turned.contributions([550]).values, plain.contributions([550]).values[:, order]
    )


@ALL
def test_row_by_row_equals_all_at_once(kind: str, rows: Floats) -> None:
    model = KINDS[kind].fit(rows[:400])
    score, live = model.score(rows), model.live()
    points = [live.add(row) for row in rows]
    assert [point.number for point in points] == list(range(600))
    assert [point.alarm for point in points] == score.alarm.tolist()
    np.testing.assert_allclose([point.t2 for point in points], score.t2, rtol=1e-9)
    np.testing.assert_allclose([point.spe for point in points], score.spe, rtol=1e-9)
    np.testing.assert_allclose([point.index for point in points], score.index, rtol=1e-9)
    for name in model.watched:
        found = [point.monitored[name] for point in points]
        np.testing.assert_allclose(found, score.monitored[name], rtol=1e-9)
    assert {name for point in points for name in point.causes} <= set(model.watched)
    assert all(point.alarm == bool(point.causes) for point in points)


def test_what_a_live_monitor_holds_does_not_grow(rows: Floats) -> None:
    live = monitor.cva().fit(rows[:400]).live()

    def held() -> int:
        parts = [value for name, value in vars(live).items() if name not in {"_model", "_core"}]
        return sum(np.size(part) for part in parts)

    live.add(rows[0])
    first = held()
    for row in rows:
        live.add(row)
    assert held() == first


@ALL
def test_an_adaptive_baseline_follows_a_drift_and_still_sees_a_step(kind: str) -> None:
    rows = Plant(6, 2, 0.5).rows(4, 3400, fault="sensor", onset=3300)
    model = KINDS[kind].fit(rows[:400])
    drifting = rows + model.scale * np.linspace(0.0, 4.0, len(rows))[:, None]
    fixed, adaptive = model.score(drifting), model.score(drifting, forgetting=0.98)
    assert fixed.alarm[2000:3300].mean() > 0.5
    assert adaptive.alarm[400:3300].mean() < 0.05
    assert adaptive.alarm[3300:].mean() > 0.9
    live = model.live(forgetting=0.98)
    points = [live.add(row) for row in drifting]
    np.testing.assert_allclose([point.index for point in points], adaptive.index, rtol=1e-9)
    assert (model.score(rows, forgetting=1.0).alarm == model.score(rows).alarm).all()
    with pytest.raises(OutOfRange):
        model.live(forgetting=1.2)


def test_a_late_score_continues_without_the_rows_before(rows: Floats) -> None:
    model = monitor.dpca(2).fit(rows[:400])
    np.testing.assert_allclose(model.score(rows[100:]).t2[2:], model.score(rows).t2[102:])


def test_the_faulty_sensor_is_named(rows: Floats) -> None:
    names = [f"T{at}" for at in range(6)]
    plain, faulty = Plant(6, 2, 0.7).rows(11, 600), rows
    wrong = names[int(np.abs(plain - faulty).max(axis=0).argmax())]
    for settings_ in KINDS.values():
        found = settings_.fit(rows[:400], names).contributions(faulty, slice(500, 520))
        assert found.ranking[0] == wrong
        assert found.rows.tolist() == list(range(500, 520))
        assert found.values.shape == (20, 6)
        np.testing.assert_allclose(found.mean, found.values.mean(axis=0))


def test_rows_of_contributions_can_be_chosen(rows: Floats) -> None:
    score = monitor.dpca(1).fit(rows[:400]).score(rows)
    mask = np.zeros(600, dtype=bool)
    mask[[510, 512]] = True
    chosen = score.contributions(mask)
    np.testing.assert_array_equal(chosen.rows, [510, 512])
    np.testing.assert_array_equal(chosen.values, score.contributions([510, 512]).values)
    assert score.contributions().rows.tolist() == np.flatnonzero(score.alarm).tolist()
    assert score.contributions(slice(0, 4)).rows.tolist() == [1, 2, 3]
    quiet = monitor.pca(alpha=1e-5).fit(rows[:400]).score(rows[:3])
    assert not quiet.alarm.any()
    assert quiet.contributions().rows.tolist() == [0, 1, 2]
    for wrong in ([0], [600], [-1], []):
        with pytest.raises(OutOfRange):
            score.contributions(wrong)
    with pytest.raises(UnknownOption):
        score.contributions(statistic="mewma")
    with pytest.raises(UnknownOption):
        monitor.cva().fit(rows[:400]).contributions(rows, statistic="combined")


def test_combined_contributions_are_of_the_sum_over_the_limits(rows: Floats) -> None:
    model = monitor.pca(2).fit(rows[:400])
    scaled = model.standardised(rows)[510]
    loadings, limits = model.loadings, model.limits
    matrix = (loadings / model.variances) @ loadings.T / limits["t2"]
    matrix += (np.eye(6) - loadings @ loadings.T) / limits["spe"]
    expected = (matrix @ scaled) ** 2 / np.diag(matrix)
    np.testing.assert_allclose(model.contributions(rows, [510]).values[0], expected)


def test_names_come_from_a_frame_or_are_given(rows: Floats) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    assert monitor.pca().fit(rows[:100]).names == ("x1", "x2", "x3", "x4", "x5", "x6")

    class Frame:
        columns = ("a", "b", "c", "d", "e", "f")

        def __array__(self, dtype: object = None, copy: object = None) -> Floats:
            return rows[:100]

    assert monitor.pca().fit(Frame()).names == Frame.columns
    table = pyarrow.table({name: rows[:100, at] for at, name in enumerate("abcdef")})
    assert monitor.pca().fit(np.column_stack([table[name] for name in "abcdef"]), "abcdef").names[2] == "c"
    with pytest.raises(monitor.WrongNames) as refused:
        monitor.pca().fit(rows[:100], ["one"])
    assert refused.value.values == {"count": 1, "wanted": 6}


@pytest.mark.parametrize("make", [dict, pd.DataFrame, pa.table])
def test_columns_of_a_frame_go_by_their_names(make: Any, rows: Floats) -> None:
    names = [f"sensor {at}" for at in range(rows.shape[1])]
    frame = make(dict(zip(names, rows.T, strict=True)))
    model = monitor.cva().fit(frame)
    assert model.names == tuple(names)
    turned = make(dict(zip(names[::-1], rows.T[::-1], strict=True)))
    for forgetting in (None, 0.99):
        expected = model.score(frame, forgetting=forgetting).index
        assert np.array_equal(model.score(turned, forgetting=forgetting).index, expected, equal_nan=True)
    other = make({f"other {name}": column for name, column in zip(names, rows.T, strict=True)})
    assert np.array_equal(model.score(other).index, model.score(frame).index, equal_nan=True)


def test_components_by_rule_by_number_and_by_share() -> None:
    rows = np.random.default_rng(0).standard_normal((500, 3)).repeat(3, axis=1)
    rows += 0.3 * np.random.default_rng(2).standard_normal(rows.shape)
    assert monitor.pca().fit(rows).components == 3
    assert monitor.pca(5).fit(rows).components == 5
    assert monitor.pca(0.5).fit(rows).components <= 2
    assert monitor.pca(0.9999999).fit(rows).components == 9
    noise = np.random.default_rng(3).standard_normal((500, 9))
    assert monitor.pca().fit(noise).components == 1
    loadings = monitor.pca(4).fit(rows).loadings
    np.testing.assert_allclose(loadings.T @ loadings, np.eye(4), atol=1e-12)
    assert (loadings[np.abs(loadings).argmax(axis=0), range(4)] > 0).all()


def test_all_components_leave_no_residual(rows: Floats) -> None:
    model = monitor.pca(6).fit(rows[:400])
    assert model.watched == ("t2",)
    assert (model.score(rows).spe == 0).all()
    with pytest.raises(monitor.NoResidualSpace) as refused:
        model.contributions(rows, statistic="spe")
    assert "6" in refused.value.said.zh
    assert model.contributions(rows).statistic == "combined"


def test_a_copied_variable_is_no_trouble_for_pca_and_named_for_cva(rows: Floats) -> None:
    doubled = np.column_stack([rows, rows[:, 0] + rows[:, 1]])
    for kind in (monitor.pca(), monitor.dpca(1)):
        assert np.isfinite(kind.fit(doubled[:400]).score(doubled).index[1:]).all()
    with pytest.raises(SingularCovariance) as refused:
        monitor.cva().fit(doubled[:400])
    assert refused.value.values == {"rank": 6, "dimensions": 7, "count": 400}


def test_more_variables_than_rows() -> None:
    rows = np.random.default_rng(4).standard_normal((60, 5)) @ np.random.default_rng(5).standard_normal(
        (5, 90)
    )
    rows += 0.1 * np.random.default_rng(6).standard_normal(rows.shape)
    score = monitor.pca().fit(rows).score(rows)
    assert np.isfinite(score.index).all()
    with pytest.raises(TooFewPoints) as refused:
        monitor.cva().fit(rows)
    assert refused.value.values["least"] == 184


@ALL
def test_one_variable_alone(kind: str) -> None:
    rows = Plant(1, 1, 0.8).rows(2, 400, fault="sensor", onset=300)
    score = KINDS[kind].fit(rows[:300]).score(rows)
    assert score.alarm[:300].mean() <= 0.05
    assert score.alarm[300:].any()


@ALL
@pytest.mark.parametrize("place", [0, 57])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_values_that_are_not_finite_are_refused(kind: str, rows: Floats, place: int, value: float) -> None:
    broken = rows.copy()
    broken[place, 2] = value
    with pytest.raises(NotFinite):
        KINDS[kind].fit(broken)
    model = KINDS[kind].fit(rows[:400])
    with pytest.raises(NotFinite):
        model.score(broken)
    with pytest.raises(NotFinite):
        model.live().add(broken[place])


@ALL
def test_constant_columns_are_named(kind: str, rows: Floats) -> None:
    flat = rows.copy()
    flat[:, [1, 4]] = (3.2, 1e9)
    with pytest.raises(monitor.ConstantColumns) as refused:
        KINDS[kind].fit(flat, "abcdef")
    assert refused.value.values == {"columns": "b, e", "count": 600}
    assert isinstance(refused.value, ConstantData)


@ALL
def test_other_shapes_are_refused(kind: str, rows: Floats) -> None:
    settings_ = KINDS[kind]
    with pytest.raises(TooFewPoints) as few:
        settings_.fit(rows[:49])
    assert few.value.values == {"what": kind, "count": 49, "least": 50}
    with pytest.raises(WrongShape):
        settings_.fit(rows[:, 0])
    with pytest.raises(NotNumeric):
        settings_.fit([["a", "b"]] * 60)
    model = settings_.fit(rows[:400])
    with pytest.raises(monitor.OtherColumns) as other:
        model.score(rows[:, :5])
    assert other.value.values == {"count": 5, "wanted": 6}
    with pytest.raises(monitor.OtherColumns):
        model.live().add(rows[0, :5])
    if model.lags:
        with pytest.raises(TooFewPoints):
            model.score(rows[: model.lags])
    assert model.score(rows[: model.lags + 1]).t2.shape == (model.lags + 1,)


@pytest.mark.parametrize(
    ("make", "wrong", "error"),
    [
        (monitor.pca, {"alpha": 0.0}, OutOfRange),
        (monitor.pca, {"alpha": 0.6}, OutOfRange),
        (monitor.pca, {"confidence": 1.0}, OutOfRange),
        (monitor.pca, {"limits": "guess"}, UnknownOption),
        (monitor.pca, {"smoothing": 0.0}, OutOfRange),
        (monitor.pca, {"blocks": 1}, OutOfRange),
        (monitor.pca, {"components": 0}, OutOfRange),
        (monitor.pca, {"components": 2.5}, NotACount),
        (monitor.dpca, {"lags": 0}, OutOfRange),
        (monitor.dpca, {"lags": 1.5}, NotACount),
        (monitor.cva, {"lags": 0}, OutOfRange),
        (monitor.cva, {"states": 0}, OutOfRange),
        (monitor.cva, {"memory": 0.0}, OutOfRange),
        (monitor.cva, {"watch": ()}, OutOfRange),
        (monitor.cva, {"watch": ("spe", "spe")}, OutOfRange),
        (monitor.cva, {"watch": ("q",)}, UnknownOption),
    ],
)
def test_settings_out_of_range_are_refused(make: object, wrong: dict[str, object], error: type) -> None:
    with pytest.raises(error):
        make(**wrong)  # type: ignore[operator]


def test_settings_that_do_not_fit_the_data_are_refused(rows: Floats) -> None:
    with pytest.raises(OutOfRange):
        monitor.pca(7).fit(rows)
    with pytest.raises(OutOfRange):
        monitor.cva(1, 7).fit(rows)
    with pytest.raises(TooFewPoints):
        monitor.cva(13).fit(rows)
    with pytest.raises(TooFewPoints):
        monitor.dpca(13).fit(rows)


def test_textbook_limits_need_few_rows_and_say_that_nothing_was_left_out(rows: Floats) -> None:
    model = monitor.pca(2, limits="textbook").fit(rows[:20])
    assert math.isnan(model.false_alarms.realised)
    assert model.method == "textbook"
    score = model.score(rows)
    np.testing.assert_allclose(score.monitored["t2"], score.t2)
    np.testing.assert_allclose(score.monitored["spe"], score.spe)
    assert model.to_dict()["false_alarms"]["realised"] is None
    score.plot()


def test_watching_the_states_as_well(rows: Floats) -> None:
    model = monitor.cva(watch=("t2", "spe", "mewma")).fit(rows[:400])
    assert model.watched == ("t2", "spe", "mewma")
    assert set(model.score(rows).limits) == {"t2", "spe", "mewma"}


@ALL
def test_scores_draw_themselves_in_both_languages(kind: str, rows: Floats) -> None:
    score = KINDS[kind].fit(rows[:400]).score(rows)
    plot = score.plot()
    assert len(plot.panels) == len(score.monitored)
    for panel, (name, limit) in zip(plot.panels, score.limits.items(), strict=True):
        layers = {layer.kind: layer for layer in panel.layers}
        assert layers["level"].y == limit
        flagged = {int(flag.x) for flag in layers["flags"].flags}
        assert flagged == set(np.flatnonzero(score.monitored[name] > limit).tolist())
    assert plot.note is not None
    assert f"{score.false_alarms.realised:.2%}" in plot.note.en
    assert f"{score.false_alarms.realised:.2%}" in plot.note.zh
    json.dumps(plot.to_dict(), allow_nan=False)
    bars = score.contributions().plot()
    heights = bars.panels[0].layers[0].height
    assert (np.diff(heights) <= 0).all()
    assert bars.panels[0].x.categories == score.contributions().ranking
    json.dumps(bars.to_dict(), allow_nan=False)


@given(
    count=st.integers(40, 90),
    window=st.integers(1, 4),
    width=st.integers(1, 3),
    blocks=st.integers(2, 6),
    seed=st.integers(0, 100),
)
@settings(max_examples=40, deadline=None)
def test_the_rest_of_a_block_is_every_window_that_stays_clear_of_it(
    count: int, window: int, width: int, blocks: int, seed: int
) -> None:
    rows = np.random.default_rng(seed).standard_normal((count, width))
    first = window - 1
    everything = stacked(rows, window)
    covered: list[int] = []
    for fold in folds(rows, window, first, blocks):
        covered += range(fold.start, fold.stop)
        starts = np.arange(len(everything))
        clear = (starts + window - 1 < fold.start - window) | (starts >= fold.stop + window)
        kept = everything[clear]
        assert fold.rest.count == len(kept)
        np.testing.assert_allclose(fold.rest.total, kept.sum(axis=0), atol=1e-9)
        np.testing.assert_allclose(fold.rest.products, kept.T @ kept, atol=1e-9)
        if len(kept) > 1:
            expected = np.cov(kept.T).reshape(window * width, -1)
            np.testing.assert_allclose(fold.rest.covariance, expected, atol=1e-9)
    assert covered == list(range(first, count))


def test_moments_do_not_depend_on_the_chunks() -> None:
    rows = np.random.default_rng(7).standard_normal((10_000, 3))
    found, expected = moments(rows, 2, 0, 9_999), stacked(rows, 2)
    np.testing.assert_allclose(found.mean, expected.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(expected.T), atol=1e-12)
