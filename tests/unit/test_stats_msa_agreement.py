"""Attribute agreement: kappa and Kendall against other packages, counts by hand, and what is refused."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assay.stats import msa
from assay.stats.errors import (
    CountAboveSize,
    NegativeCount,
    NoLimits,
    NotACount,
    TooFewPoints,
    UnknownColumn,
    UnknownOption,
    WrongShape,
)
from assay.stats.msa.errors import (
    MissingLabel,
    NotDecided,
    NotMonotone,
    SeveralReferences,
    TooFewLevels,
    UnbalancedStudy,
    UnknownRating,
)

NAMES = {"part": "part", "appraiser": "appraiser", "rating": "rating"}


def study(
    parts: int = 20, appraisers: int = 3, trials: int = 2, *, seed: int = 1, errors: float = 0.15
) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    places = np.indices((parts, appraisers, trials)).reshape(3, -1)
    standard = (np.arange(parts) % 3 > 0).astype(int)[places[0]]
    rating = np.where(random.random(standard.size) < errors, 1 - standard, standard)
    return {
        "part": places[0],
        "appraiser": np.array(list("ABCDE"))[places[1]],
        "rating": np.array(["bad", "good"])[rating],
        "standard": np.array(["bad", "good"])[standard],
    }


# -- kappa ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
@pytest.mark.parametrize("seed", range(4))
def test_cohen_kappa_is_that_of_statsmodels(weights: Any, seed: int) -> None:
    from statsmodels.stats.inter_rater import cohens_kappa

    table = np.random.default_rng(seed).integers(1, 20, (4, 4)) + 15 * np.eye(4, dtype=int)
    found = msa.cohen_kappa_table(table, weights=weights)
    theirs = cohens_kappa(table, wt=None if weights == "none" else weights)
    assert found.estimate == pytest.approx(theirs.kappa)
    assert found.standard_error == pytest.approx(theirs.std_kappa)
    assert found.null_standard_error == pytest.approx(theirs.std_kappa0)
    assert found.z == pytest.approx(theirs.z_value)
    assert found.interval == pytest.approx((theirs.kappa_low, theirs.kappa_upp))


@pytest.mark.parametrize("seed", range(4))
def test_fleiss_kappa_is_that_of_statsmodels(seed: int) -> None:
    from statsmodels.stats.inter_rater import fleiss_kappa

    counts = np.random.default_rng(seed).multinomial(7, [0.5, 0.3, 0.2], size=25)
    assert msa.fleiss_kappa(counts).overall.estimate == pytest.approx(fleiss_kappa(counts))


def test_the_interval_of_fleiss_kappa_covers_as_often_as_it_says() -> None:
    """Items are good with chance 1/2, and each of 5 ratings is right with chance 0.85: kappa is 0.49."""
    random = np.random.default_rng(9)
    missed, runs = 0, 500
    for _ in range(runs):
        good = random.random((60, 1)) < 0.5
        said = np.where(random.random((60, 5)) < 0.85, good, ~good).sum(axis=1)
        low, high = msa.fleiss_kappa(np.column_stack([said, 5 - said])).overall.interval
        missed += not low <= 0.49 <= high
    assert 0.02 < missed / runs < 0.09


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=3, max_size=40))
def test_kappa_is_symmetric_and_at_most_one(pairs: list[tuple[str, str]]) -> None:
    first, second = (list(side) for side in zip(*pairs, strict=True))
    one, other = msa.cohen_kappa(first, second), msa.cohen_kappa(second, first)
    if math.isnan(one.estimate):
        assert len(set(first) | set(second)) == 1
    else:
        assert one.estimate == pytest.approx(other.estimate)
        assert one.estimate <= 1 + 1e-12
        assert (one.estimate == pytest.approx(1)) == (first == second)


def test_ratings_that_never_differ_have_no_kappa() -> None:
    assert math.isnan(msa.cohen_kappa(["a"] * 5, ["a"] * 5).estimate)
    assert math.isnan(msa.fleiss_kappa([[3, 0], [3, 0]]).overall.estimate)
    assert msa.fleiss_kappa([[3, 0], [3, 0]]).to_dict()["overall"]["estimate"] is None


def test_weights_follow_the_order_of_the_categories() -> None:
    first, second = ["low", "mid", "high", "low", "high"], ["low", "high", "high", "mid", "high"]
    order = ("low", "mid", "high")
    found = msa.cohen_kappa(first, second, categories=order, weights="linear")
    mixed = msa.cohen_kappa(first, second, categories=("mid", "low", "high"), weights="linear")
    assert found.estimate != pytest.approx(mixed.estimate)


# -- Kendall --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_tau_is_that_of_scipy(seed: int) -> None:
    random = np.random.default_rng(seed)
    first, second = random.integers(0, 5, 25), random.integers(0, 5, 25)
    theirs = stats.kendalltau(first, second, method="asymptotic")
    found = msa.kendall_tau(first, second)
    assert (found.tau, found.p) == pytest.approx((theirs.statistic, theirs.pvalue))


@pytest.mark.parametrize("seed", range(5))
def test_w_is_that_of_friedman(seed: int) -> None:
    ratings = np.random.default_rng(seed).integers(0, 5, (12, 4)).astype(float)
    theirs = stats.friedmanchisquare(*ratings)
    found = msa.kendall_w(ratings)
    assert (found.chi_square, found.p) == pytest.approx((theirs.statistic, theirs.pvalue))
    assert found.w == pytest.approx(theirs.statistic / (4 * 11))


def test_equal_rankings_agree_fully_and_ties_everywhere_say_nothing() -> None:
    assert msa.kendall_w([[1, 1], [2, 2], [3, 3]]).w == pytest.approx(1)
    assert msa.kendall_tau([1, 2, 3], [3, 2, 1]).tau == pytest.approx(-1)
    assert math.isnan(msa.kendall_w([[1, 1], [1, 1]]).w)
    assert math.isnan(msa.kendall_tau([1, 1, 1], [1, 2, 3]).tau)


# -- counts ---------------------------------------------------------------------------------------------


def test_counts_by_hand() -> None:
    frame = {
        "part": [1, 1, 2, 2, 1, 1, 2, 2],
        "appraiser": ["A"] * 4 + ["B"] * 4,
        "rating": ["g", "g", "n", "g", "g", "g", "n", "n"],
        "standard": ["g", "g", "n", "n", "g", "g", "n", "n"],
    }
    found = msa.attribute_agreement(frame, **NAMES, standard="standard", accept="g")
    assert [row.matched for row in found.within] == [1, 2]
    assert [row.matched for row in found.each_vs_standard] == [1, 2]
    assert found.between is not None
    assert found.between.matched == 1
    assert found.all_vs_standard is not None
    assert found.all_vs_standard.percent == 50
    assert [item.percent_effective for item in found.effectiveness] == [50, 100]
    assert [item.percent_miss for item in found.effectiveness] == [50, 0]
    assert [item.percent_false_alarm for item in found.effectiveness] == [0, 0]
    assert [item.verdict for item in found.effectiveness] == ["unacceptable", "acceptable"]


def test_kappas_of_a_study_are_those_of_their_tables() -> None:
    frame = study()
    found = msa.attribute_agreement(frame, **NAMES, standard="standard")
    one = frame["appraiser"] == "A"
    cohen = msa.cohen_kappa(frame["rating"][one], frame["standard"][one])
    assert found.kappas[0].cohen_standard == cohen
    first, second = frame["rating"][one][::2], frame["rating"][one][1::2]
    counts = np.column_stack([(first == c).astype(int) + (second == c) for c in ("bad", "good")])
    within = found.kappas[0].fleiss_within
    assert within is not None
    assert within.overall == msa.fleiss_kappa(counts).overall
    standard = frame["standard"][one][::2]
    trials = [
        msa.fleiss_kappa(
            np.column_stack([(side == c).astype(int) + (standard == c) for c in ("bad", "good")])
        ).overall
        for side in (first, second)
    ]
    against = found.kappas[0].fleiss_standard
    assert against is not None
    assert against.overall.estimate == pytest.approx((trials[0].estimate + trials[1].estimate) / 2)
    null = math.hypot(trials[0].null_standard_error, trials[1].null_standard_error) / 2
    assert against.overall.null_standard_error == pytest.approx(null)


def test_cohen_against_the_standard_can_be_a_mean_over_trials() -> None:
    frame = study()
    one = frame["appraiser"] == "A"
    by_trial = [
        msa.cohen_kappa(frame["rating"][one][turn::2], frame["standard"][one][turn::2]) for turn in (0, 1)
    ]
    found = (
        msa.attribute_agreement(frame, **NAMES, standard="standard", cohen="mean").kappas[0].cohen_standard
    )
    assert found is not None
    assert found.estimate == pytest.approx((by_trial[0].estimate + by_trial[1].estimate) / 2)
    assert found.standard_error == pytest.approx(
        math.hypot(*(kappa.standard_error for kappa in by_trial)) / 2
    )


def test_order_of_rows_of_different_cells_does_not_matter() -> None:
    frame = study()
    order = np.argsort(frame["appraiser"], kind="stable")
    moved = {name: cells[order] for name, cells in frame.items()}
    same = msa.attribute_agreement(moved, **NAMES, standard="standard")
    assert same.to_dict() == msa.attribute_agreement(frame, **NAMES, standard="standard").to_dict()


def test_one_trial_has_no_agreement_within_and_no_standard_no_agreement_with_it() -> None:
    once = msa.attribute_agreement(study(trials=1), **NAMES)
    assert once.within == ()
    assert once.each_vs_standard == ()
    assert once.all_vs_standard is None
    assert once.kappas[0].cohen_standard is None
    assert once.effectiveness == ()
    alone = msa.attribute_agreement(study(appraisers=1), **NAMES)
    assert alone.between is None
    assert alone.pairs == ()


def test_perfect_agreement() -> None:
    found = msa.attribute_agreement(study(errors=0), **NAMES, standard="standard", accept="good")
    assert all(row.percent == 100 for row in (*found.within, *found.each_vs_standard))
    assert found.fleiss_between is not None
    assert found.fleiss_between.overall.estimate == pytest.approx(1)
    assert found.within[0].percent_interval.low == pytest.approx(100 * 0.025 ** (1 / 20))
    one_sided = msa.attribute_agreement(study(errors=0), **NAMES, extremes="one_sided")
    assert one_sided.within[0].percent_interval.low == pytest.approx(100 * 0.05 ** (1 / 20))


def test_exact_intervals_are_those_of_scipy() -> None:
    for matched in range(11):
        theirs = stats.binomtest(matched, 10).proportion_ci(0.95, method="exact")
        assert msa.exact_interval(matched, 10) == pytest.approx((theirs.low, theirs.high))


def test_trials_may_stand_side_by_side() -> None:
    frame = study(trials=2)
    wide = {name: cells[::2] for name, cells in frame.items() if name != "rating"}
    wide |= {"first": frame["rating"][::2], "second": frame["rating"][1::2]}
    names = {"part": "part", "appraiser": "appraiser", "rating": ["first", "second"], "standard": "standard"}
    found = msa.attribute_agreement(wide, **names)
    assert found == msa.attribute_agreement(frame, **NAMES, standard="standard")


def test_ordered_ratings_bring_kendall() -> None:
    random = np.random.default_rng(4)
    frame = study(trials=2)
    frame["standard"] = frame["part"] % 5
    frame["rating"] = np.clip(frame["standard"] + random.integers(-1, 2, frame["part"].size), 0, 4)
    found = msa.attribute_agreement(frame, **NAMES, standard="standard", ordinal=True, weights="quadratic")
    assert found.kendall_between is not None
    assert found.kendall_between.w > 0.7
    assert found.kappas[0].kendall_within is not None
    assert found.overall.kendall_standard is not None
    one = frame["appraiser"] == "A"
    taus = [
        stats.kendalltau(frame["rating"][one][turn::2], frame["standard"][one][turn::2]).statistic
        for turn in (0, 1)
    ]
    assert found.kappas[0].kendall_standard is not None
    assert found.kappas[0].kendall_standard.tau == pytest.approx(np.mean(taus))


def test_ratings_that_are_numbers_correlate_as_numbers() -> None:
    grades = {"A": [0, 0, 3, 4, 6, 0, 5, 4], "B": [0, 3, 3, 4, 5, 0, 6, 0]}
    frame = {
        "part": list(range(8)) * 2,
        "appraiser": ["A"] * 8 + ["B"] * 8,
        "rating": grades["A"] + grades["B"],
    }
    expected = float(np.corrcoef(grades["A"], grades["B"])[0, 1])
    assert msa.attribute_agreement(frame, **NAMES).pairs[0].correlation == pytest.approx(expected)
    texts = frame | {"rating": [str(grade) for grade in frame["rating"]]}
    assert msa.attribute_agreement(texts, **NAMES).pairs[0].correlation == pytest.approx(expected)
    names = [f"grade {grade}" for grade in frame["rating"]]
    places = [{0: 0, 3: 1, 4: 2, 5: 3, 6: 4}[grade] for grade in frame["rating"]]
    expected = float(np.corrcoef(places[:8], places[8:])[0, 1])
    found = msa.attribute_agreement(frame | {"rating": names}, **NAMES)
    assert found.pairs[0].correlation == pytest.approx(expected)


def test_results_are_plain_json_and_draw_themselves(recwarn: pytest.WarningsRecorder) -> None:
    found = msa.attribute_agreement(study(), **NAMES, standard="standard", accept="good")
    json.dumps(found.to_dict(), allow_nan=False)
    json.dumps(found.plot().to_dict(), allow_nan=False)
    assert len(found.plot().panels) == 3
    assert not recwarn.list


# -- signal detection -----------------------------------------------------------------------------------


def signals() -> dict[str, Any]:
    size = [1.0, 1.2, 1.3, 1.6, 1.8, 2.0, 2.3]
    yes = [0, 1, 2, 2, 2, 1, 0]
    return {
        "part": np.repeat(np.arange(7), 2),
        "size": np.repeat(size, 2),
        "rating": [word for count in yes for word in ("ok" if count > turn else "no" for turn in (0, 1))],
    }


SIGNAL = {"part": "part", "rating": "rating", "accept": "ok", "reference": "size"}


def test_zones_of_doubt_by_hand() -> None:
    found = msa.signal_detection(signals(), **SIGNAL, lsl=1.2, usl=2.0)
    assert found.d_lower == pytest.approx(0.3)
    assert found.d_upper == pytest.approx(0.5)
    assert found.d == pytest.approx(0.4)
    assert found.grr == pytest.approx(0.4 / 6)
    assert found.percent_tolerance == pytest.approx(50)
    assert found.doubtful == ("1", "5")
    upper = msa.signal_detection(signals(), **SIGNAL, usl=2.0, tolerance=1)
    assert (upper.d_lower, upper.d) == (None, pytest.approx(0.5))
    json.dumps(found.plot().to_dict(), allow_nan=False)


# -- refusals -------------------------------------------------------------------------------------------


def agree(changes: dict[str, Any] | None = None, **options: Any) -> Any:
    return msa.attribute_agreement({**study(), **(changes or {})}, **{**NAMES, **options})


REFUSED: dict[str, tuple[type[Exception], Any]] = {
    "missing rating": (MissingLabel, lambda: agree({"rating": [None, *study()["rating"][1:]]})),
    "pandas' NA": (
        MissingLabel,
        lambda: agree({"rating": pd.array([pd.NA, *study()["rating"][1:]], "string")}),
    ),
    "unbalanced": (
        UnbalancedStudy,
        lambda: msa.attribute_agreement({name: cells[1:] for name, cells in study().items()}, **NAMES),
    ),
    "two standards": (SeveralReferences, lambda: agree({"standard": study()["rating"]}, standard="standard")),
    "unknown category": (UnknownRating, lambda: agree(categories=("good",))),
    "unknown column": (UnknownColumn, lambda: agree(rating="verdict")),
    "unknown accept": (UnknownOption, lambda: agree(standard="standard", accept="fine")),
    "unknown weights": (UnknownOption, lambda: agree(weights="cubic")),
    "no bad parts": (
        NotDecided,
        lambda: agree({"standard": ["good"] * 120}, standard="standard", accept="good"),
    ),
    "one part": (TooFewLevels, lambda: agree({"part": [1] * 120})),
    "lengths": (WrongShape, lambda: agree({"part": study()["part"][1:]})),
    "kappa, lengths": (WrongShape, lambda: msa.cohen_kappa([1, 2], [1, 2, 3])),
    "kappa, one item": (TooFewPoints, lambda: msa.cohen_kappa([1], [1])),
    "kappa, negative": (NegativeCount, lambda: msa.cohen_kappa_table([[1, -1], [0, 3]])),
    "kappa, fraction": (NotACount, lambda: msa.cohen_kappa_table([[1.5, 1], [0, 3]])),
    "kappa, not square": (WrongShape, lambda: msa.cohen_kappa_table([[1, 1, 1], [0, 3, 1]])),
    "fleiss, unequal": (CountAboveSize, lambda: msa.fleiss_kappa([[3, 0], [2, 0]])),
    "fleiss, one rating": (TooFewLevels, lambda: msa.fleiss_kappa([[1, 0], [0, 1]])),
    "fleiss, one item": (TooFewPoints, lambda: msa.fleiss_kappa([[2, 0]])),
    "w, one rater": (TooFewLevels, lambda: msa.kendall_w([[1], [2]])),
    "tau, lengths": (WrongShape, lambda: msa.kendall_tau([1, 2], [1, 2, 3])),
    "signal, no tolerance": (NoLimits, lambda: msa.signal_detection(signals(), **SIGNAL, usl=2)),
    "signal, nothing rejected": (
        NotDecided,
        lambda: msa.signal_detection({**signals(), "rating": ["ok"] * 14}, **SIGNAL, lsl=1, usl=2),
    ),
    "signal, overlap": (
        NotMonotone,
        lambda: msa.signal_detection(
            {**signals(), "rating": ["ok"] * 2 + ["no"] * 2 + ["ok"] * 8 + ["no"] * 2},
            **SIGNAL,
            lsl=1.2,
            usl=2.0,
        ),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_by_name(case: str) -> None:
    refusal, call = REFUSED[case]
    with pytest.raises(refusal) as caught:
        call()
    assert isinstance(caught.value, ValueError)
