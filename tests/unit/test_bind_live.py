"""What arrives in any order within the lateness gives the answer that history gives."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.bind_oracle import Interval, Reading, assert_same, by_group, oracle, reading_table
from tests.unit.test_bind_kernel import ASKED, BANDS, plants

from assay.model.kinds import TIME
from assay.query.bind.errors import BindRefusal
from assay.query.bind.live import LiveBind

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOVEMENT = pa.schema(
    [
        ("execution", pa.string()),
        ("segment", pa.string()),
        ("equipment", pa.string()),
        ("started", TIME),
        ("ended", TIME),
        ("clock_uncertainty", pa.float64()),
    ]
)
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


@pytest.mark.parametrize("late", [0.0, 0.1, 0.3])
def test_any_order_at_all_equals_history_or_is_named(late: float) -> None:
    """Readings and movements come mostly in order, and sometimes much too late."""
    named = unnamed = 0
    for seed in range(40):
        dice = random.Random(seed)
        readings: list[Reading] = [
            (
                "T",
                dice.choice("AB"),
                at(dice.randrange(100)),
                float(dice.randrange(9)),
                dice.choice([None, 2.0]),
                k,
            )
            for k in range(60)
        ]
        intervals: list[Interval] = []
        for _ in range(10):
            begun = dice.randrange(90)
            ended = begun + dice.randrange(25)
            intervals.append((dice.choice("AB"), at(begun), at(ended), dice.choice([0.0, 3.0])))
        arrivals = [(one[2], one) for one in readings]
        for place, one in enumerate(intervals):
            # A first word of start and end, and the right ones: the earliest start and the latest end count.
            rough = dice.randrange(one[1], one[2] + 1), dice.randrange(one[1], one[2] + 1)
            for started, ended in ((one[1], None), (None, one[2]), (rough[0], None), (None, max(rough))):
                arrivals.append((started or ended or 0, (place, one[0], started, ended, one[3])))
        arrivals.sort(key=lambda one: one[0] + (at(200) - at(0)) * (dice.random() < late) * dice.random())
        live = LiveBind(list(ASKED.columns), lateness=timedelta(seconds=dice.choice([0, 5, 30])))
        answers = {}
        while arrivals:
            some = [arrivals.pop(0)[1] for _ in range(min(len(arrivals), dice.randrange(1, 9)))]
            live.move(moved([one for one in some if len(one) == 5]))
            answers |= by_group(live.update(reading_table([one for one in some if len(one) == 6])))
        answers |= by_group(live.now())
        lost = {int(name.removeprefix("s/")) for name in live.to_rebind}
        found = {(int(step.removeprefix("s/")), signal): row for (step, signal), row in answers.items()}
        right = oracle(readings, intervals, BANDS)
        assert_same(
            {key: row for key, row in found.items() if key[0] not in lost},
            {key: row for key, row in right.items() if key[0] not in lost},
        )
        named += len(lost)
        unnamed += len(intervals) - len(lost)
    assert unnamed > 40, "not every step is bound again"
    assert named > 0


def moved(rows: list[tuple[int, str, int | None, int | None, float]]) -> pa.Table:
    """Movements that say when a step started, or when it ended."""
    said = [
        {
            "execution": str(place),
            "segment": "s",
            "equipment": equipment,
            "started": None if started is None else moment(started),
            "ended": None if ended is None else moment(ended),
            "clock_uncertainty": doubt,
        }
        for place, equipment, started, ended, doubt in rows
    ]
    return pa.Table.from_pylist(said, schema=MOVEMENT)


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


def movement(**said: Any) -> pa.Table:
    """One movement of execution E1; times as seconds after the start of the day."""
    row = {"execution": "E1", "segment": "sinter", "equipment": "M1", "started": None, "ended": None}
    row |= {
        name: moment(at(one)) if name in {"started", "ended", "time"} else one for name, one in said.items()
    }
    return pa.Table.from_pylist([row], schema=MOVEMENT.append(pa.field("time", TIME)))


def test_movements_open_and_close_steps() -> None:
    live = LiveBind(["n", "last"], lateness=timedelta(seconds=10))
    live.move(movement(started=0))
    live.update(reading_table(temps((1, 5.0), (2, 6.0))))
    assert live.now().to_pylist() == [{"interval": "sinter/E1", "signal": "T", "n": 2, "last": 6.0}]
    live.move(movement(ended=5, equipment=None))
    done = live.update(reading_table(temps((4, 7.0), (20, 1.0))))
    assert done.to_pylist() == [{"interval": "sinter/E1", "signal": "T", "n": 3, "last": 7.0}]
    live.move(movement(started=0, ended=5))
    assert not live.to_rebind, "nothing new was said"
    live.move(movement(ended=6))
    assert live.to_rebind == {"sinter/E1"}


def test_what_is_late_for_a_step_that_was_given_out_is_named() -> None:
    live = LiveBind(["n"], lateness=timedelta(seconds=10), remembered=timedelta(seconds=100))
    live.move(movement(started=0, ended=5))
    assert len(live.update(reading_table(temps((1, 5.0), (50, 1.0))))) == 1
    live.update(reading_table(temps((7, 9.0))))
    assert not live.to_rebind, "it belongs to no step"
    live.update(reading_table(temps((3, 9.0))))
    assert live.to_rebind == {"sinter/E1"}
    assert live.late == {"M1": (moment(at(3)), moment(at(7)))}
    live.to_rebind.clear()
    live.update(reading_table(temps((300, 1.0))))
    live.update(reading_table(temps((2, 9.0))))
    assert not live.to_rebind, "it is forgotten; its time is told"
    assert live.late["M1"] == (moment(at(2)), moment(at(7)))


def test_a_step_that_ends_before_it_starts_is_left_out_until_that_is_mended() -> None:
    live = LiveBind(["n"], lateness=timedelta(seconds=100))
    live.move(movement(started=10))
    live.update(reading_table(temps((4, 1.0), (12, 1.0))))
    live.move(movement(ended=5))
    assert live.left_out == {"sinter/E1"}
    assert not live.now().num_rows
    live.move(movement(started=3))
    assert not live.left_out
    assert live.now().column("n").to_pylist() == [1]


def test_a_step_of_which_only_the_end_is_said_begins_with_its_first_movement() -> None:
    live = LiveBind(["n"], lateness=timedelta(seconds=100))
    live.update(reading_table(temps((4, 1.0), (12, 1.0))))
    live.move(movement(time=3))
    assert not live.now().num_rows
    live.move(movement(time=20, ended=20))
    assert live.now().column("n").to_pylist() == [2]


def test_what_is_wrong_is_said_in_both_languages() -> None:
    live = LiveBind(["n"], lateness=timedelta(seconds=1))
    past, naive = START - timedelta(seconds=1), datetime(2026, 1, 1)  # noqa: DTZ001
    wrong: list[tuple[Callable[[], object], str, str]] = [
        (lambda: live.close("E9", START), "no open interval 'E9'", "没有打开的区间"),
        (lambda: live.open("E1", "M1", START, past), "ends before it starts", "结束早于开始"),
        (
            lambda: live.update(reading_table([]).drop_columns(["equipment"])),
            "readings have no column 'equipment'",
            "读数中没有列",
        ),
        (lambda: live.open("E1", "M1", naive), "no zone", "没有时区"),
        (
            lambda: live.move(movement().drop_columns(["ended"])),
            "The movements have no column 'ended'",
            "流转记录中没有列",
        ),
        (
            lambda: LiveBind(lateness=-timedelta(seconds=1)),
            "lateness -1 day, 23:59:59 is negative",
            "迟到时限",
        ),
        (
            lambda: LiveBind(lateness=timedelta(0), remembered=-timedelta(seconds=1)),
            "time to remember",
            "记忆时长",
        ),
    ]
    for work, english, chinese in wrong:
        with pytest.raises(BindRefusal, match=english) as problem:
            work()
        assert chinese in problem.value.said.zh
        assert problem.value.advice is not None
