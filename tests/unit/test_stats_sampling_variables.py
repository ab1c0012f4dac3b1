"""Variables plans: the k-method, its other form, and plans matched to ISO 2859-1."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from assay.stats import sampling
from assay.stats.errors import LimitsReversed, NoLimits, NotPositive, OutOfRange, TooFewPoints, UnknownOption
from assay.stats.sampling.tables import LETTERS


def by_integration(n: int, k: float, p: float) -> float:
    z, nu = stats.norm.isf(p), n - 1
    inside = lambda u: stats.chi2.pdf(u, nu) * stats.norm.cdf(math.sqrt(n) * (z - k * math.sqrt(u / nu)))  # noqa: E731
    ends = stats.chi2.ppf([1e-15, 1 - 1e-15], nu)
    return float(integrate.quad(inside, *ends, points=[nu], epsabs=1e-13, limit=400)[0])


@pytest.mark.parametrize(("n", "k"), [(3, 0.9), (10, 1.72), (50, 1.93), (400, 2.5), (3, -0.2)])
def test_acceptance_is_the_integral_over_the_standard_deviation(n: int, k: float) -> None:
    plan = sampling.variables_plan(n, k)
    for chance in (0.999, 0.95, 0.5, 0.1, 0.001):
        p = plan.quality(chance)
        assert float(plan.oc(p)) == pytest.approx(chance, abs=1e-10)
        assert by_integration(n, k, p) == pytest.approx(chance, abs=1e-8)


def test_acceptance_of_extreme_lots_is_sure() -> None:
    plan = sampling.variables_plan(60, 2.0)
    assert plan.oc([0.0, 1e-12, 0.9, 1.0]).tolist() == pytest.approx([1, 1, 0, 0], abs=1e-12)
    with pytest.raises(OutOfRange):
        plan.oc(-0.1)


@settings(max_examples=40, deadline=None)
@given(
    p1=st.floats(0.0005, 0.05),
    times=st.floats(2.5, 12),
    alpha=st.floats(0.01, 0.2),
    beta=st.floats(0.01, 0.2),
    known=st.booleans(),
)
def test_both_risks_are_kept_and_no_smaller_sample_keeps_them(
    p1: float, times: float, alpha: float, beta: float, known: bool
) -> None:
    p2 = min(0.6, p1 * times)
    found = sampling.variables(p1, alpha, p2, beta, known_sigma=known)
    assert float(found.oc(p1)) >= 1 - alpha - 1e-9
    assert float(found.oc(p2)) <= beta + 1e-9
    assert found.k_range is not None
    least, most = found.k_range
    assert least <= found.k <= most + 1e-9
    smaller = found.n - 1
    if smaller >= 3:
        # One item less: every k fails one of the two.
        tried = [
            sampling.variables_plan(smaller, k, known_sigma=known)
            for k in np.linspace(least - 1, most + 1, 60)
        ]
        assert not any(float(t.oc(p1)) >= 1 - alpha and float(t.oc(p2)) <= beta for t in tried)


def test_variables_need_fewer_items_than_attributes_and_a_known_sigma_fewer_still() -> None:
    counted = sampling.attributes(0.01, 0.05, 0.06, 0.10)
    measured = sampling.variables(0.01, 0.05, 0.06, 0.10)
    known = sampling.variables(0.01, 0.05, 0.06, 0.10, known_sigma=True)
    assert known.n < measured.n < counted.n
    approximate = sampling.variables(0.01, 0.05, 0.06, 0.10, method="approximate")
    assert approximate.method == "approximate"
    assert abs(approximate.n - measured.n) <= 2
    assert approximate.consumer_risk == pytest.approx(0.10, abs=0.02)


def test_the_estimate_of_the_fraction_is_unbiased() -> None:
    rng = np.random.default_rng(11)
    sample = rng.normal(0.0, 1.0, (40_000, 6))
    q = (1.3 - sample.mean(axis=1)) / sample.std(axis=1, ddof=1)
    found = np.mean([sampling.estimated_fraction(value, 6) for value in q[:8000]])
    assert found == pytest.approx(stats.norm.sf(1.3), abs=0.004)
    known = np.mean(
        [sampling.estimated_fraction(1.3 - m, 6, known_sigma=True) for m in sample.mean(axis=1)[:8000]]
    )
    assert known == pytest.approx(stats.norm.sf(1.3), abs=0.004)


def test_form_k_and_form_p_star_decide_alike_with_one_limit() -> None:
    plan = sampling.variables(0.01, 0.05, 0.08, 0.10)
    rng = np.random.default_rng(3)
    for _ in range(200):
        values = rng.normal(10, 1, plan.n)
        verdict = plan.judge(values.mean(), values.std(ddof=1), usl=12.0)
        assert verdict.accepted == (verdict.estimated <= plan.p_star)
        assert verdict.q_lower is None


def test_two_limits_are_judged_together() -> None:
    plan = sampling.variables(0.01, 0.05, 0.08, 0.10, sided="two")
    wide = plan.judge(0.0, 1.0, lsl=-4, usl=4)
    tight = plan.judge(0.0, 1.0, lsl=-plan.k, usl=plan.k)
    assert wide.accepted
    # Each limit alone would just pass; together they hold twice the fraction allowed.
    assert not tight.accepted
    assert tight.estimated == pytest.approx(2 * plan.p_star)
    assert plan.judge(0.0, 1.0, lsl=-plan.k).accepted


@pytest.mark.parametrize("method", ["s", "sigma"])
def test_matched_plans_have_the_curve_of_the_attributes_plan(method: str) -> None:
    sizes = []
    for letter in LETTERS[4:14]:
        found = sampling.iso3951(None, 1.0, method=method, letter=letter)  # type: ignore[arg-type]
        counted = found.matched
        assert found.n < counted.n
        assert float(found.oc(counted.quality(0.95))) >= 0.95 - 1e-9
        assert float(found.oc(counted.quality(0.10))) <= 0.10 + 1e-9
        assert float(found.oc(counted.quality(0.5))) == pytest.approx(0.5, abs=0.09)
        sizes.append(found.n)
    assert sizes == sorted(sizes)


def test_matched_plans_know_their_lot() -> None:
    found = sampling.iso3951(1000, 1.0)
    assert (found.letter, found.matched.n, found.matched.ac, found.hundred_percent) == ("J", 80, 2, False)
    assert sampling.iso3951(1000, 1.0, inspection="tightened").k > found.k
    assert sampling.iso3951(10, 1.0).matched.letter == "B"
    with pytest.raises(OutOfRange):
        sampling.iso3951(1000, 15)
    with pytest.raises(UnknownOption):
        sampling.iso3951(1000, 1.0, method="R")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("refusal", "arguments"),
    [
        (LimitsReversed, (0.05, 0.05, 0.01, 0.1)),
        (OutOfRange, (0.01, 0.05, 1.0, 0.1)),
        (OutOfRange, (0.01, 0.0, 0.05, 0.1)),
        (LimitsReversed, (0.01, 0.6, 0.05, 0.6)),
    ],
)
def test_points_that_make_no_plan_are_refused_by_name(
    refusal: type[Exception], arguments: tuple[float, float, float, float]
) -> None:
    with pytest.raises(refusal):
        sampling.variables(*arguments)


def test_other_refusals() -> None:
    plan = sampling.variables_plan(10, 1.7)
    with pytest.raises(NoLimits):
        plan.judge(0, 1)
    with pytest.raises(LimitsReversed):
        plan.judge(0, 1, lsl=2, usl=1)
    with pytest.raises(NotPositive):
        plan.judge(0, 0, usl=1)
    with pytest.raises(OutOfRange):
        sampling.variables_plan(2, 1.7)
    with pytest.raises(TooFewPoints):
        sampling.estimated_fraction(1.0, 2)
    with pytest.raises(UnknownOption):
        sampling.variables(0.01, 0.05, 0.08, 0.1, method="guess")  # type: ignore[arg-type]


def test_a_verdict_draws_the_distribution_and_the_limits() -> None:
    verdict = sampling.variables_plan(20, 1.8).judge(10.0, 0.5, lsl=8.5, usl=12.0)
    line, *limits = verdict.plot().panels[0].layers
    assert [limit.x for limit in limits] == [8.5, 12.0]  # type: ignore[union-attr]
    assert line.y.argmax() == 90  # type: ignore[union-attr]
    assert verdict.plot().title.en == "The lot is accepted"


def test_the_plan_draws_its_curve() -> None:
    plot = sampling.variables(0.01, 0.05, 0.08, 0.10).plot()
    line, *marks = plot.panels[0].layers
    assert line.y[0] == 1.0  # type: ignore[union-attr]
    assert len(marks) == 2
    assert "接收" in plot.note.zh  # type: ignore[union-attr]
