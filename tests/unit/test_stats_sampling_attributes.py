"""Attributes plans by two points of the OC curve, and their curves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assay.stats import sampling
from assay.stats.errors import LimitsReversed, NotACount, NotFinite, NotPositive, OutOfRange, UnknownOption
from assay.stats.sampling.plan import AttributesPlan

RISKS = st.floats(0.01, 0.2)


def accept(n: int, c: int, p: float, distribution: str, lot: int | None = None, *, up: bool = False) -> float:
    if distribution == "binomial":
        return float(stats.binom.cdf(c, n, p))
    if distribution == "poisson":
        return float(stats.poisson.cdf(c, n * p))
    assert lot is not None
    inside = np.ceil(p * lot - 1e-9) if up else np.floor(p * lot + 1e-9)
    return float(stats.hypergeom.cdf(c, lot, int(inside), n))


@settings(max_examples=60, deadline=None)
@given(
    p1=st.floats(0.002, 0.08),
    times=st.floats(2.5, 10),
    alpha=RISKS,
    beta=RISKS,
    distribution=st.sampled_from(["binomial", "poisson"]),
)
def test_both_risks_are_kept_and_no_smaller_sample_keeps_them(
    p1: float, times: float, alpha: float, beta: float, distribution: str
) -> None:
    p2 = min(0.9, p1 * times)
    found = sampling.attributes(p1, alpha, p2, beta, distribution=distribution)  # type: ignore[arg-type]
    assert accept(found.n, found.c, p1, distribution) >= 1 - alpha - 1e-9
    assert accept(found.n, found.c, p2, distribution) <= beta + 1e-9
    assert found.producer_risk == pytest.approx(1 - accept(found.n, found.c, p1, distribution), abs=1e-10)
    assert found.consumer_risk == pytest.approx(accept(found.n, found.c, p2, distribution), abs=1e-10)
    for n in range(max(1, found.n - 25), found.n):
        for c in range(found.c + 2):
            kept = (
                accept(n, c, p1, distribution) >= 1 - alpha + 1e-9
                and accept(n, c, p2, distribution) <= beta - 1e-9
            )
            assert not kept, (n, c)


@settings(max_examples=25, deadline=None)
@given(lot=st.integers(60, 2000), p1=st.floats(0.005, 0.04), times=st.floats(3, 8), beta=RISKS)
def test_within_a_lot_both_risks_are_kept(lot: int, p1: float, times: float, beta: float) -> None:
    found = sampling.attributes(p1, 0.05, p1 * times, beta, distribution="hypergeometric", lot=lot)
    assert accept(found.n, found.c, p1, "hypergeometric", lot) >= 0.95 - 1e-9
    assert accept(found.n, found.c, p1 * times, "hypergeometric", lot, up=True) <= beta + 1e-9
    assert found.n <= lot


def test_a_lot_needs_fewer_items_than_a_process() -> None:
    process = sampling.attributes(0.01, 0.05, 0.05, 0.10)
    lot = sampling.attributes(0.01, 0.05, 0.05, 0.10, distribution="hypergeometric", lot=500)
    huge = sampling.attributes(0.01, 0.05, 0.05, 0.10, distribution="hypergeometric", lot=10_000_000)
    assert lot.n < process.n
    assert (huge.n, huge.c) == (process.n, process.c)


@settings(max_examples=10, deadline=None)
@given(p1=st.floats(0.005, 0.03), times=st.floats(4, 9), ratio=st.sampled_from([0.5, 1.0, 2.0]))
def test_a_double_plan_keeps_both_risks_and_inspects_less(p1: float, times: float, ratio: float) -> None:
    found = sampling.double(p1, 0.05, p1 * times, 0.10, ratio=ratio)
    single = sampling.attributes(p1, 0.05, p1 * times, 0.10)
    assert found.producer_risk is not None
    assert found.consumer_risk is not None
    assert found.producer_risk <= 0.05 + 1e-9
    assert found.consumer_risk <= 0.10 + 1e-9
    assert float(found.asn(p1)) < single.n
    assert found.sizes[1] == max(1, round(ratio * found.sizes[0]))


def simulated(plan: AttributesPlan, p: float, lots: int = 40_000) -> tuple[float, float]:
    """Acceptance and sample number of a plan that is played through lot by lot."""
    rng = np.random.default_rng(7)
    total, drawn, alive = np.zeros(lots), np.zeros(lots), np.ones(lots, bool)
    accepted = np.zeros(lots, bool)
    last = len(plan.sizes) - 1
    for stage, size in enumerate(plan.sizes):
        total += np.where(alive, rng.binomial(size, p, lots), 0)
        drawn += alive * size
        ac = plan.rejection[stage] - 1 if stage == last else plan.acceptance[stage]
        accepted |= alive & (total <= ac)
        alive &= (total > ac) & (total < plan.rejection[stage])
    return float(accepted.mean()), float(drawn.mean())


@pytest.mark.parametrize("kind", ["double", "multiple"])
def test_curves_of_several_stages_are_what_playing_the_plan_gives(kind: str) -> None:
    plan = sampling.iso2859(2000, 2.5, plan=kind, standard="ansi-z1.4")  # type: ignore[arg-type]
    for p in (0.02, 0.04, 0.07):
        accepted, drawn = simulated(plan, p)
        assert float(plan.oc(p)) == pytest.approx(accepted, abs=0.01)
        assert float(plan.asn(p)) == pytest.approx(drawn, rel=0.01)


def test_outgoing_quality_within_a_lot_counts_what_is_left() -> None:
    plan = sampling.plan(5, 1, distribution="hypergeometric", lot=20)
    inside = 4
    left = sum((inside - x) * stats.hypergeom.pmf(x, 20, inside, 5) for x in (0, 1)) / 20
    assert float(plan.aoq(inside / 20)) == pytest.approx(left, rel=1e-12)
    assert float(plan.aoq(0.0)) == 0.0


def test_the_whole_range_of_qualities_is_covered() -> None:
    plan = sampling.plan(80, 2, lot=1000)
    assert plan.oc([0.0, 1.0]).tolist() == [1.0, 0.0]
    assert plan.ati([0.0, 1.0]).tolist() == pytest.approx([80, 1000])
    assert plan.oc([[0.01, 0.02]]).shape == (1, 2)
    largest, at = plan.aoql()
    assert largest >= plan.aoq(np.linspace(0, 1, 2001)).max() - 1e-12
    assert 0 < at < 0.1
    with pytest.raises(OutOfRange):
        plan.oc(1.5)
    with pytest.raises(NotFinite):
        plan.oc(np.nan)


def test_a_verdict_per_stage() -> None:
    plan = sampling.plan((50, 50), (1, 4), (4, 5))
    assert plan.accepts(1) is True
    assert plan.accepts(4) is False
    assert plan.accepts(2) is None
    assert plan.accepts((2, 2)) is True
    assert plan.accepts((2, 3)) is False
    with pytest.raises(OutOfRange):
        plan.accepts(-1)
    with pytest.raises(sampling.LotTooLarge):
        plan.accepts(51)
    assert sampling.plan(5, 3, distribution="poisson").accepts(9) is False


@pytest.mark.parametrize(
    ("refusal", "arguments"),
    [
        (OutOfRange, (0.01, 0.0, 0.05, 0.1)),
        (OutOfRange, (0.01, 0.05, 0.05, 1.0)),
        (OutOfRange, (0.01, -0.1, 0.05, 0.1)),
        (OutOfRange, (0.01, 0.05, 1.2, 0.1)),
        (NotPositive, (0.0, 0.05, 0.05, 0.1)),
        (NotFinite, (np.nan, 0.05, 0.05, 0.1)),
        (NotFinite, (0.01, np.inf, 0.05, 0.1)),
        (LimitsReversed, (0.05, 0.05, 0.01, 0.1)),
        (LimitsReversed, (0.05, 0.05, 0.05, 0.1)),
        (LimitsReversed, (0.01, 0.6, 0.05, 0.5)),
    ],
)
def test_points_that_make_no_plan_are_refused_by_name(
    refusal: type[Exception], arguments: tuple[float, float, float, float]
) -> None:
    with pytest.raises(refusal):
        sampling.attributes(*arguments)


def test_settings_that_make_no_plan_are_refused_by_name() -> None:
    with pytest.raises(UnknownOption):
        sampling.attributes(0.01, 0.05, 0.05, 0.1, distribution="normal")  # type: ignore[arg-type]
    with pytest.raises(NotACount):
        sampling.attributes(0.01, 0.05, 0.05, 0.1, distribution="hypergeometric")
    with pytest.raises(sampling.NoPlan):
        sampling.attributes(0.0100, 0.05, 0.0101, 0.1)
    with pytest.raises(NotACount):
        sampling.plan(10.5, 1)  # type: ignore[arg-type]
    with pytest.raises(LimitsReversed):
        sampling.plan(10, 3, 2)
    with pytest.raises(LimitsReversed):
        sampling.plan((10, 10), (2, 1), (3, 4))
    with pytest.raises(OutOfRange):
        sampling.plan(10, -1)
    with pytest.raises(NotPositive):
        sampling.plan(0, 0)
    with pytest.raises(sampling.LotTooLarge):
        sampling.plan(30, 1, lot=20)


def test_curves_draw_themselves_and_turn_into_plain_values() -> None:
    found = sampling.attributes(0.01, 0.05, 0.06, 0.10, lot=5000)
    curves = found.curves()
    assert curves.acceptance[0] == 1.0
    assert curves.acceptance[-1] == pytest.approx(1e-3, abs=1e-9)
    plot = curves.plot()
    assert [panel.title.en.split("(")[1] for panel in plot.panels] == ["OC)", "AOQ)", "ASN)", "ATI)"]
    assert plot.title.zh != plot.title.en
    assert len(sampling.plan(10, 1).curves().plot().panels) == 3
    assert found.plot().to_dict() == plot.to_dict()
    assert sampling.curves(found.n, found.ac, lot=5000).aoql == curves.aoql
    document = found.to_dict()
    assert document["n"] == 110
    assert document["sizes"] == [110]
    assert curves.to_dict()["ati"][0] == pytest.approx(110)


def test_curves_of_a_lot_stand_at_whole_items() -> None:
    curves = sampling.plan(20, 0, distribution="hypergeometric", lot=200).curves()
    assert np.allclose(curves.p * 200, np.rint(curves.p * 200))
    assert curves.acceptance[-1] <= 1e-3
    assert curves.aoql == pytest.approx(curves.aoq.max())


def test_the_limiting_quality_of_a_lot_is_a_whole_number_of_items() -> None:
    plan = sampling.plan(20, 0, distribution="hypergeometric", lot=200)
    limiting = plan.quality(0.10)
    assert float(plan.oc(limiting)) <= 0.10 < float(plan.oc(limiting - 1 / 200))
    assert sampling.plan(20, 0, distribution="hypergeometric", lot=20).quality(0.5) == 1 / 20


def test_a_whole_lot_inspected_leaves_nothing_to_go_out() -> None:
    whole = sampling.plan(20, 0, distribution="hypergeometric", lot=20)
    assert whole.curves().aoql == 0.0
    assert whole.ati([0.0, 0.5]).tolist() == [20.0, 20.0]
