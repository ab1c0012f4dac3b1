"""Token buckets: how often somebody may ask, in bursts and in the long run."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable


class TokenBuckets:
    """A bucket of tokens for each key; every request takes one, and they come back at a steady rate.

    The buckets live in this process: several servers of one plant each have their own. The ones that were
    used least lately are forgotten first, and a forgotten bucket is full again.

    Parameters
    ----------
    burst
        How many tokens a bucket holds.
    per_minute
        How many come back in a minute.
    most
        How many buckets are kept.
    clock
        Seconds that only grow.
    """

    def __init__(
        self,
        burst: int,
        per_minute: float,
        *,
        most: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._burst, self._rate, self._most, self._clock = burst, per_minute / 60, most, clock
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: Hashable = None) -> int:
        """Take a token: 0 when there was one, else the whole seconds until there is."""
        with self._lock:
            now = self._clock()
            tokens, since = self._buckets.pop(key, (float(self._burst), now))
            tokens = min(self._burst, tokens + (now - since) * self._rate)
            taken = tokens >= 1
            self._buckets[key] = (tokens - 1 if taken else tokens, now)
            while len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        return 0 if taken else max(1, math.ceil((1 - tokens) / self._rate))
