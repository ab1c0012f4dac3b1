from __future__ import annotations

import numpy as np
import pytest

from assay.genealogy.metre_errors import MetreError
from assay.genealogy.metre_line import MetreLine, Stage
from assay.genealogy.metre_map import MetreMap, Place, drawn
from assay.genealogy.metre_passage import Passage, delayed

TIMES = np.arange(0.0, 101.0, 10.0)


def test_speeds_become_metres_and_a_stop_is_an_interval() -> None:
    """2 m/s for 40 s, a stop of 20 s, 2 m/s again; ramps of 10 s each side of the stop are trapezoids."""
    speed = np.array([2.0, 2, 2, 2, 2, 0, 0, 2, 2, 2, 2])
    passage = Passage.from_speed("mill", "coil", TIMES, speed, clock=0.5)

    assert passage.position(40.0) == pytest.approx(80.0)
    assert passage.position(60.0) == pytest.approx(90.0)
    assert passage.position(101.0) is None
    stopped = passage.moment(90.0)
    assert stopped is not None
    assert (stopped.first, stopped.last) == (50.0, 60.0)
    moving = passage.moment(20.0, 1.0)
    assert moving is not None
    assert moving.first == moving.last == pytest.approx(10.0)
    assert moving.uncertainty == pytest.approx(np.hypot(0.5, 0.5))
    assert passage.moment(500.0) is None


def test_a_delay_maps_positions_through_the_speeds_of_both_times() -> None:
    up = Passage.from_speed("first", "web", TIMES, np.linspace(1, 3, 11))
    down = Passage.from_speed("second", "roll", TIMES, np.linspace(2, 2, 11))

    made = delayed(up, down, 25.0, uncertainty=1.0)

    at = made.up(Place("roll", down.position(65.0) or 0.0))[0]
    assert at.position == pytest.approx(up.position(40.0))
    assert at.uncertainty == pytest.approx(1.8, rel=0.06), "the upstream speed at that time, by one second"
    assert made.up(Place("roll", 10.0)) == (), "before anything could have come through"


def test_a_place_is_seen_at_every_station_and_followed_down_again() -> None:
    mill = Passage.from_speed("mill", "slab", TIMES, np.full(11, 0.5))
    tower = Passage.from_speed("tower", "strip", TIMES + 30, np.full(11, 2.0))
    line = MetreLine.of(
        [
            Stage("mill", (mill,)),
            Stage("tower", (tower,), drawn("strip", "slab", 50.0, 4.0)),
        ]
    )

    seen = line.upstream(Place("strip", 120.0))

    assert [(one.station, one.place.item) for one in seen] == [("tower", "strip"), ("mill", "slab")]
    assert seen[0].moment is not None
    assert seen[0].moment.first == pytest.approx(90.0)
    assert seen[1].place.position == pytest.approx(30.0)
    assert seen[1].moment is not None
    assert seen[1].moment.first == pytest.approx(60.0)
    assert line.downstream(line.at("mill", "slab", 60.0))[1].place.position == pytest.approx(120.0)
    assert line.upstream(Place("strip", 500.0))[0].moment is None


def test_lines_and_passages_that_make_no_sense_are_refused() -> None:
    steady = Passage("mill", "coil", TIMES, TIMES)
    cases = [
        (lambda: Passage("mill", "coil", TIMES[:1], TIMES[:1]), "two or more"),
        (lambda: Passage("mill", "coil", TIMES[::-1].copy(), TIMES), "run back"),
        (lambda: Passage("mill", "coil", TIMES, -TIMES), "run back"),
        (lambda: Passage("mill", "coil", TIMES, np.full(11, np.nan)), "no number"),
        (lambda: Passage.from_speed("mill", "coil", TIMES, np.full(3, 1.0)), "two or more"),
        (lambda: delayed(steady, steady, -1.0), "at least 0"),
        (lambda: delayed(steady, steady, 1000.0), "no common time"),
        (lambda: MetreLine.of([]), "stations"),
        (lambda: MetreLine.of([Stage("a", ()), Stage("a", ())]), "different names"),
        (lambda: MetreLine.of([Stage("a", ()), Stage("b", ())]), "made from"),
        (
            lambda: MetreLine.of([Stage("a", (), MetreMap(()))]).upstream(Place("x", 0.0), station="z"),
            "no station",
        ),
        (lambda: MetreLine.of([Stage("a", (steady,))]).at("a", "coil", 5000.0), "was not at"),
    ]
    for make, word in cases:
        with pytest.raises(MetreError, match=word):
            make()
