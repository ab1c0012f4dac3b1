"""What arrives in any order within the lateness gives the answer that history gives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.bind_oracle import Interval, Reading, assert_same, by_group, oracle, reading_table
from tests.unit.test_bind_kernel import ASKED, BANDS, plants

from assay.model.errors import QueryError
from assay.query.bind.live import LiveBind

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
START = datetime(2026, 3, 2, tzinfo=UTC)


def moment(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)


def at(second: float) -> int:
    return round((START - EPOCH + timedelta(seconds=second)).total_seconds() * 1e6)


def temps(*pairs: tuple[float, float]) -> list[Reading]:
    return [("T", "M1", at(second), value, None, 0) for second, value in pairs]


@settings(max_examples=60, deadline=None)
@given(plants(), st.data())
def test_any_order_within_the_lateness_equals_history(
    plant: tuple[list[Reading], list[Interval]], data: st.DataObject
) -> None:
    readings, intervals = plant
    readings = [one for one in readings if one[2] < 200_000 * 86_400_000_000]
    intervals = [one for one in intervals if one[2] < 200_000 * 86_400_000_000]
    times = [one[2] for one in readings] + [edge for one in intervals for edge in one[1:3]] or [0]
    width = data.draw(st.sampled_from([1, 3, 10_000]), "buckets")
    step = max(1, (max(times) - min(times)) // width)
    # Readings may swap places with those of their own and the next bucket; steps come before both.
    order = sorted(readings, key=lambda r: ((r[2] - min(times)) // step, data.draw(st.integers(0, 9))))
    live = LiveBind(list(ASKED.columns), lateness=timedelta(microseconds=2 * step))
    answers = {}
    for place, (equipment, started, ended, doubt) in enumerate(intervals):
        live.open(str(place), equipment, moment(started), moment(ended), doubt)
    while order:
        size = data.draw(st.integers(1, 20))
        some, order = order[:size], order[size:]
        answers |= by_group(live.update(reading_table(some)))
    answers |= by_group(live.now())
    assert not live.to_rebind
    found = {(int(place), signal): row for (place, signal), row in answers.items()}
    assert_same(found, oracle(readings, intervals, BANDS))


def test_a_step_is_given_out_once_when_it_is_complete() -> None:
    live = LiveBind(["n", "last"], lateness=timedelta(seconds=10))
    live.open("E1", "M1", moment(at(0)))
    assert len(live.update(reading_table(temps((1, 5.0), (2, 6.0))))) == 0
    assert live.now().to_pylist() == [{"interval": "E1", "signal": "T", "n": 2, "last": 6.0}]
    live.close("E1", moment(at(5)))
    assert len(live.update(reading_table(temps((8, 9.0))))) == 0, "a reading of second 4 may still come"
    assert len(live.update(reading_table(temps((4, 7.0))))) == 0
    done = live.update(reading_table(temps((15, 1.0))))
    assert done.to_pylist() == [{"interval": "E1", "signal": "T", "n": 3, "last": 7.0}]
    assert len(live.update(reading_table(temps((40, 1.0))))) == 0
    assert live.waiting == 1, "what is older than the lateness is forgotten"


def test_a_correction_within_the_lateness_counts_and_a_later_one_is_named() -> None:
    live = LiveBind(["n", "max"], lateness=timedelta(seconds=10))
    live.open("E1", "M1", moment(at(0)), moment(at(30)))
    live.update(reading_table(temps((1, 5.0), (12, 6.0))))
    corrected: Reading = ("T", "M1", at(12), 60.0, None, 1)
    live.update(reading_table([corrected]))
    assert live.now().to_pylist() == [{"interval": "E1", "signal": "T", "n": 2, "max": 60.0}]
    assert not live.to_rebind
    live.update(reading_table(temps((0.5, 99.0))))
    assert live.to_rebind == {"E1"}
    assert live.late_readings == 1


def test_a_step_whose_start_moves_is_bound_again_while_its_readings_are_there() -> None:
    live = LiveBind(["n"], lateness=timedelta(seconds=100))
    live.open("E1", "M1", moment(at(10)), moment(at(30)))
    live.update(reading_table(temps((5, 1.0), (12, 1.0), (20, 1.0))))
    live.open("E1", "M1", moment(at(0)), moment(at(15)))
    assert live.now().column("n").to_pylist() == [2]
    assert not live.to_rebind
    live.update(reading_table(temps((300, 1.0))))
    live.open("E2", "M1", moment(at(50)), moment(at(400)))
    assert live.to_rebind == {"E2"}, "its first readings are gone"


def test_what_is_wrong_is_said() -> None:
    live = LiveBind(["n"], lateness=timedelta(seconds=1))
    with pytest.raises(QueryError, match="no open interval 'E9'"):
        live.close("E9", START)
    with pytest.raises(QueryError, match="ends before it starts"):
        live.open("E1", "M1", START, START - timedelta(seconds=1))
    with pytest.raises(QueryError, match="no column 'equipment'"):
        live.update(reading_table([]).drop_columns(["equipment"]))
    with pytest.raises(QueryError, match="no zone"):
        live.open("E1", "M1", datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(QueryError, match="negative"):
        LiveBind(lateness=timedelta(seconds=-1))
