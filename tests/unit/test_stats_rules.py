"""Run rules: against their definitions spelled out point by point, over a series and live."""

import pickle
import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.stats import rules
from assay.stats.errors import NotACount, NotFinite, NotPositive, OutOfRange, UnknownOption, WrongShape
from assay.stats.rules.errors import BreakOutside, TwoRulesOneName

OWN = [
    rules.run(3),
    rules.run(1),
    rules.beyond(1.5),
    rules.m_of_n(2, 4, 0.5),
    rules.m_of_n(3, 3, 1),
    rules.trend(3),
    rules.trend(2),
    rules.alternating(4),
    rules.alternating(3),
    rules.hugging(2, 1.5),
    rules.avoiding(3),
    rules.avoiding(2, 0.5, "either"),
]
EVERY = (*rules.RULES.values(), *OWN)

VALUES = st.lists(
    st.one_of(st.integers(-8, 8).map(lambda n: n / 2), st.floats(-4, 4, allow_nan=False)), max_size=60
)


Lines = tuple[list[float], list[float], list[float]]
"""Centre, sigma and sigma below the centre, per point."""


def slowly(rule: rules.Rule, x: list[float], lines: Lines, start: int) -> bool:
    """Whether the last point completes ``rule``, by the sentence that defines it; runs begin at ``start``."""
    c, s, low = lines
    i = len(x) - 1
    if i - rule.points + 1 < start:
        return False
    window = range(i - rule.points + 1, i + 1)

    def above(j: int, k: float) -> bool:
        return x[j] > c[j] + k * s[j] if k else x[j] > c[j]

    def below(j: int, k: float) -> bool:
        return x[j] < c[j] - k * low[j] if k else x[j] < c[j]

    steps = [x[j] - x[j - 1] for j in list(window)[1:]]
    match rule:
        case rules.Zone(m=m, k=k):
            up, down = [above(j, k) for j in window], [below(j, k) for j in window]
            return (up[-1] and sum(up) >= m) or (down[-1] and sum(down) >= m)
        case rules.Trend():
            return all(step > 0 for step in steps) or all(step < 0 for step in steps)
        case rules.Alternating():
            return all((a > 0 > b) or (a < 0 < b) for a, b in pairwise(steps))
        case rules.Hugging(k=k):
            return all(c[j] - k * low[j] <= x[j] <= c[j] + k * s[j] for j in window)
        case rules.Avoiding(k=k, sides=sides):
            out = all(above(j, k) or below(j, k) for j in window)
            mixed = any(above(j, k) for j in window) and any(below(j, k) for j in window)
            return out and (mixed or sides == "either")
    raise AssertionError(rule)


@settings(max_examples=150, deadline=None)
@given(
    VALUES,
    st.sampled_from([(0.0, 1.0, 1.0), (0.5, 0.5, 0.5), (0.0, 1.0, 0.5)]),
    st.booleans(),
    st.lists(st.integers(0, 60), max_size=3),
)
def test_flags_are_those_of_the_definitions_over_a_series_and_live(
    values: list[float], lines: tuple[float, float, float], varying: bool, breaks: list[int]
) -> None:
    count = len(values)
    center, sigma, lower = lines
    wobble = [1 + (j % 3) / 4 if varying else 1.0 for j in range(count)]
    c = [center + (w - 1) for w in wobble]
    s, low = [sigma * w for w in wobble], [lower * w for w in wobble]
    cuts = sorted(place for place in breaks if place <= count)
    wanted = {
        rule.name: [
            i
            for i in range(count)
            if slowly(rule, values[: i + 1], (c, s, low), max([0, *(cut for cut in cuts if cut <= i)]))
        ]
        for rule in EVERY
    }
    given_lines = (c, s) if varying else (center, sigma)
    found = rules.violations(values, *given_lines, EVERY, lower_sigma=low if varying else lower, breaks=cuts)
    assert found == wanted
    tracker, live = rules.Tracker(EVERY), {rule.name: [] for rule in EVERY}
    for i, value in enumerate(values):
        if i in cuts:
            tracker.restart()
        for name in tracker.add(value, c[i], s[i], low[i]):
            live[name].append(i)
    assert live == wanted


@settings(max_examples=60, deadline=None)
@given(VALUES, VALUES, st.integers(0, 60))
def test_a_tracker_goes_on_after_a_series(past: list[float], coming: list[float], cut: int) -> None:
    breaks = [cut] if cut <= len(past) else []
    tracker = rules.Tracker(EVERY)
    tracker.follow(past, 0.0, 1.0, breaks=breaks)
    going_on = [tracker.add(value, 0.0, 1.0) for value in coming]
    found = rules.violations([*past, *coming], 0.0, 1.0, EVERY, breaks=breaks)
    wanted = [
        tuple(name for name, flagged in found.items() if len(past) + i in flagged) for i in range(len(coming))
    ]
    assert going_on == wanted


@pytest.mark.parametrize(
    ("rule", "values", "flagged"),
    [
        ("we1", [3.0, 3.0001, -3.0, -3.0001], [1, 3]),
        ("we2", [2.1, 2.1], []),  # no shorter window at the start
        ("we2", [0, 2.1, 2.1, 0, 2.1], [2, 4]),
        ("we2", [2.1, 2.1, 0.0], []),  # the point itself has to be beyond
        ("we2", [0, 2.1, -2.1], []),  # on the same side
        ("we2", [0, 2.0, 2.0], []),
        ("we3", [1.1, 1.1, 1.1, 0, 1.1, 1.1], [4, 5]),
        ("we4", [1] * 9, [7, 8]),
        ("we4", [1] * 4 + [0] + [1] * 7, []),  # a point on the centre breaks the run
        ("nelson2", [-1] * 9, [8]),
        ("nelson3", [0, 1, 2, 3, 4, 5, 5, 6], [5]),
        ("nelson3", [5, 4, 3, 2, 1], []),
        ("nelson4", [0, 1] * 7, [13]),
        ("nelson4", [0, 1] * 3 + [1] + [0, 1] * 4, []),
        ("nelson7", [1.0, -1.0, 0.5] * 5, [14]),
        ("nelson7", [0.5] * 14 + [1.0001], []),
        ("nelson8", [1.5] * 8, []),
        ("nelson8", [1.5] * 7 + [-1.5, 1.5], [7, 8]),
        ("nelson8", [1.5] * 7 + [1.0, -1.5], []),
        ("aiag2", [1] * 7, [6]),
        ("aiag8", [1.5] * 8, [7]),
    ],
)
def test_a_rule_on_a_series_made_for_it(rule: str, values: list[float], flagged: list[int]) -> None:
    assert rules.violations(values, 0, 1, rule) == {rule: flagged}


def test_both_readings_of_nelson_8() -> None:
    assert rules.violations([1.5] * 8, 0, 1, "nelson8", "either_side") == {"nelson8": [7]}
    assert rules.violations([1.5] * 8, 0, 1, "nelson8", nelson8="both_sides") == {"nelson8": []}
    assert rules.Tracker("nelson8", nelson8="either_side").rules[0].text.en.endswith("on either side")
    with pytest.raises(UnknownOption):
        rules.violations([1.0], 0, 1, "nelson", nelson8="one_side")


def test_sets_and_own_rules_by_name() -> None:
    names = [rule.name for rule in rules.resolve("western-electric, run:7,trend:7")]
    assert names == ["we1", "we2", "we3", "we4", "run:7", "trend:7"]
    assert rules.resolve("western_electric") == rules.resolve(["we1", "we2", "we3", "we4", "we1"])
    assert list(rules.violations([0.0], 0, 1)) == list(rules.DEFAULT)
    assert rules.resolve("none") == rules.resolve(()) == ()
    assert rules.violations([5.0], 0, 1, ()) == {}
    assert rules.resolve([rules.run(7, name="seven"), "nelson1"])[0].name == "seven"


@pytest.mark.parametrize("rule", OWN, ids=lambda rule: rule.name)
def test_the_name_of_an_own_rule_says_it_all(rule: rules.Rule) -> None:
    assert rules.resolve(rule.name) == (rule,)


@pytest.mark.parametrize("rule", EVERY, ids=lambda rule: rule.name)
def test_a_rule_says_itself_in_both_languages(rule: rules.Rule) -> None:
    assert "{" not in rule.text.en + rule.text.zh
    assert rule.text.en != rule.text.zh


def test_words_of_the_published_rules() -> None:
    said = {rule.name: rule.text.en for rule in rules.resolve("nelson")}
    assert said["nelson1"] == "1 point beyond 3σ"
    assert said["nelson2"] == "9 points in a row on one side of the centre line"
    assert said["nelson5"] == "2 of 3 points beyond 2σ on the same side"


@pytest.mark.parametrize(
    ("ask", "refusal"),
    [
        (lambda: rules.violations([1.0, np.nan], 0, 1), NotFinite),
        (lambda: rules.violations([1.0], 0, 0), NotPositive),
        (lambda: rules.violations([1.0], 0, -1), NotPositive),
        (lambda: rules.violations([1.0], np.inf, 1), NotFinite),
        (lambda: rules.violations([1.0, 2.0], [0.0], 1), WrongShape),
        (lambda: rules.violations([1.0, 2.0], 0, [1.0, 0.0]), NotPositive),
        (lambda: rules.violations([[1.0]], 0, 1), WrongShape),
        (lambda: rules.violations([1.0], 0, 1, "nelson9"), UnknownOption),
        (lambda: rules.violations([1.0], 0, 1, [1, 2]), UnknownOption),
        (lambda: rules.violations([1.0], 0, 1, None), UnknownOption),
        (lambda: rules.violations([1.0], 0, 1, breaks=[2]), BreakOutside),
        (lambda: rules.violations([1.0], 0, 1, breaks=[-1]), BreakOutside),
        (lambda: rules.resolve([rules.run(7, name="own"), rules.run(8, name="own")]), TwoRulesOneName),
        (lambda: rules.run(0), OutOfRange),
        (lambda: rules.run(2.5), NotACount),
        (lambda: rules.run(100_000), OutOfRange),
        (lambda: rules.trend(1), OutOfRange),
        (lambda: rules.m_of_n(4, 3, 1), OutOfRange),
        (lambda: rules.beyond(0), NotPositive),
        (lambda: rules.avoiding(8, 1, "above"), UnknownOption),
        (lambda: rules.Tracker().add(float("nan"), 0.0, 1.0), NotFinite),
        (lambda: rules.Tracker().add(float("inf"), 0.0, 1.0), NotFinite),
        (lambda: rules.Tracker().add(1.0, float("nan"), 1.0), NotFinite),
        (lambda: rules.Tracker().add(1.0, 0.0, 0.0), NotPositive),
        (lambda: rules.Tracker().add(1.0, 0.0, 1.0, float("nan")), NotPositive),
    ],
)
def test_bad_input_is_refused_by_name(ask, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        ask()


def test_an_unknown_rule_is_answered_with_those_known() -> None:
    with pytest.raises(UnknownOption, match=r"nelson8.*run:7"):
        rules.resolve("westgard")


def test_a_tracker_stays_small_and_can_be_put_away() -> None:
    tracker = rules.Tracker()
    rng = np.random.default_rng(4)
    for value in rng.normal(size=500).tolist():
        tracker.add(value, 0.0, 1.0)
    small = len(pickle.dumps(tracker))
    for value in rng.normal(size=5_000).tolist():
        tracker.add(value, 0.0, 1.0)
    assert abs(len(pickle.dumps(tracker)) - small) < 50
    again = pickle.loads(pickle.dumps(tracker))
    assert [again.add(v, 0.0, 1.0) for v in (3.5, 0.1)] == [tracker.add(v, 0.0, 1.0) for v in (3.5, 0.1)]


def test_a_million_points_and_a_thousand_stages_take_no_time() -> None:
    values = np.random.default_rng(5).normal(size=1_000_000)
    start = time.process_time()
    found = rules.violations(values, 0, 1, "nelson", breaks=range(0, 1_000_000, 1_000))
    assert time.process_time() - start < 2
    assert all(index % 1_000 >= 14 for index in found["nelson7"])
    assert len(found["nelson1"]) == np.count_nonzero(np.abs(values) > 3)
