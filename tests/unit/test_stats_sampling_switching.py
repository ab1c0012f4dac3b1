"""Switching rules of ISO 2859-1 and ANSI/ASQ Z1.4."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.stats.errors import UnknownOption
from assay.stats.sampling import Discontinued, Switching, iso2859

YES, NO = True, False


def walk(state: Switching, lots: list[bool], **more: object) -> Switching:
    for accepted in lots:
        state = state.after(accepted, **more)  # type: ignore[arg-type]
    return state


@pytest.mark.parametrize("standard", ["iso2859-1", "gbt2828.1", "ansi-z1.4"])
def test_two_of_five_lots_not_accepted_tighten(standard: str) -> None:
    start = Switching(standard=standard)  # type: ignore[arg-type]
    assert walk(start, [NO, YES, YES, YES, NO]).state == "tightened"
    assert walk(start, [NO, NO]).state == "tightened"
    assert walk(start, [NO, YES, YES, YES, YES, NO]).state == "normal"


def test_five_lots_accepted_in_a_row_bring_normal_inspection_back() -> None:
    tightened = walk(Switching(), [NO, NO])
    assert walk(tightened, [YES] * 4).state == "tightened"
    back = walk(tightened, [YES] * 5)
    assert (back.state, back.score, back.recent) == ("normal", 0, ())
    assert walk(tightened, [YES] * 4 + [NO] + [YES] * 4).state == "tightened"


def test_five_lots_not_accepted_under_tightened_inspection_discontinue() -> None:
    tightened = walk(Switching(), [NO, NO])
    stopped = walk(tightened, [NO, YES, NO, YES, NO, YES, NO, YES, NO])
    assert stopped.state == "discontinued"
    with pytest.raises(Discontinued):
        stopped.after(YES)
    assert stopped.resume().state == "tightened"
    assert stopped.resume().not_accepted == 0
    assert tightened.resume() is tightened


def test_the_score_needs_thirty_points() -> None:
    assert walk(Switching(), [YES] * 9, tighter=True).score == 27
    assert walk(Switching(), [YES] * 10, tighter=True).state == "reduced"
    assert walk(Switching(), [YES] * 14).state == "normal"
    assert walk(Switching(), [YES] * 15).state == "reduced"
    nine = walk(Switching(), [YES] * 9, tighter=True)
    assert nine.after(YES, tighter=False).score == 0
    assert nine.after(NO).score == 0
    assert nine.after(YES, tighter=True, steady=False).state == "normal"
    assert walk(Switching(reduced_wanted=False), [YES] * 20, tighter=True).state == "normal"


def test_reduced_inspection_ends_with_a_lot_not_accepted_or_an_unsteady_process() -> None:
    reduced = Switching(state="reduced")
    assert reduced.after(YES).state == "reduced"
    assert reduced.after(NO).state == "normal"
    assert reduced.after(YES, steady=False).state == "normal"
    assert reduced.after(YES, gap=True).state == "normal"


def test_z14_looks_at_ten_lots_and_the_limit_number() -> None:
    assert walk(Switching(standard="ansi-z1.4"), [YES] * 9).state == "normal"
    assert walk(Switching(standard="ansi-z1.4"), [YES] * 10).state == "reduced"
    strict = Switching(standard="ansi-z1.4", limit_number=5)
    assert walk(strict, [YES] * 10, nonconforming=1).state == "normal"
    eased = walk(strict, [YES] * 10, nonconforming=1)
    assert walk(eased, [YES] * 5, nonconforming=0).state == "reduced"


def test_a_plan_and_a_count_are_enough() -> None:
    plan = iso2859(1000, 1.0)
    assert (plan.ac, plan.tighter_ac) == (2, 1)
    state = Switching()
    assert state.judge(plan, 1).score == 3
    assert state.judge(plan, 2).score == 0
    assert state.judge(plan, 2).recent == (True,)
    assert state.judge(plan, 3).recent == (False,)
    small = iso2859(1000, 0.65)
    assert (small.ac, small.tighter_ac) == (1, None)
    assert state.judge(small, 1).score == 2
    with pytest.raises(UnknownOption):
        state.judge(iso2859(1000, 1.0, inspection="reduced"), 0)


def test_a_double_plan_scores_only_at_its_first_sample() -> None:
    plan = iso2859(1000, 1.0, plan="double")
    state = walk(Switching(), [YES] * 3, tighter=True)
    assert state.judge(plan, 0).score == 12
    assert state.judge(plan, (1, 1)).score == 0
    with pytest.raises(UnknownOption):
        state.judge(plan, 1)


def test_a_count_in_the_gap_of_z14_accepts_and_goes_back() -> None:
    plan = iso2859(None, 1.0, inspection="reduced", standard="ansi-z1.4", letter="K")
    reduced = Switching(standard="ansi-z1.4", state="reduced")
    assert reduced.judge(plan, 1).state == "reduced"
    assert reduced.judge(plan, 2).state == "normal"


@given(st.lists(st.booleans(), max_size=60))
def test_no_state_changes_in_place_and_counts_stay_bounded(lots: list[bool]) -> None:
    state = Switching()
    for accepted in lots:
        before = state.to_dict()
        after = state.after(accepted) if state.state != "discontinued" else state.resume()
        assert state.to_dict() == before
        state = after
        assert len(state.recent) <= 10
        assert 0 <= state.score < 30
        assert state.not_accepted <= 5


def test_the_state_draws_itself_as_a_table() -> None:
    plot = walk(Switching(), [YES] * 3, tighter=True).plot()
    assert plot.panels[0].title.zh == "正常检验"
    assert plot.to_dict()["panels"][0]["layers"][0]["rows"] == [["9 / 30", "3 / 3", "0 / 5"]]


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UnknownOption):
        Switching(standard="iso2859-2")  # type: ignore[arg-type]
    with pytest.raises(UnknownOption):
        Switching(state="lenient")  # type: ignore[arg-type]
