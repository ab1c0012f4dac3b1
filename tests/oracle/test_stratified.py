"""Score tests and effects against published numbers and other packages."""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import StratifiedTable

from assay.stats.exact import Urn, exact_tail
from assay.stats.risk import mean_effect, mean_interval, proportion_interval, risk_effect
from assay.stats.stratified import (
    Crosstab,
    StratumMoments,
    level_scores,
    student_tail,
    tally,
    trend_score,
    upper_tail,
)

# Graduate admissions at Berkeley 1973, six departments: admitted and rejected men, admitted and rejected
# women (Bickel, Hammel & O'Connell 1975, Science 187, 398-404).
BERKELEY = np.array(
    [
        [[512, 313], [89, 19]],
        [[353, 207], [17, 8]],
        [[120, 205], [202, 391]],
        [[138, 279], [131, 244]],
        [[53, 138], [94, 299]],
        [[22, 351], [24, 317]],
    ]
)


def crosstab(codes: np.ndarray, strata: np.ndarray, response: np.ndarray) -> Crosstab:
    levels, count = int(codes.max()) + 1, int(strata.max()) + 1
    key = codes * count + strata
    n = tally(key, count=levels * count)
    total = tally(key, response, count=levels * count)
    cells = np.flatnonzero(n)
    return Crosstab(cells // count, cells % count, n[cells], total[cells], levels, count)


def berkeley() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    sex, department, admitted = [], [], []
    for place, table in enumerate(BERKELEY):
        for row, column in product((0, 1), (0, 1)):
            sex += [row] * table[row, column]
            department += [place] * table[row, column]
            admitted += [1.0 - column] * table[row, column]
    return np.array(sex), np.array(department), np.array(admitted)


def test_level_score_is_the_mantel_haenszel_test_of_r_and_statsmodels() -> None:
    sex, department, admitted = berkeley()
    table = crosstab(sex, department, admitted)
    scores = level_scores(table, StratumMoments.of(admitted, department, 6))
    other = StratifiedTable(list(BERKELEY)).test_null_odds(correction=False)
    assert scores.z[0] ** 2 == pytest.approx(other.statistic, rel=1e-12)
    # R 4: mantelhaen.test(UCBAdmissions, correct = FALSE) prints X-squared = 1.5246, p-value = 0.2169
    assert scores.z[0] ** 2 == pytest.approx(1.5246, abs=5e-5)
    assert 2 * upper_tail(np.abs(scores.z[:1]), np.zeros(1))[0] == pytest.approx(0.2169, abs=5e-5)
    assert scores.z[0] == pytest.approx(-scores.z[1])


def test_trend_score_is_mantels_correlation_statistic() -> None:
    # Agresti, Categorical Data Analysis, 2nd ed., table 3.7: mother's drinks per day and malformation of the
    # child; M² = 6.57 with scores 0, 0.5, 1.5, 4, 7 (sec. 3.4.6), P = 0.010.
    absent, present = [17_066, 14_464, 788, 126, 37], [48, 38, 5, 1, 1]
    codes = np.repeat(np.arange(5).repeat(2), np.array([absent, present]).T.ravel())
    response = np.repeat(np.tile([0.0, 1.0], 5), np.array([absent, present]).T.ravel())
    strata = np.zeros(codes.size, int)
    score = trend_score(
        crosstab(codes, strata, response),
        np.array([0, 0.5, 1.5, 4, 7]),
        StratumMoments.of(response, strata, 1),
    )
    assert score.z**2 == pytest.approx(6.57, abs=5e-3)
    assert stats.norm.sf(score.z) * 2 == pytest.approx(0.010, abs=5e-4)


def test_exact_tail_of_one_stratum_is_fishers_test() -> None:
    # Fisher's tea tasting, 3 of 4 right: one-sided P = 17/70 (Fisher 1935, Design of Experiments, ch. II).
    cups = Urn(np.array([0, 1]), np.array([4, 4]), 4)
    assert exact_tail([cups], 3) == pytest.approx(17 / 70)


@given(
    st.lists(
        st.tuples(st.lists(st.integers(0, 3), min_size=1, max_size=6), st.integers(0, 6)),
        min_size=1,
        max_size=3,
    ),
    st.integers(0, 20),
)
def test_exact_tail_counts_every_draw(strata: list[tuple[list[int], int]], observed: int) -> None:
    strata = [(values, min(drawn, len(values))) for values, drawn in strata]
    sums = [[sum(draw) for draw in combinations(values, drawn)] for values, drawn in strata]
    every = [sum(parts) for parts in product(*sums)]
    urns = [Urn.of(np.array(values, float), drawn) for values, drawn in strata]
    tail = exact_tail([urn for urn in urns if urn is not None], observed)
    assert tail == pytest.approx(np.mean([total >= observed for total in every]), abs=1e-9)


def test_exact_tail_keeps_its_precision_far_out() -> None:
    # All 30 bad of 1,000 among 40 drawn.
    urn = Urn(np.array([0, 1]), np.array([970, 30]), 40)
    expected = float(stats.hypergeom.pmf(30, 1000, 30, 40))
    assert exact_tail([urn], 30) == pytest.approx(expected, rel=1e-9)
    # The same with pairs: 58 and more are all 29 pairs drawn, with or without the single one.
    pairs = Urn(np.array([0, 1, 2]), np.array([970, 1, 29]), 40)
    all_pairs = float(stats.hypergeom.pmf(29, 1000, 29, 40))
    assert exact_tail([pairs], 58) == pytest.approx(all_pairs, rel=1e-9)
    twice = exact_tail([pairs, pairs], 116)
    assert twice == pytest.approx(all_pairs**2, rel=1e-6)


def test_student_tail_is_the_two_sample_t_test() -> None:
    rng = np.random.default_rng(3)
    group = rng.random(60) < 0.4
    value = rng.normal(size=60) + 0.5 * group
    strata = np.zeros(60, int)
    moments = StratumMoments.of(value, strata, 1)
    scores = level_scores(crosstab(group.astype(int), strata, value), moments)
    other = stats.ttest_ind(value[group], value[~group], alternative="greater")
    assert student_tail(scores.z[1:], moments.freedom)[0] == pytest.approx(other.pvalue, rel=1e-9)


def test_skewed_tail_follows_the_permutation_distribution_of_a_rare_defect() -> None:
    # 5 expected, 17 seen, of 100 bad in 100,000 units: the normal tail is wrong by two orders of magnitude.
    exact = float(stats.hypergeom.sf(16, 100_000, 100, 5_000))
    moments = StratumMoments.of_powers(np.array([1e5]), np.array([1e2]), np.array([1e2]), np.array([1e2]))
    table = Crosstab(np.array([0]), np.array([0]), np.array([5e3]), np.array([17.0]), 1, 1)
    scores = level_scores(table, moments)
    assert 0.3 < upper_tail(scores.z, scores.skew)[0] / exact < 3
    assert stats.norm.sf(scores.z[0]) < exact / 50


def test_risk_ratio_of_the_aspirin_study() -> None:
    # Physicians' Health Study: 189 of 11,034 on placebo and 104 of 11,037 on aspirin had an infarction:
    # relative risk 1.82, 95 % 1.43 to 2.31; difference 0.0077, 0.0047 to 0.0107 (Agresti, Introduction to
    # Categorical Data Analysis, 2nd ed., secs. 2.2.1-2.2.4).
    placebo = np.repeat([True, False], [11_034, 11_037])
    infarction = np.concatenate([np.arange(11_034) < 189, np.arange(11_037) < 104]).astype(float)
    effect = risk_effect(infarction, placebo, np.zeros(placebo.size, int), None)
    assert effect.ratio == pytest.approx(1.82, abs=5e-3)
    assert effect.ratio_interval == pytest.approx((1.43, 2.31), abs=5e-3)
    assert effect.difference == pytest.approx(0.0077, abs=5e-5)
    assert effect.difference_interval == pytest.approx((0.0047, 0.0107), abs=5e-5)


def test_pooled_risk_ratio_is_that_of_statsmodels() -> None:
    sex, department, admitted = berkeley()
    effect = risk_effect(admitted, sex == 0, department, None)
    assert effect.ratio == pytest.approx(StratifiedTable(list(BERKELEY)).riskratio_pooled, rel=1e-12)
    assert effect.ratio == pytest.approx(effect.risk / effect.risk_rest)


def test_doubling_every_run_on_a_unit_tells_nothing_more() -> None:
    rng = np.random.default_rng(1)
    group, bad = rng.random(200) < 0.3, (rng.random(200) < 0.3).astype(float)
    once = risk_effect(bad, group, np.zeros(200, int), None)
    doubled = np.repeat(bad, 2), np.repeat(group, 2), np.zeros(400, int)
    by_unit = risk_effect(*doubled, np.arange(200).repeat(2))
    by_run = risk_effect(*doubled, None)
    assert by_unit.ratio_interval == pytest.approx(once.ratio_interval)
    assert by_run.ratio_interval[1] < once.ratio_interval[1]


def test_a_rest_without_bad_subjects_has_an_infinite_ratio_and_a_finite_lower_limit() -> None:
    bad = np.array([1.0] * 8 + [0.0] * 92)
    effect = risk_effect(bad, np.arange(100) < 10, np.zeros(100, int), None)
    assert effect.ratio == np.inf
    assert 1 < effect.ratio_interval[0] < np.inf


def test_mean_effect_is_the_difference_of_means() -> None:
    value, group = np.array([1.0, 2, 3, 11, 12, 13]), np.array([False] * 3 + [True] * 3)
    effect = mean_effect(value, group, np.zeros(6, int), None)
    assert effect.shift == pytest.approx(10)
    assert effect.standardised == pytest.approx(10.0)


def test_proportion_interval_is_clopper_pearsons() -> None:
    other = stats.binomtest(4, 20).proportion_ci(method="exact")
    assert proportion_interval(4, 20) == pytest.approx((other.low, other.high))
    assert proportion_interval(0, 10)[0] == 0.0
    assert proportion_interval(10, 10)[1] == 1.0


def test_a_mean_over_pairs_of_equal_results_is_over_the_pairs() -> None:
    pairs = np.array([1.0, 3.0, 4.0, 8.0, 9.0, 11.0])
    low, high = mean_interval(np.repeat(pairs, 2), np.repeat(np.arange(6), 2))
    half = stats.t.ppf(0.975, 5) * np.repeat(pairs, 2).std(ddof=1) / 6**0.5
    assert (low, high) == (pytest.approx(6 - half), pytest.approx(6 + half))
