"""Run lengths of Shewhart charts with rules: against simulation, symmetry and limits."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.stats import arl, rules
from assay.stats.errors import NotFinite, NotPositive, UnknownOption
from assay.stats.rules.errors import NoZoneRule


@pytest.mark.parametrize(
    ("asked", "shift", "nelson8"),
    [
        ("western_electric", 0.5, "both_sides"),
        ("nelson1,nelson2,nelson5,nelson6,nelson7,nelson8", 0.0, "both_sides"),
        ("nelson1,nelson2,nelson5,nelson6,nelson7,nelson8", 1.0, "either_side"),
        ("hugging:6:1,avoiding:4:1:both,2of4:1.5", 0.2, "both_sides"),
    ],
)
def test_full_windows_give_the_run_length_of_the_rules_as_they_flag(
    asked: str, shift: float, nelson8: rules.Nelson8
) -> None:
    """40,000 series are cut out of one, a stage each; the first flag of a stage is its run length."""
    rng, each, series = np.random.default_rng(21), 100, 40_000
    values = rng.normal(shift, 1, each * series)
    found = rules.violations(values, 0, 1, asked, nelson8=nelson8, breaks=np.arange(0, values.size, each))
    hits = np.unique(np.concatenate([np.array(flagged, int) for flagged in found.values()]))
    _, first = np.unique(hits // each, return_index=True)
    lengths = np.full(series, each)
    lengths[hits[first] // each] = hits[first] % each + 1
    exact = arl.shewhart(asked, shift, nelson8=nelson8, first_windows="full")
    # A chart silent for 100 points has as long to go as a new one, give or take its longest window.
    silent = (lengths == each).mean()
    error = 3 * lengths.std() / math.sqrt(series) + silent * 15
    assert abs(lengths.mean() + silent * exact - exact) < error


def test_one_rule_alone_is_geometric() -> None:
    from scipy.stats import norm

    for shift in (0.0, 0.7, 3.0, -2.0):
        for width in (2.0, 3.0, 3.09):
            chance = norm.sf(width - shift) + norm.cdf(-width - shift)
            assert arl.shewhart(("we1",), shift, width=width) == pytest.approx(1 / chance, rel=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 4), st.sampled_from(["western_electric", "we1,nelson2", "nelson8", "nelson7,we1"]))
def test_a_shift_up_is_a_shift_down(shift: float, asked: str) -> None:
    assert arl.shewhart(asked, shift) == pytest.approx(arl.shewhart(asked, -shift), rel=1e-9)


def test_more_rules_signal_sooner_and_waiting_for_full_windows_later() -> None:
    for shift in (0.0, 1.0, 2.0):
        lengths = [
            arl.shewhart(asked, shift) for asked in ("we1", "we1,we2", "we1,we2,we3", "western_electric")
        ]
        assert lengths == sorted(lengths, reverse=True)
        assert arl.shewhart("we1,we2", shift, first_windows="full") > arl.shewhart("we1,we2", shift)
        assert arl.shewhart("we4", shift, first_windows="full") == pytest.approx(arl.shewhart("we4", shift))


def test_very_long_and_very_short_runs_keep_their_digits() -> None:
    from scipy.stats import norm

    assert arl.shewhart("we1", width=20) == pytest.approx(1 / (2 * norm.sf(20)), rel=1e-10)
    assert arl.shewhart("we1", 40) == 1.0
    assert arl.shewhart("run:3", 40) == pytest.approx(3.0)
    assert arl.shewhart("we1", width=60) == math.inf
    assert arl.shewhart(()) == math.inf


@pytest.mark.parametrize(
    ("ask", "refusal"),
    [
        (lambda: arl.shewhart("nelson3"), NoZoneRule),
        (lambda: arl.shewhart("nelson"), NoZoneRule),
        (lambda: arl.shewhart("we9"), UnknownOption),
        (lambda: arl.shewhart("we1", math.nan), NotFinite),
        (lambda: arl.shewhart("we1", width=0), NotPositive),
        (lambda: arl.shewhart("we1", first_windows="none"), UnknownOption),
    ],
)
def test_what_has_no_run_length_is_refused_by_name(ask, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        ask()
