"""Ways over the earth against published ones."""

from __future__ import annotations

from math import radians

import pytest

from assay.exchange.consumer import great_circle
from assay.exchange.consumer.hints import EARTH_RADIUS


def test_nashville_to_los_angeles() -> None:
    # Rosetta Code, "Haversine formula": BNA to LAX is 2887.2599506071106 km with a radius of 6372.8 km.
    published = 2887.2599506071106 * EARTH_RADIUS / 6372.8
    assert great_circle(36.12, -86.67, 33.94, -118.40) == pytest.approx(published, rel=1e-12)


def test_los_angeles_to_new_york() -> None:
    # E. Williams, Aviation Formulary, "Distance between points": LAX to JFK is 0.623585 radians.
    latitudes, longitudes = (33 + 57 / 60, 40 + 38 / 60), (-(118 + 24 / 60), -(73 + 47 / 60))
    way = great_circle(latitudes[0], longitudes[0], latitudes[1], longitudes[1])
    assert way / EARTH_RADIUS == pytest.approx(0.623585, abs=5e-7)


def test_a_quarter_of_the_earth_and_half_of_it() -> None:
    assert great_circle(0, 0, 90, 77) == pytest.approx(EARTH_RADIUS * radians(90))
    assert great_circle(12, 170, -12, -10) == pytest.approx(EARTH_RADIUS * radians(180))
    assert great_circle(48.2, 179.95, 48.2, -179.95) < 8, "over the date line"
