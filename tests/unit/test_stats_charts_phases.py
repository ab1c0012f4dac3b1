"""Phase I, stages and exclusions: which points a chart estimates from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.stats import charts
from assay.stats.charts.chart import Exclusion
from assay.stats.charts.errors import NoPhase1, NoSuchPoint
from assay.stats.charts.phases import plan
from assay.stats.errors import WrongShape


def chosen(count: int, **options: Any) -> list[list[int]]:
    everything = np.arange(count)
    return [everything[stretch.estimating].tolist() for stretch in plan(count, **options).stretches]


def test_phase_one_is_a_count_a_stretch_a_slice_or_a_mask() -> None:
    values = np.random.default_rng(5).normal(size=30)
    mask = np.arange(30) < 20
    ways: list[Any] = [20, np.int64(20), (0, 20), slice(20), range(20), mask]
    limits = {charts.imr(values, phase1=one).limits for one in ways}
    assert len(limits) == 1
    with pytest.raises(NoSuchPoint):
        charts.imr(values, phase1=31)


def test_without_options_every_point_counts() -> None:
    found = plan(4)
    assert chosen(4) == [[0, 1, 2, 3]]
    assert found.phase1 is None
    assert not found.staged


@pytest.mark.parametrize(
    "phase1",
    [
        slice(1, 3),
        (1, 3),
        [False, True, True, False],
        np.array([False, True, True, False]),
        slice(-3, -1),
        range(1, 3),
    ],
)
def test_phase_1_in_every_form(phase1: Any) -> None:
    found = plan(4, phase1=phase1)
    assert chosen(4, phase1=phase1) == [[1, 2]]
    assert found.phase1 is not None
    assert found.phase1.tolist() == [False, True, True, False]


def test_a_slice_may_skip_points() -> None:
    assert chosen(6, phase1=slice(0, None, 2)) == [[0, 2, 4]]


@pytest.mark.parametrize("phase1", [(0, 5), slice(0, 5), slice(-5, None), (0, -5)])
def test_phase_1_beyond_the_chart_is_refused(phase1: Any) -> None:
    with pytest.raises(NoSuchPoint, match="4 points"):
        plan(4, phase1=phase1)


@pytest.mark.parametrize("phase1", [[True, False], (0, 1, 2), (0.0, 2.0), "0:2"])
def test_phase_1_of_another_shape_is_refused(phase1: Any) -> None:
    with pytest.raises(WrongShape, match="phase1"):
        plan(4, phase1=phase1)


@pytest.mark.parametrize(
    ("stages", "labels", "starts"),
    [
        (["a", "a", "b", "b", "b"], ["a", "b"], [0, 2]),
        ([2], ["1", "2"], [0, 2]),
        ([0, 2], ["1", "2"], [0, 2]),
        ({0: "before", 2: "after"}, ["before", "after"], [0, 2]),
        ({2: "after"}, ["1", "after"], [0, 2]),
        (np.array([1, 1, 2, 2, 1]), ["1", "2", "1"], [0, 2, 4]),
    ],
)
def test_stages_in_every_form(stages: Any, labels: list[str], starts: list[int]) -> None:
    found = plan(5, stages=stages)
    assert [stretch.label for stretch in found.stretches] == labels
    assert [stretch.start for stretch in found.stretches] == starts
    assert [stretch.stop for stretch in found.stretches] == [*starts[1:], 5]
    assert found.staged


@pytest.mark.parametrize("stages", [[5], [-1], {7: "late"}, {"before": 0, 3: "after"}, {1.5: "late"}])
def test_a_stage_beyond_the_chart_is_refused(stages: Any) -> None:
    with pytest.raises(NoSuchPoint, match="stages"):
        plan(5, stages=stages)


def test_stage_labels_of_another_length_are_refused() -> None:
    with pytest.raises(WrongShape, match="stages"):
        plan(5, stages=["a", "b"])


def test_a_stage_without_phase_1_is_refused_unless_limits_are_given() -> None:
    with pytest.raises(NoPhase1, match="3 to 5"):
        plan(5, stages=[3], phase1=(0, 3))
    assert plan(5, stages=[3], phase1=(0, 3), estimates=False).phase1 is None


def test_everything_left_out_is_refused() -> None:
    with pytest.raises(NoPhase1):
        plan(2, exclude=[0, 1])


def test_exclusions_keep_their_reasons_in_order() -> None:
    found = plan(5, exclude={3: "tool broke", 1: "wrong part"})
    assert found.excluded == (Exclusion(1, "wrong part"), Exclusion(3, "tool broke"))
    assert chosen(5, exclude={3: "tool broke", 1: "wrong part"}) == [[0, 2, 4]]
    assert plan(5, exclude=[4]).excluded == (Exclusion(4, ""),)
    assert plan(5, exclude=np.array([False, True, False, False, False])).excluded == (Exclusion(1, ""),)


@pytest.mark.parametrize("exclude", [[5], [-1], [1.5], ["1"], [True]])
def test_excluding_a_point_that_is_not_there_is_refused(exclude: Any) -> None:
    with pytest.raises(NoSuchPoint, match="exclude"):
        plan(5, exclude=exclude)


def test_excluding_one_number_is_refused_as_no_list_of_points() -> None:
    with pytest.raises(WrongShape, match="exclude"):
        plan(5, exclude=3)  # type: ignore[arg-type]


@given(
    st.integers(1, 30).flatmap(
        lambda count: st.tuples(
            st.lists(st.booleans(), min_size=count, max_size=count),
            st.sets(st.integers(0, count - 1)),
            st.sets(st.integers(0, count - 1)),
        )
    )
)
def test_stages_share_out_phase_1_without_what_is_left_out(
    case: tuple[list[bool], set[int], set[int]],
) -> None:
    mask, left_out, starts = case
    wanted = [index for index, inside in enumerate(mask) if inside and index not in left_out]
    try:
        found = chosen(len(mask), phase1=np.array(mask), exclude=left_out, stages=dict.fromkeys(starts, "s"))
    except NoPhase1:
        return
    assert [index for part in found for index in part] == wanted
    assert all(found)
