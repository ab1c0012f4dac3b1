"""Partial results of groups, and how parts of one group become one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.query.bind import kernel

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Partials:
    """What is known of each group of an interval and a signal from some of its readings.

    Attributes
    ----------
    interval, signal
        (G,): the interval's place among the :class:`~assay.query.bind.spans.Spans`, and the signal's number.
    n, times, floats, held, doubtful
        As :func:`assay.query.bind.kernel.scan` fills them.
    """

    interval: Ints
    signal: Ints
    n: Ints
    times: Ints
    floats: Floats
    held: Floats
    doubtful: Ints

    def __len__(self) -> int:
        return len(self.n)

    @classmethod
    def none(cls, bands: int) -> Partials:
        """No group at all."""
        empty = np.empty(0, np.int64)
        return cls(
            empty,
            empty,
            empty,
            np.empty((2, 0), np.int64),
            np.empty((kernel.FLOATS, 0)),
            np.empty((bands, 0)),
            empty,
        )

    def between(self, low: int, high: int) -> Partials:
        """The groups from place ``low`` up to ``high``, where they lie."""
        return Partials(
            self.interval[low:high],
            self.signal[low:high],
            self.n[low:high],
            self.times[:, low:high],
            self.floats[:, low:high],
            self.held[:, low:high],
            self.doubtful[low:high],
        )

    def taken(self, places: NDArray[np.int64] | NDArray[np.bool_]) -> Partials:
        """Only these groups, in this order."""
        at = np.flatnonzero(places) if places.dtype == np.bool_ else places
        return Partials(
            self.interval.take(at),
            self.signal.take(at),
            self.n.take(at),
            self.times.take(at, axis=1),
            self.floats.take(at, axis=1),
            self.held.take(at, axis=1),
            self.doubtful.take(at),
        )


def joined(parts: Sequence[Partials]) -> Partials:
    """All parts after one another."""
    if len(parts) == 1:
        return parts[0]
    return Partials(
        np.concatenate([part.interval for part in parts]),
        np.concatenate([part.signal for part in parts]),
        np.concatenate([part.n for part in parts]),
        np.concatenate([part.times for part in parts], axis=1),
        np.concatenate([part.floats for part in parts], axis=1),
        np.concatenate([part.held for part in parts], axis=1),
        np.concatenate([part.doubtful for part in parts]),
    )


def merged(parts: Sequence[Partials], bands: Floats) -> Partials:
    """One group for each interval and signal.

    Parts of one group must not overlap in time, but may come in any order.
    """
    every = joined(parts)
    if len(every) < 2:
        return every
    every = every.taken(np.lexsort((every.times[0], every.signal, every.interval)))
    new = np.r_[
        True,
        (every.interval[1:] != every.interval[:-1]) | (every.signal[1:] != every.signal[:-1]),
    ]
    if new.all():
        return every
    heads = np.flatnonzero(new)
    kernel.fold(
        np.append(heads, len(every)), every.n, every.times, every.floats, every.held, every.doubtful, bands
    )
    return every.taken(heads)
