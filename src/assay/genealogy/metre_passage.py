"""When which metre passed a station: positions over time, from a counter or from measured speeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.genealogy.metre_errors import MetreError
from assay.genealogy.metre_map import MetreMap, Stretch

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Moment:
    """A time with one standard deviation, in seconds; ``first`` and ``last`` differ where the line stood."""

    first: float
    last: float
    uncertainty: float


@dataclass(frozen=True)
class Passage:
    """What passed a station as ``item``.

    Attributes
    ----------
    station, item
        Where, and which reel, coil, bar or blank.
    times
        Shape (n,): seconds, ascending.
    positions
        Shape (n,): metres of the item that had passed by then, never falling.
    clock
        One standard deviation of the station's clock, s.
    slip
        One standard deviation of the positions, m for each metre passed (a measuring wheel slips).
    """

    station: str
    item: str
    times: Floats
    positions: Floats
    clock: float = 0.0
    slip: float = 0.0

    def __post_init__(self) -> None:
        where = {"station": self.station, "item": self.item}
        if self.times.shape != self.positions.shape or self.times.ndim != 1 or len(self.times) < 2:
            raise MetreError.of("lengths", times=self.times.shape, positions=self.positions.shape, **where)
        for name, values in (("times", self.times), ("positions", self.positions)):
            if not np.isfinite(values).all():
                row = int(np.flatnonzero(~np.isfinite(values))[0])
                raise MetreError.of("gap", name=name, row=row, **where)
        for name, steps in (("times", np.diff(self.times)), ("positions", np.diff(self.positions))):
            if (steps < 0).any() or (name == "times" and (steps == 0).any()):
                row = int(np.flatnonzero(steps < 0 if name == "positions" else steps <= 0)[0]) + 1
                raise MetreError.of("backwards", name=name, row=row, step=float(steps[row - 1]), **where)

    @classmethod
    def from_speed(
        cls,
        station: str,
        item: str,
        times: ArrayLike,
        speeds: ArrayLike,
        *,
        start: float = 0.0,
        clock: float = 0.0,
        slip: float = 0.0,
    ) -> Self:
        """From speeds (m/s) by the trapezoidal rule; ``start`` metres had passed at the first time."""
        seconds, speed = np.asarray(times, np.float64), np.asarray(speeds, np.float64)
        if seconds.shape != speed.shape:
            raise MetreError.of(
                "lengths", times=seconds.shape, positions=speed.shape, station=station, item=item
            )
        steps = 0.5 * (speed[1:] + speed[:-1]) * np.diff(seconds)
        return cls(station, item, seconds, start + np.concatenate([[0.0], np.cumsum(steps)]), clock, slip)

    def position(self, time: float) -> float | None:
        """Metres that had passed at ``time``; None outside the record."""
        if not self.times[0] <= time <= self.times[-1]:
            return None
        return float(np.interp(time, self.times, self.positions))

    def moment(self, position: float, uncertainty: float = 0.0) -> Moment | None:
        """When ``position`` passed; None outside the record.

        ``uncertainty`` is that of the position, m; slip and clock are added.
        """
        slack = 1e-9 * max(1.0, abs(float(self.positions[-1])))
        if not self.positions[0] - slack <= position <= self.positions[-1] + slack:
            return None
        at = float(np.clip(position, self.positions[0], self.positions[-1]))
        first, last = self._time(at, "left"), self._time(at, "right")
        spread = float(np.hypot(uncertainty, self.slip * (at - self.positions[0])))
        late = self._time(min(at + spread, float(self.positions[-1])), "left")
        early = self._time(max(at - spread, float(self.positions[0])), "right")
        around = max(late - last, first - early, 0.0)
        return Moment(first, last, float(np.hypot(around, self.clock)))

    def _time(self, position: float, side: str) -> float:
        """The first or the last time at which ``position`` stood at the station."""
        if side == "left":
            row = int(np.searchsorted(self.positions, position, side="left"))
            if row == 0 or self.positions[row] == position:
                return float(self.times[row])
            low, high = row - 1, row
        else:
            row = int(np.searchsorted(self.positions, position, side="right"))
            if row == len(self.positions) or self.positions[row - 1] == position:
                return float(self.times[row - 1])
            low, high = row - 1, row
        share = (position - self.positions[low]) / (self.positions[high] - self.positions[low])
        return float(self.times[low] + share * (self.times[high] - self.times[low]))


def delayed(upstream: Passage, downstream: Passage, delay: float, *, uncertainty: float = 0.0) -> MetreMap:
    """The map between two stations a fixed delay (s) apart: what passes now passed there ``delay`` ago.

    Parameters
    ----------
    uncertainty
        One standard deviation of the delay, s; it becomes one of the position, at the speed of the time.

    Raises
    ------
    MetreError
        The delay is negative, or the two records have no common time.
    """
    if not np.isfinite(delay) or delay < 0:
        raise MetreError.of("delay", value=delay, upstream=upstream.station, downstream=downstream.station)
    knots = np.unique(np.concatenate([downstream.times, upstream.times + delay]))
    first = max(downstream.times[0], upstream.times[0] + delay)
    last = min(downstream.times[-1], upstream.times[-1] + delay)
    knots = knots[(knots >= first) & (knots <= last)]
    if len(knots) < 2:
        raise MetreError.of("apart", upstream=upstream.station, downstream=downstream.station, delay=delay)
    here = np.interp(knots, downstream.times, downstream.positions)
    there = np.interp(knots - delay, upstream.times, upstream.positions)
    clock = float(np.hypot(uncertainty, np.hypot(upstream.clock, downstream.clock)))
    stretches = []
    for row in range(len(knots) - 1):
        if here[row + 1] > here[row] and there[row + 1] > there[row]:
            speed = (there[row + 1] - there[row]) / (knots[row + 1] - knots[row])
            stretches.append(
                Stretch(
                    downstream.item,
                    float(here[row]),
                    float(here[row + 1]),
                    upstream.item,
                    float(there[row]),
                    float(there[row + 1]),
                    uncertainty=float(speed * clock),
                )
            )
    return MetreMap.of(stretches)
