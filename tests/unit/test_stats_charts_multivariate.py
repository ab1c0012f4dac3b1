"""Multivariate charts: live is batch, false alarms as promised, refusals, decomposition."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from assay.stats import charts
from assay.stats.charts import MultivariateChart
from assay.stats.charts.errors import NotSymmetric
from assay.stats.charts.hotelling import f_quantile, t2_limit
from assay.stats.charts.kinds import CHARTS
from assay.stats.charts.variance_chart import b1, b2
from assay.stats.errors import (
    ConstantData,
    NotFinite,
    NotNumeric,
    NotPositive,
    OutOfRange,
    SingletonSubgroups,
    SingularCovariance,
    SplitSubgroup,
    TooFewPoints,
    UnequalSubgroups,
    UnknownColumn,
    UnknownOption,
    WrongShape,
)

MIX = np.array([[1.0, 0.0, 0.0], [0.8, 0.6, 0.0], [-0.3, 0.5, 0.7]])


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((*shape, 3)) @ MIX.T + [10.0, 500.0, -2.0]


ROWS = normal(1, 60)
CUBE = normal(2, 40, 5)


def rows_of(cube: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A cube as rows with labels, the last subgroup two rows shorter."""
    flat = cube.reshape(-1, cube.shape[2])[:-2]
    return flat, np.repeat(np.arange(len(cube)), cube.shape[1])[:-2]


# -- numbers -------------------------------------------------------------------------------------------------


def test_t2_is_the_squared_mahalanobis_distance() -> None:
    chart = charts.t2(ROWS)
    apart = ROWS - ROWS.mean(axis=0)
    expected = np.einsum("ij,ij->i", apart @ np.linalg.inv(np.cov(ROWS.T)), apart)
    assert chart.statistics == pytest.approx(expected, rel=1e-11)
    # Over all observations of phase I the distances add up to (m − 1)p.
    assert chart.statistics.sum() == pytest.approx(59 * 3, rel=1e-11)


def test_successive_differences_resist_a_step() -> None:
    stepped = ROWS.copy()
    stepped[30:] += [3.0, 3.0, 0.0]
    sample = charts.t2(stepped)
    steps = charts.t2(stepped, estimator="successive_differences")
    assert steps.estimator == "successive_differences"
    assert len(steps.flagged) > len(sample.flagged)
    difference = np.diff(stepped, axis=0)
    assert steps.covariance == pytest.approx(difference.T @ difference / 118, rel=1e-12)


def test_unequal_subgroups_by_hand() -> None:
    rows, labels = rows_of(CUBE)
    chart = charts.t2_subgroups(rows, labels)
    groups = [rows[labels == label] for label in range(40)]
    pooled = sum((len(g) - 1) * np.cov(g.T) for g in groups) / (len(rows) - 40)
    center = rows.mean(axis=0)
    last = groups[-1].mean(axis=0) - center
    assert chart.statistics[-1] == pytest.approx(3 * last @ np.linalg.solve(pooled, last), rel=1e-11)
    freedom, share = len(rows) - 40, chart.alpha
    ucl = (1 - 3 / len(rows)) * 3 * freedom / (freedom - 2) * f_quantile(share, 3, freedom - 2)
    assert chart.limits.ucl[-1] == pytest.approx(ucl, rel=1e-12)
    assert chart.sizes is not None
    assert chart.sizes[-1] == 3


def test_equal_subgroups_have_alts_limits() -> None:
    chart = charts.t2_subgroups(CUBE, phase1=(0, 30), alpha=0.01)
    assert chart.limits.ucl[0] == pytest.approx(t2_limit(3, 30, 5, alpha=0.01, phase="I"), rel=1e-12)
    assert chart.limits.ucl[-1] == pytest.approx(t2_limit(3, 30, 5, alpha=0.01), rel=1e-12)


def test_one_variable_is_a_squared_t_statistic() -> None:
    column = ROWS[:, :1]
    chart = charts.t2(column)
    assert chart.statistics == pytest.approx(((column - column.mean()) / column.std(ddof=1))[:, 0] ** 2)


def test_chi_squared_limits_and_known_parameters() -> None:
    plain = charts.t2(ROWS, limits="chi_squared", alpha=0.01)
    assert plain.limits.ucl == pytest.approx(chi2.isf(0.01, 3))
    known = charts.t2(ROWS, mean=[10, 500, -2], covariance=MIX @ MIX.T, alpha=0.01)
    assert known.limits.ucl == pytest.approx(chi2.isf(0.01, 3))
    assert known.estimator == "given"
    study = charts.t2(ROWS)
    later = charts.t2(ROWS, mean=study.mean, covariance=study.covariance, observations=60)
    assert later.limits.ucl == pytest.approx(t2_limit(3, 60, alpha=study.alpha), rel=1e-12)


def test_a_point_left_out_is_judged_as_a_later_one() -> None:
    chart = charts.t2(ROWS, exclude={4: "sensor unplugged"})
    rest = np.delete(ROWS, 4, axis=0)
    assert chart.mean == pytest.approx(rest.mean(axis=0))
    assert chart.limits.ucl[4] == pytest.approx(t2_limit(3, 59, alpha=chart.alpha))
    assert chart.limits.ucl[5] == pytest.approx(t2_limit(3, 59, alpha=chart.alpha, phase="I"))
    assert chart.excluded[0].reason == "sensor unplugged"


def test_stages_have_their_own_estimates() -> None:
    chart = charts.t2(ROWS, stages=[0, 30])
    alone = charts.t2(ROWS[30:])
    assert chart.statistics[30:] == pytest.approx(alone.statistics, rel=1e-12)
    assert chart.covariance == pytest.approx(alone.covariance)
    assert chart.decompose(40).statistic == pytest.approx(alone.decompose(10).statistic)


@pytest.mark.parametrize(("phase", "count"), [("I", 12), ("II", 12)])
def test_false_alarms_of_individuals_are_as_promised(phase: Any, count: int) -> None:
    rng = np.random.default_rng(3)
    limit = t2_limit(3, count, alpha=0.05, phase=phase)
    beyond = 0
    for _ in range(4000):
        rows = rng.standard_normal((count + 1, 3))
        study = rows[:count]
        judged = rows[0] if phase == "I" else rows[count]
        apart = judged - study.mean(axis=0)
        beyond += apart @ np.linalg.solve(np.cov(study.T), apart) > limit
    assert beyond / 4000 == pytest.approx(0.05, abs=0.014)


def test_moments_of_the_generalised_variance() -> None:
    rng = np.random.default_rng(4)
    samples = rng.standard_normal((60_000, 6, 2))
    centred = samples - samples.mean(axis=1, keepdims=True)
    found = np.linalg.det(np.einsum("gni,gnj->gij", centred, centred) / 5)
    assert found.mean() == pytest.approx(b1(6, 2), rel=0.02)
    assert found.var() == pytest.approx(b2(6, 2), rel=0.08)


def test_generalised_variance_conventions_differ_as_named() -> None:
    within = np.array([np.cov(one.T) for one in CUBE])
    average = charts.generalised_variance(CUBE, estimator="average")
    assert average.center == pytest.approx(np.linalg.det(within).mean())
    textbook = charts.generalised_variance(CUBE, estimator="montgomery")
    assert textbook.center == pytest.approx(np.linalg.det(within.mean(axis=0)))
    pooled = charts.generalised_variance(CUBE)
    assert pooled.determinant == pytest.approx(np.linalg.det(within.mean(axis=0)) / b1(161, 3))
    assert pooled.limits.lcl == 0.0


def test_generalised_variance_of_a_flat_subgroup_is_zero() -> None:
    cube = CUBE.copy()
    cube[7, :, 2] = 2.0 * cube[7, :, 1] + 1.0
    chart = charts.generalised_variance(cube)
    assert chart.statistics[7] == pytest.approx(0.0, abs=1e-10)


def test_mewma_without_memory_is_t2() -> None:
    chart = charts.mewma(ROWS, lam=1.0, h=12.0)
    assert chart.statistics == pytest.approx(charts.t2(ROWS).statistics, rel=1e-12)


def test_mewma_asymptotic_and_exact_agree_late() -> None:
    exact = charts.mewma(ROWS, lam=0.2)
    late = charts.mewma(ROWS, lam=0.2, limits="asymptotic")
    assert exact.statistics[0] > late.statistics[0]
    assert exact.statistics[-1] == pytest.approx(late.statistics[-1], rel=1e-9)


def test_mewma_of_subgroups_uses_their_means() -> None:
    whole = charts.mewma(CUBE, lam=0.2)
    within = np.mean([np.cov(one.T) for one in CUBE], axis=0)
    single = charts.mewma(
        CUBE.mean(axis=1), lam=0.2, mean=CUBE.mean(axis=(0, 1)), covariance=within / 5.0, h=whole.h
    )
    assert whole.statistics == pytest.approx(single.statistics, rel=1e-9)
    flat = charts.mewma(CUBE.reshape(-1, 3), 5, lam=0.2)
    assert flat.statistics.tolist() == whole.statistics.tolist()


# -- decomposition -------------------------------------------------------------------------------------------


@given(order=st.permutations([0, 1, 2]), index=st.integers(0, 59))
@settings(max_examples=30, deadline=None)
def test_terms_of_any_order_add_up_to_t2(order: list[int], index: int) -> None:
    chart = charts.t2(ROWS, variables=("a", "b", "c"))
    names = [chart.variables[place] for place in order]
    total = sum(chart.term(index, name, names[:place]) for place, name in enumerate(names))
    assert total == pytest.approx(chart.statistics[index], rel=1e-9)


def test_a_broken_relation_shows_in_the_conditional_term() -> None:
    rows = normal(5, 101)
    # Each value is ordinary; together they contradict the correlation of .8.
    rows[100, :2] = [10.0 + 1.6, 500.0 - 1.6]
    chart = charts.t2(rows, phase1=(0, 100), variables=("length", "width", "angle"))
    assert chart.flagged[-1] == 100
    found = chart.decompose(100)
    assert (found.unconditional < found.unconditional_limit).all()
    assert set(found.suspects) >= {"length", "width"}
    assert found.conditional[0] == pytest.approx(chart.term(100, "length", ("width", "angle")))
    drawn = found.plot().to_dict()
    assert [panel["x"]["categories"] for panel in drawn["panels"]] == [["length", "width", "angle"]] * 2


def test_names_come_from_a_frame() -> None:
    names = ("temperature", "pressure", "speed")
    columns = dict(zip(names, ROWS.T, strict=True))
    plain = charts.t2(ROWS)
    for frame in (columns, pa.table(columns)):
        chart = charts.t2(frame)
        assert chart.variables == names
        assert chart.statistics.tolist() == plain.statistics.tolist()
        assert charts.t2(frame, 5).variables == names
        assert charts.mewma(frame).variables == names
        assert charts.generalised_variance(frame, 5).variables == names
    with pytest.raises(WrongShape, match="pressure"):
        charts.t2({**columns, "pressure": ROWS[:9, 1]})


def test_t2_of_subgroups_by_either_name() -> None:
    assert charts.t2(CUBE).statistics.tolist() == charts.t2_subgroups(CUBE).statistics.tolist()
    flat = charts.t2(CUBE.reshape(-1, 3), 5)
    assert flat.kind == "t2_subgroups"
    assert flat.statistics.tolist() == charts.t2_subgroups(CUBE).statistics.tolist()


# -- live ----------------------------------------------------------------------------------------------------

LIVE: list[tuple[str, Callable[..., MultivariateChart], np.ndarray]] = [
    ("t2", charts.t2, ROWS),
    ("t2 of differences", lambda v, **o: charts.t2(v, estimator="successive_differences", **o), ROWS),
    ("t2_subgroups", charts.t2_subgroups, CUBE),
    ("generalised_variance", charts.generalised_variance, CUBE),
    ("mewma", lambda v, **o: charts.mewma(v, lam=0.15, **o), ROWS),
    ("mewma asymptotic", lambda v, **o: charts.mewma(v, lam=0.15, limits="asymptotic", **o), ROWS),
    ("mewma of subgroups", lambda v, **o: charts.mewma(v, lam=0.15, **o), CUBE),
]


@pytest.mark.parametrize(("make", "values"), [case[1:] for case in LIVE], ids=[case[0] for case in LIVE])
def test_the_live_form_gives_exactly_the_batch_result(
    make: Callable[..., MultivariateChart], values: np.ndarray
) -> None:
    shifted = values.copy()
    middle = np.array([10.0, 500.0, -2.0])
    shifted[30:] = middle + 2.0 * (shifted[30:] - middle) + 1.5
    count = len(shifted)
    whole = make(shifted, phase1=(0, 25))
    begun = pickle.loads(pickle.dumps(make(shifted[:25])))
    live = begun.live()
    found = [live.add(one) for one in shifted[25:]]
    assert [point.index for point in found] == list(range(25, count))
    assert [point.statistic for point in found] == whole.statistics[25:].tolist()
    for name in ("lcl", "ucl"):
        line = np.broadcast_to(getattr(whole.limits, name), count)[25:]
        assert [getattr(point, name) for point in found] == line.tolist()
    assert [point.center for point in found] == np.broadcast_to(whole.center, count)[25:].tolist()
    flagged = [point.index for point in found if point.violations]
    assert flagged == [index for index in whole.flagged if index >= 25]
    assert flagged


def test_fifty_variables_live_are_the_batch_to_the_last_digit() -> None:
    rng = np.random.default_rng(6)
    rows = rng.standard_normal((300, 50)) @ rng.standard_normal((50, 50)) * 10.0 ** rng.integers(-3, 4, 50)
    whole = charts.t2(rows, phase1=(0, 200))
    live = charts.t2(rows[:200]).live()
    assert [live.add(row).statistic for row in rows[200:]] == whole.statistics[200:].tolist()


def test_live_subgroups_of_other_sizes() -> None:
    rows, labels = rows_of(CUBE)
    whole = charts.t2_subgroups(rows, labels, phase1=(0, 20))
    live = charts.t2_subgroups(CUBE[:20]).live()
    points = [live.add(one) for one in (*CUBE[20:39], CUBE[39, :3])]
    assert [point.statistic for point in points] == whole.statistics[20:].tolist()
    assert [point.ucl for point in points] == whole.limits.ucl[20:].tolist()


@pytest.mark.parametrize("make", [case[1] for case in LIVE], ids=[case[0] for case in LIVE])
def test_the_result_is_plain_json_and_draws_itself(make: Callable[..., MultivariateChart]) -> None:
    values = {id(case[1]): case[2] for case in LIVE}[id(make)]
    chart = make(values, phase1=(0, 30))
    document = json.loads(json.dumps(chart.to_dict(), allow_nan=False))
    assert document["sigma"] is None
    plot = chart.plot()
    assert plot.title.zh != plot.title.en
    assert json.dumps(plot.to_dict(), allow_nan=False)


def test_every_kind_is_registered() -> None:
    for name, values in (
        ("t2", ROWS),
        ("t2_subgroups", CUBE),
        ("generalised_variance", CUBE),
        ("mewma", ROWS),
    ):
        kind = CHARTS[name]
        assert kind.takes == "multivariate"
        assert kind.title.zh != kind.title.en
        assert kind.make(values).kind == name


# -- refusals ------------------------------------------------------------------------------------------------


def with_value(value: float) -> np.ndarray:
    rows = ROWS.copy()
    rows[7, 1] = value
    return rows


def constant_column() -> np.ndarray:
    rows = ROWS.copy()
    rows[:, 1] = 4.0
    return rows


def summed_column() -> np.ndarray:
    rows = ROWS.copy()
    rows[:, 2] = rows[:, 0] + rows[:, 1]
    return rows


@pytest.mark.parametrize(
    ("call", "refusal"),
    [
        (lambda: charts.t2(with_value(math.nan)), NotFinite),
        (lambda: charts.t2(with_value(math.inf)), NotFinite),
        (lambda: charts.t2(ROWS[:, 0]), WrongShape),
        (lambda: charts.t2(ROWS[:4]), TooFewPoints),
        (lambda: charts.t2(ROWS[:5], estimator="successive_differences"), TooFewPoints),
        (lambda: charts.t2(constant_column()), ConstantData),
        (lambda: charts.t2(summed_column()), SingularCovariance),
        (lambda: charts.t2(CUBE, estimator="successive_differences"), UnknownOption),
        (lambda: charts.t2([[1.0, 2.0], [3.0]]), NotNumeric),
        (lambda: charts.t2({"a": ["x"] * 60, "b": ROWS[:, 0]}), NotNumeric),
        (lambda: charts.t2(ROWS, alpha=0.0), OutOfRange),
        (lambda: charts.t2(ROWS, alpha=math.nan), NotFinite),
        (lambda: charts.t2(ROWS, estimator="robust"), UnknownOption),
        (lambda: charts.t2(ROWS, limits="normal"), UnknownOption),
        (lambda: charts.t2(ROWS, mean=[1.0, 2.0]), WrongShape),
        (lambda: charts.t2(ROWS, covariance=np.ones((3, 3))), SingularCovariance),
        (lambda: charts.t2(ROWS, covariance=-np.eye(3)), SingularCovariance),
        (lambda: charts.t2(ROWS, covariance=np.eye(3) + np.eye(3, k=1)), NotSymmetric),
        (lambda: charts.t2(ROWS, variables=("a", "b")), WrongShape),
        (lambda: charts.t2(ROWS, phase1=(0, 4)), TooFewPoints),
        (lambda: charts.t2_subgroups(ROWS), WrongShape),
        (lambda: charts.t2_subgroups(ROWS, 7), UnequalSubgroups),
        (lambda: charts.t2_subgroups(ROWS, 1), SingletonSubgroups),
        (lambda: charts.t2_subgroups(CUBE[:1]), TooFewPoints),
        (lambda: charts.t2_subgroups(ROWS[:6], [0, 0, 1, 1, 0, 0]), SplitSubgroup),
        (lambda: charts.generalised_variance(CUBE[:, :3]), TooFewPoints),
        (lambda: charts.generalised_variance(CUBE, width=0), NotPositive),
        (lambda: charts.generalised_variance(CUBE, estimator="mean"), UnknownOption),
        (lambda: charts.mewma(ROWS, alpha=0.01), UnknownOption),
        (lambda: charts.generalised_variance(CUBE, mean=[0.0, 0.0, 0.0]), UnknownOption),
        (lambda: charts.t2(ROWS, rules="nelson"), UnknownOption),
        (lambda: charts.mewma(ROWS, lam=0.0), OutOfRange),
        (lambda: charts.mewma(ROWS, h=-1.0), NotPositive),
        (lambda: charts.mewma(ROWS, arl0=0.5), OutOfRange),
        (lambda: charts.mewma(*rows_of(CUBE)), UnequalSubgroups),
        (lambda: charts.t2(ROWS).term(0, "x9"), UnknownColumn),
        (lambda: charts.t2(ROWS).live().add([1.0, 2.0]), WrongShape),
        (lambda: charts.t2(ROWS).live().add([1.0, 2.0, math.nan]), NotFinite),
        (lambda: t2_limit(3, 4, alpha=0.01, phase="I"), TooFewPoints),
        (lambda: t2_limit(3, 3, alpha=0.01), TooFewPoints),
        (lambda: b1(3, 3), TooFewPoints),
    ],
)
def test_bad_input_is_refused_by_name(call: Callable[[], object], refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        call()


def test_a_singular_covariance_says_its_rank() -> None:
    with pytest.raises(SingularCovariance) as told:
        charts.t2(summed_column())
    assert told.value.values == {"rank": 2, "dimensions": 3, "count": 60}
