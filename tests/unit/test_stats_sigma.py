"""Estimators of sigma and the subgroups they stand on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.stats import constants, sigma
from assay.stats.errors import (
    ConstantData,
    MissingLabel,
    NoSpreadWithin,
    NotACount,
    NotFinite,
    OutOfRange,
    SingletonSubgroups,
    SplitSubgroup,
    TooFewPoints,
    UnequalSubgroups,
    UnknownOption,
    WrongShape,
)
from assay.stats.subgroups import subgroups

SIZES = st.lists(st.integers(1, 7), min_size=1, max_size=12)


def sample(sizes: list[int], seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(50, 3, sum(sizes)), np.repeat(np.arange(len(sizes)), sizes)


@given(SIZES, st.integers(0, 10))
def test_statistics_of_labelled_subgroups_are_those_of_each_part(sizes: list[int], seed: int) -> None:
    values, labels = sample(sizes, seed)
    found = subgroups(values, labels)
    parts = [values[labels == label] for label in range(len(sizes))]
    assert found.sizes.tolist() == sizes
    np.testing.assert_allclose(found.means, [part.mean() for part in parts])
    np.testing.assert_allclose(found.medians, [np.median(part) for part in parts])
    np.testing.assert_array_equal(found.ranges, [np.ptp(part) for part in parts])
    np.testing.assert_allclose(
        found.deviations, [part.std(ddof=1) if part.size > 1 else np.nan for part in parts]
    )


@given(st.integers(1, 6), st.integers(1, 9))
def test_rows_of_a_matrix_fixed_sizes_and_labels_are_one_thing(size: int, count: int) -> None:
    values, labels = sample([size] * count)
    forms = [subgroups(values.reshape(count, size)), subgroups(values, size), subgroups(values, labels)]
    for form in forms:
        assert form.size == size
        for name in ("means", "ranges", "squares", "medians", "sizes"):
            np.testing.assert_array_equal(getattr(form, name), getattr(forms[0], name))


@given(SIZES.filter(lambda sizes: len(sizes) > 2))
def test_taking_some_subgroups_leaves_their_statistics(sizes: list[int]) -> None:
    values, labels = sample(sizes)
    found = subgroups(values, labels)
    chosen = np.arange(0, len(sizes), 2)
    np.testing.assert_allclose(found.take(chosen).means, found.means[chosen])
    np.testing.assert_array_equal(found.take(slice(1, None)).ranges, found.ranges[1:])
    assert found.take(chosen).labels is not None


def test_words_and_dates_serve_as_labels() -> None:
    words = subgroups([1.0, 2.0, 5.0], ["b", "b", "a"])
    assert words.labels is not None
    assert words.labels.tolist() == ["b", "a"]
    days = np.array(["2026-01-02", "2026-01-02", "2026-01-01"], dtype="datetime64[D]")
    assert subgroups([1.0, 2.0, 5.0], days).sizes.tolist() == [2, 1]


@pytest.mark.parametrize(
    ("ask", "refusal"),
    [
        (lambda: subgroups([1.0, 2.0, 3.0], [1, 2, 1]), SplitSubgroup),
        (lambda: subgroups([1.0, 2.0, 3.0], ["a", "b", "a"]), SplitSubgroup),
        (lambda: subgroups([1.0, 2.0, 3.0], 2), UnequalSubgroups),
        (lambda: subgroups([1.0, 2.0, 3.0], 0), NotACount),
        (lambda: subgroups([1.0, 2.0, 3.0], [1, 1]), WrongShape),
        (lambda: subgroups([1.0, 2.0, 3.0]), WrongShape),
        (lambda: subgroups(np.empty((0, 3))), TooFewPoints),
        (lambda: subgroups([1.0, np.nan], [1, 1]), NotFinite),
        (lambda: subgroups([1.0, 2.0], [1.0, np.nan]), MissingLabel),
        (lambda: subgroups([1.0, 2.0], np.array(["a", None], object)), MissingLabel),
        (lambda: subgroups([1.0, 2.0], np.array(["2026-01-01", "NaT"], "M8[D]")), MissingLabel),
    ],
)
def test_subgroups_that_are_none_are_refused_by_name(ask, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        ask()


@pytest.mark.parametrize("name", [*sigma.WITHIN, "rbar-mvlue", "sbar-mvlue"])
def test_within_estimators_are_unbiased_or_nearly_and_blind_to_shifts_between(name: str) -> None:
    rng = np.random.default_rng(8)
    sizes = rng.integers(2, 7, 20_000)
    labels = np.repeat(np.arange(sizes.size), sizes)
    values = rng.normal(0, 2.5, labels.size) + np.repeat(rng.normal(0, 40, sizes.size), sizes)
    estimator, _, weighting = name.partition("-")
    options = {"weighting": weighting} if weighting else {}
    assert sigma.WITHIN[estimator](subgroups(values, labels), **options) == pytest.approx(2.5, rel=0.01)


@pytest.mark.parametrize("name", [*sigma.SUCCESSIVE, *sigma.OVERALL])
def test_estimators_over_a_series_find_its_sigma(name: str) -> None:
    values = np.random.default_rng(9).normal(7, 0.2, 100_000)
    estimator = {**sigma.SUCCESSIVE, **sigma.OVERALL}[name]
    assert estimator(values) == pytest.approx(0.2, rel=0.01)


@pytest.mark.parametrize("span", [2, 3, 5, 20])
def test_longer_spans_use_their_own_constants(span: int) -> None:
    values = np.random.default_rng(10).normal(7, 0.2, 60_000)
    windows = np.lib.stride_tricks.sliding_window_view(values, span)
    np.testing.assert_array_equal(sigma.moving_ranges(values, span=span), np.ptp(windows, axis=1))
    assert sigma.mr(values, span=span) == pytest.approx(0.2, rel=0.02)
    assert sigma.median_mr(values, span=span) == pytest.approx(0.2, rel=0.02)


@settings(max_examples=30)
@given(st.floats(0.01, 100), st.sampled_from([*sigma.WITHIN]))
def test_sigma_has_the_unit_of_the_values_and_forgets_their_level(factor: float, name: str) -> None:
    values, _ = sample([4] * 6)
    rows = values.reshape(6, 4)
    estimate = sigma.WITHIN[name]
    assert estimate(factor * (rows + 1000)) == pytest.approx(factor * estimate(rows), rel=1e-9)


def test_both_weightings_agree_on_equal_sizes_and_differ_on_others() -> None:
    rows = sample([4] * 6)[0].reshape(6, 4)
    for estimate in (sigma.rbar, sigma.sbar):
        assert estimate(rows, weighting="mvlue") == pytest.approx(estimate(rows), rel=1e-14)
        uneven = subgroups(*sample([2, 5, 3, 7]))
        assert estimate(uneven, weighting="mvlue") != pytest.approx(estimate(uneven), rel=1e-4)


def test_single_values_add_nothing_to_the_pooled_sigma() -> None:
    rows = subgroups([1.0, 3.0, 50.0, 2.0, 8.0], [1, 1, 2, 3, 3])
    assert sigma.pooled(rows) == pytest.approx(np.sqrt((2 + 18) / 2))
    assert sigma.pooled_unbiased(rows) == pytest.approx(sigma.pooled(rows) / constants.c4(3))


CONSTANT = [[5.1, 5.1], [5.1, 5.1]]


@pytest.mark.parametrize(
    ("ask", "refusal"),
    [
        *((lambda e=e: e(CONSTANT), ConstantData) for e in sigma.WITHIN.values()),
        *((lambda e=e: e([0.3] * 7), ConstantData) for e in sigma.SUCCESSIVE.values()),
        *((lambda e=e: e([0.3] * 7), ConstantData) for e in sigma.OVERALL.values()),
        *((lambda e=e: e([0.1 + 0.2] * 7), ConstantData) for e in sigma.OVERALL.values()),
        *((lambda e=e: e([[0.1] * 3, [0.7] * 3]), NoSpreadWithin) for e in sigma.WITHIN.values()),
        *(
            (lambda e=e: e([1.0]), TooFewPoints)
            for e in (*sigma.SUCCESSIVE.values(), *sigma.OVERALL.values())
        ),
        *((lambda e=e: e([[1.0], [2.0]]), SingletonSubgroups) for e in (sigma.rbar, sigma.sbar)),
        (lambda: sigma.pooled([[1.0], [2.0]]), TooFewPoints),
        (lambda: sigma.rbar([[1.0, 2.0]], weighting="equal"), UnknownOption),
        (lambda: sigma.rbar([[1.0, 2.0]], constants="rounded"), UnknownOption),
        (lambda: sigma.mr([1.0, 2.0], span=1), OutOfRange),
        (lambda: sigma.mr([1.0, 2.0], span=3), TooFewPoints),
        (lambda: sigma.median_mr([1.0, 1.0, 1.0, 2.0]), NoSpreadWithin),
        (lambda: sigma.mr([1.0, np.inf]), NotFinite),
    ],
)
def test_data_without_a_sigma_is_refused_by_name(ask, refusal: type[Exception]) -> None:
    with pytest.raises(refusal) as caught:
        ask()
    assert type(caught.value) is refusal
